"""kubectl works on the simulated cluster: the flows people use by hand, each named. Skipped where there is no kubectl.

All flows share one cluster and have a namespace each.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path

import pytest
import pytest_asyncio

from bot.sandbox.kube import Cluster
from bot.sandbox.kube.kinds import JOBS, PODS
from tests.sandbox.kube_client import Json
from tests.sandbox.kubectl_desk import KUBECTL, PATIENCE_S, Kubectl, kubectl_home

pytestmark = [
    pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed: its flows were not tried"),
    pytest.mark.asyncio(loop_scope="module"),
]
IMAGE = "registry.local/api"
KUSTOMIZATION = f"resources: [api.yaml]\nimages: [{{name: {IMAGE}, newTag: 2.0.0}}]\n"
API = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: api}
spec:
  replicas: 2
  selector: {matchLabels: {app: api}}
  template:
    metadata: {labels: {app: api}}
    spec:
      containers: [{name: api, image: registry.local/api:1.0.0, ports: [{containerPort: 80}]}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {colour: blue}
"""
KINDS = {
    "deployments": "READY UP-TO-DATE AVAILABLE AGE",
    "replicasets": "DESIRED CURRENT READY AGE",
    "statefulsets": "READY AGE",
    "daemonsets": "DESIRED CURRENT READY UP-TO-DATE AVAILABLE NODE SELECTOR AGE",
    "jobs": "STATUS COMPLETIONS DURATION AGE",
    "cronjobs": "SCHEDULE TIMEZONE SUSPEND ACTIVE LAST SCHEDULE AGE",
    "pods": "READY STATUS RESTARTS AGE",
    "services": "TYPE CLUSTER-IP EXTERNAL-IP PORT(S) AGE",
    "configmaps": "DATA AGE",
    "secrets": "TYPE DATA AGE",
    "leases": "HOLDER AGE",
    "controllerrevisions": "CONTROLLER REVISION AGE",
    "nodes": "STATUS ROLES AGE VERSION",
    "namespaces": "STATUS AGE",
    "events": "LAST SEEN TYPE REASON OBJECT",
}
WIDE = {
    "deployments": "CONTAINERS IMAGES SELECTOR",
    "statefulsets": "CONTAINERS IMAGES",
    "pods": "IP NODE NOMINATED NODE READINESS GATES",
    "services": "SELECTOR",
    "events": "SUBOBJECT SOURCE MESSAGE FIRST SEEN COUNT NAME",
    "nodes": "INTERNAL-IP EXTERNAL-IP OS-IMAGE KERNEL-VERSION CONTAINER-RUNTIME",
}
_numbers = count()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster_and_home(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Cluster, Path]]:
    home = tmp_path_factory.mktemp("kubectl")
    async with kubectl_home(home) as cluster:
        yield cluster, home


@pytest.fixture
def kubectl(cluster_and_home: tuple[Cluster, Path]) -> Kubectl:
    cluster, home = cluster_and_home
    return Kubectl(home, cluster, f"flow-{next(_numbers)}")


def template(name: str, image: str) -> Json:
    return {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": name, "image": image}]}}


def workload(kind: str, name: str, **spec: object) -> Json:
    body = {"selector": {"matchLabels": {"app": name}}, "template": template(name, f"registry.local/{name}:1.0.0")}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": body | spec}


def a_job(**spec: object) -> Json:
    pod = {"restartPolicy": "Never", "containers": [{"name": "once", "image": "registry.local/once:1.0.0"}]}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "once"},
            "spec": {"template": {"spec": pod}, **spec}}  # fmt: skip


async def test_get_shows_a_table_of_every_kind_narrow_and_wide(kubectl: Kubectl) -> None:
    kubectl.create(workload("StatefulSet", "db", replicas=1), workload("DaemonSet", "agent"), a_job())
    kubectl.create({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key"}, "data": {"a": "Yg=="}})
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "turn"}}
    kubectl.create(lease | {"spec": {"holderIdentity": "me"}})
    for extra, wide in (((), {}), (("-o", "wide"), WIDE)):
        told = await kubectl.ok("get", ",".join(KINDS), "-A", *extra)
        heads = [" ".join(line.split()) for line in told.splitlines() if line.split()[:1] in (["NAMESPACE"], ["NAME"])]
        for kind, columns in KINDS.items():
            named = "" if kind == "events" else "NAME "
            wanted = f"{named}{columns}{' ' + wide[kind] if kind in wide else ''}"
            assert any(head.removeprefix("NAMESPACE ").startswith(wanted) for head in heads), (kind, heads)
    wide_pods = await kubectl.ok("get", "pods", "-n", "admin", "-o", "wide", "--show-labels")
    assert wide_pods.count("1/1     Running") == 3
    assert wide_pods.count("app.kubernetes.io/version=1.4.1") == 3


async def test_describe_tells_of_deployment_pod_node_job_and_cronjob(kubectl: Kubectl) -> None:
    kubectl.create(a_job())
    told = await kubectl.ok("-n", "admin", "describe", "deployment", "admin")
    assert "NewReplicaSetAvailable" in told
    assert "ScalingReplicaSet" in told
    pods = await kubectl.ok("-n", "admin", "describe", "pods")
    assert "Successfully assigned admin/" in pods
    assert pods.count("State:          Running") == 3
    mixed = await kubectl.ok("describe", "job/once", "node/node-0")
    assert "Pods Statuses:" in mixed
    assert "KubeletReady" in mixed
    assert "0 3 * * *" in await kubectl.ok("-n", "batch", "describe", "cronjob/report")


@pytest.mark.parametrize("how", [(), ("--server-side",)], ids=["client side", "server side"])
async def test_apply_k_and_diff(kubectl: Kubectl, how: tuple[str, ...]) -> None:
    kubectl.write("kustomization.yaml", KUSTOMIZATION)
    kubectl.write("api.yaml", API)
    await kubectl.ok("apply", "-k", ".", *how)
    await kubectl.ok("rollout", "status", "deployment/api")
    again = await kubectl.ok("apply", "-k", ".", *how)
    assert ("serverside-applied" if how else "unchanged") in again
    generation = ("get", "deployment", "api", "-o", "jsonpath={.metadata.generation}")
    assert await kubectl.ok(*generation) == "1"
    kubectl.write("kustomization.yaml", KUSTOMIZATION.replace("2.0.0", "2.0.1"))
    if shutil.which("diff"):
        changed = await kubectl.run("diff", "-k", ".", *how)
        assert changed.code == 1
        assert "+      - image: registry.local/api:2.0.1" in changed.out
        assert await kubectl.ok(*generation) == "1"
    await kubectl.ok("apply", "-k", ".", *how)
    assert await kubectl.ok(*generation) == "2"


async def test_a_server_side_apply_names_who_else_owns_a_field_and_can_be_forced(kubectl: Kubectl) -> None:
    kubectl.write("api.yaml", API)
    apply = ("apply", "-f", "api.yaml", "--server-side")
    await kubectl.ok(*apply)
    await kubectl.ok("set", "image", "deployment/api", f"api={IMAGE}:1.0.1", "--field-manager=someone")
    told = await kubectl.refused(*apply)
    assert 'Apply failed with 1 conflict: conflict with "someone" using apps/v1' in told
    assert '.spec.template.spec.containers[name="api"].image' in told
    assert "--force-conflicts" in told
    await kubectl.ok(*apply, "--force-conflicts")
    assert await kubectl.ok("get", "deployment", "api", "-o", "jsonpath={..image}") == f"{IMAGE}:1.0.0"


async def test_an_image_is_set_watched_remembered_and_undone(kubectl: Kubectl) -> None:
    kubectl.create(workload("Deployment", "web", replicas=2))
    assert "successfully rolled out" in await kubectl.ok("rollout", "status", "deployment/web")
    await kubectl.ok("set", "image", "deployment/web", "web=registry.local/web:2.0.0")
    assert "successfully rolled out" in await kubectl.ok("rollout", "status", "deployment/web")
    history = await kubectl.ok("rollout", "history", "deployment/web")
    assert [line.split()[0] for line in history.splitlines()[2:] if line] == ["1", "2"]
    assert "registry.local/web:1.0.0" in await kubectl.ok("rollout", "history", "deployment/web", "--revision=1")
    await kubectl.ok("rollout", "undo", "deployment/web")
    assert "successfully rolled out" in await kubectl.ok("rollout", "status", "deployment/web")
    assert await kubectl.ok("get", "deployment", "web", "-o", "jsonpath={..image}") == "registry.local/web:1.0.0"


async def test_a_stateful_set_and_a_daemon_set_are_rolled_out_and_undone(kubectl: Kubectl) -> None:
    kubectl.create(workload("StatefulSet", "db", replicas=2), workload("DaemonSet", "agent"))
    await kubectl.ok("set", "image", "sts/db", "ds/agent", "*=registry.local/both:2.0.0")
    assert "roll out complete" in await kubectl.ok("rollout", "status", "sts/db")
    assert "successfully rolled out" in await kubectl.ok("rollout", "status", "ds/agent")
    await kubectl.ok("rollout", "undo", "sts/db")
    await kubectl.ok("rollout", "undo", "ds/agent", "--to-revision=1")
    await kubectl.ok("rollout", "status", "sts/db")
    images = await kubectl.ok("get", "sts/db", "ds/agent", "-o", "jsonpath={..containers[0].image}")
    assert images == "registry.local/db:1.0.0 registry.local/agent:1.0.0"


async def test_a_broken_image_fails_the_rollout_status(kubectl: Kubectl) -> None:
    body = workload("Deployment", "web", replicas=1, progressDeadlineSeconds=1)
    body["spec"]["template"] = template("web", "registry.local/web:9-broken")
    kubectl.create(body)
    told = await kubectl.refused("rollout", "status", "deployment/web", "--timeout=50s")
    assert "exceeded its progress deadline" in told


async def test_restart_pause_resume_scale_and_wait(kubectl: Kubectl) -> None:
    kubectl.create(workload("Deployment", "web", replicas=1))
    await kubectl.ok("rollout", "pause", "deployment/web")
    assert "can't restart paused deployment" in await kubectl.refused("rollout", "restart", "deployment/web")
    await kubectl.ok("rollout", "resume", "deployment/web")
    await kubectl.ok("rollout", "restart", "deployment/web")
    told = await kubectl.refused("scale", "deployment", "web", "--replicas=2", "--current-replicas=5")
    assert "Expected replicas to be 5, was 1" in told
    await kubectl.ok("scale", "deployment", "web", "--replicas=2")
    await kubectl.ok("rollout", "status", "deployment/web")
    await kubectl.ok("wait", "--for=condition=Available", "deployment/web", "--timeout=50s")
    await kubectl.ok("wait", "--for=jsonpath={.status.readyReplicas}=2", "deployment/web", "--timeout=50s")
    told = await kubectl.refused("wait", "--for=condition=Progressing=False", "deployment/web", "--timeout=1s")
    assert "timed out waiting" in told


async def test_logs_follow_previous_and_tail(kubectl: Kubectl) -> None:
    kubectl.create(a_job(), workload("Deployment", "web", replicas=1))
    await kubectl.ok("rollout", "status", "deployment/web")
    assert "registry.local/once:1.0.0" in await kubectl.ok("logs", "job/once", "-f", "--pod-running-timeout=50s")
    assert len((await kubectl.ok("logs", "deployment/web", "--tail=1", "--timestamps")).splitlines()) == 1
    (pod,) = [pod for pod in kubectl.cluster.store.all_of(PODS, kubectl.namespace) if "web" in pod["metadata"]["name"]]
    name = pod["metadata"]["name"]
    assert "previous terminated container" in await kubectl.refused("logs", name, "--previous")
    kubectl.cluster.crash_pod(kubectl.namespace, name)
    async with asyncio.timeout(PATIENCE_S):
        while not _restarts(kubectl, name):
            await asyncio.sleep(0.02)
    assert "OutOfMemoryError" in await kubectl.ok("logs", name, "--previous")


def _restarts(kubectl: Kubectl, name: str) -> int:
    pod = kubectl.cluster.store.get(PODS, kubectl.namespace, name)
    return int(pod["status"]["containerStatuses"][0]["restartCount"]) if pod else 0


async def test_delete_in_the_background_in_the_foreground_and_leaving_orphans(kubectl: Kubectl) -> None:
    for name in ("back", "fore", "orphan"):
        kubectl.create(workload("Deployment", name, replicas=1))
    await kubectl.ok("delete", "deployment", "back", "--cascade=background")
    await kubectl.ok("delete", "deployment", "fore", "--cascade=foreground")
    assert "orphan" in await kubectl.ok("get", "rs", "-o", "name")
    assert "fore" not in await kubectl.ok("get", "rs,pods", "-o", "name")
    await kubectl.ok("delete", "deployment", "orphan", "--cascade=orphan")
    await kubectl.ok("wait", "--for=delete", "pod", "-l", "app=back", "--timeout=50s")
    left = (await kubectl.ok("get", "deploy,rs", "-o", "name")).split()
    assert [each.partition("-")[0] for each in left] == ["replicaset.apps/orphan"]
    await kubectl.ok("delete", "namespace", kubectl.namespace, "--timeout=50s")


async def test_a_job_is_made_from_a_cronjob_with_all_that_its_template_says(kubectl: Kubectl) -> None:
    pod: Json = {
        "restartPolicy": "Never",
        "nodeSelector": {"kubernetes.io/arch": "amd64"},
        "tolerations": [{"key": "a", "operator": "Exists", "effect": "NoSchedule"}],
        "volumes": [{"name": "tmp", "emptyDir": {}}, {"name": "key", "secret": {"secretName": "key"}}],
        "containers": [{
            "name": "report",
            "image": "registry.local/report:1.0.0",
            "command": ["sh", "-c"],
            "args": ["true"],
            "env": [{"name": "A", "value": "b"},
                    {"name": "B", "valueFrom": {"secretKeyRef": {"name": "key", "key": "a", "optional": True}}}],
            "ports": [{"containerPort": 80, "name": "http"}],
            "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
            "volumeMounts": [{"name": "tmp", "mountPath": "/tmp", "readOnly": True}],
        }],
    }  # fmt: skip
    job = {"backoffLimit": 0, "completions": 2, "activeDeadlineSeconds": 600,
           "template": {"metadata": {"labels": {"p": "q"}}, "spec": pod}}  # fmt: skip
    spec = {"schedule": "0 3 * * *", "jobTemplate": {"metadata": {"annotations": {"n": "m"}}, "spec": job}}
    kubectl.create({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "report"}, "spec": spec})
    await kubectl.ok("create", "job", "manual", "--from=cronjob/report")
    made = kubectl.cluster.store.get(JOBS, kubectl.namespace, "manual")
    assert made is not None
    assert made["metadata"]["annotations"] == {"n": "m", "cronjob.kubernetes.io/instantiate": "manual"}
    assert made["metadata"]["ownerReferences"][0]["name"] == "report"
    assert (made["spec"]["backoffLimit"], made["spec"]["completions"]) == (0, 2)
    kept = made["spec"]["template"]["spec"]
    for name in ("nodeSelector", "tolerations", "restartPolicy"):
        assert kept[name] == pod[name]
    for name in ("name", "image", "command", "args", "env", "resources", "volumeMounts"):
        assert kept["containers"][0][name] == pod["containers"][0][name], name
    assert [volume["name"] for volume in kept["volumes"]] == ["tmp", "key"]
    assert kept["volumes"][1]["secret"]["secretName"] == "key"
    assert 'cronjobs.batch "none" not found' in await kubectl.refused("create", "job", "x", "--from=cronjob/none")


async def test_auth_can_i_says_yes_and_no(kubectl: Kubectl) -> None:
    assert (await kubectl.ok("auth", "can-i", "patch", "deployments")).strip() == "yes"
    nobody = f"--as=system:serviceaccount:{kubectl.namespace}:default"
    said = await kubectl.run("auth", "can-i", "patch", "deployments/scale", nobody)
    assert (said.code, said.out.strip()) == (1, "no")


async def test_create_makes_what_it_sends_in_protobuf_and_hears_a_clear_415_for_the_rest(kubectl: Kubectl) -> None:
    await kubectl.ok("create", "deployment", "quick", f"--image={IMAGE}:1.0.0", "--replicas=2", "--port=80")
    await kubectl.ok("create", "configmap", "settings", "--from-literal=colour=blue")
    await kubectl.ok("create", "secret", "generic", "key", "--from-literal=a=b")
    told = await kubectl.ok("get", "deployment/quick", "secret/key", "-o", "jsonpath={..replicas} {..data.a}")
    assert told.split()[::2][:1] == ["2"]
    assert told.endswith("Yg==")
    told = await kubectl.refused("create", "quota", "small", "--hard=pods=1")
    assert "the body of the request was in an unknown format - accepted media types include: application/json" in told
    assert "ResourceQuota is not read in protobuf here" in told


async def test_a_node_is_cordoned_drained_and_used_again(kubectl: Kubectl) -> None:
    kubectl.create(workload("DaemonSet", "agent"), workload("Deployment", "web", replicas=3))
    await kubectl.ok("rollout", "status", "deployment/web")
    only = ("--ignore-daemonsets", "--pod-selector=app in (web, agent)", "--timeout=50s")
    await kubectl.ok("drain", "node-2", *only)
    assert "SchedulingDisabled" in await kubectl.ok("get", "node", "node-2")
    nodes = await kubectl.ok("get", "pods", "-l", "app=web", "-o", "jsonpath={..nodeName}")
    assert "node-2" not in nodes
    await kubectl.ok("uncordon", "node-2")
    assert "SchedulingDisabled" not in await kubectl.ok("get", "node", "node-2")


async def test_a_misspelt_field_is_refused_and_what_is_not_there_is_said(kubectl: Kubectl) -> None:
    kubectl.write("bad.yaml", API.replace("replicas", "replicaz"))
    told = await kubectl.refused("apply", "-f", "bad.yaml")
    assert 'strict decoding error: unknown field "spec.replicaz"' in told
    assert "Metrics API not available" in await kubectl.refused("top", "pods")
    assert 'doesn\'t have a resource type "gizmos"' in await kubectl.refused("get", "gizmos")


async def test_labels_annotations_and_patches(kubectl: Kubectl) -> None:
    await kubectl.ok("run", "one", "--image=registry.local/one:1.0.0")
    await kubectl.ok("wait", "--for=condition=Ready", "pod/one", "--timeout=50s")
    await kubectl.ok("label", "pod", "one", "team=a")
    await kubectl.ok("annotate", "pod", "one", "note=b")
    add = '[{"op": "add", "path": "/metadata/labels/tier", "value": "c"}]'
    await kubectl.ok("patch", "pod", "one", "--type=json", "-p", add)
    await kubectl.ok("patch", "pod", "one", "--type=merge", "-p", '{"metadata": {"labels": {"run": null}}}')
    shown = (await kubectl.ok("get", "pod", "one", "--show-labels")).split()[-1]
    assert shown.startswith("team=a,tier=c")
    assert "run=" not in shown
    await kubectl.ok("delete", "pod", "one", "--timeout=50s")
    assert 'pods "one" not found' in await kubectl.refused("get", "pod", "one")
