"""`/canary [ENV] [SERVICE] [VERSION] PERCENT`: let a few per cent try a version; and the buttons of its card."""

from collections.abc import Mapping

from bot.cards.canary import canary_card, move_card, offer_card
from bot.domain.canary.asking import Act, Asked, understand
from bot.domain.catalog import Place, Role, Target
from bot.domain.names import EnvironmentName, ServiceName, Shares, Version
from bot.domain.release import Release
from bot.errors import UserError
from bot.router import Call, FormRequest, Reply, Router, Source, follow
from bot.usecases import buttons, canaries, places, releases

router = Router()


async def _place(call: Call, words: Mapping[str, str]) -> Place:
    """Where the canary is or would be, as far as that is one thing."""
    asked = understand(words["share"].split(), call.ctx.catalog)
    environment, service = words.get("environment"), words.get("service")
    named = canaries.with_place(
        asked, EnvironmentName(environment) if environment else None, ServiceName(service) if service else None, None
    )
    target = await canaries.place(
        call.ctx, named, channel=call.channel, channel_name=call.channel_name, context=call.context
    )
    return Place.of(target) if target is not None else Place(named.environment, named.service)


@router.command("/canary", role=Role.DEPLOYER, form=True, place=_place, halts=frozenset({"abort", "pause"}))
async def canary(
    call: Call,
    environment: EnvironmentName | None = None,
    service: ServiceName | None = None,
    version: Version | None = None,
    *,
    share: Shares,
) -> Reply:
    """Let a few per cent of the requests try a version, go on, or go back; e.g. `/canary stg admin 10%`."""
    asked = canaries.with_place(understand(share.split(), call.ctx.catalog), environment, service, version)
    target = await canaries.place(
        call.ctx, asked, channel=call.channel, channel_name=call.channel_name, context=call.context
    )
    if target is None:
        return _which(call, asked)
    if asked.act is Act.SHARE:
        return await _share(call, target, asked)
    return await _act(call, target, asked.act)


def _which(call: Call, asked: Asked) -> Reply:
    """Ask for what was left out: by a form, and where none can be opened by words."""
    if call.source is Source.SLASH:
        here = asked.environment or canaries.of_channel(call.ctx, call.channel, call.channel_name)
        known = (("environment", here), ("service", asked.service), ("version", asked.version))
        chosen = ((name, str(value)) for name, value in known if value)
        return Reply(form=FormRequest("canary", (*chosen, ("share", asked.shares))))
    raise UserError("which_target", "Which environment and service?", hint=f"/canary stg admin {asked.shares}")


async def _share(call: Call, target: Target, asked: Asked) -> Reply:
    running = await canaries.at(call.ctx, target)
    if running is not None:
        return await _move(call, running, asked)
    offer = await canaries.offer(call.ctx, target, asked)
    if offer.asks_first:
        value = canaries.offer_value(offer)
        return Reply(offer_card(offer.plan, offer.setting, offer.reachable, value), private=True)
    release = await releases.request(call.ctx, offer.plan, key=call.key, by=call.actor, asked_in=call.channel)
    return follow(call, release)


async def _move(call: Call, running: Release, asked: Asked) -> Reply:
    canaries.refuse_another(running, asked)
    percent = asked.steps[0]
    far = await canaries.far_share(call.ctx, running, percent)
    if far is not None:
        return Reply(move_card(running, percent, far), private=True)
    return follow(call, await canaries.share(call.ctx, running, percent, step=None, by=call.actor))


async def _act(call: Call, target: Target, act: Act) -> Reply:
    ctx, by = call.ctx, call.actor
    running = await canaries.needed(ctx, target)
    match act:
        case Act.PROMOTE:
            return follow(call, await canaries.promote(ctx, running, step=None, by=by))
        case Act.PAUSE:
            return follow(call, await canaries.hold(ctx, running, step=None, by=by))
        case Act.RESUME:
            return follow(call, await canaries.resume(ctx, running, step=None, by=by))
        case Act.ABORT:
            return follow(call, await releases.abort(ctx, running.id, by=by))
        case Act.STATUS | Act.SHARE:
            return Reply(canary_card(running, ctx.clock()), private=True)


@router.button("canary.begin", role=Role.DEPLOYER, place=places.of_offer)
async def begin(call: Call, value: str) -> Reply:
    """Begin the canary of this offer, although it gets another share than was asked for."""
    target, asked = canaries.read_offer(call.ctx, value)
    offer = await canaries.offer(call.ctx, target, asked)
    release = await releases.request(call.ctx, offer.plan, key=call.key, by=call.actor, asked_in=call.channel)
    return follow(call, release)


@router.button("canary.move", role=Role.DEPLOYER, place=places.of_release)
async def move(call: Call, value: str) -> Reply:
    """Give the canary the nearest share there is, although it is not the one that was asked for."""
    running, step, percent = await buttons.canary_share_of(call.ctx, value)
    return follow(call, await canaries.share(call.ctx, running, percent, step=step, by=call.actor))


@router.button("canary.next", role=Role.DEPLOYER, place=places.of_release)
async def onward(call: Call, value: str) -> Reply:
    """Go to the next step now."""
    running, step = await buttons.canary_of(call.ctx, value)
    await canaries.onward(call.ctx, running, step=step, by=call.actor)
    return Reply.nothing()


@router.button("canary.pause", role=Role.DEPLOYER, place=places.of_release, halts=True)
async def pause(call: Call, value: str) -> Reply:
    """Keep the share as it is."""
    running, step = await buttons.canary_of(call.ctx, value)
    await canaries.hold(call.ctx, running, step=step, by=call.actor)
    return Reply.nothing()


@router.button("canary.resume", role=Role.DEPLOYER, place=places.of_release)
async def resume(call: Call, value: str) -> Reply:
    """Let its steps go on."""
    running, step = await buttons.canary_of(call.ctx, value)
    await canaries.resume(call.ctx, running, step=step, by=call.actor)
    return Reply.nothing()


@router.button("canary.promote", role=Role.DEPLOYER, place=places.of_release)
async def promote(call: Call, value: str) -> Reply:
    """Give the version to everybody."""
    running, step = await buttons.canary_of(call.ctx, value)
    await canaries.promote(call.ctx, running, step=step, by=call.actor)
    return Reply.nothing()
