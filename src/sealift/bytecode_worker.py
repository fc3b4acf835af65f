"""Compiles source files; run by the interpreter that is shipped, never imported by Sealift.

``python bytecode_worker.py OUT`` reads a JSON list of ``[path in the product, file here]`` from
standard input, appends the marshalled code of each to OUT, and answers on standard output with a
JSON list of ``[size, problem]``: ``problem`` says why a file has no code, or is null.

Nothing but this module's few imports may be loaded: what is interned in the process shows in the
bytes that ``marshal`` writes.
"""

import json
import marshal
import sys


def compile_file(path: str, file: str) -> bytes:
    """The marshalled code of ``file``, which tracebacks will call ``path``."""
    with open(file, "rb") as source:  # noqa: PTH123  (pathlib would be loaded for this alone)
        text = source.read()
    return marshal.dumps(compile(text, path, "exec", dont_inherit=True, optimize=0))


def main(out: str) -> None:
    """Compile what standard input lists into ``out``."""
    answers: list[tuple[int, str | None]] = []
    with open(out, "wb") as pack:  # noqa: PTH123  (as above)
        for path, file in json.load(sys.stdin):
            try:
                code = compile_file(path, file)
            except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as problem:
                answers.append((0, f"{type(problem).__name__}: {problem}"))
            else:
                pack.write(code)
                answers.append((len(code), None))
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
