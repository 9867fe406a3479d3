"""Events: what controllers and kubelets tell people about objects. Repeats are counted, old ones fall out."""

import time
from collections import OrderedDict

from bot.sandbox.kube.clock import micro_stamp, stamp
from bot.sandbox.kube.kinds import EVENTS, Obj
from bot.sandbox.kube.managed import sign
from bot.sandbox.kube.registry import Registry

SCHEDULER = "default-scheduler"
SIMILAR = 10  # as many different messages of one reason about one object are combined, as client-go's correlator does
COMBINED = "(combined from similar events): "
_MANAGERS = {SCHEDULER: "kube-scheduler", "kubelet": "kubelet"}


class Recorder:
    """Writes Event objects for one cluster."""

    def __init__(self, registry: Registry, limit: int) -> None:
        self._registry = registry
        self._limit = limit
        self._known: OrderedDict[tuple[str, ...], tuple[str, str]] = OrderedDict()
        self._messages: OrderedDict[tuple[str, ...], set[str]] = OrderedDict()
        self._serial = time.time_ns()

    def normal(self, about: Obj, component: str, reason: str, message: str, host: str = "", path: str = "") -> None:
        self._write(about, component, "Normal", reason, message, host, path)

    def warning(self, about: Obj, component: str, reason: str, message: str, host: str = "", path: str = "") -> None:
        self._write(about, component, "Warning", reason, message, host, path)

    def _write(self, about: Obj, component: str, kind: str, reason: str, message: str, host: str, path: str) -> None:
        metadata = about["metadata"]
        group = (metadata["uid"], component, kind, reason, path)
        are_many = component != SCHEDULER and self._are_many(group, message)
        identity = group if are_many else (*group, message)
        message = COMBINED + message if are_many else message
        known = self._known.get(identity)
        stored = self._registry.store.get(EVENTS, *known) if known else None
        now = self._registry.clock.now()
        if stored is not None and component != SCHEDULER:
            again = {**stored, "metadata": dict(stored["metadata"])}
            again["count"] = stored.get("count", 1) + 1
            again["lastTimestamp"] = stamp(now)
            again["message"] = message
            self._registry.store.put(EVENTS, again)
            return
        self._serial += 1
        namespace = metadata.get("namespace", "default")
        involved: Obj = {"kind": about["kind"], "namespace": metadata.get("namespace", ""), "name": metadata["name"],
                         "uid": metadata["uid"], "apiVersion": about["apiVersion"],
                         "resourceVersion": metadata.get("resourceVersion", "")}  # fmt: skip
        if path:
            involved["fieldPath"] = path
        event: Obj = {
            "kind": "Event",
            "apiVersion": "v1",
            "metadata": {
                "name": f"{metadata['name']}.{self._serial:x}",
                "namespace": namespace,
                "uid": self._registry.new_uid(),
                "creationTimestamp": stamp(now),
            },
            "involvedObject": involved,
            "reason": reason,
            "message": message,
        }
        if component == SCHEDULER:  # writes the newer kind of event: no count, no source
            event |= {"source": {}, "firstTimestamp": None, "lastTimestamp": None, "type": kind,
                      "eventTime": micro_stamp(now), "reportingComponent": component,
                      "action": "Binding" if kind == "Normal" else "Scheduling",
                      "reportingInstance": f"{component}-control-plane"}  # fmt: skip
        else:
            source = {"component": component} | ({"host": host} if host else {})
            event |= {"source": source, "firstTimestamp": stamp(now), "lastTimestamp": stamp(now), "count": 1,
                      "type": kind, "eventTime": None, "reportingComponent": component,
                      "reportingInstance": host}  # fmt: skip
        event["metadata"]["managedFields"] = [_owner(event, component, stamp(now))]
        self._registry.store.put(EVENTS, event)
        self._known[identity] = (namespace, event["metadata"]["name"])
        while len(self._known) > self._limit:
            _, oldest = self._known.popitem(last=False)
            dropped = self._registry.store.get(EVENTS, *oldest)
            if dropped is not None:
                self._registry.store.remove(EVENTS, dropped)

    def _are_many(self, group: tuple[str, ...], message: str) -> bool:
        """Whether so much was told in this vein that it is told as one from now on."""
        told = self._messages.setdefault(group, set())
        self._messages.move_to_end(group)
        while len(self._messages) > self._limit:
            self._messages.popitem(last=False)
        if message not in told and len(told) >= SIMILAR - 1:
            return True
        told.add(message)
        return False


def _owner(event: Obj, component: str, time: str) -> Obj:
    """The one entry of an event's managedFields. The scheduler's client speaks the newer group, where names differ."""
    told = {k: v for k, v in event.items() if v not in (None, "", {})}
    entry = sign(told, _MANAGERS.get(component, "kube-controller-manager"), "v1", time)
    if component == SCHEDULER:
        newer = {"f:involvedObject": "f:regarding", "f:message": "f:note",
                 "f:reportingComponent": "f:reportingController"}  # fmt: skip
        entry["apiVersion"] = "events.k8s.io/v1"
        entry["fieldsV1"] = {newer.get(name, name): inner for name, inner in entry["fieldsV1"].items()}
    return entry
