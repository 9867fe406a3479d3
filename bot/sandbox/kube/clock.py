"""Clock of a simulated cluster: wall time for the objects, a steady clock for delays. Both can be moved forward,
so that a scene can be brought to its end in no real time and can claim a past.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class Clock:
    """Wall and steady time of one cluster; both pass `pace` times as fast as outside."""

    def __init__(
        self,
        wall: Callable[[], datetime] | None = None,
        pace: float = 1.0,
        steady: Callable[[], float] | None = None,
    ) -> None:
        self._wall = wall or (lambda: datetime.now(UTC))
        self._steady = steady or time.monotonic
        self.pace = pace
        self._origin = self._wall()
        self.shift = timedelta()  # added to wall time; negative while a scene writes its past
        self._skipped_s = 0.0
        self._jumped = timedelta()

    def now(self) -> datetime:
        outside = self._wall()
        paced = outside if self.pace == 1.0 else self._origin + (outside - self._origin) * self.pace
        return paced + self._jumped + self.shift + timedelta(seconds=self._skipped_s if self.shift else 0)

    def steady_s(self) -> float:
        """Seconds on a clock that only moves forward; only differences mean anything."""
        return self._steady() * self.pace + self._skipped_s

    def skip(self, seconds: float) -> None:
        """Let delays of that length pass at once."""
        self._skipped_s += max(0.0, seconds)

    def skip_wall(self, seconds: float) -> None:
        """Let the wall clock jump; delays are not shortened."""
        self._jumped += timedelta(seconds=seconds)


def stamp(moment: datetime) -> str:
    """metav1.Time: RFC 3339 in whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def micro_stamp(moment: datetime) -> str:
    """metav1.MicroTime: RFC 3339 in microseconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_stamp(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
