"""How steps were decided and checked: votes, checks, humans; and the time that they took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import ClassVar

from agentchaos.metrics.base import Count, Datum, Metric, Ratio, Setting
from agentchaos.trace import NS, Batch


class Deciding(Metric):
    """Votes, checks and requests to humans after the warm-up, drain included.

    Each measure is there where some group has its mechanism, even where nothing came of it.
    """

    name: ClassVar[str] = "deciding"
    about: ClassVar[str] = "votes without a quorum, checks that caught or refused, humans that were asked"

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._sums: Counter[str] = Counter()
        self._active = any(map(setting.has, ("quorum", "verification", "escalation")))

    def take(self, batch: Batch) -> None:
        """Takes the next rows of the replication."""
        if not self._active:
            return
        sums, warmup = self._sums, self.setting.warmup
        for event in batch.events:
            kind = event[0]
            if event[1] < warmup:
                continue
            if kind == "verified":
                truth = event[7]
                sums[truth] += 1
                sums[f"{truth} refused"] += event[8] == 0
                sums["spent"] += event[9]["spent"]
            elif kind == "vote_decided":
                sums["votes"] += 1
                sums["no quorum"] += event[8] == 0
            elif kind == "approval_requested":
                sums["escalations"] += event[8] == 1  # asked again is the same one
            elif kind == "approval_given":
                sums["attention"] += event[9]["attention"]

    def data(self) -> Iterator[tuple[str, Datum]]:
        """What came of it, once the replication has ended."""
        sums, has = self._sums, self.setting.has
        if has("quorum"):
            yield "no_quorum", Ratio(sums["no quorum"], sums["votes"], share=True, better="lower")
        if has("verification"):
            yield "catch_rate", Ratio(sums["wrong refused"], sums["wrong"], share=True)
            yield "refusal_rate", Ratio(sums["right refused"], sums["right"], share=True, better="lower")
            yield "verification_time", _seconds(sums["spent"])
        if has("escalation"):
            yield "escalations", Count(sums["escalations"])
            yield "human_time", _seconds(sums["attention"])


def _seconds(ns: int) -> Ratio:
    return Ratio(ns, 1, unit="s", scale=NS, better="lower")
