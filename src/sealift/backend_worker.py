"""Runs a build backend's hooks inside its build environment (PEP 517); standard library only.

Called with a request and an answer file, both JSON.  The answer has the wheel's name and the paths
of the extension modules that setuptools was to build, or the requirements that the environment
lacks.
"""

import importlib
import json
import sys
from functools import reduce
from pathlib import Path
from typing import Any


def main(request_path: str, answer_path: str) -> None:
    """Answer one request: build a wheel, or say what is to be installed first."""
    request = json.loads(Path(request_path).read_text(encoding="utf-8"))
    sys.path[:0] = request["backend_path"]
    try:
        backend = load(request["backend"])
    except (ImportError, AttributeError) as problem:
        sys.exit(
            f"the build backend {request['backend']} cannot be imported: {problem}\n"
            "is it named in build-system.requires of pyproject.toml?"
        )
    ask = getattr(backend, "get_requires_for_build_wheel", None)
    settings = request["settings"]
    wanted = [str(text) for text in ask(settings)] if ask else []
    missing = [text for text in wanted if text not in request["installed"]]
    answer: dict[str, Any] = {"requires": missing}
    if not missing:
        answer["extensions"] = extensions = watch_extensions()
        answer["wheel"] = backend.build_wheel(request["out"], settings, None)
        extensions[:] = dict.fromkeys(extensions)
    Path(answer_path).write_text(json.dumps(answer), encoding="utf-8")


def load(text: str) -> Any:
    """The object "package.module:attribute" names."""
    module, _, attribute = text.partition(":")
    return reduce(getattr, filter(None, attribute.split(".")), importlib.import_module(module))


def watch_extensions() -> list[str]:
    """A list that fills with the paths of what setuptools builds, be it optional and fail or not.

    It stays empty with backends that do not use setuptools.
    """
    seen: list[str] = []
    if "setuptools" not in sys.modules:
        return seen
    # The base of all commands that build extension modules, those of old Cythons among them.
    build_ext = importlib.import_module("distutils.command.build_ext").build_ext
    library = importlib.import_module("setuptools.extension").Library
    run = build_ext.run

    def watched(self: Any) -> Any:
        extensions = [ext for ext in self.extensions or () if not isinstance(ext, library)]
        names = [self.get_ext_fullname(ext.name) for ext in extensions]
        seen.extend(Path(self.get_ext_filename(name)).as_posix() for name in names)
        return run(self)

    build_ext.run = watched
    return seen


if __name__ == "__main__":
    main(*sys.argv[1:])
