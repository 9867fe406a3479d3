"""A workspace with the bot in it, in quick clusters; rollouts of `slow` images stand still until `chat.hurry()`."""

import math
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.sandbox.kube import Options
from bot.sandbox.kube.cluster import Cluster
from tests.chat import DEADLINE_S, Chat, open_chat
from tests.crash.bot_process import Ledger


@pytest.fixture
async def chat(tmp_path: Path) -> AsyncIterator[Chat]:
    """Alice, Bob and the others, stg and prd, and the bot at work on two sockets."""
    async with open_chat(tmp_path, cluster_options=Options(speed=3.0, slow_s=math.inf)) as chat:
        await both_sockets(chat)
        yield chat


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """The bot's database, read from outside."""
    return Ledger(tmp_path)


@pytest.fixture
def stg(chat: Chat) -> Cluster:
    """The API server of stg, whose faults are ordered."""
    return chat.sandbox.clusters["stg"]


async def both_sockets(chat: Chat) -> None:
    """Until the bot has its two sockets."""
    await chat.until(
        lambda: len(chat.sandbox.slack.sockets.live) == 2 or None,
        DEADLINE_S,
        lambda: f"{len(chat.sandbox.slack.sockets.live)} sockets",
    )


def writes(chat: Chat, environment: str = "stg") -> list[float]:
    """When writes reached a cluster, refused ones too: Unix seconds."""
    return [r.at.timestamp() for r in chat.sandbox.clusters[environment].requests if r.method == "PATCH"]
