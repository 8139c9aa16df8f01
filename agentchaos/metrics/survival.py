"""How long the system goes without an outage: lifetimes, from which R(t) and MTTF can be read."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import ClassVar

from agentchaos.metrics.base import Datum, Histogram, Metric, Ratio, Setting
from agentchaos.metrics.standing import SYSTEM, Standing
from agentchaos.trace import Batch


class Survival(Metric):
    """The first moment after the warm-up at which the system, or a group, is down.

    One lifetime a replication, censored at the horizon where there was none; a switch that takes no time is
    no outage. So the mean is that of
    min(lifetime, horizon), and the share of replications without an outage is R(horizon).
    """

    name: ClassVar[str] = "survival"
    about: ClassVar[str] = "time to the first outage of the system and of each group, and whether any came"

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._standing = Standing(setting)
        self._first: dict[str, int] = {}
        self._begun = setting.warmup == 0
        self._from_the_start()

    def _from_the_start(self) -> None:
        """What is down when the counting begins has lived for no time."""
        if self._begun:
            self._first = dict.fromkeys(self._standing.down, 0)

    def take(self, batch: Batch) -> None:
        """Takes the next rows of the replication."""
        warmup, horizon = self.setting.warmup, self.setting.horizon
        for event in batch.events:
            if event[0] != "role_down" and event[0] != "role_up":
                continue
            if not self._begun and event[1] >= warmup:
                self._begun = True
                self._from_the_start()
            for key in self._standing.follow(event):
                lived = event[1] - warmup
                if key not in self._standing.down:
                    if self._first.get(key) == lived > 0:
                        del self._first[key]  # down for no time at all is no outage
                elif self._begun and event[1] <= horizon:
                    self._first.setdefault(key, lived)

    def data(self) -> Iterator[tuple[str, Datum]]:
        """What came of it, once the replication has ended."""
        window = self.setting.horizon - self.setting.warmup
        lived = self._first if self._begun else dict.fromkeys(self._standing.down, 0)
        for key in (SYSTEM, *(group.name for group in self.setting.groups)):
            label = f"{{agent={key}}}" if key else ""
            first = lived.get(key)
            times = Histogram.of(() if first is None else (first,), (window,) if first is None else ())
            yield f"time_to_first_outage{label}", dataclasses.replace(times, better="higher")
            yield f"survived{label}", Ratio(int(first is None), 1, share=True)
