"""Provider ``local``: an interpreter of this machine, made relocatable; needs no network."""

from pathlib import Path
from typing import ClassVar

from sealift.config import Settings
from sealift.errors import InterpreterError
from sealift.interpreter import Interpreter
from sealift.interpreters.candidates import named_program, search
from sealift.interpreters.relocate import relocate, telling_paths
from sealift.target import Target, current_target


class LocalInterpreters:
    """The running interpreter, those on PATH, of pyenv and of uv, or one the user names."""

    name: ClassVar[str] = "local"

    def refuses(self, python: str, target: Target, settings: Settings) -> str | None:
        """Why there is none here that can be shipped to ``target``, or ``None``."""
        wrong = _refuses_target(target)
        if wrong:
            return wrong
        result = search(python, named=_named(settings))
        if result.found:
            return None
        return f"there is no CPython {python} on this machine that can be shipped" + "".join(
            f"; {reason}" for reason in result.refused
        )

    def find(self, python: str, target: Target, settings: Settings) -> Interpreter:
        """The newest that fits, prepared."""
        result = search(python, named=_named(settings))
        found = result.found
        wrong = _refuses_target(target)
        if wrong or not found:
            raise InterpreterError(
                f"cannot take CPython {python} from this machine: {wrong or 'none fits'}",
                details=result.refused,
                hint=None if wrong else 'install it, or name one with `interpreter = "/path"`',
            )
        prepared = relocate(found, target, everything=settings.config.stdlib == "all")
        return Interpreter(
            provider=self.name,
            version=found.version,
            target=target,
            root=prepared.root,
            stdlib=prepared.stdlib,
            library=prepared.library,
            static_library=found.static_library(),
            headers=found.headers,
            program=found.program,
            ext_suffix=found.variables["EXT_SUFFIX"],
            free_threaded=found.is_free_threaded,
            floor=prepared.floor,
            key=prepared.key,
            reason=result.origin,
            build_paths=telling_paths(found),
            libraries=prepared.libraries,
        )


def _named(settings: Settings) -> Path | None:
    """The interpreter a user names by a path in place of a provider."""
    named = settings.config.interpreter
    return named_program(named) if "/" in named else None


def _refuses_target(target: Target) -> str | None:
    here = current_target()
    if target.name != here.name:
        return f"interpreters of this machine run on {here} only"
    if target.os != "linux":
        return "only interpreters for Linux can be made relocatable; standalone has the others"
    return None
