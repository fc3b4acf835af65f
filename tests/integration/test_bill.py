"""An image carries its bill of materials: Python, distributions, libraries of this machine."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from sealift import parts
from sealift.image import Kind
from sealift.interpreter import Interpreter
from sealift.staging import BILL, CERTIFICATES
from tests.support.native_wheels import TAG, c_library, c_module
from tests.support.products import as_wheel, local_interpreter, make_image, wheel_of


@pytest.fixture(scope="module")
def interpreter() -> Interpreter:
    return local_interpreter("3.13")


def by_name(document: Mapping[str, Any]) -> dict[str, Any]:
    return {part["name"]: part for part in document["components"]}


def places(part: Mapping[str, Any]) -> list[str]:
    return [found["location"] for found in part["evidence"]["occurrences"]]


def test_an_image_lists_what_is_in_it(tmp_path: Path, interpreter: Interpreter) -> None:
    project = wheel_of("our-app", {"our_app.py": b"def main(): pass\n"}, tmp_path)
    other = wheel_of("other", {"other.py": b""}, tmp_path)
    image = make_image(interpreter, [project, other], "our_app:main")
    files = {entry.path: entry for entry in image.entries}
    text = files[BILL].source.read_text(encoding="utf-8")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    document = json.loads(text)
    assert document["metadata"]["component"]["type"] == "application"
    assert document["metadata"]["component"]["name"] == "our-app"
    listed = by_name(document)
    assert "our-app" not in listed
    assert listed["cpython"]["version"] == interpreter.version
    assert listed["other"]["purl"] == "pkg:pypi/other@1.2.3"
    assert listed["other"]["hashes"][0]["content"] == hashlib.sha256(other.read_bytes()).hexdigest()
    assert places(listed["certifi"]) == [f"lib/{CERTIFICATES}"]
    found = [part for name, part in listed.items() if "evidence" in part and name != "certifi"]
    shipped = {place: part["hashes"][0]["content"] for part in found for place in places(part)}
    native = {path: entry.sha256 for path, entry in files.items() if entry.kind is Kind.NATIVE}
    assert shipped.items() <= native.items()
    assert any(path.startswith("lib/lib") for path in shipped)
    assert len(document["dependencies"][0]["dependsOn"]) == len(document["components"])


def test_libraries_that_a_built_wheel_asks_for_are_listed(
    tmp_path: Path, interpreter: Interpreter
) -> None:
    own = c_library(tmp_path / "lib", "libown.so.1", "int own(void) { return 42; }")
    module = c_module(tmp_path, "ext", "own()", declarations="int own(void);", links=[own])
    path = wheel_of("pkg", {module.name: module}, tmp_path, tag=TAG)
    wheel = dataclasses.replace(as_wheel(path), built=True)
    part = parts.wheel_part(wheel, interpreter, real=False)
    python = parts.interpreter_part(interpreter, [part], everything=False, real=False)
    *_, grafts = parts.grafted([part], python, frozenset({"pkg"}), interpreter.target)
    (library,) = grafts.components
    assert (library.name, library.files) == ("libown.so.1", ("lib/libown.so.1",))
    assert [entry.sha256 for entry in grafts.entries] == [library.sha256]
    assert part.components[0].sha256 is None, "nobody else has a wheel that was built here"
