"""Runs a build backend's hooks inside its build environment (PEP 517); standard library only.

Called with a request and an answer file, both JSON.  The answer has the wheel's name, or the
requirements that the environment lacks.
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
    wanted = [str(text) for text in ask({})] if ask else []
    missing = [text for text in wanted if text not in request["installed"]]
    answer: dict[str, Any] = {"requires": missing}
    if not missing:
        answer["wheel"] = backend.build_wheel(request["out"], {}, None)
    Path(answer_path).write_text(json.dumps(answer), encoding="utf-8")


def load(text: str) -> Any:
    """The object "package.module:attribute" names."""
    module, _, attribute = text.partition(":")
    return reduce(getattr, filter(None, attribute.split(".")), importlib.import_module(module))


if __name__ == "__main__":
    main(*sys.argv[1:])
