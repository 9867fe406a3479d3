"""The loop of freezes: ends those whose time is up, with a word in their channel."""

from datetime import timedelta

from bot.context import Context
from bot.reconcile.loop import Crew
from bot.store import freezes
from bot.usecases.freezes import ITSELF, end

LONGEST_S = 60.0
"""Between two looks: another replica, or a clock that was set, may have moved an end."""


class FreezeLoop:
    """Sleeps until the next freeze ends."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self.crew = Crew()

    async def turn(self) -> float:
        """End what is due; seconds until the next."""
        ctx, now = self._ctx, self._ctx.clock()
        async with ctx.database.read() as connection:
            due = [each for each in await freezes.open_ones(connection) if each.until is not None and each.until <= now]
        for closure in due:
            async with ctx.database.write() as connection:
                await end(ctx, connection, closure, by=ITSELF)
            ctx.bells.outbox.ring()
        async with ctx.database.read() as connection:
            coming = await freezes.next_end(connection)
        if coming is None:
            return LONGEST_S
        return max(0.1, min(LONGEST_S, (coming - ctx.clock()) / timedelta(seconds=1)))
