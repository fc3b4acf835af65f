"""What is asked of a subject: ``--allow`` and ``--policy``, ``--exclude`` and ``--ignore``."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sealift.audit.finding import Finding, rule_called
from sealift.audit.tags import Platform, parse_platform
from sealift.audit.verdict import Verdict
from sealift.errors import ConfigError

ANY = "any"
_NO_ARCH = re.compile(
    r"(?:(?:manylinux|musllinux|macosx|ios)_\d+_\d+|manylinux(?:1|2010|2014)|android_\d+|linux)"
)
_KNOWN = "any, manylinux_2_17, manylinux2014, musllinux_1_2, macosx_11_0, android_24, win_amd64"


@dataclass(frozen=True, slots=True)
class Tag:
    """A platform tag as the command line has it; ``platform`` is ``None`` for ``any``.

    Without an architecture it means all of them.
    """

    text: str
    platform: Platform | None
    has_arch: bool

    def covers(self, tag: str) -> bool:
        """Whether files tagged ``tag`` run on all systems that this tag means.

        >>> parse_tag("manylinux_2_17").covers("manylinux1_i686")
        True
        """
        if self.platform is None:
            return tag == ANY
        other = parse_platform(tag)
        return (
            other is not None
            and other.family == self.platform.family
            and other.version <= self.platform.version
            and (not self.has_arch or set(self.platform.cpus) <= set(other.cpus))
        )


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is asked of each subject: to claim one of ``allowed``, and to keep ``policy``.

    ``exclude`` are patterns of libraries that others bring, ``ignored`` rules that are passed over.
    """

    allowed: tuple[Tag, ...] = ()
    policy: Tag | None = None
    exclude: tuple[str, ...] = ()
    ignored: frozenset[str] = frozenset()

    def findings(self, verdict: Verdict) -> Iterator[Finding]:
        """What ``verdict`` lacks."""
        if self.allowed:
            yield from self._claims(verdict)
        if self.policy:
            yield from self._keeps(self.policy, verdict)

    def _claims(self, verdict: Verdict) -> Iterator[Finding]:
        claimed = verdict.claimed or ((verdict.best,) if verdict.best else ())
        if not any(tag.covers(name) for tag in self.allowed for name in claimed):
            asked = ", ".join(tag.text for tag in self.allowed)
            message = f"it is for {', '.join(claimed) or 'no one system'}; allowed is {asked}"
            yield Finding(rule="tag-not-allowed", message=message)

    def _keeps(self, policy: Tag, verdict: Verdict) -> Iterator[Finding]:
        best = verdict.best
        if best is not None and (best == ANY or policy.covers(best)):
            yield from _lacking(policy, verdict)
            return
        covered = {tag: _version(tag) for tag in verdict.obstacles if policy.covers(tag)}
        newest = max(covered.values(), default=())  # the policy's own, or the nearest with a list
        reasons = [
            (tag, reason)
            for tag, version in covered.items()
            if version == newest
            for reason in verdict.obstacles[tag]
        ]
        for tag, reason in reasons:
            yield Finding(
                rule="policy-not-kept",
                message=f"{tag} is out of reach: it {reason.text}",
                file=reason.file,
                chain=reason.chain,
                details=reason.details(tag),
            )
        if not reasons:
            message = f"it runs on {best or 'no one system'}, not on {policy.text}"
            yield Finding(rule="policy-not-kept", message=message)


def _lacking(policy: Tag, verdict: Verdict) -> Iterator[Finding]:
    """Libraries that the platform lacks, where the tag does not tell: on macOS and Windows."""
    for external in verdict.externals:
        if external.is_missing:
            yield Finding(
                rule="policy-not-kept",
                message=f"it needs {external.library}, which {policy.text} does not promise",
                file=next(iter(external.needed_by), None),
                details={"tag": policy.text, "library": external.library},
            )


def _version(tag: str) -> tuple[int, ...]:
    found = parse_platform(tag)
    return found.version if found else ()


def parse_tag(text: str) -> Tag:
    """The tag ``text``; raises :class:`ConfigError` where it is not a platform tag."""
    name = text.strip().lower().replace("-", "_").replace(".", "_")
    if name == ANY:
        return Tag(text, None, has_arch=False)
    bare = bool(_NO_ARCH.fullmatch(name))
    platform = parse_platform(f"{name}_x86_64" if bare else name)
    if platform is None:
        raise ConfigError(
            f"cannot use {text!r}: it is no platform tag", hint=f"tags are such as {_KNOWN}"
        )
    return Tag(text, platform, has_arch=not bare)


def parse_allowance(
    allowed: Sequence[str],
    policy: str | None,
    exclude: Sequence[str] = (),
    ignored: Sequence[str] = (),
) -> Allowance:
    """The allowance that the command line asks for.

    Raises :class:`ConfigError` for what is no platform tag, and no rule.
    """
    for name in ignored:
        rule_called(name)
    return Allowance(
        tuple(map(parse_tag, allowed)),
        parse_tag(policy) if policy else None,
        tuple(exclude),
        frozenset(ignored),
    )
