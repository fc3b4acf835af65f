"""Libraries built from source for a target, by recipes, each once.

What comes out is laid out as Debian lays it out: ``usr/include``, ``usr/lib``, with ``/usr`` as its
prefix.  For Linux they are shared libraries: a build that names one library and not those behind it
links, and one copy serves all modules of a wheel.  For other systems they are static.
"""

import os
import re
import shlex
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sealift import console, process, store
from sealift.binary.elf import read_elf
from sealift.binary.elf_strip import stripped
from sealift.cross.compilation import compile_library
from sealift.cross.recipe import Recipe, build_triple
from sealift.cross.toolchain import ZIG, Toolchain, find_toolchain
from sealift.debian.sources import Source, unpack_source
from sealift.epoch import EARLIEST
from sealift.errors import BuildError
from sealift.floor import glibc_versions
from sealift.target import Target, current_target
from sealift.tools import CMAKE, MAKE, PERL, find_compiler

_FORMAT = "1"  # a new number builds anew
_FLAGS = "-O2 -fPIC -g0"
# Lists of symbols may have such as are left out; not all linkers mind that.
_LINKING = {True: "-Wl,--undefined-version", False: ""}
_TOOLS = {tool.name: tool for tool in (CMAKE, MAKE, PERL)}
# How build systems ask for the compiler of this machine, for programs that they run.
_OWN = ("BUILD_CC", "CC_BUILD", "CC_FOR_BUILD")
# Programs that would make anew what the sources bring.
_MAINTAINERS = ("ACLOCAL", "AUTOCONF", "AUTOHEADER", "AUTOMAKE", "MAKEINFO")
_KINDS = {True: ("--enable-shared", "--disable-static"), False: ("--disable-shared",)}
_CMAKE_SYSTEMS = {"linux": "Linux", "macos": "Darwin", "windows": "Windows"}
# A static library asks whoever links to it for what a shared one was linked to itself.
_PRIVATE = re.compile(r"^(Requires|Libs|Cflags)\.private:", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceBuild:
    """A library to be built of ``source`` by ``recipe``.

    ``needs`` are the folders of libraries it needs, which are in a sysroot whose variables
    are ``variables``.
    """

    recipe: Recipe
    source: Source
    toolchain: Toolchain
    needs: tuple[Path, ...]
    variables: Mapping[str, str | None]

    @property
    def key(self) -> str:
        """What tells it from others."""
        parts = (self.recipe.text(self.toolchain.target), self.source.key, self.toolchain.identity)
        needs = (path.name for path in self.needs)
        return store.digest_of(_FORMAT, str(self.toolchain.target), *parts, *needs)


def build_library(build: SourceBuild) -> Path:
    """The folder with ``usr`` of what ``build`` makes, made once.

    Raises :class:`BuildError` with the log of the step that failed,
    :class:`~sealift.errors.ToolError` where this machine lacks a program,
    :class:`~sealift.errors.RefusedError` where the recipe is not for the target, and what
    :func:`~sealift.debian.sources.unpack_source` does.
    """
    recipe, target = build.recipe, build.toolchain.target
    values = recipe.values(target)
    tools = {name: _TOOLS[name].require() for name in recipe.tools}

    def make(entry: Path) -> None:
        with (
            console.step(f"Building {recipe.name} {build.source.upstream} for {target}"),
            tempfile.TemporaryDirectory(prefix="sealift-library-") as scratch,
        ):
            work = _Work(build=build, folder=Path(scratch), values=values, tools=tools)
            unpack_source(build.source, work.sources)
            work.write_compilers()
            if recipe.compilation:
                compile_library(
                    recipe.compilation,
                    version=build.source.upstream,
                    toolchain=build.toolchain,
                    sources=work.sources,
                    usr=work.out / "usr",
                    flags=[*_FLAGS.split(), work.place, *_own_flags(recipe, target)],
                )
            for number, step in enumerate(recipe.steps, 1):
                work.run([*work.filled(step)], number)
            entry.mkdir()
            _keep(work.out / "usr", entry / "usr", ".so" if target.os == "linux" else ".a")
            if target.os != "linux":
                _tell_private(entry / "usr/lib/pkgconfig", recipe.links.get(target.os, ()))
            _check(entry, build)

    return store.make_entry("libraries", build.key, make)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """One build under way in ``folder``, by ``tools`` of this machine."""

    build: SourceBuild
    folder: Path
    values: Mapping[str, str]
    tools: Mapping[str, Path]

    @property
    def sources(self) -> Path:
        return self.folder / "sources"

    @property
    def out(self) -> Path:
        """Where it is installed, instead of ``/``."""
        return self.folder / "out"

    @property
    def place(self) -> str:
        """Has compilers tell another folder than that of the sources."""
        return f"-ffile-prefix-map={self.sources}=/usr/src/{self.build.source.name}"

    def write_compilers(self) -> None:
        """Compilers named for what they compile for, so that nothing tells where they are."""
        triple, tools = build_triple(self.build.toolchain.target), self.build.toolchain
        own = find_compiler() or find_toolchain(ZIG, current_target()).cc
        folder = self.folder / "programs"
        folder.mkdir()
        programs = {f"{triple}-cc": tools.cc, f"{triple}-c++": tools.cxx, "build-cc": own}
        for name, path in programs.items():
            script = folder / name
            called = shlex.join([str(path), self.place])
            script.write_text(f'#!/bin/sh\nexec {called} "$@"\n', encoding="utf-8")
            script.chmod(0o755)

    def run(self, command: Sequence[str], number: int) -> None:
        recipe, target = self.build.recipe, self.build.toolchain.target
        process.run(
            command,
            cwd=self.sources,
            env=self._environment(),
            log=store.store_root() / "logs" / f"{recipe.name}-{target}-{number}.log",
            error=BuildError,
            action=f"build {recipe.name} {self.build.source.upstream} for {target} from source",
        )

    def _environment(self) -> dict[str, str]:
        """Nothing of this machine's environment but where its programs are."""
        triple, variables = build_triple(self.build.toolchain.target), self.build.variables
        path = (str(self.folder / "programs"), variables.get("PATH"), os.environ.get("PATH"))
        linking = _LINKING[self.build.toolchain.target.os == "linux"]
        told = {
            **self.build.toolchain.variables(),
            **variables,
            "CC": f"{triple}-cc", "CXX": f"{triple}-c++",
            "CFLAGS": _FLAGS, "CXXFLAGS": _FLAGS, "LDFLAGS": f"{variables['LDFLAGS']} {linking}",
            "HOME": str(self.folder), "TMPDIR": str(self.folder),
            "LC_ALL": "C", "TZ": "UTC", "SOURCE_DATE_EPOCH": str(EARLIEST),
            **dict.fromkeys(_OWN, "build-cc"),
            **dict.fromkeys(_MAINTAINERS, ":"),
            **self.build.recipe.variables(self.build.toolchain.target),
            "PATH": os.pathsep.join(filter(None, path)),
        }  # fmt: skip
        return {name: value for name, value in told.items() if value is not None}

    def filled(self, words: Sequence[str]) -> Iterator[str]:
        """``words`` of a step with values in place of their names."""
        target = self.build.toolchain.target
        values = {
            **self.values,
            "host": build_triple(target),
            "cpu": target.machine,
            "out": str(self.out),
            "jobs": str(os.cpu_count() or 1),
            "ar": str(self.build.toolchain.ar),
            "ranlib": str(self.build.toolchain.ranlib),
            "system": _CMAKE_SYSTEMS[target.os],
            "shared": "ON" if target.os == "linux" else "OFF",
            "static": "OFF" if target.os == "linux" else "ON",
        }
        for word in words:
            if word == "{options}":
                recipe = self.build.recipe
                yield from self.filled([*recipe.options, *recipe.more.get(target.os, ())])
            elif word == "{kinds}":
                yield from _KINDS[target.os == "linux"]
            else:
                text = str(self.tools.get(word, word))
                for name, value in values.items():
                    text = text.replace(f"{{{name}}}", value)
                yield text


def _own_flags(recipe: Recipe, target: Target) -> list[str]:
    return shlex.split(recipe.variables(target).get("CPPFLAGS", ""))


def _keep(usr: Path, kept: Path, kind: str) -> None:
    """Keep of ``usr`` what is compiled and linked with: headers, and libraries of one ``kind``.

    They are stripped.  Texts still name ``/usr``.
    """
    (kept / "lib").mkdir(parents=True)
    (usr / "include").rename(kept / "include")
    for path in sorted((usr / "lib").glob("lib*")):
        if kind in path.suffixes:
            if not path.is_symlink() and kind == ".so":
                # Zig's own parts of it tell where Zig is.
                path.write_bytes(stripped(path.read_bytes(), path.name))
            path.rename(kept / "lib" / path.name)
    for name in ("lib/pkgconfig", "lib/cmake"):
        if (usr / name).is_dir():
            shutil.move(usr / name, kept / name)


def _tell_private(folder: Path, links: Sequence[str]) -> None:
    """Let pkg-config say what static libraries need: what is private to shared ones, ``links``.

    Fields of a kind are not told twice in one file (pkg-config's pc(5)), so they become one.
    """
    for path in folder.glob("*.pc"):
        text = _PRIVATE.sub(r"\1:", path.read_text(encoding="utf-8"))
        fields: dict[str, list[str]] = {"Libs": []}
        others = []
        for line in text.splitlines():
            name, colon, value = line.partition(":")
            if colon and name in {"Requires", "Libs", "Cflags"}:
                fields.setdefault(name, []).append(value.strip())
            else:
                others.append(line)
        fields["Libs"] += (f"-l{name}" for name in links)
        told = (f"{name}: {' '.join(values)}" for name, values in fields.items())
        path.write_text("".join(f"{line}\n" for line in (*others, *told)), encoding="utf-8")


def _check(entry: Path, build: SourceBuild) -> None:
    """Raise :class:`BuildError` where a library asks for more than the toolchain promises."""
    target, floor = build.toolchain.target, build.toolchain.floor
    libraries = [*(entry / "usr/lib").glob("lib*.so*" if target.os == "linux" else "lib*.a")]
    if target.os != "linux" and libraries:
        return
    facts = [read_elf(path) for path in libraries if not path.is_symlink()]
    found = [each for each in facts if each is not None]
    asked = max((version for each in found for version, _ in glibc_versions(each)), default=None)
    if not found or (floor and asked and asked > floor):
        reason = f"it asks for glibc {'.'.join(map(str, asked))}" if asked else "there is none"
        raise BuildError(
            f"cannot use {build.recipe.name} as it was built for {target} from source: {reason}"
        )
