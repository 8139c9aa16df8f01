"""Recognises a vote on each step: the chance that the step is right, from that of one voter."""

from __future__ import annotations

from collections.abc import Callable

from agentchaos.analytic import voting
from agentchaos.analytic.base import NoClosedForm, require
from agentchaos.mechanisms.quorum import Quorum
from agentchaos.world import Group


def of_a_step(group: Group, name: str) -> tuple[Callable[[float], float], str]:
    """(chance of a step to be right from that of a voter, formula)."""
    quorum = group.quorum
    assert quorum is not None
    require(
        group.step.think is not None, f"steps of {name} are not thought about: there is nothing to vote on"
    )
    if float(quorum.same_wrong) == 1:
        return _all_wrong_ones_alike(quorum)
    if float(quorum.same_wrong) == 0 and quorum.undecided == "fail" and quorum.agree > 1:
        return _no_wrong_ones_alike(quorum)
    raise NoClosedForm(
        f"two wrong votes are equal with a chance of {float(quorum.same_wrong):g}: with 1 every vote is "
        "decided at once, with 0 and 'undecided: fail' no wrong answer ever is; between them there is no "
        "closed form"
    )


def _all_wrong_ones_alike(quorum: Quorum) -> tuple[Callable[[float], float], str]:
    n, k = quorum.voters, quorum.agree
    require(2 * k == n + 1, f"with {k} of {n} a vote may come to nothing, and is held again")
    if quorum.rho is not None:
        rho = float(quorum.rho)
        return lambda s: voting.majority_correlated(n, s, rho, k), "beta-binomial majority"
    beta = quorum.common_cause
    if beta:
        return lambda s: voting.majority_common_cause(n, s, beta, k), "beta s + (1 - beta) majority"
    return lambda s: voting.majority(n, s, k), "sum_{i>=k} C(n,i) s^i (1-s)^(n-i)"


def _no_wrong_ones_alike(quorum: Quorum) -> tuple[Callable[[float], float], str]:
    n, k, rounds = quorum.voters, quorum.agree, quorum.rounds
    require(
        quorum.common_cause == 0 and quorum.rho is None,
        "voters are correlated, and a vote may be held again with the same ones",
    )
    return lambda s: 1 - (1 - voting.majority(n, s, k)) ** rounds, "1 - (1 - majority)^rounds"
