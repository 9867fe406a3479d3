"""An alert's thread reads as the whole story: who took it, what was released and taken back, how it ended."""

import re
from collections.abc import Sequence

from tests.chat import STG, Chat, Json, plain
from tests.handlers.test_alerts import ALERTS, WEB, card, labels, picks, presses_late
from tests.handlers.test_alerts_in import next_second


def replies(chat: Chat, root: Json) -> list[str]:
    """What is said under a message, oldest first."""
    held = chat.messages(root["channel"])
    return [plain(each) for each in held if each.get("thread_ts") == root["ts"] and each["ts"] != root["ts"]]


async def story(chat: Chat, root: Json, *patterns: str) -> Sequence[str]:
    """The thread, once it says all of this in this order."""
    whole = re.compile(".*".join(patterns), re.DOTALL)

    def find() -> Sequence[str] | None:
        said = replies(chat, root)
        return said if whole.search("\n".join(said)) else None

    return await chat.until(find, 60.0, lambda: f"said: {replies(chat, root)}")


async def released(chat: Chat, version: str) -> None:
    chat.sandbox.registry.publish("growlio/web", version)
    await chat.alice.says(f"/deploy stg web {version}")
    await chat.card(phase="Succeeded", service="web")
    await next_second()  # Datadog tells whole seconds: within the same one the release was under way


async def test_a_thread_tells_who_took_it_what_they_did_and_how_it_ended(chat: Chat) -> None:
    await released(chat, "2.3.5")
    chat.datadog.fire("stg/latency", WEB, 0.46)
    opened = await card(chat, "🔴.*Roll back|released")
    await chat.bob.presses("Acknowledge", opened)
    taken = await card(chat, "Taken here by <@U0BOB>")
    assert "Roll back to 2.2.9" in labels(taken)
    await chat.bob.presses("Roll back", taken)
    undone = await chat.until(
        lambda: next((c for c in [last(chat)] if "Roll back to 2.2.9" not in labels(c)), None),
        60.0,
        lambda: plain(last(chat)),
    )
    assert "Taken here by" in plain(undone), "the button goes with the click, not with the alert"
    await chat.card(phase="Succeeded", service="web", text="2.2.9")
    await story(chat, opened, "runs `2.2.9` in")
    await next_second()  # within one second of Datadog's a trigger counts for more than its recovery
    chat.datadog.resolve("stg/latency", WEB)
    said = await story(
        chat,
        opened,
        "<@U0BOB> took it after",
        r"<@U0BOB> rolls \*web\* back to `2.2.9`",
        r"\*web\* runs `2.2.9` in \*stg\*",
        "Over after .*, taken by <@U0BOB>",
    )
    assert len(said) == 4, said


async def test_a_thread_tells_of_giving_back_and_of_mutes(chat: Chat) -> None:
    chat.datadog.fire("stg/latency", WEB, 0.46)
    opened = await card(chat, "🔴")
    await chat.dave.presses("Acknowledge", opened)
    taken = await card(chat, "Taken here by <@U0DAVE>")
    await picks(chat.alice, taken, "1 hour")
    await story(chat, opened, "<@U0DAVE> took it", "<@U0ALICE> asks Datadog to mute it until")
    await card(chat, "Muted in Datadog until")
    await presses_late(chat.alice, taken, "Unacknowledge")  # drawn before the mute: who has it is as it was
    await chat.alice.presses("Unmute", await card(chat, "(?s)^(?!.*Taken here).*Muted in Datadog until"))
    await story(chat, opened, "<@U0ALICE> gave it back from <@U0DAVE>", "<@U0ALICE> asks Datadog to lift the mute")


async def test_an_alert_that_nobody_had_to_do_with_ends_on_its_card_alone(chat: Chat) -> None:
    chat.datadog.fire("stg/latency", WEB, 0.46)
    opened = await card(chat, "🔴")
    await next_second()  # within one second of Datadog's a trigger counts for more than its recovery
    chat.datadog.resolve("stg/latency", WEB)
    await card(chat, "is over after")
    assert not replies(chat, opened)


async def test_an_alert_during_its_own_release_stops_it_and_then_offers_that_no_more(chat: Chat) -> None:
    chat.sandbox.registry.publish("growlio/admin", "1.4.3-slow")
    await chat.alice.says("/deploy stg admin 1.4.3-slow")
    release = await chat.card(phase="Progressing", service="admin")
    chat.datadog.fire("stg/latency", "service:admin", 0.46)

    def shown() -> Json | None:
        held = [m for m in chat.messages(STG) if (m.get("metadata") or {}).get("event_type") == "kajitori_alert"]
        return held[-1] if held else None

    opened = await chat.until(shown, 60.0, lambda: "no card")
    assert opened["thread_ts"] == release["ts"]
    assert "Abort the release" in labels(opened)
    await chat.dave.presses("Abort the release", opened)
    await chat.dave.hears("You need the role `deployer`")
    await chat.alice.presses("Abort the release", opened)
    await chat.until(lambda: "Abort the release" not in labels(shown() or opened) or None, 60.0, lambda: "still there")
    await presses_late(chat.bob, opened, "Abort the release")
    await chat.bob.hears("out of date|over already|stopped it before")
    chat.hurry()
    await chat.card(phase="Aborted", service="admin")


def last(chat: Chat) -> Json:
    """The newest card of an alert."""
    held = chat.messages(ALERTS)
    return [m for m in held if (m.get("metadata") or {}).get("event_type") == "kajitori_alert"][-1]
