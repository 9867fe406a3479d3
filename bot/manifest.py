"""The Slack app manifest, derived from the handlers: commands, scopes, events. Printed by `kajitori manifest`.

Source of the format: docs.slack.dev/reference/app-manifest (schema version 2).
"""

from typing import Any

from bot.router import Command, FieldKind, Router
from bot.slack.scopes import bot_scopes

EVENTS = ("app_mention",)


def slack_manifest(router: Router, *, http_url: str | None = None) -> dict[str, Any]:
    """As JSON. `http_url`: base address for HTTP mode; None: Socket Mode."""
    commands = [
        _command(f"/{command.name}", command.summary, command.hint, http_url, escape=_names_people(command))
        for command in router.commands.values()
        if command.slash
    ]
    about = "Help, and every command where its own name is taken"
    own = _command("/kajitori", about, "help | COMMAND …", http_url, escape=True)
    interactivity: dict[str, Any] = {"is_enabled": True}
    subscriptions: dict[str, Any] = {"bot_events": list(EVENTS)}
    if http_url is not None:
        interactivity["request_url"] = subscriptions["request_url"] = _events_url(http_url)
    return {
        "_metadata": {"major_version": 2, "minor_version": 1},
        "display_information": {
            "name": "Kajitori",
            "description": "Releases services to Kubernetes, from this channel",
            "background_color": "#1d3557",
        },
        "features": {
            "bot_user": {"display_name": "Kajitori", "always_online": True},
            "slash_commands": [*commands, own],
        },
        "oauth_config": {"scopes": {"bot": sorted({*bot_scopes(), "commands", "app_mentions:read"})}},
        "settings": {
            "event_subscriptions": subscriptions,
            "interactivity": interactivity,
            "org_deploy_enabled": False,
            "socket_mode_enabled": http_url is None,
            "token_rotation_enabled": False,
        },
    }


def _names_people(command: Command) -> bool:
    """Whether Slack must send mentions as ids: only then can people be told apart."""
    return any(field.kind is FieldKind.PERSON for field in command.fields)


def _command(name: str, summary: str, hint: str, http_url: str | None, *, escape: bool) -> dict[str, Any]:
    made: dict[str, Any] = {"command": name, "description": summary[:100], "should_escape": escape}
    if hint:
        made["usage_hint"] = hint
    if http_url is not None:
        made["url"] = _events_url(http_url)
    return made


def _events_url(http_url: str) -> str:
    return http_url.rstrip("/") + "/slack/events"
