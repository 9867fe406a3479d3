"""What Slack refuses, tried with the real slack_sdk: each rule once, with the error that Slack's documents name."""

import asyncio
from collections.abc import Awaitable, Iterable
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError

from bot.sandbox.slack.emulator import Slack
from bot.sandbox.slack.pace import Timing
from tests.sandbox.slack_desk import Desk, Json, open_desk


def text(content: str, kind: str = "mrkdwn") -> Json:
    return {"type": kind, "text": content}


def plain(content: str) -> Json:
    return text(content, "plain_text")


def section(content: str = "hello", **fields: Any) -> Json:
    return {"type": "section", "text": text(content), **fields}


def button(label: str = "Go", **fields: Any) -> Json:
    return {"type": "button", "text": plain(label), **fields}


def actions(*elements: Json, **fields: Any) -> Json:
    return {"type": "actions", "elements": list(elements), **fields}


def select(options: int = 2, **fields: Any) -> Json:
    choices = [{"text": plain(f"choice {n}"), "value": str(n)} for n in range(options)]
    return {"type": "static_select", "options": choices, **fields}


def chart(**fields: Any) -> Json:
    pie = {"type": "pie", "segments": [{"label": "ok", "value": 3}]}
    return {"type": "data_visualization", "title": "Releases", "chart": pie, **fields}


REFUSED_BLOCKS = {
    "51 blocks": ([section()] * 51, "no more than 50 items allowed [json-pointer:/blocks]"),
    "empty section text": ([section("")], "must be more than 0 characters [json-pointer:/blocks/0/text/text]"),
    "section text of 3001": ([section("x" * 3001)], "must be less than 3001 characters"),
    "section without text": ([{"type": "section"}], "must provide one of: text, fields"),
    "11 fields": ([{"type": "section", "fields": [text("f")] * 11}], "no more than 10 items allowed"),
    "field of 2001": ([{"type": "section", "fields": [text("f" * 2001)]}], "must be less than 2001 characters"),
    "header of 151": ([{"type": "header", "text": plain("h" * 151)}], "must be less than 151 characters"),
    "mrkdwn header": ([{"type": "header", "text": text("h")}], "must be one of plain_text"),
    "mrkdwn button": ([actions({"type": "button", "text": text("b")})], "must be one of plain_text"),
    "button text of 76": ([actions(button("b" * 76))], "json-pointer:/blocks/0/elements/0/text/text"),
    "button value of 2001": ([actions(button(value="v" * 2001))], "must be less than 2001 characters"),
    "button url of 3001": ([actions(button(url="https://e/" + "u" * 2991))], "must be less than 3001 characters"),
    "button style": ([actions(button(style="warning"))], "must be one of primary, danger"),
    "action_id of 256": ([actions(button(action_id="a" * 256))], "must be less than 256 characters"),
    "block_id of 256": ([section(block_id="b" * 256)], "must be less than 256 characters"),
    "26 actions": ([actions(*[button()] * 26)], "no more than 25 items allowed"),
    "no actions": ([actions()], "must provide at least 1 items"),
    "11 in a context": ([{"type": "context", "elements": [text("c")] * 11}], "no more than 10 items allowed"),
    "101 options": ([actions(select(101))], "no more than 100 items allowed"),
    "option text of 76": (
        [actions({"type": "static_select", "options": [{"text": plain("o" * 76), "value": "1"}]})],
        "must be less than 76 characters",
    ),
    "confirm title of 101": (
        [
            actions(
                button(
                    confirm={"title": plain("t" * 101), "text": text("?"), "confirm": plain("y"), "deny": plain("n")}
                )
            )
        ],
        "must be less than 101 characters",
    ),
    "confirm text of 301": (
        [
            actions(
                button(
                    confirm={"title": plain("t"), "text": text("?" * 301), "confirm": plain("y"), "deny": plain("n")}
                )
            )
        ],
        "must be less than 301 characters",
    ),
    "confirm label of 31": (
        [
            actions(
                button(confirm={"title": plain("t"), "text": text("?"), "confirm": plain("y" * 31), "deny": plain("n")})
            )
        ],
        "must be less than 31 characters",
    ),
    "unknown block": ([{"type": "sektion"}], "unsupported type: sektion"),
    "unknown property": ([section(colour="red")], "no more fields allowed: colour"),
    "unknown element": ([actions({"type": "knob"})], "unsupported type: knob"),
    "input element in actions": ([actions({"type": "plain_text_input"})], "unsupported type: plain_text_input"),
    "block without type": ([{"text": text("x")}], "missing required field: type"),
    "repeated block_id": ([section(block_id="b"), section(block_id="b")], "duplicate block_id: b"),
    "repeated action_id": ([actions(button(action_id="a"), button("Stop", action_id="a"))], "duplicate action_id: a"),
    "markdown of 12001": ([{"type": "markdown", "text": "m" * 12_001}], "must be less than 12001 characters"),
    "table of 101 rows": ([{"type": "table", "rows": [[{"type": "raw_text", "text": "c"}]] * 101}], "no more than 100"),
    "table of 21 columns": ([{"type": "table", "rows": [[{"type": "raw_text", "text": "c"}] * 21]}], "no more than 20"),
    "chart title of 51": ([chart(title="t" * 51)], "must be less than 51 characters"),
    "three charts": ([chart(), chart(), chart()], "no more than 2 charts allowed"),
    "image without address": ([{"type": "image", "alt_text": "a"}], "must provide one of: image_url, slack_file"),
    "alert in a message": ([{"type": "alert", "text": text("a")}], "unsupported type: alert"),
}


@pytest.mark.parametrize("case", REFUSED_BLOCKS)
async def test_a_message_with_broken_blocks_is_refused_and_the_place_is_named(desk: Desk, case: str) -> None:
    blocks, message = REFUSED_BLOCKS[case]
    answer = await desk.refusal(desk.bot.chat_postMessage(channel="C0STG", text="t", blocks=blocks))
    assert answer["error"] == "invalid_blocks"
    assert message in " ".join(answer["response_metadata"]["messages"])
    assert await desk.history() == []


async def test_a_message_at_every_limit_is_taken(desk: Desk) -> None:
    confirm = {"title": plain("t" * 100), "text": text("?" * 300), "confirm": plain("y" * 30), "deny": plain("n" * 30)}
    blocks = [
        section("x" * 3000, block_id="b" * 255),
        {"type": "section", "fields": [text("f" * 100)] * 10},
        {"type": "header", "text": plain("h" * 150)},
        actions(*[button("b" * 75, value="v" * 2000, action_id=f"a{n}", confirm=confirm) for n in range(8)]),
        actions(select(100), {"type": "overflow", "options": select(5)["options"]}),
        {"type": "context", "elements": [text("c")] * 10},
        chart(title="t" * 50),
        *[{"type": "divider"}] * 43,
    ]
    answer = await desk.bot.chat_postMessage(channel="#deploys-stg", text="all of it", blocks=blocks)
    assert answer["channel"] == "C0STG"
    assert len(answer["message"]["blocks"]) == 50
    assert all(block["block_id"] for block in answer["message"]["blocks"])


async def test_too_much_text_in_all_blocks_together_is_refused(desk: Desk) -> None:
    blocks = [section("x" * 2700) for _ in range(5)]
    answer = await desk.refusal(desk.bot.chat_postMessage(channel="C0STG", text="t", blocks=blocks))
    assert answer["error"] == "msg_blocks_too_long"


REFUSED_POSTS: dict[str, tuple[Json, str]] = {
    "nothing to say": ({"channel": "C0STG", "text": ""}, "no_text"),
    "40,001 characters": ({"channel": "C0STG", "text": "x" * 40_001}, "msg_too_long"),
    "unknown channel": ({"channel": "C0NOWHERE", "text": "t"}, "channel_not_found"),
    "unknown name": ({"channel": "#nowhere", "text": "t"}, "channel_not_found"),
    "not a member": ({"channel": "#general", "text": "t"}, "not_in_channel"),
    "no such thread": ({"channel": "C0STG", "text": "t", "thread_ts": "1.000001"}, "thread_not_found"),
    "metadata without a type": (
        {"channel": "C0STG", "text": "t", "metadata": {"event_payload": {}}},
        "invalid_metadata_format",
    ),
    "blocks that are no list": (
        {"channel": "C0STG", "text": "t", "blocks": {"type": "divider"}},
        "invalid_blocks_format",
    ),
}


@pytest.mark.parametrize("case", REFUSED_POSTS)
async def test_a_post_that_slack_would_refuse_is_refused(desk: Desk, case: str) -> None:
    fields, error = REFUSED_POSTS[case]
    assert (await desk.refusal(desk.bot.api_call("chat.postMessage", json=fields)))["error"] == error


async def test_an_archived_channel_takes_nothing(desk: Desk) -> None:
    posted = await desk.bot.chat_postMessage(channel="C0STG", text="before")
    desk.slack.world.workspace.channels["C0STG"].is_archived = True
    assert (await desk.refusal(desk.bot.chat_postMessage(channel="C0STG", text="t")))["error"] == "is_archived"
    changed = desk.bot.chat_update(channel="C0STG", ts=posted["ts"], text="after")
    assert (await desk.refusal(changed))["error"] == "is_archived"


async def test_only_own_messages_that_exist_are_changed_or_deleted(desk: Desk) -> None:
    said = await desk.act("say", channel="C0STG", text="mine")
    for call, error in [
        (desk.bot.chat_update(channel="C0STG", ts=said["ts"], text="t"), "cant_update_message"),
        (desk.bot.chat_delete(channel="C0STG", ts=said["ts"]), "cant_delete_message"),
        (desk.bot.chat_update(channel="C0STG", ts="1.000001", text="t"), "message_not_found"),
        (desk.bot.chat_update(channel="#deploys-stg", ts=said["ts"], text="t"), "channel_not_found"),
        (desk.bot.conversations_history(channel="C0GENERAL"), "not_in_channel"),
        (desk.bot.conversations_replies(channel="C0STG", ts="1.000001"), "thread_not_found"),
        (desk.bot.chat_postEphemeral(channel="C0PRD", user="U0GUEST", text="t"), "user_not_in_channel"),
        (desk.bot.users_info(user="U0NOBODY"), "user_not_found"),
        (desk.bot.usergroups_users_list(usergroup="S0NONE"), "no_such_subteam"),
        (desk.bot.api_call("chat.shout", json={}), "unknown_method"),
    ]:
        assert (await desk.refusal(call))["error"] == error


async def test_tokens_are_looked_at(desk: Desk) -> None:
    app = desk.slack.world.app
    for token, method, error in [
        ("xoxb-wrong", "auth.test", "invalid_auth"),
        (app.app_token, "auth.test", "not_allowed_token_type"),
        (app.bot_token, "apps.connections.open", "not_allowed_token_type"),
    ]:
        headers = {"Authorization": f"Bearer {token}"}
        async with desk.http.post(f"/api/{method}", headers=headers) as response:
            assert (await response.json())["error"] == error
    async with desk.http.post("/api/auth.test") as response:
        assert (await response.json())["error"] == "not_authed"
    async with desk.http.post("/api/auth.test", data={"token": app.bot_token}) as response:
        assert (await response.json())["user_id"] == "U0KAJITORI"


async def test_a_scope_that_the_manifest_does_not_ask_for_is_missed(desk: Desk) -> None:
    desk.slack.read_manifest({"oauth_config": {"scopes": {"bot": ["chat:write", "commands"]}}})
    answer = await desk.refusal(desk.bot.users_info(user="U0ALICE"))
    assert (answer["error"], answer["needed"], answer["provided"]) == (
        "missing_scope",
        "users:read",
        "chat:write,commands",
    )
    assert (await desk.bot.chat_postMessage(channel="C0STG", text="t"))["ok"]
    desk.slack.read_manifest({"oauth_config": {"scopes": {"bot": ["chat:write", "chat:write.public"]}}})
    assert (await desk.bot.chat_postMessage(channel="#general", text="public"))["ok"]


def modal(**fields: Any) -> Json:
    return {"type": "modal", "title": plain("Deploy"), "blocks": [section()], **fields}


def form_input(**fields: Any) -> Json:
    return {"type": "input", "label": plain("Version"), "element": {"type": "plain_text_input"}, **fields}


REFUSED_VIEWS = {
    "101 blocks": modal(blocks=[section()] * 101),
    "title of 25": modal(title=plain("t" * 25)),
    "submit of 25": modal(submit=plain("t" * 25)),
    "close of 25": modal(close=plain("t" * 25)),
    "private_metadata of 3001": modal(private_metadata="p" * 3001),
    "callback_id of 256": modal(callback_id="c" * 256),
    "input without submit": modal(blocks=[form_input()]),
    "unknown property": modal(width="wide"),
    "no title": {"type": "modal", "blocks": []},
    "home in place of a modal": {"type": "home", "blocks": []},
    "table in a view": modal(blocks=[{"type": "table", "rows": [[{"type": "raw_text", "text": "c"}]]}]),
    "repeated block_id": modal(blocks=[section(block_id="b"), section(block_id="b")]),
}


@pytest.mark.parametrize("case", REFUSED_VIEWS)
async def test_a_broken_view_is_refused(desk: Desk, case: str) -> None:
    trigger_id = desk.slack.world.tickets.new_trigger("U0ALICE")
    answer = await desk.refusal(desk.bot.views_open(trigger_id=trigger_id, view=REFUSED_VIEWS[case]))
    assert answer["error"] == "invalid_arguments"
    assert answer["response_metadata"]["messages"][0].startswith("[ERROR] ")


async def test_a_trigger_id_opens_one_form_soon() -> None:
    async with open_desk(Slack(limits="off", timing=Timing(trigger_s=60.0))) as desk:
        trigger_id = desk.slack.world.tickets.new_trigger("U0ALICE")
        assert (await desk.bot.views_open(trigger_id=trigger_id, view=modal()))["view"]["hash"]
        again = desk.bot.views_open(trigger_id=trigger_id, view=modal())
        assert (await desk.refusal(again))["error"] == "exchanged_trigger_id"
        invented = desk.bot.views_open(trigger_id="1.2.abc", view=modal())
        assert (await desk.refusal(invented))["error"] == "invalid_trigger_id"
        late = desk.slack.world.tickets.new_trigger("U0ALICE")
        desk.slack.world.tickets._triggers[late].made_at -= 61.0
        assert (await desk.refusal(desk.bot.views_open(trigger_id=late, view=modal())))["error"] == "expired_trigger_id"


async def test_a_view_that_changed_meanwhile_is_a_hash_conflict(desk: Desk) -> None:
    trigger_id = desk.slack.world.tickets.new_trigger("U0ALICE")
    view = (await desk.bot.views_open(trigger_id=trigger_id, view=modal()))["view"]
    await desk.bot.views_update(view_id=view["id"], hash=view["hash"], view=modal(callback_id="second"))
    stale = desk.bot.views_update(view_id=view["id"], hash=view["hash"], view=modal(callback_id="third"))
    assert (await desk.refusal(stale))["error"] == "hash_conflict"
    gone = desk.bot.views_update(view_id="V0GONE", view=modal())
    assert (await desk.refusal(gone))["error"] == "not_found"


async def test_a_fourth_form_on_the_stack_is_refused(desk: Desk) -> None:
    tickets = desk.slack.world.tickets
    view = (await desk.bot.views_open(trigger_id=tickets.new_trigger("U0ALICE"), view=modal()))["view"]
    for _ in range(2):
        trigger_id = tickets.new_trigger("U0ALICE", view["id"])
        assert (await desk.bot.views_push(trigger_id=trigger_id, view=modal()))["view"]["root_view_id"] == view["id"]
    fourth = desk.bot.views_push(trigger_id=tickets.new_trigger("U0ALICE", view["id"]), view=modal())
    assert (await desk.refusal(fourth))["error"] == "push_limit_reached"


async def test_blocks_validate_says_where_and_why(desk: Desk) -> None:
    answer = await desk.refusal(desk.bot.blocks_validate(blocks=[section("x" * 3001)]))
    assert answer["error"] == "invalid_blocks"
    assert answer["errors"][0] == {
        "pointer": "/0/text/text",
        "code": "failed_constraint",
        "message": "must be less than 3001 characters",
        "constraint": {"type": "max_length", "expected": 3000, "got": 3001},
    }
    assert (await desk.bot.blocks_validate(view=modal()))["ok"]


async def refused_of(calls: Iterable[Awaitable[Any]]) -> list[Any]:
    """Many calls at once; the answers of those that were refused."""
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    return [outcome.response for outcome in outcomes if isinstance(outcome, SlackApiError)]


async def test_more_than_four_messages_within_a_second_wait() -> None:
    async with open_desk(Slack(limits="real")) as desk:
        for n in range(4):
            await desk.bot.chat_postMessage(channel="C0STG", text=f"message {n}")
        # A second brings one more: so many at once are too many however long they take.
        refused = await refused_of(desk.bot.chat_postMessage(channel="C0STG", text=f"message {n}") for n in range(40))
        answer = refused[0]
        assert (answer.status_code, answer["error"], answer.headers["Retry-After"]) == (429, "ratelimited", "1")
        await desk.bot.chat_postMessage(channel="C0PRD", text="another channel has its own pace")


async def test_a_method_has_its_calls_a_minute() -> None:
    async with open_desk(Slack(limits="real")) as desk:
        for _ in range(20):
            await desk.bot.users_list()
        refused = await refused_of(desk.bot.users_list() for _ in range(20))
        assert {answer.status_code for answer in refused} == {429}
        assert {int(answer.headers["Retry-After"]) for answer in refused} <= {1, 2, 3}
        assert 429 in [call["status"] for call in desk.calls("users.list")]
