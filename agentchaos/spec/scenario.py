"""What a user may write, and how it becomes a plan."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from agentchaos.distributions import Duration, Share, format_duration
from agentchaos.faults.base import AgentFault, CallFault, Fault
from agentchaos.plan import Plan
from agentchaos.scoring.expressions import GateSyntaxError, known_names, parse
from agentchaos.scoring.objectives import Objectives
from agentchaos.trace import NS
from agentchaos.words import did_you_mean
from agentchaos.world import FaultItem, Group, Noun, Service, World, idealise

Loc = tuple[str | int, ...]

DEFAULT_DRAIN = 600 * NS
STRIKES_MAX = 200_000
"""More planned strikes in one replication are refused: the gap is a slip of the pen."""


class ObjectivesSpec(Noun):
    """Targets. RTO and RPO are targets for the achieved recovery time and recovery point."""

    rto: Duration | None = Field(None, description="recovery time objective")
    rpo: Duration | None = Field(None, description="recovery point objective; 0 is a real one")
    availability: Share | None = Field(
        None, gt=0, lt=1, description="the target of the availability score, such as 0.999"
    )
    response: Duration | None = Field(
        None, gt=0, description="a step is answered in time within this (the T of Apdex)"
    )
    met: Share = Field(0.95, gt=0, lt=1, description="share of incidents that must be within RTO and RPO")


class Scenario(Noun):
    """One scenario: agents, the services they lean on, the faults that befall them, and what must hold."""

    name: str = Field(
        min_length=1,
        max_length=80,
        pattern=r"^[A-Za-z0-9][\w .-]*$",
        description="a name for reports",
    )
    about: str = Field("", max_length=2000, description="what it is about, in a sentence or two")
    preset: Literal["realistic", "ideal"] = Field(
        "realistic", description="`ideal`: every ambient hazard, latency, cost and limit off"
    )
    seed: int = Field(1, ge=0, lt=2**63, description="the seed of everything random")
    replications: int | Literal["auto"] = Field(
        "auto", description="how often it is played; auto: enough for its gates"
    )
    max_replications: int = Field(1000, ge=1, le=100_000, description="the most that `auto` may take")
    warmup: Duration = Field(0, description="what begins before this is not counted")
    horizon: Duration = Field(3_600 * NS, gt=0, description="arrivals and faults end here")
    drain: Duration | None = Field(
        None,
        description="work goes on so long after the horizon; none: 5 x RTO or 2 x deadline, else 10 min",
    )
    services: dict[str, Service] = Field(default_factory=dict, description="what agents call")
    agents: dict[str, Group] = Field(min_length=1, description="groups of agents")
    faults: tuple[FaultItem, ...] = Field((), description="what befalls them")
    objectives: ObjectivesSpec = Field(ObjectivesSpec(), description="targets")
    gates: Annotated[tuple[str, ...] | None, BeforeValidator(lambda v: v)] = Field(
        None, description="what must hold, such as `availability >= 0.95`"
    )
    dimensions: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="the attributes that make up a dimension here"
    )
    aggregate: Literal["geometric", "arithmetic", "min"] = Field(
        "geometric", description="how attributes make a dimension"
    )

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("preset") == "ideal":
            return idealise(data)
        return data

    @property
    def declared(self) -> tuple[Fault, ...]:
        """The faults."""
        return tuple(item.chosen for item in self.faults)

    # -- references -----------------------------------------------------------------------------

    def problems(self) -> Iterator[tuple[Loc, str]]:
        """What no single field can see: names that lead nowhere, faults aimed at nothing, idle gates."""
        if isinstance(self.replications, int) and self.replications < 1:
            yield ("replications",), "at least 1; nothing can be judged by 0 replications"
        if self.warmup >= self.horizon:
            yield (
                ("warmup",),
                (f"nothing is left of the horizon of {format_duration(self.horizon)}"),
            )
        for name in (*self.services, *self.agents):
            if not name or not all(c.isalnum() or c in "_-." for c in name):
                where = "services" if name in self.services else "agents"
                yield (where, name), f"'{name}': names are letters, digits, '_', '-' and '.'"
        for name, group in self.agents.items():
            yield from self._group_problems(name, group)
        yield from self._fault_problems()
        yield from self._gate_problems()

    def _service(self, loc: Loc, name: str | None, kinds: tuple[str, ...]) -> Iterator[tuple[Loc, str]]:
        if name is None:
            return
        if name not in self.services:
            known = [n for n, s in self.services.items() if s.kind in kinds] or list(self.services)
            yield loc, f"no service '{name}'{did_you_mean(name, known)}"
        elif self.services[name].kind not in kinds:
            yield (
                loc,
                f"'{name}' is a {self.services[name].kind}; a {' or '.join(kinds)} is wanted here",
            )

    def _group_problems(self, name: str, group: Group) -> Iterator[tuple[Loc, str]]:
        here: Loc = ("agents", name)
        if group.required is not None and group.required > group.count:
            yield (*here, "required"), f"{group.required} of {group.count} roles can never be up"
        yield from self._service((*here, "step", "think"), group.step.think, ("model",))
        yield from self._service((*here, "step", "act"), group.step.act, ("tool", "store"))
        if group.step.effects is not None and (
            group.step.act is None
            or (group.step.act in self.services and not self.services[group.step.act].side_effects)
        ):
            yield (
                (*here, "step", "effects"),
                ("nothing here does a deed: the service that 'act' calls needs 'side_effects: true'"),
            )
        if group.checkpointing is not None:
            yield from self._service(
                (*here, "protect", "checkpointing", "store"),
                group.checkpointing.store,
                ("store", "tool"),
            )
        if group.recovery.name == "checkpoint_recovery" and group.checkpointing is None:
            yield (
                (*here, "recover"),
                ("checkpoint recovery needs checkpoints: add 'protect: {checkpointing: {every: 5 steps}}'"),
            )
        if group.retry is not None:
            for place, service in enumerate(group.retry.on):
                loc = (*here, "protect", "retry", "on", place)
                yield from self._service(loc, service, ("model", "tool", "store"))
                if service in self.services and service not in group.step.services:
                    yield loc, f"steps of '{name}' never call '{service}'"
        if self.warmup and isinstance(group.tasks.loop, int):
            yield ("warmup",), f"the tasks of '{name}' are all planned at the start; with 'loop' it is 0"
        for place, moment in enumerate(group.tasks.schedule):
            if moment > self.horizon:
                yield (*here, "tasks", "schedule", place), self._beyond(moment)
        for place, burst in enumerate(group.tasks.burst):
            if burst.at > self.horizon:
                yield (*here, "tasks", "burst", place, "at"), self._beyond(burst.at)

    def _beyond(self, moment: int) -> str:
        return f"{format_duration(moment)} is beyond the horizon of {format_duration(self.horizon)}"

    def _fault_problems(self) -> Iterator[tuple[Loc, str]]:
        seen: dict[str, int] = {}
        used = {s for g in self.agents.values() for s in g.step.services}
        for place, (item, fault) in enumerate(zip(self.faults, self.declared, strict=True)):
            (key,) = item.model_fields_set
            here: Loc = ("faults", place, key)
            if fault.at is not None and fault.every is not None:
                yield here, "strikes come 'at' a moment or 'every' so often, not both"
            if isinstance(fault, AgentFault):
                yield from self._agent_fault(here, fault)
            elif isinstance(fault, CallFault):
                yield from self._call_fault(here, fault, used)
            if fault.at is not None and fault.at.bounds[0] * NS > self.horizon:
                yield (*here, "at"), self._beyond(round(fault.at.bounds[0] * NS))
            if fault.every is not None and self.horizon / NS / max(fault.every.mean(), 1e-12) > STRIKES_MAX:
                yield (
                    (*here, "every"),
                    (f"more than {STRIKES_MAX:,} strikes within the horizon; make the gap longer"),
                )
            if fault.stream in seen:
                yield (
                    here,
                    (f"the same as faults[{seen[fault.stream]}] by name; give one of them a 'name'"),
                )
            seen[fault.stream] = place
        labels: dict[str, int] = {}
        for place, fault in enumerate(self.declared):
            if fault.label in labels and self.declared[labels[fault.label]].stream != fault.stream:
                yield (
                    ("faults", place),
                    (f"two faults are called '{fault.label}' in reports; give one of them a 'name'"),
                )
            labels.setdefault(fault.label, place)

    def _agent_fault(self, here: Loc, fault: AgentFault) -> Iterator[tuple[Loc, str]]:
        if fault.agent not in self.agents:
            yield (
                (*here, "agent"),
                f"no agent '{fault.agent}'{did_you_mean(fault.agent, list(self.agents))}",
            )
        elif fault.kind == "checkpoint_corrupt" and self.agents[fault.agent].checkpointing is None:
            yield (*here, "agent"), f"'{fault.agent}' keeps no checkpoints that could be corrupted"
        if fault.at is None and fault.every is None:
            yield here, "say when: 'at: 30min' or 'every: exponential(mean=2h)'"
        if fault.clock == "up" and (fault.every is None or fault.who == "any" or fault.scope != "process"):
            yield (
                (*here, "clock"),
                "working time is counted for 'every' on 'each' unit of a process fault",
            )

    def _call_fault(self, here: Loc, fault: CallFault, used: set[str]) -> Iterator[tuple[Loc, str]]:
        if fault.service not in self.services:
            yield (
                (*here, "service"),
                (f"no service '{fault.service}'{did_you_mean(fault.service, list(self.services))}"),
            )
        elif fault.service not in used:
            yield (
                (*here, "service"),
                f"no step calls '{fault.service}', so this fault could never strike",
            )
        if fault.kind == "latency" and fault.model_dump()["factor"] == 1 and fault.model_dump()["extra"] == 0:
            yield here, "'factor: 1' without 'extra' changes nothing"
        if (fault.at is not None or fault.every is not None) and fault.for_ is None and fault.calls is None:
            yield here, "say how long: 'for: 5min', or for how many calls: 'calls: 1'"

    def _gate_problems(self) -> Iterator[tuple[Loc, str]]:
        if self.gates is None:
            return
        if not self.gates:
            yield (
                ("gates",),
                "an empty list judges nothing; write a gate such as 'availability >= 0.95'",
            )
        known = self.names()
        for place, text in enumerate(self.gates):
            try:
                parse(text, known)
            except GateSyntaxError as wrong:
                yield ("gates", place), str(wrong)

    def names(self) -> set[str]:
        """The names that a gate may use here."""
        return known_names([f.label for f in self.declared], list(self.services), list(self.agents))

    # -- the plan -------------------------------------------------------------------------------

    def plan(self, *, file: str, sha256: str, replications: int) -> Plan:
        """The plan of this scenario."""
        return Plan(
            scenario=self.name,
            about=self.about,
            file=file,
            sha256=sha256,
            seed=self.seed,
            replications=replications,
            world=World(
                services=self.services,
                agents=self.agents,
                warmup=self.warmup,
                horizon=self.horizon,
                drain=self._drain(),
            ),
            faults=self.declared,
            objectives=self.targets,
            gates=self.gates or (),
        )

    def _drain(self) -> int:
        if self.drain is not None:
            return max(1, self.drain)  # what is due at the horizon itself still happens
        waits = [2 * g.tasks.deadline for g in self.agents.values() if g.tasks.deadline is not None]
        if self.objectives.rto:
            waits.append(5 * self.objectives.rto)
        return max(waits, default=DEFAULT_DRAIN)

    @property
    def targets(self) -> Objectives:
        """The objectives as scoring knows them."""
        o = self.objectives
        seconds = lambda ns: None if ns is None else ns / NS  # noqa: E731
        return Objectives(
            rto_s=seconds(o.rto),
            rpo_s=seconds(o.rpo),
            availability=None if o.availability is None else float(o.availability),
            response_s=seconds(o.response),
            met=float(o.met),
            **({"dimensions": self.dimensions} if self.dimensions else {}),
            aggregate=self.aggregate,
        )
