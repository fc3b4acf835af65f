"""Icons: made of one picture, read back by Pillow; what is no icon is refused."""

import io
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import IcnsImagePlugin, Image

from sealift import icon
from sealift.errors import ConfigError
from tests.support.icons import SVG, png

ICO_SIZES = {16, 20, 24, 32, 40, 48, 64, 128, 256}


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "app.png"
    path.write_bytes(png(1024, 1024))
    return path


def ico_images(data: bytes) -> dict[int, Image.Image]:
    image = Image.open(io.BytesIO(data))
    return {size: image.ico.getimage((size, size)) for size, _ in image.info["sizes"]}  # type: ignore[attr-defined]


def test_an_ico_has_every_size_with_its_colours_and_transparency(picture: Path) -> None:
    images = ico_images(icon.make_ico(picture))
    assert set(images) == ICO_SIZES
    for size, image in images.items():
        assert image.size == (size, size)
        assert image.convert("RGBA").getpixel((size // 4, size // 2)) == (255, 0, 0, 255)
        assert image.convert("RGBA").getpixel((size * 3 // 4, size // 2))[3] == 0  # type: ignore[index]


def test_only_the_largest_image_of_an_ico_is_a_png(picture: Path) -> None:
    data = icon.make_ico(picture)
    (count,) = struct.unpack_from("<H", data, 4)
    for index in range(count):
        edge, _, _, _, _, _, size, at = struct.unpack_from("<BBBBHHII", data, 6 + 16 * index)
        assert data[at : at + size].startswith(b"\x89PNG") == (edge == 0)


def test_an_icns_has_every_size(picture: Path) -> None:
    file = IcnsImagePlugin.IcnsFile(io.BytesIO(icon.make_icns(picture)))
    assert {(w * scale, scale) for w, _, scale in file.itersizes()} == {
        (32, 2), (64, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1), (1024, 2),
    }  # fmt: skip
    image = file.getimage((512, 512, 2))
    assert image.size == (1024, 1024)
    assert image.getpixel((256, 512)) == (255, 0, 0, 255)


def test_a_picture_is_never_scaled_up(tmp_path: Path) -> None:
    path = tmp_path / "app.png"
    path.write_bytes(png(300, 300))
    file = IcnsImagePlugin.IcnsFile(io.BytesIO(icon.make_icns(path)))
    assert max(width * scale for width, _, scale in file.itersizes()) == 256
    assert list(icon.make_pngs(path, [48, 256, 512])) == [48, 256]


def test_an_svg_is_drawn_at_each_size(tmp_path: Path) -> None:
    path = tmp_path / "app.svg"
    path.write_text(SVG, encoding="utf-8")
    images = ico_images(icon.make_ico(path))
    assert set(images) == ICO_SIZES
    assert images[16].getpixel((8, 8)) == (255, 0, 0, 255)
    assert images[256].getpixel((0, 0))[3] == 0  # type: ignore[index]
    pngs = icon.make_pngs(path, [1024])
    assert Image.open(io.BytesIO(pngs[1024])).size == (1024, 1024)


def test_the_same_picture_gives_the_same_bytes(picture: Path) -> None:
    assert icon.make_ico(picture) == icon.make_ico(picture)
    assert icon.make_icns(picture) == icon.make_icns(picture)


def test_icons_made_by_others_are_taken_as_they_are_or_converted(
    picture: Path, tmp_path: Path
) -> None:
    ico, icns = tmp_path / "app.ico", tmp_path / "app.icns"
    ico.write_bytes(icon.make_ico(picture))
    icns.write_bytes(icon.make_icns(picture))
    assert icon.make_ico(ico) == ico.read_bytes()
    assert icon.make_icns(icns) == icns.read_bytes()
    assert set(ico_images(icon.make_ico(icns))) == ICO_SIZES
    assert Image.open(io.BytesIO(icon.make_icns(ico))).size[0] <= 512


@pytest.mark.parametrize("size", [(512, 256), (256, 512)])
def test_a_picture_that_is_not_square_is_padded_and_told(
    size: tuple[int, int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "app.png"
    path.write_bytes(png(*size))
    images = ico_images(icon.make_ico(path))
    assert images[256].getpixel((0, 0))[3] == 0  # type: ignore[index]
    assert "not square" in " ".join(capsys.readouterr().err.split())


def test_a_wide_svg_is_padded(tmp_path: Path) -> None:
    path = tmp_path / "app.svg"
    path.write_text(SVG.replace("0 0 10 10", "0 0 20 10"), encoding="utf-8")
    image = ico_images(icon.make_ico(path))[256]
    assert image.getpixel((64, 128)) == (255, 0, 0, 255)
    assert image.getpixel((64, 60))[3] == 0  # type: ignore[index]


def test_pictures_of_16_bits_keep_their_brightness(tmp_path: Path) -> None:
    path = tmp_path / "app.png"
    Image.new("I;16", (256, 256), 0x8000).save(path)
    image = ico_images(icon.make_ico(path))[256]
    assert image.getpixel((9, 9)) == (128, 128, 128, 255)


def _jpeg() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (256, 256)).save(out, "JPEG")
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (_jpeg(), "it is a JPEG"),
        (b"hello", "it is neither PNG, SVG, ICO nor ICNS"),
        (b"", "it is neither PNG, SVG, ICO nor ICNS"),
        (png(255, 255), "it has 255 × 255 pixels, and the least is 256 × 256"),
        (png(256, 256)[:200], "it is damaged"),
        (png(8193, 1), "it is larger than 8192 pixels"),
        (b"\0\0\1\0\1\0" + bytes(40), "it is damaged"),
        (b"icns\0\0\0\x20" + bytes(24), "it is damaged"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><rect", "it is damaged"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "nothing in it but transparency"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'>\xff</svg>", "it is damaged"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><text>A</text></svg>", "it has text"),
    ],
)
def test_what_is_no_icon_is_refused_with_the_reason(
    content: bytes, reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "app.png"
    path.write_bytes(content)
    for make in (icon.make_ico, icon.make_icns):
        with pytest.raises(ConfigError, match=reason) as caught:
            make(path)
        assert str(path) in caught.value.message


def test_an_icon_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        icon.make_ico(tmp_path / "app.png")


@pytest.mark.parametrize(("module", "suffix"), [("PIL", "png"), ("resvg_py", "svg")])
def test_a_missing_library_is_told_with_the_remedy(
    module: str, suffix: str, tmp_path: Path
) -> None:
    path = tmp_path / f"app.{suffix}"
    path.write_bytes(png(256, 256) if suffix == "png" else SVG.encode())
    code = (
        f"import sys, pathlib; sys.modules[{module!r}] = None\n"
        "from sealift import icon, errors\n"
        f"try: icon.make_ico(pathlib.Path({str(path)!r}))\n"
        "except errors.ToolError as problem: print(problem.message, problem.hint)\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert f"there is no {module}" in said
    assert "sealift[icons]" in said
