"""The resources of a product's launcher: its icons, its version, its manifest."""

from pathlib import Path
from xml.sax.saxutils import quoteattr

from sealift import store
from sealift.application import pictures_of
from sealift.binary.pe_resources import (
    ENGLISH,
    MANIFEST,
    VERSION,
    icon_resources,
    replace_resources,
)
from sealift.binary.pe_version import FileVersion, make_version
from sealift.icon import make_ico
from sealift.image import Image
from sealift.windows.header import without_console
from sealift.windows.version import four_numbers

_FORMAT = "2"  # a new number forgets the launchers that were made
_MANIFEST = Path(__file__).parents[1] / "data" / "windows.manifest"


def resourced_launcher(launcher: Path, image: Image) -> Path:
    """A copy of ``launcher`` in the content store with the resources of ``image``.

    It asks for no console where the entry is that of a program with windows.

    Raises as :func:`with_resources` does.
    """
    parts = (_FORMAT, store.file_sha256(launcher), _MANIFEST.read_text(encoding="utf-8"))
    facts = repr((image.name, image.version, image.entry.gui, *image.application.facts()))

    def write(path: Path) -> None:
        program = launcher.read_bytes()
        if image.entry.gui:
            program = without_console(program)
        path.write_bytes(with_resources(program, image))
        path.chmod(0o755)

    return store.make_entry("windows-launchers", store.digest_of(*parts, facts), write)


def with_resources(launcher: bytes, image: Image) -> bytes:
    """``launcher``, a PE file, with what Windows shows of ``image``, in place of what it has.

    Raises :class:`~sealift.errors.ConfigError` for a picture that is no icon,
    :class:`~sealift.errors.BinaryFormatError` for a launcher that cannot be edited.
    """
    changes = {
        (VERSION, 1, ENGLISH): make_version(file_version(image)),
        (MANIFEST, 1, ENGLISH): manifest(image).encode(),
        **icon_resources(make_ico(picture) for picture in icon_files(image)),
    }
    return replace_resources(launcher, changes, f"the launcher of {image.name}")


def icon_files(image: Image) -> tuple[Path, ...]:
    """The pictures of the application and its documents, as the launcher has them."""
    return pictures_of(image.application, image.application.documents)


def icon_index(image: Image, picture: Path | None) -> int:
    """Which icon of the launcher, from 0, is ``picture``; the first where it has none of it.

    This is how the registry tells icons: ``app.exe,INDEX``.
    """
    pictures = icon_files(image)
    return pictures.index(picture) if picture in pictures else 0


def file_version(image: Image) -> FileVersion:
    """What the version resource tells."""
    app, numbers = image.application, four_numbers(image.version)
    texts = {
        "CompanyName": app.publisher,
        # This is what the task manager and firewalls call the program.
        "FileDescription": app.title,
        "FileVersion": image.version,
        "InternalName": image.name,
        "LegalCopyright": app.copyright,
        "OriginalFilename": f"{image.name}.exe",
        "ProductName": app.title,
        "ProductVersion": image.version,
        "Comments": app.summary,
    }
    return FileVersion(
        file=numbers, product=numbers, texts={key: text for key, text in texts.items() if text}
    )


def manifest(image: Image) -> str:
    """The application manifest: UTF-8, long paths, sharp on every screen, no more rights."""
    return _MANIFEST.read_text(encoding="utf-8").format(
        identifier=quoteattr(image.application.identifier)[1:-1],
        version=".".join(map(str, four_numbers(image.version))),
    )
