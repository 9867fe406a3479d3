"""Bots as child processes, each connected to a desk of its own; and their memory and readiness."""

import asyncio
import contextlib
import json
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from bench.desk import Desk, open_desk

OURS, DOCUMENTED, FLOOR = "kajitori", "AsyncApp", "floor"
START_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Bot:
    """A running bot. `ready_s`: from the start of its process until it was ready."""

    name: str
    desk: Desk
    process: Process
    ready_s: float

    @property
    def resident_mb(self) -> float:
        """Memory that it holds now (RSS), in MB of 10⁶ bytes."""
        return self._memory_mb("VmRSS")

    @property
    def most_resident_mb(self) -> float:
        """Memory that it held at most."""
        return self._memory_mb("VmHWM")

    def _memory_mb(self, name: str) -> float:
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024 / 1e6
        raise RuntimeError(f"no {name}: this needs Linux")


@dataclass(frozen=True, slots=True)
class World:
    """What `kajitori run` is told by its environment, and where it then answers /readyz."""

    environment: Mapping[str, str]
    url: str


@contextlib.asynccontextmanager
async def open_world(folder: Path) -> AsyncIterator[World]:
    """Clusters, registry and configuration for our bot; its database lies in `folder`."""
    command = (sys.executable, "-m", "bench.world", str(folder))
    child = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
    try:
        assert child.stdout is not None
        async with asyncio.timeout(START_WITHIN_S):
            told = json.loads(await child.stdout.readline())
        yield World(told["environment"], told["url"])
    finally:
        await _end(child)


@contextlib.asynccontextmanager
async def open_ours(world: World, at: Desk | None = None) -> AsyncIterator[Bot]:
    """`kajitori run`, ready; at a desk of its own, or the one that is given."""
    async with open_desk(at) as desk:
        environment = {**world.environment, "SLACK_API_URL": f"{desk.base}/api/", "LOG_LEVEL": "WARNING"}
        started_s = time.perf_counter()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", "run"), env=environment, stdout=DEVNULL
        )
        try:
            await _ready(process, f"{world.url}/readyz")
            ready_s = time.perf_counter() - started_s
            await desk.connected(2)
            yield Bot(OURS, desk, process, ready_s)
        finally:
            await _end(process)


@contextlib.asynccontextmanager
async def open_peer(name: str) -> AsyncIterator[Bot]:
    """A peer, connected: that is what it calls ready."""
    async with open_desk() as desk:
        started_s = time.perf_counter()
        command = (sys.executable, "-m", "bench.peers", name, f"{desk.base}/api/")
        process = await asyncio.create_subprocess_exec(*command, stdout=DEVNULL)
        try:
            await desk.connected(1)
            yield Bot(name, desk, process, time.perf_counter() - started_s)
        finally:
            await _end(process)


async def _ready(process: Process, url: str) -> None:
    timeout = aiohttp.ClientTimeout(total=5)
    async with asyncio.timeout(START_WITHIN_S), aiohttp.ClientSession(timeout=timeout) as http:
        while True:
            if process.returncode is not None:
                raise RuntimeError(f"the bot ended with {process.returncode}")
            with contextlib.suppress(aiohttp.ClientConnectionError):
                async with http.get(url) as response:
                    if response.status == 200:
                        return
            await asyncio.sleep(0.01)


async def _end(process: Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
    elif process.returncode is None:
        process.terminate()
    try:
        async with asyncio.timeout(15):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
