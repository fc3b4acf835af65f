"""A single script, with or without inline metadata (PEP 723).

It becomes a small wheel with one module, so that every later stage sees wheels only.
"""

import ast
import io
import re
import tokenize
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from sealift import store
from sealift.entry import EntryPoint
from sealift.errors import ConfigError, ProjectError
from sealift.inputs.reading import Reading, parse_toml, tool_table
from sealift.wheel import make_wheel

_BLOCK = re.compile(
    r"(?m)^# /// (?P<type>[a-zA-Z0-9-]+)$\s(?P<content>(^#(| .*)$\s)+)^# ///$"
)  # the expression of PEP 723
_FORMAT = "1"  # a new number forgets wheels made before


def read_script(path: Path) -> Reading:
    """The script at ``path``; its module starts as ``__main__``."""
    content = path.read_bytes()
    source = _decoded(content, path)
    block = inline_metadata(source, str(path))
    dependencies = block.get("dependencies", [])
    if not isinstance(dependencies, list) or not all(isinstance(d, str) for d in dependencies):
        raise ConfigError(f"{path}: `dependencies` must be a list of strings")
    requires_python = str(block.get("requires-python", ""))
    module = module_name(path.stem)
    version = _version(source)
    name = distribution_name(path.stem)
    entry = EntryPoint(script_name(path.stem), module, gui=path.suffix == ".pyw")
    key = store.digest_of(
        _FORMAT, name, version, path.name, requires_python, *dependencies, content
    )

    def make(folder: Path) -> None:
        make_wheel(
            name, version, {f"{module}.py": content}, out=folder,
            entry_points=[entry], requires=dependencies, requires_python=requires_python,
        )  # fmt: skip

    (wheel,) = store.make_entry("inputs", key, make).glob("*.whl")
    return Reading(
        name=path.stem,
        version=version,
        archive=wheel,
        dependencies=tuple(dependencies),
        requires_python=requires_python,
        extras=(),
        entry_points=(entry,),
        table=tool_table(block),
        source=str(path),
    )


def inline_metadata(source: str, name: str) -> Mapping[str, Any]:
    """The ``script`` block of a source, parsed; empty where there is none (PEP 723)."""
    lines = source.replace("\r\n", "\n")
    found = [match for match in _BLOCK.finditer(lines) if match["type"] == "script"]
    if len(found) > 1:
        raise ConfigError(f"{name} has {len(found)} `# /// script` blocks; one is allowed")
    if not found:
        return {}
    content = "".join(
        line[2:] if line.startswith("# ") else line[1:]
        for line in found[0]["content"].splitlines(keepends=True)
    )
    return parse_toml(content, f"{name}: the script block")


def module_name(stem: str) -> str:
    """A legal module name for a script; it shadows no module that others import.

    >>> module_name("hello world é")
    'hello_world_e_script'
    """
    text = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode()
    text = re.sub(r"\W+", "_", text).strip("_").lower()
    return f"_{text}_script" if text[:1].isdecimal() else f"{text or 'main'}_script"


def script_name(stem: str) -> str:
    """A script's name as ``entry_points.txt`` can hold it.

    >>> script_name("a=b [draft]")
    'a_b _draft_'
    """
    return re.sub(r"[=:;#\[\]]", "_", stem).strip() or "main"


def distribution_name(stem: str) -> str:
    """A legal distribution name for a script or zip.

    >>> distribution_name("hello world é")
    'hello-world-e'
    """
    return canonicalize_name(module_name(stem).removesuffix("_script").strip("_"))


def _decoded(content: bytes, path: Path) -> str:
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        source = content.decode(encoding)
        ast.parse(source)
    except (SyntaxError, UnicodeDecodeError, ValueError, LookupError) as problem:
        raise ProjectError(f"cannot read {path}: it is not a Python script: {problem}") from problem
    return source


def _version(source: str) -> str:
    """The script's ``__version__`` where it is a plain text, else "0"."""
    for node in ast.parse(source).body:
        if (
            isinstance(node, ast.Assign)
            and any(isinstance(t, ast.Name) and t.id == "__version__" for t in node.targets)
            and isinstance(node.value, ast.Constant)
            and re.fullmatch(r"\d+(\.\d+)*((a|b|rc)\d+)?", str(node.value.value))
        ):
            return str(node.value.value)
    return "0"
