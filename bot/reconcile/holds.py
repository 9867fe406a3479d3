"""The loop of holds and lines: reminds of locks that end, ends them, and tells who waits that it is their turn.

Decided by bot.domain.holds and bot.domain.queue from rows alone; what is said, and that it was said, are one
transaction, so a restart reminds nobody twice and skips nobody's turn.
"""

import structlog

from bot.cards.holds import reminder_note
from bot.cards.queue import turn_note
from bot.context import Context
from bot.domain.catalog import Target
from bot.domain.holds import Expire, Hold, Remind, Rest, decide, first_that_hinders
from bot.domain.queue import Ticket, TicketState, first
from bot.domain.queue import decide as decide_line
from bot.domain.release import ReleaseKind
from bot.errors import UserError
from bot.store import emergencies, holds, outbox, queue, releases
from bot.store.db import Connection
from bot.usecases.freezes import in_force
from bot.usecases.holds import BOT, expire, remind
from bot.usecases.queue import channel_of, keep, redraw, save_ticket, subject_of

log = structlog.get_logger()
LOOK_S = 2.0
"""While somebody waits in a line: a release that ends rings no bell here."""
IDLE_S = 15.0


class HoldLoop:
    """Watches over locks and lines."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    async def turn(self) -> float:
        """Do what is due; seconds until it looks again."""
        async with self._ctx.database.read() as connection:
            held = await holds.open_ones(connection)
            waiting = await queue.waiting(connection)
        waits = [IDLE_S]
        for hold in held:
            waits.append(await self._look(hold))
        for target in sorted({ticket.target for ticket in waiting}):
            await self._move(target)
            waits.append(LOOK_S)
        return max(0.1, min(waits))

    async def settle(self, timeout_s: float) -> None:
        """Nothing goes on between two turns."""

    async def _look(self, seen: Hold) -> float:
        """What is due for one hold; seconds until something is."""
        ctx, now = self._ctx, self._ctx.clock()
        step = decide(seen, now)
        if isinstance(step, Rest):
            return (step.until - now).total_seconds() if step.until is not None else IDLE_S
        try:
            async with ctx.database.write() as connection:
                hold = await holds.get(connection, seen.id)
                if hold is None or hold.ended_at is not None:
                    return IDLE_S
                match decide(hold, now):
                    case Expire():
                        await expire(ctx, connection, hold)
                    case Remind():
                        await remind(ctx, connection, hold, reminder_note(hold, now))
                    case Rest():
                        pass
        except UserError as error:
            log.info("holds.moved_on", hold=seen.id, error=error.text)
        ctx.bells.outbox.ring()
        return LOOK_S

    async def _move(self, target: Target) -> None:
        """Offer a turn, take it back, or pass it on."""
        ctx, now = self._ctx, self._ctx.clock()
        is_frozen = await self._is_frozen(target)
        try:
            async with ctx.database.write() as connection:
                line = await queue.line(connection, target)
                head = first(line, now)
                is_free = head is not None and not is_frozen and await self._is_free(connection, head)
                changed = decide_line(line, is_free=is_free, now=now)
                for ticket in changed:
                    saved = await save_ticket(connection, ticket)
                    await keep(ctx, connection, saved, BOT, f"queue.{saved.state}")
                    if saved.state is TicketState.OFFERED:
                        await self._call(connection, saved)
                if any(ticket.state.is_over for ticket in changed):
                    await redraw(ctx, connection, target)
        except UserError as error:
            log.info("queue.moved_on", target=str(target), error=error.text)
            return
        if changed:
            ctx.bells.outbox.ring()

    async def _is_free(self, connection: Connection, head: Ticket) -> bool:
        """Whether the first in line could start now: nothing moves there, nobody holds it, releases are open."""
        ctx, target, now = self._ctx, head.target, self._ctx.clock()
        environment = ctx.catalog.environments.get(target.environment)
        lock = await releases.lock_of(connection, target)
        if environment is None or (lock is not None and lock.release_id is not None):
            return False
        held = await holds.over(connection, target)
        if first_that_hinders(held, target, ReleaseKind.DEPLOY, head.user, now) is not None:
            return False
        return await emergencies.open_in(connection, target.environment) is None

    async def _is_frozen(self, target: Target) -> bool:
        environment = self._ctx.catalog.environments.get(target.environment)
        return environment is not None and bool(await in_force(self._ctx, environment))

    async def _call(self, connection: Connection, ticket: Ticket) -> None:
        """Mention whose turn it is, under their card: an edited card calls nobody."""
        draft = outbox.Draft(
            kind=outbox.OutboxKind.CARD,
            channel=channel_of(self._ctx, ticket),
            body=turn_note(ticket).body(),
            subject=f"turn:{ticket.id}:{ticket.turns}",
            thread_subject=subject_of(ticket),
        )
        await outbox.add(connection, draft, now=self._ctx.clock())
