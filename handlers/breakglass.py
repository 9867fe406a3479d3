"""`/breakglass ENV SERVICE VERSION REASON`: past approvals and freezes; and the review that it leaves behind."""

from collections.abc import Mapping

from bot.cards.answers import note_card
from bot.cards.mrkdwn import Mrkdwn
from bot.cards.review import reviews_card
from bot.domain.catalog import Anywhere, Place, Role, Target
from bot.domain.names import EnvironmentName, Prose, Reason, ServiceName, Version
from bot.router import Call, FormRequest, Reply, Router, follow
from bot.usecases import breakglass as glass
from bot.usecases import places

router = Router()


async def _place(call: Call, words: Mapping[str, str]) -> Place | Anywhere:
    """Where the release of the review went that is meant."""
    release_id, _ = await glass.meant(call.ctx, words.get("words", ""), about=call.about)
    return await glass.place_of(call.ctx, release_id)


@router.command("/breakglass", role=Role.OPERATOR, form=True)
async def breakglass(
    call: Call, environment: EnvironmentName, service: ServiceName, version: Version, reason: Reason
) -> Reply:
    """Release a version past approvals and freezes; everybody is told, and somebody else reviews it."""
    target = Target(environment, service)
    release = await glass.break_glass(
        call.ctx, target, version, reason, key=call.key, by=call.actor, asked_in=call.channel
    )
    return follow(call, release)


@router.command("/reviews", role=Role.ANYONE, slash=False)
async def reviews(call: Call) -> Reply:
    """List the break-glass releases that nobody has reviewed yet."""
    return Reply(reviews_card(await glass.open_reviews(call.ctx)), private=True)


@router.command("/review", role=Role.APPROVER, slash=False, place=_place)
async def review(call: Call, words: Prose) -> Reply:
    """Close the review of a break-glass release, with what you saw."""
    release_id, left = await glass.meant(call.ctx, words, about=call.about)
    await glass.close(call.ctx, release_id, left, by=call.actor)
    return Reply(note_card(Mrkdwn("Reviewed. Its card says so.")), private=True)


@router.button("review.close", role=Role.APPROVER, place=places.of_review)
async def press_close(call: Call, value: str) -> Reply:
    """Ask what was seen."""
    await places.of_review(call.ctx, value)  # known at least
    return Reply(form=FormRequest("review", about=f"review:{value}"))
