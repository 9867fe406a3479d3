"""Fixtures of the sandbox's tests."""

from collections.abc import AsyncIterator

import pytest

from bot.sandbox.slack.emulator import Slack
from bot.sandbox.slack.pace import Timing
from tests.sandbox.slack_desk import Desk, open_desk


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """A Slack without pace limits, with Slack's own waits."""
    async with open_desk(Slack(limits="off")) as desk:
        yield desk


QUICK = Timing(ack_s=1.0, resend_s=0.3, command_life_s=5.0, event_retries_s=(0.0, 0.1, 0.2), ping_s=0.1)


@pytest.fixture
async def quick_desk() -> AsyncIterator[Desk]:
    """A Slack that waits one second where the real one waits three, and resends sooner."""
    async with open_desk(Slack(limits="off", timing=QUICK)) as desk:
        yield desk
