"""Commands by name: "module.function" and arguments; what the function returns is shown as JSON."""

import importlib
import json
import sys


def main():
    module, _, function = sys.argv[1].partition(".")
    found = getattr(importlib.import_module(f"behaviour.{module}"), function)
    result = found(*sys.argv[2:])
    if isinstance(result, int) and not isinstance(result, bool):
        return result
    if result is not None:
        print(json.dumps(result, ensure_ascii=False, default=str))
    return None
