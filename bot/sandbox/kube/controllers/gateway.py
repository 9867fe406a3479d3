"""Gateway controller: tells Gateways and HTTPRoutes whether they are accepted and whether their backends exist.

Which backends a route reaches is here too (`shares`): the simulated request stream follows it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from bot.sandbox.kube.controllers.base import MANAGER, Tools, key_of
from bot.sandbox.kube.controllers.engine import Key
from bot.sandbox.kube.kinds import GATEWAYS, HTTP_ROUTES, NAMESPACES, SERVICES, Obj, Resource
from bot.sandbox.kube.policies import GATEWAY_GROUP
from bot.sandbox.kube.selectors import object_selector
from bot.sandbox.kube.store import Store, StoredEvent

CONTROLLER = "gateway.sandbox.io/controller"
Verdict = tuple[str, str, str]  # status, reason, message of a condition


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a route's requests; without a service they are answered 500."""

    part: float
    name: str
    service: Obj | None


class GatewayController:
    """Accepts every Gateway; its keys carry the collection before the name."""

    name = "gateway"

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    def concerns(self, resource: Resource, event: StoredEvent) -> list[Key]:
        namespace, name = key_of(event.obj)
        if resource is HTTP_ROUTES:
            parents = [(ns, f"gateways/{gw}") for ns, gw in _parents(event.obj)]
            return [(namespace, f"httproutes/{name}"), *parents]
        if resource is GATEWAYS:
            return [(namespace, f"gateways/{name}"), *self._routes_of(namespace, name)]
        if resource is SERVICES:
            routes = self._tools.store.each(HTTP_ROUTES, namespace)
            return [(namespace, f"httproutes/{route['metadata']['name']}") for route in routes]
        return []

    def _routes_of(self, namespace: str, name: str) -> list[Key]:
        routes = self._tools.store.all_of(HTTP_ROUTES)
        return [(r["metadata"]["namespace"], f"httproutes/{r['metadata']['name']}")
                for r in routes if (namespace, name) in _parents(r)]  # fmt: skip

    def reconcile(self, key: Key) -> float | None:
        collection, _, name = key[1].partition("/")
        resource = GATEWAYS if collection == "gateways" else HTTP_ROUTES
        obj = self._tools.store.get(resource, key[0], name)
        if obj is None:
            return None
        status = self._gateway(obj) if resource is GATEWAYS else self._route(obj)
        if status != obj.get("status"):
            draft = {**obj, "metadata": dict(obj["metadata"]), "status": status}
            self._tools.registry.write(resource, draft, MANAGER, "status")
        return None

    def _gateway(self, gateway: Obj) -> Obj:
        old = gateway.get("status") or {}
        attached = len(self._routes_of(*key_of(gateway)))
        programmed = ("Programmed", ("True", "Programmed", "Address assigned to the Gateway"))
        accepted = ("Accepted", ("True", "Accepted", "The Gateway has been scheduled"))
        known = {row["name"]: row.get("conditions") or [] for row in old.get("listeners") or []}
        listeners = [
            {"name": row["name"], "attachedRoutes": attached,
             "supportedKinds": [{"group": GATEWAY_GROUP, "kind": "HTTPRoute"}],
             "conditions": self._conditions(
                 gateway, known.get(row["name"]) or [], accepted, programmed,
                 ("ResolvedRefs", ("True", "ResolvedRefs", "Listener references have been resolved")))}
            for row in gateway["spec"].get("listeners") or []
        ]  # fmt: skip
        return {
            "addresses": [{"type": "IPAddress", "value": "10.0.0.250"}],
            "conditions": self._conditions(gateway, old.get("conditions") or [], accepted, programmed),
            "listeners": listeners,
        }

    def _route(self, route: Obj) -> Obj:
        known = [(p["parentRef"], p.get("conditions") or []) for p in (route.get("status") or {}).get("parents") or []]
        resolved = _resolution(self._tools.store, route)
        parents = []
        for ref in route["spec"].get("parentRefs") or []:
            gateway = _gateway_of(self._tools.store, route, ref)
            if gateway is None:
                continue  # nobody answers for a Gateway that is not there
            old = next((conditions for parent, conditions in known if parent == ref), [])
            accepted = _acceptance(self._tools.store, route, ref, gateway)
            conditions = self._conditions(route, old, ("Accepted", accepted), ("ResolvedRefs", resolved))
            parents.append({"parentRef": ref, "controllerName": CONTROLLER, "conditions": conditions})
        return {"parents": parents}

    def _conditions(self, obj: Obj, old: list[Obj], *verdicts: tuple[str, Verdict]) -> list[Obj]:
        found = []
        for kind, (value, reason, message) in verdicts:
            before = next((c for c in old if c["type"] == kind), None)
            same = before is not None and before["status"] == value
            found.append({
                "type": kind, "status": value, "reason": reason, "message": message,
                "observedGeneration": obj["metadata"]["generation"],
                "lastTransitionTime": before["lastTransitionTime"] if before and same else self._tools.now(),
            })  # fmt: skip
        return found


def shares(store: Store, route: Obj) -> list[Share]:
    """How the requests of an accepted route are divided; nothing when no Gateway has accepted it.

    Each rule that asks for no header, query or method gets an equal part, and its backends their weight of it.
    """
    rows = (route.get("status") or {}).get("parents") or []
    if not any(c["type"] == "Accepted" and c["status"] == "True" for row in rows for c in row.get("conditions") or []):
        return []
    plain = [r for r in route["spec"].get("rules") or [] if any(_is_plain(m) for m in r.get("matches") or [{}])]
    found = []
    for rule in plain:
        part, refs = 1 / len(plain), rule.get("backendRefs") or []
        total = sum(ref.get("weight", 1) for ref in refs)
        if not total:
            found.append(Share(part, "", None))
        for ref in refs:
            weight = ref.get("weight", 1)
            if weight:
                service, _ = _backend(store, route, ref)
                found.append(Share(part * weight / total, ref["name"], service))
    return found


def backends(route: Obj) -> Iterator[Key]:
    """Kubernetes Services that a route names."""
    for rule in route["spec"].get("rules") or []:
        for ref in rule.get("backendRefs") or []:
            yield ref.get("namespace") or route["metadata"]["namespace"], ref["name"]


def _is_plain(match: Obj) -> bool:
    return not (match.get("headers") or match.get("queryParams") or match.get("method") not in (None, "GET"))


def _parents(route: Obj) -> list[Key]:
    home = route["metadata"]["namespace"]
    return [(ref.get("namespace") or home, ref["name"])
            for ref in route["spec"].get("parentRefs") or [] if ref.get("kind") == "Gateway"]  # fmt: skip


def _gateway_of(store: Store, route: Obj, ref: Obj) -> Obj | None:
    if ref.get("kind") != "Gateway" or ref.get("group") != GATEWAY_GROUP:
        return None
    return store.get(GATEWAYS, ref.get("namespace") or route["metadata"]["namespace"], ref["name"])


def _acceptance(store: Store, route: Obj, ref: Obj, gateway: Obj) -> Verdict:
    listeners = gateway["spec"].get("listeners") or []
    section, port = ref.get("sectionName"), ref.get("port")
    named = [li for li in listeners if section in (None, li["name"]) and port in (None, li["port"])]
    if not named:
        return "False", "NoMatchingParent", "No listener of the Gateway matches this parent ref"
    if not any(_admits(store, gateway, listener, route) for listener in named):
        return "False", "NotAllowedByListeners", "No listener included by this parent ref allowed this attachment"
    return "True", "Accepted", "Route is accepted"


def _admits(store: Store, gateway: Obj, listener: Obj, route: Obj) -> bool:
    namespaces = (listener.get("allowedRoutes") or {}).get("namespaces") or {}
    home = route["metadata"]["namespace"]
    match namespaces.get("from", "Same"):
        case "All":
            return True
        case "Selector":
            found = store.get(NAMESPACES, "", home)
            labels = (found["metadata"].get("labels") or {}) if found else {}
            return object_selector(namespaces.get("selector") or {})(labels)
        case _:
            return bool(gateway["metadata"]["namespace"] == home)


def _backend(store: Store, route: Obj, ref: Obj) -> tuple[Obj | None, Verdict]:
    """The Kubernetes Service behind a ref, or why there is none."""
    if ref.get("kind", "Service") != "Service" or ref.get("group", "") not in ("", "core"):
        told = f"Group {ref.get('group') or 'core'} with kind {ref.get('kind')} is not supported"
        return None, ("False", "InvalidKind", told)
    home = route["metadata"]["namespace"]
    namespace = ref.get("namespace") or home
    if namespace != home:
        told = f"Backend ref to Service {namespace}/{ref['name']} not permitted by any ReferenceGrant"
        return None, ("False", "RefNotPermitted", told)
    service = store.get(SERVICES, namespace, ref["name"])
    if service is None:
        return None, ("False", "BackendNotFound", f"Service {namespace}/{ref['name']} not found")
    if ref.get("port") not in [port["port"] for port in service["spec"].get("ports") or []]:
        told = f"TCP Port {ref.get('port')} not found on Service {namespace}/{ref['name']}"
        return None, ("False", "BackendNotFound", told)
    return service, ("True", "ResolvedRefs", "Resolved all the Object references for the Route")


def _resolution(store: Store, route: Obj) -> Verdict:
    verdict: Verdict = ("True", "ResolvedRefs", "Resolved all the Object references for the Route")
    for rule in route["spec"].get("rules") or []:
        for ref in rule.get("backendRefs") or []:
            _, told = _backend(store, route, ref)
            if told[0] == "False":
                return told
    return verdict
