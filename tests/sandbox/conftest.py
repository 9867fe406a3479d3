"""Fixtures of the sandbox's tests."""

from collections.abc import AsyncIterator

import pytest

from bot.sandbox.slack.emulator import Slack
from tests.sandbox.slack_desk import Desk, open_desk


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """A Slack without pace limits, with Slack's own waits."""
    async with open_desk(Slack(limits="off")) as desk:
        yield desk
