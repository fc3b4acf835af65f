"""An archive of Debian packages made on the spot, signed by a key of its own."""

import hashlib
import io
import lzma
import os
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.tools import require_tool

Member = tuple[str, bytes | str | None]  # a file's content, a link's target, or a folder


@dataclass(frozen=True, kw_only=True)
class Deb:
    """A package: its fields besides the usual, and its files, links and folders."""

    name: str
    version: str = "1"
    fields: Mapping[str, str] = field(default_factory=dict)
    members: Sequence[Member] = ()
    raw: Sequence[tarfile.TarInfo] = ()

    def data(self) -> bytes:
        """The file, with data.tar packed by xz."""
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w:xz") as archive:
            for name, content in self.members:
                member = tarfile.TarInfo(name)
                match content:
                    case None:
                        member.type, member.mode = tarfile.DIRTYPE, 0o755
                        archive.addfile(member)
                    case str():
                        member.type, member.linkname = tarfile.SYMTYPE, content
                        archive.addfile(member)
                    case bytes():
                        member.size, member.mode = len(content), 0o4755
                        archive.addfile(member, io.BytesIO(content))
            for member in self.raw:
                archive.addfile(member)
        return ar(
            {
                "debian-binary": b"2.0\n",
                "control.tar": self.name.encode(),
                "data.tar.xz": out.getvalue(),
            }
        )


def ar(members: Mapping[str, bytes]) -> bytes:
    """An ar archive of ``members``."""
    made = b"!<arch>\n"
    for name, data in members.items():
        made += f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(data):<10}`\n".encode() + data
        made += b"\n" * (len(data) % 2)
    return made


@dataclass(frozen=True)
class Archive:
    """The archive in ``folder``, and the public key that signed it."""

    folder: Path
    keyring: Path

    @property
    def environment(self) -> dict[str, str]:
        """What makes Sealift use it."""
        return {
            "SEALIFT_DEBIAN_MIRROR": self.folder.as_uri(),
            "SEALIFT_DEBIAN_KEYRING": str(self.keyring),
        }

    @property
    def release(self) -> Path:
        """Its signed list."""
        return self.folder / "dists/bookworm/InRelease"


def make_archive(folder: Path, debs: Sequence[Deb], *, codename: str = "bookworm") -> Archive:
    """An archive of ``debs`` for amd64, at the place of Debian 12."""
    stanzas = []
    (folder / "pool").mkdir(parents=True)
    for deb in debs:
        data = deb.data()
        place = f"pool/{deb.name}_{deb.version}.deb"
        (folder / place).write_bytes(data)
        fields = {
            "Package": deb.name,
            "Version": deb.version,
            "Architecture": "amd64",
            **deb.fields,
            "Filename": place,
            "Size": str(len(data)),
            "SHA256": hashlib.sha256(data).hexdigest(),
        }
        stanzas.append("".join(f"{key}: {value}\n" for key, value in fields.items()))
    index = lzma.compress("\n".join(stanzas).encode())
    binary = folder / "dists/bookworm/main/binary-amd64"
    binary.mkdir(parents=True)
    (binary / "Packages.xz").write_bytes(index)
    listed = f"{hashlib.sha256(index).hexdigest()} {len(index)} main/binary-amd64/Packages.xz"
    text = f"Codename: {codename}\nArchitectures: amd64\nSHA256:\n {listed}\n"
    keyring = folder / "keys.pgp"
    (folder / "dists/bookworm/InRelease").write_bytes(sign(text, keyring))
    return Archive(folder, keyring)


def sign(text: str, keyring: Path) -> bytes:
    """``text`` signed by a new key, which is written to ``keyring``."""
    gpg = str(require_tool("gpg"))
    with tempfile.TemporaryDirectory(prefix="gpg") as home:
        env = {"PATH": os.environ["PATH"], "GNUPGHOME": home}
        common = [gpg, "--batch", "--quiet", "--passphrase", "", "--pinentry-mode", "loopback"]

        def run(*arguments: str) -> bytes:
            return subprocess.run(
                [*common, *arguments], input=text.encode(), env=env, check=True, capture_output=True
            ).stdout

        run("--quick-generate-key", "Test <test@example.org>", "ed25519", "sign", "never")
        keyring.write_bytes(run("--export"))
        signed = run("--clearsign")
        stop = ["gpgconf", "--homedir", home, "--kill", "all"]
        subprocess.run(stop, env=env, check=False, capture_output=True)
        return signed
