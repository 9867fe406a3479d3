"""kubectl works on the simulated cluster: the flows people use by hand. Skipped where kubectl is not installed."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import web

from bot.sandbox.kube import Cluster, kubeconfig, seed
from tests.sandbox.kube_client import QUICK, TOKEN

KUBECTL = shutil.which("kubectl")
pytestmark = pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed")

KUSTOMIZATION = """\
namespace: shop
resources: [api.yaml]
images: [{name: registry.local/api, newTag: 2.0.0}]
"""
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


@dataclass(frozen=True, slots=True)
class Said:
    """What one kubectl said."""

    code: int
    out: str
    err: str


class Kubectl:
    """kubectl with a kubeconfig of its own."""

    def __init__(self, home: Path, cluster: Cluster) -> None:
        self._home = home
        self.cluster = cluster

    async def run(self, *words: str) -> Said:
        assert KUBECTL is not None
        environment = {"HOME": str(self._home), "KUBECONFIG": str(self._home / "config"), "PATH": os.environ["PATH"]}
        process = await asyncio.create_subprocess_exec(
            KUBECTL, *words, env=environment, cwd=self._home, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            async with asyncio.timeout(20):
                out, err = await process.communicate()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise
        return Said(process.returncode or 0, out.decode(), err.decode())

    async def ok(self, *words: str) -> str:
        """Standard output of a command that must succeed."""
        said = await self.run(*words)
        assert said.code == 0, f"kubectl {' '.join(words)}: {said.err}{said.out}"
        return said.out


@pytest.fixture
async def kubectl(tmp_path: Path) -> AsyncIterator[Kubectl]:
    cluster = Cluster("stg", lambda _: True, token=TOKEN, options=QUICK)
    seed(cluster, "registry.local")
    cluster.create_namespace("shop")
    await cluster.start()
    runner = web.AppRunner(cluster.app(), shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        (tmp_path / "config").write_text(kubeconfig({"stg": url}, TOKEN))
        yield Kubectl(tmp_path, cluster)
    finally:
        await runner.cleanup()
        await cluster.stop()


async def test_get_shows_tables(kubectl: Kubectl) -> None:
    wide = await kubectl.ok("get", "pods", "-n", "admin", "-o", "wide")
    assert wide.splitlines()[0].split()[:5] == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert wide.count("1/1     Running") == 3
    everything = await kubectl.ok("get", "deploy,rs,svc,cj", "-A")
    assert "deployment.apps/web" in everything
    assert "cronjob.batch/report" in everything
    assert (await kubectl.ok("get", "nodes")).count("Ready") == 3


async def test_describe_tells_conditions_and_events(kubectl: Kubectl) -> None:
    told = await kubectl.ok("-n", "admin", "describe", "deployment", "admin")
    assert "NewReplicaSetAvailable" in told
    assert "ScalingReplicaSet" in told
    assert "Successfully assigned admin/" in await kubectl.ok("-n", "admin", "describe", "pods")


async def test_an_image_is_set_watched_remembered_and_undone(kubectl: Kubectl) -> None:
    admin = ("-n", "admin")
    await kubectl.ok(*admin, "set", "image", "deployment/admin", "admin=registry.local/growlio/admin:1.4.2")
    assert "successfully rolled out" in await kubectl.ok(*admin, "rollout", "status", "deployment/admin")
    history = await kubectl.ok(*admin, "rollout", "history", "deployment/admin")
    assert [line.split()[0] for line in history.splitlines()[2:] if line] == ["1", "2", "3"]
    await kubectl.ok(*admin, "rollout", "undo", "deployment/admin")
    assert "successfully rolled out" in await kubectl.ok(*admin, "rollout", "status", "deployment/admin")
    image = await kubectl.ok(*admin, "get", "deployment", "admin", "-o", "jsonpath={..image}")
    assert image == "registry.local/growlio/admin:1.4.1"
    sets = await kubectl.ok(*admin, "get", "rs", "--no-headers")
    assert len(sets.splitlines()) == 3


async def test_a_broken_image_fails_the_rollout_status(kubectl: Kubectl) -> None:
    admin = ("-n", "admin")
    await kubectl.ok(*admin, "patch", "deployment", "admin", "-p", '{"spec": {"progressDeadlineSeconds": 1}}')
    await kubectl.ok(*admin, "set", "image", "deployment/admin", "admin=registry.local/growlio/admin:9-broken")
    said = await kubectl.run(*admin, "rollout", "status", "deployment/admin", "--timeout=15s")
    assert said.code == 1
    assert "exceeded its progress deadline" in said.err


async def test_restart_pause_resume_scale_and_wait(kubectl: Kubectl) -> None:
    web_ = ("-n", "web")
    for action in ("restart", "pause", "resume"):
        await kubectl.ok(*web_, "rollout", action, "deployment/web")
    await kubectl.ok(*web_, "scale", "deployment", "web", "--replicas=2")
    await kubectl.ok(*web_, "rollout", "status", "deployment/web")
    await kubectl.ok(*web_, "wait", "--for=condition=Available", "deployment/web", "--timeout=5s")
    assert await kubectl.ok(*web_, "get", "deployment", "web", "-o", "jsonpath={.status.readyReplicas}") == "2"


async def test_logs_of_a_deployment(kubectl: Kubectl) -> None:
    assert "GET /healthz" in await kubectl.ok("-n", "web", "logs", "deployment/web", "--tail=5")


@pytest.mark.parametrize("how", [(), ("--server-side",)])
async def test_a_kustomization_is_applied_diffed_and_applied_again(
    kubectl: Kubectl, tmp_path: Path, how: tuple[str, ...]
) -> None:
    (tmp_path / "kustomization.yaml").write_text(KUSTOMIZATION)
    (tmp_path / "api.yaml").write_text(API)
    await kubectl.ok("apply", "-k", ".", *how)
    await kubectl.ok("-n", "shop", "rollout", "status", "deployment/api")
    again = await kubectl.ok("apply", "-k", ".", *how)
    assert ("serverside-applied" if how else "unchanged") in again
    generation = ("-n", "shop", "get", "deployment", "api", "-o", "jsonpath={.metadata.generation}")
    assert await kubectl.ok(*generation) == "1"
    (tmp_path / "kustomization.yaml").write_text(KUSTOMIZATION.replace("2.0.0", "2.0.1"))
    if shutil.which("diff"):
        changed = await kubectl.run("diff", "-k", ".", *how)
        assert changed.code == 1
        assert "+      - image: registry.local/api:2.0.1" in changed.out
    await kubectl.ok("apply", "-k", ".", *how)
    await kubectl.ok("-n", "shop", "rollout", "status", "deployment/api")
    assert await kubectl.ok(*generation) == "2"


async def test_a_misspelt_field_is_refused(kubectl: Kubectl, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(API.replace("replicas", "replicaz"))
    said = await kubectl.run("-n", "shop", "apply", "-f", "bad.yaml")
    assert said.code == 1
    assert 'strict decoding error: unknown field "spec.replicaz"' in said.err


async def test_labels_annotations_and_deletion(kubectl: Kubectl) -> None:
    await kubectl.ok("-n", "shop", "run", "one", "--image=registry.local/one:1.0.0")
    await kubectl.ok("-n", "shop", "wait", "--for=condition=Ready", "pod/one", "--timeout=5s")
    await kubectl.ok("-n", "shop", "label", "pod", "one", "team=a")
    await kubectl.ok("-n", "shop", "annotate", "pod", "one", "note=b")
    assert "team=a" in await kubectl.ok("-n", "shop", "get", "pod", "one", "--show-labels")
    await kubectl.ok("-n", "shop", "delete", "pod", "one", "--timeout=5s")
    gone = await kubectl.run("-n", "shop", "get", "pod", "one")
    assert 'pods "one" not found' in gone.err
    await kubectl.ok("delete", "namespace", "shop", "--timeout=10s")


async def test_where_kubectl_offers_only_protobuf_it_hears_a_clear_415(kubectl: Kubectl) -> None:
    said = await kubectl.run("auth", "can-i", "patch", "deployments")
    assert "the body of the request was in an unknown format" in said.err
