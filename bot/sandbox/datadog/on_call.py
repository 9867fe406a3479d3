"""On-Call: who answers for a team, and pages. Calls that read are on the main host, those that page on a host of their
own, as with Datadog, where a page that goes to the wrong host meets nobody.

Mounted by `service`. People are those of the sandbox's workspace, by their addresses.
"""

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from bot.sandbox.datadog import shape
from bot.sandbox.datadog.door import Endpoint, Json, Refusal, read_json

TEAM_ID = "5f2d0b8a-77c1-4f8e-9a54-0f1f6a4c1e01"
TEAM_HANDLE = "platform"
SCHEDULE_ID = "b3a0c7de-2f59-4e0b-8a37-64d0c0a2d902"
ROTA = ("alice", "bob", "carol")
"""Who is on call, and to whom a page goes on if they do not answer."""
SHIFT = timedelta(hours=12)
TARGET_TYPES = ("team_id", "team_handle", "user_id")
_NAMESPACE = uuid.UUID("0b7f5c1e-9b7c-4c59-9d0e-3f7c1d4b6a10")
_PAGE = shape.record(
    {
        "data": shape.record(
            {
                "type": shape.text(choices=("pages",)),
                "attributes": shape.record(
                    {
                        "target": shape.record(
                            {"identifier": shape.text(shortest=1), "type": shape.text(choices=TARGET_TYPES)}
                        ),
                        "title": shape.text(shortest=1),
                        "urgency": shape.text(choices=("low", "high")),
                    },
                    {"description": shape.text(), "tags": shape.listing(shape.text())},
                ),
            }
        )
    }
)


@dataclass(slots=True)
class Page:
    """One page. `state`: triggered, acknowledged, resolved; `level` counts escalations."""

    id: str
    title: str
    urgency: str
    target: str
    target_type: str
    created_s: float
    description: str = ""
    tags: tuple[str, ...] = ()
    state: str = "triggered"
    level: int = 0
    history: list[str] = field(default_factory=list)


def user_id(name: str) -> str:
    """The Datadog id of one of the workspace's people."""
    return str(uuid.uuid5(_NAMESPACE, name))


def email(name: str) -> str:
    return f"{name}@growlio.example"


class OnCall:
    """The team's rota and its pages."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.rota: list[str] = list(ROTA)
        """First the one on call, then those that pages escalate to. Empty: nobody is on call."""
        self.pages: dict[str, Page] = {}
        self._clock = clock
        self._changed: Callable[[], None] = lambda: None

    def listen(self, changed: Callable[[], None]) -> None:
        self._changed = changed

    def hand_over(self, people: Sequence[str]) -> None:
        """The next shift: who is on call from now on, first to last."""
        self.rota = list(people)
        self._changed()

    def page_by_hand(self, title: str, urgency: str = "high") -> Page:
        """A page that Datadog itself made, as monitors do."""
        return self._add(title, urgency, TEAM_HANDLE, "team_handle", "", ())

    def endpoints(self) -> list[Endpoint]:
        """Those of the main host: who is on call."""
        schedule = "/api/v2/on-call/schedules/{schedule_id}"
        return [
            Endpoint("GET", "/api/v2/on-call/teams/{team_id}/on-call", "on_call_team", self._team),
            Endpoint("GET", f"{schedule}/responders", "on_call_schedule_responders", self._responders),
            Endpoint("GET", f"{schedule}/on-call", "on_call_schedule", self._shift),
        ]

    def paging_endpoints(self) -> list[Endpoint]:
        """Those of the paging host."""
        return [
            Endpoint("POST", "/api/v2/on-call/pages", "on_call_page", self._page),
            *(
                Endpoint("POST", f"/api/v2/on-call/pages/{{page_id}}/{act}", f"on_call_{act}", self._acting(act))
                for act in ("acknowledge", "escalate", "resolve")
            ),
        ]

    # Who is on call

    async def _team(self, request: web.Request) -> web.Response:
        if request.match_info["team_id"] != TEAM_ID:
            raise Refusal(404, "team not found", is_json_api=True, title="Not Found")
        parts = set(request.query.get("include", "").split(","))
        first, *others = [*self.rota, None] if self.rota else [None]
        steps = [(f"{TEAM_ID}-step-{number}", name) for number, name in enumerate(others) if name is not None]
        data = {
            "id": f"{TEAM_ID}-{int(self._clock())}",
            "type": "team_oncall_responders",
            "relationships": {
                "responders": {"data": [] if first is None else [_reference(first)]},
                "escalations": {"data": [{"id": step, "type": "escalation_policy_steps"} for step, _ in steps]},
            },
        }
        included: list[Json] = []
        if "responders" in parts and first is not None:
            included.append(_person(first))
        if parts & {"escalations", "escalations.responders"}:
            for step, name in steps:
                responders = {"responders": {"data": [_reference(name)]}}
                included.append({"id": step, "type": "escalation_policy_steps", "relationships": responders})
        if "escalations.responders" in parts:
            included += [_person(name) for _, name in steps]
        return _json_api({"data": data} | ({"included": included} if included else {}))

    async def _responders(self, request: web.Request) -> web.Response:
        self._check_schedule(request)
        now_s, parts = int(self._clock()), set(request.query.get("include", "").split(","))
        wanted = request.query.get("filter[position]", "current")
        own = f"{SCHEDULE_ID}-{now_s}"
        included: list[Json] = []
        references: list[Json] = []
        for position, name in zip(("current", "next"), self.rota, strict=False):
            if position not in wanted.split(","):
                continue
            responder, begins = f"{own}-{position}", self._shift_start() + SHIFT * (position == "next")
            references.append({"id": responder, "type": "schedule_oncall_responder"})
            shift = _shift_body(name, begins)
            if parts & {"responders", "responders.shifts", "responders.shifts.user"}:
                shifts = {"shifts": {"data": [{"id": shift["id"], "type": "shifts"}]}}
                attributes = {"position": position}
                included.append(
                    {
                        "id": responder,
                        "type": "schedule_oncall_responder",
                        "attributes": attributes,
                        "relationships": shifts,
                    }
                )
            if parts & {"responders.shifts", "responders.shifts.user"}:
                included.append(shift)
            if "responders.shifts.user" in parts:
                included.append(_person(name))
        data = {
            "id": own,
            "type": "schedule_oncall_responders",
            "attributes": {"scheduled_at": datetime.fromtimestamp(now_s, UTC).isoformat().replace("+00:00", "Z")},
            "relationships": {
                "responders": {"data": references},
                "schedule": {"data": {"id": SCHEDULE_ID, "type": "schedules"}},
            },
        }
        return _json_api({"data": data} | ({"included": included} if included else {}))

    async def _shift(self, request: web.Request) -> web.Response:
        """The older call: one shift."""
        self._check_schedule(request)
        if not self.rota:
            raise Refusal(404, "nobody is on call", is_json_api=True, title="Not Found")
        body: Json = {"data": _shift_body(self.rota[0], self._shift_start())}
        if "user" in request.query.get("include", "").split(","):
            body["included"] = [_person(self.rota[0])]
        return _json_api(body)

    def _check_schedule(self, request: web.Request) -> None:
        if request.match_info["schedule_id"] != SCHEDULE_ID:
            raise Refusal(404, "schedule not found", is_json_api=True, title="Not Found")

    def _shift_start(self) -> datetime:
        length_s = SHIFT.total_seconds()
        return datetime.fromtimestamp(self._clock() // length_s * length_s, UTC)

    # Pages

    async def _page(self, request: web.Request) -> web.Response:
        given = (await read_json(request, _PAGE, is_json_api=True))["data"]["attributes"]
        target = given["target"]
        known = {"team_id": [TEAM_ID], "team_handle": [TEAM_HANDLE], "user_id": [user_id(name) for name in ROTA]}
        if target["identifier"] not in known[target["type"]]:
            raise Refusal(404, f"target {target['identifier']!r} not found", is_json_api=True, title="Not Found")
        page = self._add(
            given["title"],
            given["urgency"],
            target["identifier"],
            target["type"],
            given.get("description", ""),
            tuple(given.get("tags", ())),
        )
        return _json_api({"data": {"id": page.id, "type": "pages"}})

    def _add(
        self, title: str, urgency: str, target: str, target_type: str, description: str, tags: tuple[str, ...]
    ) -> Page:
        page = Page(str(uuid.uuid4()), title, urgency, target, target_type, self._clock(), description, tags)
        self.pages[page.id] = page
        self._changed()
        return page

    def _acting(self, act: str) -> Callable[[web.Request], Any]:
        async def handle(request: web.Request) -> web.Response:
            body = await request.text()
            if body and request.content_type != "application/json":
                words = f"Unsupported media type {request.content_type!r}"
                raise Refusal(415, words, is_json_api=True, title="Unsupported Media Type")
            page = self._one(request.match_info["page_id"])
            self.act(page, act)
            return web.Response(status=202)

        return handle

    def _one(self, given: str) -> Page:
        try:
            wanted = str(uuid.UUID(given))
        except ValueError:
            raise Refusal(400, f"page_id {given!r} is not a valid UUID", is_json_api=True) from None
        if wanted not in self.pages:
            raise Refusal(404, "page not found", is_json_api=True, title="Not Found")
        return self.pages[wanted]

    def act(self, page: Page, act: str) -> None:
        """acknowledge, escalate or resolve; a page that is resolved stays so (Refusal 400)."""
        if page.state == "resolved" and act != "resolve":
            raise Refusal(400, f"the page is resolved, it can not {act}", is_json_api=True)
        match act:
            case "acknowledge":
                page.state = "acknowledged"
            case "escalate":
                page.state, page.level = "triggered", page.level + 1
            case "resolve":
                page.state = "resolved"
        page.history.append(act)
        self._changed()


def _reference(name: str) -> Json:
    return {"id": user_id(name), "type": "users"}


def _person(name: str) -> Json:
    attributes = {"email": email(name), "name": name.capitalize(), "status": "active"}
    return {"id": user_id(name), "type": "users", "attributes": attributes}


def _shift_body(name: str, begins: datetime) -> Json:
    ends = begins + SHIFT
    return {
        "id": f"{user_id(name)}-{begins.isoformat()}-{ends.isoformat()}",
        "type": "shifts",
        "attributes": {"start": begins.isoformat(), "end": ends.isoformat()},
        "relationships": {"user": {"data": _reference(name)}},
    }


def _json_api(body: Json) -> web.Response:
    return web.json_response(body, content_type="application/vnd.api+json")
