"""Queues: waiting, blocking and numbers in the long run; an unstable queue is refused with its utilisation.

Arrivals are Poisson at `arrive` a second, service takes `serve` seconds on average (or has a distribution);
first come, first served. Sources: Kleinrock, "Queueing Systems", vol. I (1975), chapters 3 and 5; Gross and
Harris, "Fundamentals of Queueing Theory", 3rd ed. (1998), chapter 2.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from agentchaos.analytic import markov
from agentchaos.analytic.base import NoClosedForm, require, require_positive


class Queue(NamedTuple):
    """A queue in the long run.

    utilisation: share of servers busy; p_wait: chance that a call waits; p_block: that it is refused;
    wait_s: mean time in queue of a call that is served; queue: mean number waiting; inside: waiting or at
    a server.
    """

    utilisation: float
    p_wait: float
    p_block: float
    wait_s: float
    queue: float
    inside: float


def _require_stable(utilisation: float) -> None:
    if utilisation >= 1:
        raise NoClosedForm(f"the queue is unstable: utilisation {utilisation:.3g}, and below 1 is wanted")


def mm1(arrive: float, serve: float) -> Queue:
    """M/M/1: Wq = rho / (mu - lambda), L = rho / (1 - rho). Kleinrock 1975, section 3.2."""
    return mmc(arrive, serve, 1)


def md1(arrive: float, serve: float) -> Queue:
    """M/D/1: M/G/1 without spread, Wq = rho S / (2 (1 - rho)). Kleinrock 1975, section 5.5."""
    return mg1(arrive, serve, 0.0)


def mg1(arrive: float, serve: float, variance: float) -> Queue:
    """M/G/1: Wq = lambda E[S^2] / (2 (1 - rho)) (Pollaczek and Khinchine). Kleinrock 1975, section 5.6."""
    require_positive(arrive=arrive, serve=serve)
    require(variance >= 0, f"the variance of service is {variance:g}; it must be 0 or more")
    rho = arrive * serve
    _require_stable(rho)
    wait = arrive * (variance + serve**2) / (2 * (1 - rho))
    return Queue(rho, rho, 0.0, wait, arrive * wait, arrive * wait + rho)


def erlang_b(servers: int, load: float) -> float:
    """The share of calls lost by so many servers without a queue, load = lambda / mu: M/M/c/c.

    B(0) = 1, B(c) = a B(c-1) / (c + a B(c-1)); holds for service of any distribution. Gross and Harris 2.5.
    """
    require(servers >= 0 and load >= 0, "a number of servers and a load of 0 or more")
    blocked = 1.0
    for c in range(1, servers + 1):
        blocked = load * blocked / (c + load * blocked)
    return blocked


def erlang_c(servers: int, load: float) -> float:
    """The chance that a call waits in M/M/c: B / (1 - rho (1 - B)), B Erlang's loss. Gross and Harris 2.3."""
    require(servers >= 1, "at least one server")
    rho = load / servers
    _require_stable(rho)
    blocked = erlang_b(servers, load)
    return blocked / (1 - rho * (1 - blocked))


def mmc(arrive: float, serve: float, servers: int) -> Queue:
    """M/M/c: P(wait) is Erlang's C, Wq = C / (c mu - lambda). Gross and Harris, section 2.3."""
    require_positive(arrive=arrive, serve=serve)
    load = arrive * serve
    waits = erlang_c(servers, load)
    wait = waits / (servers / serve - arrive)
    return Queue(load / servers, waits, 0.0, wait, arrive * wait, arrive * wait + load)


def mmck(arrive: float, serve: float, servers: int, room: int) -> Queue:
    """M/M/c/K: at most `room` calls inside, more are refused. Gross and Harris, section 2.4.

    p_n ~ a^n / n! up to c, then a^n / (c! c^(n-c)); a call is refused with p_K. p_wait and wait_s are of
    the calls that are let in.
    """
    require_positive(arrive=arrive, serve=serve)
    require(1 <= servers <= room, f"room for {room} with {servers} servers; it holds at least the servers")
    weights = [1.0]
    for n in range(1, room + 1):
        weights.append(weights[-1] * arrive * serve / min(n, servers))
    total = math.fsum(weights)
    shares = [weight / total for weight in weights]
    let_in = 1 - shares[room]
    queue = math.fsum((n - servers) * shares[n] for n in range(servers, room + 1))
    busy = math.fsum(min(n, servers) * share for n, share in enumerate(shares))
    wait = queue / (arrive * let_in)
    waits = math.fsum(shares[servers:room]) / let_in
    return Queue(busy / servers, waits, shares[room], wait, queue, queue + busy)


def repairman(machines: int, fail: float, repair: float, crews: int) -> Queue:
    """M/M/r//N: so many machines, each failing after `fail` s on average, `crews` that take `repair` s.

    p_wait and wait_s are of a failed machine for a crew. Gross and Harris, section 2.7.
    """
    require_positive(fail=fail, repair=repair)
    shares = markov.steady(markov.repairable(machines, 1 / fail, 1 / repair, crews))
    down = markov.mean_down(machines, 1 / fail, 1 / repair, crews)
    busy = math.fsum(min(n, crews) * share for n, share in enumerate(shares.values()))
    failing = (machines - down) / fail
    seen = [(machines - n) * share for n, share in enumerate(shares.values())]
    waits = math.fsum(seen[crews:]) / math.fsum(seen)
    return Queue(busy / crews, waits, 0.0, (down - busy) / failing, down - busy, down)


def littles_law(arrive: float, spent: float) -> float:
    """The mean number inside, L = lambda W, whatever the distributions. Little 1961, Oper. Res. 9."""
    return arrive * spent
