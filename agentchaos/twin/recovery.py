"""Recognises how long a crash goes unnoticed, and how far back the snapshot lies that is restored."""

from __future__ import annotations

from functools import partial

from agentchaos.analytic import renewal
from agentchaos.analytic.base import NoClosedForm, require
from agentchaos.distributions import Distribution
from agentchaos.faults.base import AgentFault, Fault
from agentchaos.mechanisms.checkpointing import Checkpointing
from agentchaos.plan import Plan
from agentchaos.recoveries.base import Failure, Restore
from agentchaos.trace import NS
from agentchaos.twin import facts
from agentchaos.twin.values import Closed, Question, Questions, Reading

WITHOUT_STORE_S = 0.02
"""The time to write where neither a store nor a latency is named."""


def questions(plan: Plan) -> Questions:
    """Of each fault that crashes a group."""
    for fault in plan.faults:
        if isinstance(fault, AgentFault) and fault.scope == "process" and fault.target in plan.world.agents:
            yield Question(f"detect_time{{fault={fault.label}}}", fault.target, partial(_detect, plan, fault))
            if plan.world.agents[fault.target].checkpointing is not None:
                for which in ("mean", "p95", "max"):
                    yield Question(
                        f"recovery_point{{fault={fault.label}}}.{which}",
                        fault.target,
                        partial(_point, plan, fault, which),
                    )


def _only_crashes(plan: Plan, name: str) -> None:
    for fault in facts.aimed_at(plan, name):
        if fault.scope not in ("call", "state") and fault.kind != "crash":
            raise NoClosedForm(f"fault {fault.label} is a {fault.kind}; closed forms are for crashes")


def _detect(plan: Plan, fault: AgentFault) -> Closed:
    name = fault.agent
    group = plan.world.agents[name]
    facts.only_mechanisms(group, facts.mechanisms(group).keys() & facts.KNOWN, name)
    _only_crashes(plan, name)
    delay, form, formula = facts.detection(group, name)
    note = "the unit beats at a phase of its own"
    beat = group.heartbeat
    if fault.every is not None:
        facts.beats_are_many(group, facts.crashes(plan, name))
    if beat is not None:
        period = beat.every / NS
        note = f"between {(beat.misses - 1) * period:g} s and {beat.misses * period:g} s; {note}"
    return Closed(
        measure=f"detect_time{{fault={fault.label}}}", subject=name, form=form, formula=formula,
        exact=delay.mean, unit="s", reading=Reading("detect", agent=name, fault=fault.label),
        note=note if beat is not None else "nothing but a human notices",
    )  # fmt: skip


# -- the recovery point -------------------------------------------------------------------------


def write_time(plan: Plan, saves: Checkpointing) -> Distribution:
    """The time to write a checkpoint, where the store always takes it at once."""
    require(saves.bandwidth is None, "a write takes time by its bytes, which change with the state")
    store = plan.world.services.get(saves.store or "")
    if store is not None:
        require(float(store.error_rate) == 0, f"the store {saves.store} fails some of the writes")
        require(store.capacity is None, f"writes may stand in line before the store {saves.store}")
        require(store.rate_limit is None, f"the store {saves.store} has a rate limit")
    if saves.write is not None:
        return saves.write
    return plan.world.services[saves.store].latency if saves.store else facts.constant(WITHOUT_STORE_S)


def _point(plan: Plan, fault: AgentFault, which: str) -> Closed:
    name = fault.agent
    group = plan.world.agents[name]
    facts.only_mechanisms(group, ("heartbeat", "checkpointing", "retry", "idempotency"), name)
    saves = group.checkpointing
    assert saves is not None
    checkpointed = group.recovery.answer(Failure(standby_ready=False, checkpointed=True))
    require(isinstance(checkpointed, Restore), f"recovery {group.recovery.name} reads no checkpoint")
    require(
        saves.mode == "async" and saves.period is not None,
        "snapshots come at the ends of steps, not at a period: how far back one lies depends on the step; "
        "mode: async with a time would do",
    )
    write = write_time(plan, saves)
    require(write.variance() == 0, f"writes take {write}: a late one may be overtaken by the next")
    assert saves.period is not None
    period, lag = saves.period / NS, write.mean()
    _once_and_uniform(plan, fault, period, lag)
    _busy_all_the_while(plan, fault, period, lag)
    if which == "p95":
        limit = renewal.recovery_point_quantile(0.95, period, lag)
        formula, exact, unit = f"P(point <= .95 tau + w = {limit:g} s)", 0.95, "1"
        reading = Reading("within", agent=name, fault=fault.label, limit=limit)
    elif which == "max":
        formula, exact, unit = "tau + w", renewal.recovery_point_quantile(1.0, period, lag), "s"
        reading = Reading("largest", agent=name, fault=fault.label)
    else:
        formula, exact, unit = "tau/2 + w", renewal.recovery_point(period, lag), "s"
        reading = Reading("point", agent=name, fault=fault.label)
    return Closed(
        measure=f"recovery_point{{fault={fault.label}}}.{which}", subject=name, form="periodic snapshots",
        formula=formula, exact=exact, unit=unit, reading=reading, bound=which == "max",
        note=f"tau = {period:g} s, w = {lag:g} s",
    )  # fmt: skip


def _once_and_uniform(plan: Plan, fault: Fault, period: float, lag: float) -> None:
    """Refuses strikes that are not one a unit, at a moment that is uniform over whole periods."""
    crashes = [f for f in facts.aimed_at(plan, fault.target) if f.scope != "call"]
    require(len(crashes) == 1, "several faults strike it: the second finds what the first left")
    require(
        fault.at is not None,
        "it strikes again and again: a snapshot that is due in an outage falls away, and after one the steps "
        "are out of step with the period; a strike at a moment (at: uniform(...)) would do",
    )
    assert fault.at is not None
    low, high = fault.at.bounds
    periods = (high - low) / period
    whole = fault.at.kind == "uniform" and abs(periods - round(periods)) < 1e-9 and round(periods) >= 1
    require(whole, f"the moment {fault.at} is not uniform over whole periods of {period:g} s")
    require(
        low >= period + lag,
        f"it strikes before the first snapshot is sure to be durable, at {period + lag:g} s",
    )
    require(low >= plan.world.warmup / NS, "it strikes within the warm-up, where nothing is counted")
    require(high <= plan.world.horizon / NS, "it strikes beyond the horizon too, where it is not played")


def _busy_all_the_while(plan: Plan, fault: Fault, period: float, lag: float) -> None:
    """Refuses a group that is not sure to have one task in hand, whose state changes within each period."""
    name = fault.target
    group = plan.world.agents[name]
    times = facts.step_times(plan, name)
    require(all(time.variance() == 0 for time in times), "steps vary in length, and with them the snapshots")
    step = sum(time.mean() for time in times)
    ratio = period / step if step else 0.0
    inside = lag >= step or (ratio >= 1 and abs(ratio - round(ratio)) < 1e-9)
    require(inside, f"steps of {step:g} s do not divide the period: some crashes lose no finished step")
    steps = facts.fixed(group.tasks.steps, "steps")
    require(group.tasks.loop is not None, "an idle member has nothing to lose, and tasks come at random")
    assert fault.at is not None
    long = steps * step >= fault.at.bounds[1]
    require(long, "the task in hand may be younger than the newest snapshot, and its beginning counts as one")
