"""What is wrong with how a group decides and checks its steps, beyond what a field by itself can see."""

from __future__ import annotations

from collections.abc import Iterator

from agentchaos.mechanisms.escalation import Reason
from agentchaos.spec.complaints import Finding
from agentchaos.spec.nodes import Loc
from agentchaos.world import Group


def problems(here: Loc, group: Group) -> Iterator[Finding]:
    """Mechanisms that would do nothing where they stand."""
    protect: Loc = (*here, "protect")
    if group.quorum is not None and group.step.think is None:
        what = "voters vote on what a model says, and this step calls none: add 'think: MODEL' to it"
        yield Finding((*protect, "quorum"), what, ((*here, "step", "think"),), at_key=True)
    yield from _verification((*protect, "verification"), here, group)
    yield from _escalation((*protect, "escalation"), here, group)


def _verification(loc: Loc, here: Loc, group: Group) -> Iterator[Finding]:
    check, human = group.verification, group.escalation
    if check is None:
        return
    if check.redo == "checkpoint" and group.checkpointing is None:
        what = "there is none to go back to: add 'protect: {checkpointing: {every: 5 steps}}'"
        yield Finding((*loc, "redo"), what, ((*here, "protect", "checkpointing"),))
    if check.attempts == 1 and not (human is not None and human.takes("caught_out")):
        what = "a step that may be done once stands whatever is found: at least 2, or add 'escalation'"
        yield Finding((*loc, "attempts"), what, ((*here, "protect", "escalation"),))
    if check.when == "after_step" and group.step.act is None:
        what = "a step that does not act is checked at its end in any case; leave it out"
        yield Finding((*loc, "when"), what, ((*here, "step", "act"),))


def _escalation(loc: Loc, here: Loc, group: Group) -> Iterator[Finding]:
    human = group.escalation
    if human is None:
        return
    never = {
        reason: why
        for reason, possible, why in _reasons(group)
        if not possible and (human.when is None or reason in human.when)
    }
    needs: tuple[Loc, ...] = (
        *((*here, "protect", word) for word in ("verification", "guardrail", "quorum")),
        *((*here, "step", "think"), (*here, "step", "act")),
    )
    if human.when is None:
        if len(never) == len(_reasons(group)):
            yield Finding(loc, "nothing here would ever be put before a human", needs, at_key=True)
        return
    for place, reason in enumerate(human.when):
        if reason in never:
            yield Finding((*loc, "when", place), never[reason], needs)


def _reasons(group: Group) -> tuple[tuple[Reason, bool, str], ...]:
    """(reason, whether it can come up in this group, why it cannot)."""
    return (
        ("failed_call", bool(group.services), "no step calls a service, so no call can fail"),
        (
            "caught_out",
            group.verification is not None or group.guardrail is not None,
            "nothing is checked; add 'verification'",
        ),
        ("no_quorum", group.quorum is not None, "nobody votes; add 'quorum'"),
    )
