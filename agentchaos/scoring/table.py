"""What scoring is given: the data of every replication of every arm, and what they are held against."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from agentchaos.metrics.base import Data, Incident, Incidents, Setting, pool
from agentchaos.scoring.objectives import Objectives


@dataclasses.dataclass(frozen=True, slots=True)
class DeclaredFault:
    """A fault as the scenario declares it: it landed if it struck at least `expect` times.

    enough: the replications that give a 95 % chance of a strike, where the plan knows.
    """

    name: str
    kind: str
    target: str
    scope: str
    expect: int = 1
    weight: float = 1.0
    enough: int | None = None


@dataclasses.dataclass(frozen=True)
class Table:
    """arms: name of the arm (`chaos`, `control`) -> number of the replication -> data.

    bound: what judges the mean of a share over replications, `exact` or (where a scenario says so) `typical`.
    """

    setting: Setting
    arms: Mapping[str, Mapping[int, Data]]
    objectives: Objectives
    declared: tuple[DeclaredFault, ...] = ()
    bound: str = "exact"

    def rows(self, arm: str = "chaos") -> list[Data]:
        """The data of an arm in order of the replications."""
        data = self.arms.get(arm, {})
        return [data[number] for number in sorted(data)]

    def pooled(self, arm: str = "chaos") -> Data:
        """The data of an arm, merged."""
        return pool(self.rows(arm))

    def incidents(self, arm: str = "chaos") -> list[tuple[int, Incident]]:
        """(replication, incident), in order of the replications."""
        found: list[tuple[int, Incident]] = []
        for number in sorted(self.arms.get(arm, {})):
            datum = self.arms[arm][number].get("incidents")
            if isinstance(datum, Incidents):
                found += [(number, incident) for _, incident in datum.rows]
        return found
