"""What is told of formats before anything is resolved or built."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sealift import plugins
from sealift.errors import ConfigError, RefusedError, SealiftError
from sealift.pipeline import Request, _groups, make_artifacts, targets_of
from sealift.preflight import format_problems, require_formats, require_no_problem
from sealift.project import Project, load_project
from sealift.target import parse_target
from tests.support.entries import an_image

PYPROJECT = """
[project]
name = "demo"
version = "2026.11.29"
dependencies = ["no-such-distribution-anywhere"]
[tool.sealift.app]
icon = "icon.png"
title = "De:mo"
[tool.sealift.dmg]
background = "pictures/behind.png"
[tool.sealift.pkg]
installs = "command"
"""
JPEG = b"\xff\xd8\xff"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    (tmp_path / "icon.png").write_bytes(JPEG)
    return tmp_path


def asked(folder: Path, *formats: str, targets: tuple[str, ...], **more: Any) -> Project:
    overrides = {"formats": formats, "targets": targets, **more}
    return load_project(str(folder), overrides=overrides)


def problems(project: Project) -> list[SealiftError]:
    return format_problems(project, targets_of(project.settings))


def test_each_problem_is_told_once_for_all_formats_and_targets(folder: Path) -> None:
    macs = ("macos-arm64", "macos-x86_64", "windows-x86_64", "linux-x86_64")
    project = asked(folder, "bundle", "dmg", "onefile", targets=macs)
    told = [problem.message for problem in problems(project)]
    assert len(told) == 2
    assert "cannot call an application for macOS 'De:mo': it has ':' in it" in told
    assert f"cannot use the icon {folder / 'icon.png'}: it is a JPEG" in told
    with pytest.raises(ConfigError, match="cannot make what was asked") as caught:
        require_no_problem(project, targets_of(project.settings))
    assert [line.partition(" (")[0] for line in caught.value.details] == told


def test_what_is_not_asked_for_is_not_told(folder: Path) -> None:
    assert problems(asked(folder, "onefile", "tar", targets=("linux-x86_64", "macos-arm64"))) == []
    for form, target in (("pyz", "windows-x86_64"), ("pkg", "macos-arm64")):
        text = PYPROJECT.replace('title = "De:mo"\n', "")
        (folder / "pyproject.toml").write_text(text)
        project = asked(folder, form, targets=(target,))
        require_no_problem(project, targets_of(project.settings))


def test_one_problem_is_told_as_it_is(folder: Path) -> None:
    project = asked(folder, "zip", targets=("windows-x86_64",))
    with pytest.raises(ConfigError, match="it is a JPEG") as caught:
        require_no_problem(project, targets_of(project.settings))
    assert str(caught.value.hint).startswith("give a square PNG")


@pytest.mark.parametrize(
    ("settings", "form", "message"),
    [
        ("", "msi", "Windows Installer counts to 255.255.65535"),
        ('[tool.sealift.msi]\nversion = "1"\n', "msi", "two or three numbers"),
        ("", "dmg", "pictures/behind.png: No such file"),
    ],
)
def test_options_of_a_format(folder: Path, settings: str, form: str, message: str) -> None:
    text = PYPROJECT.replace('icon = "icon.png"\ntitle = "De:mo"\n', "") + settings
    (folder / "pyproject.toml").write_text(text)
    target = "macos-arm64" if form == "dmg" else "windows-x86_64"
    (problem,) = problems(asked(folder, form, targets=(target,)))
    assert message in problem.message


def test_formats_are_made_for_the_targets_that_have_them(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    desktops = ("linux-x86_64", "windows-x86_64", "macos-arm64")
    project = asked(folder, "tar", "msi", "dmg", targets=desktops)
    require_formats(project, targets_of(project.settings))
    told = capsys.readouterr().err
    assert "no msi for linux-x86_64: MSI is for Windows only" in told
    assert told.count("no dmg for ") == 2


@pytest.mark.parametrize(
    ("formats", "targets", "refused"),
    [
        (("dmg", "zip"), ("linux-x86_64", "windows-x86_64"), ["dmg for linux", "dmg for windows"]),
        (("msi", "nsis"), ("macos-arm64", "windows-x86_64"), ["msi for macos", "nsis for macos"]),
    ],
)
def test_a_format_for_no_target_and_a_target_without_format_are_refused(
    folder: Path, formats: tuple[str, ...], targets: tuple[str, ...], refused: list[str]
) -> None:
    project = asked(folder, *formats, targets=targets)
    with pytest.raises(RefusedError) as caught:
        require_formats(project, targets_of(project.settings))
    assert [line.partition("-")[0] for line in caught.value.details] == refused


def test_artifacts_are_of_the_images_that_their_format_takes(tmp_path: Path) -> None:
    targets = ("linux-x86_64", "windows-x86_64", "macos-arm64")
    _, windows, mac = images = [an_image(tmp_path, {}, target=parse_target(t)) for t in targets]
    for name, expected in (
        ("dmg", [([mac], tmp_path / "macos-arm64")]),
        ("zip", [([image], tmp_path / str(image.target)) for image in images]),
        ("pyz", [(images, tmp_path)]),
    ):
        assert _groups(plugins.load("formats", name), images, tmp_path) == expected
    assert _groups(plugins.load("formats", "msi"), [windows], tmp_path) == [([windows], tmp_path)]


def test_a_build_tells_before_it_resolves(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_INDEX_URL", "http://127.0.0.1:9/")  # asking it would be another error
    wanted: tuple[dict[str, Any], ...] = (
        {"formats": ("zip",), "targets": ("windows-x86_64",)},
        {"formats": ("dmg", "zip"), "targets": ("linux-x86_64",)},
    )
    for overrides, error in zip(wanted, (ConfigError, RefusedError), strict=True):
        request = Request(given=str(folder), overrides=overrides)
        with pytest.raises(error):
            make_artifacts(request, folder / "dist")
    assert not (folder / "dist").exists()


def test_a_picture_is_found_wherever_the_settings_go(folder: Path) -> None:
    settings = asked(folder, "dmg", targets=("macos-arm64",)).settings
    assert settings.formats["dmg"] == {"background": str(folder / "pictures" / "behind.png")}
    assert settings.formats["pkg"] == {"installs": "command"}
    moved = replace(settings, source="elsewhere/image-macos-arm64.json")  # as an export has it
    found = moved.format("dmg", plugins.load("formats", "dmg").options)
    assert found.background == str(folder / "pictures" / "behind.png")
