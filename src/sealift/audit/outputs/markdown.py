"""Reports as Markdown, for a comment or a job's summary."""

from collections.abc import Iterator, Sequence

from sealift.audit.finding import Severity, load_rules
from sealift.audit.outputs.text import fresh_reasons
from sealift.audit.report import Report
from sealift.console import size

_MARKS = {Severity.ERROR: "❌", Severity.WARNING: "⚠️", Severity.NOTE: "ℹ️", None: "✅"}  # noqa: RUF001
_MOST = 50


def markdown(reports: Sequence[Report]) -> str:
    """All ``reports`` as one page: a table, then a chapter for each that has something to say."""
    return "\n".join(_lines(reports))


def _lines(reports: Sequence[Report]) -> Iterator[str]:
    yield "| | subject | runs on | named | native files | size | findings |"
    yield "|---|---|---|---|---|---|---|"
    for report in reports:
        verdict = report.verdict
        yield (
            f"| {_MARKS[report.worst]} | {_code(report.name)} | {_code(verdict.best or '—')} "
            f"| {', '.join(map(_code, verdict.claimed))} | {len(report.natives)} "
            f"| {size(report.size)} | {len(report.findings)} |"
        )
    for report in reports:
        if report.findings or report.verdict.obstacles or report.verdict.externals:
            yield from _chapter(report)


def _chapter(report: Report) -> Iterator[str]:
    yield from ("", f"## {_code(report.name)}")
    if report.findings:
        yield from ("", "| | finding | file | |", "|---|---|---|---|")
        for finding in report.findings[:_MOST]:
            title = load_rules()[finding.rule].title
            file = _code(finding.file) if finding.file else ""
            chain = f" (loaded by {_code(' → '.join(finding.chain))})" if finding.chain else ""
            yield (
                f"| {_MARKS[finding.severity]} | {_plain(title)} ({_code(finding.rule)}) "
                f"| {file} | {_plain(finding.message)}{chain} |"
            )
        if len(report.findings) > _MOST:
            yield from ("", f"and {len(report.findings) - _MOST} more findings.")
    if report.verdict.externals:
        yield from ("", "| library from outside | asked for by | promised by |", "|---|---|---|")
        for external in report.verdict.externals:
            known = f"{len(external.promised_by)} tags" if external.promised_by else "none"
            promised = "left to others" if external.is_excluded else known
            users = ", ".join(map(_code, external.needed_by[:3]))
            more = f" and {len(external.needed_by) - 3} more" if external.needed_by[3:] else ""
            yield f"| {_code(external.library)} | {users}{more} | {promised} |"
    for tags, reasons in fresh_reasons(report.verdict):
        yield from ("", f"Not {', '.join(map(_code, tags))}:", "")
        yield from (f"- {_code(r.file)} {_plain(r.text)}" for r in reasons[:_MOST])
        if len(reasons) > _MOST:
            yield f"- and {len(reasons) - _MOST} more"


def _code(text: str) -> str:
    """``text`` as code in a cell of a table; a backtick cannot stand in it."""
    return "`" + _printable(text).replace("`", "'").replace("|", "¦") + "`"


def _plain(text: str) -> str:
    out = _printable(text)
    for char in "\\`*_[]<>|":
        out = out.replace(char, f"\\{char}")
    return out


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
