"""Recognises a system as a block diagram: its availability, and how long it goes without an outage.

Lifetimes have a closed form in two cases: no unit comes back within the run (a block diagram of exponential
lives), or a single group whose units are mended in an exponential time (an absorbing chain).
"""

from __future__ import annotations

import itertools
import math
from functools import partial

from agentchaos.analytic import block_diagram, markov
from agentchaos.analytic.base import NoClosedForm, require
from agentchaos.analytic.block_diagram import KOfN, Series, Structure, Unit
from agentchaos.blocks import Block
from agentchaos.plan import Plan
from agentchaos.trace import NS
from agentchaos.twin import availability, facts
from agentchaos.twin.values import Closed, Question, Questions, Reading

SYSTEM = ""


def questions(plan: Plan) -> Questions:
    """Of the system and of each group that is struck."""
    struck = [name for name in plan.world.agents if _struck(plan, name)]
    if not struck:
        return
    yield Question("availability", "the system", partial(_available, plan))
    for name in (SYSTEM, *struck):
        label = f"{{agent={name}}}" if name else ""
        for measure in ("survived", "time_to_first_outage"):
            whom = name or "the system"
            yield Question(f"{measure}{label}", whom, partial(_lives, plan, name, measure))


def _struck(plan: Plan, name: str) -> bool:
    return any(f.target == name and f.scope not in ("call", "state") for f in plan.faults)


def _diagram(plan: Plan) -> Block:
    return plan.world.system or Block.series(tuple(plan.world.agents))


def _structure(block: Block | str, groups: dict[str, Structure]) -> Structure:
    if isinstance(block, str):
        return groups[block]
    return KOfN(block.k, tuple(_structure(part, groups) for part in block.of))


def _available(plan: Plan) -> Closed:
    """The diagram at the availabilities of its groups, which fail and are mended on their own."""
    named = set(_diagram(plan).names())
    chances = {}
    for name in plan.world.agents:
        if name in named:
            chances[name] = availability.of_group(plan, name) if _struck(plan, name) else 1.0
    if sum(_struck(plan, name) for name in named) > 1:
        steady = plan.world.warmup > 0
        require(steady, "groups begin up together: a product of availabilities only after a warm-up")
    whole = _structure(_diagram(plan), {name: Unit(name) for name in chances})
    return Closed(
        measure="availability", subject="the system", form="block diagram of groups",
        formula="series prod A, parallel 1 - prod (1 - A), k-of-n",
        exact=block_diagram.reliability(whole, chances), unit="1", reading=Reading("ratio", "availability"),
    )  # fmt: skip


# -- lifetimes ----------------------------------------------------------------------------------


def _lives(plan: Plan, name: str, measure: str) -> Closed:
    require(
        plan.world.warmup == 0, "lifetimes are counted from the warm-up on, when some may be down already"
    )
    horizon = plan.world.horizon / NS
    label = f"{{agent={name}}}" if name else ""
    named = [name] if name else [n for n in dict.fromkeys(_diagram(plan).names()) if _struck(plan, n)]
    if _first_failure_is_an_outage(plan, name, named):
        form, lives = _never_mended(plan, name, named, "the first failure")
    elif _none_comes_back(plan, named):
        form, lives = _never_mended(plan, name, named, "block diagram, nothing is mended")
    else:
        form, lives = _mended(plan, named)
    whom = name or "the system"
    if measure == "survived":
        return Closed(
            measure=f"survived{label}", subject=whom, form=form, formula="R(horizon)", exact=lives(horizon),
            unit="1", reading=Reading("once", f"survived{label}"),
        )  # fmt: skip
    return Closed(
        measure=f"time_to_first_outage{label}", subject=whom, form=form, formula="int_0^horizon R(t) dt",
        exact=_restricted(lives, horizon), unit="s",
        reading=Reading("restricted", f"time_to_first_outage{label}"),
        note="the mean of what is shorter: the life or the run",
    )  # fmt: skip


Lives = partial[float]


def _restricted(lives: Lives, horizon: float) -> float:
    """The mean life within a run. It is integrated in pieces, as lives may be far shorter than the run."""
    from scipy.integrate import quad

    edges = [0.0, *(horizon * 2.0**-k for k in range(24, -1, -1))]
    return math.fsum(quad(lives, a, b, epsrel=1e-10)[0] for a, b in itertools.pairwise(edges))


def _none_comes_back(plan: Plan, names: list[str]) -> bool:
    """Whether no unit of these groups is up again before the horizon, whoever fails when."""
    for name in names:
        group = plan.world.agents[name]
        least = sum(time.bounds[0] for time in facts.mending(plan, name))
        if group.heartbeat is None:
            least += group.operator.bounds[0]
        if least <= plan.world.horizon / NS:
            return False
    return True


def _first_failure_is_an_outage(plan: Plan, name: str, names: list[str]) -> bool:
    """Whether all units are in series, so that it does not matter what becomes of the one that failed."""
    diagram = _diagram(plan)
    in_series = bool(name) or (diagram.k == len(diagram.of) and set(diagram.of) >= set(names))
    return in_series and all(plan.world.agents[n].needed == plan.world.agents[n].count for n in names)


def _never_mended(plan: Plan, name: str, names: list[str], form: str) -> tuple[str, Lives]:
    groups: dict[str, Structure] = {}
    for one in plan.world.agents:
        groups[one] = Series(())  # what nothing strikes is always up
    for one in names:
        group = plan.world.agents[one]
        facts.only_mechanisms(group, availability.LIVES_WITH, one, also=("crews",))
        facts.no_false_alarms(group, one)
        strikes = facts.crashes(plan, one)
        if strikes.rate is None:
            raise NoClosedForm(f"units of {one} do not live an exponential time")
        units = tuple(Unit(f"{one}/{n}", strikes.rate) for n in range(group.count))
        groups[one] = KOfN(group.needed, units)
    whole = groups[name] if name else _structure(_diagram(plan), groups)
    return form, partial(block_diagram.survival, whole)


def _mended(plan: Plan, names: list[str]) -> tuple[str, Lives]:
    require(len(names) == 1, "several groups are mended meanwhile: their chain has too many states")
    (name,) = names
    group = plan.world.agents[name]
    diagram = _diagram(plan)
    simple = diagram.k == len(diagram.of) or len(diagram.of) == 1
    require(simple, f"the system may be up without {name}")
    chain, _ = availability.crewed(plan, name)
    failed = range(group.count - group.needed + 1, group.count + 1)

    def lives(t: float) -> float:
        return 1 - markov.absorbed(chain, 0, failed, t)

    return f"{group.needed}-of-{group.count}, mended meanwhile", partial(lives)
