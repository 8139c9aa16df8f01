"""What can be wrong with a change for good: nobody is there to meet it, or it changes nothing here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from agentchaos import workload
from agentchaos.faults.base import Aim
from agentchaos.faults.environment import (
    EnvironmentFault,
    GroupChange,
    LoadShift,
    ProviderSwitch,
    RuntimeChange,
    ServiceChange,
    Shift,
)
from agentchaos.spec.complaints import Finding
from agentchaos.spec.nodes import Loc
from agentchaos.words import did_you_mean, shown
from agentchaos.world import Group, Service


def problems(
    here: Loc,
    fault: EnvironmentFault,
    services: Mapping[str, Service],
    agents: Mapping[str, Group],
    used: set[str],
    *,
    instant: bool,
    horizon: float,
    most: int,
) -> Iterator[Finding]:
    """used: services that somebody calls; instant: its service takes no time; most: tasks in horizon (s)."""
    needs: tuple[Loc, ...] = ((*here, "*"), ("services", "*", "latency"))
    for field, what in fault.complaints(Aim(instant=instant)):
        yield Finding((*here, *field), what, needs, at_key=bool(field))
    if fault.at is None and fault.every is None:
        yield Finding(here, "say when: 'at: 40min'", ((*here, "at"),), at_key=True)
    if isinstance(fault, ServiceChange):
        yield from _of_service(here, fault, services, used)
    elif isinstance(fault, GroupChange):
        yield from _of_group(here, fault, agents)
    if isinstance(fault, LoadShift) and (group := agents.get(fault.agent)) is not None:
        tasks = workload.arrivals(group, horizon) * fault.factor
        if tasks > most:
            what = f"up to {tasks:,.0f} tasks a replication; at most {most:,}"
            yield Finding((*here, "factor"), what, (("agents", fault.agent, "tasks", "arrive"), ("horizon",)))


def _of_service(
    here: Loc, fault: ServiceChange, services: Mapping[str, Service], used: set[str]
) -> Iterator[Finding]:
    name = fault.service
    service = services.get(name)
    if service is None:
        what = f"no service {shown(name)}{did_you_mean(name, list(services))}"
        yield Finding((*here, "service"), what, (("services", name),))
        return
    if name not in used:
        needs: tuple[Loc, ...] = (("agents", "*", "step", "think"), ("agents", "*", "step", "act"))
        what = f"no step calls '{name}', so nobody would ever meet the change"
        yield Finding((*here, "service"), what, needs)
    if isinstance(fault, ProviderSwitch) and service.kind != "model":
        what = f"'{name}' is a {service.kind}; a model has a provider. Of a {service.kind} write 'shift'"
        yield Finding((*here, "service"), what, (("services", name, "kind"),))
    if not isinstance(fault, Shift):
        return
    if fault.capacity != 1 and service.capacity is None:
        what = f"'{name}' has no limit of calls at a time that could change; give it a 'capacity'"
        yield Finding((*here, "capacity"), what, (("services", name, "capacity"),))
    if fault.rate != 1 and service.rate_limit is None:
        what = f"'{name}' has no rate limit that could change; give it a 'rate_limit'"
        yield Finding((*here, "rate"), what, (("services", name, "rate_limit"),))


def _of_group(here: Loc, fault: GroupChange, agents: Mapping[str, Group]) -> Iterator[Finding]:
    group = agents.get(fault.agent)
    if group is None:
        what = f"no agent {shown(fault.agent)}{did_you_mean(fault.agent, list(agents))}"
        yield Finding((*here, "agent"), what, (("agents", fault.agent),))
        return
    whose: Loc = ("agents", fault.agent)
    if isinstance(fault, LoadShift) and group.tasks.arrive is None:
        what = f"'{fault.agent}' has no open arrivals that could grow: 'tasks: {{arrive: poisson(60/h)}}'"
        yield Finding((*here, "agent"), what, ((*whose, "tasks", "arrive"),))
    if isinstance(fault, RuntimeChange) and fault.factor != 1 and group.step.work is None:
        what = f"steps of '{fault.agent}' have no work of their own; write 'step: {{work: 2s}}', or 'hazard'"
        yield Finding((*here, "factor"), what, ((*whose, "step", "work"),))
