"""Detection: what a canary of a workload would meet, told before anything is done. Only reads."""

from collections.abc import Mapping

from bot.domain.canary.scheme import Driver
from bot.domain.canary.setting import CanarySetting
from bot.domain.catalog import WorkloadKind
from bot.domain.rollout import ArgoState, Workload
from bot.kube.canaries import twin
from bot.kube.canaries.argo import KEPT
from bot.kube.canaries.aside import told_apart
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
MOST_STEPS = 4
"""Of a Rollout, named before a canary."""
HUNDRED = 100
CANARY_ANNOTATION = "nginx.ingress.kubernetes.io/canary"


async def detect(cluster: Cluster, stable: Workload, wanted: Driver | None = None) -> CanarySetting:
    """The surroundings of `stable`, with the driver that is `wanted`, else the best there is: a route, else pods."""
    namespace = stable.ref.namespace
    services = await services_of(cluster, stable)
    if stable.ref.kind is WorkloadKind.ROLLOUT:
        return _of_rollout(stable, stable.argo or ArgoState(), services, wanted)
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
    divided = _divided(driver, services, carriers)
    labels = _twins_labels(stable, driver, next((raw for raw in services if name(raw) == divided), None))
    past = divided if driver is not Driver.PODS else ""
    return CanarySetting(
        driver=driver,
        carrier=name(carriers[0]) if carriers else "",
        stable_pods=stable.desired,
        kubernetes_service=divided,
        warnings=await _warnings(cluster, stable, labels, past),
        remarks=_remarks(stable, labels),
        obstacles=obstacles,
    )


def _of_rollout(stable: Workload, argo: ArgoState, services: list[Json], wanted: Driver | None) -> CanarySetting:
    """A Rollout divides its requests by itself: by its own traffic router, else by counting its pods."""
    called, found = stable.ref.name, []
    if wanted not in (None, Driver.ROLLOUT):
        found.append(f"{called} is a Rollout, which only the driver `rollout` moves; this one is set to `{wanted}`.")
    if stable.desired < 1:
        found.append(f"{called} has no pods, so there is nothing to compare a canary with.")
    if argo.whole != HUNDRED:
        found.append(f"The traffic router of {called} counts its weights out of {argo.whole}, not out of {HUNDRED}.")
    if KEPT in stable.annotations:
        found.append(f"The Rollout {called} still has the steps of another canary.")
    elif not argo.is_promoted or stable.observed_generation < stable.generation:
        why = argo.message.rstrip(".") or argo.phase or "its controller has not looked at it"
        found.append(f"The Rollout {called} is in the middle of an update ({why}); let it end, or abort it, before.")
    if not services and not argo.has_router:
        found.append(f"No Kubernetes Service sends requests to {called}, so a share of them can't be had.")
    told: tuple[str, ...] = ()
    if argo.steps:
        steps = "step" if len(argo.steps) == 1 else f"{len(argo.steps)} steps"
        told = (
            f"The Rollout's own {steps} ({_few(argo.steps)}) are set aside for this canary, which writes its own, "
            "and put back at its end.",
        )
    return CanarySetting(
        driver=Driver.ROLLOUT,
        carrier=called,
        stable_pods=stable.desired,
        kubernetes_service=name(services[0]) if services and not argo.has_router else "",
        warnings=told,
        obstacles=tuple(found),
    )


def _few(steps: tuple[str, ...]) -> str:
    """The first steps, in words."""
    return ", ".join(steps[:MOST_STEPS]) + (", …" if len(steps) > MOST_STEPS else "")


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
    elif driver is Driver.ROLLOUT:
        found.append(f"{called} is no Rollout; the driver `rollout` moves only those.")
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


async def _warnings(cluster: Cluster, stable: Workload, labels: Mapping[str, str], divided: str) -> tuple[str, ...]:
    """What counts the canary's pods in, by the labels that they will have, or reaches them past the carrier."""
    namespace, told = stable.ref.namespace, []
    counted_in = selects(twin.selected(stable), labels)
    for raw in await listed(cluster, namespace, "horizontalpodautoscalers", "autoscaling/v2"):
        target = at(raw, "spec", "scaleTargetRef")
        if counted_in and target.get("kind") == "Deployment" and target.get("name") == stable.ref.name:
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
    for raw in await listed(cluster, namespace, "deployments", "apps/v1"):
        selector = strings(at(raw, "spec", "selector").get("matchLabels"))
        if name(raw) != stable.ref.name and selects(selector, labels):
            told.append(f"The selector of the Deployment {name(raw)} matches the canary's pods, which are not its own.")
    if divided:
        for raw in await listed(cluster, namespace, "services"):
            if name(raw) != divided and selects(strings(at(raw, "spec").get("selector")), labels):
                told.append(
                    f"The Kubernetes Service {name(raw)} reaches the canary's pods too: requests through it are "
                    "divided by counting pods."
                )
    return tuple(told)


def _twins_labels(stable: Workload, driver: Driver, divided: Json | None) -> dict[str, str]:
    """Labels that the canary's pods will have."""
    aside = told_apart(divided) if divided is not None and driver is not Driver.PODS else {}
    return {**pod_labels(stable), **aside, twin.TRACK: twin.CANARY}


def _remarks(stable: Workload, labels: Mapping[str, str]) -> tuple[str, ...]:
    selector = twin.selected(stable)
    if not selects(selector, labels):
        return ()
    words = ",".join(f"{key}={value}" for key, value in selector.items())
    return (
        f"The selector of {stable.ref.name} ({words}) matches the canary's pods as well. Kubernetes tells them apart "
        "by their owner, so neither takes the other's.",
    )
