"""Two forms of a scenario on the same random numbers: by how much a measure differs, with an interval."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

from simulator.played import decide

from agentchaos import pipeline
from agentchaos.metrics.base import Data, Incidents
from agentchaos.trace import NS

Read = Callable[[Data], float]


def value(name: str) -> Read:
    """A measure that is one number a replication."""

    def read(data: Data) -> float:
        datum = data[name]
        found = getattr(datum, "value", None)
        assert isinstance(found, float), name
        return found

    return read


def of_incidents(field: str, scale: float = NS) -> Read:
    """The mean of a field over the incidents of a replication."""

    def read(data: Data) -> float:
        datum = data["incidents"]
        assert isinstance(datum, Incidents)
        found = [getattr(i, field) for _, i in datum.rows if getattr(i, field) is not None]
        assert found
        return math.fsum(found) / len(found) / scale

    return read


def recovery_time(data: Data) -> float:
    """The mean over incidents, of which all must have recovered."""
    datum = data["incidents"]
    assert isinstance(datum, Incidents)
    rows = [i for _, i in datum.rows if i.scope == "process"]
    assert rows
    return (
        math.fsum((i.recovered if i.recovered is not None else i.end) - i.onset for i in rows)
        / len(rows)
        / NS
    )


@dataclasses.dataclass(frozen=True)
class Difference:
    """`other` minus `one`, replication by replication: mean, and a two-sided interval of 99 %."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.4g} [{self.low:.4g}, {self.high:.4g}]"

    @property
    def rises(self) -> bool:
        """Whether it is higher with the other, beyond chance."""
        return self.low > 0

    @property
    def falls(self) -> bool:
        """Whether it is lower with the other, beyond chance."""
        return self.high < 0


def difference(one: str, other: str, read: Read, replications: int = 8) -> Difference:
    """What the other scenario has of a measure beyond the one."""
    from scipy.stats import t

    values = []
    for text in (one, other):
        plan = decide(text)
        values.append([read(pipeline.play_one(plan, "chaos", n)[0]) for n in range(1, replications + 1)])
    gaps = [b - a for a, b in zip(*values, strict=True)]
    mean = math.fsum(gaps) / len(gaps)
    variance = math.fsum((gap - mean) ** 2 for gap in gaps) / (len(gaps) - 1)
    half = float(t.ppf(0.995, len(gaps) - 1)) * math.sqrt(variance / len(gaps))
    return Difference(mean, mean - half, mean + half)
