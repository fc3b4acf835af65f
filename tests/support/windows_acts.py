"""What a product for Windows does when a test asks it: its module ``acts``."""

import json
import sys
import time
from pathlib import Path


def main() -> int | None:
    """Do what the first argument names."""
    status: int | None = globals()[sys.argv[1]](*sys.argv[2:])
    return status


def wait() -> None:
    """Let Ctrl-C end it."""
    print("ready", flush=True)
    time.sleep(60)


def wait_and_tell() -> int:
    """Do something about Ctrl-C."""
    try:
        wait()
    except KeyboardInterrupt:
        print("interrupted")
    return 5


def streams(path: str) -> int:
    """Tell in a file which streams there are, and use them."""
    print("said")
    print("told", file=sys.stderr)
    found = [stream is not None for stream in (sys.stdin, sys.stdout, sys.stderr)]
    Path(path).write_text(json.dumps(found))
    return 4


def fail() -> None:
    """Raise what nobody catches."""
    raise ValueError


def libraries() -> None:
    """Load libraries as extension modules, ctypes and native code do."""
    import _socket
    import _ssl
    import ctypes
    import winsound

    loaded = [_socket.__name__, _ssl.__name__, winsound.__name__]
    loaded += [name for name in ("dbghelp", "dwmapi.dll") if ctypes.WinDLL(name)]  # type: ignore[attr-defined]
    load = ctypes.windll.kernel32.LoadLibraryW  # type: ignore[attr-defined]
    loaded += [name for name in ("version.dll", "wtsapi32", "absent.dll") if load(name)]
    missing = []
    for need in (lambda: __import__("needy"), lambda: ctypes.WinDLL("absent.dll")):  # type: ignore[attr-defined]
        try:
            need()
        except OSError as problem:
            missing.append("ctypes: " + str(problem))
        except ImportError as problem:
            missing.append(str(problem))
    print(json.dumps([loaded, missing]))
