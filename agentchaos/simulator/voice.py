"""A second voice of a member: a caller in its name, with draws and sums of its own."""

from __future__ import annotations

from agentchaos.seeds import Stream
from agentchaos.simulator.station import Caller


class Voice:
    """Who calls where the member itself does not: for a fallback, or as a copy of a call."""

    __slots__ = (
        "index",
        "key_window",
        "number",
        "spare",
        "standing",
        "stream",
        "tokens",
        "waited",
        "who",
        "work",
    )

    def __init__(self, speaker: Caller, stream: Stream) -> None:
        self.who, self.index, self.number = speaker.who, speaker.index, speaker.number
        self.key_window, self.standing = speaker.key_window, speaker.standing
        self.work = speaker.work
        self.stream = stream
        self.waited = self.tokens = 0
        self.spare = False
