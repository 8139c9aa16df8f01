"""Calls, queues, limits, disturbances and the ledger of deeds, computed by hand."""

from __future__ import annotations

from simulator.played import Played, play

from agentchaos.trace import NS


def run(services: str, group: str, faults: str = "", horizon: str = "300s") -> Played:
    return play(
        f"name: by hand\npreset: ideal\nhorizon: {horizon}\ndrain: 100s\n"
        f"services: {services}\nagents: {{a: {group}}}\nfaults: [{faults}]\n"
    )


def counts(played: Played) -> dict[str, int]:
    names = ("side_effects", "doubled", "missing", "orphan")
    return {name: played.data[name].count for name in names}  # type: ignore[union-attr]


# -- queues and limits --------------------------------------------------------------------------


def test_one_line_in_the_order_of_arrival() -> None:
    played = run(
        "{t: {capacity: 1, latency: 5s}}",
        "{count: 3, tasks: {schedule: [0s, 1s, 2s], steps: 1}, step: {act: t}}",
    )
    assert [(c.task, c.wait / NS, c.time / NS) for c in played.calls] == [
        ("a/at0", 0, 5),
        ("a/at1", 4, 10),
        ("a/at2", 8, 15),
    ]
    assert played.value("p_wait{service=t}") == 2 / 3


def test_a_full_queue_refuses() -> None:
    played = run(
        "{t: {capacity: 1, queue: 1, latency: 5s}}",
        "{count: 3, tasks: {schedule: [0s, 1s, 2s], steps: 1}, step: {act: t}}",
    )
    assert [(c.outcome, c.time / NS, c.wait / NS) for c in played.calls] == [
        ("refused", 2, 0),
        ("ok", 5, 0),
        ("ok", 10, 4),
    ]
    assert played.data["tasks_failed"].count == 1  # type: ignore[union-attr]


def test_one_that_gives_up_leaves_the_line_and_what_is_served_goes_on_to_its_end() -> None:
    played = run(
        "{t: {capacity: 1, latency: 5s}}",
        "{count: 3, tasks: {schedule: [0s, 1s, 3.5s], steps: 1}, step: {act: t},"
        " protect: {retry: {attempts: 1, timeout: 3s}}}",
    )
    assert [(c.task, c.outcome, c.wait / NS, c.time / NS) for c in played.calls] == [
        ("a/at0", "timeout", 0, 3),  # served till 5 nevertheless
        ("a/at1", "timeout", 3, 4),  # never served
        ("a/at2", "timeout", 1.5, 6.5),  # served from 5
    ]


def test_a_caller_that_crashes_in_line_leaves_it() -> None:
    played = run(
        "{t: {capacity: 1, latency: 5s, side_effects: true}}",
        "{count: 2, tasks: {schedule: [0s, 1s], steps: 1}, step: {act: t}, operator: 100s}",
        "{crash: {agent: a, at: 2s}}",
    )
    assert [(c.outcome, c.wait / NS) for c in played.calls[:2]] == [("interrupted", 0), ("interrupted", 1)]
    # what was being served is done at 5 though its caller is dead; what stood in line is not
    assert next((e.task, e.time / NS) for e in played.events("side_effect_committed")) == ("a/at0", 5)
    assert played.at("side_effect_committed", task="a/at1") == [112]


def test_a_token_bucket_admits_a_burst_and_then_its_rate() -> None:
    group = "{count: 5, tasks: {burst: [{at: 10s, tasks: 5}], steps: 1}, step: {act: t}}"
    played = run("{t: {rate_limit: 1/s, burst: 2}}", group)
    assert [c.outcome for c in played.calls] == ["ok", "ok", *["rate_limited"] * 3]
    retried = group[:-1] + ", protect: {retry: {attempts: 9, backoff: 0s, jitter: none}}}"
    played = run("{t: {rate_limit: 1/s, burst: 2}}", retried)
    assert [c.time / NS for c in played.calls if c.outcome == "ok"] == [10, 10, 11, 12, 13]


def test_a_retry_after_longer_than_the_pause_is_honoured() -> None:
    group = (
        "{{tasks: {{schedule: [0s], steps: 1}}, step: {{act: t}}, protect: {{retry:"
        " {{attempts: 3, backoff: {}, factor: 2, jitter: none}}}}}}"
    )
    fault = "{rate_limit: {service: t, at: 0s, calls: 2, retry_after: 7s}}"
    assert [c.time / NS for c in run("{t: {}}", group.format("2s"), fault).calls] == [0, 7, 14]
    played = run("{t: {}}", group.format("9s"), fault)
    assert [c.time / NS for c in played.calls] == [0, 9, 27]
    assert played.steps[0].wait == 27 * NS, "backing off is waiting"


# -- timeouts and deeds -------------------------------------------------------------------------

DEED = "{t: {latency: 2s, side_effects: true}}"


def ledger(fault: str, protect: str) -> Played:
    group = f"{{tasks: {{schedule: [0s], steps: 3}}, step: {{act: t}}, protect: {{{protect}}}}}"
    return run(DEED, group, f"{{{fault}: {{service: t, at: 1s, calls: 1, after: 5s}}}}")


RETRY = "retry: {attempts: 2, backoff: 1s, jitter: none}"


def test_a_timeout_after_the_commit_doubles_the_deed_of_a_retry() -> None:
    played = ledger("timeout_after_commit", RETRY)
    # step 2 calls at 2; the deed is done at 4; the caller gives up at 7, and calls again at 8
    assert played.at("side_effect_committed", step=2) == [4, 10]
    assert counts(played) == {"side_effects": 4, "doubled": 1, "missing": 0, "orphan": 0}


def test_an_idempotency_key_forbids_it() -> None:
    played = ledger("timeout_after_commit", RETRY + ", idempotency: {key: task}")
    assert played.at("side_effect_committed", step=2) == [4]
    assert played.at("side_effect_deduplicated", step=2) == [10]
    assert counts(played) == {"side_effects": 3, "doubled": 0, "missing": 0, "orphan": 0}


def test_a_key_that_is_new_at_each_attempt_forbids_nothing() -> None:
    played = ledger("timeout_after_commit", RETRY + ", idempotency: {key: attempt}")
    assert counts(played)["doubled"] == 1


def test_a_key_is_forgotten_after_its_window() -> None:
    assert counts(ledger("timeout_after_commit", RETRY + ", idempotency: {window: 6s}"))["doubled"] == 0
    assert counts(ledger("timeout_after_commit", RETRY + ", idempotency: {window: 5.9s}"))["doubled"] == 1


def test_a_timeout_before_the_commit_does_nothing() -> None:
    played = ledger("timeout_before_commit", RETRY)
    assert played.at("side_effect_committed", step=2) == [10]
    assert counts(played) == {"side_effects": 3, "doubled": 0, "missing": 0, "orphan": 0}


def test_a_call_that_failed_for_good_after_the_deed_leaves_an_orphan() -> None:
    played = ledger("timeout_after_commit", "")
    assert played.at("task_ended") == [7]
    assert counts(played) == {"side_effects": 2, "doubled": 0, "missing": 0, "orphan": 1}


def crashed(protect: str, recover: str = "cold_start") -> Played:
    group = (
        f"{{tasks: {{schedule: [0s], steps: 4}}, step: {{act: t}}, protect: {{{protect}}},"
        f" recover: {recover}, operator: 10s}}"
    )
    return run(DEED, group, "{crash: {agent: a, at: 5s}}")


def test_the_deed_of_the_call_in_flight_is_done_though_its_caller_is_dead() -> None:
    played = crashed("")
    # steps 1 and 2 are done; step 3 is in flight at 5, and done at 6; all again from 15 on
    assert [c.outcome for c in played.calls][2] == "interrupted"
    assert played.at("side_effect_committed", step=3) == [6, 21]
    assert counts(played) == {"side_effects": 7, "doubled": 3, "missing": 0, "orphan": 0}


def test_task_keys_survive_a_restart_and_session_keys_die_with_the_tools() -> None:
    assert counts(crashed("idempotency: {key: task}"))["doubled"] == 0
    assert counts(crashed("idempotency: {key: session}"))["doubled"] == 3
    kept = "idempotency: {key: session}, checkpointing: {every: 1 steps, write: 0s, covers: COVERS}"
    with_tools = kept.replace("COVERS", "[memory, goal, plan, context, tools]")
    assert counts(crashed(with_tools, "checkpoint"))["doubled"] == 0
    without = kept.replace("COVERS", "[memory, goal, plan, context]")
    assert counts(crashed(without, "checkpoint"))["doubled"] == 1, "only the step in flight"


def test_a_deed_that_was_set_back_and_never_done_again_is_an_orphan() -> None:
    group = "{tasks: {schedule: [0s], steps: 4}, step: {act: t}, operator: 1h}"
    played = run(DEED, group, "{crash: {agent: a, at: 5s}}")
    assert counts(played)["orphan"] == 1, "the step that was cut; what was finished still counts"


# -- incidents of services ----------------------------------------------------------------------

BAND = "{t: {latency: 1s, band: {good: 0.5, window: 30s, calls: 2, slow: 2s}}}"
LOOP = "{tasks: {loop: endless, steps: 10}, step: {act: t}}"


def test_an_incident_of_a_service_runs_from_the_band_left_and_recovers_after_the_lift() -> None:
    played = run(BAND, LOOP, "{latency: {service: t, at: 100s, for: 50s, factor: 10}}")
    # slow calls end at 110, 120, 130; at 130 the window holds one good call (100) and three bad
    incident = played.incident
    assert incident.scope == "service"
    assert incident.onset == 130 * NS
    assert played.at("fault_struck") == [100], "the first call that it befell"
    assert played.at("fault_lifted") == [150]
    assert incident.lifted == 150 * NS
    # of the calls that ended since the lift one was bad (150), the next is good: half of two
    assert incident.recovered == 151 * NS
    assert incident.caught_up == 151 * NS
    assert played.data["undetected"].count == 0 if "undetected" in played.data else True  # type: ignore[union-attr]


def test_within_the_band_there_is_no_incident() -> None:
    played = run(BAND, LOOP, "{latency: {service: t, at: 100s, for: 20s, factor: 10}}")
    assert played.at("fault_struck") == [100]
    assert played.incidents == []


def test_slow_calls_that_end_after_the_lift_open_the_incident_of_their_fault() -> None:
    band = BAND.replace("calls: 2", "calls: 1")
    played = run(band, LOOP, "{latency: {service: t, at: 100s, for: 20s, factor: 60}}")
    incident = played.incident
    assert incident.onset == 160 * NS, "the one call of the window is bad"
    assert incident.lifted == 120 * NS
    assert incident.recovered == 161 * NS


def test_a_fault_that_nobody_calls_into_is_missed() -> None:
    group = "{tasks: {schedule: [0s], steps: 1}, step: {act: t}}"
    played = run(BAND, group, "{latency: {service: t, at: 100s, for: 20s}}")
    (missed,) = played.events("fault_missed")
    assert missed.time == 120 * NS
    assert missed.detail == {"reason": "no_call_in_window"}


def test_errors_refusals_and_lies() -> None:
    group = "{tasks: {burst: [{at: 10s, tasks: 1}], steps: 2}, step: {act: t}}"
    error = run("{t: {latency: 2s}}", group, "{server_error: {service: t, at: 5s, calls: 1}}")
    assert [(c.outcome, c.time / NS) for c in error.calls] == [("error", 12)]
    refusal = run("{t: {latency: 2s}}", group, "{rate_limit: {service: t, at: 5s, calls: 1}}")
    assert [(c.outcome, c.time / NS) for c in refusal.calls] == [("rate_limited", 10)]
    lie = run("{t: {latency: 2s}}", group, "{hallucination: {service: t, at: 5s, calls: 1}}")
    assert next((c.outcome, c.time / NS) for c in lie.calls) == ("corrupt", 12)
    assert lie.steps[0].outcome == "wrong"
    assert lie.steps[0].taint == (lie.calls[0].fault,)


# -- whose doing an incident of a service is --------------------------------------------------------

FAULTY = "{t: {latency: 1s, error_rate: 0.9, band: {good: 0.5, window: 30s, calls: 2, slow: 2s}}}"
TIRELESS = (
    "{tasks: {loop: endless, steps: 10}, step: {act: t}, protect: {retry: {attempts: 99, backoff: 0s}}}"
)


def test_errors_of_the_service_s_own_are_not_blamed_on_a_delay_that_befalls_them() -> None:
    played = run(FAULTY, TIRELESS, "{latency: {service: t, at: 100s, for: 50s, factor: 1.001}}")
    assert played.at("fault_struck") == [100]
    assert sum(c.outcome == "error" and c.fault != "" for c in played.calls) > 30
    assert played.incidents == []


def test_a_service_that_is_slow_by_itself_is_not_blamed_on_a_delay() -> None:
    slow = BAND.replace("latency: 1s", "latency: 3s")
    played = run(slow, LOOP, "{latency: {service: t, at: 100s, for: 50s, factor: 1.001}}")
    assert played.incidents == []
    hasty = LOOP[:-1] + ", protect: {retry: {attempts: 99, timeout: 2.5s, backoff: 0s}}}"
    impatient = run(slow, hasty, "{latency: {service: t, at: 100s, for: 50s, factor: 1.001}}")
    assert any(c.outcome == "timeout" and c.fault for c in impatient.calls)
    assert impatient.incidents == []
    unlike = run(BAND, hasty, "{latency: {service: t, at: 100s, for: 50s, factor: 9}}")
    assert unlike.incident.fault == "latency", "without the delay it would have been in time"


def test_wrong_answers_count_as_good_and_open_nothing() -> None:
    played = run(FAULTY, TIRELESS, "{hallucination: {service: t, at: 100s, for: 50s}}")
    assert played.at("fault_struck") == [100]
    assert played.incidents == []


def test_the_strike_that_made_most_of_the_bad_calls_bad_is_blamed() -> None:
    faults = (
        "{latency: {name: early, service: t, at: 95s, for: 100s, factor: 1.5, probability: 0.2}},"
        "{server_error: {name: late, service: t, at: 100s, for: 50s}}"
    )
    played = run(BAND, TIRELESS, faults)
    assert {e.subject for e in played.events("fault_struck")} == {"early", "late"}
    assert played.incident.fault == "late", "early was in force first, but no bad call was its doing"


def test_among_equals_the_first_by_id_is_blamed() -> None:
    group = "{tasks: {schedule: [0s, 10s, 20s, 21s], steps: 1}, step: {act: t}}"
    faults = (
        "{server_error: {name: zeta, service: t, at: 9s, calls: 1}},"
        "{server_error: {name: alpha, service: t, at: 19s, calls: 1}}"
    )
    band = BAND.replace("calls: 2", "calls: 3")
    assert run(band, group, faults).incident.fault == "alpha"


def test_a_line_that_a_delay_made_is_the_delay_s_doing() -> None:
    band = "{t: {latency: 1s, capacity: 1, band: {good: 0.5, window: 10s, calls: 2, slow: 4s}}}"
    group = "{count: 8, tasks: {loop: endless, steps: 10}, step: {work: 12s, act: t}}"
    played = run(band, group, "{latency: {service: t, at: 100s, for: 150s, factor: 3}}")
    assert played.incident.scope == "service", "3 s of service are not slow, but the line is"
    assert run(band, group).incidents == []
