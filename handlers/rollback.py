"""`/rollback ENV SERVICE [VERSION]`: put a former version back; and the Roll back button of a release."""

from bot.domain.catalog import Role, Target
from bot.domain.names import EnvironmentName, ServiceName, Version
from bot.router import Call, Reply, Router, follow
from bot.usecases import buttons, places, planning, releases

router = Router()


@router.command("/rollback", role=Role.DEPLOYER, form=True)
async def rollback(
    call: Call, environment: EnvironmentName, service: ServiceName, version: Version | None = None
) -> Reply:
    """Put the version before back, or the one you name; needs no approval."""
    plan = await planning.plan_rollback(call.ctx, Target(environment, service), version)
    release = await releases.request(call.ctx, plan, key=call.key, by=call.actor, asked_in=call.channel)
    return follow(call, release)


@router.button("release.rollback", role=Role.DEPLOYER, place=places.of_release)
async def roll_back(call: Call, value: str) -> Reply:
    """Undo the release of this card."""
    former = await buttons.release_of(call.ctx, value)
    plan = await planning.plan_undo(call.ctx, former)
    release = await releases.request(call.ctx, plan, key=call.key, by=call.actor, asked_in=call.channel, follows=former)
    return follow(call, release)
