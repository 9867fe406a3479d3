"""Hostile bodies of the kinds around workloads: each gets an answer below 500, and no controller dies of one."""

import copy
import random
from typing import Any

import pytest

from tests.sandbox.kube_client import APPS, CORE, Json, deployment, served

LABELS = {"app.kubernetes.io/name": "admin"}
TARGET = {"type": "Utilization", "averageUtilization": 50, "averageValue": "5", "value": "7"}
GATEWAY = "/apis/gateway.networking.k8s.io/v1/namespaces/shop"
RBAC = "/apis/rbac.authorization.k8s.io/v1/namespaces/shop"
BODIES: dict[str, Json] = {
    "/apis/policy/v1/namespaces/shop/poddisruptionbudgets": {
        "spec": {"selector": {"matchLabels": LABELS, "matchExpressions": [
                     {"key": "a", "operator": "In", "values": ["b"]}]}, "maxUnavailable": "30%"},
        "status": {"disruptedPods": {"a": "2026-11-23T00:00:00Z"}, "conditions": [{"type": "DisruptionAllowed"}]}},
    "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers": {
        "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "admin"}, "minReplicas": 1,
                 "maxReplicas": 3, "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": TARGET}},
                                               {"type": "Pods", "pods": {"metric": {"name": "m"}, "target": TARGET}}],
                 "behavior": {"scaleDown": {"stabilizationWindowSeconds": 5, "selectPolicy": "Max",
                                            "policies": [{"type": "Pods", "value": 1, "periodSeconds": 15}]}}},
        "status": {"desiredReplicas": 1, "conditions": [{"type": "Odd", "status": "True"}],
                   "currentMetrics": [{"type": "Resource"}]}},
    f"{GATEWAY}/httproutes": {
        "spec": {"parentRefs": [{"name": "x"}], "hostnames": ["a"], "rules": [
            {"matches": [{"path": {"type": "Exact", "value": "/"}, "method": "GET"}],
             "backendRefs": [{"name": "admin", "port": 80, "weight": 3}]}]},
        "status": {"parents": [{"parentRef": {"name": "x"}, "controllerName": "c", "conditions": []}]}},
    f"{GATEWAY}/gateways": {
        "spec": {"gatewayClassName": "c", "listeners": [{
            "name": "http", "port": 80, "protocol": "HTTP", "allowedRoutes": {
                "namespaces": {"from": "Selector", "selector": {"matchLabels": {"a": "b"}}}}}]},
        "status": {"addresses": [{"value": "a"}], "listeners": [{"name": "http", "conditions": []}]}},
    "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices": {
        "addressType": "IPv4", "ports": [{"port": 80}],
        "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": True}, "targetRef": {"name": "a"}}]},
    f"{CORE}/endpoints": {"subsets": [{"addresses": [{"ip": "10.0.0.1"}], "ports": [{"port": 80}]}]},
    "/apis/networking.k8s.io/v1/namespaces/shop/ingresses": {
        "spec": {"rules": [{"host": "a", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": {
            "service": {"name": "admin", "port": {"number": 80}}}}]}}]}, "status": {"loadBalancer": {"ingress": [{}]}}},
    f"{RBAC}/roles": {"rules": [{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"], "resourceNames": ["a"]}]},
    f"{RBAC}/rolebindings": {"roleRef": {"kind": "Role", "name": "x"}, "subjects": [{"kind": "User", "name": "a"}]},
    "/apis/batch/v1/namespaces/shop/jobs": {
        "spec": {"backoffLimit": 1, "activeDeadlineSeconds": 9, "podFailurePolicy": {"rules": [
            {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [1]}},
            {"action": "Ignore", "onPodConditions": [{"type": "A", "status": "True"}]}]},
            "template": {"spec": {"restartPolicy": "Never", "containers": [
                {"name": "a", "image": "r.local/a:1-fail"}]}}}},
    "/apis/batch/v1/namespaces/shop/cronjobs": {
        "spec": {"schedule": "* * * * *", "timeZone": "UTC", "startingDeadlineSeconds": 9, "jobTemplate": {"spec": {
            "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "r.local/a:1"}]}}}}}},
    "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews": {
        "spec": {"resourceAttributes": {"verb": "get", "resource": "pods", "namespace": "shop"}}},
    "/apis/authorization.k8s.io/v1/subjectaccessreviews": {
        "spec": {"user": "a", "groups": ["b"], "nonResourceAttributes": {"path": "/", "verb": "get"}}},
    "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews": {"spec": {"namespace": "shop"}},
    f"{CORE}/serviceaccounts/default/token": {"spec": {"expirationSeconds": 600, "audiences": ["a"], "boundObjectRef": {
        "kind": "Pod", "apiVersion": "v1", "name": "a"}}},
    f"{CORE}/pods/x/eviction": {"deleteOptions": {"dryRun": ["All"], "preconditions": {"uid": "a"}}},
}  # fmt: skip
ODD: tuple[Any, ...] = (None, -1, 0, 2**62, 1e300, "", "x", "%", "999999999%", True, [], {}, [None], [[]], {"a": {}},
                        "2026-13-45T99:00:00Z", "1.2.3")  # fmt: skip


def spoiled(value: Any, chance: random.Random) -> Any:
    """The body with one place made odd."""
    if isinstance(value, dict) and value and chance.random() < 0.85:
        key = chance.choice(sorted(value))
        if chance.random() < 0.1:
            return {k: v for k, v in value.items() if k != key}
        return {**value, key: spoiled(value[key], chance)}
    if isinstance(value, list) and value and chance.random() < 0.85:
        at = chance.randrange(len(value))
        return [*value[:at], spoiled(value[at], chance), *value[at + 1 :]]
    return copy.deepcopy(chance.choice(ODD))


@pytest.mark.parametrize("seed", range(3))
async def test_no_body_makes_the_server_fail_or_a_controller_die(seed: int) -> None:
    chance = random.Random(seed)
    async with served() as kube:
        await kube.post(f"{APPS}/deployments", deployment(replicas=1))
        spec = {"selector": LABELS, "ports": [{"port": 80}]}
        await kube.post(f"{CORE}/services", {"metadata": {"name": "admin"}, "spec": spec})
        accepted = 0
        for number in range(25):
            for path, body in BODIES.items():
                part = chance.choice(sorted(body))
                whole = {"metadata": {"name": f"x{number}"}, **body, part: spoiled(body[part], chance)}
                answer = await kube.send("POST", path, whole)
                assert answer.status < 500, (path, whole, answer)
                accepted += answer.status < 300
                if answer.status < 300 and "status" in whole:
                    status = {"status": whole["status"]}
                    there = f"{path}/x{number}/status"
                    said = await kube.send("PATCH", there, status, kind="application/merge-patch+json")
                    assert said.status < 500, (path, whole, said)
        for path in BODIES:
            if path.count("/") <= 7 and "review" not in path and "token" not in path and "eviction" not in path:
                table = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
                answer = await kube.send("GET", path, headers=table)
                assert answer.status == 200, (path, answer)
        kube.cluster.traffic.view()
        await kube.rolled_out("admin")
        assert accepted > 50
        assert kube.cluster.crashed() is None
