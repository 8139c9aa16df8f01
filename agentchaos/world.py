"""The nouns of a world, as a user writes them and as an engine reads them: services and groups of agents.

Models are frozen. Times are ns, rates per second, sizes bytes. Every field has a default; where a default
rests on a figure, the field names its source and grade (A primary, B vendor, C secondary, - assumed).
"""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, ClassVar, Literal, cast

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    create_model,
    field_validator,
    model_validator,
)

from agentchaos.blocks import Block
from agentchaos.distributions import (
    CountDistribution,
    Distribution,
    Duration,
    DurationDistribution,
    Price,
    Rate,
    Share,
    ShareDistribution,
    Size,
)
from agentchaos.disturbances import PARTS, Part
from agentchaos.faults.base import Fault
from agentchaos.mechanisms.base import Mechanism
from agentchaos.mechanisms.bulkhead import Bulkhead
from agentchaos.mechanisms.checkpointing import Checkpointing
from agentchaos.mechanisms.circuit_breaker import CircuitBreaker
from agentchaos.mechanisms.disruption_budget import DisruptionBudget
from agentchaos.mechanisms.escalation import Escalation
from agentchaos.mechanisms.fallback import Fallback
from agentchaos.mechanisms.heartbeat import Heartbeat
from agentchaos.mechanisms.hedging import Hedging
from agentchaos.mechanisms.idempotency import Idempotency
from agentchaos.mechanisms.quarantine import Quarantine
from agentchaos.mechanisms.quorum import Quorum
from agentchaos.mechanisms.readiness import Readiness
from agentchaos.mechanisms.reconciler import Reconciler
from agentchaos.mechanisms.redundancy import Redundancy
from agentchaos.mechanisms.retry import Retry
from agentchaos.mechanisms.rollback import Rollback
from agentchaos.mechanisms.self_healing import SelfHealing
from agentchaos.mechanisms.timeout import Timeout
from agentchaos.mechanisms.verification import Verification
from agentchaos.mechanisms.watchdog import Watchdog
from agentchaos.plugins import shelf
from agentchaos.recoveries.base import Recovery
from agentchaos.words import shown


class Noun(BaseModel):
    """A frozen model that refuses unknown keys. `noun`: what its keys name, where they are no fields."""

    noun: ClassVar[str] = ""
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class OneOf(Noun):
    """A mapping with exactly one key, which names a thing on a shelf: `crash: {...}`."""

    @model_validator(mode="after")
    def _exactly_one(self) -> OneOf:
        named = sorted(self.model_fields_set)
        if len(named) > 1:
            raise ValueError(f"one {self.noun} stands here, and {len(named)} were found: {', '.join(named)}")
        if not named:
            first = next(iter(type(self).model_fields))
            raise ValueError(f"the name of a {self.noun} is wanted here, such as '{first}: {{...}}'")
        if self.chosen is None:
            raise ValueError(f"'{named[0]}' has no fields; write '{named[0]}: {{...}}'")
        return self

    @property
    def chosen(self) -> Any:
        """The thing itself."""
        (key,) = self.model_fields_set
        return getattr(self, key)


def _one_of(title: str, noun: str, things: dict[str, Any]) -> Any:
    """A model with one optional field for each thing on a shelf (and for each of its aliases)."""
    base = type(
        title, (OneOf,), {"noun": noun, "__annotations__": {"noun": ClassVar[str]}, "__module__": __name__}
    )
    return create_model(  # type: ignore[call-overload]
        title, __base__=base, **{key: (thing | None, None) for key, thing in things.items()}
    )


FAULTS: dict[str, type[Fault]] = shelf("faults", Fault)
MECHANISMS: dict[str, type[Mechanism]] = shelf("mechanisms", Mechanism)
RECOVERIES: dict[str, type[Recovery]] = shelf("recoveries", Recovery)
RECOVERY_WORDS: dict[str, type[Recovery]] = {
    word: recovery for recovery in RECOVERIES.values() for word in (recovery.name, *recovery.aliases)
}

FaultItem = _one_of("FaultItem", "fault", FAULTS)


def _named(value: object) -> object:
    """`checkpoint` stands for `checkpoint: {}`."""
    return {value: {}} if isinstance(value, str) else value


class _Worded:
    """Tells the JSON schema of the short form."""

    def __get_pydantic_json_schema__(self, core: Any, handler: Any) -> dict[str, Any]:
        return {"anyOf": [{"enum": list(RECOVERY_WORDS)}, handler(core)]}


RecoveryItem = Annotated[  # type: ignore[valid-type]
    _one_of("RecoveryItem", "recovery", RECOVERY_WORDS), BeforeValidator(_named), _Worded()
]


class _Protection(Noun):
    """Mechanisms, each by its name."""

    noun: ClassVar[str] = "mechanism"


Protect = create_model(  # type: ignore[call-overload]
    "Protect",
    __base__=_Protection,
    **{name: (mechanism | None, None) for name, mechanism in MECHANISMS.items()},
)


class Band(Noun):
    """The band in which a service is well: the share of good calls of its users in a sliding window."""

    good: Share = Field(0.9, description="below this share of good calls an incident is open")
    window: Duration = Field(60_000_000_000, gt=0, description="the window that slides")
    slow: Duration | None = Field(
        None, gt=0, description="a call that takes longer is not good; none: 4 x the mean latency"
    )
    calls: int = Field(5, ge=1, le=100_000, description="fewer calls in the window decide nothing")


class Service(Noun):
    """A model, a tool or a store that agents call."""

    ideal: ClassVar[dict[str, Any]] = {"latency": "0s", "error_rate": 0}

    kind: Literal["model", "tool", "store"] = Field("tool", description="what it is")
    latency: DurationDistribution = Field(
        "lognormal(median=320ms, sigma=1.1)",
        validate_default=True,
        description="time to answer, without queueing",
        json_schema_extra={"source": "MCP tool calls: p50 320 ms, p95 1,840 ms", "grade": "C"},
    )
    capacity: int | None = Field(None, ge=1, le=1_000_000, description="calls at a time; none: no limit")
    queue: int | None = Field(
        None,
        ge=0,
        le=10_000_000,
        description="calls that may wait; more are refused; none: no limit",
    )
    rate_limit: Rate | None = Field(None, description="calls admitted per time (token bucket); more get 429")
    burst: int | None = Field(
        None,
        ge=1,
        le=1_000_000,
        description="size of the bucket; none: a second's worth, at least 1",
    )
    error_rate: Share = Field(
        0.005,
        description="share of calls that fail by themselves",
        json_schema_extra={"source": "Portkey: 0.56 % server errors, Anthropic API", "grade": "B"},
    )
    side_effects: bool = Field(False, description="whether its calls do deeds in the outside world")
    tokens_in: CountDistribution = Field(
        2000,
        validate_default=True,
        description="tokens of a request to a model",
        json_schema_extra={"source": "assumed", "grade": "-"},
    )
    tokens_out: CountDistribution = Field(
        300,
        validate_default=True,
        description="tokens of a model's answer",
        json_schema_extra={"source": "assumed", "grade": "-"},
    )
    price: dict[Literal["in", "out"], Price] = Field(
        default_factory=dict, description="price per million tokens: {in: 2.5 usd/M, out: 10 usd/M}"
    )
    band: Band = Field(Band(), description="when its users count as hit by an incident")

    @property
    def slow(self) -> int:
        """Ns above which a call is not good."""
        return self.band.slow or round(4e9 * self.latency.mean())


class PartSpec(Noun):
    """One part of the state: its size, and what its loss, corruption, staleness or poisoning does."""

    size: Size = Field(1_000_000, description="bytes")
    lost_hazard: float = Field(
        1.0, ge=1, le=1e6, description="hazard of a wrong step while it is being rebuilt"
    )
    rebuild: int = Field(1, ge=0, le=1_000_000, description="steps until it is rebuilt")
    corrupt_hazard: float = Field(1.0, ge=1, le=1e6, description="hazard while it is corrupt")
    corrupt_wrong: Share = Field(
        0.0, description="chance that a step that reads it corrupt is wrong, come what may"
    )
    notice: Share = Field(0.05, description="chance per step that its corruption is noticed")
    stale_hazard: float = Field(1.0, ge=1, le=1e6, description="hazard while it is an old version")
    stale_wrong: Share = Field(0.0, description="chance that a step that reads it stale is wrong")
    stale_steps: int = Field(5, ge=1, le=1_000_000, description="steps until it has been read anew")
    stale_notice: Share = Field(0.0, description="chance per step that its staleness is noticed before")
    poison_hazard: float = Field(1.0, ge=1, le=1e6, description="hazard while it is poisoned")
    poison_wrong: Share = Field(
        0.2, description="chance that a step that reads it poisoned is wrong, come what may"
    )
    poison_notice: Share = Field(
        0.01, description="chance per step that its poison, or what poison made wrong, is noticed"
    )


_PARTS: dict[Part, dict[str, Any]] = {
    "memory": {
        **{"size": "2MB", "lost_hazard": 2, "rebuild": 20, "corrupt_hazard": 3},
        **{"stale_hazard": 1.5, "stale_steps": 20},
    },
    "goal": {
        **{"size": "2KB", "rebuild": 0, "corrupt_wrong": 1.0},
        **{"stale_wrong": 1.0, "stale_steps": 10, "poison_wrong": 1.0},
    },
    "plan": {
        **{"size": "10KB", "rebuild": 3, "corrupt_wrong": 0.5},
        **{"stale_wrong": 0.3, "stale_steps": 3, "poison_wrong": 0.4},
    },
    "context": {
        **{"size": "1MB", "lost_hazard": 4, "rebuild": 5, "corrupt_hazard": 4},
        **{"stale_hazard": 2, "stale_steps": 5, "poison_hazard": 2},
    },
    "tools": {
        **{"size": "10KB", "rebuild": 1, "corrupt_wrong": 0.3},
        **{"stale_wrong": 0.5, "stale_steps": 1, "poison_wrong": 0.3},
    },
}


def _part(name: Part) -> Any:
    told = {
        "memory": "what it has learnt, across tasks",
        "goal": "what the task in hand is for",
        "plan": "the steps that are to come",
        "context": "what it has read and said in the task in hand",
        "tools": "open sessions of its tools, with their keys",
    }
    extra: dict[str, Any] = {"source": "assumed", "grade": "-"}
    return Field(PartSpec(**_PARTS[name]), description=told[name], json_schema_extra=extra)


class StateSpec(Noun):
    """The five parts of an agent's state."""

    ideal: ClassVar[dict[str, Any]] = {
        part: {
            "size": "0B",
            "lost_hazard": 1,
            "rebuild": 0,
            "corrupt_hazard": 1,
            "corrupt_wrong": 0,
            "notice": 1,
            **{"stale_hazard": 1, "stale_wrong": 0, "stale_steps": 1, "stale_notice": 1},
            **{"poison_hazard": 1, "poison_wrong": 0, "poison_notice": 1},
        }
        for part in PARTS
    } | {"taint_hazard": 1, "absorb": 0, "reconnect": "0s"}

    memory: PartSpec = _part("memory")
    goal: PartSpec = _part("goal")
    plan: PartSpec = _part("plan")
    context: PartSpec = _part("context")
    tools: PartSpec = _part("tools")
    taint_hazard: float = Field(
        2.0,
        ge=1,
        le=1e6,
        description="hazard of a step that reads what an earlier wrong step wrote",
    )
    absorb: Share = Field(0.05, description="chance that a step made wrong by a fault is written into memory")
    reconnect: Duration = Field(2_000_000_000, description="time to open the tools' sessions again")
    shared: bool = Field(
        False,
        description="the members have one memory, outside of their processes: a crash does not lose it, "
        "and what befalls it befalls all of them",
    )

    @model_validator(mode="before")
    @classmethod
    def _own_defaults(cls, data: Any) -> Any:
        """A part of which one field is written keeps its own defaults for the others."""
        if not isinstance(data, dict):
            return data
        written = {part: data[part] for part in PARTS if isinstance(data.get(part), dict)}
        return {**data, **{part: {**_PARTS[part], **fields} for part, fields in written.items()}}

    def part(self, name: Part) -> PartSpec:
        """One of the five."""
        return cast(PartSpec, getattr(self, name))

    def bytes(self, parts: tuple[Part, ...]) -> int:
        """The size of some parts together."""
        return sum(int(self.part(name).size) for name in parts)


class Spawn(Noun):
    """Work that agents start of their own: a finished step begets a task for the group."""

    probability: Share = Field(0.05, description="chance per finished step")
    generations: int = Field(3, ge=1, le=20, description="children of children, so deep at most")


class Burst(Noun):
    """Many tasks at one moment."""

    at: Duration = Field(description="the moment")
    tasks: int = Field(ge=1, le=1_000_000, description="how many")


STEPS_MAX = 10_000_000
_STEPS = re.compile(r"\s*([0-9]+)\s*steps?\s*")


def _every(value: object) -> object:
    """Takes `5 steps`; refuses a bare number, which could mean seconds, and a time."""
    if value is None:
        return None
    found = _STEPS.fullmatch(value) if isinstance(value, str) else None
    if found is None or len(found.group(1)) > 12 or not 1 <= int(found.group(1)) <= STEPS_MAX:
        raise ValueError(f"{shown(value)} stands here; write '5 steps', up to {STEPS_MAX:,} of them")
    return f"{int(found.group(1))} steps"


class Talk(Noun):
    """Messages to another group or its own: a tainted sender may taint its reader."""

    ideal: ClassVar[dict[str, Any]] = {"delay": "0s"}

    to: str = Field(description="the group that it talks to: one of its members, drawn for each message")
    every: Annotated[str | None, BeforeValidator(_every)] = Field(
        None, description="a message after every so many steps of a task: `5 steps`"
    )
    chance: Share | None = Field(None, gt=0, description="instead: the chance that a step ends in one")
    taints: Share = Field(
        0.3,
        description="chance that a message of a tainted agent taints the context of its reader",
        json_schema_extra={"source": "assumed", "grade": "-"},
    )
    delay: DurationDistribution = Field(
        "100ms",
        validate_default=True,
        description="time until it is delivered; its reader reads it at the beginning of its next step",
        json_schema_extra={"source": "assumed", "grade": "-"},
    )

    @model_validator(mode="after")
    def _says_how_often(self) -> Talk:
        if (self.every is None) == (self.chance is None):
            raise ValueError("say how often it talks: 'every: 5 steps', or 'chance: 10%'; one of them")
        return self

    @property
    def steps(self) -> int | None:
        """The cadence in steps, or None where it is a chance."""
        return None if self.every is None else int(self.every.split()[0])


class HandOff(Noun):
    """A task that ends done begets one in another group, which takes over goal, plan and context."""

    to: str = Field(description="the group that goes on with it, by its own deadline")
    chance: Share = Field(1.0, gt=0, description="the chance that a task that is done is handed on")
    carries: Share = Field(
        0.6,
        description="chance that what is wrong goes along: the taint of its agent, as that of plan and "
        "context; and if the task ended wrong, a wrong goal",
        json_schema_extra={"source": "assumed", "grade": "-"},
    )
    rounds: int | None = Field(
        None, ge=1, le=20, description="where hand-offs go in a circle: how often a task may come back"
    )


class Tasks(Noun):
    """The work of a group: where tasks come from, how long they are, how well they go."""

    ideal: ClassVar[dict[str, Any]] = {"success": 1}

    arrive: DurationDistribution | None = Field(
        None, description="open arrivals: the gap between them; `poisson(600/h)` for a rate"
    )
    schedule: tuple[Duration, ...] = Field((), description="open arrivals at these moments")
    burst: tuple[Burst, ...] = Field((), description="many at once: [{at: 30min, tasks: 50}]")
    loop: int | Literal["endless"] | None = Field(
        None,
        description="closed loop: each member has a list of so many, or takes one after the other",
    )
    spawn: Spawn | None = Field(None, description="tasks that agents start themselves")
    steps: CountDistribution = Field(
        "uniform(4, 12)",
        validate_default=True,
        description="steps of a task",
        json_schema_extra={
            "source": "tau-bench airline, gpt-4o: 5.8 tool calls a task",
            "grade": "A",
        },
    )
    success: ShareDistribution = Field(
        "beta(20, 1.5)",
        validate_default=True,
        description="chance that a task ends right when nothing else is wrong",
        json_schema_extra={
            "source": "assumed: a hardened agent; tau-bench airline gpt-4o is beta(0.64, 0.86)",
            "grade": "-",
        },
    )
    deadline: Duration | None = Field(
        None, gt=0, description="from arrival; at twice this the task is abandoned"
    )
    panel: int | None = Field(
        None,
        ge=1,
        le=100_000,
        description="so many task identities with fixed length and chance, from which each task draws",
    )
    goals: CountDistribution = Field(
        3,
        validate_default=True,
        description="required sub-goals of a task",
    )
    value: float = Field(1.0, gt=0, le=1e6, description="the weight of a task")

    @model_validator(mode="after")
    def _has_one_source(self) -> Tasks:
        open_ = self.arrive is not None or self.schedule or self.burst
        if self.loop is not None and open_:
            raise ValueError("tasks come by 'loop' or by 'arrive', 'schedule' and 'burst', not by both")
        if isinstance(self.loop, int) and not 1 <= self.loop <= 10_000_000:
            raise ValueError("'loop' is 1 to 10,000,000 tasks, or 'endless'")
        return self

    @field_validator("steps")
    @classmethod
    def _is_played_in_time(cls, steps: Distribution) -> Distribution:
        low, high = steps.bounds
        if steps.kind in ("constant", "uniform", "empirical") and low < 1:
            raise ValueError(f"{shown(steps)}: a task has at least one step")
        if (high if high < math.inf else steps.mean()) > STEPS_MAX:
            raise ValueError(f"{shown(steps)}: a task has at most {STEPS_MAX:,} steps")
        return steps


class StepSpec(Noun):
    """What a step is made of, in this order: think (a model call), work (local), act (a tool call)."""

    think: str | None = Field(None, description="the model service that it calls")
    work: DurationDistribution | None = Field(None, description="time of its own")
    act: str | None = Field(None, description="the tool service that it calls")
    effects: Share | None = Field(
        None,
        description="share of steps whose act is a deed outside; none: all, if the service does any",
    )

    @model_validator(mode="after")
    def _does_something(self) -> StepSpec:
        if self.think is None and self.work is None and self.act is None:
            raise ValueError("a step does something: 'think: MODEL', 'act: TOOL' or 'work: 2s'")
        return self

    @property
    def services(self) -> tuple[str, ...]:
        """The services that it calls, in order."""
        return tuple(name for name in (self.think, self.act) if name is not None)


class Group(Noun):
    """A group of agents: `count` roles, each a state machine in a loop of steps."""

    ideal: ClassVar[dict[str, Any]] = {
        "operator": "0s",
        "decide": "0s",
        "recover": "cold_start",
        "rebuild": "cold_start",
    }

    count: int = Field(1, ge=1, le=100_000, description="roles")
    required: int | None = Field(
        None, ge=1, description="roles that must be up for the group to be available; none: all"
    )
    tasks: Tasks = Field(description="its work")
    step: StepSpec = Field(description="what a step does")
    state: StateSpec = Field(StateSpec(), description="its five parts of state")
    talk: Talk | None = Field(None, description="messages that it sends to other agents")
    hand_off: HandOff | None = Field(None, description="the group that goes on with its tasks")
    protect: Protect = Field(Protect(), description="mechanisms that protect it")
    recover: RecoveryItem = Field(  # type: ignore[valid-type]
        "cold_start", validate_default=True, description="what is done about a failure"
    )
    rebuild: RecoveryItem = Field(  # type: ignore[valid-type]
        "cold_start",
        validate_default=True,
        description="how a failed unit is rebuilt after a standby took over",
    )
    operator: DurationDistribution = Field(
        "lognormal(median=27min, sigma=1.0)",
        validate_default=True,
        description="time until a human notices what no mechanism detects",
        json_schema_extra={
            "source": "OpenAI API incidents, investigating to identified: lognormal(0.45 h, 1.0)",
            "grade": "A",
        },
    )
    decide: DurationDistribution = Field(
        "1s",
        validate_default=True,
        description="time from detection to the start of recovery",
    )
    crews: int | None = Field(
        None,
        ge=1,
        le=100_000,
        description="crews that start and restore its units, one at a time each; none: no limit",
    )
    confidence: Share = Field(1.0, description="the confidence with which it claims that a task is done")

    @model_validator(mode="before")
    @classmethod
    def _stand_by_as_wanted(cls, data: Any) -> Any:
        """Standbys of which no mode is written stand by as the recovery wants them."""
        implied = _implied(data.get("recover")) if isinstance(data, dict) else None
        protect = data.get("protect") if implied is not None else None
        if implied is None or not isinstance(protect, dict):
            return data
        standbys = protect.get("redundancy")
        if not isinstance(standbys, dict) or "mode" in standbys:
            return data
        return {**data, "protect": {**protect, "redundancy": {**standbys, "mode": implied.standby_mode}}}

    @property
    def needed(self) -> int:
        """Roles that must be up."""
        return self.count if self.required is None else self.required

    @property
    def mechanisms(self) -> tuple[str, ...]:
        """The names of those that protect it, implied ones included; sorted."""
        names = {name for name in MECHANISMS if self._mechanism(name) is not None}
        return tuple(sorted(names | ({"redundancy"} if self.redundancy is not None else set())))

    def _mechanism(self, name: str) -> Any:
        return getattr(self.protect, name, None)

    @property
    def checkpointing(self) -> Checkpointing | None:
        """Its snapshots, where it takes any."""
        return cast("Checkpointing | None", self._mechanism("checkpointing"))

    @property
    def heartbeat(self) -> Heartbeat | None:
        """Its liveness detection."""
        return cast("Heartbeat | None", self._mechanism("heartbeat"))

    @property
    def watchdog(self) -> Watchdog | None:
        """Its progress detection."""
        return cast("Watchdog | None", self._mechanism("watchdog"))

    @property
    def retry(self) -> Retry | None:
        """How its failed calls are made again."""
        return cast("Retry | None", self._mechanism("retry"))

    @property
    def timeout(self) -> Timeout | None:
        """When it gives up waiting for an answer."""
        return cast("Timeout | None", self._mechanism("timeout"))

    @property
    def circuit_breaker(self) -> CircuitBreaker | None:
        """When it stops calling a service that fails."""
        return cast("CircuitBreaker | None", self._mechanism("circuit_breaker"))

    @property
    def bulkhead(self) -> Bulkhead | None:
        """How many of its calls may be at a service."""
        return cast("Bulkhead | None", self._mechanism("bulkhead"))

    @property
    def hedging(self) -> Hedging | None:
        """When its calls go out once more before they have failed."""
        return cast("Hedging | None", self._mechanism("hedging"))

    @property
    def fallback(self) -> Fallback | None:
        """Who answers where a service failed for good."""
        return cast("Fallback | None", self._mechanism("fallback"))

    @property
    def services(self) -> tuple[str, ...]:
        """The services that its steps call, those that stand in for them, and the one that checks."""
        instead = self.fallback.to if self.fallback else ()
        check = self.verification.by if self.verification else None
        return tuple(dict.fromkeys((*self.step.services, *instead, *((check,) if check else ()))))

    @property
    def breakers(self) -> tuple[tuple[str, int], ...]:
        """(service, how many breakers stand before it)."""
        breaking = self.circuit_breaker
        if breaking is None:
            return ()
        number = self.count if breaking.per == "member" else 1
        return tuple((service, number) for service in self.services if breaking.covers(service))

    @property
    def bulkheads(self) -> tuple[str, ...]:
        """The services before which it has a bulkhead."""
        return tuple(s for s in self.services if self.bulkhead is not None and self.bulkhead.covers(s))

    @property
    def idempotency(self) -> Idempotency | None:
        """The keys of its side effects."""
        return cast("Idempotency | None", self._mechanism("idempotency"))

    @property
    def rollback(self) -> Rollback | None:
        """How it goes back to before a wrong decision."""
        return cast("Rollback | None", self._mechanism("rollback"))

    @property
    def quarantine(self) -> Quarantine | None:
        """The breaker around each of its agents."""
        return cast("Quarantine | None", self._mechanism("quarantine"))

    @property
    def self_healing(self) -> SelfHealing | None:
        """What watches its behaviour."""
        return cast("SelfHealing | None", self._mechanism("self_healing"))

    @property
    def quorum(self) -> Quorum | None:
        """The vote on its steps; one voter alone is none."""
        quorum = cast("Quorum | None", self._mechanism("quorum"))
        return quorum if quorum is not None and quorum.voters > 1 else None

    @property
    def verification(self) -> Verification | None:
        """The check of its steps, where it is one."""
        check = cast("Verification | None", self._mechanism("verification"))
        return check if check is not None and not check.does_nothing else None

    @property
    def escalation(self) -> Escalation | None:
        """When humans are asked."""
        return cast("Escalation | None", self._mechanism("escalation"))

    @property
    def readiness(self) -> Readiness | None:
        """How long a started unit takes to be ready."""
        return cast("Readiness | None", self._mechanism("readiness"))

    @property
    def disruption_budget(self) -> DisruptionBudget | None:
        """What planned disruptions must leave alone."""
        return cast("DisruptionBudget | None", self._mechanism("disruption_budget"))

    @property
    def reconciler(self) -> Reconciler | None:
        """Who starts again what was given up."""
        return cast("Reconciler | None", self._mechanism("reconciler"))

    @property
    def redundancy(self) -> Redundancy | None:
        """Its standbys; some recoveries imply them."""
        written = cast("Redundancy | None", self._mechanism("redundancy"))
        if written is None and self.recovery.implies_standby:
            return Redundancy(standbys=self.count, mode=self.recovery.standby_mode)
        return written

    @property
    def recovery(self) -> Recovery:
        """What is done about a failure."""
        return cast(Recovery, self.recover.chosen)  # type: ignore[attr-defined]

    @property
    def rebuilding(self) -> Recovery:
        """How a replaced unit is rebuilt."""
        return cast(Recovery, self.rebuild.chosen)  # type: ignore[attr-defined]

    @property
    def starter(self) -> Recovery | None:
        """The recovery by which a cold standby is started; None where nobody starts anything."""
        return next((one for one in (self.recovery, self.rebuilding) if one.starts), None)

    @property
    def standbys(self) -> int:
        """Units beside those that hold roles."""
        return self.redundancy.standbys if self.redundancy else 0


def _idealised(model: type[Any], data: object) -> object:
    ideal = getattr(model, "ideal", {})
    return {**ideal, **data} if isinstance(data, dict) else data


def _has(state: dict[str, Any], part: str) -> bool:
    return isinstance(state.get(part), dict)


def _implied(recover: object) -> type[Recovery] | None:
    """The recovery of a raw `recover`, where it implies standbys."""
    named = _named(recover)
    words = [word for word in named if word in RECOVERY_WORDS] if isinstance(named, dict) else []
    return next((RECOVERY_WORDS[w] for w in words if RECOVERY_WORDS[w].implies_standby), None)


def idealise(world: dict[str, Any]) -> dict[str, Any]:
    """`preset: ideal`: every ambient hazard, latency, cost and limit off unless the user wrote it.

    world: the raw mapping with `services` and `agents`; returns a copy.
    """

    def group(data: object) -> object:
        if not isinstance(data, dict):
            return data
        data = cast("dict[str, Any]", _idealised(Group, data))
        if "tasks" in data:
            data["tasks"] = _idealised(Tasks, data["tasks"])
        state = data.get("state", {})
        if isinstance(state, dict):
            parts = {part: {**StateSpec.ideal[part], **state[part]} for part in PARTS if _has(state, part)}
            data["state"] = {**StateSpec.ideal, **state, **parts}
        if isinstance(data.get("talk"), dict):
            data["talk"] = _idealised(Talk, data["talk"])
        for key in ("recover", "rebuild"):
            item = _named(data[key])
            if isinstance(item, dict):
                data[key] = {
                    word: _idealised(RECOVERY_WORDS[word], fields) if word in RECOVERY_WORDS else fields
                    for word, fields in item.items()
                }
        protect = data.get("protect", {})
        if isinstance(protect, dict):
            implied = _implied(data["recover"]) if protect.get("redundancy") is None else None
            standbys = {"standbys": data.get("count", 1), "mode": implied.standby_mode} if implied else None
            data["protect"] = {
                name: _idealised(MECHANISMS[name], fields) if name in MECHANISMS else fields
                for name, fields in ({**protect, "redundancy": standbys} if standbys else protect).items()
            }
        return data

    ideal = dict(world)
    if isinstance(world.get("services"), dict):
        ideal["services"] = {k: _idealised(Service, v) for k, v in world["services"].items()}
    if isinstance(world.get("agents"), dict):
        ideal["agents"] = {k: group(v) for k, v in world["agents"].items()}
    return ideal


class World(Noun):
    """Everything that a run plays in, with its clock. Times in ns."""

    services: dict[str, Service]
    agents: dict[str, Group]
    warmup: int
    horizon: int
    drain: int
    system: Block | None = None

    @property
    def end(self) -> int:
        """When the replication ends."""
        return self.horizon + self.drain
