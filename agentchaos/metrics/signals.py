"""The signals of all three layers as time series: what a replication looked like, window by window.

Time from 0 to the end of the drain is cut into at most `BINS` windows of one round width. Every state is an
integer a window (or a count of a kind of action in it), so that memory is bounded by windows and neither
batches nor merges can change a sum. Rows come in order of time: those of one window are a slice of a
batch, and are added up as one.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator
from itertools import accumulate
from operator import itemgetter, sub
from typing import ClassVar

from agentchaos.metrics.base import Datum, GroupFacts, Metric, Series, Setting, Signals
from agentchaos.metrics.layers import (
    BITS,
    COUNTED,
    FAILED_CALLS,
    FAILED_STEPS,
    NOT_JUDGED,
    NOT_SENT,
    SIGNALS,
)
from agentchaos.trace import NS, Batch, Row

BINS = 120
"""At most so many windows: as many as a small chart can show."""

_STEPS = (
    *(a * 10**b for b in range(9) for a in (1, 2, 5)),
    *(NS * s for s in (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800)),
    *(NS * s for s in (3600, 7200, 10800, 14400, 21600, 43200)),
)
_DAY = 86400 * NS

_NO_ANSWER = NOT_JUDGED | NOT_SENT
"""Attempts that say nothing about the service."""

# the layouts of steps and calls have agent, what or service, and outcome in the same places
_ACTION = itemgetter(3, 9, 11)
_TIME, _BEGAN, _AGENT, _WAIT = itemgetter(1), itemgetter(2), itemgetter(3), itemgetter(10)


def width(end: int) -> int:
    """The smallest round width (ns) of which at most `BINS` reach to the end."""
    least = -(-max(1, end) // BINS)
    return next((step for step in _STEPS if step >= least), _DAY * -(-least // _DAY))


class _Level:
    """How many are in some state, as time in each window; changes come one by one, in any order."""

    def __init__(self, every: int, bins: int) -> None:
        self._every = every
        self._count = [0] * bins
        self._moment = [0] * bins

    def change(self, time: int, by: int) -> None:
        """From `time` on so many more are in it (fewer: below 0)."""
        k = min(time // self._every, len(self._count) - 1)
        self._count[k] += by
        self._moment[k] += by * time

    def times(self, ends: list[int]) -> list[int]:
        """Time in that state of all together, window by window; `ends`: where each window ends."""
        found, before, begin = [], 0, 0
        for count, moment, end in zip(self._count, self._moment, ends, strict=True):
            found.append(before * (end - begin) + count * end - moment)
            before, begin = before + count, end
        return found


class SignalsOverTime(Metric):
    """Signals of agent health, behaviour and system, over the whole of the run: of each group and service.

    Heartbeat, utilisation, error rates, decision latency; action frequency, decision pattern, state
    transitions, goal progress; agent count, communication volume, infrastructure health.
    """

    name: ClassVar[str] = "signals"
    about: ClassVar[str] = "signals of agent health, behaviour and system, as time series"

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._every = width(setting.end)
        bins = self._bins = max(1, -(-setting.end // self._every))
        self._groups = {group.name: group for group in setting.groups}
        self._models = frozenset(s.name for s in setting.services if s.kind == "model")
        self._steps: list[Counter[tuple[str, str, str]]] = [Counter() for _ in range(bins)]
        self._calls: list[Counter[tuple[str, str, str]]] = [Counter() for _ in range(bins)]
        self._busy = self._sums()
        self._latency = self._sums()
        self._waiting = self._sums()
        self._set_back = self._sums()
        self._events = {"state_transitions": self._sums(), "communication": self._sums()}
        self._down = {name: _Level(self._every, bins) for name in self._groups}
        self._silent = {name: _Level(self._every, bins) for name in self._groups}
        self._not_beating: set[tuple[str, float | None]] = set()

    def _sums(self) -> defaultdict[str, list[int]]:
        """Whose -> an integer a window."""
        return defaultdict(lambda: [0] * self._bins)

    def take(self, batch: Batch) -> None:
        """Takes the next rows of the replication."""
        for k, part in self._windows(batch.steps):
            self._take_steps(k, part)
        for k, part in self._windows(batch.calls):
            self._take_calls(k, part)
        for event in batch.events:
            kind = event[0]
            if (signal := COUNTED.get(kind)) is not None:
                self._events[signal][event[2]][self._bin(event[1])] += 1
            if (take := _EVENTS.get(kind)) is not None and event[2] in self._groups:
                take(self, event)

    def _bin(self, time: int) -> int:
        return min(time // self._every, self._bins - 1)

    def _windows(self, rows: list[Row]) -> Iterator[tuple[int, list[Row]]]:
        """(window, its rows): slices, since rows come in order of time."""
        begin, count = 0, len(rows)
        while begin < count:
            k = self._bin(rows[begin][1])
            limit = (k + 1) * self._every
            if k == self._bins - 1 or rows[-1][1] < limit:
                end = count
            else:
                end = bisect_left(rows, limit, begin, key=_TIME)
            yield k, rows[begin:end] if end - begin < count else rows
            begin = end

    def _by_agent(self, rows: list[Row]) -> Iterable[tuple[str, list[Row]]]:
        if len(self._groups) == 1 and rows:
            return [(rows[0][3], rows)]
        found: defaultdict[str, list[Row]] = defaultdict(list)
        for row in rows:
            found[row[3]].append(row)
        return found.items()

    def _take_steps(self, k: int, part: list[Row]) -> None:
        self._steps[k].update(map(_ACTION, part))
        start = k * self._every
        for agent, own in self._by_agent(part):
            busy = self._busy[agent]
            within = [row for row in own if row[2] >= start]
            busy[k] += sum(map(_TIME, within)) - sum(map(_BEGAN, within))
            if len(within) < len(own):
                for row in own:
                    if row[2] < start:
                        self._spread(busy, row[2], row[1])

    def _take_calls(self, k: int, part: list[Row]) -> None:
        self._calls[k].update(map(_ACTION, part))
        start, models = k * self._every, self._models
        decisions = [row for row in part if row[9] in models and row[11] not in _NO_ANSWER]
        for agent, own in self._by_agent(decisions):
            self._latency[agent][k] += sum(map(_TIME, own)) - sum(map(_BEGAN, own))
        for row in part:
            if row[10]:
                began, wait = row[2], row[10]
                if began >= start:
                    self._waiting[row[9]][k] += wait
                else:
                    self._spread(self._waiting[row[9]], began, began + wait)

    def _spread(self, sums: list[int], begin: int, end: int) -> None:
        """Adds the time from begin to end to the windows that it lies in."""
        every, last = self._every, self._bins - 1
        k = min(begin // every, last)
        while k < last and end > (limit := (k + 1) * every):
            sums[k] += limit - begin
            k, begin = k + 1, limit
        sums[k] += end - begin

    # -- events

    def _restored(self, event: Row) -> None:
        self._set_back[event[2]][self._bin(event[1])] += event[9].get("lost_steps") or 0

    def _task_ended(self, event: Row) -> None:
        if event[9]["outcome"] != "done":
            self._set_back[event[2]][self._bin(event[1])] += event[5]

    def _role_down(self, event: Row) -> None:
        self._down[event[2]].change(event[1], 1)

    def _role_up(self, event: Row) -> None:
        self._down[event[2]].change(event[1], -1)

    def _unit_down(self, event: Row) -> None:
        if event[7] != "hang":  # it beats on
            self._not_beating.add((event[2], event[8]))
            self._silent[event[2]].change(event[1], 1)

    def _unit_up(self, event: Row) -> None:
        if (event[2], event[8]) in self._not_beating:
            self._not_beating.discard((event[2], event[8]))
            self._silent[event[2]].change(event[1], -1)

    # -- what came of it

    def data(self) -> Iterator[tuple[str, Datum]]:
        """What came of it, once the replication has ended."""
        end = self.setting.end
        ends = [min(end, (k + 1) * self._every) for k in range(self._bins)]
        widths = list(map(sub, ends, [0, *ends]))
        steps, calls = self._by_group(self._steps), self._by_group(self._calls)
        found: dict[tuple[str, str], _Pair] = {}
        for group in self.setting.groups:
            up = self._of_roles_and_units(group, ends, widths)
            done = self._of_actions(group.name, steps[group.name], calls[group.name], widths)
            sent = self._events["communication"].get(group.name, [0] * self._bins)
            said = zip(calls[group.name], sent, _beats(group, up["heartbeat"][0]), strict=True)
            talk = [t.all - t.of(NOT_SENT) + messages + beats for t, messages, beats in said]
            for signal, pair in {**up, **done, "communication": (talk, widths)}.items():
                found[signal, group.name] = pair
        found |= self._of_services(widths)
        rows = [
            Series(signal, of, tuple(found[signal, of][0]), tuple(found[signal, of][1]))
            for signal in SIGNALS
            for _, of in sorted(key for key in found if key[0] == signal)
        ]
        yield "signals", Signals(self._every, end, tuple(rows))

    def _by_group(self, windows: list[Counter[tuple[str, str, str]]]) -> dict[str, list[_Tally]]:
        """Group -> what it did, window by window."""
        found = {name: [_Tally() for _ in range(self._bins)] for name in self._groups}
        for k, counts in enumerate(windows):
            for (agent, what, outcome), count in counts.items():
                if agent in found:
                    found[agent][k].add(what, outcome, count)
        return found

    def _of_roles_and_units(self, group: GroupFacts, ends: list[int], widths: list[int]) -> dict[str, _Pair]:
        name, roles, units = group.name, group.count, group.count + group.standbys
        role_time, unit_time = [roles * w for w in widths], [units * w for w in widths]
        return {
            "heartbeat": (list(map(sub, unit_time, self._silent[name].times(ends))), unit_time),
            "utilisation": (self._busy.get(name, [0] * self._bins), role_time),
            "agent_count": (list(map(sub, role_time, self._down[name].times(ends))), widths),
        }

    def _of_actions(
        self, name: str, steps: list[_Tally], calls: list[_Tally], widths: list[int]
    ) -> dict[str, _Pair]:
        zeros = [0] * self._bins
        done = [t.of({"right", "wrong"}, {"work"}) for t in steps]
        patterns = [_pattern(a, b) for a, b in zip(steps, calls, strict=True)]
        return {
            "call_errors": ([t.of(FAILED_CALLS) for t in calls], [t.all - t.of(NOT_JUDGED) for t in calls]),
            "step_errors": ([t.of(FAILED_STEPS) for t in steps], [t.all for t in steps]),
            "decision_latency": (
                self._latency.get(name, zeros),
                [t.of(None, self._models) - t.of(_NO_ANSWER, self._models) for t in calls],
            ),
            "action_frequency": (done, widths),
            "decision_pattern": ([bits or 0 for bits in patterns], [int(b is not None) for b in patterns]),
            "state_transitions": (self._events["state_transitions"].get(name, zeros), widths),
            "goal_progress": (list(map(sub, done, self._set_back.get(name, zeros))), widths),
        }

    def _of_services(self, widths: list[int]) -> dict[tuple[str, str], _Pair]:
        good, all_ = self._sums(), self._sums()
        for k, counts in enumerate(self._calls):
            for (_, service, outcome), count in counts.items():
                if outcome not in _NO_ANSWER:
                    all_[service][k] += count
                    good[service][k] += count * (outcome == "ok")
        found: dict[tuple[str, str], _Pair] = {}
        for name in sorted(facts.name for facts in self.setting.services):
            found["service_health", name] = (good[name], all_[name])
            found["calls_waiting", name] = (self._waiting.get(name, [0] * self._bins), widths)
        return found


_Pair = tuple[list[int], list[int]]
"""Numerators and denominators of a series."""


class _Tally:
    """The actions of one group in a window: how many of each (what or service, outcome)."""

    __slots__ = ("all", "counts")

    def __init__(self) -> None:
        self.all = 0
        self.counts: dict[tuple[str, str], int] = {}

    def add(self, what: str, outcome: str, count: int) -> None:
        """So many more of that kind."""
        self.all += count
        self.counts[what, outcome] = count

    def of(self, outcomes: Container[str] | None, whats: Container[str] | None = None) -> int:
        """How many with one of these outcomes, of one of these things; None: any."""
        return sum(
            count
            for (what, outcome), count in self.counts.items()
            if (outcomes is None or outcome in outcomes) and (whats is None or what in whats)
        )


def _pattern(*tallies: _Tally) -> int | None:
    """The entropy of all actions together, in parts of a bit; None where there were none."""
    # in a fixed order: so is the sum
    counts = sorted(count for tally in tallies for count in tally.counts.values())
    whole = sum(counts)
    if not whole:
        return None
    return round(BITS * -math.fsum(n / whole * math.log2(n / whole) for n in counts))


def _beats(group: GroupFacts, beating: list[int]) -> list[int]:
    """Beats in each window: one for every period that a unit beats; none without a heartbeat."""
    if group.heartbeat is None:
        return [0] * len(beating)
    so_far = [time // group.heartbeat for time in accumulate(beating)]
    return list(map(sub, so_far, [0, *so_far]))


_EVENTS = {
    "state_restored": SignalsOverTime._restored,
    "task_ended": SignalsOverTime._task_ended,
    "role_down": SignalsOverTime._role_down,
    "role_up": SignalsOverTime._role_up,
    "unit_down": SignalsOverTime._unit_down,
    "unit_up": SignalsOverTime._unit_up,
}
