"""How fast a watch goes: its timeouts, how long it bears silence, how soon it tries again.

Tests bring a clock of their own; the bot takes the defaults.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

BRIEF_PAUSE_S = 4.0
"""Less a quarter for chance, this is three seconds: the twentieth part of a minute."""


@dataclass(frozen=True, slots=True)
class Pace:
    """All in seconds."""

    page_timeout_s: float = 10.0
    """For one page of a list."""
    answer_s: float = 10.0
    """Until a watch's status is there."""
    quiet_s: float = 70.0
    """Silence after which a stream counts as dead. An API server sends a bookmark about once a minute, and TCP alone
    would not notice a half-open connection for hours."""
    watch_s: tuple[int, int] = (300, 600)
    """A stream's length is drawn from here and asked of the server: streams of many clients must not end together."""
    least_pause_s: float = 0.5
    longest_pause_s: float = 30.0
    list_every_s: float = 5.0
    """Between the beginnings of two lists: they are what costs the server most."""
    refused_pause_s: float = 60.0
    """After a definite no: somebody has to change a role first."""
    steady_s: float = 10.0
    """A stream that lived so long was a good one: whatever ended it, no back-off comes from it."""
    lasting_s: float = 2.0
    """After so long a stream shows that the server works, and the other watches of the cluster need not wait."""
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    chance: Callable[[], float] = random.random
    """From 0 to 1."""

    def back_off_s(self, failures: int, *, most_s: float | None = None) -> float:
        """Half a second, doubled with each failure, half a minute at most, by ±25 %."""
        longest_s = self.longest_pause_s if most_s is None else most_s
        pause_s = min(longest_s, self.least_pause_s * 2.0 ** min(failures - 1, 10))
        return pause_s * (0.75 + self.chance() / 2)

    def brief_s(self, failures: int, *, list_follows: bool) -> float:
        """As `back_off_s`, for streams that end soon and told something: they are taken up again sooner, but with
        twenty requests a minute at most, however long that goes on."""
        return self.back_off_s(failures, most_s=2 * BRIEF_PAUSE_S if list_follows else BRIEF_PAUSE_S)

    def length_s(self) -> int:
        """How long the next stream is to live."""
        shortest, longest = self.watch_s
        return shortest + int(self.chance() * (longest - shortest + 0.999))
