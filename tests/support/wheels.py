"""Small wheels for tests, honest and not."""

import base64
import hashlib
import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from sealift.entry import EntryPoint
from sealift.wheel import make_wheel


def honest_wheel(
    folder: Path,
    name: str,
    version: str = "1.0",
    *,
    files: Mapping[str, bytes] | None = None,
    entry_points: Sequence[EntryPoint] = (),
    requires: Sequence[str] = (),
    tag: str = "py3-none-any",
) -> Path:
    """A wheel with one module, or ``files``."""
    module = name.replace("-", "_")
    content = files if files is not None else {f"{module}.py": b"def main():\n    print('hello')\n"}
    return make_wheel(
        name, version, content, out=folder, entry_points=entry_points, requires=requires, tag=tag
    )


def recorded(files: Mapping[str, bytes], info: str) -> dict[str, bytes]:
    """``files`` with a RECORD that tells the truth about them."""
    lines = []
    for name, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(data)}\n")
    return {**files, f"{info}/RECORD": "".join([*lines, f"{info}/RECORD,,\n"]).encode()}


def plain_files(name: str = "demo", version: str = "1.0") -> dict[str, bytes]:
    """The files of a smallest wheel, without RECORD."""
    info = f"{name}-{version}.dist-info"
    return {
        f"{name}.py": b"x = 1\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }


def write_zip(path: Path, files: Mapping[str, bytes], *, mode: int = 0o644) -> Path:
    """``files`` as a zip at ``path``."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            member = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            member.external_attr = (0o100000 | mode) << 16
            archive.writestr(member, data)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(buffer.getvalue())
    return path
