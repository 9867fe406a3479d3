"""Faults of the clusters ordered over the sandbox's control address: /sandbox/kube/faults."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, ClientTimeout
from yarl import URL

from bot.sandbox.kube import Options
from bot.sandbox.kube.kinds import NODES
from bot.sandbox.server import Sandbox
from tests.sandbox.slack_desk import DEADLINE_S

Json = dict[str, Any]
FAULTS = "/sandbox/kube/faults"


@dataclass(frozen=True, slots=True)
class Desk:
    """A sandbox and who orders faults there."""

    sandbox: Sandbox
    http: ClientSession

    async def order(self, *rules: Json, cluster: str = "stg") -> Json:
        async with self.http.post(FAULTS, json={"cluster": cluster, "rules": list(rules)}) as response:
            return {"status": response.status, **await response.json()}

    async def shown(self) -> Json:
        async with self.http.get(FAULTS) as response:
            return dict((await response.json())["clusters"])

    async def mend(self, cluster: str = "") -> int:
        async with self.http.delete(URL(FAULTS).with_query({"cluster": cluster} if cluster else {})) as response:
            return response.status

    async def ask(self, cluster: str = "stg") -> int:
        """The status that a client of the cluster gets."""
        token = next(iter(self.sandbox.clusters[cluster].access.users))
        headers = {"Authorization": f"Bearer {token}"}
        async with self.http.get(f"/clusters/{cluster}/api/v1/pods", headers=headers) as response:
            return response.status


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    sandbox = Sandbox(tmp_path, run_bot=False, cluster_options=Options(node_grace_s=0.2))
    await sandbox.start()
    try:
        async with ClientSession(sandbox.url, timeout=ClientTimeout(total=DEADLINE_S)) as http:
            yield Desk(sandbox, http)
    finally:
        await sandbox.stop()


async def test_rules_befall_one_cluster_are_counted_and_can_be_ended(desk: Desk) -> None:
    busy = {"do": "status", "status": 429, "body": "later", "retry_after": 5, "path": "/pods", "times": None}
    told = await desk.order(busy, {"do": "reset", "path": "/pods"})
    assert (told["status"], [rule["do"] for rule in told["rules"]]) == (200, ["status", "reset"])
    assert [await desk.ask(), await desk.ask(), await desk.ask("prd")] == [429, 429, 200]
    assert [(rule["left"], rule["fired"]) for rule in (await desk.shown())["stg"]["rules"]] == [(None, 2), (1, 0)]
    assert (await desk.shown())["prd"]["rules"] == []
    assert await desk.mend("stg") == 200
    assert await desk.ask() == 200
    await desk.order({"do": "unauthorized", "skip": 1}, cluster="prd")
    assert [await desk.ask("prd"), await desk.ask("prd"), await desk.ask("prd")] == [200, 401, 200]


async def test_a_node_dies_and_the_clock_jumps_until_all_is_mended(desk: Desk) -> None:
    cluster = desk.sandbox.clusters["stg"]
    before = cluster.clock.now()
    await desk.order({"do": "node_death", "node": "node-1"}, {"do": "clock_jump", "seconds": 86400})
    shown = (await desk.shown())["stg"]
    assert (shown["dead_nodes"], shown["clock_jump"]) == (["node-1"], 86400)
    assert (cluster.clock.now() - before).total_seconds() > 86000
    await _until_ready(desk, False)
    await desk.mend()
    shown = (await desk.shown())["stg"]
    assert (shown["dead_nodes"], shown["clock_jump"]) == ([], 0)
    assert (cluster.clock.now() - before).total_seconds() < 86000
    await _until_ready(desk, True)


async def _until_ready(desk: Desk, wanted: bool) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while True:
            node = desk.sandbox.clusters["stg"].store.get(NODES, "", "node-1")
            assert node is not None
            ready = next(each["status"] for each in node["status"]["conditions"] if each["type"] == "Ready")
            if (ready == "True") is wanted:
                return
            await asyncio.sleep(0.02)


async def test_what_nobody_understands_is_refused_with_a_word(desk: Desk) -> None:
    for rule, word in (
        ({"do": "explode"}, "clock_jump"),
        ({"do": "node_death", "node": "node-9"}, "no node node-9"),
        ({"do": "node_death"}, "missing: 'node'"),
        ({"do": "clock_jump", "seconds": 1e300}, "can not jump"),
        ({"do": "clock_jump", "seconds": "soon"}, "could not convert"),
        ({"do": "hang", "sekonds": 1}, "unknown field"),
    ):
        told = await desk.order(rule)
        assert told["status"] == 400, rule
        assert word in told["error"]
    assert "no cluster 'dev'" in (await desk.order({"do": "reset"}, cluster="dev"))["error"]
    assert await desk.mend("dev") == 400
    for raw in ("{", "[]", "3", '{"cluster": "stg", "rules": 3}', '{"cluster": [], "rules": [{}]}', '{"rules": [[]]}'):
        async with desk.http.post(FAULTS, data=raw) as response:
            assert response.status == 400, raw
    assert (await desk.shown())["stg"]["rules"] == []
