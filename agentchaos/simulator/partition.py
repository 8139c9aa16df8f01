"""A partition: what it cuts, what it makes of the member on its unit, and how it heals."""

from __future__ import annotations

from agentchaos.disturbances import OnLink
from agentchaos.plan import Strike
from agentchaos.simulator.ghost import Ghost
from agentchaos.simulator.incidents import Case
from agentchaos.simulator.links import Cut
from agentchaos.simulator.member import Member
from agentchaos.simulator.outage import raise_alarm
from agentchaos.simulator.unit import Unit


def befall_links(unit: Unit, strike: Strike, blow: OnLink) -> None:
    """A partition befalls a unit now.

    A member that is cut from services has an incident from now on. One that is cut from control alone
    works on: it has one only if it is declared dead.
    """
    sim, env = unit.sim, unit.env
    services = unit.group.spec.step.services if blow.services is None else blow.services
    cut = Cut(strike, unit, tuple(sorted(set(services))), env.event())
    unit.cuts.append(cut)
    for name in cut.services:
        sim.stations[name].cuts.append(cut)
    member = unit.role
    if cut.services and isinstance(member, Member):
        cut.case = Case(strike, env.now, member.cases.mark)
        cut.case.cut = True
        member.cases.open(cut.case)
    assert strike.until is not None
    over = env.timeout(max(0, strike.until - env.now))
    assert over.callbacks is not None
    over.callbacks.append(lambda _: _heal(unit, cut))
    after = unit.silence("crash")
    # a beat that is due when it heals arrives
    if cut.control and after is not None and env.now + after < strike.until:
        missed = env.timeout(after)
        assert missed.callbacks is not None
        missed.callbacks.append(lambda _: _declare(unit, cut))


def _declare(unit: Unit, cut: Cut) -> None:
    """So many beats of a unit were lost that it is declared dead; of one without a role nobody says so."""
    if cut in unit.cuts and isinstance(unit.role, Member):
        raise_alarm(unit.role, "liveness")


def _heal(unit: Unit, cut: Cut) -> None:
    sim = unit.sim
    for name in cut.services:
        sim.stations[name].cuts.remove(cut)
    sim.event("fault_lifted", incident=cut.strike.id, subject=cut.strike.fault)
    cut.healed.succeed()
    unit.group.stir()
    if isinstance(cut.place, Ghost):
        cut.place.healed_of(cut)
    elif cut in unit.cuts:
        unit.cuts.remove(cut)
    if cut.case is not None and cut.case.cut:
        cut.case.cut = False
        member = unit.role
        if isinstance(member, Member) and member.is_up and member.task is None:
            member.cases.served(idle=True)  # nobody waits for it
