"""Votes and repeated trials: majorities with and without common causes, and pass^k.

Sources: von Neumann 1956, "Probabilistic logics"; Fleming 1975 (the beta factor of common causes); Chen et
al. 2021, arXiv 2107.03374 (pass@k); Yao et al. 2024, arXiv 2406.12045 (pass^k).
"""

from __future__ import annotations

import math

from agentchaos.analytic.base import require, require_positive, require_share
from agentchaos.analytic.block_diagram import k_of_n


def majority(voters: int, right: float, k: int | None = None) -> float:
    """The chance that at least k of so many independent voters are right; k: more than half by default.

    sum_{i>=k} C(n, i) p^i q^(n-i); below p = 1/2 more voters make a majority worse (Condorcet).
    """
    require(voters >= 1, "at least one voter")
    require_share(right=right)
    return k_of_n(voters // 2 + 1 if k is None else k, [right] * voters)


def majority_common_cause(voters: int, right: float, common: float, k: int | None = None) -> float:
    """The same where all voters share one draw with chance `common`: beta p + (1 - beta) P_independent.

    The beta factor of Fleming 1975.
    """
    require_share(common=common)
    return common * right + (1 - common) * majority(voters, right, k)


def majority_correlated(voters: int, right: float, correlation: float, k: int | None = None) -> float:
    """The same where the chance of being right varies from question to question: a beta-binomial.

    The chance is Beta(p (1/rho - 1), q (1/rho - 1)), rho the correlation of two voters. At rho = 0 they
    are independent, at rho = 1 as good as one.
    """
    require_share(right=right, correlation=correlation)
    if correlation == 0 or right in (0.0, 1.0):
        return majority(voters, right, k)
    if correlation == 1:
        return right
    least = voters // 2 + 1 if k is None else k
    spread = 1 / correlation - 1
    a, b = right * spread, (1 - right) * spread
    return math.fsum(_beta_binomial(i, voters, a, b) for i in range(max(least, 0), voters + 1))


def _beta_binomial(i: int, n: int, a: float, b: float) -> float:
    log = (
        math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1)
        + math.lgamma(i + a) + math.lgamma(n - i + b) - math.lgamma(n + a + b)
        + math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    )  # fmt: skip
    return math.exp(log)


def pass_all_beta(a: float, b: float, k: int) -> float:
    """pass^k where the chance of a task is Beta(a, b): E[p^k] = prod_{i<k} (a + i) / (a + b + i).

    It is above (E p)^k: tasks that go well go well again.
    """
    require_positive(a=a, b=b)
    return math.prod((a + i) / (a + b + i) for i in range(k))


def pass_all_estimate(right: int, trials: int, k: int) -> float:
    """The unbiased estimate of pass^k from c right of n trials: C(c, k) / C(n, k). Yao et al. 2024."""
    require(0 <= right <= trials and 1 <= k <= trials, "k and the right ones lie within the trials")
    return math.comb(right, k) / math.comb(trials, k)


def pass_any_estimate(right: int, trials: int, k: int) -> float:
    """The unbiased estimate of pass@k: 1 - C(n - c, k) / C(n, k). Chen et al. 2021."""
    require(0 <= right <= trials and 1 <= k <= trials, "k and the right ones lie within the trials")
    return 1 - math.comb(trials - right, k) / math.comb(trials, k)
