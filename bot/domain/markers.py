"""Markers: what graphs are told of a release, so that a step in a curve has a name. Pure.

Derived from a release as it stands; posted by bot.reconcile.markers, once for each moment, as events in Datadog.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.names import ReleaseId, UserId
from bot.domain.release import Release, ReleaseKind, ReleasePhase

OLDEST = timedelta(hours=17)
"""Datadog refuses events that happened over 18 hours ago."""


class Moment(StrEnum):
    """Of a release's life."""

    STARTED = "started"
    FINISHED = "finished"


class EventKind(StrEnum):
    """`alert_type`: the colour that an event has in Datadog."""

    INFO = "info"
    SUCCESS = "success"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Marker:
    """One event. `key` keeps those of one release together, so that one that is told twice is seen once."""

    release: ReleaseId
    moment: Moment
    at: datetime
    title: str
    text: str
    kind: EventKind
    tags: tuple[str, ...]
    by: UserId

    @property
    def key(self) -> str:
        return f"kajitori release {self.release}"


def markers_of(release: Release, now: datetime) -> tuple[Marker, ...]:
    """What is to be told of a release, in order. One that never began to write changed nothing: nothing is told."""
    if release.started_at is None:
        return ()
    told = [_marker(release, Moment.STARTED, release.started_at, EventKind.INFO, _started(release), "")]
    if release.finished_at is not None:
        kind, title = _finished(release)
        outcome = release.outcome
        text = " ".join(part for part in (outcome.text, outcome.remedy) if part) if outcome is not None else ""
        told.append(_marker(release, Moment.FINISHED, release.finished_at, kind, title, text))
    return tuple(each for each in told if now - each.at < OLDEST)


def _marker(release: Release, moment: Moment, at: datetime, kind: EventKind, title: str, text: str) -> Marker:
    plan = release.plan
    is_back = release.phase in (ReleasePhase.ABORTED, ReleasePhase.FAILED) and moment is Moment.FINISHED
    version = plan.from_version if is_back and release.phase is ReleasePhase.ABORTED else plan.to_version
    tags = [
        f"env:{plan.target.environment}",
        f"service:{plan.target.service}",
        f"version:{version}",
        "source:kajitori",
        f"release:{release.id}",
        f"kind:{plan.kind}",
        f"moment:{moment}",
    ]
    if moment is Moment.FINISHED:
        tags.append(f"phase:{release.phase}".lower())
    versions = f"{plan.from_version} → {plan.to_version}" if plan.from_version != plan.to_version else plan.to_version
    words = [f"{plan.kind.capitalize()} of {plan.target.service} in {plan.target.environment}: {versions}.", text]
    return Marker(
        release=release.id,
        moment=moment,
        at=at,
        title=title,
        text="\n".join(filter(None, words)),
        kind=kind,
        tags=tuple(tags),
        by=release.requested_by,
    )


def _started(release: Release) -> str:
    service, environment = release.target.service, release.target.environment
    version = release.plan.to_version
    match release.plan.kind:
        case ReleaseKind.DEPLOY:
            return f"Deploying {service} {version} to {environment}"
        case ReleaseKind.ROLLBACK:
            return f"Rolling {service} back to {version} in {environment}"
        case ReleaseKind.RESTART:
            return f"Restarting {service} in {environment}"
        case ReleaseKind.CANARY:
            return f"Trying {service} {version} as a canary in {environment}"
        case ReleaseKind.PROMOTE:
            return f"Promoting {service} {version} in {environment}"


def _finished(release: Release) -> tuple[EventKind, str]:
    service, environment = release.target.service, release.target.environment
    version = release.plan.to_version
    match release.phase:
        case ReleasePhase.SUCCEEDED:
            return _succeeded(release)
        case ReleasePhase.FAILED:
            return EventKind.ERROR, f"{service} {version} failed in {environment}"
        case ReleasePhase.ABORTED:
            return EventKind.WARNING, f"{service} {version} was stopped in {environment}"
        case ReleasePhase.SUPERSEDED:
            return EventKind.WARNING, f"{service} {version} was overtaken in {environment}"
        case (
            ReleasePhase.AWAITING_CONFIRMATION
            | ReleasePhase.AWAITING_APPROVAL
            | ReleasePhase.QUEUED
            | ReleasePhase.PROGRESSING
            | ReleasePhase.PAUSED
        ):
            raise AssertionError("a release that moves has no end")


def _succeeded(release: Release) -> tuple[EventKind, str]:
    service, environment = release.target.service, release.target.environment
    version = release.plan.to_version
    match release.plan.kind:
        case ReleaseKind.ROLLBACK:
            return EventKind.WARNING, f"{service} was rolled back to {version} in {environment}"
        case ReleaseKind.RESTART:
            return EventKind.SUCCESS, f"{service} was restarted in {environment}"
        case ReleaseKind.CANARY:
            return EventKind.SUCCESS, f"The canary of {service} {version} ended well in {environment}"
        case ReleaseKind.DEPLOY | ReleaseKind.PROMOTE:
            return EventKind.SUCCESS, f"{service} {version} runs in {environment}"
