"""A storm of alerts: 10,000 webhooks in a minute against the real bot, which may be killed meanwhile.

Usage: python -m bench.storm [--webhooks 10000] [--seconds 60] [--kills 0] [--seed 5]. Exit code 1 when a promise is
broken: everything stored, every final state right, few calls to Slack, quick answers to Datadog and to people.
"""

import argparse
import asyncio
import json
import math
import random
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import yaml

from bench.alert_story import TEAMS, AlertStory, Extent, plan
from bot.datadog.template import PATH, SECRET_HEADER
from bot.sandbox.kube import Options
from bot.sandbox.slack.people import BOT_USER_ID
from tests.chat import Chat, open_chat
from tests.crash.bot_process import BotProcess, Ledger

CHANNELS = ("#alerts", "#deploys", "#deploys-stg", "#general", "#kajitori")
TRIES = 30
DRAINED_WITHIN_S = 120.0
POSTING = ("chat.postMessage", "chat.update", "chat.postEphemeral")


@dataclass(slots=True)
class Measured:
    """What came of it."""

    stored: int = 0
    events: int = 0
    """Different ones that were sent."""
    wrong: list[str] = field(default_factory=list)
    refused: int = 0
    """Answers other than 2xx and 503."""
    busy: int = 0
    """Answers 503, and connections that failed: sent again."""
    took_ms: list[float] = field(default_factory=list)
    acked_ms: list[float] = field(default_factory=list)
    calls_first_minute: int = 0
    calls: int = 0
    limited: int = 0
    drained_s: float = math.inf
    resident_mb: float = 0.0
    doubles: int = 0

    def broken(self, extent: Extent) -> list[str]:
        """Promises that did not hold. Times count only without kills: a dead bot answers nobody."""
        promises = {
            "every event stored": self.stored == self.events,
            "every final state right": not self.wrong,
            "nothing refused": not self.refused,
            "no message twice": not self.doubles,
            "at most 125 calls in the first minute": self.calls_first_minute <= 125,
            "at most 280 calls in all": self.calls <= 280,
            "drained in time": self.drained_s <= DRAINED_WITHIN_S + 30 * extent.kills,
            "below 256 MiB": self.resident_mb < 256,
            "webhooks answered quickly": extent.kills > 0 or _p(self.took_ms, 99) < 250,
            "people answered quickly": extent.kills > 0 or _p(self.acked_ms, 99) < 1000,
        }
        return [promise for promise, held in promises.items() if not held]

    def lines(self) -> list[str]:
        """For people."""
        return [
            f"  stored, of different events            {self.stored:,} of {self.events:,}",
            f"  wrong final states                     {len(self.wrong)}",
            f"  calls to Slack, first 60 s / in all    {self.calls_first_minute} / {self.calls}  (aim: 125 / 280)",
            f"  of them answered 429                   {self.limited}",
            f"  told in Slack, after the first webhook {self.drained_s:.0f} s  (aim: {DRAINED_WITHIN_S:.0f} s)",
            f"  webhook answered, p50 / p99 / most     {_p(self.took_ms, 50):.0f} / {_p(self.took_ms, 99):.0f} / "
            f"{max(self.took_ms, default=0):.0f} ms  (aim: p99 below 250 ms)",
            f"  refused / sent again                   {self.refused} / {self.busy}",
            f"  a person's command acked, p50 / p99    {_p(self.acked_ms, 50):.0f} / {_p(self.acked_ms, 99):.0f} ms"
            f"  (aim: below 1 s)",
            f"  memory at most                         {self.resident_mb:.0f} MiB  (aim: below 256 MiB)",
        ]


def _p(values: list[float], percent: int) -> float:
    if len(values) < 2:
        return values[0] if values else math.inf
    return statistics.quantiles(values, n=100)[percent - 1]


async def measure(extent: Extent, folder: Path) -> Measured:
    """One storm."""
    async with open_chat(
        folder, with_bot=False, limits="real", cluster_options=Options(slow_s=math.inf), change=_five_channels
    ) as chat:
        bot, found = BotProcess(chat.sandbox), Measured()
        chat.sandbox.slack.world.workspace.channels["C0GENERAL"].members.add(BOT_USER_ID)
        await bot.start()
        try:
            await _storm(chat, bot, extent, found, Ledger(folder))
        finally:
            await bot.kill()
        return found


def _five_channels(text: str) -> str:
    """The configuration with a channel per team, and no other noise."""
    told = yaml.safe_load(text)
    told["datadog"]["poll"] = "10m"
    told["datadog"]["routes"] = [{"match": f"team:t{which}", "channel": CHANNELS[which]} for which in range(TEAMS)]
    return str(yaml.safe_dump(told))


async def _storm(chat: Chat, bot: BotProcess, extent: Extent, found: Measured, ledger: Ledger) -> None:
    story = plan(extent, int(time.time()) * 1000 - 5000)
    found.events = len({each.body for each in story.sent})
    before, begun = chat.sandbox.slack.world.records.count, time.monotonic()
    watch = asyncio.create_task(_watch_memory(bot, found))
    people = asyncio.create_task(_ask(chat, extent, found))
    minute = asyncio.create_task(_first_minute(chat, before, found))
    killing = asyncio.create_task(_kill(bot, extent))
    await _send(chat, story, extent, found)
    await killing
    await asyncio.gather(people, minute)
    while time.monotonic() - begun < DRAINED_WITHIN_S * 2 + 60 * extent.kills:
        if not ledger.unfinished() and not _undrawn(ledger):
            found.drained_s = time.monotonic() - begun
            break
        await asyncio.sleep(0.5)
    else:
        print(f"  still waiting: {ledger.unfinished()}, {_undrawn(ledger)} alerts to be told", flush=True)
    watch.cancel()
    calls = [each for each in chat.sandbox.slack.world.records.find(since=before) if each["method"] in POSTING]
    found.calls, found.limited = len(calls), sum(1 for each in calls if each.get("status") == 429)
    found.stored = ledger.rows("SELECT count(*) AS n FROM inbox WHERE source = 'datadog'")[0]["n"]
    found.wrong = _wrong(story, ledger)
    found.doubles = _doubles(chat)


async def _send(chat: Chat, story: AlertStory, extent: Extent, found: Measured) -> None:
    url = f"{chat.sandbox.bot_url}{PATH}"
    headers = {SECRET_HEADER: chat.datadog.secret, "Content-Type": "application/json"}
    begun = time.monotonic()
    connector = aiohttp.TCPConnector(limit=64)
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session, asyncio.TaskGroup() as group:
        for index, each in enumerate(story.sent):
            due_s = begun + index * extent.seconds / len(story.sent)
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))
            group.create_task(_post(session, url, each.body, found))


async def _post(session: aiohttp.ClientSession, url: str, body: str, found: Measured) -> None:
    """As Datadog does: again after 5xx and failed connections, never after 4xx."""
    for _ in range(TRIES):
        begun = time.monotonic()
        try:
            async with session.post(url, data=body, timeout=aiohttp.ClientTimeout(total=15)) as response:
                status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            status = 503
        if status < 500:
            found.took_ms.append((time.monotonic() - begun) * 1000)
            found.refused += status != 200
            return
        found.busy += 1
        await asyncio.sleep(1.0)
    found.refused += 1


async def _ask(chat: Chat, extent: Extent, found: Measured) -> None:
    """Other people go on working: a command twice a second."""
    end_s = time.monotonic() + extent.seconds
    while time.monotonic() < end_s:
        begun = time.monotonic()
        try:
            await chat.alice.says("/kajitori help")
            found.acked_ms.append((time.monotonic() - begun) * 1000)
        except AssertionError:
            if not extent.kills:
                found.acked_ms.append(3000.0)
        await asyncio.sleep(0.5)


async def _kill(bot: BotProcess, extent: Extent) -> None:
    chance = random.Random(extent.seed)
    for _ in range(extent.kills):
        await asyncio.sleep(extent.seconds / (extent.kills + 1) * chance.uniform(0.6, 1.0))
        await bot.kill()
        await bot.start()


async def _first_minute(chat: Chat, before: int, found: Measured) -> None:
    await asyncio.sleep(60.0)
    calls = chat.sandbox.slack.world.records.find(since=before)
    found.calls_first_minute = sum(1 for each in calls if each["method"] in POSTING)


async def _watch_memory(bot: BotProcess, found: Measured) -> None:
    while True:
        found.resident_mb = max(found.resident_mb, bot.resident_mib)
        await asyncio.sleep(0.25)


def _undrawn(ledger: Ledger) -> int:
    """Alerts and storms that are not yet told as they are."""
    waiting = ledger.rows(
        "SELECT (SELECT count(*) FROM alerts WHERE card_due IS NOT NULL)"
        " + (SELECT count(*) FROM alerts WHERE storm_id <> '' AND listed <> state) AS n"
    )
    return int(waiting[0]["n"])


def _wrong(story: AlertStory, ledger: Ledger) -> list[str]:
    rows = ledger.rows("SELECT monitor_id, state, body FROM alerts WHERE head_key IS NOT NULL")
    states = {(int(row["monitor_id"]), json.loads(row["body"])["scope"]): row["state"] for row in rows}
    return [f"{key}: {states.get(key)}, not {state}" for key, state in story.finals.items() if states.get(key) != state]


def _doubles(chat: Chat) -> int:
    """Messages that stand for one row of the outbox more than once."""
    marks = []
    for channel in chat.sandbox.slack.world.workspace.channels.values():
        for message in channel.messages.values():
            mark = ((message.get("metadata") or {}).get("event_payload") or {}).get("outbox_id")
            marks += [mark] if mark else []
    return len(marks) - len(set(marks))


def run(extent: Extent) -> list[str]:
    """Measure and print; the promises that were broken."""
    print(
        f"\nA storm of alerts: {extent.webhooks:,} webhooks in {extent.seconds:g} s, {extent.kills} kill -9", flush=True
    )
    with tempfile.TemporaryDirectory(prefix="kajitori-storm-", ignore_cleanup_errors=True) as folder:
        found = asyncio.run(measure(extent, Path(folder)))
    print("\n".join(found.lines()), flush=True)
    broken = found.broken(extent)
    for promise in broken:
        print(f"  BROKEN: {promise}")
    for wrong in found.wrong[:5]:
        print(f"    {wrong}")
    return broken


def main() -> int:
    """Reader of argv."""
    parser = argparse.ArgumentParser(prog="python -m bench.storm", description=__doc__)
    parser.add_argument("--webhooks", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--kills", type=int, default=0, help="of the bot, with kill -9")
    parser.add_argument("--seed", type=int, default=5)
    given = parser.parse_args()
    return 1 if run(Extent(given.webhooks, given.seconds, seed=given.seed, kills=given.kills)) else 0


if __name__ == "__main__":
    sys.exit(main())
