"""Reports as JSON; ``data/audit.schema.json`` is its schema."""

from collections.abc import Mapping, Sequence
from typing import Any

from sealift import __version__, jsonform
from sealift.audit.report import Report

VERSION = 1


def document(reports: Sequence[Report]) -> Mapping[str, Any]:
    """All ``reports`` as one JSON object."""
    return {
        "version": VERSION,
        "sealift": __version__,
        "reports": [_report(report) for report in reports],
    }


def _report(report: Report) -> Mapping[str, Any]:
    verdict = report.verdict
    return {
        "path": str(report.path),
        "name": report.name,
        "kind": report.kind,
        "files": report.files,
        "size": report.size,
        "natives": list(report.natives),
        "best": verdict.best,
        "floor": verdict.floor,
        "own_libc": verdict.own_libc,
        "claimed": list(verdict.claimed),
        "obstacles": [
            {"tag": tag, "reasons": jsonform.dump(reasons)}
            for tag, reasons in verdict.obstacles.items()
        ],
        "externals": jsonform.dump(verdict.externals),
        "needs": jsonform.dump(report.needs),
        "findings": [
            {
                "rule": finding.rule,
                "severity": finding.severity.value,
                "message": finding.message,
                "file": finding.file,
                "chain": list(finding.chain),
                "details": jsonform.dump(finding.details),
            }
            for finding in report.findings
        ],
    }
