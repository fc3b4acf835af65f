"""A plan as a table."""

import json

from sealift.matrix import Matrix, matrix_of
from sealift.plan import Action
from tests.support.jobs import lock, package, plan_for, project

TARGETS = ("windows-x86_64", "macos-universal2")


def matrix() -> Matrix:
    locked = lock(
        package("demo", "py3-none-any"),
        package(
            "native",
            "cp313-cp313-win_amd64",
            "cp313-cp313-macosx_11_0_x86_64",
            "cp313-cp313-macosx_11_0_arm64",
        ),
        package("odd", "cp313-cp313-win_amd64"),
        package("colorama", "py3-none-any", more="marker = \"sys_platform == 'win32'\""),
    )
    return matrix_of(plan_for(project(), locked, *TARGETS))


def test_each_distribution_has_a_row_and_each_target_a_column() -> None:
    found = matrix()
    assert found.targets == TARGETS
    assert [row.title for row in found.rows] == [
        "colorama 1.0", "demo 1.0", "native 1.0", "odd 1.0",
    ]  # fmt: skip
    actions = [[row.choices[t].action if t in row.choices else None for t in TARGETS]
               for row in found.rows]  # fmt: skip
    assert actions == [
        [Action.TAKE, None],
        [Action.TAKE, Action.TAKE],
        [Action.TAKE, Action.MERGE],
        [Action.TAKE, Action.REFUSE],
    ]


def test_counts_and_reasons_are_told_once() -> None:
    found = matrix()
    assert found.actions == (Action.TAKE, Action.MERGE, Action.REFUSE)
    assert found.counts(TARGETS[0]) == {Action.TAKE: 4}
    assert found.counts(TARGETS[1]) == {Action.TAKE: 1, Action.MERGE: 1, Action.REFUSE: 1}
    assert len(set(found.reasons)) == len(found.reasons) == 2


def test_machines_get_the_same() -> None:
    told = json.loads(json.dumps(matrix().to_json()))
    assert told["counts"] == {
        "windows-x86_64": {"take": 4, "merge": 0, "refuse": 0},
        "macos-universal2": {"take": 1, "merge": 1, "refuse": 1},
    }
    odd = told["distributions"][3]
    assert (odd["name"], odd["version"]) == ("odd", "1.0")
    assert odd["targets"]["macos-universal2"]["action"] == "refuse"
    assert "it is for windows-x86_64" in odd["targets"]["macos-universal2"]["reason"]
