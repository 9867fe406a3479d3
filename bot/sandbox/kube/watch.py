"""Watches: streams of changes with resume, bookmarks, time limit, 410, and selectors that objects enter and leave.

Called by the HTTP door. A stream reads the store's history at its own pace, so that a slow reader costs no memory and
gets 410 when it falls behind what is kept.
"""

import asyncio
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from aiohttp import HttpVersion11, web

from bot.sandbox.kube.kinds import Obj, Resource
from bot.sandbox.kube.lists import matcher
from bot.sandbox.kube.paths import Target
from bot.sandbox.kube.selectors import Matcher
from bot.sandbox.kube.status import Cause, expired, invalid
from bot.sandbox.kube.store import Change, Collection, Store, StoredEvent
from bot.sandbox.kube.wire import dumps, is_true, number, version_number

Line = Callable[[str, Obj], bytes]  # an event on the wire: the object whole, as a Table, metadata only
POLL_S = 1.0  # how often a silent stream looks whether its reader is still there


@dataclass(frozen=True, slots=True)
class WatchPlan:
    """What a watch asked for."""

    start: int | None  # resume after this version; None: present state first
    bookmarks: bool
    tells_initial_end: bool
    timeout_s: float


def plan(target: Target, query: Mapping[str, str], version: int) -> WatchPlan:
    """Read the query of a watch; raises ApiError for what a real server refuses."""
    text = query.get("resourceVersion", "")
    bookmarks = is_true(query, "allowWatchBookmarks")
    initial = query.get("sendInitialEvents", "")
    if initial and query.get("resourceVersionMatch") != "NotOlderThan":
        message = "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        raise invalid(target.resource, "", [Cause("resourceVersionMatch", message, "FieldValueForbidden")])
    asked = version_number(text) if text else 0
    timeout_s = number(query, "timeoutSeconds") or 0
    sends_state = is_true(query, "sendInitialEvents") or (not initial and asked == 0)
    return WatchPlan(
        start=None if sends_state else (asked or version),
        bookmarks=bookmarks,
        tells_initial_end=bookmarks and sends_state and (not text or bool(initial)),
        timeout_s=float(timeout_s) if timeout_s > 0 else random.uniform(1800, 3600),
    )


class Watch:
    """One stream to one client."""

    def __init__(
        self, store: Store, target: Target, query: Mapping[str, str], line: Line, bookmark_s: float,
        closing: asyncio.Event,
    ) -> None:  # fmt: skip
        self._store = store
        self._resource = target.resource
        self._collection: Collection = store.collection(target.resource)
        self._chosen: Matcher = matcher(target, query)
        self._namespace = target.namespace
        self._plan = plan(target, query, store.version)
        self._line = line
        self._bookmark_s = bookmark_s
        self._closing = closing

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Serve until the time limit, the reader's end or the server's."""
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        if request.version >= HttpVersion11:
            response.enable_chunked_encoding()
        await response.prepare(request)
        wake = asyncio.Event()
        self._collection.watchers.add(wake)
        try:
            await self._serve(request, response, wake)
        except ConnectionError:
            return response  # the reader left
        finally:
            self._collection.watchers.discard(wake)
        return response

    async def _serve(self, request: web.Request, response: web.StreamResponse, wake: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._plan.timeout_s
        next_bookmark = loop.time() + self._bookmark_s
        at = self._plan.start
        if at is None:
            at = self._store.version
            for obj in self._store.all_of(self._resource, self._namespace):
                if self._chosen(obj):
                    await response.write(self._line("ADDED", obj))
            if self._plan.tells_initial_end:
                await response.write(self._bookmark(at, initial=True))
        while not self._closing.is_set():
            wake.clear()
            if at < self._collection.oldest:
                await response.write(dumps({"type": "ERROR", "object": expired(at, self._collection.oldest).status()}))
                return
            lines: list[bytes] = []
            for event in self._collection.since(at):
                lines += self._seen(event)
                at = event.version
            if lines:
                await response.write(b"".join(lines))
                continue
            now = loop.time()
            if now >= deadline:
                if self._plan.bookmarks:
                    await response.write(self._bookmark(self._store.version))
                return
            if self._plan.bookmarks and now >= next_bookmark:
                next_bookmark = now + self._bookmark_s
                at = max(at, self._store.version)
                await response.write(self._bookmark(at))
            if request.transport is None or request.transport.is_closing():
                return
            try:
                async with asyncio.timeout(min(POLL_S, deadline - now, max(next_bookmark - now, 0.01))):
                    await wake.wait()
            except TimeoutError:
                continue

    def _seen(self, event: StoredEvent) -> Iterator[bytes]:
        """The event as this watch's selector sees it: objects enter as ADDED and leave as DELETED."""
        now_in = event.change is not Change.DELETED and self._chosen(event.obj)
        was_in = event.before is not None and self._chosen(event.before)
        if now_in:
            yield self._line("MODIFIED" if was_in else "ADDED", event.obj)
        elif was_in:
            last = event.obj
            if event.change is not Change.DELETED and event.before is not None:
                version = event.obj["metadata"]["resourceVersion"]
                last = {**event.before, "metadata": {**event.before["metadata"], "resourceVersion": version}}
            yield self._line("DELETED", last)

    def _bookmark(self, version: int, initial: bool = False) -> bytes:
        obj = _empty(self._resource)
        obj["metadata"] = {"resourceVersion": str(version)}
        if initial:
            obj["metadata"]["annotations"] = {"k8s.io/initial-events-end": "true"}
        return dumps({"type": "BOOKMARK", "object": obj})


def _empty(resource: Resource) -> Obj:
    """An object of a kind with nothing in it, as Go prints it."""
    obj: Obj = {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": {}}
    match resource.kind:
        case "Pod":
            obj |= {"spec": {"containers": None}, "status": {}}
        case "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet" | "Job":
            template = {"metadata": {}, "spec": {"containers": None}}
            obj |= {"spec": {"selector": None, "template": template}, "status": {}}
        case _:
            pass
    return obj
