"""What a canary does next: pure decisions from its row, what the cluster shows, and what the numbers say.

Called by bot.reconcile.canaries with readings of just now. An abort wins over everything, and everything that ends a
canary ends it the same way: its share goes to nothing, what was made for it is removed, then its row is closed.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.domain.canary.judgement import PLAINLY_WORSE, Judgement, Verdict
from bot.domain.canary.scheme import REMIND_BEFORE, VALID, CanaryCourse, CanaryScheme, CanarySight
from bot.domain.names import UserId
from bot.domain.release import OWN_MARGIN, Outcome, Release, ReleasePhase
from bot.domain.rollout import Workload

ITSELF = UserId("kajitori")
"""Who promotes and ends by the scheme."""
HOPELESS_AFTER = timedelta(seconds=8)
"""How long a trouble that Kubernetes can't mend by retrying must stand, as with releases."""
LEFT_STANDING = "left_standing"
"""Code of an end that left the canary in the cluster."""
CRASHES_ENOUGH = 3
"""Deaths after which a version that never came up is given up: a canary is asked for to find that out early."""


@dataclass(frozen=True, slots=True)
class Save:
    """Save this row."""

    release: Release


@dataclass(frozen=True, slots=True)
class SetShare:
    """Tell the cluster the share that is asked for."""


@dataclass(frozen=True, slots=True)
class Remove:
    """Take the canary's share to nothing and remove what was made for it."""


@dataclass(frozen=True, slots=True)
class Promote:
    """Make the release that brings the version to the stable workload; `by` is who asked for it."""

    by: UserId


Decision = Save | SetShare | Remove | Promote


def decide(
    release: Release,
    stable: Workload | None,
    seen: CanarySight,
    judgement: Judgement | None,
    promotion: Release | None,
    now: datetime,
) -> Decision:
    """The next move. `judgement` is None between looks; `promotion` is the release that the canary made, if it did."""
    scheme, course = _parts(release)
    if course.promotion is not None:
        return _after_promotion(release, seen, promotion, now)
    if release.abort_by is not None and not course.ending:
        return Save(_ending(release, Outcome("aborted", "Stopped; the new version gets no requests any more."), now))
    if course.ending:
        return Save(_closed(release, now)) if seen.is_gone else Remove()
    if (spoiled := _spoiled(release, stable, seen)) is not None:
        return Save(_ending(release, spoiled, now))
    if now - (release.started_at or now) >= VALID:
        hours = round(VALID.total_seconds() / 3600)
        text = f"Nobody decided within {hours} hours, so it was taken down."
        return Save(_ending(release, Outcome("expired", text, "Start it again, or deploy the version."), now))
    if not seen.is_set:
        return SetShare()
    if not seen.is_ready:
        moving = _on_its_way(release, seen, now)
        stood = course.reached_at is not None and moving.canary is not None and not moving.canary.ending
        return _judged(moving, scheme, judgement, now) if stood and judgement is not None else Save(moving)
    arrived = _arrived(release, seen, now)
    if judgement is None:
        return Save(arrived)
    return _judged(arrived, scheme, judgement, now)


def _parts(release: Release) -> tuple[CanaryScheme, CanaryCourse]:
    assert release.plan.canary is not None, "only canaries are steered here"
    return release.plan.canary, release.canary or CanaryCourse()


def _with(release: Release, **changes: object) -> Release:
    return replace(release, canary=replace(release.canary or CanaryCourse(), **changes))  # type: ignore[arg-type]


def _after_promotion(release: Release, seen: CanarySight, promotion: Release | None, now: datetime) -> Decision:
    if promotion is not None and not promotion.phase.is_over:
        return Save(release)
    if not seen.is_gone:
        return Remove()
    if promotion is not None and promotion.phase is ReleasePhase.SUCCEEDED:
        outcome = Outcome("promoted", f"{release.plan.to_version} took over; the canary is gone.")
        return Save(release.finished(ReleasePhase.SUCCEEDED, outcome, now))
    why = (
        promotion.outcome.text if promotion is not None and promotion.outcome else "Its release is not known any more."
    )
    remedy = promotion.outcome.remedy if promotion is not None and promotion.outcome else ""
    return Save(release.finished(ReleasePhase.FAILED, Outcome("promotion_failed", why, remedy), now))


def _spoiled(release: Release, stable: Workload | None, seen: CanarySight) -> Outcome | None:
    """Why it can't go on: the workload that it is compared with is not the one it began beside."""
    plan = release.plan
    name = f"{plan.workload.kind} {plan.workload.name}"
    again = "Start the canary again if you still want it."
    if stable is None:
        return Outcome("deleted", f"{name} is no longer in the cluster.", "Create it again, then release.")
    if stable.uid != plan.uid:
        return Outcome("recreated", f"{name} was deleted and created again by somebody else.", again)
    image = stable.images.get(plan.container, "")
    if image not in (plan.from_image, plan.to_image):
        return Outcome("superseded", f"The stable version was changed to {image} meanwhile.", again)
    if seen.foreign:
        return Outcome("superseded", seen.foreign, again)
    return None


def refused(release: Release, outcome: Outcome, now: datetime) -> Release:
    """The cluster will not do what it needs: what stands of it is taken down before its row is closed."""
    return _ending(release, outcome, now)


def left_standing(release: Release, why: str, remedy: str, now: datetime) -> Release:
    """The cluster will not let it be taken down: its row is closed, so that people can go on; the sweep tries again."""
    text = f"{why} What was made for it still stands, and may get requests."
    again = f"{remedy}; what is left then goes within ten minutes."
    return release.finished(ReleasePhase.FAILED, Outcome(LEFT_STANDING, text, again), now)


def _ending(release: Release, outcome: Outcome, now: datetime) -> Release:
    ending = _with(release, ending=outcome.code, reached_at=None)
    return replace(ending, outcome=outcome, notice="", progressed_at=now).moved()


def _closed(release: Release, now: datetime) -> Release:
    outcome = release.outcome or Outcome("aborted", "It was stopped.")
    match outcome.code:
        case "aborted" | "expired":
            phase = ReleasePhase.ABORTED
        case "superseded" | "recreated":
            phase = ReleasePhase.SUPERSEDED
        case _:
            phase = ReleasePhase.FAILED
    return release.finished(phase, outcome, now)


def _on_its_way(release: Release, seen: CanarySight, now: datetime) -> Release:
    """Told, and not there yet; given up when Kubernetes can't mend it, or when nothing moves for too long."""
    course = release.canary or CanaryCourse()
    moving = replace(
        release, troubles=seen.troubles, notice="", canary=replace(course, achieved=seen.achieved, pods=seen.pods)
    )
    if (seen.achieved, seen.pods) != (course.achieved, course.pods) or release.progressed_at is None:
        moving = replace(moving, progressed_at=now)
    since = now - (moving.progressed_at or now)
    limit = timedelta(seconds=release.plan.progress_deadline_s) + OWN_MARGIN
    hopeless = since >= HOPELESS_AFTER and any(trouble.hopeless for trouble in seen.troubles)
    hopeless = hopeless or (course.reached_at is None and seen.crashes >= CRASHES_ENOUGH)
    if not hopeless and since < limit:
        return moving
    worst = seen.troubles[0] if seen.troubles else None
    text = worst.text if worst else f"The share was not reached within {round(limit.total_seconds())} s."
    remedy = worst.remedy if worst else "Look at the canary's pods, then start it again."
    return _ending(moving, Outcome(worst.code if worst else "deadline", text, remedy), now)


def _arrived(release: Release, seen: CanarySight, now: datetime) -> Release:
    course = release.canary or CanaryCourse()
    changes = replace(course, achieved=seen.achieved, pods=seen.pods, reached_at=course.reached_at or now)
    # Nothing that changes with every look: a row that is as it was is neither saved nor drawn again.
    since = release.progressed_at if course.reached_at is not None else now
    return replace(release, canary=changes, troubles=seen.troubles, notice="", progressed_at=since)


def _judged(release: Release, scheme: CanaryScheme, judgement: Judgement, now: datetime) -> Decision:
    course = release.canary or CanaryCourse()
    told = _with(
        release,
        looks=course.looks + 1,
        judged_at=now,
        findings=judgement.findings,
        verdict=judgement.verdict,
        graph=judgement.graph,
        graph_of=judgement.graph_of,
    )
    match judgement.verdict:
        case Verdict.WORSE if scheme.aborts_when_worse:
            return Save(_ending(told, worse(told, stays=False), now))
        case Verdict.WORSE if release.phase is ReleasePhase.PROGRESSING and course.overruled != course.index:
            return Save(replace(told, phase=ReleasePhase.PAUSED, outcome=worse(told, stays=True)).moved())
        case Verdict.GOOD if release.phase is ReleasePhase.PROGRESSING and _is_due(told, scheme, now):
            if course.index + 1 < len(scheme.steps) and course.moved_by is None:
                return Save(to_step(told, course.index + 1, now))
            return Promote(ITSELF) if scheme.promotes and course.moved_by is None else Save(told)
        case _:
            return Save(told)


def _is_due(release: Release, scheme: CanaryScheme, now: datetime) -> bool:
    reached = release.canary.reached_at if release.canary else None
    return reached is not None and now - reached >= timedelta(seconds=scheme.interval_s)


def worse(release: Release, *, stays: bool) -> Outcome:
    """What is said of a version that is judged worse. `stays`: people are asked; else it goes by itself."""
    found = [each for each in (release.canary or CanaryCourse()).findings if each.verdict is Verdict.WORSE]
    why = ", ".join(each.name if each.text == PLAINLY_WORSE else f"{each.name} ({each.text})" for each in found)
    text = f"{release.plan.to_version} is worse than {release.plan.from_version}: {why}."
    return Outcome("worse", text, "Abort it, or resume it if you know better." if stays else "Mend it, then try again.")


def to_step(release: Release, index: int, now: datetime, *, by: UserId | None = None) -> Release:
    """Go to a step of the scheme. Raises IndexError beyond its end."""
    scheme, course = _parts(release)
    changed = replace(
        course, index=index, asked=scheme.steps[index], reached_at=None, moved_by=None, held_by=None, achieved=None
    )
    if by is not None and course.verdict is Verdict.WORSE:
        changed = replace(changed, overruled=index)
    return release.moved(canary=changed, phase=ReleasePhase.PROGRESSING, outcome=None, progressed_at=now)


def to_share(release: Release, percent: int, now: datetime, *, by: UserId) -> Release:
    """Go to a share that somebody asks for by hand, up or down; from here on people decide."""
    _scheme, course = _parts(release)
    changed = replace(course, asked=percent, reached_at=None, moved_by=by, held_by=None, achieved=None)
    return release.moved(canary=changed, phase=ReleasePhase.PROGRESSING, outcome=None, progressed_at=now)


def held(release: Release, by: UserId) -> Release:
    """Paused by a person: the share stays, the steps don't go on."""
    return _with(release, held_by=by).moved(phase=ReleasePhase.PAUSED, outcome=None)


def resumed(release: Release, now: datetime) -> Release:
    """Goes on: the present step's interval counts anew, and its being worse does not pause it again."""
    course = release.canary or CanaryCourse()
    changed = replace(course, held_by=None, overruled=course.index, reached_at=now if course.reached_at else None)
    return release.moved(canary=changed, phase=ReleasePhase.PROGRESSING, outcome=None, progressed_at=now)


def wants_reminder(release: Release, now: datetime) -> bool:
    """Whether people are to be reminded that it will be taken down, once."""
    course = release.canary or CanaryCourse()
    if course.reminded_at is not None or course.promotion or course.ending or release.started_at is None:
        return False
    return now - release.started_at >= VALID - REMIND_BEFORE
