"""What a message quotes, and the name that was probably meant."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentchaos.words import LONGEST, closest, did_you_mean, plain, shown

FAULTS = ("crash", "hang", "latency", "rate_limit", "server_error", "state_loss", "timeout_after_commit")


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("crsh", "crash"),
        ("CRASH", "crash"),
        ("eror", "server_error"),
        ("tool_eror", "server_error"),
        ("ratelimit", "rate_limit"),
        ("timeout", "timeout_after_commit"),
        ("xyz", None),
        ("", None),
    ],
)
def test_the_name_that_was_meant(word: str, meant: str | None) -> None:
    assert closest(word, FAULTS) == meant


def test_the_ending_of_a_complaint() -> None:
    assert did_you_mean("crsh", FAULTS) == "; did you mean 'crash'?"
    assert did_you_mean("xyz", FAULTS[:3]) == "; known: crash, hang, latency"
    assert did_you_mean("xyz", []) == "; there is none"
    assert did_you_mean("xyz", [f"n{i}" for i in range(20)]).endswith("n10, n11 and 8 more")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "nothing"),
        (True, "'true'"),
        (0.5, "'0.5'"),
        ([1], "a list"),
        ({}, "a mapping"),
        pytest.param(10**5000, "a number of many digits", id="huge"),
        ("a\nb\x1b[2J", r"'a\nb\x1b[2J'"),
        ("a" * 100, "'" + "a" * 57 + "...'"),
    ],
)
def test_a_value_in_a_message(value: Any, text: str) -> None:
    assert shown(value) == text


@given(st.text())
def test_no_text_can_break_a_message(text: str) -> None:
    safe = plain(text)
    assert safe.isprintable()
    assert len(safe) <= 10 * LONGEST
    assert did_you_mean(text, [text, "other"]).isprintable()
