"""`make bench`: Kajitori against a bare slack-bolt AsyncApp, in one run, in turns. Quote the ratios, not the times.

Usage: python -m bench [--rounds 5] [--rate 200] [--seconds 2] [--flood 4000] [--questions 2000]; `--quick` for a
first look. Then a storm of alerts (bench.storm; `--no-alerts` leaves it out), and a watch of pods in a storm
(bench.pods; `--no-pods`). Last come simulated canaries (bench.canary): false alarms, and slow versions that are caught.
docs/reference/performance.md says what is compared with what.
"""

import argparse
import asyncio
import contextlib
import os
import statistics
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench import canary, pod_storm, pods, storm
from bench.alert_story import Extent as StormExtent
from bench.bots import DOCUMENTED, FLOOR, OURS, Bot, World, open_ours, open_peer, open_world
from bench.desk import Command
from bench.startup import StartUp, measure_start

AT_ONCE = Command("/kajitori", "help", is_answered=False)
"""Answered on the acknowledgement."""
QUEUED = Command("/releases", "stg admin", is_answered=True)
"""Acknowledged empty; its answer is posted to the response URL."""
WINDOW = 256
"""How many commands are under way at saturation."""
SETTLED_S = 3.0
WARM_UP = 10_000


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured."""

    rounds: int
    rate: int
    seconds: float
    flood: int
    questions: int


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident memory in MB."""

    idle: float
    after: float
    """After WARM_UP commands."""


async def measure_round(bot: Bot, extent: Extent) -> dict[str, float]:
    """One round with one bot: milliseconds and numbers per second by the name of the line they stand in."""
    found: dict[str, float] = {}
    for words, command in (("", AT_ONCE), (", queued", QUEUED)):
        took_s = await bot.desk.send_at(command, rate=extent.rate, seconds=extent.seconds)
        cuts = statistics.quantiles(took_s, n=100)
        found[f"ack p50{words}, ms"] = cuts[49] * 1000
        found[f"ack p99{words}, ms"] = cuts[98] * 1000
        await bot.desk.quiet()
        found[f"commands acknowledged{words}, per s"] = await bot.desk.send_flood(command, extent.flood, window=WINDOW)
        await bot.desk.quiet()
    found["answers posted, per s"] = await bot.desk.send_questions(QUEUED, extent.questions, window=WINDOW)
    return found


async def measure_memory(bot: Bot) -> Memory:
    """Idle, and after many commands of both kinds, which also warm the bot up."""
    await asyncio.sleep(SETTLED_S)
    idle = bot.resident_mb
    for command in (AT_ONCE, QUEUED):
        await bot.desk.send_flood(command, WARM_UP // 2, window=WINDOW)
        await bot.desk.quiet()
    return Memory(idle, bot.resident_mb)


async def measure(extent: Extent) -> None:
    """Everything, printed as it is known."""
    with tempfile.TemporaryDirectory(prefix="kajitori-bench-") as folder:
        async with contextlib.AsyncExitStack() as stack:
            world = await stack.enter_async_context(open_world(Path(folder)))
            print_start(await measure_start(world, rounds=extent.rounds))
            print_rounds(*await _measure_bots(world, extent, stack))


async def _measure_bots(
    world: World, extent: Extent, stack: contextlib.AsyncExitStack
) -> tuple[dict[str, Memory], dict[str, dict[str, float]]]:
    bots = [
        await stack.enter_async_context(open_ours(world)),
        await stack.enter_async_context(open_peer(DOCUMENTED)),
        await stack.enter_async_context(open_peer(FLOOR)),
    ]
    memory = {bot.name: await measure_memory(bot) for bot in bots}
    rows: dict[str, list[dict[str, float]]] = {bot.name: [] for bot in bots}
    for _ in range(extent.rounds):
        for bot in bots:
            rows[bot.name].append(await measure_round(bot, extent))
    for bot in bots:
        if bot.desk.refused or bot.desk.doubled:
            print(f"{bot.name}: {bot.desk.refused} refused for load, {bot.desk.doubled} answered twice")
    medians = {
        name: {line: statistics.median(row[line] for row in found) for line in found[0]} for name, found in rows.items()
    }
    return memory, medians


def print_start(start: StartUp) -> None:
    """The first table."""
    print(f"Start-up in seconds, {os.cpu_count()} cores; ready = /readyz answers 200, for AsyncApp: its socket is open")
    print(f"  kajitori, no database yet    {start.fresh_s:6.2f}")
    print(f"  kajitori, database there     {start.again_s:6.2f}")
    print(f"    of which imports           {start.imports_s:6.2f}  (of which Python itself {start.python_s:.2f})")
    print(f"  AsyncApp                     {start.documented_s:6.2f}", flush=True)


def print_rounds(memory: Mapping[str, Memory], medians: Mapping[str, Mapping[str, float]]) -> None:
    """The second table: medians of the rounds, and our ratio to AsyncApp."""
    print(f"\n{'':38}{OURS:>10}{DOCUMENTED:>10}{FLOOR:>10}{'ratio':>8}  aim")
    lines = {line: {name: found[line] for name, found in medians.items()} for line in medians[OURS]}
    lines["memory idle, MB"] = {name: found.idle for name, found in memory.items()}
    lines[f"memory after {WARM_UP:,} commands, MB"] = {name: found.after for name, found in memory.items()}
    for line, values in lines.items():
        ratio = values[OURS] / values[DOCUMENTED]
        shown = "".join(f"{values[name]:10.1f}" for name in (OURS, DOCUMENTED, FLOOR))
        print(f"{line:38}{shown}{ratio:8.2f}  {_aim(line)}")


def _aim(line: str) -> str:
    match line.split(" ")[0], line.split(" ")[1]:
        case "ack", _:
            return "below 0.5"
        case "commands", _:
            return "0.5 or more"
        case "answers", _:
            return "1 or more"
        case "memory", "idle,":
            return "below 120 MB"
        case _:
            return ""


def main() -> None:
    """Reader of argv."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rate", type=int, default=200, help="commands per second while the time to ack is measured")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of that part of a round")
    parser.add_argument("--flood", type=int, default=4000, help="commands of the saturation part")
    parser.add_argument("--questions", type=int, default=2000, help="commands of the part that counts posted answers")
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument("--no-alerts", action="store_true", help="without the storm of alerts")
    parser.add_argument("--no-pods", action="store_true", help="without the watch of pods")
    given = parser.parse_args()
    extent = Extent(given.rounds, given.rate, given.seconds, given.flood, given.questions)
    if given.quick:
        extent = Extent(1, given.rate, 1.0, 1000, 500)
    asyncio.run(measure(extent))
    if not given.no_alerts:
        storm.run(StormExtent(1000, 10.0) if given.quick else StormExtent())
    if not given.no_pods:
        asyncio.run(pods.measure(pod_storm.QUICK if given.quick else pod_storm.Storm()))
    canary.measure(100 if given.quick else 1000)


if __name__ == "__main__":
    main()
