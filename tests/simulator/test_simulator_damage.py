"""Loss, corruption, staleness and poison of each of the five parts: twenty cells, each computed by hand.

One agent does two tasks of 12 steps of 10 s, one after the other. The strike falls at 57 s, into step 6 of
the first. What is struck is wrong for certain (chance 1), what is lost is a hazard of a million where loss is
a hazard at all, and what strikes made wrong is copied into memory for certain (absorb 1).
"""

from __future__ import annotations

import pytest
from simulator.played import Played, play

from agentchaos.trace import NS

HEAD = """
name: by hand
preset: ideal
horizon: 400s
drain: 100s
services: {tool: {kind: tool, side_effects: true}}
agents:
  a:
    tasks: {schedule: [0s, 0s], steps: 12, success: 0.999}
    step: {work: 10s, ACT}
    state: STATE
    protect: PROTECT
    recover: RECOVER
faults: [FAULTS]
"""
PARTS = ("memory", "goal", "plan", "context", "tools")
FAULT_OF = {"lost": "state_loss", "corrupt": "state_corruption", "stale": "state_staleness",
            "poison": "poisoning"}  # fmt: skip
BARE = "notice: 0, stale_notice: 0, poison_notice: 0, corrupt_wrong: 1, stale_wrong: 1, poison_wrong: 1"
OWN = {
    "memory": "rebuild: 10, lost_hazard: 1e6, stale_steps: 10",
    "goal": "stale_steps: 3",
    "plan": "rebuild: 2, stale_steps: 3",
    "context": "rebuild: 2, lost_hazard: 1e6, stale_steps: 3",
    "tools": "rebuild: 1, stale_steps: 1",
}


def state(absorb: float = 1, **more: str) -> str:
    """A state of which nobody notices anything, but for what `more` says of a part."""
    fields = [f"{part}: {{{BARE}, {OWN[part]}}}" for part in PARTS]
    for part, words in more.items():
        (place,) = [n for n, field in enumerate(fields) if field.startswith(f"{part}:")]
        key = words.split(":")[0]
        kept = [w for w in fields[place].partition("{")[2].rstrip("}").split(", ") if w.split(":")[0] != key]
        fields[place] = f"{part}: {{{', '.join([*kept, words])}}}"
    return f"{{{', '.join(fields)}, absorb: {absorb}, reconnect: 4s}}"


def run(
    faults: str,
    state_: str,
    protect: str = "{}",
    recover: str = "cold_start",
    act: str = "act: tool",
) -> Played:
    text = HEAD.replace("STATE", state_).replace("PROTECT", protect).replace("RECOVER", recover)
    return play(text.replace("FAULTS", faults).replace(", ACT", f", {act}" if act else ""))


def strike(damage: str, part: str, moment: str = "57s") -> str:
    return f"{{{FAULT_OF[damage]}: {{agent: a, parts: [{part}], at: {moment}}}}}"


def outcomes(played: Played) -> list[str]:
    """A word a task: its steps in the order of their doing, `.` right, `x` wrong, `p` planning, `-` cut."""
    words: dict[str, str] = {}
    signs = {"right": ".", "wrong": "x", "interrupted": "-"}
    for step in played.steps:
        sign = "p" if step.what == "replan" else signs[step.outcome]
        words[step.task] = words.get(step.task, "") + sign
    return list(words.values())


WELL = "." * 12

CELLS: dict[tuple[str, str], tuple[str, str]] = {
    # lost: the goal is given up, the plan made again, context and memory are hazards until they are rebuilt
    ("lost", "memory"): (".....xxxxxxx", "xxxx........"),
    ("lost", "goal"): ("......", WELL),
    ("lost", "plan"): ("......pp......", WELL),
    ("lost", "context"): (".....xxx....", WELL),
    ("lost", "tools"): (WELL, WELL),
    # corrupt: wrong until it is noticed, here before the next step; then as if it were lost. A wrong goal is
    # asked for again, and the task begins anew
    ("corrupt", "memory"): (".....xxxxxxx", "xxxx........"),
    ("corrupt", "goal"): (".....x............", WELL),
    ("corrupt", "plan"): (".....xpp......", WELL),
    ("corrupt", "context"): (".....xxx....", WELL),
    ("corrupt", "tools"): (".....x......", WELL),
    # stale: wrong until it has been read anew; nobody finds out, nothing is planned or begun again
    ("stale", "memory"): (".....xxxxxxx", "xxx........."),
    ("stale", "goal"): (".....xxx....", WELL),
    ("stale", "plan"): (".....xxx....", WELL),
    ("stale", "context"): (".....xxx....", WELL),
    ("stale", "tools"): (".....x......", WELL),
    # poison: wrong to the end of the task, and what was copied into memory goes on with the next
    ("poison", "memory"): (".....xxxxxxx", "xxxxxxxxxxxx"),
    ("poison", "goal"): (".....xxxxxxx", "xxxxxxxxxxxx"),
    ("poison", "plan"): (".....xxxxxxx", "xxxxxxxxxxxx"),
    ("poison", "context"): (".....xxxxxxx", "xxxxxxxxxxxx"),
    ("poison", "tools"): (".....xxxxxxx", "xxxxxxxxxxxx"),
}


def cell(damage: str, part: str) -> Played:
    return run(strike(damage, part), state(**({part: "notice: 1"} if damage == "corrupt" else {})))


@pytest.mark.parametrize(("damage", "part"), CELLS, ids=lambda word: word)
def test_what_it_does_to_steps(damage: str, part: str) -> None:
    played = cell(damage, part)
    assert tuple(outcomes(played)) == CELLS[damage, part]


FOUND = {"lost": 60, "corrupt": 60, "stale": None, "poison": None}
WELL_AT = {
    # the step in which everything that was struck is whole, restored, dropped, or read anew
    **{("lost", part): at for part, at in zip(PARTS, (160, 70, 90, 80, 74), strict=True)},
    **{("corrupt", part): at for part, at in zip(PARTS, (160, 74, 90, 80, 74), strict=True)},
    **{("stale", part): at for part, at in zip(PARTS, (150, 80, 80, 80, 60), strict=True)},
    # of the task: gone with it, at 120, and found so by the step after that
    **{("poison", part): at for part, at in zip(PARTS, (None, 130, 130, 130, 130), strict=True)},
}


@pytest.mark.parametrize(("damage", "part"), CELLS, ids=lambda word: word)
def test_when_it_is_noticed_and_when_it_is_over(damage: str, part: str) -> None:
    incident = cell(damage, part).incident
    assert incident.detected == (None if FOUND[damage] is None else FOUND[damage] * NS)
    at = WELL_AT[damage, part]
    assert incident.recovered == (None if at is None else at * NS)


def test_sessions_are_opened_again_after_every_damage_to_tools_but_poison() -> None:
    moments = {damage: cell(damage, "tools").steps[6].time / NS for damage in FAULT_OF}
    assert moments == {"lost": 74, "corrupt": 74, "stale": 74, "poison": 70}


@pytest.mark.parametrize("damage", ["corrupt", "stale", "poison"])
def test_wrong_tools_make_calls_wrong_and_nothing_else(damage: str) -> None:
    both = run(f"{{{FAULT_OF[damage]}: {{agent: a, parts: [tools, context], at: 57s}}}}",
               state(context="corrupt_wrong: 0").replace("stale_wrong: 1", "stale_wrong: 0")
               .replace("poison_wrong: 1", "poison_wrong: 0"), act="")  # fmt: skip
    assert outcomes(both) == [WELL, WELL], "an agent that calls no tool has no use for wrong ones"


def test_idempotency_keys_of_a_session_are_gone_with_lost_tools() -> None:
    protect = "{retry: {attempts: 1}, idempotency: {key: session, window: 1h}}"
    crash = "{crash: {agent: a, at: 58s}}"
    saves = protect.replace("{retry", "{checkpointing: {every: 2 steps, write: 0s, covers: COVERS}, retry")
    for covers, doubled in (("[memory, goal, plan, context]", 1), (f"[{', '.join(PARTS)}]", 0)):
        # step 5 is done again after the restart: with its old key it is known, with a new one it is not
        played = run(crash, state(), saves.replace("COVERS", covers), "checkpoint")
        assert played.value("doubled") == doubled


# -- staleness ----------------------------------------------------------------------------------


def test_what_is_stale_when_a_checkpoint_is_taken_is_stale_when_it_is_restored() -> None:
    # struck in step 2, stale till step 11; saved after step 4, restored in the place of step 6
    faults = f"{strike('stale', 'memory', '17s')}, {{crash: {{agent: a, at: 55s}}}}"
    played = run(faults, state(absorb=0), "{checkpointing: {every: 4 steps, write: 0s}}", "checkpoint")
    assert outcomes(played)[0].startswith(".xxxx")
    (restored,) = played.events("state_restored")
    assert restored.step == 4
    # seven of the ten steps were left at the snapshot: 5 to 11
    epoch = [s.outcome for s in played.steps if s.epoch == 1 and s.task == "a/at0"]
    assert epoch == ["wrong"] * 7 + ["right"]


def test_a_cold_start_reads_everything_anew() -> None:
    faults = f"{strike('stale', 'context', '17s')}, {{crash: {{agent: a, at: 25s}}}}"
    played = run(faults, state(memory="rebuild: 0"))
    assert [s.outcome for s in played.steps if s.epoch == 1 and s.task == "a/at0"] == ["right"] * 12


def test_staleness_that_is_noticed_is_rebuilt() -> None:
    played = run(strike("stale", "context"), state(context="stale_notice: 1"))
    assert played.incident.detected == 60 * NS
    assert outcomes(played) == [".....xxx....", WELL], "wrong in step 6, and while it is rebuilt"
    assert played.at("part_lost", subject="context") == [60]


def test_two_strikes_of_staleness_start_the_count_again() -> None:
    again = strike("stale", "plan", "77s").replace("{agent", "{name: again, agent")
    played = run(f"{strike('stale', 'plan')}, {again}", state())
    assert outcomes(played) == [".....xxxxx..", WELL], "6, 7 and, from the second on, 8, 9 and 10"


# -- poison -------------------------------------------------------------------------------------


def test_poison_is_not_noticed_as_corruption_is() -> None:
    unseen = run(strike("poison", "memory"), state(memory="notice: 1"))
    assert unseen.incident.detected is None
    seen = run(strike("poison", "memory"), state(memory="poison_notice: 1"))
    assert seen.incident.detected == 60 * NS
    assert seen.incident.recovered == 160 * NS, "rebuilt over ten steps"


def test_copies_of_poison_are_poison_and_copies_of_corruption_are_taint() -> None:
    poison = run(strike("poison", "context"), state())
    assert [e.time / NS for e in poison.events("part_tainted") if e.subject == "memory"] == [60]
    assert outcomes(poison)[1] == "x" * 12
    corrupt = run(strike("corrupt", "context"), state())
    assert [e.time / NS for e in corrupt.events("part_tainted") if e.subject == "memory"] == [60]
    assert outcomes(corrupt) == [".....xxxxxxx", WELL]
    assert all(s.taint for s in corrupt.steps[12:]), "it reads what was copied, at a hazard of 1"


def test_a_restored_checkpoint_brings_the_poison_back_and_a_cold_start_does_not() -> None:
    faults = f"{strike('poison', 'memory', '15s')}, {{crash: {{agent: a, at: 57s}}}}"
    saves = "{checkpointing: {every: 2 steps, write: 0s}}"
    kept = run(faults, state(memory="rebuild: 0"), saves, "checkpoint")
    cold = run(faults, state(memory="rebuild: 0"))
    assert outcomes(kept)[1] == "x" * 12
    assert outcomes(cold)[1] == WELL
    (poison,) = [i for i in kept.incidents if i.fault == "poisoning"]
    assert poison.recovered is None, "what was restored was no better than what was lost"
    assert poison.taint_time == (500 - 15) * NS
    (poison,) = [i for i in cold.incidents if i.fault == "poisoning"]
    assert poison.taint_time == (57 - 15) * NS


def test_poison_that_is_noticed_goes_back_to_a_checkpoint_from_before_it() -> None:
    saves = "{checkpointing: {every: 2 steps, write: 0s, generations: 9}}"
    played = run(strike("poison", "memory", "55s"), state(memory="poison_notice: 1"), saves, "checkpoint")
    (restored,) = played.events("state_restored")
    assert (restored.time, restored.step) == (60 * NS, 4), "that of 40 s; the one of step 6 has the poison"
    assert outcomes(played) == [".....x........", WELL]
