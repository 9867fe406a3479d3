"""What tests of watches share: someone who is told, a clock that jumps over pauses, an API server with a script."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Generic, TypeVar

from aiohttp import web

from bot.kube.watches import Changed, Kind, KindWatch, Listed, News, Pace, Watch
from bot.sandbox.kube.kinds import CONFIG_MAPS
from tests.wire.kube_world import World

T = TypeVar("T")
MAPS = Kind("configmaps", query={"labelSelector": "watched=yes"})
PATH = MAPS.path("growlio")
QUICK = Pace(
    least_pause_s=0.01,
    longest_pause_s=0.05,
    list_every_s=0.05,
    refused_pause_s=0.05,
    steady_s=3600,
    lasting_s=0,
)


@dataclass(frozen=True, slots=True)
class Row:
    """A ConfigMap made small."""

    namespace: str
    name: str
    text: str


def row(raw: Mapping[str, Any]) -> Row:
    return Row(raw["metadata"]["namespace"], raw["metadata"]["name"], (raw.get("data") or {}).get("text", ""))


@dataclass(slots=True)
class Known(Generic[T]):
    """What somebody knows who is told everything; `key` tells objects apart."""

    key: Callable[[T], str]
    rows: dict[str, T] = field(default_factory=dict)
    told: list[Sequence[News[T]]] = field(default_factory=list)
    failing: int = 0
    """How many of the next tellings are not taken."""

    async def take(self, news: Sequence[News[T]]) -> None:
        if self.failing:
            self.failing -= 1
            raise RuntimeError("the database is away")
        self.told.append(news)
        for each in news:
            match each:
                case Listed(rows, ""):
                    self.rows = {self.key(found): found for found in rows}
                case Listed(rows, namespace):
                    others = {k: r for k, r in self.rows.items() if r.namespace != namespace}  # type: ignore[attr-defined]
                    self.rows = {**others, **{self.key(found): found for found in rows}}
                case Changed(changed, is_gone=True):
                    self.rows.pop(self.key(changed), None)
                case Changed(changed):
                    self.rows[self.key(changed)] = changed

    @property
    def changes(self) -> list[Changed[T]]:
        return [each for news in self.told for each in news if isinstance(each, Changed)]

    @property
    def texts(self) -> dict[str, str]:
        """Name → text of ConfigMaps."""
        return {name: found.text for name, found in self.rows.items()}  # type: ignore[attr-defined]


class Watching(Generic[T]):
    """A watch at work."""

    def __init__(self, watch: Watch[T] | KindWatch[T], known: Known[T], task: "asyncio.Task[None]") -> None:
        self.watch = watch
        self.known = known
        self._task = task

    async def until(self, what: Callable[[], Any], within_s: float = 60.0) -> None:
        """Waits for what stays so; fails at once when the watch has died."""
        try:
            async with asyncio.timeout(within_s):
                while not what():
                    if self._task.done():
                        self._task.result()
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError(f"{self.watch.fault=} {self.watch.counts=} {self.known.rows=}") from None

    async def until_known(self, **texts: str) -> None:
        await self.until(lambda: self.known.texts == texts)


@asynccontextmanager
async def at_work(watch: Watch[T] | KindWatch[T], key: Callable[[T], str]) -> AsyncIterator[Watching[T]]:
    """Runs a watch for as long as the block lasts."""
    known = Known(key)
    task: asyncio.Task[None] = asyncio.create_task(watch.run(known.take))
    try:
        yield Watching(watch, known, task)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def watching(stg: World, pace: Pace = QUICK) -> AsyncIterator[Watching[Row]]:
    """A watch of the labelled ConfigMaps of growlio, synced."""
    watch = Watch(stg.here, PATH, row, namespace="growlio", query=MAPS.query, pace=pace)
    async with at_work(watch, lambda each: each.name) as work:
        await work.until(lambda: work.watch.synced and is_watched(stg))
        yield work


def is_watched(stg: World) -> bool:
    """Whether somebody has a stream of ConfigMaps open that is in good order."""
    return bool(stg.there.store.collection(CONFIG_MAPS).watchers)


def put(stg: World, name: str, text: str = "", namespace: str = "growlio") -> None:
    """Creates a ConfigMap that is watched, or changes it."""
    labels = {"watched": "yes"}
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
    }
    there = stg.there.store.get(CONFIG_MAPS, namespace, name)
    if there is None:
        stg.there.create({**body, "data": {"text": text}})
    else:
        stg.there.registry.write(
            CONFIG_MAPS, {**there, "metadata": dict(there["metadata"]), "data": {"text": text}}, "kubectl"
        )


def remove(stg: World, name: str, namespace: str = "growlio") -> None:
    found = stg.there.store.get(CONFIG_MAPS, namespace, name)
    assert found is not None
    stg.there.store.remove(CONFIG_MAPS, found)


class JumpingClock:
    """Time that passes only while somebody sleeps, and then at once."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.slept: list[float] = []

    def pace(self) -> Pace:
        """The bot's own pace on this clock."""
        return Pace(clock=lambda: self.now_s, sleep=self.sleep)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_s += seconds
        await asyncio.sleep(0)


class StepClock:
    """Time of so many tasks: it stands still while any of them works, and passes when all sleep or hold a stream."""

    def __init__(self, tasks: int) -> None:
        self.now_s = 0.0
        self._tasks = tasks
        self._held = 0
        self._numbers = count()
        self._sleeping: list[tuple[float, int, asyncio.Future[None]]] = []

    def pace(self) -> Pace:
        """The bot's own pace on this clock."""
        return Pace(clock=lambda: self.now_s, sleep=self.sleep)

    async def sleep(self, seconds: float) -> None:
        sleeper = (self.now_s + seconds, next(self._numbers), asyncio.get_running_loop().create_future())
        self._sleeping.append(sleeper)
        self._pass()
        try:
            await sleeper[2]
        finally:
            if sleeper in self._sleeping:
                self._sleeping.remove(sleeper)

    @contextmanager
    def held(self) -> Iterator[None]:
        """One of the tasks has a stream, and waits for what comes by it."""
        self._held += 1
        self._pass()
        try:
            yield
        finally:
            self._held -= 1

    def _pass(self) -> None:
        if self._sleeping and len(self._sleeping) + self._held >= self._tasks:
            sleeper = min(self._sleeping)
            self._sleeping.remove(sleeper)
            self.now_s = max(self.now_s, sleeper[0])
            if not sleeper[2].done():
                sleeper[2].set_result(None)


Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Script:
    """An API server that answers lists and watches as told, and notes at which time of a clock each came."""

    def __init__(self, clock: JumpingClock | StepClock, on_list: Answer, on_watch: Answer) -> None:
        self.lists: list[float] = []
        self.watches: list[float] = []
        self._clock = clock
        self._on_list = on_list
        self._on_watch = on_watch

    def app(self) -> web.Application:
        async def handle(request: web.Request) -> web.StreamResponse:
            is_watch = "watch" in request.query
            (self.watches if is_watch else self.lists).append(self._clock.now_s)
            return await (self._on_watch if is_watch else self._on_list)(request)

        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", handle)
        return app

    def most_in_a_minute(self, *, since_s: float = 0.0) -> int:
        """Requests in the busiest minute."""
        asked = sorted(each for each in [*self.lists, *self.watches] if each >= since_s)
        return max((sum(1 for each in asked if start <= each < start + 60) for start in asked), default=0)
