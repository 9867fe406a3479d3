"""Messages: post, edit, find again, whisper, answer. The only module that may call chat.* or a response_url.

Called by the outbox, and by the router for answers to one person. It does not retry and does not pace itself: the
outbox holds the Limiter. Text comes in escaped; links never unfold into previews, which would fetch them.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import aiohttp

from bot.domain.names import ChannelId, UserId
from bot.errors import NotFound, Refused, TooBusy, Unreachable
from bot.slack.client import SYSTEM, SlackClient, proxy_for, retry_after_s

_NO_PREVIEWS = {"unfurl_links": False, "unfurl_media": False}
_PAGE = 100
_MOST_PAGES = 10
"""A thousand messages since the one that is looked for: more than Slack accepts within any outage we look back on."""
_OUTSIDE_THE_CHANNEL = frozenset({"not_in_channel", "channel_not_found", "user_not_in_channel", "is_archived"})
_ANSWER_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Body:
    """What a message shows. `text` is what notifications and screen readers get, and the fallback for `blocks`."""

    text: str
    blocks: tuple[Mapping[str, Any], ...] = ()
    metadata: Mapping[str, Any] | None = None
    """`{"event_type": …, "event_payload": {…, "outbox_id": …}}`; `outbox_id` is what `find` looks for."""
    colour: str | None = None
    """`#rrggbb` of a bar beside all blocks but the first, which stays on top as the headline."""


@dataclass(frozen=True, slots=True)
class MessageRef:
    """A message in Slack: the channel's id, and the timestamp that is its name there."""

    channel: ChannelId
    ts: str


class Messages:
    """The bot's voice.

    Errors of every method: Unreachable after a post means that it may be there (look with `find`); TooBusy means that
    it is not; Refused carries Slack's code (`invalid_blocks`, `msg_too_long`, `not_in_channel`, …).
    """

    def __init__(self, client: SlackClient) -> None:
        self._client = client
        self._ids_by_name: dict[str, ChannelId] = {}

    async def post(
        self, channel: ChannelId, body: Body, *, thread_ts: str | None = None, broadcast: bool = False
    ) -> MessageRef:
        """Post once. Not idempotent: Slack has no key for it."""
        call = {"channel": channel, **_shown(body), **_NO_PREVIEWS}
        if thread_ts is not None:
            call |= {"thread_ts": thread_ts, "reply_broadcast": broadcast}
        answer = await self._client.call("chat.postMessage", body=call)
        if not answer.get("ts"):
            raise Unreachable(SYSTEM, "chat.postMessage: an answer without a timestamp")
        return MessageRef(ChannelId(str(answer.get("channel", channel))), str(answer["ts"]))

    async def edit(self, ref: MessageRef, body: Body) -> None:
        """Make the message show `body` and nothing else. Idempotent."""
        # What is left out stays as it was, so a bar or a block of before has to be taken away in so many words.
        call = {"channel": ref.channel, "ts": ref.ts, "blocks": [], "attachments": [], **_shown(body), **_NO_PREVIEWS}
        await self._client.call("chat.update", body=call)

    async def find(
        self, channel: ChannelId, *, outbox_id: str, oldest: datetime, thread_ts: str | None = None
    ) -> MessageRef | None:
        """The message with this `outbox_id` in its metadata, posted at or after `oldest`; None: it is not there now."""
        channel_id = await self._resolve(channel)
        query: dict[str, Any] = {
            "channel": channel_id,
            "oldest": f"{oldest.timestamp():.6f}",
            "inclusive": True,
            "include_all_metadata": True,
            "limit": _PAGE,
        }
        if thread_ts is not None:
            query["ts"] = thread_ts
        for _ in range(_MOST_PAGES):
            if thread_ts is None:
                answer = await self._client.call("conversations.history", query=query)
            else:
                answer = await self._client.call("conversations.replies", query=query)
            for message in answer.get("messages") or ():
                payload = (message.get("metadata") or {}).get("event_payload") or {}
                if payload.get("outbox_id") == outbox_id:
                    return MessageRef(channel_id, str(message["ts"]))
            cursor = (answer.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return None
            query["cursor"] = cursor
        return None

    async def whisper(self, channel: ChannelId, user: UserId, body: Body, *, thread_ts: str | None = None) -> None:
        """Show `body` to one person; where the bot or the person is not in the channel, as a direct message."""
        call = {"channel": channel, "user": user, **_shown(body)}
        if thread_ts is not None:
            call["thread_ts"] = thread_ts
        try:
            await self._client.call("chat.postEphemeral", body=call)
        except Refused as error:
            if error.code not in _OUTSIDE_THE_CHANNEL:
                raise
            answer = await self._client.call("conversations.open", body={"users": user})
            await self.post(ChannelId(str(answer["channel"]["id"])), body)

    async def respond(self, response_url: str, body: Body, *, replace: bool = False) -> None:
        """Answer an interaction at its response_url: five times, within 30 minutes; then Refused("expired_url")."""
        if not self._client.may_answer_at(response_url):
            raise Refused(SYSTEM, "response_url: not an https address", code="invalid_url")
        call: dict[str, Any] = {**_shown(body), **_NO_PREVIEWS}
        # To replace means the message with the button; otherwise only the person who acted sees the answer.
        call |= {"replace_original": True} if replace else {"response_type": "ephemeral", "replace_original": False}
        call.pop("metadata", None)
        try:
            async with (
                asyncio.timeout(_ANSWER_TIMEOUT_S),
                self._client.session.post(
                    response_url, json=call, allow_redirects=False, proxy=proxy_for(response_url)
                ) as response,
            ):
                _judge_answer(response.status, response.headers, await response.text())
        except TimeoutError as error:
            raise Unreachable(SYSTEM, f"response_url: no answer within {_ANSWER_TIMEOUT_S:g} s") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # Only the type: the address itself is a secret, and aiohttp puts it into its texts.
            raise Unreachable(SYSTEM, f"response_url: {type(error).__name__}") from error

    async def channel_id(self, channel: ChannelId) -> ChannelId:
        """The id of a channel that the configuration names. Raises NotFound, OutsideError."""
        return await self._resolve(channel)

    async def _resolve(self, channel: ChannelId) -> ChannelId:
        """The id of a `#name`. Posting takes names, reading does not."""
        if not channel.startswith("#"):
            return channel
        name = channel.removeprefix("#")
        if name not in self._ids_by_name:
            self._ids_by_name = await self._channel_ids()
        if name not in self._ids_by_name:
            raise NotFound(SYSTEM, f"there is no channel {channel} that the bot can see")
        return self._ids_by_name[name]

    async def _channel_ids(self) -> dict[str, ChannelId]:
        ids: dict[str, ChannelId] = {}
        query = {"types": "public_channel,private_channel", "exclude_archived": True, "limit": 1000}
        cursor: str | None = ""
        while cursor is not None:
            answer = await self._client.call("conversations.list", query=query | {"cursor": cursor or None})
            ids |= {found["name"]: ChannelId(found["id"]) for found in answer.get("channels") or () if "name" in found}
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or None
        return ids


def _shown(body: Body) -> dict[str, Any]:
    shown: dict[str, Any] = {"text": body.text}
    if body.colour and len(body.blocks) > 1:
        # Without a block on top Slack would print `text` there, beside the same words in the bar's first block.
        shown["blocks"] = list(body.blocks[:1])
        shown["attachments"] = [{"color": body.colour, "fallback": body.text, "blocks": list(body.blocks[1:])}]
    elif body.blocks:
        shown["blocks"] = list(body.blocks)
    if body.metadata is not None:
        shown["metadata"] = body.metadata
    return shown


def _judge_answer(status: int, headers: Mapping[str, str], text: str) -> None:
    if status == 200:
        return
    if status == 429:
        raise TooBusy(SYSTEM, "response_url: rate limited", retry_after_s=retry_after_s(headers))
    if status >= 500:
        raise Unreachable(SYSTEM, f"response_url: HTTP {status}")
    # Slack answers 404 with used_url or expired_url in the body, and says little else about it.
    code = text.strip() if text.strip() in ("used_url", "expired_url") else "expired_url"
    raise Refused(SYSTEM, f"response_url: {code} (HTTP {status})", code=code)
