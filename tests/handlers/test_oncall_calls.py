"""On call at work: called once, reminded once, then the next; paged; asked whether they go on with it; handed over."""

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

from bot.sandbox.datadog.on_call import SCHEDULE_ID, TEAM_ID
from bot.sandbox.kube import Options
from bot.store import alerts, watches
from tests.chat import DEADLINE_S, Chat, Json, open_chat, plain, running_bot
from tests.handlers.test_alerts import presses_late

ALERTS, OPS = "C0ALERTS", "C0OPS"
WEB = "service:web"
PEOPLE = (
    "  people: [{datadog: alice@growlio.example, slack: U0ALICE}, {datadog: bob@growlio.example, slack: U0BOB},"
    " {datadog: carol@growlio.example, slack: U0CAROL}]\n"
)
TEAM = f"  default: {{team: {TEAM_ID}}}\n"
PAGED = f"  default: {{team: {TEAM_ID}, page: true}}\n"
SCHEDULE = f"  default: {{schedule: {SCHEDULE_ID}}}\n"
SOON = "  remind_after: 1s\n"


def with_oncall(*lines: str) -> Callable[[str], str]:
    return lambda text: text + "oncall:\n" + "".join(lines)


def replies(chat: Chat) -> list[str]:
    """What stands in threads of #alerts, oldest first."""
    return [plain(m) for m in chat.messages(ALERTS) if m.get("thread_ts") not in (None, m["ts"])]


async def said(chat: Chat, pattern: str, channel: str = ALERTS) -> Json:
    def find() -> Json | None:
        return next((m for m in chat.messages(channel) if re.search(pattern, plain(m))), None)

    return await chat.until(find, DEADLINE_S, lambda: f"in {channel}: {[plain(m) for m in chat.messages(channel)]}")


async def test_nobody_answers_so_each_in_line_is_called_and_reminded_once(tmp_path: Path) -> None:
    change = with_oncall(PEOPLE, TEAM, SOON)
    async with open_chat(tmp_path, cluster_options=Options(), change=change) as chat:
        chat.datadog.fire("stg/latency", WEB, 0.46)
        await said(chat, "Nobody has answered: <@U0ALICE>, <@U0BOB>, <@U0CAROL>")
        heard = [text.partition("\n")[0] for text in replies(chat)]
        assert heard == [
            "📟 <@U0ALICE>, you are on call: *p99 latency is high in stg*",
            "⏰ <@U0ALICE>, nobody has acknowledged this yet.",
            "📟 <@U0BOB>, <@U0ALICE> has not answered. Can you take this?",
            "⏰ <@U0BOB>, nobody has acknowledged this yet.",
            "📟 <@U0CAROL>, <@U0BOB> has not answered. Can you take this?",
            "⏰ <@U0CAROL>, nobody has acknowledged this yet.",
            "⚠️ Nobody has answered: <@U0ALICE>, <@U0BOB>, <@U0CAROL>. Nobody else is in line.",
        ]
        await said(chat, "Called: <@U0ALICE>, then <@U0BOB>, then <@U0CAROL>. Nobody has taken it yet")


async def test_a_restart_calls_nobody_again(tmp_path: Path) -> None:
    change = with_oncall(PEOPLE, TEAM)
    async with open_chat(tmp_path, cluster_options=Options(), change=change, with_bot=False) as chat:
        async with running_bot(chat):
            chat.datadog.fire("stg/latency", WEB, 0.46)
            await said(chat, "<@U0ALICE>, you are on call")
        async with running_bot(chat):
            # The other service's alert is called for after the restart: by then the first one had its turn too.
            chat.datadog.fire("stg/errors", "service:admin", 9.0)
            await said(chat, "you are on call: \\*Many requests fail in stg")
            assert len([text for text in replies(chat) if "you are on call: *p99" in text]) == 1


async def test_the_team_is_paged_and_the_page_follows_what_people_do(tmp_path: Path) -> None:
    change = with_oncall(PEOPLE, PAGED)
    async with open_chat(tmp_path, cluster_options=Options(), change=change) as chat:
        chat.datadog.fire("stg/latency", WEB, 0.46)
        opened = await said(chat, "Paged in Datadog On-Call")
        (page,) = chat.datadog.pages
        assert page.target == TEAM_ID
        await chat.alice.presses("Acknowledge", opened)
        taken = await said(chat, "Page acknowledged in Datadog On-Call too")
        assert page.state == "acknowledged"
        await chat.alice.presses("Resolve page", taken)
        await said(chat, "Page resolved in Datadog On-Call too")
        assert page.state == "resolved"
        assert len(chat.datadog.pages) == 1


async def test_escalate_without_a_name_goes_to_the_next_and_to_the_page(tmp_path: Path) -> None:
    change = with_oncall(PEOPLE, PAGED)
    async with open_chat(tmp_path, cluster_options=Options(), change=change) as chat:
        chat.datadog.fire("stg/latency", WEB, 0.46)
        opened = await said(chat, "Paged in Datadog On-Call")
        await said(chat, "<@U0ALICE>, you are on call")
        await chat.alice.presses("Escalate", opened)
        await chat.alice.submits(await chat.alice.form())
        await said(chat, "<@U0BOB>, <@U0ALICE> passes this on to you")
        await said(chat, "Paged in Datadog On-Call, escalated")
        assert chat.datadog.pages[0].level == 1


async def test_a_page_that_datadog_does_not_answer_is_never_sent_twice(tmp_path: Path) -> None:
    change = with_oncall(PEOPLE, PAGED)
    async with open_chat(tmp_path, cluster_options=Options(), change=change) as chat:
        chat.datadog.faults.add("accept_then_close", path="/on-call/pages", times=None)
        chat.datadog.fire("stg/latency", WEB, 0.46)
        await said(chat, "Page not confirmed: Datadog On-Call")
        assert len(chat.datadog.pages) == 1


async def test_who_took_it_is_asked_whether_they_still_work_on_it(tmp_path: Path) -> None:
    change = with_oncall(PEOPLE, TEAM, "  still_working_after: 2s\n")
    async with open_chat(tmp_path, cluster_options=Options(), change=change) as chat:
        chat.datadog.fire("stg/latency", WEB, 0.46)
        await said(chat, "<@U0ALICE>, you are on call")
        await chat.alice.says("/ack")
        question = await said(chat, "<@U0ALICE>, do you still work on this")
        await chat.bob.presses("Yes", question)
        await chat.bob.hears("<@U0ALICE> has it since")
        await chat.alice.presses("Hand back", question)
        await said(chat, "<@U0ALICE> handed it back")
        await said(chat, "<@U0BOB>, you are on call")


async def test_a_handover_is_told_once_with_what_is_open_and_names_the_new_one_in_the_topic(tmp_path: Path) -> None:
    change = with_oncall(PEOPLE, SCHEDULE, '  channel: "#alerts"\n')
    async with open_chat(tmp_path, cluster_options=Options(), change=change, with_bot=False) as chat:
        channel = chat.sandbox.slack.world.workspace.channels[ALERTS]
        async with running_bot(chat):
            await chat.until(lambda: "alice" in channel.topic or None, DEADLINE_S, lambda: channel.topic)
            chat.datadog.fire("stg/latency", WEB, 0.46)
            await said(chat, "<@U0ALICE>, you are on call")
        assert not [m for m in chat.messages(ALERTS) if "is on call now" in plain(m)], "nobody handed over yet"
        chat.datadog.on_call.hand_over(["bob", "carol"])
        async with running_bot(chat):
            told = await said(chat, "🤝 <@U0BOB> is on call now")
            assert "after <@U0ALICE>" in plain(told)
            assert "p99 latency is high in stg" in plain(told)
            await chat.until(
                lambda: channel.topic == "On call: bob, then carol" or None, DEADLINE_S, lambda: channel.topic
            )
        async with running_bot(chat):
            await said(chat, "<@U0ALICE>, you are on call")
            assert await kept(chat) == "U0BOB"
            assert len([m for m in chat.messages(ALERTS) if "is on call now" in plain(m)]) == 1


async def kept(chat: Chat) -> str:
    assert chat.bot is not None
    async with chat.bot.ctx.database.read() as connection:
        return (await watches.handovers(connection))[""].person


async def test_a_topic_that_slack_does_not_allow_is_said_once_where_operators_read(tmp_path: Path) -> None:
    change = with_oncall(PEOPLE, SCHEDULE, '  channel: "#alerts"\n')
    async with open_chat(tmp_path, cluster_options=Options(), change=change, with_bot=False) as chat:
        chat.sandbox.slack.order_fault(do="error", method="conversations.setTopic", error="missing_scope", times=None)
        async with running_bot(chat):
            told = await said(chat, "I can't set the topic of", channel=OPS)
            assert "`channels:write.topic`" in plain(told)
        async with running_bot(chat):
            assert await kept(chat) == "U0ALICE"
        assert len(chat.calls("conversations.setTopic")) == 1


async def test_a_storm_calls_once_for_all_of_it_and_acknowledge_all_takes_it(tmp_path: Path) -> None:
    async with open_chat(tmp_path, cluster_options=Options(), change=with_oncall(PEOPLE, TEAM)) as chat:
        for number in range(40):
            chat.datadog.fire("stg/errors", f"service:odd-{number}", 9.0)
        storm = await said(chat, "⛈️ .* alerts are open")
        await said(chat, "<@U0ALICE>, you are on call: \\*A storm")
        await chat.datadog.delivered()
        await all_applied(chat, 40)
        await presses_late(chat.dave, storm, "Acknowledge all")
        await chat.dave.hears("You took [0-9]+ alerts")
        await said(chat, "🟡 .* alerts are open, all taken")
        assert len([text for text in replies(chat) if "*A storm" in text]) == 1


async def all_applied(chat: Chat, count: int) -> None:
    """Until so many alerts are open in the bot's rows."""
    assert chat.bot is not None
    for _ in range(600):
        async with chat.bot.ctx.database.read() as connection:
            if len(await alerts.open_alerts(connection)) == count:
                return
        await asyncio.sleep(0.1)
    raise AssertionError(f"not {count} alerts within 60 s")


async def test_while_datadog_cannot_say_who_is_next_nobody_is_said_to_be_left(tmp_path: Path) -> None:
    async with open_chat(tmp_path, cluster_options=Options(), change=with_oncall(PEOPLE, TEAM, SOON)) as chat:
        chat.datadog.fire("stg/latency", WEB, 0.46)
        await said(chat, "<@U0ALICE>, you are on call")
        chat.datadog.faults.add("error", path="/on-call", times=None, status=503)
        refused = len(chat.datadog.requests("/on-call"))
        await chat.until(
            lambda: len(chat.datadog.requests("/on-call")) > refused + 2 or None, DEADLINE_S, lambda: "not asked"
        )
        assert not [text for text in replies(chat) if "Nobody else" in text]
        chat.datadog.faults.clear()
        await said(chat, "<@U0BOB>, <@U0ALICE> has not answered")
