"""Alerts come in: by webhook and by asking, each once, in order, and they close themselves."""

from tests.chat import Chat, Json, plain

ALERTS = "C0ALERTS"
SERVICE = "service:web"


def of_alerts(chat: Chat) -> list[Json]:
    return [
        each for each in chat.messages(ALERTS) if (each.get("metadata") or {}).get("event_type") == "kajitori_alert"
    ]


async def alert(chat: Chat, state: str, count: int = 1) -> Json:
    """The newest card of an alert in this state, when there are so many cards of alerts."""

    def find() -> Json | None:
        cards = of_alerts(chat)
        fits = cards and cards[-1]["metadata"]["event_payload"]["state"] == state
        return cards[-1] if fits and len(cards) == count else None

    return await chat.until(find, 30.0, lambda: f"cards: {[plain(card) for card in of_alerts(chat)]}")


async def test_an_alert_is_one_message_that_closes_itself(chat: Chat) -> None:
    chat.datadog.fire("stg/latency", SERVICE, 0.46)
    opened = await alert(chat, "Alert")
    assert "web" in plain(opened)
    chat.datadog.renotify("stg/latency", SERVICE)
    chat.datadog.resolve("stg/latency", SERVICE)
    closed = await alert(chat, "Recovered")
    assert closed["ts"] == opened["ts"]
    assert "is over after" in plain(closed)


async def test_the_next_cycle_has_a_message_of_its_own(chat: Chat) -> None:
    chat.datadog.fire("stg/latency", SERVICE, 0.46)
    await alert(chat, "Alert")
    chat.datadog.resolve("stg/latency", SERVICE)
    await alert(chat, "Recovered")
    chat.datadog.fire("stg/latency", SERVICE, 0.9)
    assert (await alert(chat, "Alert", count=2))["metadata"]["event_payload"]["service"] == "web"
