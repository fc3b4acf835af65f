"""An application zip for machines that have Python (PEP 441), native code included.

::

    #!/usr/bin/env python3.13
    __main__.py                       refuses an old Python in words, else runs the boot code
    boot/<magic>/pyz_boot             compiled for each Python inside; boot/pyz_boot.py for others
    boot/manifest                     what there is to choose from, in marshal's format
    manifest.json                     the same for people
    shared/click.<digest>.zip         files that are the same for all variants, once
    linux-x86_64/numpy.<digest>.zip   those of one target
    cpython-313/click.<digest>.zip    compiled code, which other Pythons leave alone

Below ``lib/python`` in them is what unpacks to ``lib/python3.13`` or whichever runs it.  Files lie
in zips within the zip, one a distribution, since Python reads the whole directory of the
outer one at each start.  All are plain zips, deflated: any Python can read them.
"""

import json
import marshal
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, ClassVar

from sealift import store
from sealift.bytecode import compile_sources, read_pack
from sealift.compression import option_of_levels
from sealift.errors import RefusedError
from sealift.floor import floor_of
from sealift.formats.zipparts import Part, packed_files, pyc_magic, zip_member, zip_parts
from sealift.image import Image, Kind
from sealift.interpreter import Interpreter
from sealift.options import option
from sealift.project import Project
from sealift.target import Target
from sealift.windows.names import check_name

LEVELS: Mapping[str, int] = {"fast": 1, "balanced": 6, "small": 9}
BOOT = ("pyz_boot", "pyz_unpack")
SYSTEMS = ("linux", "macos", "windows")
_FORMAT = "2"  # of the trees that are unpacked

_MAIN = """\
import sys

if sys.version_info < (3, 11) or sys.implementation.name != "cpython":
    sys.exit({needs} + "; this is " + sys.version)

import marshal
from _frozen_importlib_external import MAGIC_NUMBER


def read(name):
    return __loader__.get_data(__loader__.archive + "/boot/" + name)


def load(name):
    try:
        code = marshal.loads(read(MAGIC_NUMBER.hex() + "/" + name))
    except OSError:
        code = compile(read(name + ".py"), name + ".py", "exec")
    names = {{"__name__": name}}
    exec(code, names)
    return names


load("pyz_boot")["run"](__loader__.archive, read("manifest"), load)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PyzOptions:
    """``[tool.sealift.pyz]``."""

    shebang: str | None = option(
        None, 'the first line, such as "/usr/bin/env python3"; names the Python inside by default'
    )
    compression: str = option_of_levels()
    inherit: bool = option(
        False, "let packages of the Python that runs it be imported too, behind the shipped ones"
    )


class Pyz:
    """A zip that any matching Python runs; one file holds several targets and Pythons."""

    name: ClassVar[str] = "pyz"
    summary: ClassVar[str] = "a zip for machines that have Python, several targets in one file"
    options: ClassVar[type[PyzOptions]] = PyzOptions
    several_targets: ClassVar[bool] = True
    ships_interpreter: ClassVar[bool] = False

    def refuses(self, target: Target) -> str | None:
        """Why there is no zip for ``target``, or ``None``."""
        return None if target.os in SYSTEMS else "no Python can be expected there"

    def check(self, project: Project, options: PyzOptions, target: Target) -> None:  # noqa: ARG002  (for others)
        """What Windows asks of a name."""
        if target.is_windows:
            check_name(project.product)

    def prepare(self, interpreter: Interpreter) -> None:
        """Nothing takes long that needs no image."""

    def filename(self, image: Image) -> str:
        """The product's name."""
        return f"{image.name}.pyz"

    def write(self, images: Sequence[Image], options: PyzOptions, out: Path) -> None:
        """Write the zip at ``out``, executable."""
        parts = list(zip_parts(images, LEVELS[options.compression]))
        members = dict(_boot_members(images))
        manifest = _manifest(images, parts, options)
        members["boot/manifest"] = marshal.dumps(manifest, 2)  # version 2 has no references
        members["manifest.json"] = _readable(images, manifest)
        with out.open("wb") as file:
            file.write(f"#!{options.shebang or _shebang(images)}\n".encode())
            with zipfile.ZipFile(file, "w") as archive:
                for name, content in sorted(members.items()):
                    archive.writestr(zip_member(name), content)
                for part in sorted(parts, key=lambda part: part.name):
                    archive.writestr(zip_member(part.name), part.path.read_bytes())
        out.chmod(0o755)


# What tells the boot code what to do


def _manifest(
    images: Sequence[Image], parts: Sequence[Part], options: PyzOptions
) -> dict[str, Any]:
    (first, *_) = images
    entries = {image.entry for image in images}
    if len(entries) > 1:
        raise RefusedError(f"cannot write {first.name}.pyz: its targets start different things")
    return {
        "name": _file_name(first.name),
        "version": _file_name(first.version).replace("-", "_"),  # a tree's name is cut at "-"
        "module": first.entry.module,
        "function": first.entry.function,
        "inherit": options.inherit,
        "variants": [_variant(number, image, parts) for number, image in enumerate(images)],
    }


def _variant(number: int, image: Image, parts: Sequence[Part]) -> dict[str, Any]:
    natives = {file.path: file.source for file in packed_files(image) if file.kind == Kind.NATIVE}
    own = [part for part in parts if number in part.images]
    target = image.target
    return {
        "target": target.name,
        "system": target.os,
        "machine": "" if target.arch == "universal2" else target.machine,
        "python": tuple(map(int, image.feature.split("."))),
        "any_newer": not any(_is_of_one_python(path) for path in natives),
        "native": bool(natives),
        "suffix": image.interpreter.ext_suffix,
        "floor": floor_of(natives, target).version if target.abi == "gnu" else None,
        "magic": pyc_magic(image.interpreter),
        "key": store.digest_of(_FORMAT, image.key),
        "parts": tuple(sorted(part.name for part in own if not part.is_code)),
        "code": tuple(sorted(part.name for part in own if part.is_code)),
    }


def _is_of_one_python(path: str) -> bool:
    """Whether a native file is an extension module without the stable interface.

    >>> _is_of_one_python("a/_x.cpython-313-x86_64-linux-gnu.so")
    True
    >>> _is_of_one_python("a/_x.abi3.so"), _is_of_one_python("a.libs/libpq-d1a3.so.5")
    (False, False)
    """
    folder, _, name = path.rpartition("/")
    return name.endswith((".so", ".pyd")) and ".abi3." not in name and not folder.endswith(".libs")


def _readable(images: Sequence[Image], manifest: Mapping[str, Any]) -> bytes:
    variants = [
        {
            "target": image.target.name,
            "python": image.python,
            "glibc": ".".join(map(str, variant["floor"])) if variant["floor"] else None,
            "distributions": list(image.distributions),
            "parts": [*variant["code"], *variant["parts"]],
        }
        for image, variant in zip(images, manifest["variants"], strict=True)
    ]
    (first, *_) = images
    facts = {"name": first.name, "version": first.version, "entry": str(first.entry)}
    return (json.dumps({**facts, "variants": variants}, indent=1) + "\n").encode()


def _boot_members(images: Sequence[Image]) -> Iterator[tuple[str, bytes]]:
    """``__main__.py``, and the boot code as source and compiled for each Python inside."""
    features = " or ".join(sorted({image.feature for image in images}))
    needs = f"{images[0].name}: needs CPython {features}"
    yield "__main__.py", _MAIN.format(needs=ascii(needs)).encode()
    folder = resources.files("sealift")
    with resources.as_file(folder / "pyz_boot.py") as first:
        sources = [(f"{name}.py", first.with_name(f"{name}.py")) for name in BOOT]
        texts = [path.read_bytes() for _, path in sources]
        for (name, _), text in zip(sources, texts, strict=True):
            yield f"boot/{name}", text
        for interpreter in {image.interpreter.key: image.interpreter for image in images}.values():
            magic = pyc_magic(interpreter)
            if magic is None:
                continue
            pack = compile_sources(interpreter, "pyz", sources, store.digest_of(*texts))
            content = pack.path.read_bytes()
            for code in read_pack(pack.path):
                name = f"boot/{magic.hex()}/{code.path.removesuffix('.py')}"
                yield name, content[code.offset : code.offset + code.size]


def _shebang(images: Sequence[Image]) -> str:
    """Names the Python inside where there is one, else the newest that is found."""
    features = {image.feature for image in images}
    return f"/usr/bin/env python{features.pop()}" if len(features) == 1 else "/usr/bin/env python3"


def _file_name(text: str) -> str:
    """``text`` fit for a file name.

    >>> _file_name("ship it/now")
    'ship_it_now'
    """
    return re.sub(r"[^\w.+-]", "_", text)
