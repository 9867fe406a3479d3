"""The lines before targets: joining, leaving, and taking one's turn, which `bot.usecases.releases` asks about.

First come, first served among those who wait; a rollback never waits, nor does somebody whose own lock holds it.
"""

from collections.abc import Awaitable, Sequence

from bot.cards.queue import ticket_card
from bot.context import Context
from bot.domain.catalog import Target
from bot.domain.names import ChannelId, EnvironmentName, ReleaseId, ServiceName, UserId, Version
from bot.domain.queue import Ticket, TicketState, first
from bot.domain.release import Plan, Release, ReleaseKind
from bot.errors import UserError
from bot.store import audit, holds, outbox, queue
from bot.store.db import Connection
from bot.store.ids import new_id

WAIT_IN_LINE = (ReleaseKind.DEPLOY, ReleaseKind.CANARY, ReleaseKind.PROMOTE)
"""Kinds that wait for those who came before them; the others mend something."""
_OCCUPIED = ("target_locked", "not_your_turn")


def offering(error: UserError, plan: Plan) -> UserError:
    """A refusal of a release because its target is taken, with a button to wait in line."""
    if error.code in _OCCUPIED and plan.kind is ReleaseKind.DEPLOY:
        error.offers = (*error.offers, (f"Queue {plan.to_version}", "queue.join", f"{plan.target}:{plan.to_version}"))
    return error


def read_wish(ctx: Context, value: str) -> tuple[Target, Version]:
    """What the button names. Raises UserError for what the configuration does not have."""
    spelt, _, version = value.partition(":")
    environment, _, service = spelt.partition("/")
    if environment not in ctx.catalog.environments or service not in ctx.catalog.services or not version:
        raise UserError("bad_button", "I don't know what this button means.", hint="Use the command instead.")
    return Target(EnvironmentName(environment), ServiceName(service)), Version(version)


async def join(
    ctx: Context, target: Target, version: Version, *, by: UserId, asked_in: ChannelId
) -> tuple[Ticket, int]:
    """Stand in line; with how many ahead. Who stands there already keeps their place, and waits for this version."""
    now = ctx.clock()
    fresh = Ticket(id=new_id(now), target=target, user=by, version=version, since=now, asked_in=asked_in)
    async with ctx.database.write() as connection:
        if await queue.add(connection, fresh):
            ticket = fresh
        else:
            known = await queue.by_key(connection, fresh.key)
            ticket = await save_ticket(connection, (known or fresh).wanting(version))
        await keep(ctx, connection, ticket, by, "queue.join")
        line = await queue.line(connection, target)
    _ring(ctx)
    return ticket, ahead_of(ticket, line)


async def leave(ctx: Context, ticket_id: str, *, by: UserId) -> Ticket:
    """Give one's place up."""
    now = ctx.clock()
    async with ctx.database.write() as connection:
        ticket = await _standing(connection, ticket_id, by)
        left = await save_ticket(connection, ticket.ended(TicketState.LEFT, now))
        await keep(ctx, connection, left, by, "queue.leave")
        await redraw(ctx, connection, ticket.target)
    _ring(ctx)
    return left


async def offered(ctx: Context, ticket_id: str, *, by: UserId) -> Ticket:
    """The ticket whose turn it is, of the person who pressed. Raises UserError."""
    now = ctx.clock()
    async with ctx.database.read() as connection:
        ticket = await _standing(connection, ticket_id, by)
    if ticket.state is not TicketState.OFFERED or ticket.until is None or now >= ticket.until:
        raise UserError(
            "not_your_turn",
            f"It is not your turn at `{ticket.target}` now; your place in line stays.",
            hint="I tell you when it is. /queue shows the line.",
        )
    return ticket


async def find(ctx: Context, ticket_id: str) -> Ticket:
    """The ticket of a button, over or not. Raises UserError."""
    async with ctx.database.read() as connection:
        ticket = await queue.get(connection, ticket_id)
    if ticket is None:
        raise UserError("not_in_line", "I don't know this place in line.", hint="/queue")
    return ticket


async def look(ctx: Context, environment: EnvironmentName | None) -> Sequence[Ticket]:
    """Everybody in a line."""
    async with ctx.database.read() as connection:
        return await queue.waiting(connection, environment)


async def refuse_before_turn(
    ctx: Context, connection: Connection, target: Target, kind: ReleaseKind, by: UserId
) -> Ticket | None:
    """The asker's own ticket, which their release takes them out of. Raises UserError while others are before them."""
    if kind not in WAIT_IN_LINE:
        return None
    now = ctx.clock()
    line = await queue.line(connection, target)
    head = first(line, now)
    mine = next((ticket for ticket in line if ticket.user == by), None)
    if head is None or head.user == by:
        return mine
    covering = await holds.over(connection, target)
    if any(hold.owner == by and hold.is_open(now) for hold in covering):
        return mine
    turn = head.state is TicketState.OFFERED
    told = "It is the turn of {who} until {until}." if turn else "{who} waits in line since {since}."
    raise UserError(
        "not_your_turn",
        f"Others are before you at `{target}`: {told}",
        hint=f"Wait in line, or ask them; /queue {target.environment} shows it. Rollbacks still work.",
        who=head.user,
        since=head.since,
        until=head.until,
    )


async def take_turn(ctx: Context, connection: Connection, ticket: Ticket | None, release: ReleaseId) -> None:
    """A ticket ends with the release that was asked for from it, in that release's transaction."""
    if ticket is not None:
        saved = await save_ticket(connection, ticket.ended(TicketState.STARTED, ctx.clock(), release))
        await keep(ctx, connection, saved, saved.user, "queue.start")
        await redraw(ctx, connection, ticket.target)


async def redraw(ctx: Context, connection: Connection, target: Target) -> None:
    """The cards of those who moved up."""
    line = await queue.line(connection, target)
    for ticket in line:
        await put_ticket(ctx, connection, ticket, ahead_of(ticket, line))


async def keep(ctx: Context, connection: Connection, ticket: Ticket, actor: str, action: str) -> None:
    """Audit row and card of a change."""
    phase = audit.AuditPhase.REQUEST if actor == ticket.user else audit.AuditPhase.RESULT
    entry = audit.Entry(
        ctx.clock(), actor, action, str(ticket.target), phase, f"{ticket.user}: {ticket.version}", ticket.release or ""
    )
    await audit.append(connection, entry)
    await put_ticket(ctx, connection, ticket, ahead_of(ticket, await queue.line(connection, ticket.target)))


async def put_ticket(ctx: Context, connection: Connection, ticket: Ticket, ahead: int) -> None:
    """Have its card posted or edited."""
    draft = outbox.Draft(
        kind=outbox.OutboxKind.CARD,
        channel=channel_of(ctx, ticket),
        body=ticket_card(ticket, ahead).body(),
        subject=subject_of(ticket),
    )
    await outbox.add(connection, draft, now=ctx.clock())


def subject_of(ticket: Ticket) -> str:
    """Outbox subject of its card."""
    return f"ticket:{ticket.id}"


def channel_of(ctx: Context, ticket: Ticket) -> str:
    """Where it is told: the environment's channel, or where they asked."""
    environment = ctx.catalog.environments.get(ticket.target.environment)
    return (environment.channel if environment else None) or ticket.asked_in or ""


def ahead_of(ticket: Ticket, line: Sequence[Ticket]) -> int:
    """How many came before."""
    return sum(1 for other in line if other.id < ticket.id)


async def save_ticket(connection: Connection, ticket: Ticket) -> Ticket:
    """Save it; raises UserError when somebody was faster."""
    saved = await queue.save(connection, ticket)
    if saved is None:
        raise UserError("moved_on", "The line moved at that very moment.", hint="/queue")
    return saved


async def _standing(connection: Connection, ticket_id: str, by: UserId) -> Ticket:
    ticket = await queue.get(connection, ticket_id)
    if ticket is None or ticket.state.is_over:
        raise UserError("not_in_line", "This place in line is over.", hint="/queue")
    if ticket.user != by:
        raise UserError("not_yours", "This is the place of {who} in line.", hint="/queue", who=ticket.user)
    return ticket


def _ring(ctx: Context) -> None:
    ctx.bells.holds.ring()
    ctx.bells.outbox.ring()


async def or_offer_line(plan: Plan, asking: Awaitable[Release]) -> Release:
    """What was asked for; where its target is taken, the refusal has a button to wait in line."""
    try:
        return await asking
    except UserError as error:
        offering(error, plan)
        raise
