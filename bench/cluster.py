"""`python -m bench.cluster`: what the sandbox's API server costs: lists of many pods, many changes to many watchers.

The server runs in this process, its clients in another, so that the processor time of this one is the server's alone.
"""

import argparse
import asyncio
import concurrent.futures
import http.client
import json
import multiprocessing
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from aiohttp import web

from bot.sandbox.kube import Cluster, Options
from bot.sandbox.kube.kinds import DEPLOYMENTS, PODS

TOKEN = "bench"
REPLICAS = 25
PAGE = 500
PODS_PATH = "/api/v1/pods"
START_LIMIT_S = 300.0
READ_LIMIT_S = 120.0


@dataclass(frozen=True, slots=True)
class ListCost:
    """One list of everything, page by page."""

    items: int
    server_s: float
    """Processor time of the server."""
    wall_s: float


@dataclass(frozen=True, slots=True)
class StreamCost:
    """Changes streamed to watchers."""

    changes: int
    heard: list[int]
    """Events that each watcher got."""
    server_s: float
    wall_s: float
    lag_s: float
    """From the last change to the last watcher that had heard everything."""


@dataclass(frozen=True, slots=True)
class Served:
    """A cluster and where it listens."""

    cluster: Cluster
    url: str


@asynccontextmanager
async def serve(deployments: int) -> AsyncIterator[Served]:
    """A running cluster with that many Deployments of REPLICAS pods, all ready."""
    options = Options(seed=1, start_s=0.01, lag_s=0.0, node_count=max(3, deployments // 2), history=50_000)
    cluster = Cluster("bench", lambda _: True, token=TOKEN, options=options)
    for number in range(deployments):
        cluster.create(_deployment(f"service-{number:03}", f"team-{number % 10}", cluster))

    def is_ready() -> bool:
        return all(each["status"].get("readyReplicas") == REPLICAS for each in cluster.store.all_of(DEPLOYMENTS))

    cluster.settle(is_ready)
    await cluster.start()
    runner = web.AppRunner(cluster.app(), access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield Served(cluster, f"http://127.0.0.1:{runner.addresses[0][1]}")
    finally:
        await runner.cleanup()
        await cluster.stop()


def _deployment(name: str, namespace: str, cluster: Cluster) -> dict[str, Any]:
    cluster.create_namespace(namespace)
    labels = {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "bench"}
    container = {
        "name": name,
        "image": f"registry.example.com/bench/{name}:1.0.0",
        "ports": [{"name": "http", "containerPort": 8080}],
        "env": [{"name": f"SETTING_{index}", "value": "x" * 40} for index in range(10)],
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": "http"}},
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {
            "replicas": REPLICAS,
            "selector": {"matchLabels": {"app.kubernetes.io/name": name}},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


class Clients:
    """The process in which the clients run."""

    def __init__(self) -> None:
        self._pool = concurrent.futures.ProcessPoolExecutor(2, multiprocessing.get_context("spawn"))

    async def run(self, work: Callable[..., Any], *given: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work, *given)

    def __enter__(self) -> "Clients":
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()


def read_pages(url: str, query: str = "") -> int:
    """A client: lists all pods in pages and gives their number."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=READ_LIMIT_S)
    position, count = "", 0
    try:
        while True:
            asked = f"{PODS_PATH}?limit={PAGE}{query}" + (f"&continue={quote(position)}" if position else "")
            connection.request("GET", asked, headers={"Authorization": f"Bearer {TOKEN}"})
            page = json.loads(connection.getresponse().read())
            count += len(page["items"])
            position = page["metadata"].get("continue", "")
            if not position:
                return count
    finally:
        connection.close()


def hear(url: str, version: int, changes: int, watchers: int) -> list[int]:
    """Clients: so many watches, each until it has heard every change; gives how many events each got."""
    return asyncio.run(_hear(url, version, changes, watchers))


async def _hear(url: str, version: int, changes: int, watchers: int) -> list[int]:
    async with asyncio.timeout(READ_LIMIT_S):
        return list(await asyncio.gather(*(_watch(url, version, changes) for _ in range(watchers))))


async def _watch(url: str, version: int, changes: int) -> int:
    where = urlsplit(url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port, limit=2**20)
    path = f"{PODS_PATH}?watch=1&resourceVersion={version}"
    # HTTP/1.0, so that the stream comes without chunks and a line is an event.
    writer.write(f"GET {path} HTTP/1.0\r\nHost: bench\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode())
    heard = 0
    while line := await reader.readline():
        heard += line.startswith(b'{"type":"MODIFIED"')
        if heard == changes:
            break
    writer.close()
    return heard


async def measure_list(served: Served, clients: Clients, query: str = "") -> ListCost:
    """The cost of listing all pods once."""
    began_s, spent_s = time.perf_counter(), time.process_time()
    items = await clients.run(read_pages, served.url, query)
    return ListCost(items, time.process_time() - spent_s, time.perf_counter() - began_s)


async def measure_stream(served: Served, clients: Clients, *, rate: int, seconds: float, watchers: int) -> StreamCost:
    """The cost of so many status changes a second, each made as a kubelet makes it, with so many watchers."""
    store = served.cluster.store
    pods = store.all_of(PODS)
    changes = int(rate * seconds)
    listening = store.collection(PODS).watchers
    hearing = asyncio.ensure_future(clients.run(hear, served.url, store.version, changes, watchers))
    async with asyncio.timeout(START_LIMIT_S):
        while len(listening) < watchers and not hearing.done():
            await asyncio.sleep(0.01)
    began_s, spent_s = time.perf_counter(), time.process_time()
    for number in range(changes):
        _touch(served.cluster, pods[number % len(pods)]["metadata"])
        await asyncio.sleep(max(0.0, began_s + (number + 1) / rate - time.perf_counter()))
    made_s = time.perf_counter()
    heard = await hearing
    done_s = time.perf_counter()
    return StreamCost(changes, heard, time.process_time() - spent_s, done_s - began_s, done_s - made_s)


def _touch(cluster: Cluster, metadata: dict[str, Any]) -> None:
    pod = cluster.registry.read(PODS, metadata["namespace"], metadata["name"])
    told = {"type": "bench.example.com/Seen", "status": "True", "reason": f"After{cluster.store.version}"}
    kept = [each for each in pod["status"]["conditions"] if each["type"] != told["type"]]
    status = {**pod["status"], "conditions": [*kept, told]}
    cluster.registry.write(PODS, {**pod, "metadata": dict(pod["metadata"]), "status": status}, "kubelet", "status")


async def measure_idle(seconds: float) -> float:
    """Processor time of a cluster that nobody asks anything, as a share of one core."""
    spent_s = time.process_time()
    await asyncio.sleep(seconds)
    return (time.process_time() - spent_s) / seconds


async def measure(deployments: int, rate: int, seconds: float, watchers: int) -> None:
    """Everything, printed as it is known."""
    began_s = time.process_time()
    async with serve(deployments) as served:
        with Clients() as clients:
            print(f"{deployments} Deployments of {REPLICAS} pods, ready after {time.process_time() - began_s:.1f} s")
            await clients.run(read_pages, served.url)
            for name, query in (("all pods", ""), ("by label", "&labelSelector=app.kubernetes.io/part-of%3Dbench")):
                cost = await measure_list(served, clients, query)
                print(f"list {name}, pages of {PAGE}: {cost.items} in {cost.server_s:.3f} s of server time", flush=True)
            cost_s = await measure_stream(served, clients, rate=rate, seconds=seconds, watchers=watchers)
            print(
                f"watch: {cost_s.changes} changes at {rate}/s to {watchers} watchers: heard {min(cost_s.heard)} to "
                f"{max(cost_s.heard)}, {cost_s.lag_s * 1000:.1f} ms behind at the end, "
                f"{cost_s.server_s / cost_s.wall_s:.0%} of a core"
            )
            print(f"idle: {await measure_idle(seconds):.2%} of a core")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.cluster", description=__doc__)
    parser.add_argument("--deployments", type=int, default=200)
    parser.add_argument("--rate", type=int, default=500, help="status changes a second")
    parser.add_argument("--seconds", type=float, default=5.0, help="how long they go on")
    parser.add_argument("--watchers", type=int, default=5)
    given = parser.parse_args()
    asyncio.run(measure(given.deployments, given.rate, given.seconds, given.watchers))


if __name__ == "__main__":
    main()
