"""Patience with a cluster: how often all its watches together ask again while none of them works.

One per bot.kube.clients.Cluster, used by its watches. Each watch backs off by itself; without this, twenty of them
would ask a server in trouble twenty times as often. As soon as one stream has proved good, the others go at once.
"""

from collections import deque
from collections.abc import Awaitable, Callable

ASKED_AT_MOST = 18
"""Lists and streams a minute, all watches together."""
WITHIN_S = 60.0
LOOK_S = 1.0
"""How often those who wait look whether a stream has proved good."""


class Patience:
    """Turns at a server. Not for two event loops."""

    def __init__(self) -> None:
        self._asked_s: deque[float] = deque()
        self._waiting: deque[object] = deque()
        self._open: dict[object, tuple[float, Callable[[], float], float]] = {}

    def opened(self, who: object, clock: Callable[[], float], steady_s: float) -> None:
        """`who` has a stream from now on; it is good once it has lived for `steady_s`."""
        self._open[who] = (clock(), clock, steady_s)

    def closed(self, who: object) -> None:
        """`who` has no stream any more. May be called twice."""
        self._open.pop(who, None)

    @property
    def is_working(self) -> bool:
        """Somebody's stream is good."""
        return any(clock() - since_s >= steady_s for since_s, clock, steady_s in self._open.values())

    async def turn(self, requests: int, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]]) -> None:
        """Returns when so many requests may be made: at once while somebody's stream is good, else first come, first
        served."""
        me = object()
        self._waiting.append(me)
        try:
            while not self.is_working:
                now_s = clock()
                while self._asked_s and now_s - self._asked_s[0] >= WITHIN_S:
                    self._asked_s.popleft()
                if self._waiting[0] is me and len(self._asked_s) + requests <= ASKED_AT_MOST:
                    self._asked_s.extend([now_s] * requests)
                    return
                await sleep(LOOK_S)
        finally:
            self._waiting.remove(me)
