"""The retention loop: forgets what nobody asks for any more, a little at a time. See bot.store.retention for what."""

import structlog

from bot.context import Context
from bot.reconcile.loop import Crew
from bot.store import retention

log = structlog.get_logger()
EVERY_S = 3600.0
BETWEEN_BATCHES_S = 1.0
"""Leaves the writers of requests and releases their turn."""


class RetentionLoop:
    """Sweeps once an hour, and batch after batch while there is something to sweep."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self.crew = Crew()

    async def turn(self) -> float:
        """One batch; seconds until the next."""
        async with self._ctx.database.write() as connection:
            gone = await retention.sweep(connection, now=self._ctx.clock())
        if gone:
            log.info("retention.swept", rows=gone)
        return BETWEEN_BATCHES_S if gone else EVERY_S
