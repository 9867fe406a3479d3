"""A Context of rows alone, for use cases and loops that ask nothing outside; and a clock that a test moves."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

from bot.context import Context
from bot.domain.catalog import Catalog, Environment, Service
from bot.domain.names import ChannelId, EnvironmentName, ServiceName
from bot.store.db import Database
from tests.store.releases import PLAN, STG_ADMIN

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
STG, CHANNEL = EnvironmentName("stg"), ChannelId("C0STG")


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **span: float) -> None:
        self.now += timedelta(**span)


def rows_context(database: Database, *, services: int = 0, clock: Clock | None = None) -> Context:
    """One environment `stg`; the service of tests.store.releases, and `service-0` and so on."""
    nothing = cast(Any, None)
    named = [STG_ADMIN.service, *(ServiceName(f"service-{number}") for number in range(services))]
    image = "registry.example.com/growlio/admin"
    return Context(
        catalog=Catalog(
            {STG: Environment(STG, None, CHANNEL)},
            {name: Service(name, PLAN.workload, PLAN.container, image) for name in named},
        ),
        database=database,
        clusters=nothing,
        registry=nothing,
        directory=nothing,
        messages=nothing,
        forms=nothing,
        timezone=ZoneInfo("UTC"),
        ops_channel=None,
        team="T1",
        bot_user="UBOT",
        clock=clock or Clock(),
    )
