"""The HTTP door of a simulated API server: from an aiohttp request to the answer, with faults, log, access and errors.

The cluster mounts `handle`; everything it calls is synchronous except watches and followed logs.
"""

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from bot.sandbox.kube import discovery
from bot.sandbox.kube.access import Access
from bot.sandbox.kube.faults import Fault, FaultKind, Faults
from bot.sandbox.kube.options import Options
from bot.sandbox.kube.paths import NoResource, Target, parse
from bot.sandbox.kube.rbac import User
from bot.sandbox.kube.reads import Reads
from bot.sandbox.kube.selectors import named_by
from bot.sandbox.kube.spoiling import NoAnswer, misbehave, refused
from bot.sandbox.kube.status import ApiError, method_not_allowed, no_such_path
from bot.sandbox.kube.subresources import PodLogs
from bot.sandbox.kube.wire import RequestRecord, content_type, respond, respond_text
from bot.sandbox.kube.writes import Writes

_OPEN = ("/version", "/healthz", "/livez", "/readyz")
PASS = "/as/"
PAGE_NOT_FOUND = "404 page not found\n"


class Door:
    """Answers requests for one cluster."""

    def __init__(
        self, options: Options, access: Access, faults: Faults, reads: Reads, writes: Writes, logs: PodLogs,
        closing: asyncio.Event,
    ) -> None:  # fmt: skip
        self.requests: deque[RequestRecord] = deque(maxlen=options.request_log)
        self._access = access
        self._faults = faults
        self._reads = reads
        self._writes = writes
        self._logs = logs
        self._closing = closing

    async def handle(self, request: web.Request, path: str) -> web.StreamResponse:
        """Answer one request whose path below the cluster's root is `path`.

        `/as/TOKEN/…` stands for the token in a header: kubectl sends no credentials over plain HTTP.
        """
        pass_token = ""
        if path.startswith(PASS):
            pass_token, _, path = path.removeprefix(PASS).partition("/")
            path = f"/{path}"
        at = self._writes.registry.clock.now()
        raw = await request.read() if request.can_read_body else b""
        status = 0
        try:
            response = await self._with_faults(request, path, raw, pass_token)
            status = response.status
        except NoAnswer:
            transport = request.transport
            if transport is not None:
                transport.abort()
            response = web.Response(status=503)
        finally:
            self.requests.append(
                RequestRecord(request.method, path, request.query_string, raw.decode(errors="replace"), status,
                              request.headers.get("User-Agent", ""), content_type(request), at)
            )  # fmt: skip
        return response

    async def _with_faults(self, request: web.Request, path: str, raw: bytes, pass_token: str) -> web.StreamResponse:
        whole = f"{path}?{request.query_string}" if request.query_string else path
        fault = self._faults.take(request.method, whole)
        if fault is None:
            return await self._answer(request, path, raw, pass_token)

        async def truth(during: Fault | None) -> web.StreamResponse:
            return await self._answer(request, path, raw, pass_token, during)

        return await misbehave(request, path, fault, self._closing, truth)

    async def _answer(
        self, request: web.Request, path: str, raw: bytes, pass_token: str, fault: Fault | None = None
    ) -> web.StreamResponse:
        try:
            user = self._access.user_of(request.headers.get("Authorization") or (pass_token and f"Bearer {pass_token}"))
            user = self._access.impersonated(user, request.headers, request.headers.getall("Impersonate-Group", []))
            target = parse(path)
            if isinstance(target, Target):
                return await self._resource(request, target, user, raw, fault)
            if isinstance(target, NoResource):
                raise no_such_path()
            self._access.authorize_path(user, request.method, path)
            return self._document(request, path)
        except ApiError as error:
            return refused(error)

    async def _resource(
        self, request: web.Request, target: Target, user: User, raw: bytes, fault: Fault | None
    ) -> web.StreamResponse:
        query = request.query
        reads = self._reads
        if fault is not None and fault.kind is FaultKind.STALE:
            reads = reads.as_of(target.resource, fault.version or 0)
        verb = _verb(request.method, target, query)
        self._access.authorize(user, verb, target, named_by(query))
        match verb:
            case "get" if target.subresource == "log":
                return await self._logs.answer(request, target.namespace, target.name, query)
            case "get":
                return reads.get(request, target)
            case "list":
                return reads.list(request, target)
            case "watch":
                return await self._reads.watch(request, target, self._closing, fault)
            case "create":
                return self._writes.create(request, target, user, raw)
            case "update":
                return self._writes.update(request, target, user, raw)
            case "patch":
                return self._writes.patch(request, target, user, raw)
            case "delete":
                return self._writes.delete(request, target, raw)
            case _:
                return self._writes.delete_collection(request, target, raw)

    @staticmethod
    def _document(request: web.Request, path: str) -> web.Response:
        if request.method not in ("GET", "HEAD"):
            raise method_not_allowed()
        clean = "/" + path.strip("/")
        if clean in _OPEN or clean.partition("/")[2].partition("/")[0] in ("healthz", "livez", "readyz"):
            return respond(discovery.VERSION) if clean == "/version" else respond_text("ok")
        aggregated = "as=APIGroupDiscoveryList" in request.headers.get("Accept", "")
        if clean in ("/api", "/apis") and aggregated:
            headers = {"Content-Type": discovery.AGGREGATED}
            return respond(discovery.aggregated(core=clean == "/api"), headers=headers)
        body = _discovered(clean, request.host)
        if body is None:
            return respond_text(PAGE_NOT_FOUND, 404)
        if clean == "/openapi/v3":  # a real server calls its index text
            return respond(body, headers={"Content-Type": "text/plain; charset=utf-8"})
        return respond(body)


def _discovered(path: str, host: str) -> Any:
    parts = path.strip("/").split("/")
    match parts:
        case [""]:
            return {"paths": ["/api", "/api/v1", "/apis", "/healthz", "/livez", "/openapi/v3", "/readyz", "/version"]}
        case ["api"]:
            return discovery.api_versions(host)
        case ["apis"]:
            return discovery.group_list()
        case ["api", "v1"]:
            return discovery.resource_list("", "v1")
        case ["apis", group]:
            return discovery.group_document(group)
        case ["apis", group, version]:
            return discovery.resource_list(group, version)
        case ["openapi", "v3"]:
            return discovery.openapi_index()
        case ["openapi", "v3", *rest]:
            return discovery.openapi_document("/".join(rest))
        case _:
            return None


def _verb(method: str, target: Target, query: Mapping[str, str]) -> str:
    watching = query.get("watch", "") in ("1", "true") and not target.subresource
    match method:
        case "GET" if watching:
            return "watch"
        case "GET" | "HEAD":
            return "get" if target.name else "list"
        case "POST" if not target.name or target.subresource:
            return "create"
        case "PUT" if target.name:
            return "update"
        case "PATCH" if target.name:
            return "patch"
        case "DELETE" if not target.subresource:
            return "delete" if target.name else "deletecollection"
        case _:
            raise method_not_allowed()
