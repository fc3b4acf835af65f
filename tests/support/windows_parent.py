"""Starts programs as Windows' own shell and services do; run there by a product's Python.

Each function is called with what the command line says in JSON, and prints JSON.
"""

import ctypes
import json
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

windows: Any = ctypes.windll  # type: ignore[attr-defined]
started_by: Any = subprocess  # whose names for Windows a checker on Linux does not know


def interrupt(*commands: Sequence[str]) -> list[Any]:
    """Press Ctrl-C, in a console, when the program has said something; what came of each."""
    windows.kernel32.FreeConsole()
    assert windows.kernel32.AllocConsole()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    found = []
    for command in commands:
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True,
        ) as child:  # fmt: skip
            assert child.stdout is not None
            first = child.stdout.readline()
            windows.kernel32.GenerateConsoleCtrlEvent(0, 0)
            out, err = child.communicate(timeout=60)
            found.append([first + out, err.splitlines()[-1:], child.returncode])
    return found


def without_streams(*commands: Sequence[str]) -> list[int]:
    """Start programs that have no standard streams; their statuses."""
    return [_detached(command).wait(60) for command in commands]


def _detached(command: Sequence[str]) -> Any:
    start = started_by.STARTUPINFO(dwFlags=started_by.STARTF_USESTDHANDLES)
    flags = started_by.DETACHED_PROCESS
    # By its whole path: Windows looks for no program whose path is long.
    return subprocess.Popen(command, executable=command[0], startupinfo=start, creationflags=flags)


def window(*command: str) -> list[Any]:
    """What stands in the window that a program shows, and its status once that is closed."""
    child = _detached(command)
    texts: list[str] = []
    while child.poll() is None:
        dialog = windows.user32.FindWindowW("#32770", None)
        texts = [text for text in _texts(dialog) if text]
        if texts:
            windows.user32.PostMessageW(dialog, 0x0010, 0, 0)  # WM_CLOSE
            break
        time.sleep(0.2)
    return [texts, child.wait(60)]


def _texts(window: int) -> list[str]:
    found = []

    def take(control: int, _: int) -> int:
        text = ctypes.create_unicode_buffer(4096)
        windows.user32.SendMessageW(control, 0x000D, len(text), text)  # WM_GETTEXT
        found.append(text.value)
        return 1

    kind = ctypes.WINFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)  # type: ignore[attr-defined]
    if window:
        windows.user32.EnumChildWindows(window, kind(take), 0)
    return found


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](*json.loads(sys.argv[2]))))
