"""From a wheelhouse to an image: the fourth step of the line."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

import certifi

from sealift import console, jsonform, parts, store
from sealift.application import application_of
from sealift.bytecode import compile_sources
from sealift.config import Config
from sealift.entry import EntryPoint
from sealift.entrypoint import choose_entry
from sealift.errors import EntryPointError
from sealift.floor import RULES as FLOOR_RULES
from sealift.floor import Floor, as_asked, floor_of, with_launcher
from sealift.image import INTERPRETER, SITE_PACKAGES, Entry, Image, Kind
from sealift.interpreter import Interpreter
from sealift.manifest import file_entry
from sealift.parts import Part
from sealift.project import Project
from sealift.sbom import Component, cyclonedx, package_url
from sealift.startup import read_startup
from sealift.stdlib import load_rules
from sealift.target import Target
from sealift.wheel import WheelFile, read_wheel
from sealift.wheelhouse import Wheel, Wheelhouse

CERTIFICATES = "cacert.pem"
BILL = "sbom.cdx.json"


def stage(house: Wheelhouse, project: Project) -> Image:
    """The image of ``project`` on one target: every file, all code compiled, the floor computed.

    Nothing is copied: entries point into the content store.  Raises :class:`EntryPointError`,
    :class:`~sealift.errors.ArchiveError` for a wheel that lies, or
    :class:`~sealift.errors.BuildError`.
    """
    config, interpreter = project.settings.config, house.interpreter
    wheel = _project_file(house, project)
    entry = _entry_point(house, project, wheel)
    staged = _parts(house, config)
    entries = _with_own_files(house, staged, _application(house, project))
    code = tuple(
        compile_sources(interpreter, part.origin, sources, part.key)
        for part in staged
        if (sources := part.sources())
    )
    asked = as_asked(_floor(entries, house.target), house.target)
    floor = with_launcher(asked, house.target)
    search_path, startup = _startup(entries, interpreter)
    image = Image(
        name=project.product,
        version=_version(house, project),
        target=house.target,
        python=interpreter.version,
        interpreter=interpreter,
        entry=entry,
        entries=entries,
        code=code,
        search_path=search_path,
        startup=startup,
        distributions=tuple(f"{wheel.name} {wheel.version}" for wheel in house.wheels),
        certificates=config.certificates,
        floor=floor.version,
        floor_because=floor.because,
        sources=config.sources,
        options=project.settings.formats,
        application=application_of(project.settings, wheel, project.product),
        signing=project.settings.signing.get(house.target.os),
        key="",
    )
    return image.with_key()


def _parts(house: Wheelhouse, config: Config) -> list[Part]:
    named = config.materialize
    wheels = [
        parts.wheel_part(wheel, house.interpreter, real="*" in named or wheel.name in named)
        for wheel in house.wheels
    ]
    _tell_zones(house, wheels)
    python = parts.interpreter_part(
        house.interpreter,
        wheels,
        everything=config.stdlib == "all",
        real="*" in named or INTERPRETER in named or _is_read(house),
    )
    built = frozenset(wheel.name for wheel in house.wheels if wheel.built)
    wheels = parts.grafted(wheels, python, built, house.target)
    return [python, *wheels]


def _tell_zones(house: Wheelhouse, wheels: Sequence[Part]) -> None:
    """Warn of a project that asks for time zones of a system that has none."""
    if not house.target.is_windows or any(wheel.name == "tzdata" for wheel in house.wheels):
        return
    for wheel, part in zip(house.wheels, wheels, strict=True):
        if wheel.is_project and parts.imports(part, ("zoneinfo",)):
            console.warning(
                f"{wheel.name} uses zoneinfo, and Windows has no time zones: require "
                "\"tzdata; sys_platform == 'win32'\""
            )


def _is_read(house: Wheelhouse) -> bool:
    """Whether something shipped reads the standard library's sources by path."""
    return any(wheel.name in load_rules().read_by for wheel in house.wheels)


def _project_file(house: Wheelhouse, project: Project) -> WheelFile:
    wheel = _project_wheel(house.wheels)
    if wheel is None:
        raise EntryPointError(f"cannot stage {project.name}: no wheel of it was collected")
    return read_wheel(wheel.path)


def _entry_point(house: Wheelhouse, project: Project, wheel: WheelFile) -> EntryPoint:
    others = [other.path for other in house.wheels]
    return choose_entry(wheel, explicit=project.settings.config.entry, among=others)


def _project_wheel(wheels: Iterable[Wheel]) -> Wheel | None:
    return next((wheel for wheel in wheels if wheel.is_project), None)


def _version(house: Wheelhouse, project: Project) -> str:
    wheel = _project_wheel(house.wheels)
    return wheel.version if wheel else project.version or "0"


def _application(house: Wheelhouse, project: Project) -> Component:
    """The product, as a bill of materials calls it."""
    name = project.product
    wheel = _project_wheel(house.wheels)
    if wheel is None:
        return Component(name=name, version=_version(house, project), kind="application")
    return replace(parts.distribution_component(wheel, kind="application"), name=name)


def _with_own_files(
    house: Wheelhouse, staged: Sequence[Part], product: Component
) -> tuple[Entry, ...]:
    """All entries, with the certificates of authorities and the bill of materials."""
    path = f"{house.interpreter.libraries_folder}/{CERTIFICATES}"
    bundle = file_entry(path, Path(certifi.where()), kind=Kind.DATA, origin=INTERPRETER)
    authorities = Component(
        name="certifi",
        version=certifi.__version__,
        purl=package_url("pypi", "certifi", certifi.__version__),
        sha256=bundle.sha256,
        files=(path,),
    )
    components = [component for part in staged for component in part.components]
    bill = cyclonedx(product, [*components, authorities])
    made = store.make_entry("sboms", store.digest_of(bill), lambda out: out.write_bytes(bill))
    own = [bundle, file_entry(BILL, made, kind=Kind.DATA, origin=INTERPRETER)]
    by_path = {entry.path: entry for entry in (*parts.merged(staged), *own)}
    return tuple(by_path[path] for path in sorted(by_path))


def _floor(entries: Sequence[Entry], target: Target) -> Floor:
    """The floor of all native files, computed once for the same ones."""
    natives = [entry for entry in entries if entry.kind is Kind.NATIVE]
    key = store.digest_of(
        FLOOR_RULES, target.name, *(part for e in natives for part in (e.path, e.sha256))
    )
    kept = store.remember(
        "floors", key, lambda: jsonform.dump(floor_of({e.path: e.source for e in natives}, target))
    )
    return jsonform.load(Floor, kept, where="the floor")


def _startup(
    entries: Sequence[Entry], interpreter: Interpreter
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    site = f"{interpreter.stdlib}/{SITE_PACKAGES}"
    folders = frozenset(
        str(parent) for entry in entries for parent in PurePosixPath(entry.path).parents
    )
    files = [
        (entry.path, entry.source)
        for entry in entries
        if entry.path.endswith((".pth", ".start")) and str(PurePosixPath(entry.path).parent) == site
    ]
    found = read_startup(files, python=interpreter.version, folders=folders)
    first = (interpreter.stdlib, interpreter.dynload, site)
    return (*first, *found.folders), found.code
