"""The only door to the network: downloads that are checked before anyone sees them."""

import base64
import contextlib
import errno
import hashlib
import http.client
import netrc
import os
import shutil
import socket
import ssl
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from sealift import console, store
from sealift.errors import FetchError

Received: TypeAlias = tuple[str, int]  # SHA-256 in hex, and bytes

_CHUNK = 1 << 18
_TIMEOUT = 60  # seconds without a byte
_PAUSES = (0.5, 2.0)  # seconds before a download is tried again
_BUSY = {429, 500, 502, 503, 504}
_BROKEN = (TimeoutError, ConnectionError, http.client.HTTPException)
_OUR_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, errno.EACCES, errno.ENAMETOOLONG}


@dataclass(frozen=True, slots=True)
class Remote:
    """A file somewhere else: where, and what it must be.

    ``size`` is in bytes, or ``None`` where the source does not tell; ``sha256`` is in hex.
    """

    url: str
    sha256: str
    size: int | None = None

    @property
    def name(self) -> str:
        """The file's name, unquoted, without query or fragment."""
        return urllib.parse.unquote(urllib.parse.urlsplit(self.url).path.rpartition("/")[2])


def fetch(
    remote: Remote,
    *,
    kind: str = "downloads",
    logins: Mapping[str, tuple[str, str]] | None = None,
    bar: console.Bar | None = None,
) -> Path:
    """The file ``remote`` names, from the cache or the network; its size and hash hold.

    ``file:`` URLs work.  Credentials come from the URL, from ``logins`` (user and password by host,
    with its port), or from ``~/.netrc``.  ``bar`` is a bar shared by several downloads; without one
    the download shows its own.  Raises :class:`FetchError` with both digests when they differ;
    nothing partial stays.
    """

    def download(folder: Path) -> None:
        shown = contextlib.nullcontext(bar) if bar else console.progress(remote.name, 0)
        with shown as own:
            _persist(folder, lambda: _download(remote, folder, logins or {}, own))

    # The folder is named for the digest so that the file inside keeps its own name.
    folder = store.make_entry(kind, remote.sha256, download)
    path = folder / remote.name
    if not path.exists():  # it came by another name before
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(next(folder.iterdir()))
    return path


def read(url: str, *, limit: int) -> bytes:
    """The bytes at ``url``, at most ``limit``, which nothing vouches for: a signed text, say.

    Raises :class:`FetchError`.
    """
    remote = Remote(url, "", limit)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "received"
        with console.progress(remote.name, 0) as bar:
            received = _persist(folder, lambda: _receive(remote, folder, {}, bar))[1]
        if received > limit:
            raise FetchError(
                f"cannot use {remote.name}: it has more than {limit} bytes", details=[_shown(url)]
            )
        return (folder / remote.name).read_bytes()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said: the HTTP status and the content."""

    status: int
    content: bytes


def ask(
    url: str,
    *,
    method: str,
    headers: Mapping[str, str],
    body: bytes | Path | None = None,
    limit: int,
) -> Answer:
    """What the server at ``url`` answers to one request, whatever the status; ``body`` is sent.

    ``headers`` go to that server alone, not to one that it leads to.  Answers longer than ``limit``
    bytes, and servers that cannot be reached or are busy after further tries, raise
    :class:`FetchError`.
    """
    sent = dict(headers)
    if isinstance(body, Path):
        sent["Content-Length"] = str(body.stat().st_size)

    def tried() -> Answer:
        with contextlib.ExitStack() as stack:
            data = stack.enter_context(body.open("rb")) if isinstance(body, Path) else body
            request = urllib.request.Request(url, data=data, method=method)  # noqa: S310
            request.add_header("User-Agent", "sealift")
            for name, value in sent.items():  # which may tell secrets, to this server alone
                request.add_unredirected_header(name, value)
            return _answer(request, limit)

    for pause in _PAUSES:
        try:
            answer = tried()
        except FetchError as problem:
            if not _may_pass(problem):
                raise
        else:
            if answer.status not in _BUSY:
                return answer
        time.sleep(pause)
    return tried()


def _answer(request: urllib.request.Request, limit: int) -> Answer:
    if request.type not in {"http", "https"}:
        raise FetchError(f"cannot ask {request.full_url}: it is no address of a web server")
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as response:  # noqa: S310
            status, content = response.status, response.read(limit + 1)
    except urllib.error.HTTPError as problem:
        with problem:
            status, content = problem.code, problem.read(limit + 1)
    except (urllib.error.URLError, OSError, http.client.HTTPException) as problem:
        raise FetchError(
            f"cannot ask {request.host}: {_reason(problem, request.full_url)}",
            details=[_shown(request.full_url)],
            hint="is this machine online, and is the address right? HTTPS_PROXY names a proxy, "
            "SSL_CERT_FILE certificates",
        ) from problem
    if len(content) > limit:
        raise FetchError(f"cannot use what {request.host} answered: it has over {limit} bytes")
    return Answer(status, content)


def _persist(folder: Path, download: Callable[[], Received]) -> Received:
    """What ``download``, which makes ``folder``, gives; tried again where that may help."""
    for pause in _PAUSES:
        try:
            return download()
        except FetchError as problem:
            if not _may_pass(problem):
                raise
            shutil.rmtree(folder)
            time.sleep(pause)
    return download()


def _download(
    remote: Remote, folder: Path, logins: Mapping[str, tuple[str, str]], bar: console.Bar
) -> Received:
    digest, received = _receive(remote, folder, logins, bar)
    _check(remote, digest, received)
    return digest, received


def _receive(
    remote: Remote, folder: Path, logins: Mapping[str, tuple[str, str]], bar: console.Bar
) -> Received:
    """Write what is at ``remote`` into ``folder``, a little more than its size at most."""
    folder.mkdir()
    digest, received = hashlib.sha256(), 0
    try:
        with (
            urllib.request.urlopen(_request(remote.url, logins), timeout=_TIMEOUT) as response,  # noqa: S310
            (folder / remote.name).open("xb") as out,
        ):
            length = int(response.headers.get("Content-Length") or 0)
            bar.grow(length)
            while chunk := response.read1(_CHUNK):  # what has come, so that a stop is soon
                out.write(chunk)
                digest.update(chunk)
                received += len(chunk)
                bar.advance(len(chunk))
                if remote.size is not None and received > remote.size:
                    break
    except urllib.error.HTTPError as problem:
        problem.close()  # it is the response, too
        raise FetchError(
            f"cannot download {remote.name}: the server answered {problem.code} {problem.reason}",
            details=[_shown(remote.url)],
            hint="check the index's credentials" if problem.code in {401, 403} else None,
        ) from problem
    except (urllib.error.URLError, OSError, http.client.HTTPException) as problem:
        if isinstance(problem, OSError) and problem.errno in _OUR_DISK:
            raise
        raise FetchError(
            f"cannot download {remote.name}: {_reason(problem, remote.url)}",
            details=[_shown(remote.url)],
            hint="is this machine online, and is the address right? HTTPS_PROXY names a proxy, "
            "SSL_CERT_FILE certificates",
        ) from problem
    if received < length and (remote.size is None or received < remote.size):
        raise FetchError(
            f"cannot download {remote.name}: it broke off after {received} of {length} bytes",
            details=[_shown(remote.url)],
            hint="try again",
        ) from http.client.IncompleteRead(b"", length - received)
    return digest.hexdigest(), received


def silence(problem: FetchError) -> str | None:
    """Why the host of ``problem`` did not answer, as a clause that holds for all its files.

    ``None`` where one answered, if not with what was wanted: it may have others.
    """
    cause = problem.__cause__
    if isinstance(cause, urllib.error.HTTPError) or not isinstance(cause, OSError):
        return None
    return problem.message.partition(": ")[2]


def _reason(problem: Exception, url: str) -> str:
    """Why there was no answer, as a clause."""
    host = urllib.parse.urlsplit(_shown(url)).netloc
    cause = getattr(problem, "reason", problem)
    match cause:
        case socket.gaierror(errno=socket.EAI_AGAIN):
            return f"the name {host} cannot be looked up now"
        case socket.gaierror():
            return f"nobody knows a host {host}"
        case ssl.SSLCertVerificationError():
            return f"the certificate of {host} is not trusted: {cause.verify_message}"
        case ConnectionRefusedError():
            return f"nothing answers at {host}"
        case TimeoutError():
            return f"{host} does not answer in time"
        case OSError(strerror=str(text)):
            return f"{text[:1].lower()}{text[1:]}"
        case _:
            return str(cause)


def _may_pass(problem: FetchError) -> bool:
    """Whether another try may succeed: the server was busy, or the connection broke."""
    match problem.__cause__:
        case urllib.error.HTTPError(code=code):
            return code in _BUSY
        case urllib.error.URLError(reason=reason):
            return isinstance(reason, TimeoutError | ConnectionResetError)
        case cause:
            return isinstance(cause, _BROKEN)


def _check(remote: Remote, sha256: str, received: int) -> None:
    if remote.size is not None and received != remote.size:
        raise FetchError(
            f"cannot use {remote.name}: it has {received} bytes where {remote.size} were promised",
            details=[_shown(remote.url)],
        )
    if sha256 != remote.sha256:
        raise FetchError(
            f"cannot use {remote.name}: its SHA-256 is not the one promised",
            details=[f"promised {remote.sha256}", f"received {sha256}", _shown(remote.url)],
            hint="the file was changed after it was locked, or something sits between you and it",
        )


def _request(url: str, logins: Mapping[str, tuple[str, str]]) -> urllib.request.Request:
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in {"http", "https", "file"}:
        raise FetchError(f"cannot download {url}: {parts.scheme or 'no'} scheme is not supported")
    user, password = parts.username, parts.password
    host = parts.netloc.rpartition("@")[2]
    request = urllib.request.Request(parts._replace(netloc=host).geturl())  # noqa: S310
    request.add_header("User-Agent", "sealift")
    if user is None and parts.scheme != "file":
        user, password = logins.get(host) or _netrc_login(parts.hostname or "")
    if user is not None:
        login = f"{urllib.parse.unquote(user)}:{urllib.parse.unquote(password or '')}"
        request.add_unredirected_header(
            "Authorization", "Basic " + base64.b64encode(login.encode()).decode()
        )
    return request


def _netrc_login(host: str) -> tuple[str | None, str | None]:
    path = Path(os.environ.get("NETRC") or Path.home() / ".netrc")
    try:
        found = netrc.netrc(path).authenticators(host)
    except (OSError, netrc.NetrcParseError):
        return None, None
    return (found[0], found[2]) if found else (None, None)


def _shown(url: str) -> str:
    """``url`` without its credentials."""
    parts = urllib.parse.urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
