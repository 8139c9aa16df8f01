"""Which groups, and with them the system, are up: a role less than required and the group is down."""

from __future__ import annotations

from collections.abc import Iterator

from agentchaos.blocks import Block
from agentchaos.metrics.base import Setting
from agentchaos.trace import Row

SYSTEM = ""
"""The key of the system as a whole; the others are the names of groups."""


class Standing:
    """What is down now: `down` holds names of groups, and `SYSTEM` where the system's diagram says so."""

    def __init__(self, setting: Setting) -> None:
        self._spare = {group.name: group.count - group.required for group in setting.groups}
        self._system = setting.system or Block.series(tuple(self._spare))
        self.down = {name for name, spare in self._spare.items() if spare < 0}
        if not self._system.is_up(self.down):
            self.down.add(SYSTEM)

    def follow(self, event: Row) -> Iterator[str]:
        """Takes a `role_down` or `role_up`; gives the keys that went down or came up by it."""
        kind, agent = event[0], event[2]
        before = self._spare[agent]
        spare = self._spare[agent] = before - 1 if kind == "role_down" else before + 1
        if (before < 0) == (spare < 0):
            return
        yield self._turn(agent, down=spare < 0)
        down = not self._system.is_up(self.down)
        if down != (SYSTEM in self.down):
            yield self._turn(SYSTEM, down=down)

    def _turn(self, key: str, *, down: bool) -> str:
        (self.down.add if down else self.down.discard)(key)
        return key
