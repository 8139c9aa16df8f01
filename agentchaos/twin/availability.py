"""Recognises units and groups that fail and are repaired: availability, mean times up and down."""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple, cast

from agentchaos.analytic import interruptions, markov, renewal
from agentchaos.analytic.base import NoClosedForm, require
from agentchaos.analytic.block_diagram import k_of_n
from agentchaos.analytic.interruptions import Moments
from agentchaos.plan import Plan
from agentchaos.trace import NS
from agentchaos.twin import facts
from agentchaos.twin.values import Closed, Question, Questions, Reading
from agentchaos.world import Group

LIVES_WITH = ("heartbeat", "checkpointing", "retry", "idempotency")
"""Mechanisms that change nothing about how long a unit is up and down, beyond what `life` knows."""
UNITS_MAX = 200
"""A chain of more states takes too long."""
SETTLED = 5.0
"""A warm-up of so many times to settle leaves nothing of how it began."""
FIRST_ORDER = 20.0
"""A window of so many, from the beginning, is the long run and its first correction."""
LONG_RUN = 500.0
"""A window of so many is the long run."""


class Life(NamedTuple):
    """Up and down of one unit. repair: its rate, where down is exponential; told: the parts of down."""

    up: Moments
    rate: float | None
    down: Moments
    repair: float | None
    told: str

    @property
    def steady(self) -> float:
        """The share of time up in the long run."""
        return renewal.availability(self.up.mean, self.down.mean)

    @property
    def settles(self) -> float:
        """The time (s) in which it forgets how it began."""
        ages = 0.0 if self.down.mean == 0 else self.down.second / self.down.mean
        if self.rate is not None:
            return ages
        cycle = self.up.mean + self.down.mean
        spread = (self.up.variance + self.down.variance) / cycle**2
        require(spread > 0, "failures and repairs that do not vary come in step, and go on so for ever")
        return ages + cycle * max(1.0, 1 / spread)


def life(plan: Plan, name: str, *, crews: bool = False) -> Life:
    """The up and down times of each unit of a group without standbys; `crews`: but for waits for a crew."""
    group = plan.world.agents[name]
    facts.only_mechanisms(group, LIVES_WITH, name, also=("crews",))
    if not crews and scarce(group):
        raise NoClosedForm(f"{group.crews} crews mend {group.count} units of {name}: they may wait for one")
    facts.no_false_alarms(group, name)
    facts.well_store(plan, group)
    strikes = facts.crashes(plan, name)
    notice, seen_by, _ = facts.detection(group, name)
    mend = facts.mending(plan, name)
    beat = group.heartbeat
    facts.beats_are_many(group, strikes)
    near = ""
    if strikes.clock == "wall":
        down, near = facts.recovered(group, strikes, notice, mend)
    else:
        rest = interruptions.moments(mend)
        mean = notice.mean + rest.mean
        down = Moments(mean, notice.variance + rest.variance + mean**2)
    stages = [*([group.operator] if beat is None and notice.mean > 0 else []), *mend]
    lone = len(stages) == 1 and beat is None and stages[0].kind in facts.EXPONENTIAL
    repair = 1 / stages[0].mean() if lone else None
    composed = [f"{notice.mean:g}s ({seen_by})"] if notice.mean else []
    told = " + ".join([*composed, *(str(time) for time in mend)]) or "0"
    return Life(strikes.gap, strikes.rate, down, repair, told + near)


def scarce(group: Group) -> bool:
    """Whether a failed unit may wait for a crew."""
    return group.crews is not None and group.crews < group.count


def crewed(plan: Plan, name: str) -> tuple[markov.Chain, float]:
    """(the number of units of a group that are down, with few crews; the rate at which one fails)."""
    group = plan.world.agents[name]
    one = life(plan, name, crews=True)
    if one.rate is None or one.repair is None:
        raise NoClosedForm(
            f"units of {name} wait for a crew or for others: closed forms are for exponential crashes and "
            "one exponential time to mend"
        )
    require(group.count <= UNITS_MAX, f"more than {UNITS_MAX} units wait for a crew")
    return markov.repairable(group.count, one.rate, one.repair, group.crews or group.count), one.rate


def crewed_shares(plan: Plan, name: str) -> dict[int, float]:
    """The mean share of the window in which so many units are down."""
    chain, _ = crewed(plan, name)
    shares = markov.mean_shares(chain, 0, plan.world.warmup / NS, plan.world.horizon / NS)
    return {cast(int, down): share for down, share in shares.items()}


def up_share(plan: Plan, name: str) -> float:
    """The mean share of the window that a unit of a group is up."""
    group = plan.world.agents[name]
    if not scarce(group):
        return over_window(plan, life(plan, name))
    return 1 - sum(down * share for down, share in crewed_shares(plan, name).items()) / group.count


def over_window(plan: Plan, one: Life) -> float:
    """The mean share of [warmup, horizon] that a unit is up, which is up at 0."""
    begin, end = plan.world.warmup / NS, plan.world.horizon / NS
    if one.rate is not None and one.repair is not None:
        both = one.rate + one.repair
        ahead = one.rate / both**2 * (math.exp(-both * begin) - math.exp(-both * end))
        return one.steady + ahead / (end - begin)
    settles = one.settles
    if begin > 0:
        _long_enough(begin, SETTLED * settles, "the warm-up", "to forget that all units began up")
        return one.steady
    _long_enough(end, FIRST_ORDER * settles, "the horizon", "to reach the long run")
    return one.steady + interruptions.head_start(one.up, one.down) / end


def _long_enough(length: float, wanted: float, what: str, why: str) -> None:
    require(length >= wanted, f"{what} is {length:g} s, and {wanted:.4g} s would be long enough {why}")


def questions(plan: Plan) -> Questions:
    """Of all units together, and of the roles of each group."""
    if any(fault.scope not in ("call", "state") for fault in plan.faults):
        yield Question("unit_availability", "all units", partial(_units, plan))
        for measure in ("unit_down_time", "mttf", "mttr"):
            yield Question(measure, "all units", partial(_times, plan, measure))
    for name in plan.world.agents:
        if any(f.target == name and f.scope not in ("call", "state") for f in plan.faults):
            yield Question(f"availability{{agent={name}}}", name, partial(_roles, plan, name))


def _units(plan: Plan) -> Closed:
    shares = []
    for name, group in plan.world.agents.items():
        units = group.count + group.standbys
        struck = any(f.target == name and f.scope not in ("call", "state") for f in plan.faults)
        shares.append((units, up_share(plan, name) if struck else 1.0))
    total = sum(units for units, _ in shares)
    up = math.fsum(units * share for units, share in shares)
    names = list(plan.world.agents)
    composed = (
        life(plan, names[0], crews=True).told if len(names) == 1 else "of each group, weighted by units"
    )
    return Closed(
        measure="unit_availability", subject="all units", form="alternating renewal",
        formula="MTTF / (MTTF + MTTR), and the start", exact=up / total, unit="1",
        reading=Reading("ratio", "unit_availability"), note=f"MTTR = {composed}",
    )  # fmt: skip


def _times(plan: Plan, measure: str) -> Closed:
    name, _ = facts.lone_group(plan, measure)
    one = life(plan, name, crews=measure != "unit_down_time")
    if measure == "unit_down_time":
        return Closed(
            measure=measure, subject=name, form="composed repair", formula=f"E[{one.told}]",
            exact=one.down.mean, unit="s", reading=Reading("histogram", measure),
        )  # fmt: skip
    if one.rate is None:
        require(
            False, "gaps that are not exponential: failures in a window are not its up time over the mean gap"
        )
    assert one.rate is not None
    up = up_share(plan, name)
    exact, formula = 1 / one.rate, "1 / sum of the rates of strikes"
    if measure == "mttr":
        exact, formula = (1 - up) / (up * one.rate), "(1 - A) / (A rate), repairs cut off at the horizon"
    return Closed(
        measure=measure, subject=name, form="alternating renewal", formula=formula, exact=exact, unit="s",
        reading=Reading("ratio", measure),
    )  # fmt: skip


def of_group(plan: Plan, name: str) -> float:
    """The share of the window in which a group has the roles up that it needs."""
    return _roles(plan, name).exact


def _roles(plan: Plan, name: str) -> Closed:
    group = plan.world.agents[name]
    n, k = group.count, group.needed
    measure = f"availability{{agent={name}}}"
    if scarce(group):
        shares = crewed_shares(plan, name)
        return Closed(
            measure=measure, subject=name, form=f"{k}-of-{n}, {group.crews} crews",
            formula="sum_{j<=n-k} pi_j, pi_j ~ prod_{i<j} (n-i) l / (min(i+1, r) mu), from the start",
            exact=sum(shares[down] for down in range(n - k + 1)), unit="1",
            reading=Reading("ratio", measure),
        )  # fmt: skip
    one = life(plan, name)
    return Closed(
        measure=f"availability{{agent={name}}}", subject=name, form=f"{k}-of-{n}, each repaired on its own",
        formula="sum_{i>=k} C(n,i) A^i (1-A)^(n-i), A = MTTF / (MTTF + MTTR)",
        exact=_k_of_n_over_window(plan, one, k, n), unit="1",
        reading=Reading("ratio", f"availability{{agent={name}}}"), note=f"MTTR = {one.told}",
    )  # fmt: skip


def _k_of_n_over_window(plan: Plan, one: Life, k: int, n: int) -> float:
    begin, end = plan.world.warmup / NS, plan.world.horizon / NS
    if k == n == 1:
        return over_window(plan, one)
    if one.rate is not None and one.repair is not None:
        from scipy.integrate import quad

        chain = markov.two_states(one.rate, one.repair)
        both = one.rate + one.repair

        def at(t: float) -> float:
            steady = markov.steady(chain)[0]
            return k_of_n(k, [steady + (1 - steady) * math.exp(-both * t)] * n)

        settled = min(end, begin + 40 / both)
        early = quad(at, begin, settled, epsrel=1e-10)[0]
        return (float(early) + (end - settled) * k_of_n(k, [one.steady] * n)) / (end - begin)
    settles = one.settles
    if begin > 0:
        _long_enough(begin, SETTLED * settles, "the warm-up", "to forget that all units began up")
    else:
        _long_enough(end, LONG_RUN * settles, "the horizon", "for the long run without a warm-up")
    return k_of_n(k, [one.steady] * n)
