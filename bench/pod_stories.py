"""The whole bot in a storm of restarts: from the API server's event to the message in Slack, and what is told.

Used by bench.pods. The cluster and a lean Slack are in this process, the bot (`kajitori run`) in one of its own.
"""

import asyncio
import contextlib
import json
import os
import re
import sqlite3
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import yaml
from aiohttp import web

from bench.bots import Bot, World, open_ours
from bench.cluster import REPLICAS, TOKEN, Served, serve
from bench.desk import Desk
from bench.pod_storm import Deaths, Storm, kill, settled
from bot.sandbox.kube import kubeconfig
from bot.sandbox.kube.kinds import DEPLOYMENTS
from bot.sandbox.state_folder import free_port

CHANNEL = "C0PODS00000"
TEN_MINUTES_S, MINUTE_S = 600.0, 60.0
ASKED_EVERY_S = 0.02
HEARD_WITHIN_S = 60.0
_WORKLOAD = re.compile(r"service-\d{3}")


@dataclass(frozen=True, slots=True)
class Call:
    """A call of chat.* for the channel of pods."""

    method: str
    workload: str
    is_reply: bool
    at_s: float
    """Of the monotonic clock."""


@dataclass
class Wall(Desk):
    """A Slack that notes what is posted and changed in the channel of pods."""

    calls: list[Call] = field(default_factory=list)

    async def api(self, request: web.Request) -> web.Response:
        """Every method; posts get a ts."""
        method, now_s = request.match_info["method"], time.monotonic()
        if not method.startswith("chat."):
            return await super().api(request)
        raw = await request.read()
        body: dict[str, Any] = orjson.loads(raw) if raw.startswith(b"{") else dict(await request.post())
        if body.get("channel") == CHANNEL:
            found = _WORKLOAD.search(raw.decode())
            self.calls.append(Call(method, found[0] if found else "", bool(body.get("thread_ts")), now_s))
        ts = body.get("ts") or f"{len(self.calls) + 1700000000}.{len(self.calls):06}"
        return web.json_response({"ok": True, "channel": body.get("channel"), "ts": ts, "message": {}})

    def roots(self) -> dict[str, list[float]]:
        """Workload → when messages of their own were posted about it."""
        found: dict[str, list[float]] = {}
        for call in self.calls:
            if call.method == "chat.postMessage" and not call.is_reply:
                found.setdefault(call.workload, []).append(call.at_s)
        return found

    def edits(self) -> list[float]:
        return [call.at_s for call in self.calls if call.method == "chat.update"]


def most_within(times: Iterable[float], seconds: float) -> int:
    """How many there are in the busiest span of so many seconds."""
    ordered = sorted(times)
    return max((sum(1 for each in ordered if start <= each < start + seconds) for start in ordered), default=0)


async def measure_stories(storm: Storm) -> None:
    """Everything, printed at the end."""
    async with serve(storm.pods // REPLICAS) as served:
        deaths, wall = Deaths(served.cluster), Wall()
        with tempfile.TemporaryDirectory(prefix="kajitori-bench-") as name:
            folder = Path(name)
            async with open_ours(_world(folder, served), wall) as bot:
                await _looked(f"{_address(folder)}/readyz")
                began_mb = bot.resident_mb
                async with _asking(f"{_address(folder)}/healthz") as late_s:
                    await kill(served.cluster, deaths, storm)
                    await settled(served.cluster)
                    told = await _until_told(folder / "kajitori.db", sum(deaths.killed.values()))
                _print(storm, deaths, wall, told, bot, began_mb, late_s)


def _world(folder: Path, served: Served) -> World:
    """A configuration with every Deployment of the cluster as a service."""
    services = {}
    for raw in served.cluster.store.all_of(DEPLOYMENTS):
        metadata, [container] = raw["metadata"], raw["spec"]["template"]["spec"]["containers"]
        services[metadata["name"]] = {
            "namespace": metadata["namespace"],
            "workload": f"deployment/{metadata['name']}",
            "container": container["name"],
            "image": container["image"].rpartition(":")[0],
        }
    configuration = {
        "slack": {"mode": "socket", "ops_channel": "C0OPS000000"},
        "http": {"listen": f"127.0.0.1:{free_port()}"},
        "timezone": "Asia/Tokyo",
        "environments": {"stg": {"context": "stg", "channel": "C0STG000000"}},
        "services": services,
        "roles": {"operator": {"users": ["U0OPS000000"]}},
        "pods": {"channel": CHANNEL},
    }
    (folder / "kajitori.yaml").write_text(yaml.safe_dump(configuration))
    (folder / "kubeconfig").write_text(kubeconfig({"stg": served.url}, TOKEN))
    environment = {
        "PATH": os.environ["PATH"],
        "KAJITORI_CONFIG": str(folder / "kajitori.yaml"),
        "KUBECONFIG": str(folder / "kubeconfig"),
        "DATABASE_URL": f"sqlite:///{folder / 'kajitori.db'}",
        "SLACK_BOT_TOKEN": "xoxb-bench",
        "SLACK_APP_TOKEN": "xapp-bench",
        "SLACK_SIGNING_SECRET": "0" * 32,
    }
    return World(environment, _address(folder))


def _address(folder: Path) -> str:
    """Where the bot listens."""
    return f"http://{yaml.safe_load((folder / 'kajitori.yaml').read_text())['http']['listen']}"


async def _looked(url: str) -> None:
    """Until the bot says that it has looked at all pods."""
    async with asyncio.timeout(HEARD_WITHIN_S), aiohttp.ClientSession() as http:
        while True:
            async with http.get(url) as response:
                if (await response.json())["ready"]:
                    return
            await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def _asking(url: str) -> AsyncIterator[list[float]]:
    """Asks the bot for a sign of life again and again; how long each took: the lag of its loop, and a little more."""
    took_s: list[float] = []

    async def ask() -> None:
        async with aiohttp.ClientSession() as http:
            while True:
                began_s = time.monotonic()
                async with http.get(url) as response:
                    await response.read()
                took_s.append(time.monotonic() - began_s)
                await asyncio.sleep(ASKED_EVERY_S)

    task = asyncio.create_task(ask())
    try:
        yield took_s
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _until_told(database: Path, falls: int) -> Counter[str]:
    """Falls by workload in the bot's stories, once they are as many as wanted, or after some patience."""
    deadline_s = time.monotonic() + HEARD_WITHIN_S
    while True:
        told = await asyncio.to_thread(_falls, database)
        if sum(told.values()) >= falls or time.monotonic() > deadline_s:
            return told
        await asyncio.sleep(0.5)


def _falls(database: Path) -> Counter[str]:
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        rows = connection.execute("SELECT subject, body FROM pod_stories").fetchall()
    told: Counter[str] = Counter()
    for subject, body in rows:
        told[str(subject).rpartition("/")[2]] += json.loads(body)["story"]["falls"]
    return told


def _print(
    storm: Storm, deaths: Deaths, wall: Wall, told: Counter[str], bot: Bot, began_mb: float, late_s: list[float]
) -> None:
    killed: Counter[str] = Counter()
    for pod, count in deaths.killed.items():
        killed[_workload(pod)] += count
    first: dict[str, float] = {}
    for key, at_s in deaths.shown.items():
        if not key.endswith("#0"):
            first[_workload(key)] = min(at_s, first.get(_workload(key), at_s))
    roots, lag = wall.roots(), statistics.quantiles(late_s, n=100)
    waits_s = sorted(min(roots[name]) - first[name] for name in first if name in roots)
    most = max((most_within(each, TEN_MINUTES_S) for each in roots.values()), default=0)
    wrong = sum(abs(told[name] - killed[name]) for name in killed | told)
    print(f"\nThe whole bot: {sum(killed.values())} killed of {storm.pods} pods in {len(killed)} workloads")
    print(f"  falls in its stories       {sum(told.values()):8}   missed or counted twice: {wrong} (aim 0)")
    print(f"  messages / replies / edits {sum(map(len, roots.values())):4} / "
          f"{sum(call.is_reply for call in wall.calls)} / {len(wall.edits())}, of {len(roots)} workloads")  # fmt: skip
    print(f"  most messages of a workload in ten minutes: {most} (aim 1)")
    print(f"  most edits in a minute     {most_within(wall.edits(), MINUTE_S):8}   (aim 6)")
    if waits_s:
        print(f"  event to message, s: least {waits_s[0]:8.2f}   p50 {statistics.median(waits_s):.2f}, at most "
              f"{waits_s[-1]:.2f}; Slack takes one a second in a channel")  # fmt: skip
    print(f"  memory once listed, MB     {began_mb:8.1f}   at most {bot.most_resident_mb:.1f} (aim below 256)")
    print(f"  /healthz answered, ms: p50 {lag[49] * 1000:8.1f}   p99 {lag[98] * 1000:.1f}, at most "
          f"{max(late_s) * 1000:.1f} (aim p99 below 50)", flush=True)  # fmt: skip


def _workload(pod: str) -> str:
    found = _WORKLOAD.match(pod)
    return found[0] if found else pod
