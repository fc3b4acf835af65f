"""What is asked of a subject: its tags, who brings libraries, and which rules count."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sealift.audit.finding import Finding, load_rules, rules_called
from sealift.audit.scope import CONTENT, Scope, scope_of
from sealift.audit.tags import Platform, parse_platform
from sealift.audit.verdict import Verdict
from sealift.errors import ConfigError

ANY = "any"
_NO_ARCH = re.compile(
    r"(?:(?:manylinux|musllinux|macosx|ios)_\d+_\d+|manylinux(?:1|2010|2014)|android_\d+|linux)"
)
# Found only where it was asked for, or where there is less to judge than there seems.
_ALWAYS = ("tag-not-allowed", "policy-not-kept", "archives")
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

    @property
    def scope(self) -> Scope:
        """How much has to be read for rules that are not passed over."""
        return scope_of(load_rules().keys() - self.ignored)

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
        if best is not None and (best == ANY or policy.covers(best) or _is_within(policy, verdict)):
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


def _is_within(policy: Tag, verdict: Verdict) -> bool:
    """Whether it is a system of its own, for the CPUs and the kernel of ``policy``."""
    own = parse_platform(verdict.best or "") if verdict.own_libc else None
    asked = policy.platform
    return (
        own is not None
        and asked is not None
        and asked.system == own.system
        and (not policy.has_arch or set(asked.cpus) <= set(own.cpus))
    )


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
    *,
    exclude: Sequence[str] = (),
    ignored: Sequence[str] = (),
    selected: Sequence[str] = (),
) -> Allowance:
    """The allowance that the command line asks for; with ``selected`` all other rules are ignored.

    Raises :class:`ConfigError` for what is no platform tag, and no rule.
    """
    return Allowance(
        tuple(map(parse_tag, allowed)),
        parse_tag(policy) if policy else None,
        tuple(exclude),
        _rules(ignored) | (_unselected(_rules(selected)) if selected else frozenset()),
    )


def _rules(names: Sequence[str]) -> frozenset[str]:
    return frozenset().union(*map(rules_called, names))


def _unselected(rules: frozenset[str]) -> frozenset[str]:
    return frozenset(load_rules()) - rules - (_rules(_ALWAYS) - CONTENT)
