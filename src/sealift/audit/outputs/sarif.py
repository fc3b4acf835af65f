"""Reports as SARIF 2.1.0 (OASIS), which code hosts show beside the code.

A result's place is the subject's file, since that is what stands in the repository or folder; the
member inside is a logical location.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sealift import __version__
from sealift.audit.finding import Finding, Rule, load_rules
from sealift.audit.report import Report

_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)


def sarif(reports: Sequence[Report]) -> str:
    """All ``reports`` as the text of one SARIF log."""
    rules = list(load_rules().values())
    numbers = {rule.name: number for number, rule in enumerate(rules)}
    # SARIF wants each artifact once, also of a file that was asked for twice.
    artifacts = {_uri(report.path): _artifact(report) for report in reports}
    places = {uri: index for index, uri in enumerate(artifacts)}
    log = {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "sealift audit",
                        "version": __version__,
                        "rules": [_rule(rule) for rule in rules],
                    }
                },
                "artifacts": list(artifacts.values()),
                "results": [
                    _result(places[_uri(report.path)], report, finding, numbers[finding.rule])
                    for report in reports
                    for finding in report.findings
                ],
                "columnKind": "unicodeCodePoints",
            }
        ],
    }
    return json.dumps(log, indent=1)


def _rule(rule: Rule) -> Mapping[str, Any]:
    return {
        "id": rule.name,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.why},
        "help": {"text": rule.remedy},
        "defaultConfiguration": {"level": rule.severity.value},
        "properties": {"tags": [rule.family]},
    }


def _artifact(report: Report) -> Mapping[str, Any]:
    return {
        "location": {"uri": _uri(report.path)},
        "properties": {"kind": report.kind, "best": report.verdict.best},
    }


def _result(index: int, report: Report, finding: Finding, number: int) -> Mapping[str, Any]:
    text = f"{finding.file}: {finding.message}" if finding.file else finding.message
    location: dict[str, Any] = {
        "physicalLocation": {"artifactLocation": {"uri": _uri(report.path), "index": index}}
    }
    if finding.file:
        location["logicalLocations"] = [{"fullyQualifiedName": finding.file, "kind": "member"}]
    return {
        "ruleId": finding.rule,
        "ruleIndex": number,
        "level": finding.severity.value,
        "message": {"text": text},
        "locations": [location],
        "partialFingerprints": {"sealift/v1": _fingerprint(report, finding)},
        "properties": {"chain": list(finding.chain), "details": dict(finding.details)},
    }


def _fingerprint(report: Report, finding: Finding) -> str:
    """What stays the same for the same finding on another day."""
    parts = (report.name, finding.rule, finding.file or "", finding.message)
    return hashlib.sha256("\n".join(parts).encode(errors="surrogateescape")).hexdigest()[:32]


def _uri(path: Path) -> str:
    """``path`` as a URI: relative to where the audit runs, as it was given, or absolute."""
    if path.is_absolute():
        return path.as_uri()
    return Path("/", path).as_uri().removeprefix("file:///")
