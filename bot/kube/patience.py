"""Patience with a cluster: while none of its watches works, one of them asks at a time, and more and more rarely.

One per bot.kube.clients.Cluster, used by its watches. Without it twenty watches would ask a server in trouble twenty
times as often as one. As soon as one stream has lasted, all others go at once.
"""

from collections import deque
from collections.abc import Awaitable, Callable

LOOK_S = 0.5
"""How often those who wait look whether a stream has lasted."""


class Patience:
    """Turns at a server. All clocks that are given must be one and the same. Not for two event loops."""

    def __init__(self) -> None:
        self._waiting: deque[object] = deque()
        self._open: dict[object, float] = {}  # who has a stream → when it will have lasted
        self._tries = 0
        self._next_s = 0.0

    def opened(self, who: object, lasts_at_s: float) -> None:
        """`who` has a stream from now on, which counts once it is so late."""
        self._open[who] = lasts_at_s

    def closed(self, who: object, now_s: float) -> None:
        """`who` has no stream any more."""
        if self._open.pop(who, now_s + 1) <= now_s:
            self._tries, self._next_s = 0, now_s  # what comes now is a new trouble, if it is one

    def is_working(self, now_s: float) -> bool:
        """Somebody's stream has lasted."""
        return any(lasts_at_s <= now_s for lasts_at_s in self._open.values())

    async def turn(
        self,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        back_off_s: Callable[[int], float],
    ) -> None:
        """Returns when the server may be asked: at once while somebody's stream lasts, else first come, first served,
        with a pause after each that grows with the number of tries."""
        me = object()
        self._waiting.append(me)
        try:
            while not self.is_working(now_s := clock()):
                if self._waiting[0] is me and self._next_s <= now_s:
                    self._tries += 1
                    self._next_s = now_s + back_off_s(self._tries)
                    return
                await sleep(min(LOOK_S, max(self._next_s - now_s, LOOK_S / 20)))
        finally:
            self._waiting.remove(me)
