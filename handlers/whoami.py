"""`/kajitori whoami`: what the person who asks may do, and where."""

from bot.cards.standing import standing_card
from bot.domain.catalog import Role
from bot.router import Call, Reply, Router
from bot.usecases import people

router = Router()


@router.command("/whoami", role=Role.ANYONE, slash=False)
async def whoami(call: Call) -> Reply:
    """Show which roles you hold, for which services and environments."""
    standing = await people.standing(call.ctx, call.actor)
    return Reply(standing_card(call.actor, standing, call.ctx.catalog.roles), private=True)
