"""What a desktop calls the product: title, icon, publisher, the documents it opens.

Installers, bundles and resources of executables take it from here, whatever their system.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from packaging.utils import canonicalize_name

from sealift.config import AppOptions, DocumentOptions, Settings
from sealift.errors import ConfigError
from sealift.store import file_sha256
from sealift.wheel import WheelFile

# Reverse DNS, as Apple asks it of CFBundleIdentifier: letters, digits, hyphens and dots.
_IDENTIFIER = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_EXTENSION = re.compile(r"[A-Za-z0-9_+-]+(\.[A-Za-z0-9_+-]+)*")
_SHARED_HOSTS = ("github.com", "gitlab.com", "codeberg.org", "bitbucket.org")


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A kind of files that the product opens; ``extensions`` are without their dot."""

    name: str
    title: str
    extensions: tuple[str, ...]
    mime: str | None
    icon: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """The product as people meet it on a desktop.

    ``identifier`` is in reverse DNS and stays the same for all versions; ``icon`` is a picture on
    this machine; texts are empty where nobody told them.
    """

    title: str
    identifier: str
    publisher: str
    summary: str
    copyright: str
    homepage: str
    license: str
    icon: Path | None
    documents: tuple[Document, ...]

    def facts(self) -> Iterator[object]:
        """What a product is known by: all of it, pictures by their digests."""
        yield from (self.title, self.identifier, self.publisher, self.summary, self.copyright)
        yield from (self.homepage, self.license, _digest(self.icon))
        for document in self.documents:
            yield document.name, document.title, document.extensions, document.mime
            yield _digest(document.icon)


def application_of(settings: Settings, wheel: WheelFile, name: str) -> Application:
    """The application called ``name`` that ``wheel`` is, as ``settings`` say it differs.

    Raises :class:`ConfigError` as :func:`check_application` does.
    """
    check_application(settings)
    app = settings.app
    return Application(
        title=app.title or name,
        identifier=app.identifier or default_identifier(wheel.homepage, name),
        publisher=app.publisher or wheel.author,
        summary=wheel.summary,
        copyright=app.copyright or "",
        homepage=wheel.homepage,
        license=wheel.license,
        icon=Path(app.icon) if app.icon else None,
        documents=tuple(_document(key, told) for key, told in settings.documents.items()),
    )


def pictures_of(
    app: AppOptions | Application, documents: Iterable[DocumentOptions | Document]
) -> tuple[Path, ...]:
    """The pictures of ``app`` and of the ``documents`` that it opens, each once."""
    told = (app.icon, *(document.icon for document in documents))
    return tuple(dict.fromkeys(Path(picture) for picture in told if picture))


def check_application(settings: Settings) -> None:
    """Raise :class:`ConfigError` for an identifier, an extension or a picture that cannot be."""
    app, source = settings.app, settings.source
    _check_texts(app, source)
    _check_picture(app.icon, "tool.sealift.app.icon", source)
    for name, document in settings.documents.items():
        where = f"tool.sealift.document.{name}"
        if not _EXTENSION.fullmatch(name):  # it is a part of what registries call the kind
            raise ConfigError(
                f"{source}: `tool.sealift.document` has {name!r}, which is no name of a kind: it "
                "must be of letters, digits and such as extensions have",
                hint="its `title` is what people read",
            )
        _check_line(document.title, f"{where}.title", source)
        _check_picture(document.icon, f"{where}.icon", source)
        for extension in _extensions(name, document):
            if not _EXTENSION.fullmatch(extension):
                raise ConfigError(
                    f"{source}: `{where}.extensions` has {extension!r}, which is no extension",
                    hint=f"write {extension.lstrip('.')!r}" if extension[:1] == "." else None,
                )


def _check_texts(app: AppOptions, source: str) -> None:
    if app.identifier and not _IDENTIFIER.fullmatch(app.identifier):
        raise ConfigError(
            f"{source}: `tool.sealift.app.identifier` must be in reverse DNS, of letters, digits, "
            f"hyphens and dots; got {app.identifier!r}",
            hint='such as "org.example.myapp"',
        )
    for key in ("title", "publisher", "copyright"):
        _check_line(getattr(app, key), f"tool.sealift.app.{key}", source)


def _check_line(text: str | None, where: str, source: str) -> None:
    if any(ord(char) < 32 or ord(char) == 127 for char in text or ""):
        raise ConfigError(f"{source}: `{where}` must be one line of text; got {text!r}")


def _check_picture(path: str | None, where: str, source: str) -> None:
    if path and not Path(path).is_file():
        raise ConfigError(f"{source}: `{where}` names {path}, where no file is")


def _extensions(name: str, told: DocumentOptions) -> tuple[str, ...]:
    return told.extensions or (name,)


def _document(name: str, told: DocumentOptions) -> Document:
    return Document(
        name=name,
        title=told.title or name,
        extensions=_extensions(name, told),
        mime=told.mime,
        icon=Path(told.icon) if told.icon else None,
    )


def default_identifier(homepage: str, name: str) -> str:
    """An identifier for who told none: of the homepage's host, if it is the project's own.

    >>> default_identifier("https://www.example.org/app", "My App")
    'org.example.my-app'
    >>> default_identifier("https://github.com/someone/app", "My App")
    'app.my-app'
    """
    host = (urlsplit(homepage).hostname or "").removeprefix("www.")
    own = re.sub(r"[^A-Za-z0-9-]", "-", canonicalize_name(name)) or "product"
    labels = [] if host in _SHARED_HOSTS else host.split(".")
    if len(labels) < 2 or not _IDENTIFIER.fullmatch(host) or labels[-1].isdigit():
        return f"app.{own}"
    return ".".join((*reversed(labels), own))


def _digest(picture: Path | None) -> str:
    return file_sha256(picture) if picture else ""
