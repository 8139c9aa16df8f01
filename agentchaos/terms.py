"""The terms of a run: all that judging and showing it needs beside its data, as values that JSON can hold."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from agentchaos.blocks import Block
from agentchaos.faults.base import Fault
from agentchaos.metrics.base import GroupFacts, ServiceFacts, Setting, Ties
from agentchaos.plan import Plan
from agentchaos.scoring.objectives import Objectives
from agentchaos.scoring.table import ArmFacts, DeclaredFault
from agentchaos.twin.values import Closed, Reading, Unsolved


@dataclasses.dataclass(frozen=True)
class Terms:
    """What was played, and what it is held against."""

    scenario: str
    about: str
    file: str
    sha256: str
    seed: int
    replications: int
    engine: str
    arms: tuple[str, ...]
    setting: Setting
    objectives: Objectives
    gates: tuple[str, ...]
    declared: tuple[DeclaredFault, ...]
    reproduce: str
    closed: tuple[Closed, ...] = ()
    unsolved: tuple[Unsolved, ...] = ()
    variants: tuple[ArmFacts, ...] = ()
    surface_k: tuple[int, ...] = (1,)
    differences: str = "typical"

    def to_json(self) -> dict[str, Any]:
        """Plain values: dicts, lists, strings, numbers."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Terms:
        """What `to_json` gave, equal in every field.

        Raises:
            KeyError, TypeError: it is not of this version.
        """
        setting, objectives = value["setting"], value["objectives"]
        return cls(
            **{
                **value,
                "arms": tuple(value["arms"]),
                "gates": tuple(value["gates"]),
                "setting": Setting(
                    **{
                        **setting,
                        "groups": tuple(_group(_tuples(group)) for group in setting["groups"]),
                        "services": tuple(ServiceFacts(**service) for service in setting["services"]),
                        "faults": tuple(setting["faults"]),
                        "changes": tuple(setting.get("changes", ())),
                        "system": Block.from_json(system) if (system := setting.get("system")) else None,
                    }
                ),
                "objectives": Objectives(
                    **{
                        **objectives,
                        "dimensions": {k: tuple(v) for k, v in objectives["dimensions"].items()},
                    }
                ),
                "declared": tuple(DeclaredFault(**fault) for fault in value["declared"]),
                "closed": tuple(
                    Closed(**{**one, "reading": Reading(**one["reading"])}) for one in value["closed"]
                ),
                "unsolved": tuple(Unsolved(**one) for one in value["unsolved"]),
                "variants": tuple(ArmFacts(**one) for one in value.get("variants", ())),
                "surface_k": tuple(value.get("surface_k", (1,))),
            }
        )


def _group(facts: dict[str, Any]) -> GroupFacts:
    ties = facts.get("ties")
    return GroupFacts(**{**facts, "ties": Ties(**ties) if ties is not None else None})


def _tuples(value: Any) -> Any:
    """JSON has no tuples: its lists were some."""
    if isinstance(value, dict):
        return {key: _tuples(inner) for key, inner in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def enough(plan: Plan, fault: Fault) -> int | None:
    """The replications with a 95 % chance that a fault strikes as often as it must; None: no number has it.

    Strikes are taken for Poisson: the least mean at which fewer than `expect` have a chance of 5 %.
    """
    each = plan.expected_strikes(fault)
    if each <= 0:
        return None
    low, high = 0.0, 4.0 * fault.expect + 8.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _fewer(fault.expect, middle) > 0.05 else (low, middle)
    return math.ceil(high / each)


def _fewer(count: int, mean: float) -> float:
    """P(N < count) for N ~ Poisson(mean)."""
    return math.fsum(math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(count))


def terms(plan: Plan, reproduce: str) -> Terms:
    """The terms of a plan."""
    from agentchaos.twin.solving import solve  # only who plays a plan has a use for it

    twin = solve(plan)
    return Terms(
        scenario=plan.scenario,
        about=plan.about,
        file=plan.file,
        sha256=plan.sha256,
        seed=plan.seed,
        replications=plan.replications,
        engine=plan.engine,
        arms=plan.arms,
        setting=plan.setting,
        objectives=plan.objectives,
        gates=plan.gates,
        declared=tuple(
            DeclaredFault(
                name=fault.label,
                kind=fault.kind,
                target=fault.target,
                scope=fault.scope,
                expect=fault.expect,
                weight=fault.weight,
                enough=enough(plan, fault),
            )
            for fault in plan.faults
        ),
        reproduce=reproduce,
        closed=twin.closed,
        unsolved=twin.unsolved,
        differences=plan.differences,
        variants=tuple(arm.facts for arm in plan.variants if arm.facts.name in plan.arms),
        surface_k=plan.surface_k,
    )
