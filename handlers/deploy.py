"""`/deploy ENV SERVICE [VERSION]` and `/promote ENV SERVICE`: ask for a release; and Retry, of one that failed."""

from bot.domain.catalog import Role, Target
from bot.domain.names import EnvironmentName, Reason, ServiceName, Version
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


@router.command("/promote", role=Role.DEPLOYER, form=True)
async def promote(call: Call, environment: EnvironmentName, service: ServiceName) -> Reply:
    """Release to an environment exactly what runs healthy in the one before it."""
    plan = await planning.plan_promotion(call.ctx, Target(environment, service))
    asking = releases.request(call.ctx, plan, key=call.key, by=call.actor, asked_in=call.channel)
    release = await queue.or_offer_line(plan, asking)
    return follow(call, release)


@router.command("/takeover", role=Role.OPERATOR)
async def takeover(call: Call, environment: EnvironmentName, service: ServiceName, reason: Reason) -> Reply:
    """Apply a service's overlay where other field managers have set its fields; the version stays."""
    target = Target(environment, service)
    plan = await planning.plan_takeover(call.ctx, target)
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
    like = former.plan if former.plan.promotion is not None else None
    plan = await planning.plan_deploy(call.ctx, former.target, Version(former.plan.to_version), like=like)
    asking = releases.request(call.ctx, plan, key=call.key, by=call.actor, asked_in=call.channel, follows=former)
    release = await queue.or_offer_line(plan, asking)
    return follow(call, release)
