"""What is said in an alert's thread of what people did and how it ended, so that the thread reads as the whole story.

Said by bot.usecases.alerts, bot.usecases.alert_releases and the loop of alerts. In a thread that is shared (a storm's,
a release's) each line names its alert.
"""

from datetime import datetime

from bot.cards.alert_words import short, value_of
from bot.cards.card import Card, section
from bot.cards.mrkdwn import Mrkdwn, bold, clock, code, cut, person
from bot.cards.release import duration
from bot.domain.alert import Alert
from bot.domain.names import UserId
from bot.domain.release import Release, ReleaseKind, ReleasePhase


def taken_note(alert: Alert, by: UserId) -> Card:
    """Somebody has it."""
    after = duration(((alert.taken_at or alert.opened_at) - alert.opened_at).total_seconds())
    return _said(alert, f"👤 {person(by)} took it after {after}")


def given_back_note(alert: Alert, by: UserId, owner: UserId) -> Card:
    """Nobody has it any more. `owner`: who had it."""
    whose = "" if owner == by else f" from {person(owner)}"
    return _said(alert, f"↩️ {person(by)} gave it back{whose}: it is nobody's again")


def mute_note(alert: Alert, by: UserId, until: datetime) -> Card:
    """Somebody wants quiet; whether Datadog has confirmed it stands on the card."""
    return _said(alert, f"🔕 {person(by)} asks Datadog to mute it until {clock(until)}")


def unmute_note(alert: Alert, by: UserId) -> Card:
    """Somebody wants it loud again."""
    return _said(alert, f"🔔 {person(by)} asks Datadog to lift the mute")


def resolve_note(alert: Alert, by: UserId) -> Card:
    """Somebody wants the page to end."""
    return _said(alert, f"📟 {person(by)} asks Datadog On-Call to end the page; the alert stays open")


def over_note(alert: Alert, now: datetime) -> Card:
    """Datadog told that it is over."""
    who = f", taken by {person(alert.taken_by)}" if alert.taken_by is not None else ", taken by nobody"
    return _said(alert, f"🟢 Over after {duration(alert.lasted_s(now))}{who}")


def back_note(alert: Alert) -> Card:
    """Datadog told that it was over, and then that it is not."""
    value = value_of(alert)
    return _said(alert, f"🔴 It is not over: Datadog tells of it again{f', {value}' if value else ''}")


def release_note(alert: Alert, release: Release) -> Card:
    """A release of its service that was asked for, or ended, while it was open."""
    plan = release.plan
    what, version = bold(plan.target.service), code(plan.to_version)
    if not release.phase.is_over:
        by = person(release.requested_by)
        does = f"rolls {what} back to" if plan.kind is ReleaseKind.ROLLBACK else f"releases {what}"
        waits = ", which waits for an approval" if release.phase is ReleasePhase.AWAITING_APPROVAL else ""
        return _said(alert, f"{'↩️' if plan.kind is ReleaseKind.ROLLBACK else '🚢'} {by} {does} {version}{waits}")
    if release.phase is ReleasePhase.SUCCEEDED:
        return _said(alert, f"✅ {what} runs {version} in {bold(plan.target.environment)}")
    return _said(alert, f"⚠️ {what} {version} did not come to an end: {release.phase.value.lower()}")


def _said(alert: Alert, told: str) -> Card:
    shared = bool(alert.storm_id) or alert.during_own_release
    which = f" · {bold(cut(alert.title, 80))} {code(short(alert.id))}" if shared else ""
    line = Mrkdwn(f"{told}{which}")
    return Card(line, (section(line),))
