"""A walk through everything that a person can do with an app, and a bolt app that takes part in it.

Walked over Socket Mode and over HTTP: an app must see the same either way.
"""

from typing import Any

from slack_bolt.async_app import AsyncApp

from tests.sandbox.slack_desk import Desk, Json, until

SECTION = {"type": "section", "block_id": "s", "text": {"type": "mrkdwn", "text": "Ready"}}
BUTTON = {"type": "button", "action_id": "go", "text": {"type": "plain_text", "text": "Go"}, "value": "r1:3"}
CARD: list[dict[str, Any]] = [SECTION, {"type": "actions", "block_id": "a", "elements": [BUTTON]}]


def answering_app(desk: Desk) -> tuple[AsyncApp, list[Json]]:
    """A bolt app that answers everything and keeps what it was sent."""
    app, seen = desk.bolt_app(), []

    @app.command("/deploy")
    async def deploy(ack: Any, body: Json, respond: Any) -> None:
        seen.append(body)
        await ack(text=f"Accepted: {body['text']}", blocks=CARD)
        await respond(text="for all", response_type="in_channel", blocks=CARD)

    @app.action("go")
    async def go(ack: Any, body: Json, client: Any) -> None:
        seen.append(body)
        await ack()
        label = {"type": "plain_text", "text": "Version"}
        element = {"type": "plain_text_input", "action_id": "v", "initial_value": "1.4.2"}
        modal = {
            "type": "modal",
            "callback_id": "form",
            "title": {"type": "plain_text", "text": "Deploy"},
            "submit": {"type": "plain_text", "text": "Deploy"},
            "notify_on_close": True,
            "blocks": [{"type": "input", "block_id": "version", "label": label, "element": element}],
        }
        await client.views_open(trigger_id=body["trigger_id"], view=modal)

    @app.view("form")
    async def submitted(ack: Any, body: Json) -> None:
        seen.append(body)
        if body["view"]["state"]["values"]["version"]["v"]["value"] == "bad":
            await ack(response_action="errors", errors={"version": "No such version"})
        else:
            await ack()

    @app.view_closed("form")
    async def closed(ack: Any, body: Json) -> None:
        seen.append(body)
        await ack()

    @app.event("app_mention")
    async def mentioned(body: Json, say: Any) -> None:
        seen.append(body)
        await say(text="heard", thread_ts=body["event"]["ts"])

    @app.event("app_home_opened")
    async def home(body: Json, client: Any) -> None:
        seen.append(body)
        await client.views_publish(user_id=body["event"]["user"], view={"type": "home", "blocks": [SECTION]})

    return app, seen


async def try_everything(desk: Desk, seen: list[Json]) -> None:
    """A command, a click, a form with an error and without, a closed form, a mention and the Home."""
    answer = await desk.act("command", channel="C0STG", command="/deploy", text="stg admin")
    assert answer["response"]["text"] == "Accepted: stg admin"
    await until(lambda: len(desk.slack.world.workspace.channels["C0STG"].messages) == 1)
    whisper, public = sorted(await desk.history(), key=lambda message: "ephemeral" not in message)
    assert (whisper["text"], public["text"]) == ("Accepted: stg admin", "for all")
    command = seen[0]
    assert command["response_url"].startswith(desk.slack.world.base_url)
    assert (command["channel_name"], command["user_name"], command["api_app_id"]) == (
        "deploys-stg",
        "alice",
        "A0KAJITORI",
    )

    clicked = await desk.act("click", channel="C0STG", ts=public["ts"], block_id="a", action_id="go")
    assert clicked == {"ok": True}
    action = seen[1]
    assert action["actions"][0] | {"action_ts": ""} == {
        "type": "button",
        "action_id": "go",
        "block_id": "a",
        "text": {"type": "plain_text", "text": "Go"},
        "value": "r1:3",
        "action_ts": "",
    }
    assert action["container"] == {
        "type": "message",
        "message_ts": public["ts"],
        "channel_id": "C0STG",
        "is_ephemeral": False,
    }
    assert (action["message"]["ts"], action["state"], action["user"]["id"]) == (public["ts"], {"values": {}}, "U0ALICE")
    await until(lambda: desk.slack.world.forms._stacks.get("U0ALICE"))
    (view_id,) = desk.slack.world.forms._stacks["U0ALICE"]

    empty = await desk.act("submit", view_id=view_id, values={"version": {"v": {"value": ""}}})
    assert empty["errors"] == {"version": "Please complete this required field."}
    wrong = await desk.act("submit", view_id=view_id, values={"version": {"v": {"value": "bad"}}})
    assert (wrong["response_action"], wrong["errors"]) == ("errors", {"version": "No such version"})
    right = await desk.act("submit", view_id=view_id, values={"version": {"v": {"value": "1.4.3"}}})
    assert right == {"ok": True, "response_action": None}
    assert seen[-1]["view"]["state"]["values"] == {"version": {"v": {"type": "plain_text_input", "value": "1.4.3"}}}

    said = await desk.act("say", channel="C0STG", text="@Kajitori status")
    await until(lambda: seen[-1]["type"] == "event_callback")
    event = seen[-1]["event"]
    assert (event["type"], event["text"], event["ts"]) == ("app_mention", "<@U0KAJITORI> status", said["ts"])
    channel = desk.slack.world.workspace.channels["C0STG"]
    await until(lambda: channel.messages[said["ts"]].get("reply_count") == 1)

    await desk.act("home")
    await until(lambda: desk.slack.world.forms.home("U0ALICE"))
    assert (await desk.act("home"))["view"]["blocks"][0]["text"]["text"] == "Ready"
