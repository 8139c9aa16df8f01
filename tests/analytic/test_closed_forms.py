"""Closed forms agree with one another where one is a special case of the other, and refuse what they must."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentchaos.analytic import markov, queueing, renewal, voting
from agentchaos.analytic.base import NoClosedForm
from agentchaos.analytic.block_diagram import (
    KOfN,
    Parallel,
    Series,
    Standby,
    Unit,
    availability,
    crossover,
    hazard,
    k_of_n,
    mttf,
    reliability,
    survival,
)
from agentchaos.distributions import parse_distribution

shares = st.floats(0, 1)
inner = st.floats(0.01, 0.99)
rates = st.floats(1e-4, 1e2)
small = st.integers(1, 6)


def like(n: int, rate: float) -> tuple[Unit, ...]:
    return tuple(Unit(f"u{i}", rate) for i in range(n))


def near(value: float) -> object:
    return pytest.approx(value, rel=1e-8, abs=1e-12)


# -- block diagrams -----------------------------------------------------------------------------


@given(st.lists(shares, min_size=1, max_size=6))
def test_k_of_n_is_parallel_for_one_and_series_for_all(chances: list[float]) -> None:
    parts = tuple(Unit(f"u{i}") for i in range(len(chances)))
    of = {f"u{i}": chance for i, chance in enumerate(chances)}
    n = len(chances)
    assert reliability(KOfN(1, parts), of) == near(reliability(Parallel(parts), of))
    assert reliability(KOfN(n, parts), of) == near(reliability(Series(parts), of))
    assert reliability(KOfN(0, parts), of) == near(1.0)
    assert reliability(KOfN(n + 1, parts), of) == 0


@given(small, small, inner)
def test_k_of_n_of_like_parts_is_the_binomial_tail(n: int, k: int, chance: float) -> None:
    tail = sum(math.comb(n, i) * chance**i * (1 - chance) ** (n - i) for i in range(k, n + 1))
    assert k_of_n(k, [chance] * n) == near(tail)


@given(inner, inner, inner, inner, inner)
def test_a_unit_in_several_places_is_one_unit(a: float, b: float, c: float, d: float, e: float) -> None:
    # the bridge, as its four minimal paths: known from conditioning on the unit in the middle
    paths = [("a", "b"), ("c", "d"), ("a", "e", "d"), ("c", "e", "b")]
    bridge = Parallel(tuple(Series(tuple(Unit(name) for name in path)) for path in paths))
    up = (1 - (1 - a) * (1 - c)) * (1 - (1 - b) * (1 - d))
    down = 1 - (1 - a * b) * (1 - c * d)
    assert reliability(bridge, dict(zip("abcde", (a, b, c, d, e), strict=True))) == near(
        e * up + (1 - e) * down
    )


@given(rates, rates, st.floats(0, 10))
def test_standby_lies_between_one_unit_and_a_pair_without_wear(rate: float, dormant: float, t: float) -> None:
    pair = like(2, rate)
    dormant = min(dormant, rate)
    at = t / rate
    cold, hot = (survival(Standby(pair, dormant=d), at) for d in (0.0, rate))
    assert survival(Standby(pair, dormant=dormant), at) <= cold + 1e-9
    assert hot == near(survival(Parallel(pair), at))
    assert survival(Standby(pair, coverage=0.0), at) == near(math.exp(-t))
    assert cold == near(math.exp(-t) * (1 + t))


@given(rates, rates, inner)
def test_standby_with_coverage_and_different_rates(one: float, other: float, coverage: float) -> None:
    pair = (Unit("a", one), Unit("b", other))
    assert mttf(Standby(pair, coverage=coverage)) == near(1 / one + coverage / other)


@given(small, small, rates)
def test_the_mean_life_is_the_integral_of_survival(n: int, k: int, rate: float) -> None:
    if k > n:
        return
    # within a row the formula for like parts does not apply, and it is integrated
    whole = Series((KOfN(k, like(n, rate)),))
    assert mttf(whole) == pytest.approx(sum(1 / i for i in range(k, n + 1)) / rate, rel=1e-7)


@pytest.mark.parametrize("ratio", [1.0, 3.0, 1e3, 1e6])
def test_two_in_parallel_whatever_their_rates(ratio: float) -> None:
    a, b = 0.01, 0.01 * ratio
    exact = 1 / a + 1 / b - 1 / (a + b)
    assert mttf(Parallel((Unit("a", a), Unit("b", b)))) == pytest.approx(exact, rel=1e-8)


def test_units_in_series_wait_like_one() -> None:
    row = Series((Unit("a", 0.01), Unit("b", 0.03)))
    again = Series((Unit("c", 0.01), Unit("d", 0.03)))
    assert mttf(Standby((row, again))) == near(2 / 0.04)


def test_availability_of_a_diagram() -> None:
    diagram = Series((Unit("db"), Parallel((Unit("a"), Unit("b")))))
    cycles = {"db": (99.0, 1.0), "a": (9.0, 1.0), "b": (9.0, 1.0)}
    assert availability(diagram, cycles) == near(0.99 * 0.99)


@given(st.integers(3, 9))
def test_where_redundancy_begins_to_hurt(n: int) -> None:
    k = n // 2 + 1
    point = crossover(k, n)
    assert k_of_n(k, [point] * n) == pytest.approx(point, rel=1e-9)


# -- markov -------------------------------------------------------------------------------------


@given(small, small, rates, rates)
def test_with_a_crew_each_units_are_independent(n: int, k: int, failure: float, repair: float) -> None:
    if k > n:
        return
    alone = repair / (failure + repair)
    assert markov.k_of_n_availability(k, n, failure, repair, n) == near(k_of_n(k, [alone] * n))


@given(rates, rates, st.floats(0.01, 5))
def test_two_states_in_closed_form(failure: float, repair: float, t: float) -> None:
    chain, s = markov.two_states(failure, repair), failure + repair
    steady, at = repair / s, t / s
    assert markov.steady(chain)[0] == near(steady)
    assert markov.point_availability(chain, 0, {0}, at) == near(steady + failure / s * math.exp(-s * at))
    spent = steady + failure / (s * s * at) * (1 - math.exp(-s * at))
    assert markov.interval_availability(chain, 0, {0}, at) == near(spent)


@given(rates, rates)
def test_pairs_with_repair(failure: float, repair: float) -> None:
    r = failure / repair
    one_crew = (1 + 2 * r) / (1 + 2 * r + 2 * r * r)
    assert markov.k_of_n_availability(1, 2, failure, repair, 1) == near(one_crew)
    assert markov.standby_availability(1, failure, repair, dormant=failure) == near(one_crew)
    assert markov.standby_availability(1, failure, repair) == near((1 + r) / (1 + r + r * r))
    assert markov.k_of_n_mttf(1, 2, failure, repair, 1) == near((3 * failure + repair) / (2 * failure**2))
    assert markov.standby_mttf(1, failure, repair) == near((2 * failure + repair) / failure**2)


@given(small, rates, rates, inner)
def test_standby_without_a_chance_of_repair_is_the_block_diagram(
    n: int, failure: float, dormant: float, coverage: float
) -> None:
    dormant = min(dormant, failure)
    slow = failure * 1e-9
    diagram = Standby(like(n, failure), coverage=coverage, dormant=dormant)
    mean = markov.standby_mttf(n - 1, failure, slow, dormant=dormant, coverage=coverage)
    assert mean == pytest.approx(mttf(diagram), rel=1e-6)


def test_a_switch_that_fails_costs_availability() -> None:
    covered, half, never = (markov.standby_availability(1, 0.01, 0.1, coverage=c) for c in (1.0, 0.5, 0.0))
    assert covered > half > never
    assert never == pytest.approx(renewal.availability(100, 10), rel=0.02)


@given(small, rates, rates, small)
def test_the_repair_shop_is_a_queue(n: int, fail: float, repair: float, crews: int) -> None:
    shop = queueing.repairman(n, fail, repair, crews)
    assert shop.inside == near(markov.mean_down(n, 1 / fail, 1 / repair, crews))
    if crews >= n:
        assert shop.wait_s == pytest.approx(0, abs=1e-9 * repair)
        assert shop.inside == near(n * repair / (fail + repair))


def test_gamblers_ruin() -> None:
    # from 1 of 3 coins, fair: ruin with 2/3, after 2 games on average
    fair = markov.absorb([[0, 0.5], [0.5, 0]], [[0.5, 0], [0, 0.5]])
    assert fair.chances[0] == pytest.approx((2 / 3, 1 / 3))
    assert fair.steps == pytest.approx((2, 2))


# -- queues -------------------------------------------------------------------------------------


@given(inner, rates, small)
def test_queues_are_special_cases_of_one_another(rho: float, serve: float, servers: int) -> None:
    arrive = rho * servers / serve
    many = queueing.mmc(arrive, serve, servers)
    one = queueing.mg1(rho / serve, serve, serve**2)
    assert queueing.mm1(rho / serve, serve) == near_queue(one)
    assert queueing.md1(rho / serve, serve).wait_s == near(one.wait_s / 2)
    assert queueing.mmck(arrive, serve, servers, servers).p_block == near(
        queueing.erlang_b(servers, rho * servers)
    )
    assert many.inside == near(queueing.littles_law(arrive, many.wait_s + serve))
    if rho <= 0.8:
        assert queueing.mmck(arrive, serve, servers, servers + 400) == near_queue(many)


def near_queue(queue: queueing.Queue) -> object:
    return pytest.approx(tuple(queue), rel=1e-7, abs=1e-9)


def test_one_place_with_two_states_is_a_unit() -> None:
    assert 1 - queueing.mmck(0.01, 5, 1, 1).p_block == near(renewal.availability(100, 5))


# -- renewal ------------------------------------------------------------------------------------


@given(st.floats(1e-6, 1e-2), st.floats(1, 1e6))
def test_daly_is_near_the_exact_interval_where_writing_is_cheap(share: float, life: float) -> None:
    write = share * life
    exact = renewal.exact_interval(write, life)
    assert renewal.daly_interval(write, life) == pytest.approx(exact, rel=1e-3)
    # Young's, less the time to write itself, is nearly that
    assert renewal.young_interval(write, life) - write == pytest.approx(exact, rel=0.06)


@given(st.floats(1e-4, 1), st.floats(1, 1e4), st.floats(0.5, 2))
def test_no_interval_beats_the_exact_one(share: float, life: float, off: float) -> None:
    write = share * life
    best = renewal.exact_interval(write, life)
    lost, elsewhere = (renewal.time_share_lost(tau, write, life) for tau in (best, best * off))
    assert lost <= elsewhere + 1e-12


@given(st.floats(10, 1e4), st.floats(0, 0.01), st.floats(0, 100))
def test_one_segment_without_writing_is_from_scratch(work: float, rate: float, down: float) -> None:
    scratch = renewal.completion_from_scratch(work, rate, recovery=down)
    kept = renewal.completion_with_checkpoints(work, work, 0.0, rate, downtime=down)
    assert kept == near(scratch)
    assert scratch >= work * (1 - 1e-9)


def test_lost_work_tends_to_half_a_segment() -> None:
    assert renewal.lost_per_failure(480, 1e-9) == pytest.approx(240, rel=1e-3)


@given(inner, small)
def test_retries_and_chains(success: float, n: int) -> None:
    assert renewal.retry_success(success, 1) == near(success)
    assert renewal.mean_attempts(success, n) * success == near(renewal.retry_success(success, n))
    assert renewal.steps_from_scratch(success, 1) == near(renewal.steps_checkpointed(success, 1))
    assert renewal.steps_from_scratch(success, n) >= renewal.steps_checkpointed(success, n) * (1 - 1e-9)
    names = [f"s{i}" for i in range(n)]
    chain = Series(tuple(Unit(name) for name in names))
    assert renewal.chain_success(success, n) == near(reliability(chain, dict.fromkeys(names, success)))


def test_pauses_are_capped_and_jittered() -> None:
    assert renewal.backoff_wait(0.0, 4, 1, longest=2, full_jitter=False) == near(1 + 2 + 2)
    assert renewal.backoff_wait(0.0, 4, 1, longest=2) == near(2.5)
    assert renewal.backoff_wait(1.0, 4, 1) == 0


@given(st.integers(1, 6), st.floats(0.1, 0.9))
def test_beats_until_a_false_alarm_is_an_absorbing_chain(misses: int, loss: float) -> None:
    within = [[0.0] * misses for _ in range(misses)]
    out = [[0.0] for _ in range(misses)]
    for run in range(misses):
        within[run][0] += 1 - loss
        if run + 1 < misses:
            within[run][run + 1] += loss
        else:
            out[run][0] = loss
    steps = markov.absorb(within, out).steps[0]
    assert renewal.beats_until_alarm(misses, loss) == pytest.approx(steps, rel=1e-6)


@given(st.integers(1, 8), st.floats(0, 0.95))
def test_lost_beats_declare_a_death_sooner(misses: int, loss: float) -> None:
    delay = renewal.lossy_heartbeat_delay(10, misses, loss)
    assert 5 - 1e-6 <= delay <= renewal.heartbeat_delay(10, misses) + 1e-9
    # from the chances of each run of lost beats, one by one
    runs = [loss**j for j in range(misses)]
    saved = sum(j * run for j, run in enumerate(runs)) / sum(runs)
    assert delay == pytest.approx(10 * (misses - 0.5 - saved), rel=1e-6)


def test_a_breaker_at_its_ends() -> None:
    assert renewal.breaker_closed_share(0, 5, 1, 30) == 1
    assert renewal.breaker_closed_share(1, 5, 1, 30) == 0


# -- votes --------------------------------------------------------------------------------------


@given(st.integers(0, 4), inner)
def test_votes(half: int, right: float) -> None:
    n = 2 * half + 1
    independent = voting.majority(n, right)
    assert voting.majority_common_cause(n, right, 0) == near(independent)
    assert voting.majority_common_cause(n, right, 1) == near(right)
    assert voting.majority_correlated(n, right, 0) == near(independent)
    assert voting.majority_correlated(n, right, 1e-6) == pytest.approx(independent, rel=1e-3, abs=1e-4)
    assert voting.majority_correlated(n, right, 1) == near(right)
    # voting hurts below one half
    assert independent >= right - 1e-12 if right >= 0.5 else independent <= right + 1e-12


@given(st.integers(1, 7), inner, st.floats(0.02, 0.98))
def test_all_of_correlated_voters_is_pass_all_under_a_beta(n: int, right: float, correlation: float) -> None:
    spread = 1 / correlation - 1
    beta = voting.pass_all_beta(right * spread, (1 - right) * spread, n)
    assert voting.majority_correlated(n, right, correlation, k=n) == pytest.approx(beta, rel=1e-7)


# -- refusals -----------------------------------------------------------------------------------

SERIES = Series(like(2, 0.01))
REFUSED: list[tuple[Callable[[], object], str]] = [
    (lambda: queueing.mm1(1.3, 1), "the queue is unstable: utilisation 1.3"),
    (lambda: queueing.mg1(1, 1, 0), "the queue is unstable: utilisation 1,"),
    (lambda: queueing.erlang_c(3, 3.0), "unstable"),
    (lambda: queueing.mmck(1, 1, 3, 2), "room for 2 with 3 servers"),
    (lambda: renewal.young_interval(0, 10), "write is 0; it must be above 0"),
    (lambda: renewal.steps_from_scratch(0, 3), "the chance of a step is 0"),
    (lambda: renewal.hedged_quantile(1, parse_distribution("1s")), "the quantile is 1"),
    (lambda: renewal.clean_runs_needed(1), "the reliability is 1"),
    (lambda: crossover(1, 3), "do not cross"),
    (lambda: mttf(Unit("a")), "unit a has no failure rate"),
    (lambda: hazard(Parallel(like(2, 1))), "a unit, or units in series"),
    (lambda: survival(Standby((Unit("a", 1), Unit("b", 2)), dormant=0.5), 1), "different failure rates"),
    (lambda: survival(Parallel((Unit("a", 1), Unit("a", 1))), 1), "unit a stands in several places"),
    (lambda: reliability(Standby(like(2, 1)), {}), "works for a time, not with a chance"),
    (lambda: reliability(SERIES, {"u0": 1.5, "u1": 1}), "the chance of u0 is 1.5"),
    (lambda: markov.two_states(0, 1), "failure is 0"),
    (lambda: markov.steady(markov.Chain({("a", "b"): 1.0})), "no single steady state"),
    (lambda: markov.absorb([[0.5]], [[0.6]]), "do not sum to 1"),
    (lambda: voting.majority(3, -0.1), "right is -0.1"),
    (lambda: voting.pass_all_estimate(2, 3, 4), "k and the right ones"),
]


@pytest.mark.parametrize(("ask", "why"), REFUSED, ids=[why for _, why in REFUSED])
def test_what_does_not_hold_is_refused_with_its_reason(ask: Callable[[], object], why: str) -> None:
    with pytest.raises(NoClosedForm, match=why.replace(".", r"\.")):
        ask()
