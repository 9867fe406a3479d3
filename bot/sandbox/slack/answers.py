"""Answers that need no token: what rides on an acknowledgement, and posts to a response_url.

Called by the person's side and mounted at /response/… by the emulator. The same rules hold for both.
"""

from aiohttp import web

from bot.sandbox.slack.arguments import Arguments, read_arguments
from bot.sandbox.slack.people import Channel, Json
from bot.sandbox.slack.posting import checked_message
from bot.sandbox.slack.tickets import ResponseUrl, SlackRefusal
from bot.sandbox.slack.world import World


def show_answer(world: World, grant: ResponseUrl, given: Json) -> None:
    """Do what an answer asks: delete or replace the message that was clicked, or say something new.

    `response_type` in_channel is seen by all, else only by the person; SlackRefusal when Slack would not take it.
    """
    args = Arguments(given)
    if args.flag("delete_original"):
        _delete_original(world, grant)
        return
    fields = checked_message(args, budget=False)
    # A click's answer replaces the message by default only in legacy attachments; Block Kit needs replace_original.
    if args.flag("replace_original") and grant.ts is not None:
        _replace_original(world, grant, fields)
        return
    thread_ts = args.text("thread_ts") or (grant.thread_ts or "")
    if thread_ts and thread_ts in grant.channel.messages:
        fields["thread_ts"] = thread_ts
    message = world.workspace.from_bot(fields)
    if args.text("response_type") == "in_channel":
        world.workspace.post(grant.channel, message)
    else:
        world.workspace.whisper(grant.channel, grant.user_id, message)


def _still_there(channel: Channel, grant: ResponseUrl) -> bool:
    if grant.is_whisper:
        return grant.ts in channel.whispers.get(grant.user_id, {})
    return grant.ts in channel.messages


def _delete_original(world: World, grant: ResponseUrl) -> None:
    if grant.ts is None or not _still_there(grant.channel, grant):
        raise SlackRefusal("message_not_found")
    if grant.is_whisper:
        world.workspace.remove_whisper(grant.channel, grant.user_id, grant.ts)
    else:
        world.workspace.remove(grant.channel, grant.ts)


def _replace_original(world: World, grant: ResponseUrl, fields: Json) -> None:
    if grant.ts is None or not _still_there(grant.channel, grant):
        raise SlackRefusal("message_not_found")
    if grant.is_whisper:
        kept = {name: grant.channel.whispers[grant.user_id][grant.ts].get(name) for name in ("thread_ts",)}
        message = world.workspace.from_bot(fields | {name: entry for name, entry in kept.items() if entry})
        world.workspace.change_whisper(grant.channel, grant.user_id, grant.ts, message)
    else:
        # All of the message is replaced: blocks that are not given again are gone, unlike with chat.update.
        whole = {"blocks": None, "attachments": None} | fields
        world.workspace.change(grant.channel, grant.ts, whole, edited_by=str(world.workspace.from_bot({})["user"]))


async def handle_response_url(world: World, request: web.Request) -> web.Response:
    """POST /response/ID."""
    given: Json = {}
    status, text = 200, "ok"
    try:
        given = await read_arguments(request)
        show_answer(world, world.tickets.spend_response_url(request.match_info["name"]), given)
    except SlackRefusal as refusal:
        gone = refusal.code in ("invalid_url", "expired_url", "used_url")
        status, text = 404 if gone else 400, refusal.code
    world.records.add("response_url", given, status, {"ok": status == 200, "error": None if status == 200 else text})
    return web.Response(status=status, text=text)
