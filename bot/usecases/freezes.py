"""Freezes: what holds now, setting and lifting one, and the refusal of what comes meanwhile.

A freeze refuses what is asked for and what would start; it never stops what moves already. The loop of
bot.reconcile.freezes ends those whose time is up.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.cards.card import Card
from bot.cards.freezes import closure_card, opened_card, subject_of
from bot.context import Context
from bot.domain.catalog import Environment
from bot.domain.freezes import Closure, configured_next, configured_now, is_held_up
from bot.domain.names import ChannelId, EnvironmentName, Reason, Span, UserId
from bot.domain.release import ReleaseKind
from bot.domain.spans import BadSpan, end_of
from bot.errors import UserError
from bot.store import audit, freezes, outbox
from bot.store.db import Connection
from bot.store.ids import key_id

STILL_WORKS = "Rollbacks still work, and so does Abort."
ITSELF = "kajitori"


@dataclass(frozen=True, slots=True)
class Windows:
    """The freezes of an environment."""

    environment: EnvironmentName
    now: tuple[Closure, ...]
    next: tuple[Closure, ...]
    """Those of the configuration that come, each once."""


async def in_force(ctx: Context, environment: Environment) -> tuple[Closure, ...]:
    """What freezes an environment now: people's freezes first."""
    async with ctx.database.read() as connection:
        found = await freezes.open_ones(connection, environment.name)
    now = ctx.clock()
    return (*(each for each in found if each.holds(now)), *configured_now(environment, now, ctx.timezone))


async def refuse_frozen(ctx: Context, environment: Environment, kind: ReleaseKind) -> None:
    """Raise UserError while the environment is frozen; a rollback mends something and is never held up."""
    if not is_held_up(kind):
        return
    found = await in_force(ctx, environment)
    if found:
        raise refusal(ctx, found[0])


def refusal(ctx: Context, closure: Closure) -> UserError:
    """Why not, who says so, until when, and what still works."""
    until = "It stays so until somebody lifts it."
    if closure.until is not None:
        until = f"It opens again on {closure.until.astimezone(ctx.timezone):%A %d %B at %H:%M %Z}."
    who = " {who} froze it at {since}." if closure.by is not None else ""
    return UserError(
        "frozen",
        f"`{closure.environment}` is frozen: {closure.reason.rstrip('.')}.{who} {until}",
        hint=f"{STILL_WORKS} What can't wait: an operator may go past it with `/breakglass`, and a reason.",
        who=closure.by,
        since=closure.since,
    )


async def freeze(
    ctx: Context, environment: EnvironmentName, span: Span | None, reason: Reason, *, key: str, by: UserId
) -> Closure:
    """Let nothing new be released there. Again: the new reason and end take the place of the old. Raises UserError."""
    now = ctx.clock().replace(microsecond=0)
    try:
        until = end_of(span, now, ctx.timezone) if span is not None else None
    except BadSpan as error:
        text = f"`{span}` is no length of time for a freeze."
        raise UserError("bad_span", text, hint="30m, 4h, 2d, tomorrow; seven days at most, or none at all.") from error
    closure = Closure(environment, reason, now, until, by, key_id(key))
    async with ctx.database.write() as connection:
        former = await freezes.get(connection, closure.id)
        if former is not None:
            return former  # the same request again, after a crash
        for each in await freezes.open_ones(connection, environment):
            await freezes.end(connection, each.id, by=by, now=now)
            await _put_card(ctx, connection, each, opened_card(each, by, now))
        await freezes.add(connection, closure)
        told = f"until {until:%Y-%m-%d %H:%M} UTC: {reason}" if until else f"until it is lifted: {reason}"
        await audit.append(connection, _entry(ctx, closure, by, "freeze", told))
        await _put_card(ctx, connection, closure, closure_card(closure))
    ctx.bells.freezes.ring()
    ctx.bells.outbox.ring()
    return closure


async def unfreeze(ctx: Context, environment: EnvironmentName, *, by: UserId) -> Closure:
    """Lift the freeze that somebody set. Raises UserError when there is none."""
    async with ctx.database.write() as connection:
        found = await freezes.open_ones(connection, environment)
        if found:
            await end(ctx, connection, found[0], by=by)
    if not found:
        raise UserError("not_frozen", _not_frozen(ctx, environment), hint="/freezes")
    ctx.bells.outbox.ring()
    return found[0]


async def end_by_id(ctx: Context, closure_id: str, *, by: UserId) -> Closure:
    """Lift the freeze of a card. Raises UserError when it is over."""
    closure = await by_id(ctx, closure_id)
    async with ctx.database.write() as connection:
        await end(ctx, connection, closure, by=by)
    ctx.bells.outbox.ring()
    return closure


async def by_id(ctx: Context, closure_id: str) -> Closure:
    """A freeze that somebody set and nobody ended. Raises UserError."""
    async with ctx.database.read() as connection:
        found = await freezes.open_ones(connection)
    closure = next((each for each in found if each.id == closure_id), None)
    if closure is None:
        raise UserError("not_frozen", "This freeze is over already.", hint="/freezes")
    return closure


async def end(ctx: Context, connection: Connection, closure: Closure, *, by: str) -> None:
    """It is over: row, audit, card, and a word in the channel, once."""
    now = ctx.clock()
    if not await freezes.end(connection, closure.id, by=by, now=now):
        return
    told = "its time is up" if by == ITSELF else "lifted"
    await audit.append(connection, _entry(ctx, closure, by, "unfreeze", told))
    card = opened_card(closure, by, now)
    await _put_card(ctx, connection, closure, card)
    channel = channel_of(ctx, closure.environment)
    if channel is not None:
        # An edit notifies nobody: who waits for the end hears it from a message of its own.
        draft = outbox.Draft(kind=outbox.OutboxKind.NOTE, channel=channel, body=card.body())
        await outbox.add(connection, draft, now=now)


async def look(ctx: Context) -> Sequence[Windows]:
    """The freezes of every environment."""
    now = ctx.clock()
    return [
        Windows(each.name, await in_force(ctx, each), configured_next(each, now, ctx.timezone))
        for each in ctx.catalog.environments.values()
    ]


def channel_of(ctx: Context, environment: EnvironmentName) -> ChannelId | None:
    """Where an environment's freezes are told; None: only to who asks."""
    return ctx.catalog.environments[environment].channel if environment in ctx.catalog.environments else None


def _not_frozen(ctx: Context, environment: EnvironmentName) -> str:
    fixed = configured_now(ctx.catalog.environments[environment], ctx.clock(), ctx.timezone)
    if fixed:
        return f"`{environment}` is frozen by kajitori.yaml ({fixed[0].reason}), which only that file can lift."
    return f"`{environment}` is not frozen."


async def _put_card(ctx: Context, connection: Connection, closure: Closure, card: Card) -> None:
    channel = channel_of(ctx, closure.environment)
    if channel is not None:
        draft = outbox.Draft(
            kind=outbox.OutboxKind.CARD, channel=channel, body=card.body(), subject=subject_of(closure)
        )
        await outbox.add(connection, draft, now=ctx.clock())


def _entry(ctx: Context, closure: Closure, by: str, action: str, told: str) -> audit.Entry:
    return audit.Entry(ctx.clock(), by, action, closure.environment, audit.AuditPhase.RESULT, told, closure.id)
