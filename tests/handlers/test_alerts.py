"""What people do with an alert: take it, quiet it, pass it on, note something; and what it says when Datadog does not
answer."""

import asyncio
import re
from typing import Any

from bot.sandbox.datadog.monitors import State
from bot.sandbox.slack import payloads
from bot.store import audit
from bot.store.audit import AuditPhase
from tests.chat import DEADLINE_S, Chat, Json, Person, plain
from tests.handlers.test_alerts_in import next_second, poll

ALERTS = "C0ALERTS"
WEB = "service:web"


def cards(chat: Chat) -> list[Json]:
    return [m for m in chat.messages(ALERTS) if (m.get("metadata") or {}).get("event_type") == "kajitori_alert"]


async def card(chat: Chat, pattern: str) -> Json:
    """The newest card of an alert, once it matches."""

    def find() -> Json | None:
        found = cards(chat)
        return found[-1] if found and re.search(pattern, plain(found[-1])) else None

    return await chat.until(find, DEADLINE_S, lambda: f"cards: {[plain(each) for each in cards(chat)]}")


async def in_thread(chat: Chat, pattern: str) -> Json:
    def find() -> Json | None:
        replies = [m for m in chat.messages(ALERTS) if m.get("thread_ts") not in (None, m["ts"])]
        return next((m for m in replies if re.search(pattern, plain(m))), None)

    return await chat.until(find, DEADLINE_S, lambda: f"said: {[plain(m) for m in chat.messages(ALERTS)]}")


def labels(shown: Json) -> list[str]:
    row: Json = next((block for block in shown["blocks"] if block["type"] == "actions"), {"elements": []})
    return [(each.get("text") or each["placeholder"])["text"] for each in row["elements"]]


async def picks(person: Person, shown: Json, label: str) -> None:
    """Choose from the menu of a card."""
    for block in shown["blocks"]:
        for element in block.get("elements", ()):
            for option in element.get("options", ()):
                if option["text"]["text"] == label:
                    fields: dict[str, Any] = {"user": person.id, "channel": shown["channel"], "ts": shown["ts"]}
                    fields |= {"block_id": block["block_id"], "action_id": element["action_id"]}
                    answer = await person._chat.act("click", **fields, selected_option=option)
                    assert answer["ok"], answer
                    return
    raise AssertionError(f"no choice {label!r}")


async def presses_late(person: Person, shown: Json, label: str) -> None:
    """Press a button or choose from a menu of a card as it was, though it may have changed on the way."""
    world = person._chat.sandbox.slack.world
    for block in shown["blocks"]:
        for element in block.get("elements", ()):
            options = [option for option in element.get("options", ()) if option["text"]["text"] == label]
            if not options and label not in str(element.get("text", "")):
                continue
            action = {name: element[name] for name in ("type", "action_id", "value", "text") if name in element}
            action |= {"block_id": block["block_id"], "action_ts": world.workspace.mint_ts()}
            action |= {"selected_option": options[0]} if options else {}
            user, channel = world.workspace.users[person.id], world.workspace.channels[shown["channel"]]
            payload = payloads.message_action(world, user, channel, shown, action, {})
            await person._chat.sandbox.slack.delivery.ask("interactive", payload)
            return
    raise AssertionError(f"no {label!r}")


async def fired(chat: Chat) -> Json:
    chat.datadog.fire("stg/latency", WEB, 0.46)
    return await card(chat, "🔴")


async def crowd_presses(chat: Chat, *, times: int) -> None:
    """Five people press Acknowledge so many times each, all at once: one has it, the others learn who."""
    opened = await fired(chat)
    crowd = [chat.people[name] for name in ("alice", "bob", "carol", "dave", "ops")]
    await asyncio.gather(*(presses_late(person, opened, "Acknowledge") for person in crowd * times))
    taken = await card(chat, "Taken here by")
    found = re.search(r"Taken here by <@(\w+)>", plain(taken))
    assert found is not None
    assert labels(taken)[0] == "Unacknowledge"
    for person in crowd:
        if person.id != found[1]:
            await person.hears(f"<@{found[1]}> has taken it since")
    assert chat.bot is not None
    async with chat.bot.ctx.database.read() as connection:
        entries = [entry async for _, entry, _, _ in audit.rows(connection)]
    requests = [each for each in entries if each.action == "alert.acknowledge" and each.phase is AuditPhase.REQUEST]
    assert [each.actor for each in requests] == [found[1]]


async def test_of_many_who_press_acknowledge_one_has_it_and_the_others_learn_who(chat: Chat) -> None:
    await crowd_presses(chat, times=30)


async def test_what_was_taken_is_given_back_by_its_owner_and_by_nobody_without_the_role(chat: Chat) -> None:
    opened = await fired(chat)
    await chat.alice.presses("Acknowledge", opened)
    taken = await card(chat, "Taken here by <@U0ALICE>")
    await chat.dave.presses("Unacknowledge", taken)
    await chat.dave.hears("You need the role `deployer`")
    await chat.alice.presses("Unacknowledge", taken)
    free = await card(chat, "🔴")
    assert "Acknowledge" in labels(free)
    await chat.dave.presses("Acknowledge", free)
    await card(chat, "Taken here by <@U0DAVE>")
    await presses_late(chat.bob, taken, "Unacknowledge")
    await chat.bob.hears("<@U0DAVE> has it since")


async def test_a_mute_is_a_downtime_whose_end_datadog_tells_and_unmute_lifts_it(chat: Chat) -> None:
    opened = await fired(chat)
    await picks(chat.dave, opened, "1 hour")
    await chat.dave.hears("You need the role `deployer`")
    await picks(chat.alice, opened, "1 hour")
    muted = await card(chat, "Muted in Datadog until")
    (downtime,) = chat.datadog.muted()
    assert "alice" in str(downtime)
    await presses_late(chat.bob, opened, "4 hours")
    await card(chat, "Muted in Datadog until .* by <@U0BOB>")
    assert len(chat.datadog.muted()) == 1, "the mute that is there is moved, not doubled"
    await chat.alice.presses("Unmute", await card(chat, "by <@U0BOB>"))
    await chat.until(lambda: not chat.datadog.muted() or None, 60.0, lambda: str(chat.datadog.muted()))
    assert "Unmute" in labels(muted)
    assert "Mute…" in labels(await card(chat, "🔴"))
    await presses_late(chat.alice, muted, "Unmute")
    await chat.alice.hears("It is not muted by me")


async def test_a_mute_outlives_the_cycle_it_was_asked_for_in_and_is_lifted_from_the_next(chat: Chat) -> None:
    opened = await fired(chat)
    await picks(chat.alice, opened, "1 hour")
    await card(chat, "Muted in Datadog until")
    chat.datadog.resolve("stg/latency", WEB)
    await poll(chat)  # a muted group sends no webhooks
    await card(chat, "is over")
    chat.datadog.fire("stg/latency", WEB, 0.46)
    await poll(chat)
    again = await card(chat, "(?s)since .*Muted in Datadog until")
    assert again["ts"] != opened["ts"]
    await chat.alice.presses("Unmute", again)
    await chat.until(lambda: not chat.datadog.muted() or None, 60.0, lambda: str(chat.datadog.muted()))


async def test_a_datadog_that_does_not_answer_is_said_on_the_card_until_it_has(chat: Chat) -> None:
    opened = await fired(chat)
    chat.datadog.faults.add("error", path="/downtime", times=None, status=503)
    await picks(chat.alice, opened, "30 minutes")
    unsure = await card(chat, "Mute not confirmed: Datadog")
    assert "Trying again" in plain(unsure)
    assert "Unmute" in labels(unsure)
    chat.datadog.faults.clear()
    await card(chat, "Muted in Datadog until")
    assert len(chat.datadog.muted()) == 1


async def test_a_button_of_an_alert_that_is_over_says_so_and_does_nothing(chat: Chat) -> None:
    opened = await fired(chat)
    await next_second()  # within one second of Datadog's a trigger counts for more than its recovery
    chat.datadog.resolve("stg/latency", WEB)
    over = await card(chat, "is over after")
    assert labels(over) == ["Note…"]
    for label in ("Acknowledge", "Escalate"):
        chat.alice.forget()
        await presses_late(chat.alice, opened, label)
        if label == "Escalate":
            await chat.alice.submits(await chat.alice.form(), person="U0BOB")
        await chat.alice.hears("It is over since")
    await presses_late(chat.alice, opened, "1 hour")
    assert "Nobody took it" in plain(await card(chat, "is over"))
    assert chat.datadog.muted() == []


async def test_a_note_stands_in_the_thread_and_becomes_an_event_in_datadog(chat: Chat) -> None:
    opened = await fired(chat)
    await chat.dave.presses("Note", opened)
    view = await chat.dave.form()
    await chat.dave.submits(view, text="The disk is full <!channel> @webhook-pager")
    said = await in_thread(chat, "The disk is full")
    assert "<@U0DAVE>" in plain(said)
    assert "<!channel>" not in plain(said)
    await card(chat, "1 note")

    def posted() -> Any:
        return next((event for event in chat.datadog.received if "The disk is full" in str(event)), None)

    event = await chat.until(posted, DEADLINE_S, lambda: f"events: {chat.datadog.received}")
    assert "service:web" in str(event)
    assert "@webhook-pager" not in str(event), "an event must not page anybody"


async def test_escalate_calls_somebody_and_frees_the_alert_for_them(chat: Chat) -> None:
    opened = await fired(chat)
    await chat.alice.presses("Acknowledge", opened)
    taken = await card(chat, "Taken here by <@U0ALICE>")
    await chat.alice.presses("Escalate", taken)
    await chat.alice.submits(await chat.alice.form(), person="U0GUEST")
    await chat.alice.hears("Guests, bots and strangers can't be called")
    await chat.alice.presses("Escalate", taken)
    await chat.until(lambda: len(chat.alice.forms) > 1 or None, 60.0, lambda: "no second form")
    await chat.alice.submits(chat.alice.forms[-1], person="U0BOB")
    await in_thread(chat, "<@U0BOB>, <@U0ALICE> passes this on to you")
    free = await card(chat, "Called: <@U0BOB>")
    await chat.bob.presses("Acknowledge", free)
    await card(chat, "Taken here by <@U0BOB>")


async def test_words_do_what_the_buttons_do(chat: Chat) -> None:
    await chat.dave.says("/ack")
    await chat.dave.hears("Nothing is open")
    await fired(chat)
    chat.datadog.fire("prd/errors", WEB, 9.0)
    await card(chat, "Many requests fail in prd")
    await chat.dave.says("/ack")
    listed = await chat.dave.hears("Which one\\?")
    assert "p99 latency is high in stg" in listed
    await chat.dave.says("/ack stg")
    await chat.dave.hears("taken by <@U0DAVE>")
    await chat.alice.says("/mute 2h prd")
    await chat.alice.hears("Muting it in Datadog until")
    await card(chat, "Muted in Datadog until")
    await chat.carol.says("/alerts")
    worst, *others = (await chat.carol.hears("p99 latency")).splitlines()
    assert "P1" in worst
    assert "muted until" in worst
    assert any("taken by <@U0DAVE>" in line for line in others)
    await chat.alice.says("/mute 9d prd")
    await chat.alice.hears("no time to be quiet for")


async def test_in_the_thread_of_an_alert_nothing_has_to_be_named(chat: Chat) -> None:
    opened = await fired(chat)
    await chat.alice.says("<@U0KAJITORI> ack", channel=ALERTS, thread_ts=opened["ts"])
    await card(chat, "Taken here by <@U0ALICE>")
    await chat.alice.says("<@U0KAJITORI> note it was the cache", channel=ALERTS, thread_ts=opened["ts"])
    await in_thread(chat, "it was the cache")
    await chat.alice.says("<@U0KAJITORI> status", channel=ALERTS, thread_ts=opened["ts"])
    await in_thread(chat, "web.*2\\.2\\.9")


async def test_an_alert_without_data_and_a_warning_are_told_apart(chat: Chat) -> None:
    chat.datadog.fire("stg/latency", WEB, 0.25, state=State.WARN)
    assert "warning" in plain(await card(chat, "🟠"))
