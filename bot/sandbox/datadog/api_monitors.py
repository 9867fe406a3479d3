"""Calls about monitors: list and one (`/api/v1/monitor…`).

Answers have the shapes that Datadog's own recordings have; mounted by `service` on the main host.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

from aiohttp import web

from bot.sandbox.datadog.board import Board
from bot.sandbox.datadog.door import Endpoint, Json, Refusal, true_or_false, whole_number
from bot.sandbox.datadog.downtimes import Downtime, Downtimes
from bot.sandbox.datadog.monitors import Group, Monitor, State
from bot.sandbox.datadog.payload import ORG_ID

GROUP_STATES = {"all": None, "alert": State.ALERT, "warn": State.WARN, "no data": State.NO_DATA, "ok": State.OK}
WORST_FIRST = (State.ALERT, State.WARN, State.NO_DATA, State.OK)
CREATED = datetime(2026, 4, 1, 9, 0, tzinfo=UTC)
CREATOR = {"name": "Dave", "handle": "dave@growlio.example", "email": "dave@growlio.example", "id": 4351227}
MOST_ON_PAGE, ON_PAGE = 1000, 100


class MonitorsApi:
    """Reads the board."""

    def __init__(self, board: Board, downtimes: Downtimes) -> None:
        self._board = board
        self._downtimes = downtimes

    def endpoints(self) -> list[Endpoint]:
        return [
            Endpoint("GET", "/api/v1/monitor", "monitors_list", self._list),
            Endpoint("GET", "/api/v1/monitor/{monitor_id}", "monitor_get", self._get),
        ]

    async def _list(self, request: web.Request) -> web.Response:
        states = _group_states(request)
        with_downtimes = true_or_false(request, "with_downtimes")
        wanted_tags = {tag for name in ("tags", "monitor_tags") for tag in _words(request.query.get(name, ""))}
        name = request.query.get("name", "").lower()
        found = [
            monitor
            for monitor in sorted(self._board.monitors.values(), key=lambda each: each.id)
            if wanted_tags <= set(monitor.tags) and name in monitor.name.lower()
        ]
        after = whole_number(request, "id_offset", 0)
        found = [monitor for monitor in found if monitor.id > after]
        if "page" in request.query or "page_size" in request.query:
            size = whole_number(request, "page_size", ON_PAGE, least=1)
            if size > MOST_ON_PAGE:
                raise Refusal(400, f"Invalid value for 'page_size': at most {MOST_ON_PAGE}")
            first = whole_number(request, "page", 0) * size
            found = found[first : first + size]
        elif "id_offset" in request.query:
            found = found[:ON_PAGE]
        return web.json_response([self._body(monitor, states, with_downtimes) for monitor in found])

    async def _get(self, request: web.Request) -> web.Response:
        given = request.match_info["monitor_id"]
        if not (given.isascii() and given.isdecimal()):
            raise Refusal(400, f"The value provided for parameter 'monitor_id' is invalid: {given!r}")
        monitor = self._board.monitors.get(int(given))
        if monitor is None:
            raise Refusal(404, "Monitor not found")
        states = _group_states(request)
        return web.json_response(self._body(monitor, states, true_or_false(request, "with_downtimes")))

    def _body(self, monitor: Monitor, states: frozenset[State] | None, with_downtimes: bool) -> Json:
        groups = self._board.groups[monitor.id]
        now = self._downtimes.now()
        active = [each for each in self._downtimes.found.values() if each.concerns(monitor)]
        active = [each for each in active if each.status(now) == "active"]
        body: Json = {
            "id": monitor.id,
            "org_id": int(ORG_ID),
            "type": "query alert",
            "name": monitor.name,
            "message": monitor.message,
            "tags": list(monitor.tags),
            "query": monitor.query,
            "options": _options(monitor, active, now),
            "multi": monitor.is_multi,
            "created_at": int(CREATED.timestamp() * 1000),
            "created": CREATED.isoformat(),
            "modified": CREATED.isoformat(),
            "deleted": None,
            "restricted_roles": None,
            "priority": monitor.priority,
            "overall_state": worst(groups.values()).value,
            "overall_state_modified": _overall_since(groups.values()),
            "creator": dict(CREATOR),
        }
        if states is not None:
            body["state"] = {"groups": {name: _state(g) for name, g in groups.items() if g.state in states}}
        if with_downtimes:
            body["matching_downtimes"] = [_matching(each, monitor, now) for each in active]
        return body


def worst(groups: Iterable[Group]) -> State:
    """The overall state of groups; Datadog says No Data when there are none."""
    states = {group.state for group in groups}
    return next((state for state in WORST_FIRST if state in states), State.NO_DATA)


def _overall_since(groups: Iterable[Group]) -> str | None:
    moments = [group.since_s for group in groups if group.since_s is not None]
    return datetime.fromtimestamp(int(max(moments)), UTC).isoformat() if moments else None


def _state(group: Group) -> Json:
    """MonitorStateGroup; what has not happened yet is not there, as in Datadog's own answers."""
    body: Json = {"name": group.name, "status": group.state.value}
    for name, moment_s in (
        ("last_triggered_ts", group.last_triggered_s),
        ("last_resolved_ts", group.last_resolved_s),
        ("last_nodata_ts", group.last_nodata_s),
        ("last_notified_ts", group.last_notified_s),
    ):
        if moment_s is not None:
            body[name] = int(moment_s)
    return body


def _options(monitor: Monitor, active: list[Downtime], now: datetime) -> Json:
    thresholds = {"critical": monitor.critical}
    if monitor.warning is not None:
        thresholds["warning"] = monitor.warning
    silenced: Json = {}
    for downtime in active:
        ends = downtime.span(now)[1]
        silenced[downtime.scope] = int(ends.timestamp()) if ends else None
    return {
        "thresholds": thresholds,
        "notify_no_data": monitor.notify_no_data,
        "no_data_timeframe": None,
        "notify_audit": False,
        "include_tags": True,
        "require_full_window": True,
        "new_group_delay": 0,
        "evaluation_delay": 0,
        "renotify_interval": None if monitor.renotify_s is None else max(1, round(monitor.renotify_s / 60)),
        "renotify_occurrences": monitor.renotify_occurrences,
        "renotify_statuses": [state.value.lower() for state in monitor.renotify_states],
        "escalation_message": monitor.escalation_message,
        "locked": False,
        "silenced": silenced,
    }


def _matching(downtime: Downtime, monitor: Monitor, now: datetime) -> Json:
    """MatchingDowntime; its id is a number of the older API, made from the newer one's."""
    begins, ends = downtime.span(now)
    return {
        "id": int(downtime.id.replace("-", "")[:12], 16),
        "active": True,
        "monitor_id": monitor.id,
        "start": int(begins.timestamp()),
        "end": int(ends.timestamp()) if ends else None,
        "scope": [downtime.scope],
        "groups": ["total"],
    }


def _group_states(request: web.Request) -> frozenset[State] | None:
    given = request.query.get("group_states")
    if given is None:
        return None
    states: set[State] = set()
    for word in (each.strip().lower() for each in given.split(",")):
        if word not in GROUP_STATES:
            raise Refusal(400, "Invalid group_state filters.")
        state = GROUP_STATES[word]
        states |= set(State) if state is None else {state}
    return frozenset(states)


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]
