"""The whole bot beside a Datadog that is of no help: it starts, is ready and works."""

from pathlib import Path

import pytest

from tests.chat import open_chat, running_bot


@pytest.mark.parametrize("fault", ["hang", "wrong_key", "ratelimit"])
async def test_the_bot_starts_and_works_whatever_datadog_does(tmp_path: Path, fault: str) -> None:
    async with open_chat(tmp_path, with_bot=False) as chat:
        order = chat.datadog.faults.add(fault, times=None)
        async with running_bot(chat):
            assert chat.bot is not None
            await chat.until(lambda: order.fired or None, 60, lambda: "Datadog was not greeted")
            await chat.alice.says("/status stg")
            await chat.alice.hears("admin")
            assert chat.bot.health.faults() == {}
