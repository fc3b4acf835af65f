"""Runs inside an application zip, by the Python it finds there; never imported by Sealift.

The zip's files are unpacked once into a private folder that is a virtual environment (PEP 405) of
the running interpreter, so that ``sys.executable -m …``, multiprocessing and ``.pth`` files work
as they do in any environment; then the application starts in this very process.  A warm start
reads this file's compiled code, compares size, mtime and ctime of every unpacked file with those
noted when it was written, and imports nothing that the interpreter has not loaded by itself: each
import here costs every start.

Its words are those of :mod:`sealift.formats.pyz`.
"""

import _imp
import gc
import marshal
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

LISTING = ".sealift"  # what is in the tree, in marshal's format; its mtime is the last start
PATIENCE = 10  # seconds that a process which unpacks may show no progress
_SYSTEMS = {"win32": "windows", "darwin": "macos"}
_ON_WINDOWS = os.name == "nt"


class RefusedError(Exception):
    """A folder or this Python will not do; the text says why."""


def run(archive: str, manifest: bytes, load: "Callable[[str], dict[str, Any]]") -> None:
    """Start the application in the zip ``archive``; ends as it does.

    ``load`` gives the names of another part of this program that lies in the zip.
    """
    facts: dict[str, Any] = marshal.loads(manifest)  # (a part of the zip)

    def unpack(root: str, **how: "Any") -> None:
        unpacker = load("pyz_unpack")["unpack"]
        unpacker(archive, variant, root, stdlib_folder(), inherit=facts["inherit"], **how)

    try:
        variant = choose(facts)
        root = prepare(tree_name(facts, variant), unpack, native=variant["native"])
    except RefusedError as problem:
        sys.exit(f"{facts['name']}: {problem}")
    enter(root, inherit=facts["inherit"])
    start(facts["module"], facts["function"])


# Which of the variants inside fits


def choose(facts: "dict[str, Any]") -> "dict[str, Any]":
    """The variant for this Python on this machine, the newest Python's where several fit."""
    refusals = [(variant, refusal(variant)) for variant in facts["variants"]]
    fitting = [variant for variant, reason in refusals if reason is None]
    if fitting:
        return max(fitting, key=lambda variant: variant["python"])
    version = ".".join(map(str, sys.version_info[:3]))
    lines = [f"  {described(variant)}: {reason}" for variant, reason in refusals]
    here = f"CPython {version} ({_imp.extension_suffixes()[0]}) on {sys.platform}"
    raise RefusedError(
        "\n".join([f"cannot run with {sys.executable}, {here}; inside are:", *lines])
    )


def described(variant: "dict[str, Any]") -> str:
    """A variant as people say it."""
    newer = " or newer" if variant["any_newer"] else ""
    return f"{variant['target']}, CPython {'.'.join(map(str, variant['python']))}{newer}"


def refusal(variant: "dict[str, Any]") -> "str | None":
    """Why ``variant`` cannot run here, or ``None``."""
    system = _SYSTEMS.get(sys.platform, sys.platform)
    wanted, here = variant["python"], sys.version_info[:2]
    if variant["system"] != system:
        return f"needs {variant['system']}"
    if here != wanted and not (variant["any_newer"] and here > wanted):
        return f"needs CPython {'.'.join(map(str, wanted))}"
    if not variant["native"]:
        return None
    suffix = _imp.extension_suffixes()[0]
    if here == wanted and suffix != variant["suffix"]:
        return f"needs native modules named {variant['suffix']}"
    if platform_of(suffix) != platform_of(variant["suffix"]):
        return f"needs {platform_of(variant['suffix'])}"
    if variant["machine"] and not _ON_WINDOWS and os.uname().machine != variant["machine"]:
        return f"needs a CPU {variant['machine']}"
    return floor_refusal(variant["floor"])


def platform_of(suffix: str) -> str:
    """The part of an extension suffix behind the Python's: ``x86_64-linux-gnu.so``."""
    return suffix.split("-", 1 if _ON_WINDOWS else 2)[-1]


def floor_refusal(floor: "tuple[int, int] | None") -> "str | None":
    """Why glibc here is too old for ``floor``, or ``None``."""
    if floor is None or "CS_GNU_LIBC_VERSION" not in getattr(os, "confstr_names", ()):
        return None
    text = os.confstr("CS_GNU_LIBC_VERSION") or ""
    here = tuple(int(part) for part in text.split()[-1].split(".")[:2]) if text else (0, 0)
    if here >= floor:
        return None
    return f"needs glibc {floor[0]}.{floor[1]}, this is {text or 'none'}"


# Where it is unpacked


def prepare(name: str, unpack: "Callable[..., None]", *, native: bool) -> str:
    """The path of the tree ``name``, complete, in the first place that will do.

    ``native`` tells whether native code is to be loaded from it.
    """
    reasons = []
    for place, kind in places():
        try:
            return ready_tree(os.path.join(own_folder(place, kind, native=native), name), unpack)
        except RefusedError as problem:
            reasons.append(f"  {place}: {problem}")
        except OSError as problem:
            reasons.append(f"  {place}: {problem.strerror or problem}")
    hint = "  hint: set SEALIFT_CACHE_DIR to a folder of your own"
    raise RefusedError("\n".join(["cannot find a place to unpack to", *reasons, hint]))


def tree_name(facts: "dict[str, Any]", variant: "dict[str, Any]") -> str:
    """A name for what is unpacked: one a product, content and interpreter."""
    interpreter = os.path.realpath(base_interpreter() or sys.executable)
    number = 14695981039346656037  # FNV-1a, 64 bits: hashlib would be one more import
    for byte in os.fsencode(interpreter):
        number = (number ^ byte) * 1099511628211 & 0xFFFFFFFFFFFFFFFF
    tag = "{}{}".format(*sys.version_info)
    return f"{facts['name']}-{facts['version']}-{variant['key'][:16]}-cp{tag}-{number:016x}"


def base_interpreter() -> str:
    """The interpreter itself, where ``sys.executable`` may be a virtual environment's."""
    return getattr(sys, "_base_executable", "") or ""


def places() -> "Iterator[tuple[str, str]]":
    """Folders to try, and what they are: named for us, the user's, or shared by all users."""
    named = os.environ.get("SEALIFT_CACHE_DIR")
    if named:
        yield named, "named"
    if _ON_WINDOWS:
        yield os.environ.get("LOCALAPPDATA") or os.path.expanduser("~\\AppData\\Local"), "user"
        return
    if os.environ.get("XDG_CACHE_HOME"):
        yield os.environ["XDG_CACHE_HOME"], "user"
    yield os.path.expanduser("~/.cache"), "user"
    yield "/var/tmp", "shared"  # noqa: S108  (its folder is checked)
    yield "/tmp", "shared"  # noqa: S108
    if os.environ.get("XDG_RUNTIME_DIR"):
        yield os.environ["XDG_RUNTIME_DIR"], "run"
    yield "/dev/shm", "shared"  # noqa: S108


def own_folder(place: str, kind: str, *, native: bool) -> str:
    """Our private folder in ``place``, made if need be; refused where others could change it."""
    if not os.path.isabs(place):
        raise RefusedError("it is not an absolute path")
    place = os.path.realpath(place)
    if kind in ("named", "user"):
        os.makedirs(place, mode=0o700, exist_ok=True)
    if _ON_WINDOWS:
        return made(os.path.join(made(os.path.join(place, "sealift")), "pyz"))
    if native and os.statvfs(place).f_flag & os.ST_NOEXEC:
        raise RefusedError("programs may not be run from there (noexec)")
    found = check_trusted(place)
    if found.st_uid != os.geteuid() or found.st_mode & 0o1000:
        place = made(f"{place}/sealift-{os.geteuid()}")
    elif kind != "named":
        place = made(f"{place}/sealift")
    return made(f"{place}/pyz")


def check_trusted(path: str) -> "os.stat_result":
    """Refuse a folder that others than root and we could exchange; what it is."""
    folder, found = "/", os.stat("/")
    trusted = (0, found.st_uid, os.geteuid())  # in a user namespace root has another number
    for part in path.split("/"):
        folder = f"{folder.rstrip('/')}/{part}" if part else folder
        found = os.stat(folder)
        if found.st_uid not in trusted:
            raise RefusedError(f"{folder} belongs to user {found.st_uid}")
        if found.st_mode & 0o022 and not found.st_mode & 0o1000:
            raise RefusedError(f"others can write to {folder}")
    return found


def made(folder: str) -> str:
    """``folder``, ours and private, made if need be."""
    try:
        found = os.lstat(folder)
    except FileNotFoundError:
        try:
            os.mkdir(folder, 0o700)
        except FileExistsError:
            pass
        found = os.lstat(folder)
    if found.st_mode & 0o170000 != 0o040000:
        raise RefusedError(f"{folder} is no folder")
    if not _ON_WINDOWS and (found.st_uid != os.geteuid() or found.st_mode & 0o077):
        raise RefusedError(f"{folder} is not private to this user")
    return folder


def ready_tree(root: str, unpack: "Callable[..., None]") -> str:
    """``root``, complete; what deletes idle trees leaves it alone as long as this process runs."""
    is_there = hold(root)
    if not (is_there and is_complete(root)):
        lock = making_lock(root)
        try:
            is_there = is_there or hold(root)
            if not (is_there and is_complete(root)):
                unpack(root, is_new=not is_there, lock=lock, take=take)
        finally:
            if lock is not None:
                os.close(lock)
        if not (is_there or hold(root)):
            raise RefusedError(f"{root} was deleted when it had been unpacked")
    try:
        os.utime(f"{root}/{LISTING}")
    except OSError:
        pass  # a disk that cannot be written to serves as well
    return root


def hold(root: str) -> bool:
    """Keep the tree from being deleted while this process runs; whether it is there."""
    try:
        take(root, exclusive=False)
    except (BlockingIOError, FileNotFoundError):
        return False
    return os.path.isdir(root)


def making_lock(root: str) -> "int | None":
    """The lock under which ``root`` is made, waited for while its holder goes on.

    ``None`` where there are no locks or the holder has stopped: then each start unpacks for
    itself, and the renaming decides.
    """
    import time

    path, beat, until = f"{root}.lock", -1, 0.0
    while True:
        try:
            return take(path, exclusive=True, is_folder=False)
        except BlockingIOError:
            now, latest = time.monotonic(), modified(path)
        if latest != beat:
            beat, until = latest, now + PATIENCE
        elif now > until:
            if sys.stderr:
                problem = f"the process that unpacks {root} has stopped"
                sys.stderr.write(f"{problem}; unpacking without waiting for it\n")
            return None
        time.sleep(0.02)


def modified(path: str) -> int:
    """The mtime of a file; 0 where there is none."""
    try:
        return os.stat(path).st_mtime_ns
    except FileNotFoundError:
        return 0


def take(path: str, *, exclusive: bool, is_folder: bool = True) -> "int | None":
    """Lock a folder, or a file that is made if need be, without waiting: what keeps it locked.

    ``None`` where there are no locks.  Raises :class:`BlockingIOError` if another process has it.
    """
    try:
        import fcntl
    except ImportError:
        return None
    flags = os.O_DIRECTORY if is_folder else os.O_RDWR | os.O_CREAT
    opened = os.open(path, flags | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(opened, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except OSError as problem:
        os.close(opened)
        if isinstance(problem, BlockingIOError):
            raise
        return None
    if not is_at(path, opened):
        os.close(opened)
        raise BlockingIOError(f"{path} was deleted")
    return opened


def is_at(path: str, opened: int) -> bool:
    """Whether what is open still has the name ``path``."""
    try:
        return os.path.samestat(os.fstat(opened), os.lstat(path))
    except FileNotFoundError:
        return False


def is_complete(root: str) -> bool:
    """Whether all files of the tree are there and nobody has touched them since they were noted."""
    lstat = os.lstat
    try:
        with open(f"{root}/{LISTING}", "rb") as file:
            listing = marshal.loads(file.read())  # (load asks the file for each value)
        for path, size, mtime, ctime in listing:
            found = lstat(f"{root}/{path}")
            if (found.st_size, found.st_mtime_ns, found.st_ctime_ns) != (size, mtime, ctime):
                return False
    except (OSError, EOFError, ValueError, TypeError):
        return False
    return True


# Becoming the application


def stdlib_folder() -> str:
    """Where an environment of this Python keeps its library: ``lib/python3.13``."""
    return "Lib" if _ON_WINDOWS else f"lib/{os.path.basename(os.path.dirname(os.__file__))}"


def enter(root: str, *, inherit: bool) -> None:
    """Make this process one that runs in the virtual environment ``root``."""
    import site

    before = sys.path[1:]
    sys.path[:] = filter(is_stdlib, before)
    python = f"{root}/bin/python"
    if os.path.islink(python):
        sys.executable = python
        sys.prefix = sys.exec_prefix = root
    site.addsitedir(f"{root}/{stdlib_folder()}/site-packages", set(sys.path))
    if inherit:
        sys.path += [entry for entry in before if entry not in sys.path]


def is_stdlib(entry: str) -> bool:
    """Whether an entry of ``sys.path`` is a part of the standard library."""
    zipped = "python{}{}.zip".format(*sys.version_info)
    stdlib = os.path.dirname(os.__file__)
    return entry == stdlib or os.path.basename(entry) in ("lib-dynload", "DLLs", zipped)


def start(module: str, function: "str | None") -> None:
    """Run ``module`` as ``python -m`` does, or call its ``function`` as a script does."""
    if function is None:
        import runpy

        runpy._run_module_as_main(module)  # type: ignore[attr-defined]  # noqa: SLF001
        return
    is_collecting = gc.isenabled()
    gc.disable()  # next to nothing of what imports make is garbage
    __import__(module)
    called: Any = sys.modules[module]
    gc.freeze()
    if is_collecting:
        gc.enable()
    for part in function.split("."):
        called = getattr(called, part)
    sys.exit(called())
