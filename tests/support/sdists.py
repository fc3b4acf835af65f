"""Projects with a build backend of their own, so that building them needs no network."""

import gzip
import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

_BACKEND = """
import sys, zipfile, base64, hashlib, pathlib

NAME, VERSION, TAG = "{name}", "{version}", "{tag}"
REQUIRES = {requires!r}

def get_requires_for_build_wheel(settings=None):
    return REQUIRES

def prepare_metadata_for_build_wheel(out, settings=None):
    info = pathlib.Path(out, f"{{NAME}}-{{VERSION}}.dist-info")
    info.mkdir()
    for name, text in _info().items():
        (info / name).write_text(text)
    return info.name

def _info():
    return {{
        "METADATA": f"Metadata-Version: 2.1\\nName: {{NAME}}\\nVersion: {{VERSION}}\\n",
        "WHEEL": f"Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: {{TAG}}\\n",
        "entry_points.txt": f"[console_scripts]\\n{{NAME}} = {{NAME}}:main\\n",
    }}

def build_wheel(out, settings=None, metadata=None):
    print("building", NAME)
    {body}
    files = {{p.name: p.read_text() for p in pathlib.Path(".").glob(NAME + "*")
             if p.is_file()}}
    info = f"{{NAME}}-{{VERSION}}.dist-info"
    files.update({{f"{{info}}/{{name}}": text for name, text in _info().items()}})
    lines = []
    for name, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=")
        lines.append(f"{{name}},sha256={{digest.decode()}},{{len(text.encode())}}\\n")
    files[f"{{info}}/RECORD"] = "".join(lines) + f"{{info}}/RECORD,,\\n"
    wheel = f"{{NAME}}-{{VERSION}}-{{TAG}}.whl"
    with zipfile.ZipFile(pathlib.Path(out, wheel), "w") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    return wheel
"""


def project_files(
    name: str = "demo",
    version: str = "1.0",
    *,
    tag: str = "py3-none-any",
    body: str = "pass",
    requires: tuple[str, ...] = (),
    dynamic: bool = False,
) -> dict[str, str]:
    """The files of a project; ``body`` is what its backend does besides."""
    backend = _BACKEND.format(name=name, version=version, tag=tag, body=body, requires=[*requires])
    told = 'dynamic = ["version"]' if dynamic else f'version = "{version}"'
    return {
        "pyproject.toml": (
            '[build-system]\nrequires = []\nbuild-backend = "own"\nbackend-path = ["."]\n'
            f'[project]\nname = "{name}"\n{told}\n'
            f'[project.scripts]\n{name} = "{name}:main"\n'
        ),
        "own.py": backend,
        f"{name}.py": "def main():\n    print('hello')\n",
    }


def write_project(folder: Path, files: Mapping[str, str]) -> Path:
    """``files`` below ``folder``."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def write_sdist(folder: Path, name: str, version: str, files: Mapping[str, str]) -> Path:
    """``files`` as an sdist in ``folder``."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as out:
        for place, text in {**files, "PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\n"}.items():
            info = tarfile.TarInfo(f"{name}-{version}/{place}")
            info.size = len(text.encode())
            out.addfile(info, io.BytesIO(text.encode()))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}.tar.gz"
    path.write_bytes(gzip.compress(buffer.getvalue(), mtime=0))
    return path
