"""Objects of one cluster and the history of their changes: the etcd of the simulation.

Called by the registry (writes) and by lists, watches and controllers (reads). Stored objects are shared, never mutated:
a writer hands over a new dict. Single-threaded by design: no method awaits.
"""

import asyncio
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from bot.sandbox.kube.kinds import Obj, Resource

FIRST_VERSION = 100  # resourceVersions below are "too old", as on a cluster that has lived


class Change(StrEnum):
    """What a watch calls an event."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One change of one object; `before` lets a selector notice objects that enter or leave."""

    version: int
    change: Change
    obj: Obj
    before: Obj | None


class Collection:
    """All objects of one resource, with the tail of their history."""

    def __init__(self, history: int) -> None:
        self.objects: dict[tuple[str, str], Obj] = {}
        self._namespaces: dict[str, dict[str, Obj]] = {}
        self._names: dict[str, list[str]] = {}  # of each namespace, in order; made when asked for
        self.events: list[StoredEvent] = []
        self.oldest = FIRST_VERSION  # a watch can resume from this version or a later one
        self.watchers: set[asyncio.Event] = set()
        self._history = history
        self._by_owner: dict[str, dict[tuple[str, str], Obj]] = {}

    def index(self, key: tuple[str, str], before: Obj | None, after: Obj | None) -> None:
        """Keep the look-ups by namespace and by owner true."""
        namespace, name = key
        if before is None or after is None:
            self._names.pop(namespace, None)
        if after is None:
            self._namespaces.get(namespace, {}).pop(name, None)
        else:
            self._namespaces.setdefault(namespace, {})[name] = after
        for ref in (before or {}).get("metadata", {}).get("ownerReferences") or []:
            self._by_owner.get(ref["uid"], {}).pop(key, None)
        for ref in (after or {}).get("metadata", {}).get("ownerReferences") or []:
            self._by_owner.setdefault(ref["uid"], {})[key] = after or {}

    def of_owner(self, uid: str) -> list[Obj]:
        return list(self._by_owner.get(uid, {}).values())

    def ordered(self, namespace: str) -> list[Obj]:
        """Objects in the order of etcd's keys, which end a namespace with a slash; without a namespace, all."""
        found: list[Obj] = []
        for each in [namespace] if namespace else sorted(self._namespaces, key=lambda one: f"{one}/"):
            objects = self._namespaces.get(each, {})
            names = self._names.get(each)
            if names is None:
                names = self._names[each] = sorted(objects)
            found += [objects[name] for name in names]
        return found

    def in_namespace(self, namespace: str) -> list[Obj]:
        """Objects of a namespace in no order."""
        return list(self._namespaces.get(namespace, {}).values())

    def append(self, event: StoredEvent) -> None:
        self.events.append(event)
        if len(self.events) > 2 * self._history:
            self.forget(self.events[-self._history - 1].version)
        for watcher in self.watchers:
            watcher.set()

    def forget(self, version: int) -> None:
        """Drop the history up to and including `version`."""
        self.oldest = max(self.oldest, version)
        del self.events[: bisect_right(self.events, version, key=lambda event: event.version)]

    def since(self, version: int) -> list[StoredEvent]:
        return self.events[bisect_right(self.events, version, key=lambda event: event.version) :]


Listener = Callable[[Resource, StoredEvent], None]


class Store:
    """Every object of the cluster under one resourceVersion counter."""

    def __init__(self, history: int) -> None:
        self._history = history
        self._collections: dict[str, Collection] = {}
        self._version = FIRST_VERSION
        self._listeners: list[Listener] = []

    @property
    def version(self) -> int:
        return self._version

    def listen(self, listener: Listener) -> None:
        """Call `listener` on each change, synchronously; it must not write."""
        self._listeners.append(listener)

    def collection(self, resource: Resource) -> Collection:
        return self._collections.setdefault(resource.full_name, Collection(self._history))

    def as_of(self, resource: Resource, version: int) -> "Store":
        """A store with the objects of one resource as they were at a version, or at the oldest that is remembered."""
        then = Store(self._history)
        present = self.collection(resource)
        then._version = min(max(version, present.oldest), self._version)
        past = dict(present.objects)
        for event in reversed(present.since(then._version)):
            key = (event.obj["metadata"].get("namespace", ""), event.obj["metadata"]["name"])
            if event.before is None:
                past.pop(key, None)
            else:
                past[key] = event.before
        collection = then.collection(resource)
        for key, obj in past.items():
            collection.objects[key] = obj
            collection.index(key, None, obj)
        return then

    def wake_watchers(self) -> None:
        """Let every watch look again: its history was cut, or the server closes."""
        for collection in self._collections.values():
            for watcher in collection.watchers:
                watcher.set()

    def get(self, resource: Resource, namespace: str, name: str) -> Obj | None:
        return self.collection(resource).objects.get((namespace, name))

    def all_of(self, resource: Resource, namespace: str = "") -> list[Obj]:
        """Objects in the order of their keys, as etcd gives them; without a namespace, all."""
        return self.collection(resource).ordered(namespace)

    def each(self, resource: Resource, namespace: str) -> list[Obj]:
        """Objects of a namespace in no order: for controllers, which sort what they need."""
        return self.collection(resource).in_namespace(namespace)

    def dependents(self, uid: str) -> list[tuple[str, Obj]]:
        """Every object that names `uid` as an owner, with the key of its collection."""
        return [(name, obj) for name, c in self._collections.items() for obj in c.of_owner(uid)]

    def put(self, resource: Resource, obj: Obj) -> Obj:
        """Store a new version of an object under its namespace and name, and tell everybody."""
        collection = self.collection(resource)
        metadata = obj["metadata"]
        key = (metadata.get("namespace", ""), metadata["name"])
        before = collection.objects.get(key)
        metadata["resourceVersion"] = str(self._next())
        collection.objects[key] = obj
        collection.index(key, before, obj)
        self._tell(resource, StoredEvent(self._version, Change.MODIFIED if before else Change.ADDED, obj, before))
        return obj

    def remove(self, resource: Resource, obj: Obj) -> Obj:
        """Take an object out; its last state carries the version of the removal."""
        collection = self.collection(resource)
        metadata = obj["metadata"]
        key = (metadata.get("namespace", ""), metadata["name"])
        before = collection.objects.pop(key)
        collection.index(key, before, None)
        last = {**before, "metadata": {**before["metadata"], "resourceVersion": str(self._next())}}
        self._tell(resource, StoredEvent(self._version, Change.DELETED, last, before))
        return last

    def expire_history(self) -> None:
        """Make every watch that resumes from an older version answer 410."""
        self._next()
        for collection in self._collections.values():
            collection.forget(self._version)

    def _next(self) -> int:
        self._version += 1
        return self._version

    def _tell(self, resource: Resource, event: StoredEvent) -> None:
        self.collection(resource).append(event)
        for listener in self._listeners:
            listener(resource, event)
