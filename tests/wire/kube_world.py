"""A simulated cluster on a real socket and the bot's own client to it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web

from bot.domain.catalog import Environment, WorkloadKind, WorkloadRef
from bot.domain.names import EnvironmentName
from bot.domain.rollout import RolloutState, Workload, rollout_status
from bot.kube import workloads
from bot.kube.clients import Cluster, Clusters
from bot.kube.workloads.paths import workload as workload_path
from bot.sandbox.kube.cluster import Cluster as SimulatedCluster
from bot.sandbox.kube.kinds import PODS
from bot.sandbox.kube.options import Options

STG = EnvironmentName("stg")
ADMIN = WorkloadRef("growlio", WorkloadKind.DEPLOYMENT, "admin")
IMAGE = "registry.example.com/growlio/admin"
TOKEN = "right"
QUIET_LOOKS = 4
"""So many looks in a row that find no change: a controller sees what it has to write within milliseconds."""


def kubeconfig(path: Path, url: str, user: dict[str, Any] | None = None) -> str:
    """Writes a kubeconfig with the context stg and returns its path."""
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "stg",
        "clusters": [{"name": "stg", "cluster": {"server": url}}],
        "users": [{"name": "kajitori", "user": user if user is not None else {"token": TOKEN}}],
        "contexts": [{"name": "stg", "context": {"cluster": "stg", "user": "kajitori"}}],
    }
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return str(path)


def client(config: str) -> Cluster:
    """The bot's client of the context stg."""
    return Clusters.load({STG: Environment(STG, "stg", None)}, config)[STG]


@asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[str]:
    """`app` on a free port of the loopback; yields its URL."""
    runner = web.AppRunner(app, shutdown_timeout=0.5)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


@dataclass(slots=True)
class World:
    """The simulated cluster, and the client that the bot would use."""

    there: SimulatedCluster
    here: Cluster
    url: str

    def writes(self) -> list[str]:
        """Methods of all requests that were no reads."""
        return [each.method for each in self.there.requests if each.method not in ("GET", "HEAD")]


@asynccontextmanager
async def world(folder: Path, options: Options | None = None) -> AsyncIterator[World]:
    """A running cluster whose images all exist but those tagged `missing`."""
    there = SimulatedCluster(
        "stg", lambda image: "missing" not in image, token=TOKEN, options=options or Options(speed=4)
    )
    there.create_namespace("growlio")
    await there.start()
    try:
        async with serving(there.app()) as url:
            here = client(kubeconfig(folder / "kubeconfig", url))
            try:
                yield World(there, here, url)
            finally:
                await here.close()
    finally:
        await there.stop()


def deployment(name: str = "admin", *, replicas: int = 3, image: str = f"{IMAGE}:1.0.0", **spec: Any) -> dict[str, Any]:
    """A Deployment of one container, named as itself."""
    labels = {"app.kubernetes.io/name": name}
    container = {
        "name": name,
        "image": image,
        "env": [{"name": "MODE", "value": "stg"}],
        "ports": [{"containerPort": 80}],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "growlio", "annotations": {"team": "growlio"}},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
            **spec,
        },
    }


async def until(what: Callable[[], Any], *, within_s: float = 60.0) -> Any:
    """Waits for `what()` (or what it awaits) to be true and returns it; fails when it takes longer."""
    async with asyncio.timeout(within_s):
        while True:
            found = what()
            if asyncio.iscoroutine(found):
                found = await found
            if found:
                return found
            await asyncio.sleep(0.02)


async def _ending(stg: World, ref: WorkloadRef) -> int:
    """Pods that are going away: the status is written once more when they have gone. It may count them late."""
    leaving = sum("deletionTimestamp" in pod["metadata"] for pod in stg.there.store.each(PODS, ref.namespace))
    if leaving:
        return leaving
    raw = await stg.here.request("GET", workload_path(ref))
    return int((raw.get("status") or {}).get("terminatingReplicas") or 0)


async def settled(stg: World, ref: WorkloadRef = ADMIN, generation: int = 1) -> Workload:
    """The workload once its rollout is done, and controllers have written the last of it: what is read stays true."""
    seen: list[Workload] = []

    async def done() -> bool:
        seen.append(await workloads.read(stg.here, ref))
        if rollout_status(seen[-1], generation=generation).state is not RolloutState.DONE:
            return False
        if await _ending(stg, ref):
            return False
        stood_still = [workload.resource_version for workload in seen[-QUIET_LOOKS:]]
        return len(stood_still) == QUIET_LOOKS and len(set(stood_still)) == 1

    await until(done)
    return seen[-1]
