"""Approve and Reject: the buttons of a release that waits for a second pair of eyes; `/approve` and `/reject`."""

from collections.abc import Mapping, Sequence

from bot.cards.approvals import waiting_card
from bot.domain.catalog import ANYWHERE, Anywhere, Place, Role
from bot.domain.names import EnvironmentName, Reason, ReleaseRef, ServiceName
from bot.domain.release import Release
from bot.router import Call, FormRequest, Reply, Router, follow
from bot.usecases import approvals, buttons, places

router = Router()


async def _place(call: Call, words: Mapping[str, str]) -> Place | Anywhere:
    """The target of the one release that is meant; without a word about which, `/approve` only lists."""
    if not words and not call.about.startswith("release:"):
        return ANYWHERE
    environment, service = words.get("environment"), words.get("service")
    where = Place(EnvironmentName(environment) if environment else None, ServiceName(service) if service else None)
    if "reason" in words:
        found, _ = await approvals.meant_by_words(
            call.ctx, words["reason"], environment=where.environment, service=where.service, about=call.about
        )
    else:
        found = await approvals.meant(
            call.ctx,
            environment=where.environment,
            service=where.service,
            ref=words.get("release", ""),
            about=call.about,
        )
    return Place.of(found[0].target) if len(found) == 1 else where


@router.command("/approve", role=Role.APPROVER, place=_place)
async def approve(
    call: Call,
    environment: EnvironmentName | None = None,
    service: ServiceName | None = None,
    release: ReleaseRef | None = None,
) -> Reply:
    """Say yes to a release that waits; without words, list what waits."""
    found = await approvals.meant(
        call.ctx, environment=environment, service=service, ref=release or "", about=call.about
    )
    named = environment or service or release or call.about.startswith("release:")
    if not named or len(found) > 1:
        return Reply(waiting_card(found), private=True)
    return follow(call, await approvals.approve(call.ctx, _one(found).id, by=call.actor))


@router.command("/reject", role=Role.APPROVER, form=True, place=_place)
async def reject(
    call: Call, environment: EnvironmentName | None = None, service: ServiceName | None = None, *, reason: Reason
) -> Reply:
    """Say no to a release that waits, and why."""
    found, why = await approvals.meant_by_words(
        call.ctx, reason, environment=environment, service=service, about=call.about
    )
    if len(found) > 1:
        return Reply(waiting_card(found), private=True)
    await approvals.reject(call.ctx, _one(found).id, why, by=call.actor)
    return Reply.nothing()


@router.button("release.approve", role=Role.APPROVER, place=places.of_release)
async def press_approve(call: Call, value: str) -> Reply:
    """Say yes to the plan that the card shows."""
    release_id, _step = buttons.parse(value)
    await approvals.approve(call.ctx, release_id, by=call.actor)
    return Reply.nothing()


@router.button("release.reject", role=Role.APPROVER, place=places.of_release)
async def press_reject(call: Call, value: str) -> Reply:
    """Ask why not."""
    release_id, _step = buttons.parse(value)
    return Reply(form=FormRequest("reject", about=f"release:{release_id}"))


def _one(found: Sequence[Release]) -> Release:
    if not found:
        raise approvals.nothing_waits()
    return found[0]
