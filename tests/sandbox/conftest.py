"""Fixtures of the sandbox's tests."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from bot.sandbox.slack.emulator import Slack
from tests.sandbox.slack_desk import PATIENT, Desk, open_desk


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """A Slack without pace limits, which waits so long for an acknowledgement that a busy machine can give it."""
    async with open_desk(Slack(limits="off", timing=PATIENT)) as desk:
        yield desk


@pytest.fixture
async def quick_desk() -> AsyncIterator[Desk]:
    """As patient, but it retries events and pings at once. A test that waits for Slack to lose patience says so."""
    timing = replace(PATIENT, event_retries_s=(0.0, 0.1, 0.2), ping_s=0.1)
    async with open_desk(Slack(limits="off", timing=timing)) as desk:
        yield desk
