"""Work that failures interrupt: how long it takes when what was done since the last save is done again.

Failures are Poisson at `rate` a second. Everything follows from the transform E e^(-rate X) of what can be
interrupted. Sources: Duda 1983, "The effects of checkpointing on program execution time", IPL 16(5); Daly
2006, FGCS 22(3); Kulkarni, Nicola and Trivedi 1987, "The completion time of a job on multimode systems".
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from typing import NamedTuple

from agentchaos.analytic.base import require
from agentchaos.distributions import Distribution


class Moments(NamedTuple):
    """The mean (s) and the second moment (s^2) of a time."""

    mean: float
    second: float

    @property
    def variance(self) -> float:
        """E X^2 - (E X)^2; never below 0."""
        return max(0.0, self.second - self.mean**2)


NOTHING = Moments(0.0, 0.0)


class Phase(NamedTuple):
    """A time X that failures at `rate` may interrupt: E e^(-rate X) and E X e^(-rate X)."""

    rate: float
    through: float
    weighted: float


def moments(times: Iterable[Distribution]) -> Moments:
    """The moments of a sum of independent times."""
    listed = list(times)
    mean = math.fsum(time.mean() for time in listed)
    return Moments(mean, math.fsum(time.variance() for time in listed) + mean**2)


def phase(rate: float, times: Iterable[Distribution]) -> Phase:
    """The sum of independent times as a phase."""
    return several(rate, [(_phase(rate, time), 1) for time in times])


def several(rate: float, phases: Iterable[tuple[Phase, int]]) -> Phase:
    """Phases one after the other, each so many times."""
    through, slope = 1.0, 0.0  # slope: the sum of E X e^(-rX) / E e^(-rX)
    for one, times in phases:
        through *= one.through**times
        slope += times * one.weighted / one.through
    return Phase(rate, through, through * slope)


def _phase(rate: float, time: Distribution) -> Phase:
    p = time.parameters
    if time.kind == "constant":
        through = math.exp(-rate * p[0])
        return Phase(rate, through, p[0] * through)
    if time.kind in ("exponential", "poisson"):
        through = 1 / (1 + rate * p[0])
        return Phase(rate, through, p[0] * through**2)
    if time.kind == "gamma":
        shape, scale = p
        through = (1 + rate * scale) ** -shape
        return Phase(rate, through, shape * scale * through / (1 + rate * scale))
    if time.kind == "empirical":
        pairs = list(zip(time.weights, p, strict=True))
        return Phase(
            rate,
            math.fsum(w * math.exp(-rate * x) for w, x in pairs),
            math.fsum(w * x * math.exp(-rate * x) for w, x in pairs),
        )
    return _integrated(rate, time)


def _integrated(rate: float, time: Distribution) -> Phase:
    """By integrating over the quantiles."""
    from scipy.integrate import quad

    quantile = time.sampler()
    # cut near the end, where the quantile of a long tail is steep
    edges = (0.0, 0.01, 0.5, 0.99, 0.9999, 1.0)
    through = weighted = 0.0
    for a, b in itertools.pairwise(edges):
        through += quad(lambda u: math.exp(-rate * quantile(u)), a, b, epsrel=1e-10)[0]
        weighted += quad(lambda u: quantile(u) * math.exp(-rate * quantile(u)), a, b, epsrel=1e-10)[0]
    return Phase(rate, through, weighted)


def interrupted(work: Phase, *, before: Moments = NOTHING, after: Moments = NOTHING) -> Moments:
    """The time until a phase is once got through without a failure.

    Each attempt: `before` (which nothing interrupts), then the phase; where it fails, `after`, and again.
    With l = E e^(-r X) the mean is (before + (1 - l)/r + (1 - l) after) / l; for a fixed X, nothing
    before and a downtime D after it is (1/r + D)(e^(r X) - 1).
    """
    rate, through = work.rate, work.through
    require(rate > 0, "no failures interrupt the work")
    fails = 1 - through
    run = fails / rate  # E min(X, S), S the time to the next failure
    run_second = 2 * (fails / rate**2 - work.weighted / rate)
    cut = fails / rate - work.weighted  # E S where S < X
    mean = (before.mean + run + fails * after.mean) / through
    second = (
        before.second + 2 * before.mean * run + run_second
        + 2 * (before.mean * fails + cut) * (after.mean + mean)
        + fails * (after.second + 2 * after.mean * mean)
    ) / through  # fmt: skip
    return Moments(mean, second)


def lost_per_failure(work: Phase, write: Phase) -> float:
    """The mean work lost by a failure within a segment of work and the write of its checkpoint.

    E min(S, X) where S < X + W. For a fixed X and no write: 1/r - L / (e^(r L) - 1). Daly 2006, section 2.
    """
    whole = several(work.rate, [(work, 1), (write, 1)])
    within = (1 - work.through) / work.rate - work.weighted
    writing = work.weighted * (1 - write.through)
    return (within + writing) / (1 - whole.through)


def availability(rate: float, down: Moments) -> float:
    """The long-run share of time up, where the up times are exponential: 1 / (1 + r E D)."""
    return 1 / (1 + rate * down.mean)


def head_start(up: Moments, down: Moments) -> float:
    """The seconds up that a unit which starts up is ahead of the long run, int_0^inf A(t) - A dt.

    E U E C^2 / (2 M^2) - E U^2 / (2 M), C = U + D, M = E C: the second term of the renewal theorem for an
    alternating process whose cycles are no multiples of one span. Exponential up and down: l / (l + mu)^2.
    """
    mean = up.mean + down.mean
    second = up.second + 2 * up.mean * down.mean + down.second
    return up.mean * second / (2 * mean**2) - up.second / (2 * mean)


def kept_of(gap: Distribution, keep: float) -> Moments:
    """The moments of the time between events of a renewal process of which each is kept with a chance."""
    require(0 < keep <= 1, f"the chance is {keep:g}; it must be above 0")
    mean = gap.mean() / keep
    variance = gap.variance() / keep + gap.mean() ** 2 * (1 - keep) / keep**2
    return Moments(mean, variance + mean**2)
