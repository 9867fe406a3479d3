"""The driver of a replay: sends what was recorded, when the simulated cluster has come as far as the real one had.

It looks over the cluster's shoulder only to know when to go on; everything that is compared came over HTTP.
"""

import asyncio
import json
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import aiohttp

from bot.sandbox.kube import Options
from bot.sandbox.kube.kinds import Resource
from bot.sandbox.kube.store import Change, StoredEvent
from tests.sandbox.kube_client import TOKEN, Kube, served
from tests.sandbox.replay.differences import Difference, bodies
from tests.sandbox.replay.names import Names
from tests.sandbox.replay.recording import Json, Request, Sighting, read, sighting
from tests.sandbox.replay.states import counters, decisive
from tests.sandbox.replay.stories import Run, compare

# The recorded kubelets start a pod in about 0.3 s, loop after 1 s and try no image twice. Jobs back off as real ones.
OPTIONS = Options(seed=7, pace=4.0, crash_backoff_s=(1.0, 4.0), pull_backoff_s=(60.0,), job_backoff_s=10.0,
                  node_count=4)  # fmt: skip
SHORT_S, SHORT_PACE = 10.0, 2.0
"""Recordings up to so long are played slower: their progress deadline of 8 s must not pass on a busy machine."""
STREAMS = {
    "deployments": "apis/apps/v1", "replicasets": "apis/apps/v1", "pods": "api/v1", "events": "api/v1",
    "jobs": "apis/batch/v1",
}  # fmt: skip
DEADLINE_S = 15.0
BEFORE_S = 0.01  # a watch may be this much faster than the answer to the request that it saw
WRITES = ("POST", "PUT", "PATCH", "DELETE")


class Scene:
    """What objects look like at one moment: Deployments and Jobs with their counters, pods by their controller."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._objects: dict[tuple[str, str], Json] = {}

    def see(self, obj: Json, gone: bool) -> None:
        key = (obj["kind"], obj["metadata"]["uid"])
        if gone:
            self._objects.pop(key, None)
        elif obj["kind"] in ("Deployment", "Job", "Pod"):
            self._objects[key] = obj

    def told(self, ending: bool) -> Json:
        """The scene in shared words; `ending` pods are part of it only when asked for, for they pass quickly."""
        found: Json = {}
        for (kind, _), obj in self._objects.items():
            if kind == "Pod" and "deletionTimestamp" in obj["metadata"] and not ending:
                continue
            label = self._names.plain(f"{kind} {obj['metadata']['name']}")
            found.setdefault(label, []).append(self._names.plain(decisive(obj)) | counters(obj))
        return {label: sorted(states, key=json.dumps) for label, states in found.items()}


class Replay:
    """One scenario, recorded and simulated side by side."""

    def __init__(self, scenario: str, kube: Kube) -> None:
        self._namespace = scenario.replace("_", "-")
        self._kube = kube
        self._rows = read(scenario)
        seen = [row for row in self._rows if isinstance(row, Sighting) and row.stream in STREAMS]
        self._recorded = Run(Names(), sorted(seen, key=lambda s: s.version), [0])
        self._sandbox = Run(Names(), [], [0])
        for one in self._recorded.sightings:
            self._recorded.names.see(one.obj)
        self._scene = Scene(self._sandbox.names)
        self._wanted: Json | None = None  # the scene to wait for, until it has been seen
        self._at_the_end = False
        self._reached = asyncio.Event()
        self._expected = 0  # sightings that the watches owe us
        self._learned: dict[str, str] = {}
        self._account_token = ""
        self._killed: set[str] = set()

    async def differences(self) -> list[Difference]:
        """Play the scenario to its end."""
        found: list[Difference] = []
        self._kube.cluster.create_namespace(self._namespace)
        self._kube.cluster.store.listen(self._notice)
        async with AsyncExitStack() as stack:
            watchers = [await self._open(stack, name) for name in STREAMS]
            for row in self._rows:
                if isinstance(row, Request):
                    found += await self._request(row)
                else:
                    await self._crash(row)
            self._at_the_end = True
            await self._reach(self._recorded.sightings)
            await self._catch_up()
            for watcher in watchers:
                watcher.cancel()
        found += await self._queries()
        self._sandbox.sightings.sort(key=lambda s: s.version)
        found += compare(self._recorded, self._sandbox)
        return list({str(difference): difference for difference in found}.values())

    # The cluster, looked at over its shoulder.

    def _notice(self, resource: Resource, event: StoredEvent) -> None:
        if event.obj["metadata"].get("namespace") != self._namespace:
            return
        self._sandbox.names.see(event.obj)
        self._expected += resource.plural in STREAMS
        self._scene.see(event.obj, event.change is Change.DELETED)
        self._look()

    def _look(self) -> None:
        if self._wanted is not None and self._scene.told(self._at_the_end) == self._wanted:
            self._wanted = None
            self._reached.set()

    async def _reach(self, before: list[Sighting]) -> None:
        """Wait until the scene is, or was for a moment, as the recorded one after these sightings."""
        scene = Scene(self._recorded.names)
        for seen in before:
            scene.see(seen.obj, seen.change == "DELETED")
        self._reached.clear()
        self._wanted = wanted = scene.told(self._at_the_end)
        self._look()
        try:
            async with asyncio.timeout(DEADLINE_S):
                await self._reached.wait()
        except TimeoutError:
            crash = self._kube.cluster.crashed()
            apart = "\n".join(map(str, bodies("the scene", wanted, self._scene.told(self._at_the_end))))
            raise AssertionError(f"never came as far as recorded:\n{apart}") from crash

    async def _open(self, stack: AsyncExitStack, name: str) -> asyncio.Task[None]:
        path = f"/{STREAMS[name]}/namespaces/{self._namespace}/{name}?watch=true"
        response = await stack.enter_async_context(self._kube.session.get(self._kube.url + path, headers=_AUTH))
        assert response.status == 200, await response.text()
        return asyncio.create_task(self._read(name, response))

    async def _read(self, name: str, response: aiohttp.ClientResponse) -> None:
        async for line in response.content:
            self._sandbox.sightings.append(sighting(0.0, name, json.loads(line)))

    async def _catch_up(self) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while len(self._sandbox.sightings) < self._expected:
                await asyncio.sleep(0.005)

    # The recorded deeds.

    def _cut(self, before: list[Sighting]) -> None:
        """A step of the scenario: what follows belongs to a new phase."""
        self._recorded.cuts.append(max((s.version for s in before), default=0))
        self._sandbox.cuts.append(self._kube.cluster.store.version)

    def _before(self, row: Request) -> list[Sighting]:
        """What the watches had seen when a request was answered, but for its own effect."""
        metadata = row.answer.get("metadata", {}) if isinstance(row.answer, dict) else {}
        version = int(metadata.get("resourceVersion") or 0)
        if not version:
            return [s for s in self._recorded.sightings if s.at_s < row.at_s - BEFORE_S]
        seen = [s for s in self._recorded.sightings if s.version == version and s.at_s < row.at_s - BEFORE_S]
        if seen and row.method in WRITES:  # a write that changed nothing
            return [s for s in self._recorded.sightings if s.at_s < row.at_s - BEFORE_S]
        own = row.method in WRITES
        return [s for s in self._recorded.sightings if s.version < version + (not own)]

    async def _request(self, row: Request) -> list[Difference]:
        before = self._before(row)
        await self._reach(before)
        if row.method in WRITES:
            self._cut(before)
        if self._is_followed(row):
            self._kube.cluster.hold()
        status, kind, answer = await self._send(row)
        if isinstance(row.answer, dict) and isinstance(answer, str):
            answer = json.loads(answer)
        if not self._is_followed(row):
            self._kube.cluster.release()
        self._learn(row.answer, answer)
        found = list(bodies(str(row), [row.status, row.answer_type], [status, kind], "status and type"))
        mine = self._recorded.names.plain(row.answer)
        return [*found, *bodies(self._recorded.names.plain(str(row)), mine, self._sandbox.names.plain(answer))]

    def _is_followed(self, row: Request) -> bool:
        """Whether the next write came before any controller can have seen this one."""
        requests = [r for r in self._rows if isinstance(r, Request) and r.at_s > row.at_s]
        return (
            bool(requests)
            and row.method in WRITES
            and requests[0].method in WRITES
            and (requests[0].at_s - row.at_s < BEFORE_S)
        )

    async def _send(self, row: Request) -> tuple[int, str, Any]:
        token, told = TOKEN, str(row.answer)
        if row.status == 401:
            token = "revoked"
        denied = "selfsubjectaccessreviews" in row.path and not row.answer["status"]["allowed"]
        if ("system:serviceaccount" in told and row.status == 403) or denied:
            token = self._account_token
        body = row.body if isinstance(row.body, str) or row.body is None else json.dumps(row.body)
        answer = await self._kube.send(
            row.method,
            self._translated(row.path),
            None if body is None else self._translated(body),
            kind=row.content_type,
            token=None if "system:anonymous" in told else token,
            headers={"Accept": row.accept, "User-Agent": "Python/3 recorder"},
        )
        return answer.status, answer.headers.get("Content-Type", ""), answer.body

    def _translated(self, text: str) -> str:
        """Words of the recorded cluster in those of this one."""
        for owner, pods in self._recorded.names.pods.items():
            for old, new in zip(pods, self._sandbox.names.pods.get(owner, []), strict=False):
                text = text.replace(old, new)
        for old, new in self._learned.items():
            text = text.replace(old, new)
        return text

    def _learn(self, recorded: Any, actual: Any) -> None:
        if not isinstance(recorded, dict) or not isinstance(actual, dict):
            return
        self._recorded.names.see(recorded)
        self._sandbox.names.see(actual)
        old, new = recorded.get("metadata") or {}, actual.get("metadata") or {}
        for name in ("uid", "continue"):
            if old.get(name) and new.get(name):
                self._learned[old[name]] = new[name]
        if old.get("resourceVersion") and new.get("resourceVersion"):
            mine, other = (f'"resourceVersion": "{side["resourceVersion"]}"' for side in (old, new))
            self._learned[mine] = other
        status = actual.get("status")
        if isinstance(status, dict) and "token" in status:
            self._account_token = status["token"]

    async def _crash(self, row: Sighting) -> None:
        """End a container where the recording shows one that was ended on demand."""
        if row.stream != "pods" or '"reason": "OOMKilled"' not in json.dumps(row.obj):
            return
        name = row.obj["metadata"]["name"]
        if name not in self._killed:
            self._killed.add(name)
            before = [s for s in self._recorded.sightings if s.version < row.version]
            await self._reach(before)
            self._cut(before)
            self._kube.cluster.crash_pod(self._namespace, self._translated(name))

    async def _queries(self) -> list[Difference]:
        """Watches with a query of their own, over the pods at rest, all at once."""
        recorded: dict[str, list[Any]] = {}
        for row in self._rows:
            if isinstance(row, Sighting) and row.stream.startswith("watch?"):
                recorded.setdefault(row.stream, []).append([row.change, self._recorded.names.plain(row.obj)])
        if recorded:
            self._kube.cluster.expire_history()
        path = f"/api/v1/namespaces/{self._namespace}/pods?watch=true&"
        answers = await asyncio.gather(
            *(self._kube.watch(path + query.partition("?")[2], 100, DEADLINE_S) for query in recorded)
        )
        found: list[Difference] = []
        for (query, events), answer in zip(recorded.items(), answers, strict=True):
            seen = [sighting(0.0, query, event) for event in answer]
            found += bodies(query, events, [[s.change, self._sandbox.names.plain(s.obj)] for s in seen])
        return found


_AUTH = {"Authorization": f"Bearer {TOKEN}"}


async def replay(scenario: str) -> list[Difference]:
    """All differences of one scenario, each once."""
    lasted_s = read(scenario)[-1].at_s
    options = replace(OPTIONS, pace=SHORT_PACE) if lasted_s <= SHORT_S else OPTIONS
    async with served(options) as kube:
        return await Replay(scenario, kube).differences()
