"""The way to one API server: credentials, TLS, connection pools, and the errors of the wire made ours.

Called by bot.kube.clients, which knows what is asked. A write is sent once; only a 401, which surely changed nothing,
is tried again with credentials read anew.
"""

import asyncio
import importlib
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol, cast

import aiohttp
from yarl import URL

from bot.domain.names import EnvironmentName
from bot.errors import Refused, Unreachable
from bot.kube.answers import Answer, fail
from bot.kube.kubeconfig import Access, Context, InCluster, KubeconfigError, Tls
from bot.kube.streams import Troubled

log = logging.getLogger(__name__)

REREAD_AFTER = timedelta(minutes=1)
"""How often a mounted token is read again; the kubelet replaces it at 80 % of its (usually one hour's) life."""
EXPIRY_MARGIN = timedelta(minutes=1)
LARGEST_BYTES = 64 * 2**20
"""A page of 500 objects of etcd's largest usual size would be more, but no memory of ours should hold it."""
EXCHANGES = 32
"""Connections for requests at one time. Streams have a pool of their own without a bound: each holds its connection for
minutes, and requests must not wait for one."""


class Plugins(Protocol):
    """What bot.kube.plugins offers; a name for the type checker, since that module is loaded late."""

    async def read(self, context: Context) -> Access: ...


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent, apart from who we are. `path` is below the server's root and already quoted."""

    method: str
    path: str
    query: Mapping[str, str | int]
    content: bytes | None = None
    content_type: str | None = None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class Connection:
    """Carries requests to one API server. Not for two event loops; `close` it."""

    def __init__(self, name: EnvironmentName, system: str, source: Context | InCluster) -> None:
        self._name = name
        self._system = system
        self._source = source
        self._access: Access | None = None
        self._read_at = datetime.min.replace(tzinfo=UTC)
        self._reading = asyncio.Lock()
        self._sessions: dict[tuple[Tls | None, bool], aiohttp.ClientSession] = {}

    async def exchange(self, request: Request, timeout_s: float) -> Answer:
        """The whole answer, whatever its status; `timeout_s` bounds everything. Raises Unreachable, or Refused without
        credentials."""
        async with self._ours(request, timeout_s):
            access = await self._current()
            answer = await self._send(access, request)
            if answer.status != 401:
                return answer
            # A token was rotated under us. 401 comes before anything is done, so even a write may be sent again.
            return await self._send(await self._after_401(access), request)

    @asynccontextmanager
    async def stream(self, request: Request, timeout_s: float) -> AsyncIterator[aiohttp.StreamReader]:
        """The body of a good answer, on a connection of its own; `timeout_s` bounds the wait for its status.

        Raises as `exchange`, and what a status of 300 and more means (Troubled for 5xx); on the way in only: what
        befalls the body is the reader's. Closed at the end, read or not.
        """
        opened: aiohttp.ClientResponse | None = None
        try:
            async with self._ours(request, timeout_s):
                access = await self._current()
                opened = await self._open(access, request, is_stream=True)
                if opened.status == 401:
                    opened.close()
                    opened = await self._open(await self._after_401(access), request, is_stream=True)
                if opened.status >= 300:
                    try:
                        fail(self._system, Answer(opened.status, opened.headers, await self._whole(opened)))
                    except Unreachable as error:
                        raise Troubled(error.system, error.text) from error
            yield opened.content
        finally:
            if opened is not None:
                opened.close()

    async def close(self) -> None:
        """Closes its connections. May be called twice."""
        sessions, self._sessions = self._sessions, {}
        for session in sessions.values():
            await session.close()

    # One exchange

    @asynccontextmanager
    async def _ours(self, request: Request, timeout_s: float) -> AsyncIterator[None]:
        """What goes wrong within is raised as one of bot.errors."""
        try:
            async with asyncio.timeout(timeout_s):
                yield
        except TimeoutError as error:
            raise Unreachable(self._system, f"no answer to {request} in {timeout_s:g} s") from error
        except aiohttp.ClientConnectorCertificateError as error:
            raise Unreachable(self._system, f"its certificate is not trusted: {error.certificate_error}") from error
        except (aiohttp.ClientError, OSError) as error:
            raise Unreachable(self._system, f"{request} failed: {str(error) or type(error).__name__}") from error
        except KubeconfigError as error:
            raise Refused(self._system, str(error), code="NoCredentials") from error

    async def _send(self, access: Access, request: Request) -> Answer:
        for last in (False, True) if request.method == "GET" else (True,):
            try:
                response = await self._open(access, request, is_stream=False)
                async with response:
                    return Answer(response.status, response.headers, await self._whole(response))
            except aiohttp.ClientPayloadError:  # broke off amid the answer; before it, aiohttp tries again by itself
                if last:
                    raise
        raise AssertionError("unreachable: the last try returns or raises")

    async def _open(self, access: Access, request: Request, *, is_stream: bool) -> aiohttp.ClientResponse:
        """The answer once its headers are there. The caller closes it."""
        url = URL(access.server + request.path, encoded=True)
        headers = {"Accept": "application/json"}
        if access.authorization:
            headers["Authorization"] = access.authorization
        if request.content_type:
            headers["Content-Type"] = request.content_type
        if is_stream:
            headers["Accept-Encoding"] = "identity"  # a compressor in between would keep lines back
        session = await self._session(access.tls, is_stream=is_stream)
        return await session.request(
            request.method,
            url.with_query({key: str(value) for key, value in request.query.items()}),
            data=request.content,
            headers=headers,
            allow_redirects=False,  # The token is for this server and no other.
            proxy=access.proxy or None,
            server_hostname=access.server_name or None,
        )

    async def _whole(self, response: aiohttp.ClientResponse) -> bytes:
        """The body; Unreachable when it is larger than any answer that we ask for could be."""
        body = bytearray()
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > LARGEST_BYTES:
                raise Unreachable(self._system, f"answered with more than {LARGEST_BYTES >> 20} MiB")
        return bytes(body)

    # Who we are there

    async def _current(self) -> Access:
        access = self._access
        if access is None:
            return await self._renew(None)
        now = datetime.now(UTC)
        outdated = access.expires is not None and now >= access.expires - EXPIRY_MARGIN
        if outdated or (isinstance(self._source, InCluster) and now - self._read_at >= REREAD_AFTER):
            return await self._renew(access)
        return access

    async def _after_401(self, access: Access) -> Access:
        renewed = await self._renew(access)
        log.info("credentials read again after a 401", extra={"environment": self._name})
        return renewed

    async def _renew(self, seen: Access | None) -> Access:
        """Reads the credentials, unless somebody else has done so since `seen` was the present one."""
        async with self._reading:
            if self._access is None or self._access is seen:
                self._access = await self._read()
                self._read_at = datetime.now(UTC)
            return self._access

    async def _read(self) -> Access:
        source = self._source
        if isinstance(source, Context) and await asyncio.to_thread(source.needs_plugin):
            plugins = cast(Plugins, await asyncio.to_thread(importlib.import_module, "bot.kube.plugins"))
            return await plugins.read(source)
        return await asyncio.to_thread(source.read)

    async def _session(self, tls: Tls | None, *, is_stream: bool) -> aiohttp.ClientSession:
        """The session for these proofs; an older one stays open until `close`: requests may be under way on it."""
        key = (tls, is_stream)
        if key not in self._sessions:
            context = await asyncio.to_thread(tls.context) if tls else None
            if key not in self._sessions:  # Another task may have made it while the files were read.
                self._sessions[key] = aiohttp.ClientSession(
                    connector=aiohttp.TCPConnector(
                        limit=0 if is_stream else EXCHANGES, ssl=context if context is not None else True
                    ),
                    # Every exchange has its own total timeout around it, every stream one around each read.
                    timeout=aiohttp.ClientTimeout(total=None),
                    headers={"User-Agent": "kajitori"},
                )
        return self._sessions[key]
