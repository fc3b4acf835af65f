"""What ``sealift repair`` does: wheels one after the other, and what to tell of them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sealift import console, jsonform
from sealift.errors import ConfigError
from sealift.repair.plan import Options
from sealift.repair.wheel import Repaired, repair_wheel

_COLUMNS = ("wheel", "size", "runs on", "libraries")


def run(wheels: Sequence[Path], out: Path, options: Mapping[str, Any]) -> None:
    """Repair ``wheels`` into ``out`` and show what came of it.

    ``options`` are the fields of :class:`Options`.  Raises what :func:`repair_wheel` does, at the
    first wheel that cannot be mended; those before it are there.
    """
    wanted = Options(**options)
    _check_names(wheels)
    made = []
    for wheel in wheels:
        with console.step(f"Repairing {wheel.name}") as step:
            repaired = repair_wheel(wheel, wanted, out)
            step.done(repaired.path.name if repaired.is_changed else "as it was")
        for note in repaired.notes:
            console.note(note)
        for graft in repaired.grafts:
            console.detail(f"{graft.source} → {graft.path}")
        made.append(repaired)
    console.answer([_plain(each) for each in made], _COLUMNS, [_row(each) for each in made])


def _check_names(wheels: Sequence[Path]) -> None:
    for wheel in wheels:
        if wheel.suffix != ".whl":
            raise ConfigError(
                f"cannot repair {wheel}: only wheels can be repaired",
                hint="`sealift audit` takes anything; `sealift build` makes products that run",
            )


def _plain(repaired: Repaired) -> Any:
    return {
        "path": str(repaired.path),
        "best": repaired.verdict.best,
        "is_changed": repaired.is_changed,
        "grafts": [jsonform.dump(graft) for graft in repaired.grafts],
        "notes": list(repaired.notes),
    }


def _row(repaired: Repaired) -> tuple[str, str, str, str]:
    size = console.size(repaired.path.stat().st_size)
    grafts = console.count(len(repaired.grafts), "graft")
    return console.escape(str(repaired.path)), size, repaired.verdict.best or "", grafts
