"""The Pareto front of reliability against cost, with noise taken into account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from agentchaos.scoring.differences import paired
from agentchaos.scoring.intervals import ALPHA, TYPICAL_LEAST


class Candidate(NamedTuple):
    """A point: what each replication contributes to reliability and to cost; both empty: not measured."""

    name: str
    reliability: Mapping[int, float]
    cost: Mapping[int, float]


class Standing(NamedTuple):
    """Where a point stands: front | noise | dominated | none. by: the point that is better than it."""

    front: str
    by: str = ""


def front(candidates: Sequence[Candidate], *, higher: bool) -> list[Standing]:
    """Each point's standing. higher: more of the reliability measure is better; of cost less always is.

    A point is dominated where another is at least as good in the mean on both and better on one; it is so
    `within noise` where no such other is better beyond noise (paired, one-sided at alpha) on either.
    """
    return [_standing(one, candidates, higher) for one in candidates]


def _standing(one: Candidate, others: Sequence[Candidate], higher: bool) -> Standing:
    if not one.reliability or not one.cost:
        return Standing("none")
    within = ""
    for other in others:
        if other is one or not other.reliability or not other.cost:
            continue
        gain = _gain(one.reliability, other.reliability, 1.0 if higher else -1.0)
        saving = _gain(one.cost, other.cost, -1.0)
        if min(gain.mean, saving.mean) < 0 or max(gain.mean, saving.mean) <= 0:
            continue
        if gain.sure or saving.sure:
            return Standing("dominated", other.name)
        within = within or other.name
    return Standing("noise", within) if within else Standing("front")


class _Gain(NamedTuple):
    mean: float
    sure: bool


def _gain(ours: Mapping[int, float], theirs: Mapping[int, float], sign: float) -> _Gain:
    """How far another is ahead, and whether that is beyond noise."""
    if ours == theirs:
        return _Gain(0.0, False)
    found = paired("", ours, theirs, ALPHA)
    if found is None or found.mean == 0:
        return _Gain(0.0, False)
    bound = found.low if sign > 0 else found.high
    enough = found.n >= TYPICAL_LEAST
    return _Gain(sign * found.mean, enough and bound is not None and sign * bound > 0)
