"""Alerts come in: by webhook and by asking, each once, in order, and they close themselves."""

import asyncio
import json
import time
from datetime import timedelta

import aiohttp

from bot.datadog.template import PATH, PAYLOAD, SECRET_HEADER
from bot.domain.alert import Alert
from bot.reconcile.alerts import Poller
from bot.store import alerts
from tests.chat import DEADLINE_S, OPS, STG, Chat, Json, plain

ALERTS = "C0ALERTS"
SERVICE = "service:web"


def told(chat: Chat, kind: str = "kajitori_alert", channel: str = ALERTS) -> list[Json]:
    return [each for each in chat.messages(channel) if (each.get("metadata") or {}).get("event_type") == kind]


async def alert(chat: Chat, state: str, count: int = 1, channel: str = ALERTS) -> Json:
    """The newest card of an alert in this state, when there are so many cards of alerts."""

    def find() -> Json | None:
        cards = told(chat, channel=channel)
        fits = cards and cards[-1]["metadata"]["event_payload"]["state"] == state
        return cards[-1] if fits and len(cards) == count else None

    return await chat.until(find, 60.0, lambda: f"cards: {[plain(card) for card in told(chat, channel=channel)]}")


async def deliver(chat: Chat, *bodies: str | dict[str, str]) -> None:
    """Webhooks that Datadog's simulation would not send, at once; all are taken."""
    async with aiohttp.ClientSession(headers={SECRET_HEADER: chat.datadog.secret}) as session:

        async def post(body: str | dict[str, str]) -> int:
            sent = body if isinstance(body, str) else json.dumps({**PAYLOAD, **body})
            async with session.post(f"{chat.sandbox.bot_url}{PATH}", data=sent.encode()) as response:
                return response.status

        assert set(await asyncio.gather(*map(post, bodies))) == {200}


def body(number: int, **changes: str) -> dict[str, str]:
    group = f"env:stg,service:s{number}"
    return {
        "id": str(9000 + number),
        "monitor": "77",
        "cycle": f"cycle-{number}",
        "transition": "Triggered",
        "date": str(int(time.time() * 1000)),
        "scope": group,
        "tags": group,
        "title": "disk is full",
        "priority": "P3",
    } | changes


async def worked_off(chat: Chat, count: int) -> list[str]:
    """What came of so many webhooks, when the last of them was worked off."""
    assert chat.bot is not None
    ctx = chat.bot.ctx
    for _ in range(600):
        async with ctx.database.read() as connection:
            found = await connection.exec_driver_sql("SELECT outcome FROM inbox WHERE source = 'datadog' ORDER BY id")
            outcomes = [row[0] for row in found]
        if len(outcomes) >= count and all(outcomes):
            return outcomes
        await asyncio.sleep(0.1)
    raise AssertionError(f"worked off: {outcomes}")


async def next_second() -> None:
    """Until Datadog's `$DATE`, which tells whole seconds, is another."""
    before = int(time.time())
    while int(time.time()) == before:
        await asyncio.sleep(0.05)


async def open_ones(chat: Chat) -> list[Alert]:
    assert chat.bot is not None
    async with chat.bot.ctx.database.read() as connection:
        return list(await alerts.open_alerts(connection))


async def poll(chat: Chat, *, every: timedelta = timedelta(hours=1), has_webhook: bool = False) -> None:
    """One comparison with Datadog, now, to its end: one that came late would bring back what was true before."""
    assert chat.bot is not None
    poller = Poller(chat.bot.ctx, every=every, has_webhook=has_webhook, grace=timedelta(0))
    await poller.turn()
    await poller.crew.settle(DEADLINE_S)


async def test_an_alert_is_one_message_that_closes_itself(chat: Chat) -> None:
    chat.datadog.fire("stg/latency", SERVICE, 0.46)
    opened = await alert(chat, "Alert")
    assert "web" in plain(opened)
    await next_second()  # in one second Datadog's times don't tell what came first, and the worse counts
    chat.datadog.renotify("stg/latency", SERVICE)
    chat.datadog.resolve("stg/latency", SERVICE)
    closed = await alert(chat, "Recovered")
    assert closed["ts"] == opened["ts"]
    assert "is over after" in plain(closed)
    await next_second()
    chat.datadog.fire("stg/latency", SERVICE, 0.9)
    assert (await alert(chat, "Alert", count=2))["ts"] != opened["ts"]  # the next cycle has a message of its own


async def test_late_and_doubled_webhooks_change_nothing(chat: Chat) -> None:
    now_ms = int(time.time() * 1000)
    recovered = body(1, transition="Recovered", id="2", date=str(now_ms - 1000))
    trigger = body(1, date=str(now_ms - 5000))
    await deliver(chat, recovered)
    await deliver(chat, trigger, trigger, trigger, recovered)
    assert sorted(await worked_off(chat, 2)) == ["filled in", "opened"]
    await alert(chat, "Recovered")
    assert chat.bot is not None
    async with chat.bot.ctx.database.read() as connection:
        (row,) = await alerts.heads_of_monitors(connection, ["77"])
    assert (row.is_over, row.trigger_unseen, row.lasted_s(row.updated_at)) == (True, False, 4.0)


async def test_what_happened_the_day_before_yesterday_is_history(chat: Chat) -> None:
    old = str(int((time.time() - 30 * 3600) * 1000))
    await deliver(chat, body(1, date=old))
    assert await worked_off(chat, 1) == ["history"]
    assert await open_ones(chat) == []


async def test_an_unknown_transition_is_shown_in_datadogs_words(chat: Chat) -> None:
    await deliver(chat, body(1, transition="Frobnicated"))
    assert "Frobnicated" in plain(await alert(chat, "Unknown"))


async def test_bodies_that_nobody_can_read_are_told_once_where_the_bot_speaks_of_itself(chat: Chat) -> None:
    await deliver(chat, "what is this?")
    await deliver(chat, '{"monitor": null}')
    assert await worked_off(chat, 2) == ["unreadable", "unreadable"]
    await chat.says("names no monitor", channel=OPS)
    await deliver(chat, body(1))
    await alert(chat, "Alert")
    assert sum("names no monitor" in plain(each) for each in chat.messages(OPS)) == 1


async def test_without_a_webhook_the_poller_brings_alerts_and_closes_them(chat: Chat) -> None:
    chat.datadog.webhooks.url = None
    chat.datadog.fire("stg/latency", SERVICE, 0.46)
    await poll(chat)
    opened = await alert(chat, "Alert")
    await poll(chat)
    assert len(await open_ones(chat)) == 1
    chat.datadog.resolve("stg/latency", SERVICE)
    await poll(chat)
    assert (await alert(chat, "Recovered"))["ts"] == opened["ts"]


async def test_webhook_and_poller_meet_in_one_alert(chat: Chat) -> None:
    url, chat.datadog.webhooks.url = chat.datadog.webhooks.url, None
    chat.datadog.fire("stg/latency", SERVICE, 0.46)
    await poll(chat)
    await alert(chat, "Alert")
    chat.datadog.webhooks.url = url
    chat.datadog.renotify("stg/latency", SERVICE)
    await worked_off(chat, 1)
    (row,) = await open_ones(chat)
    assert (row.seen_by, row.renotified, bool(row.cycle_key)) == (("poll", "webhook"), 1, True)
    await poll(chat)
    assert len(await open_ones(chat)) == len(told(chat)) == 1


async def test_what_only_the_poller_saw_long_after_it_happened_is_told_as_a_broken_webhook(chat: Chat) -> None:
    chat.datadog.webhooks.url = None
    chat.datadog.fire("stg/latency", SERVICE, 0.46)
    await poll(chat, every=timedelta(0), has_webhook=True)
    await chat.says("webhook seems broken", channel=OPS)


async def test_the_poller_leaves_alone_what_its_datadog_does_not_know(chat: Chat) -> None:
    await deliver(chat, body(1))
    await alert(chat, "Alert")
    await poll(chat)
    assert len(await open_ones(chat)) == 1


async def test_an_alert_during_a_release_of_its_service_hangs_under_the_release(chat: Chat) -> None:
    chat.sandbox.registry.publish("growlio/admin", "1.4.3-slow")
    await chat.alice.says("/deploy stg admin 1.4.3-slow")
    release = await chat.card(phase="Progressing", service="admin")
    chat.datadog.fire("stg/latency", "service:admin", 0.46)
    card = await alert(chat, "Alert", channel=STG)
    assert card["thread_ts"] == release["ts"]
    assert "releasing" in plain(card)


async def test_many_groups_of_a_monitor_at_once_are_one_card_and_a_row_for_each(chat: Chat) -> None:
    await deliver(chat, *(body(number) for number in range(30)))

    def listed() -> Json | None:
        cards = told(chat, "kajitori_storm")
        rows = [each for each in chat.messages(ALERTS) if cards and each.get("thread_ts") == cards[0]["ts"]]
        words = "\n".join(plain(each) for each in rows)
        return cards[0] if all(f"service:s{n}:" in words for n in range(30) if n not in own()) else None

    def own() -> set[int]:
        """Those that came before it was a storm have a card of their own."""
        services = [each["metadata"]["event_payload"]["service"] for each in told(chat)]
        return {int(service[1:]) for service in services}

    await chat.until(listed, 60.0, lambda: f"{[plain(each) for each in chat.messages(ALERTS)]}")
    assert len(told(chat, "kajitori_storm")) == 1
    assert len(own()) <= 6
