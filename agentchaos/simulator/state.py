"""The state of a member: five parts, each perhaps tainted or lost; snapshots; what it does to steps."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable

from agentchaos.disturbances import PARTS, Part
from agentchaos.world import StateSpec

AMBIENT = "ambient"
"""The taint of an ordinary wrong step, apart from those of strikes."""

TASK_PARTS: tuple[Part, ...] = ("goal", "plan", "context", "tools")
"""The parts that start clean with each task; memory outlives it."""

NONE: frozenset[str] = frozenset()

Note = Callable[[str, str, str], None]
"""Takes (kind of event, part, id of the strike or "")."""


@dataclasses.dataclass(slots=True)
class Image:
    """What a snapshot holds of one part; see `PartState`. session: that of the tools part."""

    taint: frozenset[str]
    corrupt: frozenset[str]
    version: int
    session: int


@dataclasses.dataclass(slots=True)
class Snapshot:
    """The state after the last finished step. `taken` and `durable` in ns; `step` of task `task`."""

    taken: int
    task: str
    step: int
    parts: dict[Part, Image]
    corrupt: frozenset[str] = NONE
    durable: int = 0


@dataclasses.dataclass(slots=True)
class PartState:
    """One part of the state.

    taint: whose wrong steps went into it; corrupt: the strikes among them that damaged the part itself;
    lost: it is empty though it should not be, `left` steps from being whole again once the rebuilding
    has begun; version: the finished step of the member's life at which it last changed, 0 while empty.
    """

    taint: frozenset[str] = NONE
    corrupt: frozenset[str] = NONE
    lost: bool = False
    rebuilding: bool = False
    left: int = 0
    version: int = 0


class State:
    """The five parts of a member."""

    def __init__(self, spec: StateSpec, note: Note) -> None:
        self.spec = spec
        self._note = note
        self.parts: dict[Part, PartState] = {name: PartState() for name in PARTS}
        self.clean = True
        self.ids: tuple[str, ...] = ()
        self.session = self._sessions = 0
        self.steps = 0

    def _refresh(self) -> None:
        parts = self.parts.values()
        self.clean = not any(part.lost or part.taint for part in parts)
        self.ids = tuple(sorted({i for part in parts for i in part.taint if i != AMBIENT}))

    def _retaint(self, name: Part, taint: frozenset[str], corrupt: frozenset[str]) -> None:
        part = self.parts[name]
        for gone in sorted(part.taint - taint - {AMBIENT}):
            self._note("part_cleansed", name, gone)
        for new in sorted(taint - part.taint - {AMBIENT}):
            self._note("part_tainted", name, new)
        part.taint, part.corrupt = taint, corrupt

    def _empty(self, name: Part) -> None:
        part = self.parts[name]
        self._retaint(name, NONE, NONE)
        part.lost = part.rebuilding = False
        part.left = part.version = 0
        if name == "tools":  # sessions are never opened again under an old name
            self._sessions += 1
            self.session = self._sessions

    def taint(self, names: Iterable[Part], ids: frozenset[str]) -> None:
        """Marks parts as written by something wrong."""
        for name in names:
            part = self.parts[name]
            self._retaint(name, part.taint | ids, part.corrupt)
        self._refresh()

    def corrupt(self, names: tuple[Part, ...], strike: str) -> None:
        """Damages parts in silence."""
        for name in names:
            part = self.parts[name]
            self._retaint(name, part.taint | {strike}, part.corrupt | {strike})
        self._refresh()

    def lose(self, names: tuple[Part, ...]) -> None:
        """Empties parts; nobody knows of it until `begin_rebuilding`."""
        for name in names:
            self._empty(name)
            part = self.parts[name]
            part.lost, part.left = True, self.spec.part(name).rebuild
            self._note("part_lost", name, "")
        self._refresh()

    def drop(self, names: tuple[Part, ...]) -> None:
        """Empties parts at no cost: they belong to a task that is over, or are given anew with it."""
        for name in names:
            self._empty(name)
        self._refresh()

    def begin_rebuilding(self, names: Iterable[Part]) -> list[Part]:
        """The loss is known: from now on steps rebuild the lost ones; gives those that need none.

        A goal cannot be rebuilt: nobody knows any more what was wanted.
        """
        whole: list[Part] = []
        for name in names:
            part = self.parts[name]
            if part.lost and name != "goal":
                part.rebuilding = True
                if part.left <= 0:
                    self._whole(name)
                    whole.append(name)
        self._refresh()
        return whole

    def rebuild_step(self, names: tuple[Part, ...]) -> list[Part]:
        """One more step of rebuilding for those among `names`; gives those that are whole again."""
        whole: list[Part] = []
        for name in names:
            part = self.parts[name]
            if part.rebuilding:
                part.left -= 1
                if part.left <= 0:
                    self._whole(name)
                    whole.append(name)
        if whole:
            self._refresh()
        return whole

    def _whole(self, name: Part) -> None:
        part = self.parts[name]
        self._retaint(name, NONE, NONE)  # what wrong steps wrote meanwhile is gone with the rebuilding
        part.lost = part.rebuilding = False
        part.version = self.steps
        self._note("part_rebuilt", name, "")

    def lost_parts(self) -> tuple[Part, ...]:
        """The parts that are lost now."""
        return tuple(name for name, part in self.parts.items() if part.lost)

    def unseen(self) -> set[Part]:
        """The lost parts about which nothing is being done."""
        return {name for name, part in self.parts.items() if part.lost and not part.rebuilding}

    def hazard(self) -> tuple[float, float]:
        """(hazard, chance to be spared): a step is right with chance p^(hazard / n) x spared."""
        hazard, spared, spread = 1.0, 1.0, False
        for name, part in self.parts.items():
            spec = self.spec.part(name)
            if part.lost:
                hazard *= spec.lost_hazard
            if part.corrupt:
                hazard *= spec.corrupt_hazard
                spared *= 1.0 - float(spec.corrupt_wrong)
            spread = spread or part.taint != part.corrupt
        return (hazard * self.spec.taint_hazard if spread else hazard), spared

    def wrote(self) -> None:
        """A finished step went into every part."""
        self.steps += 1
        for part in self.parts.values():
            if not part.lost:
                part.version = self.steps

    def snapshot(self, now: int, task: str, step: int, covers: tuple[Part, ...]) -> Snapshot:
        """What a checkpoint or a shipped copy holds; a lost part is not in it."""
        parts: dict[Part, Image] = {}
        for name in covers:
            part = self.parts[name]
            if not part.lost:
                parts[name] = Image(part.taint, part.corrupt, part.version, self.session)
        return Snapshot(taken=now, task=task, step=step, parts=parts)

    def load(self, name: Part, image: Image, damage: frozenset[str]) -> None:
        """Puts a part back as it was, taint and all; `damage`: strikes that hit the snapshot itself."""
        part = self.parts[name]
        self._retaint(name, image.taint | damage, image.corrupt | damage)
        part.lost = part.rebuilding = False
        part.left, part.version = 0, image.version
        if name == "tools":
            self.session = image.session
        self._refresh()
