"""kill -9 while alerts come in: what was answered 200 is told once, with the right state at the end."""

import asyncio
import json
import time

import aiohttp
import pytest

from bench.alert_story import Extent, plan
from bot.datadog.template import PATH, SECRET_HEADER
from tests.crash.crash_site import CrashSite

pytestmark = [pytest.mark.process, pytest.mark.slow]
SMALL = Extent(webhooks=120, seconds=20.0, monitors=6, scopes=5)
"""So many that storms begin."""


async def deliver(site: CrashSite, bodies: list[str]) -> None:
    """As Datadog does: again and again until it is answered 200, whoever dies meanwhile."""
    url = f"{site.chat.sandbox.bot_url}{PATH}"
    headers = {SECRET_HEADER: site.chat.datadog.secret}
    deadline = time.monotonic() + 120
    async with aiohttp.ClientSession(headers=headers) as session:
        for body in bodies:
            while True:
                assert time.monotonic() < deadline, f"not taken:\n{site.bot.last_words()}"
                try:
                    async with session.post(url, data=body.encode(), timeout=aiohttp.ClientTimeout(15)) as response:
                        if response.status == 200:
                            break
                except (aiohttp.ClientError, TimeoutError, OSError):
                    pass
                await asyncio.sleep(0.1)


@pytest.mark.parametrize(
    "failpoint",
    [
        "webhook.before_commit:kill",
        "alerts.before_save:kill",
        "alerts.in_save:kill",
        "alerts.in_save:kill@3",
        "alerts.after_save:kill",
        "alerts.in_draw:kill",
    ],
)
async def test_every_alert_is_stored_and_told_once_when_the_bot_dies_at(site: CrashSite, failpoint: str) -> None:
    story = plan(SMALL, round(time.time()) * 1000 - 30_000)
    await site.bot.start(failpoint=failpoint)
    delivering = asyncio.create_task(deliver(site, [each.body for each in story.sent]))
    await site.bot.killed()
    await site.bot.start()
    await delivering
    await site.chat.until(lambda: _told(site) or None, 120.0, lambda: f"still waiting\n{site.bot.last_words()}")
    stored = site.ledger.rows("SELECT count(*) AS n FROM inbox WHERE source = 'datadog'")[0]["n"]
    assert stored == len({each.body for each in story.sent})
    rows = site.ledger.rows("SELECT monitor_id, state, body FROM alerts WHERE head_key IS NOT NULL")
    states = {(int(row["monitor_id"]), json.loads(row["body"])["scope"]): row["state"] for row in rows}
    assert states == story.finals
    assert _twice(site) == []
    assert site.ledger.dead_letters() == []


def _told(site: CrashSite) -> bool:
    """Nothing waits any more: in the inbox, to be told in a storm's thread, or to be sent."""
    waiting = site.ledger.rows("SELECT count(*) AS n FROM alerts WHERE storm_id <> '' AND listed <> state")
    return not site.ledger.unfinished() and waiting[0]["n"] == 0


def _twice(site: CrashSite) -> list[str]:
    """Messages of one row of the outbox, or of one alert, that stand twice."""
    marks = []
    for message in site.chat.messages("C0ALERTS"):
        told = (message.get("metadata") or {}).get("event_payload") or {}
        marks += [told[name] for name in ("outbox_id", "alert", "storm") if told.get(name)]
    return sorted({mark for mark in marks if marks.count(mark) > 1})
