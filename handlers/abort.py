"""Abort: the button of a moving release, and `/kajitori abort ENV SERVICE` for when the card is out of sight."""

from bot.domain.catalog import Role, Target
from bot.domain.names import EnvironmentName, ServiceName
from bot.router import Call, Reply, Router, follow
from bot.usecases import buttons, places, releases

router = Router()


@router.command("/abort", role=Role.DEPLOYER, slash=False, halts=True)
async def abort(call: Call, environment: EnvironmentName, service: ServiceName) -> Reply:
    """Stop the release that moves at a target and put the version before back."""
    release = await releases.abort_at(call.ctx, Target(environment, service), by=call.actor)
    return follow(call, release)


@router.button("release.abort", role=Role.DEPLOYER, place=places.of_release, halts=True)
async def press(call: Call, value: str) -> Reply:
    """Stop the release of this card."""
    release_id, _step = buttons.parse(value)
    await releases.abort(call.ctx, release_id, by=call.actor)
    return Reply.nothing()
