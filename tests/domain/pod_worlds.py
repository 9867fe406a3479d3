"""Pods that live and die as kubelets have them, for the tests of bot.domain.pods."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count

from bot.domain.names import EnvironmentName
from bot.domain.pods import ContainerSight, Ending, PodSight, Subject, SubjectKind
from bot.domain.pods.cases import Case, Scene, Silence
from bot.domain.pods.falls import Mark
from bot.domain.pods.judging import blows_of, judge
from bot.domain.release import Release

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ADMIN = Subject(SubjectKind.DEPLOYMENT, "admin", "admin")
STG = EnvironmentName("stg")


def seconds(number: float) -> datetime:
    """A moment so many seconds after noon."""
    return NOON + timedelta(seconds=number)


def container(**changes: object) -> ContainerSight:
    """A container that runs and is ready, with a limit of 256Mi."""
    fresh = ContainerSight(
        "admin", "registry.local/admin:1.4.1", ready=True, restarts=0, memory_limit="256Mi", running_since=NOON
    )
    return replace(fresh, **changes)  # type: ignore[arg-type]


def pod(number: int = 1, *containers: ContainerSight, **changes: object) -> PodSight:
    """A pod of admin that is ready."""
    fresh = PodSight(
        uid=f"uid-{number}",
        namespace="admin",
        name=f"admin-abc-{number}",
        workload=ADMIN,
        phase="Running",
        ready=True,
        created=NOON - timedelta(hours=1),
        node=f"node-{number}",
        ready_since=NOON - timedelta(hours=1),
        revision_hash="abc",
        containers=containers or (container(),),
    )
    return replace(fresh, **changes)  # type: ignore[arg-type]


def died(of: PodSight, at: float, reason: str = "OOMKilled", code: int = 137) -> PodSight:
    """The pod just after its container ended."""
    was = of.containers[0]
    ending = Ending(reason, code, started=was.running_since, finished=seconds(at))
    dead = replace(was, ready=False, running_since=None, has_ended=True, ending=ending, waiting_reason="")
    return replace(of, ready=False, ready_since=seconds(at), containers=(dead, *of.containers[1:]))


def looping(of: PodSight) -> PodSight:
    """The pod after it died, while the kubelet waits before it starts the container again."""
    return replace(of, containers=(replace(of.containers[0], waiting_reason="CrashLoopBackOff"), *of.containers[1:]))


def back(of: PodSight, at: float, *, ready: bool = True) -> PodSight:
    """The pod after the kubelet started its container again."""
    was = of.containers[0]
    alive = replace(
        was, ready=ready, restarts=was.restarts + 1, running_since=seconds(at), has_ended=False, waiting_reason=""
    )
    moment = seconds(at) if ready else of.ready_since
    return replace(of, ready=ready, ready_since=moment, containers=(alive, *of.containers[1:]))


def waiting(of: PodSight, reason: str, message: str = "") -> PodSight:
    """The pod with a container that can't start."""
    stuck = replace(of.containers[0], ready=False, running_since=None, waiting_reason=reason, waiting_message=message)
    return replace(of, phase="Pending", ready=False, containers=(stuck, *of.containers[1:]))


@dataclass
class Teller:
    """A loop without I/O: keeps pods, marks and cases, and judges when it is shown something."""

    pods: dict[str, PodSight] = field(default_factory=dict)
    marks: dict[str, Mark] = field(default_factory=dict)
    cases: tuple[Case, ...] = ()
    releases: tuple[Release, ...] = ()
    wanted: int | None = None
    silence: Silence | None = None
    held: list[PodSight] = field(default_factory=list)
    wake: datetime | None = None
    asks: bool = False
    _numbers: "count[int]" = field(default_factory=count)

    def at(self, moment: float, *changed: PodSight, gone: tuple[str, ...] = (), away: bool = False) -> "Teller":
        """Show what changed, in order, and judge."""
        for each in changed:
            self.pods[each.uid] = each
        for uid in gone:
            self.pods.pop(uid, None)
        scene = self.scene(moment)
        trail, self.held = [*self.held, *changed], []
        uids = {each.uid for each in changed} if away else set()
        found = blows_of(scene, trail, self.marks, self.releases, uids)
        self.marks |= found.marks
        self.held = found.held
        outcome = judge(self.cases, scene, found, lambda _: f"story-{next(self._numbers)}")
        self.cases, self.wake, self.asks = outcome.cases, outcome.wake, outcome.asks
        return self

    def scene(self, moment: float) -> Scene:
        """The world at that moment."""
        return Scene(
            STG,
            ADMIN,
            seconds(moment),
            day="2026-11-23",
            pods=tuple(self.pods.values()),
            wanted=self.wanted,
            silence=self.silence,
        )

    @property
    def only(self) -> Case:
        """The one case that there is."""
        assert len(self.cases) == 1, [case.story.text for case in self.cases]
        return self.cases[0]
