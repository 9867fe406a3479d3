"""Life of one simulated container: pulling, starting, readiness, crashing, backing off, ending, and what it logs.

The kubelet advances it when its time has come and tells what happened as events; it knows no API object.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto

from bot.sandbox.kube.clock import stamp
from bot.sandbox.kube.images import Behaviour, behaviour_of, pull_error
from bot.sandbox.kube.kinds import Obj
from bot.sandbox.kube.options import Options

Pull = Callable[[str], str | None]
"""The digest of what an image name gives at a pull; None when there is no such image."""


class Stage(Enum):
    CREATING = auto()
    PULL_FAILED = auto()
    PULL_BACKOFF = auto()
    RUNNING = auto()
    KILLED = auto()  # ended on demand, will come back
    CRASH_BACKOFF = auto()
    DONE = auto()


@dataclass(frozen=True, slots=True)
class Happening:
    """What the kubelet tells about a container."""

    reason: str
    message: str
    warning: bool = False


@dataclass(slots=True)
class Life:
    """One container of one pod. Times on the steady clock are in seconds; `now` is wall time for the object."""

    spec: Obj
    pod_name: str
    pod_told: str  # admin-abc_stg(uid), as kubelets write it
    restart_policy: str
    options: Options
    stage: Stage = Stage.CREATING
    due_s: float = 0.0
    restarts: int = 0
    pulls: int = 0
    kills: int = 0
    ready: bool = False
    started: datetime | None = None
    ended: Obj | None = None  # ContainerStateTerminated of the run that just ended
    last: Obj | None = None  # … of the run before the present one
    content: str = ""  # digest of what was pulled
    farewell: list[str] = field(default_factory=list)  # last words of the run that ended
    previous: list[tuple[datetime, str]] = field(default_factory=list)

    @property
    def name(self) -> str:
        return str(self.spec["name"])

    @property
    def image(self) -> str:
        return str(self.spec["image"])

    def advance(self, now_s: float, now: datetime, pull: Pull) -> list[Happening]:
        """Take the step that is due."""
        match self.stage:
            case Stage.CREATING | Stage.PULL_BACKOFF:
                return self._pull(now_s, now, pull)
            case Stage.PULL_FAILED:
                self.stage = Stage.PULL_BACKOFF
                self.due_s = now_s + self._after(_step(self.options.pull_backoff_s, self.pulls - 1))
                return [
                    Happening("BackOff", f'Back-off pulling image "{self.image}"'),
                    Happening("Failed", "Error: ImagePullBackOff", warning=True),
                ]
            case Stage.KILLED:
                self.restarts += 1
                return self._start(now_s, now)
            case Stage.CRASH_BACKOFF:
                return self._start(now_s, now)
            case Stage.RUNNING:
                return self._live(now_s, now)
            case Stage.DONE:
                self.due_s = math.inf
                return []

    def _after(self, seconds: float) -> float:
        return seconds / self.options.speed

    def _pull(self, now_s: float, now: datetime, pull: Pull) -> list[Happening]:
        pulling = Happening("Pulling", f'Pulling image "{self.image}"')
        found = pull(self.image)
        if found is not None:
            self.content = found
            pulled = (
                f'Successfully pulled image "{self.image}" in 112ms (112ms including waiting). '
                "Image size: 48211904 bytes."
            )
            return [pulling, Happening("Pulled", pulled), *self._start(now_s, now)]
        self.pulls += 1
        self.stage = Stage.PULL_FAILED
        self.due_s = now_s + self._after(1.0)
        failed = f'Failed to pull image "{self.image}": {pull_error(self.image)}'
        return [
            pulling,
            Happening("Failed", failed, warning=True),
            Happening("Failed", "Error: ErrImagePull", warning=True),
        ]

    def _start(self, now_s: float, now: datetime) -> list[Happening]:
        told = []
        if self.restarts:
            told.append(Happening("Pulled", f'Container image "{self.image}" already present on machine'))
            self.last, self.ended = self.ended or self.last, None
        self.stage, self.started = Stage.RUNNING, now
        behaviour = behaviour_of(self.image)
        self.ready, self.due_s = True, math.inf
        if self.restart_policy != "Always":
            self.due_s = now_s + self._after(self.options.job_s)
        match behaviour:
            case Behaviour.CRASH | Behaviour.OOM:
                self.ready, self.due_s = False, now_s + self._after(self.options.crash_after_s)
            case Behaviour.UNREADY:
                self.ready, self.due_s = False, now_s + self._after(self.options.unhealthy_every_s)
            case Behaviour.SLOW:
                self.ready, self.due_s = False, now_s + self._after(self.options.slow_s)
            case Behaviour.HEALTHY | Behaviour.FAIL:
                delay_s = float((self.spec.get("readinessProbe") or {}).get("initialDelaySeconds") or 0)
                if delay_s and self.restart_policy == "Always":
                    self.ready, self.due_s = False, now_s + self._after(delay_s)
        return [
            *told,
            Happening("Created", f"Created container: {self.name}"),
            Happening("Started", f"Started container {self.name}"),
        ]

    def _live(self, now_s: float, now: datetime) -> list[Happening]:
        behaviour = behaviour_of(self.image)
        match behaviour:
            case Behaviour.UNREADY:
                self.due_s = now_s + self._after(self.options.unhealthy_every_s)
                probe = "Readiness probe failed: HTTP probe failed with statuscode: 503"
                return [Happening("Unhealthy", probe, warning=True)]
            case Behaviour.CRASH:
                self._end(now, 1, "Error", _crash_words(self.name))
            case Behaviour.OOM:
                self._end(now, 137, "OOMKilled", _memory_words(self.name))
            case _ if not self.ready and self.restart_policy == "Always":
                self.ready, self.due_s = True, math.inf
                return []
            case Behaviour.FAIL:
                self._end(now, 1, "Error", _crash_words(self.name))
            case _:
                self._end(now, 0, "Completed", ["done"])
        exit_code = int(self.ended["exitCode"]) if self.ended else 0
        if self.restart_policy == "Never" or (self.restart_policy == "OnFailure" and exit_code == 0):
            self.stage, self.due_s = Stage.DONE, math.inf
            return []
        self.stage = Stage.CRASH_BACKOFF
        self.last, self.ended = self.ended, None
        self.due_s = now_s + self._after(_step(self.options.crash_backoff_s, self.restarts))
        self.restarts += 1
        told = f"Back-off restarting failed container {self.name} in pod {self.pod_told}"
        return [Happening("BackOff", told, warning=True)]

    def hurry(self, options: Options, now_s: float) -> None:
        """Go on under other options; one that takes its time to become ready takes no more of it."""
        self.options = options
        if self.stage is Stage.RUNNING and not self.ready and behaviour_of(self.image) is Behaviour.SLOW:
            self.due_s = now_s

    def kill(self, now_s: float, now: datetime, exit_code: int, reason: str) -> bool:
        """End a running container from outside; it comes back. False when it does not run."""
        if self.stage is not Stage.RUNNING:
            return False
        self._end(now, exit_code, reason, _memory_words(self.name) if exit_code == 137 else _crash_words(self.name))
        self.kills += 1
        self.stage = Stage.KILLED
        self.due_s = now_s + self._after(self.options.restart_s)
        return True

    def _end(self, now: datetime, exit_code: int, reason: str, words: list[str]) -> None:
        self.previous = [*self.lines(now), *((now, word) for word in words)]
        self.farewell = words
        self.ready = False
        started = stamp(self.started or now)
        self.ended = {"exitCode": exit_code, "reason": reason, "startedAt": started, "finishedAt": stamp(now)}

    def status(self, uid: str) -> Obj:
        """ContainerStatus of this moment."""
        missing = self.stage in (Stage.PULL_FAILED, Stage.PULL_BACKOFF, Stage.CREATING)
        name = self.image.partition("@")[0]
        repository = name.rpartition(":")[0] if ":" in name.rpartition("/")[2] else name
        status: Obj = {
            "name": self.name,
            "state": self._state(),
            "lastState": {"terminated": self.last} if self.last else {},
            "ready": self.ready,
            "restartCount": self.restarts,
            "image": self.image,
            "imageID": "" if missing else f"{repository}@{self.content}",
            "started": self.stage is Stage.RUNNING,
        }
        if not missing:
            status["containerID"] = f"containerd://{uid.replace('-', '')}{self.restarts:08x}"
        return status

    def _state(self) -> Obj:
        match self.stage:
            case Stage.CREATING:
                return {"waiting": {"reason": "ContainerCreating"}}
            case Stage.PULL_FAILED:
                return {"waiting": {"reason": "ErrImagePull", "message": pull_error(self.image)}}
            case Stage.PULL_BACKOFF:
                message = f'Back-off pulling image "{self.image}": ErrImagePull: {pull_error(self.image)}'
                return {"waiting": {"reason": "ImagePullBackOff", "message": message}}
            case Stage.CRASH_BACKOFF:
                told_s = min(10 * 2 ** max(0, self.restarts - 1), 300)
                shown = f"{told_s}s" if told_s < 60 else f"{told_s // 60}m{told_s % 60}s"
                message = f"back-off {shown} restarting failed container={self.name} pod={self.pod_told}"
                return {"waiting": {"reason": "CrashLoopBackOff", "message": message}}
            case Stage.RUNNING if self.started:
                return {"running": {"startedAt": stamp(self.started)}}
            case _:
                return {"terminated": self.ended}

    def lines(self, now: datetime) -> list[tuple[datetime, str]]:
        """The log of the present run up to `now`: start-up, then a line a second, the last 500 at most."""
        if self.started is None:
            return []
        if self.ended is not None:
            return self.previous
        opening = [f"{self.name} starting, image {self.image}", "config loaded", "listening on :8080"]
        age = int((now - self.started).total_seconds())
        first = max(0, age - 500)
        found = [(self.started, line) for line in opening] if first == 0 else []
        for second in range(first, age):
            moment = self.started + timedelta(seconds=second + 1)
            found.append((moment, f'{self.pod_name} "GET /healthz HTTP/1.1" 200 in {3 + second % 5}ms'))
        return found


def _step(steps: tuple[float, ...], index: int) -> float:
    return steps[min(max(index, 0), len(steps) - 1)]


def _crash_words(name: str) -> list[str]:
    return [
        "Traceback (most recent call last):",
        f'  File "/app/{name}/main.py", line 42, in <module>',
        "    connect(settings.database_url)",
        f'  File "/app/{name}/db.py", line 17, in connect',
        "    raise ConnectionError(f'cannot reach {url}')",
        f"ConnectionError: cannot reach postgres://{name}:sekret-{name}@db:5432/{name}",
    ]


def _memory_words(name: str) -> list[str]:
    return [f"FATAL java.lang.OutOfMemoryError: Java heap space token=sekret-{name}"]
