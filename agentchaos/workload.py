"""How much work a world holds, in expectation: tasks, steps, calls, and when the roles are busy with them.

Means without queueing, retries and failures. Times here are seconds. `handed`: the tasks that other groups
hand to this one, see `handed_over`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from agentchaos.mechanisms.checkpointing import Checkpointing
from agentchaos.trace import NS
from agentchaos.world import Group, Service

Services = Mapping[str, Service]

PAUSE_S = 1.0
"""Before the next task of an endless loop where one took no time, as worlds have it."""
INSTANT_S = 1e-9
"""Work that takes no time is done within the tick of the clock."""


class Spell(NamedTuple):
    """From `begin` to `end` a group does `rate` steps a second in all."""

    begin: float
    end: float
    rate: float

    def steps(self, begin: float, end: float) -> float:
        """Its steps within a window."""
        return self.rate * max(0.0, min(end, self.end) - max(begin, self.begin))


def step_seconds(group: Group, services: Services) -> float:
    """The mean time of a step."""
    total = sum(services[name].latency.mean() for name in group.step.services)
    check = group.verification
    if check is not None:
        by = services[check.by].latency.mean() if check.by is not None else 0.0
        total += (by + (check.duration.mean() if check.duration else 0.0)) / check.every
    return total + (group.step.work.mean() if group.step.work is not None else 0.0)


def task_seconds(group: Group, services: Services) -> float:
    """The mean time of a task."""
    return group.tasks.steps.mean() * step_seconds(group, services)


def brood(group: Group) -> float:
    """The tasks that come of one, itself included: each finished step may beget another."""
    spawn = group.tasks.spawn
    if spawn is None:
        return 1.0
    children = group.tasks.steps.mean() * float(spawn.probability)
    return math.fsum(children**generation for generation in range(spawn.generations + 1))


def arrivals(group: Group, horizon_s: float) -> float:
    """The tasks of `arrive`."""
    if group.tasks.arrive is None:
        return 0.0
    gap = group.tasks.arrive.mean()
    return horizon_s / gap if gap > 0 else math.inf


def listed(group: Group) -> int:
    """The tasks that are written one by one: those of `schedule`, `burst` and `loop: n`."""
    tasks = group.tasks
    loop = group.count * tasks.loop if isinstance(tasks.loop, int) else 0
    return len(tasks.schedule) + sum(burst.tasks for burst in tasks.burst) + loop


def endless(group: Group, services: Services, horizon_s: float) -> float:
    """The tasks of `loop: endless`: as many as there is time for."""
    if group.tasks.loop != "endless":
        return 0.0
    return group.count * horizon_s / (task_seconds(group, services) or PAUSE_S)


def tasks(group: Group, services: Services, horizon_s: float, handed: float = 0.0) -> float:
    """The tasks of a replication, over all sources and with those that agents start themselves."""
    own = arrivals(group, horizon_s) + listed(group) + endless(group, services, horizon_s)
    return (own + handed) * brood(group)


def handed_over(agents: Mapping[str, Group], services: Services, horizon_s: float) -> dict[str, float]:
    """The tasks that each group is handed by others, if all are done in the end."""
    handed = dict.fromkeys(agents, 0.0)
    for name, group in agents.items():
        number, lineage = tasks(group, services, horizon_s), [name]
        while (hand := agents[lineage[-1]].hand_off) is not None and hand.to in agents:
            if lineage.count(hand.to) > (hand.rounds or 0):
                break
            handed[hand.to] += number * float(hand.chance)
            number *= float(hand.chance) * brood(agents[hand.to])
            lineage.append(hand.to)
    return handed


# -- when it is done ----------------------------------------------------------------------------


def offered(group: Group, services: Services, horizon_s: float, handed: float = 0.0) -> float:
    """The work that there is, as a share of what the roles can do within the horizon; may be above 1."""
    if group.tasks.loop == "endless":
        return 1.0
    work = tasks(group, services, horizon_s, handed) * task_seconds(group, services)
    return work / (horizon_s * group.count)


def spells(group: Group, services: Services, horizon_s: float, handed: float = 0.0) -> Iterator[Spell]:
    """When the steps of a group are done; together never more than its roles can do."""
    step = step_seconds(group, services)
    per_task = group.tasks.steps.mean() * brood(group)
    full = group.count / max(step, INSTANT_S)  # steps a second with every role at work
    if handed and horizon_s:
        yield Spell(0.0, horizon_s, min(full, handed * per_task / horizon_s))
    if group.tasks.loop == "endless":
        yield Spell(0.0, horizon_s, full if step else group.count * per_task / PAUSE_S)
    elif group.tasks.loop is not None:
        yield _spell(0.0, horizon_s, listed(group) * per_task, full)
    else:
        if group.tasks.arrive is not None:
            gap = max(group.tasks.arrive.mean(), INSTANT_S)
            yield Spell(0.0, horizon_s, min(full, per_task / gap))
        batches = [(at, 1) for at in group.tasks.schedule]
        batches += [(burst.at, burst.tasks) for burst in group.tasks.burst]
        for at, number in batches:
            roles = min(number, group.count)
            yield _spell(at / NS, horizon_s, number * per_task, full * roles / group.count)


def _spell(begin: float, horizon_s: float, steps: float, rate: float) -> Spell:
    """Steps that are done from a moment on, at a rate, as far as the horizon lets them."""
    return Spell(begin, min(horizon_s, begin + steps / rate), rate)


def utilisation(group: Group, services: Services, horizon_s: float, handed: float = 0.0) -> float:
    """The share of the horizon in which its roles are busy, at most 1."""
    done = math.fsum(s.steps(0.0, horizon_s) for s in spells(group, services, horizon_s, handed))
    return min(1.0, done * step_seconds(group, services) / (horizon_s * group.count))


def tried(group: Group, services: Services, horizon_s: float, handed: float = 0.0) -> float:
    """The tasks of a replication that there is time for."""
    done = math.fsum(s.steps(0.0, horizon_s) for s in spells(group, services, horizon_s, handed))
    return min(tasks(group, services, horizon_s, handed), done / max(1.0, group.tasks.steps.mean()))


def calls(
    service: str, group: Group, services: Services, horizon_s: float, handed: float = 0.0
) -> list[Spell]:
    """When a group calls a service, and how often a second; its checkpoints are among that."""
    each = float(group.step.services.count(service))
    if group.quorum is not None and service == group.step.think:
        each += group.quorum.voters - 1
    if group.verification is not None and service == group.verification.by:
        each += 1 / group.verification.every
    if group.checkpointing is not None and service == group.checkpointing.store:
        each += _writes(group.checkpointing, group, services)
    if not each:
        return []
    return [s._replace(rate=s.rate * each) for s in spells(group, services, horizon_s, handed)]


def _writes(saves: Checkpointing, group: Group, services: Services) -> float:
    """The checkpoints that are written, for each step."""
    if saves.at_end:
        return 1.0 / group.tasks.steps.mean()
    if saves.steps is not None:
        return 1.0 / saves.steps
    gap = saves.gaps.mean() if saves.gaps is not None else (saves.period or NS) / NS
    return min(1.0, step_seconds(group, services) / gap)
