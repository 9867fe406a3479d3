"""What is no news: what a release or a rolling update does to pods by itself. Pure; called by bot.reconcile.pods."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.pods.sight import PodSight
from bot.domain.pods.story import NearRelease
from bot.domain.release import Release, ReleaseKind, ReleasePhase

ROLLING = timedelta(minutes=10)
"""A rolling update that has made no pod for so long goes on no more: Kubernetes' own deadline for progress."""
CLOCKS = timedelta(seconds=2)
"""Kubernetes' times are whole seconds, of another clock."""


class Hearing(StrEnum):
    """Who hears of a fall."""

    CHANNEL = "channel"
    NOBODY = "nobody"
    """It was told elsewhere: by the card of the release that brought these pods."""
    LATER = "later"
    """A release is under way; when it is over, it is seen whether it told."""


def is_being_replaced(pod: PodSight, live: Sequence[PodSight], now: datetime) -> bool:
    """It is of an older revision than pods that were made a short while ago: a rolling update takes it away."""
    if not pod.revision_hash:
        return False
    others = [each.created for each in live if each.revision_hash not in ("", pod.revision_hash)]
    if not others:
        return False
    newest = max(others)
    own = max([each.created for each in live if each.revision_hash == pod.revision_hash], default=pod.created)
    # Of the same second they may be either way round: better a message too many.
    return newest > own and now - newest <= ROLLING


def hearing(pod: PodSight, at: datetime, releases: Sequence[Release], *, is_up: bool) -> Hearing:
    """Who hears that a pod fell at `at`. `releases`: of its workload, newest first, live ones among them; `is_up`: it
    is ready by now."""
    for release in releases:
        if release.started_at is None or pod.created < release.started_at - CLOCKS:
            continue
        if not release.phase.is_over:
            return Hearing.LATER
        finished_at = release.finished_at or release.started_at
        if pod.created > finished_at + CLOCKS:
            return Hearing.CHANNEL
        match release.phase:
            case ReleasePhase.FAILED | ReleasePhase.ABORTED:
                return Hearing.NOBODY
            case ReleasePhase.SUCCEEDED if at + CLOCKS <= finished_at and is_up:
                return Hearing.NOBODY  # it came up all the same, and then the release called itself done
            case _:
                return Hearing.CHANNEL
    return Hearing.CHANNEL


def near_release(releases: Sequence[Release], at: datetime, window: timedelta) -> NearRelease | None:
    """The release that ran shortly before a fall. `releases`: of the service, newest first."""
    for release in releases:
        began = release.started_at
        if began is None or began > at + CLOCKS:
            continue
        if at - (release.finished_at or at) > window:
            return None
        return _near(release, began)
    return None


def mending_release(releases: Sequence[Release], since: datetime) -> NearRelease | None:
    """The release that brought pods right after they began to fall. `releases`: of the service, newest first."""
    for release in releases:
        began = release.started_at
        if began is not None and began >= since - CLOCKS and release.phase is ReleasePhase.SUCCEEDED:
            return _near(release, began)
    return None


def _near(release: Release, began: datetime) -> NearRelease:
    plan = release.plan
    is_change = plan.kind in (ReleaseKind.DEPLOY, ReleaseKind.CANARY, ReleaseKind.PROMOTE)
    undoable = is_change and plan.from_version != plan.to_version and release.followed_by is None
    return NearRelease(
        id=release.id,
        version=plan.to_version,
        from_version=plan.from_version,
        by=release.requested_by,
        at=began,
        may_roll_back=undoable and release.phase in (ReleasePhase.SUCCEEDED, ReleasePhase.FAILED),
        is_rollback=plan.kind is ReleaseKind.ROLLBACK,
    )
