"""Container images: what ``docker save`` writes, and OCI layouts, as a tar or a folder.

Formats: OCI image specification 1.1 (layout, index, manifest, layers with whiteouts) and the
``manifest.json`` of Docker's image archives.  Layers are read from the top: what an upper one has,
or has removed, hides what lower ones have, so every layer is read once.
"""

import json
import posixpath
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, Any

from sealift.archive import open_tar_stream, reading
from sealift.audit.containers.tars import entries, member_of, plain
from sealift.audit.subject import Kind, Member, Members, Subject
from sealift.errors import ArchiveError

_INDEX_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"
_LARGEST_JSON = 16 << 20
_DEPTH = 4

Open = Callable[[str], IO[bytes]]


@dataclass(frozen=True, slots=True)
class _Image:
    """The layers of one image, lowest first; ``platform`` is as in ``linux/arm64``."""

    platform: str
    layers: tuple[str, ...]


def is_image(raw: IO[bytes], name: str) -> bool:
    """Whether the tar in ``raw``, which is not packed, holds container images."""
    with reading(name):
        try:
            with tarfile.open(fileobj=raw, mode="r:") as archive:
                names = {plain(entry.name) for entry in entries(name, archive)}
        except tarfile.TarError:
            return False
        finally:
            raw.seek(0)
    return "oci-layout" in names or ("manifest.json" in names and "image.sealift" not in names)


def archive_members(subject: Subject, raw: IO[bytes]) -> Members:
    """The files of the images in a tar."""
    subject.kind = Kind.IMAGE
    with reading(subject.name), tarfile.open(fileobj=raw, mode="r:") as archive:
        names = {plain(e.name): e for e in entries(subject.name, archive) if not e.isdir()}

        def opened(name: str) -> IO[bytes]:
            entry = names.get(name)
            file = archive.extractfile(entry) if entry else None
            if file is None:
                raise ArchiveError(f"cannot read {subject.name}: {name!r} is missing")
            return file

        yield from _image_members(subject, opened, docker="oci-layout" not in names)


def layout_members(subject: Subject) -> Members:
    """The files of the images in a folder with an OCI layout."""

    def opened(name: str) -> IO[bytes]:
        path = subject.path / name
        if not path.resolve().is_relative_to(subject.path.resolve()):
            raise ArchiveError(f"cannot read {subject.name}: {name!r} leads out of it")
        if not path.is_file():
            raise ArchiveError(f"cannot read {subject.name}: {name!r} is missing")
        return path.open("rb")

    with reading(subject.name):
        yield from _image_members(subject, opened, docker=False)


def _image_members(subject: Subject, opened: Open, *, docker: bool) -> Members:
    reader = _Reader(subject, opened)
    images = list(reader.docker_images() if docker else reader.oci_images())
    if not images:
        raise ArchiveError(f"cannot read {subject.name}: it has no image in it")
    for image in images:
        prefix = f"{image.platform.replace('/', '-')}/" if len(images) > 1 else ""
        yield from reader.members(image, prefix)


class _Reader:
    def __init__(self, subject: Subject, opened: Open) -> None:
        self._subject, self._opened = subject, opened

    def _json(self, name: str) -> Any:
        with self._opened(name) as file:
            text = file.read(_LARGEST_JSON)
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as problem:
            raise self._broken(f"{name} is no JSON: {problem}") from problem

    def _broken(self, reason: str) -> ArchiveError:
        return ArchiveError(f"cannot read {self._subject.name}: {reason}")

    def docker_images(self) -> Iterator[_Image]:
        try:
            for number, row in enumerate(self._json("manifest.json")):
                layers = tuple(plain(str(layer)) for layer in row["Layers"])
                yield _Image(str((row.get("RepoTags") or [number])[0]).replace(":", "-"), layers)
        except (TypeError, KeyError, AttributeError, LookupError) as problem:
            raise self._broken("manifest.json does not name layers") from problem

    def oci_images(self) -> Iterator[_Image]:
        try:
            yield from self._index(self._json("index.json"), "", _DEPTH)
        except (TypeError, KeyError, AttributeError, ValueError) as problem:
            raise self._broken("its index does not name images and layers") from problem

    def _index(self, index: Mapping[str, Any], platform: str, depth: int) -> Iterator[_Image]:
        if not depth:
            raise self._broken("its indexes name one another")
        for row in index["manifests"]:
            told = row.get("platform", {})
            if told.get("os") == "unknown":  # attestations of a build, no image
                continue
            parts = (told.get("os"), told.get("architecture"), told.get("variant"))
            name = "/".join(part for part in parts if part) or platform
            document = self._json(_blob(row["digest"]))
            if row.get("mediaType") in _INDEX_TYPES or "manifests" in document:
                yield from self._index(document, name, depth - 1)
            else:
                layers = tuple(_blob(layer["digest"]) for layer in document["layers"])
                yield _Image(name, layers)

    def members(self, image: _Image, prefix: str) -> Members:
        above = _Above()
        for layer in reversed(image.layers):
            with self._opened(layer) as raw, reading(f"{self._subject.name}: layer {layer}"):
                yield from self._layer(raw, above, prefix)
            above.end_layer()

    def _layer(self, raw: IO[bytes], above: "_Above", prefix: str) -> Members:
        with open_tar_stream(raw) as archive:
            for entry in entries(self._subject.name, archive):
                if above.takes(plain(entry.name), is_folder=entry.isdir()) and entry.isreg():
                    member, content = member_of(archive, entry)
                    yield Member(prefix + member.path, member.size, member.mode), content


def _blob(digest: str) -> str:
    algorithm, _, value = digest.partition(":")
    if not (algorithm.isalnum() and value.isalnum()):
        msg = "not a digest"
        raise ValueError(msg)
    return f"blobs/{algorithm}/{value}"


@dataclass(slots=True)
class _Above:
    """What upper layers have and have removed; the layer being read counts once it is ended."""

    files: set[str] = field(default_factory=set)
    folders: set[str] = field(default_factory=set)
    hidden: set[str] = field(default_factory=set)
    opaque: set[str] = field(default_factory=set)
    pending: list[tuple[set[str], str]] = field(default_factory=list)

    def takes(self, path: str, *, is_folder: bool) -> bool:
        """Whether ``path`` of the layer being read is seen in the image."""
        folder, name = posixpath.split(path)
        if name == _OPAQUE:
            self.pending.append((self.opaque, folder))
            return False
        if name.startswith(_WHITEOUT):
            gone = posixpath.join(folder, name.removeprefix(_WHITEOUT))
            self.pending.append((self.hidden, gone))
            return False
        if self._is_hidden(path):
            return False
        self.pending.append((self.folders if is_folder else self.files, path))
        return True

    def _is_hidden(self, path: str) -> bool:
        if path in self.files or path in self.hidden or path in self.folders:
            return True
        parent = posixpath.dirname(path)
        while True:
            if parent in self.opaque or parent in self.hidden or parent in self.files:
                return True
            if not parent:
                return False
            parent = posixpath.dirname(parent)

    def end_layer(self) -> None:
        for where, path in self.pending:
            where.add(path)
        self.pending.clear()
