"""The events of ``--json`` are those that the reference lists."""

import ast
import inspect

from sealift import console
from sealift.events import EVENTS


def printed() -> dict[str, set[str]]:
    """Events by name, with their fields, as the source of the console writes them."""
    found: dict[str, set[str]] = {}
    for node in ast.walk(ast.parse(inspect.getsource(console))):
        match node:
            case ast.Call(
                func=ast.Name(id="event"), args=[ast.Constant(value=str(name))], keywords=words
            ):
                assert found.setdefault(name, {str(word.arg) for word in words}) == {
                    str(word.arg) for word in words
                }, f"{name} has other fields elsewhere"
    return found


def test_every_event_is_described_with_its_fields() -> None:
    assert printed() == {name: set(event.fields) for name, event in EVENTS.items()}
