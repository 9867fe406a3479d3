"""Detection: what a canary of a workload would meet, told before anything is done. Only reads."""

from bot.domain.canary.scheme import Driver
from bot.domain.canary.setting import CanarySetting
from bot.domain.catalog import WorkloadKind
from bot.domain.rollout import Workload
from bot.kube.canaries.surroundings import (
    GATEWAY,
    NETWORKING,
    backends,
    ingress_services,
    listed,
    name,
    pod_labels,
    selects,
    services_of,
)
from bot.kube.clients import Cluster
from bot.kube.workloads.parsing import Json, at, objects, strings, text

NGINX = "nginx"
CANARY_ANNOTATION = "nginx.ingress.kubernetes.io/canary"


async def detect(cluster: Cluster, stable: Workload, wanted: Driver | None = None) -> CanarySetting:
    """The surroundings of `stable`, with the driver that is `wanted`, else the best there is: a route, else pods."""
    namespace = stable.ref.namespace
    services = await services_of(cluster, stable)
    served = {name(raw) for raw in services}
    routes = [
        raw
        for raw in await listed(cluster, namespace, "httproutes", GATEWAY)
        if any(ref.get("name") in served for _, _, ref in backends(raw))
    ]
    ingresses = [
        raw
        for raw in await listed(cluster, namespace, "ingresses", NETWORKING)
        if ingress_services(raw) & served and _is_nginx(raw)
    ]
    driver = wanted or (Driver.HTTP_ROUTE if routes else Driver.INGRESS if ingresses else Driver.PODS)
    carriers = {Driver.HTTP_ROUTE: routes, Driver.INGRESS: ingresses}.get(driver, [])
    obstacles = _obstacles(stable, driver, services, carriers)
    return CanarySetting(
        driver=driver,
        carrier=name(carriers[0]) if carriers else "",
        stable_pods=stable.desired,
        kubernetes_service=_divided(driver, services, carriers),
        warnings=await _warnings(cluster, stable, driver),
        obstacles=obstacles,
    )


def _divided(driver: Driver, services: list[Json], carriers: list[Json]) -> str:
    served = [name(raw) for raw in services]
    if driver is Driver.HTTP_ROUTE and carriers:
        named = {text(ref.get("name")) for _, _, ref in backends(carriers[0])}
        return next((each for each in served if each in named), "")
    if driver is Driver.INGRESS and carriers:
        return next((each for each in served if each in ingress_services(carriers[0])), "")
    return served[0] if served else ""


def _is_nginx(ingress: Json) -> bool:
    annotations = strings(at(ingress, "metadata").get("annotations"))
    named = text(at(ingress, "spec").get("ingressClassName")) or annotations.get("kubernetes.io/ingress.class", "")
    return NGINX in named and annotations.get(CANARY_ANNOTATION) != "true"


def _obstacles(stable: Workload, driver: Driver, services: list[Json], carriers: list[Json]) -> tuple[str, ...]:
    kind, called = stable.ref.kind, stable.ref.name
    found = []
    if kind is not WorkloadKind.DEPLOYMENT:
        found.append(f"{kind} {called} can't have a canary: only Deployments can stand beside a copy of themselves.")
    elif stable.desired < 1:
        found.append(f"{called} has no pods, so there is nothing to compare a canary with.")
    if not services:
        found.append(f"No Kubernetes Service sends requests to {called}, so a share of them can't be had.")
    if driver in (Driver.HTTP_ROUTE, Driver.INGRESS) and services and not carriers:
        what = "HTTPRoute" if driver is Driver.HTTP_ROUTE else "Ingress of class nginx"
        found.append(f"No {what} sends requests to {called}; use the driver `pods`, or create one.")
    if len(carriers) > 1:
        names = ", ".join(name(raw) for raw in carriers)
        found.append(f"Several of them send requests to {called} ({names}), so its share could not be told.")
    return tuple(found)


async def _warnings(cluster: Cluster, stable: Workload, driver: Driver) -> tuple[str, ...]:
    """What shares the stable pods' labels and so counts the canary's pods in."""
    if driver is not Driver.PODS:
        return ()
    namespace, labels, told = stable.ref.namespace, pod_labels(stable), []
    for raw in await listed(cluster, namespace, "horizontalpodautoscalers", "autoscaling/v2"):
        target = at(raw, "spec", "scaleTargetRef")
        if target.get("kind") == "Deployment" and target.get("name") == stable.ref.name:
            told.append(
                f"The autoscaler {name(raw)} counts the canary's pods in its averages; it may scale a little less."
            )
    for raw in await listed(cluster, namespace, "poddisruptionbudgets", "policy/v1"):
        if selects(strings(at(raw, "spec", "selector").get("matchLabels")), labels):
            told.append(f"The disruption budget {name(raw)} counts the canary's pods as the stable ones.")
    spread = [
        text(each.get("topologyKey"))
        for each in objects(at(stable.template, "spec").get("topologySpreadConstraints"))
        if selects(strings(at(each, "labelSelector").get("matchLabels")), labels)
    ]
    if spread:
        told.append(f"Its pods are spread over {', '.join(spread)}, and the canary's are counted in.")
    return tuple(told)
