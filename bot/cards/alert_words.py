"""Words about alerts that several of their cards use: how bad, how much, where; and what else is known of one."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from bot.cards.mrkdwn import Mrkdwn, bold, esc
from bot.domain.alert import Alert, AlertState
from bot.domain.handling import Handling, Standing
from bot.domain.names import AlertId
from bot.domain.oncall import Responder
from bot.domain.release import Release

DATADOG_HOSTS = frozenset({"datadoghq.com", "datadoghq.eu", "ddog-gov.com"})


@dataclass(frozen=True, slots=True)
class Around:
    """What is known beside the alert's own row when its card is drawn."""

    handling: Handling | None = None
    called: tuple[Responder, ...] = ()
    """Who was called for it, in order."""
    released: Release | None = None
    """The release of `Alert.near`, as it is now: for its roll-back button."""
    hosts: Collection[str] = DATADOG_HOSTS
    """Where links and pictures may lead."""


def mark(alert: Alert, handling: Handling | None, now: datetime) -> str:
    """One sign for how an alert stands: over, taken, surely muted, or as bad as it is."""
    if alert.is_over:
        return "🟢"
    if alert.taken_by is not None:
        return "🟡"
    mute = handling.mute if handling is not None else None
    if mute is not None and mute.standing is Standing.DONE and mute.is_quiet(now):
        return "🔕"
    return {AlertState.ALERT: "🔴", AlertState.WARN: "🟠", AlertState.NO_DATA: "⚫"}.get(alert.state, "❔")


def value_of(alert: Alert) -> Mrkdwn:
    """The number against its limit; the state in words where it is not simply an alert."""
    state = {
        AlertState.NO_DATA: "no data",
        AlertState.WARN: "warning",
        AlertState.UNKNOWN: f"Datadog says {esc(alert.told, 40)}",
    }.get(alert.state, "")
    if alert.is_over or not alert.value:
        return Mrkdwn("" if alert.is_over else state)
    limit = f" (limit {esc(alert.threshold, 40)})" if alert.threshold else ""
    return Mrkdwn(f"{bold(alert.value, 40)}{limit}{f', {state}' if state else ''}")


def place_of(alert: Alert) -> Mrkdwn:
    """Service and environment, by its tags."""
    if alert.service and alert.environment:
        return Mrkdwn(f"{bold(alert.service)} in {bold(alert.environment)}")
    return bold(alert.service or alert.environment) if alert.service or alert.environment else Mrkdwn("")


def ranked(alert: Alert) -> str:
    """`P1 ` to stand before its title; empty without a priority."""
    return f"P{alert.priority} " if alert.priority else ""


def short(alert_id: AlertId) -> str:
    """What people call an alert by: the last characters of its id."""
    return alert_id[-4:].lower()
