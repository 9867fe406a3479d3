"""The adapters that a use case may touch, in one value that is handed down; nothing here is global.

Built by bot.app; read by use cases, loops and (through `Call`) handlers.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from bot.datadog.client import Datadog
from bot.domain.alert import AlertRoutes
from bot.domain.canary.queries import NumberQueries
from bot.domain.catalog import Catalog
from bot.domain.names import ChannelId
from bot.domain.oncall import OnCallPlan
from bot.kube.clients import Clusters
from bot.manifests import Manifests
from bot.registry import Registry
from bot.slack.directory import Directory
from bot.slack.forms import Forms
from bot.slack.messages import Messages
from bot.slack.topics import Topics
from bot.store.db import Database


class Bell:
    """Wakes a loop before its next turn is due. Rung by whoever wrote a row for it, after the commit."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def ring(self) -> None:
        """Wake the loop now, or let its next wait return at once."""
        self._event.set()

    async def wait(self, timeout_s: float) -> None:
        """Until rung, `timeout_s` seconds at most. Several rings before it are one."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._event.wait()
        self._event.clear()


@dataclass(frozen=True, slots=True)
class Bells:
    """One bell per loop."""

    inbox: Bell = field(default_factory=Bell)
    releases: Bell = field(default_factory=Bell)
    outbox: Bell = field(default_factory=Bell)
    retention: Bell = field(default_factory=Bell)
    anchors: Bell = field(default_factory=Bell)
    pods: Bell = field(default_factory=Bell)
    alerts: Bell = field(default_factory=Bell)
    handlings: Bell = field(default_factory=Bell)
    oncall: Bell = field(default_factory=Bell)
    freezes: Bell = field(default_factory=Bell)
    holds: Bell = field(default_factory=Bell)
    emergencies: Bell = field(default_factory=Bell)


@dataclass(frozen=True, slots=True)
class Context:
    """What a use case may touch."""

    catalog: Catalog
    database: Database
    clusters: Clusters
    registry: Registry
    directory: Directory
    messages: Messages
    forms: Forms
    timezone: ZoneInfo
    ops_channel: ChannelId | None
    team: str
    """Slack id of the home workspace: people of others are strangers."""
    bot_user: str
    clock: Callable[[], datetime]
    """The time now, aware, UTC."""
    bells: Bells = field(default_factory=Bells)
    worker: str = "kajitori"
    """Name of this process in claims."""
    pods_channel: ChannelId | None = None
    """Where falling and healing pods are told; None: they are not."""
    datadog: Datadog | None = None
    """None: the configuration has no section `datadog`, or DD_API_KEY is not set."""
    oncall: OnCallPlan | None = None
    """Who is called for which service; None: nobody is."""
    topics: Topics | None = None
    link_hosts: frozenset[str] = frozenset()
    """Where links and pictures of alerts may lead: hosts, or whole origins."""
    numbers: NumberQueries = field(default_factory=NumberQueries)
    """How the numbers of a canary are asked of Datadog."""
    manifests: Manifests = field(default_factory=Manifests)
    """The overlays of services that have some."""
    alert_routes: AlertRoutes = field(default_factory=AlertRoutes)
    """Which channel an alert goes to."""
    workspace_url: str = ""
    """The workspace's address, where links to messages begin: `https://growlio.slack.com/`."""
