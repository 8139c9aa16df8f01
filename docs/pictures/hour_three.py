"""Draws what a crash in the third hour costs: the same agent, the same crash, three ways to keep its work.

    python docs/pictures/hour_three.py

Writes hour_three.png beside this file, from replication 1 of the three research_agent scenarios. They share
their random numbers, so that all three crash at the same moment.
"""

from __future__ import annotations

from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from agentchaos import bundled, pipeline
from agentchaos.renderers.wording import PALETTE
from agentchaos.trace import NS, Row

HOUR = 3600 * NS
WAYS = (
    ("research_agent", "no checkpoint", PALETTE["bad"]),
    ("research_agent_every_200", "every 200 steps", PALETTE["waiting"]),
    ("research_agent_every_5", "every 5 steps", PALETTE["useful"]),
)


def trace_of(name: str) -> list[Row]:
    """The trace of replication 1 of a bundled scenario."""
    plan = pipeline.decide(pipeline.load(bundled.path(name)), replications=1)
    return pipeline.play_one(plan, "chaos", 1, keep=True)[1]


def kept(rows: list[Row]) -> tuple[list[float], list[int]]:
    """(hours, steps of the task that count at that moment)."""
    hours, steps = [0.0], [0]
    for row in rows:
        if row[0] == "step" and row[11] in ("right", "wrong"):
            hours.append(row[1] / HOUR)
            steps.append(row[7])
        elif row[0] == "state_restored":
            hours += [row[1] / HOUR, row[1] / HOUR]
            steps += [steps[-1], row[5]]
    return hours, steps


def main() -> None:
    """Draws the picture."""
    figure = Figure(figsize=(9, 4.6), dpi=130, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    crash = 0.0
    for name, label, colour in WAYS:
        rows = trace_of(name)
        hours, steps = kept(rows)
        crash = next(row[1] for row in rows if row[0] == "fault_struck") / HOUR
        lost = next(row[9]["lost_steps"] for row in rows if row[0] == "state_restored")
        axes.plot(hours, steps, color=colour, linewidth=2, label=f"{label}: {lost:,} steps done again")
    axes.axvline(crash, color=PALETTE["down"], linestyle="--", linewidth=1)
    axes.annotate(
        "the process crashes", (crash, 1000), xytext=(8, 0), textcoords="offset points", color=PALETTE["down"]
    )
    axes.set(xlabel="hours since the start", ylabel="steps that count", ylim=(0, 2100), xlim=(0, None))
    axes.set_title("What a crash in hour three costs", loc="left", fontsize=13, fontweight="bold")
    axes.legend(loc="upper left", frameon=False)
    axes.grid(color=PALETTE["line"], linewidth=0.6)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.savefig(Path(__file__).with_suffix(".png"), metadata={"Software": None})


if __name__ == "__main__":
    main()
