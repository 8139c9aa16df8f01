"""What a recogniser may ask of a plan: who strikes a group, how it is mended, what its steps take.

Each answer is exact, or it is refused with the reason (`NoClosedForm`). Fields and mechanisms that are not
named here are refused where they are set: a formula that does not know of them would be wrong in silence.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from pydantic import BaseModel

from agentchaos.analytic import interruptions, renewal
from agentchaos.analytic.base import NoClosedForm, require
from agentchaos.analytic.interruptions import Moments, kept_of, moments
from agentchaos.distributions import Distribution
from agentchaos.faults.base import AgentFault, CallFault, Fault
from agentchaos.plan import Plan
from agentchaos.recoveries.base import Failure, Promote, Restart, Restore
from agentchaos.trace import NS
from agentchaos.world import Group, Service

EXPONENTIAL = ("exponential", "poisson")
WITHOUT_STORE_S = 0.02
"""The time to write where neither a store nor a latency is named."""
BEATS_PER_LIFE = 100
"""A crash is as good as uniform between two beats where so many of them come between crashes."""

NEAR = 1e-3
"""What is left out of a form may be so much of it."""

_GROUP = {
    *("count", "required", "tasks", "step", "state", "protect", "recover", "rebuild", "operator", "decide"),
    *("confidence", "unsafe", "susceptible", "explain"),
}
_TASKS = {
    *("arrive", "schedule", "burst", "loop", "spawn", "steps", "success", "deadline", "panel"),
    "value",
    "goals",
}
_FAULT = {*("name", "at", "every", "probability", "expect", "weight", "agent", "who", "clock"), "service"}
_SERVICE = {
    *("kind", "latency", "capacity", "queue", "rate_limit", "burst", "error_rate", "side_effects", "price"),
    *("tokens_in", "tokens_out", "band"),
}
_STEP = {"think", "work", "act", "effects"}
_OF_MECHANISM: dict[str, set[str]] = {
    "heartbeat": {"every", "misses", "loss", "timeout"},
    "checkpointing": {
        *("every", "store", "write", "mode", "covers", "generations", "verify", "bandwidth", "again"),
    },
    "retry": {"on", "attempts", "backoff", "factor", "jitter", "longest", "timeout"},
    "idempotency": {"key", "window"},
    "redundancy": {"standbys", "mode", "copy_every", "coverage", "switch", "load"},
    "quorum": {"voters", "agree", "beta", "rho", "same_wrong", "rounds", "undecided"},
    "circuit_breaker": {
        *("on", "failures", "rate", "window", "min_calls", "open_for", "probes", "per"),
    },
}
_WHAT_IT_DOES = {
    "redundancy": "roles move between units, and how fast depends on whether a standby is ready",
    "circuit_breaker": "calls that it rejects fail together, not on their own",
    "rollback": "it takes members back to older states",
    "self_healing": "it restarts members by how they behave",
    "quorum": "voters call the model at once, and the step waits for enough of them",
    "verification": "what is found wrong is done again",
    "guardrail": "acts that it refuses are done again",
    "escalation": "humans decide in the end",
    "hedging": "several copies of a call go out",
    "fallback": "another service answers instead",
    "bulkhead": "calls wait in the group's own line, or are rejected",
    "timeout": "calls that take too long have failed",
    "watchdog": "who notices first depends on the step in hand, and a slow step is a false alarm",
}
KNOWN = frozenset(_OF_MECHANISM) - {"circuit_breaker", "quorum"}
"""Mechanisms that most formulas can live with."""


def only(model: BaseModel, known: Iterable[str], what: str) -> None:
    """Refuses a field outside `known` that is set to something."""
    ideal = getattr(type(model), "ideal", {})
    for name, field in type(model).model_fields.items():
        if name in known:
            continue
        value, default = getattr(model, name), field.get_default(call_default_factory=True)
        if str(value) not in (str(default), str(ideal.get(name, default))):
            raise NoClosedForm(f"'{field.alias or name}' of {what} is in no closed form")


def mechanisms(group: Group) -> dict[str, BaseModel]:
    """The mechanisms that protect a group, by name."""
    written = {name: getattr(group.protect, name) for name in type(group.protect).model_fields}
    found = {name: mechanism for name, mechanism in written.items() if mechanism is not None}
    if group.redundancy is not None:
        found["redundancy"] = group.redundancy
    return found


def only_mechanisms(group: Group, known: Iterable[str], name: str, *, also: Iterable[str] = ()) -> None:
    """Refuses a mechanism outside `known`, and fields of known ones that no formula knows.

    also: fields of the group that this formula knows.
    """
    only(group, {*_GROUP, *also}, f"agents.{name}")
    only(group.tasks, _TASKS, f"the tasks of {name}")
    only(group.step, _STEP, f"the steps of {name}")
    for mechanism, fields in mechanisms(group).items():
        what = _WHAT_IT_DOES.get(mechanism, "no closed form knows of it here")
        require(mechanism in known, f"'{mechanism}' protects {name}: {what}")
        only(fields, _OF_MECHANISM.get(mechanism, ()), f"{mechanism} of {name}")


def only_service(service: Service, name: str) -> None:
    """Refuses fields of a service that no formula knows."""
    only(service, _SERVICE, f"service {name}")


def lone_group(plan: Plan, what: str) -> tuple[str, Group]:
    """The one group of a plan."""
    require(
        len(plan.world.agents) == 1, f"{what} is measured over all groups together, and there are several"
    )
    return next(iter(plan.world.agents.items()))


# -- strikes ------------------------------------------------------------------------------------


def aimed_at(plan: Plan, name: str) -> list[Fault]:
    """The faults that may touch a group: aimed at it, at a service that it calls, or at neither."""
    group = plan.world.agents[name]
    others = {*plan.world.agents, *plan.world.services} - {name, *group.step.services}
    return [fault for fault in plan.faults if fault.target not in others]


class Strikes(NamedTuple):
    """Crashes of one unit. gap: the time from the start (or the last) to the next, in `clock`.

    rate: a second, where the gaps are exponential, else None.
    """

    gap: Moments
    rate: float | None
    clock: str
    several: bool


def crashes(plan: Plan, name: str) -> Strikes:
    """The crashes of each unit of a group, where nothing else takes a unit down."""
    group = plan.world.agents[name]
    found = [fault for fault in aimed_at(plan, name) if fault.scope not in ("call", "state")]
    require(bool(found), f"nothing crashes {name}")
    units = group.count + group.standbys
    gaps: list[tuple[Moments, bool, str]] = []
    for fault in found:
        if fault.kind != "crash" or not isinstance(fault, AgentFault):
            raise NoClosedForm(f"fault {fault.label} is a {fault.kind}; closed forms are for crashes")
        only(fault, _FAULT, f"fault {fault.label}")
        if fault.every is None:
            raise NoClosedForm(f"fault {fault.label} strikes once, at a moment; that has no long run")
        gap = kept_of(fault.every, float(fault.probability))
        random = fault.every.kind in EXPONENTIAL
        if fault.who == "any":
            require(
                random and fault.clock == "wall",
                f"fault {fault.label} strikes any unit: only exponential gaps in wall time split among them",
            )
            gap = Moments(gap.mean * units, 2 * (gap.mean * units) ** 2)
        gaps.append((gap, random, fault.clock))
    clocks = {clock for _, _, clock in gaps}
    require(len(clocks) == 1, "some crashes count wall time and others working time")
    clock = clocks.pop()
    if all(random for _, random, _ in gaps):
        rate = renewal.pooled_rate([gap.mean for gap, _, _ in gaps])
        return Strikes(Moments(1 / rate, 2 / rate**2), rate, clock, len(gaps) > 1)
    require(len(gaps) == 1, "several crashes with gaps that are not exponential do not add up to one renewal")
    require(clock == "up", f"gaps of {gaps[0][0].mean:g} s that are not exponential run on through repairs")
    return Strikes(gaps[0][0], None, clock, several=False)


def no_faults(plan: Plan, name: str, what: str) -> None:
    """Refuses any fault that touches a group."""
    for fault in aimed_at(plan, name):
        raise NoClosedForm(f"fault {fault.label} disturbs {what}")


def beats_are_many(group: Group, strikes: Strikes) -> None:
    """Refuses crashes that come so fast that they are not uniform between two beats."""
    beat = group.heartbeat
    require(
        beat is None or strikes.gap.mean >= BEATS_PER_LIFE * beat.every / NS,
        "crashes come nearly as fast as beats: a crash is not uniform between two of them",
    )


# -- from the failure to being up again ---------------------------------------------------------


def constant(seconds: float) -> Distribution:
    """A time that does not vary."""
    return Distribution("constant", (seconds,), "s", f"{seconds:g}s")


def detection(group: Group, name: str) -> tuple[Moments, str, str]:
    """(delay until a crash is noticed, name of the form, formula)."""
    require(
        group.watchdog is None,
        f"{name} has a watchdog: who notices first depends on the step in hand, and it may be a false alarm",
    )
    beat = group.heartbeat
    if beat is None:
        return moments([group.operator]), "operator's delay", "E[operator]"
    period, loss, timeout = beat.every / NS, float(beat.loss), beat.timeout / NS
    if loss:
        mean = renewal.lossy_heartbeat_delay(period, beat.misses, loss) + timeout
        formula = "(m - 1/2 - E[j]) T" + (" + to" if timeout else "") + ", P(j) ~ loss^j, j < m"
        return Moments(mean, math.inf), "heartbeat with lost beats", formula
    mean = renewal.probe_delay(period, beat.misses, timeout)
    formula = "(m - 1/2) T + to" if timeout else "(m - 1/2) T"
    return Moments(mean, mean**2 + period**2 / 12), "heartbeat", formula


def no_false_alarms(group: Group, name: str) -> None:
    """Refuses lost beats, which take healthy members down."""
    lost = group.heartbeat is not None and float(group.heartbeat.loss) > 0
    require(not lost, f"lost beats are false alarms, and each restarts a healthy member of {name}")


def mending(plan: Plan, name: str) -> tuple[Distribution, ...]:
    """The times from detection until the unit is up again, without a standby: decide, start, load, read."""
    group = plan.world.agents[name]
    checkpointed = group.checkpointing is not None
    answer = group.recovery.answer(Failure(standby_ready=False, checkpointed=checkpointed))
    if isinstance(answer, Promote):
        answer = answer.otherwise
    if not isinstance(answer, Restart | Restore):
        raise NoClosedForm(f"recovery {group.recovery.name} of {name} is no restart and no restoring")
    times = [group.decide, answer.start, answer.load]
    if isinstance(answer, Restore):
        saves = group.checkpointing
        assert saves is not None
        if saves.store is not None:
            times.append(plan.world.services[saves.store].latency)
        size, bandwidth = group.state.bytes(saves.covers), answer.bandwidth or saves.bandwidth
        if bandwidth and size:
            times.append(constant(size / bandwidth))
    return tuple(time for time in times if time.bounds[1] > 0)


def write_times(plan: Plan, group: Group) -> tuple[Distribution, ...]:
    """The times that make up the write of a checkpoint."""
    saves = group.checkpointing
    assert saves is not None
    latency = constant(WITHOUT_STORE_S)
    if saves.write is not None:
        latency = saves.write
    elif saves.store is not None:
        latency = plan.world.services[saves.store].latency
    size = group.state.bytes(saves.covers)
    times = (latency, constant(size / saves.bandwidth) if saves.bandwidth else constant(0.0))
    return tuple(time for time in times if time.bounds[1] > 0)


def well_store(plan: Plan, group: Group) -> None:
    """Refuses a store of checkpoints that may keep a write or a read waiting, or fail it."""
    saves = group.checkpointing
    if saves is None or saves.store is None:
        return
    store = plan.world.services[saves.store]
    only_service(store, saves.store)
    alone = store.capacity is None or store.capacity >= sum(g.count for g in plan.world.agents.values())
    require(alone and store.rate_limit is None, f"checkpoints may wait for their store {saves.store}")
    require(float(store.error_rate) == 0, f"{saves.store} fails at times, and a checkpoint with it")
    for fault in plan.faults:
        require(fault.target != saves.store, f"fault {fault.label} befalls the store of checkpoints")


def told(times: Iterable[Distribution]) -> str:
    """`2s + exponential(mean=5s)`; `0` where there is none."""
    return " + ".join(str(time) for time in times) or "0"


def recovered(
    group: Group, strikes: Strikes, notice: Moments, mend: tuple[Distribution, ...]
) -> tuple[Moments, str]:
    """(from a crash until up again where crashes strike in wall time, a word on how near that is).

    A strike in recovery begins again with detection; there it comes just after a beat, so that the delay of
    a heartbeat is no longer uniform, and up to half a period longer. Refused where that matters.
    """
    assert strikes.rate is not None
    mending_ = interruptions.phase(strikes.rate, mend)
    down = interruptions.interrupted(mending_, before=notice)
    beat = group.heartbeat
    if beat is None or not mend:
        return down, ""
    off = (1 / mending_.through - 1) * beat.every / NS / 2 / down.mean
    require(
        off <= NEAR,
        f"one in {1 / (1 - mending_.through):.3g} recoveries is struck, just after a beat, where the delay "
        "of the heartbeat is not uniform; 'clock: up' would do",
    )
    return down, f" (within {off:.1g} of it, for strikes in recovery)"


# -- work ---------------------------------------------------------------------------------------


def step_times(plan: Plan, name: str) -> tuple[Distribution, ...]:
    """The times that make up a step, where nobody waits for anybody and no call fails."""
    group, services = plan.world.agents[name], plan.world.services
    times = [group.step.work] if group.step.work is not None else []
    for called in group.step.services:
        service = services[called]
        only_service(service, called)
        callers = sum(g.count for g in plan.world.agents.values() if called in g.step.services)
        ample = service.capacity is None or service.capacity >= callers
        require(ample, f"calls of {called} wait for one another: a step takes as long as the others let it")
        require(service.rate_limit is None, f"{called} has a rate limit")
        require(float(service.error_rate) == 0, f"calls of {called} fail, and tasks with them")
        times.append(service.latency)
    require(
        group.step.act is None or group.state.reconnect == 0,
        f"after a restart {name} opens its tools' sessions again, in the first step that acts",
    )
    return tuple(time for time in times if time.bounds[1] > 0)


def fixed(count: Distribution, what: str) -> int:
    """A count that does not vary."""
    low, high = count.bounds
    require(low == high, f"{what} vary ({count}): each task has a length of its own")
    return max(1, int(low))


def in_force_always(fault: Fault, plan: Plan) -> bool:
    """Whether a fault of calls is in force from beginning to end."""
    return (
        isinstance(fault, CallFault)
        and fault.at is None
        and fault.every is None
        and fault.calls is None
        and fault.for_ is None
    )
