"""Endpoints controller: for each Kubernetes Service with a selector, its EndpointSlices and its Endpoints object."""

from collections.abc import Iterable, Iterator
from typing import Any

from bot.sandbox.kube.controllers.base import MANAGER, Tools, is_ready, is_terminating, key_of, reference
from bot.sandbox.kube.controllers.engine import Key
from bot.sandbox.kube.deletion import delete
from bot.sandbox.kube.kinds import ENDPOINT_SLICES, ENDPOINTS, PODS, SERVICES, Obj, Resource
from bot.sandbox.kube.registry import WriteOptions
from bot.sandbox.kube.store import Change, StoredEvent

OF_SERVICE = "kubernetes.io/service-name"
SLICE_SIZE = 100  # endpoints in one slice, as in a real cluster
ZONE = "topology.kubernetes.io/zone"
_OURS = {"endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"}
_LEGACY = {"endpoints.kubernetes.io/managed-by": "endpoint-controller"}


class EndpointsController:
    """Keeps endpoints equal to the pods that a Kubernetes Service selects."""

    name = "endpoints"

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._selectors: dict[str, dict[str, dict[str, str]]] = {}  # namespace, name of the Kubernetes Service
        self._pods: dict[str, dict[str, Obj]] = {}  # namespace, name

    def concerns(self, resource: Resource, event: StoredEvent) -> list[Key]:
        if resource is PODS:
            return self._of_pod(event)
        if resource is SERVICES:
            return self._of_service(event)
        if resource is ENDPOINT_SLICES and event.change is Change.DELETED:
            owner = (event.obj["metadata"].get("labels") or {}).get(OF_SERVICE)
            return [(event.obj["metadata"]["namespace"], owner)] if owner else []
        return []

    def _of_service(self, event: StoredEvent) -> list[Key]:
        namespace, name = key_of(event.obj)
        known = self._selectors.setdefault(namespace, {})
        selector = event.obj["spec"].get("selector")
        if selector and event.change is not Change.DELETED:
            known[name] = selector
        else:
            known.pop(name, None)
        return [(namespace, name)]

    def _of_pod(self, event: StoredEvent) -> list[Key]:
        namespace, name = key_of(event.obj)
        if event.change is Change.DELETED:
            self._pods.get(namespace, {}).pop(name, None)
        else:
            self._pods.setdefault(namespace, {})[name] = event.obj
        known = self._selectors.get(namespace)
        if not known:
            return []
        before, after = event.before, event.obj if event.change is not Change.DELETED else None
        if before is not None and after is not None and _face(before) == _face(after):
            return []
        labels = [p["metadata"].get("labels") or {} for p in (before, after) if p is not None]
        return [
            (namespace, name)
            for name, wanted in known.items()
            if any(wanted.items() <= held.items() for held in labels)
        ]

    def reconcile(self, key: Key) -> float | None:
        service = self._tools.store.get(SERVICES, *key)
        if service is None or is_terminating(service):
            if self._tools.store.get(ENDPOINTS, *key) is not None:
                delete(self._tools.registry, ENDPOINTS, *key)
            return None
        if not service["spec"].get("selector"):
            return None
        pods = sorted(selected(self._pods.get(key[0], {}).values(), service), key=key_of)
        ports = [_port(port, pods) for port in service["spec"].get("ports") or []]
        self._write_slices(service, [_endpoint(pod, service) for pod in pods], ports)
        self._write_legacy(service, pods, ports)
        return None

    def _write_slices(self, service: Obj, endpoints: list[Obj], ports: list[Obj]) -> None:
        """Fill the slices there are in order, create what is missing, delete what is left over."""
        parts = [endpoints[i : i + SLICE_SIZE] for i in range(0, len(endpoints), SLICE_SIZE)] or [[]]
        known = self._tools.owned(ENDPOINT_SLICES, service)
        name, given = service["metadata"]["name"], service["metadata"].get("labels") or {}
        for index, part in enumerate(parts):
            if index < len(known):
                draft = {**known[index], "metadata": dict(known[index]["metadata"]), "endpoints": part, "ports": ports}
                self._tools.write(ENDPOINT_SLICES, draft)
                continue
            metadata = {
                "generateName": f"{name}-", "namespace": service["metadata"]["namespace"],
                "labels": {**given, **_OURS, OF_SERVICE: name},
                "ownerReferences": [reference(service)],
            }  # fmt: skip
            body: Obj = {"metadata": metadata, "addressType": "IPv4", "endpoints": part, "ports": ports}
            self._tools.create(ENDPOINT_SLICES, body)
        for extra in known[len(parts) :]:
            delete(self._tools.registry, ENDPOINT_SLICES, *key_of(extra))

    def _write_legacy(self, service: Obj, pods: list[Obj], ports: list[Obj]) -> None:
        subsets = []
        groups = {
            "addresses": [_address(p) for p in pods if is_ready(p) and not is_terminating(p)],
            "notReadyAddresses": [_address(p) for p in pods if not is_ready(p) and not is_terminating(p)],
        }
        if any(groups.values()):
            subsets = [{name: found for name, found in groups.items() if found} | {"ports": ports}]
        namespace, name = key_of(service)
        known = self._tools.store.get(ENDPOINTS, namespace, name)
        if known is None:
            metadata = {"name": name, "labels": {**(service["metadata"].get("labels") or {}), **_LEGACY}}
            body: Obj = {"metadata": metadata} | ({"subsets": subsets} if subsets else {})
            self._tools.registry.create(ENDPOINTS, namespace, body, WriteOptions(manager=MANAGER))
            return
        draft = {k: v for k, v in known.items() if k != "subsets"}
        draft["metadata"] = dict(known["metadata"])
        self._tools.write(ENDPOINTS, draft | ({"subsets": subsets} if subsets else {}))


def selected(pods: Iterable[Obj], service: Obj) -> Iterator[Obj]:
    """Those pods with an address that a Kubernetes Service selects and that have not run to their end."""
    wanted = (service["spec"].get("selector") or {}).items()
    for pod in pods:
        status = pod["status"]
        if wanted <= (pod["metadata"].get("labels") or {}).items() and status.get("podIP"):  # noqa: SIM102
            if status.get("phase") not in ("Succeeded", "Failed"):
                yield pod


def _face(pod: Obj) -> Any:
    """What of a pod its endpoints show."""
    status = pod["status"]
    return (status.get("podIP"), is_ready(pod), is_terminating(pod), status.get("phase"), pod["metadata"].get("labels"))


def _target(pod: Obj) -> Obj:
    metadata = pod["metadata"]
    return {"kind": "Pod", "namespace": metadata["namespace"], "name": metadata["name"], "uid": metadata["uid"]}


def _endpoint(pod: Obj, service: Obj) -> Obj:
    ready, ending = is_ready(pod), is_terminating(pod)
    anyway = bool(service["spec"].get("publishNotReadyAddresses"))
    endpoint: Obj = {
        "addresses": [pod["status"]["podIP"]],
        "conditions": {"ready": anyway or (ready and not ending), "serving": ready, "terminating": ending},
        "nodeName": pod["spec"].get("nodeName", ""), "targetRef": _target(pod),
    }  # fmt: skip
    zone = (pod["metadata"].get("labels") or {}).get(ZONE)
    return endpoint | ({"zone": zone} if zone else {})


def _address(pod: Obj) -> Obj:
    return {"ip": pod["status"]["podIP"], "nodeName": pod["spec"].get("nodeName", ""), "targetRef": _target(pod)}


def _port(port: Obj, pods: list[Obj]) -> Obj:
    target = port.get("targetPort", port.get("port"))
    if isinstance(target, str):
        declared = (p for pod in pods for c in pod["spec"]["containers"] for p in c.get("ports") or [])
        found = next((p["containerPort"] for p in declared if p.get("name") == target), None)
        target = found if found is not None else port["port"]
    return {"name": port.get("name", ""), "port": target, "protocol": port.get("protocol", "TCP")}
