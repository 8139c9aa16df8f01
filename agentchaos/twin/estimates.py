"""The simulated side of a closed form: the same number read from the data of replications, with its error.

Where a mean is a quotient of two sums of a replication (all waits over all calls), it is the quotient of the
sums over all replications, with the error by linearisation over independent replications (Cochran 1977,
"Sampling Techniques", section 6.4): a mean of quotients would be biased. What is of a panel is a mean over
its identities, which are drawn once for all replications.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from agentchaos.analytic.voting import pass_all_estimate
from agentchaos.metrics.base import Data, Histogram, Incident, Incidents, Ratio, Trials
from agentchaos.trace import NS
from agentchaos.twin.values import Closed, Reading

AGREES = 4.0
"""|z| below this is agreement: it is passed by chance once in 16,000 rows."""


class Estimate(NamedTuple):
    """mean, standard error (None where it cannot be told) and n of what; `reason` where nothing was read."""

    mean: float | None
    error: float | None
    n: int
    reason: str = ""


class Compared(NamedTuple):
    """A closed form beside what was simulated. z: standard errors apart; None where there is no error."""

    closed: Closed
    simulated: Estimate
    z: float | None
    agrees: bool | None


def compare(closed: Closed, rows: Sequence[Data]) -> Compared:
    """A closed form beside the data of replications."""
    simulated = estimate(closed.reading, rows)
    mean, error = simulated.mean, simulated.error
    if mean is None:
        return Compared(closed, simulated, None, None)
    slack = 1e-9 * max(1.0, abs(closed.exact))  # times are whole ns
    if closed.bound:
        return Compared(closed, simulated, None, mean <= closed.exact + slack)
    if error is None:
        return Compared(closed, simulated, None, None)
    if closed.reading.kind == "once":  # the spread of so many trials is known, and may not show in a few
        error = math.sqrt(closed.exact * (1 - closed.exact) / simulated.n)
        simulated = simulated._replace(error=error)
    if error <= slack:
        same = abs(mean - closed.exact) <= slack
        if not same and mean in (0.0, 1.0) and 0 < closed.exact < 1:
            return Compared(closed, simulated, None, None)  # nothing of the kind was seen, or nothing else
        return Compared(closed, simulated, 0.0 if same else None, same)
    z = (mean - closed.exact) / error
    return Compared(closed, simulated, z, abs(z) < AGREES)


def estimate(reading: Reading, rows: Sequence[Data]) -> Estimate:
    """What a reading gives over replications."""
    if not rows:
        return Estimate(None, None, 0)
    if reading.kind == "panel":
        return _panel(reading, rows)
    if reading.kind == "largest":
        points = [point for row in rows for point in _points(reading, row)]
        if not points:
            return Estimate(None, None, 0, "nothing of the kind happened")
        return Estimate(max(points), None, len(points))
    pairs = []
    for row in rows:
        pair = _PAIRS[reading.kind](reading, row)
        if isinstance(pair, str):
            return Estimate(None, None, 0, pair)
        pairs.append(pair)
    return quotient(pairs)


def quotient(pairs: Sequence[tuple[float, float]]) -> Estimate:
    """The quotient of sums over independent replications."""
    over, under = math.fsum(a for a, _ in pairs), math.fsum(b for _, b in pairs)
    if under <= 0:
        return Estimate(None, None, 0, "nothing of the kind happened")
    mean, n = over / under, len(pairs)
    if n < 2:
        return Estimate(mean, None, n)
    square = math.fsum((a - mean * b) ** 2 for a, b in pairs)
    return Estimate(mean, math.sqrt(square * n / (n - 1)) / under, n)


def of_values(values: Iterable[float]) -> Estimate:
    """The mean of independent values."""
    return quotient([(value, 1.0) for value in values])


Pair = tuple[float, float] | str
"""(numerator, denominator) of a replication, or why there is none."""


def _ratio(reading: Reading, row: Data) -> Pair:
    datum = row.get(reading.name)
    if not isinstance(datum, Ratio):
        return f"{reading.name} was not measured"
    return datum.numerator / datum.scale, float(datum.denominator)


def _histogram(reading: Reading, row: Data) -> Pair:
    datum = row.get(reading.name)
    if not isinstance(datum, Histogram):
        return f"{reading.name} was not measured"
    if datum.censored:
        return f"{datum.censored} had not come to an end when a replication ended"
    return datum.total / NS, float(datum.count)


def _restricted(reading: Reading, row: Data) -> Pair:
    datum = row.get(reading.name)
    if not isinstance(datum, Histogram):
        return f"{reading.name} was not measured"
    return datum.total / NS, float(datum.count)


def _incidents(reading: Reading, row: Data) -> list[Incident]:
    datum = row.get("incidents")
    if not isinstance(datum, Incidents):
        return []
    return [
        one
        for _, one in datum.rows
        if one.scope == "process" and one.agent == reading.agent and reading.fault in ("", one.fault)
    ]


def _points(reading: Reading, row: Data) -> list[float]:
    return [one.point / NS for one in _incidents(reading, row) if one.point is not None]


def _point(reading: Reading, row: Data) -> Pair:
    points = _points(reading, row)
    return math.fsum(points), float(len(points))


def _within(reading: Reading, row: Data) -> Pair:
    points = _points(reading, row)
    return float(sum(point <= reading.limit for point in points)), float(len(points))


def _detect(reading: Reading, row: Data) -> Pair:
    incidents = _incidents(reading, row)
    if any(one.detected is None for one in incidents):
        return "some had not been detected when a replication ended"
    delays = [(one.detected - one.onset) / NS for one in incidents if one.detected is not None]
    return math.fsum(delays), float(len(delays))


def _lost(reading: Reading, row: Data) -> Pair:
    lost, failures = row.get("time{class=lost}"), row.get("mttf")
    if not isinstance(lost, Ratio) or not isinstance(failures, Ratio):
        return "lost time was not measured"
    return lost.numerator / NS, float(failures.denominator)


_PAIRS: dict[str, Callable[[Reading, Data], Pair]] = {
    "ratio": _ratio,
    "histogram": _histogram,
    "once": _ratio,
    "restricted": _restricted,
    "point": _point,
    "within": _within,
    "detect": _detect,
    "lost": _lost,
}


def _panel(reading: Reading, rows: Sequence[Data]) -> Estimate:
    """The mean over identities of the estimate of pass^k, each from its trials of all replications."""
    sums: dict[int, tuple[int, int]] = {}
    for row in rows:
        if isinstance(datum := row.get("panel"), Trials):
            for trial in datum.rows:
                if trial.agent == reading.agent:
                    n, c = sums.get(trial.identity, (0, 0))
                    sums[trial.identity] = (n + trial.trials, c + trial.right)
    return of_values(
        pass_all_estimate(right, trials, reading.k) for trials, right in sums.values() if trials >= reading.k
    )
