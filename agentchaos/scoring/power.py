"""How many replications a perfect run would need to pass each gate, and which gates none can pass."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from agentchaos.scoring.expressions import QUANTILES, SHARES, Gate, parse
from agentchaos.scoring.intervals import ALPHA, normal_quantile
from agentchaos.scoring.measures import TASK_RATES, base_name
from agentchaos.scoring.objectives import DIMENSIONS, Objectives
from agentchaos.scoring.scores import nines

LEAST = 20
"""`auto` plays at least so many: means need them too."""


class GateNeed(NamedTuple):
    """needed: None where no number of replications can pass the gate; note: why, or what else it wants."""

    expression: str
    needed: int | None
    note: str


class Needed(NamedTuple):
    """replications: twice the most that a gate needs, at most the maximum."""

    replications: int
    gates: tuple[GateNeed, ...]


def replications_needed(
    gates: Sequence[str], objectives: Objectives, panels: Sequence[int], maximum: int
) -> Needed:
    """What the gates ask for; panels: the sizes of the panels of task identities."""
    needs = [_need(parse(text), objectives, panels) for text in gates]
    for name, limit in (("recovery_time", objectives.rto_s), ("recovery_point", objectives.rpo_s)):
        if limit is not None:
            count = _for_share(objectives.met)
            note = "with an incident of each fault in every replication"
            needs.append(GateNeed(f"share({name} <= {limit:g}s) >= {objectives.met:g}", count, note))
    most = max([need.needed for need in needs if need.needed is not None], default=LEAST // 2)
    return Needed(min(maximum, max(LEAST, 2 * most)), tuple(needs))


def _for_share(share: float, alpha: float = ALPHA) -> int | None:
    """The least R with alpha^(1/R) >= share."""
    if share >= 1:
        return None
    if share <= 0:
        return 1
    return max(1, math.ceil(math.log(alpha) / math.log(share) - 1e-9))


def _need(gate: Gate, objectives: Objectives, panels: Sequence[int]) -> GateNeed:
    expression, share = gate.expression, gate.threshold
    if gate.statistic in QUANTILES:
        return GateNeed(
            expression, _for_share(QUANTILES[gate.statistic]), "with an incident in every replication"
        )
    if gate.statistic == "share":
        return GateNeed(expression, _for_share(share), "with an incident in every replication")
    if gate.statistic == "max" or gate.operator == "==":
        return GateNeed(expression, 1, "one violation fails it; n clean ones show at most 3 / n")
    if gate.operator in (">", ">="):
        name = gate.name.removeprefix("score.").removeprefix("control.")
        if name == "consistency" or name.startswith("pass_"):
            return _for_panel(expression, share, panels)
        if gate.name == "score.availability" and objectives.availability is not None:
            return GateNeed(
                expression, _for_nines(share, objectives.availability), "gate the raw availability instead"
            )
        if gate.name in (*DIMENSIONS, "overall"):
            names = [a for d in DIMENSIONS if gate.name in (d, "overall") for a in objectives.attributes(d)]
            return GateNeed(
                expression,
                _for_share(share, ALPHA / max(1, len(names))),
                f"{len(names)} attributes at alpha / {len(names)}",
            )
        if base_name(name) in (*SHARES, *TASK_RATES) or gate.name.startswith("score."):
            return GateNeed(expression, _for_share(share), "" if share < 1 else "no finite number shows 1")
    return GateNeed(expression, LEAST // 2, "its bound is typical, not exact")


def _for_panel(expression: str, share: float, panels: Sequence[int]) -> GateNeed:
    size = max(panels, default=0)
    z = normal_quantile(1 - ALPHA)
    best = size / (size + z * z) if size else 0.0
    if best < share:
        wanted = math.ceil(z * z * share / (1 - share)) if share < 1 else None
        mend = f"enlarge the panel to {wanted}" if wanted else "no panel can show 1"
        return GateNeed(expression, None, f"a perfect panel of {size} shows {best:.4f}; {mend}")
    return GateNeed(expression, 1, f"its interval is over the {size} identities of the panel")


def _for_nines(share: float, target: float) -> int | None:
    for count in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 100_000):
        if nines(ALPHA ** (1 / count), target) >= share:
            return count
    return None
