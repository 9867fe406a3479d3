"""Writes to the cluster: create, update, patch, server-side apply and their checks, in the API server's order.

Called by the HTTP door for clients and by controllers for themselves; both leave managedFields. Deletion lives in
`deletion`. Raises ApiError, and nothing else on any input.
"""

import copy
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.kube import apply as server_side
from bot.sandbox.kube import schema, validation
from bot.sandbox.kube.admission import ALPHABET, admit
from bot.sandbox.kube.clock import Clock, stamp
from bot.sandbox.kube.defaults import INITIAL_STATUS, apply_defaults, prepare
from bot.sandbox.kube.kinds import NAMESPACES, PODS, Obj, Resource
from bot.sandbox.kube.managed import record_update
from bot.sandbox.kube.quota import check_quota
from bot.sandbox.kube.status import ApiError, Cause, already_exists, bad_request, conflict, invalid, not_found
from bot.sandbox.kube.store import Store


@dataclass(slots=True)
class WriteOptions:
    """Query parameters of a write."""

    manager: str = "unknown"
    dry_run: bool = False
    force: bool = False
    field_validation: str = "Warn"
    subresource: str = ""
    trusted: bool = False  # a controller's own write: not checked again
    warnings: list[str] = field(default_factory=list)


class Registry:
    """The write side of one cluster's API."""

    def __init__(self, store: Store, clock: Clock, chance: random.Random) -> None:
        self.store = store
        self.clock = clock
        self.chance = chance

    def new_uid(self) -> str:
        return str(uuid.UUID(int=self.chance.getrandbits(128), version=4))

    def suffix(self, length: int = 5) -> str:
        return "".join(self.chance.choices(ALPHABET, k=length))

    def read(self, resource: Resource, namespace: str, name: str) -> Obj:
        found = self.store.get(resource, namespace, name)
        if found is None:
            raise not_found(resource, name)
        return found

    def create(self, resource: Resource, namespace: str, body: Obj, options: WriteOptions) -> Obj:
        """Store a new object; `body` may be kept and changed."""
        obj = self._decoded(resource, namespace, body, options)
        if obj["metadata"].get("resourceVersion"):
            raise bad_request("resourceVersion should not be set on objects to be created")
        return self._insert(resource, namespace, obj, options, applied=False)

    def _insert(self, resource: Resource, namespace: str, obj: Obj, options: WriteOptions, applied: bool) -> Obj:
        metadata = obj["metadata"]
        if resource.namespaced:
            self._require_namespace(namespace, metadata)
        if not metadata.get("name") and metadata.get("generateName"):
            metadata["name"] = metadata["generateName"] + self.suffix()
        for name in ("uid", "resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"):
            metadata.pop(name, None)
        metadata["uid"] = self.new_uid()
        metadata["creationTimestamp"] = stamp(self.clock.now())
        if resource.counts_generations:
            metadata["generation"] = 1
        if "status" in resource.subresources:
            obj.pop("status", None)
        apply_defaults(resource.kind, obj)
        if not applied:  # what the server itself adds from here on belongs to nobody
            metadata.pop("managedFields", None)
            self._record(resource, None, obj, options)
        if resource.kind in INITIAL_STATUS:
            obj["status"] = copy.deepcopy(INITIAL_STATUS[resource.kind])
        prepare(resource.kind, obj)
        admit(resource, obj, self.chance)
        causes = validation.check(resource, obj)
        if causes:
            raise invalid(resource, metadata.get("name") or "", causes)
        if self.store.get(resource, metadata.get("namespace", ""), metadata["name"]):
            raise already_exists(resource, metadata["name"])
        check_quota(self.store, resource, obj)
        _tidy(obj)
        return obj if options.dry_run else self.store.put(resource, obj)

    def update(self, resource: Resource, namespace: str, name: str, body: Obj, options: WriteOptions) -> Obj:
        """Replace an object (PUT), or its status when the options name that subresource."""
        obj = self._decoded(resource, namespace, body, options)
        old = self.read(resource, namespace, name)
        if obj["metadata"].get("name") != name:
            given = obj["metadata"].get("name") or ""
            raise bad_request(
                f"the name of the object ({given}) does not match the name on the URL ({name})"
                if given
                else "name must be provided"
            )
        if not obj["metadata"].get("resourceVersion") and not resource.unconditional_update:
            cause = Cause("metadata.resourceVersion", "Invalid value: 0: must be specified for an update")
            raise invalid(resource, name, [cause])
        return self._replace(resource, old, obj, options)

    def patch(
        self, resource: Resource, namespace: str, name: str, change: Callable[[Obj], Any], options: WriteOptions
    ) -> Obj:
        """Change an object by a pure function of its present state."""
        old = self.read(resource, namespace, name)
        whole = {"kind": resource.kind, "apiVersion": resource.api_version, **old}
        body = change(whole)
        if not isinstance(body, dict) or not isinstance(body.get("metadata"), dict):
            raise bad_request("patch must leave an object with metadata")
        obj = self._decoded(resource, namespace, copy.deepcopy(body), options)
        if obj["metadata"].get("name") != name:
            given = obj["metadata"].get("name")
            raise invalid(resource, name, [Cause.invalid("metadata.name", given, "field is immutable")])
        return self._replace(resource, old, obj, options)

    def apply(self, resource: Resource, namespace: str, name: str, intent: Obj, options: WriteOptions) -> Obj:
        """Server-side apply: create or merge, with ownership."""
        metadata = intent.setdefault("metadata", {})
        if not isinstance(metadata, dict):
            raise bad_request("metadata must be an object")
        if metadata.get("name", name) != name:
            raise bad_request(
                f"the name of the object ({metadata['name']}) does not match the name on the URL ({name})"
            )
        schema.check_declared(resource, name, "", intent)
        if metadata.get("managedFields"):
            raise bad_request("metadata.managedFields must be nil")
        metadata["name"] = name
        if resource.namespaced:
            metadata.setdefault("namespace", namespace)
        intent = self._decoded(resource, namespace, intent, options)
        old = self.store.get(resource, namespace, name)
        time = stamp(self.clock.now())
        merged = server_side.apply(old, intent, options.manager, resource.api_version, options.force, time)
        if old is None:
            return self._insert(resource, namespace, merged, options, applied=True)
        return self._replace(resource, old, merged, options, applied=True)

    def write(self, resource: Resource, draft: Obj, manager: str, subresource: str = "") -> Obj:
        """A controller's own write of a draft of a stored object: trusted, but versioned and owned like any other."""
        old = self.read(resource, draft["metadata"].get("namespace", ""), draft["metadata"]["name"])
        return self._replace(resource, old, draft, WriteOptions(manager=manager, subresource=subresource, trusted=True))

    def _replace(self, resource: Resource, old: Obj, obj: Obj, options: WriteOptions, applied: bool = False) -> Obj:
        self._keep_identity(resource, old, obj)
        if options.subresource == "status":
            status, changed = obj.get("status"), obj["metadata"]
            obj = {**old, "metadata": dict(old["metadata"])}
            obj["status"] = status if status is not None else {}
            for told in obj["status"].get("conditions") or []:
                told.setdefault("lastTransitionTime", stamp(self.clock.now()))
            for name in ("annotations", "labels") if resource.kind != "Deployment" else ("annotations",):
                _set_or_drop(obj["metadata"], name, changed.get(name))
        elif "status" in resource.subresources:
            _set_or_drop(obj, "status", old.get("status"))
        apply_defaults(resource.kind, obj)
        if not options.trusted:
            causes = validation.check(resource, obj) + validation.check_update(resource, old, obj)
            if causes:
                raise invalid(resource, obj["metadata"]["name"], causes)
        if options.subresource != "status" and resource.counts_generations and self._bumps(resource, old, obj):
            obj["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1
        _tidy(obj)
        if _same(old, obj):
            return old
        if not applied:
            self._record(resource, old, obj, options)
        if options.dry_run:
            return obj
        metadata = obj["metadata"]
        is_over = resource is not PODS or metadata.get("deletionGracePeriodSeconds") == 0
        if metadata.get("deletionTimestamp") and not metadata.get("finalizers") and is_over:
            return self.store.remove(resource, old)
        return self.store.put(resource, obj)

    @staticmethod
    def _bumps(resource: Resource, old: Obj, obj: Obj) -> bool:
        if old.get("spec") != obj.get("spec"):
            return True
        # Deployments copy their annotations to ReplicaSets, so these count as a change of the wish too.
        before, after = old["metadata"].get("annotations"), obj["metadata"].get("annotations")
        return resource.kind == "Deployment" and before != after

    def _keep_identity(self, resource: Resource, old: Obj, obj: Obj) -> None:
        before, after = old["metadata"], obj["metadata"]
        if after.get("uid") and after["uid"] != before["uid"]:
            why = f"Precondition failed: UID in precondition: {after['uid']}, UID in object meta: {before['uid']}"
            raise conflict(resource, before["name"], why)
        version = after.get("resourceVersion")
        if version and version != before["resourceVersion"]:
            if not str(version).isdigit():
                cause = Cause.invalid("metadata.resourceVersion", version, "must be a number")
                raise invalid(resource, before["name"], [cause])
            raise conflict(resource, before["name"])
        for name in ("uid", "creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds",
                     "namespace", "resourceVersion"):  # fmt: skip
            _set_or_drop(after, name, before.get(name))

    def _decoded(self, resource: Resource, namespace: str, body: Obj, options: WriteOptions) -> Obj:
        """The body with right kind and namespace, without unknown fields."""
        for name, wanted in (("apiVersion", resource.api_version), ("kind", resource.kind)):
            given = body.get(name)
            if given is not None and given != wanted:
                if name == "apiVersion":
                    raise bad_request(
                        f"the API version in the data ({given}) does not match the expected API version ({wanted})"
                    )
                raise bad_request(
                    f'{given} in version "{resource.version}" cannot be handled as a {wanted}: converting '
                    f"({resource.version}.{given}) to ({resource.version}.{wanted}): unknown conversion"
                )
        obj, warnings = schema.decode(resource, body, options.field_validation)
        options.warnings += warnings
        obj["apiVersion"], obj["kind"] = resource.api_version, resource.kind
        metadata = obj.get("metadata")
        if metadata is None:
            metadata = obj["metadata"] = {}
        if resource.namespaced:
            if metadata.get("namespace") not in (None, "", namespace):
                raise bad_request(
                    "the namespace of the provided object does not match the namespace sent on the request"
                )
            metadata["namespace"] = namespace
        else:
            metadata.pop("namespace", None)
        return {"kind": obj.pop("kind"), "apiVersion": obj.pop("apiVersion"), "metadata": metadata, **obj}

    def _require_namespace(self, namespace: str, metadata: Obj) -> None:
        found = self.store.get(NAMESPACES, "", namespace)
        if found is None:
            raise not_found(NAMESPACES, namespace)
        if found["metadata"].get("deletionTimestamp"):
            message = (
                f'"{metadata.get("name", "")}" is forbidden: unable to create new content in namespace {namespace} '
                "because it is being terminated"
            )
            raise ApiError(403, "Forbidden", message, {"causes": [{"reason": "NamespaceTerminating", "message": (
                f"namespace {namespace} is being terminated"), "field": "metadata.namespace"}]})  # fmt: skip

    def _record(self, resource: Resource, old: Obj | None, obj: Obj, options: WriteOptions) -> None:
        time = stamp(self.clock.now())
        record_update(old, obj, options.manager, resource.api_version, options.subresource, time)


def _set_or_drop(target: Obj, name: str, value: Any) -> None:
    if value is None:
        target.pop(name, None)
    else:
        target[name] = value


def _same(old: Obj, new: Obj) -> bool:
    """Equal in all but version and ownership times: such a write changes nothing."""

    def plain(obj: Obj) -> Obj:
        kept = {k: v for k, v in obj["metadata"].items() if k != "resourceVersion" and v not in (None, {}, [])}
        return {**obj, "metadata": kept}

    return plain(old) == plain(new)


def _tidy(obj: Obj) -> None:
    metadata = obj["metadata"]
    for name in ("labels", "annotations", "finalizers", "ownerReferences"):
        if name in metadata and not metadata[name]:
            del metadata[name]
