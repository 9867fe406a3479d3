"""Reads over HTTP: get, list and watch, as objects, metadata or Tables. Called by the door."""

import asyncio
from collections.abc import Callable

from aiohttp import web

from bot.sandbox.kube.kinds import Obj
from bot.sandbox.kube.lists import Lists, list_body
from bot.sandbox.kube.options import Options
from bot.sandbox.kube.paths import Target
from bot.sandbox.kube.registry import Registry
from bot.sandbox.kube.status import ApiError, method_not_allowed
from bot.sandbox.kube.subresources import scale_of
from bot.sandbox.kube.tables import partial_metadata, table
from bot.sandbox.kube.watch import Watch
from bot.sandbox.kube.wire import respond


class Reads:
    """The read side of one cluster's API."""

    def __init__(self, registry: Registry, options: Options) -> None:
        self._registry = registry
        self._options = options
        self.lists = Lists(registry.store)

    def get(self, request: web.Request, target: Target) -> web.Response:
        if "get" not in target.resource.verbs:
            raise method_not_allowed()
        if target.subresource in ("eviction", "token", "binding", "finalize"):
            raise method_not_allowed()
        obj = self._registry.read(target.resource, target.namespace, target.name)
        if target.subresource == "scale":
            return respond(scale_of(obj))
        shape = self._shape(request, target)
        return respond(shape(obj) if shape else obj)

    def list(self, request: web.Request, target: Target) -> web.Response:
        if "list" not in target.resource.verbs:
            raise method_not_allowed()
        page = self.lists.page(target, request.query)
        body = list_body(target.resource, page)
        accept = request.headers.get("Accept", "")
        if _wants(accept, "Table"):
            include = request.query.get("includeObject", "Metadata")
            now = self._registry.clock.now()
            return respond(table(target.resource, page.items, now, include, body["metadata"]))
        if _wants(accept, "PartialObjectMetadataList"):
            items = [partial_metadata(obj) for obj in page.items]
            return respond({"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1",
                            "metadata": body["metadata"], "items": items})  # fmt: skip
        return respond(body)

    async def watch(self, request: web.Request, target: Target, closing: asyncio.Event) -> web.StreamResponse:
        if "watch" not in target.resource.verbs:
            raise method_not_allowed()
        shape = self._shape(request, target) or (lambda obj: obj)
        watch = Watch(self._registry.store, target, request.query, shape, self._options.bookmark_s, closing)
        try:
            return await watch.stream(request)
        except ApiError as error:
            return respond(error.status(), error.code)

    def _shape(self, request: web.Request, target: Target) -> Callable[[Obj], Obj] | None:
        """How single objects are to be shown, when not whole."""
        accept = request.headers.get("Accept", "")
        if _wants(accept, "Table"):
            include = request.query.get("includeObject", "Metadata")
            shown = False

            def as_table(obj: Obj) -> Obj:
                nonlocal shown
                head, shown = not shown, True
                version = {"resourceVersion": obj["metadata"].get("resourceVersion", "")}
                return table(target.resource, [obj], self._registry.clock.now(), include, version, head)

            return as_table
        if _wants(accept, "PartialObjectMetadata"):
            return partial_metadata
        return None


def _wants(accept: str, kind: str) -> bool:
    """True when the first acceptable form that we know is that kind."""
    first = accept.partition(",")[0]
    return any(part.strip() == f"as={kind}" for part in first.split(";"))
