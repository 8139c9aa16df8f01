"""What a renderer is: a Report goes in, files come out."""

from __future__ import annotations

import abc
from typing import ClassVar

from agentchaos.plugins import shelf
from agentchaos.report import Report


class Renderer(abc.ABC):
    """Draws a report. Subclasses stand on this shelf; `name` is what `--format` calls it."""

    name: ClassVar[str]
    about: ClassVar[str]

    @abc.abstractmethod
    def files(self, report: Report) -> dict[str, bytes]:
        """Name of a file in the run's folder -> its content. The same report gives the same bytes."""


def renderers() -> dict[str, Renderer]:
    """The renderers of the shelf, by name."""
    return {name: kind() for name, kind in shelf("renderers", Renderer).items()}
