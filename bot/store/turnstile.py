"""The turnstile before SQLite's one writer: in order, but those whom Slack waits for first.

Used by bot.store.db. Of five turns in a crowd one goes to an ordinary writer, so that nobody waits for ever.
"""

import asyncio
from collections import deque

URGENT_IN_A_ROW = 4


class Turnstile:
    """One holder at a time. `acquire` may be cancelled at any moment."""

    def __init__(self) -> None:
        self._taken = False
        self._urgent: deque[asyncio.Future[None]] = deque()
        self._ordinary: deque[asyncio.Future[None]] = deque()
        self._urgent_in_a_row = 0

    def taken(self) -> bool:
        """Whether `acquire` would have to wait."""
        return self._taken

    async def acquire(self, *, urgent: bool) -> None:
        """Wait for the turn."""
        if not self._taken:
            self._taken = True
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        (self._urgent if urgent else self._ordinary).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it was handed over at that very moment
                self.release()
            raise

    def release(self) -> None:
        """Give the turn to the next one in line."""
        self._taken = False
        while (turn := self._next()) is not None:
            if not turn.done():
                self._taken = True
                turn.set_result(None)
                return

    def _next(self) -> "asyncio.Future[None] | None":
        first = bool(self._urgent) and (not self._ordinary or self._urgent_in_a_row < URGENT_IN_A_ROW)
        queue = self._urgent if first else self._ordinary
        self._urgent_in_a_row = self._urgent_in_a_row + 1 if first else 0
        return queue.popleft() if queue else None
