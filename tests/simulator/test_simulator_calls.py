"""What a group does about its calls, computed by hand: breaker, timeout, fallback, bulkhead and more."""

from __future__ import annotations

import pytest
from simulator.played import Played, play

from agentchaos.mechanisms.circuit_breaker import CircuitBreaker
from agentchaos.simulator.breaker import Breaker
from agentchaos.trace import NS, Row


def run(services: str, group: str, faults: str = "", horizon: str = "300s") -> Played:
    return worlds(services, f"a: {group}", faults, horizon)


def worlds(services: str, agents: str, faults: str = "", horizon: str = "300s") -> Played:
    return play(
        f"name: by hand\npreset: ideal\nhorizon: {horizon}\ndrain: 100s\n"
        f"services: {services}\nagents: {{{agents}}}\nfaults: [{faults}]\n"
    )


def told(played: Played) -> list[tuple[str, float]]:
    return [(c.outcome, c.time / NS) for c in played.calls]


def turns(played: Played) -> list[tuple[str, float]]:
    kinds = ("breaker_opened", "breaker_half_opened", "breaker_closed")
    return [(e.kind.removeprefix("breaker_"), e.time / NS) for e in played.events(*kinds)]


# -- circuit breaker: the state machine ----------------------------------------------------------


def machine(**fields: object) -> tuple[Breaker, list[str]]:
    heard: list[str] = []
    return Breaker(CircuitBreaker.model_validate({"open": "10s", **fields}), heard.append), heard


def one(breaker: Breaker, failed: bool | None, now: int = 0) -> bool:
    """A call at once: whether it was let in."""
    ticket = breaker.admit(now)
    if ticket is None:
        return False
    breaker.settle(ticket, failed, now)
    return True


def test_it_opens_at_so_many_failures_in_a_row() -> None:
    breaker, heard = machine(failures=3)
    for failed in (True, True, False, True, True):
        assert one(breaker, failed)
    assert heard == []
    assert one(breaker, True)
    assert heard == ["opened"]
    assert not one(breaker, False)


def test_it_opens_at_a_share_of_the_last_calls_and_not_before_there_are_enough() -> None:
    breaker, heard = machine(rate="50%", window=4, min_calls=4)
    for failed in (True, True, True):
        one(breaker, failed)
    assert heard == [], "three calls decide nothing"
    one(breaker, False)
    assert heard == ["opened"], "three of four"
    breaker, heard = machine(rate="50%", window=4, min_calls=4)
    for failed in (True, False, False, False, True, False, False, False, True):
        one(breaker, failed)
    assert heard == [], "the window slides: never more than one of four"
    one(breaker, True)
    assert heard == ["opened"]


def test_probes_go_one_after_another_and_all_must_go_well() -> None:
    breaker, heard = machine(failures=1, probes=2)
    one(breaker, True)
    assert not one(breaker, False, 10 * NS - 1)
    first = breaker.admit(10 * NS)
    assert first is not None
    assert heard == ["opened", "half_opened"]
    assert breaker.admit(10 * NS) is None, "a probe is on its way"
    breaker.settle(first, False, 11 * NS)
    assert breaker.state == "half_opened", "one of two"
    assert one(breaker, False, 11 * NS)
    assert heard == ["opened", "half_opened", "closed"]
    assert one(breaker, False, 11 * NS)


def test_a_probe_that_fails_opens_it_for_as_long_again() -> None:
    breaker, heard = machine(failures=1, probes=2)
    one(breaker, True)
    assert one(breaker, False, 10 * NS)
    assert one(breaker, True, 12 * NS)
    assert heard == ["opened", "half_opened", "opened"]
    assert not one(breaker, False, 22 * NS - 1)
    assert one(breaker, False, 22 * NS)
    assert breaker.state == "half_opened", "what went well before it failed is forgotten"


def test_a_probe_of_which_nobody_knows_makes_room_for_the_next() -> None:
    breaker, heard = machine(failures=1)
    one(breaker, True)
    assert one(breaker, None, 10 * NS)
    assert heard == ["opened", "half_opened"]
    assert one(breaker, False, 10 * NS)
    assert heard[-1] == "closed"


def test_answers_from_before_the_last_turn_say_nothing() -> None:
    breaker, heard = machine(failures=1)
    early = breaker.admit(0)
    late = breaker.admit(0)
    assert early is not None
    assert late is not None
    breaker.settle(early, True, NS)
    breaker.settle(late, True, 9 * NS)
    assert heard == ["opened"]
    assert one(breaker, False, 11 * NS), "open from the first failure on, not from the second"


@pytest.mark.parametrize(
    ("outcome", "took", "failed"),
    [
        ("ok", 1, False), ("corrupt", 1, False), ("ok", 3, True), ("error", 1, True), ("timeout", 1, True),
        ("refused", 0, True), ("rate_limited", 0, True), ("rejected", 0, None), ("interrupted", 9, None),
    ],
)  # fmt: skip
def test_what_counts_as_failed(outcome: str, took: int, failed: bool | None) -> None:
    breaker, _ = machine(slow="2s")
    assert breaker.fails(outcome, took * NS) is failed
    assert machine()[0].fails("ok", 3600 * NS) is False


# -- circuit breaker: in a world -----------------------------------------------------------------

ALONE = "{{tasks: {{loop: endless, steps: 1}}, step: {{work: 1s, act: t}}, protect: {{{}}}}}"


def test_a_breaker_keeps_calls_from_a_service_that_is_down_and_tries_again() -> None:
    # a call each second; the service errs from 10 to 40
    played = run(
        "{t: {}}",
        ALONE.format("circuit_breaker: {failures: 3, open: 12s}"),
        "{server_error: {service: t, at: 9.5s, for: 30s}}",
        horizon="60s",
    )
    assert turns(played) == [
        ("opened", 12), ("half_opened", 24), ("opened", 24), ("half_opened", 36), ("opened", 36),
        ("half_opened", 48), ("closed", 48),
    ]  # fmt: skip
    rejected = [c.time / NS for c in played.calls if c.outcome == "rejected"]
    assert rejected == [*range(13, 24), *range(25, 36), *range(37, 48)]
    assert all(c.began == c.time and c.wait == 0 for c in played.calls if c.outcome == "rejected")
    assert played.value("breaker_open{service=t}") == 36 / 60
    assert played.data["breaker_trips{service=t}"].count == 1  # type: ignore[union-attr]
    assert played.value("rejected{service=t}") == 33 / 60
    assert played.value("call_success{service=t}") == (9 + 13) / 60
    assert played.value("attempts{service=t}") == 27 / 60, "what is rejected never came to the service"
    assert {e.member for e in played.events("breaker_opened")} == {-1}


def test_a_call_that_the_breaker_rejects_is_not_made_again() -> None:
    retry = "retry: {attempts: 9, backoff: 1s, jitter: none, factor: 1}"
    played = run(
        "{t: {}}",
        f"{{tasks: {{schedule: [0s, 10s], steps: 1}}, step: {{act: t}},"
        f" protect: {{{retry}, circuit_breaker: {{failures: 3, open: 60s}}}}}}",
        "{server_error: {service: t, at: 0s, for: 100s}}",
    )
    assert told(played) == [("error", 0), ("error", 1), ("error", 2), ("rejected", 10)]
    assert played.at("task_ended") == [2, 10], "it fails fast"


def test_slow_calls_count_as_failed() -> None:
    schedule = "{tasks: {schedule: [0s, 10s, 20s], steps: 1}, step: {act: t}, protect: {circuit_breaker: {}}}"
    for slow, last in (("4s", "rejected"), ("5s", "ok")):
        group = schedule.replace(
            "{circuit_breaker: {}}", f"{{circuit_breaker: {{failures: 2, slow: {slow}}}}}"
        )
        assert told(run("{t: {latency: 5s}}", group))[-1][0] == last


def test_each_member_may_have_its_own() -> None:
    group = (
        "{{count: 2, tasks: {{schedule: [0s, 0s, 10s, 10s], steps: 1}}, step: {{act: t}},"
        " protect: {{circuit_breaker: {{failures: 2, per: {}}}}}}}"
    )
    fault = "{server_error: {service: t, at: 0s, for: 5s}}"
    assert told(run("{t: {}}", group.format("group"), fault))[2:] == [("rejected", 10)] * 2
    own = run("{t: {}}", group.format("member"), fault)
    assert told(own)[2:] == [("ok", 10)] * 2, "one failure each"
    assert own.value("breaker_open{service=t}") == 0


def test_a_probe_whose_caller_dies_does_not_shut_the_breaker_for_good() -> None:
    played = run(
        "{t: {latency: 5s}}",
        "{count: 2, tasks: {schedule: [0s, 15s, 16s, 40s], steps: 1}, step: {act: t}, operator: 100s,"
        " protect: {circuit_breaker: {failures: 1, open: 10s}}}",
        "{server_error: {service: t, at: 0s, for: 4s}}, {crash: {agent: a, at: 17s}}",
    )
    # the probe of 15 is cut at 17; the one at 40 is the next
    assert turns(played)[:2] == [("opened", 5), ("half_opened", 15)]
    assert turns(played)[-1][0] == "closed"


# -- timeout -------------------------------------------------------------------------------------


def test_a_timeout_needs_no_retry_and_does_what_that_of_a_retry_does() -> None:
    def group(protect: str) -> str:
        work = "tasks: {schedule: [0s, 1s, 3.5s], steps: 1}, step: {act: t}"
        return f"{{count: 3, {work}, protect: {protect}}}"

    service = "{t: {capacity: 1, latency: 5s}}"
    alone = run(service, group("{timeout: {on: t, after: 3s}}"))
    assert [(c.outcome, c.wait / NS, c.time / NS) for c in alone.calls] == [
        ("timeout", 0, 3), ("timeout", 3, 4), ("timeout", 1.5, 6.5),
    ]  # fmt: skip
    assert alone.rows == run(service, group("{retry: {attempts: 1, timeout: 3s}}")).rows
    assert [c.outcome for c in run(service, group("{timeout: {after: 10min}}")).calls] == ["ok"] * 3


def test_a_retry_uses_the_timeout() -> None:
    played = run(
        "{t: {latency: 5s}}",
        "{tasks: {schedule: [0s], steps: 1}, step: {act: t},"
        " protect: {timeout: {after: 3s}, retry: {attempts: 2, backoff: 1s, jitter: none}}}",
    )
    assert told(played) == [("timeout", 3), ("timeout", 7)]


# -- fallback ------------------------------------------------------------------------------------

PAIR = "{big: {kind: model, latency: 5s, tokens_in: 100, tokens_out: 10, price: {in: 2 usd/M}},"
PAIR += " mini: {kind: model, latency: 1s, tokens_in: 100, tokens_out: 10, price: {in: 1 usd/M}}}"
THINK = "{{tasks: {{schedule: [0s, 50s], steps: 2}}, step: {{think: big}}, protect: {{{}}}}}"


def test_another_service_answers_where_the_first_failed_for_good() -> None:
    played = run(
        PAIR,
        THINK.format(
            "fallback: {on: big, to: mini}, retry: {on: big, attempts: 2, backoff: 1s, jitter: none}"
        ),
        "{server_error: {service: big, at: 0s, calls: 2}}",
    )
    assert [(c.service, c.attempt, c.outcome, c.time / NS) for c in played.calls[:4]] == [
        ("big", 1, "error", 5), ("big", 2, "error", 11), ("mini", 1, "ok", 12), ("big", 1, "ok", 17),
    ]  # fmt: skip
    (event,) = played.events("fell_back")
    assert (event.time, event.subject, event.detail) == (12 * NS, "big", {"to": "mini"})
    assert (event.task, event.step, event.member, event.value) == ("a/at0", 1, 0, 1.0)
    assert played.value("degraded") == 1 / 4
    assert played.value("call_success{service=big}") == 3 / 4
    assert played.value("call_success{service=mini}") == 1
    assert played.value("cost{currency=USD}") == pytest.approx((5 * 100 * 2 + 100 * 1) / 1e6)


def test_a_step_is_right_by_the_quality_of_the_answer() -> None:
    def share(quality: float, success: float = 1.0) -> float:
        group = (
            f"{{tasks: {{loop: 400, steps: 1, success: {success}}}, step: {{think: big}},"
            f" protect: {{fallback: {{on: big, to: mini, quality: {quality}}}}}}}"
        )
        services = PAIR.replace("latency: 5s", "latency: 0s, error_rate: 1").replace("1s", "0.1s")
        return float(run(services, group).value("task_success"))

    assert share(1) == 1
    assert share(0.6) == pytest.approx(0.6, abs=0.08)
    assert share(0.6, success=0.5) == pytest.approx(0.3, abs=0.08)
    wrong = run(
        PAIR,
        THINK.format("fallback: {on: big, to: mini, quality: 1e-9}"),
        "{server_error: {service: big, at: 0s, calls: 1}}",
    )
    assert wrong.steps[0].outcome == "wrong"
    assert wrong.steps[2].outcome == "right", "the next task rests on the first service again"


def test_it_is_asked_only_where_the_first_failed_as_it_says() -> None:
    fault = (
        "{server_error: {service: big, at: 0s, calls: 1}}, {rate_limit: {service: big, at: 40s, calls: 1}}"
    )
    played = run(PAIR, THINK.format("fallback: {on: big, to: mini, when: rate_limited}"), fault)
    assert [c.service for c in played.calls] == ["big", "big", "mini", "big"]
    assert played.events("task_ended")[0].detail["outcome"] == "failed"  # type: ignore[index]


def test_the_breaker_of_the_first_sends_calls_on_at_once() -> None:
    protect = "circuit_breaker: {on: big, failures: 1, open: 200s}, fallback: {on: big, to: mini}"
    played = run(PAIR, THINK.format(protect), "{server_error: {service: big, at: 0s, calls: 1}}")
    assert [(c.service, c.outcome, c.time / NS) for c in played.calls] == [
        ("big", "error", 5), ("mini", "ok", 6), ("big", "rejected", 6), ("mini", "ok", 7),
        ("big", "rejected", 50), ("mini", "ok", 51), ("big", "rejected", 51), ("mini", "ok", 52),
    ]  # fmt: skip
    assert played.value("degraded") == 1


def test_a_chain_of_them_is_asked_in_its_order() -> None:
    three = PAIR[:-1] + ", local: {kind: model, latency: 2s}}"
    played = run(
        three,
        THINK.format("fallback: {on: big, to: [mini, local]}"),
        "{server_error: {service: big, at: 0s, calls: 1}},"
        "{server_error: {name: too, service: mini, at: 0s, calls: 1}}",
    )
    assert [(c.service, c.outcome) for c in played.calls[:3]] == [
        ("big", "error"),
        ("mini", "error"),
        ("local", "ok"),
    ]
    assert [e.detail for e in played.events("fell_back")] == [{"to": "local"}]


def test_a_call_that_fails_everywhere_has_failed() -> None:
    played = run(
        PAIR,
        THINK.format("fallback: {on: big, to: mini}"),
        "{server_error: {service: big, at: 0s, for: 60s}},"
        "{server_error: {name: too, service: mini, at: 0s, for: 60s}}",
    )
    assert [c.outcome for c in played.calls] == ["error"] * 4
    assert played.events("fell_back") == []
    assert played.data["tasks_failed"].count == 2  # type: ignore[union-attr]
    assert played.value("degraded") is None


def test_a_key_does_not_reach_over_to_the_other_service() -> None:
    # the first does the deed and says nothing; the second does it again, key or no key
    played = run(
        "{one: {latency: 2s, side_effects: true}, two: {latency: 1s, side_effects: true}}",
        "{tasks: {schedule: [0s], steps: 1}, step: {act: one}, protect: {idempotency: {key: task},"
        " fallback: {on: one, to: two}}}",
        "{timeout_after_commit: {service: one, at: 0s, calls: 1, after: 5s}}",
    )
    assert played.at("side_effect_committed") == [2, 6]
    assert played.data["doubled"].count == 1  # type: ignore[union-attr]


def test_a_late_commit_of_the_first_is_seen_though_the_second_has_done_the_deed() -> None:
    played = run(
        "{one: {latency: 10s, side_effects: true}, two: {latency: 1s, side_effects: true}}",
        "{tasks: {schedule: [0s], steps: 1}, step: {act: one},"
        " protect: {timeout: {on: one, after: 2s}, fallback: {on: one, to: two}}}",
    )
    assert played.at("task_ended") == [3]
    assert played.at("side_effect_committed") == [3, 10]
    assert played.data["doubled"].count == 1  # type: ignore[union-attr]


# -- bulkhead ------------------------------------------------------------------------------------


def test_so_many_calls_at_a_time_and_more_wait_in_the_group_s_own_line() -> None:
    played = run(
        "{t: {latency: 5s}}",
        "{count: 4, tasks: {schedule: [0s, 1s, 2s, 3s], steps: 1}, step: {act: t},"
        " protect: {bulkhead: {calls: 1, queue: 2}}}",
    )
    assert [(c.task, c.outcome, c.began / NS, c.wait / NS, c.time / NS) for c in played.calls] == [
        ("a/at3", "rejected", 3, 0, 3),
        ("a/at0", "ok", 0, 0, 5),
        ("a/at1", "ok", 1, 4, 10),
        ("a/at2", "ok", 2, 8, 15),
    ]
    assert [s.wait / NS for s in played.steps] == [0, 0, 4, 8]
    assert played.value("rejected{service=t}") == 1 / 4
    assert played.value("p_wait{service=t}") == 2 / 3


def test_the_timeout_runs_while_a_call_stands_in_the_group_s_line() -> None:
    played = run(
        "{t: {latency: 5s}}",
        "{count: 3, tasks: {schedule: [0s, 1s, 1s], steps: 1}, step: {act: t},"
        " protect: {bulkhead: {calls: 1, queue: 9}, timeout: {after: 6s}}}",
    )
    # the second enters at 5 and has two seconds left; the third never enters
    assert [(c.task, c.outcome, c.wait / NS, c.time / NS) for c in played.calls] == [
        ("a/at0", "ok", 0, 5), ("a/at1", "timeout", 4, 7), ("a/at2", "timeout", 6, 7),
    ]  # fmt: skip


def test_a_call_that_the_bulkhead_rejects_may_be_made_again() -> None:
    played = run(
        "{t: {latency: 5s}}",
        "{count: 2, tasks: {schedule: [0s, 1s], steps: 1}, step: {act: t},"
        " protect: {bulkhead: {calls: 1}, retry: {attempts: 3, backoff: 3s, factor: 1, jitter: none}}}",
    )
    assert told(played) == [("rejected", 1), ("rejected", 4), ("ok", 5), ("ok", 12)]


def test_one_that_dies_in_the_group_s_line_leaves_it() -> None:
    played = run(
        "{t: {latency: 5s}}",
        "{count: 3, tasks: {schedule: [0s, 1s, 2s], steps: 1}, step: {act: t}, operator: 100s,"
        " protect: {bulkhead: {calls: 1, queue: 5}}}",
        "{crash: {agent: a, at: 3s}}",
    )
    assert [(c.outcome, c.wait / NS, c.time / NS) for c in played.calls[:3]] == [
        ("interrupted", 0, 3), ("interrupted", 2, 3), ("interrupted", 1, 3),
    ]  # fmt: skip
    assert [c.time / NS for c in played.calls[3:]] == [108, 113, 118], "the places are free again"


def test_a_group_behind_a_bulkhead_cannot_starve_another() -> None:
    greedy = "greedy: {{count: 20, tasks: {{loop: endless, steps: 1}}, step: {{act: t}}{}}}"
    modest = "modest: {tasks: {loop: endless, steps: 1}, step: {work: 1s, act: t}}"
    service = "{t: {capacity: 4, latency: 1s}}"

    def wait(protect: str) -> float:
        played = worlds(service, greedy.format(protect) + ", " + modest, horizon="100s")
        waits = [c.wait for c in played.calls if c.agent == "modest"]
        return sum(waits) / len(waits) / NS

    assert wait("") > 3, "twenty others stand before it"
    assert wait(", protect: {bulkhead: {calls: 3, queue: 20}}") == 0


# -- the budget of retries -----------------------------------------------------------------------


def test_a_budget_lets_so_many_retries_through_and_no_more() -> None:
    played = run(
        "{t: {error_rate: 1}}",
        ALONE.format("retry: {attempts: 2, backoff: 0s, budget: 25%, reserve: 1}"),
        horizon="12s",
    )
    # the bucket holds one retry, which the first call takes; four calls pay the next
    assert [c.time / NS for c in played.calls if c.attempt == 2] == [1, 5, 9, 13]
    assert played.value("attempts{service=t}") == 15 / 12


def test_a_budget_that_is_never_used_up_changes_nothing() -> None:
    def rows(more: str) -> list[Row]:
        return run("{t: {error_rate: 0.2, latency: 1s}}", ALONE.format(f"retry: {{backoff: 1s{more}}}")).rows

    assert rows(", budget: 100%, reserve: 100000") == rows("")


# -- hedging -------------------------------------------------------------------------------------

HEDGED = "{{tasks: {{loop: 50, steps: 1}}, step: {{think: m}}, protect: {{hedging: {}}}}}"
MODEL = "{m: {kind: model, latency: LATENCY, tokens_in: 100, tokens_out: 10}}"


def test_the_first_answer_counts_and_all_are_paid() -> None:
    service = MODEL.replace("LATENCY", "uniform(1s, 9s)")
    played = run(service, HEDGED.format("{after: 0s, copies: 3}"), horizon="1000s")
    plain = run(
        service, HEDGED.replace("protect", "state").format("x").replace("{hedging: x}", "{}"), horizon="1000s"
    )
    by_task: dict[str, list[str]] = {}
    for call in played.calls:
        by_task.setdefault(call.task, []).append(call.outcome)
    assert list(by_task.values()) == [["ok", "spare", "spare"]] * 50
    assert all(c.tokens_in == 100 for c in played.calls), "they are served to the end"
    first = {c.task: c.time - c.began for c in plain.calls}
    hedged = {c.task: c.time - c.began for c in played.calls if c.outcome == "ok"}
    assert all(hedged[task] <= first[task] for task in first), "the first copy has the draws of the call"
    assert any(hedged[task] < first[task] for task in first)
    assert played.value("attempts{service=m}") == 3
    assert played.value("call_success{service=m}") == 1
    assert played.value("tokens") == 3 * plain.value("tokens")


def test_a_copy_goes_out_only_after_a_time_without_an_answer() -> None:
    played = run(MODEL.replace("LATENCY", "5s"), HEDGED.format("{after: 3s}").replace("loop: 50", "loop: 1"))
    assert [(c.outcome, c.began / NS, c.time / NS) for c in played.calls] == [("ok", 0, 5), ("spare", 3, 5)]
    alone = run(MODEL.replace("LATENCY", "2s"), HEDGED.format("{after: 3s}"))
    assert [c.outcome for c in alone.calls] == ["ok"] * 50
    assert alone.rows == run(MODEL.replace("LATENCY", "2s"), HEDGED.format("{after: 99s}")).rows


def test_a_copy_that_fails_is_not_the_end_of_it_while_another_is_on_its_way() -> None:
    group = HEDGED.format("{after: 1s}").replace("loop: 50", "schedule: [0s]")
    played = run(MODEL.replace("LATENCY", "5s"), group, "{server_error: {service: m, at: 0s, calls: 1}}")
    assert told(played) == [("spare", 5), ("ok", 6)]
    assert played.value("attempts{service=m}") == 2
    assert played.value("call_success{service=m}") == 1
    both = run(MODEL.replace("LATENCY", "5s"), group, "{server_error: {service: m, at: 0s, calls: 2}}")
    assert told(both) == [("spare", 5), ("error", 6)]
    assert both.value("call_success{service=m}") == 0
    early = run(MODEL.replace("LATENCY", "0.5s"), group, "{server_error: {service: m, at: 0s, calls: 1}}")
    assert told(early) == [("error", 0.5)], "it failed before a copy went out; that is for a retry"


def test_copies_that_stand_in_line_leave_it() -> None:
    service = MODEL.replace("LATENCY", "5s, capacity: 1")
    played = run(service, HEDGED.format("{after: 1s}").replace("loop: 50", "loop: 2"))
    assert [(c.outcome, c.time / NS, c.tokens_in) for c in played.calls] == [
        ("ok", 5, 100), ("spare", 5, 0), ("ok", 10, 100), ("spare", 10, 0),
    ]  # fmt: skip


def test_a_caller_that_dies_lets_go_of_all_copies() -> None:
    group = HEDGED.format("{after: 1s}")[:-1].replace("loop: 50", "loop: 1") + ", operator: 10s}"
    played = run(MODEL.replace("LATENCY", "5s"), group, "{crash: {agent: a, at: 3s}}")
    assert told(played) == [("spare", 3), ("interrupted", 3), ("ok", 18), ("spare", 18)]
    assert played.value("call_success{service=m}") == 1 / 2


def test_keys_make_copies_of_a_deed_one_deed() -> None:
    played = run(
        "{t: {latency: 2s, side_effects: true}}",
        "{tasks: {schedule: [0s], steps: 3}, step: {act: t},"
        " protect: {hedging: {after: 1s}, idempotency: {}}}",
    )
    assert played.at("side_effect_committed") == [2, 4, 6]
    assert played.at("side_effect_deduplicated") == [3, 5, 7]
    counts = {name: played.data[name].count for name in ("side_effects", "doubled", "orphan")}  # type: ignore[union-attr]
    assert counts == {"side_effects": 3, "doubled": 0, "orphan": 0}


# -- all of them ---------------------------------------------------------------------------------

ALL = (
    "circuit_breaker: {on: m, failures: 4, open: 5s, probes: 2}, timeout: {on: m, after: 6s},"
    " fallback: {on: m, to: mini}, bulkhead: {calls: 3, queue: 1}, hedging: {on: m, after: 2s},"
    " retry: {attempts: 3, backoff: 0.5s, budget: 20%}"
)
WILD = (
    "{m: {kind: model, latency: exponential(mean=2s), capacity: 4, queue: 3, error_rate: 0.2},"
    " mini: {kind: model, latency: exponential(mean=1s), error_rate: 0.1}}"
)


def test_all_at_once_keep_the_grammar_and_are_deterministic() -> None:
    group = (
        "{count: 6, tasks: {loop: endless, steps: 3}, step: {think: m}, operator: 20s,"
        f" protect: {{heartbeat: {{every: 2s}}, {ALL}}}}}"
    )
    faults = (
        "{crash: {agent: a, every: exponential(mean=60s)}}, {server_error: {service: m, at: 50s, for: 50s}}"
    )
    played = run(WILD, group, faults, horizon="600s")
    seen = {c.outcome for c in played.calls}
    assert seen >= {"ok", "error", "timeout", "rejected", "spare", "interrupted"}
    assert played.rows == run(WILD, group, faults, horizon="600s").rows
    assert {e.kind for e in played.events("breaker_opened", "breaker_closed", "fell_back")} == {
        "breaker_opened", "breaker_closed", "fell_back",
    }  # fmt: skip


def test_the_voters_of_a_member_share_its_breakers_and_fall_back() -> None:
    group = (
        "{count: 3, tasks: {loop: endless, steps: 3}, step: {think: m}, operator: 20s, protect:"
        " {quorum: {voters: 3, agree: 2}, circuit_breaker: {on: m, failures: 3, open: 5s, per: member},"
        " fallback: {on: m, to: mini}, timeout: {on: m, after: 6s}}}"
    )
    faults = "{server_error: {service: m, at: 50s, for: 50s}}, {crash: {agent: a, every: 80s}}"
    played = run(WILD, group, faults, horizon="300s")
    assert {e.member for e in played.events("breaker_opened")} == {0, 1, 2}, "the grammar was checked"
    assert played.events("breaker_closed")
    degraded = played.value("degraded")
    assert 0 < degraded < 1


def test_what_is_there_and_never_needed_changes_nothing() -> None:
    calm = "{m: {kind: model, latency: exponential(mean=2s)}, mini: {kind: model}}"
    group = (
        "{{count: 4, tasks: {{loop: endless, steps: 3, success: 0.5}}, step: {{think: m}}, protect: {{{}}}}}"
    )
    idle = (
        "circuit_breaker: {on: m}, timeout: {on: m, after: 1h}, fallback: {on: m, to: mini, quality: 0.1},"
        " hedging: {on: m, after: 30min}"
    )
    assert run(calm, group.format(idle)).rows == run(calm, group.format("")).rows
