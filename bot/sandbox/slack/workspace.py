"""The workspace: people, conversations and what is said in them, and who is watching.

Changed by the Web API, by response_url and by people; every change is told to those who watch (`listen`) and to
`on_message`, which turns it into events for the app. Nothing here knows of HTTP.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bot.sandbox.slack.people import (
    APP_ID,
    BOT_ID,
    BOT_NAME,
    BOT_USER_ID,
    TEAM_ID,
    TEAM_NAME,
    Channel,
    Json,
    User,
    Usergroup,
    scene_channels,
    scene_usergroups,
    scene_users,
)

MOST_MESSAGES = 5_000  # per channel; the oldest go first, so that a long bench does not eat the machine
MOST_FRAMES = 10_000  # per watcher that does not read

MessageHook = Callable[[str, Channel, Json, Json | None], None]
"""(subtype, channel, message, previous): subtype is "" for a new one, else message_changed or message_deleted."""


class Workspace:
    """One team, in memory, fresh at each start."""

    def __init__(self) -> None:
        self.users: dict[str, User] = {user.id: user for user in scene_users()}
        self.usergroups: dict[str, Usergroup] = {group.id: group for group in scene_usergroups()}
        self.channels: dict[str, Channel] = {channel.id: channel for channel in scene_channels()}
        self.on_message: MessageHook = lambda subtype, channel, message, previous: None
        self._last_ts = (0, 0)
        self._watchers: list[tuple[str, asyncio.Queue[Json]]] = []
        for user in list(self.users.values()):
            if not user.is_bot:
                self.im_with(user.id)

    def mint_ts(self) -> str:
        """A message's name: seconds.microseconds, never the same twice, always growing."""
        now_us = time.time_ns() // 1000
        stamp = (now_us // 1_000_000, now_us % 1_000_000)
        if stamp <= self._last_ts:
            seconds, micros = self._last_ts
            stamp = (seconds + 1, 0) if micros == 999_999 else (seconds, micros + 1)
        self._last_ts = stamp
        return f"{stamp[0]}.{stamp[1]:06d}"

    def find_channel(self, reference: str) -> Channel | None:
        """A conversation by id, by name with or without #, or by a person's id (their direct message)."""
        if reference in self.channels:
            return self.channels[reference]
        if reference in self.users and not self.users[reference].is_bot:
            return self.im_with(reference)
        name = reference.removeprefix("#")
        return next((channel for channel in self.channels.values() if channel.name == name and not channel.is_im), None)

    def im_with(self, user_id: str) -> Channel:
        """The direct message between the bot and a person, made when it is first asked for."""
        for channel in self.channels.values():
            if channel.peer == user_id:
                return channel
        channel = Channel("D0" + user_id.removeprefix("U0"), BOT_NAME, {user_id, BOT_USER_ID}, peer=user_id)
        self.channels[channel.id] = channel
        return channel

    def channels_of(self, user_id: str) -> list[Channel]:
        """The conversations a person is in."""
        return [channel for channel in self.channels.values() if user_id in channel.members]

    # Watching

    @contextmanager
    def listen(self, user_id: str) -> Iterator[asyncio.Queue[Json]]:
        """The frames that this person's Slack gets, as they come."""
        watcher = (user_id, asyncio.Queue[Json](MOST_FRAMES))
        self._watchers.append(watcher)
        try:
            yield watcher[1]
        finally:
            self._watchers.remove(watcher)

    def tell(self, frame: Json, user_id: str | None = None, channel: Channel | None = None) -> None:
        """Send a frame to one person, to all members of a channel, or to everybody."""
        for watcher, queue in self._watchers:
            if (user_id is None or watcher == user_id) and (channel is None or watcher in channel.members):
                if queue.full():
                    queue.get_nowait()
                queue.put_nowait(frame)

    # Messages

    def from_bot(self, fields: Json) -> Json:
        """A message of the bot's, without its ts."""
        return {
            "type": "message",
            "user": BOT_USER_ID,
            "bot_id": BOT_ID,
            "app_id": APP_ID,
            "team": TEAM_ID,
            "bot_profile": {
                "id": BOT_ID,
                "app_id": APP_ID,
                "user_id": BOT_USER_ID,
                "name": BOT_NAME,
                "deleted": False,
                "updated": 1_790_000_000,
                "team_id": TEAM_ID,
            },
            **fields,
        }

    def post(self, channel: Channel, message: Json) -> Json:
        """Put a message or a thread's reply into a channel; returns it with its ts."""
        ts = self.mint_ts()
        message = {**message, "ts": ts}
        channel.messages[ts] = message
        if len(channel.messages) > MOST_MESSAGES:
            del channel.messages[next(iter(channel.messages))]
        self.tell({"type": "message", "channel": channel.id, "message": dict(message)}, channel=channel)
        parent = channel.messages.get(message.get("thread_ts", ""))
        if parent is not None and parent is not message:
            self._count_replies(channel, parent)
        self.on_message("", channel, message, None)
        return message

    def _count_replies(self, channel: Channel, parent: Json) -> None:
        replies = [m for m in channel.messages.values() if m.get("thread_ts") == parent["ts"] and m is not parent]
        authors = list(dict.fromkeys(str(reply["user"]) for reply in replies))
        for name in ("thread_ts", "reply_count", "reply_users_count", "reply_users", "latest_reply", "is_locked"):
            parent.pop(name, None)
        if replies:
            parent |= {
                "thread_ts": parent["ts"],
                "reply_count": len(replies),
                "reply_users_count": len(authors),
                "reply_users": authors,
                "latest_reply": replies[-1]["ts"],
                "is_locked": False,
            }
        self.tell({"type": "message_changed", "channel": channel.id, "message": dict(parent)}, channel=channel)

    def change(self, channel: Channel, ts: str, fields: Json, edited_by: str | None = None) -> Json:
        """Change fields of a message; a field that is None goes away. Returns the message as it is now."""
        message = channel.messages[ts]
        previous = dict(message)
        for name, entry in fields.items():
            if entry is None:
                message.pop(name, None)
            else:
                message[name] = entry
        if edited_by is not None:
            message["edited"] = {"user": edited_by, "ts": self.mint_ts()}
        self.tell({"type": "message_changed", "channel": channel.id, "message": dict(message)}, channel=channel)
        self.on_message("message_changed", channel, message, previous)
        return message

    def react(self, channel: Channel, message: Json, reactions: list[Json]) -> None:
        """Set a message's reactions; that is no edit, so the app hears of no change."""
        message.pop("reactions", None)
        if reactions:
            message["reactions"] = reactions
        self.tell({"type": "message_changed", "channel": channel.id, "message": dict(message)}, channel=channel)

    def remove(self, channel: Channel, ts: str) -> None:
        """Delete a message."""
        message = channel.messages.pop(ts)
        self.tell({"type": "message_deleted", "channel": channel.id, "ts": ts}, channel=channel)
        parent = channel.messages.get(message.get("thread_ts", ""))
        if parent is not None:
            self._count_replies(channel, parent)
        self.on_message("message_deleted", channel, message, message)

    # Whispers: messages that one person sees

    def whisper(self, channel: Channel, user_id: str, message: Json) -> Json:
        """Show a message to one person only; returns it with its ts."""
        ts = self.mint_ts()
        message = {**message, "ts": ts, "ephemeral": True}
        channel.whispers.setdefault(user_id, {})[ts] = message
        # A slash command works in channels that the bot is not in, so the person is told wherever they are.
        self.tell({"type": "message", "channel": channel.id, "message": dict(message)}, user_id=user_id)
        return message

    def change_whisper(self, channel: Channel, user_id: str, ts: str, message: Json) -> None:
        """Put another message in a whisper's place."""
        message = {**message, "ts": ts, "ephemeral": True}
        channel.whispers[user_id][ts] = message
        self.tell({"type": "message_changed", "channel": channel.id, "message": dict(message)}, user_id=user_id)

    def remove_whisper(self, channel: Channel, user_id: str, ts: str) -> None:
        """Take a whisper away."""
        del channel.whispers[user_id][ts]
        self.tell({"type": "message_deleted", "channel": channel.id, "ts": ts}, user_id=user_id)

    def visible(self, channel: Channel, user_id: str, thread_ts: str | None = None) -> list[Json]:
        """What a person sees of a channel, or of one thread with its parent, oldest first."""
        every = [*channel.messages.values(), *channel.whispers.get(user_id, {}).values()]
        every.sort(key=lambda message: [int(part) for part in message["ts"].split(".")])
        if thread_ts is None:
            return [m for m in every if m.get("thread_ts", m["ts"]) == m["ts"] or m.get("reply_broadcast")]
        return [m for m in every if thread_ts in (m["ts"], m.get("thread_ts"))]

    def as_client_json(self, user_id: str) -> Json:
        """What a person's Slack needs before it can show anything."""
        return {
            "team": {"id": TEAM_ID, "name": TEAM_NAME},
            "me": user_id,
            "bot": {"user_id": BOT_USER_ID, "name": BOT_NAME},
            "users": [user.as_client_json() for user in self.users.values()],
            "usergroups": [{"id": g.id, "handle": g.handle, "name": g.name} for g in self.usergroups.values()],
            "channels": [channel.as_client_json() for channel in self.channels_of(user_id)],
        }
