"""All metrics at once: what a replication's trace comes to, batch by batch."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from agentchaos.metrics.base import Data, Incidents, Metric, Setting
from agentchaos.plugins import shelf
from agentchaos.trace import Batch


class Fold:
    """Metrics over one replication: those of the shelf, or others where they are named."""

    def __init__(self, setting: Setting, kinds: Iterable[type[Metric]] = ()) -> None:
        self._metrics = [kind(setting) for kind in tuple(kinds) or shelf("metrics", Metric).values()]

    def take(self, batch: Batch) -> None:
        """Takes the next rows of the replication."""
        for metric in self._metrics:
            metric.take(batch)

    def data(self, replication: int = 0) -> Data:
        """What every metric gives, sorted by name; incidents bear the number of the replication."""
        data: Data = {}
        for metric in self._metrics:
            for name, datum in metric.data():
                assert name not in data, f"{metric.name} gives {name!r}, which another metric gives"
                if isinstance(datum, Incidents):
                    rows = tuple((replication, incident) for _, incident in datum.rows)
                    datum = dataclasses.replace(datum, rows=rows)
                data[name] = datum
        return dict(sorted(data.items()))
