"""Settings: ``[tool.sealift]`` read with its provenance, every key accounted for.

A table is a dataclass, read as :mod:`sealift.options` tells.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from packaging.utils import canonicalize_name

from sealift.errors import ConfigError
from sealift.options import Options, check_known, option, read_options

# What products run on, as in data/targets.toml.
SYSTEMS = ("linux", "windows", "macos")
CPUS = ("x86_64", "i686", "aarch64", "armv7l", "riscv64", "ppc64le", "s390x")


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """``[tool.sealift]``: what to ship and for whom."""

    name: str | None = option(None, "name of the product and its file; the project's by default")
    entry: str | None = option(
        None, 'what to start: "package.module:function", "package" (as python -m), or a script name'
    )
    python: str | None = option(None, 'feature version of CPython to ship, such as "3.13"')
    targets: tuple[str, ...] = option((), "machines to ship to; this one by default")
    formats: tuple[str, ...] = option(("onefile",), "what to make of each image")
    interpreter: str = option(
        "auto",
        "where CPython comes from: auto, local, standalone, debian, wheels, archive, or a path",
    )
    mirror: str | None = option(
        None, "URL in place of the one standalone interpreters are released under"
    )
    extras: tuple[str, ...] = option((), "extras of the project to ship")
    groups: tuple[str, ...] = option((), "dependency groups to ship besides")
    lock: str | None = option(None, "lock file to honour; found beside the project by default")
    stdlib: str = option(
        "needed",
        "standard library: leave out tests and such, or ship all",
        choices=("needed", "all"),
    )
    sources: bool = option(True, "ship sources, for tracebacks and inspect.getsource")
    materialize: tuple[str, ...] = option(
        (), 'distributions whose .py files are real files on disk too; "python", "*" for all'
    )
    certificates: str = option(
        "system",
        "roots for TLS: the system's (the bundled ones where it has none), or bundled always",
        choices=("system", "bundled"),
    )
    toolchain: str = option(
        "zig", 'what compiles for other machines: zig, gcc, or how paths begin: "/opt/x/bin/arm-"'
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetOptions:
    """``[tool.sealift.target.NAME]``: what differs on one target."""

    floor: str | None = option(None, 'oldest system to run on, such as glibc "2.17"')
    archive: str | None = option(
        None, "path or URL of an interpreter archive, for provider archive"
    )
    archive_sha256: str | None = option(None, "the archive's SHA-256 in hex")


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOptions:
    """How one package is built where it has no wheel.

    Paths of ``patches`` are relative to the file that the table is in, absolute once it is read.
    """

    environment: Mapping[str, str] = option({}, "variables that its build backend sees")
    config_settings: Mapping[str, tuple[str, ...]] = option(
        {}, "settings of its build backend (PEP 517), each a string or a list"
    )
    requires: tuple[str, ...] = option((), "what its build requires besides, or in which versions")
    patches: tuple[str, ...] = option(
        (), "patches to its sources, relative to this file", is_path=True
    )
    libraries: tuple[str, ...] = option((), "C libraries it is built with, such as libpq")
    optional: tuple[str, ...] = option(
        (), 'extension modules that its wheel may lack, such as "pkg._fast"; "*" for all'
    )

    def joined(self, more: "BuildOptions") -> "BuildOptions":
        """These options and ``more``, whose variables and settings win."""

        def both(name: str) -> Any:
            one, other = getattr(self, name), getattr(more, name)
            return {**one, **other} if isinstance(one, Mapping) else (*one, *other)

        return BuildOptions(
            **{each.name: both(each.name) for each in dataclasses.fields(BuildOptions)}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageOptions(BuildOptions):
    """``[tool.sealift.build.PACKAGE]``: how it is built, and what besides on one system or CPU."""

    on: Mapping[str, BuildOptions] = option(
        {},
        "tables of these keys that hold for one system or CPU besides",
        choices=(*SYSTEMS, *CPUS),
    )

    def for_machine(self, system: str, cpu: str) -> BuildOptions:
        """The options on ``system`` and ``cpu``: its own win, those of the latter last."""
        none = BuildOptions()
        return self.joined(self.on.get(system, none)).joined(self.on.get(cpu, none))


@dataclass(frozen=True, slots=True, kw_only=True)
class AppOptions:
    """``[tool.sealift.app]``: what a desktop calls the product.

    The path of ``icon`` is relative to the file that the table is in, absolute once it is read.
    """

    title: str | None = option(None, "what people read; the product's name by default")
    identifier: str | None = option(
        None, 'in reverse DNS, the same for all versions, such as "org.example.myapp"'
    )
    publisher: str | None = option(None, "who makes it; the project's author by default")
    copyright: str | None = option(None, 'such as "© 2026 Example Ltd"')
    icon: str | None = option(
        None, "a square picture, PNG or SVG, relative to this file", is_path=True
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentOptions:
    """``[tool.sealift.document.NAME]``: a kind of files that the product opens.

    The path of ``icon`` is treated as in :class:`AppOptions`.
    """

    extensions: tuple[str, ...] = option(
        (), 'their extensions without the dot, such as "txt"; NAME by default'
    )
    title: str | None = option(None, "what people read; NAME by default")
    mime: str | None = option(None, 'their media type, such as "text/plain"')
    icon: str | None = option(
        None, "a square picture, PNG or SVG, relative to this file", is_path=True
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningOptions:
    """``[tool.sealift.signing.SYSTEM]``: the certificate that products for it are signed with.

    Paths are treated as in :class:`AppOptions`.
    """

    certificate: str | None = option(
        None, "a PKCS#12 (.pfx, .p12) or PEM file, relative to this", is_path=True
    )
    key: str | None = option(
        None,
        'PEM file of its private key, or a "pkcs11:" URI; in the certificate\'s by default',
        is_path=True,
    )
    password_variable: str | None = option(
        None, "environment variable that has the password of the key"
    )
    timestamp: str | None = option(None, "URL of a timestamp authority (RFC 3161)")
    installer: str | None = option(
        None,
        "for macOS: the certificate of packages, with its key, opened by the same password",
        is_path=True,
    )


SIGNED_SYSTEMS = ("windows", "macos")


@dataclass(frozen=True, slots=True)
class Table:
    """A table of settings below ``[tool.sealift]`` that no format owns.

    ``key`` is its own, ``entry`` what stands behind it where there is a table for each of many,
    ``example`` such an entry.
    """

    key: str
    entry: str
    example: str
    text: str
    options: type[Any]

    def title(self, entry: str) -> str:
        """Its dotted path below ``tool.sealift``, for ``entry``."""
        return f"{self.key}.{entry}" if entry else self.key


TABLES = (
    Table("target", "NAME", "linux-x86_64", "what differs on one target", TargetOptions),
    Table(
        "build", "PACKAGE", "PACKAGE", "how one package is built where it has no wheel",
        PackageOptions,
    ),
    Table("app", "", "", "what a desktop calls the product", AppOptions),
    Table("document", "NAME", "NAME", "a kind of files that the product opens", DocumentOptions),
    Table(
        "signing", "SYSTEM", SIGNED_SYSTEMS[0],
        f"who signs what is made for a system, {' or '.join(SIGNED_SYSTEMS)}", SigningOptions,
    ),
)  # fmt: skip
_TABLES = tuple(table.key for table in TABLES)


@dataclass(frozen=True, slots=True)
class Settings:
    """A project's settings.

    The main table, one per target, one per package to build (by its normalized name), the raw one
    of each format, what the application is called, one per kind of documents, one per system that
    asks for signatures.
    """

    config: Config = Config()
    targets: Mapping[str, TargetOptions] = dataclasses.field(default_factory=dict)
    builds: Mapping[str, PackageOptions] = dataclasses.field(default_factory=dict)
    formats: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)
    app: AppOptions = AppOptions()
    documents: Mapping[str, DocumentOptions] = dataclasses.field(default_factory=dict)
    signing: Mapping[str, SigningOptions] = dataclasses.field(default_factory=dict)
    source: str = "the command line"

    def target(self, name: str) -> TargetOptions:
        """Options of target ``name``."""
        return self.targets.get(name, TargetOptions())

    def format(self, name: str, options: type[Options]) -> Options:
        """Options of format ``name``, as the dataclass that the format owns."""
        where = f"tool.sealift.{name}"
        return read_options(options, self.formats.get(name, {}), where=where, source=self.source)

    def rooted_format(self, name: str, options: type[Any]) -> Mapping[str, Any]:
        """The raw options of format ``name``, paths in them absolute, wherever they are read next.

        Raises :class:`ConfigError` as :meth:`format` does.
        """
        read = self.format(name, options)
        raw = dict(self.formats.get(name, {}))
        for field in dataclasses.fields(options):
            key = field.name.replace("_", "-")
            if field.metadata["is_path"] and key in raw:
                told = getattr(read, field.name)
                raw[key] = list(told) if isinstance(told, tuple) else told
        return raw


def read_settings(
    table: Mapping[str, Any], *, source: str, targets: Sequence[str], formats: Sequence[str]
) -> Settings:
    """``[tool.sealift]`` as :class:`Settings`; raises :class:`ConfigError` on any key amiss."""
    table = dict(table)
    per_format = {
        name: _mapping(table.pop(name), name, source) for name in formats if name in table
    }
    tables = {key: _mapping(table.pop(key, {}), key, source) for key in _TABLES}
    for name in tables["target"]:
        check_known(name, targets, "tool.sealift.target", source)
    for name in tables["signing"]:
        check_known(name, SIGNED_SYSTEMS, "tool.sealift.signing", source)
    config = read_options(
        Config, table, where="tool.sealift", source=source, also=(*formats, *_TABLES)
    )

    def each(key: str, options: type[Options]) -> dict[str, Options]:
        return {
            name: _subtable(options, v, f"{key}.{name}", source) for name, v in tables[key].items()
        }

    return Settings(
        config=config,
        targets=each("target", TargetOptions),
        builds={str(canonicalize_name(k)): v for k, v in each("build", PackageOptions).items()},
        formats=per_format,
        app=_subtable(AppOptions, tables["app"], "app", source),
        documents=each("document", DocumentOptions),
        signing=each("signing", SigningOptions),
        source=source,
    )


def _subtable(options: type[Options], value: Any, key: str, source: str) -> Options:
    """The table ``key`` as the dataclass ``options``."""
    where = f"tool.sealift.{key}"
    return read_options(options, _mapping(value, key, source), where=where, source=source)


def _mapping(value: Any, key: str, source: str) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    raise ConfigError(f"{source}: `tool.sealift.{key}` must be a table; got {value!r}")
