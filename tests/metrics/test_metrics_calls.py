"""Calls, waits and Apdex, from traces written by hand."""

from __future__ import annotations

from hand_traces import call, data_of, ended, planned, service, setting, step

from agentchaos.metrics.base import Histogram, Ratio, bucket_of
from agentchaos.trace import NS

FRAME = setting(services=(service("crm"),))


def parts(data, name):
    datum = data[name]
    assert isinstance(datum, Ratio)
    return datum.numerator, datum.denominator


def test_attempts_of_one_call_belong_together():
    rows = [
        *planned(0, "t"),
        call(0, 2, "t", "crm", wait=1, outcome="timeout"),
        call(2.5, 3, "t", "crm", attempt=2, outcome="error"),
        call(4, 6, "t", "crm", attempt=3, wait=0.25),
        call(6, 7, "t", "crm", call=1),
        call(7, 8, "t", "crm", step=2, outcome="corrupt"),
        call(8, 9, "t", "crm", step=3, outcome="refused"),
        ended(9, "t", "failed"),
    ]
    data = data_of(rows, FRAME)
    assert parts(data, "attempts{service=crm}") == (6, 4)
    assert parts(data, "call_success{service=crm}") == (2, 4)
    assert parts(data, "backoff{service=crm}") == (int(1.5 * NS), 4)
    assert data["backoff{service=crm}"].value == 1.5 / 4
    assert parts(data, "p_wait{service=crm}") == (2, 5), "the refused one never stood in line"
    assert data["wait{service=crm}"] == Histogram(
        count=5,
        total=int(1.25 * NS),
        maximum=NS,
        buckets=((0, 3), (bucket_of(NS // 4), 1), (bucket_of(NS), 1)),
    )


def test_a_call_counts_by_the_beginning_of_its_first_attempt():
    frame = setting(warmup=10, horizon=20, services=(service("crm"),))
    rows = [
        *planned(0, "t"),
        call(9, 11, "t", "crm", outcome="error"),
        call(12, 13, "t", "crm", attempt=2),
        call(19, 21, "t", "crm", step=2, outcome="error"),
        call(22, 23, "t", "crm", step=2, attempt=2),
        call(23, 24, "t", "crm", step=3),
        ended(24, "t"),
    ]
    data = data_of(rows, frame)
    assert parts(data, "attempts{service=crm}") == (2, 1)
    assert parts(data, "call_success{service=crm}") == (1, 1)


def test_a_redone_step_begins_its_calls_anew():
    rows = [
        *planned(0, "t"),
        call(0, 2, "t", "crm", outcome="interrupted"),
        call(5, 6, "t", "crm"),
        ended(6, "t"),
    ]
    data = data_of(rows, FRAME)
    assert parts(data, "attempts{service=crm}") == (2, 2)
    assert parts(data, "call_success{service=crm}") == (1, 2)
    assert parts(data, "backoff{service=crm}") == (0, 2)


def test_a_service_that_nobody_called_has_no_shares():
    data = data_of([], FRAME)
    assert data["p_wait{service=crm}"].value is None
    assert data["attempts{service=crm}"].value is None
    assert data["wait{service=crm}"].count == 0


def test_apdex_counts_halves_and_frustrates_failures():
    frame = setting(warmup=1, horizon=60, response=2)
    rows = [
        *planned(0, "u"),
        step(0, 0.5, "u", 9),
        *planned(0, "t"),
        step(1, 3, "t", 1),
        step(3, 11, "t", 2, outcome="wrong"),
        step(11, 19.5, "t", 3),
        step(20, 21, "t", 4, outcome="error"),
        step(21, 22, "t", 4, outcome="interrupted"),
        step(22, 23, "t", 4, what="replan"),
        step(61, 62, "t", 4),
    ]
    data = data_of(rows, frame)
    assert parts(data, "responsiveness") == (2 + 1 + 0 + 0 + 0, 2 * 5)


def test_a_step_that_was_answered_already_helps_only_where_its_task_was_set_back():
    frame = setting(horizon=60, response=2)
    first, second = step(1, 2, "t", 1), step(2, 3, "t", 2)
    once = [*planned(0, "t"), first, second]
    assert parts(data_of(once, frame), "responsiveness") == (4, 4)
    assert parts(data_of([*once, step(3, 4, "t", 2)], frame), "responsiveness") == (4, 6)
    assert parts(data_of([*once, step(3, 4, "t", 2, epoch=1)], frame), "responsiveness") == (6, 6)


def test_without_a_response_target_there_is_no_apdex():
    assert "responsiveness" not in data_of([*planned(0, "t"), step(0, 1, "t", 1)])
