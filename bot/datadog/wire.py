"""The way to Datadog: one request and its answer, with a deadline, within the limits, its failures in our words.

Called by the other modules of bot.datadog. It never sleeps and never sends a POST or PATCH twice: after a lost answer
only the caller knows whether doing it twice is harmless. Other methods aiohttp repeats once when a connection breaks.
Requests are built by Datadog's own client (bot.datadog.sdk) and sent over aiohttp, where a deadline ends a whole
answer, however slowly it drips. No key stands in any error or log line.
"""

import asyncio
import importlib
import time
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, nullcontext
from typing import Any, Protocol
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import orjson
from yarl import URL

from bot.datadog.limits import Lane, Limits
from bot.datadog.operations import OPERATIONS, Operation
from bot.errors import Conflict, NotFound, OutsideError, Refused, TooBusy, Unreachable

CALL_S = {Lane.PEOPLE: 5.0, Lane.LOOPS: 20.0}
"""For one call. Datadog answers in under a second; a page of monitors can take several."""
ACT_S = 9.0
"""For all the calls of one click together: what people do here is answered within 10 s."""
LARGEST_ANSWER = 16 << 20
CONNECTIONS = 8
LOOPS_AT_ONCE = 2
"""Of the connections, so that loops never keep people waiting for one."""
LONGEST_REASON = 300


class Prepared(Protocol):
    """A request as bot.datadog.sdk builds it. Its `url` is quoted already."""

    @property
    def method(self) -> str: ...
    @property
    def url(self) -> str: ...
    @property
    def headers(self) -> dict[str, str]: ...
    @property
    def body(self) -> Any: ...


class Builder(Protocol):
    """bot.datadog.sdk.Sdk."""

    def prepare(self, operation: str, /, **parameters: Any) -> Prepared: ...


class Wire:
    """One pair of keys at one site. Made inside the running loop; close it at the end."""

    def __init__(
        self,
        *,
        api_url: str,
        oncall_url: str,
        site: str,
        api_key: str,
        app_key: str | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.site = site
        self.has_app_key = app_key is not None
        self._addresses = {"api_url": api_url, "oncall_url": oncall_url, "api_key": api_key, "app_key": app_key or ""}
        self._keys = tuple(key for key in (api_key, app_key) if key)
        self._clock = clock
        self.patience_s = dict(CALL_S)
        self.act_s = ACT_S
        self._limits = Limits()
        self._loops = asyncio.Semaphore(LOOPS_AT_ONCE)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONNECTIONS),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),  # `ask` sets it
        )
        self._loading: asyncio.Future[Builder] | None = None

    async def close(self) -> None:
        """Give the connections back. Idempotent."""
        await self._session.close()

    async def ask(self, operation: str, /, *, lane: Lane, **parameters: Any) -> Any:
        """Make one call; its answer as a JSON value, None for an empty one.

        Raises Unreachable (a write may have happened), TooBusy (surely not carried out), Refused, NotFound, Conflict.
        """
        what = OPERATIONS[operation]
        if what.needs_app_key and not self.has_app_key:
            raise Refused(what.system, f"{what.doing} needs DD_APP_KEY, which is not set", code="NoApplicationKey")
        wait_s = self._limits.wait_s(operation, lane, self._clock())
        if wait_s:
            raise TooBusy(what.system, f"its rate limit is used up, so {what.doing} has to wait", retry_after_s=wait_s)
        seconds = self.patience_s[lane]
        try:
            async with asyncio.timeout(seconds), self._loops if lane is Lane.LOOPS else nullcontext():
                prepared = (await self.sdk()).prepare(operation, **parameters)
                status, headers, content = await self._send(prepared)
        except TimeoutError as error:
            raise Unreachable(what.system, f"gave no answer within {seconds:g} s to {what.doing}") from error
        except (aiohttp.ClientError, OSError) as error:
            raise Unreachable(what.system, f"{_reason(error)}, so {what.lost}") from error
        if status == 429:
            retry_after_s = self._limits.note_refused(operation, headers, self._clock())
            text = f"its rate limit is used up, so {what.doing} has to wait"
            raise TooBusy(what.system, text, retry_after_s=retry_after_s)
        self._limits.note(operation, headers, self._clock())
        if not 200 <= status < 300:
            raise self._refusal(what, status, content)
        try:
            return orjson.loads(content) if content.strip() else None
        except orjson.JSONDecodeError as error:
            raise Unreachable(what.system, f"sent an answer to {what.doing} that can't be read") from error

    @asynccontextmanager
    async def act(self, doing: str) -> AsyncIterator[None]:
        """A deadline for several calls that are one act of a person. Raises Unreachable when it passes."""
        limit = asyncio.timeout(self.act_s)
        try:
            async with limit:
                yield
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise Unreachable("Datadog", f"gave no answer within {self.act_s:g} s to {doing}") from error

    async def sdk(self) -> Builder:
        """What builds the requests; loaded by whoever asks first."""
        if self._loading is None:
            # A thread of its own: importing takes half a second of CPU, and other threads' queues are others'.
            pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="datadog-import")
            self._loading = asyncio.get_running_loop().run_in_executor(pool, self._load)
            pool.shutdown(wait=False)
        return await asyncio.shield(self._loading)

    def _load(self) -> Builder:
        made: Builder = importlib.import_module("bot.datadog.sdk").Sdk(**self._addresses)
        return made

    async def _send(self, prepared: Prepared) -> tuple[int, Mapping[str, str], bytes]:
        async with self._session.request(
            prepared.method,
            URL(prepared.url, encoded=True),
            headers=prepared.headers,
            data=None if prepared.body is None else orjson.dumps(prepared.body),
            proxy=proxy_for(prepared.url),
            allow_redirects=False,  # the keys are for this host alone
        ) as response:
            content = bytearray()
            async for part in response.content.iter_any():
                content += part
                if len(content) > LARGEST_ANSWER:
                    raise aiohttp.ClientPayloadError("larger than any answer should be")
            return response.status, response.headers, bytes(content)

    def _refusal(self, what: Operation, status: int, content: bytes) -> OutsideError:
        told = self._told(content)
        match status:
            case 401 | 403:
                return Refused(what.system, what.keys_refused(self.site, told), code="Forbidden")
            case 404:
                return NotFound(what.system, f"does not know what {what.doing} is about{_because(told)}")
            case 409:
                return Conflict(what.system, f"{what.doing} met a change{_because(told)}")
            case 408:
                return Unreachable(what.system, f"gave up {what.doing} (408)")
            case _ if status >= 500:
                return Unreachable(what.system, f"has trouble of its own ({status}), so {what.lost}")
            case _ if 300 <= status < 400:
                text = f"sends us elsewhere ({status}): DD_SITE, DD_API_URL or DD_ONCALL_URL is not where it is"
                return Refused(what.system, text, code="Elsewhere")
            case _:
                return Refused(what.system, f"refuses {what.doing} ({status}){_because(told)}", code="Invalid")

    def _told(self, content: bytes) -> str:
        """Datadog's own words in an error's body, on one line, without our keys; empty when there are none."""
        try:
            found = orjson.loads(content)
        except orjson.JSONDecodeError:
            return ""
        errors = found.get("errors") if isinstance(found, dict) else None
        if isinstance(errors, dict):
            errors = [errors]
        words = [
            str(each.get("detail") or each.get("title") or "") if isinstance(each, dict) else str(each)
            for each in (errors if isinstance(errors, list) else [])
        ]
        text = " ".join("; ".join(filter(None, words)).split())
        for key in self._keys:
            text = text.replace(key, "…")
        return text[:LONGEST_REASON]


def proxy_for(url: str) -> str | None:
    """The proxy that the environment (HTTPS_PROXY, HTTP_PROXY, NO_PROXY) names for `url`; None: go straight."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host in ("localhost", "127.0.0.1", "::1") or proxy_bypass(host):
        return None
    return getproxies().get(parts.scheme) or None


def _because(told: str) -> str:
    return f": {told}" if told else ""


def _reason(error: Exception) -> str:
    match error:
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError():
            return "has a certificate that is not trusted"
        case aiohttp.ClientConnectorDNSError():
            return "has a name that can't be looked up"
        case aiohttp.ClientProxyConnectionError() | aiohttp.ClientHttpProxyError():
            return "can't be reached through the proxy"
        case aiohttp.ClientConnectorError():
            return "can't be reached"
        case _:
            return "broke off"
