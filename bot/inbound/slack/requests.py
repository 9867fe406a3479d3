"""Slack's payloads as requests: which command, button or form, by whom, where. Called by the intake; pure."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bot.domain.names import ChannelId, UserId
from bot.domain.words import split
from bot.inbound.inbound import Inbound, InboundKind
from bot.router.call import Source
from bot.router.request import Request

OWN_COMMAND = "kajitori"
"""`/kajitori deploy …` is `/deploy …`, for workspaces where that name is taken."""
FORM_PREFIX = "command:"
"""callback_id of a command's form: `command:deploy`."""
_MENTION = re.compile(r"<@[UW][A-Z0-9]+(?:\|[^>]*)?>")
_NO_NEW_WORDS = frozenset({"message_changed", "message_deleted", "bot_message"})
_SLACK_LINK = re.compile(r"<([^<>|]+)(?:\|([^<>]*))?>")


def request_of(inbound: Inbound) -> Request | None:
    """The request, or None for what is none: a closed form, an event that is not for us, a link button."""
    match inbound.kind:
        case InboundKind.SLASH:
            return _slash(inbound)
        case InboundKind.ACTION:
            return _button(inbound)
        case InboundKind.VIEW:
            return _form(inbound)
        case InboundKind.EVENT:
            return _mention(inbound)


def _slash(inbound: Inbound) -> Request:
    payload = inbound.payload
    name, words = _own(_str(payload, "command").removeprefix("/").casefold(), split(_plain(_str(payload, "text"))))
    return Request(
        source=Source.SLASH,
        name=name,
        words=words,
        actor=UserId(_str(payload, "user_id")),
        team=_str(payload, "team_id"),
        channel=ChannelId(_str(payload, "channel_id")),
        channel_name=_str(payload, "channel_name"),
        asked_at=_when(inbound),
        trigger_id=_str(payload, "trigger_id") or None,
        response_url=_str(payload, "response_url") or None,
    )


def _own(name: str, words: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """`/kajitori deploy …` as `deploy …`; bare `/kajitori` asks for help."""
    if name != OWN_COMMAND:
        return name, words
    return (words[0].removeprefix("/").casefold(), words[1:]) if words else ("help", ())


def _button(inbound: Inbound) -> Request | None:
    payload = inbound.payload
    if "view" in payload:
        return _choice(inbound)
    action = payload["actions"][0]
    container = _map(payload, "container")
    message = _map(payload, "message")
    if not isinstance(action, Mapping) or "url" in action:
        return None
    chosen = _map(action, "selected_option")
    return Request(
        source=Source.BUTTON,
        name=_str(action, "action_id"),
        value=_str(action, "value") or _str(chosen, "value"),
        actor=UserId(_str(_map(payload, "user"), "id")),
        team=_str(_map(payload, "user"), "team_id") or _str(_map(payload, "team"), "id"),
        channel=ChannelId(_str(_map(payload, "channel"), "id") or _str(container, "channel_id")),
        channel_name=_str(_map(payload, "channel"), "name"),
        asked_at=_when(inbound),
        thread_ts=_str(message, "thread_ts") or _str(container, "thread_ts") or None,
        message_ts=_str(container, "message_ts") or None,
        trigger_id=_str(payload, "trigger_id") or None,
        response_url=_str(payload, "response_url") or None,
    )


def _form(inbound: Inbound) -> Request | None:
    payload = inbound.payload
    view = _map(payload, "view")
    callback = _str(view, "callback_id")
    if payload.get("type") != "view_submission" or not callback.startswith(FORM_PREFIX):
        return None
    return Request(
        source=Source.FORM,
        name=callback.removeprefix(FORM_PREFIX),
        values=_values(_map(_map(view, "state"), "values")),
        actor=UserId(_str(_map(payload, "user"), "id")),
        team=_str(_map(payload, "user"), "team_id") or _str(_map(payload, "team"), "id"),
        asked_at=_when(inbound),
        trigger_id=_str(payload, "trigger_id") or None,
        **_place(view),
    )


def _choice(inbound: Inbound) -> Request | None:
    """A choice in an open form of ours."""
    payload = inbound.payload
    view = _map(payload, "view")
    callback = _str(view, "callback_id")
    if not callback.startswith(FORM_PREFIX):
        return None
    return Request(
        source=Source.CHOICE,
        name=callback.removeprefix(FORM_PREFIX),
        values=_values(_map(_map(view, "state"), "values")),
        actor=UserId(_str(_map(payload, "user"), "id")),
        team=_str(_map(payload, "user"), "team_id") or _str(_map(payload, "team"), "id"),
        asked_at=_when(inbound),
        view_id=_str(view, "id") or None,
        view_hash=_str(view, "hash") or None,
        **_place(view),
    )


def _place(view: Mapping[str, Any]) -> dict[str, Any]:
    """Where the form was opened: `channel:thread_ts:channel_name:subject` in its private metadata."""
    channel, thread_ts, name, about = [*_str(view, "private_metadata").split(":", 3), "", "", ""][:4]
    return {"channel": ChannelId(channel), "thread_ts": thread_ts or None, "channel_name": name, "about": about}


def _values(state: Mapping[str, Any]) -> dict[str, str]:
    """Form values by block id, which is the field's name, and behind an @ what its options depend on."""
    values: dict[str, str] = {}
    for block_id, block in state.items():
        for element in (block or {}).values():
            chosen = _map(element, "selected_option")
            value = _str(chosen, "value") or _str(element, "value") or _str(element, "selected_user")
            values[block_id.partition("@")[0]] = value
    return values


def _mention(inbound: Inbound) -> Request | None:
    event = _map(inbound.payload, "event")
    if event.get("type") != "app_mention" or event.get("bot_id") or not _str(event, "user"):
        return None
    if "edited" in event or _str(event, "subtype") in _NO_NEW_WORDS:
        return None  # what was asked for is what was said first: who edits a message asks for nothing
    name, words = _own(OWN_COMMAND, split(_plain(_MENTION.sub(" ", _str(event, "text"), count=1))))
    return Request(
        source=Source.MENTION,
        name=name,
        words=words,
        actor=UserId(_str(event, "user")),
        team=_str(event, "team") or _str(event, "user_team") or _str(inbound.payload, "team_id"),
        channel=ChannelId(_str(event, "channel")),
        asked_at=_when(inbound),
        thread_ts=_str(event, "thread_ts") or None,
        message_ts=_str(event, "ts") or None,
    )


def _plain(text: str) -> str:
    """Slack's links and escapes undone: what the person typed. `<http://a.b|a.b>` is `a.b` again."""
    # A person keeps their id, which alone says who is meant.
    unlinked = _SLACK_LINK.sub(lambda link: link[1] if link[1].startswith("@") else link[2] or link[1], text)
    return unlinked.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _when(inbound: Inbound) -> datetime:
    return inbound.happened_at or inbound.received_at


def _str(mapping: Mapping[str, Any], key: str) -> str:
    value = mapping.get(key)
    return value if isinstance(value, str) else ""


def _map(mapping: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = mapping.get(key)
    return value if isinstance(value, Mapping) else {}
