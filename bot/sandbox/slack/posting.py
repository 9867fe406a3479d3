"""What may be posted, and where: the rules that chat.*, response_url and acknowledgements share.

`checked_message` judges and builds; it posts nothing.
"""

from typing import Any

from bot.sandbox.slack.arguments import Arguments
from bot.sandbox.slack.blocks import (
    LONGEST_TEXT,
    LONGEST_VIEW,
    MOST_BLOCK_TEXT,
    message_faults,
    text_length,
    view_faults,
)
from bot.sandbox.slack.forms import with_ids
from bot.sandbox.slack.people import BOT_USER_ID, Channel, Json
from bot.sandbox.slack.schema import Fault
from bot.sandbox.slack.tickets import SlackRefusal
from bot.sandbox.slack.world import World

MOST_ATTACHMENTS = 100
LONGEST_METADATA = 16_000


def refuse(error: str, faults: list[Fault]) -> None:
    """Raise `error` with Slack's lines about each fault, when there is one."""
    if faults:
        lines = [fault.line() for fault in faults]
        raise SlackRefusal(error, errors=[fault.message for fault in faults], response_metadata={"messages": lines})


def checked_message(args: Arguments, budget: bool) -> Json:
    """The fields of a message as Slack would keep them; SlackRefusal when it would not.

    With `budget` the sum of the blocks' text counts too, as on chat.postMessage; response_url has no such limit.
    """
    fields: Json = {"text": args.text("text")}
    blocks = args.structure("blocks", "invalid_blocks_format")
    attachments = args.structure("attachments", "invalid_attachments")
    if blocks is not None and not isinstance(blocks, list):
        raise SlackRefusal("invalid_blocks_format")
    if blocks:
        refuse("invalid_blocks", message_faults(blocks))
        if budget and text_length(blocks) > MOST_BLOCK_TEXT:
            raise SlackRefusal("msg_blocks_too_long")
    if blocks is not None:
        fields["blocks"] = with_ids(blocks)
    if attachments is not None:
        fields["attachments"] = _checked_attachments(attachments)
    if len(fields["text"]) > LONGEST_TEXT:
        raise SlackRefusal("msg_too_long")
    if not fields["text"].strip() and not blocks and not attachments:
        raise SlackRefusal("no_text")
    metadata = args.structure("metadata", "invalid_metadata_format")
    if metadata is not None:
        fields["metadata"] = _checked_metadata(metadata)
    return fields


def _checked_attachments(attachments: Any) -> list[Json]:
    if not isinstance(attachments, list) or not all(isinstance(each, dict) for each in attachments):
        raise SlackRefusal("invalid_attachments")
    if len(attachments) > MOST_ATTACHMENTS:
        raise SlackRefusal("too_many_attachments")
    kept = []
    for place, attachment in enumerate(attachments):
        if "blocks" in attachment:
            refuse("invalid_blocks", message_faults(attachment["blocks"], f"/attachments/{place}/blocks"))
            attachment = {**attachment, "blocks": with_ids(attachment["blocks"])}
        kept.append({"id": place + 1, "fallback": "[no preview available]", **attachment})
    return kept


def _checked_metadata(metadata: Any) -> Json:
    if not isinstance(metadata, dict) or not metadata.keys() <= {"event_type", "event_payload", "entities"}:
        raise SlackRefusal("invalid_metadata_format")
    event_type, payload = metadata.get("event_type"), metadata.get("event_payload")
    if not isinstance(event_type, str) or not event_type or not isinstance(payload, dict):
        raise SlackRefusal("invalid_metadata_format")
    if len(str(payload)) > LONGEST_METADATA:
        raise SlackRefusal("metadata_too_large")
    return metadata


def checked_view(view: Any) -> Json:
    """A view that Slack would show; SlackRefusal `invalid_arguments` or `view_too_large` otherwise."""
    refuse("invalid_arguments", view_faults(view))
    if len(str(view)) > LONGEST_VIEW:
        raise SlackRefusal("view_too_large")
    return dict(view)


def channel_to_post_in(world: World, reference: str) -> Channel:
    """The conversation, when the bot may post there; SlackRefusal says why not."""
    channel = world.workspace.find_channel(reference) if reference else None
    if channel is None:
        raise SlackRefusal("channel_not_found")
    if channel.is_archived:
        raise SlackRefusal("is_archived")
    if BOT_USER_ID not in channel.members:
        scopes = world.app.scopes
        may_post_anywhere = scopes is not None and "chat:write.public" in scopes
        if channel.is_private:
            raise SlackRefusal("channel_not_found")
        if not may_post_anywhere:
            raise SlackRefusal("not_in_channel")
    return channel


def channel_to_read(world: World, reference: str) -> Channel:
    """A conversation by id, when the bot is in it. Reading takes no names, as with the real Slack."""
    channel = world.workspace.channels.get(reference)
    if channel is None:
        raise SlackRefusal("channel_not_found")
    if BOT_USER_ID not in channel.members:
        raise SlackRefusal("not_in_channel")
    return channel
