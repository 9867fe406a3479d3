"""Who the bot is in its workspace, as auth.test says. Asked once, before the bot reports that it is ready."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from bot.domain.names import UserId
from bot.errors import TooBusy, Unreachable
from bot.slack.client import SlackClient

_log = structlog.get_logger(__name__)

SLOW_S = 30.0


@dataclass(frozen=True, slots=True)
class Identity:
    """The bot's own ids, and what its token may do."""

    team_id: str
    bot_user_id: UserId
    bot_id: str
    url: str
    """The workspace's address, e.g. `https://growlio.slack.com/`."""
    scopes: tuple[str, ...]
    """From the `x-oauth-scopes` header; empty when Slack did not send it."""


async def warm_auth(client: SlackClient, *, first_wait_s: float = 0.5) -> Identity:
    """Ask until Slack answers. Raises Refused at once when it refuses the token (invalid_auth, token_revoked, …)."""
    wait_s = first_wait_s
    while True:
        try:
            answer, headers = await client.call_with_headers("auth.test")
            return _identity(answer, headers)
        except TooBusy as error:
            pause_s, reason = error.retry_after_s, str(error)
        except Unreachable as error:
            pause_s, reason = wait_s, str(error)
            wait_s = min(SLOW_S, wait_s * 2)
        _log.warning("auth_test_waits", reason=reason, retry_in_s=pause_s)
        await asyncio.sleep(pause_s)


def _identity(answer: Mapping[str, Any], headers: Mapping[str, str]) -> Identity:
    scopes = tuple(scope.strip() for scope in headers.get("x-oauth-scopes", "").split(",") if scope.strip())
    return Identity(
        team_id=str(answer.get("team_id", "")),
        bot_user_id=UserId(str(answer.get("user_id", ""))),
        bot_id=str(answer.get("bot_id", "")),
        url=str(answer.get("url", "")),
        scopes=scopes,
    )
