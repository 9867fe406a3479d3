"""`/lock` and `/unlock`, and the buttons of a lock's card; the word that it is safe to go on after a rollback."""

from bot.cards.holds import locked_card, unlocked_card
from bot.domain.catalog import Role
from bot.domain.names import EnvironmentName, Reason, ServiceName, Span
from bot.router import Call, FormRequest, Reply, Router, is_told_here
from bot.usecases import holds, places

router = Router()


@router.command("/lock", role=Role.DEPLOYER, form=True)
async def lock(
    call: Call,
    environment: EnvironmentName,
    service: ServiceName | None = None,
    duration: Span | None = None,
    *,
    reason: Reason,
) -> Reply:
    """Keep others from releasing a service, or to a whole environment, for an hour or as long as you say."""
    hold = await holds.lock(call.ctx, environment, service, duration, reason, by=call.actor, asked_in=call.channel)
    return Reply.nothing() if is_told_here(call, environment) else Reply(locked_card(hold))


@router.command("/unlock", role=Role.DEPLOYER, form=True)
async def unlock(
    call: Call, environment: EnvironmentName, service: ServiceName | None = None, reason: Reason | None = None
) -> Reply:
    """Take a lock off: your own, another's by saying why, a rollback's by saying why it is safe now."""
    ended = await holds.unlock(call.ctx, environment, service, reason or "", by=call.actor)
    return Reply.nothing() if is_told_here(call, environment) else Reply(unlocked_card(list(ended)))


@router.button("hold.extend", role=Role.DEPLOYER, place=places.of_hold)
async def extend(call: Call, value: str) -> Reply:
    """Half an hour more."""
    hold_id, _, step = value.partition(":")
    await holds.extend(call.ctx, hold_id, int(step) if step.isdecimal() and len(step) < 9 else 0, by=call.actor)
    return Reply.nothing()


@router.button("hold.release", role=Role.DEPLOYER, place=places.of_hold)
async def release(call: Call, value: str) -> Reply:
    """Take one's own lock off; anybody else says why."""
    hold_id = value.partition(":")[0]
    if await holds.release_from_card(call.ctx, hold_id, by=call.actor) is not None:
        return Reply.nothing()
    return await _ask_why(call, hold_id)


@router.button("hold.safe", role=Role.DEPLOYER, place=places.of_hold)
async def safe(call: Call, value: str) -> Reply:
    """Ask why it is safe to go on after a rollback."""
    return await _ask_why(call, value)


async def _ask_why(call: Call, hold_id: str) -> Reply:
    hold = await holds.find(call.ctx, hold_id)
    chosen = [("environment", str(hold.environment)), *([("service", str(hold.service))] if hold.service else [])]
    return Reply(form=FormRequest("unlock", tuple(chosen)))
