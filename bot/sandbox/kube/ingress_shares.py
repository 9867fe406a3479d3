"""How the requests of an Ingress are divided, as ingress-nginx does with its canary annotations.

The simulated request stream reads it. Source: kubernetes.github.io/ingress-nginx, annotations, "Canary".
"""

from collections.abc import Iterator

from bot.sandbox.kube.controllers.engine import Key
from bot.sandbox.kube.controllers.gateway import Share
from bot.sandbox.kube.kinds import INGRESSES, SERVICES, Obj
from bot.sandbox.kube.store import Store

PREFIX = "nginx.ingress.kubernetes.io/"


def is_canary(ingress: Obj) -> bool:
    return bool(_annotations(ingress).get(f"{PREFIX}canary") == "true")


def ingress_shares(store: Store, ingress: Obj) -> Iterator[Share]:
    """The parts of an Ingress's requests; each of its paths gets as much as another."""
    namespace = ingress["metadata"]["namespace"]
    paths = list(_paths(ingress))
    for place, service in paths:
        part, weight = 1 / len(paths), 0
        for other in store.each(INGRESSES, namespace):
            theirs = dict(_paths(other)) if is_canary(other) else {}
            if place in theirs:  # one canary Ingress for a rule: the first one counts
                weight = min(100, int(_annotations(other).get(f"{PREFIX}canary-weight") or 0))
                yield Share(part * weight / 100, theirs[place], store.get(SERVICES, namespace, theirs[place]))
                break
        yield Share(part * (100 - weight) / 100, service, store.get(SERVICES, namespace, service))


def ingress_backends(ingress: Obj) -> Iterator[Key]:
    """Kubernetes Services that an Ingress names."""
    for _, service in _paths(ingress):
        yield ingress["metadata"]["namespace"], service


def _paths(ingress: Obj) -> Iterator[tuple[tuple[str, str], str]]:
    for rule in ingress["spec"].get("rules") or []:
        for path in (rule.get("http") or {}).get("paths") or []:
            service = (path.get("backend") or {}).get("service") or {}
            if service.get("name"):
                yield (rule.get("host", ""), path.get("path", "/")), service["name"]


def _annotations(ingress: Obj) -> Obj:
    return ingress["metadata"].get("annotations") or {}
