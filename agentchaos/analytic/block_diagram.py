"""Reliability block diagrams: series, parallel, k-of-n, standby and units, one within another.

Sources: Trivedi, "Probability and Statistics with Reliability, Queuing, and Computer Science Applications",
2nd ed. (2002), chapters 1, 3 and 8; Barlow and Proschan, "Statistical Theory of Reliability and Life
Testing" (1975). Parts fail independently; a unit whose name stands in several places is one unit.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from agentchaos.analytic.base import NoClosedForm, require, require_positive, require_share


@dataclasses.dataclass(frozen=True)
class Unit:
    """One thing that works or does not. rate: failures a second (exponential life), where it is known."""

    name: str
    rate: float | None = None


@dataclasses.dataclass(frozen=True)
class Series:
    """Works while every part does."""

    parts: tuple[Structure, ...]


@dataclasses.dataclass(frozen=True)
class Parallel:
    """Works while some part does (all of them run: hot)."""

    parts: tuple[Structure, ...]


@dataclasses.dataclass(frozen=True)
class KOfN:
    """Works while at least k parts do."""

    k: int
    parts: tuple[Structure, ...]


@dataclasses.dataclass(frozen=True)
class Standby:
    """One part works, the others wait in this order.

    coverage: the chance that a switch to a waiting part works; if it does not, the whole has failed.
    dormant: failures a second of a waiting part (0: cold; the rate of a working one: hot).
    """

    parts: tuple[Structure, ...]
    coverage: float = 1.0
    dormant: float = 0.0


Structure = Unit | Series | Parallel | KOfN | Standby


def units(structure: Structure) -> Iterator[Unit]:
    """The units of a diagram, as often as they stand in it."""
    if isinstance(structure, Unit):
        yield structure
    else:
        for part in structure.parts:
            yield from units(part)


MANY = 20
"""So many like parts are told by the incomplete beta function instead of one by one."""


# -- at given chances ---------------------------------------------------------------------------


def k_of_n(k: int, chances: Iterable[float]) -> float:
    """P(at least k of independent parts work): the convolution of their chances.

    For equal chances it is sum_{i>=k} C(n, i) R^i (1-R)^(n-i). Barlow and Proschan 1975, section 1.1.
    """
    chances = list(chances)
    if len(chances) > MANY and len(set(chances)) == 1 and 0 < k <= len(chances):
        from scipy.special import bdtrc

        return float(bdtrc(k - 1, len(chances), chances[0]))
    working = [1.0]  # working[i] = P(i of the parts so far work)
    for chance in chances:
        grown = [*working, 0.0]
        for i in range(len(working), 0, -1):
            grown[i] = grown[i] * (1 - chance) + working[i - 1] * chance
        grown[0] *= 1 - chance
        working = grown
    return math.fsum(working[max(k, 0) :])


def reliability(structure: Structure, chances: Mapping[str, float]) -> float:
    """P(the whole works), from the chance of each unit by its name.

    series: prod R_i; parallel: 1 - prod (1 - R_i). Units that stand in several places are conditioned
    upon (the factoring theorem; Trivedi 2002, section 1.10).
    """
    _require_no_standby(structure)
    repeated = [name for name, times in Counter(u.name for u in units(structure)).items() if times > 1]
    if repeated:
        chance = chances[repeated[0]]
        up, down = (reliability(_decided(structure, repeated[0], works), chances) for works in (True, False))
        return chance * up + (1 - chance) * down
    return _reliability(structure, chances)


def _require_no_standby(structure: Structure) -> None:
    require(
        not isinstance(structure, Standby),
        "a standby part works for a time, not with a chance: its parts are used one after the other",
    )
    if not isinstance(structure, Unit):
        for part in structure.parts:
            _require_no_standby(part)


def _decided(structure: Structure, name: str, works: bool) -> Structure:
    """The diagram with one unit decided: a row of nothing always works, a choice of nothing never."""
    if isinstance(structure, Unit):
        if structure.name != name:
            return structure
        return Series(()) if works else Parallel(())
    return dataclasses.replace(structure, parts=tuple(_decided(p, name, works) for p in structure.parts))


def _reliability(structure: Structure, chances: Mapping[str, float]) -> float:
    if isinstance(structure, Unit):
        chance = chances[structure.name]
        require_share(**{f"the chance of {structure.name}": chance})
        return chance
    parts = [_reliability(part, chances) for part in structure.parts]
    return _combined(structure, parts)


def _combined(structure: Structure, parts: list[float]) -> float:
    """The whole from its parts, where those are independent."""
    if isinstance(structure, Series):
        return math.prod(parts)
    if isinstance(structure, Parallel):
        return 1 - math.prod(1 - part for part in parts)
    assert isinstance(structure, KOfN)
    return k_of_n(structure.k, parts)


def availability(structure: Structure, cycles: Mapping[str, tuple[float, float]]) -> float:
    """The share of time that the whole works, from (MTTF, MTTR) of each unit.

    Units fail and are repaired independently of one another, each with a crew of its own, so that the
    diagram holds for their availabilities MTTF / (MTTF + MTTR). Trivedi 2002, section 6.6.
    """
    return reliability(structure, {name: up / (up + down) for name, (up, down) in cycles.items()})


# -- over time, exponential lives ---------------------------------------------------------------


def survival(structure: Structure, t: float) -> float:
    """R(t): the chance that the whole has worked throughout [0, t], without repair.

    Every unit has an exponential life (its `rate`), and stands in one place. Trivedi 2002, section 3.6
    (cold: hypoexponential; with equal rates e^-lt sum (lt)^i / i!), section 8.2 (coverage, warm).
    """
    require(t >= 0, f"the time is {t:g}; it must be 0 or more")
    repeated = [name for name, times in Counter(u.name for u in units(structure)).items() if times > 1]
    require(not repeated, f"unit {repeated[0] if repeated else ''} stands in several places of the diagram")
    return _survival(structure, t)


def _survival(structure: Structure, t: float) -> float:
    if isinstance(structure, Unit):
        return math.exp(-hazard(structure) * t)
    if isinstance(structure, Standby):
        return _standby_survival(structure, t)
    return _combined(structure, [_survival(part, t) for part in structure.parts])


def hazard(structure: Structure) -> float:
    """The constant failure rate of a unit, or of units in series; nothing else has one."""
    if isinstance(structure, Unit):
        if structure.rate is None:
            raise NoClosedForm(f"unit {structure.name} has no failure rate")
        require_positive(**{f"the failure rate of {structure.name}": structure.rate})
        return structure.rate
    require(isinstance(structure, Series), "a part in standby must be a unit, or units in series")
    return math.fsum(hazard(part) for part in structure.parts)


def _standby_rates(structure: Standby) -> list[float]:
    """The rates at which the parts fail at work; refuses what has no simple chain."""
    require(bool(structure.parts), "a standby without parts")
    require_share(coverage=structure.coverage)
    require(structure.dormant >= 0, f"the dormant rate is {structure.dormant:g}; it must be 0 or more")
    rates = [hazard(part) for part in structure.parts]
    same = max(rates) - min(rates) <= 1e-12 * max(rates)
    require(same or structure.dormant == 0, "warm standbys with different failure rates")
    return rates


def _standby_survival(structure: Standby, t: float) -> float:
    """The chance that a chain of failures has not run to its end.

    In stage i (i parts are gone) a failure leads to stage i+1: at rate coverage x l of the part at
    work, and at the dormant rate of each that waits.
    """
    import numpy as np
    from scipy.linalg import expm

    rates = _standby_rates(structure)
    n = len(rates)
    chain = np.zeros((n, n))
    for gone, rate in enumerate(rates):
        waiting = n - 1 - gone
        asleep = waiting * structure.dormant
        chain[gone, gone] = -(rate + asleep)
        if waiting:
            chain[gone, gone + 1] = structure.coverage * rate + asleep
    return float(expm(chain * t)[0].sum())


def mttf(structure: Structure) -> float:
    """The mean time to the first failure of the whole, without repair: the integral of R(t).

    series: 1 / sum l_i; two in parallel: 1/l1 + 1/l2 - 1/(l1 + l2); k-of-n: (1/l) sum_{i=k}^n 1/i
    (TMR: 5 / (6 l)); cold standby: sum 1/l_i. Trivedi 2002, section 6.4.
    """
    if isinstance(structure, Standby):
        return _standby_mttf(structure)
    if _has_constant_hazard(structure):
        return 1 / hazard(structure)
    flat = not isinstance(structure, Unit) and all(isinstance(part, Unit) for part in structure.parts)
    rates = {u.rate for u in units(structure)}
    if flat and len(rates) == 1 and isinstance(structure, Parallel | KOfN):
        k = structure.k if isinstance(structure, KOfN) else 1
        return math.fsum(1 / i for i in range(k, len(structure.parts) + 1)) / hazard(structure.parts[0])
    return _integrated(structure)


def _has_constant_hazard(structure: Structure) -> bool:
    if isinstance(structure, Unit):
        return True
    return isinstance(structure, Series) and all(_has_constant_hazard(part) for part in structure.parts)


def _standby_mttf(structure: Standby) -> float:
    rates = _standby_rates(structure)
    total, reached = 0.0, 1.0
    for gone, rate in enumerate(rates):
        asleep = (len(rates) - 1 - gone) * structure.dormant
        total += reached / (rate + asleep)
        reached *= (structure.coverage * rate + asleep) / (rate + asleep)
    return total


def _integrated(structure: Structure) -> float:
    """The integral of R over log time, cut where the units fail: smooth whatever their rates are."""
    from scipy.integrate import quad

    cuts = sorted({-math.log(hazard(unit)) for unit in units(structure)})
    longest = cuts[-1] + math.log(len(cuts) + len(list(units(structure))) + 60.0)
    edges = [cuts[0] - 40.0, *cuts, longest]
    return math.fsum(
        quad(lambda x: survival(structure, math.exp(x)) * math.exp(x), a, b, epsrel=1e-11, limit=200)[0]
        for a, b in itertools.pairwise(edges)
    )


def crossover(k: int, n: int) -> float:
    """The reliability of a unit at which k-of-n is just as good as one unit; 1/2 for TMR (2 of 3).

    Above it the redundancy helps, below it hurts: for exponential lives after t = -ln(R) / l.
    Trivedi 2002, section 3.6, example 3.24. Refused where one of the two is always better.
    """
    from scipy.optimize import brentq

    require(1 < k < n, f"{k}-of-{n} and a single unit do not cross: one of them is better at all times")
    return float(brentq(lambda r: k_of_n(k, [r] * n) - r, 1e-9, 1 - 1e-9, xtol=1e-14))
