"""Everything the sandbox's Slack knows, in one value that its parts share.

Made by `bot.sandbox.slack.emulator`; the Web API's methods and the person's side take it as their first argument.
"""

import asyncio
import secrets
from dataclasses import dataclass, field
from typing import Literal

from bot.sandbox.slack.faults import Faults
from bot.sandbox.slack.forms import Forms
from bot.sandbox.slack.pace import Pace, Timing
from bot.sandbox.slack.people import Json
from bot.sandbox.slack.records import Records
from bot.sandbox.slack.tickets import Tickets
from bot.sandbox.slack.workspace import Workspace

Limits = Literal["real", "off"]


@dataclass(slots=True)
class App:
    """The installed app: its secrets, made anew for each world, and what its manifest says.

    `scopes` None means every scope, for tests that are about something else.
    """

    bot_token: str = field(default_factory=lambda: f"xoxb-{secrets.token_hex(16)}")
    app_token: str = field(default_factory=lambda: f"xapp-1-{secrets.token_hex(16)}")
    signing_secret: str = field(default_factory=lambda: secrets.token_hex(16))
    scopes: frozenset[str] | None = None
    commands: list[Json] = field(default_factory=list)
    bot_events: frozenset[str] = frozenset({"app_mention", "app_home_opened", "message.im"})
    events_url: str | None = None
    """Where HTTP mode posts to; None is Socket Mode."""

    def read_manifest(self, manifest: Json) -> None:
        """Take commands, scopes and events from a Slack app manifest (api.slack.com/reference/manifests)."""
        self.commands = [
            {
                "command": command["command"],
                "description": command.get("description", ""),
                "usage_hint": command.get("usage_hint", ""),
                "should_escape": command.get("should_escape", False),
            }
            for command in manifest.get("features", {}).get("slash_commands", [])
        ]
        self.scopes = frozenset(manifest.get("oauth_config", {}).get("scopes", {}).get("bot", []))
        subscriptions = manifest.get("settings", {}).get("event_subscriptions", {})
        self.bot_events = frozenset(subscriptions.get("bot_events", []))


class World:
    """The workspace and all that hangs on it. `base_url` is known once the server listens."""

    def __init__(self, limits: Limits = "real", timing: Timing | None = None) -> None:
        self.timing = timing or Timing()
        self.base_url = "http://127.0.0.1"
        self.app = App()
        self.workspace = Workspace()
        self.forms = Forms(self.workspace)
        self.tickets = Tickets(self.timing)
        self.pace = Pace(enforced=limits == "real")
        self.faults = Faults()
        self.records = Records()
        self.installing: asyncio.Task[None] | None = None
        """Reads the app's manifest; who types a command meanwhile waits, as no command is known yet."""
        self.touched: dict[tuple[str, str, str], Json] = {}
        """What a person has chosen in a message's selects: (user, channel, ts) → state.values."""
