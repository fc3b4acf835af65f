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
        return ar(
            {
                "debian-binary": b"2.0\n",
                "control.tar": self.name.encode(),
                "data.tar.xz": self.tar(),
            }
        )

    def tar(self) -> bytes:
        """Its data.tar, packed by xz."""
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
        return out.getvalue()


@dataclass(frozen=True, kw_only=True)
class SourcePackage:
    """A source package whose archives have the files and links in ``orig`` and ``debian``."""

    name: str
    version: str = "1.0-1"
    orig: Sequence[Member] = ()
    debian: Sequence[Member] = ()

    def archives(self) -> dict[str, bytes]:
        """Its files, by name."""
        upstream = self.version.partition("-")[0]
        orig = tar([(f"{self.name}-{upstream}/{name}", data) for name, data in self.orig])
        debian = tar([(f"debian/{name}", data) for name, data in self.debian])
        return {
            f"{self.name}_{upstream}.orig.tar.xz": orig,
            f"{self.name}_{self.version}.debian.tar.xz": debian,
            f"{self.name}_{self.version}.dsc": b"not read",
        }


def tar(members: Sequence[Member]) -> bytes:
    """A tar of files, links and folders, packed by xz."""
    return Deb(name="source", members=members).tar()


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


def make_archive(
    folder: Path,
    debs: Sequence[Deb],
    *,
    codename: str = "bookworm",
    sources: Sequence[SourcePackage] = (),
) -> Archive:
    """An archive of ``debs`` for amd64 and of ``sources``, at the place of Debian 12."""
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
    listed = _add_index(folder, "main/binary-amd64/Packages.xz", stanzas)
    listed += _add_index(folder, "main/source/Sources.xz", [_add(folder, it) for it in sources])
    text = f"Codename: {codename}\nArchitectures: amd64\nSHA256:\n{listed}"
    keyring = folder / "keys.pgp"
    (folder / "dists/bookworm/InRelease").write_bytes(sign(text, keyring))
    return Archive(folder, keyring)


def _add(folder: Path, source: SourcePackage) -> str:
    """Put the archives of ``source`` into ``folder``; its entry in the index."""
    lines = ""
    for name, data in source.archives().items():
        (folder / "pool" / name).write_bytes(data)
        lines += f" {hashlib.sha256(data).hexdigest()} {len(data)} {name}\n"
    return (
        f"Package: {source.name}\nFormat: 3.0 (quilt)\nVersion: {source.version}\n"
        f"Directory: pool\nChecksums-Sha256:\n{lines}"
    )


def _add_index(folder: Path, name: str, stanzas: Sequence[str]) -> str:
    """Write an index of ``stanzas``; its line in the signed list."""
    index = lzma.compress("\n".join(stanzas).encode())
    path = folder / "dists/bookworm" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(index)
    return f" {hashlib.sha256(index).hexdigest()} {len(index)} {name}\n"


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
