"""The page of conduct: its scenario is valid, and its table of attacks says what stands on the shelf."""

from __future__ import annotations

import re
from pathlib import Path

from agentchaos import pipeline
from agentchaos.world import FAULTS

PAGE = (Path(__file__).parent.parent / "docs" / "conduct.md").read_text(encoding="utf-8")


def test_its_scenario_is_valid(tmp_path: Path) -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)
    file = tmp_path / "scenario.yaml"
    file.write_text(text, encoding="utf-8")
    plan = pipeline.decide(pipeline.load(file), replications=1)
    (group,) = plan.setting.groups
    assert (group.risky, group.attacked, group.explains) == (True, True, True)


def test_its_table_of_attacks_has_the_defaults_of_each() -> None:
    rows = [line.strip("| ").split(" | ") for line in PAGE.splitlines() if line.startswith("| `")]
    told = {cells[0].strip("`"): cells for cells in rows if cells[0].strip("`") in FAULTS}
    attacks = {name: fault for name, fault in FAULTS.items() if fault.boundary == "security"}
    assert told.keys() == attacks.keys()
    for name, fault in attacks.items():
        assert told[name][1].startswith("the task" if fault.scope == "task" else "answers of a service")
        assert told[name][2] == fault.model_fields["severity"].default
        assert told[name][3] == (", ".join(fault.model_fields["poisons"].default) or "nothing")
