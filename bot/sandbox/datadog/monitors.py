"""Monitors and the groups they watch: definitions, states, transitions. Pure.

Held by `board`; the definitions of the scene are in `scene`.
"""

import hashlib
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum

REMEMBERED = 900  # evaluations of a group kept for its graph
WHOLE = "*"
"""The only group of a monitor that does not alert by tag."""


class State(StrEnum):
    """A group's status, in Datadog's words."""

    OK = "OK"
    WARN = "Warn"
    ALERT = "Alert"
    NO_DATA = "No Data"


class Measure(StrEnum):
    """What a monitor measures on the simulated cluster."""

    ERROR_RATE = "error rate"  # percent of requests answered with an error
    P99 = "p99 latency"  # seconds
    RESTARTS = "restarts"  # of containers, in the window
    HITS = "hits"  # requests a second


class Transition(StrEnum):
    """`$ALERT_TRANSITION`."""

    TRIGGERED = "Triggered"
    RE_TRIGGERED = "Re-Triggered"
    WARN = "Warn"
    RE_WARN = "Re-Warn"
    NO_DATA = "No Data"
    RE_NO_DATA = "Re-No Data"
    RENOTIFY = "Renotify"
    RECOVERED = "Recovered"


FIRST = {
    State.OK: Transition.RECOVERED,
    State.WARN: Transition.WARN,
    State.ALERT: Transition.TRIGGERED,
    State.NO_DATA: Transition.NO_DATA,
}
AGAIN = {
    State.WARN: Transition.RE_WARN,
    State.ALERT: Transition.RE_TRIGGERED,
    State.NO_DATA: Transition.RE_NO_DATA,
}


@dataclass(frozen=True, slots=True)
class Monitor:
    """A metric monitor. `key` is how the sandbox's people and tests call it: `stg/latency`."""

    id: int
    key: str
    name: str
    env: str
    measure: Measure | None
    """None: it is not evaluated, only fired by hand or by a storm."""
    metric: str
    query: str
    critical: float
    warning: float | None
    message: str
    tags: tuple[str, ...]
    priority: int
    window_s: float
    above: bool = True
    """Whether values above the thresholds are bad; else those below."""
    is_multi: bool = True
    """One alert for each service; else one for all."""
    unit: str = ""
    notify_no_data: bool = False
    no_data_s: float = 30.0
    renotify_s: float | None = None
    renotify_occurrences: int | None = None
    renotify_states: tuple[State, ...] = (State.ALERT, State.NO_DATA)
    escalation_message: str = ""

    def judge(self, value: float) -> State:
        """The state that a value means."""
        if _beyond(value, self.critical, self.above):
            return State.ALERT
        if self.warning is not None and _beyond(value, self.warning, self.above):
            return State.WARN
        return State.OK

    def threshold(self, state: State) -> float:
        """The threshold that a state means was crossed; the critical one for states without."""
        return self.warning if state is State.WARN and self.warning is not None else self.critical


@dataclass(slots=True)
class Group:
    """One group of a monitor: `service:web`, or `*`. Moments are Unix seconds; None: it never happened."""

    name: str
    state: State = State.OK
    value: float | None = None
    since_s: float | None = None
    cycle: str | None = None
    """`$ALERT_CYCLE_KEY`, from the first bad state until the recovery."""
    opened_s: float | None = None
    cycles: int = 0
    last_triggered_s: float | None = None
    last_resolved_s: float | None = None
    last_nodata_s: float | None = None
    last_notified_s: float | None = None
    last_reading_s: float | None = None
    told: State = State.OK
    """The state that was last told to the receivers of notifications."""
    renotified: int = 0
    forced: State | None = None
    """By hand: the state that holds whatever is measured."""
    readings: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=60))
    """What was measured, for the monitor to judge."""
    points: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    """What graphs show: measurements, or what somebody set by hand instead."""

    @property
    def tags(self) -> tuple[str, ...]:
        return () if self.name == WHOLE else tuple(self.name.split(","))


def cycle_key(monitor_id: int, group: str, number: int) -> str:
    """The key of a group's n-th cycle: a long number, the same each time."""
    digest = hashlib.sha256(f"{monitor_id}/{group}/{number}".encode()).digest()
    return str(int.from_bytes(digest[:8]) >> 1)


def aggregation_key(monitor_id: int) -> str:
    """`$AGGREG_KEY`: what belongs to one monitor."""
    return hashlib.md5(str(monitor_id).encode(), usedforsecurity=False).hexdigest()


def _beyond(value: float, threshold: float, above: bool) -> bool:
    return value > threshold if above else value < threshold
