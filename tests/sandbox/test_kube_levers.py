"""Levers of the simulated cluster: crashes and silent nodes on demand, faults, request log, page rows, scenes, logs."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
import yaml

from bot.sandbox.kube import Cluster, Fault, FaultKind, Options, kubeconfig, seed
from bot.sandbox.kube.kinds import RESOURCES
from tests.sandbox.kube_client import (
    APPS,
    CORE,
    DEADLINE_S,
    QUICK,
    TOKEN,
    Json,
    Kube,
    conditions,
    deployment,
    is_rolled_out,
    served,
)


@pytest.fixture
async def kube() -> AsyncIterator[Kube]:
    async with served(replace(QUICK, node_grace_s=0.1)) as running:
        await running.post(f"{APPS}/deployments", deployment())
        await running.rolled_out("admin")
        yield running


async def a_pod(kube: Kube) -> Json:
    pod: Json = (await kube.get(f"{CORE}/pods"))["items"][0]
    return pod


async def test_a_pod_killed_on_demand_comes_back_with_a_restart_and_a_previous_log(kube: Kube) -> None:
    name = (await a_pod(kube))["metadata"]["name"]
    kube.cluster.crash_pod("shop", name, "OOMKilled")
    dead = (await kube.get(f"{CORE}/pods/{name}"))["status"]["containerStatuses"][0]
    assert (dead["state"]["terminated"]["reason"], dead["state"]["terminated"]["exitCode"]) == ("OOMKilled", 137)
    assert (dead["ready"], dead["restartCount"]) == (False, 0)
    await kube.until(f"{APPS}/deployments/admin", lambda d: d["status"].get("readyReplicas") == 2)
    back = await kube.until(f"{CORE}/pods/{name}", lambda p: conditions(p)["Ready"][0] == "True")
    assert back["status"]["containerStatuses"][0]["restartCount"] == 1
    assert "OutOfMemoryError" in await kube.get(f"{CORE}/pods/{name}/log?previous=true")
    await kube.rolled_out("admin")


async def test_a_pod_that_does_not_run_cannot_be_crashed(kube: Kube) -> None:
    with pytest.raises(LookupError, match="nobody"):
        kube.cluster.crash_pod("shop", "nobody")


async def test_a_silent_node_becomes_not_ready_and_its_pods_make_no_progress(kube: Kube) -> None:
    node = (await a_pod(kube))["spec"]["nodeName"]
    kube.cluster.pause_node(node)
    shown = await kube.until(f"/api/v1/nodes/{node}", lambda n: conditions(n)["Ready"][0] == "Unknown")
    assert conditions(shown)["Ready"] == ("Unknown", "NodeStatusUnknown")
    await kube.until(f"{APPS}/deployments/admin", lambda d: d["status"].get("readyReplicas") == 2)
    kube.cluster.resume_node(node)
    await kube.until(f"/api/v1/nodes/{node}", lambda n: conditions(n)["Ready"] == ("True", "KubeletReady"))
    await kube.rolled_out("admin")


async def test_logs_are_asked_for_as_on_a_real_server(kube: Kube) -> None:
    name = (await a_pod(kube))["metadata"]["name"]
    log = f"{CORE}/pods/{name}/log"
    assert (await kube.get(log)).splitlines()[0] == "admin starting, image registry.local/admin:1.0.0"
    assert len((await kube.get(f"{log}?tailLines=1")).splitlines()) == 1
    assert "Z admin starting" in await kube.get(f"{log}?timestamps=true")
    none = await kube.send("GET", f"{log}?previous=true")
    told = f'previous terminated container "admin" in pod "{name}" not found'
    assert none.told == (400, "BadRequest", told)
    other = await kube.send("GET", f"{log}?container=sidecar")
    assert other.told == (400, "BadRequest", f"container sidecar is not valid for pod {name}")


async def test_a_waiting_container_has_no_log(kube: Kube) -> None:
    await kube.post(f"{APPS}/deployments", deployment("web", "registry.local/web:1-broken", replicas=1))
    pods = f"{CORE}/pods?labelSelector=app.kubernetes.io/name%3Dweb"
    found = await kube.until(pods, lambda p: p["items"] and "ErrImagePull" in str(p["items"][0]["status"]))
    name = found["items"][0]["metadata"]["name"]
    answer = await kube.send("GET", f"{CORE}/pods/{name}/log")
    told = f'container "web" in pod "{name}" is waiting to start: trying and failing to pull image'
    assert answer.told == (400, "BadRequest", told)


async def test_a_followed_log_streams_new_lines(kube: Kube) -> None:
    name = (await a_pod(kube))["metadata"]["name"]
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with asyncio.timeout(DEADLINE_S), kube.session.get(
        f"{kube.url}{CORE}/pods/{name}/log?follow=true&tailLines=0", headers=headers
    ) as response:  # fmt: skip
        assert b"healthz" in await response.content.readline()


async def test_a_status_fault_answers_in_its_own_words_and_is_spent(kube: Kube) -> None:
    kube.cluster.faults.add(
        Fault(FaultKind.STATUS, path="/deployments", code=429, body="Too many requests", retry_after_s=3, count=2)
    )
    for _ in range(2):
        answer = await kube.send("GET", f"{APPS}/deployments")
        assert (answer.status, answer.body, answer.headers["Retry-After"]) == (429, "Too many requests", "3")
    assert (await kube.send("GET", f"{APPS}/deployments")).status == 200
    assert kube.cluster.faults.remaining() == []


async def test_a_lost_reply_has_done_its_work(kube: Kube) -> None:
    kube.cluster.faults.add(Fault(FaultKind.RESET_AFTER, method="PATCH"))
    with pytest.raises(aiohttp.ClientError):
        await kube.send(
            "PATCH", f"{APPS}/deployments/admin", {"spec": {"replicas": 5}}, kind="application/merge-patch+json"
        )
    assert (await kube.get(f"{APPS}/deployments/admin"))["spec"]["replicas"] == 5
    assert [r.status for r in kube.cluster.requests if r.method == "PATCH"] == [0]


async def test_a_reset_does_nothing(kube: Kube) -> None:
    kube.cluster.faults.add(Fault(FaultKind.RESET, method="POST"))
    with pytest.raises(aiohttp.ClientError):
        await kube.send("POST", f"{CORE}/configmaps", {"metadata": {"name": "lost"}})
    assert (await kube.send("GET", f"{CORE}/configmaps/lost")).status == 404


async def test_conflicts_and_refused_tokens_can_be_staged(kube: Kube) -> None:
    kube.cluster.faults.add(Fault(FaultKind.CONFLICT, method="PATCH"))
    kube.cluster.faults.add(Fault(FaultKind.UNAUTHORIZED, method="GET"))
    answer = await kube.send("PATCH", f"{APPS}/deployments/admin", {}, kind="application/merge-patch+json")
    assert answer.told[:2] == (409, "Conflict")
    assert (await kube.send("GET", f"{APPS}/deployments")).told == (401, "Unauthorized", "Unauthorized")


async def test_a_hang_ends_and_then_answers(kube: Kube) -> None:
    kube.cluster.faults.add(Fault(FaultKind.HANG, seconds=0.2))
    loop = asyncio.get_running_loop()
    began = loop.time()
    await kube.get(f"{APPS}/deployments")
    assert loop.time() - began >= 0.2


async def test_every_request_is_written_down(kube: Kube) -> None:
    await kube.set_image("admin", "registry.local/admin:1.0.1")
    patches = [r for r in kube.cluster.requests if r.method == "PATCH"]
    assert [(r.path, r.query, r.status) for r in patches] == [
        (f"{APPS}/deployments/admin", "fieldManager=kajitori", 200)
    ]
    assert "registry.local/admin:1.0.1" in patches[0].body


async def test_a_revoked_token_is_refused_and_anonymous_requests_are_forbidden(kube: Kube) -> None:
    assert (await kube.send("GET", f"{CORE}/pods", token="old")).status == 401
    assert (await kube.send("GET", f"{CORE}/pods", token=None)).status == 403
    kube.cluster.access.users.clear()
    assert (await kube.send("GET", f"{CORE}/pods")).status == 401


async def test_rows_for_the_page_tell_workload_and_version(kube: Kube) -> None:
    rows = kube.cluster.pods_view()
    assert len(rows) == 3
    assert {(r["namespace"], r["workload"], r["version"], r["ready"], r["reason"]) for r in rows} == {
        ("shop", "admin", "1.0.0", True, "Running")
    }
    assert kube.cluster.nodes() == {"node-0": False, "node-1": False, "node-2": False}


async def test_a_subscriber_hears_of_changes_and_of_nothing_else(kube: Kube) -> None:
    changes = kube.cluster.subscribe(interval_s=0.01)
    await anext(changes)
    name = (await a_pod(kube))["metadata"]["name"]
    kube.cluster.crash_pod("shop", name)
    async with asyncio.timeout(DEADLINE_S):
        await anext(changes)
    await changes.aclose()


async def test_a_controller_that_dies_is_heard_of() -> None:
    def explode(_: str) -> bool:
        raise ZeroDivisionError

    cluster = Cluster("stg", explode, options=QUICK)
    await cluster.start()
    cluster.create({"apiVersion": "apps/v1", "kind": "Deployment", **_in_default(deployment())})
    async with asyncio.timeout(DEADLINE_S):
        while cluster.crashed() is None:
            await asyncio.sleep(0.01)
    with pytest.raises(ZeroDivisionError):
        await cluster.stop()


def _in_default(body: Json) -> Json:
    return body | {"metadata": body["metadata"] | {"namespace": "default"}}


@pytest.mark.parametrize(
    ("name", "admin", "web"), [("stg", ("1.4.0", "1.4.1"), "2.2.9"), ("prd", ("1.3.2", "1.4.0"), "2.2.8")]
)
def test_the_opening_scene_is_healthy_and_has_a_past(name: str, admin: tuple[str, str], web: str) -> None:
    cluster = Cluster(name, lambda _: True, options=Options(seed=7))
    seed(cluster, "registry.local:5000")
    rows = cluster.pods_view()
    assert sorted((r["workload"], r["version"]) for r in rows) == [("admin", admin[1])] * 3 + [("web", web)] * 5
    assert all(row["ready"] for row in rows)
    deployments = _stored(cluster, "Deployment")
    assert all(is_rolled_out(d) for d in deployments)
    sets = [s for s in _stored(cluster, "ReplicaSet") if s["metadata"]["namespace"] == "admin"]
    by_revision = {s["metadata"]["annotations"]["deployment.kubernetes.io/revision"]: s for s in sets}
    images = [by_revision[r]["spec"]["template"]["spec"]["containers"][0]["image"] for r in ("1", "2")]
    assert images == [f"registry.local:5000/growlio/admin:{version}" for version in admin]
    (report,) = _stored(cluster, "CronJob")
    assert report["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["image"].endswith("report:3.0.0")
    assert {d["spec"]["progressDeadlineSeconds"] for d in deployments} == {20}


def _stored(cluster: Cluster, kind: str) -> list[Any]:
    found = {resource.kind: resource for resource in RESOURCES}
    return cluster.store.all_of(found[kind])


def test_a_kubeconfig_has_the_contexts_as_named() -> None:
    text = kubeconfig({"stg": "http://127.0.0.1:1/stg", "prd": "http://127.0.0.1:1/prd/"}, "secret")
    parsed = yaml.safe_load(text)
    assert [c["name"] for c in parsed["contexts"]] == ["stg", "prd"]
    assert parsed["current-context"] == "stg"
    assert parsed["clusters"][1]["cluster"]["server"] == "http://127.0.0.1:1/prd/as/secret"
    assert parsed["users"][0]["user"]["token"] == "secret"
