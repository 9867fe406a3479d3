"""What Datadog shows of a group now, compared with the row of it: the event that a webhook should have brought.

Made by bot.reconcile.alerts.polling from the monitors API. Pure.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.alert.alert import EVERYTHING, Alert, moment, normal_scope
from bot.domain.alert.event import AlertEvent, SeenBy, Transition
from bot.domain.alert.payload import limit_of, plain_message

_FILTER = re.compile(r"\{([^{}]*)\}")
_TAG = re.compile(r"[A-Za-z][\w./-]*:[^\s,()!*{}]+")
_STATUS = {"Alert": Transition.TRIGGERED, "Warn": Transition.WARN, "No Data": Transition.NO_DATA}


@dataclass(frozen=True, slots=True)
class Sight:
    """One group of a monitor, as it is now."""

    monitor_id: str
    group: str
    """Datadog's name for it: its tags, or `*`. Without the tags of the query, which a webhook's scope has too."""
    status: str
    since: datetime | None
    title: str = ""
    message: str = ""
    query: str = ""
    tags: tuple[str, ...] = ()
    priority: int | None = None
    threshold: str = ""


def tags_of_group(group: str) -> frozenset[str]:
    """The group's own tags; none for the whole monitor."""
    return frozenset(part.strip() for part in group.split(",") if part.strip() and part.strip() != EVERYTHING)


def scope_of(sight: Sight) -> str:
    """The scope that a webhook would name: the group's tags, and those that the query asks for."""
    found = _FILTER.search(sight.query)
    asked = found.group(1) if found else ""
    # What is not a plain list of tags (OR, NOT, wildcards) is part of no scope.
    plain = [] if re.search(r"\b(?:OR|NOT|IN)\b|[!()]", asked) else _TAG.findall(asked)
    return normal_scope(",".join({*tags_of_group(sight.group), *plain}))


def find_group(sight: Sight, heads: Sequence[Alert]) -> Alert | None:
    """The row of a group, among the newest cycles of its monitor: its scope, or the smallest that contains its tags."""
    scope, tags = scope_of(sight), tags_of_group(sight.group)
    exact = next((head for head in heads if head.scope == scope), None)
    if exact is not None:
        return exact
    holding = [head for head in heads if tags and tags <= tags_of_group(head.scope)]
    if not tags:
        holding = [head for head in heads if len(heads) == 1 or head.scope == EVERYTHING]
    return min(holding, key=lambda head: (len(head.scope), head.scope), default=None)


def seen(sight: Sight, head: Alert | None, *, now: datetime, grace: timedelta) -> AlertEvent | None:
    """The event that makes the row agree with a troubled group; None when it agrees, or a webhook may be on its way."""
    transition = _STATUS.get(sight.status)
    if transition is None or (sight.since is not None and now - sight.since < grace):
        return None
    at = sight.since or now
    if head is not None:
        if now - moment(head.last_ms) < grace or now - head.updated_at < grace:
            return None  # what Datadog answered may be older than what it told since
        if not head.is_over and _agrees(head, transition):
            return None
        # It stands so now, whatever its clock says of the beginning: newer than what the row was told.
        at = max(at, moment(head.state_ms + 1))
    return AlertEvent(
        monitor_id=sight.monitor_id,
        scope=head.scope if head is not None else scope_of(sight),
        at_ms=round(at.timestamp() * 1000),
        transition=transition,
        told=transition.value,
        title=sight.title,
        text=plain_message(sight.message),
        query=sight.query,
        tags=sight.tags,
        priority=sight.priority,
        threshold=sight.threshold or limit_of(sight.query),
        seen_by=SeenBy.POLL,
    )


def gone(alert: Alert, resolved: datetime | None, *, now: datetime, grace: timedelta) -> AlertEvent | None:
    """The recovery of an open alert that Datadog no longer shows. None while a webhook may be on its way.

    `resolved`: when it ended, if Datadog tells.
    """
    if now - moment(alert.last_ms) < grace or now - alert.updated_at < grace:
        return None
    at = now if resolved is None else max(resolved, moment(alert.state_ms + 1))
    return AlertEvent(
        monitor_id=alert.monitor_id,
        scope=alert.scope,
        at_ms=round(at.timestamp() * 1000),
        transition=Transition.RECOVERED,
        told=Transition.RECOVERED.value,
        cycle_key=alert.cycle_key,
        seen_by=SeenBy.POLL,
    )


def _agrees(head: Alert, transition: Transition) -> bool:
    return head.state.value == {Transition.TRIGGERED: "Alert"}.get(transition, transition.value)
