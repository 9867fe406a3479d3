"""A workspace with the bot in it, for each test anew; rollouts of `slow` images stand still until `chat.hurry()`."""

import math
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.sandbox.kube import Options
from tests.chat import Chat, open_chat


@pytest.fixture
async def chat(tmp_path: Path) -> AsyncIterator[Chat]:
    """Alice, Bob and the others, stg and prd, and the bot at work."""
    async with open_chat(tmp_path, cluster_options=Options(slow_s=math.inf)) as chat:
        yield chat
