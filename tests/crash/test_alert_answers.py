"""kill -9 between what Datadog was asked and the row that knows it: one downtime all the same, and the card says so."""

import pytest

from tests.crash.crash_site import CrashSite
from tests.handlers.test_alerts import card, fired, picks

pytestmark = [pytest.mark.process, pytest.mark.slow]


async def test_a_mute_whose_answer_died_with_the_bot_is_found_and_not_set_again(site: CrashSite) -> None:
    await site.bot.start(failpoint="handlings.after_act:kill")
    opened = await fired(site.chat)
    await picks(site.chat.alice, opened, "1 hour")
    await site.bot.killed()
    assert len(site.chat.datadog.muted()) == 1
    await site.bot.start()
    await card(site.chat, "Muted in Datadog until")
    assert len(site.chat.datadog.muted()) == 1
