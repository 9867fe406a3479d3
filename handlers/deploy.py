"""`/deploy ENV SERVICE [VERSION]`: ask for a release; and Retry, the button of one that failed."""

from bot.domain.catalog import Role, Target
from bot.domain.images import version_of
from bot.domain.names import EnvironmentName, Reason, ServiceName, Version
from bot.domain.rollout import image_of
from bot.router import Call, Reply, Router, follow
from bot.usecases import buttons, confirming, places, planning, queue, releases

router = Router()


@router.command("/deploy", role=Role.DEPLOYER, form=True)
async def deploy(
    call: Call, environment: EnvironmentName, service: ServiceName, version: Version | None = None
) -> Reply:
    """Release a service to an environment; without a version the newest, or what runs in the stage before."""
    plan = await planning.plan_deploy(call.ctx, Target(environment, service), version)
    asking = releases.request(call.ctx, plan, key=call.key, by=call.actor, asked_in=call.channel)
    release = await queue.or_offer_line(plan, asking)
    return follow(call, release)


@router.command("/takeover", role=Role.OPERATOR)
async def takeover(call: Call, environment: EnvironmentName, service: ServiceName, reason: Reason) -> Reply:
    """Apply a service's overlay where other field managers have set its fields; the version stays."""
    target = Target(environment, service)
    present = await planning.read_workload(call.ctx, target)
    version = Version(version_of(image_of(present, call.ctx.catalog.services[service].container)))
    plan = await planning.plan_deploy(call.ctx, target, version, forced=True)
    release = await releases.request(call.ctx, plan, key=call.key, by=call.actor, asked_in=call.channel, reason=reason)
    return follow(call, release)


@router.button("release.confirm", role=Role.DEPLOYER, place=places.of_release)
async def confirm(call: Call, value: str) -> Reply:
    """Go on with what the card shows."""
    release_id, _step = buttons.parse(value)
    await confirming.confirm(call.ctx, release_id, by=call.actor)
    return Reply.nothing()


@router.button("release.retry", role=Role.DEPLOYER, place=places.of_release)
async def retry(call: Call, value: str) -> Reply:
    """Ask for the same version once more."""
    former = await buttons.release_of(call.ctx, value)
    plan = await planning.plan_deploy(call.ctx, former.target, Version(former.plan.to_version))
    asking = releases.request(call.ctx, plan, key=call.key, by=call.actor, asked_in=call.channel, follows=former)
    release = await queue.or_offer_line(plan, asking)
    return follow(call, release)
