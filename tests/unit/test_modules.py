"""The index knows modules as CPython's finders would."""

from pathlib import Path

from sealift.launcher.modules import Flag, Module, extension_suffixes, find_modules
from tests.support.entries import SITE, STDLIB, an_image

SUFFIX = ".cpython-313-x86_64-linux-gnu.so"


def modules_of(folder: Path, *paths: str, code: tuple[str, ...] | None = None) -> dict[str, Module]:
    image = an_image(folder, {path: path.encode() for path in paths})
    sources = [path for path in paths if path.endswith(".py")]
    compiled = sources if code is None else code
    codes = {path: (100 + i, 10) for i, path in enumerate(compiled)}
    places = {path: (0, (i, 1)) for i, path in enumerate(sources)}
    return find_modules(image, codes, places, real=())


def test_modules_packages_and_folders(tmp_path: Path) -> None:
    found = modules_of(
        tmp_path, f"{STDLIB}/os.py", f"{SITE}/pkg/__init__.py", f"{SITE}/pkg/sub/mod.py"
    )
    assert list(found) == sorted(found)
    source = Flag.MODULE | Flag.SOURCE
    assert found[f"{STDLIB}/os"].flags == source
    assert found[f"{SITE}/pkg"].flags == source | Flag.PACKAGE | Flag.DIRECTORY
    assert found[f"{SITE}/pkg"].file == f"{SITE}/pkg/__init__.py"
    assert found[f"{SITE}/pkg/sub"].flags == Flag.DIRECTORY
    assert found[f"{SITE}/pkg/sub"].file == ""
    assert found[f"{SITE}/pkg"].children == [f"{SITE}/pkg/sub"]
    assert found[STDLIB].children == [
        f"{STDLIB}/lib-dynload", f"{STDLIB}/os", f"{STDLIB}/site-packages",
    ]  # fmt: skip
    assert found["lib"].flags == Flag.DIRECTORY


def test_an_extension_wins_over_a_source_whose_text_stays(tmp_path: Path) -> None:
    found = modules_of(tmp_path, f"{SITE}/a.py", f"{SITE}/a{SUFFIX}")
    assert found[f"{SITE}/a"].flags == Flag.EXTENSION | Flag.SOURCE
    assert found[f"{SITE}/a"].file == f"{SITE}/a{SUFFIX}"


def test_the_most_special_suffix_wins(tmp_path: Path) -> None:
    for order in ((".so", ".abi3.so", SUFFIX), (SUFFIX, ".abi3.so", ".so")):
        found = modules_of(tmp_path, *(f"{SITE}/a{suffix}" for suffix in order))
        assert found[f"{SITE}/a"].file == f"{SITE}/a{SUFFIX}"
    found = modules_of(tmp_path, f"{SITE}/a.so", f"{SITE}/a.abi3.so")
    assert found[f"{SITE}/a"].file == f"{SITE}/a.abi3.so"


def test_a_package_wins_over_a_module_of_its_name(tmp_path: Path) -> None:
    found = modules_of(tmp_path, f"{SITE}/a.py", f"{SITE}/a/__init__.py", f"{SITE}/b{SUFFIX}",
                       f"{SITE}/b/__init__.py")  # fmt: skip
    for name in "ab":
        assert found[f"{SITE}/{name}"].file == f"{SITE}/{name}/__init__.py"
        assert Flag.EXTENSION not in found[f"{SITE}/{name}"].flags


def test_a_package_may_be_an_extension(tmp_path: Path) -> None:
    found = modules_of(tmp_path, f"{SITE}/a/__init__.py", f"{SITE}/a/__init__{SUFFIX}")
    wanted = Flag.EXTENSION | Flag.PACKAGE | Flag.SOURCE | Flag.DIRECTORY
    assert found[f"{SITE}/a"].flags == wanted
    assert found[f"{SITE}/a"].file == f"{SITE}/a/__init__{SUFFIX}"


def test_libraries_are_no_extensions(tmp_path: Path) -> None:
    found = modules_of(tmp_path, "lib/libpq.so.5", f"{SITE}/pkg.libs/libz.so.1", f"{SITE}/p/x.py")
    assert not any(Flag.EXTENSION in module.flags for module in found.values())


def test_folders_of_data_can_be_namespace_packages(tmp_path: Path) -> None:
    found = modules_of(
        tmp_path, f"{SITE}/pkg/__init__.py", f"{SITE}/pkg/data/deep/x.txt",
        f"{SITE}/pkg-1.0.dist-info/licenses/MIT", f"{SITE}/data_only/y.txt", "share/doc/z.txt",
    )  # fmt: skip
    assert found[f"{SITE}/pkg/data/deep"].flags == Flag.DIRECTORY
    assert found[f"{SITE}/data_only"].flags == Flag.DIRECTORY
    assert f"{SITE}/pkg-1.0.dist-info" not in found
    assert f"{SITE}/pkg-1.0.dist-info/licenses" not in found


def test_a_module_beside_a_folder_of_its_name_is_both(tmp_path: Path) -> None:
    found = modules_of(tmp_path, f"{SITE}/a.py", f"{SITE}/a/b.py")
    assert found[f"{SITE}/a"].flags == Flag.MODULE | Flag.SOURCE | Flag.DIRECTORY
    assert found[f"{SITE}/a"].file == f"{SITE}/a.py"


def test_a_source_without_code_is_no_module_yet(tmp_path: Path) -> None:
    found = modules_of(tmp_path, f"{SITE}/old.py", code=())
    assert found[f"{SITE}/old"].flags == Flag.SOURCE


def test_suffixes_are_those_of_the_system() -> None:
    assert extension_suffixes(".cp313-win_amd64.pyd") == (".cp313-win_amd64.pyd", ".pyd")
    assert extension_suffixes(".cpython-313-darwin.so") == (
        ".cpython-313-darwin.so", ".abi3.so", ".so",
    )  # fmt: skip
