"""`python -m bench.pods`: a watch of 5,000 pods while 500 a minute are killed, beside `kubectl get pods -w`.

The API server runs in this process, each watcher in one of its own. Half-way every stream is cut and the server forgets
its history, so that both must list everything anew amid the storm. `--quick` for a first look.
"""

import argparse
import asyncio
import contextlib
import json
import re
import shutil
import statistics
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from bench.cluster import REPLICAS, TOKEN, Served, serve
from bench.pod_stories import measure_stories
from bench.pod_storm import QUICK, Deaths, Storm, kill, settled
from bench.pod_watcher import Heard

START_WITHIN_S = 120.0
_RESTARTS = re.compile(r"^\S+\s+(\S+)\s+\S+\s+\S+\s+(\d+)")
"""NAMESPACE NAME READY STATUS RESTARTS of kubectl's table."""


@contextlib.asynccontextmanager
async def open_watcher(kubeconfig: Path) -> AsyncIterator[tuple[Process, Mapping[str, Any]]]:
    """Our watcher, everything listed, and what it says of itself then."""
    command = (sys.executable, "-m", "bench.pod_watcher", str(kubeconfig))
    child = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, limit=2**26)
    try:
        assert child.stdout is not None
        async with asyncio.timeout(START_WITHIN_S):
            yield child, json.loads(await child.stdout.readline())
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


async def end_watcher(child: Process) -> Heard:
    """What it heard."""
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.close()
    async with asyncio.timeout(START_WITHIN_S):
        return Heard(**json.loads(await child.stdout.read()))


class Kubectl:
    """`kubectl get pods -w`, and when it printed which restart first."""

    def __init__(self, kubeconfig: Path) -> None:
        self.restarts: dict[str, float] = {}
        self.is_ended = False
        self._kubeconfig = kubeconfig

    async def run(self) -> None:
        """Until it ends, which it does when its stream is cut, or is cancelled."""
        child = await asyncio.create_subprocess_exec(
            "kubectl", "--kubeconfig", str(self._kubeconfig), "get", "pods", "-A", "-w", "--no-headers", stdout=PIPE
        )
        try:
            assert child.stdout is not None
            while line := await child.stdout.readline():
                if found := _RESTARTS.match(line.decode()):
                    self.restarts.setdefault(f"{found[1]}#{found[2]}", time.monotonic())
            await child.wait()
            self.is_ended = True
        finally:
            if child.returncode is None:
                child.kill()
            await child.wait()


async def measure(storm: Storm) -> None:
    """The watch alone, then the whole bot, each printed at its end."""
    await measure_watch(storm)
    await measure_stories(storm)


async def measure_watch(storm: Storm) -> None:
    """The watch alone, beside kubectl's."""
    async with serve(storm.pods // REPLICAS) as served:
        deaths = Deaths(served.cluster)
        with tempfile.TemporaryDirectory(prefix="kajitori-bench-") as folder:
            config = _kubeconfig(Path(folder) / "kubeconfig", served)
            async with open_watcher(config) as (child, began), _beside(config) as kubectl:
                await kill(served.cluster, deaths, storm)
                await settled(served.cluster)
                heard = await end_watcher(child)
        _print(storm, deaths, heard, began, kubectl)


@contextlib.asynccontextmanager
async def _beside(kubeconfig: Path) -> AsyncIterator[Kubectl | None]:
    if shutil.which("kubectl") is None:
        yield None
        return
    kubectl = Kubectl(kubeconfig)
    task = asyncio.create_task(kubectl.run())
    try:
        async with asyncio.timeout(START_WITHIN_S):
            while not kubectl.restarts and not task.done():
                await asyncio.sleep(0.05)
        yield kubectl
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _kubeconfig(path: Path, served: Served) -> Path:
    # kubectl sends no credentials over plain HTTP: there the token is a part of the address.
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "bench",
        "clusters": [{"name": "bench", "cluster": {"server": f"{served.url}/as/{TOKEN}"}}],
        "users": [{"name": "bench", "user": {}}],
        "contexts": [{"name": "bench", "context": {"cluster": "bench", "user": "bench"}}],
    }
    path.write_text(json.dumps(content))
    return path


def _print(storm: Storm, deaths: Deaths, heard: Heard, began: Mapping[str, Any], kubectl: Kubectl | None) -> None:
    killed = sum(deaths.killed.values())
    missed = sum(abs(heard.deaths.get(name, 0) - count) for name, count in deaths.killed.items())
    late_s = [told - deaths.shown[key] for key, told in heard.first_told.items() if key in deaths.shown]
    lags = statistics.quantiles(heard.lags_s, n=100)
    print(
        f"\n{began['pods']} pods, {killed} killed in {storm.seconds:.0f} s, all streams cut and history lost half-way"
    )
    print(f"  ends of containers seen    {sum(heard.deaths.values()):8}   missed or counted twice: {missed} (aim 0)")
    print(f"  lists / streams / events   {heard.lists:4} / {heard.connections} / {heard.events}")
    print(f"  memory once listed, MB     {began['resident_mb']:8.1f}   at the end {heard.resident_mb:.1f}, at most "
          f"{heard.most_resident_mb:.1f} (aim below 256)")  # fmt: skip
    print(f"  loop late by, ms: p50      {lags[49] * 1000:8.1f}   p99 {lags[98] * 1000:.1f}, at most "
          f"{max(heard.lags_s) * 1000:.1f} (aim p99 below 50)")  # fmt: skip
    print(f"  processor time, s          {heard.cpu_s:8.1f}")
    print(f"  event to told, ms: p50     {_cut(late_s, 50):8.1f}   p99 {_cut(late_s, 99):.1f}, at most "
          f"{max(late_s) * 1000:.1f}, {len(late_s)} of {killed}")  # fmt: skip
    if kubectl is None:
        print("  kubectl is not there")
        return
    printed_s = [
        at - deaths.restarted[key]
        for key, at in kubectl.restarts.items()
        if key in deaths.restarted and not key.endswith("#0")
    ]
    if len(printed_s) < 2:
        print("  kubectl get pods -w printed nothing")
        return
    end = ", then ended with its stream" if kubectl.is_ended else ""
    print(f"  kubectl get pods -w, ms    {_cut(printed_s, 50):8.1f}   p99 {_cut(printed_s, 99):.1f}, at most "
          f"{max(printed_s) * 1000:.1f}, {len(printed_s)} of {killed}{end}")  # fmt: skip


def _cut(seconds: list[float], percent: int) -> float:
    """A percentile in milliseconds."""
    return statistics.quantiles(seconds, n=100)[percent - 1] * 1000


def main() -> None:
    """Reader of argv."""
    parser = argparse.ArgumentParser(prog="python -m bench.pods", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--pods", type=int, default=5000)
    parser.add_argument("--restarts", type=int, default=500, help="pods killed a minute")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--quick", action="store_true", help="500 pods, ten seconds")
    given = parser.parse_args()
    asyncio.run(measure(QUICK if given.quick else Storm(given.pods, given.restarts, given.seconds)))


if __name__ == "__main__":
    main()
