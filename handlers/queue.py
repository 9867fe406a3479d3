"""`/queue [ENV]`: who waits in line; and the buttons to join a line, to leave it, and to take one's turn."""

from bot.cards.answers import note_card
from bot.cards.mrkdwn import Mrkdwn, bold
from bot.cards.queue import joined_card, lines_card
from bot.domain.catalog import Role
from bot.domain.names import EnvironmentName
from bot.router import Call, Reply, Router, follow
from bot.usecases import places, planning, queue, releases

router = Router()


@router.command("/queue", role=Role.ANYONE)
async def line(call: Call, environment: EnvironmentName | None = None) -> Reply:
    """Show who waits in line to release, and whose turn it is."""
    return Reply(lines_card(await queue.look(call.ctx, environment), call.actor))


@router.button("queue.join", role=Role.DEPLOYER, place=places.of_wish)
async def join(call: Call, value: str) -> Reply:
    """Wait in line."""
    target, version = queue.read_wish(call.ctx, value)
    ticket, ahead = await queue.join(call.ctx, target, version, by=call.actor, asked_in=call.channel)
    return Reply(joined_card(ticket, ahead), private=True)


@router.button("queue.leave", role=Role.DEPLOYER, place=places.of_ticket)
async def leave(call: Call, value: str) -> Reply:
    """Give one's place up."""
    left = await queue.leave(call.ctx, value, by=call.actor)
    return Reply(note_card(Mrkdwn(f"You left the line for {bold(str(left.target))}.")), private=True)


@router.button("queue.start", role=Role.DEPLOYER, place=places.of_ticket)
async def start(call: Call, value: str) -> Reply:
    """Release what one waited for; the plan is made now."""
    ticket = await queue.offered(call.ctx, value, by=call.actor)
    plan = await planning.plan_deploy(call.ctx, ticket.target, ticket.version)
    release = await releases.request(call.ctx, plan, key=call.key, by=call.actor, asked_in=call.channel)
    return follow(call, release)
