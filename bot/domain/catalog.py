"""The catalogue: which services exist, where they may be released, and who may do it.

Built once by bot.settings from kajitori.yaml; read by everyone. It never changes while the bot runs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum, StrEnum

from bot.domain.images import MOVING_TAGS
from bot.domain.names import ChannelId, EnvironmentName, ServiceName


class WorkloadKind(StrEnum):
    """Kinds of workload that can be released, spelled as in `workload: deployment/admin`."""

    DEPLOYMENT = "deployment"
    STATEFULSET = "statefulset"
    DAEMONSET = "daemonset"
    CRONJOB = "cronjob"
    ROLLOUT = "rollout"
    """A Rollout of Argo Rollouts."""


@dataclass(frozen=True, slots=True)
class WorkloadRef:
    """A Kubernetes object within a cluster: namespace, kind, name."""

    namespace: str
    kind: WorkloadKind
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.kind}/{self.name}"


@dataclass(frozen=True, slots=True)
class Freeze:
    """A closed window: starts at each fire time of `cron` (five fields, in the configured zone), lasts `duration`."""

    cron: str
    duration: timedelta
    reason: str


@dataclass(frozen=True, slots=True)
class Environment:
    """A cluster and the rules for releasing to it."""

    name: EnvironmentName
    context: str | None
    """kubeconfig context; None means the cluster the bot itself runs in."""
    channel: ChannelId | None
    """Where its releases are told; None: where they were asked for."""
    promotes_from: EnvironmentName | None = None
    approvals: int = 0
    """How many people other than the requester must say yes."""
    freezes: tuple[Freeze, ...] = ()
    rollback_locks: bool = True
    """Whether a rollback keeps other versions out until somebody writes why it is safe to go on."""
    pin_digests: bool | None = None
    """Whether images are set by digest; None: where somebody must approve a release."""
    confirm: bool | None = None
    """Whether who releases an overlay must confirm what it would change; None: where somebody must approve it too."""
    development: bool = False
    """A cluster of somebody's own machine: its kubeconfig may name programs that give credentials, and trust no one."""

    @property
    def pins(self) -> bool:
        return self.approvals > 0 if self.pin_digests is None else self.pin_digests

    @property
    def confirms(self) -> bool:
        return self.approvals > 0 if self.confirm is None else self.confirm


@dataclass(frozen=True, slots=True)
class CanaryPlan:
    """Default steps of a canary: integer percents, rising, and the time between them."""

    steps: tuple[int, ...]
    interval: timedelta
    driver: str = ""
    """What gives it its share: pods, httproute, ingress or rollout; empty: the best that the cluster has."""
    aborts_when_worse: bool = False
    """Whether a version that is judged worse is taken down without asking."""
    minimum_requests: int = 100
    """Requests that each version must have answered before the numbers count."""
    p99_budget_ms: float | None = None
    """The 99th percentile latency that the service allows, in milliseconds; None: only the old version's counts."""
    queries: tuple[tuple[str, str], ...] = ()
    """The service's own numbers, lower is better: name and query, as in bot.domain.canary.queries."""


@dataclass(frozen=True, slots=True)
class Overlay:
    """The kustomize overlays of a service."""

    path: str
    """In its repository, with `{environment}`."""
    repository: str
    """A key of `repositories`."""
    prune: bool = False
    """Whether objects that left the overlay are deleted, when the plan said so."""

    def at(self, environment: EnvironmentName) -> str:
        """The path of one environment's overlay."""
        return self.path.replace("{environment}", environment)


@dataclass(frozen=True, slots=True)
class Service:
    """What people name when they release."""

    name: ServiceName
    workload: WorkloadRef
    container: str
    image: str
    """Image repository without tag, e.g. `registry.example.com/growlio/admin`."""
    manifests: Overlay | None = None
    """What is applied when it is released; None: only the image is set."""
    moving_tags: tuple[str, ...] = MOVING_TAGS
    """Tags that never name one version, and are not released by name."""
    canary: CanaryPlan | None = None


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """Where a service is released: the pair that is locked."""

    environment: EnvironmentName
    service: ServiceName

    def __str__(self) -> str:
        return f"{self.environment}/{self.service}"


class Role(StrEnum):
    """What a person may do. `anyone` is every full member of the home workspace, for what only reads."""

    ANYONE = "anyone"
    MEMBER = "member"
    """The same people, for what changes something: not where people of other organisations read along."""
    DEPLOYER = "deployer"
    APPROVER = "approver"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is asked to happen, as far as that is known: a target, a whole environment, or neither."""

    environment: EnvironmentName | None = None
    service: ServiceName | None = None

    @classmethod
    def of(cls, target: Target) -> "Place":
        """The place of a target."""
        return cls(target.environment, target.service)


class Anywhere(Enum):
    """For what only opens a form, lists, or is authorised once more when its place is known."""

    ANYWHERE = "anywhere"


ANYWHERE = Anywhere.ANYWHERE


@dataclass(frozen=True, slots=True)
class Grant:
    """A role given to people: Slack user ids, and user groups by id (`S…`) or @handle. Without limits: everywhere."""

    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    environments: tuple[EnvironmentName, ...] = ()
    """Where it counts; empty: in all of them."""
    services: tuple[ServiceName, ...] = ()
    """For which it counts; empty: for all of them."""

    @property
    def is_limited(self) -> bool:
        """Whether there are places that it does not reach."""
        return bool(self.environments or self.services)

    def reaches(self, place: Place) -> bool:
        """Whether it counts there. One that is limited to services never reaches a whole environment."""
        return (not self.environments or place.environment in self.environments) and (
            not self.services or place.service in self.services
        )


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything releasable."""

    environments: Mapping[EnvironmentName, Environment]
    services: Mapping[ServiceName, Service]
    roles: Mapping[Role, tuple[Grant, ...]] = field(default_factory=dict)
    """To whom each role is given; a role that is not here is nobody's."""
