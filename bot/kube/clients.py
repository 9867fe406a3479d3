"""Clients of the clusters: one Cluster per environment, raw JSON in and out, every error one of bot.errors.

Made by bot.app, used by the rest of bot.kube. The `kubernetes` package is not used for requests: its models cost
110 KiB a pod and refuse a whole list for one odd object, its default timeout is 300 s, and it sends a patch with a
content type of its own choosing. What is on the wire is the business of bot.kube.connection.
"""

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson

from bot.domain.catalog import Environment
from bot.domain.names import EnvironmentName
from bot.errors import Unreachable
from bot.kube.answers import Answer, Expired, fail, parse
from bot.kube.connection import Connection, Request
from bot.kube.kubeconfig import DEFAULT_KUBECONFIG, Context, InCluster, KubeconfigError
from bot.kube.patience import Patience
from bot.kube.streams import LARGEST_LINE_BYTES, Garbled, Lines

__all__ = ["PAGE_SIZE", "Cluster", "Clusters", "Expired", "Garbled", "Page"]

PAGE_SIZE = 500
"""Objects per list request: about 2 MB of pods, which parse in some 20 ms; the loop is free between pages."""


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list."""

    items: Sequence[Mapping[str, Any]]
    version: str
    """resourceVersion of the whole list, the same on each page: where a watch goes on. Opaque."""


class Cluster:
    """The API server of one environment. Not for two event loops; `close` it."""

    def __init__(self, name: EnvironmentName, source: Context | InCluster) -> None:
        self.name = name
        self.system = f"{name}'s API server"
        self.patience = Patience()
        self._connection = Connection(name, self.system, source)

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
        async with aclosing(self.listing(path, query=query, timeout_s=timeout_s)) as listing:
            async for page in listing:
                yield list(page.items)

    async def listing(
        self, path: str, *, query: Mapping[str, str | int] | None = None, timeout_s: float = 10.0
    ) -> AsyncGenerator[Page, None]:
        """As `pages`, with the version from which a watch of the same path goes on."""
        position = ""
        while True:
            asked: dict[str, str | int] = {**(query or {}), "limit": PAGE_SIZE}
            if position:
                asked["continue"] = position
            page = await self.request("GET", path, query=asked, timeout_s=timeout_s)
            # Parsing a page and making it small each take the loop some 15 ms: let others run in between.
            await asyncio.sleep(0)
            items = page.get("items")
            metadata = page.get("metadata")
            if not isinstance(metadata, dict):
                metadata = {}
            yield Page(
                [item for item in items if isinstance(item, dict)] if isinstance(items, list) else [],
                str(metadata.get("resourceVersion") or ""),
            )
            position = str(metadata.get("continue") or "")
            if not position:
                return

    @asynccontextmanager
    async def stream(
        self,
        path: str,
        *,
        query: Mapping[str, str | int] | None = None,
        answer_within_s: float = 10.0,
        quiet_s: float = 70.0,
        largest_line_bytes: int = LARGEST_LINE_BYTES,
    ) -> AsyncIterator[Lines]:
        """The lines of an answer that goes on for minutes (a watch); `answer_within_s` bounds the wait for its status.

        Raises as `request`. An API server says some things only within the stream, as an event of type ERROR: those
        are the reader's to understand (`bot.kube.answers.fail`).
        """
        async with self._connection.stream(Request("GET", path, query or {}), answer_within_s) as content:
            yield Lines(self.system, content, quiet_s=quiet_s, largest_bytes=largest_line_bytes)

    async def close(self) -> None:
        """Closes its connections. May be called twice."""
        await self._connection.close()

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
        answer = await self._connection.exchange(Request(method, path, query or {}, content, content_type), timeout_s)
        if answer.status >= 300:
            fail(self.system, answer)
        return answer


_SAFER = "use a service account's token and the cluster's CA, or, on a developer's own machine, set `development: true`"


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
                if isinstance(source, Context) and not environment.development:
                    problems.extend(f"environment {name}: {risk}; {_SAFER}" for risk in source.risks())
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
