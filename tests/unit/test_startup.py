"""``.pth`` files act as in a normal environment."""

from pathlib import Path

from sealift.startup import Startup, read_startup

SITE = "lib/python3.13/site-packages"


def read(tmp_path: Path, python: str = "3.13", **files: str) -> Startup:
    pairs = []
    for name, text in files.items():
        path = tmp_path / name.replace("_dot_", ".")
        path.write_text(text, encoding="utf-8")
        pairs.append((f"{SITE}/{path.name}", path))
    return read_startup(pairs, python=python, folders=frozenset({f"{SITE}/sub", "lib/extra"}))


def test_folders_that_exist_join_the_path_once(tmp_path: Path) -> None:
    found = read(tmp_path, a_dot_pth="sub\nmissing\nsub\n../../extra\n# sub\n")
    assert found.folders == (f"{SITE}/sub", "lib/extra")


def test_import_lines_are_code_in_order_of_file_names(tmp_path: Path) -> None:
    found = read(tmp_path, b_dot_pth="import b\n", a_dot_pth="import a; a.go()\n\nimport\tc\n")
    assert found.code == ("import a; a.go()", "import\tc", "import b")


def test_a_byte_order_mark_and_trailing_blanks_do_no_harm(tmp_path: Path) -> None:
    assert read(tmp_path, a_dot_pth="\ufeffsub  \n").folders == (f"{SITE}/sub",)


def test_start_files_count_from_python_3_15(tmp_path: Path) -> None:
    assert read(tmp_path, "3.14", a_dot_start="pkg.mod:go\n").code == ()
    assert read(tmp_path, "3.15", a_dot_start="pkg.mod:go\n").code == (
        "import pkg.mod; pkg.mod.go()",
    )
