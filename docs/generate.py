"""Write pages from the code and its data.

``docs/reference.md`` has commands, settings, exit statuses and targets × formats,
``docs/findings.md`` all that an audit can find.  ``python docs/generate.py`` writes them; a test
fails when one is out of date.
"""

import dataclasses
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from sealift import plugins
from sealift.artifact import Artifact
from sealift.audit.finding import load_rules
from sealift.checkup import Check
from sealift.cli import sealift
from sealift.config import TABLES, Config
from sealift.crossenv.__main__ import crossenv
from sealift.errors import exit_statuses
from sealift.events import EVENTS
from sealift.lab.testing import Trial
from sealift.options import default_of
from sealift.plan import Plan
from sealift.store import Usage
from sealift.target import load_targets
from sealift.template import toml_value
from sealift.wheelhouse import Wheelhouse

REFERENCE = Path(__file__).with_name("reference.md")
FINDINGS = Path(__file__).with_name("findings.md")


def _fields(noun: type[Any]) -> str:
    return ", ".join(f"`{field.name}`" for field in dataclasses.fields(noun))


# What the `value` of each command's result is.
RESULTS = {
    "build": f"a list, one object an artifact: {_fields(Artifact)}",
    "plan": f"an object: {_fields(Plan)}; a job has the `target`, the `interpreter`, `choices` "
    "and `formats`",
    "collect": f"a list, one object a target: {_fields(Wheelhouse)}",
    "stage": "a list, one object a target: the `path` of the manifest, and the `key` of the image",
    "export": "as of `build`",
    "lock": "an object: the `path` of the lock, and how many `packages` it has",
    "init": "an object: the `path` of the file that was changed",
    "audit": "an object that keeps to `src/sealift/data/audit.schema.json`; "
    "with `--explain` a list of rules",
    "manifest": "a list: the paths of what was written",
    "notarize": "an object: the `path`, Apple's number of the `submission`, and the `record` by "
    "which the ticket is found",
    "repair": "a list, one object a wheel: its `path`, its `best` tag, `is_changed`, `grafts`, …",
    "wheel": "a list, one object a wheel: its `path`, `target`, `best` tag and `grafts`",
    "cross env": "an object: `path`, `target`, `python` and `compiler`",
    "test": f"a list, one object a system: {_fields(Trial)}",
    "targets": "an object: target → `formats`: format → `null`, or the reason why not; "
    "`pythons`: provider → feature versions, newest first",
    "doctor": f"a list, one object a check: {_fields(Check)}",
    "cache": f"an object: `path` and `kinds`, a list of {_fields(Usage)}",
    "cache clear": "an object: how many bytes were `freed`",
    "bench": "an object: `start`, `rounds`, `noise`, `results` and `control`; with `--cold` a "
    "second result",
}


def reference() -> str:
    """The whole page, as Markdown."""
    parts = (commands(), settings(), events(), statuses(), targets())
    return "\n".join(line for part in parts for line in ("", *part)).lstrip("\n") + "\n"


def commands() -> Iterator[str]:
    """What ``--help`` of every command says."""
    yield "# Reference"
    yield ""
    yield "Made by `docs/generate.py` from the code."
    yield ""
    yield "## Commands"
    yield from _command(sealift, "sealift", None)
    yield from _command(crossenv, "python -m sealift.crossenv", None)


def _command(command: click.Command, path: str, parent: click.Context | None) -> Iterator[str]:
    context = click.Context(
        command,
        info_name=path if parent is None else path.rpartition(" ")[2],
        parent=parent,
        terminal_width=100,
        **command.context_settings,
    )
    text = command.get_help(context)
    yield from ("", f"### `{path}`", "", "```text", *map(str.rstrip, text.splitlines()), "```")
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            yield from _command(child, f"{path} {name}", context)


def settings() -> Iterator[str]:
    """Every key of ``[tool.sealift]``."""
    yield "## Settings"
    yield ""
    yield "In `pyproject.toml`, or in the `[tool.sealift]` of a script's PEP 723 block."
    yield from _options("tool.sealift", "What to ship and for whom.", Config)
    for table in TABLES:
        text = f"{table.text[0].upper()}{table.text[1:]}."
        yield from _options(f"tool.sealift.{table.title(table.entry)}", text, table.options)
    for name in plugins.names("formats"):
        plugin = plugins.load("formats", name)
        yield from _options(f"tool.sealift.{name}", plugin.summary, plugin.options)


def _options(title: str, text: str, options: type[Any]) -> Iterator[str]:
    yield from ("", f"### `[{title}]`", "", text, "")
    if not dataclasses.fields(options):
        yield "No keys."
        return
    yield "| key | default | meaning |"
    yield "|---|---|---|"
    for field in dataclasses.fields(options):
        value = default_of(field)
        default = "none" if value is None else f"`{toml_value(value)}`"
        choices = ", ".join(f"`{choice}`" for choice in field.metadata["choices"])
        meaning = field.metadata["help"] + (f"; one of {choices}" if choices else "")
        yield f"| `{field.name.replace('_', '-')}` | {default} | {meaning} |"


def events() -> Iterator[str]:
    """What ``--json`` prints."""
    yield "## JSON lines"
    yield ""
    yield "With `--json` standard output has one JSON object a line and nothing else. Each has an"
    yield "`event`. A step begins with `start`, then come events of what is done in it, steps among"
    yield "them, then `done` or `failed`. A command that succeeds prints one `result`; notes and"
    yield "warnings may follow. One that fails ends with `error` and its exit status, as does a"
    yield "wrong command line. A new version may have more events and fields: pass over what you do"
    yield "not know."
    yield ""
    yield "| event | when | fields |"
    yield "|---|---|---|"
    for name, event in EVENTS.items():
        fields = "; ".join(f"`{field}`: {meaning}" for field, meaning in event.fields.items())
        yield f"| `{name}` | {event.when} | {fields or 'none'} |"
    yield ""
    yield "| command | `value` of its result |"
    yield "|---|---|"
    yield from (f"| `{name}` | {RESULTS.get(name, '')} |" for name in names(sealift))


def names(group: click.Group, path: str = "") -> Iterator[str]:
    """Every command below ``group`` that does something, as it is typed."""
    for name, command in group.commands.items():
        if not isinstance(command, click.Group) or command.invoke_without_command:
            yield f"{path}{name}"
        if isinstance(command, click.Group):
            yield from names(command, f"{path}{name} ")


def statuses() -> Iterator[str]:
    """What each exit status means."""
    yield "## Exit statuses"
    yield ""
    yield "| status | meaning |"
    yield "|---|---|"
    yield "| 0 | done |"
    for status, cls in exit_statuses().items():
        yield f"| {status} | {(inspect.getdoc(cls) or '').splitlines()[0]} |"
    yield "| 2 | The command line is wrong. |"
    yield "| 130 | Interrupted. |"


def targets() -> Iterator[str]:
    """Which format goes where, and why not."""
    formats = {name: plugins.load("formats", name) for name in plugins.names("formats")}
    reasons: list[str] = []
    yield "## Targets and formats"
    yield ""
    yield f"| target | {' | '.join(formats)} |"
    yield "|---" * (len(formats) + 1) + "|"
    for target in load_targets().values():
        cells = []
        for plugin in formats.values():
            refusal = plugin.refuses(target)
            if refusal and refusal not in reasons:
                reasons.append(refusal)
            cells.append(f"no ({reasons.index(refusal) + 1})" if refusal else "yes")
        yield f"| `{target}` | {' | '.join(cells)} |"
    yield ""
    yield from (f"{number}. {reason}" for number, reason in enumerate(reasons, start=1))


def findings() -> str:
    """All rules of the audit, as Markdown; each has its name as a heading, and so as an anchor."""
    lines = [
        "# What an audit finds",
        "",
        "Made by `docs/generate.py` from `src/sealift/data/findings.toml`.",
        "",
        "An *error* will not work, or is unsafe, somewhere it says it works; a *warning* works but",
        "will surprise; a *note* is to know.",
    ]
    family = ""
    for rule in load_rules().values():
        if rule.family != family:
            family = rule.family
            lines += ["", f"## {family}"]
        lines += [
            "",
            f"### {rule.name}",
            "",
            f"**{rule.title}** ({rule.severity.value}). {rule.why}",
        ]
        lines += ["", f"*Remedy:* {rule.remedy}"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    REFERENCE.write_text(reference(), encoding="utf-8")
    FINDINGS.write_text(findings(), encoding="utf-8")
