"""Monitors and the states of their groups, as the monitors API tells them now. Asked by the poller and by cards.

States are Datadog's words (`OK`, `Alert`, `Warn`, `No Data`, `Ignored`, `Skipped`, `Unknown`, and what comes later);
they are text here, so that a new one is shown instead of failing the whole list.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from bot.datadog import reading
from bot.datadog.limits import Lane
from bot.datadog.wire import Wire
from bot.errors import Refused

PAGE_SIZE = 200
SMALLEST_PAGE = 100
"""Datadog's default: whatever it makes of the size that is asked for, a shorter page is the last one."""
MOST_PAGES = 100
TROUBLED = "alert,warn,no data"
"""Groups in these states are told with each monitor; Datadog leaves out the others."""


@dataclass(frozen=True, slots=True)
class GroupSight:
    """One group of a monitor, as it is now. `group` is `*` for a monitor that does not alert by tag."""

    group: str
    status: str
    last_triggered: datetime | None
    last_resolved: datetime | None
    last_nodata: datetime | None
    last_notified: datetime | None


@dataclass(frozen=True, slots=True)
class MonitorSight:
    """One monitor, with the groups that were asked for."""

    monitor_id: int
    name: str
    type: str
    message: str
    """As its author wrote it, with handles and template variables."""
    query: str
    tags: tuple[str, ...]
    priority: int | None
    """1 to 5, 1 the highest."""
    thresholds: Mapping[str, float]
    """`critical`, `warning`, and the recovery ones where they are set."""
    status: str
    """Of the whole monitor."""
    groups: tuple[GroupSight, ...]


class Monitors:
    """Reads monitors; changes nothing."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def troubled(self) -> tuple[MonitorSight, ...]:
        """Every monitor with groups in alert, warning or without data, and those groups only.

        Raises OutsideError; what was read by then is not answered, since a half list would look like recoveries.
        """
        found: dict[int, MonitorSight] = {}
        for page in range(MOST_PAGES):
            answer = await self._wire.ask(
                "list_monitors", lane=Lane.LOOPS, group_states=TROUBLED, page=page, page_size=PAGE_SIZE
            )
            rows = reading.items(answer)
            sights = (read_monitor(row) for row in rows)
            found.update({sight.monitor_id: sight for sight in sights if sight is not None and sight.groups})
            if len(rows) < SMALLEST_PAGE:
                return tuple(found.values())
        raise Refused(
            "Datadog", f"lists more than {MOST_PAGES * PAGE_SIZE} monitors, which is more than can be asked for"
        )

    async def one(self, monitor_id: int, *, lane: Lane = Lane.PEOPLE) -> MonitorSight:
        """One monitor with all its groups. Raises NotFound when it was deleted, or OutsideError."""
        answer = await self._wire.ask("get_monitor", lane=lane, monitor_id=monitor_id, group_states="all")
        sight = read_monitor(answer)
        if sight is None:
            raise Refused("Datadog", f"answers something else than monitor {monitor_id}", code="Odd")
        return sight


def read_monitor(row: Any) -> MonitorSight | None:
    """A monitor from Datadog's JSON; None when it has no id."""
    monitor = reading.mapping(row)
    monitor_id = monitor.get("id")
    if not isinstance(monitor_id, int):
        return None
    priority = reading.number(monitor.get("priority"))
    thresholds = reading.part(monitor, "options", "thresholds")
    levels = {str(name): reading.number(level) for name, level in thresholds.items()}
    groups = reading.part(monitor, "state", "groups")
    return MonitorSight(
        monitor_id=monitor_id,
        name=reading.text(monitor.get("name")),
        type=reading.text(monitor.get("type")),
        message=reading.text(monitor.get("message")),
        query=reading.text(monitor.get("query")),
        tags=reading.texts(monitor.get("tags")),
        priority=int(priority) if priority else None,
        thresholds=MappingProxyType({name: level for name, level in levels.items() if level is not None}),
        status=reading.text(monitor.get("overall_state")),
        groups=tuple(_group(str(name), reading.mapping(state)) for name, state in groups.items()),
    )


def _group(name: str, state: Mapping[str, Any]) -> GroupSight:
    return GroupSight(
        group=reading.text(state.get("name")) or name,
        status=reading.text(state.get("status")),
        last_triggered=reading.moment(state.get("last_triggered_ts")),
        last_resolved=reading.moment(state.get("last_resolved_ts")),
        last_nodata=reading.moment(state.get("last_nodata_ts")),
        last_notified=reading.moment(state.get("last_notified_ts")),
    )
