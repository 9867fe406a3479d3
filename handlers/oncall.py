"""`/oncall [SERVICE]`: who is on call now and next, and where that is known from."""

from bot.cards.oncall import oncall_card
from bot.domain.catalog import Role
from bot.domain.names import ServiceName
from bot.router import Call, Reply, Router
from bot.usecases import oncall as duties

router = Router()


@router.command("/oncall", role=Role.ANYONE)
async def oncall(call: Call, service: ServiceName | None = None) -> Reply:
    """Show who is on call now and next."""
    found = await duties.look(call.ctx, service)
    return Reply(oncall_card(found, call.ctx.clock()))
