"""Watches: streams of changes with resume, bookmarks, time limit, 410, and selectors that objects enter and leave.

Called by the HTTP door. A stream reads the store's history at its own pace, so that a slow reader costs no memory and
gets 410 when it falls behind what is kept.
"""

import asyncio
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from aiohttp import web

from bot.sandbox.kube.kinds import Obj, Resource
from bot.sandbox.kube.lists import matcher
from bot.sandbox.kube.paths import Target
from bot.sandbox.kube.selectors import Matcher
from bot.sandbox.kube.status import Cause, expired, invalid
from bot.sandbox.kube.store import Change, Collection, Store, StoredEvent
from bot.sandbox.kube.streams import POLL_S, Ended, Stream
from bot.sandbox.kube.wire import dumps, is_true, number, version_number

Line = Callable[[str, Obj], bytes]  # an event on the wire: the object whole, as a Table, metadata only
LAST_BOOKMARK_S = 2.0  # before the time limit, as a real server sends it


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
        self._wake = asyncio.Event()
        self._is_ended = False

    def end(self) -> None:
        """End the stream soon, as if its time were over."""
        self._is_ended = True
        self._wake.set()

    async def serve(self, stream: Stream) -> web.StreamResponse:
        """Serve until the time limit, the reader's end or the server's."""
        self._collection.watchers.add(self._wake)
        try:
            await stream.open()
            await self._tell(stream)
        except (ConnectionError, Ended):
            return stream.response  # the reader left, or a fault was ordered
        finally:
            self._collection.watchers.discard(self._wake)
        return stream.response

    async def _tell(self, stream: Stream) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._plan.timeout_s
        next_bookmark = self._next_bookmark(loop.time(), deadline)
        at = self._plan.start
        if at is None:
            at = self._store.version
            for obj in self._store.all_of(self._resource, self._namespace):
                if self._chosen(obj):
                    await stream.send([self._line("ADDED", obj)])
            if self._plan.tells_initial_end:
                await stream.send([self._bookmark(at, initial=True)])
        while not (self._closing.is_set() or self._is_ended):
            self._wake.clear()
            if at < self._collection.oldest:
                await stream.send([dumps({"type": "ERROR", "object": expired(at, self._collection.oldest).status()})])
                return
            lines: list[bytes] = []
            for event in self._collection.since(at):
                lines += self._seen(event)
                at = event.version
            if lines:
                await stream.send(lines)
                continue
            now = loop.time()
            if now >= deadline:
                return
            if self._plan.bookmarks and now >= next_bookmark:
                next_bookmark = self._next_bookmark(now, deadline)
                at = max(at, self._store.version)
                await stream.send([self._bookmark(at)])
            if stream.is_left:
                return
            try:
                async with asyncio.timeout(min(POLL_S, deadline - now, max(next_bookmark - now, 0.01))):
                    await self._wake.wait()
            except TimeoutError:
                continue

    def _next_bookmark(self, now: float, deadline: float) -> float:
        """Every so often, and shortly before the end where there is time for it."""
        early = deadline - LAST_BOOKMARK_S
        return early if now < early < now + self._bookmark_s else now + self._bookmark_s

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
