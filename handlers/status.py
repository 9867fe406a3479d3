"""`/status [ENV] [SERVICE]`: what runs where, read from the clusters at that moment; and Details of a release."""

from bot.cards.status import details_card, status_card
from bot.domain.catalog import Role
from bot.domain.names import EnvironmentName, ServiceName
from bot.router import Call, Reply, Router
from bot.usecases import buttons
from bot.usecases import status as statuses

router = Router()


@router.command("/status", role=Role.ANYONE)
async def status(call: Call, environment: EnvironmentName | None = None, service: ServiceName | None = None) -> Reply:
    """Show which version runs where, how healthy it is, and what is moving or locked."""
    found = await statuses.look(call.ctx, environment, service)
    return Reply(status_card(found, call.ctx.clock()))


@router.button("release.details", role=Role.ANYONE)
async def details(call: Call, value: str) -> Reply:
    """Everything known about the release of this card."""
    release = await buttons.any_release(call.ctx, value)
    return Reply(details_card(release), private=True)
