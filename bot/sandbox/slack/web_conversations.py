"""The Web API's conversations.*, users.*, usergroups.* and bots.info.

Registered by `bot.sandbox.slack.web_api`. Each method takes the world and the call's arguments and returns the
answer's fields, or raises SlackRefusal.
"""

import base64
import binascii
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import TypeVar

from bot.sandbox.slack.arguments import Arguments
from bot.sandbox.slack.people import APP_ID, BOT_ID, BOT_NAME, BOT_USER_ID, Channel, Json, User
from bot.sandbox.slack.posting import channel_to_read
from bot.sandbox.slack.tickets import SlackRefusal
from bot.sandbox.slack.world import World

Item = TypeVar("Item")


def _page(items: Sequence[Item], args: Arguments, default: int, most: int = 1000) -> tuple[list[Item], str]:
    """One page of a list and the cursor of the next, "" for the last."""
    start = 0
    if args.text("cursor"):
        try:
            start = int(base64.b64decode(args.text("cursor"), validate=True).decode().removeprefix("next:"))
        except (binascii.Error, ValueError) as err:
            raise SlackRefusal("invalid_cursor") from err
    end = start + args.whole("limit", default, most)
    cursor = base64.b64encode(f"next:{end}".encode()).decode() if end < len(items) else ""
    return list(items[start:end]), cursor


def _moment(args: Arguments, name: str) -> Decimal | None:
    if not args.text(name):
        return None
    try:
        return Decimal(args.text(name))
    except InvalidOperation as err:
        raise SlackRefusal(f"invalid_ts_{name}") from err


def _within(messages: Sequence[Json], args: Arguments) -> list[Json]:
    """The messages between `oldest` and `latest`; the ends count only when `inclusive`."""
    oldest, latest, inclusive = _moment(args, "oldest"), _moment(args, "latest"), args.flag("inclusive")
    kept = []
    for message in messages:
        at = Decimal(message["ts"])
        late_enough = oldest is None or at > oldest or (inclusive and at == oldest)
        early_enough = latest is None or at < latest or (inclusive and at == latest)
        if late_enough and early_enough:
            kept.append(message)
    return kept


def _as_read(message: Json, args: Arguments) -> Json:
    if args.flag("include_all_metadata"):
        return dict(message)
    return {name: entry for name, entry in message.items() if name != "metadata"}


def history(world: World, args: Arguments) -> Json:
    """conversations.history: newest first, without the replies in threads."""
    channel = channel_to_read(world, args.text("channel"))
    roots = [m for m in channel.messages.values() if m.get("thread_ts", m["ts"]) == m["ts"] or m.get("reply_broadcast")]
    found = _within(roots[::-1], args)
    page, cursor = _page(found, args, 100)
    return {
        "messages": [_as_read(message, args) for message in page],
        "has_more": bool(cursor),
        "pin_count": 0,
        "response_metadata": {"next_cursor": cursor},
    }


def replies(world: World, args: Arguments) -> Json:
    """conversations.replies: the parent, then its replies, oldest first."""
    channel = channel_to_read(world, args.text("channel"))
    ts = args.text("ts")
    asked = channel.messages.get(ts)
    if asked is None:
        raise SlackRefusal("thread_not_found")
    root = asked.get("thread_ts", ts)
    answers = [m for m in channel.messages.values() if m.get("thread_ts") == root and m["ts"] != root]
    parent = [channel.messages[root]] if root in channel.messages else []
    page, cursor = _page([*parent, *_within(answers, args)], args, 1000)
    return {
        "messages": [_as_read(message, args) for message in page],
        "has_more": bool(cursor),
        "response_metadata": {"next_cursor": cursor},
    }


def _kind(channel: Channel) -> str:
    if channel.is_im:
        return "im"
    return "private_channel" if channel.is_private else "public_channel"


def _listed(world: World, args: Arguments, member: str | None) -> Json:
    kinds = (args.text("types") or "public_channel").replace(" ", "").split(",")
    if not set(kinds) <= {"public_channel", "private_channel", "im", "mpim"}:
        raise SlackRefusal("invalid_types")
    found = [
        channel
        for channel in world.workspace.channels.values()
        if _kind(channel) in kinds
        and (member is None or member in channel.members)
        and (not channel.is_private or BOT_USER_ID in channel.members)
        and not (args.flag("exclude_archived") and channel.is_archived)
    ]
    page, cursor = _page(found, args, 100)
    return {"channels": [channel.as_api_json() for channel in page], "response_metadata": {"next_cursor": cursor}}


def list_conversations(world: World, args: Arguments) -> Json:
    """conversations.list"""
    return _listed(world, args, None)


def users_conversations(world: World, args: Arguments) -> Json:
    """users.conversations: those of the bot, or of `user`."""
    return _listed(world, args, args.text("user") or BOT_USER_ID)


def _seen(world: World, args: Arguments) -> Channel:
    channel = world.workspace.channels.get(args.text("channel"))
    if channel is None or (channel.is_private and BOT_USER_ID not in channel.members):
        raise SlackRefusal("channel_not_found")
    return channel


def info(world: World, args: Arguments) -> Json:
    """conversations.info"""
    return {"channel": _seen(world, args).as_api_json()}


def members(world: World, args: Arguments) -> Json:
    """conversations.members"""
    page, cursor = _page(sorted(_seen(world, args).members), args, 100)
    return {"members": page, "response_metadata": {"next_cursor": cursor}}


def open_conversation(world: World, args: Arguments) -> Json:
    """conversations.open: the direct message with one person."""
    ids = [each for each in args.text("users").split(",") if each]
    if not ids and args.text("channel"):
        return {"channel": _seen(world, args).as_api_json(), "no_op": True, "already_open": True}
    if len(ids) != 1:
        raise SlackRefusal("not_enough_users" if not ids else "too_many_users")
    _person(world, ids[0])
    channel = world.workspace.im_with(ids[0])
    return {"channel": channel.as_api_json() if args.flag("return_im") else {"id": channel.id}}


def join(world: World, args: Arguments) -> Json:
    """conversations.join"""
    channel = _seen(world, args)
    if channel.is_archived:
        raise SlackRefusal("is_archived")
    if channel.is_im or channel.is_private:
        raise SlackRefusal("method_not_supported_for_channel_type")
    already = BOT_USER_ID in channel.members
    channel.members.add(BOT_USER_ID)
    answer: Json = {"channel": channel.as_api_json()}
    return answer | ({"warning": "already_in_channel"} if already else {})


def set_topic(world: World, args: Arguments) -> Json:
    """conversations.setTopic"""
    channel = channel_to_read(world, args.text("channel"))
    if channel.is_archived:
        raise SlackRefusal("is_archived")
    if len(args.text("topic")) > 250:
        raise SlackRefusal("too_long")
    channel.topic = args.text("topic")
    return {"channel": channel.as_api_json()}


def _person(world: World, user_id: str) -> User:
    user = world.workspace.users.get(user_id)
    if user is None:
        raise SlackRefusal("user_not_found")
    return user


def _may_see_email(world: World) -> bool:
    return world.app.scopes is None or "users:read.email" in world.app.scopes


def user_info(world: World, args: Arguments) -> Json:
    """users.info"""
    return {"user": _person(world, args.text("user")).as_api_json(_may_see_email(world))}


def list_users(world: World, args: Arguments) -> Json:
    """users.list"""
    page, cursor = _page(list(world.workspace.users.values()), args, 1000)
    everyone = [user.as_api_json(_may_see_email(world)) for user in page]
    return {"members": everyone, "cache_ts": 1_790_000_000, "response_metadata": {"next_cursor": cursor}}


def user_by_email(world: World, args: Arguments) -> Json:
    """users.lookupByEmail"""
    for user in world.workspace.users.values():
        if not user.is_bot and user.email == args.text("email"):
            return {"user": user.as_api_json(with_email=True)}
    raise SlackRefusal("users_not_found")


def list_usergroups(world: World, args: Arguments) -> Json:
    """usergroups.list"""
    with_users = args.flag("include_users")
    return {"usergroups": [group.as_api_json(with_users) for group in world.workspace.usergroups.values()]}


def usergroup_users(world: World, args: Arguments) -> Json:
    """usergroups.users.list"""
    group = world.workspace.usergroups.get(args.text("usergroup"))
    if group is None:
        raise SlackRefusal("no_such_subteam")
    return {"users": list(group.users)}


def bot_info(world: World, args: Arguments) -> Json:
    """bots.info"""
    if args.text("bot", BOT_ID) != BOT_ID:
        raise SlackRefusal("bot_not_found")
    bot = {"id": BOT_ID, "deleted": False, "name": BOT_NAME, "updated": 1_790_000_000, "app_id": APP_ID}
    return {"bot": bot | {"user_id": BOT_USER_ID, "icons": {}}}
