"""Package indexes as users of uv and of pip configure them.

uv reads its own configuration.  Where it has none, pip's (environment, then ``pip.conf`` of the
user and the machine) is told to uv as options.  Credentials in either are kept for downloads.
"""

import configparser
import os
import sys
import tomllib
import urllib.parse
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import platformdirs

from sealift.credentials import Login, keyring_login

_UV_VARIABLES = (
    "UV_INDEX",
    "UV_DEFAULT_INDEX",
    "UV_INDEX_URL",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "UV_NO_INDEX",
)
_UV_KEYS = ("index", "index-url", "extra-index-url", "find-links", "no-index")
_MACHINE_FILES = (Path("/etc/uv/uv.toml"), Path("/etc/pip.conf"))
_PIP_SECTIONS = ("global", "install")
_SUBPROCESS = "subprocess"  # the one kind of keyring-provider that uv and pip share


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexes:
    """Where distributions come from, in the words of uv.

    ``options`` go to every call of uv; ``fallback`` (indexes and folders on this machine that pip
    is told to look at besides) to a second try, when the first found no answer: what lies there
    was fetched for one machine, and would hide the wheels of all others.  ``logins`` are user and
    password by host (with its port); ``environment`` are variables for uv.
    """

    options: tuple[str, ...] = ()
    fallback: tuple[str, ...] = ()
    logins: Mapping[str, Login] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)


def read_indexes(folder: Path, *, own: Mapping[str, Any] | None = None) -> Indexes:
    """The indexes that hold for a project in ``folder``; ``own`` is a script's ``[tool.uv]``."""
    tables = [*([own] if own else []), *_uv_tables(folder)]
    urls = [os.environ.get(name, "") for name in _UV_VARIABLES]
    pip = _pip_settings()
    environment = _certificates(pip)
    keyring = os.environ.get("UV_KEYRING_PROVIDER") or next(
        (table["keyring-provider"] for table in tables if table.get("keyring-provider")), None
    )
    if any(urls) or any(key in table for table in tables for key in _UV_KEYS):
        named = [entry for table in tables for entry in _entries(table)]
        plain = [_url(text) for text in _split(" ".join(urls))]
        logins = {**_logins([*plain, *(e.url for e in named)]), **_named_logins(named)}
        if keyring == _SUBPROCESS:
            entries = [*named, *map(_Entry, plain)]
            logins = {**logins, **_keyring_logins(entries, known=logins)}
        return Indexes(logins=logins, environment=environment)
    return _from_pip(pip, environment, keyring=keyring)


def _uv_tables(folder: Path) -> Iterable[Mapping[str, Any]]:
    """Settings of uv: the nearest ``uv.toml`` or ``[tool.uv]``, the user's, the machine's."""
    named = os.environ.get("UV_CONFIG_FILE")
    if named:
        yield from _pip_too(_toml(Path(named)))
        return
    for parent in (folder, *folder.absolute().parents):
        table = _toml(parent / "uv.toml") or _toml(parent / "pyproject.toml").get("tool", {}).get(
            "uv"
        )
        if table:
            yield from _pip_too(table)
            break
    for path in (
        platformdirs.user_config_path("uv", appauthor=False, roaming=True) / "uv.toml",
        Path.home() / ".config/uv/uv.toml",
        *(path for path in _MACHINE_FILES if path.name == "uv.toml"),
    ):
        yield from _pip_too(_toml(path))


def _pip_too(table: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    return (table, table.get("pip", {}))


def _toml(path: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return {}  # uv itself reports a file that is damaged


@dataclass(frozen=True, slots=True)
class _Entry:
    """An index: where it is, what it is called, and whether it is asked as somebody always."""

    url: str
    name: str = ""
    always: bool = False


def _entries(table: Mapping[str, Any]) -> list[_Entry]:
    """Every index in a table of uv's settings."""
    found = [
        _Entry(
            str(entry.get("url", "")),
            str(entry.get("name", "")),
            entry.get("authenticate") == "always",
        )
        for entry in table.get("index", [])
    ]
    plain = [table.get("index-url", ""), *table.get("extra-index-url", [])]
    return [*found, *(_Entry(str(url)) for url in plain if url)]


def _named_logins(entries: Iterable[_Entry]) -> dict[str, Login]:
    """Logins in ``UV_INDEX_<NAME>_USERNAME`` and ``…_PASSWORD``."""
    logins: dict[str, Login] = {}
    for entry in entries:
        stem = "UV_INDEX_" + "".join(char if char.isalnum() else "_" for char in entry.name.upper())
        user = os.environ.get(f"{stem}_USERNAME", "")
        password = os.environ.get(f"{stem}_PASSWORD", "")
        if entry.name and (user or password):
            logins[_host(entry.url)] = (user, password)
    return logins


def _keyring_logins(entries: Iterable[_Entry], *, known: Mapping[str, Login]) -> dict[str, Login]:
    """Logins in the keyring, of indexes that lack a password.

    As with uv, an index has to have a user's name, or ``authenticate = "always"``.
    """
    logins: dict[str, Login] = {}
    for entry in entries:
        parts = urllib.parse.urlsplit(entry.url)
        host = _host(entry.url)
        user, password = known.get(host, ("", ""))
        if parts.scheme in {"http", "https"} and not password and (user or entry.always):
            found = keyring_login(parts._replace(netloc=host).geturl(), user)
            logins.update({host: found} if found else {})
    return logins


def _from_pip(
    pip: Mapping[str, str], environment: Mapping[str, str], *, keyring: str | None
) -> Indexes:
    main = [url for url in _split(pip.get("index-url", "")) if _is_there(url)]
    extra = _split(pip.get("extra-index-url", ""))
    links = _split(pip.get("find-links", ""))
    options = [part for url in main for part in ("--default-index", url)]
    options += [part for url in extra if not _is_local(url) for part in ("--index", url)]
    options += [part for url in links if not _is_local(url) for part in ("--find-links", url)]
    options += [
        p for host in _split(pip.get("trusted-host", "")) for p in ("--allow-insecure-host", host)
    ]
    local = [p for url in extra if _is_local(url) and _is_there(url) for p in ("--index", url)]
    local += [
        p for url in links if _is_local(url) and _is_there(url) for p in ("--find-links", url)
    ]
    if pip.get("no-index", "").lower() in {"1", "true", "yes", "on"}:
        options, local = ["--no-index", *local], []
    logins = _logins([*main, *extra])
    if not keyring and pip.get("keyring-provider") == _SUBPROCESS:
        keyring = _SUBPROCESS
        options += ["--keyring-provider", keyring]
    if keyring == _SUBPROCESS:
        logins |= _keyring_logins(map(_Entry, [*main, *extra]), known=logins)
    if local:
        local += ["--index-strategy", "unsafe-best-match"]
    return Indexes(
        options=tuple(options),
        fallback=tuple(local),
        logins=logins,
        environment=environment,
    )


def _pip_settings() -> dict[str, str]:
    """Settings of pip, the environment last as it wins; files that cannot be read are left out."""
    settings: dict[str, str] = {}
    for path in _pip_files():
        parser = configparser.RawConfigParser()
        try:
            parser.read(path, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError):
            continue
        for section in _PIP_SECTIONS:
            if parser.has_section(section):
                settings.update({k.replace("_", "-"): v for k, v in parser.items(section)})
    for name, value in os.environ.items():
        if name.startswith("PIP_") and value:
            settings[name.removeprefix("PIP_").lower().replace("_", "-")] = value
    return settings


def _pip_files() -> list[Path]:
    named = os.environ.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return []
    config = Path("pip") / "pip.conf"
    machine = platformdirs.site_config_dir(appauthor=False, multipath=True).split(os.pathsep)
    user = platformdirs.user_config_path(appauthor=False, roaming=True)
    files = [
        *(Path(folder) / config for folder in reversed(machine)),
        *(path for path in _MACHINE_FILES if path.name == "pip.conf"),
        Path.home() / ".pip" / "pip.conf",
        Path.home() / ".config" / config,
        user / config,
        Path(sys.prefix) / "pip.conf",
    ]
    both = [path for file in files for path in (file, file.with_suffix(".ini"))]
    return [*both, *([Path(named)] if named else [])]


def _certificates(pip: Mapping[str, str]) -> dict[str, str]:
    path = pip.get("cert", "")
    known = "SSL_CERT_FILE" in os.environ or not path or not Path(path).is_file()
    return {} if known else {"SSL_CERT_FILE": path}


def _url(text: str) -> str:
    """The address of an index in a variable of uv's, which may stand behind its name."""
    return text.partition("=")[2] if "=http" in text else text


def _split(text: str) -> list[str]:
    return text.split()


def _is_local(url: str) -> bool:
    scheme = urllib.parse.urlsplit(url).scheme
    return len(scheme) < 2 or scheme == "file"  # one letter is a drive


def _is_there(url: str) -> bool:
    """Whether a local index or folder exists; remote ones are taken to."""
    if not _is_local(url):
        return True
    plain = urllib.parse.unquote(urllib.parse.urlsplit(url).path) if "://" in url else url
    return Path(plain).expanduser().exists()


def _host(url: str) -> str:
    return urllib.parse.urlsplit(url).netloc.rpartition("@")[2]


def _logins(urls: Iterable[str]) -> dict[str, Login]:
    logins: dict[str, Login] = {}
    for url in urls:
        parts = urllib.parse.urlsplit(url)
        if parts.username is not None:
            user, password = parts.username, parts.password or ""
            logins[_host(parts.geturl())] = (
                urllib.parse.unquote(user),
                urllib.parse.unquote(password),
            )
    return logins
