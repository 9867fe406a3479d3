"""A workspace and clusters whose bot is a process of its own, started by each test as it needs it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.sandbox.kube import Options
from bot.sandbox.slack.pace import Timing
from tests.chat import open_chat
from tests.crash.bot_process import BotProcess, Ledger
from tests.crash.crash_site import CrashSite

PROMPT = Timing(resend_s=1.0)
"""Slack sends again what was not acknowledged after a second, so that the tests need not wait for three."""
BRISK = Options(speed=3.0)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[CrashSite]:
    """Alice and the others, stg and prd, and no bot yet."""
    async with open_chat(tmp_path, with_bot=False, timing=PROMPT, cluster_options=BRISK) as chat:
        bot = BotProcess(chat.sandbox)
        try:
            yield CrashSite(chat, bot, Ledger(tmp_path))
        finally:
            await bot.kill()
