"""kubectl on access rules, budgets, autoscalers, routes and nodes of the simulated cluster: flows people use by hand.

Skipped where there is no kubectl. All flows share one cluster.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from bot.sandbox.kube import Cluster
from bot.sandbox.kube.kinds import NODES, PODS
from tests.sandbox.kube_client import TOKEN, Json
from tests.sandbox.kubectl_desk import KUBECTL, PATIENCE_S, Kubectl, kubectl_home

pytestmark = [
    pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed: its flows were not tried"),
    pytest.mark.asyncio(loop_scope="module"),
]
WHO = "system:serviceaccount:admin:bot"
ROUTE = """\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: front}
spec:
  parentRefs: [{name: public}]
  hostnames: [admin.example]
  rules: [{backendRefs: [{name: admin, port: 80, weight: 9}]}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: public}
spec:
  gatewayClassName: sandbox
  listeners: [{name: http, port: 80, protocol: HTTP}]
"""
AUTOSCALER = """\
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: admin}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: admin}
  minReplicas: 2
  maxReplicas: 5
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 40}}}]
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def kubectl(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Kubectl]:
    home = tmp_path_factory.mktemp("kubectl")
    async with kubectl_home(home) as cluster:
        yield in_admin(home, cluster)


def in_admin(home: Path, cluster: Cluster) -> Kubectl:
    """kubectl in the namespace of the scene's service `admin`."""
    return Kubectl(home, cluster, "admin")


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not holds():
            await asyncio.sleep(0.02)


async def test_an_account_is_made_given_a_role_and_asked_what_it_may(kubectl: Kubectl) -> None:
    await kubectl.ok("create", "serviceaccount", "bot")
    assert (await kubectl.ok("create", "token", "bot")).count(".") == 2
    assert (await kubectl.run("auth", "can-i", "list", "pods", f"--as={WHO}")).out == "no\n"
    await kubectl.ok("create", "role", "looker", "--verb=get,list", "--resource=pods,pods/log")
    await kubectl.ok("create", "rolebinding", "looker", "--role=looker", "--serviceaccount=admin:bot")
    assert await kubectl.ok("auth", "can-i", "list", "pods", f"--as={WHO}") == "yes\n"
    assert await kubectl.ok("auth", "can-i", "get", "pods", "--subresource=log", f"--as={WHO}") == "yes\n"
    listed = await kubectl.ok("auth", "can-i", "--list", f"--as={WHO}")
    assert "pods/log" in listed
    assert "[get list]" in listed
    told = await kubectl.refused("get", "deployments", f"--as={WHO}")
    assert f'User "{WHO}" cannot list resource "deployments" in API group "apps" in the namespace "admin"' in told
    assert "admin/bot" in await kubectl.ok("get", "rolebindings", "-o", "wide")
    assert "cluster-admin" in await kubectl.ok("get", "clusterroles")
    assert "bot" in await kubectl.ok("describe", "rolebinding", "looker")


async def test_a_budget_is_made_shown_and_keeps_a_node_from_draining(kubectl: Kubectl) -> None:
    selector = "app.kubernetes.io/name=admin"
    await kubectl.ok("create", "pdb", "admin", f"--selector={selector}", "--min-available=3")
    await kubectl.ok("wait", "--for=jsonpath={.status.expectedPods}=3", "pdb/admin", "--timeout=50s")
    assert (await kubectl.ok("get", "pdb")).splitlines()[1].split()[:4] == ["admin", "3", "N/A", "0"]
    assert "Allowed disruptions:  0" in await kubectl.ok("describe", "pdb", "admin")
    node = _nodes_of(kubectl.cluster)[0]
    await kubectl.ok("cordon", node)
    assert "SchedulingDisabled" in await kubectl.ok("get", "node", node)
    pod = kubectl.cluster.store.all_of(PODS, "admin")[0]["metadata"]["name"]
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": "admin"}}
    path = f"/as/{TOKEN}/api/v1/namespaces/admin/pods/{pod}/eviction"  # --raw forgets the server's own path
    told = await kubectl.refused("create", "--raw", path, "-f", kubectl.write("eviction.json", json.dumps(eviction)))
    assert "Cannot evict pod as it would violate the pod's disruption budget." in told
    await kubectl.ok("patch", "pdb", "admin", "--type=merge", "-p", '{"spec":{"minAvailable":1}}')
    await kubectl.ok("drain", node, "--timeout=50s")
    await until(lambda: node not in _nodes_of(kubectl.cluster))
    await kubectl.ok("uncordon", node)
    assert "unschedulable" not in kubectl.cluster.registry.read(NODES, "", node)["spec"]
    await kubectl.ok("rollout", "status", "deployment/admin", "--timeout=50s")


def _nodes_of(cluster: Cluster) -> list[str]:
    return [pod["spec"].get("nodeName", "") for pod in cluster.store.all_of(PODS, "admin")]


async def test_an_autoscaler_is_made_shown_and_described(kubectl: Kubectl) -> None:
    kubectl.cluster.load.set("admin", "admin", "cpu", 0.06)  # of 3 x 50m
    await kubectl.ok("apply", "-f", kubectl.write("hpa.yaml", AUTOSCALER))
    await kubectl.ok("wait", "--for=condition=ScalingActive", "hpa/admin", "--timeout=50s")
    row = (await kubectl.ok("get", "hpa")).splitlines()[1].split()
    assert row[:8] == ["admin", "Deployment/admin", "cpu:", "40%/40%", "2", "5", "3", row[7]]
    told = await kubectl.ok("describe", "hpa", "admin")
    assert "ValidMetricFound" in told
    assert "resource cpu on pods  (as a percentage of request):  40% (20m) / 40%" in told
    await kubectl.ok("delete", "hpa", "admin")


async def test_routes_and_endpoints_are_applied_shown_and_taken_away(kubectl: Kubectl) -> None:
    name = kubectl.write("route.yaml", ROUTE)
    await kubectl.ok("apply", "-f", name)
    await kubectl.ok("apply", "--server-side", "--force-conflicts", "-f", name)
    await kubectl.ok("wait", "--for=condition=Programmed", "gateway/public", "--timeout=50s")
    assert '["admin.example"]' in await kubectl.ok("get", "httproutes")
    assert "ResolvedRefs" in await kubectl.ok("describe", "httproute", "front")
    assert ":8080" in await kubectl.ok("get", "endpoints", "admin")
    assert "IPv4" in await kubectl.ok("get", "endpointslices")
    described = await kubectl.ok("describe", "service", "admin")
    assert ":8080" in described
    backend: Json = {"service": {"name": "admin", "port": {"number": 80}}}
    rule = {"host": "admin.example", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    ingress = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "front"}}
    kubectl.create(ingress | {"spec": {"rules": [rule]}})
    assert "admin.example" in await kubectl.ok("get", "ingress")
    await kubectl.ok("delete", "-f", name)
    await kubectl.ok("delete", "ingress", "front")
