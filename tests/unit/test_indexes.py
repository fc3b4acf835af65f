"""Package indexes as uv and pip are told of them."""

from pathlib import Path

import pytest

from sealift.credentials import keyring_login
from sealift.indexes import read_indexes


@pytest.fixture(autouse=True)
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.startswith(("PIP_", "UV_", "XDG_")) or name == "SSL_CERT_FILE":
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    monkeypatch.setattr("sealift.indexes._MACHINE_FILES", ())
    (tmp_path / "project").mkdir()


def pip_conf(tmp_path: Path, text: str) -> Path:
    (tmp_path / "pip.conf").write_text(text, encoding="utf-8")
    return tmp_path / "project"


def test_nothing_configured_is_nothing_told(tmp_path: Path) -> None:
    found = read_indexes(tmp_path / "project")
    assert (found.options, found.fallback, found.logins) == ((), (), {})


def test_pip_is_told_to_uv(tmp_path: Path) -> None:
    folder = pip_conf(
        tmp_path,
        "[global]\nindex_url = https://me:p%40ss@main.invalid:8443/simple\n"
        "extra-index-url =\n    https://one.invalid/simple\n    https://two.invalid/simple\n"
        "trusted-host = one.invalid\nfind-links = https://files.invalid/list.html\n",
    )
    found = read_indexes(folder)
    assert found.options == (
        "--default-index", "https://me:p%40ss@main.invalid:8443/simple",
        "--index", "https://one.invalid/simple",
        "--index", "https://two.invalid/simple",
        "--find-links", "https://files.invalid/list.html",
        "--allow-insecure-host", "one.invalid",
    )  # fmt: skip
    assert found.logins == {"main.invalid:8443": ("me", "p@ss")}


def test_the_environment_of_pip_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = pip_conf(tmp_path, "[global]\nindex-url = https://file.invalid/simple\n")
    monkeypatch.setenv("PIP_INDEX_URL", "https://env.invalid/simple")
    assert read_indexes(folder).options == ("--default-index", "https://env.invalid/simple")


def test_what_lies_on_this_machine_is_asked_last(tmp_path: Path) -> None:
    (tmp_path / "mirror").mkdir()
    (tmp_path / "links").mkdir()
    folder = pip_conf(
        tmp_path,
        f"[global]\nextra-index-url = file://{tmp_path}/mirror file:///nowhere/simple\n"
        f"find-links = {tmp_path}/links /nowhere/links\n",
    )
    found = read_indexes(folder)
    assert found.options == ()
    assert found.fallback == (
        "--index", f"file://{tmp_path}/mirror",
        "--find-links", f"{tmp_path}/links",
        "--index-strategy", "unsafe-best-match",
    )  # fmt: skip


def test_without_an_index_only_folders_are_asked(tmp_path: Path) -> None:
    (tmp_path / "links").mkdir()
    text = f"[global]\nno-index = true\n[install]\nfind-links = {tmp_path}/links\n"
    found = read_indexes(pip_conf(tmp_path, text))
    assert found.options[:3] == ("--no-index", "--find-links", f"{tmp_path}/links")
    assert found.fallback == ()


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("project/uv.toml", 'index-url = "https://u:p@uv.invalid/simple"\n'),
        ("uv.toml", '[pip]\nindex-url = "https://u:p@uv.invalid/simple"\n'),
        ("project/pyproject.toml", '[[tool.uv.index]]\nurl = "https://u:p@uv.invalid/simple"\n'),
        ("home/.config/uv/uv.toml", 'extra-index-url = ["https://u:p@uv.invalid/simple"]\n'),
    ],
)
def test_uv_configured_leaves_pip_out(file: str, text: str, tmp_path: Path) -> None:
    folder = pip_conf(tmp_path, "[global]\nindex-url = https://pip.invalid/simple\n")
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text(text)
    found = read_indexes(folder)
    assert found.options == ()
    assert found.logins == {"uv.invalid": ("u", "p")}


def test_logins_of_named_indexes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "project/uv.toml").write_text(
        '[[index]]\nname = "my-own.1"\nurl = "https://own.invalid/simple"\n'
    )
    monkeypatch.setenv("UV_INDEX_MY_OWN_1_USERNAME", "me")
    monkeypatch.setenv("UV_INDEX_MY_OWN_1_PASSWORD", "secret")
    assert read_indexes(tmp_path / "project").logins == {"own.invalid": ("me", "secret")}


@pytest.fixture
def keyring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What was asked of a ``keyring`` that knows two passwords, one by the host only."""
    program, asked = tmp_path / "bin/keyring", tmp_path / "asked"
    program.parent.mkdir()
    program.write_text(
        f"#!/bin/sh\necho \"$@\" >> '{asked}'\n"
        'case "$*" in\n'
        '"get https://one.invalid/simple me") echo "p w" ;;\n'
        '"get two.invalid:8443 you") echo secret ;;\n'
        '"get https://three.invalid/simple --mode creds") printf "her\\nkey\\n" ;;\n'
        "*) exit 1 ;;\nesac\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("SEALIFT_KEYRING", str(program))
    keyring_login.cache_clear()
    return asked


def test_the_keyring_is_asked_as_uv_asks_it(
    tmp_path: Path, keyring: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "project/uv.toml").write_text(
        'keyring-provider = "subprocess"\n'
        'extra-index-url = ["https://me@one.invalid/simple", "https://none.invalid/simple"]\n'
        '[[index]]\nurl = "https://you@two.invalid:8443/simple"\n'
        '[[index]]\nurl = "https://three.invalid/simple"\nauthenticate = "always"\n'
        '[[index]]\nurl = "https://a:b@four.invalid/simple"\n'
    )
    wanted = {
        "one.invalid": ("me", "p w"),
        "two.invalid:8443": ("you", "secret"),
        "three.invalid": ("her", "key"),
        "four.invalid": ("a", "b"),
    }
    assert read_indexes(tmp_path / "project").logins == wanted
    assert read_indexes(tmp_path / "project").logins == wanted
    assert keyring.read_text().splitlines() == [  # once
        "get https://two.invalid:8443/simple you",
        "get two.invalid:8443 you",
        "get https://three.invalid/simple --mode creds",
        "get https://one.invalid/simple me",
    ]
    monkeypatch.setenv("UV_KEYRING_PROVIDER", "disabled")
    assert read_indexes(tmp_path / "project").logins["one.invalid"] == ("me", "")


def test_the_keyring_is_asked_for_pips_indexes(tmp_path: Path, keyring: Path) -> None:
    text = "[global]\nindex-url = https://me@one.invalid/simple\n"
    assert read_indexes(pip_conf(tmp_path, text)).logins == {"one.invalid": ("me", "")}
    assert not keyring.exists()
    found = read_indexes(pip_conf(tmp_path, f"{text}keyring-provider = subprocess\n"))
    assert found.logins == {"one.invalid": ("me", "p w")}
    assert found.options[-2:] == ("--keyring-provider", "subprocess")


def test_a_keyring_that_is_not_there_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    keyring_login.cache_clear()
    monkeypatch.setattr("sealift.tools.Tool.find", lambda _: None)
    monkeypatch.setenv("UV_KEYRING_PROVIDER", "subprocess")
    monkeypatch.setenv("UV_INDEX", "own=https://me@one.invalid/simple")
    assert read_indexes(tmp_path / "project").logins == {"one.invalid": ("me", "")}
    assert "pip install keyring" in capsys.readouterr().err


def test_variables_of_uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_INDEX", "named=https://a:b@one.invalid/simple https://c:d@two.invalid/")
    found = read_indexes(tmp_path / "project")
    assert found.logins == {"one.invalid": ("a", "b"), "two.invalid": ("c", "d")}
    assert found.options == ()


def test_certificates_of_pip_are_passed_on(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("")
    folder = pip_conf(tmp_path, f"[global]\ncert = {tmp_path}/ca.pem\n")
    assert read_indexes(folder).environment == {"SSL_CERT_FILE": f"{tmp_path}/ca.pem"}
    folder = pip_conf(tmp_path, "[global]\ncert = /nowhere/ca.pem\n")
    assert read_indexes(folder).environment == {}


@pytest.mark.parametrize("text", ["[global\n", "no section = 1\n", "\xff"])
def test_damaged_files_are_left_out(text: str, tmp_path: Path) -> None:
    assert read_indexes(pip_conf(tmp_path, text)).options == ()
