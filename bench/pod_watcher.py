"""A process that only watches pods, as the bot does: what it heard and when, how late its loop was, how big it grew.

Run by bench.pods as `python -m bench.pod_watcher KUBECONFIG`. Prints a line of JSON once everything is listed, and its
`Heard` once its standard input is closed.
"""

import asyncio
import json
import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bot.domain.names import EnvironmentName
from bot.domain.pods import PodSight
from bot.kube.clients import Cluster
from bot.kube.kubeconfig import Context
from bot.kube.sights import pod_sight
from bot.kube.watches import PODS, Changed, KindWatch, Listed, News

TICK_S = 0.01


@dataclass(slots=True)
class Heard:
    """What the watcher knows at its end. Times are of the machine's monotonic clock, which all processes share."""

    deaths: dict[str, int] = field(default_factory=dict)
    """Pod → how often its container ended."""
    first_told: dict[str, float] = field(default_factory=dict)
    """`pod#n` → when its n-th end was first told."""
    lags_s: list[float] = field(default_factory=list)
    """How much later than asked for a timer of 10 ms went off, each time."""
    lists: int = 0
    events: int = 0
    connections: int = 0
    resident_mb: float = 0.0
    """Now, in MB of 10⁶ bytes."""
    most_resident_mb: float = 0.0
    cpu_s: float = 0.0

    def note(self, pod: PodSight, now_s: float) -> None:
        deaths = sum(container.deaths for container in pod.containers)
        if deaths > self.deaths.get(pod.name, 0):
            for number in range(self.deaths.get(pod.name, 0) + 1, deaths + 1):
                self.first_told[f"{pod.name}#{number}"] = now_s
            self.deaths[pod.name] = deaths


async def watch(kubeconfig: str) -> Heard:
    """Watch until standard input is closed."""
    heard = Heard()
    rows: dict[str, PodSight] = {}

    async def take(news: Sequence[News[PodSight]]) -> None:
        now_s = time.monotonic()
        for each in news:
            match each:
                case Listed(listed):
                    rows.clear()
                    rows.update((pod.uid, pod) for pod in listed)
                    for pod in listed:
                        heard.note(pod, now_s)
                case Changed(pod, is_gone=True):
                    rows.pop(pod.uid, None)
                case Changed(pod):
                    rows[pod.uid] = pod
                    heard.note(pod, now_s)

    async def tick() -> None:
        while True:
            began_s = time.monotonic()
            await asyncio.sleep(TICK_S)
            heard.lags_s.append(time.monotonic() - began_s - TICK_S)

    cluster = Cluster(EnvironmentName("bench"), Context(kubeconfig, "bench"))
    kind = KindWatch(cluster, PODS, pod_sight)
    tasks = [asyncio.create_task(kind.run(take)), asyncio.create_task(tick())]
    while not (kind.synced and rows):
        await asyncio.sleep(TICK_S)
    print(json.dumps({"pods": len(rows), "resident_mb": memory_mb("VmRSS")}), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await cluster.close()
    counts = kind.counts
    heard.lists, heard.events, heard.connections = counts.lists, counts.events, counts.connections
    usage = resource.getrusage(resource.RUSAGE_SELF)
    heard.resident_mb, heard.most_resident_mb = memory_mb("VmRSS"), memory_mb("VmHWM")
    heard.cpu_s = usage.ru_utime + usage.ru_stime
    return heard


def memory_mb(line: str) -> float:
    """Memory that this process holds now (VmRSS) or held at most (VmHWM). Not by getrusage, whose maximum is inherited
    from the process that started this one."""
    for each in Path("/proc/self/status").read_text().splitlines():
        if each.startswith(f"{line}:"):
            return int(each.split()[1]) * 1024 / 1e6
    raise RuntimeError(f"no {line}: this needs Linux")


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(watch(sys.argv[1])))), flush=True)
