"""The smaller commands, as a user calls them."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from sealift.config import Config, read_settings
from sealift.events import EVENTS
from tests.support.command import demo_project, sealift
from tests.support.tools import require_tool


def test_help_teaches_with_examples(tmp_path: Path) -> None:
    outcome = sealift("--help", cwd=tmp_path)
    assert outcome.status == 0
    assert "sealift build httpie" in outcome.out
    assert "..." not in outcome.out.partition("Commands:")[2].partition("Examples:")[0]


@pytest.mark.parametrize(
    "command", ["build", "plan", "collect", "stage", "export", "lock", "init", "bench", "cache"]
)
def test_every_command_has_help(tmp_path: Path, command: str) -> None:
    outcome = sealift(command, "--help", cwd=tmp_path)
    assert outcome.status == 0
    assert "Usage: sealift" in outcome.out


def test_init_writes_defaults_that_change_nothing(tmp_path: Path) -> None:
    demo_project(tmp_path)
    before = (tmp_path / "pyproject.toml").read_text()
    assert sealift("init", cwd=tmp_path).status == 0
    text = (tmp_path / "pyproject.toml").read_text()
    assert text.startswith(before.rstrip())
    table = tomllib.loads(text)["tool"]["sealift"]
    assert table == {}
    assert read_settings(table, source="x", targets=(), formats=()).config == Config()
    assert "# materialize = []" in text


def test_what_init_writes_is_valid_when_uncommented(tmp_path: Path) -> None:
    demo_project(tmp_path)
    assert sealift("init", cwd=tmp_path).status == 0
    text = (tmp_path / "pyproject.toml").read_text()
    keys = [line.removeprefix("# ") for line in text.splitlines() if line.startswith("# ")]
    lines = [line for line in keys if " = " in line or line.startswith("[")]
    (tmp_path / "pyproject.toml").write_text(
        text.partition("[tool.sealift]")[0] + "[tool.sealift]\n"
        + "\n".join(line for line in lines if not line.endswith('= ""'))
    )  # fmt: skip
    outcome = sealift("plan", cwd=tmp_path)
    assert outcome.status == 0, outcome.err


def test_init_refuses_a_second_table(tmp_path: Path) -> None:
    demo_project(tmp_path)
    sealift("init", cwd=tmp_path)
    outcome = sealift("init", cwd=tmp_path)
    assert outcome.status == 3
    assert "already" in outcome.err


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"[]"])
def test_files_that_cannot_be_read_are_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "image.json").write_bytes(content)
    (tmp_path / "pyproject.toml").write_bytes(b"\xff" + content)
    for command in (("export", "image.json"), ("init",)):
        outcome = sealift(*command, cwd=tmp_path)
        assert outcome.status in {1, 3, 4}
        assert outcome.err.startswith("error: ")
        assert "Traceback" not in outcome.err


@pytest.mark.parametrize(
    "options",
    [
        ("--name", "../elsewhere"),
        ("--name", ".."),
        ("--format", "onefil"),
        ("--target", "linux-x86"),
        ("--python", "abc"),
        ("--python", "3"),
        ("--python", "/usr/bin/python3"),
        ("--python", "2.7"),
    ],
)
def test_names_that_cannot_be_are_refused_first(tmp_path: Path, options: tuple[str, str]) -> None:
    outcome = sealift("build", demo_project(tmp_path / "p"), *options, "--json", cwd=tmp_path)
    assert outcome.status == 3
    assert options[1] in outcome.events[-1]["message"]
    assert [event["event"] for event in outcome.events] == ["error"]
    assert [path.name for path in tmp_path.iterdir()] == ["p"]


def test_a_version_that_cannot_be_is_refused_in_the_settings_too(tmp_path: Path) -> None:
    project = demo_project(tmp_path)
    with (project / "pyproject.toml").open("a") as file:
        file.write('[tool.sealift]\npython = "snake"\n')
    outcome = sealift("plan", cwd=project)
    assert outcome.status == 3
    assert "cannot ship Python 'snake': it is not a version" in outcome.err


def test_events_are_those_of_the_reference(tmp_path: Path) -> None:
    project = demo_project(tmp_path / "p")
    commands = (
        ("lock", project, "--out", "pylock.toml"),
        ("plan", project, "--verbose"),
        ("stage", project),
        ("init", project),
        ("init", project),  # refused
        ("plan", "./gone"),
        ("cache",),
        ("targets",),
    )
    for command in commands:
        outcome = sealift(*command, "--json", cwd=tmp_path)
        for event in outcome.events:
            name = event.pop("event")
            assert set(event) == set(EVENTS[name].fields), command
        names = [event["event"] for event in outcome.events]
        if outcome.status:
            assert names[-1] == "error"
            assert outcome.events[-1]["exit_status"] == outcome.status
            assert "result" not in names
        else:
            assert names.count("result") == 1
        assert outcome.err == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("build", "--json", "--taget", "x"), "No such option '--taget'"),
        (("--json", "build", "a", "b"), "unexpected extra argument"),
        (("buld", "--json"), "No such command 'buld'"),
        (("bench", "--json"), "Missing argument"),
    ],
)
def test_a_wrong_command_line_is_json_where_json_is_asked_for(
    tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    outcome = sealift(*arguments, cwd=tmp_path)
    (event,) = outcome.events
    assert (event["event"], event["exit_status"], outcome.status) == ("error", 2, 2)
    assert message in event["message"]
    assert "--help" in event["hint"]
    assert outcome.err == ""


def test_what_follows_two_dashes_is_not_ours(tmp_path: Path) -> None:
    outcome = sealift("bench", "--nope", "--", "--json", cwd=tmp_path)
    assert (outcome.status, outcome.out) == (2, "")
    assert "--nope" in outcome.err


def test_output_options_work_before_the_command_as_well(tmp_path: Path) -> None:
    assert sealift("--json", "cache", cwd=tmp_path).result["path"]
    assert "✓" not in sealift("--quiet", "plan", demo_project(tmp_path), cwd=tmp_path).err


def test_a_name_to_materialize_that_nothing_has_is_told(tmp_path: Path) -> None:
    project = demo_project(tmp_path / "p")
    outcome = sealift(
        "collect", project, "--materialize", "Demo", "--materialize", "demo", cwd=tmp_path
    )
    assert outcome.status == 0, outcome.err
    assert "nothing called 'Demo' is shipped" in outcome.err
    assert "did you mean 'demo'?" in outcome.err
    assert "nothing called 'demo'" not in outcome.err


def test_an_extra_that_only_the_wheel_knows_is_refused_when_it_is_there(tmp_path: Path) -> None:
    project = demo_project(
        tmp_path / "p",
        more='dynamic = ["optional-dependencies"]\n[project.scripts]\ndemo = "demo:main"',
    )
    lock = 'lock-version = "1.0"\ncreated-by = "x"\npackages = []\n'
    (project / "pylock.toml").write_text(lock)
    outcome = sealift("collect", f"{project}[nope]", cwd=tmp_path)
    assert outcome.status == 3
    assert "cannot ship extra 'nope' of demo" in outcome.err
    assert not (tmp_path / "dist").exists()


def test_groups_are_refused_where_there_are_none(tmp_path: Path) -> None:
    outcome = sealift("plan", "click==8.1.8", "--group", "dev", "--json", cwd=tmp_path)
    assert outcome.status == 3
    assert "groups of a requirement" in outcome.events[-1]["message"]


def test_targets_gives_every_refusal_its_reason(tmp_path: Path) -> None:
    table = sealift("targets", "--json", cwd=tmp_path).result
    assert table["linux-x86_64"]["formats"]["onefile"] is None
    assert table["windows-x86_64"]["formats"]["pyz"] is None
    assert table["windows-x86_64"]["formats"]["onefile"] is None
    assert "launcher" in table["windows-x86"]["formats"]["onefile"]
    require_tool("gpgv")
    assert table["linux-riscv64"]["pythons"] == {"debian": ["3.13"]}
    assert table["linux-armv7l-musl"]["pythons"] == {}
    shown = sealift("targets", cwd=tmp_path)
    assert table["windows-x86"]["formats"]["onefile"] in shown.err


def test_build_options_for_a_package_that_is_not_needed_warn(tmp_path: Path) -> None:
    tables = "[tool.sealift.build.demoo]\noptional = ['*']\n[tool.sealift.build.Demo]\n"
    project = demo_project(tmp_path / "p", more=f'scripts.demo = "demo:main"\n{tables}')
    outcome = sealift("plan", project, cwd=tmp_path)
    assert outcome.status == 0, outcome.err
    assert "[tool.sealift.build.demoo] is for nothing that is needed" in " ".join(
        outcome.err.split()
    )
    assert " ".join(outcome.err.split()).count("is for nothing") == 1
    assert "did you mean 'demo'?" in " ".join(outcome.err.split())


def test_doctor_finds_what_is_needed(tmp_path: Path) -> None:
    outcome = sealift("doctor", "--json", cwd=tmp_path)
    assert outcome.status == 0, outcome.out
    assert {check["name"] for check in outcome.result} >= {"uv", "patchelf", "cache", "machine"}
    assert {"zig, for other machines", "GNU toolchains for other machines"} <= {
        check["name"] for check in outcome.result
    }


def test_doctor_says_how_to_get_what_is_missing(tmp_path: Path) -> None:
    outcome = sealift("doctor", cwd=tmp_path, SEALIFT_CACHE_DIR="/proc/nowhere")
    assert outcome.status == 1
    assert "SEALIFT_CACHE_DIR" in outcome.out


def test_the_cache_is_listed_and_cleared(tmp_path: Path) -> None:
    place = {"SEALIFT_CACHE_DIR": str(tmp_path / "store")}
    assert sealift("plan", demo_project(tmp_path / "p"), cwd=tmp_path, **place).status == 0
    kinds = {
        kind["kind"] for kind in sealift("cache", "--json", cwd=tmp_path, **place).result["kinds"]
    }
    assert "interpreters" in kinds
    freed = sealift("cache", "clear", "interpreters", "--json", cwd=tmp_path, **place)
    assert freed.result["freed"] > 1_000_000
    left = sealift("cache", "--json", cwd=tmp_path, **place).result["kinds"]
    assert "interpreters" not in {kind["kind"] for kind in left}


def test_a_kind_that_the_cache_does_not_hold_is_told(tmp_path: Path) -> None:
    place = {"SEALIFT_CACHE_DIR": str(tmp_path / "store")}
    (tmp_path / "store/build/wheels").mkdir(parents=True)
    outcome = sealift("cache", "clear", "wheel", "--json", cwd=tmp_path, **place)
    assert outcome.status == 0
    (warning,) = (event for event in outcome.events if event["event"] == "warning")
    assert "no 'wheel', only wheels" in warning["text"]
    assert outcome.result == {"freed": 0}
    assert (tmp_path / "store/build/wheels").is_dir()


def test_a_lock_is_written_and_then_honoured(tmp_path: Path) -> None:
    project = demo_project(tmp_path)
    outcome = sealift("lock", cwd=project)
    assert outcome.status == 0, outcome.err
    assert outcome.out == "pylock.toml\n"
    made = tomllib.loads((project / "pylock.toml").read_text())
    assert (made["lock-version"], made["requires-python"]) == ("1.0", ">=3.11")
    assert sealift("plan", cwd=project).status == 0
    assert sealift("lock", "--python", "3.13t", cwd=project).status == 0
    made = tomllib.loads((project / "pylock.toml").read_text())
    assert made["requires-python"] == ">=3.13"


def test_the_lock_takes_no_option_that_means_nothing_to_it(tmp_path: Path) -> None:
    for option in ("--target", "--entry", "--name", "--lock", "--mirror", "--interpreter"):
        outcome = sealift("lock", option, "x", cwd=tmp_path)
        assert (outcome.status, option in outcome.err) == (2, True)


def test_an_output_that_cannot_be_is_told_before_any_work(tmp_path: Path) -> None:
    project = demo_project(tmp_path / "p")
    (tmp_path / "file").write_text("")
    for command, out in (("build", "file/below"), ("lock", "file/pylock.toml")):
        outcome = sealift(command, project, "--out", out, "--json", cwd=tmp_path)
        assert outcome.status == 12
        (event,) = outcome.events
        assert event["message"] == f"cannot write {tmp_path}/file: Not a directory"


def test_a_full_output_is_told_without_a_traceback(tmp_path: Path) -> None:
    script = f"{sys.executable} -m sealift targets > /dev/full"
    done = subprocess.run(
        ["sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 12
    assert "cannot write standard output" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_lock_serves_every_python_the_project_allows(tmp_path: Path) -> None:
    more = 'requires-python = ">=3.9"\n[project.scripts]\ndemo = "demo:main"'
    project = demo_project(tmp_path, more=more)
    assert sealift("lock", cwd=project).status == 0
    assert tomllib.loads((project / "pylock.toml").read_text())["requires-python"] == ">=3.11"


def test_repeated_targets_and_formats_count_once(tmp_path: Path) -> None:
    outcome = sealift(
        "build", demo_project(tmp_path), "-f", "dir", "-f", "dir", "-t", "this", "-t", "this",
        "--json", cwd=tmp_path,
    )  # fmt: skip
    assert [Path(each["path"]).name for each in outcome.result] == ["demo-1.0"]


def test_an_export_keeps_the_settings_it_was_staged_with(tmp_path: Path) -> None:
    more = '[project.scripts]\ndemo = "demo:main"\n[tool.sealift.onefile]\ncompression = "fast"'
    project = demo_project(tmp_path, more=more)
    (artifact,) = sealift("build", project, "--json", cwd=tmp_path).result
    assert sealift("stage", project, "--out", "staged", cwd=tmp_path).status == 0
    (image,) = (tmp_path / "staged").glob("image-*.json")
    outcome = sealift("export", image, "--out", "other", "--json", cwd=tmp_path)
    assert outcome.result[0]["sha256"] == artifact["sha256"]


def test_an_unknown_option_is_a_usage_error(tmp_path: Path) -> None:
    outcome = sealift("build", "--frobnicate", cwd=tmp_path)
    assert outcome.status == 2
    assert "--frobnicate" in outcome.err
