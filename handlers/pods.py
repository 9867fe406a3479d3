"""`/pods [ENV] [SERVICE]`: who is up; and the buttons of pods and of the card that tells how they fall and heal."""

from bot.cards.logs import logs_card
from bot.cards.pods import pods_card
from bot.domain.catalog import Role
from bot.domain.names import EnvironmentName, ServiceName
from bot.router import Call, Reply, Router
from bot.usecases import pods as desk

router = Router()


@router.command("/pods", role=Role.ANYONE)
async def pods(call: Call, environment: EnvironmentName | None = None, service: ServiceName | None = None) -> Reply:
    """Show which pods are up, their restarts, versions and nodes, and how they died last."""
    found = await desk.look(call.ctx, environment, service)
    return Reply(pods_card(found, call.ctx.clock()))


@router.button("pods.tail", role=Role.DEPLOYER)
async def tail(call: Call, value: str) -> Reply:
    """Show the last lines of this pod."""
    return Reply(logs_card(await desk.tail(call.ctx, value), "the pod"), private=True)
