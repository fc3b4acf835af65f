"""Several commands in one process, where each start takes long."""

import importlib
import traceback


def answers(*commands):
    found = {}
    for command in commands:
        module, _, function = command.partition(".")
        try:
            found[command] = getattr(importlib.import_module(f"behaviour.{module}"), function)()
        except BaseException:
            found[command] = traceback.format_exc()
    return found
