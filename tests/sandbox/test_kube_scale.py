"""What the simulated API server costs: ratios between its own figures, so that they hold on any machine.

`python -m bench.cluster` measures the whole size: 5,000 pods, 500 changes a second.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import orjson
import pytest

from bench.cluster import Clients, Served, measure_idle, measure_list, measure_stream, read_pages, serve
from bot.sandbox.kube.kinds import PODS
from tests.sandbox.kube_client import CORE, DEADLINE_S, TOKEN, Json, Kube, served


@pytest.fixture(scope="module")
def clients() -> Iterator[Clients]:
    with Clients() as running:
        yield running


@asynccontextmanager
async def a_cluster() -> AsyncIterator[Served]:
    """500 pods in 20 Deployments."""
    async with serve(20) as running:
        yield running


async def test_lists_streams_and_idleness_cost_little(clients: Clients) -> None:
    async with a_cluster() as running:
        pods = running.cluster.store.all_of(PODS)
        assert await clients.run(read_pages, running.url) == len(pods) == 500
        began_s = time.process_time()
        encoded = json.dumps(pods)
        encoding_s = time.process_time() - began_s
        assert len(encoded) > 1_000_000
        costs = [await measure_list(running, clients) for _ in range(3)]
        assert min(cost.server_s for cost in costs) < encoding_s, "a list costs more than encoding it with json"
        ratios = []
        for _ in range(5):
            few = await measure_stream(running, clients, rate=500, seconds=0.4, watchers=1)
            many = await measure_stream(running, clients, rate=500, seconds=0.4, watchers=5)
            assert (few.heard, many.heard) == ([200], [200] * 5)
            ratios.append(many.server_s / few.server_s)
            if ratios[-1] < 4:
                break
        assert ratios[-1] < 4, f"five watchers cost as much as four servers: {ratios}"
        assert await measure_idle(0.5) < 0.05


async def test_a_page_boundary_among_namespaces_that_begin_alike_loses_nothing() -> None:
    async with served() as kube:
        for namespace in ("a", "a-b", "ab"):
            kube.cluster.create_namespace(namespace)
            for name in ("x", "x-y", "x.y", "xy"):
                await kube.post(f"/api/v1/namespaces/{namespace}/configmaps", {"metadata": {"name": name}})
        # Each namespace gets a ConfigMap by a controller of its own time: a list is the same only once all have it.
        async with asyncio.timeout(60):
            while {key.partition("/")[0] for key in await names(kube, ROOT_CAS)} != await namespaces(kube):
                await asyncio.sleep(0.05)
        whole = await names(kube, "/api/v1/configmaps")
        assert len(whole) == len(set(whole)) >= 12
        assert whole == sorted(whole)
        for limit in (1, 2, 3, 7):
            assert await names(kube, f"/api/v1/configmaps?limit={limit}") == whole


ROOT_CAS = "/api/v1/configmaps?fieldSelector=metadata.name%3Dkube-root-ca.crt"


async def namespaces(kube: Kube) -> set[str]:
    """Names of all namespaces."""
    return {each["metadata"]["name"] for each in (await kube.get("/api/v1/namespaces"))["items"]}


async def names(kube: Kube, path: str) -> list[str]:
    """Keys of everything listed, over all pages."""
    found: list[str] = []
    position = ""
    while True:
        page = await kube.get(f"{path}{position}")
        found += [f"{each['metadata']['namespace']}/{each['metadata']['name']}" for each in page["items"]]
        if not page["metadata"].get("continue"):
            return found
        position = f"&continue={page['metadata']['continue']}"


async def test_what_is_kept_encoded_is_never_older_than_what_is_stored() -> None:
    async with served() as kube:
        path = f"{CORE}/configmaps/settings"
        await kube.post(f"{CORE}/configmaps", {"metadata": {"name": "settings"}, "data": {"n": "0"}})
        since = (await kube.get(path))["metadata"]["resourceVersion"]
        for number in range(1, 5):
            await kube.merge(path, {"data": {"n": str(number)}})
            assert (await kube.get(path))["data"] == {"n": str(number)}
            listed: list[Json] = (await kube.get(f"{CORE}/configmaps"))["items"]
            assert [each["data"] for each in listed if each["metadata"]["name"] == "settings"] == [{"n": str(number)}]
            assert not any("kind" in each for each in listed)
        only = "fieldSelector=metadata.name%3Dsettings"
        events = await kube.watch(f"{CORE}/configmaps?watch=1&{only}&resourceVersion={since}", 4)
        assert [event["object"]["data"]["n"] for event in events] == ["1", "2", "3", "4"]
        assert {event["object"]["kind"] for event in events} == {"ConfigMap"}


async def test_a_watch_over_http_1_0_streams_lines_until_the_end() -> None:
    async with served() as kube:
        host, port = kube.url.removeprefix("http://").split(":")
        async with asyncio.timeout(DEADLINE_S):
            reader, writer = await asyncio.open_connection(host, int(port))
            path = f"{CORE}/configmaps?watch=1&timeoutSeconds=1"
            writer.write(f"GET {path} HTTP/1.0\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode())
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
            writer.close()
        assert b" 200 " in head.partition(b"\r\n")[0]
        assert orjson.loads(body.splitlines()[0])["object"]["metadata"]["name"] == "kube-root-ca.crt"
