"""Mechanisms of calls: the marks that they leave, forms that do nothing, and draws that they do not shift.

That they are paid for, deterministic and told is held with all others in test_conformance_shelves.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from simulator.played import Played, play

from agentchaos.trace import Row

WORLD = """
name: conformance
horizon: 20min
drain: 10min
services:
  gpt: {kind: model, latency: lognormal(mean=2s, cv=0.6), error_rate: 2%}
  mini: {kind: model, latency: lognormal(mean=1s, cv=0.6), error_rate: 2%}
  crm: {kind: tool, latency: exponential(mean=0.5s), side_effects: true, error_rate: 2%}
agents:
  support:
    count: 4
    operator: 1min
    tasks: {arrive: poisson(20/min), steps: uniform(2, 6), deadline: 5min}
    step: {think: gpt, act: crm}
    protect: {PROTECT}
faults:
  - server_error: {service: gpt, at: 5min, for: 2min, probability: 60%}
  - timeout_after_commit: {service: crm, at: 10min, for: 5min, probability: 10%, after: 20s}
  - crash: {agent: support, every: exponential(mean=15min)}
"""


class Item(NamedTuple):
    """on: the mechanism at work; base: what it needs beside it, on and off; nothing: forms that do nothing.

    evidence: what its trace has that one without it lacks.
    """

    on: str
    evidence: Callable[[Played], Any]
    base: str = ""
    nothing: tuple[str, ...] = ()


def outcomes(*words: str) -> Callable[[Played], Any]:
    return lambda played: [c for c in played.calls if c.outcome in words]


def events(*kinds: str) -> Callable[[Played], Any]:
    return lambda played: [kind for kind in kinds if played.events(kind)] == list(kinds)


ITEMS = {
    "circuit_breaker": Item(
        "circuit_breaker: {on: gpt, failures: 4, open: 20s, probes: 2}",
        events("breaker_opened", "breaker_half_opened", "breaker_closed"),
        nothing=("circuit_breaker: {failures: 100000}", "circuit_breaker: {on: crm}"),
    ),
    "timeout": Item(
        "timeout: {on: gpt, after: 4s}",
        lambda played: [c for c in played.calls if (c.service, c.outcome) == ("gpt", "timeout")],
        nothing=("timeout: {on: gpt, after: 1d}",),
    ),
    "fallback": Item(
        "fallback: {on: gpt, to: mini}",
        events("fell_back"),
        nothing=("fallback: {on: gpt, to: mini, when: rate_limited}",),
    ),
    "bulkhead": Item(
        "bulkhead: {on: gpt, calls: 1, queue: 1}",
        outcomes("rejected"),
    ),
    "retry": Item(
        "retry: {attempts: 4}",
        lambda played: [c for c in played.calls if c.attempt == 4],
        nothing=("retry: {attempts: 1}",),
    ),
    "hedging": Item(
        "hedging: {on: gpt, after: 3s, copies: 3}",
        outcomes("spare"),
        nothing=("hedging: {on: gpt, after: 1h}",),
    ),
    "idempotency": Item(
        "idempotency: {key: task}",
        events("side_effect_deduplicated"),
        base="retry: {on: crm}",
        nothing=("idempotency: {key: attempt}",),
    ),
}


def scenario(*protect: str) -> str:
    return WORLD.replace("PROTECT", ", ".join(one for one in protect if one))


@pytest.fixture(params=sorted(ITEMS), scope="module")
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def item(name: str) -> Item:
    return ITEMS[name]


@pytest.fixture(scope="module")
def on(item: Item) -> Played:
    return play(scenario(item.base, item.on))


@pytest.fixture(scope="module")
def off(item: Item) -> Played:
    return play(scenario(item.base))


def bare(rows: list[Row]) -> list[Row]:
    """Without the keys of deeds, which may be there and protect nothing."""
    return [row[:9] if row[0].startswith("side_effect") else row for row in rows]


def test_it_leaves_its_marks_in_the_grammar(item: Item, on: Played, off: Played) -> None:
    assert item.evidence(on), "`play` has checked the grammar"
    assert not item.evidence(off)


def test_its_forms_that_do_nothing_do_nothing(item: Item, off: Played) -> None:
    for nothing in item.nothing:
        assert bare(play(scenario(item.base, nothing)).rows) == bare(off.rows), nothing


def test_it_shifts_no_draw_of_a_call_that_it_leaves_alone(on: Played, off: Played) -> None:
    def undisturbed(played: Played) -> dict[tuple[Any, ...], int]:
        return {
            (c.task, c.step, c.call, c.service): c.time - c.began - c.wait
            for c in played.calls
            if c.attempt == 1 and c.outcome == "ok" and not c.fault and c.task not in redone
        }

    redone = {e.task for p in (on, off) for e in p.events("state_restored")}
    one, other = undisturbed(on), undisturbed(off)
    both = one.keys() & other.keys()
    # a copy that answered first is a draw of its own
    same = sum(one[key] == other[key] for key in both)
    assert len(both) > 300
    assert same / len(both) > 0.75 if "spare" in {c.outcome for c in on.calls} else same == len(both)
