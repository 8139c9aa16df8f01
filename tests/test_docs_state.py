"""The page on state: its table is what the script beside it makes."""

from __future__ import annotations

import pytest
from pages import DOCS, script

PAGE = DOCS / "state.md"


SCRIPT = script("state")


@pytest.mark.slow
def test_the_table_on_the_page_is_of_the_script() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert f"<!-- table: seed 12, {SCRIPT.REPLICATIONS} replications a cell -->" in page
    told = [line for line in page.splitlines() if line.startswith(("| memory | ", "| goal | ", "| plan | "))]
    made = list(SCRIPT.table(6))
    assert made[0] in page
    assert len(made) == 2 + 20
    heads = [line.split(" | ")[:2] for line in made]
    assert all(head in heads for head in (line.split(" | ")[:2] for line in told if line.count("|") == 8))
    # what is certain in a cell does not hang on the number of replications
    for line in made[2:]:
        part, damage, _, _, lasts, steps, _ = (cell.strip() for cell in line.strip("| ").split(" | "))
        (written,) = [w for w in page.splitlines() if w.startswith(f"| {part} | {damage} | ")]
        if damage == "lost":
            assert (lasts, steps) == ("0 ± 0 s", "0.0 ± 0.0")
            assert f"| {lasts} | {steps} |" in written
        else:
            assert not lasts.startswith("0 ± 0")
