"""Recognises a circuit breaker before a service that fails at random: the share of time not closed."""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

from agentchaos.analytic import renewal
from agentchaos.analytic.base import NoClosedForm, require
from agentchaos.mechanisms.circuit_breaker import CircuitBreaker
from agentchaos.plan import Plan
from agentchaos.trace import NS
from agentchaos.twin import facts
from agentchaos.twin.calls import attempt_success
from agentchaos.twin.values import Closed, Question, Questions, Reading
from agentchaos.world import Group

SETTLED = 5.0
LONG_RUN = 500.0
"""So many cycles of closed and open are the long run, after a warm-up or without one."""


class Calls(NamedTuple):
    """How calls come to the breaker. gap_s: between two; late_s: from the end of its open time on."""

    gap_s: float
    late_s: float


def questions(plan: Plan) -> Questions:
    """Of each breaker, by the service that it stands before."""
    for name in plan.world.services:
        for who, group in plan.world.agents.items():
            if name in group.step.services and _breaker(group, name) is not None:
                yield Question(f"breaker_open{{service={name}}}", name, partial(_open_share, plan, name, who))


def _breaker(group: Group, service: str) -> CircuitBreaker | None:
    found = facts.mechanisms(group).get("circuit_breaker")
    if not isinstance(found, CircuitBreaker) or (found.on and service not in found.on):
        return None
    return found


def _open_share(plan: Plan, name: str, who: str) -> Closed:
    group = plan.world.agents[who]
    breaker = _breaker(group, name)
    assert breaker is not None
    callers = [n for n, other in plan.world.agents.items() if name in other.step.services]
    require(len(callers) == 1, f"{len(callers)} groups call {name}, each by ways of its own")
    facts.only_mechanisms(group, ("circuit_breaker", "heartbeat", "idempotency"), who)
    for fault in plan.faults:
        require(fault.target != who, f"fault {fault.label} cuts calls short")
    if breaker.failures is None:
        raise NoClosedForm("it opens by a rate over a window: the states of the window are too many")
    service = plan.world.services[name]
    require(
        service.latency.bounds[1] == 0, f"calls of {name} take time: several may be on their way at a turn"
    )
    require(len(group.step.services) == 1, f"steps of {who} call other services too")
    failure = 1 - attempt_success(plan, name)
    require(0 < failure < 1, f"calls of {name} never fail, or always: it stays as it is")
    calls = _calls(group, who, breaker)
    tried = (1 - (1 - failure) ** breaker.probes) / failure
    waits = breaker.open_for / NS + calls.late_s + (tried - 1) * calls.gap_s
    closed = renewal.breaker_closed_share(
        failure, breaker.failures, 1 / calls.gap_s, waits, probes=breaker.probes
    )
    cycle = renewal.beats_until_alarm(breaker.failures, failure) * calls.gap_s / closed
    begin, end = plan.world.warmup / NS, plan.world.horizon / NS
    settled = begin >= SETTLED * cycle or (begin == 0 and end >= LONG_RUN * cycle)
    require(
        settled, f"it begins closed, and a warm-up of {SETTLED * cycle:.4g} s would be enough to forget that"
    )
    return Closed(
        measure=f"breaker_open{{service={name}}}", subject=name, form="renewal reward",
        formula="1 - (Ec/r) / (Ec/r + W/(1-p)^h), Ec = (1-p^k)/(p^k (1-p))", exact=1 - closed, unit="1",
        reading=Reading("ratio", f"breaker_open{{service={name}}}"),
        note=f"p = {failure:g}, k = {breaker.failures}, r = {1 / calls.gap_s:g}/s, W = {waits:g} s",
    )  # fmt: skip


def _calls(group: Group, who: str, breaker: CircuitBreaker) -> Calls:
    """Calls that come one at a time to each breaker, at a period or as a Poisson stream."""
    work, tasks = group.step.work, group.tasks
    require(
        tasks.deadline is None and tasks.spawn is None, f"tasks of {who} end or begin otherwise than by calls"
    )
    alone = breaker.per == "member" or group.count == 1
    if tasks.loop == "endless":
        require(alone, f"{group.count} members share it, whose calls come as they will")
        require(work is not None and work.bounds[1] > 0, "calls come without a pause between them")
        assert work is not None
        gap = work.mean()
        if work.variance() == 0:
            waits = breaker.open_for / NS / gap
            return Calls(gap, (math.ceil(waits - 1e-9) - waits) * gap)
        require(
            work.kind in facts.EXPONENTIAL, f"steps take {work}: calls come neither at a period nor at random"
        )
        return Calls(gap, gap)
    require(tasks.steps.bounds == (1.0, 1.0), f"a task of {who} calls again and again: calls come in trains")
    arrive = tasks.arrive
    if arrive is None or arrive.kind not in facts.EXPONENTIAL or tasks.schedule or tasks.burst:
        raise NoClosedForm(f"tasks of {who} do not arrive as a Poisson stream alone")
    require(breaker.per == "group" or group.count == 1, "which member calls depends on who is idle")
    require(work is None or work.bounds[1] == 0, f"tasks may wait for a member of {who}")
    return Calls(arrive.mean(), arrive.mean())
