"""Reads over HTTP: get, list and watch, as objects, metadata or Tables. Called by the door."""

import asyncio
from collections.abc import Callable, Iterable

from aiohttp import web

from bot.sandbox.kube.encoded import Encoded
from bot.sandbox.kube.faults import Fault
from bot.sandbox.kube.kinds import Obj, Resource
from bot.sandbox.kube.lists import Lists, list_metadata
from bot.sandbox.kube.options import Options
from bot.sandbox.kube.paths import Target
from bot.sandbox.kube.registry import Registry
from bot.sandbox.kube.status import method_not_allowed
from bot.sandbox.kube.streams import Stream
from bot.sandbox.kube.subresources import scale_of
from bot.sandbox.kube.tables import partial_metadata, table
from bot.sandbox.kube.watch import Line, Watch
from bot.sandbox.kube.wire import dumps, respond, respond_encoded


class Reads:
    """The read side of one cluster's API."""

    def __init__(self, registry: Registry, options: Options) -> None:
        self._registry = registry
        self._options = options
        self._encoded = Encoded()
        self._watches: set[Watch] = set()
        self.lists = Lists(registry.store)

    def as_of(self, resource: Resource, version: int) -> "Reads":
        """These reads as a cache would answer them that has seen no more than that version of a resource."""
        registry = self._registry
        return Reads(Registry(registry.store.as_of(resource, version), registry.clock, registry.chance), self._options)

    def get(self, request: web.Request, target: Target) -> web.Response:
        if "get" not in target.resource.verbs:
            raise method_not_allowed()
        if target.subresource in ("eviction", "token", "binding", "finalize"):
            raise method_not_allowed()
        obj = self._registry.read(target.resource, target.namespace, target.name)
        if target.subresource == "scale":
            return respond(scale_of(obj))
        shape = self._shape(request, target)
        return respond(shape(obj)) if shape else respond_encoded(self._encoded.whole(obj) + b"\n")

    def list(self, request: web.Request, target: Target) -> web.Response:
        if "list" not in target.resource.verbs:
            raise method_not_allowed()
        page = self.lists.page(target, request.query)
        metadata = list_metadata(page)
        accept = request.headers.get("Accept", "")
        if _wants(accept, "Table"):
            include = request.query.get("includeObject", "Metadata")
            now = self._registry.clock.now()
            return respond(table(target.resource, page.items, now, include, metadata))
        if _wants(accept, "PartialObjectMetadataList"):
            items = [partial_metadata(obj) for obj in page.items]
            return respond({"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1",
                            "metadata": metadata, "items": items})  # fmt: skip
        return self._whole_list(target.resource, page.items, metadata)

    def _whole_list(self, resource: Resource, items: Iterable[Obj], metadata: Obj) -> web.Response:
        """A `…List` of whole objects, from what is already encoded."""
        head = {"kind": f"{resource.kind}List", "apiVersion": resource.api_version, "metadata": metadata}
        told = dumps(head).removesuffix(b"}\n")
        return respond_encoded(
            b'%s,"items":[%s]}\n' % (told, b",".join([self._encoded.item(resource, obj) for obj in items]))
        )

    async def watch(
        self, request: web.Request, target: Target, closing: asyncio.Event, fault: Fault | None = None
    ) -> web.StreamResponse:
        if "watch" not in target.resource.verbs:
            raise method_not_allowed()
        line = self._line(request, target)
        watch = Watch(self._registry.store, target, request.query, line, self._options.bookmark_s, closing)
        self._watches.add(watch)
        try:
            return await watch.serve(Stream(request, closing, fault))
        finally:
            self._watches.discard(watch)

    def end_watches(self) -> None:
        """Let every open watch end in good order, as a server does that restarts."""
        for watch in self._watches:
            watch.end()

    def _line(self, request: web.Request, target: Target) -> Line:
        """How a watch writes an event."""
        shape = self._shape(request, target)
        if shape is None:
            return self._encoded.event
        return lambda kind, obj: dumps({"type": kind, "object": shape(obj)})

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
