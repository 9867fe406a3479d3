"""`/pods [ENV] [SERVICE]`: who is up; and the buttons of pods and of the card that tells how they fall and heal."""

from bot.cards.jobs import started_card
from bot.cards.logs import logs_card
from bot.cards.pod import silenced_card, told_again_card
from bot.cards.pods import pods_card
from bot.domain.catalog import Role
from bot.domain.names import EnvironmentName, ServiceName
from bot.router import Call, Reply, Router, follow
from bot.usecases import places, stories
from bot.usecases import pods as desk

router = Router()


@router.command("/pods", role=Role.ANYONE)
async def pods(call: Call, environment: EnvironmentName | None = None, service: ServiceName | None = None) -> Reply:
    """Show which pods are up, their restarts, versions and nodes, and how they died last."""
    found = await desk.look(call.ctx, environment, service)
    return Reply(pods_card(found, call.ctx.clock()))


@router.button("pods.tail", role=Role.DEPLOYER, place=places.of_pod)
async def tail(call: Call, value: str) -> Reply:
    """Show the last lines of this pod."""
    return Reply(logs_card(await desk.tail(call.ctx, value), "the pod"), private=True)


@router.button("pods.logs", role=Role.DEPLOYER, place=places.of_story)
async def logs(call: Call, value: str) -> Reply:
    """Show the last lines of the container that fell."""
    tail, story = await stories.logs(call.ctx, value)
    return Reply(logs_card(tail, story.subject.name), private=True)


@router.button("pods.restart", role=Role.DEPLOYER, place=places.of_story)
async def restart(call: Call, value: str) -> Reply:
    """Replace the pods by new ones of the same version."""
    release = await stories.restart(call.ctx, value, key=call.key, by=call.actor, asked_in=call.channel)
    return follow(call, release)


@router.button("pods.rollback", role=Role.DEPLOYER, place=places.of_story)
async def roll_back(call: Call, value: str) -> Reply:
    """Undo the release that came before it."""
    release = await stories.roll_back(call.ctx, value, key=call.key, by=call.actor, asked_in=call.channel)
    return follow(call, release)


@router.button("pods.rerun", role=Role.DEPLOYER, place=places.of_story)
async def run_again(call: Call, value: str) -> Reply:
    """Start the batch job once more."""
    order, run = await stories.run_again(call.ctx, value, key=call.key, by=call.actor, asked_at=call.asked_at)
    return Reply(started_card(order.environment, order.namespace, order.name, run), private=True)


@router.button("pods.silence", role=Role.DEPLOYER, place=places.of_story)
async def silence(call: Call, value: str) -> Reply:
    """Tell nobody of this workload for an hour."""
    story = await stories.silence(call.ctx, value, by=call.actor)
    return Reply(silenced_card(story), private=True)


@router.button("pods.unsilence", role=Role.DEPLOYER, place=places.of_story)
async def unsilence(call: Call, value: str) -> Reply:
    """Tell of this workload again."""
    story = await stories.unsilence(call.ctx, value, by=call.actor)
    return Reply(told_again_card(story), private=True)
