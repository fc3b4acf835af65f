"""Products staged from wheels made on the spot: no lock, no build backend, no network."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sealift import store
from sealift.config import Config, Settings
from sealift.entry import EntryPoint
from sealift.errors import SealiftError
from sealift.image import Image
from sealift.interpreter import Interpreter
from sealift.interpreters.local import LocalInterpreters
from sealift.project import InputKind, Project
from sealift.staging import stage
from sealift.target import current_target
from sealift.wheel import make_wheel, read_wheel
from sealift.wheelhouse import Wheel, Wheelhouse
from tests.support.tools import missing

BEHAVIOUR = Path(__file__).parents[1] / "projects" / "behaviour"


def local_interpreter(feature: str) -> Interpreter:
    """A relocatable CPython ``feature`` of this machine, with headers for its launcher."""
    try:
        found = LocalInterpreters().find(feature, current_target(), Settings())
    except SealiftError as problem:
        missing(f"needs CPython {feature}: {problem}")
    if found.headers is None:
        missing(f"needs the headers of CPython {feature}")
    return found


def as_wheel(path: Path, *, is_project: bool = False) -> Wheel:
    """The wheel file at ``path``."""
    read = read_wheel(path)
    return Wheel(
        name=read.name,
        version=read.version,
        path=path,
        sha256=store.file_sha256(path),
        is_project=is_project,
    )


def make_image(
    interpreter: Interpreter,
    wheels: Sequence[Path],
    entry: str,
    **config: Any,
) -> Image:
    """An image that starts ``entry`` ("module:function" or "module") of the first wheel."""
    house = Wheelhouse(
        target=interpreter.target,
        interpreter=interpreter,
        wheels=tuple(as_wheel(path, is_project=path == wheels[0]) for path in wheels),
    )
    project = Project(
        kind=InputKind.WHEEL,
        name=house.wheels[0].name,
        version=house.wheels[0].version,
        path=wheels[0],
        requirement=None,
        dependencies=(),
        requires_python="",
        entry_points=(),
        settings=Settings(config=Config(entry=entry, **config)),
    )
    return stage(house, project)


def wheel_of(name: str, files: Mapping[str, bytes | Path], out: Path, **options: Any) -> Path:
    """A pure wheel of ``files`` (path in site-packages to content) in folder ``out``."""
    return make_wheel(name, "1.2.3", files, out=out, **options)


def folder_files(folder: Path, prefix: str = "") -> dict[str, bytes | Path]:
    """The files below ``folder`` by their relative paths, after ``prefix``."""
    return {
        prefix + path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".pyc"
    }


def behaviour_wheels(out: Path) -> list[Path]:
    """The project of ``tests/projects/behaviour``, and its plug-ins as a second distribution."""
    files = folder_files(BEHAVIOUR / "src") | folder_files(BEHAVIOUR / "more", "behaviour_more/")
    files["behaviour.pth"] = BEHAVIOUR / "behaviour.pth"
    plugins = b"[behaviour.plugins]\nfirst=behaviour.plugins.alpha\nsecond=behaviour.plugins.beta\n"
    return [
        wheel_of(
            "behaviour", files, out, entry_points=[EntryPoint("behaviour", "behaviour.cli", "main")]
        ),
        wheel_of(
            "behaviour-plugins",
            {"behaviour_plugins-1.2.3.dist-info/entry_points.txt": plugins},
            out,
        ),
    ]
