"""``cross-expose``: lets cross-pip take what build-python has installed as installed for the host.

A copy of it is run by build-python; standard library only.  What is exposed has a folder of
metadata among cross-python's packages whose ``INSTALLER`` is this; the modules come by
``sys.build_path``.
"""

import argparse
import importlib.metadata
import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import Distribution
from pathlib import Path

_INSTALLER = "cross-expose\n"
_TOOLS = {"pip", "setuptools", "distribute", "wheel"}  # which ":all:" does not mean


def main(arguments: Sequence[str], site: Path) -> int:
    """Expose to the packages in ``site``, or undo it; the exit status."""
    options = _parser().parse_args(arguments)
    if options.list:
        _say(sorted(exposed(site)))
        return 0
    names = [name for given in options.MODULE for name in _named(given)]
    if not names:
        sys.stderr.write("cross-expose: name a package, or use --list\n")
        return 2
    act = _unexpose if options.unexpose else _expose
    problems = [problem for name in names if (problem := act(name, site))]
    if options.verbose:
        _say(sorted(exposed(site)))
    sys.stderr.writelines(f"cross-expose: {problem}\n" for problem in problems)
    return 1 if problems else 0


def _say(lines: Iterable[str]) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cross-expose",
        description="Let cross-pip and setup.py see packages that build-python has installed.",
    )
    parser.add_argument("-l", "--list", action="store_true", help="list what is exposed")
    parser.add_argument("-u", "--unexpose", action="store_true", help="undo it")
    parser.add_argument(
        "-v", "--verbose", action="count", default=0, help="list what is exposed then"
    )
    parser.add_argument("MODULE", nargs="*", help='package of build-python; ":all:" for all')
    return parser


def exposed(site: Path) -> dict[str, Path]:
    """The metadata of what is exposed, by normalized name (PEP 503)."""
    found = {}
    for folder in site.glob("*.dist-info"):
        installer = folder / "INSTALLER"
        if installer.is_file() and installer.read_text(encoding="utf-8") == _INSTALLER:
            found[normalized(folder.name.partition("-")[0])] = folder
    return found


def normalized(name: str) -> str:
    """``name`` as the index has it.

    >>> normalized("Ruamel.yaml_")
    'ruamel-yaml-'
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def _named(given: str) -> Iterator[str]:
    if given != ":all:":
        yield given
        return
    for distribution in importlib.metadata.distributions():
        name = distribution.metadata["Name"]
        if normalized(name) not in _TOOLS:
            yield name


def _expose(name: str, site: Path) -> str | None:
    key = normalized(name)
    found = _installed(key)
    if found is None:
        return f"build-python has no {name}: build-pip install {name}"
    _forget(exposed(site).get(key))
    others = [path.name for path in site.glob("*.dist-info") if _is_of(path, key)]
    if others:
        return f"cross-python has {others[0].removesuffix('.dist-info')} itself"
    _write(found, site / f"{key.replace('-', '_')}-{found.version}.dist-info")
    return None


def _unexpose(name: str, site: Path) -> str | None:
    folder = exposed(site).get(normalized(name))
    if folder is None:
        return f"{name} is not exposed"
    _forget(folder)
    return None


def _installed(key: str) -> Distribution | None:
    found: Iterable[Distribution] = importlib.metadata.distributions()
    return next((each for each in found if normalized(each.metadata["Name"] or "") == key), None)


def _is_of(folder: Path, key: str) -> bool:
    return normalized(folder.name.partition("-")[0]) == key


def _write(found: Distribution, folder: Path) -> None:
    """Metadata as installers write it (PEP 376), by which pip can uninstall it, too."""
    scratch = folder.with_name(f".{folder.name}")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    texts = {name: found.read_text(name) for name in ("METADATA", "PKG-INFO", "entry_points.txt")}
    metadata = texts["METADATA"] or texts["PKG-INFO"] or ""
    written = {"METADATA": metadata, "INSTALLER": _INSTALLER}
    if texts["entry_points.txt"]:
        written["entry_points.txt"] = texts["entry_points.txt"]
    written["RECORD"] = "".join(f"{folder.name}/{name},,\n" for name in (*written, "RECORD"))
    for name, text in written.items():
        (scratch / name).write_text(text, encoding="utf-8")
    scratch.replace(folder)


def _forget(folder: Path | None) -> None:
    if folder is not None:
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main(sys.argv[2:], Path(sys.argv[1])))
