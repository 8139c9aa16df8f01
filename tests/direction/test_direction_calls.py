"""Each mechanism of calls moves its measure the right way in its own scenario, and none in all of them."""

from __future__ import annotations

import pytest
from direction.paired import difference, ours, replications, values

pytestmark = pytest.mark.slow

HELPS = [
    ("circuit_breaker", "deadline_hits", +1),
    ("circuit_breaker", "task_time", -1),
    ("timeout", "deadline_hits", +1),
    ("timeout", "task_success", +1),
    ("fallback", "task_success", +1),
    ("fallback", "tasks_failed", -1),
    ("bulkhead", "deadline_hits", +1),
    ("retry", "task_success", +1),
    ("idempotency", "doubled", -1),
    ("hedging", "deadline_hits", +1),
    ("hedging", "task_time.p95", -1),
]
COSTS = [
    ("circuit_breaker", "call_success{service=search}", -1),  # of its own calls fewer go well: it makes fewer
    ("fallback", "tokens", +1),
    ("bulkhead", "tasks_done", -1),  # of the batch, nearly all
    ("retry", "attempts{service=crm}", +1),
    ("retry", "backoff{service=crm}", +1),
    ("hedging", "attempts{service=gpt}", +1),
    ("hedging", "tokens", +1),
]


def moves(first: str, second: str, measure: str) -> int:
    """+1 where the measure is higher in the first world, -1 where it is lower, 0 where one cannot tell."""
    found = difference(first, second, measure)
    return found.rises - found.falls


@pytest.mark.parametrize(("name", "measure", "sign"), [*HELPS, *COSTS])
def test_on_against_off(name: str, measure: str, sign: int) -> None:
    on, off = ours(f"mechanisms/{name}"), ours(f"mechanisms/{name}_off")
    assert moves(on, off, measure) == sign


@pytest.mark.parametrize(
    ("name", "measure"),
    [
        ("circuit_breaker", "rejected{service=search}"),
        ("circuit_breaker", "breaker_open{service=search}"),
        ("circuit_breaker", "breaker_trips{service=search}"),
        ("circuit_breaker", "degraded"),
        ("fallback", "degraded"),
        ("bulkhead", "wait{service=crm}"),
    ],
)
def test_what_it_costs_is_a_measure(name: str, measure: str) -> None:
    assert min(values(ours(f"mechanisms/{name}"), measure)) > 0


# -- where they do not help, or hurt --------------------------------------------------------------


def world(services: str, protect: str, more: str = "", tasks: str = "arrive: poisson(1/s), steps: 1") -> str:
    return f"""name: direction
preset: ideal
horizon: 10min
drain: 5min
services: {services}
agents:
  a:
    count: 60
    tasks: {{{tasks}}}
    step: {{act: t}}
    protect: {{{protect}}}
{more}"""


def test_a_breaker_on_a_healthy_service_rejects_good_calls() -> None:
    service = "{t: {latency: exponential(mean=0.5s), error_rate: 3%}}"
    nervous = world(service, "circuit_breaker: {rate: 10%, window: 20, min_calls: 20, open: 60s}")
    plain = world(service, "")
    assert difference(nervous, plain, "task_success").falls
    assert min(values(nervous, "breaker_trips{service=t}")) > 0
    patient = world(service, "circuit_breaker: {rate: 50%, window: 100, min_calls: 100, open: 60s}")
    assert replications(patient, 12)[0]["task_success"] == replications(plain, 12)[0]["task_success"]


# two calls a second for one that takes half a second each: at the edge; for two minutes it is twice as slow
EDGE = "{t: {latency: 0.5s, capacity: 1, queue: 40}}"
BUSY = "arrive: poisson(1.7/s), steps: 1"
SLOW = "faults: [{latency: {service: t, at: 2min, for: 1min, factor: 3}}]"
RETRY = "retry: {attempts: 5, backoff: 0.2s, factor: 1, timeout: 3s, BUDGET}"


def test_retries_that_feed_an_overload_lower_what_is_done_and_a_budget_holds_them() -> None:
    none = world(EDGE, "timeout: {after: 3s}", SLOW, BUSY)
    free = world(EDGE, RETRY.replace(", BUDGET", ""), SLOW, BUSY)
    held = world(EDGE, RETRY.replace("BUDGET", "budget: 10%"), SLOW, BUSY)
    assert difference(free, none, "task_success").falls
    assert difference(held, free, "task_success").rises
    assert difference(held, free, "attempts{service=t}").falls


def test_retries_that_feed_an_overload_are_stopped_by_a_breaker() -> None:
    free = world(EDGE, RETRY.replace(", BUDGET", ""), SLOW, BUSY)
    broken = RETRY.replace("BUDGET", "") + ", circuit_breaker: {failures: 20, open: 20s, probes: 2}"
    assert difference(world(EDGE, broken.replace(", }", "}"), SLOW, BUSY), free, "task_success").rises


def test_a_timeout_that_is_too_short_throws_good_answers_away() -> None:
    service = "{t: {latency: exponential(mean=0.5s)}}"
    assert difference(world(service, "timeout: {after: 1s}"), world(service, ""), "task_success").falls


def test_copies_make_the_line_of_a_saturated_service_longer() -> None:
    tasks = "arrive: poisson(1.7/s), steps: 1"
    service = "{t: {latency: exponential(mean=1s), capacity: 2}}"
    hedged = world(service, "hedging: {after: 0.5s}", tasks=tasks)
    assert difference(hedged, world(service, "", tasks=tasks), "task_time").rises
    roomy = service.replace("capacity: 2", "capacity: 40")
    helped = difference(
        world(roomy, "hedging: {after: 0.5s}", tasks=tasks), world(roomy, "", tasks=tasks), "task_time"
    )
    assert helped.falls, "where there is room it helps"


def test_a_bulkhead_that_is_too_small_holds_up_its_own_group_before_an_idle_service() -> None:
    service = "{t: {latency: exponential(mean=0.5s), capacity: 20}}"
    tight = world(service, "bulkhead: {calls: 1, queue: 2}")
    assert difference(tight, world(service, ""), "task_success").falls
    assert min(values(tight, "rejected{service=t}")) > 0


def test_a_fallback_that_is_never_needed_is_idle() -> None:
    services = "{t: {latency: exponential(mean=0.5s)}, u: {latency: 1s}}"
    idle = replications(world(services, "fallback: {on: t, to: u}"), 4)
    plain = replications(world(services, ""), 4)
    for one, other in zip(idle, plain, strict=True):
        assert {name: datum for name, datum in one.items() if name != "degraded"} == other
        assert one["degraded"].value == 0  # type: ignore[union-attr]


def test_a_key_that_is_new_at_each_attempt_forbids_nothing() -> None:
    service = "{t: {latency: 0.5s, side_effects: true}}"
    fault = "faults: [{timeout_after_commit: {service: t, at: 1min, for: 8min, probability: 10%}}]"
    retry = "retry: {attempts: 3, timeout: 5s}"
    attempt = world(service, retry + ", idempotency: {key: attempt}", fault)
    assert difference(attempt, world(service, retry, fault), "doubled") == (0, 0, 0)
    assert min(values(attempt, "doubled")) > 0
    assert difference(world(service, retry + ", idempotency: {}", fault), attempt, "doubled").falls
