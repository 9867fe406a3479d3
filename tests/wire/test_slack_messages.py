"""Posting with the real client: what is sent, what failures mean, and how a post of unknown outcome is found again."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from aiohttp import web

from bot.domain.names import ChannelId, UserId
from bot.errors import NotFound, Refused, TooBusy, Unreachable
from bot.slack.client import SlackClient, open_session
from bot.slack.forms import Forms, ViewRef
from bot.slack.identity import warm_auth
from bot.slack.messages import Body, MessageRef, Messages
from tests.wire.slack_stand_in import DEADLINE_S, StandIn, stand_in

CHANNEL = ChannelId("C1")
BLOCK = {"type": "section", "text": {"type": "mrkdwn", "text": "admin"}}
OLDEST = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.fixture
async def slack() -> AsyncIterator[StandIn]:
    async with stand_in() as server:
        yield server


@pytest.fixture
async def client(slack: StandIn) -> AsyncIterator[SlackClient]:
    async with open_session() as session:
        yield SlackClient(token="xoxb-1", api_url=slack.api_url, session=session, timeout_s=DEADLINE_S)


@pytest.fixture
async def impatient(slack: StandIn) -> AsyncIterator[SlackClient]:
    """For Slacks that say nothing. Its connection is open already, so that what it sends is under way at once."""
    async with open_session() as session:
        client = SlackClient(token="xoxb-1", api_url=slack.api_url, session=session, timeout_s=2.0)
        await client.call("api.test")
        yield client


@pytest.fixture
def messages(client: SlackClient) -> Messages:
    return Messages(client)


def error(code: str, status: int = 200, **more):
    return lambda _request, _body: web.json_response({"ok": False, "error": code, **more}, status=status)


def limited(_request: web.Request, _body):
    return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": "30"})


def cut(request: web.Request, _body: dict) -> web.Response:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def hang(_request, _body):
    await asyncio.sleep(DEADLINE_S)
    return web.json_response({"ok": True})


def page_of_a_proxy(_request, _body):
    return web.Response(status=502, text="<html>Bad gateway</html>", content_type="text/html")


def plain_text(_request, _body):
    return web.Response(status=502, text="upstream connect error")


def half_a_json(_request, _body):
    return web.Response(text='{"ok": tr', content_type="application/json")


def a_list(_request, _body):
    return web.json_response(["ok"])


async def test_a_post_carries_text_blocks_metadata_and_no_previews(slack: StandIn, messages: Messages) -> None:
    metadata = {"event_type": "kajitori_release", "event_payload": {"outbox_id": "01H"}}
    ref = await messages.post(CHANNEL, Body("admin is out", (BLOCK,), metadata), thread_ts="1.2", broadcast=True)
    [(method, sent)] = slack.calls
    assert method == "chat.postMessage"
    assert sent == {
        "channel": "C1",
        "text": "admin is out",
        "blocks": [BLOCK],
        "metadata": metadata,
        "thread_ts": "1.2",
        "reply_broadcast": True,
        "unfurl_links": False,
        "unfurl_media": False,
    }
    assert (ref.channel, ref.ts) == ("C1", "1.0")


async def test_a_bar_stands_beside_all_blocks_but_the_headline(slack: StandIn, messages: Messages) -> None:
    await messages.post(CHANNEL, Body("t", (BLOCK, BLOCK, BLOCK), colour="#2eb67d"))
    [(_, sent)] = slack.calls
    assert sent["blocks"] == [BLOCK]
    assert sent["attachments"] == [{"color": "#2eb67d", "fallback": "t", "blocks": [BLOCK, BLOCK]}]


async def test_an_edit_takes_away_what_the_new_body_does_not_have(slack: StandIn, messages: Messages) -> None:
    await messages.edit(MessageRef(CHANNEL, "1.0"), Body("plain"))
    [(_, sent)] = slack.calls
    assert (sent["blocks"], sent["attachments"], sent["text"], sent["unfurl_links"]) == ([], [], "plain", False)


@pytest.mark.parametrize("failure", [cut, page_of_a_proxy, plain_text, half_a_json, a_list])
async def test_a_lost_answer_is_unreachable_and_the_post_was_made_once(
    slack: StandIn, messages: Messages, failure
) -> None:
    slack.script("chat.postMessage", failure)
    with pytest.raises(Unreachable):
        await messages.post(CHANNEL, Body("once"))
    assert slack.count("chat.postMessage") == 1


async def test_silence_is_unreachable_and_the_post_was_made_once(slack: StandIn, impatient: SlackClient) -> None:
    slack.script("chat.postMessage", hang)
    with pytest.raises(Unreachable, match="no answer within 2 s"):
        await Messages(impatient).post(CHANNEL, Body("once"))
    await slack.reached("chat.postMessage")
    assert slack.count("chat.postMessage") == 1


@pytest.mark.parametrize("code", ["internal_error", "fatal_error", "service_unavailable", "request_timeout"])
async def test_slacks_own_outages_are_unreachable_too(slack: StandIn, messages: Messages, code: str) -> None:
    slack.script("chat.postMessage", error(code), error(code, 500))
    for _ in range(2):
        with pytest.raises(Unreachable):
            await messages.post(CHANNEL, Body("once"))


async def test_a_429_says_when_to_come_back_and_is_not_tried_again(slack: StandIn, messages: Messages) -> None:
    slack.script("chat.postMessage", limited)
    with pytest.raises(TooBusy) as caught:
        await messages.post(CHANNEL, Body("once"))
    assert caught.value.retry_after_s == 30
    assert slack.count("chat.postMessage") == 1


@pytest.mark.parametrize(
    "code", ["invalid_blocks", "msg_too_long", "msg_blocks_too_long", "is_archived", "token_revoked"]
)
async def test_a_refusal_carries_slacks_code(slack: StandIn, messages: Messages, code: str) -> None:
    slack.script("chat.postMessage", error(code, response_metadata={"messages": ["[ERROR] no more than 50 items"]}))
    with pytest.raises(Refused) as caught:
        await messages.post(CHANNEL, Body("once"))
    assert caught.value.code == code
    assert "50 items" in str(caught.value)


async def test_a_post_whose_answer_was_lost_is_found_by_its_outbox_id(slack: StandIn, messages: Messages) -> None:
    kept: list[dict] = []

    def keep_and_cut(request, body):
        kept.append({"ts": "7.7", "text": body["text"], "metadata": body["metadata"]})
        return cut(request, body)

    slack.script("chat.postMessage", keep_and_cut)
    slack.always["conversations.history"] = lambda _request, _query: {"ok": True, "messages": [{"ts": "8.8"}, *kept]}
    metadata = {"event_type": "kajitori", "event_payload": {"outbox_id": "01H"}}
    with pytest.raises(Unreachable):
        await messages.post(CHANNEL, Body("once", metadata=metadata))
    assert await messages.find(CHANNEL, outbox_id="01H", oldest=OLDEST) == MessageRef(CHANNEL, "7.7")
    assert await messages.find(CHANNEL, outbox_id="01J", oldest=OLDEST) is None
    assert slack.count("chat.postMessage") == 1
    [query, _] = [body for method, body in slack.calls if method == "conversations.history"]
    assert (query["include_all_metadata"], query["oldest"]) == ("1", f"{OLDEST.timestamp():.6f}")


async def test_finding_goes_on_to_the_next_page_and_into_the_thread(slack: StandIn, messages: Messages) -> None:
    found = {"ts": "9.9", "metadata": {"event_type": "kajitori", "event_payload": {"outbox_id": "01H"}}}
    slack.script(
        "conversations.replies",
        lambda _request, _query: {"ok": True, "messages": [], "response_metadata": {"next_cursor": "next"}},
        lambda _request, query: {"ok": True, "messages": [found] if query["cursor"] == "next" else []},
    )
    ref = await messages.find(CHANNEL, outbox_id="01H", oldest=OLDEST, thread_ts="1.2")
    assert ref == MessageRef(CHANNEL, "9.9")
    assert slack.calls[0][1]["ts"] == "1.2"


async def test_a_channels_name_is_resolved_once_for_reading(slack: StandIn, messages: Messages) -> None:
    slack.always["conversations.list"] = lambda _request, _query: {
        "ok": True,
        "channels": [{"id": "C9", "name": "deploys"}],
    }
    for _ in range(2):
        await messages.find(ChannelId("#deploys"), outbox_id="01H", oldest=OLDEST)
    assert slack.count("conversations.list") == 1
    assert slack.calls[-1][1]["channel"] == "C9"
    with pytest.raises(NotFound):
        await messages.find(ChannelId("#nowhere"), outbox_id="01H", oldest=OLDEST)


async def test_a_whisper_is_ephemeral_and_becomes_a_direct_message_outside(slack: StandIn, messages: Messages) -> None:
    slack.always["conversations.open"] = lambda _request, _body: {"ok": True, "channel": {"id": "D1"}}
    await messages.whisper(CHANNEL, UserId("U1"), Body("psst"), thread_ts="1.2")
    whispered = {"channel": "C1", "user": "U1", "text": "psst", "thread_ts": "1.2"}
    assert slack.calls == [("chat.postEphemeral", whispered)]
    slack.script("chat.postEphemeral", error("not_in_channel"))
    await messages.whisper(CHANNEL, UserId("U1"), Body("psst"))
    assert slack.calls[-1][0] == "chat.postMessage"
    assert slack.calls[-1][1]["channel"] == "D1"


async def test_an_answer_goes_to_the_response_url_of_the_configured_host(slack: StandIn, messages: Messages) -> None:
    await messages.respond(f"{slack.base}/api/answer-1", Body("done", (BLOCK,)))
    assert slack.calls[-1][1]["response_type"] == "ephemeral"
    await messages.respond(f"{slack.base}/api/answer-1", Body("done"), replace=True)
    assert slack.calls[-1][1]["replace_original"] is True


@pytest.mark.parametrize("text", ["used_url", "expired_url", ""])
async def test_a_used_up_response_url_is_refused(slack: StandIn, messages: Messages, text: str) -> None:
    slack.script("answer-1", lambda _request, _body: web.Response(status=404, text=text))
    with pytest.raises(Refused) as caught:
        await messages.respond(f"{slack.base}/api/answer-1", Body("done"))
    assert caught.value.code == (text or "expired_url")


@pytest.mark.parametrize("url", ["http://169.254.169.254/latest", "ftp://x/y", "file:///etc/passwd", "", "http://["])
async def test_an_answer_goes_nowhere_else_in_the_clear(messages: Messages, url: str) -> None:
    with pytest.raises(Refused):
        await messages.respond(url, Body("done"))


async def test_a_lost_answer_to_a_response_url_does_not_tell_the_url(slack: StandIn, messages: Messages) -> None:
    slack.script("secret-path", cut)
    with pytest.raises(Unreachable) as caught:
        await messages.respond(f"{slack.base}/api/secret-path", Body("done"))
    assert "secret-path" not in str(caught.value)


async def test_connections_are_kept_between_calls(slack: StandIn, messages: Messages) -> None:
    peers = set()

    def note(request, body):
        peers.add(request.transport.get_extra_info("peername"))
        return {"ok": True, "channel": "C1", "ts": "1.0"}

    slack.always["chat.postMessage"] = note
    for _ in range(5):
        await messages.post(CHANNEL, Body("x"))
    assert len(peers) == 1


async def test_the_clocks_skew_is_measured_by_slacks_date(slack: StandIn, client: SlackClient) -> None:
    skews = [client.skew_s]
    await client.call("api.test")
    skews.append(client.skew_s)
    slack.script(
        "api.test",
        lambda _request, _body: web.json_response({"ok": True}, headers={"Date": "Mon, 01 Jan 2024 00:00:00 GMT"}),
    )
    await client.call("api.test")
    before, true, wrong = [*skews, client.skew_s]
    assert before is None
    assert true is not None
    assert abs(true) < 60
    assert wrong is not None
    assert wrong > 3600


async def test_forms_open_and_report_an_expired_trigger(slack: StandIn, client: SlackClient) -> None:
    slack.script(
        "views.open",
        lambda _request, _body: {"ok": True, "view": {"id": "V1", "hash": "h1"}},
        error("expired_trigger_id"),
    )
    forms = Forms(client)
    assert await forms.open("1.2.3", {"type": "modal"}) == ViewRef("V1", "h1")
    with pytest.raises(Refused) as caught:
        await forms.open("1.2.3", {"type": "modal"})
    assert caught.value.code == "expired_trigger_id"
    slack.script("views.update", lambda _request, body: {"ok": True, "view": {"id": "V1", "hash": body["hash"] + "+"}})
    assert (await forms.update(ViewRef("V1", "h1"), {"type": "modal"})).hash == "h1+"


async def test_the_bot_waits_for_its_identity_through_429_outage_and_silence(
    slack: StandIn, impatient: SlackClient
) -> None:
    def soon(_request, _body):
        return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": "1"})

    def me(_request, _body):
        found = {"ok": True, "team_id": "T1", "user_id": "U0", "bot_id": "B0", "url": "https://growlio.slack.com/"}
        return web.json_response(found, headers={"x-oauth-scopes": "chat:write,commands"})

    slack.script("auth.test", soon, hang, error("internal_error", 503), me)
    identity = await asyncio.wait_for(warm_auth(impatient, first_wait_s=0.05), DEADLINE_S)
    assert (identity.team_id, identity.bot_user_id, identity.bot_id) == ("T1", "U0", "B0")
    assert identity.scopes == ("chat:write", "commands")
    assert slack.count("auth.test") == 4
    first, second, *_ = slack.call_times["auth.test"]
    assert second - first >= 1.0


async def test_a_refused_token_ends_the_wait_at_once(slack: StandIn, client: SlackClient) -> None:
    slack.script("auth.test", error("invalid_auth"))
    with pytest.raises(Refused) as caught:
        await warm_auth(client)
    assert caught.value.code == "invalid_auth"
