"""Settings: ``[tool.sealift]`` read with its provenance, every key accounted for.

A settings table *is* a frozen dataclass whose fields carry their help; the parser, the defaults,
``sealift init`` and the reference page are derived from it.  Unknown keys are errors with a near
match, wrong types name the file, the dotted path and what is allowed.
"""

import dataclasses
import difflib
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from packaging.utils import canonicalize_name

from sealift.errors import ConfigError

Options = TypeVar("Options")
PKCS11 = "pkcs11:"  # how a key that is no file is named (RFC 7512)


def option(default: Any, text: str, *, choices: Sequence[str] = (), is_path: bool = False) -> Any:
    """A settings field: its default, one line of help, and what it may be.

    ``is_path`` is for a field that names files: relative to the one its table is in, absolute once
    it is read.
    """
    told = {"help": text, "choices": tuple(choices), "is_path": is_path}
    if isinstance(default, dict):
        return dataclasses.field(default_factory=default.copy, metadata=told)
    return dataclasses.field(default=default, metadata=told)


def default_of(field: "dataclasses.Field[Any]") -> Any:
    """What a settings field is where nobody sets it."""
    made = field.default_factory
    return field.default if made is dataclasses.MISSING else made()


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
    """``[tool.sealift.build.PACKAGE]``: how one package is built where it has no wheel.

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
        BuildOptions,
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
    builds: Mapping[str, BuildOptions] = dataclasses.field(default_factory=dict)
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
        _known(name, targets, "tool.sealift.target", source)
    for name in tables["signing"]:
        _known(name, SIGNED_SYSTEMS, "tool.sealift.signing", source)
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
        builds={str(canonicalize_name(k)): v for k, v in each("build", BuildOptions).items()},
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


def _rooted(folder: Path, told: str | tuple[str, ...]) -> str | tuple[str, ...]:
    if isinstance(told, tuple):
        return tuple(str(folder / path) for path in told)
    return told if told.startswith(PKCS11) else str(folder / told)


def read_options(
    options: type[Options],
    table: Mapping[str, Any],
    *,
    where: str,
    source: str,
    also: Sequence[str] = (),
) -> Options:
    """``table`` as the dataclass ``options``; ``where`` is its dotted path, for messages."""
    fields = {field.name.replace("_", "-"): field for field in dataclasses.fields(options)}  # type: ignore[arg-type]
    hints = typing.get_type_hints(options)
    values: dict[str, Any] = {}
    for key, value in table.items():
        _known(key, (*fields, *also), where, source)
        field = fields[key]
        typed = _typed(value, hints[field.name], f"{where}.{key}", source)
        if field.metadata["is_path"] and typed:
            typed = _rooted(Path(source).absolute().parent, typed)
        values[field.name] = typed
        choices = field.metadata["choices"]
        if choices and value not in choices:
            raise ConfigError(
                f"{source}: `{where}.{key}` must be {_listed(choices)}; got {value!r}"
            )
    return options(**values)


def _typed(value: Any, hint: Any, where: str, source: str) -> Any:
    allowed = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    for kind in allowed:
        if typing.get_origin(kind) is tuple:
            (item, _) = typing.get_args(kind)
            if isinstance(value, list) and all(isinstance(part, item) for part in value):
                return tuple(value)
        elif typing.get_origin(kind) is Mapping:
            if isinstance(value, dict):
                _, item = typing.get_args(kind)
                return {
                    key: _item(part, item, f"{where}.{key}", source) for key, part in value.items()
                }
        elif kind is not types.NoneType and type(value) is kind:
            return value
    raise ConfigError(f"{source}: `{where}` must be {_kinds(allowed)}; got {value!r}")


def _item(value: Any, hint: Any, where: str, source: str) -> Any:
    """One value of a table; a list of one may be written as the text alone."""
    if typing.get_origin(hint) is tuple and isinstance(value, str):
        return (value,)
    return _typed(value, hint, where, source)


def _kinds(allowed: Sequence[Any]) -> str:
    names = {str: "a string", bool: "true or false", int: "a whole number"}
    others = {tuple: "a list of strings", Mapping: "a table"}
    return " or ".join(
        names.get(kind) or others[typing.get_origin(kind)]
        for kind in allowed
        if kind is not types.NoneType
    )


def _mapping(value: Any, key: str, source: str) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    raise ConfigError(f"{source}: `tool.sealift.{key}` must be a table; got {value!r}")


def _known(key: str, known: Sequence[str], where: str, source: str) -> None:
    if key in known:
        return
    near = difflib.get_close_matches(key, known, n=1)
    raise ConfigError(
        f"{source}: `{where}` has no key {key!r}",
        hint=f"did you mean {near[0]!r}?" if near else f"it may have {_listed(sorted(known))}",
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)
