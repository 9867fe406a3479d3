"""How a canary is to go (its scheme, part of the plan people approve) and how far it has come (its course).

Both are part of a Release of the kind canary, kept with its row. Pure.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.canary.judgement import Finding, GraphPoint, Verdict
from bot.domain.names import UserId
from bot.domain.rollout import PodTrouble

VALID = timedelta(hours=24)
"""How long a canary may stand: one that nobody decides on takes pods and confuses the next person."""
REMIND_BEFORE = timedelta(hours=2)
"""Before its end people are reminded."""
LONGEST_STEPS = 10


class Driver(StrEnum):
    """What gives the canary its share."""

    PODS = "pods"
    """A twin Deployment beside the stable one; traffic spreads over all ready pods."""
    HTTP_ROUTE = "httproute"
    """Weights of a Gateway API HTTPRoute."""
    INGRESS = "ingress"
    """The canary annotations of ingress-nginx."""
    ROLLOUT = "rollout"
    """The steps of a Rollout of Argo Rollouts."""


@dataclass(frozen=True, slots=True)
class CanaryScheme:
    """What was asked for, and what carries it out."""

    driver: Driver
    steps: tuple[int, ...]
    """Whole per cents, rising."""
    interval_s: float
    """How long each step is watched, in seconds."""
    promotes: bool
    """True: after the last step that went well it is promoted; False: people decide."""
    carrier: str = ""
    """Name of the HTTPRoute, Ingress or Rollout; empty for pods."""
    kubernetes_service: str = ""
    """Of those that select the stable pods, the one whose requests are divided."""
    aborts_when_worse: bool = False
    """True: the service wants a worse version gone without asking."""


@dataclass(frozen=True, slots=True)
class CanaryCourse:
    """How far a canary has come."""

    index: int = 0
    """Which of the scheme's steps is wanted now."""
    asked: int = 0
    """The share wanted now, per cent: the step's, or the one that somebody asked for since."""
    reached_at: datetime | None = None
    """When the share wanted now was reached: the interval counts from here; None while the cluster is on its way."""
    achieved: float | None = None
    """Share measured at the last look, per cent."""
    pods: str = ""
    """The share in pods, as words: "1 of 5 pods"; empty with weights."""
    looks: int = 0
    findings: tuple[Finding, ...] = ()
    graph: tuple[GraphPoint, ...] = ()
    """The last slices of the first level, oldest first, for the eye."""
    graph_of: str = ""
    """Name and unit of what the graph shows: "p99, ms"."""
    verdict: Verdict = Verdict.UNCLEAR
    judged_at: datetime | None = None
    held_by: UserId | None = None
    """Who paused it."""
    moved_by: UserId | None = None
    """Who asked for the present share by hand; None: the scheme did."""
    promoted_by: str | None = None
    """Who promoted it: a person, or `kajitori` when the scheme says so. The promotion is a release of its own."""
    promotion: str | None = None
    """Id of the release that brings the version to the stable workload."""
    reminded_at: datetime | None = None
    overruled: int | None = None
    """The step at which somebody went on although it was judged worse; it is not paused for that again."""
    ending: str = ""
    """Why it is being taken down, a code of Outcome; empty while it is not."""


@dataclass(frozen=True, slots=True)
class CanarySight:
    """What the cluster shows of a canary, read just now by its driver."""

    is_set: bool
    """The cluster was told what is asked for: the twin has its pods and image, the weights stand."""
    is_ready: bool
    """And it is so: pods ready, conditions true for what was told last."""
    is_gone: bool
    """Nothing of it is left, and no request can reach it."""
    achieved: float | None
    """Share by ready endpoints or accepted weights, per cent; None when nobody can tell."""
    pods: str = ""
    crashes: int = 0
    """How often its containers died."""
    troubles: tuple[PodTrouble, ...] = ()
    foreign: str = ""
    """Who else changed the canary's objects, and what, as a sentence; empty when nobody did."""


def longest_looks(scheme: CanaryScheme, *, look_s: float) -> int:
    """How often the whole canary can be judged: what the chance of a false alarm is divided by."""
    return max(1, len(scheme.steps) * max(1, round(scheme.interval_s / look_s)))
