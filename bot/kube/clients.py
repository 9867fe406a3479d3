"""Clients of the clusters: one Cluster per environment, raw JSON in and out, every error one of bot.errors.

Made by bot.app, used by the rest of bot.kube. The `kubernetes` package is not used for requests: its models cost
110 KiB a pod and refuse a whole list for one odd object, its default timeout is 300 s, and it sends a patch with a
content type of its own choosing. A write is sent once; only a 401, which surely changed nothing, is tried again.
"""

import asyncio
import importlib
import logging
import ssl
from collections.abc import AsyncGenerator, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, cast

import aiohttp
import orjson
from yarl import URL

from bot.domain.catalog import Environment
from bot.domain.names import EnvironmentName
from bot.errors import Refused, Unreachable
from bot.kube.answers import Answer, Expired, fail, parse
from bot.kube.kubeconfig import DEFAULT_KUBECONFIG, Access, Context, InCluster, KubeconfigError, Tls

log = logging.getLogger(__name__)

__all__ = ["PAGE_SIZE", "Cluster", "Clusters", "Expired"]

PAGE_SIZE = 500
"""Objects per list request: about 2 MB of pods, which parse in some 20 ms; the loop is free between pages."""
REREAD_AFTER = timedelta(minutes=1)
"""How often a mounted token is read again; the kubelet replaces it at 80 % of its (usually one hour's) life."""
EXPIRY_MARGIN = timedelta(minutes=1)
LARGEST_BYTES = 64 * 2**20
"""A page of 500 objects of etcd's largest usual size would be more, but no memory of ours should hold it."""


class Plugins(Protocol):
    """What bot.kube.plugins offers; a name for the type checker, since that module is loaded late."""

    async def read(self, context: Context) -> Access: ...


class Cluster:
    """The API server of one environment. Not for two event loops; `close` it."""

    def __init__(self, name: EnvironmentName, source: Context | InCluster) -> None:
        self.name = name
        self.system = f"{name}'s API server"
        self._source = source
        self._access: Access | None = None
        self._read_at = datetime.min.replace(tzinfo=UTC)
        self._reading = asyncio.Lock()
        self._sessions: dict[Tls | None, aiohttp.ClientSession] = {}

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int] | None = None,
        body: object = None,
        content_type: str | None = None,
        timeout_s: float = 5.0,
    ) -> Mapping[str, Any]:
        """The JSON object answered. `body` is sent as JSON under `content_type`; `timeout_s` bounds the whole exchange.

        Raises Refused, NotFound, Conflict, Expired or TooBusy when surely nothing was changed, and Unreachable when
        that cannot be known.
        """
        answer = await self._exchange(method, path, query, body, content_type, timeout_s)
        try:
            parsed = parse(answer.body)
        except orjson.JSONDecodeError as error:
            raise Unreachable(self.system, f"answered {method} {path} with something that is not JSON") from error
        if not isinstance(parsed, dict):
            raise Unreachable(self.system, f"answered {method} {path} with JSON that is not an object")
        return parsed

    async def text(self, path: str, *, query: Mapping[str, str | int] | None = None, timeout_s: float = 5.0) -> str:
        """A plain-text answer (pod logs). Errors as in `request`."""
        answer = await self._exchange("GET", path, query, None, None, timeout_s)
        return answer.body.decode("utf-8", errors="replace")

    async def pages(
        self, path: str, *, query: Mapping[str, str | int] | None = None, timeout_s: float = 10.0
    ) -> AsyncGenerator[list[Mapping[str, Any]], None]:
        """The items of a list, page by page, newest state of each; `timeout_s` is per page.

        Raises Expired when the list took longer than the server remembers it: pages already given are then void.
        """
        position = ""
        while True:
            asked: dict[str, str | int] = {**(query or {}), "limit": PAGE_SIZE}
            if position:
                asked["continue"] = position
            page = await self.request("GET", path, query=asked, timeout_s=timeout_s)
            # Parsing a page and making it small each take the loop some 15 ms: let others run in between.
            await asyncio.sleep(0)
            items = page.get("items")
            yield [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
            metadata = page.get("metadata")
            position = str(metadata.get("continue") or "") if isinstance(metadata, dict) else ""
            if not position:
                return

    async def close(self) -> None:
        """Closes its connections. May be called twice."""
        sessions, self._sessions = self._sessions, {}
        for session in sessions.values():
            await session.close()

    # One exchange

    async def _exchange(
        self,
        method: str,
        path: str,
        query: Mapping[str, str | int] | None,
        body: object,
        content_type: str | None,
        timeout_s: float,
    ) -> Answer:
        if body is not None and content_type is None:
            raise ValueError("a body needs its content type: a patch without one is guessed, and guessed wrong")
        content = None if body is None else orjson.dumps(body)
        try:
            async with asyncio.timeout(timeout_s):
                answer = await self._authorized(method, path, query or {}, content, content_type)
        except TimeoutError as error:
            raise Unreachable(self.system, f"no answer to {method} {path} in {timeout_s:g} s") from error
        except aiohttp.ClientConnectorCertificateError as error:
            raise Unreachable(self.system, f"its certificate is not trusted: {error.certificate_error}") from error
        except (aiohttp.ClientError, OSError) as error:
            raise Unreachable(self.system, f"{method} {path} failed: {str(error) or type(error).__name__}") from error
        except KubeconfigError as error:
            raise Refused(self.system, str(error), code="NoCredentials") from error
        if answer.status >= 300:
            fail(self.system, answer)
        return answer

    async def _authorized(
        self, method: str, path: str, query: Mapping[str, str | int], content: bytes | None, content_type: str | None
    ) -> Answer:
        access = await self._current()
        answer = await self._send(access, method, path, query, content, content_type)
        if answer.status != 401:
            return answer
        # A token was rotated under us. 401 comes before anything is done, so even a write may be sent again.
        renewed = await self._renew(access)
        log.info("credentials read again after a 401", extra={"environment": self.name})
        return await self._send(renewed, method, path, query, content, content_type)

    async def _send(
        self,
        access: Access,
        method: str,
        path: str,
        query: Mapping[str, str | int],
        content: bytes | None,
        content_type: str | None,
    ) -> Answer:
        url = URL(access.server + path, encoded=True).with_query({key: str(value) for key, value in query.items()})
        headers = {"Accept": "application/json"}
        if access.authorization:
            headers["Authorization"] = access.authorization
        if content_type:
            headers["Content-Type"] = content_type
        session = await self._session(access.tls)
        for last in (False, True) if method == "GET" else (True,):
            try:
                async with session.request(
                    method,
                    url,
                    data=content,
                    headers=headers,
                    allow_redirects=False,  # The token is for this server and no other.
                    proxy=access.proxy or None,
                    server_hostname=access.server_name or None,
                ) as response:
                    return Answer(response.status, response.headers, await self._whole(response))
            except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError):
                if last:
                    raise
        raise AssertionError("unreachable: the last try returns or raises")

    async def _whole(self, response: aiohttp.ClientResponse) -> bytes:
        """The body; Unreachable when it is larger than any answer that we ask for could be."""
        body = bytearray()
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > LARGEST_BYTES:
                raise Unreachable(self.system, f"answered with more than {LARGEST_BYTES >> 20} MiB")
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

    async def _session(self, tls: Tls | None) -> aiohttp.ClientSession:
        """The session for these proofs; an older one stays open until `close`: requests may be under way on it."""
        if tls not in self._sessions:
            context = await asyncio.to_thread(tls.context) if tls else None
            if tls not in self._sessions:  # Another task may have made it while the files were read.
                self._sessions[tls] = aiohttp.ClientSession(
                    connector=aiohttp.TCPConnector(limit=32, ssl=context if context is not None else True),
                    # Every exchange has its own total timeout around it.
                    timeout=aiohttp.ClientTimeout(total=None),
                    headers={"User-Agent": "kajitori"},
                )
        return self._sessions[tls]


class Clusters(Mapping[EnvironmentName, Cluster]):
    """The clusters of all environments."""

    def __init__(self, clusters: Mapping[EnvironmentName, Cluster]) -> None:
        self._clusters = dict(clusters)

    @classmethod
    def load(cls, environments: Mapping[EnvironmentName, Environment], kubeconfig: str | None) -> "Clusters":
        """Finds every environment's cluster; asks none. `kubeconfig`: a path or a `:`-list; None: ~/.kube/config.

        Raises KubeconfigError with all problems at once.
        """
        problems: list[str] = []
        found: dict[EnvironmentName, Cluster] = {}
        for name, environment in environments.items():
            context = environment.context
            source = Context(kubeconfig or DEFAULT_KUBECONFIG, context) if context is not None else InCluster()
            try:
                if not (isinstance(source, Context) and source.needs_plugin()):
                    access = source.read()
                    if access.tls is not None:
                        access.tls.context()
            except KubeconfigError as error:
                problems.extend(f"environment {name}: {problem}" for problem in error.problems)
            except ssl.SSLError as error:
                where = (
                    f"{source.kubeconfig}: context {source.name}" if isinstance(source, Context) else str(source.folder)
                )
                problems.append(f"environment {name}: {where}: a certificate or key in it is not valid: {error.reason}")
            found[name] = Cluster(name, source)
        if problems:
            raise KubeconfigError(*problems)
        return cls(found)

    def __getitem__(self, name: EnvironmentName) -> Cluster:
        return self._clusters[name]

    def __iter__(self) -> Iterator[EnvironmentName]:
        return iter(self._clusters)

    def __len__(self) -> int:
        return len(self._clusters)

    async def close(self) -> None:
        """Closes every cluster's connections."""
        for cluster in self._clusters.values():
            await cluster.close()
