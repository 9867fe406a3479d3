"""Events that Datadog is told of: v1 on the main host, v2 on the intake host, each with its own shape and refusals.

Mounted by `service`. Kept for the page and for tests.
"""

import time
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from bot.sandbox.datadog import shape
from bot.sandbox.datadog.door import Endpoint, Json, Refusal, read_json

OLDEST_S = 18 * 3600
REMEMBERED = 10_000
LONGEST_TITLE_V1 = 500
ALERT_TYPES = ("error", "warning", "info", "success", "user_update", "recommendation", "snapshot")
_V1 = shape.record(
    {"title": shape.text(), "text": shape.text(4000)},
    {
        "aggregation_key": shape.text(100),
        "alert_type": shape.text(choices=ALERT_TYPES),
        "date_happened": shape.whole,
        "device_name": shape.text(),
        "host": shape.text(),
        "priority": shape.nullable(shape.text(choices=("normal", "low"))),
        "related_event_id": shape.whole,
        "source_type_name": shape.text(),
        "tags": shape.listing(shape.text()),
    },
)
_OPEN = shape.record({}, is_open=True)
_CHANGED = shape.record(
    {"name": shape.text(128, shortest=1), "type": shape.text(choices=("feature_flag", "configuration"))}
)
_IMPACTED = shape.record({"name": shape.text(128, shortest=1), "type": shape.text(choices=("service",))})
_AUTHOR = shape.record(
    {"name": shape.text(128, shortest=1), "type": shape.text(choices=("user", "system", "api", "automation"))}
)
_CHANGE = shape.record(
    {"changed_resource": _CHANGED},
    {
        "author": _AUTHOR,
        "impacted_resources": shape.listing(_IMPACTED, 100),
        "prev_value": _OPEN,
        "new_value": _OPEN,
        "change_metadata": _OPEN,
    },
)
_LINK = shape.record(
    {
        "category": shape.text(choices=("runbook", "documentation", "dashboard", "resource")),
        "url": shape.text(2048, shortest=1),
    },
    {"title": shape.text(300)},
)
_ALERT = shape.record(
    {"status": shape.text(choices=("ok", "warn", "error"))},
    {"priority": shape.text(choices=tuple("12345")), "links": shape.listing(_LINK, 20), "custom": _OPEN},
)
_PAYLOAD = {
    "category": shape.text(choices=("change", "alert")),
    "title": shape.text(500, shortest=1),
    "attributes": shape.anything,
}
_MORE = {
    "message": shape.text(4000, shortest=1),
    "tags": shape.listing(shape.text(200, shortest=1), 100, 1),
    "aggregation_key": shape.text(100, shortest=1),
    "host": shape.text(255, shortest=1),
    "integration_id": shape.text(choices=("custom-events",)),
    "timestamp": shape.moment,
}
_V2 = shape.record(
    {
        "data": shape.record(
            {"type": shape.text(choices=("event",)), "attributes": shape.record(_PAYLOAD, _MORE)},
        )
    }
)


@dataclass(frozen=True, slots=True)
class Event:
    """One event that was accepted. `attributes` is v2's own part, empty for v1; `kind` its category or alert type."""

    id: str
    title: str
    text: str
    tags: tuple[str, ...]
    at_s: float
    kind: str
    api: str
    aggregation_key: str | None
    attributes: Json


class Events:
    """The newest events, oldest first."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.found: deque[Event] = deque(maxlen=REMEMBERED)
        self.app_url = ""
        self._clock = clock
        self._numbers = 6_000_000_000_000_000_000
        self._changed: Callable[[], None] = lambda: None

    def listen(self, changed: Callable[[], None]) -> None:
        self._changed = changed

    def endpoints(self) -> list[Endpoint]:
        """Those of the main host."""
        return [Endpoint("POST", "/api/v1/events", "events_create", self._create_v1, needs_app_key=False)]

    def intake_endpoints(self) -> list[Endpoint]:
        """Those of the intake host."""
        return [Endpoint("POST", "/api/v2/events", "events_intake", self._create_v2)]

    async def _create_v1(self, request: web.Request) -> web.Response:
        given = await read_json(request, _V1)
        now_s = self._clock()
        at_s = given.get("date_happened", int(now_s))
        if at_s < now_s - OLDEST_S:
            raise Refusal(400, "Event too far in the past")
        self._numbers += 1
        tags = tuple(given.get("tags", ()))
        title = str(given["title"])[:LONGEST_TITLE_V1]
        kind = given.get("alert_type", "info")
        self._keep(
            Event(str(self._numbers), title, given["text"], tags, at_s, kind, "v1", given.get("aggregation_key"), {})
        )
        event: dict[str, Any] = {
            "id": self._numbers,
            "id_str": str(self._numbers),
            "title": title,
            "text": given["text"],
            "date_happened": at_s,
            "handle": None,
            "priority": given.get("priority"),
            "related_event_id": given.get("related_event_id"),
            "tags": list(tags) or None,
            "url": f"{self.app_url}/event/event?id={self._numbers}",
        }
        if event["priority"] is None:
            del event["priority"]
        if event["tags"] is None:
            del event["tags"]
        return web.json_response({"status": "ok", "event": event}, status=202)

    async def _create_v2(self, request: web.Request) -> web.Response:
        given = (await read_json(request, _V2, is_json_api=True))["data"]["attributes"]
        own_check = _CHANGE if given["category"] == "change" else _ALERT
        try:
            own_check(given["attributes"], "body.data.attributes.attributes")
        except shape.Invalid as err:
            raise Refusal(400, str(err), is_json_api=True) from None
        now_s = self._clock()
        stamp = given.get("timestamp")
        at_s = now_s if stamp is None else shape.when(stamp, "timestamp").timestamp()
        if at_s < now_s - OLDEST_S:
            raise Refusal(400, "body.data.attributes.timestamp: more than 18 hours ago", is_json_api=True)
        uid = uuid.uuid4().hex[:24]
        self._keep(
            Event(
                uid, given["title"], given.get("message", ""), tuple(given.get("tags", ())), at_s,
                given["category"], "v2", given.get("aggregation_key"), given["attributes"],
            )
        )  # fmt: skip
        data = {"id": "_", "type": "event", "attributes": {"attributes": {"evt": {"uid": uid}}}}
        links = {"self": f"{self.app_url}/event/event?uid={uid}"}
        return web.json_response({"data": data, "links": links}, status=202)

    def _keep(self, event: Event) -> None:
        self.found.append(event)
        self._changed()
