"""Slack's payloads as Inbound: which kind, which idempotency key, when it happened.

Called by the socket and by the HTTP door. Pure: the clock is an argument. Malformed payloads raise Malformed.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bot.inbound.inbound import Inbound, InboundKind

MAX_DEPTH = 50
"""Levels of nesting. Block Kit needs about 15; a deeper payload was made to hurt a recursive reader."""


class Malformed(ValueError):
    """A payload that is not what Slack sends."""


def from_slash(
    form: Mapping[str, Any], *, received_at: datetime, envelope_id: str | None = None, signed_at: datetime | None = None
) -> Inbound:
    """A slash command. Its trigger_id is unique for each time somebody pressed Enter."""
    key = f"slash:{_text(form, 'team_id')}:{_text(form, 'trigger_id')}"
    return Inbound(InboundKind.SLASH, key, envelope_id, form, signed_at, received_at)


def from_interaction(
    payload: Mapping[str, Any],
    *,
    received_at: datetime,
    envelope_id: str | None = None,
    signed_at: datetime | None = None,
) -> Inbound:
    """A click, a shortcut, or a form."""
    match payload.get("type"):
        case "view_submission" | "view_closed" as happening:
            view = _mapping(payload, "view")
            key = f"view:{_text(view, 'id')}:{view.get('hash', '')}"
            if happening == "view_closed":
                key += ":closed"  # the same view can be submitted with errors and then closed
            return Inbound(InboundKind.VIEW, key, envelope_id, payload, signed_at, received_at)
        case "block_actions":
            key, happened_at = _action(payload)
        case _:
            # Shortcuts have no action list; their time stands at the top.
            stamp = str(payload.get("action_ts") or _text(payload, "trigger_id"))
            key = f"act:{_team(payload)}:::{payload.get('callback_id', '')}:{stamp}:{_user(payload)}"
            happened_at = _moment(payload.get("action_ts"))
    return Inbound(InboundKind.ACTION, key, envelope_id, payload, happened_at or signed_at, received_at)


def from_event(
    payload: Mapping[str, Any],
    *,
    received_at: datetime,
    envelope_id: str | None = None,
    signed_at: datetime | None = None,
) -> Inbound:
    """An Events API delivery. Retries carry the same event_id and event_time, and a fresh signature."""
    if payload.get("type") == "app_rate_limited":
        # The one delivery without an id: at most one per team and minute.
        key = f"evt:app_rate_limited:{payload.get('team_id', '')}:{payload.get('minute_rate_limited', '')}"
        return Inbound(InboundKind.EVENT, key, envelope_id, payload, signed_at, received_at)
    _mapping(payload, "event")
    key = f"evt:{_text(payload, 'event_id')}"
    happened_at = _moment(payload.get("event_time")) or signed_at
    return Inbound(InboundKind.EVENT, key, envelope_id, payload, happened_at, received_at)


def from_envelope(envelope: Mapping[str, Any], *, received_at: datetime) -> Inbound:
    """A Socket Mode envelope of type slash_commands, interactive or events_api."""
    envelope_id = _text(envelope, "envelope_id")
    payload = _mapping(envelope, "payload")
    match envelope.get("type"):
        case "slash_commands":
            return from_slash(payload, received_at=received_at, envelope_id=envelope_id)
        case "interactive":
            return from_interaction(payload, received_at=received_at, envelope_id=envelope_id)
        case "events_api":
            return from_event(payload, received_at=received_at, envelope_id=envelope_id)
        case unknown:
            raise Malformed(f"unknown envelope type {unknown!r}")


def require_shallow(value: Any, limit: int = MAX_DEPTH) -> None:
    """Raise Malformed if `value` nests deeper than `limit`. Iterative, so that it can't be overflowed itself."""
    level = [value]
    for _ in range(limit):
        level = [
            child
            for parent in level
            if isinstance(parent, dict | list)
            for child in (parent.values() if isinstance(parent, dict) else parent)
        ]
        if not level:
            return
    raise Malformed(f"nested deeper than {limit} levels")


def _action(payload: Mapping[str, Any]) -> tuple[str, datetime | None]:
    actions = payload.get("actions")
    if not isinstance(actions, list) or not actions or not isinstance(actions[0], dict):
        raise Malformed("block_actions without actions")
    action = actions[0]
    container = payload.get("container")
    container = container if isinstance(container, dict) else {}
    channel = payload.get("channel")
    channel_id = (channel.get("id") if isinstance(channel, dict) else None) or container.get("channel_id") or ""
    # In a form there is no message: the view stands in its place.
    place = container.get("message_ts") or container.get("view_id") or ""
    stamp = _text(action, "action_ts")
    key = f"act:{_team(payload)}:{channel_id}:{place}:{_text(action, 'action_id')}:{stamp}:{_user(payload)}"
    return key, _moment(stamp)


def _team(payload: Mapping[str, Any]) -> str:
    team = payload.get("team")
    if isinstance(team, dict):
        return str(team.get("id", ""))
    # An app installed for a whole organisation gets team: null.
    user = payload.get("user")
    return str(user.get("team_id", "")) if isinstance(user, dict) else ""


def _user(payload: Mapping[str, Any]) -> str:
    return _text(_mapping(payload, "user"), "id")


def _text(mapping: Mapping[str, Any], field: str) -> str:
    value = mapping.get(field)
    if not isinstance(value, str) or not value:
        raise Malformed(f"{field} is missing")
    return value


def _mapping(mapping: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    value = mapping.get(field)
    if not isinstance(value, dict):
        raise Malformed(f"{field} is missing")
    return value


def _moment(stamp: object) -> datetime | None:
    """Slack's seconds since 1970, as a number or as text with microseconds; None if it is no time."""
    if not isinstance(stamp, str | int | float):
        return None
    try:
        return datetime.fromtimestamp(float(stamp), UTC)
    except (ValueError, OverflowError, OSError):
        return None
