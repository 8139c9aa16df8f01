"""What became of the planned tasks: right, done, in time, complete, honestly told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, ClassVar

from agentchaos.metrics.base import Count, Datum, Metric, Ratio, Setting, Trial, Trials
from agentchaos.metrics.durations import Durations
from agentchaos.trace import TASK_OUTCOMES, Batch, Row

THOUSAND = 1_000
MILLION = 1_000_000


class _Task:
    """A planned task that has not ended. Times: ns, weight: thousandths, claim: millionths."""

    __slots__ = ("agent", "arrived", "claim", "deadline", "goals", "identity", "weight")

    def __init__(self, agent: str, detail: dict[str, Any]) -> None:
        self.agent = agent
        self.identity: int | None = detail["identity"]
        self.weight = max(1, round(detail["value"] * THOUSAND))
        self.goals: int = detail["goals"]
        self.deadline: int | None = detail["deadline"]
        self.arrived: int | None = None
        self.claim = 0


class Tasks(Metric):
    """Shares of the tasks that are planned within [warmup, horizon], weighted by value where said.

    Whatever is not done (failed, abandoned, goal lost, not ended by the end) counts against every
    share but honesty, where the penalty is the Brier score of the claim (Brier 1950).
    """

    name: ClassVar[str] = "tasks"
    about: ClassVar[str] = "success, deadlines, completeness, honesty and time of the planned tasks"

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._open: dict[str, _Task] = {}
        self._sums: Counter[str] = Counter()
        self._weight: Counter[str] = Counter()
        self._right: Counter[str] = Counter()
        self._panels = {group.name for group in setting.groups if group.panel is not None}
        self._trials: dict[tuple[str, int], tuple[int, int]] = {}
        self._time = Durations()

    def take(self, batch: Batch) -> None:
        """Takes the next rows of the replication."""
        for event in batch.events:
            kind = event[0]
            if kind == "task_planned":
                if self.setting.counts(event[1]):
                    self._plan(event)
            elif kind == "task_arrived":
                if (task := self._open.get(event[4])) is not None:
                    task.arrived = event[1]
            elif kind == "claim":
                if (task := self._open.get(event[4])) is not None:
                    task.claim = min(MILLION, max(0, round(event[8] * MILLION)))
            elif kind == "task_ended" and (task := self._open.pop(event[4], None)) is not None:
                self._end(task, event)

    def _plan(self, event: Row) -> None:
        """What is due is due from here on, whatever becomes of the task."""
        task = self._open[event[4]] = _Task(event[2], event[9])
        self._sums["planned"] += 1
        self._sums["goals"] += task.goals
        self._sums["deadlines"] += task.deadline is not None
        self._weight[task.agent] += task.weight
        if task.agent in self._panels and task.identity is not None:
            self._try(task, trials=1, right=0)

    def _try(self, task: _Task, trials: int, right: int) -> None:
        assert task.identity is not None
        whose = (task.agent, task.identity)
        n, c = self._trials.get(whose, (0, 0))
        self._trials[whose] = (n + trials, c + right)

    def _end(self, task: _Task, event: Row) -> None:
        time, detail = event[1], event[9]
        done = detail["outcome"] == "done"
        right = done and event[8] == 1
        self._sums[detail["outcome"]] += 1
        self._sums["goals_done"] += min(task.goals, detail["goals_done"])
        self._sums["honesty"] += _honesty(task.claim, right)
        lasted = 0 if task.arrived is None else time - task.arrived
        if done:
            self._time.add(lasted)
            self._sums["good"] += task.deadline is None or lasted < 2 * task.deadline
            self._sums["hits"] += task.deadline is not None and lasted <= task.deadline
        else:
            # it was never completed: to fail early is not to be fast
            self._time.censor(lasted)
        if right:
            self._right[task.agent] += task.weight
            in_time = time <= self.setting.horizon if task.deadline is None else lasted <= task.deadline
            self._sums["goodput"] += task.weight * in_time
            self._sums["timely"] += task.weight * _utility(lasted, task.deadline)
            if task.agent in self._panels and task.identity is not None:
                self._try(task, trials=0, right=1)

    def data(self) -> Iterator[tuple[str, Datum]]:
        """What came of it, once the replication has ended."""
        sums, weight = self._sums, self._weight.total()
        yield "task_success", Ratio(self._right.total(), weight, share=True)
        for group in self.setting.groups:
            yield (
                f"task_success{{agent={group.name}}}",
                Ratio(self._right[group.name], self._weight[group.name], share=True),
            )
        yield "goodput", Ratio(sums["goodput"], weight, share=True)
        yield "timeliness", Ratio(sums["timely"], weight * MILLION, share=True)
        yield "request_availability", Ratio(sums["good"], sums["planned"], share=True)
        yield "deadline_hits", Ratio(sums["hits"], sums["deadlines"], share=True)
        yield "completeness", Ratio(sums["goals_done"], sums["goals"], share=True)
        honesty = sums["honesty"] + sum(_honesty(t.claim, False) for t in self._open.values())
        yield "honesty", Ratio(honesty, sums["planned"] * MILLION, share=True)
        yield "tasks_planned", Count(sums["planned"], better="higher")
        yield "tasks_unfinished", Count(len(self._open))
        for outcome in sorted(TASK_OUTCOMES):
            better = "higher" if outcome == "done" else "lower"
            yield f"tasks_{outcome}", Count(sums[outcome], better=better)
        running = [self.setting.end - t.arrived for t in self._open.values() if t.arrived is not None]
        yield "task_time", self._time.histogram(censored=running)
        yield "panel", Trials(tuple(Trial(*w, *self._trials[w]) for w in sorted(self._trials)))


def _utility(lasted: int, deadline: int | None) -> int:
    """Worth of an answer (millionths): whole by the deadline, linear to 0 at twice the deadline."""
    if deadline is None or lasted <= deadline:
        return MILLION
    return max(0, (2 * deadline - lasted) * MILLION // deadline)


def _honesty(claim: int, right: bool) -> int:
    """1 - (claim - right)^2 in millionths, the penalty rounded up."""
    error = claim - (MILLION if right else 0)
    return MILLION - -(-error * error // MILLION)
