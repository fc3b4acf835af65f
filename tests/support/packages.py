"""Debian packages, RPM packages and container images, written from their formats alone."""

import gzip
import hashlib
import io
import json
import lzma
import struct
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from sealift.compression import compress

Files = Mapping[str, bytes]


def tar_of(files: Files, *, prefix: str = "", links: Mapping[str, str] | None = None) -> bytes:
    """A tar of ``files``, folders of their own left out."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(prefix + name)
            member.size, member.mode = len(data), 0o755
            archive.addfile(member, io.BytesIO(data))
        for name, target in (links or {}).items():
            member = tarfile.TarInfo(prefix + name)
            member.type, member.linkname = tarfile.SYMTYPE, target
            archive.addfile(member)
    return out.getvalue()


def packed(data: bytes, how: str) -> bytes:
    """``data`` packed as a file with suffix ``how`` is."""
    match how:
        case "gz":
            return gzip.compress(data, mtime=0)
        case "xz":
            return lzma.compress(data)
        case "lzma":
            return lzma.compress(data, format=lzma.FORMAT_ALONE)
        case "zst":
            return compress(data, 3)
        case _:
            return data


def write_deb(path: Path, files: Files, *, how: str = "xz") -> Path:
    """A Debian package (deb(5)) that installs ``files``."""
    suffix = f".{how}" if how else ""
    members = {
        "debian-binary": b"2.0\n",
        "control.tar.gz": packed(tar_of({"./control": b"Package: demo\n"}), "gz"),
        f"data.tar{suffix}": packed(tar_of(files, prefix="./"), how),
    }
    out = b"!<arch>\n"
    for name, data in members.items():
        header = f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(data):<10}`\n"
        out += header.encode() + data + b"\n" * (len(data) % 2)
    path.write_bytes(out)
    return path


def _rpm_header(entries: Sequence[tuple[int, int, int, bytes]]) -> bytes:
    index, data = b"", b""
    for tag, kind, count, value in entries:
        data += bytes(-len(data) % {4: 4, 3: 2}.get(kind, 1))
        index += struct.pack(">IIII", tag, kind, len(data), count)
        data += value
    return (
        b"\x8e\xad\xe8\x01" + bytes(4) + struct.pack(">II", len(entries), len(data)) + index + data
    )


def _cpio(name: str, data: bytes, mode: int) -> bytes:
    raw = name.encode() + b"\0"
    fields = (1, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(raw), 0)
    head = b"070701" + b"".join(b"%08x" % field for field in fields) + raw
    return head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)


def _stripped_cpio(number: int, data: bytes) -> bytes:
    head = b"07070X%08x" % number
    return head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)


def write_rpm(path: Path, files: Files, *, how: str = "zst", stripped: bool = False) -> Path:
    """An RPM package that installs ``files``; ``stripped`` as for files above 4 GiB."""
    signature = _rpm_header([(1000, 4, 1, struct.pack(">I", 0))])
    names = [name.rpartition("/") for name in files]
    folders = sorted({f"/{folder}/" for folder, _, _ in names})
    places = [folders.index(f"/{folder}/") for folder, _, _ in names]
    count = len(files)
    header = _rpm_header(
        [
            (1028, 4, count, struct.pack(f">{count}I", *(len(data) for data in files.values()))),
            (1030, 3, count, struct.pack(f">{count}H", *[0o100755] * count)),
            (1116, 4, count, struct.pack(f">{count}I", *places)),
            (1117, 8, count, b"".join(name.encode() + b"\0" for _, _, name in names)),
            (1118, 8, len(folders), b"".join(folder.encode() + b"\0" for folder in folders)),
        ]
    )
    body = b""
    for number, (name, data) in enumerate(files.items()):
        body += _stripped_cpio(number, data) if stripped else _cpio(f"./{name}", data, 0o100755)
    body += _cpio("TRAILER!!!", b"", 0)
    lead = b"\xed\xab\xee\xdb\3\0" + bytes(90)
    padding = bytes(-(len(signature)) % 8)
    path.write_bytes(lead + signature + padding + header + packed(body, how))
    return path


def write_docker_image(path: Path, layers: Sequence[Files]) -> Path:
    """What ``docker save`` wrote before it wrote OCI layouts, lowest of ``layers`` first."""
    files = {f"{number}/layer.tar": tar_of(layer) for number, layer in enumerate(layers)}
    manifest = [{"Config": "config.json", "RepoTags": ["demo:1"], "Layers": list(files)}]
    files |= {"config.json": b"{}", "manifest.json": json.dumps(manifest).encode()}
    path.write_bytes(tar_of(files))
    return path


def oci_files(images: Mapping[str, Sequence[Files]], *, how: str = "gz") -> dict[str, bytes]:
    """The files of an OCI layout with an image for each architecture."""
    blobs: dict[str, bytes] = {}

    def add(data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        blobs[f"blobs/sha256/{digest}"] = data
        return f"sha256:{digest}"

    rows = []
    for arch, layers in images.items():
        described = [{"digest": add(packed(tar_of(layer), how))} for layer in layers]
        manifest = json.dumps({"config": {"digest": add(b"{}")}, "layers": described}).encode()
        platform = {"os": "linux", "architecture": arch}
        rows.append({"digest": add(manifest), "platform": platform})
    attestation = {"digest": add(b'{"layers": []}'), "platform": {"os": "unknown"}}
    index = {"schemaVersion": 2, "manifests": [*rows, attestation]}
    return {
        "oci-layout": b'{"imageLayoutVersion": "1.0.0"}',
        "index.json": json.dumps(index).encode(),
        **blobs,
    }
