"""Renewal theory: availability, checkpoints, restarts, detection, retries, chains and budgets.

Times are seconds, rates per second. Sources stand with each formula; the books are Trivedi 2002, and Ross,
"Introduction to Probability Models" (renewal reward, chapter 7).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

from agentchaos.analytic.base import NoClosedForm, require, require_positive, require_share
from agentchaos.distributions import Distribution

# -- up and down --------------------------------------------------------------------------------


def availability(mttf: float, mttr: float) -> float:
    """The long-run share of time up: MTTF / (MTTF + MTTR), for lives and repairs of any distribution.

    Alternating renewal process; Ross, section 7.5.1; Trivedi 2002, section 6.6.
    """
    require(mttf > 0 and mttr >= 0, "a mean time to failure above 0, and one to repair of 0 or more")
    return 1.0 if math.isinf(mttf) else mttf / (mttf + mttr)


def mtbf(mttf: float, mttr: float) -> float:
    """The mean time between failures, MTTF + MTTR."""
    return mttf + mttr


def series_mttf(nodes: int, rate: float) -> float:
    """The mean time to the first failure among so many nodes in series: 1 / (N r), in the unit of 1/r.

    Used for clusters in Kokolis et al. 2024, "Revisiting reliability in large-scale machine learning
    research clusters" (arXiv 2410.21680).
    """
    require_positive(nodes=nodes, rate=rate)
    return 1 / (nodes * rate)


# -- checkpoints --------------------------------------------------------------------------------


def young_interval(write: float, mtbf: float) -> float:
    """First-order best work between checkpoints: sqrt(2 C M). Young 1974, CACM 17(9)."""
    require_positive(write=write, mtbf=mtbf)
    return math.sqrt(2 * write * mtbf)


def daly_interval(write: float, mtbf: float) -> float:
    """Higher-order best work between checkpoints; M where C >= 2 M.

    sqrt(2 C M) [1 + sqrt(C / 2M) / 3 + (C / 2M) / 9] - C. Daly 2006, FGCS 22(3), equation 37.
    """
    require_positive(write=write, mtbf=mtbf)
    if write >= 2 * mtbf:
        return mtbf
    half = write / (2 * mtbf)
    return math.sqrt(2 * write * mtbf) * (1 + math.sqrt(half) / 3 + half / 9) - write


def exact_interval(write: float, mtbf: float) -> float:
    """The best work between checkpoints for exponential failures: M (1 + W0(-e^(-1 - C/M))).

    W0 is the Lambert function; it minimises (e^((tau + C)/M) - 1) / tau. Daly 2006, equation 20, solved.
    """
    from scipy.special import lambertw

    require_positive(write=write, mtbf=mtbf)
    return float(mtbf * (1 + lambertw(-math.exp(-1 - write / mtbf)).real))


def completion_with_checkpoints(
    work: float, interval: float, write: float, rate: float, *, restart: float = 0.0, downtime: float = 0.0
) -> float:
    """The mean time for `work` with a checkpoint of `write` after each `interval` of it.

    (Ts / tau) e^(l R) (1/l + D) (e^(l (tau + C)) - 1): failures strike at rate l while working, writing
    and restarting (R), not while down (D). Daly 2006, equation 20; Duda 1983, IPL 16(5).
    """
    require_positive(work=work, interval=interval)
    require(rate >= 0, "a rate of failures of 0 or more")
    segments = work / interval
    if rate == 0:
        return segments * (interval + write)
    return (
        segments
        * math.exp(rate * restart)
        * (1 / rate + downtime)
        * math.expm1(rate * (interval + write))
    )  # fmt: skip


def completion_from_scratch(work: float, rate: float, *, recovery: float = 0.0) -> float:
    """The mean time for `work` that begins again after each failure: (1/l + Rc) (e^(l Ts) - 1).

    The recovery Rc is free of failures. Duda 1983; Trivedi 2002, section 5.6.
    """
    require_positive(work=work)
    require(rate >= 0, "a rate of failures of 0 or more")
    return work if rate == 0 else (1 / rate + recovery) * math.expm1(rate * work)


def lost_per_failure(segment: float, rate: float) -> float:
    """The mean work lost by a failure that strikes within a segment: 1/l - L / (e^(l L) - 1).

    The mean of an exponential life cut off at L; it tends to L/2 for small l L. Daly 2006, section 2.
    """
    require_positive(segment=segment, rate=rate)
    return 1 / rate - segment / math.expm1(rate * segment)


def time_share_lost(interval: float, write: float, mtbf: float, *, recovery: float = 0.0) -> float:
    """The share of time that is no kept work, with failures also while writing.

    1 - tau / ((M + D)(e^((tau + C)/M) - 1)), D the recovery after each failure. Renewal reward on Daly
    2006, equation 20, without failures in recovery.
    """
    segment = completion_with_checkpoints(interval, interval, write, 1 / mtbf, downtime=recovery)
    return 1 - interval / segment


def recovery_point(interval: float, write: float = 0.0) -> float:
    """The mean age of the newest durable snapshot, taken each `interval`, durable after `write`: tau/2 + w.

    The moment of failure is uniform over a period. Renewal theory: the mean age of a deterministic process.
    """
    return interval / 2 + write


def recovery_point_quantile(q: float, interval: float, write: float = 0.0) -> float:
    """The q-quantile of that age: q tau + w; its greatest value, for q = 1, is tau + w."""
    require_share(q=q)
    return q * interval + write


def random_recovery_point(gap: Distribution, write: float = 0.0) -> float:
    """The mean age of the newest durable snapshot where the gaps between them are random.

    E[G^2] / (2 E[G]) + w: long gaps are more likely to be hit (the inspection paradox), so that it is
    above E[G]/2. Ross, example 7.18.
    """
    mean = gap.mean()
    require_positive(**{"the mean gap": mean})
    return (gap.variance() + mean**2) / (2 * mean) + write


# -- detection ----------------------------------------------------------------------------------


def heartbeat_delay(period: float, misses: int) -> float:
    """The mean time from a death to the m-th missed beat: (m - 1/2) T, within ((m-1) T, m T].

    The death is uniform between two beats; beats are not lost.
    """
    require_positive(period=period, misses=misses)
    return (misses - 0.5) * period


def probe_delay(period: float, failures: int, timeout: float) -> float:
    """The mean time from a death to the m-th failed probe, each known to have failed after `timeout`.

    (m - 1/2) T + to; Kubernetes probes with T = 10 s, m = 3, to = 1 s: 26 s.
    """
    return heartbeat_delay(period, failures) + timeout


def beats_until_alarm(misses: int, loss: float) -> float:
    """The mean number of beats until m in a row are lost: (1 - p^m) / (p^m (1 - p)), for a healthy unit.

    Waiting time for a run; Feller, "An Introduction to Probability Theory", vol. I, XIII.7.
    """
    require_share(loss=loss)
    if loss == 0:
        return math.inf
    if loss == 1:
        return float(misses)
    run = loss**misses
    return (1 - run) / (run * (1 - loss))


def false_alarm_rate(period: float, misses: int, loss: float) -> float:
    """False alarms a second of a healthy unit whose beats are lost independently; each begins a new count."""
    return 1 / (beats_until_alarm(misses, loss) * period)


def lossy_heartbeat_delay(period: float, misses: int, loss: float) -> float:
    """The mean time from a death to its declaration where beats before it may have been lost too.

    A run of j lost beats just before the death saves j periods; its chance is proportional to p^j for
    j < m, as m of them are an alarm after which one counts anew: (m - 1/2 - E[j]) T.
    """
    require_share(loss=loss)
    saved = math.fsum(loss**j for j in range(1, misses)) - (misses - 1) * loss**misses
    return heartbeat_delay(period, misses) - period * saved / (1 - loss**misses)


def breaker_closed_share(failure: float, trips: int, rate: float, open_s: float, *, probes: int = 1) -> float:
    """The share of time that a circuit breaker is closed while calls come at `rate` and fail with chance p.

    It opens after k failures in a row: Ec = (1 - p^k) / (p^k (1 - p)) calls on average; it is open for W,
    then h probes must all succeed, else it opens again: (Ec / r) / (Ec / r + W / (1 - p)^h).
    """
    require_positive(rate=rate)
    calls = beats_until_alarm(trips, failure)
    if math.isinf(calls):
        return 1.0
    if failure == 1:
        return 0.0
    closed = calls / rate
    return closed / (closed + open_s / (1 - failure) ** probes)


# -- retries and chains -------------------------------------------------------------------------


def retry_success(success: float, attempts: int) -> float:
    """The chance that one of so many independent attempts succeeds: 1 - (1 - p)^n."""
    require_share(success=success)
    return 1 - (1 - success) ** attempts


def mean_attempts(success: float, attempts: int) -> float:
    """The mean number of attempts made: (1 - (1 - p)^n) / p, a geometric cut off at n."""
    require_share(success=success)
    return float(attempts) if success == 0 else retry_success(success, attempts) / success


def backoff_wait(
    success: float,
    attempts: int,
    base: float,
    *,
    factor: float = 2.0,
    longest: float = math.inf,
    full_jitter: bool = True,
) -> float:
    """The mean time paused between attempts: sum_{j=1}^{n-1} q^j min(b f^(j-1), longest), halved by jitter.

    Full jitter draws each pause uniformly from 0 to that. Brooker 2015, "Exponential backoff and jitter".
    """
    require_share(success=success)
    pauses = (min(base * factor ** (j - 1), longest) * (1 - success) ** j for j in range(1, attempts))
    return math.fsum(pauses) * (0.5 if full_jitter else 1.0)


def chain_success(success: float, steps: int) -> float:
    """The chance that all of n independent steps succeed: p^n."""
    require_share(success=success)
    return success**steps


def steps_from_scratch(success: float, steps: int) -> float:
    """The mean number of steps made to finish n in a row, from the first again after each failure.

    (p^-n - 1) / (1 - p). Feller, vol. I, XIII.7.
    """
    require(0 < success <= 1, f"the chance of a step is {success:g}; it must be above 0")
    return float(steps) if success == 1 else (success**-steps - 1) / (1 - success)


def steps_checkpointed(success: float, steps: int) -> float:
    """The mean number of steps made to finish n, where only the failed one is made again: n / p."""
    require(0 < success <= 1, f"the chance of a step is {success:g}; it must be above 0")
    return steps / success


def hedged_quantile(q: float, latency: Distribution, copies: int = 2) -> float:
    """The q-quantile of the quickest of several like requests: F^-1(1 - (1-q)^(1/c)).

    Dean and Barroso 2013, "The tail at scale", CACM 56(2); the copies are independent.
    """
    require(0 < q < 1, f"the quantile is {q:g}; it must lie between 0 and 1")
    return latency.quantile(1 - (1 - q) ** (1 / copies))


# -- budgets and demonstrations -----------------------------------------------------------------


def error_budget(objective: float, window: float) -> float:
    """The time (or number) of failure that an objective allows in a window: (1 - SLO) x window.

    "Site Reliability Engineering" (2016), chapter 3.
    """
    require_share(objective=objective)
    return (1 - objective) * window


def burnt(burn: float, length: float, window: float) -> float:
    """The share of the error budget that a burn rate uses up in a time: burn x t / window.

    "The Site Reliability Workbook" (2018), chapter 5.
    """
    require_positive(window=window)
    return burn * length / window


def clean_runs_needed(reliability: float, confidence: float = 0.95) -> int:
    """Runs without failure that demonstrate a reliability: ceil(ln(1 - confidence) / ln(R)).

    The exact binomial (Clopper-Pearson) bound without failures.
    """
    require(0 < reliability < 1, f"the reliability is {reliability:g}; it must lie between 0 and 1")
    require(0 < confidence < 1, f"the confidence is {confidence:g}; it must lie between 0 and 1")
    return math.ceil(math.log(1 - confidence) / math.log(reliability))


def wilson_low(successes: int, trials: int, confidence: float = 0.95) -> float:
    """The lower end of the two-sided Wilson interval of a share. Wilson 1927, JASA 22."""
    require(0 <= successes <= trials and trials > 0, "successes within trials, and a trial at least")
    z, p, n = NormalDist().inv_cdf((1 + confidence) / 2), successes / trials, trials
    return (p + z * z / (2 * n) - z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))) / (1 + z * z / n)


def pooled_rate(means: Sequence[float]) -> float:
    """The rate of several independent Poisson streams together, from their mean gaps: sum 1/m."""
    if not means:
        raise NoClosedForm("no stream of failures")
    require_positive(**{f"mean gap {i + 1}": mean for i, mean in enumerate(means)})
    return math.fsum(1 / mean for mean in means)
