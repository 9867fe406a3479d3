"""The board of monitors: evaluates them, keeps each group's state and cycle, and says what is to be notified.

Driven by `service` once a second and by levers; it sends nothing itself. Moments are Unix seconds, given by the caller
or by the clock; with the same clock and the same measurements it says the same.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bot.sandbox.datadog.downtimes import Downtimes
from bot.sandbox.datadog.meters import Meters
from bot.sandbox.datadog.monitors import AGAIN, FIRST, WHOLE, Group, Measure, Monitor, State, Transition, cycle_key

Notify = Callable[["Notification"], None]


@dataclass(frozen=True, slots=True)
class Notification:
    """One thing that a monitor tells its receivers."""

    monitor: Monitor
    group: str
    transition: Transition
    state: State
    value: float | None
    cycle: str
    event_id: int
    at_s: float
    opened_s: float


class Board:
    """All monitors by id."""

    def __init__(
        self, monitors: Iterable[Monitor], meters: Meters, downtimes: Downtimes, clock: Callable[[], float]
    ) -> None:
        self.monitors: dict[int, Monitor] = {}
        self.groups: dict[int, dict[str, Group]] = {}
        self._meters = meters
        self._downtimes = downtimes
        self._clock = clock
        self._receivers: list[Notify] = []
        self._events = 7_000_000_000_000_000_000
        self._begun_s = clock()
        for monitor in monitors:
            self.add(monitor)

    def listen(self, notify: Notify) -> None:
        """Hear of every notification from now on."""
        self._receivers.append(notify)

    def add(self, monitor: Monitor) -> Monitor:
        """Watch with one more monitor, or with a changed one of the same id."""
        self.monitors[monitor.id] = monitor
        self.groups.setdefault(monitor.id, {} if monitor.is_multi else {WHOLE: Group(WHOLE)})
        return monitor

    def find(self, monitor: int | str) -> Monitor:
        """A monitor by id, by key (`stg/latency`) or by name; LookupError when there is none."""
        for each in self.monitors.values():
            if monitor in (each.id, each.key, each.name) or str(monitor) == str(each.id):
                return each
        raise LookupError(f"no monitor {monitor!r}; there are {', '.join(m.key for m in self.monitors.values())}")

    def group(self, monitor: Monitor, name: str | None) -> Group:
        """A group by name, made when it is new; None: the only one. LookupError for a group of a simple monitor."""
        groups = self.groups[monitor.id]
        if name is None:
            if len(groups) != 1:
                raise LookupError(
                    f"{monitor.key} has {len(groups)} groups, name one: {', '.join(groups) or 'none yet'}"
                )
            return next(iter(groups.values()))
        if not monitor.is_multi and name != WHOLE:
            raise LookupError(f"{monitor.key} alerts for all, it has no group {name!r}")
        return groups.setdefault(name, Group(name))

    def tags_of(self, monitor: Monitor, group: str) -> frozenset[str]:
        """What a scope is compared with: the query's own tags and the group's."""
        parts = () if group == WHOLE else group.split(",")
        return frozenset((f"env:{monitor.env}", *parts))

    # Evaluation

    def evaluate(self) -> None:
        """Judge all monitors by what is measured now."""
        now_s = self._clock()
        self._meters.sample(now_s)
        for monitor in self.monitors.values():
            if monitor.measure is not None and monitor.env in self._meters.environments():
                self._evaluate(monitor, monitor.measure, now_s)
            self._renotify(monitor, now_s)

    def _evaluate(self, monitor: Monitor, measure: Measure, now_s: float) -> None:
        readings = self._meters.read(monitor.env, measure, now_s, monitor.window_s)
        for name, reading in readings.items():
            group = self.group(monitor, name)
            group.readings.append((now_s, reading))
            group.last_reading_s = now_s
            if group.forced is None:
                group.points.append((now_s, reading))
                recent = [value for at_s, value in group.readings if at_s > now_s - monitor.window_s]
                group.value = sum(recent) / len(recent) if measure is Measure.P99 else reading
                # A window that is not full yet says nothing: the world has only begun.
                if now_s - self._begun_s >= monitor.window_s:
                    self.turn(monitor, group, monitor.judge(group.value), now_s)
            elif group.value is not None:
                group.points.append((now_s, group.value))
        if monitor.notify_no_data:
            for name, group in self.groups[monitor.id].items():
                silent_s = now_s - (group.last_reading_s or self._begun_s)
                if name not in readings and group.forced is None and silent_s >= monitor.no_data_s:
                    group.value = None
                    self.turn(monitor, group, State.NO_DATA, now_s)

    def _renotify(self, monitor: Monitor, now_s: float) -> None:
        if monitor.renotify_s is None:
            return
        for group in self.groups[monitor.id].values():
            told_s = group.last_notified_s
            if group.state not in monitor.renotify_states or group.told is not group.state or told_s is None:
                continue
            is_enough = monitor.renotify_occurrences is not None and group.renotified >= monitor.renotify_occurrences
            if not is_enough and now_s - told_s >= monitor.renotify_s:
                self.renotify(monitor, group, AGAIN[group.state], now_s)

    def turn(self, monitor: Monitor, group: Group, state: State, now_s: float) -> str | None:
        """Bring a group to a state; tells its receivers unless it is muted. The cycle's key; None in the state OK."""
        if state is group.state:
            return group.cycle
        before, group.state, group.since_s = group.state, state, now_s
        if group.cycle is None:
            group.cycles += 1
            group.cycle, group.opened_s = cycle_key(monitor.id, group.name, group.cycles), now_s
            group.renotified = 0
        cycle, opened_s = group.cycle, group.opened_s or now_s
        match state:
            case State.OK:
                group.last_resolved_s = now_s
            case State.NO_DATA:
                group.last_nodata_s = now_s
            case State.WARN | State.ALERT:
                if before in (State.OK, State.NO_DATA) or state is State.ALERT:
                    group.last_triggered_s = now_s
        muting = self._downtimes.muting(monitor, self.tags_of(monitor, group.name), now_s)
        # A recovery from what was told before the downtime began is told all the same, unless a downtime forbids it.
        is_first_recovery = state is State.OK and group.told is not State.OK
        is_told = not muting or (is_first_recovery and not any(each.mutes_first_recovery for each in muting))
        if state is State.OK:
            group.cycle = group.opened_s = None
        if is_told and not (state is State.OK and group.told is State.OK):
            self._tell(monitor, group, FIRST[state], now_s, cycle, opened_s)
        return cycle if state is not State.OK else None

    def renotify(self, monitor: Monitor, group: Group, transition: Transition, now_s: float) -> None:
        """Tell again what goes on, unless it is muted. ValueError when nothing does."""
        if group.cycle is None:
            raise ValueError(f"{monitor.key} {group.name} is OK, there is nothing to tell again")
        if not self._downtimes.muting(monitor, self.tags_of(monitor, group.name), now_s):
            group.renotified += 1
            self._tell(monitor, group, transition, now_s, group.cycle, group.opened_s or now_s)

    def unmuted(self, monitor: Monitor, states: Iterable[str], now_s: float) -> None:
        """A downtime on the monitor has ended: tell of groups in these states (`alert`) that nobody was told of."""
        for group in self.groups[monitor.id].values():
            is_news = group.state is not group.told and group.cycle is not None
            is_muted = self._downtimes.muting(monitor, self.tags_of(monitor, group.name), now_s)
            if is_news and not is_muted and group.state.value.lower() in states and group.cycle is not None:
                self._tell(monitor, group, FIRST[group.state], now_s, group.cycle, group.opened_s or now_s)

    def _tell(
        self, monitor: Monitor, group: Group, transition: Transition, now_s: float, cycle: str, opened_s: float
    ) -> None:
        group.told = group.state
        group.last_notified_s = now_s
        self._events += 1
        told = Notification(
            monitor, group.name, transition, group.state, group.value, cycle, self._events, now_s, opened_s
        )
        for notify in self._receivers:
            notify(told)

    def adopt(self, told: Notification) -> None:
        """Take over what a storm tells, without telling it: the group is as if it had happened here."""
        group = self.group(told.monitor, told.group)
        if told.state is not group.state:
            group.since_s = told.at_s
        group.state = group.told = group.forced = told.state
        group.value, group.last_notified_s = told.value, told.at_s
        group.cycle, group.opened_s = (None, None) if told.state is State.OK else (told.cycle, told.opened_s)
        match told.state:
            case State.OK:
                group.last_resolved_s, group.forced = told.at_s, None
            case State.NO_DATA:
                group.last_nodata_s = told.at_s
            case State.WARN | State.ALERT if told.transition is FIRST[told.state]:
                group.last_triggered_s = told.at_s

    # By hand

    def fire(self, monitor: int | str, group: str | None, value: float | None, state: State) -> str:
        """Bring a group into a bad state that holds until `resolve`; the cycle's key. LookupError, ValueError."""
        if state is State.OK:
            raise ValueError("to bring a group back to OK, resolve it")
        found = self.find(monitor)
        which = self.group(found, group)
        which.forced = state
        which.value = None if state is State.NO_DATA else found.threshold(state) if value is None else value
        if which.value is not None:
            which.points.append((self._clock(), which.value))
        return self.turn(found, which, state, self._clock()) or ""

    def resolve(self, monitor: int | str, group: str | None, value: float | None = None) -> None:
        """Bring a group back to OK; from now on it is what is measured."""
        found = self.find(monitor)
        which = self.group(found, group)
        which.forced = None
        which.value = value
        self.turn(found, which, State.OK, self._clock())
