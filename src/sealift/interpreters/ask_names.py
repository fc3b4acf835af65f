"""Run by an interpreter: what its standard library needs of modules, as JSON.

It reads paths of Python sources, one a line, and tells for each the modules and names that the file
cannot be imported without.  Kept to modules every CPython has; it is passed as text.
"""

import ast
import json
import sys


def _asked(tree: ast.Module) -> "list[tuple[str, str]]":
    found = []
    imported = {}
    for node in tree.body:
        if isinstance(node, ast.Import):
            imported.update({alias.asname or alias.name: alias.name for alias in node.names})
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found += [(node.module, alias.name) for alias in node.names if alias.name != "*"]
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Attribute):
            used, name = node.value.value, node.value.attr
            if isinstance(used, ast.Name) and used.id in imported and not name.startswith("__"):
                found.append((imported[used.id], name))
    return found


if __name__ == "__main__":
    answer = {}
    for line in sys.stdin:
        with open(line.rstrip("\n"), "rb") as file:  # noqa: PTH123  (this is quick)
            answer[line.rstrip("\n")] = _asked(ast.parse(file.read()))
    sys.stdout.write(json.dumps(answer))
