"""What the Web API does when it is asked properly, tried with the real slack_sdk."""

from bot.sandbox.slack.composer import rich_text
from tests.sandbox.slack_desk import Desk


async def test_a_message_keeps_its_metadata_and_shows_it_to_those_who_ask(desk: Desk) -> None:
    metadata = {"event_type": "kajitori_release", "event_payload": {"outbox_id": "o1"}}
    posted = await desk.bot.chat_postMessage(channel="C0STG", text="Releasing", metadata=metadata)
    await desk.bot.chat_update(channel="C0STG", ts=posted["ts"], text="Released")
    asked = await desk.bot.conversations_history(channel="C0STG", include_all_metadata=True)
    unasked = await desk.bot.conversations_history(channel="C0STG")
    assert asked["messages"][0]["metadata"] == metadata
    assert asked["messages"][0]["text"] == "Released"
    assert asked["messages"][0]["edited"]["user"] == "U0KAJITORI"
    assert "metadata" not in unasked["messages"][0]


async def test_an_update_without_blocks_keeps_them_and_an_empty_list_removes_them(desk: Desk) -> None:
    posted = await desk.bot.chat_postMessage(channel="C0STG", text="a", blocks=[{"type": "divider"}])
    kept = await desk.bot.chat_update(channel="C0STG", ts=posted["ts"], text="b")
    emptied = await desk.bot.chat_update(channel="C0STG", ts=posted["ts"], text="c", blocks=[])
    assert len(kept["message"]["blocks"]) == 1
    assert emptied["message"]["blocks"] == []


async def test_replies_are_counted_on_their_parent_and_stay_out_of_the_channel(desk: Desk) -> None:
    parent = await desk.bot.chat_postMessage(channel="C0STG", text="parent")
    first = await desk.bot.chat_postMessage(channel="C0STG", text="first", thread_ts=parent["ts"])
    await desk.bot.chat_postMessage(channel="C0STG", text="reply to a reply", thread_ts=first["ts"])
    said = await desk.act("say", channel="C0STG", text="from a person", thread_ts=parent["ts"])
    thread = await desk.bot.conversations_replies(channel="C0STG", ts=parent["ts"])
    assert [message["text"] for message in thread["messages"]] == [
        "parent",
        "first",
        "reply to a reply",
        "from a person",
    ]
    (root,) = (await desk.bot.conversations_history(channel="C0STG"))["messages"]
    assert (root["reply_count"], root["reply_users_count"], root["latest_reply"]) == (3, 2, said["ts"])


async def test_history_is_paged_and_bounded(desk: Desk) -> None:
    stamps = [(await desk.bot.chat_postMessage(channel="C0STG", text=str(n)))["ts"] for n in range(5)]
    first = await desk.bot.conversations_history(channel="C0STG", limit=2)
    assert [message["text"] for message in first["messages"]] == ["4", "3"]
    cursor = first["response_metadata"]["next_cursor"]
    second = await desk.bot.conversations_history(channel="C0STG", limit=2, cursor=cursor)
    assert [message["text"] for message in second["messages"]] == ["2", "1"]
    newer = await desk.bot.conversations_history(channel="C0STG", oldest=stamps[3])
    assert [message["text"] for message in newer["messages"]] == ["4"]
    with_ends = await desk.bot.conversations_history(
        channel="C0STG", oldest=stamps[1], latest=stamps[2], inclusive=True
    )
    assert [message["text"] for message in with_ends["messages"]] == ["2", "1"]


async def test_the_directory_knows_people_groups_and_channels(desk: Desk) -> None:
    guest = (await desk.bot.users_info(user="U0GUEST"))["user"]
    assert guest["is_ultra_restricted"] is True
    assert (await desk.bot.users_lookupByEmail(email="bob@growlio.example"))["user"]["id"] == "U0BOB"
    groups = (await desk.bot.usergroups_list(include_users=True))["usergroups"]
    assert {group["handle"]: group["users"] for group in groups}["leads"] == ["U0BOB", "U0CAROL", "U0OPS"]
    listed = (await desk.bot.conversations_list(types="public_channel"))["channels"]
    assert {channel["name"]: channel["is_member"] for channel in listed} == {
        "deploys-stg": True,
        "deploys": True,
        "alerts": True,
        "kajitori": True,
        "general": False,
    }
    im = (await desk.bot.conversations_open(users="U0ALICE"))["channel"]["id"]
    assert (await desk.bot.chat_postMessage(channel="U0ALICE", text="psst"))["channel"] == im
    assert (await desk.bot.conversations_info(channel="C0STG"))["channel"]["name"] == "deploys-stg"
    assert (await desk.bot.auth_test())["user_id"] == "U0KAJITORI"


async def test_a_whisper_is_seen_by_one_person_and_by_no_history(desk: Desk) -> None:
    await desk.bot.chat_postEphemeral(channel="C0STG", user="U0ALICE", text="only you")
    assert [message["ephemeral"] for message in await desk.history(user="U0ALICE")] == [True]
    assert await desk.history(user="U0BOB") == []
    assert (await desk.bot.conversations_history(channel="C0STG"))["messages"] == []


async def test_reactions_are_counted(desk: Desk) -> None:
    said = await desk.act("say", channel="C0STG", text="nice")
    await desk.bot.reactions_add(channel="C0STG", timestamp=said["ts"], name="eyes")
    assert (await desk.history())[0]["reactions"] == [{"name": "eyes", "users": ["U0KAJITORI"], "count": 1}]
    again = desk.bot.reactions_add(channel="C0STG", timestamp=said["ts"], name="eyes")
    assert (await desk.refusal(again))["error"] == "already_reacted"
    await desk.bot.reactions_remove(channel="C0STG", timestamp=said["ts"], name="eyes")
    assert "reactions" not in (await desk.history())[0]


async def test_what_a_person_types_is_escaped_and_names_become_mentions(desk: Desk) -> None:
    await desk.act("say", channel="C0STG", text="@alice see <!here> & #deploys, <@U0BOB> @nobody")
    (message,) = await desk.history()
    assert message["text"] == "<@U0ALICE> see &lt;!here&gt; &amp; <#C0PRD|deploys>, <@U0BOB> @nobody"
    assert message["blocks"] == rich_text(message["text"])


async def test_requests_are_recorded_without_tokens(desk: Desk) -> None:
    await desk.bot.chat_postMessage(channel="C0STG", text="kept")
    token = desk.slack.world.app.bot_token
    await desk.http.post("/api/auth.test", data={"token": token})
    async with desk.http.get("/sandbox/slack/requests", params={"method": "chat.postMessage"}) as response:
        (entry,) = (await response.json())["requests"]
    assert (entry["n"], entry["status"], entry["body"]["text"]) == (1, 200, "kept")
    async with desk.http.get("/sandbox/slack/requests") as response:
        assert token not in await response.text()


async def test_people_watch_their_channels_over_a_stream(desk: Desk) -> None:
    async with desk.http.ws_connect("/client/stream?user=U0ALICE") as stream:
        assert [(await stream.receive_json())["type"] for _ in range(2)] == ["commands", "bot"]
        posted = await desk.bot.chat_postMessage(channel="C0STG", text="one")
        await desk.bot.chat_update(channel="C0STG", ts=posted["ts"], text="two")
        await desk.bot.chat_postEphemeral(channel="C0STG", user="U0BOB", text="not for alice")
        await desk.bot.chat_delete(channel="C0STG", ts=posted["ts"])
        frames = [await stream.receive_json() for _ in range(3)]
    assert [(frame["type"], frame["channel"]) for frame in frames] == [
        ("message", "C0STG"),
        ("message_changed", "C0STG"),
        ("message_deleted", "C0STG"),
    ]
    assert [frames[0]["message"]["text"], frames[1]["message"]["text"]] == ["one", "two"]


async def test_an_administrator_archives_a_channel_and_takes_the_bot_out(desk: Desk) -> None:
    removed = {"archived": False, "bot_is_member": False}
    for change, error in [({"archived": True}, "is_archived"), (removed, "not_in_channel")]:
        async with desk.http.post("/sandbox/slack/channel", json={"channel": "#deploys", **change}) as response:
            assert (await response.json())["ok"]
        assert (await desk.refusal(desk.bot.chat_postMessage(channel="#deploys", text="t")))["error"] == error
    async with desk.http.post("/sandbox/slack/channel", json={"channel": "C0PRD", "bot_is_member": True}) as response:
        assert (await response.json())["channel"]["bot_is_member"] is True
    assert (await desk.bot.chat_postMessage(channel="#deploys", text="t"))["ok"]
