"""What the README shows is what happens; AGENTCHAOS_GOLDEN=write writes it anew."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
from library.judged import report_of
from walk import call

from agentchaos import bundled
from agentchaos.renderers import wording
from agentchaos.renderers.contract import run_object

README = Path(__file__).parent.parent / "README.md"
WAYS = (
    ("research_agent", "none", 1),
    ("research_agent_every_200", "every 200 steps", 1),
    ("research_agent_every_5", "every 5 steps", 0),
)
COLUMNS = (
    ("lost_steps", "steps done again"),
    ("work_recovery_time", "until it had caught up"),
    ("lost_tokens", "tokens paid twice"),
    ("cost{currency=USD}", "cost"),
    ("time{class=overhead}", "time in pauses"),
)


def block(text: str, begin: str, end: str, new: str) -> str:
    """The part of the README between two marks; replaced by `new` where golden files are written."""
    before, mark, rest = text.partition(begin)
    old, stop, after = rest.partition(end)
    assert mark, begin
    assert stop, end
    if os.environ.get("AGENTCHAOS_GOLDEN") == "write":
        README.write_text(before + mark + new + stop + after, encoding="utf-8")
        return new
    return old


def without_comments(text: str) -> str:
    return "".join(line + "\n" for line in text.splitlines() if not line.lstrip().startswith("#"))


def test_the_ten_lines_are_those_that_init_writes() -> None:
    quickstart = without_comments(bundled.path("quickstart").read_text(encoding="utf-8"))
    assert len(quickstart.splitlines()) == 10
    assert block(README.read_text(encoding="utf-8"), "```yaml\n", "```", quickstart) == quickstart


def test_the_output_is_what_run_prints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert call("init").exit_code == 0
    done = call("run", "scenario.yaml")
    assert done.exit_code == 0, done.stderr
    text = re.sub(r"\d{8}T\d{6}Z", "20261124T063000Z", done.stdout)
    # spaces at the ends of lines do not survive an editor
    text = "".join(line.rstrip() + "\n" for line in text.splitlines())
    shown = block(README.read_text(encoding="utf-8"), "$ agentchaos run scenario.yaml\n", "```", text)
    assert shown == text
    assert (tmp_path / "reports" / "quickstart" / "latest" / "report.html").is_file()


def cell(measure: dict[str, Any]) -> str:
    mean, low, high, unit = (measure[key] for key in ("mean", "low", "high", "unit"))
    if unit == "1":
        return f"{mean:.2%} [{low:.2%}, {high:.2%}]"
    if unit == "tokens":
        return f"{mean / 1e6:.2f} M [{low / 1e6:.2f}, {high / 1e6:.2f}]"
    if unit == "usd":
        return f"${mean:.0f} [{low:.0f}, {high:.0f}]"
    if unit == "steps":
        return f"{mean:,.0f} [{low:,.0f}, {high:,.0f}]"
    return f"{wording.quantity(mean, unit)} {wording.span(low, high, unit)}"


@pytest.mark.slow
def test_a_crash_in_hour_three_costs_what_the_table_says() -> None:
    rows = ["| checkpoint | " + " | ".join(head for _, head in COLUMNS) + " | verdict |"]
    rows.append("|---" * (len(COLUMNS) + 2) + "|")
    for name, words, code in WAYS:
        told = run_object(report_of(name))
        assert told["exit_code"] == code
        assert (told["seed"], told["replications"]) == (11, 118)
        cells = [cell(told["measures"][measure]) for measure, _ in COLUMNS]
        rows.append(f"| {words} | " + " | ".join(cells) + f" | {told['verdict']} |")
    table = "\n".join(rows) + "\n"
    text = README.read_text(encoding="utf-8")
    assert block(text, "and the same crash.\n\n", "\nn = 118", table) == table
