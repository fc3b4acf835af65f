"""Results with styles: what terminals are told, and what files get."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealift import console

# Texts of what markup is made of, so that much of what is drawn looks like a tag.
_TEXT = st.lists(st.sampled_from(["[", "]", "/", "\\", "red", "[dim]", "[/]", "a", "\x1b", "\n"]))
_TEXTS = st.lists(_TEXT.map("".join), min_size=1)


def _shown(capsys: pytest.CaptureFixture[str], line: str) -> str:
    console.page(dict, [line])
    return capsys.readouterr().out


@given(texts=_TEXTS)
def test_what_is_escaped_is_shown_as_it_stands_within_any_styles(texts: list[str]) -> None:
    line = "".join(f"[bold]{console.escape(text)}[/]" for text in texts)
    shown = "".join(texts).replace("\x1b", "\\x1b").replace("\n", "\\n")
    assert console._styled(line).replace("\x1b[1m", "").replace("\x1b[0m", "") == shown


def test_styles_are_for_terminals(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    assert _shown(capsys, "[green]✓[/] fine") == "✓ fine\n"
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert _shown(capsys, "[green]✓[/] fine") == "\x1b[32m✓\x1b[0m fine\n"
    monkeypatch.setenv("NO_COLOR", "1")
    assert _shown(capsys, "[green]✓[/] fine") == "✓ fine\n"


def test_a_table_shows_texts_as_they_stand_and_styles_for_terminals(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    path = "dist/App [dev] [red]\\x.dmg"
    rows = [(console.escape(path), "[green]yes[/]")]
    console.answer(None, ("artifact", "good"), rows, totals=[("sealift[icons]", "1")])
    head, row, _, total = capsys.readouterr().out.splitlines()
    assert head.split() == ["artifact", "good"]
    assert row.rstrip() == f"{path}  yes"
    assert total.split() == ["sealift[icons]", "1"]
    monkeypatch.setenv("FORCE_COLOR", "1")
    console.answer(None, ("artifact", "good"), rows)
    assert f"{path}  \x1b[32myes\x1b[0m" in capsys.readouterr().out
