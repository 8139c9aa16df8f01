"""Published closed forms, computed by our functions to the digits that are printed.

Each row: its number, what it is, its value from our functions and the value as published (to a relative
1e-6).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from agentchaos.analytic import markov, queueing, renewal, voting
from agentchaos.analytic.block_diagram import (
    KOfN,
    Parallel,
    Series,
    Standby,
    Unit,
    crossover,
    mttf,
    reliability,
    survival,
)
from agentchaos.distributions import parse_distribution


def some(rates: list[float]) -> tuple[Unit, ...]:
    return tuple(Unit(f"u{i}", rate) for i, rate in enumerate(rates))


def at(chances: list[float]) -> dict[str, float]:
    return {f"u{i}": chance for i, chance in enumerate(chances)}


TMR = KOfN(2, some([0.01] * 3))
"""Two of three units, each failing at 0.01."""

PLAN_ACT_VERIFY = ([[0, 0.97, 0], [0.05, 0, 0.90], [0.10, 0, 0]], [[0, 0.03], [0, 0.05], [0.88, 0.02]])
"""Moves among plan, act, verify, and from each to done or failed."""

SLOW = parse_distribution("lognormal(median=1s, sigma=0.8)")
SERVED = parse_distribution(f"lognormal(median={math.exp(-0.5)}s, sigma=1)")
"""Mean 1, sigma 1."""


def hit_rate_of_the_estimate(n: int, p: float, estimate: Callable[[int], float]) -> float:
    """Its mean over the binomial number of right ones: unbiased estimates give the parameter."""
    return sum(math.comb(n, c) * p**c * (1 - p) ** (n - c) * estimate(c) for c in range(n + 1))


PUBLISHED: dict[str, tuple[str, Callable[[], float], float]] = {
    "O01": (
        "series R",
        lambda: reliability(Series(some([1] * 3)), at([0.99, 0.98, 0.95])),
        0.92169,
    ),
    "O02": ("parallel R", lambda: reliability(Parallel(some([1] * 3)), at([0.9, 0.8, 0.7])), 0.994),
    "O03": ("2-of-3 R, R=.9", lambda: reliability(TMR, at([0.9] * 3)), 0.972),
    "O04": ("series MTTF", lambda: mttf(Series(some([0.01, 0.02, 0.05]))), 12.5),
    "O05": ("parallel MTTF, two unequal", lambda: mttf(Parallel(some([0.01, 0.02]))), 116.666667),
    "O07": ("TMR R(50)", lambda: survival(TMR, 50), 0.657378003),
    "O08": ("TMR MTTF", lambda: mttf(TMR), 83.3333333),
    "O09": ("cold standby R(200), n=3", lambda: survival(Standby(some([0.01] * 3)), 200), 0.676676416),
    "O10": ("cold standby MTTF, n=3", lambda: mttf(Standby(some([0.01] * 3))), 300.0),
    "O11": (
        "cold standby with coverage .95 R(100)",
        lambda: survival(Standby(some([0.01] * 2), coverage=0.95), 100),
        0.71736491,
    ),
    "O12": (
        "warm standby R(100), dormant rate .002",
        lambda: survival(Standby(some([0.01] * 2), dormant=0.002), 100),
        0.701305587,
    ),
    "O15": ("steady availability", lambda: renewal.availability(100, 5), 0.952380952),
    "O16": (
        "point availability A(3)",
        lambda: markov.point_availability(markov.two_states(0.01, 0.2), 0, {0}, 3),
        0.977742467,
    ),
    "O17": (
        "interval availability, T=50",
        lambda: markov.interval_availability(markov.two_states(0.01, 0.2), 0, {0}, 50),
        0.956915975,
    ),
    "O18": ("1-of-2, one crew", lambda: markov.k_of_n_availability(1, 2, 0.01, 0.1, 1), 0.983606557),
    "O20": ("3-of-5, one crew", lambda: markov.k_of_n_availability(3, 5, 0.01, 0.1, 1), 0.958718701),
    "O22": ("machines down, N=5", lambda: markov.mean_down(5, 0.01, 0.1, 1), 0.639521769),
    "O23": ("M/M/1 Wq", lambda: queueing.mm1(0.7, 1).wait_s, 2.33333333),
    "O24": ("M/D/1 Wq", lambda: queueing.md1(0.7, 1).wait_s, 1.16666667),
    "O25": (
        "M/G/1 lognormal Wq",
        lambda: queueing.mg1(0.7, SERVED.mean(), SERVED.variance()).wait_s,
        3.1713288,
    ),
    "O26": ("M/M/3 P(wait)", lambda: queueing.mmc(2.4, 1, 3).p_wait, 0.647191011),
    "O27": ("M/M/3 Wq", lambda: queueing.mmc(2.4, 1, 3).wait_s, 1.07865169),
    "O28": ("M/M/3/5 blocking", lambda: queueing.mmck(2.4, 1, 3, 5).p_block, 0.123894281),
    "O29": ("Erlang B", lambda: queueing.erlang_b(5, 3), 0.110054348),
    "O30": ("Young", lambda: renewal.young_interval(30, 3600), 464.758002),
    "O31": ("Daly", lambda: renewal.daly_interval(30, 3600), 444.973167),
    "O32": ("exact interval", lambda: renewal.exact_interval(30, 3600), 444.9769),
    "O33": (
        "completion with checkpoints",
        lambda: renewal.completion_with_checkpoints(7200, 450, 30, 1 / 3600, restart=60, downtime=20),
        8400.01668,
    ),
    "O34": (
        "completion from scratch",
        lambda: renewal.completion_from_scratch(7200, 1 / 3600, recovery=80),
        23511.7264,
    ),
    "O35": ("lost per failure", lambda: renewal.lost_per_failure(480, 1 / 3600), 234.668246),
    "O37": ("recovery point", lambda: renewal.recovery_point(60, 2), 32.0),
    "O38": ("heartbeat", lambda: renewal.heartbeat_delay(10, 3), 25.0),
    "O40": ("probe", lambda: renewal.probe_delay(10, 3, 1), 26.0),
    "O42": ("breaker closed", lambda: renewal.breaker_closed_share(0.3, 5, 1, 30), 0.931899072),
    "O44": ("majority", lambda: voting.majority(5, 0.7), 0.83692),
    "O45": ("common cause", lambda: voting.majority_common_cause(5, 0.7, 0.3), 0.795844),
    "O47": ("pass^8, Beta(2, 1)", lambda: voting.pass_all_beta(2, 1, 8), 0.2),
    "O48": (
        "pass^k estimate",
        lambda: hit_rate_of_the_estimate(10, 0.6, lambda c: voting.pass_all_estimate(c, 10, 4)),
        0.1296,
    ),
    "O49": (
        "pass@k estimate",
        lambda: hit_rate_of_the_estimate(10, 0.6, lambda c: voting.pass_any_estimate(c, 10, 4)),
        0.9744,
    ),
    "O50": ("retry success", lambda: renewal.retry_success(0.8, 3), 0.992),
    "O51": ("mean attempts", lambda: renewal.mean_attempts(0.8, 3), 1.24),
    "O52": ("backoff wait", lambda: renewal.backoff_wait(0.8, 3, 1), 0.14),
    "O53": ("chain", lambda: renewal.chain_success(0.95, 20), 0.358485922),
    "O54": ("steps from scratch", lambda: renewal.steps_from_scratch(0.95, 20), 35.7901964),
    "O55": ("steps checkpointed", lambda: renewal.steps_checkpointed(0.95, 20), 21.0526316),
    "O57": ("P(done)", lambda: markov.absorb(*PLAN_ACT_VERIFY).chances[0][0], 0.888960889),
    "O58": ("moves to the end", lambda: markov.absorb(*PLAN_ACT_VERIFY).steps[0], 3.28974774),
    "O59": ("hedged p95", lambda: renewal.hedged_quantile(0.95, SLOW), 1.83685498),
    "O61": ("budget, minutes of 30 d", lambda: renewal.error_budget(0.999, 30 * 24 * 60), 43.2),
    "O62": ("burn", lambda: renewal.burnt(14.4, 1, 30 * 24), 0.02),
    "O63": ("clean runs", lambda: renewal.clean_runs_needed(0.95), 59.0),
    "O64": ("Wilson", lambda: renewal.wilson_low(18, 20), 0.698966355),
    "O65": ("2,048 nodes, hours", lambda: 24 * renewal.series_mttf(2048, 6.5e-3), 1.80288462),
}


@pytest.mark.parametrize("row", PUBLISHED, ids=list(PUBLISHED))
def test_the_published_value(row: str) -> None:
    _, ours, published = PUBLISHED[row]
    assert ours() == pytest.approx(published, rel=1e-6)


def test_every_row_is_there() -> None:
    assert len(PUBLISHED) == 53


def test_the_ranges_that_go_with_the_rows() -> None:
    # TMR is better than one unit until ln 2 / l, and worse on average
    assert crossover(2, 3) == pytest.approx(0.5)
    later, sooner = math.log(2) / 0.01 + 1, math.log(2) / 0.01 - 1
    assert survival(TMR, later) < math.exp(-0.01 * later)
    assert survival(TMR, sooner) > math.exp(-0.01 * sooner)
    assert mttf(TMR) < 100
    # the age of a snapshot: its p95 and its maximum
    assert renewal.recovery_point_quantile(0.95, 60, 2) == pytest.approx(59)
    assert renewal.recovery_point_quantile(1, 60, 2) == 62
    # the rest of M/M/1
    queue = queueing.mm1(0.7, 1)
    assert queue.inside == pytest.approx(0.7 / 0.3)
    assert queue.wait_s + 1 == pytest.approx(1 / 0.3)
    # pass^k of tasks that differ is above that of tasks alike
    assert voting.pass_all_beta(2, 1, 8) > (2 / 3) ** 8


def test_the_inspection_paradox() -> None:
    periodic = parse_distribution("60s")
    jittered = parse_distribution("exponential(mean=60s)")
    assert renewal.random_recovery_point(periodic) == renewal.recovery_point(60)
    assert renewal.random_recovery_point(jittered) == pytest.approx(60)
