"""The best wheel of a lock for every target, or the reason why there is none."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from packaging.pylock import PackageWheel

from sealift import jsonform
from sealift.config import BuildOptions, Config, PackageOptions, Settings
from sealift.entry import EntryPoint
from sealift.errors import EntryPointError, LockError
from sealift.interpreter import NoInterpreter
from sealift.plan import Action, Choice, Plan, make_plan
from sealift.project import InputKind
from sealift.selection import candidates_of, fit_of, siblings_of
from sealift.target import current_target, parse_target
from tests.support.jobs import SHA256, interpreter, lock, package, plan_for, project

LINUX, ARM, MUSL = "linux-x86_64", "linux-aarch64", "linux-x86_64-musl"
WINDOWS, MAC = "windows-x86_64", "macos-arm64"
FOREIGN = next(name for name in (ARM, LINUX) if name != current_target().name)


def choices(
    locked_text: str, target: str = LINUX, *, floor: str | None = None, version: str = "3.13.2"
) -> dict[str, Choice]:
    plan = plan_for(project(), lock(package("demo", "py3-none-any"), locked_text), target,
                    floor=floor, version=version)  # fmt: skip
    return {choice.name: choice for choice in plan.jobs[0].choices}


def wheel_of(choice: Choice) -> str:
    assert choice.action is Action.TAKE, choice.reason
    assert choice.file is not None
    return choice.file.name.split("-", 2)[2].removesuffix(".whl")


NATIVE = [
    "py3-none-any",
    "cp313-cp313-win_amd64",
    "cp313-cp313-macosx_11_0_arm64",
    "cp313-cp313-musllinux_1_2_x86_64",
    "cp313-cp313-manylinux_2_28_x86_64",
    "cp313-cp313-manylinux_2_17_x86_64.manylinux2014_x86_64",
    "cp313-cp313t-manylinux_2_17_x86_64",
    "cp312-cp312-manylinux_2_17_x86_64",
    "cp311-abi3-manylinux_2_5_x86_64",
    "cp313-cp313-manylinux_2_17_aarch64",
]


@pytest.mark.parametrize(
    ("target", "floor", "version", "expected"),
    [
        (LINUX, None, "3.13.2", "cp313-cp313-manylinux_2_17_x86_64.manylinux2014_x86_64"),
        (LINUX, "2.17", "3.13.2", "cp313-cp313-manylinux_2_17_x86_64.manylinux2014_x86_64"),
        (LINUX, "2.12", "3.13.2", "cp311-abi3-manylinux_2_5_x86_64"),
        (LINUX, None, "3.12.0", "cp312-cp312-manylinux_2_17_x86_64"),
        (LINUX, None, "3.14.0", "cp311-abi3-manylinux_2_5_x86_64"),
        (ARM, None, "3.13.2", "cp313-cp313-manylinux_2_17_aarch64"),
        (ARM, None, "3.12.2", "py3-none-any"),
        (MUSL, None, "3.13.2", "cp313-cp313-musllinux_1_2_x86_64"),
        (WINDOWS, None, "3.13.2", "cp313-cp313-win_amd64"),
        (MAC, None, "3.13.2", "cp313-cp313-macosx_11_0_arm64"),
    ],
)
def test_the_best_wheel_is_taken(
    target: str, floor: str | None, version: str, expected: str
) -> None:
    found = choices(package("native", *NATIVE), target, floor=floor, version=version)
    assert wheel_of(found["native"]) == expected


def test_the_order_in_the_lock_does_not_matter() -> None:
    first = choices(package("native", *NATIVE))
    assert first == choices(package("native", *reversed(NATIVE)))


def test_free_threaded_interpreters_take_their_own(tmp_path: Path) -> None:
    target = parse_target(LINUX)
    plan = make_plan(
        project("native"), lock=lock(package("native", *NATIVE)), targets=[target],
        interpreters={LINUX: interpreter(target, free_threaded=True)}, formats=(),
    )  # fmt: skip
    assert wheel_of(plan.jobs[0].choices[0]) == "cp313-cp313t-manylinux_2_17_x86_64"


@pytest.mark.parametrize(
    ("wheels", "target", "reason"),
    [
        (["cp313-cp313-manylinux_2_28_aarch64"], ARM, "it needs glibc 2.28, the floor is 2.17"),
        (["cp313-cp313-musllinux_1_2_aarch64"], ARM, "it is for linux-aarch64-musl"),
        (["cp312-cp312-manylinux_2_17_aarch64"], ARM, "it is for CPython 3.12, not 3.13"),
        (["cp313-cp313t-manylinux_2_17_aarch64"], ARM, "3.13 free-threaded, not 3.13"),
        (["pp310-pypy310_pp73-manylinux_2_17_aarch64"], ARM, "it is for pp310-pypy310_pp73"),
        (["cp313-cp313-win_amd64"], ARM, "it is for windows-x86_64"),
        (["cp313-cp313-macosx_11_0_arm64"], ARM, "it is for macos-arm64"),
        (["cp313-cp313-pyemscripten_2025_0_wasm32"], ARM, "it is for pyemscripten"),
    ],
)
def test_a_refusal_names_the_nearest_wheel(wheels: list[str], target: str, reason: str) -> None:
    choice = choices(package("native", *wheels), target, floor="2.17")["native"]
    assert choice.action is Action.REFUSE
    assert f"nearest wheel is {wheels[0]}" in choice.reason
    assert reason in choice.reason


def test_the_nearest_is_the_one_with_the_least_wrong() -> None:
    wheels = ["cp313-cp313-win_amd64", "cp312-cp312-manylinux_2_17_aarch64",
              "cp313-cp313-manylinux_2_39_aarch64"]  # fmt: skip
    choice = choices(package("native", *wheels), ARM, floor="2.17")["native"]
    assert "manylinux_2_39_aarch64" in choice.reason


def test_refusals_do_not_stop_one_another() -> None:
    found = choices(
        package("one", "cp39-cp39-win32") + "\n" + package("two", "cp39-cp39-win32"), ARM
    )
    assert found["one"].action is found["two"].action is Action.REFUSE
    assert found["demo"].action is Action.TAKE


def test_sdists_are_built_for_any_machine() -> None:
    text = package("native", "cp313-cp313-win_arm64", sdist=True)
    for target in (current_target().name, FOREIGN):
        choice = choices(text, target)["native"]
        assert choice.action is Action.BUILD
        assert choice.is_native
        assert choice.siblings == ()
        assert choice.file is not None
        assert choice.file.name == "native-1.0.tar.gz"


def test_native_sdists_are_refused_where_nothing_is_known_of_the_target() -> None:
    text = package("native", "cp313-cp313-win_arm64", sdist=True)
    choice = choices(text, "windows-x86")["native"]
    assert choice.action is Action.REFUSE
    assert choice.reason.endswith("native code is not built for windows-x86 here")
    assert choices(package("pure", sdist=True), "windows-x86")["pure"].action is Action.BUILD


def test_what_is_built_across_is_compared_with_wheels_for_the_same_system() -> None:
    names = (
        "cp313-cp313-win_arm64", "cp312-cp312-manylinux_2_17_i686",
        "cp313-cp313-musllinux_1_2_i686", "cp313-cp313-manylinux_2_17_ppc64le",
    )  # fmt: skip
    text = package("native", *names, sdist=True)

    def compared(text: str, target: str) -> list[str]:
        return [file.name.split("-")[-1] for file in choices(text, target)["native"].siblings]

    assert compared(text, FOREIGN) == ["manylinux_2_17_ppc64le.whl", "musllinux_1_2_i686.whl"]
    assert compared(text, "linux-ppc64le") == []  # that one is taken
    text = package("native", *names, "cp313-cp313-musllinux_1_2_s390x", sdist=True)
    assert compared(text, "linux-s390x") == ["musllinux_1_2_s390x.whl"]
    assert compared(text, current_target().name) == []


def test_a_wheel_for_the_same_cpu_is_the_best_to_compare_with() -> None:
    names = [f"native-1.0-cp313-cp313-{tag}.whl" for tag in ("win32", "win_amd64", "win_arm64")]
    wheels = [PackageWheel(name=name, url=f"x/{name}", hashes={"sha256": SHA256}) for name in names]
    interpreter = NoInterpreter(version="3.13.0", reasons=(), program=None)
    fit = fit_of(parse_target("windows-arm64"), interpreter)
    assert [it.name for it in siblings_of(candidates_of(wheels), fit)] == names[2:]


def test_an_sdist_that_may_be_pure_is_built_for_any_machine() -> None:
    assert choices(package("old", sdist=True), FOREIGN)["old"].action is Action.BUILD


def test_a_floor_is_met_by_building() -> None:
    text = package("native", "cp313-cp313-manylinux_2_28_x86_64", sdist=True)
    choice = choices(text, LINUX, floor="2.17")["native"]
    assert choice.action is Action.BUILD
    assert "it needs glibc 2.28, the floor is 2.17" in choice.reason
    assert [file.name for file in choice.siblings]


def test_without_a_python_of_that_version_nothing_is_built() -> None:
    target = current_target()
    plan = make_plan(
        project("old"), lock=lock(package("old", sdist=True)), targets=[target],
        interpreters={target.name: interpreter(target, program=None)}, formats=(),
    )  # fmt: skip
    assert plan.jobs[0].choices[0].action is Action.REFUSE
    assert "needs a Python 3.13 on this machine" in plan.jobs[0].choices[0].reason


def test_markers_are_the_targets() -> None:
    text = package("colorama", "py2.py3-none-any", more="marker = \"sys_platform == 'win32'\"")
    assert "colorama" not in choices(text, LINUX)
    assert "colorama" in choices(text, WINDOWS)


def test_markers_choose_between_versions() -> None:
    old = package("numpy", "cp313-cp313-win_amd64", "py3-none-any", version="1.0",
                  more="marker = \"python_full_version < '3.14'\"")  # fmt: skip
    new = package("numpy", "py3-none-any", version="2.0",
                  more="marker = \"python_full_version >= '3.14'\"")  # fmt: skip
    assert choices(f"{old}\n{new}")["numpy"].version == "1.0"
    assert choices(f"{old}\n{new}", version="3.14.1")["numpy"].version == "2.0"


def test_two_versions_at_once_are_refused() -> None:
    with pytest.raises(LockError, match="it has twice twice there"):
        choices(
            package("twice", "py3-none-any") + "\n" + package("twice", version="2.0", sdist=True)
        )


def test_extras_and_groups_select() -> None:
    head = 'extras = ["web"]\ndependency-groups = ["ops", "main"]\ndefault-groups = ["main"]'
    locked = lock(
        package("demo", "py3-none-any"),
        package("flask", "py3-none-any", more="marker = \"'web' in extras\""),
        package("boto", "py3-none-any", more="marker = \"'ops' in dependency_groups\""),
        package("main", "py3-none-any", more="marker = \"'main' in dependency_groups\""),
        head=head,
    )

    def names(config: Config) -> set[str]:
        plan = plan_for(project(config=config), locked, LINUX)
        return {choice.name for choice in plan.jobs[0].choices}

    assert names(Config()) == {"demo", "main"}
    assert names(Config(extras=("web",))) == {"demo", "main", "flask"}
    assert names(Config(groups=("ops",))) == {"demo", "boto"}


def test_a_package_for_another_python_is_refused() -> None:
    text = package("new", "py3-none-any", more='requires-python = ">=3.14"')
    assert choices(text)["new"].action is Action.REFUSE
    assert "requires Python >=3.14, not 3.13.2" in choices(text)["new"].reason


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        ('requires-python = ">=3.14"', "it is for Python >=3.14, not 3.13.2"),
        ("environments = [\"sys_platform == 'win32'\"]", "made for other machines"),
    ],
)
def test_a_lock_for_others_is_refused(head: str, reason: str) -> None:
    with pytest.raises(LockError, match=f"cannot use the lock for {LINUX}: .*{reason}"):
        plan_for(project(), lock(package("demo", "py3-none-any"), head=head), LINUX)


def test_a_lock_without_the_project_is_refused() -> None:
    with pytest.raises(LockError, match="it does not have demo"):
        plan_for(project(), lock(package("other", "py3-none-any")), LINUX)


def test_a_hash_that_is_not_sha256_is_refused() -> None:
    text = package("weak", "py3-none-any").replace("sha256", "sha512")
    with pytest.raises(LockError, match="has no SHA-256"):
        choices(text)


def test_the_requirement_is_the_project() -> None:
    plan = plan_for(project("De.Mo"), lock(package("de-mo", "py3-none-any")), LINUX)
    assert [choice.is_project for choice in plan.jobs[0].choices] == [True]


def test_a_folder_is_built_even_where_the_lock_has_it(tmp_path: Path) -> None:
    made = project("demo", kind=InputKind.FOLDER, path=tmp_path)
    locked = lock('[[packages]]\nname = "demo"\ndirectory = { path = "." }', folder=tmp_path)
    for target in (current_target().name, FOREIGN, WINDOWS):
        (choice,) = plan_for(made, locked, target).jobs[0].choices
        assert (choice.action, choice.folder, choice.is_project) == (Action.BUILD, tmp_path, True)


def test_commits_and_archives_of_a_lock(tmp_path: Path) -> None:
    commit = (
        '[[packages]]\nname = "commit"\nvcs = { type = "git", url = "https://x.invalid/y.git", '
        'commit-id = "0123456789abcdef", subdirectory = "py" }'
    )
    archives = "\n".join(
        f'[[packages]]\nname = "{name}"\narchive = {{ url = "https://x.invalid/{file}", '
        f'hashes = {{ sha256 = "{SHA256}" }} }}'
        for name, file in {
            "wheel": "wheel-1.0-py3-none-any.whl?x=1",
            "foreign": "foreign-1.0-cp39-cp39-win32.whl",
            "source": "source-1.0.tar.gz#egg=x",
        }.items()
    )
    found = choices(f"{commit}\n{archives}", current_target().name)
    assert found["commit"].file is not None
    assert found["commit"].file.location == (
        "git+https://x.invalid/y.git@0123456789abcdef#subdirectory=py"
    )
    assert found["wheel"].action is Action.TAKE
    assert found["source"].action is Action.BUILD
    assert found["foreign"].action is Action.REFUSE


def test_several_entry_points_are_told_before_any_download() -> None:
    points = [EntryPoint("a", "demo", "a"), EntryPoint("b", "demo", "b")]
    locked = lock(package("demo", "py3-none-any"))
    with pytest.raises(EntryPointError):
        plan_for(project(entry_points=points), locked, LINUX)
    chosen = project(entry_points=points, config=Config(entry="b"))
    assert plan_for(chosen, locked, LINUX).jobs


BUILDS = {
    "demo": PackageOptions(
        libraries=("zlib",), on={"windows": BuildOptions(environment={"CFLAGS": "-O1"})}
    )
}


def test_json_reads_back() -> None:
    made = replace(project(), settings=Settings(builds=BUILDS))
    plan = plan_for(made, lock(package("demo", "py3-none-any")), LINUX, WINDOWS)
    assert jsonform.load(Plan, plan.to_json(), where="x") == plan


def test_jobs_have_the_options_of_their_system() -> None:
    made = replace(project(), settings=Settings(builds=BUILDS))
    plan = plan_for(made, lock(package("demo", "py3-none-any")), LINUX, WINDOWS)
    linux, windows = (job.builds["demo"] for job in plan.jobs)
    assert linux == BuildOptions(libraries=("zlib",))
    assert windows == BuildOptions(libraries=("zlib",), environment={"CFLAGS": "-O1"})


def test_the_running_machine_is_never_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "plan9")
    monkeypatch.setattr("packaging.tags.sys_tags", lambda: iter(()))
    found = choices(package("native", *NATIVE), WINDOWS)
    assert wheel_of(found["native"]) == "cp313-cp313-win_amd64"


PAIR = ("cp313-cp313-macosx_10_13_x86_64", "cp313-cp313-macosx_11_0_arm64")
BOTH = "macos-universal2"


def test_wheels_for_each_kind_of_mac_are_merged_where_none_is_for_both() -> None:
    found = choices(package("native", *PAIR, sdist=True), BOTH)["native"]
    assert found.action is Action.MERGE
    assert found.file
    assert found.twin
    assert found.file.name.endswith("x86_64.whl")
    assert found.twin.name.endswith("arm64.whl")
    # One kind of Mac needs no more than its own.
    assert wheel_of(choices(package("native", *PAIR), MAC)["native"]) == PAIR[1]


@pytest.mark.parametrize(
    ("tags", "action"),
    [
        (("cp313-cp313-macosx_11_0_universal2", *PAIR), Action.TAKE),
        (("py3-none-any", *PAIR), Action.MERGE),  # the native ones are what others get, too
        (("py3-none-any", PAIR[0]), Action.TAKE),
        ((PAIR[0], "cp312-cp312-macosx_11_0_arm64"), Action.REFUSE),
        (("cp311-abi3-macosx_10_13_x86_64", "cp311-abi3-macosx_11_0_arm64", PAIR[0]), Action.MERGE),
        ((PAIR[1],), Action.REFUSE),
    ],
)
def test_a_pair_is_taken_where_it_is_the_best_there_is(
    tags: tuple[str, ...], action: Action
) -> None:
    assert choices(package("native", *tags), BOTH)["native"].action is action


def test_pairs_keep_to_the_floor() -> None:
    newer = package("native", "cp313-cp313-macosx_13_0_x86_64", "cp313-cp313-macosx_13_0_arm64")
    assert choices(newer, BOTH, floor="13.0")["native"].action is Action.MERGE
    assert choices(newer, BOTH, floor="12.0")["native"].action is Action.REFUSE


def test_a_wheel_is_for_windows_or_the_reason_names_what_the_nearest_is_for() -> None:
    found = choices(package("native", "cp313-cp313-win_arm64", "cp313-cp313-win32"), WINDOWS)
    assert found["native"].action is Action.REFUSE
    assert "it is for windows-" in found["native"].reason
