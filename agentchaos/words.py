"""Words that were probably meant: the ending of a complaint about a name that is not known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

SHOWN = 12


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """`; did you mean 'x'?` where one is close, else `; known: a, b, c`, else nothing."""
    known = list(dict.fromkeys(candidates))
    folded = {name.casefold(): name for name in reversed(known)}
    close = difflib.get_close_matches(str(word).casefold(), list(folded), 1, cutoff=0.6)
    if close:
        return f"; did you mean '{folded[close[0]]}'?"
    if not known:
        return "; there is none"
    more = f" and {len(known) - SHOWN} more" if len(known) > SHOWN else ""
    return f"; known: {', '.join(known[:SHOWN])}{more}"
