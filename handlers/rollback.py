"""`/rollback ENV SERVICE [VERSION] [REASON]`: put a former version back; and the Roll back button of a release."""

from bot.cards.answers import note_card
from bot.cards.mrkdwn import Mrkdwn, esc
from bot.domain.catalog import Role, Target
from bot.domain.names import EnvironmentName, Reason, ServiceName, Version
from bot.domain.release import ReleasePhase
from bot.router import Call, Reply, Router, follow
from bot.usecases import buttons, holds, places, planning, releases, undoing

router = Router()


@router.command("/rollback", role=Role.DEPLOYER, form=True)
async def rollback(
    call: Call,
    environment: EnvironmentName,
    service: ServiceName,
    version: Version | None = None,
    reason: Reason | None = None,
) -> Reply:
    """Put the version before back, or the one you name; needs no approval."""
    wanted, why = holds.version_and_reason(version, reason)
    plan = await planning.plan_rollback(call.ctx, Target(environment, service), wanted)
    release = await releases.request(call.ctx, plan, key=call.key, by=call.actor, asked_in=call.channel, reason=why)
    return follow(call, release)


@router.button("release.rollback", role=Role.DEPLOYER, place=places.of_release)
async def roll_back(call: Call, value: str) -> Reply:
    """Undo the release of this card."""
    former = await buttons.release_of(call.ctx, value)
    plan = await planning.plan_undo(call.ctx, former)
    why = former.outcome.text if former.phase is ReleasePhase.FAILED and former.outcome else ""
    release = await releases.request(
        call.ctx, plan, key=call.key, by=call.actor, asked_in=call.channel, follows=former, reason=why
    )
    return follow(call, release)


@router.button("release.branch", role=Role.DEPLOYER, place=places.of_release)
async def branch(call: Call, value: str) -> Reply:
    """Push a branch that makes the rollback in Git too."""
    release = await buttons.release_of(call.ctx, value)
    where = await undoing.open_branch(call.ctx, release, by=call.actor)
    return Reply(note_card(Mrkdwn(f"Opened: {esc(where)}. Review and merge it there.")), private=True)
