"""Calls about monitors: list, one, search, search of groups (`/api/v1/monitor…`).

Answers have the shapes that Datadog's own recordings have; mounted by `service` on the main host.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, TypeVar

from aiohttp import web

from bot.sandbox.datadog.board import Board
from bot.sandbox.datadog.door import Endpoint, Json, Refusal, true_or_false, whole_number
from bot.sandbox.datadog.downtimes import Downtime, Downtimes
from bot.sandbox.datadog.monitors import WHOLE, Group, Monitor, State
from bot.sandbox.datadog.payload import ORG_ID
from bot.sandbox.datadog.scope import BadScope, Matches, parse

T = TypeVar("T")
GROUP_STATES = {"all": None, "alert": State.ALERT, "warn": State.WARN, "no data": State.NO_DATA, "ok": State.OK}
WORST_FIRST = (State.ALERT, State.WARN, State.NO_DATA, State.OK)
CREATED = datetime(2026, 4, 1, 9, 0, tzinfo=UTC)
CREATOR = {"name": "Dave", "handle": "dave@growlio.example", "email": "dave@growlio.example", "id": 4351227}
MOST_ON_PAGE, ON_PAGE = 1000, 100
FOR_EVER = 2**63 - 1


class MonitorsApi:
    """Reads the board."""

    def __init__(self, board: Board, downtimes: Downtimes) -> None:
        self._board = board
        self._downtimes = downtimes

    def endpoints(self) -> list[Endpoint]:
        return [
            Endpoint("GET", "/api/v1/monitor", "monitors_list", self._list),
            Endpoint("GET", "/api/v1/monitor/search", "monitors_search", self._search),
            Endpoint("GET", "/api/v1/monitor/groups/search", "monitors_groups_search", self._search_groups),
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

    # Searches

    async def _search(self, request: web.Request) -> web.Response:
        wanted = _query(request)
        found = [
            monitor
            for monitor in self._board.monitors.values()
            if wanted(_facts(monitor, worst(self._board.groups[monitor.id].values()), monitor.tags))
        ]
        counted = [(worst(self._board.groups[m.id].values()), self._is_muted(m, None), m) for m in found]
        page, metadata = _page(request, counted)
        rows = []
        for state, is_muted, monitor in page:
            triggered = [g.last_triggered_s for g in self._board.groups[monitor.id].values() if g.last_triggered_s]
            rows.append(
                {
                    "id": monitor.id,
                    "name": monitor.name,
                    "status": state.value,
                    "type": "query alert",
                    "classification": "metric",
                    "query": monitor.query,
                    "metrics": [monitor.metric],
                    "scopes": [f"env:{monitor.env}"],
                    "tags": list(monitor.tags),
                    "creator": {name: CREATOR[name] for name in ("handle", "id", "name")},
                    "notifications": [{"handle": "webhook-kajitori", "name": "webhook-kajitori"}],
                    "org_id": int(ORG_ID),
                    "priority": monitor.priority,
                    "muted_until_ts": FOR_EVER if is_muted else None,
                    "last_triggered_ts": int(max(triggered)) if triggered else None,
                    "overall_state_modified": None,
                    "restricted_roles": [],
                    "quality_issues": [],
                }
            )
        counts = _counts((state, is_muted, monitor.tags) for state, is_muted, monitor in counted)
        return web.json_response({"counts": counts, "monitors": rows, "metadata": metadata})

    async def _search_groups(self, request: web.Request) -> web.Response:
        wanted = _query(request)
        found = []
        for monitor in self._board.monitors.values():
            for group in self._board.groups[monitor.id].values():
                if wanted(_facts(monitor, group.state, (*monitor.tags, *group.tags), group.name)):
                    found.append((group, self._is_muted(monitor, group.name), monitor))
        page, metadata = _page(request, found)
        rows = [
            {
                "monitor_id": monitor.id,
                "monitor_name": monitor.name,
                "group": group.name,
                "group_tags": [group.name] if group.name == WHOLE else list(group.tags),
                "status": group.state.value,
                "last_triggered_ts": int(group.last_triggered_s or 0),
                "last_nodata_ts": int(group.last_nodata_s or 0),
                "priority": monitor.priority,
                "muted": is_muted,
                "muted_until_ts": FOR_EVER if is_muted else None,
                "muted_remaining": None,
                "all_tags": [*monitor.tags, *group.tags],
                "env_tags": [monitor.env],
                "team_tags": [tag[5:] for tag in monitor.tags if tag.startswith("team:")],
                "downtimes": [],
            }
            for group, is_muted, monitor in page
        ]
        counts = _counts((group.state, is_muted, monitor.tags) for group, is_muted, monitor in found)
        return web.json_response({"counts": counts, "groups": rows, "metadata": metadata})

    def _is_muted(self, monitor: Monitor, group: str | None) -> bool:
        tags = self._board.tags_of(monitor, WHOLE if group is None else group)
        return bool(self._downtimes.muting(monitor, tags, self._downtimes.clock()))


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


def _query(request: web.Request) -> Matches:
    try:
        return parse(request.query.get("query") or "*")
    except BadScope as err:
        raise Refusal(400, f"Invalid query: {err}") from None


def _facts(monitor: Monitor, state: State, tags: Iterable[str], group: str = "") -> frozenset[str]:
    """What a search's terms are compared with: fields of the monitor, and its tags, also as `tag:"env:stg"`."""
    own = {f"status:{state.value}", f"id:{monitor.id}", f"title:{monitor.name}", "type:metric", f"group:{group}"}
    own |= {f"priority:p{monitor.priority}", f"monitor_name:{monitor.name}", "notification:webhook-kajitori"}
    every = {f"env:{monitor.env}", *tags}
    return frozenset(own | every | {f"tag:{tag}" for tag in every} | {f"group:{tag}" for tag in every})


def _page(request: web.Request, found: list[T]) -> tuple[list[T], Json]:
    number = whole_number(request, "page", 0)
    size = whole_number(request, "per_page", 30, least=1)
    metadata = {
        "page": number,
        "page_count": -(-len(found) // size),
        "per_page": size,
        "total_count": len(found),
    }
    return found[number * size : (number + 1) * size], metadata


def _counts(found: Iterable[tuple[State, bool, Iterable[str]]]) -> Json:
    states: Counter[Any] = Counter()
    muted: Counter[Any] = Counter()
    tags: Counter[Any] = Counter()
    for state, is_muted, own in found:
        states[state.value] += 1
        muted[is_muted] += 1
        tags.update(own)
    return {
        "status": _named(states),
        "muted": _named(muted),
        "tag": _named(tags),
        "type": [{"name": "metric", "count": states.total()}],
    }


def _named(counter: Counter[Any]) -> list[Json]:
    return [{"name": name, "count": count} for name, count in counter.most_common()]
