"""The OAuth scopes that the bot's Web API calls need. The app manifest is derived from here; a test keeps it complete.

Sources: each method's page on docs.slack.dev. Reading methods for conversations name one scope per kind of
conversation; the bot posts to public and private channels and to direct messages.
"""

from collections.abc import Mapping

BOT_SCOPES: Mapping[str, tuple[str, ...]] = {
    "auth.test": (),
    "chat.postEphemeral": ("chat:write",),
    "chat.postMessage": ("chat:write",),
    "chat.update": ("chat:write",),
    # Reading back after a lost answer, to learn whether the message is there.
    "conversations.history": ("channels:history", "groups:history", "im:history"),
    "conversations.info": ("channels:read", "groups:read", "im:read", "mpim:read"),
    "conversations.list": ("channels:read", "groups:read"),
    "conversations.open": ("im:write",),
    "conversations.replies": ("channels:history", "groups:history", "im:history"),
    # Who is on call stands in the topic of a channel.
    "conversations.setTopic": ("channels:write.topic",),
    "usergroups.list": ("usergroups:read",),
    "usergroups.users.list": ("usergroups:read",),
    "users.info": ("users:read",),
    "views.open": (),
    "views.update": (),
}
"""Web API method → the scopes of the bot token it needs."""

APP_SCOPES: Mapping[str, tuple[str, ...]] = {"apps.connections.open": ("connections:write",)}
"""Web API method → the scopes of the app-level token it needs (Socket Mode only)."""


def bot_scopes() -> tuple[str, ...]:
    """What calls need, sorted, each once. Commands and events add theirs (`commands`, `app_mentions:read`)."""
    return tuple(sorted({scope for scopes in BOT_SCOPES.values() for scope in scopes}))
