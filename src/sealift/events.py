"""What ``--json`` prints: every event with its fields, as the reference page lists them."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Event:
    """When an event is printed, and what each of its fields means."""

    when: str
    fields: Mapping[str, str]


_STEP = {"step": "what is done, as people read it"}
_SECONDS = {"seconds": "how long it took"}
_TEXT = {"text": "a sentence"}

EVENTS: Mapping[str, Event] = {
    "start": Event("a step begins", _STEP),
    "done": Event(
        "the step has ended well", {**_STEP, "outcome": "what came of it, or empty", **_SECONDS}
    ),
    "failed": Event("the step has failed; an `error` follows", {**_STEP, **_SECONDS}),
    "note": Event("something worth knowing", _TEXT),
    "detail": Event("more of it, with `--verbose`", _TEXT),
    "warning": Event("something works but may surprise", _TEXT),
    "result": Event("what was asked for", {"value": "see below"}),
    "error": Event(
        "the command has failed, or the command line is wrong",
        {
            "message": "what could not be done, to which thing, and why",
            "details": "a list of further lines",
            "hint": "what to do, or `null`",
            "log": "the path of a full log, or `null`",
            "exit_status": "as below",
        },
    ),
    "interrupted": Event("the user stopped it", {}),
}
