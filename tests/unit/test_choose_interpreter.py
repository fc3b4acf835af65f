"""Which interpreter is taken, in which order, and what is said when there is none."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from sealift import plugins
from sealift.config import Config, Settings, TargetOptions
from sealift.errors import FetchError, InterpreterError, SealiftError
from sealift.interpreter import Interpreter
from sealift.interpreters import candidates
from sealift.interpreters.candidates import fits
from sealift.interpreters.choose import choose, offers
from sealift.interpreters.installation import Installation
from sealift.target import load_targets

TARGET = load_targets()["linux-x86_64"]
BASE = Interpreter(
    provider="", version="", target=TARGET, root=Path("/root"), stdlib="lib/python3", library=None,
    static_library=None, headers=None, program=None, ext_suffix=".so", free_threaded=False,
    floor=(2, 36), key="", reason="it is there",
)  # fmt: skip
Answer = str | SealiftError


class Fake:
    """A provider with one version for each feature, a reason to refuse, or an error."""

    def __init__(self, name: str, answers: Mapping[str, Answer], floor: tuple[int, int]) -> None:
        self.name, self.answers, self.floor = name, answers, floor
        self.asked: list[str] = []

    def refuses(self, python: str, *_: object) -> str | None:
        self.asked.append(python)
        return None if python in self.answers else f"no {python}"

    def find(self, python: str, *_: object) -> Interpreter:
        answer = self.answers[python]
        if isinstance(answer, SealiftError):
            raise answer
        return dataclasses.replace(BASE, provider=self.name, version=answer, floor=self.floor)


Install = Callable[..., dict[str, Fake]]


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Install:
    def put(**answers: Mapping[str, Answer]) -> dict[str, Fake]:
        floors = {"standalone": (2, 17)}
        given = {"local": {}, "standalone": {}, "debian": {}, "wheels": {}, **answers}
        fakes = {n: Fake(n, a, floors.get(n, (2, 36))) for n, a in given.items()}
        monkeypatch.setattr(plugins, "load", lambda _, name: fakes[name])
        monkeypatch.setattr(plugins, "names", lambda _: tuple(fakes))
        here = sorted((answers.get("local") or {}).keys(), reverse=True)
        monkeypatch.setattr(candidates, "features", lambda: iter(here))
        found = Installation(
            program=Path("/p"), version="", implementation="", prefix="", exec_prefix="",
            stdlib=Path(), builtins=(), variables={},
        )  # fmt: skip
        monkeypatch.setattr(candidates, "search", lambda *_, **__: candidates.Search(found, "", ()))
        return fakes

    return put


def test_the_machine_s_own_comes_first(install: Install) -> None:
    fakes = install(local={"3.13": "3.13.0"}, standalone={"3.13": "3.13.9"})
    found = choose("3.13", "", TARGET, Settings())
    assert (found.provider, found.version, found.reason) == ("local", "3.13.0", "it is there")
    assert fakes["standalone"].asked == []


def test_the_reason_for_the_second_choice_is_told(install: Install) -> None:
    install(local={}, standalone={"3.13": "3.13.9"})
    assert choose("3.13", "", TARGET, Settings()).reason == "it is there; local: no 3.13"


def test_a_floor_below_the_machine_s_goes_to_standalone(install: Install) -> None:
    install(local={"3.13": "3.13.0"}, standalone={"3.13": "3.13.9"})
    found = choose("3.13", "", TARGET.with_floor("2.28"), Settings())
    assert found.provider == "standalone"
    assert "local: its 3.13.0 needs glibc 2.36, the floor is to be 2.28" in found.reason


def test_a_configured_archive_comes_before_all(install: Install) -> None:
    install(local={"3.13": "3.13.0"}, archive={"3.13": "3.13.2"}, standalone={})
    settings = Settings(targets={"linux-x86_64": TargetOptions(archive="a.tar.gz")})
    assert choose("3.13", "", TARGET, settings).provider == "archive"
    assert choose("3.13", "", TARGET, Settings()).provider == "local"


def test_the_newest_allowed_version_of_this_machine_is_preferred(install: Install) -> None:
    install(local={"3.12": "3.12.1", "3.11": "3.11.7"}, standalone={"3.15": "3.15.1"})
    assert choose(None, "", TARGET, Settings()).version == "3.12.1"
    assert choose(None, "<3.12", TARGET, Settings()).version == "3.11.7"
    assert choose(None, ">=3.14", TARGET, Settings()).version == "3.15.1"
    assert choose(None, ">=3.12.1,!=3.12.0", TARGET, Settings()).version == "3.12.1"


def test_a_pre_release_is_for_those_who_ask(install: Install) -> None:
    install(local={"3.13": "3.13.0rc1", "3.12": "3.12.1"}, standalone={})
    assert choose(None, "", TARGET, Settings()).version == "3.12.1"
    assert choose("3.13", "", TARGET, Settings()).version == "3.13.0rc1"


def test_a_version_the_project_excludes_is_refused_before_anyone_is_asked(install: Install) -> None:
    fakes = install(local={"3.11": "3.11.7"}, standalone={"3.11": "3.11.9"})
    with pytest.raises(InterpreterError, match=r"asks for Python >=3\.12"):
        choose("3.11", ">=3.12", TARGET, Settings())
    assert fakes["local"].asked == []


def test_every_provider_s_reason_is_given(install: Install) -> None:
    install(local={}, standalone={"3.13": FetchError("cannot download it: offline")})
    with pytest.raises(InterpreterError) as caught:
        choose("3.13", "", TARGET, Settings())
    assert caught.value.details == (
        "local: no 3.13",
        "standalone: cannot download it: offline",
        "debian: no 3.13",
    )


def test_a_network_that_is_down_is_asked_once(install: Install) -> None:
    offline = FetchError("offline")
    fakes = install(local={}, standalone={f"3.{minor}": offline for minor in range(11, 16)})
    with pytest.raises(InterpreterError):
        choose(None, "", TARGET, Settings())
    assert len(fakes["standalone"].asked) == 1


def test_for_another_machine_debian_stands_in_for_standalone_and_the_reason_is_told(
    install: Install,
) -> None:
    offline = FetchError("cannot download it: offline")
    fakes = install(
        local={"3.13": "3.13.0"}, standalone={"3.13": offline}, debian={"3.13": "3.13.5"}
    )
    elsewhere = load_targets()["linux-aarch64"]
    found = choose("3.13", "", elsewhere, Settings())
    assert (found.provider, found.version) == ("debian", "3.13.5")
    assert found.reason == "it is there; standalone: cannot download it: offline"
    assert fakes["local"].asked == []
    fakes["standalone"].answers = {"3.13": "3.13.9"}
    assert choose("3.13", "", elsewhere, Settings()).provider == "standalone"


def test_what_there_is_is_listed_by_provider(install: Install) -> None:
    answers = {"3.11": "3.11.2", "3.13": "3.13.5"}
    install(local={"3.13": "3.13.0"}, standalone={}, debian=answers)
    assert offers(Settings(), TARGET) == {"local": ("3.13",), "debian": ("3.13", "3.11")}
    assert offers(Settings(), load_targets()["linux-armv7l"]) == {"debian": ("3.13", "3.11")}


def test_a_host_that_does_not_answer_is_not_waited_for_again(install: Install) -> None:
    offline = FetchError("cannot download aarch64.tar.gz: nothing answers")
    offline.__cause__ = TimeoutError()
    absent = FetchError("cannot download it: the server answered 404")
    fakes = install(standalone={"3.13": offline}, debian={"3.13": absent})
    silent: dict[str, str] = {}
    for name, told in (
        ("linux-aarch64", "cannot download aarch64.tar.gz: nothing answers"),
        ("linux-i686", "not asked again: nothing answers"),
    ):
        with pytest.raises(InterpreterError) as caught:
            choose("3.13", "", load_targets()[name], Settings(), silent=silent)
        assert caught.value.details == (
            f"standalone: {told}",
            "debian: cannot download it: the server answered 404",
        )
    assert len(fakes["standalone"].asked) == 1
    assert len(fakes["debian"].asked) == 2
    assert silent == {"standalone": "nothing answers"}


def test_a_named_provider_s_failure_is_its_own(install: Install) -> None:
    install(local={"3.13": "3.13.0"}, standalone={"3.13": FetchError("offline")})
    settings = Settings(config=Config(interpreter="standalone"))
    with pytest.raises(FetchError, match="offline"):
        choose("3.13", "", TARGET, settings)


def test_versions_are_matched_by_feature_or_in_full() -> None:
    assert fits("3.13.1", "3.13")
    assert fits("3.13.1", "3.13.1")
    assert not fits("3.13.10", "3.13.1")
    assert not fits("3.1.3", "3.13")
    assert not fits("3.13.1", "3.13t")
    assert fits("3.13.1", "3.13t", free_threaded=True)
    assert not fits("3.13.1", "3.13", free_threaded=True)


def test_each_system_has_its_providers(install: Install) -> None:
    install(
        standalone={"3.13": FetchError("nothing answers")},
        debian={"3.13": "3.13.5"},
        wheels={"3.13": "3.13.11"},
    )
    for name in ("windows-x86_64", "macos-universal2"):
        found = choose("3.13", "", load_targets()[name], Settings())
        assert (found.provider, found.version) == ("wheels", "3.13.11")
        assert found.reason == "it is there; standalone: nothing answers"
    found = choose("3.13", "", load_targets()["linux-aarch64"], Settings())
    assert found.provider == "debian"
