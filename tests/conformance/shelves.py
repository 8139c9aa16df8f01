"""What shows that a mechanism or a recovery costs what it says, and in which form it does nothing.

A class that joins a shelf gets an entry here. `fields` puts it to work in the world below, so that its
price shows; `idle` is a form of it that does nothing (none: as it is), `world` the kind of world in which
that is so.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from simulator.played import Played

from agentchaos.spec.nodes import Builder, compose, dump
from agentchaos.trace import Row


def data_of(text: str) -> Any:
    """What a text says in the language of scenarios, in which `on` is a word."""
    return Builder("it").build(compose(text, "it"))


WORLD = """
name: conformance
horizon: 20min
drain: 10min
services:
  gpt: {kind: model, latency: "lognormal(mean=2s, cv=0.6)", error_rate: 3%, tokens_in: 100, tokens_out: 10}
  gpt_mini: {kind: model, latency: 1s, error_rate: 0}
  crm: {kind: tool, latency: exponential(mean=0.5s), side_effects: true, error_rate: 5%}
  store: {kind: store, latency: 20ms, error_rate: 0}
agents:
  support:
    count: 3
    operator: 1min
    tasks: {arrive: poisson(15/min), steps: "uniform(2, 6)", deadline: 2min}
    step: {think: gpt, act: crm}
faults:
- crash: {agent: support, every: 4min}
"""
CALM = "calm"
"""Nothing fails: no faults, no errors of services."""
QUIET = "quiet"
"""Nothing fails, and there is one task at a time."""

Cost = str | Callable[[Played], float]
"""A measure, or how it is read off the trace; it must be higher with the thing than without it."""


@dataclasses.dataclass(frozen=True)
class Entry:
    """How a thing on a shelf is put to the test.

    beside: other mechanisms that stand with it and without it; faults: in place of the world's; recover: of
    the group; own: kinds of rows that only the thing writes, which its idle form may write as well.
    """

    fields: str
    cost: Cost
    idle: str = ""
    world: str = CALM
    beside: str = "{}"
    faults: str = ""
    recover: str = "cold_start"
    own: tuple[str, ...] = ()


def lowers(measure: str) -> Callable[[Played], float]:
    """A price that is paid by less of something good."""
    return lambda played: -float(played.value(measure))


def total(kind: str) -> Callable[[Played], float]:
    """The rows of a kind."""
    return lambda played: float(sum(row[0] == kind for row in played.rows))


def unit_seconds(played: Played) -> float:
    """The seconds of all units, standbys included."""
    return sum(group.count + group.standbys for group in played.plan.setting.groups)


def _keys(played: Played) -> float:
    """The keys that services must remember."""
    return sum((e.detail or {}).get("key") is not None for e in played.events("side_effect_committed"))


def _last_back(played: Played) -> float:
    """When the last unit that was taken away is back."""
    return max(e.time for e in played.events("unit_up"))


CORRUPT = "[{state_corruption: {agent: support, parts: [plan, context], every: 3min}}]"
UPDATE = "[{rolling_update: {agent: support, at: 5min, batch: 3, grace: 30s}}]"

VOTES = ("vote_cast", "vote_decided")
CHECKS = ("verified",)
LOOKS = ("guarded",)

MECHANISMS: dict[str, Entry] = {
    "bulkhead": Entry("{on: crm, calls: 1}", "rejected{service=crm}", world=QUIET),
    "checkpointing": Entry(
        "{every: 2 steps, store: store}", "checkpoint_pause", "{every: 10000000 steps, store: store}", ""
    ),
    "circuit_breaker": Entry(
        "{on: crm, failures: 1, open: 60s}",
        "rejected{service=crm}",
        "{on: crm, failures: 1000, open: 60s}",
        "",
    ),
    "disruption_budget": Entry("{min_available: 2}", _last_back, faults=UPDATE),
    "escalation": Entry("{when: [failed_call], delay: 10s, available: 1}", "human_time"),
    "fallback": Entry("{on: gpt, to: gpt_mini}", "degraded"),
    "guardrail": Entry(
        "{takes: 200ms, refuses: 2%}",
        "guardrail_time",
        "{catches: 0, detects: 0, refuses: 0, takes: 0s}",
        "",
        own=LOOKS,
    ),
    "heartbeat": Entry("{every: 5s}", "messages{kind=heartbeat}"),
    "hedging": Entry("{on: gpt, after: 3s}", "tokens", "{on: gpt, after: 1h}", ""),
    "idempotency": Entry("{key: task}", _keys, own=("key",)),
    "quarantine": Entry("{odd: 1, noise: 20%}", "needless_quarantines", "{odd: 10, shows: 1%, noise: 0}", ""),
    "quorum": Entry("{voters: 3, agree: 2}", "tokens", "{voters: 1, agree: 1}", "", own=VOTES),
    "readiness": Entry("{delay: 30s}", lowers("availability"), "{delay: 0s}", ""),
    "reconciler": Entry("{every: 30s}", total("unit_up"), recover="none"),
    "redundancy": Entry("{standbys: 2}", unit_seconds),
    "retry": Entry("{on: crm, attempts: 3}", "attempts{service=crm}", "{on: crm, attempts: 1}", ""),
    "rollback": Entry(
        "{takes: 2s}", "rolled_back", beside="{checkpointing: {every: 2 steps}}", faults=CORRUPT
    ),
    "self_healing": Entry("{odd: 1, noise: 20%}", "needless_actions", "{odd: 10, shows: 1%, noise: 0}", ""),
    "timeout": Entry("{on: crm, after: 1s}", lowers("call_success{service=crm}"), "{on: crm, after: 1h}", ""),
    "verification": Entry(
        "{catches: 80%, takes: 2s}",
        "verification_time",
        "{catches: 0, refuses: 0, takes: 0s}",
        "",
        own=CHECKS,
    ),
    "watchdog": Entry("{after: 5s}", "false_alarms{by=progress}", "{after: 1h}"),
}
RECOVERIES: dict[str, Entry] = {
    "cold_start": Entry("{}", "unit_down_time"),
    "warm_start": Entry("{}", unit_seconds),
    "hot_start": Entry("{}", unit_seconds, own=("shadow_called",)),
    "checkpoint_recovery": Entry("{}", "unit_down_time", beside="{checkpointing: {every: 2 steps}}"),
    "state_reconstruction": Entry("{}", "log_pause", "{append: 0s}", own=("log_appended",)),
    "none": Entry("{}", lowers("unit_availability")),
}


def scenario(
    *, kind: str = "", faults: str = "", protect: dict[str, Any] | None = None, recover: Any = "cold_start"
) -> str:
    """The world with these mechanisms and that recovery; kind: `CALM` or `QUIET`."""
    world = data_of(WORLD)
    group = world["agents"]["support"]
    group["protect"], group["recover"] = protect or {}, recover
    if faults:
        world["faults"] = data_of(faults)
    if kind:
        del world["faults"]
        for service in world["services"].values():
            service["error_rate"] = 0
    if kind == QUIET:
        group["tasks"] |= {"arrive": None, "schedule": ["0s", "5min", "10min"]}
    return dump(world)


def without(rows: list[Row], own: tuple[str, ...]) -> list[Any]:
    """The rows without those kinds, and without the keys of details that are named."""
    kept = []
    for row in rows:
        if row[0] in own:
            continue
        detail = row[9] if len(row) == 10 else None
        if isinstance(detail, dict) and detail.keys() & set(own):
            row = (*row[:9], {key: value for key, value in detail.items() if key not in own})
        kept.append(tuple(row))
    return kept
