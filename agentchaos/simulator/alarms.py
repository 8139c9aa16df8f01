"""False alarms of heartbeats: so many beats lost in a row, and a healthy unit is declared dead."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import simpy

from agentchaos.simulator.member import Member
from agentchaos.simulator.outage import alarm_strike, raise_alarm
from agentchaos.simulator.unit import Repair, Unit

Steps = Generator[simpy.Event, Any, None]


def listen(unit: Unit) -> Steps:
    """Waits for the moments at which too many beats of a unit that lives were lost."""
    env, beats = unit.env, unit.beats
    assert beats is not None
    while True:
        life, alarm = unit.lives, beats.next_alarm(unit.sim.end)
        while unit.lives == life and (alarm is None or env.now < alarm):
            waits = [unit.turned] if alarm is None else [unit.turned, env.timeout(alarm - env.now)]
            yield env.any_of(waits)
        if unit.lives == life and _beats(unit):
            _sound(unit)


def _beats(unit: Unit) -> bool:
    """Whether its process lives; one that hangs, and is not yet found out, goes on beating."""
    trouble = unit.trouble
    return unit.up or (trouble is not None and trouble.effect == "hang" and trouble.detecting)


def _sound(unit: Unit) -> None:
    """Declares it dead. One that is getting ready, or is taking a role over, is left alone."""
    member = unit.role
    if isinstance(member, Member):
        if member.unit is unit:
            raise_alarm(member, "liveness")
    elif unit.trouble is None:
        name = f"false_alarm@{unit.group.name}/unit{unit.number}.{unit.lives}"
        unit.sim.event("false_alarm", agent=unit.group.name, subject="liveness", value=unit.number)
        unit.down(name, "false_alarm")
        unit.trouble = Repair(unit, alarm_strike(name), "false_alarm", known=True)
