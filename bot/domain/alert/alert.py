"""An alert: one cycle of one group of a Datadog monitor, from its trigger to its recovery.

Moved by bot.domain.alert.ordering, saved by bot.store.alerts, shown by bot.cards.alert. What people want of Datadog for
it (mutes, pages, notes) is a Handling and stands apart.
"""

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from bot.domain.names import AlertId, ReleaseId, UserId

EVERYTHING = "*"
"""The scope of a monitor that does not alert by group."""


class AlertState(StrEnum):
    """How a group stands."""

    ALERT = "Alert"
    WARN = "Warn"
    NO_DATA = "No Data"
    RECOVERED = "Recovered"
    UNKNOWN = "Unknown"
    """Datadog used a word that we don't know; `Alert.told` has it. Counts as open."""


WEIGHT = {
    AlertState.ALERT: 4,
    AlertState.NO_DATA: 3,
    AlertState.WARN: 2,
    AlertState.RECOVERED: 1,
    AlertState.UNKNOWN: 0,
}
"""Which of two events of the same millisecond counts: a tie fails loud, and the poller corrects it."""


def normal_scope(text: str) -> str:
    """A group as one spelling, whatever the order of its tags: `service:web, env:prd` → `env:prd,service:web`."""
    tags = sorted({part.strip() for part in text.split(",") if part.strip()})
    return ",".join(tags) or EVERYTHING


def alert_key(monitor_id: str, scope: str) -> str:
    """What a monitor's group is found by, of bounded length whatever the group. `scope` is a normal one."""
    return f"{monitor_id[:32]}:{hashlib.sha256(scope.encode('utf-8', 'replace')).hexdigest()[:32]}"


@dataclass(frozen=True, slots=True)
class NearRelease:
    """The release of the same service that was live when the alert opened, or shortly before."""

    id: ReleaseId
    version: str
    from_version: str
    by: UserId
    at: datetime
    """When it began to write."""
    is_live: bool = False
    """It was under way when the alert opened: the alert's card hangs under the release's."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One cycle. Times of Datadog's (`opened_at`, `closed_at`, `last_ms`) are its own; the others are ours."""

    id: AlertId
    monitor_id: str
    scope: str
    """Normal, see `normal_scope`."""
    cycle_key: str
    """Datadog's name for this cycle; empty when only the poller or an incomplete payload told of it."""
    state: AlertState
    told: str
    """The last transition in Datadog's own words, also one that we don't know."""
    opened_at: datetime
    """Of the earliest event of the cycle that was not a recovery."""
    state_ms: int
    """Time of the event that `state` is from, ms since 1970; 0 when it was a guess that any event corrects."""
    last_ms: int
    """Time of the newest event of any kind, ms since 1970."""
    seen_at: datetime
    """When we first heard of it."""
    updated_at: datetime
    """When we last changed it."""
    step: int = 0
    """Rises with every change that makes the buttons drawn before it stale."""
    row_version: int = 0
    """Rises with every save: the condition of the next one."""
    closed_at: datetime | None = None
    trigger_unseen: bool = False
    """Its recovery is all that was told of it."""
    renotified: int = 0
    title: str = ""
    text: str = ""
    """The monitor's message, as Datadog filled it in."""
    status_text: str = ""
    """Datadog's one-line summary: the metric, the group, the limit."""
    priority: int | None = None
    """1 to 5, 1 the highest."""
    environment: str = ""
    """From the tag `env:`; empty without one. Not necessarily one of the configuration's."""
    service: str = ""
    """From the tag `service:`."""
    value: str = ""
    threshold: str = ""
    query: str = ""
    metric: str = ""
    tags: tuple[str, ...] = ()
    link: str = ""
    """https address of the monitor or event. Where it may lead is checked again when it is drawn."""
    dashboard: str = ""
    runbook: str = ""
    snapshot: str = ""
    seen_by: tuple[str, ...] = ()
    """`webhook`, `poll`, or both."""
    taken_by: UserId | None = None
    taken_at: datetime | None = None
    escalated_to: UserId | None = None
    channel: str = ""
    """Where its card is; empty: nowhere."""
    near: NearRelease | None = None
    fallen: tuple[str, ...] = ()
    """Pods of the service that were down when it opened, in words, one line each."""
    storm_id: str = ""
    """The storm that tells of it instead of a card of its own; empty: it has its own."""
    card_at: datetime | None = None
    """When its card, or its row in a storm's thread, was last written."""
    card_due: datetime | None = None
    """When it must be written again; None: what was written is what is."""
    listed: str = ""
    """In a storm: the state that its thread told last."""

    @property
    def key(self) -> str:
        """What its monitor's group is found by."""
        return alert_key(self.monitor_id, self.scope)

    @property
    def is_over(self) -> bool:
        return self.state is AlertState.RECOVERED

    @property
    def is_critical(self) -> bool:
        """Important enough for a message of its own, also in a storm."""
        return self.priority == 1

    @property
    def during_own_release(self) -> bool:
        """A release of its own service was under way when it opened."""
        return self.near is not None and self.near.is_live

    def lasted_s(self, now: datetime) -> float:
        """Seconds since it opened, or until it closed."""
        return max(0.0, ((self.closed_at or now) - self.opened_at).total_seconds())

    def moved(self, **changes: Any) -> "Alert":
        """A copy with changes that make the buttons drawn before it stale."""
        return replace(self, step=self.step + 1, **changes)


def moment(ms: int) -> datetime:
    """Milliseconds since 1970 as a moment."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
