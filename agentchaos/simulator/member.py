"""A member: a role as a state machine that takes tasks and does their steps, one after the other."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from typing import Any

import simpy

from agentchaos.disturbances import Part
from agentchaos.seeds import Stream
from agentchaos.simulator import chance
from agentchaos.simulator.group import Task, Team
from agentchaos.simulator.incidents import Case
from agentchaos.simulator.state import AMBIENT, TASK_PARTS, Snapshot, State
from agentchaos.simulator.station import Station
from agentchaos.simulator.unit import Unit

Steps = Generator[simpy.Event, Any, None]


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
        self.reconnect = False
        self.ready: simpy.Event | None = None  # set while the role is down
        self.assigned: simpy.Event | None = None  # set while it waits for a task
        self.born = 0  # when memory was last empty
        self.saved: list[Snapshot] = []  # durable checkpoints, oldest first
        self.copy: Snapshot | None = None  # the last copy shipped to the standbys
        self._unsaved = self._saved_at = self._snapshots = self._taken = 0
        self._saving: int | None = None
        self._checkpoint = self.spec.checkpointing
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
                if self.ready is not None:
                    yield self.ready
                if self.task is None:
                    yield from self._await_task()
                yield from self._pursue()
            except simpy.Interrupt:
                self._cut()

    def _await_task(self) -> Steps:
        task = self._next_task()
        if task is not None:
            self.take(task)
            return
        self.group.idle.append(self)
        self.assigned = self.env.event()
        try:
            yield self.assigned
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
        elif self.spec.tasks.loop == "endless" and self.env.now < self.sim.horizon:
            task = self.group.make(f"{self.index}:{self._taken}")
            self._taken += 1
            self.group.plan_task(task)
        else:
            return self.group.next_task()  # spawned ones
        self.group.arrive(task)
        return task

    def take(self, task: Task) -> None:
        """The task is in hand from this moment; goal, plan, context and tools start clean."""
        self.task = task
        task.started = self.progress = self.env.now
        self.replan = 0
        self._drop(TASK_PARTS)
        self.sim.event("task_started", agent=self.group.name, member=self.index, task=task.id)
        if self.assigned is not None and not self.assigned.triggered:
            self.assigned.succeed()

    def _drop(self, parts: tuple[Part, ...]) -> None:
        if not self.state.clean or any(self.state.parts[p].written for p in parts):
            self.state.drop(parts)
        for case in self.cases:
            case.unhealed.difference_update(parts)

    def _cut(self) -> None:
        """The step in flight is lost: its row says so."""
        if self._saving is not None:
            self.sim.event(
                "checkpoint_lost",
                agent=self.group.name,
                member=self.index,
                subject=self._store,
                value=self.env.now - self._saving,
            )
            self._saving = None
        if self.began >= 0 and self.task is not None:
            self._step_row("interrupted", self.state.ids)
        self.began = -1

    def cut_at_end(self) -> None:
        """The replication ends in the middle of a step."""
        self._cut()

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
            if self.group.overdue(task):
                self._end("abandoned")
            elif task.done >= task.length:
                self._end("done")
            else:
                if not self.state.clean or self.cases:
                    yield from self._look_around()
                    if self.task is not task:
                        continue
                yield from self._step("replan" if self.replan > 0 else "work")
                if self.task is task and self._checkpoint_due():
                    if self._checkpoint is not None and self._checkpoint.mode == "sync":
                        yield from self._save()
                    else:
                        self._save_beside()

    def _end(self, outcome: str) -> None:
        task = self.task
        assert task is not None
        self.task = None
        self.sim.end_task(self.group.name, self.index, task, outcome)
        self._drop(TASK_PARTS)
        for case in list(self.cases):
            if case.mark is not None and case.mark[0] == task.id and not case.caught_up:
                self._caught_up(case, lost=outcome != "done")
        self.cases = [case for case in self.cases if not case.closed]

    def _step(self, what: str) -> Steps:
        task = self.task
        assert task is not None
        self.what, self.number, self.began = what, task.done + 1, self.env.now
        self.waited = self.tokens = 0
        wrong: str = ""
        if self._think is not None:
            answer = yield from self._call(0, self._think, deed=False)
            if answer is None:
                return
            wrong = answer
        if self._work is not None and what == "work":
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
        assert self.task is not None
        return self.task.stream.uniform(chance.index(purpose, self.task.epoch, self.number, call, attempt))

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
        self._step_row("error", (answer.strike,) if answer.strike else self.state.ids)
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
            self._step_row("right", taint)
            self.began = -1
            self.replan -= 1
            self.progress = self.env.now
            if self.replan == 0:
                self._healed(state.rebuild_step(("plan",)))
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
        task.high = max(task.high, task.done)
        self._unsaved += 1
        state.wrote()
        if not right:
            self._spread(task, taint)
        if not state.clean:
            self._healed(state.rebuild_step(("memory", "context", "tools")))
        if self.spec.tasks.spawn is not None:
            self._beget(task)
        if self.cases:
            self.cases_served()

    def _spread(self, task: Task, ids: tuple[str, ...]) -> None:
        """A silent wrong step taints what it wrote: memory only where a fault stands behind it."""
        if ids:
            task.blame[task.done] = ids
        self.state.taint(TASK_PARTS, frozenset(ids) or frozenset({AMBIENT}))
        if ids and self._draw(chance.ABSORB) < float(self.spec.state.absorb):
            self.state.taint(("memory",), frozenset(ids))

    def _beget(self, task: Task) -> None:
        spawn = self.spec.tasks.spawn
        assert spawn is not None
        if (
            task.depth < spawn.generations
            and self.env.now <= self.sim.horizon
            and self._draw(chance.SPAWN) < float(spawn.probability)
        ):
            number = task.id.split("/", 1)[1]
            self.group.offer(f"{number}>{self.number}.{task.epoch}", task.depth + 1)

    # -- what it notices of its own state -------------------------------------------------------

    def _look_around(self) -> Steps:
        """Before a step: lost parts are found empty, corrupt ones may be noticed."""
        lost = self.state.lost_parts()
        found = [
            c
            for c in self.cases
            if c.scope == "state" and not c.detected and any(p in lost for p in c.unhealed)
        ]
        self.number = self.task.done + 1 if self.task else 0
        noticed = self._noticed()
        found += [
            c
            for c in self.cases
            if c.scope == "state"
            and not c.detected
            and c not in found
            and any(c.id in self.state.parts[p].taint for p in c.unhealed & noticed)
        ]
        if not found and not noticed:
            return
        for case in found:
            case.detected = True
            self.sim.event("failure_detected", incident=case.id, agent=self.group.name, member=self.index)
        parts = tuple(sorted({p for c in found for p in c.unhealed} | noticed))
        if parts:
            yield from self._mend(parts, found)

    def _noticed(self) -> set[Part]:
        """Parts whose corruption comes to light at this step."""
        seen: set[Part] = set()
        for place, (name, part) in enumerate(self.state.parts.items()):
            if part.taint - {AMBIENT} and self._draw(chance.NOTICE, place) < float(
                self.spec.state.part(name).notice
            ):
                seen.add(name)
        return seen

    def _mend(self, parts: tuple[Part, ...], found: list[Case]) -> Steps:
        """Puts damaged parts right: from the newest usable checkpoint that has them, else by rebuilding."""
        task = self.task
        assert task is not None
        covers = self._checkpoint.covers if self._checkpoint else ()
        need = frozenset(parts)
        way = "rebuild"
        if (
            self.spec.recovery.name == "checkpoint_recovery"
            and need <= set(covers)
            and any(need <= set(snapshot.parts) for snapshot in self.saved)
        ):
            way = "checkpoint"
        for case in found:
            self.sim.event(
                "recovery_started",
                incident=case.id,
                agent=self.group.name,
                member=self.index,
                subject=way,
            )
        if way == "checkpoint":
            began = self.env.now
            snapshot, cost = self.pick_checkpoint(self.sim.chance.named("mend", task.id), task.epoch, need)
            yield self.env.timeout(cost)
            self.progress += self.env.now - began
            self.restore(snapshot, "checkpoint", found[0] if found else None)
        else:
            self._rebuild(parts)
        for case in found:
            if not self.state.lost_parts():
                case.unhealed.clear()

    def _rebuild(self, parts: tuple[Part, ...]) -> None:
        task = self.task
        assert task is not None
        if "goal" in parts:
            if self.state.parts["goal"].lost:  # nobody knows any more what was wanted
                self._end("goal_lost")
                return
            self.restore(None, "empty", None)  # a wrong goal: the task begins again
            return
        wrong = tuple(p for p in parts if not self.state.parts[p].lost)
        if wrong:
            self.state.lose(wrong)
        if self.state.parts["plan"].lost:
            self.replan = self.spec.state.plan.rebuild
        if "tools" in parts:
            self.reconnect = True
        self._healed([p for p in parts if not self.state.parts[p].lost])

    def _healed(self, parts: list[Part]) -> None:
        for case in self.cases:
            case.unhealed.difference_update(parts)

    # -- incidents ------------------------------------------------------------------------------

    def cases_served(self, *, idle: bool = False) -> None:
        """A step was finished, or an idle member is ready: who has recovered by that, or caught up?"""
        for case in list(self.cases):
            if case.unhealed or (case.scope == "state" and not case.detected):
                continue
            if not case.recovered and self.group.up >= self.spec.needed:
                case.recovered = True
                self.sim.event("recovered", incident=case.id, agent=self.group.name, member=self.index)
            if not case.caught_up and (
                case.mark is None
                or (
                    not idle
                    and self.task is not None
                    and case.mark[0] == self.task.id
                    and self.task.done > case.mark[1]
                )
            ):
                if case.mark is None and not case.recovered:
                    continue
                self._caught_up(case, lost=False)
        self.cases = [case for case in self.cases if not case.closed]

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

    # -- checkpoints ----------------------------------------------------------------------------

    @property
    def _store(self) -> str:
        return (self._checkpoint.store if self._checkpoint else None) or "local"

    def _checkpoint_due(self) -> bool:
        spec = self._checkpoint
        if spec is None or self._unsaved == 0:
            return False
        if spec.steps is not None:
            return self._unsaved >= spec.steps
        assert spec.period is not None
        return spec.mode == "sync" and self.env.now - self._saved_at >= spec.period

    def snapshot(self, covers: tuple[Part, ...]) -> Snapshot:
        """The state after the last finished step."""
        task = self.task
        return self.state.snapshot(self.env.now, task.id if task else "", task.done if task else 0, covers)

    def _write_latency(self, stream: Stream, at: int) -> int:
        spec = self._checkpoint
        assert spec is not None
        if spec.write is not None:
            return spec.write.ns_sampler()(stream.uniform(at))
        if spec.store is not None:
            return self.sim.stations[spec.store].spec.latency.ns_sampler()(stream.uniform(at))
        return 20_000_000

    def _save(self) -> Steps:
        """A synchronous checkpoint: the agent pauses until it is durable."""
        spec, task = self._checkpoint, self.task
        assert spec is not None
        assert task is not None
        snapshot = self.snapshot(spec.covers)
        latency = self._write_latency(self.sim.chance.named("checkpoint", task.id, task.epoch), task.done)
        self._saving = self.env.now
        if latency:
            yield self.env.timeout(latency)
        self._saving = None
        self._unsaved, self._saved_at = 0, self.env.now
        self.progress = self.env.now
        self.keep(snapshot, pause=latency)

    def keep(self, snapshot: Snapshot, *, pause: int) -> None:
        """The snapshot is durable."""
        spec = self._checkpoint
        assert spec is not None
        snapshot.durable = self.env.now
        self.saved.append(snapshot)
        del self.saved[: -spec.generations]
        self.sim.event(
            "checkpoint_saved",
            agent=self.group.name,
            member=self.index,
            task=snapshot.task,
            step=snapshot.step,
            subject=self._store,
            value=snapshot.taken,
            detail={
                "parts": list(spec.covers),
                "bytes": self.spec.state.bytes(spec.covers),
                "pause": pause,
            },
        )

    def save_beside(self, period: int) -> Steps:
        """Asynchronous checkpoints on the tick of a clock."""
        while True:
            yield self.env.timeout(period)
            if self.is_up and self._unsaved:
                self._save_beside()

    def _save_beside(self) -> None:
        spec = self._checkpoint
        assert spec is not None
        self._unsaved = 0
        self._snapshots += 1
        self.env.process(self._write(self.snapshot(spec.covers), self.unit.lives, self._snapshots))

    def _write(self, snapshot: Snapshot, lives: int, k: int) -> Steps:
        name = f"{self.group.name}/{self.index}"
        latency = self._write_latency(self.sim.chance.named("checkpoint", name), k)
        yield self.env.timeout(latency)
        if self.unit.lives == lives and self.is_up:
            self.keep(snapshot, pause=0)

    def ship(self, every: int) -> Steps:
        """Ships a copy of the state to the standbys, again and again."""
        while True:
            yield self.env.timeout(every)
            if self.is_up:
                self.copy = self.snapshot(("memory", "goal", "plan", "context", "tools"))

    def pick_checkpoint(
        self, stream: Stream, k: int, need: frozenset[Part] = frozenset()
    ) -> tuple[Snapshot | None, int]:
        """(the newest usable checkpoint that has the parts needed, ns to read it).

        Corrupt ones that are verified are found out, cost a read each, and are thrown away.
        """
        spec = self._checkpoint
        assert spec is not None
        read = 0
        if spec.store is not None:
            read = self.sim.stations[spec.store].spec.latency.ns_sampler()(stream.uniform(k))
        bandwidth = getattr(self.spec.recovery, "bandwidth", None)
        if bandwidth:
            read += round(self.spec.state.bytes(spec.covers) / bandwidth * 1e9)
        cost = 0
        for snapshot in reversed(list(self.saved)):
            if not need <= set(snapshot.parts):
                continue  # taken when the part was gone already; that is seen without reading it
            cost += read
            if not (snapshot.corrupt and spec.verify):
                return snapshot, cost
            self.saved.remove(snapshot)
        return None, cost

    def restore(self, snapshot: Snapshot | None, source: str, case: Case | None) -> None:
        """Sets the state back to a snapshot, or to nothing. Parts that it lacks come back empty."""
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
        memory_written = state.parts["memory"].written
        restored: list[Part] = []
        for name in state.parts:
            image = images.get(name)
            if image is not None and (same or name == "memory"):
                state.load(name, image, snapshot.corrupt if snapshot is not None else frozenset())
                restored.append(name)
            elif name == "memory" or (step > 0 and name != "goal"):
                if state.parts[name].written:
                    state.lose((name,))
            else:
                state.drop((name,))
        self.replan = self.spec.state.plan.rebuild if state.parts["plan"].lost else 0
        self.reconnect = True
        memory = images.get("memory")
        memory_point = 0
        if memory_written > (memory.written if memory else 0):
            memory_point = max(0, onset - (snapshot.taken if snapshot is not None and memory else self.born))
        if memory is None:
            self.born = now
        self._unsaved, self._saved_at = 0, now
        for open_ in self.cases:
            open_.unhealed.intersection_update(state.lost_parts())
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
                "lost_parts": 5 - len(restored),
                "point": point if task else None,
                "memory_point": memory_point,
            },
        )
