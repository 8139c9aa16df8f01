"""Whether agents work together: interactions that the scenario requires, and those that had an effect.

What is required follows from the tasks that were planned, whatever became of them: a task that was given up
still owes what it would have told, asked, voted and handed on, and so do the tasks that it would have handed
on. Where a chance decides whether an interaction is due, and the agent never came so far that it was drawn,
it is owed by that chance.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, ClassVar

from agentchaos.metrics.base import Count, Datum, Metric, Ratio, Setting, Ties
from agentchaos.trace import Batch, Row

ONE = 1000
"""An interaction, in the integers of the ratios: what is owed by chance is a part of one."""
KINDS = ("handoff", "talk", "vote", "escalation")

_GROUPS = re.compile(r"(?:^|\()([^/()]+)/")
"""The groups in the id of a task: its own, then those that handed it on, the last one first."""
_WELL = frozenset({"ok", "corrupt", "spare", "interrupted"})
"""Outcomes of a call with which nobody needs help."""


class _Task:
    """A task that has not ended. said: steps that ended in a message; heard: those whose message was read.

    needs: (step, reason) that call for a human; asked: those for which one was asked.
    """

    __slots__ = ("asked", "heard", "lineage", "needs", "said", "steps", "ties", "voted")

    def __init__(self, ties: Ties, steps: int, lineage: tuple[str, ...]) -> None:
        self.ties, self.steps, self.lineage = ties, steps, lineage
        self.said: set[int] = set()
        self.heard: set[int] = set()
        self.voted: set[int] = set()
        self.needs: set[tuple[int, str]] = set()
        self.asked: set[tuple[int, str]] = set()


class Collaboration(Metric):
    """Effective interactions / (required + conflicts + duplicates), by kind and in all.

    handoff: a task that ends is taken up by the other group. talk: a message is read. vote: enough votes on a
    step are equal; a vote without a quorum is a conflict. escalation: a human answers a need for help. Of
    tasks planned within [warmup, horizon]. A message that is said again is a duplicate, and so is a request
    without a need; a deed that a ghost does beside its substitute is a conflict of every kind.
    """

    name: ClassVar[str] = "collaboration"
    about: ClassVar[str] = "interactions between agents that were required, effective, in conflict, duplicate"

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._ties = {group.name: group.ties for group in setting.groups if group.ties is not None}
        self._kinds = [k for k in KINDS if any(k in ties.kinds for ties in self._ties.values())]
        self._asking = {name for name, ties in self._ties.items() if ties.asks}
        self._chatting = {name for name, ties in self._ties.items() if ties.talk_chance}
        self._required: Counter[str] = Counter()
        self._effective: Counter[str] = Counter()
        self._conflicts: Counter[str] = Counter()
        self._duplicates: Counter[str] = Counter()
        self._open: dict[str, _Task] = {}
        self._unread: dict[str, tuple[str, int]] = {}  # talk: id -> (task, step)
        self._letters: dict[tuple[str, int], list[str]] = {}  # the way back
        self._handed: set[str] = set()  # hand-offs on their way
        self._silent: dict[str, tuple[Ties, tuple[str, ...]]] = {}  # done, and not seen to be handed on
        self._high: dict[str, int] = {}  # task -> the highest step that was finished; where chance decides
        self._failed_calls: dict[str, dict[int, list[int]]] = {}  # task -> step -> when
        self._haunted: dict[str, dict[int, list[bool]]] = {}  # task -> step -> deeds: by a ghost?
        self._clashes = 0

    def take(self, batch: Batch) -> None:
        """Takes the next rows of the replication."""
        if not self._ties:
            return
        # calls and steps may go before the events of their batch: times and the end of a task decide
        if self._asking:
            for row in batch.calls:
                if row[11] not in _WELL and row[3] in self._asking:
                    self._failed_calls.setdefault(row[5], {}).setdefault(row[6], []).append(row[1])
        if self._chatting:
            for row in batch.steps:
                if row[3] in self._chatting and row[9] == "work" and row[11] in ("right", "wrong"):
                    self._high[row[6]] = max(self._high.get(row[6], 0), row[7])
        for event in batch.events:
            take = _EVENTS.get(event[0])
            if take is not None:
                take(self, event)

    # -- tasks ----------------------------------------------------------------------------------

    def _plan(self, event: Row) -> None:
        ties = self._ties.get(event[2])
        if ties is None or not self.setting.counts(event[1]):
            return
        lineage = tuple(_GROUPS.findall(event[4])) or (event[2],)
        task = self._open[event[4]] = _Task(ties, event[9]["steps"], lineage)
        if ties.votes:
            self._required["vote"] += ONE * task.steps
        if ties.every:
            self._required["talk"] += ONE * (task.steps // ties.every)

    def _end(self, event: Row) -> None:
        name, detail = event[4], event[9]
        failed, high = self._failed_calls.pop(name, {}), self._high.pop(name, 0)
        task = self._open.pop(name, None)
        if task is None:
            return
        done = detail["outcome"] == "done"
        self._settle(task, high, done=done)
        if done and task.ties.owes_hand_off(task.lineage):
            self._required["handoff"] += ONE if task.ties.certain else 0
            self._silent[name] = (task.ties, task.lineage)
        if detail["outcome"] == "failed" and self._in_need(task, event[5] + 1, failed):
            self._required["escalation"] += ONE

    def _settle(self, task: _Task, high: int, *, done: bool) -> None:
        """What it owes beside what is known: by chance, where nobody came so far. high: the highest step."""
        ties = task.ties
        if ties.talk_chance:
            left = max(0, task.steps - high)
            self._required["talk"] += ONE * len(task.said) + round(ONE * left * ties.talk_chance)
        if not done and ties.owes_hand_off(task.lineage):
            self._required["handoff"] += round(ONE * ties.chance)
            self._miss(ties, task.lineage, ties.chance)

    def _miss(self, ties: Ties, lineage: tuple[str, ...], share: float) -> None:
        """The task that should have been handed on is never planned, and owes nevertheless."""
        for kind, owed in self._owed(ties.to, lineage).items():
            self._required[kind] += round(share * owed)

    def _owed(self, group: str, lineage: tuple[str, ...]) -> dict[str, float]:
        """What a task of the group owes in the mean, and those that it hands on."""
        ties = self._ties.get(group)
        if ties is None:
            return {}
        rate = 1 / ties.every if ties.every else ties.talk_chance
        owed = {"talk": ONE * ties.steps * rate, "vote": ONE * ties.steps * ties.votes}
        below = (group, *lineage)
        if ties.owes_hand_off(below):
            owed["handoff"] = ONE * ties.chance
            for kind, more in self._owed(ties.to, below).items():
                owed[kind] = owed.get(kind, 0.0) + ties.chance * more
        return owed

    # -- messages -------------------------------------------------------------------------------

    def _sent(self, event: Row) -> None:
        detail: dict[str, Any] = event[9]
        if detail["kind"] == "handoff":
            self._hand_on(event, blocked=False)
            return
        task = self._open.get(event[4])
        if task is None or not self._is_due(task, event[5]):
            return
        self._unread[detail["id"]] = (event[4], event[5])
        self._letters.setdefault((event[4], event[5]), []).append(detail["id"])

    def _is_due(self, task: _Task, step: int) -> bool:
        """Whether a message of a step may still have its effect; one too many is a duplicate."""
        owed = 1 <= step <= task.steps and not (task.ties.every and step % task.ties.every)
        if not owed or step in task.said:
            self._duplicates["talk"] += ONE
        task.said |= {step} if owed else set()
        return owed and step not in task.heard

    def _blocked(self, event: Row) -> None:
        if event[9]["kind"] == "handoff":
            self._hand_on(event, blocked=True)
        elif (task := self._open.get(event[4])) is not None and 1 <= event[5] <= task.steps:
            task.said.add(event[5])

    def _hand_on(self, event: Row, *, blocked: bool) -> None:
        done = self._silent.pop(event[4], None)
        if done is None:
            return
        ties, lineage = done
        self._required["handoff"] += 0 if ties.certain else ONE
        if blocked:
            self._miss(ties, lineage, 1.0)
        else:
            self._handed.add(event[9]["id"])

    def _acted(self, event: Row) -> None:
        id_ = event[9]["id"]
        if event[9]["kind"] == "handoff":
            if id_ in self._handed:
                self._handed.discard(id_)
                self._effective["handoff"] += ONE
            return
        said = self._unread.get(id_)
        if said is None:
            return
        for letter in self._letters.pop(said):  # whichever copy of it comes first
            del self._unread[letter]
        self._effective["talk"] += ONE
        task = self._open.get(said[0])
        if task is not None:
            task.heard.add(said[1])

    # -- votes, humans, ghosts ------------------------------------------------------------------

    def _decided(self, event: Row) -> None:
        task = self._open.get(event[4])
        if task is None or not task.ties.votes:
            return
        if event[8] == 0:
            self._conflicts["vote"] += ONE
            task.needs.add((event[5], "no_quorum"))
        elif event[5] not in task.voted and 1 <= event[5] <= task.steps:
            task.voted.add(event[5])
            self._effective["vote"] += ONE

    def _verified(self, event: Row) -> None:
        task = self._open.get(event[4])
        if task is not None and event[8] == 0:
            task.needs.add((event[5], "caught_out"))

    def _in_need(self, task: _Task, step: int, failed: dict[int, list[int]]) -> bool:
        """Whether a task failed for want of a human who was never asked."""
        needs = {reason for at, reason in task.needs if at == step}
        if failed.get(step):
            needs.add("failed_call")
        return not needs.isdisjoint(task.ties.asks)

    def _requested(self, event: Row) -> None:
        task, step, reason = self._open.get(event[4]), event[5], event[7]
        if task is None or event[8] != 1:  # asked again is the same one
            return
        if not self._is_needed(task, event):
            self._duplicates["escalation"] += ONE
            return
        self._required["escalation"] += ONE
        task.asked.add((step, reason))

    def _is_needed(self, task: _Task, event: Row) -> bool:
        """Whether something calls for a human; asked once, it calls no more."""
        step, reason = event[5], event[7]
        if reason != "failed_call":
            needed = (step, reason) in task.needs
            task.needs.discard((step, reason))
            return needed
        failed = self._failed_calls.get(event[4], {}).pop(step, [])
        later = [time for time in failed if time > event[1]]
        if later:
            self._failed_calls[event[4]][step] = later
        return len(failed) > len(later)

    def _given(self, event: Row) -> None:
        task, need = self._open.get(event[4]), (event[5], event[7])
        if task is not None and need in task.asked:
            task.asked.discard(need)
            self._effective["escalation"] += ONE

    def _split(self, event: Row) -> None:
        if event[2] in self._ties and event[4]:
            self._haunted.setdefault(event[4], {})

    def _committed(self, event: Row) -> None:
        deeds = self._haunted.get(event[4])
        if deeds is None:
            return
        by = deeds.setdefault(event[5], [])
        by.append((event[9] or {}).get("ghost") is not None)
        # each deed from the second on, where not all of them were done by the same one
        if len(by) > 1 and any(by) and not all(by):
            self._clashes += 1

    # -- what came of it ------------------------------------------------------------------------

    def data(self) -> Iterator[tuple[str, Datum]]:
        """What came of it, once the replication has ended."""
        if not self._kinds:
            return
        required = self._required.copy()
        self._settle_open()
        owed, self._required = self._required, required
        clashes = ONE * self._clashes
        whole = [0, clashes]
        for kind in self._kinds:
            against = owed[kind] + self._conflicts[kind] + self._duplicates[kind]
            whole[0] += self._effective[kind]
            whole[1] += against
            due = against + clashes if against else 0
            yield f"collaboration{{kind={kind}}}", Ratio(self._effective[kind], due, share=True)
        due = whole[1] if whole[1] > clashes else 0
        yield "collaboration", Ratio(whole[0], due, share=True)
        yield "conflicts", Count(self._conflicts.total() // ONE + self._clashes)
        yield "duplicates", Count(self._duplicates.total() // ONE)

    def _settle_open(self) -> None:
        """What has not ended owes what it would have, and so does a certain hand-off that never came."""
        for name, task in self._open.items():
            self._settle(task, self._high.get(name, 0), done=False)
        for ties, lineage in self._silent.values():
            if ties.certain:
                self._miss(ties, lineage, 1.0)


_EVENTS = {
    "task_planned": Collaboration._plan,
    "task_ended": Collaboration._end,
    "message_sent": Collaboration._sent,
    "message_blocked": Collaboration._blocked,
    "message_acted": Collaboration._acted,
    "vote_decided": Collaboration._decided,
    "verified": Collaboration._verified,
    "approval_requested": Collaboration._requested,
    "approval_given": Collaboration._given,
    "split_brain_began": Collaboration._split,
    "side_effect_committed": Collaboration._committed,
}
