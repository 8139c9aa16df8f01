"""Tokens and money, from traces written by hand."""

from __future__ import annotations

from hand_traces import call, data_of, planned, service, setting

from agentchaos.metrics.base import Ratio

GPT = service("gpt", kind="model", price_in=2.5, price_out=0.1)
MISTRAL = service("mistral", kind="model", price_in=1.0, price_out=1.0, currency="eur")


def test_each_currency_has_its_sum_in_whole_billionths():
    rows = [
        *planned(0, "t"),
        call(0, 1, "t", "gpt", tokens_in=1001, tokens_out=7),
        call(1, 2, "t", "gpt", tokens_in=1000, tokens_out=0, outcome="error"),
        call(2, 3, "t", "mistral", tokens_in=3, tokens_out=4),
        call(110, 111, "t", "mistral", tokens_in=1, tokens_out=0),
    ]
    data = data_of(rows, setting(services=(GPT, MISTRAL, service("crm"))))
    assert data["tokens"].count == 2016
    usd = Ratio(2001 * 2500 + 7 * 100, 1, unit="usd", scale=10**9, better="lower")
    assert data["cost{currency=USD}"] == usd
    assert data["cost{currency=EUR}"].numerator == 8 * 1000
    assert data["cost{currency=EUR}"].value == 8e-6


def test_what_was_spent_before_the_warmup_is_not_counted():
    rows = [*planned(0, "t"), call(9, 11, "t", "gpt", tokens_in=5, tokens_out=5)]
    data = data_of(rows, setting(warmup=10, services=(GPT,)))
    assert data["tokens"].count == 0
    assert data["cost{currency=USD}"].value == 0


def test_what_has_no_price_has_no_cost():
    assert not any(name.startswith("cost") for name in data_of([], setting(services=(service("crm"),))))
