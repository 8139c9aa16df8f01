"""A budget of retries: each call pays a share of one in, each retry takes one out."""

from __future__ import annotations

from agentchaos.mechanisms.retry import RESERVE, Retry

_ONE = 1_000_000
"""A retry, in the millionths that the bucket is counted in: sums are exact."""


class Budget:
    """The retries that a group may still make at one service (a token bucket, full at first)."""

    def __init__(self, policy: Retry) -> None:
        assert policy.budget is not None
        self._share = round(float(policy.budget) * _ONE)
        self._most = (policy.reserve or RESERVE) * _ONE
        self._left = self._most

    def call(self) -> None:
        """A call is made, for the first time."""
        self._left = min(self._most, self._left + self._share)

    def retry(self) -> bool:
        """Whether a call may be made again; takes the retry out if so."""
        if self._left < _ONE:
            return False
        self._left -= _ONE
        return True
