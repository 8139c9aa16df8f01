"""The state of a member: five parts, each perhaps tainted or lost; snapshots; what it does to steps."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import Literal

from agentchaos.disturbances import PARTS, Part
from agentchaos.world import StateSpec

AMBIENT = "ambient"
"""The taint of an ordinary wrong step, apart from those of strikes."""

TASK_PARTS: tuple[Part, ...] = ("goal", "plan", "context", "tools")
"""The parts that start clean with each task; memory outlives it."""

NONE: frozenset[str] = frozenset()

Damage = Literal["corrupt", "stale", "poison"]
Note = Callable[[str, Part, str], None]
"""Takes (kind of event, part, id of the strike or "")."""


@dataclasses.dataclass(frozen=True, slots=True)
class Marks:
    """Whose errors a part bears.

    taint: whose wrong steps went into it, and all of the following; corrupt, stale, poison: the strikes
    that damaged the part itself.
    """

    taint: frozenset[str] = NONE
    corrupt: frozenset[str] = NONE
    stale: frozenset[str] = NONE
    poison: frozenset[str] = NONE

    def __or__(self, other: Marks) -> Marks:
        return Marks(
            self.taint | other.taint,
            self.corrupt | other.corrupt,
            self.stale | other.stale,
            self.poison | other.poison,
        )

    def without(self, ids: frozenset[str]) -> Marks:
        """The same without some strikes."""
        return Marks(self.taint - ids, self.corrupt - ids, self.stale - ids, self.poison - ids)

    @property
    def spread(self) -> bool:
        """Whether wrong steps went into it that damaged parts had made wrong, or nothing at all."""
        return self.taint != self.corrupt | self.stale | self.poison


CLEAN = Marks()


@dataclasses.dataclass(slots=True)
class Image:
    """What a snapshot holds of one part; see `PartState`. session: that of the tools part."""

    marks: Marks
    fresh: int
    version: int
    session: int
    known: dict[str, int]


@dataclasses.dataclass(slots=True)
class Snapshot:
    """The state after the last finished step. `taken` and `durable` in ns; `step` of task `task`.

    logged: events in the log of its member by then, where it keeps one.
    """

    taken: int
    task: str
    step: int
    parts: dict[Part, Image]
    corrupt: frozenset[str] = NONE
    durable: int = 0
    logged: int = 0


@dataclasses.dataclass(slots=True)
class PartState:
    """One part of the state.

    lost: it is empty though it should not be, `left` steps from being whole again once the rebuilding
    has begun; fresh: steps until a stale one has been read anew; version: the finished step of the
    member's life at which it last changed, 0 while empty; known: of each change for good, in how many steps
    it was met (of memory alone).
    """

    marks: Marks = CLEAN
    lost: bool = False
    rebuilding: bool = False
    left: int = 0
    fresh: int = 0
    version: int = 0
    known: dict[str, int] = dataclasses.field(default_factory=dict)


class Commons:
    """The memory that the members of a group share. It lives outside of their processes."""

    def __init__(self) -> None:
        self.memory = PartState()
        self.states: list[State] = []
        self.steps = 0  # finished by any of them
        self._told = (CLEAN, False)

    def changed(self) -> None:
        """Tells all who read it, if anything about it is new."""
        told = (self.memory.marks, self.memory.lost)
        if told != self._told:
            self._told = told
            for state in self.states:
                state.look()


class State:
    """The five parts of a member. poisons: ids of the strikes that wrote poison, wherever they struck."""

    def __init__(
        self, spec: StateSpec, note: Note, poisons: set[str] | None = None, commons: Commons | None = None
    ) -> None:
        self.spec = spec
        self._note = note
        self._poisons: set[str] = set() if poisons is None else poisons
        self.commons = commons
        self.parts: dict[Part, PartState] = {name: PartState() for name in PARTS}
        if commons is not None:
            self.parts["memory"] = commons.memory
            commons.states.append(self)
        self.clean = True
        self.ids: tuple[str, ...] = ()
        self.session = self._sessions = 0
        self.steps = 0

    def look(self) -> None:
        """Sees again how its parts are."""
        parts = self.parts.values()
        self.clean = not any(part.lost or part.marks.taint for part in parts)
        self.ids = tuple(sorted({i for part in parts for i in part.marks.taint if i != AMBIENT}))

    def _refresh(self) -> None:
        self.look()
        if self.commons is not None:
            self.commons.changed()

    def _mark(self, name: Part, marks: Marks) -> None:
        part = self.parts[name]
        for gone in sorted(part.marks.taint - marks.taint - {AMBIENT}):
            self._note("part_cleansed", name, gone)
        for new in sorted(marks.taint - part.marks.taint - {AMBIENT}):
            self._note("part_tainted", name, new)
        part.marks = marks

    def _empty(self, name: Part) -> None:
        part = self.parts[name]
        self._mark(name, CLEAN)
        part.lost = part.rebuilding = False
        part.left = part.fresh = part.version = 0
        part.known.clear()
        if name == "tools":  # sessions are never opened again under an old name
            self._sessions += 1
            self.session = self._sessions

    # -- damage ---------------------------------------------------------------------------------

    def taint(self, names: Iterable[Part], ids: frozenset[str]) -> None:
        """Marks parts as written by something wrong; what is copied into memory of poison is poison."""
        for name in names:
            copied = ids & self._poisons if name == "memory" and self._poisons else NONE
            self._mark(name, self.parts[name].marks | Marks(taint=ids, poison=copied))
        self._refresh()

    def damage(self, how: Damage, names: tuple[Part, ...], ids: frozenset[str]) -> None:
        """Damages parts in silence."""
        for name in names:
            part = self.parts[name]
            if how == "corrupt":
                marks = Marks(taint=ids, corrupt=ids)
            elif how == "poison":
                marks = Marks(taint=ids, poison=ids)
            else:
                marks = Marks(taint=ids, stale=ids)
                part.fresh = self.spec.part(name).stale_steps
            self._mark(name, part.marks | marks)
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

    # -- getting well again ---------------------------------------------------------------------

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
        self._mark(name, CLEAN)  # what wrong steps wrote meanwhile is gone with the rebuilding
        part.lost = part.rebuilding = False
        part.version = max(1, self.steps)
        self._note("part_rebuilt", name, "")

    def reread_step(self) -> list[Part]:
        """One more step has read what is stale; gives the parts that are fresh again."""
        fresh: list[Part] = []
        for name, part in self.parts.items():
            if part.marks.stale:
                part.fresh -= 1
                if part.fresh <= 0:
                    self._mark(name, part.marks.without(part.marks.stale))
                    fresh.append(name)
        if fresh:
            self._refresh()
        return fresh

    def lost_parts(self) -> tuple[Part, ...]:
        """The parts that are lost now."""
        return tuple(name for name, part in self.parts.items() if part.lost)

    def unseen(self) -> set[Part]:
        """The lost parts about which nothing is being done."""
        return {name for name, part in self.parts.items() if part.lost and not part.rebuilding}

    # -- what it does to steps ------------------------------------------------------------------

    def notice(self, name: Part) -> float:
        """The chance that a look at a part that bears the taint of strikes shows that it is wrong."""
        marks, spec = self.parts[name].marks, self.spec.part(name)
        if not (self._poisons or marks.stale):
            return float(spec.notice)
        poison = marks.taint & self._poisons
        plain = marks.taint - poison - marks.stale - {AMBIENT}
        return max(
            float(spec.notice) if plain else 0.0,
            float(spec.poison_notice) if poison else 0.0,
            float(spec.stale_notice) if marks.stale else 0.0,
        )

    def hazard(self, *, acts: bool) -> tuple[float, float]:
        """(hazard, chance to be spared): a step is right with chance p^(hazard / n) x spared.

        acts: the step calls a tool; one that does not has no use for wrong tools.
        """
        hazard, spared, spread = 1.0, 1.0, False
        for name, part in self.parts.items():
            spec, marks = self.spec.part(name), part.marks
            if part.lost:
                hazard *= spec.lost_hazard
            if not marks.taint:
                continue
            spread = spread or marks.spread
            if name == "tools" and not acts:
                continue
            if marks.corrupt:
                hazard *= spec.corrupt_hazard
                spared *= 1.0 - float(spec.corrupt_wrong)
            if marks.stale:
                hazard *= spec.stale_hazard
                spared *= 1.0 - float(spec.stale_wrong)
            if marks.poison:
                hazard *= spec.poison_hazard
                spared *= 1.0 - float(spec.poison_wrong)
        return (hazard * self.spec.taint_hazard if spread else hazard), spared

    def wrote(self) -> None:
        """A finished step went into every part."""
        if self.commons is not None:
            self.commons.steps += 1
            self.steps = self.commons.steps
        else:
            self.steps += 1
        for part in self.parts.values():
            if not part.lost:
                part.version = self.steps

    # -- snapshots ------------------------------------------------------------------------------

    def snapshot(self, now: int, task: str, step: int, covers: tuple[Part, ...]) -> Snapshot:
        """What a checkpoint or a shipped copy holds; a lost part is not in it."""
        parts: dict[Part, Image] = {}
        for name in covers:
            part = self.parts[name]
            if not part.lost:
                parts[name] = Image(part.marks, part.fresh, part.version, self.session, dict(part.known))
        return Snapshot(taken=now, task=task, step=step, parts=parts)

    def load(self, name: Part, image: Image, damage: frozenset[str]) -> None:
        """Puts a part back as it was, taint and all; `damage`: strikes that hit the snapshot itself."""
        part = self.parts[name]
        self._mark(name, image.marks | Marks(taint=damage, corrupt=damage))
        part.lost = part.rebuilding = False
        part.left, part.fresh, part.version = 0, image.fresh, image.version
        part.known = dict(image.known)
        if name == "tools":
            self.session = image.session
        self._refresh()
