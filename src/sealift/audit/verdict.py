"""A verdict: the best platform tag, and for each better one the exact reasons against it."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a tag is out of reach, in ``text``, a whole clause such as "asks libc.so.6 for …".

    ``file`` is who asks, a path inside of the subject; ``library`` whom it asks; ``symbol`` what
    for, as ``memcpy@GLIBC_2.14`` or, where the symbol is not known, ``GLIBC_2.14``; ``symbols`` all
    of them, where ``text`` stands for more.  ``chain`` are the files through which ``file`` is
    loaded, outermost first, ``file`` left out.
    """

    text: str
    file: str
    library: str | None = None
    symbol: str | None = None
    symbols: tuple[str, ...] = ()
    chain: tuple[str, ...] = ()

    @property
    def is_absence(self) -> bool:
        """Whether it is the library itself that is not there."""
        return self.library is not None and self.symbol is None

    def details(self, tag: str) -> Mapping[str, object]:
        """What machines are told of it, as a finding about ``tag``."""
        return {
            "tag": tag,
            "library": self.library,
            "symbol": self.symbol,
            "symbols": list(self.symbols),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class External:
    """A shared library from outside of the subject, who needs it, and which tags promise it.

    ``promised_by`` are platform tags, newest first; empty where no policy promises it.
    ``is_excluded`` tells that the user leaves it to others to bring.
    """

    library: str
    needed_by: tuple[str, ...]
    promised_by: tuple[str, ...] = ()
    is_excluded: bool = False

    @property
    def is_missing(self) -> bool:
        """Whether nobody is known to bring it."""
        return not self.promised_by and not self.is_excluded


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Where the native files of a subject run.

    ``best`` is a platform tag such as ``manylinux_2_17_x86_64``; ``linux_x86_64`` when no policy
    fits, ``any`` for a subject without native files, ``None`` when they are for a machine that no
    tag is for, and where there are no files or some cannot be read.  Files for another system than
    most are left out.  ``floor`` is the tag they keep once every library from outside is there:
    what symbols and machine alone leave, ``None`` where that is ``best`` itself.  ``claimed`` are
    the platform tags of its file name.  ``obstacles`` has for each tag better than ``best``, the
    nearest first, the reasons against it.  ``own_libc``, as in ``glibc 2.36``, is
    what a whole system brings, so that its tag tells the CPU alone.
    """

    best: str | None
    floor: str | None = None
    claimed: tuple[str, ...] = ()
    obstacles: Mapping[str, tuple[Reason, ...]] = field(default_factory=dict)
    externals: tuple[External, ...] = ()
    own_libc: str | None = None
