"""What two tools say of a wheel, side by side."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """A tag, libraries, and what broke or was refused instead; a peer may tell no tag.

    The libraries are those from outside in a verdict, and those taken in by a repair.
    """

    tag: str | None
    libraries: frozenset[str]
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A wheel, and both answers on it; ``is_same`` is whether they agree."""

    wheel: str
    ours: Answer
    peers: Answer
    is_same: bool


def compare_verdicts(wheel: str, ours: Answer, peers: Answer) -> Row:
    """Two verdicts; where the peer tells no tag the libraries alone count."""
    tags = {ours.tag, peers.tag} if peers.tag else {ours.tag}
    is_same = len(tags) == 1 and ours.libraries == peers.libraries and not peers.problem
    return Row(wheel, ours, peers, is_same)


def compare_repairs(wheel: str, ours: Answer, peers: Answer) -> Row:
    """Two repairs; they agree where both refuse, or give the same tag and take in the same."""
    if ours.problem or peers.problem:
        return Row(wheel, ours, peers, bool(ours.problem and peers.problem))
    is_same = (ours.tag, ours.libraries) == (peers.tag, peers.libraries)
    return Row(wheel, ours, peers, is_same)
