"""Distributions that look for their own sources on disk are found, others are left alone."""

from pathlib import Path

import pytest

from sealift.introspection import reads_its_own_files

READS = {
    "lists its folder": "import os\nfor name in os.listdir(os.path.dirname(__file__)): pass",
    "by a name": "import os\nHERE = os.path.dirname(os.path.abspath(__file__))\nos.listdir(HERE)",
    "by pathlib": "from pathlib import Path\nPath(__file__).resolve().parent.rglob('*.py')",
    "by parents": "from pathlib import Path\nlist(Path(__file__).parents[0].iterdir())",
    "by __path__": "import os\nos.walk(__path__[0])",
    "by a pattern": "import glob, os\nglob.glob(os.path.join(os.path.dirname(__file__), '*.py'))",
    "by string": "import glob, os\nglob.glob(os.path.dirname(__file__) + '/*.py')",
    "a package below": "import os\nos.listdir(os.path.join(os.path.dirname(__file__), 'plugins'))",
    "itself": "text = open(__file__).read()",
    "a neighbour": "import os\nopen(os.path.join(os.path.dirname(__file__), 'other.py'))",
    "by pathlib text": "from pathlib import Path\nPath(__file__).with_name('other.py').read_text()",
    "by exec": "import os\nexec(open(os.path.join(os.path.dirname(__file__), 'other.py')).read())",
    "by location": (
        "import importlib.util as u, os\ndef load(name):\n"
        "    path = os.path.join(os.path.dirname(__file__), name + '.py')\n"
        "    return u.spec_from_file_location(name, path)"
    ),
    "a module's file": (
        "import os\ndef f(module):\n    return os.listdir(os.path.dirname(module.__file__))"
    ),
    "inspect": "import inspect, os\nos.listdir(os.path.dirname(inspect.getfile(object)))",
    "through a function": (
        "import os\ndef here():\n    return os.path.dirname(__file__)\n"
        "def names(folder):\n    return os.scandir(folder)\nnames(here())"
    ),
    "through an attribute": (
        "import os\nclass A:\n    def __init__(self):\n"
        "        self.root = os.path.dirname(__file__)\n"
        "    def all(self):\n        return os.walk(self.root)"
    ),
    "a process": (
        "import os, subprocess, sys\nsubprocess.Popen([sys.executable, "
        "os.path.join(os.path.dirname(__file__), 'other.py')])"
    ),
    "a loop": "import os\nfor folder in __path__:\n    os.listdir(folder)",
    "f-string": "import os\nhere = os.path.dirname(__file__)\nos.listdir(f'{here}/plugins')",
}  # fmt: skip

LEAVES = {
    "data": "import os\nopen(os.path.join(os.path.dirname(__file__), 'data.json'))",
    "a folder of data": "import os\nos.listdir(os.path.join(os.path.dirname(__file__), 'data'))",
    "templates": "from pathlib import Path\nPath(__file__).parent.joinpath('data').rglob('*')",
    "patterns of data": "from pathlib import Path\nPath(__file__).parent.glob('*.json')",
    "the user's files": "import os\nHERE = __file__\nos.listdir('.')\nos.walk(os.getcwd())",
    "another package": "import os\nos.listdir(os.path.dirname(os.__file__))",
    "its version": "from pathlib import Path\n(Path(__file__).parent / 'VERSION').read_text()",
    "explanations": (
        "import os\ntry:\n    import fast\nexcept ImportError as e:\n"
        "    names = os.listdir(os.path.dirname(__file__))\n    raise RuntimeError(names) from e"
    ),
    "resources": "from importlib.resources import files\nfiles(__name__).joinpath('a').read_text()",
    "Python 2": "import os\nprint os.listdir(os.path.dirname(__file__))",
}  # fmt: skip


def distribution(folder: Path, text: str) -> list[Path]:
    """A package ``pkg`` with ``text`` as its ``__init__.py``."""
    files = {
        "pkg/__init__.py": text,
        "pkg/other.py": "",
        "pkg/plugins/a.py": "",
        "pkg/data/x.json": "{}",
    }
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return sorted(folder.rglob("*.py"))


@pytest.mark.parametrize("text", READS.values(), ids=READS)
def test_reading_its_own_files_is_found(tmp_path: Path, text: str) -> None:
    reason = reads_its_own_files(distribution(tmp_path, text))
    assert reason is not None
    assert "pkg/__init__.py, line " in reason


@pytest.mark.parametrize("text", LEAVES.values(), ids=LEAVES)
def test_reading_other_files_is_fine(tmp_path: Path, text: str) -> None:
    assert reads_its_own_files(distribution(tmp_path, text)) is None


def test_a_folder_given_to_another_module_that_lists_it(tmp_path: Path) -> None:
    sources = distribution(tmp_path, "from pkg.other import register\nregister(None, __path__[0])")
    (tmp_path / "pkg/other.py").write_text(
        "import os\ndef register(linter, folder):\n    for name in os.listdir(folder): pass\n"
    )
    assert reads_its_own_files(sources) == "register(), which lists a folder, of its own in " + str(
        Path("pkg/__init__.py, line 2")
    )


def test_tests_do_not_count(tmp_path: Path) -> None:
    sources = distribution(tmp_path, "")
    (tmp_path / "pkg/tests").mkdir()
    test = tmp_path / "pkg/tests/test_it.py"
    test.write_text(READS["lists its folder"])
    assert reads_its_own_files([*sources, test]) is None


def test_no_sources_at_all() -> None:
    assert reads_its_own_files([]) is None
