"""`/freeze`, `/unfreeze`, `/freezes`: let nothing new be released to an environment; and the button that ends it."""

from bot.cards.answers import note_card
from bot.cards.freezes import closure_card, freezes_card
from bot.cards.mrkdwn import Mrkdwn, bold
from bot.domain.catalog import Role
from bot.domain.names import EnvironmentName, Reason, Span
from bot.router import Call, Reply, Router, Source
from bot.usecases import freezes as windows
from bot.usecases import places

router = Router()


@router.command("/freeze", role=Role.OPERATOR, form=True)
async def freeze(call: Call, environment: EnvironmentName, duration: Span | None = None, *, reason: Reason) -> Reply:
    """Let nothing new be released to an environment for a while, or until it is lifted."""
    closure = await windows.freeze(call.ctx, environment, duration, reason, key=call.key, by=call.actor)
    return _told(call, environment) or Reply(closure_card(closure))


@router.command("/unfreeze", role=Role.OPERATOR)
async def unfreeze(call: Call, environment: EnvironmentName) -> Reply:
    """Let releases go to an environment again."""
    await windows.unfreeze(call.ctx, environment, by=call.actor)
    return _told(call, environment) or Reply(note_card(Mrkdwn(f"{bold(environment)} is open again.")))


@router.command("/freezes", role=Role.ANYONE)
async def freezes(call: Call) -> Reply:
    """List what is frozen now, why and until when, and what comes."""
    return Reply(freezes_card(await windows.look(call.ctx)), private=True)


@router.button("freeze.end", role=Role.OPERATOR, place=places.of_freeze)
async def press_end(call: Call, value: str) -> Reply:
    """Let releases go to the environment of this card again."""
    await windows.end_by_id(call.ctx, value, by=call.actor)
    return Reply.nothing()


def _told(call: Call, environment: EnvironmentName) -> Reply | None:
    """Nothing more where the environment's card is in sight."""
    told_in = windows.channel_of(call.ctx, environment)
    here = told_in is not None and told_in in (call.channel, f"#{call.channel_name}")
    return Reply.nothing() if here and call.source is not Source.MENTION else None
