"""A workspace and clusters whose bot is a process of its own, started by each test as it needs it."""

import math
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.sandbox.kube import Options
from tests.chat import UNHURRIED, open_chat
from tests.crash.bot_process import BotProcess, Ledger
from tests.crash.crash_site import CrashSite

PROMPT = replace(UNHURRIED, resend_s=1.0, command_life_s=120.0)
"""Slack sends again what was not acknowledged after a second, and does so for longer than any start of a bot takes."""
BRISK = Options(speed=3.0, slow_s=math.inf)
"""Rollouts of `slow` images stand still until `chat.hurry()`, however long a bot takes to come back."""


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[CrashSite]:
    """Alice and the others, stg and prd, and no bot yet."""
    async with open_chat(tmp_path, with_bot=False, timing=PROMPT, cluster_options=BRISK) as chat:
        bot = BotProcess(chat.sandbox)
        try:
            yield CrashSite(chat, bot, Ledger(tmp_path))
        finally:
            await bot.kill()
