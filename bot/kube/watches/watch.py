"""One list and one watch of a path, joined: everything once, then each change, for ever.

Used by bot.kube.watches.kinds, which knows the paths. Holds no objects, only the version from which it goes on; whoever
is told keeps the rows and compares, so that a gap of any length costs nothing but the states in between. Never compares
versions: they are opaque. Never asks more than twenty times a minute, whatever the server does.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import aclosing
from typing import Generic, NoReturn, TypeVar

from bot.errors import NotFound, OutsideError, Refused, TooBusy
from bot.kube.clients import Cluster, Expired, Garbled, Page
from bot.kube.streams import Lines, Troubled
from bot.kube.watches.events import EventKind, Json, understand
from bot.kube.watches.news import Changed, Counts, Listed, News, Tell
from bot.kube.watches.pace import Pace

log = logging.getLogger(__name__)

T = TypeVar("T")
SLICE = 100
"""Objects made small before others may run: some 2 ms."""
DOUBTS = 3
"""After so many streams in a row that were refused with a 5xx, or lived and fell silent, a list follows: a server that
was restored from a backup does not know our version yet, and may wait for it without a word."""


class Watch(Generic[T]):
    """Everything under one path of one cluster. Run it once."""

    def __init__(
        self,
        cluster: Cluster,
        path: str,
        project: Callable[[Json], T | None],
        *,
        what: str = "",
        namespace: str = "",
        query: Mapping[str, str | int] | None = None,
        pace: Pace | None = None,
        is_optional: bool = False,
        leaves_when_forbidden: bool = False,
    ) -> None:
        """`project` makes a row of an object; None: of no interest, whatever becomes of it, so it must depend on what
        never changes (name, namespace, owner). `what` names the objects in words: `pods`.

        Without the right to look, an optional watch has no fault; one that leaves lets `run` raise the refusal.
        """
        self.counts = Counts()
        self.refusal: Refused | NotFound | None = None
        """The definite no that was last heard, until all is well again."""
        self._cluster = cluster
        self._path = path
        self._project = project
        self._what = what or path.rpartition("/")[2]
        self.namespace = namespace
        """Where it looks; empty: in the whole cluster."""
        self._query = dict(query or {})
        self._pace = pace or Pace()
        self._is_optional = is_optional
        self._leaves_when_forbidden = leaves_when_forbidden
        self._version = ""  # where the next stream goes on; empty: a list comes first
        self._failures = 0
        self._doubts = 0
        self._fault = ""
        self._is_listed = False
        self._listed_at_s: float | None = None
        self._opened_at_s: float | None = None  # since when a stream is open
        self._closed_at_s: float | None = None  # since when none is, after there was one
        self._heard_at_s = self._pace.clock()

    @property
    def fault(self) -> str:
        """Why what was told may be out of date, for people; empty while all is well."""
        if self.is_absent or self._has_lived:
            return ""
        since = self._closed_at_s
        if not self._fault and since is not None and self._pace.clock() - since >= self._pace.steady_s:
            return f"{self._cluster.system} gives no watch at present; {self._what} wait for their turn"
        return self._fault

    @property
    def is_absent(self) -> bool:
        """An optional watch that may not look."""
        return self._is_optional and self.refusal is not None

    @property
    def synced(self) -> bool:
        """Everything was told once, and changes come as they happen, or are known not to come."""
        return (self._is_listed or self.is_absent) and not self.fault

    @property
    def quiet_s(self) -> float:
        """Since the server last said anything, bookmarks included."""
        return self._pace.clock() - self._heard_at_s

    async def run(self, tell: Tell[T]) -> NoReturn:
        """For ever, until cancelled."""
        pace = self._pace
        while True:
            await pace.sleep(await self._round(tell))
            await self._cluster.patience.turn(pace.clock, pace.sleep, pace.back_off_s)

    async def _round(self, tell: Tell[T]) -> float:
        """A list when one is needed, and a stream to its end; how long to wait then."""
        streams, events = self.counts.connections, self.counts.events
        try:
            if not self._version:
                await self._list(tell)
            await self._follow(tell)
        except (Refused, NotFound) as error:
            return self._refused(error, "watch" if self.counts.connections > streams else "list")
        except TooBusy as error:
            self._failed(str(error))
            pause_s = error.retry_after_s * (1 + self._pace.chance() / 4)
            return max(pause_s, self._pace.back_off_s(self._failures))
        except (Expired, Garbled) as error:
            self._version = ""
            return self._ended(str(error), events)
        except OutsideError as error:
            if isinstance(error, Troubled) or self._has_lived:
                self._doubt()
            return self._ended(str(error), events)
        except Exception:  # whoever is told must not be able to end the telling; a list tells it everything again
            log.exception("what a watch told was not taken", extra=self._extra)
            self._version = ""
            self._failed("what was heard could not be worked on; the log tells why")
            return self._pace.back_off_s(self._failures)
        else:
            return self._ended("", events)
        finally:
            if self._opened_at_s is not None:
                self._opened_at_s, self._closed_at_s = None, self._pace.clock()

    def _refused(self, error: Refused | NotFound, verb: str) -> float:
        """A definite no. Forbidden, or a kind that is not there: only a person can change that, so it has time."""
        self._failed(self._words(error, verb), error)
        is_forbidden = isinstance(error, Refused) and error.code == "Forbidden"
        if is_forbidden and self._leaves_when_forbidden:
            raise error
        if is_forbidden or isinstance(error, NotFound):
            return self._pace.refused_pause_s * (1 + self._pace.chance() / 4)
        self._version = ""  # it may be the version that is refused
        return self._pace.back_off_s(self._failures)

    def _ended(self, why: str, events: int) -> float:
        """A stream is over, or never was: how long to wait, by how long it lived and whether it told anything."""
        pace = self._pace
        if self._has_lived:
            self._failures, self._fault, self.refusal = 0, "", None
            if why:
                log.info("a watch is begun anew: %s", why, extra=self._extra)
            return pace.back_off_s(1)
        if self.counts.events > events:
            self._failures += 1
            return pace.brief_s(self._failures, list_follows=not self._version)
        self._failed(why or f"{self._cluster.system} ends a watch of {self._what} as soon as it begins")
        return pace.back_off_s(self._failures)

    @property
    def _has_lived(self) -> bool:
        """The stream that is open, or has just ended, was a good one."""
        return self._opened_at_s is not None and self._pace.clock() - self._opened_at_s >= self._pace.steady_s

    def _doubt(self) -> None:
        self._doubts += 1
        if self._doubts >= DOUBTS:
            self._doubts, self._version = 0, ""

    def _failed(self, why: str, refusal: Refused | NotFound | None = None) -> None:
        self._failures += 1
        is_news = why != self._fault and not (refusal and self.refusal)
        self._fault, self.refusal = why, refusal
        if is_news:
            expected = refusal is not None and (self._is_optional or self._leaves_when_forbidden)
            log.log(logging.INFO if expected else logging.WARNING, "a watch fails: %s", why, extra=self._extra)

    def _words(self, error: Refused | NotFound, verb: str) -> str:
        where = f"in namespace {self.namespace}" if self.namespace else "in all namespaces"
        if isinstance(error, NotFound):
            return f"{error.system} knows no {self._what}: {error.text}"
        if error.code == "Forbidden":
            return f"{error.system}: we may not {verb} {self._what} {where}: {error.text}"
        return f"{error.system} refuses to {verb} {self._what} {where}: {error.text}"

    @property
    def _extra(self) -> dict[str, str]:
        return {"environment": self._cluster.name, "watch": f"{self.namespace or '*'}/{self._what}"}

    # The list

    async def _list(self, tell: Tell[T]) -> None:
        """Tells everything that is there. Not more often than `list_every_s`."""
        pace = self._pace
        if self._listed_at_s is not None:
            await pace.sleep(max(0.0, self._listed_at_s + pace.list_every_s - pace.clock()))
        self._listed_at_s = pace.clock()
        self.counts.lists += 1
        rows: list[T] = []
        version = ""
        pages = self._cluster.listing(self._path, query=self._query, timeout_s=pace.page_timeout_s)
        async with aclosing(pages) as listing:
            async for page in listing:
                version = page.version
                await self._take(page, rows)
        if not version:
            raise Garbled(self._cluster.system, f"answered {self._path} with something that is no list")
        await tell([Listed(tuple(rows), self.namespace)])
        self._heard()
        self._version = version
        self._is_listed = True

    async def _take(self, page: Page, rows: list[T]) -> None:
        for start in range(0, len(page.items), SLICE):
            rows += [row for row in map(self._small, page.items[start : start + SLICE]) if row is not None]
            await asyncio.sleep(0)

    def _small(self, raw: Json) -> T | None:
        try:
            return self._project(raw)
        except Exception:  # one odd object must not cost the others
            self.counts.odd += 1
            log.exception("an object could not be made small", extra=self._extra)
            return None

    # The stream

    async def _follow(self, tell: Tell[T]) -> None:
        """Tells changes until the stream ends in an orderly way."""
        pace = self._pace
        asked: dict[str, str | int] = {
            **self._query,
            "watch": "1",
            "allowWatchBookmarks": "true",
            "resourceVersion": self._version,
            "timeoutSeconds": pace.length_s(),
        }
        self.counts.connections += 1
        async with self._cluster.stream(
            self._path, query=asked, answer_within_s=pace.answer_s, quiet_s=pace.quiet_s
        ) as lines:
            self._opened_at_s, self._closed_at_s = pace.clock(), None
            self._cluster.patience.opened(self, pace.clock() + pace.lasting_s)
            try:
                await self._read(lines, tell)
            finally:
                self._cluster.patience.closed(self, pace.clock())
                self.counts.oversized += lines.oversized

    async def _read(self, lines: Lines, tell: Tell[T]) -> None:
        while heard := await lines.some():
            news: list[News[T]] = []
            version, error = self._version, None
            for line in heard:
                try:
                    event = understand(self._cluster.system, line)
                except OutsideError as found:
                    version, error = "", found  # after any of them the position is in doubt: a list comes next
                    break
                version = event.version
                if event.kind is EventKind.BOOKMARK:
                    self.counts.bookmarks += 1
                    continue
                self.counts.events += 1
                row = self._small(event.raw)
                if row is not None:
                    news.append(Changed(row, is_gone=event.kind is EventKind.DELETED))
            if news:
                await tell(news)
            # Only now: what was told and not taken must come again.
            self._version = version
            if error is not None:
                raise error
            self._heard()

    def _heard(self) -> None:
        self._heard_at_s = self._pace.clock()
        self._doubts = 0
        if self._fault:
            log.info("a watch goes on", extra=self._extra)
        self._fault, self.refusal = "", None
