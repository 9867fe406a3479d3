"""kill -9 around each step of a change on the batch desk; then a restart, and the changes and words are counted."""

import pytest

from bot.sandbox.kube.kinds import CRON_JOBS, JOBS
from tests.chat import STG, Json, plain
from tests.crash.crash_site import CrashSite

pytestmark = [pytest.mark.process, pytest.mark.slow]


async def presses(site: CrashSite, label: str) -> None:
    """Alice asks for the desk and presses one of its buttons; the bot dies of it and comes back."""
    alice = site.chat.alice
    await alice.says("/jobs stg")
    await alice.hears("report")
    card: Json = alice.last_heard()
    alice.forget()
    await alice.presses(label, card)
    await site.bot.killed()
    await site.bot.start()


def told(site: CrashSite, words: str) -> int:
    return sum(1 for message in site.chat.messages(STG) if words in plain(message))


def trail(site: CrashSite) -> list[str]:
    return [row["phase"] for row in site.ledger.rows("SELECT phase FROM audit WHERE action LIKE 'jobs.%' ORDER BY seq")]


@pytest.mark.parametrize("failpoint", ["jobs.after_intent:kill", "jobs.after_write:kill"])
async def test_one_press_makes_one_job_when_the_bot_dies_at(site: CrashSite, failpoint: str) -> None:
    await site.bot.start(failpoint=failpoint)
    await presses(site, "Run now")
    await site.chat.alice.hears("runs in \\*stg\\* now")
    await site.calm()
    assert len(list(site.chat.sandbox.clusters["stg"].store.all_of(JOBS))) == 1
    assert trail(site) == ["intent", "result"]
    assert told(site, "started *report*") == 1
    assert await site.ledger.broken_chain() is None


@pytest.mark.parametrize("failpoint", ["jobs.after_write:kill", "inbox.after_run:kill@2"])
async def test_one_press_suspends_once_when_the_bot_dies_at(site: CrashSite, failpoint: str) -> None:
    await site.bot.start(failpoint=failpoint)
    await presses(site, "Suspend")
    await site.chat.alice.hears("suspended")
    await site.calm()
    found = site.chat.sandbox.clusters["stg"].store.get(CRON_JOBS, "batch", "report")
    assert found is not None
    assert found["spec"]["suspend"] is True
    assert len(site.chat.patches()) == 1
    assert trail(site) == ["intent", "result"]
    assert told(site, "suspended *report*") == 1
