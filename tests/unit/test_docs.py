"""The docs say what the code does."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from sealift.cli import sealift

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
