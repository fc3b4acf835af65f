"""Downloads are checked before anyone sees them."""

import errno
import hashlib
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from sealift.errors import FetchError
from sealift.fetch import Answer, Remote, ask, fetch, read, silence
from tests.support.servers import Quiet, serving

DATA = b"a wheel, say" * 1000
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("SEALIFT_CACHE_DIR", str(tmp_path / "store"))
    (tmp_path / "my file+1.whl").write_bytes(DATA)
    return (tmp_path / "my file+1.whl").as_uri()


def test_a_good_file_keeps_its_name(url: str) -> None:
    path = fetch(Remote(url, SHA256, len(DATA)))
    assert path.name == "my file+1.whl"
    assert path.read_bytes() == DATA


def test_the_second_time_needs_no_source(url: str, tmp_path: Path) -> None:
    first = fetch(Remote(url, SHA256))
    (tmp_path / "my file+1.whl").unlink()
    assert fetch(Remote(url, SHA256)) == first


def test_the_same_bytes_by_another_name_are_there_by_both(url: str, tmp_path: Path) -> None:
    first = fetch(Remote(url, SHA256))
    other = fetch(Remote((tmp_path / "other.whl").as_uri(), SHA256))
    assert (other.name, other.read_bytes()) == ("other.whl", DATA)
    assert first.read_bytes() == DATA


def test_other_bytes_show_both_digests_and_leave_nothing(url: str, tmp_path: Path) -> None:
    with pytest.raises(FetchError) as caught:
        fetch(Remote(url, "0" * 64))
    assert f"received {SHA256}" in caught.value.details
    assert silence(caught.value) is None
    assert list((tmp_path / "store").rglob("*.whl")) == []


@pytest.mark.parametrize("size", [len(DATA) - 1, len(DATA) + 1, 1])
def test_another_size_is_refused(url: str, size: int) -> None:
    with pytest.raises(FetchError, match="bytes where"):
        fetch(Remote(url, SHA256, size))


def test_a_missing_file_names_it(url: str) -> None:
    with pytest.raises(FetchError, match=r"cannot download gone\.whl"):
        fetch(Remote(url.replace("my%20file%2B1", "gone"), SHA256))


@pytest.mark.parametrize(
    ("problem", "told"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "nobody knows a host "),
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure"), "cannot be looked up now"),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), "network is unreachable"),
        (TimeoutError("timed out"), "does not answer in time"),
    ],
)
def test_a_host_that_cannot_be_reached_is_told_in_words(
    url: str, problem: OSError, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_: object, **__: object) -> NoReturn:
        raise problem

    for variable in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(socket, "getaddrinfo", unreachable)
    monkeypatch.setattr("sealift.fetch._PAUSES", ())
    with pytest.raises(FetchError, match=told) as caught:
        fetch(Remote("http://index.invalid/x.whl", SHA256))
    assert "Errno" not in caught.value.message
    assert caught.value.hint
    assert caught.value.details == ("http://index.invalid/x.whl",)
    assert silence(caught.value) == caught.value.message.removeprefix("cannot download x.whl: ")


def test_other_schemes_are_refused(url: str) -> None:
    with pytest.raises(FetchError, match="scheme is not supported"):
        fetch(Remote("ftp://example.invalid/x.whl", SHA256))


def test_credentials_are_never_shown(url: str) -> None:
    remote = Remote("http://user:secret@127.0.0.1:9/x.whl", SHA256)
    with pytest.raises(FetchError) as caught:
        fetch(remote)
    assert "secret" not in " ".join((caught.value.message, *caught.value.details))


def test_what_nothing_vouches_for_is_read_up_to_a_limit(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"12345")
    url = (tmp_path / "text").as_uri()
    assert read(url, limit=5) == b"12345"
    with pytest.raises(FetchError, match="it has more than 4 bytes"):
        read(url, limit=4)
    with pytest.raises(FetchError, match="no such file"):
        read(f"{url}-gone", limit=4)


class Busy(Quiet):
    """Answers what it was sent, on the third try; "/large" with more than is wanted."""

    tries = 0

    def do_POST(self) -> None:  # noqa: N802  (its base calls it)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        Busy.tries += 1
        self.send_response(503 if Busy.tries < 3 else 404)
        self.end_headers()
        self.wfile.write(
            bytes(1000) if self.path == "/large" else body + self.headers["X-Own"].encode()
        )


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr("sealift.fetch._PAUSES", (0.01, 0.01))
    Busy.tries = 0
    with serving(Busy) as host:
        yield f"http://{host}"


def test_a_busy_server_is_asked_again_with_the_same_file(server: str, tmp_path: Path) -> None:
    (tmp_path / "body").write_bytes(b"sent ")
    answer = ask(
        f"{server}/", method="POST", headers={"X-Own": "x"}, body=tmp_path / "body", limit=10
    )
    assert answer == Answer(404, b"sent x")
    assert Busy.tries == 3


def test_what_is_answered_has_a_limit(server: str) -> None:
    with pytest.raises(FetchError, match="over 10 bytes"):
        ask(f"{server}/large", method="POST", headers={"X-Own": ""}, body=b"x", limit=10)


def test_only_web_servers_are_asked(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="no address of a web server"):
        ask(tmp_path.as_uri(), method="GET", headers={}, limit=10)


def test_who_is_asked_is_told_secrets_and_nobody_it_leads_to() -> None:
    seen: list[tuple[str, str | None, str | None]] = []

    class Handler(Quiet):
        target: str | None = None

        def do_GET(self) -> None:  # noqa: N802  (its base calls it)
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            told = self.headers["Authorization"], self.headers["Content-Type"]
            seen.append((self.command, *told))
            self.send_response(302 if self.target else 200)
            if self.target:
                self.send_header("Location", self.target)
            self.end_headers()

        do_POST = do_GET  # noqa: N815

    with serving(Handler) as other:
        leading = type("Leading", (Handler,), {"target": f"http://{other}/"})
        with serving(leading) as host:
            headers = {"Authorization": "Bearer secret", "Content-Type": "application/json"}
            answer = ask(f"http://{host}/", method="POST", headers=headers, body=b"{}", limit=10)
    assert answer == Answer(200, b"")
    assert seen == [("POST", "Bearer secret", "application/json"), ("GET", None, None)]
