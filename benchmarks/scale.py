"""Wide and long: 1,000 agents for an hour, 10 agents for 30 days, and whether memory grows with the horizon.

Each case is played in a process of its own, with all of its metrics and without keeping its trace; printed
are its steps (each calls the model once), its speed and the peak of its memory above that of a process
that has only imported the package. What grows with the horizon are the strikes, which are planned beforehand,
and the incidents, which are results. Exits 1 if ten times the horizon takes more than a tenth more memory.

    python benchmarks/scale.py [wide | 3d | 30d ...]
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SCENARIO = """
name: scale
horizon: {horizon}
services:
  gpt: {{kind: model, latency: "lognormal(mean=2s, cv=0.6)", capacity: {capacity}}}
  crm: {{kind: tool, latency: exponential(mean=0.5s), side_effects: true}}
agents:
  support:
    count: {count}
    tasks: {{arrive: poisson({rate}/h), steps: uniform(4, 12), deadline: 10min, panel: 50}}
    step: {{think: gpt, act: crm}}
    protect:
      heartbeat: {{every: 5s}}
      watchdog: {{after: 5min}}
      checkpointing: {{every: 5 steps}}
      redundancy: {{standbys: {standbys}}}
      retry: {{on: crm}}
      idempotency: {{key: task, window: 1h}}
    recover: checkpoint
faults:
  - crash: {{agent: support, every: exponential(mean=8h)}}
  - hang: {{agent: support, every: exponential(mean=24h), for: 10min}}
  - state_loss: {{agent: support, parts: [context], every: exponential(mean=8h)}}
  - timeout_after_commit: {{service: crm, probability: 0.2%}}
"""

CASES = {
    "6h": {"horizon": "6h", "count": 10, "standbys": 2, "rate": 900, "capacity": 15},
    "24h": {"horizon": "24h", "count": 10, "standbys": 2, "rate": 900, "capacity": 15},
    "wide": {"horizon": "1h", "count": 1000, "standbys": 50, "rate": 90000, "capacity": 1500},
    "3d": {"horizon": "3d", "count": 10, "standbys": 2, "rate": 900, "capacity": 15},
    "30d": {"horizon": "30d", "count": 10, "standbys": 2, "rate": 900, "capacity": 15},
}


def peak() -> float:
    """The peak of this process's memory, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def play(case: str) -> None:
    """Plays one case and prints its line."""
    from agentchaos import pipeline
    from agentchaos.metrics.base import Histogram

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "scale.yaml")
        file.write_text(SCENARIO.format(**CASES[case]), encoding="utf-8")
        plan = pipeline.decide(pipeline.load(file), replications=1)
    # heavy libraries are loaded by then: what is measured is what playing takes
    before, began = peak(), time.perf_counter()
    data, _ = pipeline.play_one(plan, "chaos", 1)
    took, steps = time.perf_counter() - began, data["wait{service=gpt}"]
    assert isinstance(steps, Histogram)
    print(f"{case:6}{steps.count:>12,}{took:>10.1f}{steps.count / took:>10,.0f}{peak() - before:>10.1f}")


def main(cases: list[str]) -> int:
    """Plays the cases and compares."""
    print(f"{'case':6}{'steps':>12}{'seconds':>10}{'steps/s':>10}{'MB more':>10}", flush=True)
    taken: dict[str, float] = {}
    for case in cases:
        command = [sys.executable, __file__, "--one", case]
        line = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        print(line, end="", flush=True)
        taken[case] = float(line.split()[-1])
    if not {"3d", "30d"} <= taken.keys():
        return 0
    grown = taken["30d"] / taken["3d"]
    print(f"ten times the horizon takes {grown:.2f} times the memory")
    return int(grown > 1.1)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        play(sys.argv[2])
    else:
        sys.exit(main(sys.argv[1:] or ["wide", "3d", "30d"]))
