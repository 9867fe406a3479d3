"""The marker loop: tells Datadog when releases start and end, so that its graphs show them.

Starts from the releases' own rows and the rows of what was told; no release waits for it. Each moment is told at least
once, and once unless an answer is lost: then it is told again under the same key, which Datadog shows as one. What is
too old to be told, or was refused for itself, is left.
"""

import time
from datetime import timedelta

import structlog

from bot.context import Bell, Context
from bot.domain.markers import OLDEST, Marker, markers_of
from bot.domain.names import UserId
from bot.errors import OutsideError, Refused, TooBusy
from bot.reconcile.loop import Crew, back_off_s
from bot.store import markers, releases

log = structlog.get_logger()
EVERY_S = 5.0
"""A look at the releases that move: two small reads."""
WRONG_KEYS_S = 300.0
"""Until keys that Datadog refused are tried again: somebody has to mend them first."""
LONGEST_PAUSE_S = 600.0
KEPT = timedelta(days=3)


class MarkerLoop:
    """Tells moments in order. Made only where Datadog is configured."""

    def __init__(self, ctx: Context) -> None:
        assert ctx.datadog is not None, "composed only with Datadog"
        self._ctx = ctx
        self._events = ctx.datadog.events
        self._failures = 0
        self._due_s = 0.0
        self.bell = Bell()
        self.crew = Crew()

    async def turn(self) -> float:
        """Begin to tell what is due; seconds until the next look. Never waits for Datadog: a stop must not either."""
        if "telling" in self.crew:
            return EVERY_S
        wait_s = self._due_s - time.monotonic()
        if wait_s > 0:
            return min(wait_s, EVERY_S)
        self._due_s = time.monotonic() + EVERY_S
        self.crew.start("telling", self._work(), then=self.bell.ring)
        return EVERY_S

    async def _work(self) -> None:
        pause_s = await self.tell_due()
        self._due_s = time.monotonic() + pause_s

    async def tell_due(self) -> float:
        """Tell all that is due, or as much as Datadog takes; seconds until there is a point in trying again."""
        for marker in await self._due():
            try:
                event_id = await self._tell(marker)
            except TooBusy as error:
                return self._put_off(error, min(error.retry_after_s, LONGEST_PAUSE_S))
            except Refused as error:
                if error.code != "Invalid":
                    return self._put_off(error, WRONG_KEYS_S)
                log.warning("marker.refused", release=marker.release, moment=marker.moment, reason=error.text)
                await self._note(marker, "", error.text)
            except OutsideError as error:
                self._failures += 1
                return self._put_off(error, back_off_s(self._failures))
            else:
                await self._note(marker, event_id)
            if self._failures:
                log.info("marker.resumed")
                self._failures = 0
        return EVERY_S

    def _put_off(self, error: OutsideError, pause_s: float) -> float:
        log.warning("marker.put_off", reason=str(error), pause_s=round(pause_s))
        return pause_s

    async def _due(self) -> list[Marker]:
        now = self._ctx.clock()
        async with self._ctx.database.read() as connection:
            ids = await markers.candidates(connection, since=now - OLDEST)
            if not ids:
                return []
            told = await markers.told(connection, ids)
            rows = [await releases.get(connection, release_id) for release_id in ids]
        found = [marker for release in rows if release is not None for marker in markers_of(release, now)]
        due = [marker for marker in found if (marker.release, marker.moment) not in told]
        return sorted(due, key=lambda marker: marker.at)

    async def _tell(self, marker: Marker) -> str:
        text = f"{marker.text}\nAsked for by {await self._name(marker.by)}."
        return await self._events.post(
            marker.title, text, tags=marker.tags, kind=marker.kind, aggregation_key=marker.key, at=marker.at
        )

    async def _name(self, user: UserId) -> str:
        try:
            return (await self._ctx.directory.person(user, stale_ok=True)).name
        except OutsideError:
            return user

    async def _note(self, marker: Marker, event_id: str, problem: str = "") -> None:
        now = self._ctx.clock()
        async with self._ctx.database.write() as connection:
            await markers.note(connection, marker, now=now, event_id=event_id, problem=problem)
            await markers.sweep(connection, before=now - KEPT)
