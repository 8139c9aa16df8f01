"""Recognises queues: a service that is called by Poisson tasks, or by a closed loop of agents that think."""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

from agentchaos.analytic import queueing
from agentchaos.analytic.base import NoClosedForm, require
from agentchaos.distributions import Distribution
from agentchaos.plan import Plan
from agentchaos.trace import NS
from agentchaos.twin import facts
from agentchaos.twin.values import Closed, Question, Questions, Reading
from agentchaos.world import Group, Service

SETTLED = 5.0
LONG_RUN = 500.0
"""A queue is in the long run after so many of its relaxation times, or over so many of them."""


class Line(NamedTuple):
    """A service with its one kind of caller, and what theory says of it."""

    form: str
    wait_formula: str
    queue: queueing.Queue
    arrive: float
    note: str


def questions(plan: Plan) -> Questions:
    """Of each service of limited capacity that somebody calls."""
    for name, service in plan.world.services.items():
        callers = [n for n, group in plan.world.agents.items() if name in group.step.services]
        if not callers or service.capacity is None:
            continue
        for measure in ("wait", "p_wait"):
            yield Question(
                f"{measure}{{service={name}}}",
                name,
                partial(_measured, plan, name, measure),
            )
        if service.queue is not None:
            yield Question(f"call_success{{service={name}}}", name, partial(_admitted, plan, name))
        yield Question("time{class=waiting}", name, partial(_waiting, plan, name))
        yield Question("time{class=useful}", name, partial(_at_work, plan, name))


def _line(plan: Plan, name: str) -> Line:
    callers = [(n, group) for n, group in plan.world.agents.items() if name in group.step.services]
    require(len(callers) == 1, f"{len(callers)} groups call {name}: its arrivals are no single stream")
    who, group = callers[0]
    service = plan.world.services[name]
    facts.only_service(service, name)
    facts.only_mechanisms(group, ("heartbeat", "checkpointing", "idempotency", "retry"), who)
    facts.no_faults(plan, who, "the queue")
    require(group.checkpointing is None, f"{who} pauses for checkpoints")
    require(service.rate_limit is None, f"{name} has a rate limit: what it lets in is not Poisson")
    require(float(service.error_rate) == 0, f"calls of {name} fail, and are made again or end their task")
    require(group.tasks.deadline is None, "tasks have a deadline, and leave the queue at twice that")
    require(group.retry is None or group.retry.timeout is None, "calls that wait too long are given up")
    require(
        group.retry is None or service.queue is None,
        "a call that is refused is made again: it is not Poisson",
    )
    for other in plan.world.services:
        if other != name and other in group.step.services:
            facts.only_service(plan.world.services[other], other)
            require(plan.world.services[other].capacity is None, f"tasks may queue for {other} before")
            require(float(plan.world.services[other].error_rate) == 0, f"calls of {other} fail before")
    return _closed_loop(plan, who, group, name) if group.tasks.loop else _open(plan, who, group, name)


def _open(plan: Plan, who: str, group: Group, name: str) -> Line:
    """Poisson tasks of one step and one call each."""
    tasks, service = group.tasks, plan.world.services[name]
    gap = tasks.arrive
    if gap is None or tasks.schedule or tasks.burst or gap.kind not in facts.EXPONENTIAL:
        raise NoClosedForm(f"tasks of {who} do not arrive as a Poisson stream alone")
    require(tasks.spawn is None, f"tasks of {who} beget others")
    steps = tasks.steps.bounds
    require(steps == (1.0, 1.0), f"a task of {who} calls {name} again and again: calls come in trains")
    arrive = 1 / gap.mean()
    line = _of_kendall(service, name, arrive)
    _settled(plan, name, _relaxation(line.queue.utilisation, service.latency, service.capacity or 1))
    others = facts_of_other_times(plan, group, name)
    _ample(group, who, line.queue, arrive * others, service)
    return line


def facts_of_other_times(plan: Plan, group: Group, name: str) -> float:
    """The mean time of a step beside the call of a service; s."""
    own = group.step.work.mean() if group.step.work else 0.0
    return own + sum(plan.world.services[s].latency.mean() for s in group.step.services if s != name)


def _of_kendall(service: Service, name: str, arrive: float) -> Line:
    """The queue of a service with Poisson arrivals."""
    servers, latency = service.capacity or 1, service.latency
    mean = latency.mean()
    require(mean > 0, f"{name} answers at once: nobody waits")
    note = f"{arrive:g}/s x {mean:g} s on {servers}"
    load = arrive * mean
    if service.queue is not None:
        room = servers + service.queue
        if latency.kind == "exponential":
            queue = queueing.mmck(arrive, mean, servers, room)
            formula = "M/M/c/K: sum (n - c) p_n / (lambda (1 - p_K))"
            return Line(f"M/M/{servers}/{room}", formula, queue, arrive, note)
        require(
            service.queue == 0, f"{_kind(latency)} and places for {service.queue}: no closed form for M/G/c/K"
        )
        blocked = queueing.erlang_b(servers, load)
        busy = load * (1 - blocked)
        queue = queueing.Queue(busy / servers, 0.0, blocked, 0.0, 0.0, busy)
        return Line(f"M/G/{servers}/{servers}", "nobody waits", queue, arrive, note)
    if load >= servers:
        raise NoClosedForm(
            f"the queue is unstable: utilisation {load / servers:.3g}; it grows as long as tasks arrive"
        )
    if latency.kind == "exponential":
        formula = "rho / (mu - lambda)" if servers == 1 else "C / (c mu - lambda)"
        return Line(f"M/M/{servers}", formula, queueing.mmc(arrive, mean, servers), arrive, note)
    require(servers == 1, f"{_kind(latency)} and there are {servers} servers: no closed form for M/G/c")
    queue = queueing.mg1(arrive, mean, latency.variance())
    form = "M/D/1" if latency.variance() == 0 else "M/G/1"
    return Line(form, "lambda E[S^2] / (2 (1 - rho))", queue, arrive, note)


def _kind(latency: Distribution) -> str:
    return f"service times are {latency.kind}"


def _relaxation(utilisation: float, latency: Distribution, servers: int) -> float:
    """The time constant of a queue, about (S / c) (1 + cv^2) / 2 / (1 - sqrt rho)^2; s."""
    spread = (1 + latency.variance() / latency.mean() ** 2) / 2
    rho = min(utilisation, 0.999)
    return max(latency.mean(), latency.mean() / servers * spread / (1 - math.sqrt(rho)) ** 2)


def _settled(plan: Plan, name: str, relaxation: float) -> None:
    begin, end = plan.world.warmup / NS, plan.world.horizon / NS
    enough = begin >= SETTLED * relaxation or (begin == 0 and end >= LONG_RUN * relaxation)
    require(
        enough,
        f"the queue of {name} is empty at first, and a warm-up of {SETTLED * relaxation:.4g} s "
        "would be enough to forget that",
    )


def _ample(group: Group, who: str, queue: queueing.Queue, elsewhere: float, service: Service) -> None:
    """Refuses where tasks may wait for a member before they come to the service."""
    if service.queue is not None:
        most = float((service.capacity or 1) + service.queue)
        spread = math.sqrt(elsewhere)
    else:
        # the number inside falls off at least as fast as a geometric one of a mean twice as large
        most, spread = 14 * (queue.inside + 1), math.sqrt(elsewhere)
    wanted = math.ceil(most + elsewhere + 6 * spread)
    require(
        group.count >= wanted,
        f"tasks may wait for one of the {group.count} members of {who} before they wait here; "
        f"{wanted} would be ample",
    )


def _closed_loop(plan: Plan, who: str, group: Group, name: str) -> Line:
    """Members that work on their own and then call: machines and their repair shop."""
    service = plan.world.services[name]
    work = group.step.work
    require(group.tasks.loop == "endless", f"the lists of {who} come to an end")
    require(len(group.step.services) == 1, f"steps of {who} call other services too")
    if work is None or work.kind not in facts.EXPONENTIAL or service.latency.kind != "exponential":
        raise NoClosedForm(
            f"{group.count} members in a closed loop: work and service would both have to be exponential"
        )
    servers = service.capacity or 1
    require(service.queue is None, f"{name} refuses calls, and ends their tasks")
    require(group.count > servers, f"{name} has a place for each of the {group.count} members: nobody waits")
    queue = queueing.repairman(group.count, work.mean(), service.latency.mean(), servers)
    slowest = work.mean() + group.count / servers * service.latency.mean()
    _settled(plan, name, slowest)
    arrive = (group.count - queue.inside) / work.mean()
    note = f"{group.count} members, {work.mean():g} s of work, {service.latency.mean():g} s of service"
    formula = "machine repair: (sum n p_n - busy) / (sum (N-n) p_n / work)"
    return Line(f"M/M/{servers}//{group.count}", formula, queue, arrive, note)


# -- what is measured ---------------------------------------------------------------------------


def _measured(plan: Plan, name: str, measure: str) -> Closed:
    line = _line(plan, name)
    label = f"{measure}{{service={name}}}"
    if measure == "wait":
        return Closed(
            label,
            name,
            line.form,
            line.wait_formula,
            line.queue.wait_s,
            "s",
            Reading("histogram", label),
            line.note,
        )
    one = line.form in ("M/M/1", "M/D/1", "M/G/1")
    formula = (
        "rho" if one else "Erlang C" if line.form.count("/") == 2 else "sum of p_n with all servers busy"
    )
    return Closed(label, name, line.form, formula, line.queue.p_wait, "1", Reading("ratio", label), line.note)


def _admitted(plan: Plan, name: str) -> Closed:
    line = _line(plan, name)
    label = f"call_success{{service={name}}}"
    formula = "1 - Erlang B" if line.form.startswith("M/G") else "1 - p_K"
    return Closed(
        label, name, line.form, formula, 1 - line.queue.p_block, "1", Reading("ratio", label), line.note
    )


def _alone(plan: Plan, name: str, what: str) -> tuple[Line, Group]:
    _, group = facts.lone_group(plan, what)
    return _line(plan, name), group


def _waiting(plan: Plan, name: str) -> Closed:
    line, group = _alone(plan, name, "time{class=waiting}")
    return Closed(
        "time{class=waiting}", name, f"Little's law, {line.form}", "lambda Wq / members",
        line.queue.queue / group.count, "1", Reading("ratio", "time{class=waiting}"), line.note,
    )  # fmt: skip


def _at_work(plan: Plan, name: str) -> Closed:
    line, group = _alone(plan, name, "time{class=useful}")
    served = queueing.littles_law(
        line.arrive * (1 - line.queue.p_block), plan.world.services[name].latency.mean()
    )
    own = facts_of_other_times(plan, group, name)
    require(
        own == 0 or group.tasks.loop is not None or line.queue.p_block == 0,
        "work before a call that is refused is lost",
    )
    busy = served + queueing.littles_law(line.arrive, own)
    return Closed(
        "time{class=useful}", name, f"Little's law, {line.form}", "lambda (1 - p_K) S / members",
        busy / group.count, "1", Reading("ratio", "time{class=useful}"), line.note,
    )  # fmt: skip
