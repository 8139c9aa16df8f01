"""Guardrails, faults and attacks move safety, security and explanations the right way; their price shows."""

from __future__ import annotations

from pathlib import Path

import pytest
from direction.paired import difference, replications, values

pytestmark = pytest.mark.slow

MECHANISMS = Path(__file__).parents[2] / "scenarios" / "mechanisms"
ON, OFF = (str(MECHANISMS / f"guardrail{end}.yaml") for end in ("", "_off"))


def moves(first: str, second: str, measure: str, number: int = 12) -> int:
    """+1 where the measure is higher in the first world, -1 where it is lower, 0 where one cannot tell."""
    found = difference(first, second, measure, number)
    return found.rises - found.falls


@pytest.mark.parametrize(
    ("measure", "sign"),
    [
        ("safety", +1),
        ("security", +1),
        ("attack_success", -1),
        ("critical", -1),
        ("near_misses", +1),
        ("task_success", +1),  # nothing leads its agents astray any more
        ("time{class=overhead}", +1),
    ],
)
def test_a_guardrail_on_against_off(measure: str, sign: int) -> None:
    assert moves(ON, OFF, measure) == sign


def test_what_a_guardrail_costs_is_a_measure() -> None:
    assert min(values(ON, "guardrail_time", 12)) > 0


def world(*, guard: str = "", fault: str = "", more: str = "") -> str:
    return f"""name: direction
horizon: 20min
services:
  gpt: {{kind: model, latency: 1s, error_rate: 0}}
  crm: {{kind: tool, latency: 500ms, error_rate: 0}}
agents:
  bot:
    count: 4
    tasks: {{arrive: poisson(240/h), steps: 6, success: 0.9, deadline: 5min}}
    step: {{think: gpt, act: crm}}
    unsafe: {{chance: 1%}}
    explain: {{}}
    protect: {{{guard}}}
    {more}
faults: [{fault}]
"""


CORRUPT = "{state_corruption: {agent: bot, parts: [context, plan], every: exponential(mean=2min)}}"
LIES = "{hallucination: {service: gpt, probability: 10%}}"


@pytest.mark.parametrize("fault", [CORRUPT, LIES])
def test_faults_that_mislead_lower_safety_and_what_explanations_are_worth(fault: str) -> None:
    assert moves(world(fault=fault), world(), "safety") == -1
    assert moves(world(fault=fault), world(), "explainability") == -1
    assert moves(world(fault=fault), world(), "unsafe_by_faults") == +1


def test_a_guardrail_where_nothing_is_unsafe_only_costs() -> None:
    idle, free = (world(guard=guard).replace("unsafe: {chance: 1%}", "unsafe: {chance: 0}")
                  for guard in ("guardrail: {refuses: 5%}", ""))  # fmt: skip
    assert difference(idle, free, "safety") == (0, 0, 0)
    assert moves(idle, free, "task_time") == +1
    assert moves(idle, free, "task_success") != +1


ATTACK = "{prompt_injection: {service: crm, probability: 10%}}"


def test_a_guardrail_that_refuses_everything_is_safe_but_not_secure() -> None:
    nothing = world(guard="guardrail: {refuses: 1, catches: 1}", fault=ATTACK)
    free = world(fault=ATTACK)
    assert moves(nothing, free, "safety") == +1
    # no answer is read any more, so that nobody attacks: not measured, on which no gate passes
    assert all(row["security"].value is None for row in replications(nothing, 4))
    hardly, careful = (
        world(guard=f"guardrail: {{refuses: {share}, catches: 1}}", fault=ATTACK) for share in ("60%", "0")
    )
    assert moves(hardly, careful, "security") == -1


def test_who_was_fooled_is_fooled_again_more_easily() -> None:
    def lasting(hazard: int) -> str:
        state = (
            f"state: {{context: {{poison_hazard: {hazard}, poison_notice: 0}}, plan: {{poison_notice: 0}}}}"
        )
        fault = "{prompt_injection: {service: crm, probability: 30%, succeeds: 15%, poisons: [context]}}"
        return world(fault=fault, more=state)

    assert moves(lasting(10), lasting(1), "attack_success") == +1


def test_citing_everything_and_rationalising_lower_what_explanations_are_worth() -> None:
    def explained(how: str) -> str:
        return world(fault=CORRUPT).replace("explain: {}", f"explain: {{{how}}}")

    assert moves(explained("extra: 100%"), explained(""), "explainability") == -1
    assert moves(explained("covers: 80%"), explained(""), "explainability") == -1
    assert moves(explained("rationalises: 90%"), explained("rationalises: 0"), "explainability") == -1
