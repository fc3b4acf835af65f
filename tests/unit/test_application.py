"""What a desktop calls the product, and who signs it."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from sealift import jsonform
from sealift.application import Application, application_of, check_application
from sealift.config import Settings, SigningOptions, read_settings
from sealift.errors import ConfigError
from sealift.signing import identity_of
from sealift.wheel import WheelFile, make_wheel, read_wheel


def settings(tmp_path: Path, **tables: Any) -> Settings:
    source = str(tmp_path / "pyproject.toml")
    return read_settings(tables, source=source, targets=(), formats=())


@pytest.fixture
def wheel(tmp_path: Path) -> WheelFile:
    made = make_wheel("demo-app", "1.0", {"demo.py": b""}, out=tmp_path)
    return dataclasses.replace(
        read_wheel(made), author="Ada", homepage="https://example.org/demo", license="MIT"
    )


def test_without_a_table_the_wheel_tells(tmp_path: Path, wheel: WheelFile) -> None:
    found = application_of(settings(tmp_path), wheel, "Demo")
    assert (found.title, found.publisher, found.license) == ("Demo", "Ada", "MIT")
    assert found.identifier == "org.example.demo"
    assert jsonform.load(Application, jsonform.dump(found), where="here") == found


def test_the_table_wins_and_its_pictures_are_beside_it(tmp_path: Path, wheel: WheelFile) -> None:
    (tmp_path / "a.png").write_bytes(b"picture")
    told = settings(
        tmp_path,
        app={"title": "The Demo", "identifier": "net.demo", "publisher": "B", "icon": "a.png"},
        document={"note": {"extensions": ["note", "n.txt"], "icon": "a.png"}},
    )
    found = application_of(told, wheel, "Demo")
    assert (found.title, found.identifier, found.publisher) == ("The Demo", "net.demo", "B")
    (document,) = found.documents
    assert document.title == "note"
    assert document.icon == found.icon == tmp_path / "a.png"


def test_another_picture_is_another_product(tmp_path: Path, wheel: WheelFile) -> None:
    picture = tmp_path / "a.png"
    facts = []
    for content in (b"one", b"other"):
        picture.write_bytes(content)
        found = application_of(settings(tmp_path, app={"icon": "a.png"}), wheel, "Demo")
        facts.append(list(found.facts()))
    assert facts[0] != facts[1]


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"app": {"identifier": "demo"}}, "must be in reverse DNS"),
        ({"app": {"identifier": "org.exa mple"}}, "must be in reverse DNS"),
        ({"app": {"title": "two\nlines"}}, "must be one line"),
        ({"app": {"icon": "none.png"}}, "where no file is"),
        ({"document": {"a note": {}}}, "which is no name of a kind"),
        ({"document": {"a\\b": {"extensions": ["note"]}}}, "which is no name of a kind"),
        ({"document": {"note": {"title": "two\nlines"}}}, "must be one line"),
        ({"document": {"note": {"extensions": ["a b"]}}}, "'a b', which is no extension"),
        ({"document": {"note": {"extensions": [".note"]}}}, "which is no extension"),
    ],
)
def test_what_cannot_be_is_told(tmp_path: Path, tables: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_application(settings(tmp_path, **tables))


def test_only_systems_that_ask_for_signatures_have_them(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has no key 'linux'"):
        settings(tmp_path, signing={"linux": {}})
    told = settings(tmp_path, signing={"macos": {"certificate": "a.p12", "key": "pkcs11:id=1"}})
    assert told.signing["macos"].certificate == str(tmp_path / "a.p12")
    assert told.signing["macos"].key == "pkcs11:id=1"


def test_the_password_comes_from_a_variable_and_is_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = tmp_path / "a.p12"
    told = SigningOptions(certificate=str(certificate), password_variable="DEMO_PASSWORD")  # noqa: S106
    assert identity_of(None, "macos") is None
    assert identity_of(SigningOptions(), "macos") is None
    with pytest.raises(ConfigError, match=r"`tool\.sealift\.signing\.macos\.certificate` names"):
        identity_of(told, "macos")
    certificate.touch()
    monkeypatch.delenv("DEMO_PASSWORD", raising=False)
    with pytest.raises(ConfigError, match="DEMO_PASSWORD"):
        identity_of(told, "macos")
    monkeypatch.setenv("DEMO_PASSWORD", "s3cret")
    found = identity_of(told, "macos")
    assert found is not None
    assert found.password == "s3cret"  # noqa: S105  (made up)
    assert "s3cret" not in repr(found)
