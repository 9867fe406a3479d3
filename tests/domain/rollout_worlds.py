"""Workloads, pods and happenings as short words, for the tests of the rules."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.domain.catalog import WorkloadKind, WorkloadRef
from bot.domain.rollout import Condition, Happening, Observation, Pod, PodContainer, Workload

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
IMAGE = "registry.example.com/growlio/admin:1.4.2"


def workload(kind: WorkloadKind = WorkloadKind.DEPLOYMENT, **changes: Any) -> Workload:
    """A healthy workload of three pods at generation 2, but for `changes`."""
    plain = Workload(
        ref=WorkloadRef("growlio", kind, "admin"),
        uid="u1",
        resource_version="7",
        generation=2,
        observed_generation=2,
        paused=False,
        images={"admin": IMAGE},
        annotations={},
        managers={},
        desired=3,
        updated=3,
        ready=3,
        available=3,
        total=3,
        progress_deadline_s=600,
        current_revision="admin-b",
        update_revision="admin-b",
    )
    return replace(plain, **changes)


def deadline_passed(at: datetime | None = NOW) -> Condition:
    return Condition("Progressing", "False", "ProgressDeadlineExceeded", "timed out progressing", at)


def container(**changes: Any) -> PodContainer:
    """A container that runs and is ready since a minute, but for `changes`."""
    plain = PodContainer(
        name="admin", image=IMAGE, ready=True, restarts=0, started=NOW - timedelta(minutes=1), memory_limit="256Mi"
    )
    return replace(plain, **changes)


def waiting(reason: str, message: str = "", **changes: Any) -> PodContainer:
    return container(ready=False, started=None, waiting_reason=reason, waiting_message=message, **changes)


def pod(*containers: PodContainer, name: str = "admin-new-1", **changes: Any) -> Pod:
    """A pod of the new template on a node, ready if its containers are."""
    plain = Pod(
        name=name,
        uid=f"uid-{name}",
        phase="Running",
        owner="admin-new",
        created=NOW - timedelta(minutes=2),
        ready=all(each.ready for each in containers),
        deleting=False,
        node="node-1",
        revision_hash="new",
        containers=containers,
    )
    return replace(plain, **changes)


def warning(reason: str, message: str, *, name: str = "admin-new-1", kind: str = "Pod") -> Happening:
    return Happening(reason, message, kind, name, "Warning", NOW - timedelta(seconds=20))


def look(*pods: Pod, happenings: tuple[Happening, ...] = (), **changes: Any) -> Observation:
    """An observation of these pods, whose workload wants three."""
    return Observation(workload(**changes), pods=pods, new_hash="new", happenings=happenings)
