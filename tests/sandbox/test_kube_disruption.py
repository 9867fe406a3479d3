"""Disruptions of the simulated cluster: budgets and evictions, cordoned, drained, silent, dead and deleted nodes."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from tests.sandbox.kube_client import APPS, CORE, QUICK, Json, Kube, conditions, deployment, served

BUDGETS = "/apis/policy/v1/namespaces/shop/poddisruptionbudgets"
PODS = f"{CORE}/pods"
NAME = "app.kubernetes.io/name"
HURRIED = replace(QUICK, node_grace_s=0.05, haste=2000.0)  # five minutes of toleration pass in 0.15 s


@pytest.fixture
async def kube() -> AsyncIterator[Kube]:
    async with served(HURRIED) as running:
        await running.post(f"{APPS}/deployments", deployment())
        await running.rolled_out("admin")
        yield running


def budget(**spec: Any) -> Json:
    return {"metadata": {"name": "b"}, "spec": {"selector": {"matchLabels": {NAME: "admin"}}, **spec}}


async def protect(kube: Kube, **spec: Any) -> Json:
    await kube.post(BUDGETS, budget(**spec))
    shown: Json = await kube.until(f"{BUDGETS}/b", lambda b: b["status"].get("observedGeneration") == 1)
    return shown


async def pods(kube: Kube) -> list[Json]:
    found: list[Json] = (await kube.get(PODS))["items"]
    return found


async def evict(kube: Kube, name: str, **options: Any) -> Any:
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": "shop"}, **options}
    return await kube.send("POST", f"{PODS}/{name}/eviction", body)


@pytest.mark.parametrize(
    ("spec", "expected", "desired", "allowed"),
    [
        ({"minAvailable": 2}, 3, 2, 1),
        ({"minAvailable": "50%"}, 3, 2, 1),
        ({"maxUnavailable": 1}, 3, 2, 1),
        ({"maxUnavailable": "100%"}, 3, 0, 3),
        ({"minAvailable": 4}, 3, 4, 0),
    ],
)
async def test_a_budget_counts_its_pods(kube: Kube, spec: Json, expected: int, desired: int, allowed: int) -> None:
    shown = await protect(kube, **spec)
    status = shown["status"]
    assert (status["expectedPods"], status["desiredHealthy"], status["currentHealthy"]) == (expected, desired, 3)
    assert status["disruptionsAllowed"] == allowed
    reason = ("True", "SufficientPods") if allowed else ("False", "InsufficientPods")
    assert conditions(shown)["DisruptionAllowed"] == reason


async def test_an_eviction_beyond_the_budget_is_put_off_in_the_servers_words(kube: Kube) -> None:
    await protect(kube, minAvailable=3)
    name = (await pods(kube))[0]["metadata"]["name"]
    answer = await evict(kube, name)
    assert answer.told == (429, "TooManyRequests", "Cannot evict pod as it would violate the pod's disruption budget.")
    told = "The disruption budget b needs 3 healthy pods and has 3 currently"
    assert answer.body["details"] == {"causes": [{"reason": "DisruptionBudget", "message": told}]}
    assert "deletionTimestamp" not in (await kube.get(f"{PODS}/{name}"))["metadata"]


async def test_of_two_evictions_at_once_a_budget_of_one_lets_one_through(kube: Kube) -> None:
    await protect(kube, maxUnavailable=1)
    names = [pod["metadata"]["name"] for pod in await pods(kube)]
    answers = await asyncio.gather(evict(kube, names[0]), evict(kube, names[1]))
    assert sorted(answer.status for answer in answers) == [201, 429]
    await kube.until(f"{BUDGETS}/b", lambda b: b["status"]["disruptionsAllowed"] == 1)
    assert "disruptedPods" not in (await kube.get(f"{BUDGETS}/b"))["status"]
    await kube.rolled_out("admin")


async def test_a_tried_eviction_changes_nothing(kube: Kube) -> None:
    await protect(kube, maxUnavailable=1)
    name = (await pods(kube))[0]["metadata"]["name"]
    assert (await evict(kube, name, deleteOptions={"dryRun": ["All"]})).status == 201
    assert "deletionTimestamp" not in (await kube.get(f"{PODS}/{name}"))["metadata"]
    assert (await kube.get(f"{BUDGETS}/b"))["status"]["disruptionsAllowed"] == 1


async def test_a_pod_of_two_budgets_cannot_be_evicted(kube: Kube) -> None:
    await protect(kube, maxUnavailable=1)
    await kube.post(BUDGETS, budget(maxUnavailable=1) | {"metadata": {"name": "c"}})
    answer = await evict(kube, (await pods(kube))[0]["metadata"]["name"])
    told = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
    assert answer.told == (500, "InternalError", told)


async def test_an_unready_pod_goes_when_the_budget_says_always(kube: Kube) -> None:
    await kube.post(f"{APPS}/deployments", deployment("web", "registry.local/web:1-unready", replicas=1))
    web = await kube.until(f"{PODS}?labelSelector={NAME}%3Dweb", lambda p: "Running" in str(p))
    spec: Json = {"selector": {"matchLabels": {NAME: "web"}}, "minAvailable": 1}
    await kube.post(BUDGETS, {"metadata": {"name": "w"}, "spec": spec})
    await kube.until(f"{BUDGETS}/w", lambda b: b["status"].get("expectedPods") == 1)
    name = web["items"][0]["metadata"]["name"]
    assert (await evict(kube, name)).status == 429
    await kube.merge(f"{BUDGETS}/w", {"spec": {"unhealthyPodEvictionPolicy": "AlwaysAllow"}})
    assert (await evict(kube, name)).status == 201


async def test_both_limits_at_once_are_refused(kube: Kube) -> None:
    answer = await kube.send("POST", BUDGETS, budget(minAvailable=1, maxUnavailable=1))
    assert answer.told[:2] == (422, "Invalid")
    assert "minAvailable and maxUnavailable cannot be both set" in answer.told[2]


async def test_a_cordoned_node_gets_no_pods_and_draining_moves_its_own(kube: Kube) -> None:
    node = (await pods(kube))[0]["spec"]["nodeName"]
    await kube.merge(f"/api/v1/nodes/{node}", {"spec": {"unschedulable": True}})
    shown = await kube.until(f"/api/v1/nodes/{node}", lambda n: n["spec"].get("taints"))
    assert [(t["key"], t["effect"]) for t in shown["spec"]["taints"]] == [
        ("node.kubernetes.io/unschedulable", "NoSchedule")
    ]
    listed = (await kube.get(f"/api/v1/pods?fieldSelector=spec.nodeName%3D{node}"))["items"]
    for pod in listed:
        assert (await evict(kube, pod["metadata"]["name"])).status == 201
    found = await kube.until(
        PODS, lambda p: len(p["items"]) == 3 and all(i["spec"].get("nodeName") not in (None, node) for i in p["items"])
    )  # fmt: skip
    assert len(found["items"]) == 3
    await kube.merge(f"/api/v1/nodes/{node}", {"spec": {"unschedulable": None}})
    await kube.until(f"/api/v1/nodes/{node}", lambda n: "taints" not in n["spec"])


async def moved(kube: Kube, node: str) -> None:
    """Wait until three ready pods live elsewhere."""
    await kube.until(f"{APPS}/deployments/admin", lambda d: d["status"].get("availableReplicas") == 3)

    def elsewhere(found: Json) -> bool:
        living = [i for i in found["items"] if "deletionTimestamp" not in i["metadata"]]
        return sum(i["spec"].get("nodeName") != node for i in living) == 3

    await kube.until(PODS, elsewhere)


async def a_place(kube: Kube) -> tuple[str, str]:
    """A pod and its node."""
    pod = (await pods(kube))[0]
    return pod["metadata"]["name"], pod["spec"]["nodeName"]


async def test_pods_of_a_dead_node_are_replaced_elsewhere_and_vanish_when_it_returns(kube: Kube) -> None:
    name, node = await a_place(kube)
    kube.cluster.kill_node(node)
    shown = await kube.until(f"/api/v1/nodes/{node}", lambda n: conditions(n)["Ready"][0] == "Unknown")
    assert {t["effect"] for t in shown["spec"]["taints"]} == {"NoSchedule", "NoExecute"}
    lost = await kube.until(f"{PODS}/{name}", lambda p: p["metadata"].get("deletionTimestamp"))
    assert conditions(lost)["DisruptionTarget"] == ("True", "DeletionByTaintManager")
    assert conditions(lost)["Ready"][0] == "False"
    await moved(kube, node)
    assert (await kube.send("GET", f"{PODS}/{name}")).status == 200
    events = (await kube.get(f"{CORE}/events"))["items"]
    assert f"Marking for deletion Pod shop/{name}" in [e["message"] for e in events]
    kube.cluster.resume_node(node)
    await kube.until(f"{PODS}/{name}", lambda p: p.get("reason") == "NotFound")
    await kube.until(f"/api/v1/nodes/{node}", lambda n: "taints" not in n["spec"])


async def test_a_pod_that_bears_a_silent_node_stays_and_restarts_with_it() -> None:
    async with served(HURRIED) as kube:
        body = deployment(replicas=1)
        anything = [{"operator": "Exists"}]
        body["spec"]["template"]["spec"]["tolerations"] = anything
        await kube.post(f"{APPS}/deployments", body)
        await kube.rolled_out("admin")
        (pod,) = await pods(kube)
        name, node = pod["metadata"]["name"], pod["spec"]["nodeName"]
        kube.cluster.kill_node(node)
        await kube.until(f"{PODS}/{name}", lambda p: conditions(p)["Ready"][0] == "False")
        kube.cluster.resume_node(node)
        back = await kube.until(f"{PODS}/{name}", lambda p: conditions(p)["Ready"][0] == "True")
        assert back["status"]["containerStatuses"][0]["restartCount"] == 1
        assert back["metadata"]["uid"] == pod["metadata"]["uid"]


async def test_pods_of_a_deleted_node_are_collected(kube: Kube) -> None:
    name, node = await a_place(kube)
    assert (await kube.send("DELETE", f"/api/v1/nodes/{node}")).status == 200
    await kube.until(f"{PODS}/{name}", lambda p: p.get("reason") == "NotFound")
    await moved(kube, node)
