"""Odd input to the simulated API: whatever a client sends, it is never answered 500 and the controllers live on."""

import random
from typing import Any

import pytest

from tests.sandbox.kube_client import APPS, CORE, Kube, deployment, is_rolled_out, served

JSON_PATCH = "application/json-patch+json"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"
ADMIN = f"{APPS}/deployments/admin"
ODD: list[Any] = [
    None,
    True,
    -1,
    0,
    3.5,
    "",
    "x" * 300,
    [],
    {},
    [None],
    {"": None},
    [[]],
    {"a": {"b": [1]}},
    "\u0000",
    "\ud800",
    10**30,
]
PATHS = [ADMIN, f"{ADMIN}/scale", f"{ADMIN}/status", f"{APPS}/deployments", f"{CORE}/pods", f"{CORE}/events",
         f"{CORE}/configmaps/kube-root-ca.crt", "/apis/batch/v1/namespaces/shop/cronjobs",
         "/apis/batch/v1/namespaces/shop/jobs", f"{APPS}/statefulsets", f"{APPS}/daemonsets", f"{CORE}/services",
         "/api/v1/namespaces", "/api/v1/nodes/node-0", f"{CORE}/serviceaccounts/default/token",
         "/apis/coordination.k8s.io/v1/namespaces/shop/leases", f"{CORE}/resourcequotas",
         "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"]  # fmt: skip


def spoiled(chance: random.Random, value: Any, depth: int = 0) -> Any:
    """A body with something odd put somewhere."""
    if depth > 6 or chance.random() < 0.12:
        return chance.choice(ODD)
    if isinstance(value, dict) and value:
        key = chance.choice(list(value))
        return {**value, key: spoiled(chance, value[key], depth + 1)}
    if isinstance(value, list) and value:
        return [spoiled(chance, value[0], depth + 1), *value[1:]]
    return chance.choice(ODD)


def bodies() -> list[Any]:
    template = deployment()["spec"]["template"]
    job = {"template": {"spec": {**template["spec"], "restartPolicy": "Never"}}}
    return [
        deployment(),
        {"metadata": {"name": "x", "labels": {"a": "b"}, "annotations": {"c": "d"}}, "spec": template["spec"]},
        {"metadata": {"name": "x"}, "spec": {"schedule": "* * * * *", "jobTemplate": {"spec": job}}},
        {"metadata": {"name": "x"}, "spec": {**job, "completions": 2}},
        {"metadata": {"name": "x", "finalizers": ["a/b"], "ownerReferences": [{"uid": "u", "name": "n"}]}},
        {"spec": {"ports": [{"port": 80}], "taints": [{"key": "a", "effect": "b"}], "hard": {"pods": "1"}}},
        {"status": {"replicas": 1, "conditions": [{"type": "Ready", "status": "True"}], "allocatable": {"cpu": "1"}}},
        [{"op": "replace", "path": "/spec/template", "value": template}],
        [{"op": "move", "from": "/spec", "path": "/metadata/labels"}],
        {"data": {"a": "b"}, "involvedObject": {"name": "x"}, "reason": "y"},
    ]


@pytest.mark.parametrize("seed", range(4))
async def test_no_input_makes_the_server_answer_500_or_stops_the_controllers(seed: int) -> None:
    chance = random.Random(seed)
    async with served() as kube:
        await kube.post(f"{APPS}/deployments", deployment(replicas=1))
        for _ in range(250):
            await _one_odd_request(kube, chance)
        assert kube.cluster.crashed() is None
        await kube.send("POST", f"{APPS}/deployments", deployment("last", replicas=1))
        await kube.until(f"{APPS}/deployments/last", lambda d: is_rolled_out(d) if "spec" in d else False)


async def _one_odd_request(kube: Kube, chance: random.Random) -> None:
    method = chance.choice(["POST", "PUT", "PATCH", "PATCH", "PATCH", "GET", "DELETE"])
    path = chance.choice(PATHS)
    if method == "DELETE" and path.startswith("/api/v1/n"):
        method = "GET"
    kind = chance.choice([JSON_PATCH, MERGE, STRATEGIC, APPLY, "application/json"])
    if method != "PATCH":
        kind = chance.choice(["application/json", "application/yaml"])
    query = chance.choice(["", "?fieldManager=x&force=true", "?limit=x", "?labelSelector=a%20in%20(", "?dryRun=All",
                           "?fieldSelector=x", "?resourceVersion=-1", "?continue=e30", "?fieldManager=y"])  # fmt: skip
    body: Any = spoiled(chance, chance.choice(bodies()))
    if kind == APPLY and isinstance(body, dict):
        body = {"apiVersion": "apps/v1", "kind": "Deployment"} | body
    answer = await kube.send(method, path + query, None if method == "GET" else body, kind=kind)
    told = f"{method} {path}{query} {kind} {body!r} -> {answer}"
    recorded = "field not declared in schema" in told or "strconv.ParseUint" in told
    assert answer.status < 500 or recorded, told
