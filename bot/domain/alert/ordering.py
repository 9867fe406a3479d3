"""How events move alerts: the same events give the same state in whatever order, and however often, they arrive.

Within a cycle the newest event counts; at the same time the worse one does. Another cycle begins with an event that is
newer than all that was told of the one before it. What is older only fills in. Applied by bot.reconcile.alerts.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from bot.domain.alert.alert import WEIGHT, Alert, AlertState, moment
from bot.domain.alert.event import AlertEvent
from bot.domain.names import AlertId

STALE = timedelta(hours=24)
"""An event older than this is history: shown, and changes nothing."""


class Verdict(StrEnum):
    """What an event did."""

    OPENED = "opened"
    """A cycle began."""
    CHANGED = "changed"
    """Another state of the same cycle, which is as open as before."""
    CLOSED = "closed"
    REOPENED = "reopened"
    REPEATED = "repeated"
    """Told again."""
    FILLED = "filled in"
    """Older than what is known: it moved the beginning, or told what was missing."""
    HISTORY = "history"
    """Of a cycle before this one, or older than STALE."""


@dataclass(frozen=True, slots=True)
class Applied:
    """The group's newest cycle after an event. `past`: the one that was its newest before, as it ends."""

    verdict: Verdict
    alert: Alert | None
    past: Alert | None = None


def apply(head: Alert | None, event: AlertEvent, *, new_id: AlertId, now: datetime) -> Applied:
    """Move a group's newest cycle by an event. `new_id` is used when a cycle begins."""
    if now - moment(event.at_ms) > STALE:
        return Applied(Verdict.HISTORY, head)
    if head is None:
        return Applied(Verdict.OPENED, _opened(event, new_id, now))
    if _is_same_cycle(head, event):
        return _within(head, event, now)
    if not _is_after(head, event):
        return Applied(Verdict.HISTORY, head)
    opened = _opened(event, new_id, now)
    past = None
    if not head.is_over:  # its recovery was not told: a new cycle is proof of it
        past = head.moved(
            state=AlertState.RECOVERED, told="a new cycle began", closed_at=moment(event.at_ms), updated_at=now
        )
    return Applied(Verdict.OPENED, opened, past or head)


def _is_same_cycle(head: Alert, event: AlertEvent) -> bool:
    if head.cycle_key and event.cycle_key:
        return head.cycle_key == event.cycle_key
    if not head.is_over:
        return True
    return event.state is AlertState.RECOVERED or event.at_ms <= head.state_ms


def _is_after(head: Alert, event: AlertEvent) -> bool:
    """Whether the event is newer than all of the head's cycle; ties by weight, then by name, so that order is total."""
    return (event.at_ms, WEIGHT[event.guess], event.cycle_key) > (head.last_ms, WEIGHT[head.state], head.cycle_key)


def _opened(event: AlertEvent, new_id: AlertId, now: datetime) -> Alert:
    state, at = event.state, moment(event.at_ms)
    # a guess has no time of its own, so that any event of the cycle corrects it
    alert = _blank(event, new_id, event.guess, 0 if state is None else event.at_ms, now)
    is_over = state is AlertState.RECOVERED
    return replace(alert, **_words(alert, event, newer=True), closed_at=at if is_over else None, trigger_unseen=is_over)


def _blank(event: AlertEvent, new_id: AlertId, state: AlertState, state_ms: int, now: datetime) -> Alert:
    return Alert(
        id=new_id,
        monitor_id=event.monitor_id,
        scope=event.scope,
        cycle_key=event.cycle_key,
        state=state,
        told=event.told,
        opened_at=moment(event.at_ms),
        state_ms=state_ms,
        last_ms=event.at_ms,
        seen_at=now,
        updated_at=now,
        renotified=1 if event.transition.is_repeated else 0,
        seen_by=(event.seen_by.value,),
    )


def _within(head: Alert, event: AlertEvent, now: datetime) -> Applied:
    """An event of the head's own cycle."""
    state, is_newer = event.state, event.at_ms >= head.last_ms
    changes: dict[str, Any] = _words(head, event, newer=is_newer)
    changes |= {"last_ms": max(head.last_ms, event.at_ms), "cycle_key": head.cycle_key or event.cycle_key}
    if is_newer:
        changes["told"] = event.told
    if event.seen_by.value not in head.seen_by:
        changes["seen_by"] = tuple(sorted((*head.seen_by, event.seen_by.value)))
    if event.transition.is_repeated:
        changes["renotified"] = head.renotified + 1
    if state is not AlertState.RECOVERED:
        at = moment(event.at_ms)
        changes["opened_at"] = at if head.trigger_unseen else min(head.opened_at, at)
        changes["trigger_unseen"] = False
    wins = state is not None and (event.at_ms, WEIGHT[state]) > (head.state_ms, WEIGHT[head.state])
    if wins and state is not None:
        changes |= {"state": state, "state_ms": event.at_ms}
        changes["closed_at"] = moment(event.at_ms) if state is AlertState.RECOVERED else None
    moved = replace(head, **changes, updated_at=now)
    if moved.is_over is not head.is_over:
        moved = moved.moved()
        return Applied(Verdict.CLOSED if moved.is_over else Verdict.REOPENED, moved)
    if moved.state is not head.state:
        return Applied(Verdict.CHANGED, moved)
    if replace(moved, updated_at=head.updated_at) == head:
        return Applied(Verdict.FILLED, head)
    return Applied(Verdict.REPEATED if event.transition.is_repeated else Verdict.FILLED, moved)


_TEXTS = (
    *("title", "text", "status_text", "priority", "environment", "service", "value", "threshold", "query", "metric"),
    *("tags", "link", "dashboard", "runbook", "snapshot"),
)


def _words(alert: Alert, event: AlertEvent, *, newer: bool) -> dict[str, Any]:
    """What the event says in words: of a newer one all that it says, of an older one what was missing."""
    said: dict[str, Any] = {}
    for name in _TEXTS:
        there, told = getattr(alert, name), getattr(event, name)
        if told and (newer or not there):
            said[name] = told
    return said
