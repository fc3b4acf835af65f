"""The only module that prints.

Progress goes to standard error, results to standard output.  Stages say what they do by
:func:`step`; long work shows a bar by :func:`progress`.  With ``--json`` each event is one JSON
object a line on standard output and nothing else is written there.
"""

import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import click

from sealift.errors import OutputError, SealiftError

if TYPE_CHECKING:
    from rich.console import Console

# Markup of results is like that of rich, whose import takes longer than most commands.
# Terminals know the styles by number (ECMA-48, "select graphic rendition").
_STYLES = {"bold": 1, "dim": 2, "red": 31, "green": 32, "yellow": 33, "/": 0}
_MARKUP = re.compile(rf"\\(.)|\[({'|'.join(_STYLES)})\]")


@dataclass(slots=True)
class _Settings:
    quiet: bool = False
    verbose: bool = False
    as_json: bool = False


_settings = _Settings()


def configure(*, quiet: bool = False, verbose: bool = False, as_json: bool = False) -> None:
    """Set how much is said; called once by the command line."""
    _settings.quiet, _settings.verbose, _settings.as_json = quiet, verbose, as_json


def _rich(*, stderr: bool) -> "Console":
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, soft_wrap=True)


def event(name: str, **fields: Any) -> None:
    """Tell machines what happened, as :mod:`sealift.events` lists it; silent unless ``--json``."""
    if _settings.as_json:
        sys.stdout.write(json.dumps({"event": name, **fields}, default=str) + "\n")
        sys.stdout.flush()


def result(value: Any, text: str) -> None:
    """The answer a command was asked for: ``value`` with ``--json``, else ``text``."""
    if _settings.as_json:
        event("result", value=value)
    else:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


def page(value: Callable[[], Any], lines: Iterable[str]) -> None:
    """The answer a command was asked for: what ``value`` gives with ``--json``, else lines.

    These may have the styles bold, dim, red, green and yellow, as in ``[red]no[/]``.  What is no
    markup has to have passed :func:`escape`.
    """
    if _settings.as_json:
        event("result", value=value())
        return
    click.echo("\n".join(map(_styled, lines)), color=_has_color())


def _has_color() -> bool | None:
    """Whether the environment says that colour is shown; ``None`` where the terminal decides."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") in {"dumb", "unknown"}:
        return False
    return True if os.environ.get("FORCE_COLOR") else None


def _styled(line: str) -> str:
    """``line``, with the styles of its markup as terminals know them."""
    return _MARKUP.sub(lambda it: it[1] or f"\x1b[{_STYLES[it[2]]}m", line)


def escape(text: str) -> str:
    """``text`` for :func:`page`, as it stands; what would move the cursor is shown as its code."""
    if not text.isprintable():
        text = "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
    return re.sub(r"[\\[]", r"\\\g<0>", text)


def is_verbose() -> bool:
    """Whether more was asked for."""
    return _settings.verbose


def note(text: str) -> None:
    """A line a user wants to see once, such as which interpreter was chosen and why."""
    event("note", text=text)
    if not (_settings.quiet or _settings.as_json):
        _rich(stderr=True).print(f"  {text}", style="dim", markup=False)


def detail(text: str) -> None:
    """A line for ``--verbose`` only."""
    if _settings.verbose:
        event("detail", text=text)
        if not _settings.as_json:
            _rich(stderr=True).print(f"    {text}", style="dim", markup=False)


def warning(text: str) -> None:
    """Something that works but will surprise; names the setting that silences it."""
    event("warning", text=text)
    if not _settings.as_json:
        _rich(stderr=True).print(f"warning: {text}", style="yellow", markup=False)


class Step(Protocol):
    """What :func:`step` yields: a place to say how it ended."""

    def done(self, text: str) -> None:
        """Replace the words shown beside the tick."""


class _Step:
    def __init__(self) -> None:
        self.outcome = ""

    def done(self, text: str) -> None:
        self.outcome = text


@contextmanager
def step(title: str) -> Iterator[Step]:
    """One line a stage: a tick or a cross, the title, what came of it, and the time."""
    current = _Step()
    start = time.monotonic()
    event("start", step=title)
    try:
        yield current
    except BaseException:
        event("failed", step=title, seconds=round(time.monotonic() - start, 3))
        _step_line("[red]✗[/]", title, "", start)
        raise
    event("done", step=title, outcome=current.outcome, seconds=round(time.monotonic() - start, 3))
    _step_line("[green]✓[/]", title, current.outcome, start)


def _step_line(mark: str, title: str, outcome: str, start: float) -> None:
    if _settings.quiet or _settings.as_json:
        return
    from rich.markup import escape

    tail = f" [dim]{escape(outcome)}[/]" if outcome else ""
    seconds = time.monotonic() - start
    _rich(stderr=True).print(f"{mark} {escape(title)}{tail} [dim]{seconds:.1f} s[/]")


class Bar(Protocol):
    """A live bar: how far work has come."""

    def advance(self, amount: int) -> None:
        """Add ``amount`` units, bytes as a rule."""

    def grow(self, amount: int) -> None:
        """Expect ``amount`` units more than was said at first."""


class _NoBar:
    def advance(self, amount: int) -> None:
        pass

    def grow(self, amount: int) -> None:
        pass


@contextmanager
def progress(title: str, total: int) -> Iterator[Bar]:
    """A live bar over ``total`` bytes; nothing at all when standard error is no terminal."""
    if _settings.quiet or _settings.as_json or not sys.stderr.isatty():
        yield _NoBar()
        return
    from rich import progress as rich_progress

    columns = (
        rich_progress.TextColumn("  {task.description}"),
        rich_progress.BarColumn(),
        rich_progress.DownloadColumn(),
        rich_progress.TimeRemainingColumn(),
    )
    with rich_progress.Progress(*columns, console=_rich(stderr=True), transient=True) as bars:
        task = bars.add_task(title, total=total)

        class _Bar:
            def advance(self, amount: int) -> None:
                bars.advance(task, amount)

            def grow(self, amount: int) -> None:
                bars.update(task, total=(bars.tasks[0].total or 0) + amount)

        yield _Bar()


def answer(
    value: Any,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    totals: Sequence[Sequence[str]] = (),
) -> None:
    """What a command was asked for: ``value`` with ``--json``, else a table of ``rows``.

    Cells may have styles, and are to be escaped, as :func:`page` says; the last column is never
    cut.  ``totals`` are rows that stand apart below.
    """
    if _settings.as_json:
        result(value, "")
        return
    from rich.table import Table
    from rich.text import Text

    def add(row: Sequence[str]) -> None:
        shown.add_row(*(Text.from_ansi(_styled(cell)) for cell in row))

    shown = Table(box=None, pad_edge=False)
    for name in columns:
        shown.add_column(name, overflow="fold", no_wrap=True)
    for row in rows:
        add(row)
    if totals:
        shown.add_row()
    for row in totals:
        add(row)
    out = _rich(stderr=False)
    out.width = max(out.width, 240)
    out.print(shown)


def failure(error: SealiftError) -> None:
    """The message of an error, its details, its hint and its log."""
    event(
        "error",
        message=error.message,
        details=list(error.details),
        hint=error.hint,
        log=error.log,
        exit_status=error.exit_status,
    )
    if _settings.as_json:
        return
    out = _rich(stderr=True)
    out.print(f"[bold red]error:[/] {_escape(error.message)}")
    for line in error.details:
        out.print(f"  {line}", markup=False)
    for label, value in (("hint", error.hint), ("log", error.log)):
        if value:
            out.print(f"  [bold]{label}:[/] {_escape(str(value))}")


def misuse(message: str, *, hint: str, exit_status: int) -> None:
    """Tell machines, at whatever point of the command line they were asked for, what is wrong."""
    _settings.as_json = True
    event("error", message=message, details=[], hint=hint, log=None, exit_status=exit_status)


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def size(count: int) -> str:
    """``count`` bytes as people say it.

    >>> size(34_683_272)
    '34.7 MB'
    """
    amount = float(count)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} B" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.2f} GB"


def count(number: int, noun: str) -> str:
    """``number`` of what ``noun`` says in the singular.

    >>> count(1, "wheel"), count(0, "wheel")
    ('1 wheel', '0 wheels')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def interrupted() -> None:
    """What is said when the user stops the program: nothing half-written stays."""
    event("interrupted")
    if not _settings.as_json:
        sys.stderr.write("interrupted: nothing half-written was left\n")


def broken(problem: OSError) -> int:
    """Say that standard output cannot be written; the exit status of it.

    A reader that has gone, such as ``head``, is no news.
    """
    if not isinstance(problem, BrokenPipeError):
        sys.stderr.write(f"error: cannot write standard output: {problem.strerror}\n")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # it is flushed again at exit
    return OutputError.exit_status
