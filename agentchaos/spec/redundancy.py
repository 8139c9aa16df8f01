"""What is wrong with the standbys of a group: fields that would do nothing, modes that contradict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from agentchaos.mechanisms.redundancy import INSTEAD, ONLY_IN, Redundancy
from agentchaos.spec.complaints import Finding
from agentchaos.spec.nodes import Loc
from agentchaos.world import Group, Service

NAMES = {"copy": "copy_every"}
"""Key -> its name in the model, where that is another."""
_OF_IDEAL = Redundancy.model_validate(Redundancy.ideal)
_IDEAL = {key: getattr(_OF_IDEAL, NAMES.get(key, key)) for key in Redundancy.ideal}


def problems(
    here: Loc, group: Group, services: Mapping[str, Service], *, ideal: bool, aged: bool
) -> Iterator[Finding]:
    """Complaints about the redundancy of a group at `here`.

    ideal: the preset, which fills fields that nobody wrote. aged: a fault counts the working time of its
    units.
    """
    standbys = group.redundancy
    if standbys is None:
        return
    place: Loc = (*here, "protect", "redundancy")
    yield from _modes(here, place, group, standbys)
    for key in idle_fields(standbys):
        name = NAMES.get(key, key)
        # what the preset fills in, nobody wrote
        if name in standbys.model_fields_set and not (ideal and getattr(standbys, name) == _IDEAL.get(key)):
            what = f"does nothing with 'mode: {standbys.mode}': {INSTEAD[key, standbys.mode]}"
            yield Finding((*place, key), what, ((*place, "mode"), (*here, "recover")), at_key=True)
    if standbys.dormant != 1 and "dormant" not in idle_fields(standbys) and not aged:
        what = f"ages nobody: no fault of '{here[1]}' counts working time; give one 'clock: up'"
        yield Finding((*place, "dormant"), what, (("faults",), ("faults", "*")))
    if standbys.fencing and not _does_deeds(group, services):
        what = "no deed is done here that a service could refuse: 'act' needs one with 'side_effects: true'"
        yield Finding((*place, "fencing"), what, ((*here, "step", "act"), ("services", "*", "side_effects")))


def _modes(here: Loc, place: Loc, group: Group, standbys: Redundancy) -> Iterator[Finding]:
    recovery = group.recovery
    if recovery.implies_standby and recovery.standby_mode != standbys.mode:
        words, wanted = recovery.name.replace("_", " "), recovery.standby_mode
        what = f"{words} promotes a {wanted} standby, and these are {standbys.mode}; write 'mode: {wanted}'"
        yield Finding((*place, "mode"), what, ((*here, "recover"),))
    if standbys.mode == "cold" and group.starter is None:
        what = "a cold standby is started as 'recover' or 'rebuild' says, and both are none"
        yield Finding((*place, "mode"), what, ((*here, "recover"), (*here, "rebuild")))


def idle_fields(standbys: Redundancy) -> tuple[str, ...]:
    """The keys that do nothing in the mode of these standbys."""
    return tuple(key for key, modes in ONLY_IN.items() if standbys.mode not in modes)


def _does_deeds(group: Group, services: Mapping[str, Service]) -> bool:
    """Whether a step of the group does deeds; where its service is unknown, that is told elsewhere."""
    service = services.get(group.step.act or "")
    return service.side_effects if service is not None else group.step.act is not None
