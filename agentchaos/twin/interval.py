"""How often a group should take a checkpoint: Young's, Daly's and the exact interval, in seconds and steps.

The prediction is renewal reward over segments (see completion.py) with the means of this plan. It holds
exactly where `completion.segment` does; elsewhere it says what it leaves out.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

from agentchaos import workload
from agentchaos.analytic import interruptions, renewal
from agentchaos.analytic.base import NoClosedForm, require
from agentchaos.distributions import Distribution
from agentchaos.mechanisms.checkpointing import Checkpointing
from agentchaos.plan import Plan
from agentchaos.recoveries.base import Failure, Restore
from agentchaos.trace import NS
from agentchaos.twin import completion, facts


@dataclasses.dataclass(frozen=True, slots=True)
class Advice:
    """The best interval of a group, beside the present one; or `reason`, why there is none.

    *_s: seconds; of Young, Daly and the exact one: work between two writes. lost: the predicted share of
    working time that is no kept work, down time included. left_out: what the prediction leaves out.
    """

    agent: str
    reason: str = ""
    write_s: float = 0.0
    mtbf_s: float = 0.0
    step_s: float = 0.0
    young_s: float = 0.0
    daly_s: float = 0.0
    exact_s: float = 0.0
    present: str = ""
    present_steps: int = 0
    steps: int = 0
    present_lost: float = 0.0
    lost: float = 0.0
    left_out: str = ""


def advise(plan: Plan) -> tuple[Advice, ...]:
    """Of each group."""
    return tuple(_advice(plan, name) for name in plan.world.agents)


def _advice(plan: Plan, name: str) -> Advice:
    try:
        return _advised(plan, name)
    except NoClosedForm as why:
        return Advice(name, reason=str(why))


def _advised(plan: Plan, name: str) -> Advice:
    group = plan.world.agents[name]
    saves = group.checkpointing
    if saves is None:
        raise NoClosedForm(f"{name} keeps no checkpoints")
    strikes = facts.crashes(plan, name)
    answer = group.recovery.answer(Failure(standby_ready=False, checkpointed=True))
    require(isinstance(answer, Restore), f"recovery {group.recovery.name} reads no checkpoint")
    require(
        saves.mode != "async",
        "writes go on beside the work (async): they cost no time, and the more often the better",
    )
    require(
        saves.steps is not None or saves.period is not None,
        f"checkpoints come every {saves.every}, and not after so many steps or so much time",
    )
    write = math.fsum(time.mean() for time in facts.write_times(plan, group))
    require(write > 0, "a checkpoint costs nothing: the more often the better")
    life = strikes.gap.mean
    step = workload.step_seconds(group, plan.world.services)
    require(step > 0, "steps take no time: nothing is lost")
    present = _present_steps(saves, step, group.tasks.steps.mean())
    best = renewal.exact_interval(write, life)
    around = {max(1, math.floor(best / step)), max(1, math.ceil(best / step))}
    steps = min(sorted(around), key=lambda n: _lost(plan, name, n, life))
    return Advice(
        agent=name,
        write_s=write,
        mtbf_s=life,
        step_s=step,
        young_s=renewal.young_interval(write, life),
        daly_s=renewal.daly_interval(write, life),
        exact_s=best,
        present=saves.every,
        present_steps=present,
        steps=steps,
        present_lost=_lost(plan, name, present, life),
        lost=_lost(plan, name, steps, life),
        left_out=_left_out(plan, name, steps),
    )


def _present_steps(saves: Checkpointing, step: float, of_a_task: float) -> int:
    """About so many steps are between its checkpoints now."""
    if saves.steps is not None:
        return saves.steps
    if saves.at_end:
        return max(1, round(of_a_task))
    gap = saves.gaps.mean() if saves.gaps is not None else (saves.period or 0) / NS
    return max(1, math.ceil(gap / step - 1e-9))


def _lost(plan: Plan, name: str, steps: int, life: float) -> float:
    """The predicted share of time that is no kept work, with so many steps between snapshots."""
    group, rate = plan.world.agents[name], 1 / life
    assert group.checkpointing is not None
    times: list[Distribution] = [plan.world.services[called].latency for called in group.step.services]
    times += [group.step.work] if group.step.work is not None else []
    one = interruptions.phase(rate, times)
    write = interruptions.phase(rate, facts.write_times(plan, group))
    beat = group.heartbeat
    seen = group.operator
    if beat is not None:
        seen = facts.constant(renewal.probe_delay(beat.every / NS, beat.misses, beat.timeout / NS))
    notice = interruptions.moments([seen])
    recovery = interruptions.interrupted(interruptions.phase(rate, facts.mending(plan, name)), before=notice)
    whole = interruptions.several(rate, [(one, steps), (write, 1)])
    work = steps * math.fsum(time.mean() for time in times)
    return 1 - work / interruptions.interrupted(whole, after=recovery).mean


def _left_out(plan: Plan, name: str, steps: int) -> str:
    """Why the prediction is no closed form here; empty where it is one."""
    group = plan.world.agents[name]
    length = group.tasks.steps.mean()
    if steps >= length:
        return f"{steps} steps are no less than the {length:g} of a task: a checkpoint within it hardly pays"
    try:
        completion.segment(plan, name)
    except NoClosedForm as why:
        return str(why)
    return ""


def with_steps(plan: Plan, name: str, steps: int) -> Plan:
    """The same plan with so many steps between the checkpoints of a group."""
    group = plan.world.agents[name]
    saves = group.checkpointing
    assert saves is not None
    # built anew, not copied: a copy would keep the cadence that was worked out before
    fields = {field: getattr(saves, field) for field in type(saves).model_fields}
    mode = "sync" if saves.mode == "exit" else saves.mode
    changed = type(saves)(**{**fields, "every": f"{steps} steps", "mode": mode})
    protect = group.protect.model_copy(update={"checkpointing": changed})
    agents = {**plan.world.agents, name: group.model_copy(update={"protect": protect})}
    return dataclasses.replace(plan, world=plan.world.model_copy(update={"agents": agents}))


def variants(advice: Advice) -> Iterator[tuple[str, int]]:
    """(label, steps between checkpoints) of what the advice is held against, each number once."""
    told: dict[int, str] = {advice.steps: "recommended"}
    for label, steps in (
        ("present", advice.present_steps),
        ("half", max(1, advice.steps // 2)),
        ("double", 2 * advice.steps),
    ):
        told[steps] = f"{told[steps]}, {label}" if steps in told else label
    for steps, label in sorted(told.items()):
        yield label, steps
