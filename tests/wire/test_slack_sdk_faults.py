"""Why we have a Socket Mode loop of our own: what slack_sdk's client does, seen with the SDK that is installed.

When one of these fails after an upgrade of slack_sdk, that reason is gone; see whether our loop still has others.
"""

import contextlib
from collections.abc import AsyncIterator

import pytest
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from tests.sandbox.slack_desk import until
from tests.wire.slack_stand_in import StandIn, stand_in


@pytest.fixture
async def slack() -> AsyncIterator[StandIn]:
    async with stand_in() as server:
        yield server


@contextlib.asynccontextmanager
async def documented_bot(slack: StandIn) -> AsyncIterator[AsyncSocketModeHandler]:
    app = AsyncApp(client=AsyncWebClient(token="xoxb-1", base_url=slack.api_url))
    web_client = AsyncWebClient(token="xapp-1", base_url=slack.api_url)
    handler = AsyncSocketModeHandler(app, "xapp-1", web_client=web_client, ping_interval=0.2)
    await handler.connect_async()
    try:
        yield handler
    finally:
        await handler.close_async()


async def test_one_failed_upgrade_leaves_the_sdk_retrying_a_used_up_ticket(slack: StandIn) -> None:
    async with documented_bot(slack):
        await until(lambda: len(slack.sockets) == 1)
        slack.upgrades_to_refuse = 1
        await slack.disconnect(slack.sockets[0], "refresh_requested", close_after=True)
        await until(lambda: slack.upgrades_refused >= 5)
        assert slack.count("apps.connections.open") == 2
        assert slack.sockets == []


async def test_the_sdk_closes_the_old_socket_before_the_new_one_is_open(slack: StandIn) -> None:
    async with documented_bot(slack):
        await until(lambda: len(slack.sockets) == 1)
        slack.upgrades_may_pass.clear()
        await slack.disconnect(slack.sockets[0], "refresh_requested")
        await until(lambda: slack.count("apps.connections.open") == 2)
        await until(lambda: slack.sockets == [])
        slack.upgrades_may_pass.set()
        await until(lambda: len(slack.sockets) == 1)
