"""An icon from one picture: as Windows and macOS want it, in all sizes they show.

A PNG is scaled down, never up; an SVG is drawn anew at each size.  An icon that already is in the
wanted form is taken as it is.  Formats: ICO as of Windows Vista (small images as bitmaps, the
largest as PNG), ICNS with PNG images (macOS 10.7 and later), SVG as far as resvg draws it.

Needs Pillow and resvg-py, which come with ``sealift[icons]``.
"""

import functools
import io
import re
import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sealift import console
from sealift.errors import ConfigError, ToolError

if TYPE_CHECKING:
    from PIL import Image

SMALLEST = 256
"""The least edge of a picture, in pixels: what Windows shows at most, and macOS needs."""

_LARGEST = 8192
_ICO_SIZES = (16, 20, 24, 32, 40, 48, 64, 128, 256)  # at 100 % to 250 % of scale
_ICO_PNG = 256  # the size from which images are PNG: what reads old icons knows only bitmaps
# The type of each image by its edge; @2x ones are for screens of twice the density.
_ICNS_TYPES = (
    (b"ic11", 32), (b"ic12", 64), (b"ic07", 128), (b"ic13", 256), (b"ic08", 256), (b"ic14", 512),
    (b"ic09", 512), (b"ic10", 1024),
)  # fmt: skip
_MAGIC = {
    "PNG": b"\x89PNG\r\n\x1a\n", "ICO": b"\0\0\1\0", "ICNS": b"icns",
    "JPEG": b"\xff\xd8\xff", "GIF": b"GIF8", "BMP": b"BM", "WebP": b"RIFF", "TIFF": b"II*\0",
}  # fmt: skip
_USABLE = ("PNG", "SVG", "ICO", "ICNS")
_SVG = re.compile(rb"<svg[\s>]|<[a-z]+:svg[\s>]")
_SVG_TEXT = re.compile(rb"<(?:[a-z]+:)?text[\s>]")
_PADDED = "the icon {} is {} × {}, not square: it is padded with nothing at its narrow sides"


@dataclass(frozen=True, slots=True)
class _Picture:
    """A picture that can be drawn at every size up to ``largest`` pixels an edge."""

    draw: "Callable[[int], Image.Image]"
    largest: int


def make_ico(path: Path) -> bytes:
    """The picture at ``path`` (PNG, SVG, ICO, ICNS) as an ICO file.

    Raises :class:`ConfigError` where it is no such picture, damaged, or smaller than
    :data:`SMALLEST`, :class:`ToolError` where the libraries for it are not installed.
    """
    data = _read(path)
    picture = _picture(path, data)
    if _kind(data) == "ICO":
        return data
    images = [(size, _ico_image(picture.draw(size), size)) for size in _sizes(picture, _ICO_SIZES)]
    table, at = bytearray(struct.pack("<HHH", 0, 1, len(images))), 6 + 16 * len(images)
    for size, image in images:
        edge = size % 256  # 0 stands for 256
        table += struct.pack("<BBBBHHII", edge, edge, 0, 0, 1, 32, len(image), at)
        at += len(image)
    return bytes(table) + b"".join(image for _, image in images)


def make_icns(path: Path) -> bytes:
    """The picture at ``path`` as an ICNS file; raises as :func:`make_ico` does."""
    data = _read(path)
    picture = _picture(path, data)
    if _kind(data) == "ICNS":
        return data
    pngs = {size: _png(picture.draw(size)) for size in _sizes(picture, dict(_ICNS_TYPES).values())}
    chunks = [(kind, pngs[size]) for kind, size in _ICNS_TYPES if size in pngs]
    body = b"".join(_chunk(kind, png) for kind, png in chunks)
    contents = b"".join(struct.pack(">4sI", kind, len(png) + 8) for kind, png in chunks)
    return _chunk(b"icns", _chunk(b"TOC ", contents) + body)


def check_icon(path: Path) -> None:
    """Raise what :func:`make_ico` would; nothing is drawn that takes time."""
    _picture(path, _read(path))


def make_pngs(path: Path, sizes: Iterable[int]) -> Mapping[int, bytes]:
    """The picture at ``path`` as PNG files by their edge, no larger ones than it has.

    Raises as :func:`make_ico` does.
    """
    picture = _picture(path, _read(path))
    return {size: _png(picture.draw(size)) for size in _sizes(picture, sizes)}


def _sizes(picture: _Picture, sizes: Iterable[int]) -> list[int]:
    return sorted({size for size in sizes if size <= picture.largest})


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as problem:
        raise ConfigError(f"cannot read the icon {path}: {problem.strerror}") from problem


def _kind(data: bytes) -> str:
    """What a file that begins as ``data`` does is, by its content."""
    for kind, magic in _MAGIC.items():
        if data.startswith(magic):
            return kind
    if _SVG.search(data[:65536]):
        return "SVG"
    return "file"


def _picture(path: Path, data: bytes) -> _Picture:
    kind = _kind(data)
    if kind not in _USABLE:
        what = "neither PNG, SVG, ICO nor ICNS" if kind == "file" else f"a {kind}"
        raise _unusable(path, f"it is {what}", "give a square PNG of 1024 × 1024 pixels, or an SVG")
    return _vectors(path, data) if kind == "SVG" else _pixels(path, data)


def _unusable(path: Path, reason: str, hint: str | None = None) -> ConfigError:
    return ConfigError(f"cannot use the icon {path}: {reason}", hint=hint)


def _lacking(problem: ImportError) -> ToolError:
    return ToolError(
        f"cannot make an icon: there is no {problem.name}", hint="pip install 'sealift[icons]'"
    )


def _pixels(path: Path, data: bytes) -> _Picture:
    image = _decode(path, data)
    _check(path, image)
    edge = max(image.size)
    if edge < SMALLEST:
        raise _unusable(
            path,
            f"it has {image.width} × {image.height} pixels, and the least is "
            f"{SMALLEST} × {SMALLEST}",
            "give a PNG of 1024 × 1024 pixels, or an SVG",
        )
    square = _amid(image, edge)

    def draw(size: int) -> "Image.Image":
        from PIL.Image import Resampling

        return square if size == edge else square.resize((size, size), Resampling.LANCZOS)

    return _Picture(draw, edge)


def _decode(path: Path, data: bytes) -> "Image.Image":
    """The largest image in ``data``, with colours of 8 bits and transparency."""
    try:
        from PIL import Image
    except ImportError as problem:
        raise _lacking(problem) from problem
    # Decoders of damaged files raise what their parsing happens to raise.
    try:
        image = Image.open(io.BytesIO(data), formats=("PNG", "ICO", "ICNS"))
        if max(image.size) <= _LARGEST:
            image.load()
            return _rgba(image)
    except Exception as problem:
        raise _unusable(path, f"it is damaged: {problem}") from problem
    raise _unusable(path, f"it is larger than {_LARGEST} pixels")


def _rgba(image: "Image.Image") -> "Image.Image":
    if image.mode == "I;16":  # converting would cut values off, not scale them
        image = image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    return image.convert("RGBA")


def _check(path: Path, image: "Image.Image") -> None:
    """Refuse a picture with nothing in it; tell of one that is not square."""
    if image.getchannel("A").getbbox() is None:
        raise _unusable(path, "there is nothing in it but transparency")
    if image.width != image.height:
        _tell_padded(path, image.width, image.height)


@functools.cache
def _tell_padded(path: Path, width: int, height: int) -> None:
    console.warning(_PADDED.format(path, width, height))


def _amid(image: "Image.Image", edge: int) -> "Image.Image":
    """``image`` amid as much transparency as makes it square."""
    from PIL import Image

    if image.size == (edge, edge):
        return image
    square = Image.new("RGBA", (edge, edge), (0, 0, 0, 0))
    square.paste(image, ((edge - image.width) // 2, (edge - image.height) // 2))
    return square


def _vectors(path: Path, data: bytes) -> _Picture:
    if _SVG_TEXT.search(data):
        raise _unusable(
            path,
            "it has text, which looks different by the fonts of the machine",
            "convert the text to paths (in Inkscape: Path > Object to Path)",
        )

    def draw(size: int) -> "Image.Image":
        return _amid(_drawn(path, data, size), size)

    _check(path, _drawn(path, data, SMALLEST))
    return _Picture(draw, _LARGEST)


def _drawn(path: Path, data: bytes, size: int) -> "Image.Image":
    """The SVG ``data`` with ``size`` pixels at its wide side."""
    try:
        import resvg_py
    except ImportError as problem:
        raise _lacking(problem) from problem
    try:
        text = data.decode("utf-8-sig")
        png = resvg_py.svg_to_bytes(
            svg_string=text, width=size, height=size, skip_system_fonts=True
        )
    except ValueError as problem:  # UnicodeDecodeError is one
        raise _unusable(path, f"it is damaged: {problem}") from problem
    return _decode(path, bytes(png))


def _png(image: "Image.Image") -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">4sI", kind, len(content) + 8) + content


def _ico_image(image: "Image.Image", size: int) -> bytes:
    """One image of an ICO file: a PNG, or a bitmap from the bottom up with a mask behind it.

    The mask repeats for old programs what the alpha channel tells: a bit a pixel, rows of words.
    """
    if size >= _ICO_PNG:
        return _png(image)
    header = struct.pack("<IiiHHIIiiII", 40, size, 2 * size, 1, 32, 0, 0, 0, 0, 0, 0)
    upside_down = image.transpose(_flip())
    mask = bytearray()
    alpha = upside_down.getchannel("A").tobytes()
    for start in range(0, len(alpha), size):
        bits = "".join("0" if value else "1" for value in alpha[start : start + size])
        width = -(-size // 32) * 32
        mask += int(bits.ljust(width, "0"), 2).to_bytes(width // 8, "big")
    return header + upside_down.tobytes("raw", "BGRA") + bytes(mask)


def _flip() -> "Image.Transpose":
    from PIL.Image import Transpose

    return Transpose.FLIP_TOP_BOTTOM
