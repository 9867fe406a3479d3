"""The door of one of Datadog's hosts: keys, rate limits, faults on order, and refusals in Datadog's words.

`service` opens one for each host. A request passes in this order: fault, path, keys, limit, handler.
"""

import json
import math
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from bot.sandbox.datadog.faults import AFTER, Fault, Faults, befall
from bot.sandbox.datadog.shape import Check, Invalid

Json = dict[str, Any]
Handler = Callable[[web.Request], Awaitable[web.Response]]
LIMIT, PERIOD_S = 1000, 60
"""Requests that a host allows each endpoint in a period, unless `Door.limits` says otherwise."""


class Refusal(Exception):
    """An answer other than success. `is_json_api`: errors are objects with status, title and detail, not texts."""

    def __init__(self, status: int, *errors: str, is_json_api: bool = False, title: str = "Bad Request") -> None:
        super().__init__(*errors)
        self.status = status
        self.headers: dict[str, str] = {}
        self.errors: Sequence[Any] = errors
        if is_json_api:
            self.errors = [{"status": str(status), "title": title, "detail": text} for text in errors]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One call. `name` is what its rate limit is called; `needs_app_key` False: the API key is enough."""

    method: str
    path: str
    name: str
    handle: Handler
    needs_app_key: bool = True


@dataclass(frozen=True, slots=True)
class Call:
    """One request as it was recorded; keys are never kept."""

    host: str
    method: str
    path: str
    query: Mapping[str, str]
    body: str
    status: int


@dataclass(slots=True)
class Window:
    """How often an endpoint was called in the running period."""

    number: int = -1
    calls: int = 0


class Door:
    """One host. `limits` maps an endpoint's name to its calls a period; `period_s` is that of all."""

    def __init__(
        self,
        host: str,
        endpoints: Sequence[Endpoint],
        keys: tuple[str, str],
        faults: Faults,
        calls: "deque[Call]",
        clock: Callable[[], float],
    ) -> None:
        self.host = host
        self.limits: dict[str, int] = {}
        self.period_s = PERIOD_S
        self._endpoints = endpoints
        self._keys = keys
        self._faults = faults
        self._calls = calls
        self._clock = clock
        self._windows: dict[str, Window] = {}

    def app(self) -> web.Application:
        """The host as an application, for `add_subapp`."""
        app = web.Application(client_max_size=2**20)
        for endpoint in self._endpoints:
            app.router.add_route(endpoint.method, endpoint.path, self._through(endpoint))
        app.router.add_route("*", "/{tail:.*}", self._nowhere)
        return app

    def _through(self, endpoint: Endpoint) -> Handler:
        async def handle(request: web.Request) -> web.Response:
            return await self._answer(request, endpoint)

        return handle

    async def _nowhere(self, request: web.Request) -> web.Response:
        return await self._answer(request, None)

    async def _answer(self, request: web.Request, endpoint: Endpoint | None) -> web.Response:
        body = await request.text() if request.can_read_body else ""
        path = request.path
        headers: dict[str, str] = {}
        fault = self._faults.take(self.host, request.method, path)
        try:
            if fault is not None and fault.do not in AFTER:
                await befall(fault, self._faults, request)
                _raise(fault, self.period_s)
            if endpoint is None:
                raise Refusal(404, "Not found")
            self._check_keys(request, endpoint)
            headers = self._count(endpoint)
            response = await endpoint.handle(request)
            if fault is not None and fault.do in AFTER:
                await befall(fault, self._faults, request)
                _raise(fault, self.period_s)
        except Refusal as refusal:
            headers = headers | refusal.headers
            response = web.json_response({"errors": list(refusal.errors)}, status=refusal.status)
        response.headers.update(headers)
        self._calls.append(Call(self.host, request.method, path, dict(request.query), body, response.status))
        return response

    def _check_keys(self, request: web.Request, endpoint: Endpoint) -> None:
        api_key, app_key = self._keys
        shown = request.headers.get("DD-API-KEY"), request.headers.get("DD-APPLICATION-KEY")
        if shown[0] != api_key or (endpoint.needs_app_key and shown[1] != app_key):
            raise Refusal(403, "Forbidden")

    def _count(self, endpoint: Endpoint) -> dict[str, str]:
        """The headers that tell of the limit; Refusal 429 when it is exceeded."""
        limit, now_s = self.limits.get(endpoint.name, LIMIT), self._clock()
        window = self._windows.setdefault(endpoint.name, Window())
        number = int(now_s // self.period_s)
        if window.number != number:
            window.number, window.calls = number, 0
        window.calls += 1
        reset_s = math.ceil((number + 1) * self.period_s - now_s)
        headers = limit_headers(endpoint.name, limit, self.period_s, max(0, limit - window.calls), reset_s)
        if window.calls > limit:
            raise limited(limit, self.period_s, headers)
        return headers


def limit_headers(name: str, limit: int, period_s: int, remaining: int, reset_s: int) -> dict[str, str]:
    return {
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Period": str(period_s),
        "X-RateLimit-Remaining": str(remaining),
        "X-RateLimit-Reset": str(reset_s),
        "X-RateLimit-Name": name,
    }


class Limited(Refusal):
    """429, with the headers that say until when."""

    def __init__(self, text: str, headers: dict[str, str]) -> None:
        super().__init__(429, text)
        self.headers = headers


def limited(limit: int, period_s: int, headers: dict[str, str]) -> Limited:
    words = f"Rate limit of {limit} requests in {period_s} seconds reached. Please try again later."
    return Limited(words, headers)


def _raise(fault: Fault, period_s: int) -> None:
    """Refuse as a fault orders; nothing when it only took its time."""
    match fault.do:
        case "ratelimit":
            raise limited(LIMIT, period_s, limit_headers("ordered", LIMIT, period_s, 0, int(fault.seconds)))
        case "error":
            raise Refusal(fault.status, "Internal Server Error" if fault.status < 502 else "Bad Gateway")
        case "wrong_key":
            raise Refusal(403, "Forbidden")
        case "hang":
            raise Refusal(504, "Gateway Timeout")
        case "accept_then_500":
            raise Refusal(500, "Internal Server Error")
        case "reset" | "accept_then_close":
            raise ConnectionResetError


async def read_json(request: web.Request, check: Check, *, is_json_api: bool = False) -> Any:
    """A request's JSON body of the right shape; Refusal 415 or 400."""
    if request.content_type not in ("application/json", "application/vnd.api+json"):
        raise Refusal(415, f"Unsupported media type {request.content_type!r}", is_json_api=is_json_api)
    try:
        given = json.loads(await request.text())
    except ValueError:
        raise Refusal(400, "Invalid JSON", is_json_api=is_json_api) from None
    try:
        check(given, "body")
    except Invalid as err:
        raise Refusal(400, str(err), is_json_api=is_json_api) from None
    return given


def whole_number(request: web.Request, name: str, default: int, least: int = 0) -> int:
    """A number of the query; Refusal 400."""
    given = request.query.get(name)
    if given is None:
        return default
    if not given.isascii() or not given.isdecimal() or int(given) < least:
        raise Refusal(400, f"Invalid value for {name!r}: {given!r}")
    return int(given)


def true_or_false(request: web.Request, name: str) -> bool:
    """A flag of the query; Refusal 400."""
    given = request.query.get(name, "false").lower()
    if given not in ("true", "false"):
        raise Refusal(400, f"Invalid value for {name!r}: {given!r}")
    return given == "true"
