"""One simulated cluster: its API server, controllers, nodes, and the levers that the sandbox and tests pull.

The sandbox's server mounts `app()` (or `handle`) and owns `start`/`stop`. Nothing here knows the bot.
"""

import asyncio
import random
from collections import deque
from collections.abc import AsyncGenerator, Callable

from aiohttp import web

from bot.sandbox.kube.access import Access
from bot.sandbox.kube.clock import Clock
from bot.sandbox.kube.controllers.autoscaler import AutoscalerController
from bot.sandbox.kube.controllers.base import Tools, key_of
from bot.sandbox.kube.controllers.budgets import BudgetController
from bot.sandbox.kube.controllers.cronjob import CronJobController
from bot.sandbox.kube.controllers.daemonset import DaemonSetController
from bot.sandbox.kube.controllers.deployment import DeploymentController
from bot.sandbox.kube.controllers.endpoints import EndpointsController
from bot.sandbox.kube.controllers.engine import Engine
from bot.sandbox.kube.controllers.garbage import GarbageCollector, NamespaceController
from bot.sandbox.kube.controllers.gateway import GatewayController
from bot.sandbox.kube.controllers.job import JobController
from bot.sandbox.kube.controllers.kubelet import Kubelet
from bot.sandbox.kube.controllers.node_eviction import NodeEvictionController
from bot.sandbox.kube.controllers.nodes import NodeController, create_nodes
from bot.sandbox.kube.controllers.replicaset import ReplicaSetController
from bot.sandbox.kube.controllers.rollout import RolloutController
from bot.sandbox.kube.controllers.scheduler import Scheduler
from bot.sandbox.kube.controllers.statefulset import StatefulSetController
from bot.sandbox.kube.default_roles import create_default_roles
from bot.sandbox.kube.door import Door
from bot.sandbox.kube.events import Recorder
from bot.sandbox.kube.faults import Faults
from bot.sandbox.kube.images import digest_of_name
from bot.sandbox.kube.kinds import BY_KIND, NAMESPACES, NODES, PODS, Obj
from bot.sandbox.kube.load import Load
from bot.sandbox.kube.options import Options
from bot.sandbox.kube.pods_view import pods_view
from bot.sandbox.kube.reads import Reads
from bot.sandbox.kube.registry import Registry, WriteOptions
from bot.sandbox.kube.status import not_found
from bot.sandbox.kube.store import Store
from bot.sandbox.kube.subresources import PodLogs
from bot.sandbox.kube.traffic import Traffic, TrafficController
from bot.sandbox.kube.wire import RequestRecord
from bot.sandbox.kube.writes import Writes

SYSTEM_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")


class Cluster:
    """A cluster in memory. `image_exists` is asked at each pull, and `image_digest` what that gives; `token` is the
    bearer token of its administrator."""

    def __init__(
        self,
        name: str,
        image_exists: Callable[[str], bool],
        *,
        image_digest: Callable[[str], str | None] = digest_of_name,
        token: str = "sandbox",
        options: Options | None = None,
    ) -> None:
        self.name = name
        self.options = options or Options()
        self.clock = Clock(self.options.clock, self.options.pace, self.options.steady)
        self.store = Store(self.options.history)
        self.registry = Registry(self.store, self.clock, random.Random(self.options.seed))
        self.faults = Faults(lambda: self.store.version)
        self.access = Access({token: "kubernetes-admin"}, self.store, self.clock)
        self._engine = Engine(self.store, self.clock, self.options.lag_s / self.options.speed)
        self._tools = Tools(self.registry, Recorder(self.registry, self.options.max_events), self.options)
        self._kubelet = Kubelet(self._tools, image_exists, image_digest)
        self._nodes = NodeController(self._tools)
        self.traffic = Traffic(self.store, self.clock, self.options)
        self.load = Load(self.traffic)
        self._stream = TrafficController(self.traffic, self.clock)
        for controller in (
            Scheduler(self._tools), self._kubelet, ReplicaSetController(self._tools),
            DeploymentController(self._tools), StatefulSetController(self._tools), DaemonSetController(self._tools),
            JobController(self._tools), CronJobController(self._tools), GarbageCollector(self._tools),
            NamespaceController(self._tools), self._nodes, EndpointsController(self._tools),
            GatewayController(self._tools), BudgetController(self._tools), NodeEvictionController(self._tools),
            AutoscalerController(self._tools, self.load), RolloutController(self._tools), self._stream,
        ):  # fmt: skip
            self._engine.add(controller)
        self._closing = asyncio.Event()
        self._reads = Reads(self.registry, self.options)
        self._door = Door(
            self.options, self.access, self.faults, self._reads, Writes(self.registry, self.access),
            PodLogs(self.registry, self._kubelet, self._closing), self._closing,
        )  # fmt: skip
        self._task: asyncio.Task[None] | None = None
        self._subscribers: set[asyncio.Event] = set()
        self.store.listen(lambda resource, _: self._notify() if resource is not NODES else None)
        create_default_roles(self.registry)
        create_nodes(self._tools)
        for namespace in SYSTEM_NAMESPACES:
            self.create_namespace(namespace)

    @property
    def requests(self) -> deque[RequestRecord]:
        """Every request so far, oldest first, bounded."""
        return self._door.requests

    async def start(self) -> None:
        """Start the controllers; they run until `stop`; `crashed` tells whether one has failed."""
        if self._task is None:
            self._closing.clear()
            self._engine.enqueue(self._stream, ("", "stream"))
            self._task = asyncio.create_task(self._engine.run(), name=f"cluster {self.name}")

    async def stop(self) -> None:
        """End watches and controllers; raises what a controller failed of."""
        self._closing.set()
        self.store.wake_watchers()
        task, self._task = self._task, None
        if task is None:
            return
        if task.done():
            task.result()
        task.cancel()
        await asyncio.wait([task])
        if self._engine.failure is not None:
            raise self._engine.failure

    def crashed(self) -> BaseException | None:
        """What a controller has failed of, if any did: a mistake of ours; the others work on."""
        if self._engine.failure is None and self._task is not None and self._task.done() and not self._task.cancelled():
            return self._task.exception()
        return self._engine.failure

    def app(self) -> web.Application:
        """The API as an application of its own, to be served at a root or added as a sub-application."""
        app = web.Application(client_max_size=16 * 2**20)
        app.router.add_route("*", "/{tail:.*}", self._serve)
        app.on_shutdown.append(self._close_streams)
        return app

    async def handle(self, request: web.Request, path: str) -> web.StreamResponse:
        """Answer a request whose path below this cluster's root is `path` (with a leading slash)."""
        return await self._door.handle(request, path)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        return await self.handle(request, "/" + request.match_info["tail"])

    async def _close_streams(self, _: web.Application) -> None:
        self._closing.set()
        self.store.wake_watchers()

    # What scenes, the sandbox's control address and tests do.

    def create(self, body: Obj, manager: str = "kubectl") -> Obj:
        """Create an object as a client would; raises ApiError."""
        resource = BY_KIND[(body["apiVersion"], body["kind"])]
        namespace = body["metadata"].get("namespace", "default") if resource.namespaced else ""
        return self.registry.create(resource, namespace, body, WriteOptions(manager=manager))

    def create_namespace(self, name: str) -> None:
        if self.store.get(NAMESPACES, "", name) is None:
            self.registry.create(NAMESPACES, "", {"metadata": {"name": name}}, WriteOptions(manager="kubectl"))

    def settle(self, done: Callable[[], bool], limit_s: float = 120.0) -> None:
        """Let simulated time jump until `done`; only before `start`."""
        self._engine.settle(done, limit_s)

    def crash_pod(self, namespace: str, name: str, reason: str = "OOMKilled", exit_code: int | None = None) -> None:
        """End the containers of a running pod; they come back after `restart_s`. LookupError when it does not run."""
        pod = self.store.get(PODS, namespace, name)
        if pod is None:
            raise LookupError(not_found(PODS, name).message)
        code = exit_code if exit_code is not None else (137 if reason == "OOMKilled" else 1)
        again_s = self._kubelet.kill(pod, code, reason)
        if again_s is None:
            raise LookupError(f"pod {namespace}/{name} is not running")
        self._engine.enqueue(self._kubelet, (namespace, name), again_s)

    def pause_node(self, node: str) -> None:
        """Silence a node's kubelet: its pods make no progress; it becomes NotReady after `node_grace_s`."""
        self._read_node(node)
        self._kubelet.paused.add(node)
        self._nodes.silent_since_s.setdefault(node, self.clock.steady_s())
        self._engine.enqueue(self._nodes, ("", node))
        self._notify()

    def kill_node(self, node: str) -> None:
        """Let a node die: as `pause_node`, and its pods answer nobody; `resume_node` brings it back without them."""
        self.pause_node(node)
        self.traffic.dead_nodes.add(node)
        self.traffic.refresh()

    def resume_node(self, node: str) -> None:
        """Let a paused or dead node speak again; containers of a dead one have to start anew."""
        self._read_node(node)
        self._kubelet.paused.discard(node)
        is_reborn = node in self.traffic.dead_nodes
        self.traffic.dead_nodes.discard(node)
        self.traffic.refresh()
        self._nodes.silent_since_s.pop(node, None)
        self._engine.enqueue(self._nodes, ("", node))
        for pod in self.store.all_of(PODS):
            if pod["spec"].get("nodeName") == node:
                if is_reborn:
                    self._kubelet.kill(pod, 255, "Unknown")
                self._kubelet.refresh(self.registry.read(PODS, *key_of(pod)))
                self._engine.enqueue(self._kubelet, (pod["metadata"]["namespace"], pod["metadata"]["name"]))
        self._notify()

    def _read_node(self, node: str) -> Obj:
        return self.registry.read(NODES, "", node)

    def hold(self) -> None:
        """Let controllers, scheduler and kubelets rest until `release`; the API goes on."""
        self._engine.hold()

    def release(self) -> None:
        self._engine.release()

    def hurry(self) -> None:
        """Let pods of `slow` images be ready at once from now on: the end of a `slow_s` without end."""
        self._kubelet.hurry()
        for pod in self.store.all_of(PODS):
            self._engine.enqueue(self._kubelet, key_of(pod))

    def nodes(self) -> dict[str, bool]:
        """Node names with whether their kubelet is paused."""
        return {node["metadata"]["name"]: node["metadata"]["name"] in self._kubelet.paused
                for node in self.store.all_of(NODES)}  # fmt: skip

    def jump_clock(self, seconds: float) -> None:
        """Let the wall clock jump, back too: deadlines, schedules and timestamps follow it."""
        self.clock.skip_wall(seconds)
        self._engine.look_again()
        self._notify()

    def end_watches(self) -> None:
        """End all open watches in good order; their readers come back, and meet the faults that are in force."""
        self._reads.end_watches()

    def expire_history(self) -> None:
        """Make resumed watches and `continue` tokens answer 410."""
        self.store.expire_history()
        self._reads.lists.expire()
        self.store.wake_watchers()

    def pods_view(self) -> list[Obj]:
        """Slim rows of all pods, see `pods_view`."""
        return pods_view(self.store)

    async def subscribe(self, interval_s: float = 0.1) -> AsyncGenerator[None, None]:
        """Yield once at the start and after changes, at most once an interval, until the consumer stops."""
        changed = asyncio.Event()
        self._subscribers.add(changed)
        try:
            yield
            while True:
                await changed.wait()
                await asyncio.sleep(interval_s)  # gather what belongs together
                changed.clear()
                yield
        finally:
            self._subscribers.discard(changed)

    def _notify(self) -> None:
        for changed in self._subscribers:
            changed.set()
