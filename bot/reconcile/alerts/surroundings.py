"""What was around a new alert: where it is told, which release ran there, which pods were down. Read once per batch."""

from dataclasses import replace
from datetime import datetime, timedelta

from bot.context import Context
from bot.domain.alert import Alert, NearRelease
from bot.domain.names import ChannelId, EnvironmentName, ServiceName
from bot.domain.release import Release
from bot.store import pods, releases
from bot.store.db import Connection
from bot.usecases.releases import channel_of

RECENTLY = timedelta(minutes=30)
"""A release that began to write longer before an alert is not named beside it."""
SLACK = timedelta(seconds=5)
"""Datadog tells whole seconds, and its clock is another."""
LOOKED_AT = 5
MOST_FALLEN = 5


class Surroundings:
    """Reads of one transaction; each service is looked at once."""

    def __init__(self, ctx: Context, connection: Connection, now: datetime) -> None:
        self._ctx = ctx
        self._connection = connection
        self._now = now
        self._releases: dict[tuple[str, str], tuple[Release, ...]] = {}
        self._fallen: dict[str, dict[str, tuple[str, ...]]] = {}

    async def of(self, alert: Alert) -> Alert:
        """The alert with its channel, its release, and the pods that are down."""
        channel = self._ctx.alert_routes.channel_of((*alert.tags, *alert.scope.split(","))) or ""
        if not self._is_ours(alert):
            return replace(alert, channel=channel)
        fallen = await self._fallen_of(alert)
        near, home = await self._near(alert)
        if near is not None and near.is_live:
            channel = home or channel
        return replace(alert, channel=channel, near=near, fallen=fallen)

    def _is_ours(self, alert: Alert) -> bool:
        catalog = self._ctx.catalog
        return alert.environment in catalog.environments and alert.service in catalog.services

    async def _near(self, alert: Alert) -> tuple[NearRelease | None, ChannelId | None]:
        """The newest release that had begun to write when the alert opened; and where its card is."""
        for release in await self._recent(alert.environment, alert.service):
            began = release.started_at
            if began is None or began > alert.opened_at + SLACK or alert.opened_at - began > RECENTLY:
                continue
            home = channel_of(self._ctx, release.target) or release.asked_in
            near = NearRelease(
                id=release.id,
                version=release.plan.to_version,
                from_version=release.plan.from_version,
                by=release.requested_by,
                at=began,
                is_live=home is not None and _was_live(release, alert.opened_at),
            )
            return near, home
        return None, None

    async def _recent(self, environment: str, service: str) -> tuple[Release, ...]:
        key = (environment, service)
        if key not in self._releases:
            found = await releases.history(
                self._connection,
                environment=EnvironmentName(environment),
                service=ServiceName(service),
                limit=LOOKED_AT,
            )
            self._releases[key] = tuple(found)
        return self._releases[key]

    async def _fallen_of(self, alert: Alert) -> tuple[str, ...]:
        environment = alert.environment
        if environment not in self._fallen:
            by_service: dict[str, tuple[str, ...]] = {}
            for story in await pods.open_stories(self._connection, environment=EnvironmentName(environment)):
                if story.service is not None:
                    by_service[story.service] = (*by_service.get(story.service, ()), story.text)
            self._fallen[environment] = by_service
        return self._fallen[environment].get(alert.service, ())[:MOST_FALLEN]


def _was_live(release: Release, at: datetime) -> bool:
    """Whether it was under way then."""
    if not release.phase.has_begun:
        return False
    return release.finished_at is None or at <= release.finished_at
