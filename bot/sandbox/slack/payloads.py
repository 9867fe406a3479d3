"""The payloads that Slack sends to an app, field by field as on docs.slack.dev.

Built by the person's side (`bot.sandbox.slack.client`) and by `bot.sandbox.slack.happenings`; sent by `delivery`.
"""

import secrets
import time

from bot.sandbox.slack.people import APP_ID, BOT_USER_ID, TEAM_DOMAIN, TEAM_ID, Channel, Json, User
from bot.sandbox.slack.tickets import ResponseUrl
from bot.sandbox.slack.world import World

# Deprecated by Slack in favour of signatures, and still in every payload.
VERIFICATION_TOKEN = "sandbox-verification-token"


def _channel_name(channel: Channel) -> str:
    return "directmessage" if channel.is_im else channel.name


def _response_url(world: World, grant: ResponseUrl) -> str:
    return f"{world.base_url}/response/{world.tickets.new_response_url(grant)}"


def slash_command(world: World, user: User, channel: Channel, command: str, text: str) -> Json:
    """What `/command text` becomes."""
    return {
        "token": VERIFICATION_TOKEN,
        "team_id": TEAM_ID,
        "team_domain": TEAM_DOMAIN,
        "channel_id": channel.id,
        "channel_name": _channel_name(channel),
        "user_id": user.id,
        "user_name": user.name,
        "command": command,
        "text": text,
        "api_app_id": APP_ID,
        "is_enterprise_install": "false",
        "response_url": _response_url(world, ResponseUrl(channel, user.id)),
        "trigger_id": world.tickets.new_trigger(user.id),
    }


def _interaction(world: World, kind: str, user: User, view_id: str | None = None) -> Json:
    return {
        "type": kind,
        "team": {"id": TEAM_ID, "domain": TEAM_DOMAIN},
        "user": {"id": user.id, "username": user.name, "name": user.name, "team_id": user.team_id},
        "api_app_id": APP_ID,
        "token": VERIFICATION_TOKEN,
        "trigger_id": world.tickets.new_trigger(user.id, view_id),
        "enterprise": None,
        "is_enterprise_install": False,
    }


def message_action(world: World, user: User, channel: Channel, message: Json, action: Json, values: Json) -> Json:
    """A click in a message."""
    whisper = bool(message.get("ephemeral"))
    container = {
        "type": "message",
        "message_ts": message["ts"],
        "channel_id": channel.id,
        "is_ephemeral": whisper,
    }
    if "thread_ts" in message:
        container["thread_ts"] = message["thread_ts"]
    grant = ResponseUrl(channel, user.id, message["ts"], whisper, message.get("thread_ts"))
    return _interaction(world, "block_actions", user) | {
        "container": container,
        "channel": {"id": channel.id, "name": _channel_name(channel)},
        "message": {name: entry for name, entry in message.items() if name != "ephemeral"},
        "state": {"values": values},
        "response_url": _response_url(world, grant),
        "actions": [action],
    }


def view_action(world: World, user: User, view: Json, action: Json) -> Json:
    """A click in a form or in the App Home."""
    return _interaction(world, "block_actions", user, view["id"]) | {
        "container": {"type": "view", "view_id": view["id"]},
        "view": view,
        "actions": [action],
    }


def view_submission(world: World, user: User, view: Json) -> Json:
    """A form sent off; the view's state holds what was filled in."""
    return _interaction(world, "view_submission", user, view["id"]) | {"view": view, "response_urls": []}


def view_closed(world: World, user: User, view: Json, is_cleared: bool) -> Json:
    """A form closed without sending it; there is nothing to trigger with."""
    payload = _interaction(world, "view_closed", user) | {"view": view, "is_cleared": is_cleared}
    del payload["trigger_id"]
    return payload


def event_callback(event: Json) -> Json:
    """The envelope of the Events API round one event."""
    return {
        "token": VERIFICATION_TOKEN,
        "team_id": TEAM_ID,
        "context_team_id": TEAM_ID,
        "context_enterprise_id": None,
        "api_app_id": APP_ID,
        "event": event,
        "type": "event_callback",
        "event_id": f"Ev{secrets.token_hex(5).upper()}",
        "event_time": int(time.time()),
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": TEAM_ID,
                "user_id": BOT_USER_ID,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": False,
        "event_context": f"4-{secrets.token_hex(16)}",
    }
