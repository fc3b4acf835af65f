"""What ``sealift audit`` does: subjects in, reports out, an exit status for scripts."""

import dataclasses
import gc
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sealift import console
from sealift.audit.allowance import Allowance, parse_allowance
from sealift.audit.content import keep_memory
from sealift.audit.finding import Severity, load_rules, rules_called
from sealift.audit.report import Report, audit, audit_one_of_many, weight
from sealift.audit.wheelhouses import distributions
from sealift.errors import ArchiveError, ConfigError, FindingsError, PolicyError

_NAMED = 3
_MUCH = 128 << 20  # bytes of subjects for which other processes are worth their start
_POLICY_RULES = frozenset({"tag-not-allowed", "policy-not-kept"})
_FAILING = {
    "error": {Severity.ERROR},
    "warning": {Severity.ERROR, Severity.WARNING},
    "never": set[Severity](),
}


def run(
    files: Sequence[Path],
    *,
    policy: str | None,
    allowed: Sequence[str],
    exclude: Sequence[str],
    selected: Sequence[str],
    ignored: Sequence[str],
    form: str | None,
    svg: Path | None,
    jobs: int | None,
    fail_on: str,
) -> None:
    """Audit ``files`` and say what was found.

    Raises :class:`PolicyError` where a subject is not what ``policy`` or ``allowed`` ask for, and
    :class:`FindingsError` where there are findings that ``fail_on`` names.
    """
    allowance = parse_allowance(
        allowed, policy, exclude=exclude, ignored=ignored, selected=selected
    )
    paths = list(subjects(files))
    if svg and len(paths) != 1:
        raise ConfigError(
            f"cannot draw {len(paths)} subjects into one picture", hint="name one file with --svg"
        )
    keep_memory()
    reports = _audit(paths, allowance, jobs)
    gc.freeze()  # so that the end does not look for what can go
    if svg:
        from sealift.audit.outputs.svg import svg as drawn
        from sealift.output import write_text

        write_text(svg, drawn(reports[0]), option="--svg")
    _say(reports, form)
    _judge(reports, fail_on)


def explain(name: str) -> None:
    """Print what rule ``name`` means and what to do, or all rules of a family.

    Raises :class:`ConfigError` where there is none of that name.
    """
    chosen = rules_called(name)
    rules = [rule for rule in load_rules().values() if rule.name in chosen]
    texts = (
        f"{rule.name} ({rule.severity.value}): {rule.title}\n\n{rule.why}\n\nRemedy: {rule.remedy}"
        for rule in rules
    )
    console.result([dataclasses.asdict(rule) for rule in rules], "\n\n".join(texts))


def _audit(paths: Sequence[Path], allowance: Allowance, jobs: int | None) -> Sequence[Report]:
    total = sum(map(weight, paths))
    if len(paths) > 1 and (jobs or total >= _MUCH) and jobs != 1:
        from sealift.audit.many import audit_many
        from sealift.target import cpu_count

        return audit_many(paths, allowance, jobs=jobs or cpu_count())
    audit_one = audit_one_of_many if len(paths) > 1 else audit
    with console.progress("Auditing", total) as bar:
        reports = []
        for path in paths:
            reports.append(audit_one(path, allowance))
            bar.advance(weight(path))
        return reports


def subjects(files: Sequence[Path]) -> Iterator[Path]:
    """``files``, those that are folders of wheels replaced by what lies in them."""
    for path in files:
        if not path.exists():
            raise ArchiveError(f"cannot audit {path}: it does not exist")
        yield from (distributions(path) if path.is_dir() else []) or [path]


def _say(reports: Sequence[Report], form: str | None) -> None:
    def value() -> Mapping[str, Any]:
        from sealift.audit.outputs.document import document

        return document(reports)

    match form:
        case "sarif":
            from sealift.audit.outputs.sarif import sarif

            console.result(value(), sarif(reports))
        case "markdown":
            from sealift.audit.outputs.markdown import markdown

            console.result(value(), markdown(reports))
        case _:
            console.page(value, _lines(reports, tree=form == "tree"))


def _lines(reports: Sequence[Report], *, tree: bool) -> Iterator[str]:
    from sealift.audit.outputs.text import brief_lines, report_lines, summary_line, tree_lines

    for report in reports:
        if tree:
            yield from tree_lines(report)
        elif len(reports) > 1 and not console.is_verbose():
            yield from brief_lines(report)
        else:
            yield from report_lines(report, full=console.is_verbose())
    if len(reports) > 1 and not tree:
        yield summary_line(reports)


def _judge(reports: Sequence[Report], fail_on: str) -> None:
    """Fail where that was asked for."""
    failing = _FAILING[fail_on]
    broken = [r for r in reports if any(f.rule in _POLICY_RULES for f in r.findings)]
    if broken and failing:
        raise PolicyError(f"not what was asked for: {_some(broken, reports)}")
    bad = [report for report in reports if report.worst in failing]
    if bad:
        raise FindingsError(
            f"findings to fail on: {_some(bad, reports)}",
            hint=f"sealift audit --explain {bad[0].findings[0].rule} says what to do; "
            "--fail-on sets what to fail on",
        )


def _some(chosen: Sequence[Report], reports: Sequence[Report]) -> str:
    """Some of ``reports`` as words.

    ``1 of 3 subjects, a.whl``
    """
    names = ", ".join(report.name for report in chosen[:_NAMED])
    more = f" and {len(chosen) - _NAMED} more" if chosen[_NAMED:] else ""
    return f"{len(chosen)} of {len(reports)} subjects, {names}{more}"
