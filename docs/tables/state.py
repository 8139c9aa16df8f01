"""Measures what each kind of damage to each part of the state does, and writes the table in state.md anew.

    python docs/tables/state.py [REPLICATIONS]

One agent, a task every half minute, one strike a replication, the default figures of the language. Every cell
and the run without faults share their random numbers, so that differences are by the strike alone.
"""

from __future__ import annotations

import math
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from scipy import stats

from agentchaos import pipeline
from agentchaos.disturbances import PARTS
from agentchaos.metrics.base import Count, Data, Incident, Incidents, Ratio

REPLICATIONS = 200
SCENARIO = """
name: damage
horizon: 30min
drain: 5min
seed: 12
services: {gpt: {kind: model, latency: lognormal(mean=2s, cv=0.6)}, crm: {kind: tool, latency: 500ms}}
agents:
  a:
    tasks: {arrive: 30s, steps: uniform(8, 12)}
    step: {think: gpt, act: crm}
"""
DAMAGES = {
    "lost": "state_loss",
    "corrupt": "state_corruption",
    "stale": "state_staleness",
    "poisoned": "poisoning",
}
HEAD = (
    "| part | damage | noticed | over after (median) | bears its taint for | steps reached "
    "| tasks lost to it |",
    "|---|---|---|---|---|---|---|",
)


def data_of(fault: str, replications: int) -> list[Data]:
    """What the replications come to."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "damage.yaml"
        file.write_text(SCENARIO + fault, encoding="utf-8")
        plan = pipeline.decide(pipeline.load(file), replications=replications)
        return [pipeline.play_one(plan, "chaos", n)[0] for n in range(1, replications + 1)]


def not_right(data: Data) -> float:
    """Tasks that ended wrong, were given up or were never finished."""
    planned, success = data["tasks_planned"], data["task_success"]
    assert isinstance(planned, Count)
    assert isinstance(success, Ratio)
    return planned.count * (1.0 - (success.value or 0.0))


def incident_of(data: Data) -> Incident | None:
    """Its only one; None where the strike found nothing to damage."""
    datum = data["incidents"]
    assert isinstance(datum, Incidents)
    return next((incident for _, incident in datum.rows), None)


def interval(values: list[float]) -> tuple[float, float, float]:
    """Mean, and half the width and the number of a 95 % interval (Student's t)."""
    n, mean = len(values), math.fsum(values) / len(values)
    if n < 2:
        return mean, math.inf, n
    error = math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (n - 1) / n)
    return mean, float(stats.t.ppf(0.975, n - 1)) * error, n


def with_bounds(values: list[float], digits: int) -> str:
    """`12.3 ± 0.4`."""
    mean, reach, _ = interval(values)
    return f"{mean:.{digits}f} ± {reach:.{digits}f}"


def median(incidents: list[Incident]) -> str:
    """The time until half of them were over."""
    times = sorted(math.inf if i.recovered is None else (i.recovered - i.onset) / 1e9 for i in incidents)
    middle = times[len(times) // 2]
    return "never" if math.isinf(middle) else f"{middle:.0f} s"


def row(part: str, damage: str, struck: list[Data], calm: list[Data]) -> str:
    """The line of a cell."""
    pairs = [(incident, a, b) for a, b in zip(struck, calm, strict=True) if (incident := incident_of(a))]
    incidents = [incident for incident, _, _ in pairs]
    cells = [
        part,
        damage,
        f"{sum(i.detected is not None for i in incidents) / len(incidents):.0%}",
        median(incidents),
        with_bounds([i.taint_time / 1e9 for i in incidents], 0) + " s",
        with_bounds([float(i.cascade_steps) for i in incidents], 1),
        with_bounds([not_right(a) - not_right(b) for _, a, b in pairs], 2),
    ]
    return "| " + " | ".join(cells) + " |"


def table(replications: int) -> Iterator[str]:
    """The lines of the table."""
    calm = data_of("", replications)
    yield from HEAD
    for part in PARTS:
        for damage, fault in DAMAGES.items():
            strike = f"faults: [{{{fault}: {{agent: a, parts: [{part}], at: uniform(5min, 10min)}}}}]\n"
            yield row(part, damage, data_of(strike, replications), calm)


def main() -> None:
    """Writes the table into its place."""
    replications = int(sys.argv[1]) if len(sys.argv) > 1 else REPLICATIONS
    page = Path(__file__).parent.parent / "state.md"
    lines = "\n".join(table(replications))
    told = f"<!-- table: seed 12, {replications} replications a cell -->\n\n{lines}\n\n<!-- end -->"
    text = re.sub(r"<!-- table.*?<!-- end -->", lambda _: told, page.read_text(encoding="utf-8"), flags=re.S)
    page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
