"""Start-up: from the start of the process until the bot is ready, and how much of it goes into imports."""

import asyncio
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from bench.bots import DOCUMENTED, World, open_ours, open_peer


@dataclass(frozen=True, slots=True)
class StartUp:
    """Medians, in seconds."""

    fresh_s: float
    """With no database yet: its tables are made."""
    again_s: float
    imports_s: float
    """Of a process that only imports what `kajitori run` imports before it starts."""
    python_s: float
    """Of a process that does nothing."""
    documented_s: float
    """AsyncApp, until its socket is open."""


async def measure_start(world: World, *, rounds: int) -> StartUp:
    """Start each `rounds` times, in turns."""
    database = Path(world.environment["DATABASE_URL"].removeprefix("sqlite:///"))
    found: list[StartUp] = []
    for _ in range(rounds):
        for file in database.parent.glob(f"{database.name}*"):
            file.unlink()
        ready = []
        for _ in range(2):
            async with open_ours(world) as bot:
                ready.append(bot.ready_s)
        async with open_peer(DOCUMENTED) as peer:
            documented_s = peer.ready_s
        imports_s, python_s = await _time_of("import bot.commands.run"), await _time_of("pass")
        found.append(StartUp(ready[0], ready[1], imports_s, python_s, documented_s))
    return StartUp(*(statistics.median(getattr(row, name) for row in found) for name in StartUp.__slots__))


async def _time_of(statement: str) -> float:
    started_s = time.perf_counter()
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", statement)
    await process.wait()
    return time.perf_counter() - started_s
