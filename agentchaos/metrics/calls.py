"""How services answer, and how fast steps are: waiting, attempts, success, backoff, Apdex."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from agentchaos.metrics.base import Datum, Metric, Ratio, Setting
from agentchaos.metrics.durations import Durations
from agentchaos.trace import COPIES, NS, Batch, Call

_MAY_BE_RETRIED = frozenset({"error", "timeout", "refused", "rate_limited", "rejected"})
_NOT_ADMITTED = frozenset({"refused", "rate_limited", "rejected"})


class _Tally:
    """The calls of one service. gaps: ns; admitted: attempts let in; queued: those that waited.

    rejected: those that never came to the service.
    at_once: waits (ns) of calls that went well at the first attempt, to be added by `flush`.
    """

    __slots__ = ("admitted", "at_once", "attempts", "calls", "gaps", "ok", "queued", "rejected", "waits")

    def __init__(self) -> None:
        self.calls = self.attempts = self.ok = self.gaps = self.admitted = self.queued = self.rejected = 0
        self.at_once: list[int] = []
        self.waits = Durations()

    def flush(self) -> None:
        """Adds what is `at_once` to the sums."""
        number = len(self.at_once)
        self.calls += number
        self.attempts += number
        self.ok += number
        self.admitted += number
        self.queued += number - self.at_once.count(0)
        self.waits.extend(self.at_once)
        self.at_once.clear()


class Calls(Metric):
    """Of each service, the calls whose first attempt began within [warmup, horizon].

    A wait is the time that an attempt stood in line, however it ended; attempts that were refused,
    rate-limited or rejected stood in none. A call that its own group rejected is a call that went badly,
    but no attempt at the service; a spare copy is an attempt, but no call of its own; each
    voter of a quorum makes calls of its own.
    """

    name: ClassVar[str] = "calls"
    about: ClassVar[str] = "waiting, attempts, success and backoff of the calls of each service"

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._tallies = {service.name: _Tally() for service in setting.services}
        self._guarded = {s for g in setting.groups for s in (*g.bulkheads, *(s for s, _ in g.breakers))}
        # task -> (step, call) -> whether it counts, end of its last attempt; where that failed
        self._failed: dict[str, dict[tuple[int, int], tuple[bool, int]]] = {}
        self._copied: dict[tuple[str, int], str] = {}  # the last task of a member of which a copy failed

    def take(self, batch: Batch) -> None:
        """Takes the next rows of the replication."""
        tallies, warmup, horizon = self._tallies, self.setting.warmup, self.setting.horizon
        for row in batch.calls:
            tally = tallies.get(row[9])
            if tally is None:
                tally = tallies[row[9]] = _Tally()
            if row[8] == 1 and row[11] == "ok":
                if warmup <= row[2] <= horizon:
                    tally.at_once.append(row[10])
            else:
                self._take_attempt(tally, Call(*row))
        for tally in tallies.values():
            tally.flush()
        if self._failed:
            for event in batch.events:
                if event[0] == "task_ended":
                    self._failed.pop(event[4], None)

    def _take_attempt(self, tally: _Tally, call: Call) -> None:
        """An attempt of a call that did not go well at once."""
        if call.outcome == "spare":
            if self.setting.counts(call.began):
                tally.attempts += 1
                self._admit(tally, call)
            return
        before = None
        if call.attempt > 1:
            before = self._failed.get(call.task, {}).pop((call.step, call.call), None)
        if before is None:
            counts = self.setting.counts(call.began)
            tally.calls += counts
        else:
            counts, last = before
            tally.gaps += counts * (call.began - last)
        if counts:
            rejected = call.outcome == "rejected"
            tally.rejected += rejected
            tally.attempts += not rejected
            tally.ok += call.outcome == "ok"
            if call.outcome not in _NOT_ADMITTED:
                self._admit(tally, call)
        if call.outcome in _MAY_BE_RETRIED:
            if call.call >= COPIES:
                # it may fail when its task is over: what is remembered of the member's one before goes
                whose = (call.agent, call.member)
                if (before_it := self._copied.get(whose)) not in (None, call.task):
                    self._failed.pop(before_it, None)
                self._copied[whose] = call.task
            self._failed.setdefault(call.task, {})[call.step, call.call] = (counts, call.time)

    def _admit(self, tally: _Tally, call: Call) -> None:
        tally.admitted += 1
        tally.queued += call.wait > 0
        tally.waits.add(call.wait)

    def data(self) -> Iterator[tuple[str, Datum]]:
        """What came of it, once the replication has ended."""
        for service, tally in sorted(self._tallies.items()):
            label = f"{{service={service}}}"
            calls = tally.calls
            yield f"wait{label}", tally.waits.histogram()
            yield f"p_wait{label}", Ratio(tally.queued, tally.admitted, share=True, better="lower")
            yield f"attempts{label}", Ratio(tally.attempts, calls, better="lower")
            yield f"call_success{label}", Ratio(tally.ok, calls, share=True)
            yield f"backoff{label}", Ratio(tally.gaps, calls, unit="s", scale=NS, better="lower")
            if service in self._guarded:
                tried = tally.attempts + tally.rejected
                yield f"rejected{label}", Ratio(tally.rejected, tried, share=True, better="lower")


class Responsiveness(Metric):
    """Apdex of the steps that began within [warmup, horizon]: (n[<= T] + n[T..4T] / 2) / n.

    Steps that failed or were interrupted are frustrated (Apdex Alliance, technical specification
    1.1); so is one that was finished already and is done again although its task was not set back, or
    answering the same twice would help. Absent where the scenario sets no T.
    """

    name: ClassVar[str] = "responsiveness"
    about: ClassVar[str] = "Apdex of the steps"

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._halves = self._steps = 0
        self._done: dict[str, tuple[int, int]] = {}  # open task -> its last finished step: (epoch, number)

    def take(self, batch: Batch) -> None:
        """Takes the next rows of the replication."""
        satisfied = self.setting.response
        if satisfied is None:
            return
        warmup, horizon = self.setting.warmup, self.setting.horizon
        tolerated = 4 * satisfied
        steps = halves = 0
        for _, time, began, _, _, _, task, number, epoch, what, _, outcome, _ in batch.steps:
            if what != "work":
                continue
            again = False
            if outcome in ("right", "wrong"):
                again = self._done.get(task, (-1, 0)) >= (epoch, number)
                if not again:
                    self._done[task] = (epoch, number)
            if warmup <= began <= horizon:
                steps += 1
                if outcome != "error" and outcome != "interrupted" and not again:
                    lasted = time - began
                    halves += 2 if lasted <= satisfied else 1 if lasted <= tolerated else 0
        self._steps += steps
        self._halves += halves
        for event in batch.events:
            if event[0] == "task_ended":
                self._done.pop(event[4], None)

    def data(self) -> Iterator[tuple[str, Datum]]:
        """What came of it, once the replication has ended."""
        if self.setting.response is not None:
            yield "responsiveness", Ratio(self._halves, 2 * self._steps, share=True)
