"""The engine: one queue of (controller, object) due at a time, worked off by one task. The cluster owns it.

A controller is a reconcile function plus a rule which objects a change concerns. Reconciling is synchronous and always
starts from the store, so that it can be repeated; an exception in it is kept for the owner, and tried again later.
"""

import asyncio
import heapq
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from bot.sandbox.kube.clock import Clock
from bot.sandbox.kube.kinds import Resource
from bot.sandbox.kube.status import ApiError
from bot.sandbox.kube.store import Store, StoredEvent

log = logging.getLogger(__name__)

Key = tuple[str, str]  # namespace, name
REFUSED_S = 0.5  # before a controller whose write was refused tries again
FAILED_S = 5.0  # before a controller that failed tries that object again
BATCH = 20  # reconciles between two chances for the HTTP server


class Controller(Protocol):
    """What the engine runs."""

    @property
    def name(self) -> str: ...

    def concerns(self, resource: Resource, event: StoredEvent) -> list[Key]:
        """Objects to reconcile because of a change."""
        ...

    def reconcile(self, key: Key) -> float | None:
        """Bring one object nearer to its wish; seconds after which to look again, or None."""
        ...


@dataclass(order=True, slots=True)
class _Due:
    at_s: float
    order: int
    controller: int
    key: Key


class Engine:
    """Runs controllers over one store."""

    def __init__(self, store: Store, clock: Clock, lag_s: float) -> None:
        self._clock = clock
        self._lag_s = lag_s
        self._controllers: list[Controller] = []
        self._pending: dict[tuple[int, Key], float] = {}
        self._heap: list[_Due] = []
        self._order = 0
        self._wake = asyncio.Event()
        self._free = asyncio.Event()
        self._free.set()
        self.failure: Exception | None = None
        """What a controller first failed of, which it should never."""
        store.listen(self._notice)

    def add(self, controller: Controller) -> None:
        self._controllers.append(controller)

    def _notice(self, resource: Resource, event: StoredEvent) -> None:
        for index, controller in enumerate(self._controllers):
            for key in controller.concerns(resource, event):
                self._push(index, key, self._lag_s)

    def enqueue(self, controller: Controller, key: Key, after_s: float = 0.0) -> None:
        self._push(self._controllers.index(controller), key, after_s)

    def look_again(self) -> None:
        """Let all that waits for its time look at the clock anew: the wall clock has jumped."""
        for index, key in list(self._pending):
            self._push(index, key, 0.0)

    def _push(self, index: int, key: Key, after_s: float) -> None:
        due = self._clock.steady_s() + after_s
        known = self._pending.get((index, key))
        if known is not None and known <= due:
            return
        self._pending[(index, key)] = due
        self._order += 1
        heapq.heappush(self._heap, _Due(due, self._order, index, key))
        self._wake.set()

    def hold(self) -> None:
        """Do nothing until `release`: a control plane that is slow to see."""
        self._free.clear()

    def release(self) -> None:
        self._free.set()

    def _next_due_s(self) -> float | None:
        """Seconds until something is due; drops queue entries that were overtaken."""
        while self._heap:
            top = self._heap[0]
            if self._pending.get((top.controller, top.key)) == top.at_s:
                return top.at_s - self._clock.steady_s()
            heapq.heappop(self._heap)
        return None

    def _step(self) -> bool:
        """Reconcile one object that is due; False when there is none."""
        due_s = self._next_due_s()
        if due_s is None or due_s > 0:
            return False
        top = heapq.heappop(self._heap)
        del self._pending[(top.controller, top.key)]
        try:
            again_s = self._controllers[top.controller].reconcile(top.key)
        except ApiError:  # the API refused a write, e.g. in a namespace that is going: tried again, as a real one does
            again_s = REFUSED_S
        except Exception as error:  # an object that nobody foresaw must not end the world of all others
            log.exception("controller %s failed on %s", self._controllers[top.controller].name, "/".join(top.key))
            self.failure = self.failure or error
            again_s = FAILED_S
        if again_s is not None:
            self._push(top.controller, top.key, max(again_s, 0.001))
        return True

    async def run(self) -> None:
        """Work for ever."""
        while True:
            worked = 0
            await self._free.wait()
            while self._free.is_set() and self._step():
                worked += 1
                if worked % BATCH == 0:
                    await asyncio.sleep(0)  # let requests in
            self._wake.clear()
            due_s = self._next_due_s()
            try:
                async with asyncio.timeout(None if due_s is None else max(due_s, 0.0) / self._clock.pace):
                    await self._wake.wait()
            except TimeoutError:
                continue

    def settle(self, done: Callable[[], bool], limit_s: float = 120.0) -> None:
        """Work without waiting, letting simulated time jump, until `done`; for scenes and tests."""
        skipped_s = 0.0
        while not done():
            if self._step():
                if self.failure is not None:
                    raise self.failure
                continue
            due_s = self._next_due_s()
            if due_s is None or skipped_s + due_s > limit_s:
                raise TimeoutError("the simulated cluster does not come to rest")
            skipped_s += max(due_s, 0.0)
            self._clock.skip(due_s + 1e-6)
