"""Locks of people on targets and environments, and those that rollbacks leave: taken, extended, taken off, asked about.

Each change is one transaction with its audit row and its card. `refuse_held` is what every request for a release asks.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from bot.cards.card import Card
from bot.cards.holds import ended_note, hold_card, taken_note
from bot.context import Context
from bot.domain.catalog import Place, Role, Target
from bot.domain.holds import (
    DEFAULT_LENGTH,
    EXTENSION,
    LONGEST,
    Hold,
    HoldKind,
    first_that_hinders,
    hold_key,
    passed,
)
from bot.domain.names import ChannelId, EnvironmentName, ServiceName, UserId, Version
from bot.domain.release import Release, ReleaseKind, ReleasePhase
from bot.domain.spans import BadSpan, end_of
from bot.errors import UserError
from bot.store import audit, holds, outbox, releases
from bot.store.db import Connection
from bot.store.ids import new_id
from bot.usecases import people

LONGEST_REASON = 500
BOT = "kajitori"


async def lock(
    ctx: Context,
    environment: EnvironmentName,
    service: ServiceName | None,
    span: str | None,
    reason: str,
    *,
    by: UserId,
    asked_in: ChannelId,
) -> Hold:
    """Keep a target, or an environment, from others' releases. The same person again: a new reason and a new end.

    Raises UserError when somebody else holds it. A release that moves there goes on.
    """
    now = ctx.clock()
    until = _end(ctx, span, now)
    fresh = Hold(
        id=new_id(now),
        kind=HoldKind.MANUAL,
        environment=environment,
        service=service,
        owner=by,
        reason=short(reason),
        since=now,
        until=until,
        asked_in=asked_in,
    )
    async with ctx.database.write() as connection:
        known = await holds.by_key(connection, fresh.key)
        if known is not None and not known.is_open(now):
            await _save(ctx, connection, _over(known, now), BOT, "hold.expire")
            known = None
        if known is not None and known.owner != by:
            raise held_error(known, now)
        if known is not None:
            changed = known.moved(reason=fresh.reason, until=until, reminded_for=None)
            return await _save(ctx, connection, changed, by, "hold.lock")
        if not await holds.add(connection, fresh):
            faster = await holds.by_key(connection, fresh.key)
            if faster is not None and faster.owner != by:
                raise held_error(faster, now)
            raise UserError("moved_on", f"`{fresh.where}` was locked at that very moment.", hint="/status")
        await _keep(ctx, connection, fresh, by, "hold.lock", fresh.reason)
    _ring(ctx)
    return fresh


async def extend(ctx: Context, hold_id: str, step: int, *, by: UserId) -> Hold:
    """Half an hour more, by its holder; a day ahead at most."""
    now = ctx.clock()
    async with ctx.database.write() as connection:
        hold = await _fresh(connection, hold_id, now)
        if hold.owner != by:
            raise UserError(
                "not_yours", "{who} holds this lock.", hint=f"/unlock {_words(hold)} REASON", who=hold.owner
            )
        if step != hold.step or hold.until is None:
            raise UserError("stale_button", "This button is out of date.", hint="Use those that the card shows now.")
        until = min(hold.until + EXTENSION, now + LONGEST)
        saved = await _save(ctx, connection, hold.moved(until=until), by, "hold.extend", f"until {until:%H:%M} UTC")
    _ring(ctx)
    return saved


async def unlock(
    ctx: Context, environment: EnvironmentName, service: ServiceName | None, reason: str, *, by: UserId
) -> Sequence[Hold]:
    """Take off what holds a place, and all of it. Another's lock needs a reason or the role operator, a rollback's
    a word why it is safe. Its former holder is told. Raises UserError, and then nothing was taken off."""
    now, why = ctx.clock(), short(reason)
    async with ctx.database.read() as connection:
        found = await _at(connection, environment, service, now)
        around = await holds.open_ones(connection, environment)
    if not found:
        raise _not_locked(environment, service, [hold for hold in around if hold.is_open(now)])
    if not why:
        await _refuse_without_words(ctx, found, by)
    ended = []
    async with ctx.database.write() as connection:
        for hold in await _at(connection, environment, service, now):
            over = hold.moved(ended_at=now, ended_by=by, ended_why=why)
            is_taken = hold.kind is HoldKind.MANUAL and hold.owner != by
            action = "hold.steal" if is_taken else "hold.unlock"
            ended.append(await _save(ctx, connection, over, by, action, why))
            if is_taken:
                await _say(ctx, connection, hold, taken_note(over))
            elif hold.kind is HoldKind.ROLLBACK:
                await _say(ctx, connection, hold, ended_note(over))
    _ring(ctx)
    return ended


async def release_from_card(ctx: Context, hold_id: str, *, by: UserId) -> Hold | None:
    """The button of its holder. None for everybody else: they say why, in a form."""
    now = ctx.clock()
    async with ctx.database.write() as connection:
        hold = await _fresh(connection, hold_id, now)
        if hold.owner != by or hold.kind is HoldKind.ROLLBACK:
            return None
        saved = await _save(ctx, connection, hold.moved(ended_at=now, ended_by=by), by, "hold.unlock")
    _ring(ctx)
    return saved


async def find(ctx: Context, hold_id: str) -> Hold:
    """The hold of a button, still standing. Raises UserError."""
    async with ctx.database.read() as connection:
        return await _fresh(connection, hold_id, ctx.clock())


async def refuse_held(ctx: Context, connection: Connection, target: Target, kind: ReleaseKind, by: UserId) -> None:
    """Raise UserError while somebody's lock, or a rollback's, keeps such a release from a target."""
    now = ctx.clock()
    hold = first_that_hinders(await holds.over(connection, target), target, kind, by, now)
    if hold is not None:
        raise held_error(hold, now)


async def passed_by(
    ctx: Context, connection: Connection, target: Target, kind: ReleaseKind, by: UserId, *, is_forced: bool
) -> Hold | None:
    """The lock of somebody else that this rollback, or a release past the rules, goes through."""
    told = ReleaseKind.ROLLBACK if is_forced else kind
    return passed(await holds.over(connection, target), target, told, by, ctx.clock())


async def standing(ctx: Context) -> Sequence[Hold]:
    """All holds of now."""
    now = ctx.clock()
    async with ctx.database.read() as connection:
        return [hold for hold in await holds.open_ones(connection) if hold.is_open(now)]


async def hold_after_rollback(ctx: Context, connection: Connection, release: Release) -> None:
    """A rollback that is done locks its target until somebody writes why it is safe to go on."""
    plan, now = release.plan, ctx.clock()
    environment = ctx.catalog.environments.get(plan.target.environment)
    is_done = release.phase is ReleasePhase.SUCCEEDED and plan.kind is ReleaseKind.ROLLBACK
    if environment is None or not environment.rollback_locks or not is_done or plan.from_version == plan.to_version:
        return
    former = await holds.by_key(connection, hold_key(HoldKind.ROLLBACK, plan.target.environment, plan.target.service))
    if former is not None:
        why = f"rolled back once more, from {plan.from_version}"
        await _save(ctx, connection, former.moved(ended_at=now, ended_why=why), BOT, "hold.replace", why)
    hold = Hold(
        id=new_id(now),
        kind=HoldKind.ROLLBACK,
        environment=plan.target.environment,
        service=plan.target.service,
        owner=release.requested_by,
        reason=release.reason,
        since=now,
        asked_in=release.asked_in,
        version=plan.from_version,
        release=release.id,
    )
    await holds.add(connection, hold)
    await _keep(ctx, connection, hold, release.requested_by, "hold.rollback", f"rolled back from {plan.from_version}")


async def put_hold(ctx: Context, connection: Connection, hold: Hold) -> None:
    """Have its card posted or edited."""
    moving = await _moving(connection, hold)
    draft = outbox.Draft(
        kind=outbox.OutboxKind.CARD,
        channel=_channel(ctx, hold),
        body=hold_card(hold, ctx.clock(), moving=moving).body(),
        subject=subject_of(hold),
        thread_subject=f"release:{hold.release}" if hold.release else None,
    )
    await outbox.add(connection, draft, now=ctx.clock())


def subject_of(hold: Hold) -> str:
    """Outbox subject of its card."""
    return f"hold:{hold.id}"


def held_error(hold: Hold, now: datetime) -> UserError:
    """The refusal that names who, since when, until when and why."""
    assert hold.is_open(now), "what is over refuses nothing"
    if hold.kind is HoldKind.ROLLBACK:
        why = f": {hold.reason}" if hold.reason else ""
        text = f"`{hold.where}` was rolled back from `{hold.version}` by {{who}} at {{since}}{_quoted(why)}."
        return UserError(
            "rolled_back",
            f"{text} Nobody has written yet why it is safe to go on.",
            hint=f"Press the button, or type `/unlock {_words(hold)} REASON`; then ask again.",
            who=hold.owner,
            since=hold.since,
            offers=(("It is safe because…", "hold.safe", hold.id),),
        )
    return UserError(
        "target_locked",
        f"`{hold.where}` is locked by {{who}} since {{since}}, until {{until}}: {_quoted(hold.reason)}.",
        hint=f"Wait or ask them; rollbacks still work. `/unlock {_words(hold)} REASON` takes it off, and tells them.",
        who=hold.owner,
        since=hold.since,
        until=hold.until,
    )


def version_and_reason(version: Version | None, reason: str | None) -> tuple[Version | None, str]:
    """What the words behind a rollback mean: one without a digit begins the reason, as in `it crashes on login`."""
    if version is not None and reason and not any(c.isdigit() for c in version):
        return None, short(f"{version} {reason}")
    return version, short(reason or "")


def short(reason: str) -> str:
    """A reason on one line, within limits."""
    return " ".join(reason.split())[:LONGEST_REASON]


def _quoted(words: str) -> str:
    """Words of a person within a sentence of ours, where backticks and braces mean something."""
    return words.replace("`", "'").replace("{", "(").replace("}", ")").rstrip(".")


def _words(hold: Hold) -> str:
    return f"{hold.environment} {hold.service}" if hold.service else str(hold.environment)


def _end(ctx: Context, span: str | None, now: datetime) -> datetime:
    if span is None:
        return now + DEFAULT_LENGTH
    try:
        until = end_of(span, now, ctx.timezone)
    except BadSpan as error:
        raise UserError("bad_span", f"`{span}` is no length of time.", hint="30m, 2h, 1h30m; a day at most") from error
    if until - now > LONGEST:
        raise UserError(
            "lock_too_long",
            "A lock lasts a day at most.",
            hint="Extend it from its card while it is needed; what is closed for longer is a freeze.",
        )
    return until


async def _at(
    connection: Connection, environment: EnvironmentName, service: ServiceName | None, now: datetime
) -> list[Hold]:
    """What holds exactly this place."""
    found = [await holds.by_key(connection, hold_key(kind, environment, service)) for kind in HoldKind]
    return [hold for hold in found if hold is not None and hold.is_open(now)]


def _not_locked(environment: EnvironmentName, service: ServiceName | None, around: Sequence[Hold]) -> UserError:
    place = f"{environment}/{service}" if service else str(environment)
    wider = next((hold for hold in around if hold.service is None), None)
    if service is not None and wider is not None:
        return UserError(
            "not_locked",
            f"Nobody locked `{place}` itself: the whole of `{environment}` is locked by {{who}} since {{since}}.",
            hint=f"/unlock {environment} REASON",
            who=wider.owner,
            since=wider.since,
        )
    inner = ", ".join(f"`{hold.where}`" for hold in around)
    more = f" Locked there: {inner}." if inner else ""
    return UserError("not_locked", f"Nobody has locked `{place}`.{more}", hint=f"/status {environment}")


async def _refuse_without_words(ctx: Context, found: Sequence[Hold], by: UserId) -> None:
    for hold in found:
        if hold.kind is HoldKind.ROLLBACK:
            raise UserError(
                "reason_needed",
                f"`{hold.where}` was rolled back from `{hold.version}`: say why it is safe to go on.",
                hint=f"/unlock {_words(hold)} REASON",
            )
    strange = next((hold for hold in found if hold.owner != by), None)
    if strange is None:
        return
    if not await people.holds(ctx, by, Role.OPERATOR, Place(strange.environment, strange.service)):
        raise UserError(
            "reason_needed",
            f"{{who}} locked `{strange.where}` at {{since}}: say why you take it off.",
            hint=f"/unlock {_words(strange)} REASON",
            who=strange.owner,
            since=strange.since,
        )


async def _fresh(connection: Connection, hold_id: str, now: datetime) -> Hold:
    hold = await holds.get(connection, hold_id)
    if hold is None or not hold.is_open(now):
        raise UserError("not_locked", "This lock is over.", hint="/status")
    return hold


def _over(hold: Hold, now: datetime) -> Hold:
    return hold.moved(ended_at=now)


async def expire(ctx: Context, connection: Connection, hold: Hold) -> Hold:
    """Its time is over; its holder is told. Called by the loop."""
    ended = await _save(ctx, connection, _over(hold, ctx.clock()), BOT, "hold.expire", "its time was over")
    await _say(ctx, connection, ended, ended_note(ended))
    return ended


async def remind(ctx: Context, connection: Connection, hold: Hold, note: Card) -> None:
    """Tell its holder once that it ends soon. Called by the loop."""
    if await holds.save(connection, replace(hold, reminded_for=hold.until)) is not None:
        await _say(ctx, connection, hold, note)


async def _save(ctx: Context, connection: Connection, hold: Hold, actor: str, action: str, reason: str = "") -> Hold:
    saved = await holds.save(connection, hold)
    if saved is None:
        raise UserError("moved_on", "The lock was changed at that very moment.", hint="/status")
    await _keep(ctx, connection, saved, actor, action, reason or hold.reason)
    return saved


async def _keep(ctx: Context, connection: Connection, hold: Hold, actor: str, action: str, reason: str) -> None:
    """Audit row and card of a change."""
    phase = audit.AuditPhase.RESULT if actor == BOT else audit.AuditPhase.REQUEST
    entry = audit.Entry(ctx.clock(), actor, action, hold.where, phase, reason, hold.release or "")
    await audit.append(connection, entry)
    await put_hold(ctx, connection, hold)


async def _say(ctx: Context, connection: Connection, hold: Hold, card: Card) -> None:
    """A word under its card; of a rollback's, which stands in a thread itself, in the same thread."""
    draft = outbox.Draft(
        kind=outbox.OutboxKind.NOTE,
        channel=_channel(ctx, hold),
        body=card.body(),
        thread_subject=f"release:{hold.release}" if hold.release else subject_of(hold),
    )
    await outbox.add(connection, draft, now=ctx.clock())


async def _moving(connection: Connection, hold: Hold) -> Release | None:
    """The release that moves at its target, which goes on."""
    if hold.service is None or hold.ended_at is not None:
        return None
    held = await releases.lock_of(connection, Target(hold.environment, hold.service))
    return await releases.get(connection, held.release_id) if held and held.release_id else None


def _channel(ctx: Context, hold: Hold) -> str:
    environment = ctx.catalog.environments.get(hold.environment)
    return (environment.channel if environment else None) or hold.asked_in or ""


def _ring(ctx: Context) -> None:
    ctx.bells.holds.ring()
    ctx.bells.outbox.ring()
