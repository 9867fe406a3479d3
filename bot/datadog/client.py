"""Datadog as the bot uses it: monitors, mutes, On-Call, events and metrics of one organisation. Handed down in Context.

Made by bot.app when the configuration has a section `datadog` and DD_API_KEY is set. No part of the bot waits for it:
what it can't answer is said where it was asked for.
"""

import structlog

from bot.datadog.downtimes import Downtimes
from bot.datadog.events import Events
from bot.datadog.limits import Lane
from bot.datadog.metrics import Metrics
from bot.datadog.monitors import Monitors
from bot.datadog.oncall import DEFAULT_ONCALL_HOST, ONCALL_HOSTS, OnCall
from bot.datadog.wire import Wire
from bot.errors import OutsideError

__all__ = ["Datadog", "Lane"]

_log = structlog.get_logger(__name__)
_WITH_APP = frozenset({"datadoghq.com", "datadoghq.eu", "ddog-gov.com"})
"""Sites whose page is at app.SITE; the page of others is at the site itself."""


class Datadog:
    """One organisation at one site. Made inside the running loop; close it at the end."""

    def __init__(
        self,
        *,
        site: str,
        api_key: str,
        app_key: str | None,
        api_url: str | None = None,
        oncall_url: str | None = None,
        app_url: str | None = None,
    ) -> None:
        self.wire = Wire(
            api_url=api_url or f"https://api.{site}/",
            oncall_url=oncall_url or f"https://{ONCALL_HOSTS.get(site, DEFAULT_ONCALL_HOST)}/",
            site=site,
            api_key=api_key,
            app_key=app_key,
        )
        self.site = site
        self.app_url = (app_url or f"https://{'app.' if site in _WITH_APP else ''}{site}").rstrip("/")
        self.monitors = Monitors(self.wire)
        self.downtimes = Downtimes(self.wire)
        self.oncall = OnCall(self.wire)
        self.events = Events(self.wire)
        self.metrics = Metrics(self.wire)

    @property
    def has_app_key(self) -> bool:
        """Without one only events can be posted: nothing is read, nothing is muted."""
        return self.wire.has_app_key

    def monitor_url(self, monitor_id: int) -> str:
        """The page of a monitor, for people."""
        return f"{self.app_url}/monitors/{monitor_id}"

    async def greet(self) -> bool | None:
        """Ask once whether the keys work, and log it; None when nobody could be asked. Never raises OutsideError.

        The API key is asked for by itself; the application key by reading one monitor.
        """
        try:
            await self.wire.ask("validate", lane=Lane.LOOPS)
            if self.has_app_key:
                await self.wire.ask("list_monitors", lane=Lane.LOOPS, page=0, page_size=1)
        except OutsideError as error:
            is_no = getattr(error, "code", "") == "Forbidden"
            _log.warning("datadog.keys", site=self.site, reason=str(error))
            return False if is_no else None
        if self.has_app_key:
            _log.info("datadog.keys", site=self.site, works=True)
        else:
            _log.warning(
                "datadog.keys", site=self.site, reason="DD_APP_KEY is not set: monitors can't be read or muted"
            )
        return True

    async def close(self) -> None:
        """Idempotent."""
        await self.wire.close()
