"""``Info.plist``: what macOS knows of an application before it starts it.

Keys: Apple's *Information Property List* and *Core Foundation Keys*.
"""

import plistlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sealift.application import Application, Document

ICON = "application.icns"
# Types that many programs open; those belong to nobody, so they are imported, not exported.
_COMMON = re.compile(r"(?!application/(x-|vnd\.))[a-z]+/(?!x-|vnd\.)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Information:
    """What an ``Info.plist`` tells; ``program`` is the executable's name.

    ``is_windowless`` leaves the program out of the Dock: one that shows no window would seem to
    hang there.  ``minimum`` is the oldest macOS it runs on.
    """

    application: Application
    program: str
    version: str
    minimum: tuple[int, int] | None
    is_windowless: bool = False
    category: str | None = None

    def plist(self) -> bytes:
        """The file."""
        return plistlib.dumps({**self._basics(), **dict(self._choices())}, sort_keys=True)

    def _basics(self) -> dict[str, Any]:
        told = self.application
        return {
            "CFBundleDevelopmentRegion": "en",
            "CFBundleDisplayName": told.title,
            "CFBundleExecutable": self.program,
            "CFBundleIdentifier": told.identifier,
            "CFBundleInfoDictionaryVersion": "6.0",
            "CFBundleName": told.title,
            "CFBundlePackageType": "APPL",
            "CFBundleShortVersionString": numeric_version(self.version),
            "CFBundleSupportedPlatforms": ["MacOSX"],
            "CFBundleVersion": numeric_version(self.version),
            "NSHighResolutionCapable": True,
            "NSRequiresAquaSystemAppearance": False,  # it may be dark
        }

    def _choices(self) -> Iterator[tuple[str, Any]]:
        told = self.application
        if self.minimum:
            yield "LSMinimumSystemVersion", ".".join(map(str, self.minimum))
        if told.icon:
            yield "CFBundleIconFile", ICON
        if told.copyright:
            yield "NSHumanReadableCopyright", told.copyright
        if self.category:
            yield "LSApplicationCategoryType", self.category
        if self.is_windowless:
            yield "LSUIElement", True
        if told.documents:
            yield "CFBundleDocumentTypes", [self._document(one) for one in told.documents]
            for is_common, key in (
                (False, "UTExportedTypeDeclarations"), (True, "UTImportedTypeDeclarations"),
            ):  # fmt: skip
                found = [one for one in told.documents if _is_common(one) == is_common]
                if found:
                    yield key, [self._type(one) for one in found]

    def _document(self, document: Document) -> dict[str, Any]:
        return {
            "CFBundleTypeName": document.title,
            "CFBundleTypeRole": "Editor",
            "LSHandlerRank": "Alternate" if _is_common(document) else "Owner",
            "LSItemContentTypes": [self._identifier(document)],
            **({"CFBundleTypeIconFile": icon_name(document)} if document.icon else {}),
        }

    def _type(self, document: Document) -> dict[str, Any]:
        tags: dict[str, Sequence[str]] = {"public.filename-extension": list(document.extensions)}
        if document.mime:
            tags["public.mime-type"] = [document.mime]
        return {
            "UTTypeIdentifier": self._identifier(document),
            "UTTypeDescription": document.title,
            "UTTypeConformsTo": ["public.data", "public.content"],
            "UTTypeTagSpecification": tags,
            **({"UTTypeIconFile": icon_name(document)} if document.icon else {}),
        }

    def _identifier(self, document: Document) -> str:
        name = re.sub(r"[^A-Za-z0-9-]", "-", document.name)
        return f"{self.application.identifier}.{name}"


def icon_name(document: Document) -> str:
    """The name of the icon that documents of a kind have."""
    return f"document-{re.sub(r'[^A-Za-z0-9-]', '-', document.name)}.icns"


def _is_common(document: Document) -> bool:
    return bool(document.mime and _COMMON.match(document.mime))


def numeric_version(version: str) -> str:
    """The release of a version (PEP 440) as Apple counts: three whole numbers at most.

    >>> numeric_version("1.2.3.4rc1"), numeric_version("2!2024.10"), numeric_version("0.dev1")
    ('1.2.3', '2024.10', '0')
    """
    release = re.match(r"\d+(\.\d+){0,2}", version.rpartition("!")[2])
    return release[0] if release else "0"
