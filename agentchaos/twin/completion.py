"""Recognises work that crashes interrupt: completion times, kept work, lost work, and the best interval.

A segment is what is done between two snapshots, its write included; a crash sends the member back to the
beginning of the segment. With l = E e^(-rate X) it takes (1/l - 1)(1/rate + E recovery) on average, for
steps and writes of any distribution; see agentchaos.analytic.interruptions.
"""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

from agentchaos.analytic import interruptions
from agentchaos.analytic.base import NoClosedForm, require
from agentchaos.analytic.interruptions import Moments, Phase
from agentchaos.distributions import Distribution
from agentchaos.disturbances import PARTS
from agentchaos.plan import Plan
from agentchaos.recoveries.base import Failure, Promote, Restore
from agentchaos.trace import NS
from agentchaos.twin import facts
from agentchaos.twin.values import Closed, Question, Questions, Reading
from agentchaos.world import Group

SURE = 5.0
"""Work that ends so many standard deviations before the horizon is sure to end within it."""
CYCLES = 200.0
"""A window of so many segments is the long run."""


class Segment(NamedTuple):
    """What is done between two snapshots. recovery: from a crash until the work goes on."""

    steps: int
    step: Phase
    work_s: float
    write: Phase
    write_s: float
    recovery: Moments
    rate: float
    kept: bool

    @property
    def work(self) -> Phase:
        """The steps alone."""
        return interruptions.several(self.rate, [(self.step, self.steps)])

    @property
    def time(self) -> Moments:
        """How long it takes until its snapshot is durable, crashes included."""
        whole = interruptions.several(self.rate, [(self.step, self.steps), (self.write, 1)])
        return interruptions.interrupted(whole, after=self.recovery)

    @property
    def useful(self) -> float:
        """The share of time that is kept work.

        What is kept has got through: where steps vary in length, those that are kept are the shorter ones.
        """
        return self.work.weighted / self.work.through / self.time.mean


def questions(plan: Plan) -> Questions:
    """Where something crashes a group that works without pause."""
    for name, group in plan.world.agents.items():
        if any(f.target == name and f.scope not in ("call", "state") for f in plan.faults):
            if isinstance(group.tasks.loop, int):
                yield Question("task_time", name, partial(_completion, plan, name))
            else:
                yield Question("time{class=useful}", name, partial(_useful, plan, name))
            yield Question("lost time per failure", name, partial(_lost, plan, name))


def segment(plan: Plan, name: str) -> Segment:
    """The segments of the tasks of a group, where all of them are alike."""
    group = plan.world.agents[name]
    facts.only_mechanisms(group, ("heartbeat", "checkpointing", "retry", "idempotency"), name)
    _nothing_but_crashes(plan, name)
    strikes = facts.crashes(plan, name)
    if strikes.rate is None:
        raise NoClosedForm("crashes are not exponential: how far a segment gets depends on when it began")
    require(
        strikes.clock == "wall",
        "crashes count working time, and so spare the restart; closed forms of completion are for wall time",
    )
    times = facts.step_times(plan, name)
    require(bool(times), "steps take no time: nothing is lost")
    steps = facts.fixed(group.tasks.steps, "steps")
    every, write = _cadence(plan, group, steps, times)
    mend = facts.mending(plan, name)
    facts.no_false_alarms(group, name)
    notice, _, _ = facts.detection(group, name)
    facts.beats_are_many(group, strikes)
    recovery, _ = facts.recovered(group, strikes, notice, mend)
    return Segment(
        steps=every,
        step=interruptions.phase(strikes.rate, times),
        work_s=every * math.fsum(time.mean() for time in times),
        write=interruptions.phase(strikes.rate, write),
        write_s=math.fsum(time.mean() for time in write),
        recovery=recovery,
        rate=strikes.rate,
        kept=bool(write) or every < steps,
    )


def _nothing_but_crashes(plan: Plan, name: str) -> None:
    group = plan.world.agents[name]
    for fault in facts.aimed_at(plan, name):
        require(fault.kind == "crash", f"fault {fault.label} is a {fault.kind}; closed forms are for crashes")
    require(group.tasks.loop is not None, f"tasks of {name} arrive: a crash may find it idle, and tasks wait")
    require(group.tasks.deadline is None, "tasks have a deadline, and at twice that they are abandoned")
    require(group.tasks.spawn is None, "tasks beget others")


def _cadence(
    plan: Plan, group: Group, steps: int, times: tuple[Distribution, ...]
) -> tuple[int, tuple[Distribution, ...]]:
    """(steps between snapshots, the write that the member waits for)."""
    saves = group.checkpointing
    answer = group.recovery.answer(Failure(standby_ready=False, checkpointed=saves is not None))
    if isinstance(answer, Promote):
        answer = answer.otherwise
    if saves is None:
        return steps, ()
    require(isinstance(answer, Restore), f"recovery {group.recovery.name} reads no checkpoint")
    require(saves.mode != "async", "writes beside the work (async) may be cut off, and cost no pause")
    facts.well_store(plan, group)
    missing = [part for part in PARTS if part not in saves.covers]
    require(not missing, f"checkpoints do not cover {', '.join(missing)}, which must be made anew")
    every = steps if saves.at_end else saves.steps
    if every is None:
        if saves.gaps is not None:
            raise NoClosedForm("snapshots are due at random, and no segment is like another")
        assert saves.period is not None
        same = all(time.variance() == 0 for time in times)
        require(same, "a snapshot is due by the clock, and steps vary in length")
        every = max(1, math.ceil(saves.period / NS / math.fsum(time.mean() for time in times) - 1e-12))
    require(steps % every == 0, f"{every} steps between snapshots do not divide the {steps} of a task")
    return every, facts.write_times(plan, group)


def _per_task(plan: Plan, name: str, one: Segment) -> int:
    return facts.fixed(plan.world.agents[name].tasks.steps, "steps") // one.steps


def _completion(plan: Plan, name: str) -> Closed:
    facts.lone_group(plan, "task_time")
    one = segment(plan, name)
    tasks = plan.world.agents[name].tasks
    assert isinstance(tasks.loop, int)
    segments = _per_task(plan, name, one)
    time = one.time
    all_of_them = tasks.loop * segments
    latest = all_of_them * time.mean + SURE * math.sqrt(all_of_them * time.variance)
    horizon = plan.world.horizon / NS
    require(
        latest <= horizon,
        f"the last tasks may run beyond the horizon, where nothing strikes: {latest:,.0f} s would be enough",
    )
    scratch = not one.kept
    return Closed(
        measure="task_time", subject=name,
        form="restart from scratch" if scratch else "checkpoint and restart",
        formula="(1/l + Rc)(e^(l Ts) - 1)" if scratch else "(Ts/tau)(1/l + D) e^(l R) (e^(l(tau+C)) - 1)",
        exact=segments * time.mean, unit="s", reading=Reading("histogram", "task_time"),
        note=f"1/l = {1 / one.rate:g} s, tau = {one.work_s:g} s, C = {one.write_s:g} s, "
        f"recovery {one.recovery.mean:g} s",
    )  # fmt: skip


def _useful(plan: Plan, name: str) -> Closed:
    facts.lone_group(plan, "time{class=useful}")
    one = segment(plan, name)
    window = (plan.world.horizon - plan.world.warmup) / NS
    wanted = CYCLES * one.time.mean
    require(window >= wanted, f"the window is {window:g} s, and {wanted:.4g} s would be the long run")
    return Closed(
        measure="time{class=useful}", subject=name, form="renewal reward",
        formula="tau / ((1/l + D) e^(l R) (e^(l(tau+C)) - 1))", exact=one.useful, unit="1",
        reading=Reading("ratio", "time{class=useful}"),
        note=f"1/l = {1 / one.rate:g} s, tau = {one.work_s:g} s, C = {one.write_s:g} s",
    )  # fmt: skip


def _lost(plan: Plan, name: str) -> Closed:
    facts.lone_group(plan, "lost time")
    one = segment(plan, name)
    require(
        plan.world.warmup == 0, "a crash after the warm-up may lose work from before it, which is not counted"
    )
    loop = plan.world.agents[name].tasks.loop
    if isinstance(loop, int):
        raise NoClosedForm("a member whose list is done has nothing to lose; loop: endless would do")
    wanted = CYCLES * one.time.mean
    require(plan.world.horizon / NS >= wanted, f"the horizon is short: {wanted:.4g} s would be the long run")
    return Closed(
        measure="lost time per failure", subject=name, form="failure within a segment",
        formula="1/l - L/(e^(l L) - 1)" if not one.write_s else "E[min(S, tau) | S < tau + C]",
        exact=interruptions.lost_per_failure(one.work, one.write), unit="s", reading=Reading("lost"),
        note=f"L = {one.work_s + one.write_s:g} s, of which {one.write_s:g} s write",
    )  # fmt: skip
