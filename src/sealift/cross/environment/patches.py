"""What cross-python answers otherwise than the Python it runs on; standard library only.

Modules that are imported later are patched when they are.  Names that begin with an underscore are
those of other projects, which have no other way.
"""

import importlib.machinery
import os
import sys
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from .startup import HERE, MODE, pth_line

Settings = Mapping[str, Any]
Patch = Callable[[Any, Settings], None]
_OPTIONAL = "SEALIFT_OPTIONAL_MODULES"
_EXPECTED: list[tuple[Any, list[str]]] = []  # build_ext, and names of what it is to build


def patch_now(settings: Settings) -> None:
    """Patch modules that every Python has imported already."""
    _patch_sysconfig(settings)
    _patch_sys(settings)
    _patch_os(settings)
    machinery: Any = importlib.machinery  # import itself has asked for its suffixes before
    machinery.EXTENSION_SUFFIXES = list(settings["suffixes"])
    if "platform" in sys.modules:
        _patch_platform(sys.modules["platform"], settings)


def find_patch(name: str) -> Patch | None:
    """What is to be done with the module ``name`` when it has been loaded."""
    if name == "packaging.tags" or name.endswith(".packaging.tags"):
        return _patch_tags
    return _PATCHES.get(name)


def _patch_sys(settings: Settings) -> None:
    sys.abiflags = settings["abiflags"]
    sys.implementation._multiarch = settings["multiarch"]  # type: ignore[attr-defined]  # noqa: SLF001


def _patch_os(settings: Settings) -> None:
    told = os.uname()
    answer = os.uname_result((told.sysname, "build", "", "", settings["machine"]))
    real = os.confstr

    def uname() -> os.uname_result:
        return answer

    def confstr(name: str | int) -> str | None:
        if name == "CS_GNU_LIBC_VERSION":
            return " ".join(settings["libc"]) if settings["libc"][0] == "glibc" else None
        return real(name)

    os.uname = uname
    os.confstr = confstr


def _patch_sysconfig(settings: Settings) -> None:
    module: Any = sysconfig
    module._get_sysconfigdata_name = lambda *_: settings["sysconfigdata"]  # noqa: SLF001
    module.get_platform = lambda: settings["platform"]
    # Folders are called as this Python's are, be the host without a global lock or not (PEP 703).
    flag = "t" if "t" in sys.abiflags else ""
    for scheme in module._INSTALL_SCHEMES.values():  # noqa: SLF001
        for name, path in scheme.items():
            scheme[name] = path.replace("{abi_thread}", flag)
    if settings["makefile"]:
        module.get_makefile_filename = lambda: settings["makefile"]


def _patch_platform(module: Any, settings: Settings) -> None:
    libc, machine = settings["libc"], settings["machine"]
    bits = settings["bits"]

    def libc_ver(*_: object, **__: object) -> tuple[str, str]:
        return libc[0], libc[1]

    def architecture(*_: object, **__: object) -> tuple[str, str]:
        return bits, "ELF"

    module.libc_ver = libc_ver
    module.architecture = architecture
    module._Processor.get = staticmethod(lambda: machine)  # noqa: SLF001


def _patch_tags(module: Any, settings: Settings) -> None:
    """``packaging`` asks files and the C library of this machine; many carry a copy of it."""

    def platform_tags() -> Iterator[str]:
        yield from settings["tags"]

    module.platform_tags = platform_tags


def _patch_pip(module: Any, _: Settings) -> None:
    """What a build requires runs on this machine: pip installs it as build-python would."""
    real = module.call_subprocess

    def call_subprocess(cmd: Any, *given: Any, **named: Any) -> Any:
        if any(str(word).endswith("__pip-runner__.py") for word in cmd[:3]):
            named["extra_environ"] = {**(named.get("extra_environ") or {}), MODE: "build"}
        return real(cmd, *given, **named)

    module.call_subprocess = call_subprocess


def _patch_venv(module: Any, settings: Settings) -> None:
    """Environments that a build is isolated in answer its backend as the host, too."""
    real = module.EnvBuilder.create

    def create(self: Any, env_dir: Any) -> None:
        real(self, env_dir)
        folder = Path(os.path.abspath(env_dir))  # noqa: PTH100  (as venv does)
        line = pth_line(HERE.parent, HERE.name, "isolated", str(folder))
        for site in folder.glob("lib/python*/site-packages"):
            (site / settings["pth"]).write_text(line, "utf-8")

    module.EnvBuilder.create = create


def _patch_meson(module: Any, settings: Settings) -> None:
    """A cross file goes before those that are named."""
    real = module.add_arguments

    def add_arguments(parser: Any) -> None:
        real(parser)
        parser.set_defaults(cross_file=[settings["meson"]])

    if settings["meson"]:
        module.add_arguments = add_arguments


def _patch_build_ext(module: Any, _: Settings) -> None:
    """Note which extension modules are to be built; many setup.py go on without those that fail."""
    real = module.build_ext.finalize_options

    def finalize_options(self: Any) -> None:
        real(self)
        _EXPECTED.append((self, [each.name for each in self.extensions or ()]))

    module.build_ext.finalize_options = finalize_options


def _expected() -> set[str]:
    """Paths of extension modules in a wheel."""
    return {
        Path(command.get_ext_filename(command.get_ext_fullname(name))).as_posix()
        for command, names in _EXPECTED
        for name in names
    }


def _patch_bdist_wheel(module: Any, _: Settings) -> None:
    real = module.bdist_wheel.run

    def run(self: Any) -> None:
        real(self)
        for name, _, path in self.distribution.dist_files:
            if name == "bdist_wheel":
                _check_wheel(Path(path))

    if not hasattr(real, "_checks"):
        run._checks = True  # type: ignore[attr-defined]  # noqa: SLF001  (a class has two modules)
        module.bdist_wheel.run = run


def _check_wheel(wheel: Path) -> None:
    """End the build where extension modules are missing, for nobody reads what a build says."""
    import zipfile

    with zipfile.ZipFile(wheel) as archive:
        there = set(archive.namelist())
    missing = sorted(name for name in _expected() if name not in there)
    if missing and not os.environ.get(_OPTIONAL):
        wheel.unlink()
        sys.exit(
            f"cross-python: {wheel.name} lacks modules that were to be compiled: "
            f"{', '.join(missing)}; what is said above tells why, {_OPTIONAL}=1 goes on without"
        )


_PATCHES: dict[str, Patch] = {
    "setuptools.command.bdist_wheel": _patch_bdist_wheel,
    "setuptools._distutils.command.build_ext": _patch_build_ext,
    "wheel._bdist_wheel": _patch_bdist_wheel,
    "wheel.bdist_wheel": _patch_bdist_wheel,
    "distutils.command.build_ext": _patch_build_ext,
    "mesonbuild.msetup": _patch_meson,
    "pip._internal.utils.subprocess": _patch_pip,
    "platform": _patch_platform,
    "venv": _patch_venv,
}
