"""Provider ``archive``: an interpreter from an archive the user names, by path or URL."""

from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

from sealift import fetch, store
from sealift.config import Settings
from sealift.errors import ConfigError, FetchError, InterpreterError
from sealift.fetch import Remote
from sealift.interpreter import Interpreter
from sealift.interpreters.candidates import fits
from sealift.interpreters.unpacked import prepare
from sealift.target import Target


class ArchiveInterpreters:
    """Archives laid out as an installation, named in ``[tool.sealift.target.NAME]``."""

    name: ClassVar[str] = "archive"

    def refuses(self, python: str, target: Target, settings: Settings) -> str | None:  # noqa: ARG002  (the protocol's)
        """Why no archive can be used, or ``None``; its version is known only when it is read."""
        if settings.target(target.name).archive:
            return None
        return f"`tool.sealift.target.{target}.archive` names none"

    def find(self, python: str, target: Target, settings: Settings) -> Interpreter:
        """The archive's interpreter, which must be what ``python`` asks for."""
        path, sha256 = _located(target, settings)
        found = prepare(
            path,
            sha256,
            target,
            provider=self.name,
            reason=f"{path.name}, as configured",
            everything=settings.config.stdlib == "all",
        )
        if not fits(found.version, python, free_threaded=found.free_threaded):
            raise InterpreterError(
                f"cannot take CPython {python} from {path.name}: it holds {found.version}"
            )
        return found


def _located(target: Target, settings: Settings) -> tuple[Path, str]:
    """The archive's file here and its SHA-256, which holds."""
    options, where = settings.target(target.name), f"tool.sealift.target.{target}"
    named, sha256 = options.archive, options.archive_sha256
    if not named:
        raise InterpreterError(f"cannot take Python from an archive: `{where}.archive` names none")
    if urlsplit(named).scheme in {"http", "https", "file"}:
        if not sha256:
            raise ConfigError(
                f"{settings.source}: `{where}.archive-sha256` is missing",
                hint="a download is used only when its SHA-256 is known",
            )
        return fetch.fetch(Remote(named, sha256)), sha256
    path = Path(named).expanduser()
    if not path.is_file():
        raise InterpreterError(f"cannot take Python from {named}: there is no such file")
    found = store.file_sha256(path)
    if sha256 and found != sha256.lower():
        raise FetchError(
            f"cannot use {path.name}: its SHA-256 is not the one promised",
            details=[f"promised {sha256}", f"has      {found}"],
        )
    return path, found
