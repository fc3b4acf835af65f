"""A report as lines for people, in the markup of rich."""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet

from sealift.audit.finding import Finding, Severity, load_rules
from sealift.audit.needs import roots_of
from sealift.audit.report import Report, missing_libraries
from sealift.audit.tags import parse_platform
from sealift.audit.verdict import External, Reason, Verdict
from sealift.console import escape, size

_STYLES = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "dim"}
_FEW = 4
_DEEPEST = 40


def report_lines(report: Report, *, full: bool = False) -> Iterator[str]:
    """All that is said of one subject; ``full`` cuts no list short."""
    natives = f", {len(report.natives)} native" if report.natives else ""
    files = f"{report.files} file{'' if report.files == 1 else 's'}"
    about = f"{report.kind}, {files}{natives}, {size(report.size)}"
    yield f"[bold]{escape(report.name)}[/] [dim]{about}[/]"
    yield from _verdict(report, full=full)
    yield from _findings(report.findings, full=full, remedies=True)
    yield ""


def brief_lines(report: Report) -> Iterator[str]:
    """A line on one subject of many, and what is wrong with it."""
    mark = {Severity.ERROR: "[red]✗[/]", Severity.WARNING: "[yellow]![/]"}.get(
        report.worst or Severity.NOTE, "[green]✓[/]"
    )
    yield f"{mark} {escape(report.name)} [dim]runs on[/] {escape(_best(report))}{_own(report)}"
    loud = [finding for finding in report.findings if finding.severity is not Severity.NOTE]
    yield from _findings(loud, full=False, remedies=False)


def _own(report: Report) -> str:
    libc = report.verdict.own_libc
    return f" [dim](brings its own {libc})[/]" if libc else ""


def _best(report: Report) -> str:
    return report.verdict.best or ("no one system" if report.natives else "unknown")


def summary_line(reports: Sequence[Report]) -> str:
    """One line over all reports."""
    counts = dict.fromkeys(Severity, 0)
    for report in reports:
        for finding in report.findings:
            counts[finding.severity] += 1
    parts = [
        f"[{_STYLES[severity]}]{count} {severity.value}{'' if count == 1 else 's'}[/]"
        for severity, count in counts.items()
        if count
    ]
    good = sum(report.worst is not Severity.ERROR for report in reports)
    return f"{good} of {len(reports)} without errors" + (f": {', '.join(parts)}" if parts else "")


def _verdict(report: Report, *, full: bool) -> Iterator[str]:
    verdict = report.verdict
    style = "green" if verdict.best else "yellow"
    claimed = [tag for tag in verdict.claimed if tag != verdict.best]
    also = f" [dim](named {escape(', '.join(claimed))})[/]" if claimed else ""
    yield f"  runs on  [{style}]{escape(_best(report))}[/]{also}{_own(report)}"
    if verdict.floor:
        yield f"           [green]{verdict.floor}[/] once what is missing is there"
    for tags, fresh in fresh_reasons(verdict):
        yield f"  not on   {escape(', '.join(tags))}"
        yield from _reasons(fresh, full=full)
    for number, line in enumerate(_externals(verdict, full=full)):
        yield f"  {'' if number else 'needs':8} {line}"


def fresh_reasons(verdict: Verdict) -> Iterator[tuple[tuple[str, ...], list[Reason]]]:
    """The tags out of reach with the reasons that did not stand against one before.

    Tags that add no reason stand with the one before them.
    """
    told: set[Reason] = set()
    tags: tuple[str, ...] = ()
    held: list[Reason] = []
    for tag, reasons in verdict.obstacles.items():
        fresh = [reason for reason in reasons if reason not in told]
        told.update(fresh)
        if tags and fresh:
            yield tags, held
            tags = ()
        tags, held = (*tags, tag), fresh or held
    if tags:
        yield tags, held


def _reasons(reasons: Sequence[Reason], *, full: bool) -> Iterator[str]:
    """Reasons, those of one kind together with all who have them."""
    grouped: dict[str, list[Reason]] = {}
    for reason in reasons:
        grouped.setdefault(reason.text, []).append(reason)
    shown = len(grouped) if full else _FEW
    for text, group in list(grouped.items())[:shown]:
        yield f"             {escape(group[0].file)} {escape(text)}"
        if full and any(symbol not in text for symbol in group[0].symbols):
            yield f"               [dim]which are {escape(', '.join(group[0].symbols))}[/]"
        if group[0].chain:
            yield f"               [dim]loaded by {escape(' → '.join(group[0].chain))}[/]"
        rest = group[1:] if full else group[1:_FEW]
        for other in rest:
            yield f"               [dim]so does {escape(other.file)}[/]"
        if len(group) > 1 + len(rest):
            yield f"               [dim]and {len(group) - 1 - len(rest)} more files[/]"
    if len(grouped) > shown:
        yield f"             [dim]and {len(grouped) - shown} more reasons; --verbose tells all[/]"


def _externals(verdict: Verdict, *, full: bool) -> Iterator[str]:
    """What is needed from outside; libraries that the same tags promise share a line."""
    alike: dict[tuple[str, ...], list[External]] = {}
    for external in verdict.externals:
        alone = (external.library,) if full or external.is_missing else ()
        promised = _promised(external)
        alike.setdefault((promised, *alone), []).append(external)
    for group in alike.values():
        names = escape(", ".join(external.library for external in group))
        promised = _promised(group[0])
        if len(group) > 1:
            yield f"{names} {promised}"
            continue
        users = group[0].needed_by if full else group[0].needed_by[:1]
        more = len(group[0].needed_by) - len(users)
        who = escape(", ".join(users)) + (f" and {more} more" if more else "")
        yield f"{names} {promised}[dim], asked for by {who}[/]"


def _promised(external: External) -> str:
    tags = external.promised_by
    if external.is_excluded:
        return "[dim]left to others[/]"
    if not tags:
        return "[red]promised nowhere[/]"
    oldest = min(tags, key=lambda tag: found.version if (found := parse_platform(tag)) else ())
    return f"[dim]promised by {escape(oldest)}{' and newer' if len(tags) > 1 else ''}[/]"


def _findings(findings: Sequence[Finding], *, full: bool, remedies: bool) -> Iterator[str]:
    """Findings by rule, worst first; those that say the same of several files stand together."""
    by_rule: dict[str, dict[str, list[Finding]]] = {}
    for finding in findings:
        by_rule.setdefault(finding.rule, {}).setdefault(finding.message, []).append(finding)
    for name, alike in by_rule.items():
        rule = load_rules()[name]
        yield (
            f"  [{_STYLES[rule.severity]}]{rule.severity.value:8}[/] {escape(rule.title)}"
            f" [dim]{name}[/]"
        )
        shown = len(alike) if full else _FEW
        for group in list(alike.values())[:shown]:
            yield from _alike(group, full=full)
        if rest := sum(map(len, list(alike.values())[shown:])):
            yield f"             [dim]and {rest} more[/]"
        if remedies and rule.severity is not Severity.NOTE:
            yield f"           [dim]→ {escape(rule.remedy)}[/]"


def _alike(group: Sequence[Finding], *, full: bool) -> Iterator[str]:
    """Findings that say the same, each of another file."""
    first, *others = group
    where = f"{escape(first.file)}: " if first.file else ""
    yield f"             {where}{escape(first.message)}"
    if first.chain:
        yield f"               [dim]loaded by {escape(' → '.join(first.chain))}[/]"
    shown = others if full else others[: _FEW - 1]
    for other in shown:
        yield f"               [dim]so with {escape(other.file or other.message)}[/]"
    if len(others) > len(shown):
        yield f"               [dim]and with {len(others) - len(shown)} more[/]"


def tree_lines(report: Report) -> Iterator[str]:
    """Who needs whom: each file that no other needs, with what it needs below.

    What a file needs is shown once; where it comes again, ``…`` stands for it.  Libraries from
    outside that tags promise share a line.
    """
    yield f"[bold]{escape(report.name)}[/]"
    missing = missing_libraries(report)
    shown: set[str] = set()
    roots = roots_of(report.needs)
    # A stack of its own: how deep files need one another is theirs to choose.
    pending: list[tuple[tuple[str, ...], str, bool]] = []
    pending += [((path,), "", path == roots[-1]) for path in roots][::-1]
    while pending:
        names, indent, is_last = pending.pop()
        path = names[0]
        branch = f"{indent}{'└── ' if is_last else '├── '}"
        if path not in report.needs:
            style = "red" if path in missing else "dim"
            yield f"{branch}[{style}]{escape(', '.join(names))}[/]"
            continue
        again = bool(report.needs[path]) and path in shown
        yield f"{branch}{escape(path)}{' [dim]…[/]' if again else ''}"
        if again or len(indent) > 4 * _DEEPEST:
            continue
        shown.add(path)
        below = indent + ("    " if is_last else "│   ")
        groups = list(_leaves(report, path, missing))
        pending += [(group, below, group == groups[-1]) for group in groups][::-1]


def _leaves(report: Report, path: str, missing: AbstractSet[str]) -> Iterator[tuple[str, ...]]:
    """What ``path`` needs: own files, then what is missing, then the rest together."""
    needed = report.needs[path]
    yield from ((name,) for name in needed if name in report.needs)
    yield from ((name,) for name in needed if name in missing)
    rest = tuple(name for name in needed if name not in report.needs and name not in missing)
    if rest:
        yield rest
