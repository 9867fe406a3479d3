"""Routes: which channel an alert goes to. Made by bot.app from the configuration, asked by bot.reconcile.alerts."""

from collections.abc import Iterable
from dataclasses import dataclass

from bot.domain.names import ChannelId


@dataclass(frozen=True, slots=True)
class AlertRoute:
    """Alerts that have all these tags go there."""

    tags: frozenset[str]
    """Spelled as `service:admin`, lower case."""
    channel: ChannelId


@dataclass(frozen=True, slots=True)
class AlertRoutes:
    """The first route that matches counts."""

    default: ChannelId | None = None
    """For alerts that no route takes; None: they are kept and listed, but not posted."""
    routes: tuple[AlertRoute, ...] = ()

    def channel_of(self, tags: Iterable[str]) -> ChannelId | None:
        """The channel of an alert with these tags."""
        have = {tag.strip().lower() for tag in tags}
        return next((route.channel for route in self.routes if route.tags <= have), self.default)
