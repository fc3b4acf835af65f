"""What is told of formats before anything is resolved or built."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sealift import plugins
from sealift.errors import ConfigError, RefusedError, SealiftError
from sealift.pipeline import Request, make_artifacts, targets_of
from sealift.preflight import format_problems, require_no_problem
from sealift.project import Project, load_project

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
