"""The open incidents of a member: what recovers them, and when the work is back where it was."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from agentchaos.disturbances import Part
from agentchaos.simulator.group import Task, Team
from agentchaos.simulator.incidents import Case
from agentchaos.simulator.state import State


class Holder(Protocol):
    """What the incidents of a member must know of it."""

    index: int
    task: Task | None
    state: State

    @property
    def group(self) -> Team:
        """Its group."""


class Casebook:
    """The incidents of one member that are still open, in the order of their onset."""

    def __init__(self, holder: Holder) -> None:
        self.holder = holder
        self.group = holder.group
        self.sim = self.group.sim
        self._cases: list[Case] = []
        self.group.books.append(self)

    def __bool__(self) -> bool:
        return bool(self._cases)

    def __iter__(self) -> Iterator[Case]:
        return iter(self._cases)

    @property
    def mark(self) -> tuple[str, int] | None:
        """The task in hand and its high-water mark."""
        task = self.holder.task
        return None if task is None else (task.id, task.high)

    def open(self, case: Case) -> None:
        """An incident of this member begins."""
        task = self.holder.task
        self._cases.append(case)
        self.sim.event(
            "incident_opened",
            incident=case.id,
            agent=self.group.name,
            member=self.holder.index,
            task=task.id if task else "",
            subject=case.strike.fault,
            detail={"scope": case.scope, "kind": case.strike.kind, "idle": task is None},
        )

    def concerned(self) -> Iterator[tuple[Case, set[Part]]]:
        """The incidents of state that this member can find, with the parts by which it can: its own ones.

        What befell a memory that the group shares, any of its members may find.
        """
        yield from self.mine()
        shared: set[Part] = {"memory"}
        if self.group.commons is not None:
            for book in self.group.books:
                if book is not self:
                    yield from ((case, shared) for case, parts in book.mine() if "memory" in parts)

    def mine(self) -> Iterator[tuple[Case, set[Part]]]:
        """The incidents of its state, with the parts that are not well yet."""
        return ((case, case.unhealed) for case in self._cases if case.scope == "state")

    def moved(self) -> None:
        """The role is on another unit: what cuts off the old one is nothing to it."""
        for case in self._cases:
            case.cut = False

    def healed(self, parts: Iterable[Part]) -> None:
        """Parts of the state are as they should be, but for the incident whose strike they still bear."""
        parts = list(parts)
        if not parts:
            return
        self.heal(parts)
        if self.group.commons is not None and "memory" in parts:
            for book in self.group.books:
                if book is not self:
                    book.heal(["memory"])
            for member in self.group.members:
                member.cheer()

    def heal(self, parts: list[Part]) -> None:
        """As `healed`, of this member alone."""
        state = self.holder.state
        for case in self._cases:
            if case.unhealed:
                case.unhealed -= {part for part in parts if case.id not in state.parts[part].marks.taint}

    def served(self, *, idle: bool = False) -> None:
        """A step was finished, or an idle member is ready: who has recovered by that, or caught up?"""
        for case in list(self._cases):
            if case.unhealed or case.cut:
                continue
            if not case.recovered and self.group.up >= self.group.spec.needed:
                case.recovered = True
                self.sim.event("recovered", incident=case.id, agent=self.group.name, member=self.holder.index)
            if not case.recovered or case.caught_up:
                continue  # the work is not back where it was before the service is
            if case.mark is None or self._is_past(case.mark, idle):
                self._caught_up(case, lost=False)
        self._forget_closed()

    def ended(self, task: Task, outcome: str) -> None:
        """The task in hand is over: what was lost with it is not waited for."""
        for case in list(self._cases):
            if case.mark is None or case.mark[0] != task.id or case.caught_up:
                continue
            if outcome == "done" and not case.recovered:
                case.mark = None  # its work is done; what is left is that the service recovers
            else:
                self._caught_up(case, lost=outcome != "done")
        self._forget_closed()

    def _forget_closed(self) -> None:
        self._cases = [case for case in self._cases if not case.closed]

    def _is_past(self, mark: tuple[str, int], idle: bool) -> bool:
        """Whether the task in hand is the one of the mark, and past it."""
        task = self.holder.task
        return not idle and task is not None and mark[0] == task.id and task.done > mark[1]

    def _caught_up(self, case: Case, *, lost: bool) -> None:
        case.caught_up = True
        self.sim.event(
            "caught_up",
            incident=case.id,
            agent=self.group.name,
            member=self.holder.index,
            detail={"lost": lost},
        )
