"""The readers under coverage-guided fuzzing, for seconds; ``tests/fuzz`` tells how for longer."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.seeds import SEEDS
from tests.support.tools import missing

ROOT = Path(__file__).parents[2]
SECONDS = 6


@pytest.mark.parametrize("kind", SEEDS)
def test_a_reader_meets_what_a_fuzzer_makes_of_good_files(kind: str, tmp_path: Path) -> None:
    if importlib.util.find_spec("atheris") is None:
        missing("needs atheris")
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    SEEDS[kind](corpus)
    limits = [f"-max_total_time={SECONDS}", "-timeout=30", "-rss_limit_mb=1024"]
    command = [sys.executable, "-m", "tests.fuzz.readers", str(corpus), *limits]
    command.append(f"-artifact_prefix={tmp_path}/")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "DONE" in done.stderr
