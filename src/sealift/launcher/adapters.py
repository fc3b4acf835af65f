"""What functions of the standard library do inside a product; runs as ``_sealift_adapters``.

They open files by path where a loader could be asked.  Each function here stands for one of them
and gets the original first; the importer puts them in place and loads this when one is called.
"""

import sys

import _sealift  # type: ignore[import-not-found]
from _sealift_importer import (  # type: ignore[import-not-found]
    SEPARATOR,
    key_of,
    native_path,
    prefix,
    settings,
    source_at,
    support,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

BUNDLED_CERTIFICATES = prefix + native_path(settings["stdlib"].partition("/")[0] + "/cacert.pem")
# Where systems keep their roots, when OpenSSL was built to look elsewhere.
SYSTEM_CERTIFICATES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Alpine, Arch
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, older RHEL
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  # RHEL, CentOS
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",  # Alpine, BSDs, macOS
    "/var/lib/ca-certificates/ca-bundle.pem",  # newer SUSE
)


def updatecache(
    original: "Callable[..., list[str]]", filename: "str", module_globals: "Any" = None
) -> "list[str]":
    """``linecache.updatecache``: lines of a file, known by its path alone.

    What it makes of a loader's source has more lines than the compiler counts: form feeds end one.
    """
    import io
    import linecache
    import os
    from importlib.util import decode_source

    source = None if os.path.exists(filename) else source_at(filename)
    if source is None:
        return original(filename, module_globals)
    try:
        lines = io.StringIO(decode_source(source)).readlines()
    except (UnicodeDecodeError, SyntaxError):
        return []
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    linecache.cache[filename] = (len(source), None, lines, filename)
    return lines


def show_exception(
    original: "Callable[..., None]", kind: "Any", value: "Any", trace: "Any"
) -> None:
    """``sys.excepthook`` with source lines, which Python before 3.13 reads from disk alone."""
    try:
        import traceback

        text = "".join(traceback.format_exception(kind, value, trace))
    except Exception:  # noqa: BLE001  (whatever is wrong, the exception is to be seen)
        original(kind, value, trace)
        return
    if sys.stderr is not None:
        sys.stderr.write(text)
        sys.stderr.flush()


def excepthook(original: "Callable[..., None]", args: "Any") -> None:
    """``threading.excepthook`` with source lines."""
    import threading

    if args.exc_type is SystemExit or sys.stderr is None:
        return original(args)
    name = args.thread.name if args.thread is not None else threading.get_ident()
    sys.stderr.write(f"Exception in thread {name}:\n")
    return show_exception(
        lambda *_: original(args), args.exc_type, args.exc_value, args.exc_traceback
    )


def set_default_verify_paths(original: "Callable[..., None]", context: "Any") -> None:
    """``SSLContext.set_default_verify_paths``, with roots where OpenSSL's own places are empty.

    What ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` name wins over everything.
    """
    import os
    import ssl

    paths = ssl.get_default_verify_paths()
    named = any(
        os.path.exists(os.environ.get(name, ""))
        for name in (paths.openssl_cafile_env, paths.openssl_capath_env)
    )
    bundled = settings["certificates"] == "bundled"
    if named or not bundled:
        original(context)
    # Windows has a store of its own, which was asked before.
    if named or (not bundled and (sys.platform == "win32" or _has_certificates(paths))):
        return
    candidates = () if bundled else SYSTEM_CERTIFICATES
    for path in (*candidates, BUNDLED_CERTIFICATES):
        if os.path.exists(path):
            context.load_verify_locations(path)
            return


def _has_certificates(paths: "Any") -> "bool":
    import os

    if paths.cafile is not None:
        return True
    return paths.capath is not None and bool(os.listdir(paths.capath))


def locate_file(original: "Callable[..., Any]", distribution: "Any", path: "Any") -> "Any":
    """``PathDistribution.locate_file``: sources exist, whether on disk or in the image."""
    found = original(distribution, path)
    return support("_sealift_paths").ImagePath(found) if key_of(str(found)) is not None else found


def dlopen(original: "Callable[..., int]", name: "Any", mode: "int") -> "int":
    """``ctypes._dlopen``, from a copy where the library's place forbids execution.

    Windows is asked to look in the same places as for all other libraries.
    """
    if SEPARATOR == "\\":
        return original(name, support("_sealift_windows").places_of(mode))
    if isinstance(name, str) and key_of(name) is not None:
        name = _sealift.native(name)
    return original(name, mode)


def found_on_path(name: "str") -> "str":
    """Where a shell found ``name``: what a script is told by the kernel, and a program is not."""
    import os

    for folder in os.get_exec_path():
        path = os.path.join(folder, name)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return name


def startup_failed(code: "str", problem: "Exception") -> None:
    """Tell that code of a ``.pth`` file failed; the program goes on, as with ``site``."""
    import traceback

    sys.stderr.write(f"Error while running start-up code {code!r}:\n\n")
    for line in traceback.format_exception(problem):
        for part in line.splitlines():
            sys.stderr.write(f"  {part}\n")
    sys.stderr.write("\nRemainder of the code ignored\n")


def end_process(status: "Any") -> None:
    """End without finalising Python: threads joined, exit functions run, streams flushed."""
    import atexit
    import os

    if threading := sys.modules.get("threading"):
        threading._shutdown()  # noqa: SLF001  (what finalisation calls)
    code = 0 if status is None else status if isinstance(status, int) else 1
    if status is not None and not isinstance(status, int):
        _tell_last(status)
    atexit._run_exitfuncs()  # noqa: SLF001  (as above)
    for stream in (getattr(sys, "stdout", None), getattr(sys, "stderr", None)):
        try:
            if stream is not None and not getattr(stream, "closed", False):
                stream.flush()
        except Exception:  # noqa: BLE001  (streams may be anything)
            code = 120
    os._exit(code & 0xFF if os.name == "posix" else (code + 2**31) % 2**32 - 2**31)


def _tell_last(status: "Any") -> None:
    """Print what ``SystemExit`` was given; to the descriptor where there is no ``sys.stderr``."""
    import os

    try:
        text = f"{status}\n"
        if (stream := getattr(sys, "stderr", None)) is not None:
            stream.write(text)
        else:
            os.write(2, text.encode(errors="backslashreplace"))
    except Exception:  # noqa: BLE001, S110  (as Python does: the process ends all the same)
        pass
