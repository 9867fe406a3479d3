"""Canaries as the cluster sees them: a twin, its share of real requests, and nothing left of it at the end."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.domain.canary.scheme import CanaryCourse, CanaryScheme, CanarySight, Driver
from bot.domain.release import Release, ReleaseKind
from bot.errors import NotFound
from bot.kube import canaries, workloads
from bot.sandbox.kube.options import Options
from tests.domain.release_worlds import plan, release
from tests.wire.kube_world import ADMIN, IMAGE, World, deployment, settled, until, world

SERVICES = "/api/v1/namespaces/growlio/services"
TWIN = replace(ADMIN, name="admin-canary")


@pytest.fixture
async def stg(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path, Options(speed=4, requests_per_s=400.0)) as running:
        running.there.create(deployment(replicas=4))
        running.there.create(service("admin"))
        yield running


def service(name: str) -> dict[str, Any]:
    spec = {"selector": {"app.kubernetes.io/name": name}, "ports": [{"name": "http", "port": 80, "targetPort": 80}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "growlio"}, "spec": spec}


def open_route(stg: World) -> None:
    api = {"apiVersion": "gateway.networking.k8s.io/v1"}
    listener = {"name": "http", "port": 80, "protocol": "HTTP"}
    meta = {"namespace": "growlio"}
    gateway = {"gatewayClassName": "sandbox", "listeners": [listener]}
    stg.there.create({**api, "kind": "Gateway", "metadata": {**meta, "name": "public"}, "spec": gateway})
    rules = [{"backendRefs": [{"name": "admin", "port": 80}]}]
    spec = {"parentRefs": [{"name": "public"}], "hostnames": ["admin.example.com"], "rules": rules}
    stg.there.create({**api, "kind": "HTTPRoute", "metadata": {**meta, "name": "front"}, "spec": spec})


async def canary(stg: World, percent: int, driver: Driver | None = None) -> Release:
    stable = await settled(stg)
    setting = await canaries.detect(stg.here, stable, driver)
    assert not setting.obstacles
    scheme = CanaryScheme(
        setting.driver, (percent,), 600.0, False, setting.carrier, kubernetes_service=setting.kubernetes_service
    )
    wished = plan(
        kind=ReleaseKind.CANARY,
        workload=ADMIN,
        uid=stable.uid,
        from_image=f"{IMAGE}:1.0.0",
        to_image=f"{IMAGE}:1.1.0",
        canary=scheme,
    )
    return release(wished, canary=CanaryCourse(asked=percent))


def asking(row: Release, percent: int) -> Release:
    assert row.canary is not None
    return replace(row, canary=replace(row.canary, asked=percent))


async def reached(stg: World, row: Release) -> CanarySight:
    """The canary at its share, driven as the loop does: one write a look."""

    async def step() -> CanarySight | None:
        stable = await workloads.read(stg.here, ADMIN)
        seen = await canaries.look(stg.here, row, stable, datetime.now(UTC))
        if not seen.is_set:
            await canaries.set_share(stg.here, row, stable)
        return seen if seen.is_set and seen.is_ready else None

    found = await until(step)
    assert isinstance(found, CanarySight)
    return found


async def gone(stg: World, row: Release) -> None:
    async def step() -> bool:
        seen = await canaries.look(stg.here, row, None, datetime.now(UTC))
        if not seen.is_gone:
            await canaries.remove(stg.here, row, None)
        return seen.is_gone

    await until(step)


def failures(stg: World) -> int:
    """Requests that failed so far. Nobody asks the twin's Kubernetes Service past the route any more."""
    stg.there.traffic.set_rate("growlio", TWIN.name, 0)
    return sum(each.total_errors for each in stg.there.traffic.view())


def counts(stg: World) -> dict[str, int]:
    found: dict[str, int] = {}
    for row in stg.there.traffic.view():
        found[row.version] = found.get(row.version, 0) + row.total_requests
    return found


async def measured(stg: World, version: str) -> float:
    """Share of the next 400 requests or more."""
    before = counts(stg)

    def enough() -> dict[str, int] | None:
        now = counts(stg)
        fresh = {key: now[key] - before.get(key, 0) for key in now}
        return fresh if sum(fresh.values()) >= 400 else None

    fresh = await until(enough)
    return 100.0 * fresh.get(version, 0) / sum(fresh.values())


async def test_canary_pods_stand_beside_the_stable_ones_and_get_their_share(stg: World) -> None:
    row = await canary(stg, 20)
    seen = await reached(stg, row)
    assert (seen.achieved, seen.pods) == (20.0, "1 of 5 pods")
    assert abs(await measured(stg, "1.1.0") - 20.0) < 2
    stable = await workloads.read(stg.here, ADMIN)
    assert (stable.desired, stable.ready, stable.images) == (4, 4, {"admin": f"{IMAGE}:1.0.0"})
    twin = await workloads.read(stg.here, TWIN)
    assert twin.annotations["kajitori/op-id"] == row.id


async def test_a_share_goes_up_and_down_and_ends_without_a_trace(stg: World) -> None:
    row = await canary(stg, 20)
    await reached(stg, row)
    assert (await reached(stg, asking(row, 50))).pods == "4 of 8 pods"
    assert (await reached(stg, asking(row, 33))).pods == "2 of 6 pods"
    await gone(stg, row)
    with pytest.raises(NotFound):
        await workloads.read(stg.here, TWIN)
    assert (await settled(stg)).ready == 4


async def test_a_route_gives_every_whole_per_cent(stg: World) -> None:
    open_route(stg)
    row = await canary(stg, 7)
    assert row.plan.canary is not None
    assert (row.plan.canary.driver, row.plan.canary.carrier) == (Driver.HTTP_ROUTE, "front")
    assert (await reached(stg, row)).achieved == 7.0
    assert abs(await measured(stg, "1.1.0") - 7.0) < 2
    assert (await reached(stg, asking(row, 60))).achieved == 60.0
    assert abs(await measured(stg, "1.1.0") - 60.0) < 2
    assert (await workloads.read(stg.here, TWIN)).desired == 3


async def test_no_request_fails_while_a_route_takes_a_canary_in_and_lets_it_go(stg: World) -> None:
    open_route(stg)
    row = await canary(stg, 30)
    before = failures(stg)  # those of the time when no pod stood yet
    await reached(stg, row)
    await reached(stg, asking(row, 80))
    await reached(stg, asking(row, 10))
    await gone(stg, row)
    assert failures(stg) == before
    route = await stg.here.request("GET", "/apis/gateway.networking.k8s.io/v1/namespaces/growlio/httproutes/front")
    [rule] = route["spec"]["rules"]
    assert [(ref["name"], ref["weight"]) for ref in rule["backendRefs"]] == [("admin", 1)]
    names = [each["metadata"]["name"] for each in (await stg.here.request("GET", SERVICES))["items"]]
    assert names == ["admin"]


def open_ingress(stg: World) -> None:
    backend = {"service": {"name": "admin", "port": {"number": 80}}}
    rule = {"host": "admin.example.com", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    meta = {"namespace": "growlio", "name": "edge"}
    spec = {"ingressClassName": "nginx", "rules": [rule]}
    stg.there.create({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": meta, "spec": spec})


async def test_a_second_ingress_divides_the_requests_of_one_of_nginx(stg: World) -> None:
    open_ingress(stg)
    row = await canary(stg, 7)
    assert row.plan.canary is not None
    assert (row.plan.canary.driver, row.plan.canary.carrier) == (Driver.INGRESS, "edge")
    before = failures(stg)
    assert (await reached(stg, row)).achieved == 7.0
    assert abs(await measured(stg, "1.1.0") - 7.0) < 2
    await reached(stg, asking(row, 60))
    await reached(stg, asking(row, 10))
    await gone(stg, row)
    assert failures(stg) == before
    found = await stg.here.request("GET", "/apis/networking.k8s.io/v1/namespaces/growlio/ingresses")
    assert [each["metadata"]["name"] for each in found["items"]] == ["edge"]


async def test_a_stranger_of_the_twins_name_is_told_and_left_alone(stg: World) -> None:
    stg.there.create(deployment("admin-canary", replicas=1))
    row = await canary(stg, 20)
    stable = await workloads.read(stg.here, ADMIN)
    seen = await canaries.look(stg.here, row, stable, datetime.now(UTC))
    assert seen.foreign == "A Deployment admin-canary is there already, which this release has not made."
    assert seen.is_gone
    await canaries.remove(stg.here, row, stable)
    assert (await workloads.read(stg.here, TWIN)).ref == TWIN


async def test_the_twin_goes_with_the_stable_deployment(stg: World) -> None:
    row = await canary(stg, 20)
    await reached(stg, row)
    await stg.here.request("DELETE", "/apis/apps/v1/namespaces/growlio/deployments/admin")

    async def is_gone() -> bool:
        return (await canaries.look(stg.here, row, None, datetime.now(UTC))).is_gone

    await until(is_gone)


async def test_what_counts_the_canary_in_is_told_before(stg: World) -> None:
    metadata = {"name": "admin", "namespace": "growlio"}
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "admin"}
    spec = {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 8}
    stg.there.create(
        {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": metadata, "spec": spec}
    )
    selector = {"matchLabels": {"app.kubernetes.io/name": "admin"}}
    budget = {"minAvailable": 1, "selector": selector}
    stg.there.create({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": metadata, "spec": budget})
    setting = await canaries.detect(stg.here, await settled(stg))
    assert (setting.driver, setting.stable_pods, setting.kubernetes_service) == (Driver.PODS, 4, "admin")
    assert [warning.split(" admin ")[0] for warning in setting.warnings] == [
        "The autoscaler",
        "The disruption budget",
    ]


async def test_what_reaches_the_canary_past_its_route_or_selects_it_is_told_before(stg: World) -> None:
    open_route(stg)
    inner = service("inner")
    inner["spec"]["selector"] = {"team": "growlio"}
    stg.there.create(inner)
    stable = deployment("owner", replicas=1)
    stable["spec"]["selector"]["matchLabels"] = {"team": "growlio"}
    stable["spec"]["template"]["metadata"]["labels"] = {"team": "growlio"}
    stg.there.create(stable)
    body = {"spec": {"template": {"metadata": {"labels": {"team": "growlio"}}}}}
    await stg.here.request(
        "PATCH",
        "/apis/apps/v1/namespaces/growlio/deployments/admin",
        body=body,
        content_type="application/merge-patch+json",
    )
    setting = await canaries.detect(stg.here, await settled(stg, generation=2))
    assert setting.warnings == (
        "The selector of the Deployment owner matches the canary's pods, which are not its own.",
        "The Kubernetes Service inner reaches the canary's pods too: requests through it are divided by counting pods.",
    )
    assert setting.remarks == ()
    by_pods = await canaries.detect(stg.here, await settled(stg, generation=2), Driver.PODS)
    assert "(app.kubernetes.io/name=admin) matches the canary's pods as well" in by_pods.remarks[0]


async def test_a_workload_that_nobody_sends_requests_to_can_have_no_share(stg: World) -> None:
    await stg.here.request("DELETE", f"{SERVICES}/admin")
    setting = await canaries.detect(stg.here, await settled(stg))
    assert setting.obstacles == ("No Kubernetes Service sends requests to admin, so a share of them can't be had.",)


async def test_what_a_canary_left_is_found_by_its_marks_and_goes_without_a_failed_request(stg: World) -> None:
    open_route(stg)
    row = await canary(stg, 30)
    before = failures(stg)
    await reached(stg, row)
    stg.there.create(deployment("stranger-canary", replicas=1))
    left = await canaries.find_leftovers(stg.here, "growlio")
    assert [(each.kind, each.name, each.op_id) for each in left] == [
        ("Service", "admin-canary", row.id),
        ("Deployment", "admin-canary", row.id),
    ]
    for each in left:
        await canaries.remove_leftover(stg.here, each)
    assert await canaries.find_leftovers(stg.here, "growlio") == ()
    assert failures(stg) == before
    route = await stg.here.request("GET", "/apis/gateway.networking.k8s.io/v1/namespaces/growlio/httproutes/front")
    assert [(ref["name"], ref["weight"]) for ref in route["spec"]["rules"][0]["backendRefs"]] == [("admin", 1)]
    assert (await workloads.read(stg.here, replace(ADMIN, name="stranger-canary"))).desired == 1
