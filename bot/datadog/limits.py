"""How much of Datadog's rate limits is used up, by the headers of its answers. Asked and told by bot.datadog.wire.

Datadog counts by limit names that only its answers tell (`X-RateLimit-Name`), so a call's name is known from its last
answer on. Loops stop at a reserve, which is for what people click; nobody calls what was refused with 429 before the
time that it named. Nothing here sleeps. Source: docs.datadoghq.com/api/latest/rate-limits.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

RESERVE = 0.2
"""Share of a limit that only people may use."""
DEFAULT_RETRY_S = 30.0
"""After a 429 that does not say how long."""
LONGEST_RETRY_S = 3600.0
"""Datadog's longest periods are an hour; nothing may silence the bot for good."""


class Lane(Enum):
    """On whose behalf a call is made."""

    PEOPLE = auto()
    """Somebody clicked and waits."""
    LOOPS = auto()
    """The bot by itself; it comes again."""


@dataclass(slots=True)
class _Window:
    """The running period of one limit, in monotonic seconds."""

    limit: float
    remaining: float
    ends_s: float


class Limits:
    """All limits of one pair of keys. `now_s` is monotonic seconds."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._windows: dict[str, _Window] = {}
        self._frozen_until_s: dict[str, float] = {}

    def wait_s(self, operation: str, lane: Lane, now_s: float) -> float:
        """Seconds until the call may be made; 0: it may now, and is counted."""
        name = self._names.get(operation, operation)
        frozen_s = self._frozen_until_s.get(name, -math.inf) - now_s
        if frozen_s > 0:
            return frozen_s
        window = self._windows.get(name)
        if window is None or window.ends_s <= now_s:
            return 0.0
        if lane is Lane.LOOPS and window.remaining <= math.floor(window.limit * RESERVE):
            return window.ends_s - now_s
        # Counted when it is made: many may be on their way before the first answer.
        window.remaining -= 1
        return 0.0

    def note(self, operation: str, headers: Mapping[str, str], now_s: float) -> None:
        """Learn from an answer's headers, whatever its status."""
        name = headers.get("X-RateLimit-Name") or operation
        self._names[operation] = name
        limit, remaining, reset_s = (
            _number(headers.get(f"X-RateLimit-{part}")) for part in ("Limit", "Remaining", "Reset")
        )
        if limit is None or remaining is None or reset_s is None:
            return
        ends_s = now_s + min(reset_s, LONGEST_RETRY_S)
        window = self._windows.get(name)
        is_same = window is not None and window.ends_s > now_s and abs(window.ends_s - ends_s) < 2
        # Answers overtake one another: in one period the least that was told is the truth.
        left = min(window.remaining, remaining) if is_same and window is not None else remaining
        self._windows[name] = _Window(limit, left, ends_s)

    def note_refused(self, operation: str, headers: Mapping[str, str], now_s: float) -> float:
        """Learn from a 429; seconds until the call may be tried again."""
        self.note(operation, headers, now_s)
        told = [_number(headers.get(name)) for name in ("X-RateLimit-Reset", "Retry-After")]
        wait_s = next((seconds for seconds in told if seconds is not None), DEFAULT_RETRY_S)
        wait_s = min(max(wait_s, 1.0), LONGEST_RETRY_S)
        self._frozen_until_s[self._names[operation]] = now_s + wait_s
        return wait_s


def _number(text: str | None) -> float | None:
    """A header's number, not negative; None when there is none."""
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None
