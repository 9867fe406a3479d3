"""Knobs of a simulated cluster: how long things take, how much is remembered. Durations are divided by `speed`."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Options:
    """Timing of one cluster; the defaults let a rollout of three replicas finish in under three seconds."""

    seed: int | None = None  # of the random choices (names, uids, jitter); None: different each time
    clock: Callable[[], datetime] | None = None  # wall time; None: the machine's
    steady: Callable[[], float] | None = None  # seconds of a clock that never goes back; None: the machine's
    pace: float = 1.0  # seconds of the cluster in one real second: deadlines and timestamps run faster too
    speed: float = 1.0
    lag_s: float = 0.005  # a controller sees a change this much later, as over a real watch
    start_s: float = 0.3  # bound pod to running container
    slow_s: float = 5.0  # how much later a `slow` image becomes ready; math.inf: not before `Cluster.hurry`
    crash_after_s: float = 0.5  # a `crash` image lives this long
    restart_s: float = 2.0  # a container killed on demand comes back after this
    crash_backoff_s: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0, 8.0, 10.0)
    pull_backoff_s: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0, 10.0)
    progress_deadline_s: int = 20  # of the opening scene: short, so that a broken image fails while people still look
    termination_s: float = 0.25  # a pod never uses more of its grace period than this
    job_s: float = 1.0  # a Job's container runs this long
    job_backoff_s: float = 2.0  # before a failed Job's next pod, doubled each time; a real cluster waits 10 s
    job_sync_s: float = 0.1  # news of a Job's pods are gathered this long; a real cluster takes 1 s
    unhealthy_every_s: float = 2.0  # a failing readiness probe writes its event this often
    node_grace_s: float = 4.0  # a silent kubelet's node becomes NotReady after this
    haste: float = 60.0  # waits that a real cluster counts in minutes (tolerations, scaling down) are divided by this
    node_count: int = 3
    node_cpu_millis: int = 4000
    node_memory_mib: int = 16384
    requests_per_s: float = 20.0  # simulated requests to each HTTPRoute, and to each Kubernetes Service without one
    latency_ms: float = 40.0  # median of their answers
    history: int = 10_000  # watch events kept per resource before 410 Expired
    max_events: int = 5_000  # Event objects kept
    bookmark_s: float = 60.0  # not divided by speed
    request_log: int = 20_000
