"""Events: what controllers and kubelets tell people about objects. Repeats are counted, old ones fall out."""

import time
from collections import OrderedDict

from bot.sandbox.kube.clock import micro_stamp, stamp
from bot.sandbox.kube.kinds import EVENTS, Obj
from bot.sandbox.kube.registry import Registry

SCHEDULER = "default-scheduler"


class Recorder:
    """Writes Event objects for one cluster."""

    def __init__(self, registry: Registry, limit: int) -> None:
        self._registry = registry
        self._limit = limit
        self._known: OrderedDict[tuple[str, ...], tuple[str, str]] = OrderedDict()
        self._serial = time.time_ns()

    def normal(self, about: Obj, component: str, reason: str, message: str, host: str = "", path: str = "") -> None:
        self._write(about, component, "Normal", reason, message, host, path)

    def warning(self, about: Obj, component: str, reason: str, message: str, host: str = "", path: str = "") -> None:
        self._write(about, component, "Warning", reason, message, host, path)

    def _write(self, about: Obj, component: str, kind: str, reason: str, message: str, host: str, path: str) -> None:
        metadata = about["metadata"]
        identity = (metadata["uid"], component, kind, reason, message, path)
        known = self._known.get(identity)
        stored = self._registry.store.get(EVENTS, *known) if known else None
        now = self._registry.clock.now()
        if stored is not None and component != SCHEDULER:
            again = {**stored, "metadata": dict(stored["metadata"])}
            again["count"] = stored.get("count", 1) + 1
            again["lastTimestamp"] = stamp(now)
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
        self._registry.store.put(EVENTS, event)
        self._known[identity] = (namespace, event["metadata"]["name"])
        while len(self._known) > self._limit:
            _, oldest = self._known.popitem(last=False)
            dropped = self._registry.store.get(EVENTS, *oldest)
            if dropped is not None:
                self._registry.store.remove(EVENTS, dropped)
