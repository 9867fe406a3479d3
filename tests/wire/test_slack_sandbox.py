"""The bot's Slack clients against the sandbox's strict Slack: the same code that talks to the real one."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web

from bot.domain.names import ChannelId, UserId
from bot.errors import Refused, TooBusy, Unreachable
from bot.inbound.inbound import Ack, Inbound, InboundKind
from bot.inbound.slack.dispatch import BoltDispatch
from bot.inbound.slack.http import SERVER_OPTIONS, SlackHttp
from bot.inbound.slack.socket import SlackSocket
from bot.sandbox.slack.emulator import Slack
from bot.slack.client import SlackClient, open_session
from bot.slack.directory import Directory
from bot.slack.forms import Forms
from bot.slack.identity import warm_auth
from bot.slack.limits import Limiter
from bot.slack.messages import Body, Messages
from bot.slack.scopes import bot_scopes
from tests.sandbox.slack_desk import DEADLINE_S, PATIENT, Desk, open_desk, until

STG, GENERAL, ALICE = ChannelId("C0STG"), ChannelId("C0GENERAL"), UserId("U0ALICE")
BLOCK = {"type": "section", "text": {"type": "mrkdwn", "text": "*admin* 1.4.2"}}
BUTTON = {
    "type": "actions",
    "block_id": "steps",
    "elements": [
        {"type": "button", "action_id": "abort", "value": "1", "text": {"type": "plain_text", "text": "Abort"}}
    ],
}
FORM = {
    "type": "modal",
    "callback_id": "command:deploy",
    "title": {"type": "plain_text", "text": "Release"},
    "submit": {"type": "plain_text", "text": "Release"},
    "blocks": [
        {
            "type": "input",
            "block_id": "version",
            "label": {"type": "plain_text", "text": "Version"},
            "element": {"type": "plain_text_input", "action_id": "text"},
        }
    ],
}


def marked(outbox_id: str) -> dict[str, Any]:
    return {"event_type": "kajitori_release", "event_payload": {"outbox_id": outbox_id}}


@dataclass
class Bot:
    """The bot's side: clients, and what came in."""

    client: SlackClient
    messages: Messages
    taken: list[Inbound]
    answer: Ack

    async def receive(self, inbound: Inbound) -> Ack:
        self.taken.append(inbound)
        return self.answer


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with open_desk(Slack(timing=PATIENT)) as opened:
        # The least that works: whatever else the bot called would be refused with missing_scope.
        opened.slack.world.app.scopes = frozenset({*bot_scopes(), "commands"})
        yield opened
        assert list(opened.slack.world.records.problems) == []


@pytest.fixture
async def bot(desk: Desk) -> AsyncIterator[Bot]:
    async with open_session() as session:
        client = SlackClient(
            token=desk.slack.world.app.bot_token, api_url=desk.slack.api_url, session=session, timeout_s=DEADLINE_S
        )
        yield Bot(client, Messages(client), [], Ack({"text": "On its way.", "response_type": "ephemeral"}))


@contextlib.asynccontextmanager
async def connected(desk: Desk, bot: Bot, *, ping_every_s: float = 10.0) -> AsyncIterator[SlackSocket]:
    client = SlackClient(
        token=desk.slack.world.app.app_token,
        api_url=desk.slack.api_url,
        session=bot.client.session,
        timeout_s=DEADLINE_S,
    )
    socket = SlackSocket(client, BoltDispatch(bot.receive, token="xoxb-1"), ping_every_s=ping_every_s)
    task = asyncio.create_task(socket.run())
    try:
        await until(lambda: task.done() or socket.live == 2)
        yield socket
        assert not task.done()
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_who_the_bot_is(desk: Desk, bot: Bot) -> None:
    identity = await warm_auth(bot.client)
    assert (identity.team_id, identity.bot_user_id) == ("T0SANDBOX", "U0KAJITORI")
    assert "chat:write" in identity.scopes


async def test_a_command_is_answered_in_the_acknowledgement(desk: Desk, bot: Bot) -> None:
    async with connected(desk, bot):
        answer = await desk.act("command", channel="C0STG", command="/deploy", text="stg admin")
    assert (answer["ok"], answer["response"]["text"]) == (True, "On its way.")
    assert bot.taken[0].key.startswith("slash:T0SANDBOX:")


async def test_commands_during_a_refresh_are_all_answered_once(desk: Desk, bot: Bot) -> None:
    async with connected(desk, bot) as socket:
        asked = [
            asyncio.create_task(desk.act("command", channel="C0STG", command="/deploy", text=str(number)))
            for number in range(5)
        ]
        desk.faults({"do": "refresh", "socket": 0})
        more = [
            asyncio.create_task(desk.act("command", channel="C0STG", command="/deploy", text=str(number)))
            for number in range(5, 10)
        ]
        answers = await asyncio.gather(*asked, *more)
        assert all(answer["ok"] for answer in answers)
        await until(lambda: socket.live == 2)
    assert len({inbound.key for inbound in bot.taken}) == 10


async def test_a_refused_upgrade_does_not_leave_the_bot_deaf(desk: Desk, bot: Bot) -> None:
    async with connected(desk, bot) as socket:
        desk.faults({"do": "refuse_upgrade", "times": 1}, {"do": "refresh", "socket": 0})
        await until(lambda: desk.counts["urls_opened"] >= 4)
        await until(lambda: socket.live == 2)
        assert (await desk.act("command", channel="C0STG", command="/deploy", text="stg"))["ok"]
    assert desk.counts["bad_tickets"] == 0


async def test_a_refresh_of_the_last_socket_of_a_crowd_is_answered_at_once(desk: Desk, bot: Bot) -> None:
    async with connected(desk, bot) as socket:
        desk.faults({"do": "too_many", "socket": 0})
        await until(lambda: socket.live == 1 and len(desk.slack.sockets.live) == 1)
        desk.faults({"do": "refresh", "socket": 0})
        await until(lambda: desk.counts["urls_opened"] == 3 and len(desk.slack.sockets.live) == 1)
        await until(lambda: socket.live == 1)
        assert (await desk.act("command", channel="C0STG", command="/deploy", text="stg"))["ok"]
    assert desk.counts["urls_opened"] == 3, "the place that was one too many still waits"


async def test_an_envelope_that_comes_five_times_has_one_key(desk: Desk, bot: Bot) -> None:
    async with connected(desk, bot):
        desk.faults({"do": "duplicate", "copies": 5, "concurrent": 5})
        await desk.act("command", channel="C0STG", command="/deploy", text="stg admin")
        await until(lambda: len(bot.taken) == 5)
    assert len({inbound.key for inbound in bot.taken}) == 1


async def test_a_socket_that_breaks_off_in_mid_frame_is_replaced_and_the_command_answered(desk: Desk, bot: Bot) -> None:
    async with connected(desk, bot) as socket:
        desk.faults({"do": "cut"})
        answer = await desk.act("command", channel="C0STG", command="/deploy", text="stg admin")
        assert answer["ok"], answer
        await until(lambda: socket.live == 2)
    assert len({inbound.key for inbound in bot.taken}) == 1


async def test_while_one_socket_is_half_dead_the_other_serves(desk: Desk, bot: Bot) -> None:
    async with connected(desk, bot, ping_every_s=0.5):
        desk.faults({"do": "freeze", "socket": 0})
        desk.waits(resend_s=0.5)
        for number in range(4):
            assert (await desk.act("command", channel="C0STG", command="/deploy", text=str(number)))["ok"]
        await until(lambda: desk.counts["sockets_opened"] >= 3)


async def test_over_http_commands_clicks_and_mentions_come_in_too(desk: Desk, bot: Bot) -> None:
    http = SlackHttp([desk.slack.world.app.signing_secret], BoltDispatch(bot.receive, token="xoxb-1"))
    app = web.Application()
    app.add_routes(http.routes())
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2, **SERVER_OPTIONS)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    try:
        await desk.slack.delivery.use_http(url)
        answer = await desk.act("command", channel="C0STG", command="/deploy", text="stg admin")
        assert answer["response"]["text"] == "On its way."
        bot.answer = Ack()
        ref = await bot.messages.post(STG, Body("admin", (BLOCK, BUTTON)))
        assert (await desk.act("click", channel="C0STG", ts=ref.ts, block_id="steps", action_id="abort"))["ok"]
        bot.answer = Ack(accepted=False)
        await desk.act("say", channel="C0STG", text="<@U0KAJITORI> status stg")
        # Slack's first retry follows at once; the first two deliveries are what we wait for.
        await until(lambda: [inbound.kind for inbound in bot.taken].count(InboundKind.EVENT) >= 2)
    finally:
        await runner.cleanup()
    events = [inbound for inbound in bot.taken if inbound.kind is InboundKind.EVENT]
    assert len({inbound.key for inbound in events}) == 1
    assert all(inbound.happened_at is not None for inbound in bot.taken)


async def test_a_click_comes_in_with_its_time_and_a_form_opens_from_it(desk: Desk, bot: Bot) -> None:
    bot.answer = Ack()
    ref = await bot.messages.post(STG, Body("admin", (BLOCK, BUTTON), colour="#2eb67d"))
    async with connected(desk, bot):
        clicked = await desk.act("click", channel="C0STG", ts=ref.ts, block_id="steps", action_id="abort")
        assert clicked["ok"], clicked
        [click] = bot.taken
        assert click.kind is InboundKind.ACTION
        assert click.key.startswith(f"act:T0SANDBOX:C0STG:{ref.ts}:abort:")
        assert click.happened_at is not None
        assert abs((datetime.now(UTC) - click.happened_at).total_seconds()) < 120

        view = await Forms(bot.client).open(click.payload["trigger_id"], FORM)
        with pytest.raises(Refused) as caught:
            await Forms(bot.client).open(click.payload["trigger_id"], FORM)
        assert caught.value.code in ("exchanged_trigger_id", "expired_trigger_id")

        bot.answer = Ack({"response_action": "errors", "errors": {"version": "There is no 9.9.9."}})
        values = {"version": {"text": {"type": "plain_text_input", "value": "9.9.9"}}}
        submitted = await desk.act("submit", view_id=view.view_id, values=values)
        assert submitted["errors"] == {"version": "There is no 9.9.9."}
    assert bot.taken[-1].key == f"view:{view.view_id}:{view.hash}"


async def test_a_post_whose_connection_is_cut_is_there_once_and_is_found(desk: Desk, bot: Bot) -> None:
    token, session = desk.slack.world.app.bot_token, bot.client.session
    impatient = SlackClient(token=token, api_url=desk.slack.api_url, session=session, timeout_s=2)
    for fault in ({"do": "accept_then_close"}, {"do": "accept_then_500"}, {"do": "accept_then_hang", "seconds": 60}):
        outbox_id = str(fault["do"])
        desk.faults({**fault, "method": "chat.postMessage"})
        before = len(await desk.history())
        with pytest.raises(Unreachable):
            await Messages(impatient).post(STG, Body("once", metadata=marked(outbox_id)))
        oldest = datetime.now(UTC) - timedelta(seconds=600)
        by_id = await bot.messages.find(STG, outbox_id=outbox_id, oldest=oldest)
        by_name = await bot.messages.find(ChannelId("#deploys-stg"), outbox_id=outbox_id, oldest=oldest)
        assert by_id is not None
        assert by_id == by_name
        assert len(await desk.history()) == before + 1
        await bot.messages.edit(by_id, Body("edited", (BLOCK,), marked(outbox_id)))
        assert await bot.messages.find(STG, outbox_id=outbox_id, oldest=oldest) == by_id, "an edit keeps the mark"


async def test_a_post_that_was_never_accepted_is_not_found(desk: Desk, bot: Bot) -> None:
    desk.faults({"do": "reset", "method": "chat.postMessage"})
    with pytest.raises(Unreachable):
        await bot.messages.post(STG, Body("never", metadata=marked("01H")))
    oldest = datetime.now(UTC) - timedelta(seconds=600)
    assert await bot.messages.find(STG, outbox_id="01H", oldest=oldest) is None


async def test_a_reply_is_found_in_its_thread(desk: Desk, bot: Bot) -> None:
    parent = await bot.messages.post(STG, Body("parent"))
    reply = await bot.messages.post(STG, Body("reply", metadata=marked("01H")), thread_ts=parent.ts)
    oldest = datetime.now(UTC) - timedelta(seconds=600)
    assert await bot.messages.find(STG, outbox_id="01H", oldest=oldest, thread_ts=parent.ts) == reply


async def test_a_429_names_its_time(desk: Desk, bot: Bot) -> None:
    desk.faults({"do": "ratelimit", "method": "chat.postMessage", "retry_after": 7})
    with pytest.raises(TooBusy) as caught:
        await bot.messages.post(STG, Body("x"))
    assert caught.value.retry_after_s == 7


async def test_posts_paced_by_the_limiter_meet_no_429(desk: Desk, bot: Bot) -> None:
    limiter = Limiter()
    for number in range(6):
        await asyncio.sleep(limiter.delay("chat.postMessage", STG, time.monotonic()))
        limiter.note_sent("chat.postMessage", STG, time.monotonic())
        await bot.messages.post(STG, Body(f"number {number}"))


async def test_too_many_blocks_are_refused_by_code(desk: Desk, bot: Bot) -> None:
    with pytest.raises(Refused) as caught:
        await bot.messages.post(STG, Body("x", (BLOCK,) * 51))
    assert caught.value.code == "invalid_blocks"


async def test_a_whisper_reaches_a_person_where_the_bot_is_not(desk: Desk, bot: Bot) -> None:
    await bot.messages.whisper(STG, ALICE, Body("only you"))
    assert (await desk.history())[-1]["text"] == "only you"
    await bot.messages.whisper(GENERAL, ALICE, Body("by another way"))
    assert len(desk.calls("conversations.open")) == 1


async def test_a_response_url_answers_five_times(desk: Desk, bot: Bot) -> None:
    async with connected(desk, bot):
        await desk.act("command", channel="C0STG", command="/deploy", text="stg admin")
    url = bot.taken[0].payload["response_url"]
    for number in range(5):
        await bot.messages.respond(url, Body(f"answer {number}", (BLOCK,)))
    with pytest.raises(Refused):
        await bot.messages.respond(url, Body("one too many"))


async def test_people_groups_and_rooms_are_known(desk: Desk, bot: Bot) -> None:
    directory = Directory(bot.client)
    alice, guest = await asyncio.gather(directory.person(ALICE), directory.person(UserId("U0GUEST")))
    assert (alice.is_bot, alice.is_ultra_restricted, guest.is_ultra_restricted) == (False, False, True)
    assert alice.team_id == "T0SANDBOX"
    assert ALICE in await directory.members("@engineers")
    assert ALICE not in await directory.members("S0LEADS")
    room = await directory.room(STG)
    assert (room.name, room.is_shared, room.is_direct) == ("deploys-stg", False, False)
