"""A served cluster for tests: the simulated API on a socket of its own, with a plain JSON client.

Used by test_kube_*.py. The cluster's own failure fails the test that waits on it.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import web

from bot.sandbox.kube import Cluster, Options

Json = dict[str, Any]
DEADLINE_S = 60
"""Only a test that fails waits this long: a busy machine may stand still for seconds."""
TOKEN = "a-token"
QUICK = Options(seed=1, start_s=0.05, termination_s=0.02, crash_after_s=0.05, restart_s=0.2, job_s=0.1, lag_s=0.001)
APPS = "/apis/apps/v1/namespaces/shop"
CORE = "/api/v1/namespaces/shop"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said."""

    status: int
    body: Any
    headers: dict[str, str]

    @property
    def told(self) -> tuple[int, str | None, str]:
        """Code, reason and message of a Status."""
        return self.status, self.body.get("reason"), self.body.get("message", "")


class Kube:
    """A client of one served cluster."""

    def __init__(self, cluster: Cluster, url: str, session: aiohttp.ClientSession) -> None:
        self.cluster = cluster
        self.url = url
        self.session = session

    async def send(
        self, method: str, path: str, body: Any = None, *, kind: str = "application/json", token: str | None = TOKEN,
        headers: dict[str, str] | None = None,
    ) -> Answer:  # fmt: skip
        sent = {"Content-Type": kind} | (headers or {})
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        if isinstance(body, str):
            body = body.encode("utf-8", "surrogatepass")
        raw = body if isinstance(body, bytes) else None if body is None else json.dumps(body)
        async with self.session.request(method, self.url + path, data=raw, headers=sent) as response:
            text = await response.text()
            is_json = response.content_type == "application/json"
            return Answer(response.status, json.loads(text) if is_json else text, dict(response.headers))

    async def get(self, path: str) -> Any:
        answer = await self.send("GET", path)
        assert answer.status == 200, answer
        return answer.body

    async def post(self, path: str, body: Json) -> Any:
        answer = await self.send("POST", path, body)
        assert answer.status == 201, answer
        return answer.body

    async def merge(self, path: str, body: Json) -> Any:
        answer = await self.send("PATCH", path, body, kind="application/merge-patch+json")
        assert answer.status == 200, answer
        return answer.body

    async def set_image(self, name: str, image: str, manager: str = "kajitori") -> Any:
        body = {"spec": {"template": {"spec": {"containers": [{"name": name, "image": image}]}}}}
        path = f"{APPS}/deployments/{name}?fieldManager={manager}"
        answer = await self.send("PATCH", path, body, kind="application/strategic-merge-patch+json")
        assert answer.status == 200, answer
        return answer.body

    async def until(self, path: str, holds: Callable[[Any], Any], timeout_s: float = DEADLINE_S) -> Any:
        """Read `path` until its body is as wanted; the last body is in the failure."""
        body: Any = None
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    crash = self.cluster.crashed()
                    if crash is not None:
                        raise crash
                    body = (await self.send("GET", path)).body
                    if holds(body):
                        return body
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError(f"{path} did not come to hold; last: {json.dumps(body)[:3000]}") from None

    async def rolled_out(self, name: str, timeout_s: float = DEADLINE_S) -> Any:
        return await self.until(f"{APPS}/deployments/{name}", is_rolled_out, timeout_s)

    async def watch(self, path: str, count: int, timeout_s: float = DEADLINE_S) -> list[Json]:
        """The first `count` events of a watch; fewer when the server ends it."""
        events: list[Json] = []
        async with asyncio.timeout(timeout_s), self.session.get(self.url + path, headers=_auth()) as response:
            if response.status != 200:
                return [await response.json()]
            async for line in response.content:
                events.append(json.loads(line))
                if len(events) >= count:
                    break
        return events


def _auth() -> dict[str, str]:
    return {"Authorization": f"Bearer {TOKEN}"}


def is_rolled_out(deployment: Json) -> bool:
    """The rules of `kubectl rollout status`."""
    status, wanted = deployment["status"], deployment["spec"]["replicas"]
    return (
        status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]
        and status.get("updatedReplicas", 0)
        == status.get("replicas", 0)
        == status.get("availableReplicas", 0)
        == wanted
    )


def deployment(name: str = "admin", image: str = "registry.local/admin:1.0.0", replicas: int = 3, **spec: Any) -> Json:
    labels = {"app.kubernetes.io/name": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"terminationGracePeriodSeconds": 1, "containers": [{"name": name, "image": image}]},
            },
            **spec,
        },
    }


def conditions(obj: Json) -> dict[str, tuple[str, str]]:
    """Condition types with status and reason."""
    found = obj["status"].get("conditions") or []
    return {c["type"]: (c["status"], c.get("reason", "")) for c in found}


@asynccontextmanager
async def served(options: Options = QUICK, image_exists: Callable[[str], bool] = lambda _: True) -> AsyncIterator[Kube]:
    """A running cluster with the namespace `shop`, on a free port."""
    cluster = Cluster("stg", image_exists, token=TOKEN, options=options)
    cluster.create_namespace("shop")
    await cluster.start()
    runner = web.AppRunner(cluster.app(), shutdown_timeout=1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=DEADLINE_S)) as session:
            yield Kube(cluster, url, session)
    finally:
        await runner.cleanup()
        await cluster.stop()
