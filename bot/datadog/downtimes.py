"""Mutes: one-time downtimes of one monitor group, found before they are made. Asked for by people's clicks.

Monitors have no acknowledgement and no mute of their own in the API; a downtime is what quiets one. Each of ours says
in its message which alert it is for, and has an end: a silence without one is the classic lost alert.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.datadog import reading
from bot.datadog.limits import Lane
from bot.datadog.monitors import TROUBLED
from bot.datadog.scope import EVERYTHING, scope_of, tags_of
from bot.datadog.wire import Wire
from bot.datadog.words import inert
from bot.errors import NotFound, OutsideError, Refused, Unreachable

PAGE_LIMIT = 100
MOST_PAGES = 20
SAME_END = timedelta(seconds=60)
"""Datadog may cut an end down to its own grain; a mute that ends this near to what was asked is the one asked for."""
MARK = "kajitori alert "
LIVING = ("active", "scheduled")


@dataclass(frozen=True, slots=True)
class Downtime:
    """One downtime as Datadog has it."""

    id: str
    scope: str
    status: str
    """`active`, `scheduled`, `ended`, `canceled`."""
    start: datetime | None
    end: datetime | None
    """None: it goes on for ever, or recurs."""
    message: str
    monitor_id: int | None
    """None: it is for monitors with certain tags."""

    @property
    def alert_key(self) -> str:
        """Which alert of ours it mutes; empty: it is somebody else's."""
        last = self.message.rstrip().rpartition("\n")[2]
        return last.removeprefix(MARK) if last.startswith(MARK) else ""


class Downtimes:
    """Sets, lifts and lists mutes. Every method may be called again after a lost answer."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def mute(
        self, monitor_id: int, group: str, *, until: datetime, alert_key: str, words: str, lane: Lane = Lane.PEOPLE
    ) -> Downtime:
        """Quiet one group until then; the downtime with the end that Datadog answers, which is the one to show.

        `group` is the monitor's own name of it, or all the tags that a webhook told; empty or `*`: the whole monitor.
        `words` say in Datadog who did it and why. An own mute of the same alert is found and, when it ends elsewhere,
        moved to `until`. Raises Unreachable when nobody can tell whether it was set, or another OutsideError.
        """
        async with self._wire.act("setting the mute"):
            standing = await self._own(monitor_id, alert_key, lane)
            if standing:
                return await self._moved(standing[0], until, lane)
            scope = scope_of(await self._group(monitor_id, group, lane))
            if scope is None:
                raise Refused("Datadog", f"has no scope for the group {group!r}: mute it there", code="NoScope")
            try:
                answer = await self._wire.ask(
                    "create_downtime",
                    lane=lane,
                    body=_body(monitor_id, scope, until, f"{inert(words)}\n\n{MARK}{alert_key}"),
                )
            except Unreachable as lost:
                # It may be there, its answer lost: a second one would outlive an Unmute.
                try:
                    standing = await self._own(monitor_id, alert_key, lane)
                except OutsideError:
                    raise lost from None
                if not standing:
                    raise
                return standing[0]
        return _answered(answer)

    async def unmute(self, monitor_id: int, *, alert_key: str, lane: Lane = Lane.PEOPLE) -> int:
        """Lift the alert's own mutes; how many there were. Others' downtimes stay. Raises OutsideError."""
        async with self._wire.act("lifting the mute"):
            standing = await self._own(monitor_id, alert_key, lane)
            for downtime in standing:
                await self._cancel(downtime.id, lane)
        return len(standing)

    async def of_monitor(self, monitor_id: int, *, lane: Lane = Lane.PEOPLE) -> tuple[Downtime, ...]:
        """The downtimes that concern a monitor now, whoever set them; without their messages."""
        answer = await self._wire.ask("list_monitor_downtimes", lane=lane, monitor_id=monitor_id, page_limit=PAGE_LIMIT)
        rows = reading.items(reading.mapping(answer).get("data"))
        return tuple(downtime for row in rows if (downtime := read_downtime(row)) is not None)

    async def own(self, *, lane: Lane = Lane.LOOPS) -> tuple[Downtime, ...]:
        """All active mutes that are ours, for a comparison with our rows."""
        return tuple([each for each in await self._active(lane) if each.alert_key])

    async def _group(self, monitor_id: int, told: str, lane: Lane) -> str:
        """The monitor's own name of a group, of which a webhook tells the tags together with those of the query.

        A downtime is compared with the tags that a monitor groups by; `*` for a monitor that does not.
        """
        answer = await self._wire.ask("get_monitor", lane=lane, monitor_id=monitor_id, group_states=TROUBLED)
        names = [str(name) for name in reading.part(answer, "state", "groups")]
        if reading.mapping(answer).get("multi") is False or names == [EVERYTHING]:
            return EVERYTHING
        tags = set(tags_of(told))
        within = [name for name in names if name != EVERYTHING and set(tags_of(name)) <= tags]
        return max(within, key=lambda name: len(tags_of(name)), default=told)

    async def _own(self, monitor_id: int, alert_key: str, lane: Lane) -> list[Downtime]:
        return [
            each for each in await self._active(lane) if each.monitor_id == monitor_id and each.alert_key == alert_key
        ]

    async def _active(self, lane: Lane) -> list[Downtime]:
        found: dict[str, Downtime] = {}
        seen = 0
        for _ in range(MOST_PAGES):
            answer = await self._wire.ask(
                "list_downtimes", lane=lane, current_only=True, page_offset=seen, page_limit=PAGE_LIMIT
            )
            rows = reading.items(reading.mapping(answer).get("data"))
            seen += len(rows)
            found |= {each.id: each for row in rows if (each := read_downtime(row)) is not None}
            total = reading.number(reading.part(answer, "meta", "page").get("total_filtered_count"))
            # Datadog may give less on a page than is asked for.
            if not rows or (seen >= total if total is not None else len(rows) < PAGE_LIMIT):
                break
        return [each for each in found.values() if each.status in LIVING]

    async def _moved(self, downtime: Downtime, until: datetime, lane: Lane) -> Downtime:
        if downtime.end is not None and abs(downtime.end - until) <= SAME_END:
            return downtime
        body = {"data": {"type": "downtime", "id": downtime.id, "attributes": {"schedule": _schedule(until)}}}
        return _answered(await self._wire.ask("update_downtime", lane=lane, downtime_id=downtime.id, body=body))

    async def _cancel(self, downtime_id: str, lane: Lane) -> None:
        try:
            await self._wire.ask("cancel_downtime", lane=lane, downtime_id=downtime_id)
        except NotFound:
            return  # it ended, or somebody else lifted it


def read_downtime(row: Any) -> Downtime | None:
    """A downtime from Datadog's JSON, also from the list of those that match a monitor; None when it has no id."""
    given = reading.mapping(row)
    told = reading.part(given, "attributes")
    schedule = reading.part(told, "schedule")
    # A recurring one tells its occurrence apart from its rule.
    span: Mapping[str, Any] = schedule.get("current_downtime") or schedule or told
    monitor_id = reading.part(told, "monitor_identifier").get("monitor_id")
    downtime_id = reading.text(given.get("id"))
    if not downtime_id:
        return None
    return Downtime(
        id=downtime_id,
        scope=reading.text(told.get("scope")),
        status=reading.text(told.get("status")) or "active",
        start=reading.moment(reading.mapping(span).get("start")),
        end=reading.moment(reading.mapping(span).get("end")),
        message=reading.text(told.get("message")),
        monitor_id=monitor_id if isinstance(monitor_id, int) else None,
    )


def _answered(answer: Any) -> Downtime:
    found = read_downtime(reading.mapping(answer).get("data"))
    if found is None:
        raise Unreachable("Datadog", "sent an answer to setting the mute that can't be read")
    return found


def _body(monitor_id: int, scope: str, until: datetime, message: str) -> dict[str, Any]:
    attributes = {
        "monitor_identifier": {"monitor_id": monitor_id},
        "scope": scope,
        "schedule": _schedule(until) | {"start": None},
        "message": message,
        # Who muted an alert still wants to see it end.
        "mute_first_recovery_notification": False,
        # And if it goes on when the mute ends, to be told again.
        "notify_end_states": ["alert", "warn", "no data"],
        "notify_end_types": ["expired", "canceled"],
    }
    return {"data": {"type": "downtime", "attributes": attributes}}


def _schedule(until: datetime) -> dict[str, Any]:
    return {"end": until.astimezone(UTC).replace(microsecond=0).isoformat()}
