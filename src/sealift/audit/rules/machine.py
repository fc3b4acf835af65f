"""Files for another machine, system or Python than the wheel's tags tell."""

import posixpath
import re
from collections import Counter
from collections.abc import Iterator, Sequence

from packaging.tags import Tag

from sealift.audit.finding import Finding
from sealift.audit.inventory import Inventory, WheelInfo
from sealift.audit.natives import Native
from sealift.audit.platform import system_of
from sealift.audit.tags import Platform, cpu_of, parse_platform, same_cpu
from sealift.audit.verdict import Verdict
from sealift.binary.elf import ElfFacts

# module.cpython-313-x86_64-linux-gnu.so, module.pypy311-pp73-…, module.cp313t-win_amd64.pyd
_EXTENSION = re.compile(
    r"\.(?:cpython-(?P<cpython>\d+)(?P<flags>[a-z]*)|(?P<pypy>pypy\d+-pp\d+)"
    r"|cp(?P<win>\d+)(?P<winflags>[a-z]*))(?:-(?P<place>[\w-]+))?\.(?:so|pyd)$"
)
_MODULE = re.compile(_EXTENSION.pattern + r"|(?:\.abi3t?)?\.so$|\.pyd$")
_STABLE = re.compile(r"\.(abi3t?)\.so$")
_CPYTHON = re.compile(r"cp(\d)(\d+)")
_FIRST_ABI3T = (3, 15)
_BASELINE_PAGE = 0x10000  # the largest pages that kernels of these machines are built with
_LARGE_PAGES = {"aarch64": _BASELINE_PAGE, "ppc64le": _BASELINE_PAGE}


def machines(inventory: Inventory, _: Verdict) -> Iterator[Finding]:
    """Native files that none of the wheel's platforms can load."""
    wheel = inventory.wheel
    loadable = [native for native in inventory.natives if native.is_loadable]
    if wheel is None or not loadable:
        return
    if wheel.platforms == ("any",):
        message = f"its tag says that it runs anywhere, and it has {_some(loadable)}"
        yield Finding(rule="native-in-pure-wheel", message=message, file=loadable[0].path)
        return
    if wheel.purelib:
        message = f"WHEEL says Root-Is-Purelib, and it has {_some(loadable)}"
        yield Finding(rule="native-in-purelib", message=message, file=loadable[0].path)
    platforms = [found for tag in wheel.platforms if (found := parse_platform(tag))]
    if not platforms:
        return
    yield from _misplaced_files(loadable, platforms)
    yield from _slices(inventory, platforms)


def _misplaced_files(loadable: Sequence[Native], platforms: list[Platform]) -> Iterator[Finding]:
    by_path = _by_path(loadable)
    # More slices in a fat file than asked for do no harm.
    breaches = {
        path: found[0]
        for path, natives in by_path.items()
        if all(found := [_misplaced(native, platforms) for native in natives]) and found[0]
    }
    fitting = [native for native in loadable if native.path not in breaches]
    asked = {name.lower() for native in fitting for name in _asked(native)}
    for path, (rule, message) in breaches.items():
        name = posixpath.basename(path)
        is_loaded = not fitting or bool(_MODULE.search(name)) or name.lower() in asked
        yield Finding(rule=rule if is_loaded else "foreign-file", message=message, file=path)


def _asked(native: Native) -> Iterator[str]:
    """The names of the libraries that a file is linked to."""
    if native.facts.format == "macho":
        yield from (posixpath.basename(it.name) for it in native.facts.dependencies)
    else:
        yield from native.facts.needed


def _some(natives: Sequence[Native]) -> str:
    files = sorted({native.path for native in natives})
    return files[0] if len(files) == 1 else f"{len(files)} native files, such as {files[0]}"


def _misplaced(native: Native, platforms: list[Platform]) -> tuple[str, str] | None:
    """The rule that a native file breaks, and how."""
    system, cpu = system_of(native), cpu_of(native)
    fitting = [platform for platform in platforms if platform.system == system]
    names = ", ".join(platform.tag for platform in platforms)
    if not fitting:
        return "wrong-system", f"it is for {system}, the wheel for {names}"
    if not any(same_cpu(cpu, known) for platform in fitting for known in platform.cpus):
        return "wrong-machine", f"it is for {cpu}, the wheel for {names}"
    return None


def _slices(inventory: Inventory, platforms: list[Platform]) -> Iterator[Finding]:
    """Mach-O files that lack code for a CPU that all files have to run on."""
    asked = {cpu for platform in platforms if platform.system == "macos" for cpu in platform.cpus}
    if len(asked) < 2:
        return
    found: dict[str, set[str]] = {}
    for native in inventory.natives:
        if native.facts.format == "macho" and native.facts.kind in {"bundle", "dylib"}:
            found.setdefault(native.path, set()).add(native.facts.cpu)
    for path, cpus in found.items():
        lacking = [cpu for cpu in sorted(asked) if not any(same_cpu(cpu, own) for own in cpus)]
        if lacking:
            message = f"it has no code for {', '.join(lacking)}"
            yield Finding(rule="wrong-machine", message=message, file=path)


def suffixes(inventory: Inventory, _: Verdict) -> Iterator[Finding]:
    """Extension modules whose suffix the Pythons of the wheel do not import."""
    wheel = inventory.wheel
    if wheel is None or wheel.platforms == ("any",):
        return
    modules = Counter(_module(path) for path in _by_path(inventory.natives))
    for path in _by_path(inventory.natives):
        if match := _EXTENSION.search(path):
            is_only = modules[_module(path)] == 1
            if message := _unfit(match, wheel) or (is_only and _for_one(match, wheel)):
                yield Finding(rule="wrong-suffix", message=message, file=path)
        elif (stable := _STABLE.search(path)) and not any(
            _imports_stable(tag, stable[1]) for tag in wheel.tags
        ):
            message = _not_looked_for(stable[0], wheel)
            yield Finding(rule="wrong-suffix", message=message, file=path)


def _unfit(match: "re.Match[str]", wheel: WheelInfo) -> str | None:
    """Why no Python of the wheel looks for a suffix."""
    if not any(_imports(tag, match) for tag in wheel.tags):
        return _not_looked_for(match[0], wheel)
    return _wrong_place(match["place"], wheel) if match["place"] else None


def _not_looked_for(suffix: str, wheel: WheelInfo) -> str:
    tags = ", ".join(sorted({f"{tag.interpreter}-{tag.abi}" for tag in wheel.tags}))
    return f"its suffix {suffix} is not what Pythons of {tags} look for"


def _by_path(natives: Sequence[Native]) -> dict[str, list[Native]]:
    found: dict[str, list[Native]] = {}
    for native in natives:
        found.setdefault(native.path, []).append(native)
    return found


def _imports(tag: Tag, match: "re.Match[str]") -> bool:
    """Whether a Python of ``tag`` looks for files with such a suffix."""
    if pypy := match["pypy"]:
        interpreter, _, abi = pypy.partition("-")
        return tag.interpreter.startswith("pp") and (
            tag.abi in {"none", f"{interpreter}_{abi.removeprefix('pp')}", pypy.replace("-", "_")}
        )
    version = match["cpython"] or match["win"]
    flags = match["flags"] or match["winflags"] or ""
    if tag.abi in {"none", "abi3", "abi3t"}:  # one Python of those that may import it does
        return tag.interpreter.startswith(("cp", "py"))
    return tag.abi in {f"cp{version}{flags}", f"cp{version}m"} or (
        tag.abi == f"cp{version}" and "t" not in flags
    )


def _imports_stable(tag: Tag, abi: str) -> bool:
    """Whether a Python of ``tag`` looks for ``.abi3.so`` or ``.abi3t.so``.

    From 3.15 on all look for the latter, and free-threaded ones no longer for the former (PEP 803).
    """
    match = _CPYTHON.fullmatch(tag.interpreter)
    version = (int(match[1]), int(match[2])) if match else _FIRST_ABI3T
    is_new = version >= _FIRST_ABI3T or tag.abi in {"abi3", "abi3t", "none"}
    return is_new if abi == "abi3t" else not (is_new and tag.abi.endswith("t"))


def _module(path: str) -> str:
    """The path of the extension module in a file, without its suffix."""
    return _MODULE.sub("", path)


def _for_one(match: "re.Match[str]", wheel: WheelInfo) -> str | None:
    """Why a module that there is for one Python only does not fit the stable ABI's tags."""
    if any(tag.abi not in {"abi3", "abi3t"} for tag in wheel.tags):
        return None
    oldest = ", ".join(sorted({tag.interpreter for tag in wheel.tags}))
    return f"its suffix {match[0]} is what one Python looks for, the wheel for {oldest} and newer"


_PLACES = {
    "darwin": ("macos", None), "win32": ("windows", "i686"), "win_amd64": ("windows", "x86_64"),
    "win_arm64": ("windows", "aarch64"), "iphoneos": ("ios", None),
    "iphonesimulator": ("ios", None),
}  # fmt: skip


def _wrong_place(place: str, wheel: WheelInfo) -> str | None:
    """Why the platform part of a suffix, as in ``x86_64-linux-gnu``, does not fit the wheel."""
    platforms = [found for tag in wheel.platforms if (found := parse_platform(tag))]
    if place in _PLACES:
        system, cpu = _PLACES[place]
    else:
        cpu, _, rest = place.partition("-")
        if not rest.startswith("linux"):
            return None
        system = "android" if "android" in rest else "linux"
        libc = "musllinux" if "musl" in rest else "manylinux" if "gnu" in rest else ""
        other = {"musllinux": "manylinux", "manylinux": "musllinux"}.get(libc)
        if platforms and all(platform.family == other for platform in platforms):
            # CPython calls its files for musl "-musl" since 3.8 only where it was told to.
            return f"its suffix is for {place}" if other == "manylinux" else None
    for platform in platforms:
        fits = cpu is None or any(_fits(cpu, known) for known in platform.cpus)
        if platform.system == system and fits:
            return None
    return f"its suffix is for {place}, the wheel for {', '.join(wheel.platforms)}"


def _fits(cpu: str, known: str) -> bool:
    cpu = {"powerpc64le": "ppc64le", "i386": "i686"}.get(cpu, cpu)
    return same_cpu(cpu, known)


def page_sizes(inventory: Inventory, _: Verdict) -> Iterator[Finding]:
    """Files that cannot be mapped with the largest pages their machine is run with."""
    for native in inventory.natives:
        facts = native.facts
        if not isinstance(facts, ElfFacts) or facts.kind not in {"EXEC", "DYN"}:
            continue
        cpu = cpu_of(native)
        wanted = _LARGE_PAGES.get(cpu, 0)
        if facts.system == "android" and facts.bits == 64:
            wanted = 0x4000
        if 0 < facts.page_size < wanted:
            message = (
                f"it is laid out for memory pages of {facts.page_size // 1024} KiB; "
                f"there are systems with {wanted // 1024} KiB"
            )
            yield Finding(rule="small-pages", message=message, file=native.path)
