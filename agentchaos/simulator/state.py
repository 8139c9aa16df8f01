"""The state of a member: five parts, each perhaps tainted or lost; snapshots; what it does to steps."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from agentchaos.disturbances import PARTS, Part
from agentchaos.world import StateSpec

AMBIENT = "ambient"
"""The taint of an ordinary wrong step, apart from those of strikes."""

TASK_PARTS: tuple[Part, ...] = ("goal", "plan", "context", "tools")
"""The parts that start clean with each task; memory outlives it."""

Note = Callable[[str, str, str], None]
"""Takes (kind of event, part, id of the strike or "")."""


@dataclasses.dataclass(slots=True)
class Image:
    """What a snapshot holds of one part."""

    taint: frozenset[str]
    written: int


@dataclasses.dataclass(slots=True)
class Snapshot:
    """The state after the last finished step. `taken` and `durable` in ns; `step` of task `task`."""

    taken: int
    task: str
    step: int
    parts: dict[Part, Image]
    corrupt: frozenset[str] = frozenset()
    durable: int = 0


@dataclasses.dataclass(slots=True)
class PartState:
    """One part: who tainted it, whether it is lost (and steps until it is rebuilt), when it was written."""

    taint: frozenset[str] = frozenset()
    lost: bool = False
    left: int = 0
    written: int = 0
    """Finished steps that went into it since it was last empty."""


class State:
    """The five parts of a member."""

    def __init__(self, spec: StateSpec, note: Note) -> None:
        self.spec = spec
        self._note = note
        self.parts: dict[Part, PartState] = {name: PartState() for name in PARTS}
        self.clean = True
        self.ids: tuple[str, ...] = ()
        self.session = 0

    def _refresh(self) -> None:
        parts = self.parts.values()
        self.clean = not any(part.lost or part.taint for part in parts)
        self.ids = tuple(sorted({i for part in parts for i in part.taint if i != AMBIENT}))

    def _retaint(self, name: Part, taint: frozenset[str]) -> None:
        part = self.parts[name]
        for gone in sorted(part.taint - taint - {AMBIENT}):
            self._note("part_cleansed", name, gone)
        for new in sorted(taint - part.taint - {AMBIENT}):
            self._note("part_tainted", name, new)
        part.taint = taint

    def taint(self, names: tuple[Part, ...], ids: frozenset[str]) -> None:
        """Marks parts as written by something wrong."""
        for name in names:
            self._retaint(name, self.parts[name].taint | ids)
        self._refresh()

    def lose(self, names: tuple[Part, ...]) -> None:
        """Empties parts; they come back over some steps."""
        for name in names:
            self._retaint(name, frozenset())
            part = self.parts[name]
            part.lost, part.left = True, self.spec.part(name).rebuild
            if name == "tools":
                self.session += 1
            self._note("part_lost", name, "")
            if part.left == 0 and name != "goal":
                part.lost, part.written = False, 0
                self._note("part_rebuilt", name, "")
        self._refresh()

    def drop(self, names: tuple[Part, ...]) -> None:
        """Empties parts at no cost: they belong to a task that is over, or are given anew with it."""
        for name in names:
            part = self.parts[name]
            self._retaint(name, frozenset())
            part.lost, part.left, part.written = False, 0, 0
        self._refresh()

    def rebuild_step(self, names: tuple[Part, ...]) -> list[Part]:
        """One more step of rebuilding for the lost ones among `names`; gives those that are whole again."""
        whole: list[Part] = []
        for name in names:
            part = self.parts[name]
            if part.lost and name != "goal":
                part.left -= 1
                if part.left <= 0:
                    part.lost, part.written = False, 0
                    whole.append(name)
                    self._note("part_rebuilt", name, "")
        if whole:
            self._refresh()
        return whole

    def lost_parts(self) -> tuple[Part, ...]:
        """The parts that are lost now."""
        return tuple(name for name, part in self.parts.items() if part.lost)

    def hazard(self) -> tuple[float, float]:
        """(hazard, chance to be spared): a step is right with chance p^(hazard / n) x spared."""
        hazard, spared, ambient = 1.0, 1.0, False
        for name, part in self.parts.items():
            spec = self.spec.part(name)
            if part.lost:
                hazard *= spec.lost_hazard
            if part.taint:
                if part.taint - {AMBIENT}:
                    hazard *= spec.corrupt_hazard
                    spared *= 1.0 - float(spec.corrupt_wrong)
                ambient = ambient or AMBIENT in part.taint
        return (hazard * self.spec.taint_hazard if ambient else hazard), spared

    def wrote(self) -> None:
        """A finished step went into every part."""
        for part in self.parts.values():
            if not part.lost:
                part.written += 1

    def snapshot(self, now: int, task: str, step: int, covers: tuple[Part, ...]) -> Snapshot:
        """What a checkpoint or a shipped copy holds; a lost part is not in it."""
        return Snapshot(
            taken=now,
            task=task,
            step=step,
            parts={
                name: Image(self.parts[name].taint, self.parts[name].written)
                for name in covers
                if not self.parts[name].lost
            },
        )

    def load(self, name: Part, image: Image, extra: frozenset[str]) -> None:
        """Puts a part back as it was, taint and all."""
        part = self.parts[name]
        self._retaint(name, image.taint | extra)
        part.lost, part.left, part.written = False, 0, image.written
        self._refresh()
