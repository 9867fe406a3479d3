"""Endpoints, routes and the simulated request stream: who answers people's requests, how often and how well."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest

from bot.sandbox.kube import Cluster, Options
from bot.sandbox.kube.traffic import Served
from bot.sandbox.kube.traffic_counts import SPREAD, Counts
from tests.sandbox.kube_client import APPS, CORE, DEADLINE_S, QUICK, Json, Kube, deployment, served

ROUTES = "/apis/gateway.networking.k8s.io/v1/namespaces/shop/httproutes"
GATEWAYS = "/apis/gateway.networking.k8s.io/v1/namespaces/shop/gateways"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices"
NAME = "app.kubernetes.io/name"
BUSY = replace(QUICK, requests_per_s=400.0, slow_s=0.05)


@pytest.fixture
async def kube() -> AsyncIterator[Kube]:
    async with served(BUSY) as running:
        yield running


def service(name: str, **selector: str) -> Json:
    spec = {"selector": selector or {NAME: name}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}
    return {"metadata": {"name": name, "labels": {NAME: name}}, "spec": spec}


def route(*refs: tuple[str, int]) -> Json:
    rule = {"backendRefs": [{"name": name, "port": 80, "weight": weight} for name, weight in refs]}
    return {"metadata": {"name": "front"}, "spec": {"parentRefs": [{"name": "public"}], "rules": [rule]}}


async def run(kube: Kube, name: str, tag: str, replicas: int = 1) -> None:
    await kube.post(f"{CORE}/services", service(name))
    await kube.post(f"{APPS}/deployments", deployment(name, f"registry.local/x:{tag}", replicas))


async def open_gateway(kube: Kube) -> None:
    listener = {"name": "http", "port": 80, "protocol": "HTTP"}
    body = {"metadata": {"name": "public"}, "spec": {"gatewayClassName": "sandbox", "listeners": [listener]}}
    await kube.post(GATEWAYS, body)


async def seen(kube: Kube, holds: Callable[[dict[tuple[str, str], Served]], Any]) -> dict[tuple[str, str], Served]:
    """The stream's rows by Kubernetes Service and version, once they are as wanted."""
    rows: dict[tuple[str, str], Served] = {}
    try:
        async with asyncio.timeout(DEADLINE_S):
            while not holds(rows):
                await asyncio.sleep(0.02)
                rows = {(r.service, r.version): r for r in kube.cluster.traffic.view()}
    except TimeoutError:
        raise AssertionError(f"the stream did not come to hold: {rows}") from None
    return rows


async def test_ready_pods_of_a_selector_become_endpoints_in_both_kinds(kube: Kube) -> None:
    await run(kube, "web", "1.0.0", replicas=3)
    found = await kube.until(SLICES, lambda s: str(s).count("'ready': True") == 3)
    (only,) = found["items"]
    assert only["metadata"]["labels"]["kubernetes.io/service-name"] == "web"
    assert only["metadata"]["name"].startswith("web-")
    assert only["ports"] == [{"name": "http", "port": 8080, "protocol": "TCP"}]
    assert only["endpoints"][0]["targetRef"]["kind"] == "Pod"
    subsets = (await kube.get(f"{CORE}/endpoints/web"))["subsets"]
    assert len(subsets[0]["addresses"]) == 3
    assert "notReadyAddresses" not in subsets[0]
    await kube.send("DELETE", f"{CORE}/services/web")
    await kube.until(SLICES, lambda s: not s["items"])
    await kube.until(f"{CORE}/endpoints", lambda s: not s["items"])


async def test_a_pod_that_is_not_ready_is_no_address(kube: Kube) -> None:
    await run(kube, "web", "1-unready")
    found = await kube.until(f"{CORE}/endpoints/web", lambda e: e.get("subsets"))
    assert "addresses" not in found["subsets"][0]
    (slice_,) = (await kube.get(SLICES))["items"]
    assert slice_["endpoints"][0]["conditions"] == {"ready": False, "serving": False, "terminating": False}


async def test_a_healthy_version_answers_all_requests_of_its_service(kube: Kube) -> None:
    await run(kube, "web", "1.0.0", replicas=2)
    rows = await seen(kube, lambda rows: rows.get(("web", "1.0.0")) and rows["web", "1.0.0"].requests > 50)
    row = rows["web", "1.0.0"]
    assert (row.namespace, row.app, row.errors) == ("shop", "web", 0)
    assert row.p50_ms is not None
    assert row.p95_ms is not None
    assert row.p50_ms == pytest.approx(40, rel=0.05)
    assert row.p95_ms / row.p50_ms == pytest.approx(math.exp(1.645 * SPREAD), rel=0.05)


async def test_tags_decide_about_errors_and_latency(kube: Kube) -> None:
    await run(kube, "a", "1-flaky")
    await run(kube, "b", "1-slow")
    rows = await seen(kube, lambda rows: all(
        rows.get(key) and rows[key].requests > 200 for key in (("a", "1-flaky"), ("b", "1-slow"))))  # fmt: skip
    assert rows["a", "1-flaky"].errors / rows["a", "1-flaky"].requests == pytest.approx(0.05, abs=0.01)
    assert rows["b", "1-slow"].p95_ms == pytest.approx(200 * math.exp(1.645 * SPREAD), rel=0.1)


async def test_a_version_that_never_becomes_ready_answers_with_errors_only(kube: Kube) -> None:
    await run(kube, "web", "1-crash")
    rows = await seen(kube, lambda rows: rows.get(("web", "1-crash")) and rows["web", "1-crash"].requests > 20)
    assert rows["web", "1-crash"].errors == rows["web", "1-crash"].requests


async def test_two_versions_behind_one_service_share_by_their_pods(kube: Kube) -> None:
    await run(kube, "web", "1.0.0", replicas=3)
    labels = {NAME: "web", "track": "canary"}
    canary = deployment("web-canary", "registry.local/x:2.0.0", replicas=1)
    canary["spec"]["selector"]["matchLabels"] = canary["spec"]["template"]["metadata"]["labels"] = labels
    await kube.post(f"{APPS}/deployments", canary)
    await kube.until(f"{CORE}/endpoints/web", lambda e: e.get("subsets") and len(e["subsets"][0]["addresses"]) == 4)
    before = {(r.service, r.version): r.total_requests for r in kube.cluster.traffic.view()}
    rows = await seen(kube, lambda rows: rows.get(("web", "2.0.0")) and rows["web", "2.0.0"].total_requests > 60)
    old = rows["web", "1.0.0"].total_requests - before["web", "1.0.0"]
    new = rows["web", "2.0.0"].total_requests - before.get(("web", "2.0.0"), 0)
    assert new / (old + new) == pytest.approx(0.25, abs=0.03)


async def routed(kube: Kube, *refs: tuple[str, int]) -> None:
    """A gateway and a route to two services, both ready."""
    await run(kube, "stable", "1.0.0")
    await run(kube, "canary", "2.0.0")
    await open_gateway(kube)
    for name in ("stable", "canary"):
        await kube.until(f"{CORE}/endpoints/{name}", lambda e: e.get("subsets") and "addresses" in e["subsets"][0])
    await kube.post(ROUTES, route(*refs))
    await kube.until(f"{ROUTES}/front", lambda r: r.get("status", {}).get("parents"))


async def flowed(kube: Kube, least: int = 200) -> dict[str, tuple[int, int]]:
    """Requests and errors of each Kubernetes Service from now until there were enough."""
    start = {r.service: (0, 0) for r in kube.cluster.traffic.view()}
    for r in kube.cluster.traffic.view():
        start[r.service] = (start[r.service][0] + r.total_requests, start[r.service][1] + r.total_errors)
    total = sum(requests for requests, _ in start.values())
    rows = await seen(kube, lambda rows: sum(r.total_requests for r in rows.values()) >= total + least)
    ends: dict[str, tuple[int, int]] = {}
    for r in rows.values():
        asked, failed = ends.get(r.service, (0, 0))
        ends[r.service] = (asked + r.total_requests, failed + r.total_errors)
    return {name: (n - start.get(name, (0, 0))[0], e - start.get(name, (0, 0))[1]) for name, (n, e) in ends.items()}


async def test_a_route_divides_requests_by_weight_and_follows_a_json_patch(kube: Kube) -> None:
    await routed(kube, ("stable", 90), ("canary", 10))
    got = await flowed(kube)
    assert got["canary"][0] / (got["canary"][0] + got["stable"][0]) == pytest.approx(0.1, abs=0.03)
    path = "/spec/rules/0/backendRefs"
    patch = [
        {"op": "test", "path": f"{path}/1/name", "value": "canary"},
        {"op": "replace", "path": f"{path}/0/weight", "value": 0},
    ]
    answer = await kube.send("PATCH", f"{ROUTES}/front", patch, kind="application/json-patch+json")
    assert (answer.status, answer.body["metadata"]["generation"]) == (200, 2)
    await kube.until(f"{ROUTES}/front", lambda r: all(
        c["observedGeneration"] == 2 for c in r["status"]["parents"][0]["conditions"]))  # fmt: skip
    got = await flowed(kube)
    assert got["stable"][0] == 0
    assert got["canary"][0] >= 200


async def test_a_backend_that_is_not_there_answers_its_share_with_errors_and_says_so(kube: Kube) -> None:
    await routed(kube, ("stable", 3), ("gone", 1))
    shown = await kube.get(f"{ROUTES}/front")
    told = {c["type"]: (c["status"], c["reason"], c["observedGeneration"])
            for c in shown["status"]["parents"][0]["conditions"]}  # fmt: skip
    assert told == {"Accepted": ("True", "Accepted", 1), "ResolvedRefs": ("False", "BackendNotFound", 1)}
    got = await flowed(kube)
    asked, failed = got["gone"]
    assert asked == failed
    assert asked / (asked + got["stable"][0]) == pytest.approx(0.25, abs=0.03)
    await run(kube, "gone", "1.0.0")
    await kube.until(f"{ROUTES}/front", lambda r: "BackendNotFound" not in str(r["status"]))


async def test_a_route_without_its_gateway_is_not_answered_for_and_gets_no_requests(kube: Kube) -> None:
    await run(kube, "stable", "1.0.0")
    await kube.post(ROUTES, route(("stable", 1)))
    await kube.until(f"{ROUTES}/front", lambda r: r.get("status") == {"parents": []})
    await kube.until(f"{APPS}/deployments/stable", lambda d: d["status"].get("readyReplicas"))
    kube.cluster.traffic.tick()
    before = kube.cluster.traffic.view()
    kube.cluster.clock.skip(1)
    assert kube.cluster.traffic.view() == before
    await open_gateway(kube)
    await kube.until(f"{ROUTES}/front", lambda r: "Accepted" in str(r["status"]))
    shown = await kube.until(f"{GATEWAYS}/public", lambda g: "listeners" in g["status"])
    assert [row["attachedRoutes"] for row in shown["status"]["listeners"]] == [1]
    assert (await flowed(kube, 20))["stable"][0] >= 20


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"weight": -1}, "should be greater than or equal to 0"),
        ({"weight": 1_000_001}, "should be less than or equal to 1000000"),
        ({"port": None}, "Must have port for Service reference"),
    ],
)
async def test_a_bad_backend_is_refused(kube: Kube, change: Json, told: str) -> None:
    body = route(("stable", 1))
    body["spec"]["rules"][0]["backendRefs"][0] |= change
    answer = await kube.send("POST", ROUTES, body)
    assert answer.told[:2] == (422, "Invalid")
    assert told in answer.told[2]


async def test_defaults_of_a_route_are_written_and_strategic_merge_is_unknown_to_it(kube: Kube) -> None:
    body = {"metadata": {"name": "front"}, "spec": {"rules": [{"backendRefs": [{"name": "a", "port": 80}]}]}}
    made = await kube.post(ROUTES, body)
    assert made["spec"]["rules"] == [{
        "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
        "backendRefs": [{"group": "", "kind": "Service", "name": "a", "port": 80, "weight": 1}],
    }]  # fmt: skip
    answer = await kube.send("PATCH", f"{ROUTES}/front", {}, kind="application/strategic-merge-patch+json")
    assert answer.told[:2] == (415, "UnsupportedMediaType")


async def test_the_rate_is_a_lever(kube: Kube) -> None:
    await run(kube, "web", "1.0.0")
    await seen(kube, lambda rows: rows.get(("web", "1.0.0")))
    kube.cluster.traffic.set_rate("shop", "web", 0)
    before = kube.cluster.traffic.view()
    kube.cluster.clock.skip(2)
    assert kube.cluster.traffic.view() == before


def settled(seed: int) -> list[Served]:
    """The stream of a cluster that is driven by hand: not a moment passes but those that are skipped."""
    cluster = Cluster("stg", lambda _: True, options=Options(seed=seed, requests_per_s=100.0, steady=lambda: 0.0))
    for name in ("web", "api"):
        body = deployment(name, f"registry.local/{name}:1-flaky", replicas=2)
        body["metadata"]["namespace"] = "default"
        cluster.create(body)
        made = service(name) | {"apiVersion": "v1", "kind": "Service"}
        made["metadata"]["namespace"] = "default"
        cluster.create(made)
    cluster.settle(lambda: sum(row["ready"] for row in cluster.pods_view()) == 4)
    pods = {row["name"] for row in cluster.pods_view()}
    cluster.settle(lambda: cluster.traffic.rate_to("default", pods) == 200.0)
    for _ in range(40):
        cluster.traffic.tick()
        cluster.clock.skip(0.25)
    return cluster.traffic.view()


def test_counts_keep_fractions_and_quantiles_follow_the_mixture() -> None:
    counts = Counts()
    for moment in range(1000):
        counts.add(moment / 10, 0.5, 0.05, 40.0)
    assert (counts.requests, counts.errors) == (500, 25)
    window = counts.window(100, 10)
    assert window.requests == 50
    counts.add(100, 500, 0.0, 400.0)
    mixed = counts.window(100, 1000)
    assert mixed.p50_ms is not None
    assert 60 < mixed.p50_ms < 300


def test_a_seed_decides_the_stream() -> None:
    first, again = settled(3), settled(3)
    assert [(r.service, r.version, r.requests) for r in first] == [(r.service, r.version, r.requests) for r in again]
    assert sum(r.requests for r in first) == pytest.approx(2000, rel=0.02)
