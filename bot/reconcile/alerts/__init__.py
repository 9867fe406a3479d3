"""The loop of alerts: webhooks and polls → rows of alerts → cards and storms. Started by bot.app.

A turn takes a batch of what was told, moves the alerts by the rules of bot.domain.alert, and saves rows and what was
taken in one transaction; then it draws what is due in another. Killed in between, it goes on from the rows.
"""

import asyncio
import time
from collections.abc import Sequence

import structlog

from bot.context import Context
from bot.errors import StoreUnavailable
from bot.failpoints import reach
from bot.reconcile.alerts.applying import Batch, Told, read
from bot.reconcile.alerts.drawing import draw
from bot.reconcile.alerts.polling import Poller
from bot.reconcile.loop import reference
from bot.store import inbox
from bot.store.inbox import InboxRow

__all__ = ["AlertLoop", "Poller"]
log = structlog.get_logger()
BATCH = 60
"""Webhooks in one transaction: some ten milliseconds, in which requests wait."""
GATHER_S = 0.2
"""Between the beginnings of two turns: what comes meanwhile shares the next one. Nobody in a chat notices it."""
SLOWEST_TURN_S = 15.0


class AlertLoop:
    """Takes in what was told, draws what is due."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._began_s = float("-inf")
        self._is_behind = False

    async def turn(self) -> float:
        """Work off a batch and draw; seconds until something is due."""
        if not self._is_behind:
            await asyncio.sleep(self._began_s + GATHER_S - time.monotonic())
        self._began_s = time.monotonic()
        taken = await self._take()
        pause_s = await draw(self._ctx)
        self._is_behind = taken >= BATCH
        return 0.0 if self._is_behind else min(SLOWEST_TURN_S, pause_s)

    async def _take(self) -> int:
        """How many webhooks were worked off."""
        try:
            return await self._work_off(BATCH)
        except StoreUnavailable:
            raise
        except Exception:  # one of them may be what nobody thought of: the others must not wait behind it
            log.exception("alerts.batch_failed", reference=reference())
        done = 0
        for _ in range(BATCH):
            done += await self._one_alone()
        return done

    async def _one_alone(self) -> int:
        try:
            return await self._work_off(1)
        except StoreUnavailable:
            raise
        except Exception:  # it stays in the inbox with its body, for a person to look at
            ref = reference()
            log.exception("alerts.event_failed", reference=ref)
        async with self._ctx.database.write() as connection:
            rows = await inbox.told(connection, limit=1)
            await inbox.finish(connection, {row.id: f"failed {ref}" for row in rows}, now=self._ctx.clock())
        return len(rows)

    async def _work_off(self, limit: int) -> int:
        ctx, now = self._ctx, self._ctx.clock()
        async with ctx.database.write() as connection:
            rows = await inbox.told(connection, limit=limit)
            if not rows:
                return 0
            batch = Batch(ctx, connection, now)
            outcomes = await batch.apply(_events(rows))
            await inbox.finish(connection, outcomes, now=now)
            await batch.save()
        reach("alerts.after_save")
        ctx.bells.outbox.ring()
        if batch.opened:
            ctx.bells.oncall.ring()
        return len(rows)


def _events(rows: Sequence[InboxRow]) -> list[Told]:
    return [read(row) for row in rows]
