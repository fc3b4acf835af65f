"""What every format must do before anything is built."""

from pathlib import Path
from typing import Any

import pytest

from sealift import plugins
from sealift.errors import ConfigError, OutputError, SealiftError, ToolError
from sealift.project import Project, load_project
from sealift.target import Target, load_targets
from tests.support.tools import missing

Format = plugins.Format[Any]
PYPROJECT = '[project]\nname = "demo"\nversion = "1.0"\n'
ICON = '[tool.sealift.app]\nicon = "icon.png"\n'
CERTIFICATE = '[tool.sealift.signing.{}]\ncertificate = "signer.pem"\n'


@pytest.fixture(params=plugins.names("formats"))
def form(request: pytest.FixtureRequest) -> Format:
    found: Format = plugins.load("formats", request.param)
    assert found.name == request.param
    return found


def targets_of(form: Format, *systems: str) -> list[Target]:
    """Those it can be made for; of ``systems`` where some are named."""
    targets = (target for target in load_targets().values() if form.refuses(target) is None)
    return [target for target in targets if not systems or target.os in systems]


def project(folder: Path, settings: str = "", **overrides: Any) -> Project:
    (folder / "pyproject.toml").write_text(PYPROJECT + settings)
    return load_project(str(folder), overrides=overrides)


def check(form: Format, told: Project, target: Target) -> None:
    form.check(told, told.settings.format(form.name, form.options), target)


def test_it_keeps_the_protocol(form: Format) -> None:
    assert isinstance(form, plugins.Format)


def test_it_refuses_with_a_reason(form: Format) -> None:
    reasons = [form.refuses(target) for target in load_targets().values()]
    assert None in reasons
    # A refusal is the end of a sentence that begins "cannot …:".
    assert all(reason is None or (reason and not reason.endswith(".")) for reason in reasons)


def test_a_plain_project_has_nothing_amiss(form: Format, tmp_path: Path) -> None:
    told = project(tmp_path)
    for target in targets_of(form):
        try:
            check(form, told, target)
        except ToolError as problem:
            missing(problem.message)


@pytest.mark.parametrize("system", ["windows", "macos"])
def test_a_certificate_that_cannot_sign_is_told(form: Format, tmp_path: Path, system: str) -> None:
    if not form.ships_interpreter:
        return  # nothing of it is signed
    told = project(tmp_path, CERTIFICATE.format(system))
    for target in targets_of(form, system):
        with pytest.raises(ConfigError, match=r"signer\.pem, where no file is"):
            check(form, told, target)
        (tmp_path / "signer.pem").write_text("none")
        with pytest.raises(ConfigError, match="it is neither PEM nor PKCS#12"):
            check(form, told, target)
        (tmp_path / "signer.pem").unlink()


def test_a_name_that_a_system_does_not_allow_is_told(form: Format, tmp_path: Path) -> None:
    told = project(tmp_path, name="COM1")
    for target in targets_of(form, "windows"):
        with pytest.raises(OutputError, match="keeps the name 'COM1' for a device"):
            check(form, told, target)


def test_a_picture_that_is_no_icon_is_told_where_it_is_shown(form: Format, tmp_path: Path) -> None:
    (tmp_path / "icon.png").write_bytes(b"\xff\xd8\xff")
    told = project(tmp_path, ICON)
    for target in targets_of(form):
        try:
            check(form, told, target)
        except SealiftError as problem:
            assert "icon.png: it is a JPEG" in problem.message  # noqa: PT017
            is_told = True
        else:
            is_told = False
        # A program for macOS has no icon of its own, only an application has.
        is_application = targets_of(form) == targets_of(form, "macos")
        assert is_told == (form.ships_interpreter and (target.is_windows or is_application))


def test_keys_that_it_does_not_have_are_told(form: Format, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=rf"`tool\.sealift\.{form.name}` has no key 'kolour'"):
        project(tmp_path, f'[tool.sealift.{form.name}]\nkolour = "red"\n')
