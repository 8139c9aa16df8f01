"""Steps per second of the reference engine on workload W, beside a hand-written SimPy model of W.

W: 10 agents, some hours; a step is a lognormal model latency (mean 2 s, cv 0.6; 8 at a time, FIFO) and an
exponential tool latency (mean 0.5 s); a checkpoint every 20 steps (0.2 s); crashes exponential, MTBF 4 h
an agent; heartbeat 5 s, 3 misses; restart 20 s, reload 2 s; lost steps are redone.

Three figures come from one run: a bare SimPy timeout loop, the hand-written model, and agentchaos with its
whole trace and all of its metrics. What is to be compared are the ratios. The throughputs of the two
models (finished steps an hour) must agree within their intervals, or the comparison is of two things.

    python benchmarks/engine.py [HOURS] [REPLICATIONS]
"""

from __future__ import annotations

import math
import random
import sys
import tempfile
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import simpy

from agentchaos import pipeline
from agentchaos.metrics.base import Histogram, Ratio

SCENARIO = """
name: workload_w
preset: ideal
horizon: {hours}h
drain: 1s
services:
  model: {{kind: model, latency: "lognormal(mean=2s, cv=0.6)", capacity: 8}}
  tool: {{kind: tool, latency: exponential(mean=0.5s)}}
agents:
  worker:
    count: 10
    tasks: {{loop: 1, steps: 1000000}}
    step: {{think: model, act: tool}}
    protect:
      heartbeat: {{every: 5s, misses: 3}}
      checkpointing: {{every: 20 steps, write: 0.2s}}
    recover: {{checkpoint: {{start: 20s, load: 2s}}}}
faults:
  - crash: {{agent: worker, every: exponential(mean=4h)}}
"""

Life = Generator[simpy.Event, Any, None]


class HandWritten:
    """W as an engineer would write it in SimPy: processes, a Resource, Interrupts."""

    def __init__(self, seed: int, hours: float) -> None:
        self.env = simpy.Environment()
        self.model = simpy.Resource(self.env, capacity=8)
        self.random = random.Random(seed)
        self.horizon = hours * 3600.0
        self.steps = self.lost = 0
        sigma = math.sqrt(math.log1p(0.6**2))
        self.lognormal = (math.log(2.0) - sigma**2 / 2, sigma)
        for _ in range(10):
            self.env.process(self.supervise())

    def work(self) -> Life:
        """Steps for ever, a checkpoint every 20."""
        since = 0
        try:
            while True:
                with self.model.request() as slot:
                    yield slot
                    yield self.env.timeout(self.random.lognormvariate(*self.lognormal))
                yield self.env.timeout(self.random.expovariate(2.0))
                self.steps += 1
                since += 1
                if since == 20:
                    yield self.env.timeout(0.2)
                    since = 0
        except simpy.Interrupt:
            self.lost += since

    def supervise(self) -> Life:
        """Crash, detect by heartbeat, restart, reload."""
        phase = self.random.uniform(0, 5)
        while True:
            worker = self.env.process(self.work())
            yield self.env.timeout(self.random.expovariate(1 / 14400))
            worker.interrupt()
            detect = (phase - self.env.now) % 5 + 10
            yield self.env.timeout(detect + 20 + 2)

    def run(self) -> None:
        """To the horizon."""
        self.env.run(until=self.horizon)


def bare(events: int) -> float:
    """Timeouts per second of a bare SimPy loop."""
    env = simpy.Environment()

    def ticking() -> Life:
        while True:
            yield env.timeout(1)

    for _ in range(10):
        env.process(ticking())
    began = time.process_time()
    env.run(until=events // 10)
    return events / (time.process_time() - began)


def interval(values: list[float]) -> tuple[float, float]:
    """(mean, half width of three standard errors)."""
    mean = math.fsum(values) / len(values)
    variance = math.fsum((v - mean) ** 2 for v in values) / max(1, len(values) - 1)
    return mean, 3 * math.sqrt(variance / len(values))


def main() -> int:
    """Prints the three figures and their ratios; 1 where the two models disagree."""
    hours = float(sys.argv[1]) if len(sys.argv) > 1 else 4.0
    replications = int(sys.argv[2]) if len(sys.argv) > 2 else 4
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "w.yaml"
        file.write_text(SCENARIO.format(hours=hours), encoding="utf-8")
        plan = pipeline.decide(pipeline.load(file), replications=replications)
    ours: list[float] = []
    theirs: list[float] = []
    speed_ours: list[float] = []
    speed_theirs: list[float] = []
    for number in range(1, replications + 1):
        began = time.process_time()
        data, _ = pipeline.play_one(plan, "chaos", number)
        took = time.process_time() - began
        waits, lost = data["wait{service=model}"], data["lost_work"]
        assert isinstance(waits, Histogram)
        assert isinstance(lost, Ratio)
        steps = waits.count - lost.numerator
        speed_ours.append(waits.count / took)
        ours.append(steps / hours)
        model = HandWritten(number, hours)
        began = time.process_time()
        model.run()
        speed_theirs.append(model.steps / (time.process_time() - began))
        theirs.append((model.steps - model.lost) / hours)
    floor = bare(1_000_000)
    mine, hand = sorted(speed_ours)[replications // 2], sorted(speed_theirs)[replications // 2]
    print(f"workload W, {hours:g} h, {replications} replications, medians, one core")
    print(f"bare SimPy timeouts       {floor:12,.0f} a second")
    print(f"hand-written SimPy model  {hand:12,.0f} steps a second   {hand / floor:.3f} of bare")
    print(f"agentchaos, reference     {mine:12,.0f} steps a second   {mine / floor:.3f} of bare")
    print(f"agentchaos / hand-written {mine / hand:12.2f}   (with trace, grammar check and all metrics)")
    (a, da), (b, db) = interval(ours), interval(theirs)
    agree = abs(a - b) <= math.hypot(da, db)
    print(f"useful steps an hour: {a:,.0f} +- {da:,.0f} against {b:,.0f} +- {db:,.0f}: "
          f"{'equal within their intervals' if agree else 'DIFFERENT'}")  # fmt: skip
    return 0 if agree else 1


if __name__ == "__main__":
    raise SystemExit(main())
