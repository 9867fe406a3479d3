"""Garbage collector and namespace controller: finish what `deletion` began, remove what lost its owner."""

from bot.sandbox.kube.controllers.base import Tools, draft_of, is_terminating, key_of
from bot.sandbox.kube.controllers.engine import Key
from bot.sandbox.kube.deletion import FOREGROUND, ORPHAN, delete
from bot.sandbox.kube.kinds import (
    BY_KIND,
    CONFIG_MAPS,
    EVENTS,
    NAMESPACES,
    RESOURCES,
    SERVICE_ACCOUNTS,
    Obj,
    Resource,
)
from bot.sandbox.kube.registry import WriteOptions
from bot.sandbox.kube.store import Change, StoredEvent

_BY_NAME = {resource.full_name: resource for resource in RESOURCES}


def _key(collection: str, obj: Obj) -> Key:
    namespace, name = key_of(obj)
    return namespace, f"{collection}/{name}"


class GarbageCollector:
    """Deletes dependents of deleted owners; its keys carry the collection before the name."""

    name = "garbage"

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    def concerns(self, resource: Resource, event: StoredEvent) -> list[Key]:
        if resource is EVENTS:
            return []
        uid = event.obj["metadata"]["uid"]
        if event.change is Change.DELETED:
            keys = [_key(name, obj) for name, obj in self._tools.store.dependents(uid)]
            return keys + self._waiting_owners(event.obj)
        if is_terminating(event.obj) and event.obj["metadata"].get("finalizers"):
            return [_key(resource.full_name, event.obj)]
        if event.change is Change.ADDED and event.obj["metadata"].get("ownerReferences"):
            return [_key(resource.full_name, event.obj)]
        return []

    def _waiting_owners(self, obj: Obj) -> list[Key]:
        return [
            _key(resource.full_name, owner)
            for resource, owner in self._owners(obj)
            if FOREGROUND in (owner["metadata"].get("finalizers") or [])
        ]

    def _owners(self, obj: Obj) -> list[tuple[Resource, Obj]]:
        found = []
        for ref in obj["metadata"].get("ownerReferences") or []:
            resource = BY_KIND.get((ref["apiVersion"], ref["kind"]))
            if resource is None:
                continue
            namespace = obj["metadata"].get("namespace", "") if resource.namespaced else ""
            owner = self._tools.store.get(resource, namespace, ref["name"])
            if owner is not None and owner["metadata"]["uid"] == ref["uid"]:
                found.append((resource, owner))
        return found

    def reconcile(self, key: Key) -> float | None:
        collection, _, name = key[1].partition("/")
        resource = _BY_NAME[collection]
        obj = self._tools.store.get(resource, key[0], name)
        if obj is None:
            return None
        finalizers = obj["metadata"].get("finalizers") or []
        if is_terminating(obj) and ORPHAN in finalizers:
            self._orphan(obj)
            self._drop_finalizer(resource, obj, ORPHAN)
        elif is_terminating(obj) and FOREGROUND in finalizers:
            self._delete_dependents(resource, obj)
        elif obj["metadata"].get("ownerReferences"):
            self._delete_if_lost(resource, obj)
        return None

    def _orphan(self, owner: Obj) -> None:
        uid = owner["metadata"]["uid"]
        for name, dependent in self._tools.store.dependents(uid):
            draft = draft_of(dependent)
            draft["metadata"]["ownerReferences"] = [
                ref for ref in draft["metadata"]["ownerReferences"] if ref["uid"] != uid
            ]
            self._tools.write(_BY_NAME[name], draft)

    def _delete_dependents(self, resource: Resource, owner: Obj) -> None:
        blocking = False
        for name, dependent in self._tools.store.dependents(owner["metadata"]["uid"]):
            if not is_terminating(dependent):
                has_own = bool(self._tools.store.dependents(dependent["metadata"]["uid"]))
                policy = "Foreground" if has_own else "Background"
                delete(self._tools.registry, _BY_NAME[name], *key_of(dependent), {"propagationPolicy": policy})
            if self._tools.store.get(_BY_NAME[name], *key_of(dependent)):
                blocking = True
        if not blocking:
            self._drop_finalizer(resource, owner, FOREGROUND)

    def _drop_finalizer(self, resource: Resource, obj: Obj, finalizer: str) -> None:
        current = self._tools.store.get(resource, *key_of(obj))
        if current is not None:
            draft = draft_of(current)
            draft["metadata"]["finalizers"] = [f for f in draft["metadata"]["finalizers"] if f != finalizer]
            self._tools.write(resource, draft)

    def _delete_if_lost(self, resource: Resource, obj: Obj) -> None:
        owners = self._owners(obj)
        if is_terminating(obj):
            return
        if not owners or all(FOREGROUND in (o["metadata"].get("finalizers") or []) for _, o in owners):
            delete(self._tools.registry, resource, *key_of(obj), {"propagationPolicy": "Background"})


class NamespaceController:
    """Fills new namespaces with what every one has, and empties those that are being deleted."""

    name = "namespace"

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    def concerns(self, resource: Resource, event: StoredEvent) -> list[Key]:
        return [key_of(event.obj)] if resource is NAMESPACES and event.change is not Change.DELETED else []

    def reconcile(self, key: Key) -> float | None:
        namespace = self._tools.store.get(NAMESPACES, *key)
        if namespace is None:
            return None
        name = key[1]
        if not is_terminating(namespace):
            options = WriteOptions(manager="kube-controller-manager")
            if self._tools.store.get(SERVICE_ACCOUNTS, name, "default") is None:
                body: Obj = {"metadata": {"name": "default"}}
                self._tools.registry.create(SERVICE_ACCOUNTS, name, body, options)
            if self._tools.store.get(CONFIG_MAPS, name, "kube-root-ca.crt") is None:
                body = {"metadata": {"name": "kube-root-ca.crt"}, "data": {"ca.crt": ""}}
                self._tools.registry.create(CONFIG_MAPS, name, body, options)
            return None
        left = False
        for resource in RESOURCES:
            if not resource.namespaced:
                continue
            for obj in self._tools.store.all_of(resource, name):
                if not is_terminating(obj):
                    delete(self._tools.registry, resource, *key_of(obj), {"propagationPolicy": "Background"})
                left = left or self._tools.store.get(resource, *key_of(obj)) is not None
        if left:
            return 0.05
        self._tools.store.remove(NAMESPACES, namespace)
        return None
