"""Votes, checks and humans move their measures the right way where they are wanted, and not everywhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from direction.paired import difference, replications, value, values

pytestmark = pytest.mark.slow

MECHANISMS = Path(__file__).parents[2] / "scenarios" / "mechanisms"


def moves(first: str, second: str, measure: str, number: int = 12) -> int:
    """+1 where the measure is higher in the first world, -1 where it is lower, 0 where one cannot tell."""
    found = difference(first, second, measure, number)
    return found.rises - found.falls


@pytest.mark.parametrize(
    ("name", "measure", "sign"),
    [
        ("quorum", "task_success", +1),
        ("quorum", "tokens", +1),
        ("quorum", "cost{currency=USD}", +1),
        ("verification", "task_success", +1),
        ("verification", "task_time", +1),
        ("verification", "time{class=overhead}", +1),
        ("verification", "tokens", +1),
        ("escalation", "request_availability", +1),
        ("escalation", "tasks_failed", -1),
        ("escalation", "time{class=waiting}", +1),
    ],
)
def test_on_against_off(name: str, measure: str, sign: int) -> None:
    on, off = MECHANISMS / f"{name}.yaml", MECHANISMS / f"{name}_off.yaml"
    assert moves(str(on), str(off), measure) == sign


@pytest.mark.parametrize(
    ("name", "measure"),
    [
        ("verification", "verification_time"),
        ("verification", "catch_rate"),
        ("escalation", "escalations"),
        ("escalation", "human_time"),
    ],
)
def test_what_it_costs_and_does_is_a_measure(name: str, measure: str) -> None:
    assert sum(values(str(MECHANISMS / f"{name}.yaml"), measure)) > 0


# -- where they help less, not at all, or hurt ----------------------------------------------------


def world(protect: str, success: float = 0.8, *, error: str = "0", steps: int = 1) -> str:
    return f"""name: direction
preset: ideal
horizon: 1000s
drain: 1000s
services: {{gpt: {{kind: model, latency: exponential(mean=1s), error_rate: {error}}}}}
agents:
  a:
    count: 20
    tasks: {{loop: 20, steps: {steps}, success: {success}}}
    step: {{think: gpt}}
    protect: {{{protect}}}
"""


VOTE = "quorum: {voters: 5, agree: 3, same_wrong: 100%MORE}"
ALONE, FIVE = "", VOTE.replace("MORE", "")


def test_votes_of_those_that_are_mostly_right_help() -> None:
    assert moves(world(FIVE, 0.7), world(ALONE, 0.7), "task_success") == +1


def test_votes_of_those_that_are_mostly_wrong_hurt() -> None:
    assert moves(world(FIVE, 0.3), world(ALONE, 0.3), "task_success") == -1


@pytest.mark.parametrize("correlated", [", beta: 50%", ", rho: 0.5"])
def test_correlated_voters_gain_less(correlated: str) -> None:
    alike = VOTE.replace("MORE", correlated)
    assert moves(world(alike), world(FIVE), "task_success") == -1
    assert difference(world(alike), world(ALONE), "task_success").mean > -0.02


def test_voters_with_one_common_cause_are_as_good_as_one_and_cost_five() -> None:
    same = world(VOTE.replace("MORE", ", beta: 100%"))
    gap = difference(same, world(ALONE), "task_success")
    assert (gap.low, gap.high) == (0, 0)
    assert moves(same, world(ALONE), "tokens") == +1


def test_a_panel_is_slower_the_more_must_agree() -> None:
    all_ = world(FIVE.replace("agree: 3", "agree: 5, rounds: 1"), 1.0)
    assert moves(world(FIVE, 1.0), all_, "task_time") == -1
    assert moves(all_, world(ALONE, 1.0), "task_time") == +1
    # the third of five answers comes sooner than the mean of one
    assert moves(world(FIVE, 1.0), world(ALONE, 1.0), "task_time") == -1


def test_a_panel_at_a_model_without_room_waits_for_itself() -> None:
    def narrow(protect: str) -> str:
        return world(protect, 1.0).replace("kind: model,", "kind: model, capacity: 20,")

    assert moves(narrow(FIVE), narrow(ALONE), "task_time") == +1
    assert moves(narrow(FIVE), narrow(ALONE), "time{class=waiting}") == +1


CHECK = "verification: {catches: 80%, refuses: 2%, takes: 500ms}"


def test_checks_raise_success_above_what_the_agent_has_and_cost_time() -> None:
    checked, free = world(CHECK, 0.6, steps=5), world(ALONE, 0.6, steps=5)
    assert moves(checked, free, "task_success") == +1
    assert moves(checked, free, "task_time") == +1
    assert moves(checked, free, "time{class=lost}") == +1
    assert min(values(checked, "task_success")) > 0.75 > max(values(free, "task_success"))


def test_a_check_that_catches_nothing_only_costs() -> None:
    idle = "verification: {catches: 0, refuses: 10%, takes: 500ms}"
    checked, free = world(idle, 0.6, steps=5), world(ALONE, 0.6, steps=5)
    # nothing is gained: a right step that is refused may be done wrong the next time, and never the reverse
    assert moves(checked, free, "task_success") != +1
    assert difference(checked, free, "task_success").mean <= 0
    assert moves(checked, free, "task_time") == +1
    assert moves(checked, free, "tokens") == +1


def test_checks_of_an_agent_that_is_never_wrong_only_cost() -> None:
    checked, free = world(CHECK, 1.0, steps=5), world(ALONE, 1.0, steps=5)
    gap = difference(checked, free, "task_success")
    assert (gap.low, gap.high) == (0, 0)
    assert moves(checked, free, "task_time") == +1


HUMAN = "escalation: {delay: 60s, attention: 30s, right: RIGHT}"


def test_humans_save_tasks_and_their_time_is_the_price() -> None:
    saved, lost = world(HUMAN.replace("RIGHT", "98%"), error="10%"), world(ALONE, error="10%")
    assert moves(saved, lost, "task_success") == +1
    assert moves(saved, lost, "tasks_failed") == -1
    assert moves(saved, lost, "time{class=waiting}") == +1
    for data in replications(saved, 12):
        assert value(data, "human_time") == 30 * value(data, "escalations") > 0


def test_humans_that_are_always_wrong_save_no_task_from_being_wrong() -> None:
    saved, lost = world(HUMAN.replace("RIGHT", "0"), error="10%"), world(ALONE, error="10%")
    gap = difference(saved, lost, "task_success")
    assert (gap.low, gap.high) == (0, 0)
    assert moves(saved, lost, "task_time") == +1


def test_nobody_is_asked_where_nothing_fails_for_good() -> None:
    idle, plain = world(HUMAN.replace("RIGHT", "98%")), world(ALONE)
    for one, other in zip(replications(idle, 4), replications(plain, 4), strict=True):
        assert value(one, "human_time") == value(one, "escalations") == 0
        own = ("human_time", "escalations", "collaboration", "collaboration{kind=escalation}")
        assert {k: v for k, v in one.items() if k not in (*own, "conflicts", "duplicates")} == other
