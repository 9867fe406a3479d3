"""Kubelets of all simulated nodes: bring bound pods to life, tell their status, end them. See also `container`.

A paused node's kubelet does nothing: its pods neither start nor end until it resumes.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from bot.sandbox.kube.clock import stamp
from bot.sandbox.kube.container import Happening, Life, Stage
from bot.sandbox.kube.controllers.base import Tools, condition, is_terminating, key_of
from bot.sandbox.kube.controllers.engine import Key
from bot.sandbox.kube.images import digest_of_name, is_broken
from bot.sandbox.kube.kinds import NODES, PODS, Obj, Resource
from bot.sandbox.kube.status import ApiError
from bot.sandbox.kube.store import Change, StoredEvent

MANAGER = "kubelet"


@dataclass(slots=True)
class Run:
    """A pod on its node."""

    lives: list[Life]
    started_at: str
    ip: str
    ends_s: float = math.inf
    stopping: bool = False


class Kubelet:
    """All kubelets of a cluster."""

    name = "kubelet"

    def __init__(
        self, tools: Tools, image_exists: Callable[[str], bool], image_digest: Callable[[str], str | None]
    ) -> None:
        self._tools = tools
        self._image_exists = image_exists
        self._image_digest = image_digest
        self._options = tools.options
        self._runs: dict[str, Run] = {}
        self._next_ip = 1
        self.paused: set[str] = set()

    def concerns(self, resource: Resource, event: StoredEvent) -> list[Key]:
        if resource is not PODS:
            return []
        if event.change is Change.DELETED:
            self._runs.pop(event.obj["metadata"]["uid"], None)
            return []
        if not event.obj["spec"].get("nodeName"):
            return []
        known = event.before is not None and event.before["spec"].get("nodeName")
        if known and event.before is not None and is_terminating(event.before) == is_terminating(event.obj):
            return []  # our own status write, or one that does not concern a kubelet
        return [key_of(event.obj)]

    def run_of(self, pod: Obj) -> Run | None:
        return self._runs.get(pod["metadata"]["uid"])

    def reconcile(self, key: Key) -> float | None:
        pod = self._tools.store.get(PODS, *key)
        if pod is None or not pod["spec"].get("nodeName") or pod["spec"]["nodeName"] in self.paused:
            return None
        now_s = self._tools.clock.steady_s()
        if is_terminating(pod):
            return self._terminate(pod, now_s)
        run = self.run_of(pod)
        if run is None:
            run = self._admit(pod, now_s)
            self._write(pod, run)
        happened = False
        for life in run.lives:
            if life.due_s <= now_s:
                happened = True
                told = life.advance(now_s, self._tools.clock.now(), self._pull)
                self._tell(pod, life, told)
        if happened:
            self._write(pod, run)
        return self._wait_s(run, now_s)

    @staticmethod
    def _wait_s(run: Run, now_s: float) -> float | None:
        due_s = min((life.due_s for life in run.lives), default=math.inf)
        return None if due_s == math.inf else max(0.0, due_s - now_s)

    def _pull(self, image: str) -> str | None:
        if is_broken(image) or not self._image_exists(image):
            return None
        return self._image_digest(image) or digest_of_name(image)

    def _admit(self, pod: Obj, now_s: float) -> Run:
        metadata = pod["metadata"]
        told = f"{metadata['name']}_{metadata['namespace']}({metadata['uid']})"
        policy = pod["spec"].get("restartPolicy", "Always")
        options = self._options
        spread = 0.7 + 0.6 * self._tools.registry.chance.random()
        lives = []
        for spec in pod["spec"]["containers"]:
            life = Life(spec, metadata["name"], told, policy, options)
            life.due_s = now_s + self._tools.scaled(options.start_s) * spread
            lives.append(life)
        ip = f"10.1.{self._next_ip // 250}.{self._next_ip % 250 + 1}"
        self._next_ip += 1
        run = Run(lives, self._tools.now(), ip)
        self._runs[metadata["uid"]] = run
        return run

    def _tell(self, pod: Obj, life: Life, happenings: list[Happening]) -> None:
        path = f"spec.containers{{{life.name}}}"
        node = pod["spec"]["nodeName"]
        for h in happenings:
            if h.warning:
                self._tools.recorder.warning(pod, MANAGER, h.reason, h.message, node, path)
            else:
                self._tools.recorder.normal(pod, MANAGER, h.reason, h.message, node, path)

    def _terminate(self, pod: Obj, now_s: float) -> float | None:
        run = self.run_of(pod)
        if run is None:
            run = self._admit(pod, now_s)
        if not run.stopping:
            run.stopping = True
            grace_s = float(pod["metadata"].get("deletionGracePeriodSeconds") or 0)
            run.ends_s = now_s + min(grace_s, self._tools.scaled(self._tools.options.termination_s))
            for life in run.lives:
                if life.stage is Stage.RUNNING:
                    self._tell(pod, life, [Happening("Killing", f"Stopping container {life.name}")])
        if now_s < run.ends_s:
            return run.ends_s - now_s
        if pod["metadata"].get("deletionGracePeriodSeconds"):
            metadata = {**pod["metadata"], "deletionGracePeriodSeconds": 0, "deletionTimestamp": self._tools.now()}
            pod = self._tools.store.put(PODS, {**pod, "metadata": metadata})
        if not pod["metadata"].get("finalizers"):
            self._tools.store.remove(PODS, pod)
        return None

    def _write(self, pod: Obj, run: Run) -> None:
        current = self._tools.store.get(PODS, *key_of(pod))
        if current is None:
            return
        node = self._tools.store.get(NODES, "", pod["spec"]["nodeName"])
        addresses = ((node or {}).get("status") or {}).get("addresses") or [{"address": "127.0.0.1"}]
        statuses = [life.status(pod["metadata"]["uid"]) for life in run.lives]
        phase = _phase(run.lives)
        status: Obj = {
            "phase": phase,
            "conditions": self._conditions(current, run, phase),
            "hostIP": addresses[0]["address"],
            "hostIPs": [{"ip": addresses[0]["address"]}],
            "startTime": run.started_at,
            "containerStatuses": statuses,
            "qosClass": current["status"].get("qosClass", "BestEffort"),
        }
        if any(life.started for life in run.lives):
            status |= {"podIP": run.ip, "podIPs": [{"ip": run.ip}]}
        draft = {**current, "metadata": dict(current["metadata"]), "status": status}
        self._tools.registry.write(PODS, draft, MANAGER, "status")

    def _conditions(self, pod: Obj, run: Run, phase: str) -> list[Obj]:
        unready = [life.name for life in run.lives if not life.ready]
        ready = "False" if unready else "True"
        why: Obj = {}
        if unready:
            done = phase in ("Succeeded", "Failed")
            why = {"reason": "PodCompleted" if phase == "Succeeded" else "ContainersNotReady"}
            if not done:
                why["message"] = f"containers with unready status: [{' '.join(unready)}]"
        wanted = [("Initialized", "True", {}), ("PodScheduled", "True", {}),
                  ("ContainersReady", ready, why), ("Ready", ready, why)]  # fmt: skip
        names = {name for name, _, _ in wanted}
        kept = [c for c in pod["status"].get("conditions") or [] if c["type"] not in names]
        return [*(self._condition(pod, *row) for row in wanted), *kept]

    def _condition(self, pod: Obj, kind: str, value: str, why: Obj) -> Obj:
        before = condition(pod, kind)
        since = before["lastTransitionTime"] if before and before["status"] == value else self._tools.now()
        return {"type": kind, "status": value, "lastProbeTime": None, "lastTransitionTime": since, **why}

    def kill(self, pod: Obj, exit_code: int, reason: str) -> float | None:
        """End a pod's running containers; seconds until they return, or None when none ran."""
        run = self.run_of(pod)
        if run is None or pod["spec"]["nodeName"] in self.paused:
            return None
        now_s, now = self._tools.clock.steady_s(), self._tools.clock.now()
        killed = [life for life in run.lives if life.kill(now_s, now, exit_code, reason)]
        if not killed:
            return None
        self._write(pod, run)
        return self._wait_s(run, now_s)

    def hurry(self) -> None:
        """Let `slow` containers, those that wait and those to come, be ready at once; the caller has them looked at."""
        self._options = replace(self._options, slow_s=0.0)
        now_s = self._tools.clock.steady_s()
        for life in (life for run in self._runs.values() for life in run.lives):
            life.hurry(self._options, now_s)

    def refresh(self, pod: Obj) -> None:
        """Tell the status again, e.g. after its node came back."""
        run = self.run_of(pod)
        if run is not None and not is_terminating(pod):
            self._write(pod, run)

    def log(self, pod: Obj, container: str, previous: bool) -> list[tuple[str, str]]:
        """Lines of a container with their times; ApiError 400 as a real server when there are none to have."""
        run = self.run_of(pod)
        life = next((one for one in run.lives if one.name == container), None) if run else None
        name = pod["metadata"]["name"]
        if previous:
            if life is None or not life.previous:
                raise ApiError(
                    400, "BadRequest", f'previous terminated container "{container}" in pod "{name}" not found'
                )
            return [(stamp(t), line) for t, line in life.previous]
        if life is None or life.started is None:
            waiting = life.status("")["state"].get("waiting", {}) if life else {}
            reason = waiting.get("reason", "ContainerCreating")
            told = "trying and failing to pull image" if "Image" in reason else reason
            message = f'container "{container}" in pod "{name}" is waiting to start: {told}'
            raise ApiError(400, "BadRequest", message)
        lines = life.previous if life.stage is Stage.CRASH_BACKOFF else life.lines(self._tools.clock.now())
        return [(stamp(t), line) for t, line in lines]


def _phase(lives: list[Life]) -> str:
    if all(life.stage is Stage.DONE for life in lives):
        return "Failed" if any(life.ended and life.ended["exitCode"] for life in lives) else "Succeeded"
    return "Running" if any(life.started for life in lives) else "Pending"
