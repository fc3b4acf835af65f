"""The docs say what the code does."""

import importlib.util
import re
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

from sealift import plugins
from sealift.cli import sealift
from sealift.project import settings_of

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), *DOCS.parent.glob("*.md")])


@pytest.fixture
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_reference_is_up_to_date(generator: ModuleType) -> None:
    assert (DOCS / "reference.md").read_text(encoding="utf-8") == generator.reference(), (
        "run: python docs/generate.py"
    )


def test_the_reference_tells_the_result_of_every_command(generator: ModuleType) -> None:
    untold = set(generator.names(sealift)) - set(generator.RESULTS)
    assert not untold, "docs/generate.py has to say what their result is"


def test_the_findings_are_up_to_date(generator: ModuleType) -> None:
    assert (DOCS / "findings.md").read_text(encoding="utf-8") == generator.findings(), (
        "run: python docs/generate.py"
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_settings_are_written_as_they_are_read(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for block in re.findall(r"^```toml\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE):
        table = tomllib.loads(block).get("tool", {}).get("sealift", {})
        settings = settings_of(table, source=page.name)
        for name in plugins.names("formats"):
            settings.format(name, plugins.load("formats", name).options)
