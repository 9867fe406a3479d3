"""SIGTERM, as Kubernetes sends it: what was taken in is answered, the process ends in time, the next one goes on."""

import asyncio

import pytest

from tests.chat import DEADLINE_S, PRD, payload
from tests.crash.crash_site import CrashSite

pytestmark = [pytest.mark.process, pytest.mark.slow]
IN_TIME_S = 29.0
"""Kubernetes kills thirty seconds after SIGTERM."""
AT_ONCE_S = 15.0
"""A stop that waits for nothing: shorter than the twenty seconds of a drain that does, on a busy machine too."""


async def test_a_stop_amid_releases_and_requests_loses_nothing_and_ends_in_time(site: CrashSite) -> None:
    chat = site.chat
    for service in ("admin", "web"):
        chat.sandbox.registry.publish(f"growlio/{service}", "9.0.0-slow")
    await site.bot.start()
    await chat.alice.says("/deploy stg admin 9.0.0-slow")
    await chat.alice.says("/deploy stg web 9.0.0-slow")
    await chat.card(phase="Progressing", service="admin", text="pods updated")
    asked = [asyncio.create_task(chat.bob.says(f"/status stg {name}")) for name in ("admin", "web", "report") * 5]
    asked.append(asyncio.create_task(chat.alice.says("/deploy prd admin 1.4.1", channel=PRD)))
    await chat.until(
        lambda: site.ledger.rows("SELECT id FROM inbox LIMIT 1 OFFSET 3") or None, DEADLINE_S, lambda: "none kept"
    )
    assert await site.bot.terminate(IN_TIME_S) < IN_TIME_S
    delivered = await asyncio.gather(*asked, return_exceptions=True)
    await site.bot.start()
    chat.hurry()
    await chat.card(phase="Succeeded", service="admin")
    await chat.card(phase="Succeeded", service="web")
    await site.calm()
    assert site.doubles() == []
    kept = {release["service"] + release["environment"] for release in site.ledger.releases()}
    if not isinstance(delivered[-1], BaseException):
        assert "adminprd" in kept
    answers = sum(not isinstance(outcome, BaseException) for outcome in delivered[:-1])
    told = site.ledger.rows("SELECT id FROM outbox WHERE kind = 'respond' AND state = 'sent'")
    assert len(told) >= answers
    assert {payload(card)["service"] for card in chat.cards("C0STG")} == {"admin", "web"}
    assert (site.generation("stg", "admin"), site.generation("stg", "web")) == (3, 3)


async def test_a_stop_while_nothing_is_at_work_is_quick(site: CrashSite) -> None:
    await site.bot.start()
    assert await site.bot.terminate(IN_TIME_S) < AT_ONCE_S


async def test_a_stop_while_slack_has_not_yet_said_who_the_bot_is_ends_in_time(site: CrashSite) -> None:
    rule = site.chat.sandbox.slack.order_fault(do="ratelimit", method="auth.test", retry_after=60, times=None)
    await site.bot.start(ready=False)
    await site.chat.until(
        lambda: rule.fired or None, DEADLINE_S, lambda: f"auth.test not asked:\n{site.bot.last_words()}"
    )
    assert await site.bot.terminate(IN_TIME_S) < AT_ONCE_S
