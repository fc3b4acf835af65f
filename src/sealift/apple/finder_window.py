"""How the Finder shows a disk image: the window's size, where icons lie, a picture behind them.

All of it stands in a file ``.DS_Store`` on the volume.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sealift.apple.hfsplus import LATEST, catalog_numbers, decomposed
from sealift.errors import ConfigError

BACKGROUND = ".background/background.png"
_STORE = ".DS_Store"
_PNG = b"\x89PNG\r\n\x1a\n"
_CORNER = (200, 120)  # of the window on the screen
_ICON, _TEXT = 128, 13  # in points
_TITLE_BAR = 22


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A window of ``size`` points, and the middles of its icons by the names of files.

    ``has_background`` is for a picture at :data:`BACKGROUND` of the volume.
    """

    size: tuple[int, int]
    icons: Mapping[str, tuple[int, int]]
    has_background: bool = False


def picture_size(path: Path) -> tuple[int, int]:
    """Width and height of a PNG file.

    Raises :class:`ConfigError` where it is none: nothing else serves as a background here.
    """
    try:
        with path.open("rb") as file:
            head = file.read(24)
    except OSError as problem:
        raise ConfigError(f"cannot use the background {path}: {problem.strerror}") from problem
    if not head.startswith(_PNG) or len(head) < 24:
        raise ConfigError(f"cannot use the background {path}: it is no PNG picture")
    width, height = struct.unpack(">II", head[16:24])
    return width, height


def write_window(folder: Path, window: Window, *, label: str, modified: int) -> None:
    """Write what shows the volume ``label``, with the content of ``folder``, in ``window``.

    All else has to be in ``folder`` already; ``modified`` is that of the volume.
    """
    from ds_store import DSStore

    store = folder / _STORE
    store.touch()  # so that it has a number among the others
    (left, top), (width, height) = _CORNER, window.size
    bounds = f"{{{{{left}, {top}}}, {{{width}, {height + _TITLE_BAR}}}}}"
    view = _view()
    if window.has_background:
        view["backgroundType"] = 2
        view["backgroundImageAlias"] = _alias(folder, label, modified)
    with DSStore.open(str(store), "w+") as made:
        made["."]["vSrn"] = ("long", 1)
        made["."]["bwsp"] = {
            "ShowStatusBar": False,
            "ShowToolbar": False,
            "ShowTabView": False,
            "ShowSidebar": False,
            "ContainerShowSidebar": False,
            "PreviewPaneVisibility": False,
            "SidebarWidth": 180,
            "WindowBounds": bounds,
        }
        made["."]["icvp"] = view
        for name, place in sorted(window.icons.items()):
            made[decomposed(name)]["Iloc"] = place


def _view() -> dict[str, Any]:
    return {
        "viewOptionsVersion": 1,
        "backgroundType": 0,
        "backgroundColorRed": 1.0,
        "backgroundColorGreen": 1.0,
        "backgroundColorBlue": 1.0,
        "gridOffsetX": 0.0,
        "gridOffsetY": 0.0,
        "gridSpacing": 100.0,
        "arrangeBy": "none",
        "showIconPreview": False,
        "showItemInfo": False,
        "labelOnBottom": True,
        "textSize": float(_TEXT),
        "iconSize": float(_ICON),
        "scrollPositionX": 0.0,
        "scrollPositionY": 0.0,
    }


def _alias(folder: Path, label: str, modified: int) -> bytes:
    """Where the picture lies, in the Finder's words."""
    from mac_alias import ALIAS_EJECTABLE_DISK, ALIAS_KIND_FILE, Alias
    from mac_alias.alias import TargetInfo, VolumeInfo

    time = datetime.fromtimestamp(min(modified, LATEST), UTC)
    parent, _, name = BACKGROUND.partition("/")
    numbers = catalog_numbers(folder)
    volume = VolumeInfo(
        label, time, b"HX", ALIAS_EJECTABLE_DISK, 0, b"\0\0", posix_path=f"/Volumes/{label}"
    )
    target = TargetInfo(
        ALIAS_KIND_FILE, name, numbers[parent], numbers[BACKGROUND], time, b"\0\0\0\0", b"\0\0\0\0",
        folder_name=parent, cnid_path=[numbers[parent]],
        carbon_path=f"{label}:{parent}:\0{name}", posix_path=f"/{BACKGROUND}",
    )  # fmt: skip
    return bytes(Alias(volume=volume, target=target).to_bytes())
