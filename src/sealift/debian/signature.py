"""OpenPGP signatures of Debian's indexes, checked by gpgv against Debian's own keys."""

import os
import tempfile
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

from sealift import process
from sealift.errors import ConfigError, FetchError
from sealift.tools import GPGV

KEYRING_VARIABLE = "SEALIFT_DEBIAN_KEYRING"
_STATUS = "[GNUPG:] "
_ANY = range(256)  # gpgv fails when one of several keys is unknown; its words are read instead


def verified(signed: bytes, *, name: str, is_archived: bool) -> str:
    """The text of ``signed``, a cleartext signed message (RFC 9580, 7), less its signature.

    One good signature by one of Debian's keys is asked for, and no bad one; keys that have been
    retired, or have expired since, are for releases that are archived.  The environment variable
    ``SEALIFT_DEBIAN_KEYRING`` names the keys of an archive of one's own instead.  Raises
    :class:`FetchError`, which calls the message ``name``, and
    :class:`~sealift.errors.ToolError` where there is no gpgv.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "signed").write_bytes(signed)
        options: list[str | Path] = ["--homedir", folder, "--status-fd", "1"]
        for number, keys in enumerate(_keyrings(is_archived=is_archived)):
            (folder / f"keys-{number}").write_bytes(keys)
            options += ["--keyring", folder / f"keys-{number}"]
        out = folder / "text"
        said = process.run(
            [GPGV.require(), *options, "--output", out, folder / "signed"],
            action=f"check the signature of {name}",
            expected=_ANY,
        )
        _check(said, name, is_archived=is_archived)
        return out.read_text(encoding="utf-8")


def _keyrings(*, is_archived: bool) -> Iterator[bytes]:
    """Keys that may have signed, as binary OpenPGP."""
    if named := os.environ.get(KEYRING_VARIABLE):
        try:
            yield Path(named).read_bytes()
        except OSError as problem:
            raise ConfigError(
                f"cannot read the keys in {named}: {problem.strerror}",
                hint=f"{KEYRING_VARIABLE} names a file of binary OpenPGP keys",
            ) from problem
        return
    data = resources.files("sealift").joinpath("data")
    yield data.joinpath("debian-archive-keyring.pgp").read_bytes()
    if is_archived:
        yield data.joinpath("debian-archive-removed-keys.pgp").read_bytes()


def _check(said: str, name: str, *, is_archived: bool) -> None:
    """Raise :class:`FetchError` where what gpgv said is not that the signature is good."""
    statuses = [
        line.removeprefix(_STATUS) for line in said.splitlines() if line.startswith(_STATUS)
    ]
    words = {line.partition(" ")[0] for line in statuses}
    good = {"GOODSIG", "EXPKEYSIG"} if is_archived else {"GOODSIG"}
    if "BADSIG" in words:
        reason = "it was changed after it was signed"
    elif "VALIDSIG" in words and words & good:
        return
    elif "EXPKEYSIG" in words:
        reason = "the key that signed it has expired"
    elif "NO_PUBKEY" in words:
        reason = "no key of Debian's archive signed it"
    else:
        reason = "it has no signature"
    raise FetchError(
        f"cannot trust {name}: {reason}",
        details=statuses,
        hint="is the mirror one of Debian, and Sealift new enough to know its keys? "
        f"{KEYRING_VARIABLE} names those of an archive of your own",
    )
