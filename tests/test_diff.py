"""Two archived runs beside each other: pairs made by hand from a stored run, and how they are told."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from stored import unpacked
from walk import call

from agentchaos import diff as room
from agentchaos import pipeline
from agentchaos.diff import diff, resolved
from agentchaos.errors import ArchiveError, UsageError
from agentchaos.renderers.diff import diff_object, show
from agentchaos.scoring.changes import pairs

GOLDEN = Path(__file__).parent / "renderers" / "golden"


@pytest.fixture
def first(tmp_path: Path) -> Path:
    return unpacked(1, tmp_path / "reports")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A run and a worse one; to be read alone."""
    run = unpacked(1, tmp_path_factory.mktemp("pair") / "reports")
    worse = with_worse_tasks(again(run))
    text = (worse / "scenario.yaml").read_text()
    (worse / "scenario.yaml").write_text(text.replace("horizon: 20min", "horizon: 20 min"))
    return run, worse


@pytest.fixture(scope="module")
def worse(pair: tuple[Path, Path]) -> room.Diff:
    return diff(*pair)


@pytest.fixture
def settings_alone(monkeypatch: pytest.MonkeyPatch, worse: room.Diff) -> None:
    """For tests of what was played otherwise: what came of it is not reckoned."""
    monkeypatch.setattr(room, "changes", lambda a, b: dataclasses.replace(worse.changes, why=pairs(a, b)[1]))


def again(run: Path, name: str = "20261125T120000Z") -> Path:
    """A copy of a run under another name."""
    copy = run.with_name(name)
    shutil.copytree(run, copy)
    rewritten(copy, "run.json", lambda facts: facts.update(run=name))
    return copy


def rewritten(folder: Path, name: str, change: Callable[[dict[str, Any]], object]) -> None:
    value = json.loads((folder / name).read_text())
    change(value)
    (folder / name).write_text(json.dumps(value))


def with_worse_tasks(folder: Path, lost: int = 4000) -> Path:
    """So many thousandths of tasks less are right in each replication with faults; some noise beside it."""

    def less(match: re.Match[str]) -> str:
        return f"{match[1]}{int(match[3]) - lost - 100 * (int(match[2]) % 3)}"

    table = folder / "measures.csv"
    text, count = re.subn(r"(chaos,(\d+),task_success,ratio,,)(\d+)", less, table.read_text())
    assert count == 12
    table.write_text(text)
    return folder


def told(found: room.Diff, *, everything: bool = False, encoding: str = "utf-8") -> str:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, newline="\n")
    show(found, Console(file=file, width=100, highlight=False, color_system=None), everything=everything)
    file.flush()
    return raw.getvalue().decode(encoding)


def golden(name: str, text: str) -> None:
    path = GOLDEN / name
    if os.environ.get("AGENTCHAOS_GOLDEN") == "write":
        path.write_text(text)
    assert text == path.read_text()


# ---- what differs ----


def test_two_identical_runs_report_everything_the_same(first: Path) -> None:
    found = diff(first, again(first))
    assert found.changes.verdict == "equal"
    assert {change.status for change in found.changes.all()} == {"same", "unmeasured"}
    assert (found.settings, found.text, found.warnings) == ((), (), ())


def test_a_worse_run_is_told_and_the_way_back_is_better(pair: tuple[Path, Path], worse: room.Diff) -> None:
    told_ = {change.name for change in worse.changes.all() if change.status == "worse"}
    assert {"task_success", "correctness", "functional"} <= told_
    assert worse.changes.verdict == "worse"
    assert diff(*reversed(pair)).changes.verdict == "better"


@pytest.mark.usefixtures("settings_alone")
def test_seed_version_environment_gates_and_settings_are_told(first: Path) -> None:
    other = again(first)

    def played_otherwise(plan: dict[str, Any]) -> None:
        plan["seed"] = 8
        plan["gates"].append("doubled == 0")
        plan["setting"]["groups"][0]["count"] = 3
        plan["reproduce"] += " --set agents.clerk.count=3"

    rewritten(other, "plan.json", played_otherwise)

    def by_another(facts: dict[str, Any]) -> None:
        facts["tool_version"] = "0.0.9"
        facts["environment"] = {**facts["environment"], "python": "3.12.1"}

    rewritten(other, "run.json", by_another)
    found = diff(first, other)
    told_ = {setting.name: (setting.a, setting.b) for setting in found.settings}
    assert told_.pop("environment: python")[1] == "3.12.1"
    assert told_ == {
        "seed": ("7", "8"),
        "setting.groups[clerk].count": ("2", "3"),
        "gates: doubled == 0": (None, "asked"),
        "--set agents.clerk.count": (None, "3"),
        "tool version": ("0.1.0", "0.0.9"),
    }
    assert found.changes.why == "the seeds differ"
    assert found.warnings == ("played by different versions (0.1.0 and 0.0.9); both are scored by this one",)


@pytest.mark.usefixtures("settings_alone")
def test_the_text_of_the_scenario_is_compared(first: Path) -> None:
    other = again(first)
    text = (other / "scenario.yaml").read_text()
    (other / "scenario.yaml").write_text(text.replace("count: 2", "count: 3"))
    assert [line for line in diff(first, other).text if line[0] in "+-"] == [
        "--- a/scenario.yaml", "+++ b/scenario.yaml", "-    count: 2", "+    count: 3",
    ]  # fmt: skip


@pytest.mark.usefixtures("settings_alone")
def test_a_scenario_that_was_written_anew_is_compared_in_one_layout(first: Path) -> None:
    other = again(first)
    text = (other / "scenario.yaml").read_text()
    head = "# desk.yaml with its includes and --set agents.clerk.count=3\n"
    (other / "scenario.yaml").write_text(head + pipeline.plain(text).replace("count: 2", "count: 3"))
    changed = [line for line in diff(first, other, plain=pipeline.plain).text if line[0] in "+-"]
    assert changed[2:] == ["-    count: 2", "+    count: 3"]


def test_plain_gives_back_what_is_no_scenario() -> None:
    assert pipeline.plain("a: [") == "a: ["
    assert pipeline.plain("a: 1\na: 2\n") == "a: 1\na: 2\n"
    assert pipeline.plain("b: {x: f(1, 2)}  # why\n") == "b:\n  x: f(1, 2)\n"


@pytest.mark.usefixtures("settings_alone")
def test_runs_of_other_scenarios_and_parts_of_runs_are_warned_of(first: Path) -> None:
    other = again(first)
    rewritten(other, "plan.json", lambda plan: plan.update(scenario="shop", replications=20))
    found = diff(first, other)
    assert found.warnings == (
        "different scenarios: desk and shop; what has the same name need not be the same thing",
        "run B repeats a part of a run: 12 of 20 replications",
    )
    rewritten(other, "run.json", lambda facts: facts.update(complete=False))
    assert "run B was interrupted: 12 of 20 replications" in diff(first, other).warnings
    assert diff(first, first).warnings == ("both are one and the same run",)


def test_everything_that_is_damaged_is_told_at_once(first: Path, tmp_path: Path) -> None:
    other = again(first)
    (first / "plan.json").write_text("[")
    (other / "panel.csv").unlink()
    with pytest.raises(ArchiveError) as refused:
        diff(first, other)
    assert [Path(problem.file).name for problem in refused.value.problems] == ["plan.json", "panel.csv"]


# ---- how it is told ----


def test_the_terminal_is_as_it_was(pair: tuple[Path, Path], worse: room.Diff) -> None:
    golden("diff_worse.txt", told(worse).replace(f"{pair[0].parent}/", "reports/desk/"))


def test_equal_runs_on_the_terminal(first: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = again(first)
    monkeypatch.chdir(first.parent)
    golden("diff_equal.txt", told(diff(Path(first.name), Path(other.name)), encoding="ascii"))


@pytest.mark.usefixtures("settings_alone")
def test_what_is_left_out_is_counted_and_shown_with_all(first: Path) -> None:
    other = again(first)
    text = (other / "scenario.yaml").read_text()
    (other / "scenario.yaml").write_text("\n".join(f"# {n}" for n in range(60)) + "\n" + text)
    found = diff(first, other)
    assert "more lines (--all)" in told(found)
    assert "# 59" not in told(found)
    assert "# 59" in told(found, everything=True)
    assert "more (--all)" not in told(found, everything=True)
    assert "control.task_success" in told(found, everything=True)


def test_json_holds_every_change_and_no_nan(worse: room.Diff) -> None:
    found = worse
    value = json.loads(json.dumps(diff_object(found, 1), allow_nan=False))
    assert (value["schema_version"], value["verdict"], value["exit_code"]) == (1, "worse", 1)
    assert len(value["measures"]) == len(found.changes.measures)
    (task_success,) = [one for one in value["measures"] if one["name"] == "task_success"]
    assert task_success["status"] == "worse"
    assert task_success["difference"]["n"] == [12, 12]
    assert task_success["difference"]["high"] < 0
    assert value["paired"] is True


# ---- which runs ----


def test_a_run_is_named_in_many_ways(first: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = first.parent.parent
    last = again(first)
    assert resolved(str(first), str(last), out) == (first, last)
    assert resolved("desk", f"desk/{first.name}", out) == (last, out / "desk" / first.name)
    assert resolved(str(first), "latest", out) == (first, last)
    assert resolved("previous", "latest", out) == (first, last)
    assert resolved("latest", "latest", out) == (last, last)
    monkeypatch.chdir(first.parent)
    assert resolved(first.name, "latest", out) == (Path(first.name), last)


def test_latest_of_a_run_that_is_kept_elsewhere_is_of_its_scenario(first: Path, tmp_path: Path) -> None:
    kept = tmp_path / "baselines" / "desk"
    shutil.copytree(first, kept)
    assert resolved(str(kept), "latest", first.parent.parent) == (kept, first)


def test_latest_is_of_the_scenario_of_the_other(first: Path) -> None:
    shop = first.parent.with_name("shop")
    shutil.copytree(first.parent, shop)
    newer = again(shop / first.name, "20261201T000000Z")
    out = first.parent.parent
    assert resolved(str(first), "latest", out) == (first, first)
    assert resolved("previous", "latest", out) == (shop / first.name, newer)


def test_what_is_no_run_is_refused_with_what_there_is(first: Path, tmp_path: Path) -> None:
    out = first.parent.parent
    with pytest.raises(UsageError) as refused:
        resolved("dsk", "nowhere/at/all", out)
    assert len(refused.value.problems) == 2
    assert "did you mean 'desk'?" in str(refused.value)
    with pytest.raises(UsageError, match="there is no 'previous' run: 1 in"):
        resolved("previous", "latest", out)
    with pytest.raises(UsageError, match=r"no run below .*; play one: agentchaos run FILE"):
        resolved("previous", "latest", tmp_path / "empty")


# ---- the command ----


def test_exit_codes(pair: tuple[Path, Path], worse: room.Diff, monkeypatch: pytest.MonkeyPatch) -> None:
    first, other = pair
    out = first.parent.parent
    assert call("diff", "previous", "latest", "--out", out, "--fail-on", "worse").exit_code == 1
    monkeypatch.setattr(room, "diff", lambda a, b, plain: worse)  # it takes a second each time
    assert call("diff", first, other).exit_code == 0
    assert call("diff", first, other, "--fail-on", "gone").exit_code == 0
    wrong = call("diff", first, other, "--fail-on", "wors")
    assert (wrong.exit_code, wrong.stdout) == (2, "")
    assert "--fail-on: no 'wors'; did you mean 'worse'?" in wrong.stderr
    better = [dataclasses.replace(c, status="better") for c in worse.changes.measures if c.status == "worse"]
    kept = {"gates": (), "attributes": (), "dimensions": (), "faults": ()}
    for measures, expected in ((better, 0), (worse.changes.measures, 1)):
        changes = dataclasses.replace(worse.changes, measures=tuple(measures), **kept)
        assert room.exit_code(dataclasses.replace(worse, changes=changes), ("worse",)) == expected


def test_what_is_gone_fails_where_asked(first: Path) -> None:
    other = again(first)
    rewritten(other, "plan.json", lambda plan: plan["gates"].pop())
    found = diff(first, other)
    assert room.exit_code(found, ("worse",)) == 0
    assert room.exit_code(found, ("worse", "gone")) == 1


def test_too_few_replications_to_tell_are_no_pass(first: Path) -> None:
    other = with_worse_tasks(again(first))
    for run in (first, other):
        for table in run.glob("*.csv"):
            lines = table.read_text().splitlines(keepends=True)
            kept = [line for line in lines if not re.match(r"\w+,(9|1\d),", line)]
            table.write_text("".join(kept))
    asked = call("diff", first, other, "--fail-on", "worse", "--json")
    assert asked.exit_code == 3
    assert json.loads(asked.stdout)["verdict"] == "undecided"


def test_errors_come_as_json_where_json_is_asked_for(tmp_path: Path) -> None:
    asked = call("diff", "a", "b", "--out", tmp_path, "--json")
    assert asked.exit_code == 2
    assert [error["file"] for error in json.loads(asked.stdout)["errors"]] == ["a", "b"]
