"""Who learns faster is more adaptable, a worse change is worse; more talk, or none, gains nothing."""

from __future__ import annotations

import functools
import math
from typing import Any

import pytest
from simulator.played import decide

from agentchaos import pipeline
from agentchaos.scoring.attributes.adaptability import adaptability
from agentchaos.scoring.attributes.collaborativity import collaborativity
from agentchaos.scoring.results import Attribute
from agentchaos.scoring.table import Table

REPLICATIONS = 5
CLERKS = """
name: clerks
horizon: 24min
drain: 5min
seed: 5
services:
  gpt: {kind: model, latency: "lognormal(mean=3s, cv=0.5)", capacity: 6, error_rate: 0}
  crm: {kind: tool, latency: exponential(mean=1s), error_rate: 0}
agents:
  clerk:
    count: 4
    tasks: {arrive: poisson(120/h), steps: 6, success: 0.95, deadline: 3min}
    step: {think: gpt, act: crm}
    ADAPTS
    protect: PROTECT
faults: [FAULT]
"""
SWITCH = "{provider_switch: {service: gpt, at: 6min, factor: 1, hazard: 20}}"
SHIFT = "{shift: {service: gpt, at: 6min, HOW}}"
API = "{api_change: {service: crm, at: 6min, fails: 40%, wrong: 0}}"


@functools.cache
def table(text: str, *arms: str) -> Table:
    """What these arms of it come to."""
    plan = decide(text)
    data = {arm: {n: pipeline.play_one(plan, arm, n)[0] for n in range(1, REPLICATIONS + 1)} for arm in arms}
    return Table(plan.setting, data, plan.objectives)


def score(fault: str, adapts: str = "", protect: str = "{}") -> float:
    words = {"FAULT": fault, "ADAPTS": adapts or "confidence: 1", "PROTECT": protect}
    text = CLERKS
    for word, value in words.items():
        text = text.replace(word, value)
    mean = adaptability(table(text, "chaos", "unchanged"), 0.05).mean
    assert mean is not None
    return mean


def test_who_learns_faster_is_more_adaptable() -> None:
    fast, slow = (score(SWITCH, f"adapts: {{after: {n} steps}}") for n in (10, 60))
    assert fast > slow + 0.1 > score(SWITCH) + 0.2


@pytest.mark.parametrize(
    ("mild", "hard"),
    [
        (SWITCH, SWITCH.replace("20", "60")),
        (API.replace("40%", "5%"), API),
        (SHIFT.replace("HOW", "factor: 4"), SHIFT.replace("HOW", "factor: 16")),
        (SHIFT.replace("HOW", "error_rate: 2%"), SHIFT.replace("HOW", "error_rate: 20%")),
        (SHIFT.replace("HOW", "factor: 3, capacity: 0.5"), SHIFT.replace("HOW", "factor: 3, capacity: 0.1")),
    ],
)
def test_a_worse_change_is_worse(mild: str, hard: str) -> None:
    assert score(mild) > score(hard) + 0.02


def test_what_changes_nothing_that_matters_costs_nothing() -> None:
    assert score("{shift: {service: crm, at: 6min, error_rate: 0}}") == 1.0


def test_mechanisms_that_help_against_failures_help_here() -> None:
    assert score(API, protect="{retry: {on: crm, attempts: 4, backoff: 1s}}") > score(API) + 0.3
    wrong = API.replace("fails: 40%, wrong: 0", "fails: 0, wrong: 20%")
    check = "{verification: {catches: 90%, takes: 1s, attempts: 3, when: after_step}}"
    assert score(wrong, protect=check) > score(wrong) + 0.2


def test_who_forgets_learns_again() -> None:
    learns = "adapts: {after: 20 steps}"
    loses = f"{SWITCH}, {{state_loss: {{agent: clerk, parts: [memory], every: 4min}}}}"
    assert score(SWITCH, learns) > score(loses, learns) + 0.02


# -- collaborativity ----------------------------------------------------------------------------


TEAM = """
name: team
horizon: 20min
drain: 10min
seed: 5
services:
  gpt: {kind: model, latency: "lognormal(mean=2s, cv=0.5)", error_rate: ERRORS}
agents:
  first:
    count: 3
    tasks: {arrive: poisson(120/h), steps: 4, deadline: 2min}
    step: {think: gpt}
    hand_off: {to: second, chance: CHANCE}
    TALK
  second:
    count: 3
    tasks: {steps: 6, deadline: 2min}
    step: {think: gpt}
    recover: none
FAULTS
"""


DEAD = "faults: [{crash: {agent: second, at: 8min}}]"
"""From then on nobody is there to take anything up."""


def together(**words: Any) -> Attribute:
    fields = {"errors": 0, "chance": 1, "talk": "", "faults": "", **words}
    text = TEAM
    for word, value in fields.items():
        text = text.replace(word.upper(), str(value))
    return collaborativity(table(text, "chaos"), 0.05)


def mean(**words: Any) -> float:
    value = together(**words).mean
    assert value is not None
    return value


def test_all_that_is_handed_on_and_taken_is_one() -> None:
    assert mean() == 1.0
    assert mean(chance=0.4) == 1.0


def test_who_fails_owes_what_it_never_handed_on() -> None:
    failing = mean(errors="5%")
    assert failing == pytest.approx(0.95**4, abs=0.05)  # no retry: each of four steps may end the task
    by_chance = mean(errors="5%", chance=0.4)
    assert math.isclose(failing, by_chance, abs_tol=0.06)


def test_hand_offs_that_nobody_takes_up_in_time_count_below() -> None:
    assert 0.3 < mean(faults=DEAD) < 0.6


def test_neither_more_talk_nor_none_hides_hand_offs_that_fail() -> None:
    few, many = "talk: {to: second, every: 4 steps}", "talk: {to: second, every: 1 steps}"
    bad = {"faults": DEAD}
    silent, some, much = (mean(talk=talk, **bad) for talk in ("", few, many))
    assert silent < 0.75
    # a kind of its own, of which four times as much counts no more
    assert some == pytest.approx(much, abs=0.03)
    hand_offs = [
        dict(together(talk=talk, **bad).detail)["collaboration{kind=handoff}"] for talk in (few, many)
    ]
    assert hand_offs[0] == hand_offs[1]


def test_crashes_make_it_worse() -> None:
    crash = "faults: [{crash: {agent: first, every: exponential(mean=10min)}}]"
    assert mean(faults=crash) < mean() - 0.02
