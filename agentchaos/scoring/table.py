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


@dataclasses.dataclass(frozen=True, slots=True)
class ArmFacts:
    """What an arm beside `chaos` and `control` is. kind: unchanged | load | profile | cell | input.

    load: how many times work and resources; perturbation: share of tasks made harder; intensity: how many
    times the faults' rates; profile, path, change: the profile, or the input and what it was set to, with
    the grade of the input. limit: the most replications of it; None: as many as of the others.
    """

    name: str
    kind: str
    about: str = ""
    load: int = 1
    perturbation: float = 0.0
    intensity: float = 1.0
    profile: str = ""
    path: str = ""
    change: str = ""
    grade: str = ""
    limit: int | None = None


@dataclasses.dataclass(frozen=True)
class Table:
    """arms: name of the arm (`chaos`, `control`, ...) -> number of the replication -> data.

    variants: what the other arms are. surface_k: the trials in a row of the reliability surface.
    bound: what judges the mean of a share over replications, `exact` or (where a scenario says so) `typical`.
    differences: what judges the difference of shares to a reference, `typical` or `exact`.
    """

    setting: Setting
    arms: Mapping[str, Mapping[int, Data]]
    objectives: Objectives
    declared: tuple[DeclaredFault, ...] = ()
    variants: tuple[ArmFacts, ...] = ()
    surface_k: tuple[int, ...] = (1,)
    bound: str = "exact"
    differences: str = "typical"

    def of_kind(self, kind: str) -> list[ArmFacts]:
        """The arms of a kind of which some replication was played, in their order."""
        return [arm for arm in self.variants if arm.kind == kind and self.arms.get(arm.name)]

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
