"""A release: a durable wish to run a version at a target, and how it moves from phase to phase.

Saved by bot.store.releases, wished for by bot.usecases.releases, carried out by bot.reconcile.releases; the decisions
of the loop are in bot.domain.steering.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from bot.domain import approval
from bot.domain.approval import Rules
from bot.domain.canary.scheme import CanaryCourse, CanaryScheme
from bot.domain.catalog import Target, WorkloadRef
from bot.domain.images import digest_of
from bot.domain.manifests.overlay import OverlayPlan
from bot.domain.names import ChannelId, ReleaseId, UserId
from bot.domain.promotion import Promotion
from bot.domain.rollout import PodTrouble

OWN_MARGIN = timedelta(seconds=60)
"""Waited beyond Kubernetes' own progress deadline, so that its verdict comes first; ours when it never does."""
DEFAULT_PROGRESS_DEADLINE_S = 600
"""Kubernetes' default of spec.progressDeadlineSeconds; used for kinds of workload that have none."""
CONFIRMATION_VALID = timedelta(minutes=5)
"""How long the requester may look at what a release would change before it has to be looked at again."""
APPROVAL_VALID = approval.VALID
START_VALID = timedelta(minutes=10)
"""How long after its intent a release may still send its first write; older ones end as `not started`."""
POLICY_VERSION = 1
"""Part of every plan hash: raise it when the rules of approval change, and old approvals lose their force."""


class ReleaseKind(StrEnum):
    """What sort of change a release makes."""

    DEPLOY = "deploy"
    ROLLBACK = "rollback"
    RESTART = "restart"
    CANARY = "canary"
    PROMOTE = "promote"


class ReleasePhase(StrEnum):
    """Where a release stands; spelled as in the message metadata."""

    AWAITING_CONFIRMATION = "AwaitingConfirmation"
    """Its requester looks at what it would change."""
    AWAITING_APPROVAL = "AwaitingApproval"
    QUEUED = "Queued"
    PROGRESSING = "Progressing"
    PAUSED = "Paused"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    ABORTED = "Aborted"
    SUPERSEDED = "Superseded"

    @property
    def is_over(self) -> bool:
        """True for the phases that never change again."""
        return self in (self.SUCCEEDED, self.FAILED, self.ABORTED, self.SUPERSEDED)

    @property
    def has_begun(self) -> bool:
        """False while nothing was written to a cluster, and nothing is about to be."""
        return self not in (self.AWAITING_CONFIRMATION, self.AWAITING_APPROVAL, self.QUEUED)


LIVE_PHASES = tuple(phase for phase in ReleasePhase if not phase.is_over)


@dataclass(frozen=True, slots=True)
class Progress:
    """Pods of the rollout as last seen."""

    updated: int
    ready: int
    desired: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What a release would do: the reads made before anything is written down. Its hash is what people approve."""

    kind: ReleaseKind
    target: Target
    workload: WorkloadRef
    container: str
    uid: str
    from_image: str
    from_version: str
    to_image: str
    to_version: str
    origin: str
    """Where the version came from, in words for the card: "newest tag of the registry"."""
    checked: bool = True
    """False when the registry could not be asked whether the version exists."""
    to_digest: str = ""
    to_names: tuple[str, ...] = ()
    """Digests by which nodes may report that image: its own and its platforms'. Empty: not known."""
    promotion: Promotion | None = None
    """Where the version was taken over from; None: it was named, or is the newest."""
    revision_uid: str = ""
    """Rollback: the ReplicaSet or ControllerRevision whose template is put back."""
    revision_number: int = 0
    from_revision_uid: str = ""
    """The revision that runs before the release: what an abort of a rollback puts back."""
    progress_deadline_s: int = DEFAULT_PROGRESS_DEADLINE_S
    canary: CanaryScheme | None = None
    """Of a canary: its steps and what carries them out."""
    overlay: OverlayPlan | None = None
    """Of a service with manifests: the objects that are applied with the version."""
    overlay_names: str = ""
    """Rollback: the version that the service's overlay names in Git; empty when it names none."""

    @property
    def is_undone_by_overlay(self) -> bool:
        """Whether the overlay still names the version that this rollback takes away."""
        return self.kind is ReleaseKind.ROLLBACK and self.overlay_names == self.from_version != self.to_version

    @property
    def is_pinned(self) -> bool:
        """Whether the image is set by its digest, so that no tag that moves can change what runs."""
        return bool(digest_of(self.to_image))

    def hash_for(self, requester: UserId, reason: str = "", rules: Rules | None = None) -> str:
        """sha256 over everything an approval binds to. Replica counts are left out: an autoscaler moves them."""
        bound: dict[str, Any] = {
            "policy": POLICY_VERSION,
            "kind": self.kind,
            "target": str(self.target),
            "workload": str(self.workload),
            "container": self.container,
            "uid": self.uid,
            "from": self.from_image,
            "to": self.to_image,
            "digest": self.to_digest,
            "revision": self.revision_uid,
            "requester": requester,
            "reason": reason,
        }
        if rules is not None:
            bound["rules"] = rules.version
        if self.canary is not None:
            bound["canary"] = [self.canary.driver, self.canary.carrier, *self.canary.steps, self.canary.promotes]
        if self.overlay is not None:
            bound["overlay"] = self.overlay.bound()
        return hashlib.sha256(json.dumps(bound, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Outcome:
    """Why a release ended as it did, or what it waits for."""

    code: str
    """Stable: `done`, `image_missing`, `crash_loop`, `deadline`, `superseded`, `aborted`, `not_started`, `expired`…"""
    text: str
    """What happened, one sentence, plain text."""
    remedy: str = ""
    """What to do next, one sentence, plain text."""


@dataclass(frozen=True, slots=True)
class Release:
    """A release with everything needed to carry on after a crash."""

    id: ReleaseId
    request_key: str
    """Idempotency key of the request that made it: the same request never makes two."""
    plan: Plan
    plan_hash: str
    phase: ReleasePhase
    step: int
    """Rises with every change that makes the buttons drawn before it stale."""
    row_version: int
    """Rises with every save: the condition of the next one."""
    requested_by: UserId
    requested_at: datetime
    asked_in: ChannelId | None = None
    approvals_needed: int = 0
    approved_by: tuple[UserId, ...] = ()
    rules: Rules | None = None
    """The rules it was asked under, of one that needs approvals; a part of the plan's hash."""
    called_at: datetime | None = None
    """When the approvers were called."""
    reminded_at: datetime | None = None
    """When they were reminded that the time is nearly up."""
    rejected_by: UserId | None = None
    break_glass: str = ""
    """Why it went past approvals and freezes; empty for all that did not. A part of the plan's hash."""
    fence: int = 0
    """Number of the target's lock when this release took it; written to the workload as `kajitori/fence`."""
    started_at: datetime | None = None
    """When the intent to write was saved."""
    generation: int | None = None
    """metadata.generation that our write returned; None until the write is known to have happened."""
    progressed_at: datetime | None = None
    """When the rollout last moved: the deadline counts from here."""
    finished_at: datetime | None = None
    expected_s: float | None = None
    """Median seconds of the last successes at this target; None when there were none."""
    progress: Progress | None = None
    troubles: tuple[PodTrouble, ...] = ()
    outcome: Outcome | None = None
    notice: str = ""
    """Something that holds it up at the moment (the API server does not answer); empty when all is well."""
    abort_by: UserId | None = None
    abort_at: datetime | None = None
    undo_generation: int | None = None
    """Abort: metadata.generation of the write that put the old version back."""
    canary: CanaryCourse | None = None
    """Of a canary: how far it has come."""
    reason: str = ""
    """Why it was asked for, where a reason is asked; a part of the plan's hash."""
    passes: UserId | None = None
    """Whose lock it goes through, as a rollback may."""
    followed_by: ReleaseId | None = None
    """The release that somebody started from this one's card (a rollback, a retry); its buttons are used up then."""

    @property
    def target(self) -> Target:
        return self.plan.target

    @property
    def is_aborting(self) -> bool:
        return self.abort_by is not None and not self.phase.is_over

    @property
    def gate(self) -> int | None:
        """The generation that the cluster must have observed before a verdict counts."""
        return self.undo_generation if self.undo_generation is not None else self.generation

    @property
    def approvals_until(self) -> datetime:
        """When a release that waits for approval ends without it."""
        return self.requested_at + approval.VALID

    def moved(self, **changes: Any) -> "Release":
        """A copy with changes that make the buttons drawn before it stale."""
        return replace(self, step=self.step + 1, **changes)

    def finished(self, phase: ReleasePhase, outcome: Outcome, now: datetime) -> "Release":
        """A copy in a final phase. A finished release never holds a notice."""
        return self.moved(phase=phase, outcome=outcome, finished_at=now, notice="")

    def took_s(self, now: datetime) -> float:
        """Seconds since the write began, or since the request when it has not begun."""
        return ((self.finished_at or now) - (self.started_at or self.requested_at)).total_seconds()

    def marks(self) -> Mapping[str, str]:
        """Annotations written with the change: hints for people and for adoption, never the truth by themselves."""
        return {
            "kajitori/op-id": self.id,
            "kajitori/fence": str(self.fence),
            "kajitori/plan-hash": self.plan_hash,
            "kubernetes.io/change-cause": (
                f"kajitori {self.plan.kind} {self.plan.from_version} -> {self.plan.to_version} by {self.requested_by}"
            ),
        }


def expected_seconds(past_s: list[float]) -> float | None:
    """Median of past durations in seconds; None without any."""
    if not past_s:
        return None
    ordered = sorted(past_s)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
