"""The laws of the source tree: import order, one door each, sizes."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "sealift"
MODULES = sorted(SOURCE.rglob("*.py"))

FILE_LINES, FUNCTION_LINES = 600, 80  # beyond these a test fails; 400 and 50 are the house's aim
AIM_FILE, AIM_FUNCTION = 400, 50

DOORS = {
    "subprocess": {"process.py"},
    "urllib.request": {"fetch.py"},
    "http.client": {"fetch.py"},
    "socket": {"fetch.py"},
    "rich": {"console.py"},
    "platform": {"target.py"},
}
# Run inside the product, by its own interpreter: they belong to no layer and cannot use doors.
SHIPPED = {
    *("launcher/importer.py", "launcher/adapters.py", "launcher/paths.py"),
    *("launcher/encodings_start.py", "launcher/frozen.py", "launcher/windows.py"),
    *("pyz_boot.py", "pyz_unpack.py", "bytecode_worker.py"),
    # Run inside a build, by its Python.
    "cross/answering.py",
    *(f"cross/environment/{name}.py" for name in ("startup", "patches", "expose")),
}

LAYERS = (
    {"errors", "config", "target", "jsonform", "machine"},
    {"project", "plan", "wheelhouse", "image", "artifact", "interpreter"},
    {"plugins"},
    {"process", "fetch", "archive", "tools", "store", "console", "output"},
    {"debian", "apple"},
    {"audit"},
    {"repair"},
    {"interpreters", "formats", "runners", "cross"},
    {"lab"},
    {"pipeline", "report", "checkup", "template"},
    {"cli"},
    {"__main__", "crossenv"},
)


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def name_of(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(module), names=names):
                yield module
                yield from (f"{module}.{alias.name}" for alias in names)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_files_and_functions_stay_small(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= FILE_LINES
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= FUNCTION_LINES, f"{node.name} has {length} lines"


def test_most_files_and_functions_keep_the_aim() -> None:
    long_files = [name_of(p) for p in MODULES if len(p.read_text("utf-8").splitlines()) > AIM_FILE]
    long_functions = [
        f"{name_of(path)}:{node.name}"
        for path in MODULES
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.FunctionDef)
        and (node.end_lineno or 0) - node.lineno >= AIM_FUNCTION
    ]
    assert long_files == []
    assert long_functions == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_doors_are_the_only_way_out(path: Path) -> None:
    if name_of(path) in SHIPPED:
        return
    for module in imports(parsed(path)):
        for door, owners in DOORS.items():
            if module == door or module.startswith(f"{door}."):
                assert name_of(path) in owners, f"{module} is only for {owners}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_only_the_console_prints_and_only_the_target_asks_the_platform(path: Path) -> None:
    if name_of(path) in SHIPPED:
        return
    for node in ast.walk(parsed(path)):
        match node:
            case ast.Call(func=ast.Name(id="print")):
                pytest.fail(f"print in line {node.lineno}")
            case ast.Attribute(value=ast.Name(id="sys"), attr="platform"):
                assert name_of(path) == "target.py", f"sys.platform in line {node.lineno}"
            case ast.Attribute(value=ast.Name(id="os"), attr="name" | "uname"):
                pytest.fail(f"os.{node.attr} in line {node.lineno}")


def layer_of(module: str) -> int | None:
    name = module.removeprefix("sealift.").split(".")[0]
    return next((number for number, names in enumerate(LAYERS) if name in names), None)


def test_plugins_do_not_import_one_another() -> None:
    for kind in ("interpreters", "formats"):
        registered = {p.stem for p in (SOURCE / kind).glob("*.py")} - {"__init__"}
        plugins = _entry_point_modules(kind)
        for path in (SOURCE / kind).glob("*.py"):
            if path.stem not in plugins:
                continue
            for module in imports(parsed(path)):
                other = module.removeprefix(f"sealift.{kind}.").split(".")[0]
                if module.startswith(f"sealift.{kind}.") and other in registered:
                    assert other not in plugins, f"{name_of(path)} imports {other}"


def _entry_point_modules(kind: str) -> set[str]:
    import tomllib

    data = tomllib.loads((SOURCE.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    points = data["project"]["entry-points"][f"sealift.{kind}"].values()
    return {point.partition(":")[0].rpartition(".")[2] for point in points}


def top_level_imports(path: Path) -> Iterator[str]:
    for node in parsed(path).body:
        yield from imports(node)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_go_one_way(path: Path) -> None:
    own = layer_of(name_of(path).removesuffix(".py").replace("/", "."))
    if own is None:
        return
    for module in top_level_imports(path):
        if module.startswith("sealift."):
            other = layer_of(module)
            # A noun's making function uses doors: it may reach them, never the plug-ins above.
            limit = max(own, 3) if own == 1 else own
            assert other is None or other <= limit, f"imports {module}"


def test_the_core_knows_no_format_by_name() -> None:
    import tomllib

    data = tomllib.loads((SOURCE.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    formats = set(data["project"]["entry-points"]["sealift.formats"]) - {"dir", "tar"}
    for name in ("image.py", "plan.py", "wheelhouse.py", "artifact.py", "plugins.py"):
        for node in ast.walk(parsed(SOURCE / name)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert node.value not in formats, f"{name}:{node.lineno}"
