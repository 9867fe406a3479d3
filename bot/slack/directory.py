"""The directory: people, user groups and channels as Slack knows them, remembered for at most a minute.

Asked by the authorisation and by cards. A look-up that fails and isn't remembered raises: who can't be looked up is
denied. Only reads that grant nothing may ask for `stale_ok`.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from bot.domain.names import ChannelId, UserId
from bot.errors import NotFound, OutsideError, Refused, Unreachable
from bot.slack.client import SYSTEM, SlackClient

FRESH_S = 60.0
"""Somebody taken out of a group must lose its rights within a minute."""
_MOST_REMEMBERED = 5000

_Value = TypeVar("_Value")
_Key = TypeVar("_Key")


@dataclass(frozen=True, slots=True)
class Person:
    """A Slack account. Authorise and show by `id`: names can be anything, and change."""

    id: UserId
    name: str
    locale: str | None
    is_bot: bool
    deleted: bool
    is_restricted: bool
    """A guest of several channels."""
    is_ultra_restricted: bool
    """A guest of one channel."""
    team_id: str
    is_stranger: bool
    """From another workspace, met through Slack Connect."""


@dataclass(frozen=True, slots=True)
class Room:
    """A conversation. `is_shared`: people of other organisations read it too (Slack Connect), or are invited to."""

    id: ChannelId
    name: str
    is_shared: bool
    is_direct: bool
    is_private: bool


class Directory:
    """Look-ups with one request for all who ask at the same time. `clock` is monotonic seconds."""

    def __init__(self, client: SlackClient, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._people = _Memory(self._fetch_person, clock)
        self._groups = _Memory(self._fetch_members, clock)
        self._handles = _Memory(self._fetch_handles, clock)
        self._rooms = _Memory(self._fetch_room, clock)

    async def person(self, user_id: UserId, *, stale_ok: bool = False) -> Person:
        """Who that is. Raises NotFound for an unknown id, OutsideError when Slack can't be asked."""
        return await self._people.get(user_id, stale_ok=stale_ok)

    async def members(self, group: str, *, stale_ok: bool = False) -> frozenset[UserId]:
        """The members of a user group, by `@handle` or id (`S…`). Raises NotFound, OutsideError."""
        if not group.startswith("@"):
            return await self._groups.get(group, stale_ok=stale_ok)
        handles = await self._handles.get("", stale_ok=stale_ok)
        group_id = handles.get(group.removeprefix("@"))
        if group_id is None:
            raise NotFound(SYSTEM, f"there is no user group {group}")
        return await self._groups.get(group_id, stale_ok=stale_ok)

    async def group_id(self, group: str) -> str:
        """The id (`S…`) of a user group, by `@handle` or id. Raises NotFound, OutsideError."""
        if not group.startswith("@"):
            return group
        found = (await self._handles.get("", stale_ok=True)).get(group.removeprefix("@"))
        if found is None:
            raise NotFound(SYSTEM, f"there is no user group {group}")
        return found

    async def room(self, channel: ChannelId, *, stale_ok: bool = False) -> Room:
        """What kind of conversation that is; `channel` is an id. Raises NotFound, OutsideError."""
        return await self._rooms.get(channel, stale_ok=stale_ok)

    def forget(self) -> None:
        """Drop everything, so that the next look-ups ask Slack: an approval looks at the groups of this moment."""
        for memory in (self._people, self._groups, self._handles, self._rooms):
            memory.forget()

    async def _fetch_person(self, user_id: UserId) -> Person:
        answer = await self._call("users.info", user=user_id, include_locale=True)
        user = answer["user"]
        profile = user.get("profile") or {}
        return Person(
            id=UserId(str(user["id"])),
            name=str(profile.get("display_name") or user.get("real_name") or user.get("name") or user["id"]),
            locale=user.get("locale"),
            is_bot=bool(user.get("is_bot")) or user["id"] == "USLACKBOT",
            deleted=bool(user.get("deleted")),
            is_restricted=bool(user.get("is_restricted")),
            is_ultra_restricted=bool(user.get("is_ultra_restricted")),
            team_id=str(user.get("team_id", "")),
            is_stranger=bool(user.get("is_stranger")),
        )

    async def _fetch_members(self, group_id: str) -> frozenset[UserId]:
        answer = await self._call("usergroups.users.list", usergroup=group_id)
        return frozenset(UserId(str(user)) for user in answer.get("users") or ())

    async def _fetch_handles(self, _all: str) -> dict[str, str]:
        answer = await self._call("usergroups.list")
        groups = answer.get("usergroups") or ()
        # A disabled group keeps its handle and grants nothing.
        return {str(group["handle"]): str(group["id"]) for group in groups if not group.get("date_delete")}

    async def _fetch_room(self, channel: ChannelId) -> Room:
        found = (await self._call("conversations.info", channel=channel))["channel"]
        return Room(
            id=ChannelId(str(found["id"])),
            name=str(found.get("name", "")),
            is_shared=any(found.get(field) for field in ("is_ext_shared", "is_pending_ext_shared", "is_org_shared")),
            is_direct=bool(found.get("is_im") or found.get("is_mpim")),
            is_private=bool(found.get("is_private")),
        )

    async def _call(self, method: str, **query: Any) -> Any:
        try:
            return await self._client.call(method, query=query)
        except Refused as error:
            if error.code in ("user_not_found", "users_not_found", "no_such_subteam", "channel_not_found"):
                raise NotFound(SYSTEM, error.text) from error
            raise


@dataclass(frozen=True, slots=True)
class _Remembered(Generic[_Value]):
    value: _Value
    at_s: float


class _Memory(Generic[_Key, _Value]):
    """Values by key for FRESH_S; callers who miss the same key at the same time share one request and its failure."""

    def __init__(self, fetch: Callable[[_Key], Awaitable[_Value]], clock: Callable[[], float]) -> None:
        self._fetch = fetch
        self._clock = clock
        self._known: dict[_Key, _Remembered[_Value]] = {}
        self._asking: dict[_Key, asyncio.Task[_Value]] = {}

    async def get(self, key: _Key, *, stale_ok: bool) -> _Value:
        known = self._known.get(key)
        if known is not None and self._clock() - known.at_s < FRESH_S:
            return known.value
        task = self._asking.get(key)
        if task is None:
            task = self._asking[key] = asyncio.create_task(self._ask(key))
            task.add_done_callback(lambda done: self._asked(key, done))
        try:
            # Shielded: one caller who gives up must not take the answer from the others.
            return await asyncio.shield(task)
        except OutsideError:
            if stale_ok and known is not None:
                return known.value
            raise

    def forget(self) -> None:
        self._known.clear()
        self._asking.clear()

    async def _ask(self, key: _Key) -> _Value:
        asked_s = self._clock()
        try:
            value = await self._fetch(key)
        except (KeyError, TypeError, AttributeError) as error:
            raise Unreachable(SYSTEM, "an answer without the fields that it should have") from error
        if len(self._known) >= _MOST_REMEMBERED:
            self._known.clear()
        if self._asking.get(key) is asyncio.current_task():
            # Unless it was told to forget meanwhile. Aged from the question: the answer may have been long on its way.
            self._known[key] = _Remembered(value, asked_s)
        return value

    def _asked(self, key: _Key, task: "asyncio.Task[_Value]") -> None:
        if self._asking.get(key) is task:
            del self._asking[key]
        if not task.cancelled():
            # Fetched, so that a failure whose callers have all left is no "exception was never retrieved".
            task.exception()
