"""Happenings: what is said in the workspace, told to the app as events it has subscribed to.

Hung on `Workspace.on_message` by the emulator. An app hears only of conversations it is in.
"""

from bot.sandbox.slack.delivery import Delivery
from bot.sandbox.slack.payloads import event_callback
from bot.sandbox.slack.people import BOT_USER_ID, Channel, Json
from bot.sandbox.slack.world import World


class Happenings:
    """From messages to events."""

    def __init__(self, world: World, delivery: Delivery) -> None:
        self._world = world
        self._delivery = delivery

    def on_message(self, subtype: str, channel: Channel, message: Json, previous: Json | None) -> None:
        """Tell the app of a new, changed or deleted message."""
        if BOT_USER_ID not in channel.members:
            return
        by_bot = message.get("user") == BOT_USER_ID
        if not subtype and not by_bot and not channel.is_im and f"<@{BOT_USER_ID}>" in message["text"]:
            self._tell("app_mention", self._said(channel, message) | {"type": "app_mention"})
        kind = "im" if channel.is_im else "channels"
        if f"message.{kind}" not in self._world.app.bot_events:
            return
        channel_type = "im" if channel.is_im else "channel"
        if not subtype:
            self._tell(f"message.{kind}", self._said(channel, message) | {"channel_type": channel_type})
            return
        ts = self._world.workspace.mint_ts()
        event: Json = {"type": "message", "subtype": subtype, "channel": channel.id, "channel_type": channel_type}
        event |= {"hidden": True, "ts": ts, "event_ts": ts, "previous_message": dict(previous or message)}
        event |= {"deleted_ts": message["ts"]} if subtype == "message_deleted" else {"message": dict(message)}
        self._tell(f"message.{kind}", event)

    def _said(self, channel: Channel, message: Json) -> Json:
        hidden = ("metadata", "reply_count", "reply_users", "reply_users_count", "latest_reply", "is_locked")
        said = {name: entry for name, entry in message.items() if name not in hidden}
        said |= {"channel": channel.id, "event_ts": message["ts"]}
        parent = channel.messages.get(message.get("thread_ts", ""))
        if parent is not None and parent["ts"] != message["ts"]:
            said["parent_user_id"] = parent["user"]
        return said

    def home_opened(self, user_id: str, view: Json | None) -> None:
        """Tell the app that a person looks at its Home."""
        event: Json = {
            "type": "app_home_opened",
            "user": user_id,
            "channel": self._world.workspace.im_with(user_id).id,
            "tab": "home",
            "event_ts": self._world.workspace.mint_ts(),
        }
        self._tell("app_home_opened", event | ({"view": view} if view is not None else {}))

    def _tell(self, subscription: str, event: Json) -> None:
        if subscription in self._world.app.bot_events:
            self._delivery.tell(event_callback(event))
