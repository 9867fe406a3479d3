"""kill -9 at each step between a command and its last message; then a restart, and the promises are counted."""

import asyncio
from dataclasses import replace

import pytest

from tests.chat import GENERAL
from tests.crash.conftest import PROMPT
from tests.crash.crash_site import CrashSite

pytestmark = [pytest.mark.process, pytest.mark.slow]


async def _asks(site: CrashSite, line: str, channel: str = GENERAL) -> "asyncio.Task[str]":
    """Alice types; the answer may never come, for the bot dies meanwhile."""
    return asyncio.create_task(site.chat.alice.says(line, channel=channel))


@pytest.mark.parametrize(
    "failpoint",
    [
        "intake.before_commit",
        "intake.after_commit",
        "inbox.before_run",
        "inbox.after_run",
        "inbox.in_finish",
        "release.before_intent",
        "release.in_save",
        "release.after_intent",
        "release.before_write",
        "release.after_write",
        "release.in_save:kill@2",
        "release.before_end",
        "release.after_end",
        "outbox.before_send",
        "outbox.before_send:kill@2",
        "outbox.after_send",
        "outbox.after_send:kill@2",
    ],
)
async def test_a_deploy_goes_on_as_if_nothing_had_happened_when_the_bot_dies_at(
    site: CrashSite, failpoint: str
) -> None:
    before = site.generation()
    await site.bot.start(failpoint=failpoint if ":" in failpoint else f"{failpoint}:kill")
    asked = await _asks(site, "/deploy stg admin 1.4.2")
    await site.bot.killed()
    await site.bot.start()
    await site.chat.card(phase="Succeeded", service="admin")
    await site.chat.alice.hears("Follow it in #deploys-stg")
    await asyncio.gather(asked, return_exceptions=True)
    await site.check_promises(phase="Succeeded")
    assert site.generation() == before + 1
    assert site.image() == "1.4.2"


async def test_a_command_that_died_before_its_commit_and_does_not_come_again_has_no_effect(site: CrashSite) -> None:
    site.chat.sandbox.slack.world.timing = replace(PROMPT, ack_s=3.0, command_life_s=0.5)
    before = site.generation()
    await site.bot.start(failpoint="intake.before_commit:kill")
    with pytest.raises(AssertionError, match="operation_timeout"):
        await site.chat.alice.says("/deploy stg admin 1.4.2")
    await site.bot.killed()
    site.chat.sandbox.slack.world.timing = PROMPT
    await site.bot.start()
    await site.chat.bob.says("/status stg admin")
    await site.chat.bob.hears("1.4.1")
    assert site.chat.cards() == []
    assert site.ledger.releases() == []
    assert site.generation() == before


@pytest.mark.parametrize("failpoint", ["release.before_write:kill@2", "release.after_undo", "release.before_end"])
async def test_an_abort_puts_the_old_version_back_once_when_the_bot_dies_at(site: CrashSite, failpoint: str) -> None:
    site.chat.sandbox.registry.publish("growlio/admin", "1.4.3-slow")
    before = site.generation()
    await site.bot.start(failpoint=failpoint if ":" in failpoint else f"{failpoint}:kill")
    await site.chat.alice.says("/deploy stg admin 1.4.3-slow")
    card = await site.chat.card(phase="Progressing", text="pods")
    await site.chat.bob.presses("Abort", card)
    await site.bot.killed()
    await site.bot.start()
    await site.chat.card(phase="Aborted")
    await site.check_promises(phase="Aborted", audited=("request", "intent", "request", "result"))
    assert site.generation() == before + 2
    assert site.image() == "1.4.1"


async def test_a_refusal_that_rode_on_a_lost_acknowledgement_comes_with_the_next_one(site: CrashSite) -> None:
    # Slack's own three seconds are shorter than a start on a busy machine
    site.chat.sandbox.slack.world.timing = replace(PROMPT, ack_s=50.0)
    await site.bot.start(failpoint="intake.after_commit:kill")
    asked = await _asks(site, "/deploy stg admn")
    await site.bot.killed()
    await site.bot.start()
    assert "Did you mean `admin`?" in await asked
    assert site.chat.cards() == []
