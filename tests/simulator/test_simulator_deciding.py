"""How a step is decided and checked: votes, checks and humans, in worlds small enough to count by hand."""

from __future__ import annotations

from collections import Counter

import pytest
from simulator.played import Played, fold, play

from agentchaos.analytic.voting import majority_correlated
from agentchaos.trace import NS, Step

HEAD = """
name: deciding
preset: ideal
horizon: 1000s
drain: 100s
services:
  gpt: {kind: model, latency: MODEL, tokens_in: 1000, tokens_out: 100, price: {in: 1 usd/M, out: 1 usd/M}}
  crm: {kind: tool, latency: 1s, side_effects: true}
  judge: {kind: model, latency: 3s, tokens_in: 500, tokens_out: 0}
agents:
  bot:
    count: 1
    state: {goal: {notice: 0}, plan: {notice: 0}, context: {notice: 0}, tools: {notice: 0}}
"""


def bot(protect: str, *, tasks: str, step: str = "{think: gpt}", model: str = "2s", more: str = "") -> str:
    body = f"    tasks: {{{tasks}}}\n    step: {step}\n    protect: {protect}\n"
    return HEAD.replace("MODEL", model) + body + more


def outcomes(run: Played) -> list[tuple[int, str]]:
    return [(step.step, step.outcome) for step in run.steps]


# -- quorum -------------------------------------------------------------------------------------

FIVE = "{quorum: {voters: 5, agree: 3, same_wrong: 100%MORE}}"


def test_the_step_goes_on_when_enough_agree_and_the_others_run_to_their_end() -> None:
    run = play(
        bot(
            "{quorum: {voters: 3, agree: 2}}",
            tasks="loop: 2, steps: 1",
            model="uniform(1s, 9s)",
        )
    )
    for task in ("bot/0:0", "bot/0:1"):
        latencies = sorted(c.time - c.began for c in run.calls if c.task == task)
        (step,) = [s for s in run.steps if s.task == task]
        assert len(latencies) == 3
        assert step.time - step.began == latencies[1]  # the second of three equal votes
    assert run.value("tokens") == 6 * 1100
    assert run.value("cost{currency=USD}") == pytest.approx(6 * 1100 / 1e6)
    assert {c.outcome for c in run.calls} == {"ok"}
    late = [c for c in run.calls if c.time > run.steps[0].time and c.task == "bot/0:0"]
    assert len(late) == 1, "the third voter answers when the task is over"
    assert sorted({c.call for c in run.calls}) == [8, 16, 24]
    assert run.value("call_success{service=gpt}") == 1.0
    assert run.data["wait{service=gpt}"].count == 6  # type: ignore[union-attr]


def test_votes_are_told_with_the_truth_about_them() -> None:
    run = play(bot(FIVE.replace("MORE", ""), tasks="loop: 200, steps: 1, success: 0.6"))
    truth: dict[str, Counter[str]] = {}
    for vote in run.events("vote_cast"):
        truth.setdefault(vote.task, Counter())[vote.subject] += 1
        assert (vote.detail or {})["answer"] == vote.subject
    decided = run.events("vote_decided")
    assert len(decided) == 200
    for event in decided:
        votes = truth[event.task]
        assert event.value == 1
        assert votes[event.subject] == 3 == (event.detail or {})["for"]
        assert (event.detail or {})["against"] == votes.total() - 3 <= 2
    right = {event.task for event in decided if event.subject == "right"}
    assert right == {event.task for event in run.events("task_ended") if event.value == 1}
    assert 0 < len(right) < 200


def test_the_first_voter_decides_as_the_member_alone_would_have() -> None:
    tasks = "loop: 100, steps: 1, success: 0.5"
    alone = play(bot("{}", tasks=tasks))
    voted = play(bot(FIVE.replace("MORE", ""), tasks=tasks))
    mine = {s.task: s.outcome for s in alone.steps}
    first = {v.task: v.subject for v in voted.events("vote_cast") if v.value == 1}
    assert first == mine
    assert [s.outcome for s in voted.steps] != [s.outcome for s in alone.steps]


def test_with_a_common_cause_all_vote_alike() -> None:
    run = play(bot(FIVE.replace("MORE", ", beta: 100%"), tasks="loop: 100, steps: 1, success: 0.5"))
    assert all((e.detail or {})["against"] == 0 for e in run.events("vote_decided"))
    alone = play(bot("{}", tasks="loop: 100, steps: 1, success: 0.5"))
    assert [s.outcome for s in run.steps] == [s.outcome for s in alone.steps]


def test_votes_of_correlated_voters_spread_more() -> None:
    def spread(more: str) -> float:
        tasks = "loop: 300, steps: 1, success: 0.5"
        quorum = FIVE.replace("agree: 3", "agree: 5, rounds: 1").replace("MORE", more)
        run = play(bot(quorum, tasks=tasks, model="1ms"))
        right = Counter(v.task for v in run.events("vote_cast") if v.subject == "right")
        counts = [right[f"bot/0:{n}"] for n in range(300)]
        mean = sum(counts) / 300
        assert mean == pytest.approx(2.5, abs=0.35)
        return sum((c - mean) ** 2 for c in counts) / 300

    # n p q (1 + (n - 1) rho)
    assert spread("") == pytest.approx(1.25, rel=0.25)
    assert spread(", rho: 0.5") == pytest.approx(1.25 * 3, rel=0.25)


def test_so_many_pairs_of_wrong_votes_are_equal_as_is_written() -> None:
    quorum = "{quorum: {voters: 2, agree: 2, same_wrong: 60%, rounds: 1}}"
    run = play(bot(quorum, tasks="loop: 900, steps: 1, success: 0", model="1ms"))
    share = sum(e.value == 1 for e in run.events("vote_decided")) / 900
    assert share == pytest.approx(0.6, abs=0.06)
    assert run.value("no_quorum") == pytest.approx(1 - share)


def test_without_a_quorum_the_step_is_caught_and_put_to_the_vote_again() -> None:
    quorum = "{quorum: {voters: 3, agree: 2, same_wrong: 0%, rounds: 3, undecided: WHAT}}"
    # nobody is right, no two wrong ones agree: three rounds of 2 s, then a lot among three, or failure
    run = play(bot(quorum.replace("WHAT", "plurality"), tasks="loop: 1, steps: 1, success: 0"))
    assert outcomes(run) == [(1, "caught"), (1, "caught"), (1, "wrong")]
    assert [s.time // NS for s in run.steps] == [2, 4, 6]
    assert run.value("no_quorum") == 1.0
    assert run.value("tokens") == 9 * 1100
    failed = play(bot(quorum.replace("WHAT", "fail"), tasks="loop: 1, steps: 1, success: 0"))
    assert outcomes(failed) == [(1, "caught"), (1, "caught"), (1, "error")]
    assert failed.value("tasks_failed") == 1


def test_a_vote_that_a_fault_corrupted_is_wrong_and_its_strike_is_named_where_it_wins() -> None:
    fault = "faults: [{hallucination: {service: gpt, at: 500ms, for: 900s, calls: CALLS, name: seen}}]\n"
    quorum = "{quorum: {voters: 3, agree: 2, same_wrong: 100%}}"
    one = play(bot(quorum, tasks="schedule: [1s], steps: 1", more=fault.replace("CALLS", "1")))
    assert outcomes(one) == [(1, "right")]
    assert one.steps[0].taint == ()
    two = play(bot(quorum, tasks="schedule: [1s], steps: 1", more=fault.replace("CALLS", "2")))
    assert outcomes(two) == [(1, "wrong")]
    (strike,) = {e.incident for e in two.events("fault_struck")}
    assert two.steps[0].taint == (strike,)


def test_voters_whose_calls_fail_have_no_vote_and_none_at_all_fails_the_task() -> None:
    fault = "faults: [{server_error: {service: gpt, at: 500ms, for: 900s, calls: CALLS}}]\n"
    quorum = "{quorum: {voters: 3, agree: 2}}"
    two = play(bot(quorum, tasks="schedule: [1s], steps: 1", more=fault.replace("CALLS", "1")))
    assert outcomes(two) == [(1, "right")]
    none = play(bot(quorum, tasks="schedule: [1s], steps: 1", more=fault.replace("CALLS", "3")))
    assert outcomes(none) == [(1, "error")]
    assert none.events("vote_decided") == []


def test_a_crash_takes_the_voters_with_it() -> None:
    crash = "faults: [{crash: {agent: bot, at: 3s}}]\n"
    run = play(bot("{quorum: {}}", tasks="loop: 1, steps: 2", model="2s", more=crash))
    cut = [c for c in run.calls if c.outcome == "interrupted"]
    assert [c.time // NS for c in cut] == [3, 3, 3]
    assert all(c.tokens_in == 1000 for c in cut)
    assert [s.outcome for s in run.steps if s.time == 3 * NS] == ["interrupted"]


def test_voters_on_their_way_at_the_end_have_their_rows() -> None:
    run = play(
        bot("{quorum: {}}", tasks="loop: endless, steps: 3", model="700s").replace("drain: 100s", "drain: 1s")
    )
    assert Counter(c.outcome for c in run.calls) == {"ok": 3, "interrupted": 3}
    assert run.value("tokens") == 6 * 1100


# -- verification -------------------------------------------------------------------------------

ACT = "{think: gpt, act: crm}"


def test_a_wrong_step_is_caught_before_its_deed_and_done_again() -> None:
    tasks = "loop: 30, steps: 1, success: 0.5"
    run = play(bot("{verification: {takes: 4s}}", tasks=tasks, step=ACT))
    kinds = Counter(s.outcome for s in run.steps)
    assert set(kinds) == {"caught", "right", "wrong"} - ({"wrong"} - set(kinds))
    assert kinds["caught"] > 5
    assert run.value("side_effects") == 30, "a caught step does no deed"
    assert run.value("doubled") == 0
    for step in run.steps:
        assert step.time - step.began == (6 if step.outcome == "caught" else 7) * NS
    checks = run.events("verified")
    assert len(checks) == len(run.steps)
    assert run.value("verification_time") == 4 * len(checks)
    assert run.value("time{class=overhead}") * 1000 == pytest.approx(4 * len(checks))
    useful = 3 * sum(s.outcome != "caught" for s in run.steps)
    assert run.value("time{class=useful}") * 1000 == pytest.approx(useful)
    assert run.value("time{class=lost}") * 1000 == pytest.approx(2 * kinds["caught"])


def test_after_the_step_the_deed_is_done_and_done_twice_without_a_key() -> None:
    tasks = "loop: 30, steps: 1, success: 0.5"
    late = "verification: {takes: 0s, when: after_step, attempts: 10}"
    run = play(bot(f"{{{late}}}", tasks=tasks, step=ACT))
    caught = sum(s.outcome == "caught" for s in run.steps)
    assert caught > 5
    assert run.value("doubled") == caught
    keyed = play(bot(f"{{{late}, idempotency: {{}}}}", tasks=tasks, step=ACT))
    assert keyed.value("doubled") == 0


def test_an_answer_of_the_act_that_a_fault_corrupted_is_found_after_the_step_only() -> None:
    fault = "faults: [{hallucination: {service: crm, at: 500ms, for: 900s, calls: 1}}]\n"

    def played(when: str) -> list[tuple[int, str]]:
        check = f"{{verification: {{takes: 0s, when: {when}}}}}"
        return outcomes(play(bot(check, tasks="schedule: [1s], steps: 2", step=ACT, more=fault)))

    assert played("before_act") == [(1, "wrong"), (2, "right")]
    assert played("after_step") == [(1, "caught"), (1, "right"), (2, "right")]


def test_a_caught_step_taints_nothing() -> None:
    fault = "faults: [{hallucination: {service: gpt, at: 500ms, for: 900s, calls: 1}}]\n"
    tasks = "schedule: [1s], steps: 4"
    free = play(bot("{}", tasks=tasks, more=fault))
    assert free.events("part_tainted")
    assert free.events("task_ended")[0].value == 0
    checked = play(bot("{verification: {}}", tasks=tasks, more=fault))
    assert checked.events("part_tainted") == []
    assert checked.events("task_ended")[0].value == 1
    assert checked.events("task_ended")[0].detail["taint"] == []  # type: ignore[index]
    assert checked.strikes[0].cascade_steps == 1
    assert not checked.strikes[0].escaped


def test_after_so_many_attempts_it_stands() -> None:
    run = play(bot("{verification: {attempts: 3}}", tasks="loop: 1, steps: 1, success: 0"))
    assert outcomes(run) == [(1, "caught"), (1, "caught"), (1, "wrong")]
    assert run.value("catch_rate") == 1.0


def test_right_steps_are_refused_too() -> None:
    check = "{verification: {catches: 0, refuses: 100%, takes: 1s, attempts: 2}}"
    run = play(bot(check, tasks="loop: 1, steps: 2"))
    assert outcomes(run) == [(1, "caught"), (1, "right"), (2, "caught"), (2, "right")]
    assert run.value("refusal_rate") == 1.0
    assert run.value("catch_rate") is None


def test_every_third_step_is_checked() -> None:
    run = play(bot("{verification: {every: 3 steps}}", tasks="loop: 1, steps: 7, success: 0"))
    assert [s for s, outcome in outcomes(run) if outcome == "caught"] == [3, 3, 6, 6]


def test_a_model_that_checks_costs_its_calls() -> None:
    run = play(bot("{verification: {by: judge}}", tasks="loop: 2, steps: 3"))
    calls = [c for c in run.calls if c.service == "judge"]
    assert len(calls) == 6
    assert {c.call for c in calls} == {2}
    assert run.value("tokens") == 6 * 1100 + 6 * 500
    assert run.value("verification_time") == 18
    assert [s.time // NS for s in run.steps][:3] == [5, 10, 15]


def test_a_check_that_fails_or_was_corrupted_lets_the_step_pass() -> None:
    for fault in ("server_error", "hallucination"):
        faults = f"faults: [{{{fault}: {{service: judge, at: 500ms, for: 900s, calls: 1}}}}]\n"
        run = play(bot("{verification: {by: judge}}", tasks="loop: 1, steps: 2, success: 0", more=faults))
        assert outcomes(run)[0] == (1, "wrong")
        assert outcomes(run)[1] == (2, "caught")


def test_a_caught_step_leads_back_to_the_checkpoint_or_to_the_start() -> None:
    def steps(check: str, more: str = "") -> list[int]:
        fault = "faults: [{hallucination: {service: gpt, at: 8s, for: 1000s, calls: 1}}]\n"
        protect = f"{{verification: {{redo: {check}, takes: 0s}}{more}}}"
        run = play(bot(protect, tasks="loop: 1, steps: 6", more=fault))
        caught = [s for s in run.steps if s.outcome == "caught"]
        assert [s.step for s in caught] == [5]
        return [s.step for s in run.steps]

    every_two = ", checkpointing: {every: 2 steps, write: 0s}"
    assert steps("step") == [1, 2, 3, 4, 5, 5, 6]
    assert steps("checkpoint", every_two) == [1, 2, 3, 4, 5, 5, 6]
    assert steps("checkpoint", every_two.replace("2", "3")) == [1, 2, 3, 4, 5, 4, 5, 6]
    assert steps("checkpoint", every_two.replace("2", "9")) == [1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 6]
    assert steps("task") == [1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 6]


# -- escalation ---------------------------------------------------------------------------------

HUMAN = "escalation: {delay: 60s, attention: 20s}"


def test_a_human_saves_a_task_whose_call_failed() -> None:
    fault = "faults: [{server_error: {service: gpt, at: 500ms, for: 900s, calls: 1}}]\n"
    lost = play(bot("{}", tasks="schedule: [1s], steps: 2", more=fault))
    assert lost.value("tasks_failed") == 1
    run = play(bot(f"{{{HUMAN}}}", tasks="schedule: [1s], steps: 2", more=fault))
    assert outcomes(run) == [(1, "right"), (2, "right")]
    first = run.steps[0]
    assert (first.time, first.wait) == (63 * NS, 60 * NS)
    assert run.at("approval_requested", subject="failed_call") == [3]
    assert run.at("approval_given", value=1) == [63]
    assert run.value("escalations") == 1
    assert run.value("human_time") == 20
    assert run.value("time{class=waiting}") * 1000 == pytest.approx(60)


def test_a_deed_by_hand_is_done_once_where_the_call_had_not_done_it() -> None:
    def doubled(fault: str) -> tuple[float, float, float]:
        faults = f"faults: [{{{fault}: {{service: crm, at: 500ms, for: 900s, calls: 1}}}}]\n"
        protect = f"{{{HUMAN}, retry: {{attempts: 1, timeout: 5s}}}}"
        run = play(bot(protect, tasks="schedule: [1s], steps: 1", step=ACT, more=faults))
        assert outcomes(run) == [(1, "right")]
        return run.value("side_effects"), run.value("doubled"), run.value("missing")

    assert doubled("server_error") == (1, 0, 0)
    assert doubled("timeout_after_commit") == (2, 1, 0)


def test_what_checks_refuse_for_good_is_put_before_a_human_whose_word_stands() -> None:
    protect = (
        "{verification: {attempts: 2, takes: 0s}, escalation: {when: [caught_out], delay: 10s, right: 0}}"
    )
    run = play(bot(protect, tasks="loop: 1, steps: 1, success: 0"))
    assert outcomes(run) == [(1, "caught"), (1, "wrong")]
    assert run.steps[-1].time == (2 + 2 + 10) * NS
    saved = play(bot(protect.replace("right: 0", "right: 1"), tasks="loop: 1, steps: 1, success: 0"))
    assert outcomes(saved) == [(1, "caught"), (1, "right")]
    assert saved.value("task_success") == 1.0


def test_no_quorum_is_put_before_a_human_after_the_last_round() -> None:
    protect = f"{{quorum: {{same_wrong: 0%, rounds: 2}}, {HUMAN}}}"
    run = play(bot(protect, tasks="loop: 1, steps: 1, success: 0"))
    assert outcomes(run) == [(1, "caught"), (1, "right")]
    assert run.at("approval_requested", subject="no_quorum") == [4]


def test_only_the_reasons_that_are_written_count() -> None:
    fault = "faults: [{server_error: {service: gpt, at: 500ms, for: 900s, calls: 1}}]\n"
    protect = "{verification: {}, escalation: {when: [caught_out]}}"
    run = play(bot(protect, tasks="schedule: [1s], steps: 2", more=fault))
    assert run.value("tasks_failed") == 1
    assert run.value("escalations") == 0


def test_where_nobody_answers_it_is_asked_again_until_the_task_is_given_up() -> None:
    fault = "faults: [{server_error: {service: gpt, at: 500ms, for: 900s, calls: 1}}]\n"
    protect = "{escalation: {delay: 60s, available: 1e-9}}"
    run = play(bot(protect, tasks="schedule: [1s], steps: 2, deadline: 100s", more=fault))
    assert run.at("approval_requested") == [3, 63, 123, 183]
    assert run.value("escalations") == 1
    assert run.value("human_time") == 0
    assert outcomes(run) == [(1, "interrupted")]
    assert run.steps[0].wait == 198 * NS
    assert run.value("tasks_abandoned") == 1


def test_the_watchdog_knows_that_the_member_waits() -> None:
    fault = "faults: [{server_error: {service: gpt, at: 500ms, for: 900s, calls: 1}}]\n"
    protect = f"{{{HUMAN}, watchdog: {{after: 15s}}}}"
    run = play(bot(protect, tasks="schedule: [1s], steps: 2", more=fault))
    assert run.events("false_alarm") == []
    assert outcomes(run) == [(1, "right"), (2, "right")]


# -- what is not there --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "protect",
    ["quorum: {voters: 1, agree: 1}", "verification: {catches: 0, refuses: 0, takes: 0s}", HUMAN],
)
def test_the_form_that_does_nothing_leaves_the_trace_as_it_is(protect: str) -> None:
    tasks = "loop: 20, steps: 5, success: 0.5"
    text = bot("{PROTECT}", tasks=tasks, step=ACT, model="lognormal(mean=2s, cv=0.6)")
    assert play(text.replace("PROTECT", protect)).rows == play(text.replace("PROTECT", "")).rows


def test_a_vote_or_a_check_moves_no_draw_of_other_tasks() -> None:
    tasks = "loop: 50, steps: 3, success: 0.5"
    free = play(bot("{}", tasks=tasks))
    checked = play(bot("{verification: {catches: 50%}}", tasks=tasks))

    def firsts(run: Played) -> dict[tuple[str, int], str]:
        found: dict[tuple[str, int], str] = {}
        for step in run.steps:
            found.setdefault((step.task, step.step), step.outcome)
        return found

    one, other = firsts(free), firsts(checked)
    assert one.keys() == other.keys()
    differ = [key for key in one if one[key] != other[key]]
    assert differ
    assert {(one[key], other[key]) for key in differ} == {("wrong", "caught")}


def test_all_of_it_together_is_the_same_each_time() -> None:
    protect = (
        "{quorum: {}, verification: {catches: 50%, by: judge, redo: checkpoint}, "
        "escalation: {available: 50%, delay: 1s}, "
        "checkpointing: {every: 2 steps}, retry: {attempts: 2}}"
    )
    more = "faults: [{crash: {agent: bot, every: exponential(mean=60s)}}]\n"
    text = bot(protect, tasks="loop: endless, steps: 5, success: 0.4", step=ACT, more=more)
    run = play(text)
    assert {s.outcome for s in run.steps} >= {"right", "wrong", "caught", "interrupted"}
    assert run.rows == play(text).rows
    shares = [
        run.value(f"time{{class={c}}}") for c in ("useful", "lost", "waiting", "overhead", "down", "idle")
    ]
    assert sum(shares) == pytest.approx(1, abs=1e-9)
    assert all(isinstance(step, Step) for step in run.steps)


def test_voters_share_the_breaker_of_their_member() -> None:
    fault = "faults: [{server_error: {service: gpt, at: 500ms, for: 900s, calls: 2}}]\n"
    breaker = "circuit_breaker: {failures: 2, open: 50s, per: PER}"
    for per in ("member", "group"):
        protect = f"{{quorum: {{}}, retry: {{attempts: 2, jitter: none, backoff: 1s}}, {breaker}}}"
        text = bot(protect.replace("PER", per), tasks="schedule: [1s], steps: 1", more=fault)
        run = play(text)
        assert len(run.events("breaker_opened")) == 1, "two failures, of two voters"


def test_data_do_not_hang_on_how_batches_are_cut() -> None:
    protect = "{quorum: {}, verification: {catches: 60%, refuses: 10%, takes: 1s}, escalation: {delay: 5s}}"
    more = "faults: [{server_error: {service: gpt, at: 100s, for: 300s, probability: 60%}}]\n"
    run = play(bot(protect, tasks="loop: endless, steps: 5, success: 0.4", step=ACT, more=more))
    assert run.value("escalations") > 0
    for size in (1, 7, 1000):
        assert fold(run.plan, run.rows, list(range(size, len(run.rows), size))) == run.data


@pytest.mark.parametrize("rho", [0.1, 0.4, 0.9])
def test_a_majority_of_correlated_voters_is_that_of_the_beta_binomial(rho: float) -> None:
    run = play(
        bot(FIVE.replace("MORE", f", rho: {rho}"), tasks="loop: 3000, steps: 1, success: 0.7", model="1ms")
    )
    exact = majority_correlated(5, 0.7, rho)
    assert run.value("task_success") == pytest.approx(exact, abs=4 * (exact * (1 - exact) / 3000) ** 0.5)
