"""`/releases [ENV] [SERVICE]`: what was released lately, newest first."""

from bot.cards.status import history_card
from bot.domain.catalog import Role
from bot.domain.names import EnvironmentName, ServiceName
from bot.router import Call, Reply, Router
from bot.usecases import status as statuses

router = Router()


@router.command("/releases", role=Role.ANYONE)
async def releases(call: Call, environment: EnvironmentName | None = None, service: ServiceName | None = None) -> Reply:
    """List the last releases with who asked, how long they took and how they ended."""
    found = await statuses.recent(call.ctx, environment, service)
    return Reply(history_card(found, call.ctx.clock()))
