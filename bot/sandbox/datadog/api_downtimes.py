"""Calls about downtimes: create, list, get, change, cancel, and which match a monitor (`/api/v2/downtime…`).

Mounted by `service` on the main host. `on_end` is called for a downtime that is cancelled while it is active.
"""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from bot.sandbox.datadog import shape
from bot.sandbox.datadog.board import Board
from bot.sandbox.datadog.door import Endpoint, Json, Refusal, read_json, whole_number
from bot.sandbox.datadog.downtimes import (
    Downtime,
    Downtimes,
    Recurrence,
    duration,
    frequency_is_known,
    new_id,
    zone,
)
from bot.sandbox.datadog.monitors import WHOLE, Monitor
from bot.sandbox.datadog.scope import BadScope, parse

END_STATES, END_TYPES = ("alert", "no data", "warn"), ("canceled", "expired")
CREATED_BY = "3f1c9a52-0c51-4f6e-9f0a-8d6f7a2b1c44"
_MOMENT = shape.nullable(shape.moment)
_ONCE = shape.record({}, {"start": _MOMENT, "end": _MOMENT})
_RULE = shape.record({"duration": shape.text(), "rrule": shape.text()}, {"start": shape.nullable(shape.text())})
_AGAIN = shape.record({"recurrences": shape.listing(_RULE, 10, 1)}, {"timezone": shape.text()})
_BY_ID = shape.record({"monitor_id": shape.whole})
_BY_TAGS = shape.record({"monitor_tags": shape.listing(shape.text(), least=1)})


def _schedule(given: Any, path: str) -> None:
    (_AGAIN if isinstance(given, dict) and "recurrences" in given else _ONCE)(given, path)


def _identifier(given: Any, path: str) -> None:
    (_BY_ID if isinstance(given, dict) and "monitor_id" in given else _BY_TAGS)(given, path)


_REQUIRED = {"scope": shape.text(shortest=1), "monitor_identifier": _identifier}
_OPTIONAL = {
    "schedule": shape.nullable(_schedule),
    "message": shape.nullable(shape.text()),
    "display_timezone": shape.nullable(shape.text()),
    "mute_first_recovery_notification": shape.flag,
    "notify_end_states": shape.listing(shape.text(choices=END_STATES)),
    "notify_end_types": shape.listing(shape.text(choices=END_TYPES)),
}
_TYPE = shape.text(choices=("downtime",))
_CREATE = shape.record(
    {"data": shape.record({"type": _TYPE, "attributes": shape.record(_REQUIRED, _OPTIONAL)}, {"id": shape.text()})}
)
_UPDATE = shape.record(
    {"data": shape.record({"type": _TYPE, "id": shape.text(), "attributes": shape.record({}, _REQUIRED | _OPTIONAL)})}
)


class DowntimesApi:
    """Makes and shows downtimes."""

    def __init__(self, board: Board, downtimes: Downtimes, on_end: Callable[[Downtime, str], None]) -> None:
        self._board = board
        self._downtimes = downtimes
        self._on_end = on_end

    def endpoints(self) -> list[Endpoint]:
        one = "/api/v2/downtime/{downtime_id}"
        return [
            Endpoint("POST", "/api/v2/downtime", "downtimes_create", self._create),
            Endpoint("GET", "/api/v2/downtime", "downtimes_list", self._list),
            Endpoint("GET", one, "downtime_get", self._get),
            Endpoint("PATCH", one, "downtime_update", self._update),
            Endpoint("DELETE", one, "downtime_cancel", self._cancel),
            Endpoint("GET", "/api/v2/monitor/{monitor_id}/downtime_matches", "monitor_downtime_matches", self._matches),
        ]

    async def _create(self, request: web.Request) -> web.Response:
        given = (await read_json(request, _CREATE))["data"]["attributes"]
        now = self._downtimes.now()
        try:
            matches = parse(given["scope"])
        except BadScope as err:
            raise Refusal(400, str(err)) from None
        downtime = Downtime(
            id=new_id(), scope=given["scope"], matches=matches, monitor_id=None, monitor_tags=(), start=now, end=None,
            created=now, modified=now,
        )  # fmt: skip
        self._change(downtime, given, now)
        self._downtimes.found[downtime.id] = downtime
        return self._answer(downtime)

    async def _update(self, request: web.Request) -> web.Response:
        downtime = self._one(request)
        given = (await read_json(request, _UPDATE))["data"]
        if given["id"] != downtime.id:
            raise Refusal(400, "data.id does not match the downtime of the path")
        now = self._downtimes.now()
        if downtime.status(now) in ("canceled", "ended"):
            raise Refusal(400, "Downtime is over and can not be changed")
        self._change(downtime, given["attributes"], now)
        downtime.modified = now
        return self._answer(downtime)

    async def _list(self, request: web.Request) -> web.Response:
        self._downtimes.forget_old()
        now = self._downtimes.now()
        found = sorted(self._downtimes.found.values(), key=lambda each: each.created, reverse=True)
        if request.query.get("current_only", "false").lower() == "true":
            found = [each for each in found if each.status(now) == "active"]
        first, most = whole_number(request, "page[offset]", 0), whole_number(request, "page[limit]", 30, least=1)
        rows = [self._body(each) for each in found[first : first + most]]
        return web.json_response({"data": rows, "meta": {"page": {"total_filtered_count": len(found)}}})

    async def _get(self, request: web.Request) -> web.Response:
        return self._answer(self._one(request))

    async def _cancel(self, request: web.Request) -> web.Response:
        downtime = self._one(request)
        now = self._downtimes.now()
        was = downtime.status(now)
        if was in ("active", "scheduled"):
            downtime.canceled = downtime.modified = now
            if was == "active":
                self._on_end(downtime, "canceled")
        return web.Response(status=204)

    async def _matches(self, request: web.Request) -> web.Response:
        given = request.match_info["monitor_id"]
        monitor = self._board.monitors.get(int(given)) if given.isascii() and given.isdecimal() else None
        if monitor is None:
            raise Refusal(404, f"Monitor with id {given} not found")
        now = self._downtimes.now()
        rows = []
        for each in self._downtimes.found.values():
            groups = self._groups_in(each, monitor)
            if each.concerns(monitor) and groups and each.status(now) in ("active", "scheduled"):
                begins, ends = each.span(now)
                attributes = {"groups": groups, "scope": each.scope, "start": _told(begins), "end": _told(ends)}
                rows.append({"type": "downtime_match", "id": each.id, "attributes": attributes})
        first, most = whole_number(request, "page[offset]", 0), whole_number(request, "page[limit]", 30, least=1)
        meta = {"page": {"total_filtered_count": len(rows)}}
        return web.json_response({"data": rows[first : first + most], "meta": meta})

    def _groups_in(self, downtime: Downtime, monitor: Monitor) -> list[str]:
        """The monitor's groups that a downtime mutes: `*` for all of them."""
        if downtime.scope == "*":
            return ["*"]
        names = self._board.groups[monitor.id]
        found = [name for name in names if downtime.matches(self._board.tags_of(monitor, name))]
        return found or (["*"] if not names and downtime.matches(self._board.tags_of(monitor, WHOLE)) else [])

    def _one(self, request: web.Request) -> Downtime:
        given = request.match_info["downtime_id"]
        try:
            wanted = str(uuid.UUID(given))
        except ValueError:
            raise Refusal(400, "Invalid URL param: downtime_id must be an uuid") from None
        found = self._downtimes.found.get(wanted)
        if found is None:
            raise Refusal(404, "Downtime not found")
        return found

    def _change(self, downtime: Downtime, given: Json, now: datetime) -> None:
        """Put checked attributes into a downtime; Refusal 400 for moments that can't be. Nothing is half changed."""
        schedule = given.get("schedule")
        display = given.get("display_timezone")
        if display is not None and zone(display) is None:
            raise Refusal(400, f"Invalid display_timezone: {display!r}")
        if "scope" in given:
            try:
                matches = parse(given["scope"])
            except BadScope as err:
                raise Refusal(400, str(err)) from None
        identifier = given.get("monitor_identifier", {})
        if "monitor_id" in identifier and identifier["monitor_id"] not in self._board.monitors:
            raise Refusal(404, f"Monitor with id {identifier['monitor_id']} not found")
        if schedule is not None:
            _set_schedule(downtime, schedule, now)
        if "scope" in given:
            downtime.scope, downtime.matches = given["scope"], matches
        if identifier:
            downtime.monitor_id = identifier.get("monitor_id")
            downtime.monitor_tags = tuple(identifier.get("monitor_tags", ()))
        downtime.display_timezone = display or downtime.display_timezone
        downtime.message = given.get("message", downtime.message)
        downtime.mutes_first_recovery = given.get("mute_first_recovery_notification", downtime.mutes_first_recovery)
        downtime.end_states = tuple(given.get("notify_end_states", downtime.end_states))
        downtime.end_types = tuple(given.get("notify_end_types", downtime.end_types))

    def _answer(self, downtime: Downtime) -> web.Response:
        user = {"name": "Kajitori", "handle": "kajitori@growlio.example", "status": "Active", "disabled": False}
        included = [{"type": "users", "id": CREATED_BY, "attributes": user}]
        return web.json_response({"data": self._body(downtime), "included": included})

    def _body(self, downtime: Downtime) -> Json:
        now = self._downtimes.now()
        by_id = downtime.monitor_id is not None
        identifier: Json = (
            {"monitor_id": downtime.monitor_id} if by_id else {"monitor_tags": list(downtime.monitor_tags)}
        )
        monitor = {"type": "monitors", "id": str(downtime.monitor_id)} if by_id else None
        return {
            "type": "downtime",
            "id": downtime.id,
            "attributes": {
                "scope": downtime.scope,
                "monitor_identifier": identifier,
                "schedule": _schedule_body(downtime, now),
                "status": downtime.status(now),
                "message": downtime.message,
                "display_timezone": downtime.display_timezone,
                "mute_first_recovery_notification": downtime.mutes_first_recovery,
                "notify_end_states": list(downtime.end_states),
                "notify_end_types": list(downtime.end_types),
                "created": _told(downtime.created),
                "modified": _told(downtime.modified),
                "canceled": _told(downtime.canceled),
            },
            "relationships": {
                "monitor": {"data": monitor},
                "created_by": {"data": {"type": "users", "id": CREATED_BY}},
            },
        }


def _set_schedule(downtime: Downtime, given: Json, now: datetime) -> None:
    if "recurrences" not in given:
        start = _moment(given, "start") or (downtime.start if downtime.start < now else now)
        end = _moment(given, "end") if "end" in given else downtime.end
        if end is not None and end <= now:
            raise Refusal(400, "Downtime end must be in the future: schedule.end")
        if end is not None and end <= start:
            raise Refusal(400, "Downtime end must be after its start: schedule.end")
        downtime.start, downtime.end, downtime.recurrences = start, end, ()
        return
    name = given.get("timezone", "UTC")
    where = zone(name)
    if where is None:
        raise Refusal(400, f"Invalid timezone: {name!r}")
    rules = []
    for rule in given["recurrences"]:
        lasts = duration(rule["duration"])
        if lasts is None:
            raise Refusal(400, f"Invalid recurrence duration: {rule['duration']!r}")
        if not frequency_is_known(rule["rrule"]):
            raise Refusal(400, f"Invalid recurrence rrule: {rule['rrule']!r}")
        try:
            start = datetime.fromisoformat(rule["start"]) if rule.get("start") else now.astimezone(where)
        except ValueError:
            raise Refusal(400, f"Invalid recurrence start: {rule['start']!r}") from None
        if rule.get("start") and start.tzinfo is not None:
            raise Refusal(400, "A recurrence's start has no UTC offset, its time zone is 'timezone'")
        start = start if start.tzinfo else start.replace(tzinfo=where)
        rules.append(Recurrence(start.astimezone(UTC), lasts, rule["rrule"], rule["duration"]))
    downtime.recurrences, downtime.timezone = tuple(rules), name


def _moment(given: Json, name: str) -> datetime | None:
    text = given.get(name)
    return None if text is None else shape.when(text, name).astimezone(UTC)


def _schedule_body(downtime: Downtime, now: datetime) -> Json:
    if not downtime.recurrences:
        return {"start": _told(downtime.start), "end": _told(downtime.end)}
    begins, ends = downtime.span(now)
    where = zone(downtime.timezone)
    return {
        "timezone": downtime.timezone,
        "current_downtime": {"start": _told(begins), "end": _told(ends)},
        "recurrences": [
            {
                "start": rule.start.astimezone(where).replace(tzinfo=None).isoformat(timespec="seconds"),
                "duration": rule.told_duration,
                "rrule": rule.rrule,
            }
            for rule in downtime.recurrences
        ],
    }


def _told(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="microseconds")
