"""The patience between two attempts to open a socket: when apps.connections.open may be called again.

Used by the socket supervisor alone, which shares one between all its sockets, for Slack counts per app. Pure: seconds
of a monotonic clock and the random source are handed in.
"""

from collections.abc import Callable

QUICK_S = 0.25
"""First wait after a failure; doubles up to SLOW_S. Half of each wait is random, so that replicas spread out."""
SLOW_S = 30.0
SETTLED_S = 10.0
"""A socket that lived this long was a good one: its end is followed by an attempt at once."""
CROWDED_S = (30.0, 60.0)
"""After too_many_websockets: others must go first, and apps.connections.open is a tier 1 method (about 1/min)."""
BARRED_S = (30.0, 40.0)
"""After link_disabled or a refused token: only a person can mend it, so ask rarely."""


class Patience:
    """Remembers the earliest moment of the next attempt. `random` gives floats in [0, 1)."""

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._not_before_s = 0.0
        self._failures = 0
        self._crowded_until_s = 0.0
        self._is_deaf = False

    def wait_s(self, now_s: float) -> float:
        """Seconds until the next attempt may begin; 0 means now."""
        crowded_until_s = 0.0 if self._is_deaf else self._crowded_until_s
        return max(0.0, self._not_before_s - now_s, crowded_until_s - now_s)

    def began(self) -> None:
        """An attempt begins now."""
        self._is_deaf = False

    def failed(self, now_s: float) -> None:
        """An attempt failed, or a socket ended young."""
        if self._not_before_s > now_s:
            # Two sockets cut by one cause are one failure.
            return
        full_s = min(SLOW_S, QUICK_S * 2**self._failures)
        self._failures = min(self._failures + 1, 10)
        self._delay(now_s + full_s * (0.5 + self._random() / 2))

    def limited(self, now_s: float, retry_after_s: float) -> None:
        """Slack named the moment itself; up to a second more, so that replicas do not all come at once."""
        self._delay(now_s + retry_after_s + self._random())

    def crowded(self, now_s: float) -> None:
        """Too many sockets are open for this app."""
        self._is_deaf = False
        self._crowded_until_s = now_s + _between(CROWDED_S, self._random())

    def barred(self, now_s: float) -> None:
        """Slack does not want this app or token at all."""
        self._delay(now_s + _between(BARRED_S, self._random()))

    def ended(self, now_s: float, lived_s: float) -> None:
        """A socket that had been live is gone."""
        if lived_s < SETTLED_S:
            self.failed(now_s)
        else:
            self._failures = 0

    def deaf(self) -> None:
        """No socket is live any more. If they were crowded, the last one has left a free place for one attempt."""
        self._is_deaf = True

    def _delay(self, until_s: float) -> None:
        self._not_before_s = max(self._not_before_s, until_s)


def _between(span: tuple[float, float], share: float) -> float:
    low, high = span
    return low + (high - low) * share
