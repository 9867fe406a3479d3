"""Approve: the button of a release that waits for a second pair of eyes."""

from bot.domain.catalog import Role
from bot.router import Call, Reply, Router
from bot.usecases import buttons, places, releases

router = Router()


@router.button("release.approve", role=Role.APPROVER, place=places.of_release)
async def approve(call: Call, value: str) -> Reply:
    """Say yes to the plan that the card shows."""
    release_id, _step = buttons.parse(value)
    await releases.approve(call.ctx, release_id, by=call.actor)
    return Reply.nothing()
