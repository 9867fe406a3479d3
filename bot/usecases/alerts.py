"""What people do about alerts. Each is one transaction that also writes its audit row, its card and its thread.

What is wanted of Datadog is written down here as a wish (bot.domain.handling) and carried out by
bot.reconcile.handlings: nobody waits for Datadog, and no crash forgets or doubles a mute.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.cards.alert import alert_note, subject_of
from bot.cards.alert_story import given_back_note, mute_note, taken_note, unmute_note
from bot.context import Context
from bot.domain.alert import Alert
from bot.domain.catalog import Role
from bot.domain.handling import MOST_NOTES, Handling, Mute, Note, Standing
from bot.domain.names import AlertId, Span, UserId
from bot.domain.spans import BadSpan, end_of
from bot.errors import UserError
from bot.store import alerts, audit, storms, watches
from bot.store.db import Connection
from bot.usecases import alert_search
from bot.usecases.alert_cards import say_in_thread
from bot.usecases.alert_changes import Change, change, refuse_over
from bot.usecases.people import Whereabouts, authorise

MOST_AT_ONCE = 5000
PER_TRANSACTION = 100
"""Rows of a storm that are taken together: others wait for the database's writer meanwhile."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, where: for the role that some acts need beyond their button's."""

    user: UserId
    team: str
    room: Whereabouts


async def acknowledge(ctx: Context, alert_id: AlertId, *, by: UserId) -> Alert:
    """Take it. One wins; others learn who and when. Raises UserError.

    A button drawn before is good for it as long as nobody has it: which step it was drawn at does not matter.
    """

    async def act(connection: Connection, alert: Alert, handling: Handling) -> Change:
        refuse_over(alert)
        if alert.taken_by == by:
            return Change()  # the same person again, or the same click after a crash
        if alert.taken_by is not None:
            raise UserError(
                "taken_before", "{who} has taken it since {since}.", who=alert.taken_by, since=alert.taken_at
            )
        now = ctx.clock()
        taken = alert.moved(taken_by=by, taken_at=now)
        handled = handling.joined(by)
        if handled.page is not None and handled.page.resolved is None:
            handled = handled.wished(now, page=replace(handled.page, acknowledged=Standing.WANTED))
        await say_in_thread(ctx, connection, taken, taken_note(taken, by))
        return Change(taken, handled)

    return await change(ctx, alert_id, act, by=by, action="alert.acknowledge")


async def acknowledge_all(ctx: Context, storm_id: str, *, by: UserId) -> int:
    """Take every alert of a storm that nobody has; how many. What somebody has stays theirs. Raises UserError."""
    async with ctx.database.read() as connection:
        if await storms.get(connection, storm_id) is None:
            raise UserError("no_such_alert", "I don't know this storm.", hint="/alerts")
        tally = await storms.tally(connection, storm_id, worst=MOST_AT_ONCE)
    free = [alert.id for alert in tally.worst if alert.taken_by is None]
    taken = 0
    for start in range(0, len(free), PER_TRANSACTION):
        async with ctx.database.write() as connection:
            now = ctx.clock()
            found = await alerts.get_all(connection, free[start : start + PER_TRANSACTION])
            for alert in found.values():
                if alert.taken_by is None and not alert.is_over:
                    saved = await alerts.save(connection, alert.moved(taken_by=by, taken_at=now))
                    taken += saved is not None
            reason = f"{len(found)} alerts of a storm"
            entry = audit.Entry(now, by, "storm.acknowledge", storm_id, audit.AuditPhase.REQUEST, reason)
            await audit.append(connection, entry)
            await storms.redraw(connection, storm_id, now=now)
    ctx.bells.alerts.ring()
    ctx.bells.oncall.ring()
    return taken


async def unacknowledge(ctx: Context, alert_id: AlertId, *, holder: str, asker: Asker) -> Alert:
    """Take it from `holder`, who had it when the button was drawn; refused when another has it since.

    The one who has it may; anybody else needs the role deployer. Raises UserError. Which step the button was drawn at
    does not matter: a renotification or a mute in between changes nothing about who has it.
    """
    alert = await alert_search.find(ctx, alert_id)
    if alert.taken_by not in (None, asker.user):
        await authorise(
            ctx,
            asker.user,
            Role.DEPLOYER,
            team=asker.team,
            action="alert.unacknowledge",
            target=alert_id,
            room=asker.room,
            place=alert_search.place_of(ctx, alert),
        )

    async def act(connection: Connection, alert: Alert, handling: Handling) -> Change:
        refuse_over(alert)
        if alert.taken_by is None:
            raise UserError("not_taken", "Nobody has it.", hint="/ack")
        if alert.taken_by != holder:
            raise UserError("stale_button", "{who} has it since {since}.", who=alert.taken_by, since=alert.taken_at)
        watch = await watches.of(connection, subject_of(alert))
        await watches.save(connection, replace(watch.handed_back(alert.taken_by), due_at=ctx.clock()))
        await say_in_thread(ctx, connection, alert, given_back_note(alert, asker.user, alert.taken_by))
        return Change(alert.moved(taken_by=None, taken_at=None), handling.joined(asker.user))

    return await change(ctx, alert_id, act, by=asker.user, action="alert.unacknowledge")


async def mute(ctx: Context, alert_id: AlertId, span: Span, *, by: UserId) -> datetime:
    """Want a downtime for this monitor and group; its wanted end. Again: the end moves. Raises UserError."""
    try:
        until = end_of(span, ctx.clock(), ctx.timezone)
    except BadSpan as error:
        text = f"`{span}` is no time to be quiet for, or longer than a week."
        raise UserError("bad_span", text, hint="30m, 1h, 4h, 2d, or tomorrow") from error
    _require_datadog(ctx)

    async def act(connection: Connection, alert: Alert, handling: Handling) -> Change:
        refuse_over(alert)
        now = ctx.clock()
        known = handling.mute
        wanted = Mute(until, by, now)
        if known is not None:  # what Datadog has already said of it stays true until it says something else
            wanted = replace(wanted, downtime_id=known.downtime_id)
        await say_in_thread(ctx, connection, alert, mute_note(alert, by, until))
        return Change(alert.moved(), handling.joined(by).wished(now, mute=wanted))

    await change(ctx, alert_id, act, by=by, action="alert.mute", reason=f"until {until:%Y-%m-%d %H:%M} UTC")
    return until


async def unmute(ctx: Context, alert_id: AlertId, *, by: UserId) -> Alert:
    """Want it loud again. Raises UserError."""
    _require_datadog(ctx)

    async def act(connection: Connection, alert: Alert, handling: Handling) -> Change:
        now = ctx.clock()
        if handling.mute is None or not handling.mute.is_quiet(now):
            raise UserError(
                "not_muted", "It is not muted by me.", hint="A mute that was set in Datadog is lifted there."
            )
        await say_in_thread(ctx, connection, alert, unmute_note(alert, by))
        wanted = replace(handling.mute, until=None, by=by, at=now, standing=Standing.WANTED, problem="")
        return Change(alert.moved(), handling.joined(by).wished(now, mute=wanted))

    return await change(ctx, alert_id, act, by=by, action="alert.unmute")


async def note(ctx: Context, alert_id: AlertId, text: str, *, by: UserId) -> Alert:
    """Keep words in the thread, and have them posted to Datadog as an event. Raises UserError."""

    async def act(connection: Connection, alert: Alert, handling: Handling) -> Change:
        now = ctx.clock()
        if any((each.by, each.text) == (by, text) and now - each.at < timedelta(minutes=1) for each in handling.notes):
            return Change()  # the same form again, after a crash
        if len(handling.notes) >= MOST_NOTES:
            raise UserError("too_many_notes", f"It has {MOST_NOTES} notes already.", hint="Write in its thread.")
        standing = Standing.WANTED if ctx.datadog is not None else Standing.DONE
        kept = handling.joined(by).wished(now, notes=(*handling.notes, Note(by, now, text, standing)))
        await say_in_thread(ctx, connection, alert, alert_note(text, by))
        return Change(None, kept)

    return await change(ctx, alert_id, act, by=by, action="alert.note", reason=text[:200])


def _require_datadog(ctx: Context) -> None:
    if ctx.datadog is None or not ctx.datadog.has_app_key:
        raise UserError(
            "no_datadog",
            "I can't mute anything: Datadog's keys are not set.",
            hint="The people who run me can set DD_API_KEY and DD_APP_KEY.",
        )
