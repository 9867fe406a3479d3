"""The Web API's chat.*, reactions.*, views.* and blocks.validate.

Registered by `bot.sandbox.slack.web_api`. Each method takes the world and the call's arguments and returns the
answer's fields, or raises SlackRefusal.
"""

from bot.sandbox.slack.arguments import Arguments
from bot.sandbox.slack.blocks import message_faults, view_faults
from bot.sandbox.slack.people import BOT_USER_ID, TEAM_DOMAIN, Channel, Json
from bot.sandbox.slack.posting import channel_to_post_in, channel_to_read, checked_message, checked_view
from bot.sandbox.slack.tickets import SlackRefusal
from bot.sandbox.slack.world import World


def _thread_of(channel: Channel, args: Arguments) -> Json:
    """`thread_ts` for a reply; a reply to a reply joins its thread."""
    thread_ts = args.text("thread_ts")
    if not thread_ts:
        return {}
    parent = channel.messages.get(thread_ts)
    if parent is None:
        raise SlackRefusal("thread_not_found")
    return {"thread_ts": parent.get("thread_ts", thread_ts)}


def post_message(world: World, args: Arguments) -> Json:
    """chat.postMessage"""
    channel = channel_to_post_in(world, args.text("channel"))
    fields = checked_message(args, budget=True) | _thread_of(channel, args)
    if args.flag("reply_broadcast") and "thread_ts" in fields:
        fields |= {"reply_broadcast": True, "subtype": "thread_broadcast"}
    message = world.workspace.post(channel, world.workspace.from_bot(fields))
    answer: Json = {"channel": channel.id, "ts": message["ts"], "message": dict(message)}
    if not fields["text"]:
        # What a screen reader and a phone's lock screen would read out is missing.
        answer["warning"] = "missing_text_in_message"
        answer["response_metadata"] = {"warnings": ["missing_text_in_message"]}
    return answer


def _own_message(world: World, args: Arguments, refusal: str) -> tuple[Channel, Json]:
    channel = world.workspace.channels.get(args.text("channel"))
    if channel is None or BOT_USER_ID not in channel.members:
        raise SlackRefusal("channel_not_found")
    message = channel.messages.get(args.text("ts"))
    if message is None:
        raise SlackRefusal("message_not_found")
    if message.get("user") != BOT_USER_ID:
        raise SlackRefusal(refusal)
    if channel.is_archived:
        raise SlackRefusal("is_archived")
    return channel, message


def update(world: World, args: Arguments) -> Json:
    """chat.update: blocks, attachments and metadata that are not given stay as they are."""
    channel, message = _own_message(world, args, "cant_update_message")
    fields = checked_message(args, budget=True)
    if not args.has("text"):
        fields["text"] = message["text"]
    changed = world.workspace.change(channel, message["ts"], fields, edited_by=BOT_USER_ID)
    return {"channel": channel.id, "ts": changed["ts"], "text": changed["text"], "message": dict(changed)}


def delete(world: World, args: Arguments) -> Json:
    """chat.delete"""
    channel, message = _own_message(world, args, "cant_delete_message")
    world.workspace.remove(channel, message["ts"])
    return {"channel": channel.id, "ts": message["ts"]}


def post_ephemeral(world: World, args: Arguments) -> Json:
    """chat.postEphemeral"""
    channel = channel_to_post_in(world, args.text("channel"))
    if BOT_USER_ID not in channel.members:
        raise SlackRefusal("not_in_channel")
    if args.text("user") not in channel.members:
        raise SlackRefusal("user_not_in_channel")
    fields = checked_message(args, budget=True) | _thread_of(channel, args)
    message = world.workspace.whisper(channel, args.text("user"), world.workspace.from_bot(fields))
    return {"message_ts": message["ts"]}


def get_permalink(world: World, args: Arguments) -> Json:
    """chat.getPermalink"""
    channel = world.workspace.channels.get(args.text("channel"))
    if channel is None:
        raise SlackRefusal("channel_not_found")
    message = channel.messages.get(args.text("message_ts"))
    if message is None:
        raise SlackRefusal("message_not_found")
    link = f"https://{TEAM_DOMAIN}.slack.com/archives/{channel.id}/p{message['ts'].replace('.', '')}"
    if "thread_ts" in message:
        link += f"?thread_ts={message['thread_ts']}&cid={channel.id}"
    return {"channel": channel.id, "permalink": link}


def _reaction(world: World, args: Arguments, add: bool) -> Json:
    channel = channel_to_read(world, args.text("channel"))
    message = channel.messages.get(args.text("timestamp"))
    if message is None:
        raise SlackRefusal("message_not_found")
    name = args.text("name").strip(":")
    if not name:
        raise SlackRefusal("invalid_name")
    kept: dict[str, list[str]] = {each["name"]: list(each["users"]) for each in message.get("reactions", [])}
    users = kept.setdefault(name, [])
    if add == (BOT_USER_ID in users):
        raise SlackRefusal("already_reacted" if add else "no_reaction")
    if add:
        users.append(BOT_USER_ID)
    else:
        users.remove(BOT_USER_ID)
    reactions = [{"name": each, "users": by, "count": len(by)} for each, by in kept.items() if by]
    world.workspace.react(channel, message, reactions)
    return {}


def add_reaction(world: World, args: Arguments) -> Json:
    """reactions.add"""
    return _reaction(world, args, add=True)


def remove_reaction(world: World, args: Arguments) -> Json:
    """reactions.remove"""
    return _reaction(world, args, add=False)


def _given_view(args: Arguments, kind: str) -> Json:
    view = checked_view(args.structure("view", "invalid_arguments"))
    if view["type"] != kind:
        message = f"[ERROR] must be a {kind} view [json-pointer:/view/type]"
        raise SlackRefusal("invalid_arguments", response_metadata={"messages": [message]})
    return view


def open_view(world: World, args: Arguments) -> Json:
    """views.open; a view that is refused does not use up its trigger_id."""
    view = _given_view(args, "modal")
    trigger = world.tickets.spend_trigger(args.need("trigger_id"))
    return {"view": world.forms.open(trigger.user_id, view)}


def push_view(world: World, args: Arguments) -> Json:
    """views.push"""
    view = _given_view(args, "modal")
    trigger = world.tickets.spend_trigger(args.need("trigger_id"))
    if trigger.view_id is None:
        raise SlackRefusal("invalid_trigger_id")
    return {"view": world.forms.push(trigger.user_id, view)}


def update_view(world: World, args: Arguments) -> Json:
    """views.update"""
    given = checked_view(args.structure("view", "invalid_arguments"))
    view = world.forms.find(args.text("view_id") or None, args.text("external_id") or None)
    return {"view": world.forms.update(view, given, args.text("hash") or None)}


def publish_view(world: World, args: Arguments) -> Json:
    """views.publish"""
    view = _given_view(args, "home")
    user = world.workspace.users.get(args.need("user_id"))
    if user is None or user.is_bot:
        raise SlackRefusal("user_not_found")
    return {"view": world.forms.publish(user.id, view, args.text("hash") or None)}


def validate_blocks(world: World, args: Arguments) -> Json:
    """blocks.validate: exactly one of blocks, message and view."""
    given = {
        name: args.structure(name, "invalid_arguments") for name in ("blocks", "message", "view") if args.has(name)
    }
    if len(given) != 1:
        raise SlackRefusal("invalid_arguments")
    ((kind, value),) = given.items()
    match kind:
        case "blocks":
            faults = message_faults(value, "")
        case "message":
            faults = message_faults(value.get("blocks", []) if isinstance(value, dict) else value)
        case _:
            faults = view_faults(value, "")
    if faults:
        raise SlackRefusal(f"invalid_{kind}", errors=[fault.as_json() for fault in faults])
    return {}
