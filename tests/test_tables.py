"""Data <-> CSV: exact for any data, the same bytes, and nothing damaged is read as if whole."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentchaos import tables
from agentchaos.errors import ArchiveError
from agentchaos.metrics.base import (
    Count,
    Curve,
    Histogram,
    Incident,
    Incidents,
    Landing,
    Landings,
    Ratio,
    Reach,
    Series,
    Signals,
    Trial,
    Trials,
)
from agentchaos.metrics.layers import LAYERS, SIGNALS
from agentchaos.tables import (
    FILES,
    MEASURES,
    DataByArm,
    from_csv,
    signals_from_csv,
    signals_to_csv,
    to_csv,
)
from agentchaos.trace import NS

HERE = Path("run")

# everything but lone surrogates, which no file in UTF-8 can hold
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
ints = st.integers() | st.integers(-(10**40), 10**40)
names = texts.filter(bool)


def rows_of(strategy: st.SearchStrategy) -> st.SearchStrategy:
    return st.lists(strategy, max_size=4).map(tuple)


def any_fields(kind: type, **known: st.SearchStrategy) -> st.SearchStrategy:
    by_type = {
        **{"int": ints, "str": texts, "bool": st.booleans(), "int | None": st.none() | ints},
        "tuple[Reach, ...]": rows_of(st.builds(Reach, texts, ints, ints, ints, ints)),
    }
    fields = {f.name: by_type[f.type] for f in dataclasses.fields(kind) if f.name not in known}
    return st.builds(kind, **fields, **known)


pairs = rows_of(st.tuples(ints, ints))
data_of_all_kinds = st.one_of(
    any_fields(Ratio),
    any_fields(Count),
    any_fields(Histogram, buckets=pairs),
    any_fields(Incidents, rows=rows_of(st.tuples(ints, any_fields(Incident)))),
    any_fields(Trials, rows=rows_of(st.builds(Trial, texts, ints, ints, ints))),
    any_fields(Curve, values=rows_of(ints)),
    any_fields(
        Landings,
        rows=rows_of(st.builds(Landing, texts, ints, ints, rows_of(st.tuples(texts, ints)))),
    ),
)
data = st.dictionaries(
    texts,
    st.dictionaries(st.integers(0, 50), st.dictionaries(names, data_of_all_kinds, max_size=5), max_size=3),
    max_size=2,
)

WHOLE: DataByArm = {
    "chaos": {
        0: {
            "task_success": Ratio(9, 10, share=True),
            "wait{service=crm, eu}": Histogram.of([1, 70, 10**9], censored=[5]),
            "incidents": Incidents(((0, Incident("s1", "crash", "crash", "process", "a", 0, 1, 9)),)),
            "landings": Landings((Landing("crash", 2, 1, (("never called", 1),)),)),
            "panel": Trials((Trial("a", 0, 5, 4), Trial("a", 1, 5, 5))),
            "progress": Curve(10, tuple(range(2000))),
        },
        1: {},
    },
    "control": {},
}


@given(data)
def test_any_data_come_back_exactly(written: DataByArm) -> None:
    read = from_csv(to_csv(written), HERE)
    assert read == written
    assert list(read) == list(written)
    for arm, replications in read.items():
        assert list(replications) == sorted(replications)
        for replication, row in replications.items():
            assert list(row) == list(written[arm][replication])
            # == holds between a NamedTuple and a tuple, and between True and 1
            assert repr(row) == repr(written[arm][replication])


@given(data)
def test_same_data_same_bytes_in_any_order_of_replications(written: DataByArm) -> None:
    turned = {arm: dict(reversed(list(rows.items()))) for arm, rows in written.items()}
    assert to_csv(turned) == to_csv(written)


def test_files_are_all_written_and_measures_last() -> None:
    assert list(to_csv({})) == list(FILES)
    assert FILES[-1] == MEASURES
    assert from_csv(to_csv({}), HERE) == {}


def test_every_line_ends_with_a_newline_alone() -> None:
    assert "\r" not in "".join(to_csv(WHOLE).values())


def test_a_long_curve_takes_several_lines() -> None:
    written = to_csv(WHOLE)
    assert len(written["curves.csv"].splitlines()) == 1 + 4
    assert from_csv(written, HERE) == WHOLE


def test_no_field_of_an_incident_is_called_like_a_column_of_the_key() -> None:
    for table in tables._TABLES.values():
        columns = [*tables._KEY, *table.columns]
        assert len(set(columns)) == len(columns)


def test_a_column_that_an_older_version_did_not_write_takes_its_default() -> None:
    written = to_csv(WHOLE)
    lines = [line.rsplit(",", 1)[0] for line in written["incidents.csv"].splitlines()]
    assert from_csv({**written, "incidents.csv": "\n".join(lines) + "\n"}, HERE) == WHOLE


@pytest.mark.parametrize("file", FILES)
def test_lines_that_were_cut_off_are_told(file: str) -> None:
    written = to_csv(WHOLE)
    left = written[file].splitlines(keepends=True)[: 3 if file == MEASURES else -1]
    with pytest.raises(ArchiveError, match=r"run/\w+\.csv"):
        from_csv({**written, file: "".join(left)}, HERE)


@pytest.mark.parametrize("file", FILES)
def test_an_empty_file_is_told(file: str) -> None:
    with pytest.raises(ArchiveError, match=rf"{file}:1:1: the columns are \[\]"):
        from_csv({**to_csv(WHOLE), file: ""}, HERE)


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (MEASURES, ",9,10,", ",nine,10,", r"measures\.csv:2:1: invalid literal .*'nine'"),
        (MEASURES, ",9,10,", ",,10,", r"measures\.csv:2:1: invalid literal"),
        (MEASURES, ",ratio,", ",ration,", r"measures\.csv:2:1: 'ration' is unknown or missing"),
        (MEASURES, ",true,", ",yes,", r"measures\.csv:2:1: 'yes' is unknown"),
        (MEASURES, "chaos,0,task_success", "chaos,x,task_success", r"measures\.csv:2:1: "),
        (MEASURES, "chaos,0,task_success", "chaos,0", r"measures\.csv:2:1: "),
        (MEASURES, "numerator", "numerators", r"measures\.csv:1:1: the columns are"),
        (MEASURES, "chaos,0,panel", "chaos,0,progress", r"has 4 lines in panel|has 0 lines"),
        (
            "panel.csv",
            "chaos,0,panel,a,1",
            "chaos,0,other,a,1",
            r"measures\.csv:\d:1: 'panel' has 1",
        ),
        ("incidents.csv", ",false,", ",0,", r"incidents\.csv:2:1: '0' is unknown"),
        ("landings.csv", "[[", "[", r"landings\.csv:2:1: "),
        ("histograms.csv", "1:1", "1:", r"histograms\.csv:2:1: "),
        ("histograms.csv", '"wait', 'wait"', r"histograms\.csv:2:1: "),
    ],
)
def test_what_cannot_be_meant_is_told_with_file_and_line(file: str, old: str, new: str, message: str) -> None:
    written = to_csv(WHOLE)
    assert old in written[file]
    broken = written[file].replace(old, new, 1)
    with pytest.raises(ArchiveError, match=message):
        from_csv({**written, file: broken}, HERE)


def test_rows_of_another_run_are_told() -> None:
    written = to_csv(WHOLE)
    stray = written["panel.csv"] + "control,7,panel,a,0,5,5\n"
    with pytest.raises(ArchiveError, match=r"panel\.csv: has lines of 'panel' \(arm control"):
        from_csv({**written, "panel.csv": stray}, HERE)


def test_a_measure_that_stands_there_twice_is_told() -> None:
    written = to_csv({"chaos": {0: {"doubled": Count(1)}}})
    twice = written[MEASURES] + written[MEASURES].splitlines(keepends=True)[1]
    with pytest.raises(ArchiveError, match=r"measures\.csv:3:1: 'doubled' stands there twice"):
        from_csv({**written, MEASURES: twice}, HERE)


# -- signals


@st.composite
def any_signals(draw: st.DrawFn) -> dict[str, Signals]:
    every, bins = draw(st.integers(1, 10**12)), draw(st.integers(2, 5))
    end = (bins - 1) * every + draw(st.integers(1, every))
    whose = draw(st.lists(st.tuples(st.sampled_from(list(SIGNALS)), texts), unique=True, min_size=1))
    column = st.lists(ints, min_size=bins, max_size=bins).map(tuple)

    def of_an_arm() -> Signals:
        rows = tuple(Series(signal, of, draw(column), draw(column)) for signal, of in whose)
        return Signals(every, end, rows, draw(st.integers(1, 500)))

    return {arm: of_an_arm() for arm in draw(st.lists(names, unique=True, max_size=3))}


@given(any_signals())
def test_any_signals_come_back_exactly(written: dict[str, Signals]) -> None:
    text = signals_to_csv(written)
    read = signals_from_csv(text, HERE)
    assert repr(read) == repr(written)
    assert signals_to_csv(read) == text


SOME = {
    arm: Signals(
        NS // 2,
        5 * NS // 4,
        (
            Series("action_frequency", "bot", (6, 3, 0), (NS, NS, NS // 2)),
            Series("service_health", "crm, eu", (1, 0, 0), (2, 0, 1)),
        ),
        2,
    )
    for arm in ("chaos", "control")
}


def test_a_line_of_signals_says_what_its_window_is_worth() -> None:
    lines = signals_to_csv(SOME).splitlines()
    assert lines[0] == "arm,layer,signal,of,time_s,until_s,value,unit,numerator,denominator,n"
    assert lines[1] == "chaos,behaviour,action_frequency,bot,0,0.5,360,steps/min,6,1000000000,2"
    assert lines[3] == "chaos,behaviour,action_frequency,bot,1,1.25,0,steps/min,0,500000000,2"
    assert lines[5] == 'chaos,system,service_health,"crm, eu",0.5,1,,1,0,0,2'
    assert len(lines) == 1 + 2 * 2 * 3
    assert {line.split(",")[1] for line in lines[1:]} <= LAYERS.keys()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("action_frequency", "action_frequencies", r"signals\.csv:2:1: no signal is called"),
        (",6,1000000000,", ",six,1000000000,", r"signals\.csv:2:1: invalid literal"),
        ('"crm, eu",0.5', '"crm, eu",0.6', r"signals\.csv:6:1: .*another grid"),
        ("0.5,1,,1,0,0,2", "0.5,1,,1,0,0,3", r"signals\.csv:6:1: .*another grid or n"),
        ("arm,layer", "arm,layers", r"signals\.csv:1:1: the columns are"),
        ("chaos,behaviour,action_frequency,bot,1,", "control,behaviour,action_frequency,bot,1,", "."),
    ],
)
def test_signals_that_cannot_be_meant_are_told(old: str, new: str, message: str) -> None:
    text = signals_to_csv(SOME)
    assert old in text
    with pytest.raises(ArchiveError, match=message):
        signals_from_csv(text.replace(old, new, 1), HERE)


@pytest.mark.parametrize("left", [-1, -3])
def test_signals_that_were_cut_off_are_told(left: int) -> None:
    lines = signals_to_csv(SOME).splitlines(keepends=True)
    with pytest.raises(ArchiveError, match=r"signals\.csv:1:1: .*(cut short|different signals)"):
        signals_from_csv("".join(lines[:left]), HERE)
