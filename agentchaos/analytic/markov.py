"""Markov chains: steady, transient and absorbing, with ready models of repairable systems.

Sources: Trivedi 2002, chapters 7 and 8; Grassmann, Taksar and Heyman 1985, "Regenerative analysis and
steady state distributions for Markov chains"; Kemeny and Snell, "Finite Markov Chains" (1960), chapter 3.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from agentchaos.analytic.base import require, require_positive, require_share

if TYPE_CHECKING:
    from numpy.typing import NDArray

State = Hashable


@dataclasses.dataclass(frozen=True)
class Chain:
    """A continuous-time chain: the rate (a second) of each move from one state to another."""

    rates: Mapping[tuple[State, State], float]

    @property
    def states(self) -> tuple[State, ...]:
        """In the order in which they are first named."""
        return tuple(dict.fromkeys(state for move in self.rates for state in move))

    def generator(self) -> NDArray[Any]:
        """The matrix Q, its rows summing to 0."""
        import numpy as np

        place = {state: i for i, state in enumerate(self.states)}
        q = np.zeros((len(place), len(place)))
        for (here, there), rate in self.rates.items():
            require(rate >= 0, f"the rate from {here} to {there} is {rate:g}; it must be 0 or more")
            if here != there:
                q[place[here], place[there]] += rate
        q[range(len(place)), range(len(place))] = -q.sum(axis=1)
        return q


def steady(chain: Chain) -> dict[State, float]:
    """The long-run share of time in each state: pi Q = 0, sum pi = 1.

    By the elimination of Grassmann, Taksar and Heyman, which subtracts nothing and so loses no digits.
    """
    q = chain.generator().tolist()
    n = len(q)
    for k in range(n - 1, 0, -1):
        out = sum(q[k][:k])
        require(out > 0, "a chain that falls apart has no single steady state")
        for i in range(k):
            q[i][k] /= out
            for j in range(k):
                if i != j:
                    q[i][j] += q[i][k] * q[k][j]
    weights = [1.0]
    for k in range(1, n):
        weights.append(sum(weights[i] * q[i][k] for i in range(k)))
    total = sum(weights)
    return {state: weight / total for state, weight in zip(chain.states, weights, strict=True)}


def transient(chain: Chain, start: State, t: float) -> dict[State, float]:
    """The chance of each state at time t: row `start` of exp(Q t). Trivedi 2002, section 8.1."""
    from scipy.linalg import expm

    row = expm(chain.generator() * t)[chain.states.index(start)]
    return {state: float(chance) for state, chance in zip(chain.states, row, strict=True)}


def point_availability(chain: Chain, start: State, up: Collection[State], t: float) -> float:
    """A(t): the chance to be in an up state at time t."""
    return sum(chance for state, chance in transient(chain, start, t).items() if state in up)


def interval_availability(chain: Chain, start: State, up: Collection[State], length: float) -> float:
    """The mean share of [0, length] spent in up states: (1/T) int_0^T A(t) dt."""
    return sum(share for state, share in mean_shares(chain, start, 0.0, length).items() if state in up)


def mean_shares(chain: Chain, start: State, begin: float, end: float) -> dict[State, float]:
    """The mean share of [begin, end] spent in each state, from `start` at time 0.

    The integral of exp(Q t) is a block of one larger exponential (Van Loan 1978).
    """
    import numpy as np
    from scipy.linalg import expm

    require_positive(length=end - begin)
    q = chain.generator()
    n = len(q)
    large = np.block([[q, np.eye(n)], [np.zeros((n, 2 * n))]])
    at_first = expm(q * begin)[chain.states.index(start)]
    spent = at_first @ expm(large * (end - begin))[:n, n:] / (end - begin)
    return {state: float(share) for state, share in zip(chain.states, spent, strict=True)}


def absorbed(chain: Chain, start: State, absorbing: Collection[State], t: float) -> float:
    """The chance that the chain has entered one of `absorbing` by time t: 1 - R(t). Trivedi 2002, 8.3."""
    held = Chain({move: rate for move, rate in chain.rates.items() if move[0] not in absorbing})
    return sum(chance for state, chance in transient(held, start, t).items() if state in absorbing)


def absorption_time(chain: Chain, start: State, absorbing: Collection[State]) -> float:
    """The mean time until the chain first enters one of `absorbing` (MTTF, where those are failures).

    tau solves -Q_TT tau = 1 over the other states. Trivedi 2002, section 8.3.
    """
    import numpy as np

    inside = [i for i, state in enumerate(chain.states) if state not in absorbing]
    q = chain.generator()[np.ix_(inside, inside)]
    times = np.linalg.solve(-q, np.ones(len(inside)))
    return float(times[inside.index(chain.states.index(start))])


# -- discrete absorbing chains ------------------------------------------------------------------


class Absorbed(NamedTuple):
    """chances[i][j]: of ending in absorbing state j from i; steps[i]: mean moves until then."""

    chances: tuple[tuple[float, ...], ...]
    steps: tuple[float, ...]


def absorb(within: Sequence[Sequence[float]], out: Sequence[Sequence[float]]) -> Absorbed:
    """A discrete chain with moves `within` (Q) its passing states and `out` (R) to absorbing ones.

    N = (I - Q)^-1; chances B = N R; mean number of moves t = N 1. Kemeny and Snell 1960, theorems 3.3.5
    and 3.3.7. Digits are lost in proportion to the number of moves: 1e9 of them leave seven.
    """
    import numpy as np

    q, r = np.array(within, float), np.array(out, float)
    rows = np.hstack([q, r])
    require(bool((rows >= 0).all()), "a chance to move is below 0")
    whole = bool((abs(rows.sum(axis=1) - 1) < 1e-9).all())
    require(whole, "the chances to move from a state do not sum to 1")
    fundamental = np.linalg.inv(np.eye(len(q)) - q)
    chances = fundamental @ r
    return Absorbed(
        tuple(tuple(map(float, row)) for row in chances), tuple(map(float, fundamental.sum(axis=1)))
    )


# -- ready models -------------------------------------------------------------------------------


def two_states(failure: float, repair: float) -> Chain:
    """A unit that is up (0) or down (1); rates a second. A = mu/(l+mu); A(t) = A + (1-A) e^-(l+mu)t."""
    require_positive(failure=failure, repair=repair)
    return Chain({(0, 1): failure, (1, 0): repair})


def repairable(n: int, failure: float, repair: float, crews: int) -> Chain:
    """The number of n like units that are down, `crews` of which can be repaired at a time.

    All that are up run (hot), so that i down fail on at (n-i) l and are repaired at min(i, crews) mu:
    the machine-repair model. Trivedi 2002, section 8.2.
    """
    require_positive(failure=failure, repair=repair)
    require(n >= 1 and crews >= 1, "at least one unit and one crew")
    rates: dict[tuple[State, State], float] = {}
    for down in range(n):
        rates[down, down + 1] = (n - down) * failure
        rates[down + 1, down] = min(down + 1, crews) * repair
    return Chain(rates)


def k_of_n_availability(k: int, n: int, failure: float, repair: float, crews: int) -> float:
    """The share of time that at least k of n repairable units are up: sum_{j<=n-k} pi_j.

    1-of-2 with one crew: (1 + 2r) / (1 + 2r + 2r^2), r = l/mu. Trivedi 2002, examples 8.8 and 8.12.
    """
    shares = steady(repairable(n, failure, repair, crews))
    return sum(shares[down] for down in range(n - k + 1))


def k_of_n_mttf(k: int, n: int, failure: float, repair: float, crews: int) -> float:
    """The mean time until fewer than k of n are up for the first time, repaired meanwhile; all up at first.

    2 of 2 with repair: (3 l + mu) / (2 l^2) for k = 1. Trivedi 2002, example 8.19.
    """
    chain = repairable(n, failure, repair, crews)
    return absorption_time(chain, 0, range(n - k + 1, n + 1))


def mean_down(n: int, failure: float, repair: float, crews: int) -> float:
    """The mean number of n machines that are down, sum j pi_j: M/M/r//n. Trivedi 2002, example 8.5."""
    return sum(down * share for down, share in _counted(repairable(n, failure, repair, crews)))


def _counted(chain: Chain) -> Iterable[tuple[int, float]]:
    for state, share in steady(chain).items():
        assert isinstance(state, int)
        yield state, share


def standby(
    spares: int, failure: float, repair: float, *, dormant: float = 0.0, coverage: float = 1.0, crews: int = 1
) -> Chain:
    """One unit at work and `spares` that wait, all repaired; state (down, stuck).

    A failure of the unit at work is covered with chance `coverage`: a spare takes over at once. Else the
    whole is stuck until a unit is repaired, although spares wait. dormant: failures a second of a spare
    (0 cold, `failure` hot). Trivedi 2002, section 8.2.5.
    """
    require_positive(failure=failure, repair=repair)
    require_share(coverage=coverage)
    rates: dict[tuple[State, State], float] = {}

    def move(here: State, there: State, rate: float) -> None:
        if rate > 0:
            rates[here, there] = rates.get((here, there), 0.0) + rate

    for down in range(spares + 1):
        waiting = spares - down
        covered = coverage if waiting else 1.0
        move((down, False), (down + 1, False), covered * failure + waiting * dormant)
        if waiting and coverage < 1:
            move((down, False), (down + 1, True), (1 - coverage) * failure)
            move((down + 1, True), (down, False), min(down + 1, crews) * repair)
        move((down + 1, False), (down, False), min(down + 1, crews) * repair)
    return Chain(rates)


def standby_up(spares: int) -> Callable[[State], bool]:
    """Whether a state of `standby` is up: not stuck, and a unit is left to work."""

    def up(state: State) -> bool:
        assert isinstance(state, tuple)
        return not state[1] and state[0] <= spares

    return up


def standby_availability(
    spares: int, failure: float, repair: float, *, dormant: float = 0.0, coverage: float = 1.0, crews: int = 1
) -> float:
    """The share of time that a system with standbys is up."""
    chain = standby(spares, failure, repair, dormant=dormant, coverage=coverage, crews=crews)
    up = standby_up(spares)
    return sum(share for state, share in steady(chain).items() if up(state))


def standby_mttf(
    spares: int, failure: float, repair: float, *, dormant: float = 0.0, coverage: float = 1.0, crews: int = 1
) -> float:
    """The mean time until a system with standbys, all up at first and repaired meanwhile, first fails."""
    chain = standby(spares, failure, repair, dormant=dormant, coverage=coverage, crews=crews)
    up = standby_up(spares)
    return absorption_time(chain, (0, False), [state for state in chain.states if not up(state)])
