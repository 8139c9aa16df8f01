"""Python's garbage collector, made to fit a replication: many young objects beside a heap that stays."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

YOUNG = 10_000
"""So many new objects call for a collection; as Python sets it, 700, an eighth of a play was collecting."""


@contextmanager
def few_collections() -> Iterator[None]:
    """Leaves what there is already out of collections, and makes them rarer; at the end as it was before.

    What the body has left behind in cycles is gone when it ends, so that memory does not grow from one to
    the next.
    """
    before = gc.get_threshold()
    if not gc.isenabled() or not before[0] or gc.get_freeze_count():  # somebody else sees to it
        yield
        return
    gc.freeze()
    gc.set_threshold(max(YOUNG, before[0]), *before[1:])
    try:
        yield
        gc.collect()
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)
