"""Where each draw of a task stands in the task's own stream: an index made of what the draw is for.

One stream a task (seed, replication, group, task id); a draw's index packs its purpose with epoch, step,
call and attempt. A redo raises the epoch and a retry the attempt, so both draw anew, and nothing else moves.
"""

from __future__ import annotations

RIGHT, LATENCY, ERROR, BACKOFF, EFFECT, BEFALL, TOKENS_IN, TOKENS_OUT = range(8)
NOTICE, ABSORB, SPAWN, WORK, LENGTH, SUCCESS, GOALS, IDENTITY = range(8, 16)


def index(purpose: int, epoch: int, step: int, call: int = 0, attempt: int = 0) -> int:
    """The index of a draw in the stream of its task; a copy draws from its own stream as the call itself."""
    return ((((epoch << 26 | step) << 3 | call & 7) << 8 | attempt) << 4) | purpose
