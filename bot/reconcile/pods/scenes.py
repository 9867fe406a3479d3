"""Scenes: what a judgement needs to know of a subject, gathered from the world and, for what fell, from rows.

Called by bot.reconcile.pods.turns inside its transaction.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from bot.domain.names import EnvironmentName, ServiceName
from bot.domain.pods import NearAlert, Subject, SubjectKind
from bot.domain.pods.cases import Scene, Silence
from bot.domain.pods.quiet import near_release
from bot.domain.release import Release
from bot.reconcile.pods.world import World
from bot.store import alerts, pods, releases
from bot.store.db import Connection

ASKED_FRESH = timedelta(seconds=30)
"""How long an answer to "how many pods are wanted" counts."""
RELEASES = 3


class AlertFinder(Protocol):
    """Who knows of open alerts."""

    async def __call__(
        self, connection: Connection, environment: EnvironmentName, service: ServiceName
    ) -> NearAlert | None: ...


async def no_alert(connection: Connection, environment: EnvironmentName, service: ServiceName) -> NearAlert | None:
    """Nobody knows of alerts."""
    return None


async def open_alert(connection: Connection, environment: EnvironmentName, service: ServiceName) -> NearAlert | None:
    """Datadog's newest open alert of the service."""
    found = await alerts.open_alerts(connection, environment=environment, service=service, limit=1)
    return NearAlert(found[0].id, found[0].title or found[0].status_text, found[0].link) if found else None


class Scenes:
    """Makes scenes."""

    def __init__(
        self, timezone: ZoneInfo, rollback_window: timedelta, healed_after: timedelta, find_alert: AlertFinder
    ) -> None:
        self._timezone = timezone
        self._stable = healed_after
        self._window = rollback_window
        self._find_alert = find_alert

    def plain(self, world: World, subject: Subject, now: datetime, *, silence: Silence | None, blind: bool) -> Scene:
        """As the world shows it."""
        asked = world.wanted.get(subject)
        is_fresh = asked is not None and now - asked[1] <= ASKED_FRESH
        return Scene(
            environment=world.environment,
            subject=subject,
            now=now,
            day=now.astimezone(self._timezone).date().isoformat(),
            service=self.service(world, subject),
            pods=tuple(world.by_workload.get(subject, {}).values()),
            said=world.said,
            nodes=world.nodes,
            wanted=asked[0] if asked is not None and is_fresh else None,
            is_gone=is_fresh and subject in world.absent,
            is_blind=blind,
            stable=self._stable,
            silence=silence,
        )

    def service(self, world: World, subject: Subject) -> ServiceName | None:
        """The configured service that a subject is, or that an autoscaler scales."""
        if subject.kind is SubjectKind.AUTOSCALER:
            scaler = world.scalers.get((subject.namespace, subject.name))
            return world.services.get(scaler.target) if scaler else None
        return world.services.get(subject)

    async def releases(self, connection: Connection, scene: Scene) -> Sequence[Release]:
        """The latest releases of the service, newest first."""
        if scene.service is None:
            return ()
        return await releases.history(connection, environment=scene.environment, service=scene.service, limit=RELEASES)

    async def told(self, connection: Connection, scene: Scene, recent: Sequence[Release], at: datetime) -> Scene:
        """With what happened around it: for a scene in which something fell."""
        fell = await pods.falls_on(connection, scene.environment, [scene.subject], day=scene.day)
        alert = None
        if scene.service is not None:
            alert = await self._find_alert(connection, scene.environment, scene.service)
        return replace(
            scene,
            earlier_today=fell.get(scene.subject, 0),
            release=near_release(recent, at, self._window),
            alert=alert,
        )
