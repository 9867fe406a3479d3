"""What alerts and storms look like now, written to the outbox when it is due. Used by the loop of alerts.

Cards are edited at a pace that Slack takes and people can read; a click draws its card at once, elsewhere. Rows of a
storm's thread wait until a reply is worth its call, and until the one before is out.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from bot.cards.storm import MOST_SHOWN, group_card, rows_note
from bot.context import Context
from bot.domain.alert.storm import PATIENCE, ROWS, Storm, card_pause, storm_subject
from bot.failpoints import reach
from bot.store import alerts, outbox, storms
from bot.store.db import Connection
from bot.usecases.alert_cards import put_card

AT_ONCE = 30
"""Cards in one transaction."""
LISTING_EVERY = timedelta(seconds=1)
"""Between two replies in storms' threads, of all storms together."""
SHORTEST_LOOK = timedelta(seconds=0.2)
WATCH_EVERY = timedelta(minutes=5)
"""How often a storm is looked at in which nothing changes."""


async def draw(ctx: Context) -> float:
    """Write what is due; seconds until something is due again."""
    now = ctx.clock()
    async with ctx.database.read() as connection:
        next_at = await alerts.next_due_at(connection)
        storm_at = await storms.next_due_at(connection)
    drawn = 0
    if next_at is not None and next_at <= now:
        drawn += await _draw_alerts(ctx, now)
    if storm_at is not None and storm_at <= now:
        drawn += await _draw_storms(ctx, now)
    if drawn:
        ctx.bells.outbox.ring()
    async with ctx.database.read() as connection:
        due = [await alerts.next_due_at(connection), await storms.next_due_at(connection)]
    waits = [max(0.0, (at - ctx.clock()).total_seconds()) for at in due if at is not None]
    return min(waits, default=float("inf"))


async def _draw_alerts(ctx: Context, now: datetime) -> int:
    async with ctx.database.write() as connection:
        found = await alerts.due(connection, now=now, limit=AT_ONCE)
        drawn = [replace(alert, card_at=now, card_due=None) for alert in found]
        for alert in drawn:
            await put_card(ctx, connection, alert)
        await alerts.redrawn(connection, drawn)
        reach("alerts.in_draw")
    reach("alerts.after_draw")
    return len(drawn)


async def _draw_storms(ctx: Context, now: datetime) -> int:
    async with ctx.database.write() as connection:
        living = await storms.living(connection)
        due = [storm for storm in living if storm.card_due is None or storm.card_due <= now]
        # Replies of all storms together share Slack's limit: the more storms, the longer each waits for its next.
        every = LISTING_EVERY * max(1, len(living))
        moved = [await _moved(ctx, connection, storm, now, every) for storm in due]
        await storms.put(connection, moved)
        reach("alerts.in_draw")
    return len(due)


async def _moved(ctx: Context, connection: Connection, storm: Storm, now: datetime, every: timedelta) -> Storm:
    """A storm after its card and its next rows were written, with the time to look again."""
    unlisted = await storms.unlisted_count(connection, storm.id)
    if unlisted and storm.card_at is not None:  # rows hang under the card, so that comes first
        is_worth_it = unlisted >= ROWS or now - (storm.listed_at or storm.opened_at) >= PATIENCE
        is_time = storm.listed_at is None or now - storm.listed_at >= every
        if is_worth_it and is_time and not await outbox.open_in_thread(connection, storm_subject(storm.id)):
            unlisted -= await _list(ctx, connection, storm, now)
            redraw_at = storm.card_at + card_pause(storm.members)
            storm = replace(storm, listed_at=now, redraw_at=min(storm.redraw_at or redraw_at, redraw_at))
    if storm.card_at is None or (storm.redraw_at is not None and storm.redraw_at <= now):
        storm = await _drawn(ctx, connection, storm, now)
    if storm.closed_at is not None:
        return replace(storm, card_due=None)
    looks = [now + LISTING_EVERY] if unlisted else []
    looks += [storm.redraw_at] if storm.redraw_at is not None else []
    return replace(storm, card_due=max(min(looks), now + SHORTEST_LOOK) if looks else now + WATCH_EVERY)


async def _list(ctx: Context, connection: Connection, storm: Storm, now: datetime) -> int:
    """Tell the states of some members in the storm's thread; of how many."""
    members = await storms.unlisted(connection, storm.id, limit=ROWS)
    listed = [replace(alert, listed=alert.state) for alert in members]
    draft = outbox.Draft(
        kind=outbox.OutboxKind.NOTE,
        channel=storm.channel,
        body=rows_note(members, now).body(),
        lane=outbox.Lane.ALERT,
        thread_subject=storm_subject(storm.id),
    )
    await outbox.add(connection, draft, now=now)
    await alerts.redrawn(connection, listed)
    return len(listed)


async def _drawn(ctx: Context, connection: Connection, storm: Storm, now: datetime) -> Storm:
    """The storm with its card written; closed when all its members are over and told."""
    tally = await storms.tally(connection, storm.id, worst=MOST_SHOWN)
    is_over = tally.members > 0 and not tally.open and not tally.unlisted
    drawn = replace(storm, card_at=now, redraw_at=None, step=storm.step + 1, closed_at=now if is_over else None)
    draft = outbox.Draft(
        kind=outbox.OutboxKind.CARD,
        channel=storm.channel,
        body=group_card(drawn, tally, now).body(),
        lane=outbox.Lane.ALERT,
        subject=storm_subject(storm.id),
    )
    await outbox.add(connection, draft, now=now)
    return drawn
