"""Names that Windows does not take, and paths that installers cannot write, are told."""

from pathlib import Path

import pytest

from sealift.errors import OutputError
from sealift.launcher.tree import Piece, TreeFile, bytes_piece
from sealift.windows.installer import InstallerOptions, lay_out
from sealift.windows.names import check_name, check_paths, why_not
from sealift.windows.version import four_numbers
from tests.support.entries import an_application
from tests.support.windows_products import a_windows_image


@pytest.mark.parametrize(
    "name",
    [
        "COM1",
        "com1.txt",
        "nul",
        "CONIN$",
        "LPT³",
        "a:b",
        "a?",
        "a\tb",
        "end.",
        "end ",
        "",
        "x" * 256,
    ],
)
def test_names_that_windows_keeps_or_drops_are_told(name: str) -> None:
    assert why_not(name)


@pytest.mark.parametrize("name", ["COM10", "console", "a b.c", "ö", ".hidden", "x" * 255])
def test_other_names_are_free(name: str) -> None:
    assert why_not(name) is None


@pytest.mark.parametrize("name", ["COM1", "a:b", "aux", "my app.", "what?"])
def test_a_product_is_not_called_as_windows_forbids(name: str) -> None:
    with pytest.raises(OutputError, match="cannot call a product for Windows") as caught:
        check_name(name)
    assert "--name" in str(caught.value.hint)


def test_files_that_differ_by_case_and_names_of_devices_are_told_at_once() -> None:
    with pytest.raises(OutputError, match="some of its files cannot be there") as caught:
        check_paths(["Lib/a.py", "lib/b.py", "x/README", "x/Readme", "x/aux.py", "q?/z"], "demo")
    assert caught.value.details == (
        "lib: differs from Lib only by case",
        "x/Readme: differs from x/README only by case",
        "x/aux.py: Windows keeps the name 'aux' for a device",
        "q?/z: in 'q?', Windows does not allow '?' in names",
    )


def test_many_problems_are_counted() -> None:
    with pytest.raises(OutputError) as caught:
        check_paths([f"a{number}:" for number in range(30)], "demo")
    assert caught.value.details[-1] == "… and 10 more"


@pytest.mark.parametrize(("scope", "longest"), [("user", 196), ("machine", 232)])
def test_paths_of_more_than_260_letters_are_no_installers(
    scope: str, longest: int, tmp_path: Path
) -> None:
    image = a_windows_image(tmp_path)
    room = longest - len("Lib/")
    for length, is_fine in ((room, True), (room + 1, False)):
        piece = bytes_piece(b"x")
        path = f"Lib/{'x' * length}"
        tree = [TreeFile(path=path, mode=0o644, origin="", pieces=(piece,))]
        folder = tmp_path / f"{length}"
        folder.mkdir()
        if is_fine:
            lay_out(image, InstallerOptions(scope=scope), tree, folder)
            continue
        with pytest.raises(OutputError, match="longer than 259 letters") as caught:
            lay_out(image, InstallerOptions(scope=scope), tree, folder)
        assert caught.value.details[0].startswith(f"Lib/{'x' * length}: 260 letters in C:\\")


def test_a_symbolic_link_becomes_the_file_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"content")
    (tmp_path / "link").symlink_to("real")
    piece = Piece(tmp_path / "link", 0, 7, "0" * 64)
    file = TreeFile(path="Lib/link", mode=0o644, origin="", pieces=(piece,))
    installer = lay_out(a_windows_image(tmp_path), InstallerOptions(), [file], tmp_path)
    written = installer.root / "Lib" / "link"
    assert not written.is_symlink()
    assert written.read_bytes() == b"content"


@pytest.mark.parametrize("title", ["Demo: the app", "Demo; and more"])  # ; parts folders on PATH
def test_a_title_that_is_no_name_of_a_folder_gives_way(title: str, tmp_path: Path) -> None:
    image = a_windows_image(tmp_path, application=an_application(title=title))
    installer = lay_out(image, InstallerOptions(), [], tmp_path)
    assert installer.folder == "demo"


def test_versions_are_four_numbers() -> None:
    assert four_numbers("1!2.3.dev4+local") == (2, 3, 0, 0)
    assert four_numbers("not a version") == (0, 0, 0, 0)
