"""Passing alerts on: to a person, to the next in line; and what the one who has it answers when asked."""

from dataclasses import replace
from datetime import datetime, timedelta

from bot.cards.alert import subject_of
from bot.cards.alert_story import resolve_note
from bot.cards.alert_words import short
from bot.cards.card import Card
from bot.cards.oncall import answered_card, passed_on_note
from bot.context import Context
from bot.datadog.client import Lane
from bot.domain.alert import Alert
from bot.domain.handling import Handling, Standing
from bot.domain.names import AlertId, ServiceName, UserId
from bot.domain.oncall import Responder, Watch
from bot.errors import NotFound, OutsideError, UserError
from bot.store import outbox, watches
from bot.store.db import Connection
from bot.usecases import alert_search, alerts
from bot.usecases.alert_cards import say_in_thread, thread_of
from bot.usecases.alert_changes import Change, change, known, refuse_over
from bot.usecases.oncall import line_of
from bot.usecases.people import Whereabouts


async def escalate(ctx: Context, alert_id: AlertId, to: UserId | None, *, by: UserId) -> Responder:
    """Pass it on to somebody, or to the next in line; they are called and it is theirs to take. Raises UserError."""
    alert = await alert_search.find(ctx, alert_id)
    refuse_over(alert)
    chosen = await _person(ctx, to) if to is not None else await _next_in_line(ctx, alert)

    async def act(connection: Connection, alert: Alert, handling: Handling) -> Change:
        refuse_over(alert)
        now = ctx.clock()
        watch = await watches.of(connection, subject_of(alert))
        if _just_called(watch, chosen, now):
            return Change()  # the same form again, after a crash
        others = tuple(each for each in watch.called if each.key != chosen.key)
        called = replace(
            watch, called=(*others, chosen), called_at=now, reminded_at=None, exhausted=False, asked=None, due_at=now
        )
        await watches.save(connection, called)
        await say_in_thread(ctx, connection, alert, passed_on_note(by, chosen, alert.title))
        handled = handling.joined(by)
        if handled.page is not None and handled.page.resolved is None:
            handled = handled.wished(now, page=replace(handled.page, escalations=handled.page.escalations + 1))
        return Change(alert.moved(escalated_to=chosen.slack, taken_by=None, taken_at=None), handled)

    await change(ctx, alert_id, act, by=by, action="alert.escalate", reason=f"to {chosen.key}")
    return chosen


def _just_called(watch: Watch, chosen: Responder, now: datetime) -> bool:
    is_last = bool(watch.called) and watch.called[-1].key == chosen.key
    return is_last and watch.called_at is not None and now - watch.called_at < timedelta(minutes=1)


async def resolve_page(ctx: Context, alert_id: AlertId, *, by: UserId) -> Alert:
    """Want the page ended in Datadog On-Call; the alert itself stays open. Raises UserError."""

    async def act(connection: Connection, alert: Alert, handling: Handling) -> Change:
        page = handling.page
        if page is None or not page.id:
            text = "Datadog On-Call has no page of mine for this."
            raise UserError("no_page", text, hint="Pages that Datadog's own monitors made are ended there.")
        if page.resolved is Standing.DONE:
            raise UserError("page_over", "The page is resolved already.")
        now = ctx.clock()
        if page.resolved is None:
            await say_in_thread(ctx, connection, alert, resolve_note(alert, by))
        return Change(alert.moved(), handling.joined(by).wished(now, page=replace(page, resolved=Standing.WANTED)))

    return await change(ctx, alert_id, act, by=by, action="alert.resolve")


async def _person(ctx: Context, to: UserId) -> Responder:
    try:
        found = await ctx.directory.person(to)
    except NotFound as error:
        raise UserError("no_such_person", "Slack does not know this person.", hint="Mention them with @.") from error
    if found.is_bot or found.deleted or found.is_restricted or found.is_ultra_restricted or found.is_stranger:
        raise UserError("not_a_member", "Guests, bots and strangers can't be called.", hint="Choose a full member.")
    return Responder(found.name, to)


async def _next_in_line(ctx: Context, alert: Alert) -> Responder:
    duty = ctx.oncall.duty_of(ServiceName(alert.service)) if ctx.oncall is not None else None
    if duty is None:
        raise UserError("no_oncall", "Nobody is on call for this.", hint="Choose a person to pass it on to.")
    try:
        line = await line_of(ctx, duty, lane=Lane.PEOPLE)
    except OutsideError as error:
        raise UserError(
            "oncall_unknown", f"Who is next can't be asked: {error.text}.", hint="Choose a person."
        ) from error
    async with ctx.database.read() as connection:
        watch = await watches.of(connection, subject_of(alert))
    called = {each.key for each in watch.called} | ({alert.taken_by} if alert.taken_by else set())
    following = next((each for each in line.people if each.key not in called), None)
    if following is None:
        raise UserError(
            "nobody_left", "Everybody in line was called already.", hint="Choose a person to pass it on to."
        )
    return following


def question_subject(alert_id: AlertId, asked_at: datetime) -> str:
    """Outbox subject of the question whether somebody still works on an alert."""
    return f"still:{alert_id}:{int(asked_at.timestamp())}"


async def _answer(ctx: Context, connection: Connection, alert: Alert, watch: Watch, card: Card) -> None:
    """The question shows its answer, and no buttons any more."""
    if watch.asked_at is None:
        return
    draft = outbox.Draft(
        kind=outbox.OutboxKind.CARD,
        channel=alert.channel,
        body=card.body(),
        lane=outbox.Lane.ALERT,
        subject=question_subject(alert.id, watch.asked_at),
        thread_subject=thread_of(alert),
    )
    await outbox.add(connection, draft, now=ctx.clock())


async def still_working(ctx: Context, alert_id: AlertId, *, by: UserId) -> Alert:
    """The one who has it still works on it. Raises UserError for anybody else, or when it was handed back."""
    now = ctx.clock()
    async with ctx.database.write() as connection:
        alert = await known(connection, alert_id)
        refuse_over(alert)
        if alert.taken_by != by:
            raise _not_yours(alert)
        watch = await watches.of(connection, subject_of(alert))
        await watches.save(connection, watch.confirmed(now))
        await _answer(ctx, connection, alert, watch, answered_card(by, keeps=True))
    ctx.bells.oncall.ring()
    ctx.bells.outbox.ring()
    return alert


async def hand_back(ctx: Context, alert_id: AlertId, *, by: UserId) -> Alert:
    """The one who has it gives it to the next in line. Raises UserError for anybody else."""
    alert = await alert_search.find(ctx, alert_id)
    if alert.taken_by != by:
        raise _not_yours(alert)
    async with ctx.database.write() as connection:
        watch = await watches.of(connection, subject_of(alert))
        await _answer(ctx, connection, alert, watch, answered_card(by, keeps=False))
    return await alerts.unacknowledge(ctx, alert_id, holder=by, asker=alerts.Asker(by, ctx.team, Whereabouts()))


def _not_yours(alert: Alert) -> UserError:
    if alert.taken_by is None:
        return UserError("not_taken", "Nobody has it any more.", hint=f"/ack {short(alert.id)}")
    return UserError("not_yours", "{who} has it since {since}.", who=alert.taken_by, since=alert.taken_at)
