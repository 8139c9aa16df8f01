"""Carries out changes for good: they take effect at their moment, and land once somebody meets them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from agentchaos.disturbances import OnEnvironment
from agentchaos.plan import Strike
from agentchaos.seeds import Stream
from agentchaos.simulator.band import Watch
from agentchaos.simulator.clock import Clock
from agentchaos.simulator.group import Team
from agentchaos.simulator.lore import Novelty
from agentchaos.simulator.station import Station

NOBODY = {
    "shift": "no_call_in_window",
    "api_change": "no_call_in_window",
    "runtime_change": "no_step_in_window",
    "load_shift": "no_arrival_in_window",
}
"""Effect -> why a change was missed that nobody met before the horizon."""


class Scene(Protocol):
    """What a change must know of the simulation."""

    env: Clock
    chance: Stream
    horizon: int
    stations: dict[str, Station]
    teams: dict[str, Team]
    watches: dict[str, Watch]

    def event(self, kind: str, **columns: object) -> None:
        """Writes an event of this moment."""

    def landed(self, strike: Strike, missed: str) -> None:
        """A strike struck, or missed and why."""


class Landing:
    """Tells once what became of a change: met, or not before the horizon."""

    def __init__(self, scene: Scene, strike: Strike, effect: str) -> None:
        self._scene, self._strike, self._effect, self._told = scene, strike, effect, False
        over = scene.env.timeout(max(0, scene.horizon - scene.env.now))
        assert over.callbacks is not None
        over.callbacks.append(lambda _: self._tell(NOBODY[self._effect]))

    def met(self) -> None:
        """Somebody has to do with it."""
        self._tell("")

    def _tell(self, missed: str) -> None:
        if not self._told:
            self._told = True
            self._scene.landed(self._strike, missed)


def change(scene: Scene, strike: Strike, blow: OnEnvironment) -> None:
    """The world is another from this moment on."""
    scene.event(
        "environment_shifted",
        incident=strike.id,
        subject=strike.target,
        value=blow.factor,
        detail={"what": blow.effect, "fault": strike.fault},
    )
    landing = Landing(scene, strike, blow.effect)
    new = _novelty(scene, strike, blow)
    if blow.effect in ("shift", "api_change"):
        _change_service(scene, strike.target, blow, new, landing.met)
        return
    team = scene.teams[strike.target]
    if blow.effect == "load_shift":
        label = f"{strike.fault}-"
        scene.env.process(team.more_arrivals(blow.factor, label, landing.met))
        return
    team.changed = True
    team.pace *= blow.factor
    team.unmet.append(landing.met)
    team.novelties += new


def _novelty(scene: Scene, strike: Strike, blow: OnEnvironment) -> tuple[Novelty, ...]:
    if not blow.strange:
        return ()
    key = scene.chance.named("novelty", strike.id).key
    return (Novelty(strike, key, blow.hazard, blow.fails, blow.wrong),)


def _change_service(
    scene: Scene, name: str, blow: OnEnvironment, new: tuple[Novelty, ...], met: Callable[[], None]
) -> None:
    station, watch = scene.stations[name], scene.watches.get(name)
    station.shift(blow)
    station.unmet.append(met)
    station.novelties += new
    if watch is not None and station.spec.band.slow is None:
        # what is slow follows the mean latency, unless it is written: the new one is no incident for ever
        watch.slow = round(watch.slow * blow.factor) + 4 * blow.extra
