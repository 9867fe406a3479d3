"""An event: one thing that Datadog told of one group of a monitor, by webhook or found by the poller.

Read by bot.domain.alert.payload and bot.reconcile.alerts, applied by bot.domain.alert.ordering.
"""

from dataclasses import dataclass
from enum import StrEnum

from bot.domain.alert.alert import AlertState


class SeenBy(StrEnum):
    """Who told of it."""

    WEBHOOK = "webhook"
    POLL = "poll"


class Transition(StrEnum):
    """`$ALERT_TRANSITION`, in Datadog's words."""

    TRIGGERED = "Triggered"
    RE_TRIGGERED = "Re-Triggered"
    WARN = "Warn"
    RE_WARN = "Re-Warn"
    NO_DATA = "No Data"
    RE_NO_DATA = "Re-No Data"
    RECOVERED = "Recovered"
    RENOTIFY = "Renotify"
    UNKNOWN = ""
    """Any other word; `AlertEvent.told` has it."""

    @property
    def is_repeated(self) -> bool:
        """It tells again what was told before."""
        return self in (self.RE_TRIGGERED, self.RE_WARN, self.RE_NO_DATA, self.RENOTIFY)


_WORDS = {each.value.lower().replace(" ", "").replace("-", ""): each for each in Transition if each.value}


def transition_of(word: str) -> Transition:
    """Leniently spelled: `re-triggered`, `No data`."""
    return _WORDS.get("".join(word.lower().split()).replace("-", ""), Transition.UNKNOWN)


_STATE = {
    Transition.TRIGGERED: AlertState.ALERT,
    Transition.RE_TRIGGERED: AlertState.ALERT,
    Transition.WARN: AlertState.WARN,
    Transition.RE_WARN: AlertState.WARN,
    Transition.NO_DATA: AlertState.NO_DATA,
    Transition.RE_NO_DATA: AlertState.NO_DATA,
    Transition.RECOVERED: AlertState.RECOVERED,
}
_BY_TYPE = {"error": AlertState.ALERT, "warning": AlertState.WARN, "success": AlertState.RECOVERED}


@dataclass(frozen=True, slots=True)
class AlertEvent:
    """What was told. Every text may be empty: no field but the monitor's id is needed."""

    monitor_id: str
    scope: str
    """Normal, see `normal_scope`."""
    at_ms: int
    """When Datadog says that it happened, ms since 1970; the arrival when it says nothing."""
    transition: Transition
    told: str
    """The transition in Datadog's own words."""
    kind: str = ""
    """`$ALERT_TYPE`: error, warning, success or info."""
    cycle_key: str = ""
    event_id: str = ""
    title: str = ""
    text: str = ""
    status_text: str = ""
    priority: int | None = None
    value: str = ""
    threshold: str = ""
    query: str = ""
    metric: str = ""
    tags: tuple[str, ...] = ()
    host: str = ""
    link: str = ""
    dashboard: str = ""
    runbook: str = ""
    snapshot: str = ""
    seen_by: SeenBy = SeenBy.WEBHOOK
    is_repaired: bool = False
    """Its JSON was broken; what could be read is here."""

    @property
    def state(self) -> AlertState | None:
        """The state it tells; None: it does not say, as a renotification doesn't (`error` may be no data, too)."""
        if self.transition is Transition.RENOTIFY:
            return None
        return _STATE.get(self.transition) or _BY_TYPE.get(self.kind)

    @property
    def guess(self) -> AlertState:
        """What to show when this event is all there is."""
        if self.transition is Transition.RENOTIFY:
            return AlertState.WARN if self.kind == "warning" else AlertState.ALERT
        return self.state or AlertState.UNKNOWN

    @property
    def environment(self) -> str:
        return self.tag("env")

    @property
    def service(self) -> str:
        return self.tag("service")

    def tag(self, name: str) -> str:
        """Value of a tag, from the group first, since a monitor's own tags are of all its groups; empty without one."""
        for tag in (*self.scope.split(","), *self.tags):
            key, _, value = tag.strip().partition(":")
            if key.lower() == name and value:
                return value
        return ""
