"""What a plan will do and what it can show, said before anything runs: the text of `agentchaos plan`."""

from __future__ import annotations

import time
from collections.abc import Iterator

from agentchaos.distributions import format_duration
from agentchaos.faults.base import AgentFault, Fault
from agentchaos.plan import Plan, Strike
from agentchaos.scoring.power import Needed
from agentchaos.terms import enough
from agentchaos.trace import NS
from agentchaos.world import Group

SHOWN = 12


def lines(plan: Plan, want: Needed) -> Iterator[str]:
    """The forecast, line by line."""
    world = plan.world
    yield f"{plan.scenario}: {plan.about}" if plan.about else plan.scenario
    yield (
        f"clock: warm-up {format_duration(world.warmup)}, horizon {format_duration(world.horizon)}, "
        f"drain {format_duration(world.drain)}; seed {plan.seed}"
    )
    for name, group in world.agents.items():
        yield from _group(name, group, plan)
    yield from _strikes(plan)
    yield from _time(plan)
    yield from _power(plan, want)


def step_seconds(group: Group, plan: Plan) -> float:
    """The mean time of a step without queueing, in seconds."""
    total = sum(plan.world.services[name].latency.mean() for name in group.step.services)
    return total + (group.step.work.mean() if group.step.work is not None else 0.0)


def utilisation(group: Group, plan: Plan) -> float | None:
    """The share of its roles that open arrivals keep busy; None for closed loops."""
    if group.tasks.arrive is None:
        return None
    gap = group.tasks.arrive.mean()
    if gap <= 0:
        return None
    busy = group.tasks.steps.mean() * step_seconds(group, plan)
    return busy / gap / group.count


def _group(name: str, group: Group, plan: Plan) -> Iterator[str]:
    share = utilisation(group, plan)
    busy = "closed loop: always busy" if share is None else f"about {share:.0%} busy"
    yield (
        f"agents {name}: {group.count} roles ({group.needed} required), {group.standbys} standbys, "
        f"{busy}; recovery: {group.recovery.name}"
    )
    if share is not None and share < 0.10:
        yield f"  ! idle agents exercise nothing: {name} is busy only {share:.1%} of the time"
    if share is not None and share > 1.0:
        yield f"  ! more work than {name} can do: its queue grows without end"


def _all_strikes(plan: Plan) -> list[tuple[int, Strike]]:
    return [
        (number, strike)
        for number in range(1, plan.replications + 1)
        for strike in plan.replication("chaos", number).strikes
    ]


def _strikes(plan: Plan) -> Iterator[str]:
    if not plan.faults:
        yield "faults: none; nothing is put to the test"
        return
    strikes = _all_strikes(plan)
    for fault in plan.faults:
        yield from _fault(fault, [s for _, s in strikes if s.fault == fault.label], plan)
    first = [s for n, s in strikes if n == 1]
    if first:
        yield "replication 1 strikes:"
        for strike in first[:SHOWN]:
            whom = strike.target if strike.number < 0 else f"{strike.target}/{strike.number}"
            until = "" if strike.until is None else f" until {format_duration(strike.until)}"
            clock = " of working time" if strike.clock == "up" else ""
            yield f"  {format_duration(strike.time)}{clock}  {strike.fault} on {whom}{until}"
        if len(first) > SHOWN:
            yield f"  ... and {len(first) - SHOWN} more"


def _fault(fault: Fault, strikes: list[Strike], plan: Plan) -> Iterator[str]:
    number = len(strikes)
    upto = "at most " if any(s.clock == "up" for s in strikes) else ""
    times = "once" if fault.expect == 1 else f"{fault.expect} times"
    yield (
        f"fault {fault.label} on {fault.target}: {upto}{number} strikes in {plan.replications} replications "
        f"({number / plan.replications:.2f} each){_at_work(fault, number, plan)}; "
        f"to land it must strike at least {times}"
    )
    if number < fault.expect:
        yield f"  ! it will not land: {number} strikes are planned; {_enough(fault, plan)}"
    if isinstance(fault, AgentFault) and fault.scope == "state":
        share = utilisation(plan.world.agents[fault.agent], plan)
        if share is not None and "memory" not in getattr(fault, "parts", ("memory",)) and share < 0.8:
            yield (
                f"  ! about {1 - share:.0%} of its strikes will find an idle agent with nothing to lose; "
                "more than 20 % missed is inconclusive"
            )


def _at_work(fault: Fault, number: int, plan: Plan) -> str:
    """How many of the strikes on agents are expected to find a member at work."""
    if not isinstance(fault, AgentFault):
        return ""
    group = plan.world.agents[fault.agent]
    share = utilisation(group, plan)
    busy = 1.0 if share is None else min(1.0, share)
    if fault.scope == "process":  # standbys are struck too, and hold no role
        busy *= group.count / (group.count + group.standbys)
    return f", about {number * busy:.0f} of them on a working member"


def _enough(fault: Fault, plan: Plan) -> str:
    number = enough(plan, fault)
    if number is None:
        return "enlarge the horizon"
    return f"about {number:,} replications give a chance of 95 % that it does"


def _time(plan: Plan) -> Iterator[str]:
    from agentchaos.pipeline import play_one

    play_one(plan, "chaos", 1)  # so that what is measured does not hold the imports of a first time
    began = time.perf_counter()
    play_one(plan, "chaos", 1)
    one = time.perf_counter() - began
    total = one * plan.replications * len(plan.arms)
    yield (
        f"{plan.replications} replications of {len(plan.arms)} arms ({', '.join(plan.arms)}): about "
        f"{format_duration(round(total * NS))} of processor time, measured on replication 1"
    )


def _power(plan: Plan, want: Needed) -> Iterator[str]:
    if not plan.gates and plan.objectives.rto_s is None and plan.objectives.rpo_s is None:
        yield "no gate and no objective: nothing will be judged"
        return
    for gate in want.gates:
        if gate.needed is None:
            yield f"gate {gate.expression}: cannot pass; {gate.note}"
        else:
            yield (
                f"gate {gate.expression}: a perfect run passes from {gate.needed} replications on"
                + (f"; {gate.note}" if gate.note else "")
            )
            if gate.needed > plan.replications:
                yield f"  ! {plan.replications} replications are too few for it: inconclusive at best"
