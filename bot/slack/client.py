"""The Web API client: one slack_sdk AsyncWebClient on one HTTP session, its failures in our words.

Everything that calls Slack goes through `SlackClient.call`. It never retries: after a lost answer only the caller
knows whether doing it twice is harmless (slack_sdk's default retry posts a message twice).
"""

import asyncio
import logging
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import orjson
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import Refused, TooBusy, Unreachable

SYSTEM = "Slack"
CALL_TIMEOUT_S = 10.0
"""Slack answers in well under a second; its own gateways give up after about this long."""
DEFAULT_RETRY_AFTER_S = 30.0
"""Used when a 429 comes without a Retry-After that can be read."""
LONGEST_RETRY_AFTER_S = 3600.0
"""Slack names minutes at most; nothing may silence the bot for good."""

# Slack's way to say 5xx with a 200: what was asked may or may not have been done.
_OUTAGES = frozenset({"internal_error", "fatal_error", "service_unavailable", "request_timeout"})


def open_session() -> aiohttp.ClientSession:
    """The one HTTP session of the process for Slack; the caller closes it. Made inside the running loop."""
    return aiohttp.ClientSession(
        # Each call sets its own total; a WebSocket must have none.
        timeout=aiohttp.ClientTimeout(total=None, connect=CALL_TIMEOUT_S, sock_connect=5),
        json_serialize=lambda value: orjson.dumps(value).decode(),
    )


class SlackClient:
    """Calls Web API methods with one token. `api_url` ends in `/api/`; a missing slash at its end is added."""

    def __init__(
        self, *, token: str, api_url: str, session: aiohttp.ClientSession, timeout_s: float = CALL_TIMEOUT_S
    ) -> None:
        # With a level of its own the SDK does not format its debug texts, which hold everything that is sent.
        logger = logging.getLogger("kajitori.slack_sdk")
        logger.setLevel(logging.INFO)
        self._web = AsyncWebClient(token=token, base_url=api_url, session=session, retry_handlers=[], logger=logger)
        # The SDK takes the proxy from the environment without a look at NO_PROXY.
        self._web.proxy = proxy_for(self._web.base_url)
        self._timeout_s = timeout_s
        self.session = session
        self.skew_s: float | None = None
        """Our clock minus Slack's by its last `Date` header, in seconds; None before the first answer. ±1 s."""

    @property
    def api_url(self) -> str:
        """Base URL, ending in a slash."""
        return self._web.base_url

    def may_answer_at(self, url: str) -> bool:
        """Whether a response_url may be called: https, or the configured API's own scheme, host and port."""
        try:
            parts = urlsplit(url)
        except ValueError:
            return False
        return parts.scheme == "https" or parts[:2] == urlsplit(self.api_url)[:2]

    async def call(
        self,
        method: str,
        *,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None,
    ) -> Mapping[str, Any]:
        """Call `method` with a JSON body, or with a query for the reading methods, which take no JSON.

        Raises Unreachable (outcome unknown), TooBusy (429), Refused (Slack's error code).
        """
        answer, _headers = await self.call_with_headers(method, body=body, query=query)
        return answer

    async def call_with_headers(
        self, method: str, *, body: Mapping[str, Any] | None = None, query: Mapping[str, Any] | None = None
    ) -> tuple[Mapping[str, Any], Mapping[str, str]]:
        """Like `call`, and the answer's HTTP headers."""
        given = {name: value for name, value in (query or {}).items() if value is not None}
        try:
            # The SDK leaves its own timeout aside when it is given a session.
            async with asyncio.timeout(self._timeout_s):
                if query is not None:
                    response = await self._web.api_call(method, http_verb="GET", params=given)
                else:
                    response = await self._web.api_call(method, json=dict(body or {}))
        except SlackApiError as error:
            raise self._in_our_words(method, error) from error
        except TimeoutError as error:
            raise Unreachable(SYSTEM, f"{method}: no answer within {self._timeout_s:g} s") from error
        except (aiohttp.ClientError, OSError, SlackClientError, ValueError, AttributeError) as error:
            # AttributeError: the SDK trips over a text/plain answer, as proxies give with 502.
            raise Unreachable(SYSTEM, f"{method}: {type(error).__name__}") from error
        self._measure_skew(response.headers)
        if not isinstance(response.data, dict):
            raise Unreachable(SYSTEM, f"{method}: an answer that is no JSON object")
        return response.data, response.headers

    def _in_our_words(self, method: str, error: SlackApiError) -> Unreachable | TooBusy | Refused:
        response = error.response
        headers: Mapping[str, str] = getattr(response, "headers", None) or {}
        # A body that is no JSON leaves the SDK with aiohttp's own response, whose field is called `status`.
        status = int(getattr(response, "status_code", None) or getattr(response, "status", None) or 0)
        found = getattr(response, "data", None)
        code = str(found.get("error", "")) if isinstance(found, dict) else ""
        self._measure_skew(headers)
        if status == 429 or code in ("ratelimited", "rate_limited"):
            return TooBusy(SYSTEM, f"{method}: rate limited", retry_after_s=retry_after_s(headers))
        if code and code not in _OUTAGES and status < 500:
            messages = (found or {}).get("response_metadata", {}).get("messages", [])
            detail = f" ({'; '.join(map(str, messages[:3]))})" if messages else ""
            return Refused(SYSTEM, f"{method}: {code}{detail}", code=code)
        return Unreachable(SYSTEM, f"{method}: {code or f'HTTP {status} without a usable answer'}")

    def _measure_skew(self, headers: Mapping[str, str]) -> None:
        stamp = headers.get("Date")
        if not stamp:
            return
        try:
            theirs = parsedate_to_datetime(stamp).timestamp()
        except (TypeError, ValueError):
            return
        # The header is cut to whole seconds: its moment lies half a second later on average.
        self.skew_s = time.time() - (theirs + 0.5)


def proxy_for(url: str) -> str | None:
    """The proxy that the environment (HTTPS_PROXY, HTTP_PROXY, NO_PROXY) names for `url`; None: go straight.

    A WebSocket goes the way of its http or https sibling; this machine is never behind a proxy.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host in ("localhost", "127.0.0.1", "::1") or proxy_bypass(host):
        return None
    scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
    return getproxies().get(scheme) or None


def retry_after_s(headers: Mapping[str, str]) -> float:
    """Seconds in `Retry-After`, from 1 to an hour; a default when it is missing or not a number."""
    try:
        return min(max(1.0, float(headers.get("Retry-After", ""))), LONGEST_RETRY_AFTER_S)
    except ValueError:
        return DEFAULT_RETRY_AFTER_S
