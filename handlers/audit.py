"""`/audit [ENV] [SERVICE]`: who asked for what, what was done, what was refused."""

from bot.cards.trail import trail_card
from bot.domain.catalog import Role
from bot.domain.names import EnvironmentName, ServiceName
from bot.router import Call, Reply, Router
from bot.usecases import trail

router = Router()


@router.command("/audit", role=Role.MEMBER)
async def audit(call: Call, environment: EnvironmentName | None = None, service: ServiceName | None = None) -> Reply:
    """Show the last rows of the audit trail: who asked for what, what was done, what was refused."""
    found = await trail.look(call.ctx, environment, service)
    place = "/".join(name for name in (environment, service) if name)
    return Reply(trail_card(found, place, trail.link_hosts(call.ctx)), private=True)
