"""A member: a role as a state machine that takes tasks and does their steps, one after the other."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable
from typing import Any

import simpy

from agentchaos.disturbances import Part
from agentchaos.seeds import Stream
from agentchaos.simulator import chance
from agentchaos.simulator.checkpoints import Checkpoints
from agentchaos.simulator.group import Task, Team
from agentchaos.simulator.incidents import Case
from agentchaos.simulator.state import AMBIENT, TASK_PARTS, Snapshot, State
from agentchaos.simulator.station import Station
from agentchaos.simulator.unit import Unit

Steps = Generator[simpy.Event, Any, None]

PAUSE = 1_000_000_000
"""Ns before the next task of an endless loop where one took no time: refusals must not stop the clock."""


class Member:
    """A role of a group. It runs on `unit`; while that is down, it waits for `ready`."""

    def __init__(self, group: Team, index: int, units: list[Unit]) -> None:
        self.group, self.index, self.units = group, index, units
        self.unit = units[index]
        self.who, self.key_window = group.name, group.key_window
        self.sim, self.env, self.spec = group.sim, group.env, group.spec
        self.task: Task | None = None
        self.list: deque[Task] = deque()
        self.state = State(self.spec.state, self._note)
        self.cases: list[Case] = []
        self.number = 0  # of the step in hand
        self.began = -1  # of the step in hand, -1 between steps
        self.what = "work"
        self.waited = self.tokens = 0  # of the step in hand
        self.progress = 0  # when it last finished a step or took a task
        self.replan = 0
        self._misled: set[str] = set()  # strikes behind wrong answers that go into the plan being made
        self.reconnect = False
        self.ready: simpy.Event | None = None  # set while the role is down
        self.assigned: simpy.Event | None = None  # set while it waits for a task
        self.hung = False  # it is down, and takes work nevertheless
        self.born = 0  # when memory was last empty
        self.checkpoints = Checkpoints(self)
        self.stream: Stream = group.stream  # of the step in hand
        self._taken = self._looks = 0
        self._took_at = -1  # when it took the last task of an endless loop
        self._looked_at = (-1, -1)
        self._think = self.sim.stations.get(self.spec.step.think or "")
        self._act = self.sim.stations.get(self.spec.step.act or "")
        self._work = self.spec.step.work.ns_sampler() if self.spec.step.work else None
        share = self.spec.step.effects
        deeds = self._act is not None and self._act.spec.side_effects
        self._effects = (1.0 if share is None else float(share)) if deeds else 0.0
        self._policies = {name: group.retry_of(name) for name in self.spec.step.services}
        self.process: simpy.Process | None = None

    @property
    def work(self) -> Task:
        """The task in hand."""
        assert self.task is not None
        return self.task

    # -- being up and having work ---------------------------------------------------------------

    @property
    def is_up(self) -> bool:
        """Whether the role works: its unit is alive, not hung and not restoring."""
        return self.ready is None

    def _note(self, kind: str, part: str, strike: str) -> None:
        self.sim.event(kind, agent=self.group.name, member=self.index, incident=strike, subject=part)

    def run(self) -> Steps:
        """The loop of a life: take a task, pursue it; when the unit is struck, wait until it is ready."""
        while True:
            try:
                if self.ready is not None and not (self.hung and self.task is None):
                    yield self.ready
                if self.task is None:
                    yield from self._await_task()
                if self.ready is None:
                    yield from self._pursue()
            except simpy.Interrupt:
                self._cut()
                if self.sim.over:
                    return
                if self.task is not None and self.task.late:
                    self._end("abandoned")

    def fall(self, *, hung: bool) -> None:
        """Its unit works no more; one that hangs goes on accepting work."""
        self.ready, self.hung = self.env.event(), hung
        self.checkpoints.die()
        assert self.process is not None
        self.process.interrupt()

    def stop_listening(self) -> None:
        """A hung one is dead, or is being restarted: it accepts no more work."""
        if self.hung:
            self.hung = False
            assert self.process is not None
            self.process.interrupt()

    def rise(self) -> None:
        """It has a working unit again."""
        self.progress, self.hung = self.env.now, False
        ready, self.ready = self.ready, None
        self.group.came_up()
        assert ready is not None
        ready.succeed()

    def abandon(self) -> None:
        """Twice the deadline of the task in hand has passed."""
        assert self.process is not None
        self.process.interrupt()

    def _await_task(self) -> Steps:
        """Waits for a task; one that hangs, until it is up again."""
        if self._took_at == self.env.now:
            yield self.env.timeout(PAUSE)
        task = self._next_task()
        if task is not None:
            self.take(task)
            return
        if self.cases and self.ready is None:  # an idle member is well as soon as it is ready
            self.cases_served(idle=True)
        self.group.idle.append(self)
        self.assigned = self.env.event()
        try:
            yield self.assigned if self.ready is None else self.assigned | self.ready
        finally:
            self.assigned = None
            if self.task is None:
                self.group.idle.remove(self)

    def _next_task(self) -> Task | None:
        if self.spec.tasks.loop is None:
            return self.group.next_task()
        task: Task | None = None
        if self.list:
            task = self.list.popleft()
        elif self.spec.tasks.loop == "endless" and self.env.now <= self.sim.horizon:
            task = self.group.make(f"{self.index}:{self._taken}")
            self._taken += 1
            self._took_at = self.env.now
            self.group.plan_task(task)
        else:
            return self.group.next_task()  # spawned ones
        self.group.arrive(task)
        return task

    def take(self, task: Task) -> None:
        """The task is in hand from this moment; goal, plan, context and tools start clean."""
        self.task, task.holder = task, self
        task.started = self.progress = self.env.now
        self.replan = 0
        self._drop(TASK_PARTS)
        self.sim.event("task_started", agent=self.group.name, member=self.index, task=task.id)
        if self.assigned is not None and not self.assigned.triggered:
            self.assigned.succeed()

    def _drop(self, parts: tuple[Part, ...]) -> None:
        if not self.state.clean or any(self.state.parts[p].version for p in parts):
            self.state.drop(parts)
        self._healed(parts)

    def _cut(self) -> None:
        """The step in flight is lost: its row says so."""
        self.checkpoints.cut()
        if self.began >= 0 and self.task is not None:
            self._step_row("interrupted", self.state.ids)
        self.began = -1

    def _step_row(self, outcome: str, taint: tuple[str, ...]) -> None:
        assert self.task is not None
        self.sim.row(
            (
                "step",
                self.env.now,
                self.began,
                self.group.name,
                self.index,
                self.unit.number,
                self.task.id,
                self.number,
                self.task.epoch,
                self.what,
                self.waited,
                outcome,
                taint,
            )
        )

    # -- steps ----------------------------------------------------------------------------------

    def _pursue(self) -> Steps:
        """Steps until the task in hand ends."""
        while (task := self.task) is not None:
            if task.done >= task.length:
                self._end("done")
            else:
                if not self.state.clean or self.cases:
                    yield from self._look_around()
                    if self.task is not task:
                        continue
                yield from self._step("replan" if self.replan > 0 else "work")
                if self.task is task and self.checkpoints.due():
                    yield from self.checkpoints.save()
                    self.progress = self.env.now

    def _end(self, outcome: str) -> None:
        task = self.task
        assert task is not None
        self.task = None
        self.sim.end_task(self.group.name, self.index, task, outcome)
        self._drop(TASK_PARTS)
        for case in list(self.cases):
            if case.mark is None or case.mark[0] != task.id or case.caught_up:
                continue
            if outcome == "done" and not case.recovered:
                case.mark = None  # its work is done; what is left is that the service recovers
            else:
                self._caught_up(case, lost=outcome != "done")
        self.cases = [case for case in self.cases if not case.closed]

    def _step(self, what: str) -> Steps:
        task = self.task
        assert task is not None
        self.what, self.number, self.began = what, task.done + 1, self.env.now
        self.waited = self.tokens = 0
        # a step of planning has the number of the step that it plans, so it needs draws of its own
        self.stream = task.stream if what == "work" else task.stream.named("replan", self.replan)
        wrong: str = ""
        if self._think is not None:
            answer = yield from self._call(0, self._think, deed=False)
            if answer is None:
                return
            wrong = answer
        if self._work is not None and (what == "work" or self._think is None):
            yield self.env.timeout(self._work(self._draw(chance.WORK)))
        if self._act is not None and what == "work":
            if self.reconnect:
                self.reconnect = False
                yield self.env.timeout(self.spec.state.reconnect)
            deed = self._effects >= 1.0 or (
                self._effects > 0.0
                and task.stream.uniform(chance.index(chance.EFFECT, 0, self.number)) < self._effects
            )
            if deed:
                self.sim.event(
                    "side_effect_intended",
                    agent=self.group.name,
                    task=task.id,
                    step=self.number,
                    subject=self._act.name,
                )
            answer = yield from self._call(1, self._act, deed=deed)
            if answer is None:
                return
            wrong = wrong or answer
        self._finish(task, what, wrong)

    def _draw(self, purpose: int, call: int = 0, attempt: int = 0) -> float:
        return self.stream.uniform(chance.index(purpose, self.work.epoch, self.number, call, attempt))

    def _call(self, number: int, station: Station, *, deed: bool) -> Generator[simpy.Event, Any, str | None]:
        """A call with its retries: how it was answered.

        "" if well, the id of the strike that made the answer wrong, or None after ending the task because
        the call failed for good.
        """
        policy = self._policies[station.name]
        attempts = policy.attempts if policy else 1
        timeout = policy.timeout if policy else None
        for attempt in range(1, attempts + 1):
            key = self._key(number, attempt) if deed else None
            answer = yield from station.answer(self, number, attempt, key, deed, timeout)
            if answer.outcome == "ok":
                return ""
            if answer.outcome == "corrupt":
                return answer.strike
            if policy is not None and attempt < attempts:
                pause = min(policy.longest, round(policy.backoff * policy.factor ** (attempt - 1)))
                if policy.jitter == "full":
                    pause = round(pause * self._draw(chance.BACKOFF, number, attempt))
                pause = max(pause, answer.retry_after)
                if pause:
                    resting = self.env.now
                    try:
                        yield self.env.timeout(pause)
                    finally:
                        self.waited += self.env.now - resting
        self._step_row("error", self.state.ids)  # a failure that is told taints nothing
        self.began = -1
        self._end("failed")
        return None

    def _key(self, call: int, attempt: int) -> str | None:
        key, task = self.spec.idempotency, self.task
        if key is None or task is None:
            return None
        base = f"{task.id}#{self.number}.{call}"
        if key.key == "attempt":
            return f"{base}~{task.epoch}.{attempt}"
        return f"{base}~s{self.state.session}" if key.key == "session" else base

    def _finish(self, task: Task, what: str, strike: str) -> None:
        """A step is finished: right or wrong, it goes into the state."""
        state = self.state
        taint = state.ids
        if what == "replan":
            self._step_row("wrong" if strike else "right", (strike,) if strike else taint)
            self.began = -1
            self._planned(strike)
            return
        share = task.right_share
        if not state.clean:
            hazard, spared = state.hazard()
            share = share**hazard * spared
        right = self._draw(chance.RIGHT) < share
        if strike:
            right = False
            taint = tuple(sorted({*taint, strike}))
        self._step_row("right" if right else "wrong", taint)
        self.began = -1
        self.progress = self.env.now
        task.right.append(right)
        task.tokens.append(self.tokens)
        first = task.done > task.high
        task.high = max(task.high, task.done)
        self.checkpoints.unsaved += 1
        state.wrote()
        if not right:
            self._spread(task, taint)
        if not state.clean:
            self._healed(state.rebuild_step(("memory", "context", "tools")))
        if first and self.spec.tasks.spawn is not None:
            self._beget(task)
        if self.cases:
            self.cases_served()

    def _planned(self, strike: str) -> None:
        """A step of planning is finished; the plan is as wrong as the answers that went into it."""
        self.replan -= 1
        self.progress = self.env.now
        self._misled |= {strike} if strike else set()
        whole = self.state.rebuild_step(("plan",))
        self._healed(whole)
        if whole:
            self.state.taint(whole, frozenset(self._misled))
            self._misled = set()

    def _spread(self, task: Task, ids: tuple[str, ...]) -> None:
        """A silent wrong step taints what it wrote: memory only where a fault stands behind it."""
        if ids:
            task.blame[task.done] = ids
        self.state.taint(TASK_PARTS, frozenset(ids) or frozenset({AMBIENT}))
        if ids and self._draw(chance.ABSORB) < float(self.spec.state.absorb):
            self.state.taint(("memory",), frozenset(ids))

    def _beget(self, task: Task) -> None:
        """A step that is finished the first time may start a task; one that is done again has had its chance.

        Draw and name know no epoch, so that with and without a crash the same tasks are begotten.
        """
        spawn = self.spec.tasks.spawn
        assert spawn is not None
        if (
            task.depth < spawn.generations
            and self.env.now <= self.sim.horizon
            and task.stream.uniform(chance.index(chance.SPAWN, 0, self.number)) < float(spawn.probability)
        ):
            number = task.id.split("/", 1)[1]
            self.group.offer(f"{number}>{self.number}", task.depth + 1)

    # -- what it notices of its own state -------------------------------------------------------

    def _look_around(self) -> Steps:
        """Before a step: lost parts are found empty, corrupt ones may be noticed."""
        state, task = self.state, self.work
        self.number = task.done + 1
        unseen, noticed = state.unseen(), self._noticed()
        if not unseen and not noticed:
            return
        found = [
            case
            for case in self.cases
            if case.scope == "state"
            and not case.detected
            and any(
                part in unseen or (part in noticed and case.id in state.parts[part].taint)
                for part in case.unhealed
            )
        ]
        for case in found:
            case.detected = True
            self.sim.event("failure_detected", incident=case.id, agent=self.group.name, member=self.index)
        parts = unseen | noticed
        for case in found:
            parts |= {part for part in case.unhealed if not state.parts[part].rebuilding}
        yield from self._mend(tuple(sorted(parts)), found)

    def _noticed(self) -> set[Part]:
        """Parts whose corruption comes to light at this step."""
        task = self.work
        at = (task.epoch, self.number)
        self._looks = self._looks + 1 if at == self._looked_at else 0
        self._looked_at = at
        stream = task.stream.named("look", self._looks)
        seen: set[Part] = set()
        for place, (name, part) in enumerate(self.state.parts.items()):
            if part.taint - {AMBIENT}:
                notice = float(self.spec.state.part(name).notice)
                if stream.uniform(chance.index(chance.NOTICE, *at, place)) < notice:
                    seen.add(name)
        return seen

    def _mend(self, parts: tuple[Part, ...], found: list[Case]) -> Steps:
        """Puts damaged parts right: from the newest usable checkpoint that has them, else by rebuilding."""
        task, kept = self.work, self.checkpoints
        need = frozenset(parts)
        named = frozenset(i for part in parts for i in self.state.parts[part].taint if i != AMBIENT)
        from_checkpoint = self.spec.recovery.name == "checkpoint_recovery" and kept.has(need, named)
        for case in found:
            self.sim.event(
                "recovery_started",
                incident=case.id,
                agent=self.group.name,
                member=self.index,
                subject="checkpoint" if from_checkpoint else "rebuild",
            )
        if from_checkpoint:
            snapshot, cost = kept.pick(self.sim.chance.named("mend", task.id, task.epoch), need, named)
            yield self.env.timeout(cost)
            self.progress += cost
            if snapshot is not None:
                self.restore(snapshot, "checkpoint", found[0] if found else None, read=cost)
                return
        self._rebuild(parts, next((case for case in found if "goal" in case.unhealed), None))

    def _rebuild(self, parts: tuple[Part, ...], case: Case | None) -> None:
        state = self.state
        others = tuple(part for part in parts if part != "goal")
        wrong = tuple(part for part in others if not state.parts[part].lost)
        if wrong:
            state.lose(wrong)
        self._healed(state.begin_rebuilding(others))
        self._plan_again()
        if "tools" in parts:
            self.reconnect = True
        if "goal" not in parts:
            return
        if state.parts["goal"].lost:  # nobody knows any more what was wanted
            self._end("goal_lost")
        else:
            self.restore(None, "empty", case, read=0)  # a wrong goal: the task begins again

    def _plan_again(self) -> None:
        """A lost plan takes steps to be made again before progress goes on."""
        plan = self.state.parts["plan"]
        if not plan.rebuilding or plan.left == self.spec.state.plan.rebuild:
            self._misled = set()
        self.replan = plan.left if plan.rebuilding else 0

    def _healed(self, parts: Iterable[Part]) -> None:
        for case in self.cases:
            case.unhealed.difference_update(parts)

    # -- incidents ------------------------------------------------------------------------------

    def cases_served(self, *, idle: bool = False) -> None:
        """A step was finished, or an idle member is ready: who has recovered by that, or caught up?"""
        for case in list(self.cases):
            if case.unhealed:
                continue
            if not case.recovered and self.group.up >= self.spec.needed:
                case.recovered = True
                self.sim.event("recovered", incident=case.id, agent=self.group.name, member=self.index)
            if not case.recovered or case.caught_up:
                continue  # the work is not back where it was before the service is
            if case.mark is None or self._is_past(case.mark, idle):
                self._caught_up(case, lost=False)
        self.cases = [case for case in self.cases if not case.closed]

    def _is_past(self, mark: tuple[str, int], idle: bool) -> bool:
        """Whether the task in hand is the one of the mark, and past it."""
        return not idle and self.task is not None and mark[0] == self.task.id and self.task.done > mark[1]

    def _caught_up(self, case: Case, *, lost: bool) -> None:
        case.caught_up = True
        self.sim.event(
            "caught_up",
            incident=case.id,
            agent=self.group.name,
            member=self.index,
            detail={"lost": lost},
        )

    def open(self, case: Case) -> None:
        """An incident of this member begins."""
        self.cases.append(case)
        self.sim.event(
            "incident_opened",
            incident=case.id,
            agent=self.group.name,
            member=self.index,
            task=self.task.id if self.task else "",
            subject=case.strike.fault,
            detail={"scope": case.scope, "kind": case.strike.kind, "idle": self.task is None},
        )

    @property
    def mark(self) -> tuple[str, int] | None:
        """The task in hand and its high-water mark."""
        return None if self.task is None else (self.task.id, self.task.high)

    # -- going back ------------------------------------------------------------------------------

    def restore(
        self, snapshot: Snapshot | None, source: str, case: Case | None, *, read: int | None = None
    ) -> None:
        """Sets the state back to a snapshot, or to nothing. Parts that it lacks come back empty.

        read: ns that a process which lives on spent on it, and whose memory is there still unless the
        snapshot has another; None for a new process.
        """
        now, task, state = self.env.now, self.task, self.state
        onset = case.onset if case else now
        same = snapshot is not None and task is not None and snapshot.task == task.id
        step = snapshot.step if snapshot is not None and same else 0
        point = lost = tokens = epoch = 0
        if task is not None:
            lost, tokens = task.set_back(step)
            epoch, task.epoch = task.epoch, task.epoch + 1
            taken = snapshot.taken if snapshot is not None and same else task.started
            point = max(0, onset - taken) if lost else 0  # a snapshot may be newer than the onset
        images = snapshot.parts if snapshot is not None else {}
        memory_point = self._memory_point(snapshot, onset, alive=read is not None)
        had = [name for name, part in state.parts.items() if part.version]
        restored = self._load(snapshot, same, step, alive=read is not None)
        self._healed(state.begin_rebuilding(state.lost_parts()))
        self._plan_again()
        self.reconnect = True
        if read is None and "memory" not in images:
            self.born = now
        self.checkpoints.rewind(snapshot)
        self.sim.event(
            "state_restored",
            agent=self.group.name,
            member=self.index,
            task=task.id if task else "",
            step=step,
            incident=case.id if case else "",
            subject=source if snapshot is not None else "empty",
            value=snapshot.taken if snapshot is not None else self.born,
            detail={
                "parts": restored,
                "epoch": epoch,
                "lost_steps": lost,
                "lost_tokens": tokens,
                "lost_parts": [name for name in had if state.parts[name].version == 0],
                "point": point if task else None,
                "memory_point": memory_point,
                "pause": read or 0,
            },
        )

    def _memory_point(self, snapshot: Snapshot | None, onset: int, *, alive: bool) -> int:
        """0 if memory did not change since the snapshot, else how far back its memory lies; ns."""
        version = self.state.parts["memory"].version
        image = snapshot.parts.get("memory") if snapshot is not None else None
        if version == 0 or (image is None and alive) or (image is not None and image.version == version):
            return 0
        return max(0, onset - (snapshot.taken if snapshot is not None and image else self.born))

    def _load(self, snapshot: Snapshot | None, same: bool, step: int, *, alive: bool) -> list[Part]:
        """Puts parts back that the snapshot has; the others are empty. Gives the former."""
        state = self.state
        images = snapshot.parts if snapshot is not None else {}
        damage: frozenset[str] = snapshot.corrupt if snapshot is not None else frozenset()
        restored: list[Part] = []
        for name, part in state.parts.items():
            image = images.get(name)
            if image is not None and (same or name == "memory"):
                state.load(name, image, damage)
                restored.append(name)
            elif name == "memory" and alive:
                continue
            elif name != "memory" and step == 0:
                state.drop((name,))  # it is given anew with the task
            elif part.version or part.lost:
                state.lose((name,))
                continue
            self._healed([name])
        return restored
