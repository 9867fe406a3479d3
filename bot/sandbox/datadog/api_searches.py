"""Calls that search monitors and their groups (`/api/v1/monitor/search`, `…/groups/search`).

Answers have the shapes that Datadog's own recordings have; mounted by `service` on the main host, before the call that
takes a monitor's id where these have a word.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any, TypeVar

from aiohttp import web

from bot.sandbox.datadog.api_monitors import CREATOR, worst
from bot.sandbox.datadog.board import Board
from bot.sandbox.datadog.door import Endpoint, Json, Refusal, whole_number
from bot.sandbox.datadog.downtimes import Downtimes
from bot.sandbox.datadog.monitors import WHOLE, Monitor, State
from bot.sandbox.datadog.payload import ORG_ID
from bot.sandbox.datadog.scope import BadScope, Matches, parse

T = TypeVar("T")
ON_PAGE = 30
FOR_EVER = 2**63 - 1


class SearchesApi:
    """Searches the board."""

    def __init__(self, board: Board, downtimes: Downtimes) -> None:
        self._board = board
        self._downtimes = downtimes

    def endpoints(self) -> list[Endpoint]:
        return [
            Endpoint("GET", "/api/v1/monitor/search", "monitors_search", self._search),
            Endpoint("GET", "/api/v1/monitor/groups/search", "monitors_groups_search", self._search_groups),
        ]

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
    size = whole_number(request, "per_page", ON_PAGE, least=1)
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
