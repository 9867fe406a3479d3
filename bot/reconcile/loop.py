"""How a loop turns: it works when its bell rings or its time comes, and backs off when its own work fails.

Used by the loops of this package. A loop never dies of one row's trouble; what it can't do by itself it logs.
"""

import asyncio
import random
import secrets
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import structlog

from bot.context import Bell
from bot.errors import StoreUnavailable

log = structlog.get_logger()
T = TypeVar("T")
LONGEST_PAUSE_S = 30.0
BREATH_S = 0.02
"""Between the starts of two turns of a loop: what comes meanwhile shares the next turn's transaction, and the writer is
free for requests that wait for their acknowledgement. Nobody in a chat notices it."""


async def turn_forever(
    name: str, turn: Callable[[], Awaitable[float]], bell: Bell, *, on_turn: Callable[[], None] = lambda: None
) -> None:
    """Call `turn` for ever; it returns the seconds until it wants to be called again, at most.

    When it raises, the pause doubles from half a second to half a minute, with jitter. `on_turn` hears of good turns.
    Cancelled, it ends between two turns: a transaction that is cut off may be committed or not, and nobody would know.
    """
    failures = 0
    while True:
        began_s = time.monotonic()
        try:
            pause_s = await _to_its_end(turn)
            failures = 0
            on_turn()
        except asyncio.CancelledError:
            raise
        except StoreUnavailable as error:
            failures += 1
            pause_s = back_off_s(failures)
            log.warning("loop.store_unavailable", loop=name, error=str(error), pause_s=round(pause_s, 1))
        except Exception:  # the loop must outlive a bug in one turn; the log has it, and /readyz sees no good turn
            failures += 1
            pause_s = back_off_s(failures)
            log.exception("loop.failed", loop=name, pause_s=round(pause_s, 1))
        await bell.wait(pause_s)
        await asyncio.sleep(began_s + BREATH_S - time.monotonic())


async def _to_its_end(turn: Callable[[], Awaitable[float]]) -> float:
    turning = asyncio.ensure_future(turn())
    try:
        return await asyncio.shield(turning)
    except asyncio.CancelledError:
        await asyncio.gather(turning, return_exceptions=True)
        raise


async def insist(save: Callable[[], Awaitable[T]]) -> T:
    """Do `save` until the database takes it: for what has happened already and must not be forgotten by this process.

    Cancelled in between, it is forgotten, and the row tells the next process that its fate is open.
    """
    failures = 0
    while True:
        try:
            return await save()
        except StoreUnavailable as error:
            failures += 1
            pause_s = back_off_s(failures)
            log.warning("store.insisting", error=str(error), pause_s=round(pause_s, 1))
            await asyncio.sleep(pause_s)


def back_off_s(failures: int) -> float:
    """Half a second, doubled with each failure, half a minute at most, by ±25 %."""
    return float(min(LONGEST_PAUSE_S, 0.5 * 2 ** min(failures - 1, 10)) * random.uniform(0.75, 1.25))


def reference() -> str:
    """Four characters that a person can read out, to find an error in the log."""
    return secrets.token_hex(2).upper()


class Crew:
    """Tasks of a loop, one per key; it holds them, so that none is lost, and tells which keys are at work."""

    def __init__(self) -> None:
        self._tasks: dict[Any, asyncio.Task[None]] = {}

    def __contains__(self, key: object) -> bool:
        return key in self._tasks

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, key: Any, work: Coroutine[Any, Any, None], *, then: Callable[[], None]) -> None:
        """Run `work` under a key that is free; `then` is called when it is over."""
        assert key not in self._tasks, f"{key} is at work already"
        task = asyncio.create_task(self._guarded(work))
        self._tasks[key] = task

        def over(_task: asyncio.Task[None]) -> None:
            self._tasks.pop(key, None)
            then()

        task.add_done_callback(over)

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except asyncio.CancelledError:
            raise
        except StoreUnavailable as error:
            log.warning("row.store_unavailable", error=str(error))
        except Exception:  # one row's bug is that row's alone
            log.exception("row.failed", reference=reference())

    async def settle(self, timeout_s: float) -> None:
        """Wait for all tasks, at most so long, then stop those that are late, and wait for them."""
        if self._tasks:
            await asyncio.wait(list(self._tasks.values()), timeout=timeout_s)
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
