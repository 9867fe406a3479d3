"""Releases for the store's tests: a plain one, and any that hypothesis can think of."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from bot.domain.approval import Rules
from bot.domain.canary.judgement import Finding, GraphPoint, Verdict
from bot.domain.canary.scheme import CanaryCourse, CanaryScheme, Driver
from bot.domain.catalog import Target, WorkloadKind, WorkloadRef
from bot.domain.manifests.overlay import CommitNote, FieldConflict, ObjectChange, OverlayPlan, Verb
from bot.domain.names import EnvironmentName, ReleaseId, ServiceName, UserId
from bot.domain.promotion import Drift, Promotion
from bot.domain.release import Outcome, Plan, Progress, Release, ReleaseKind, ReleasePhase
from bot.domain.rollout import PodTrouble
from bot.store.ids import id_of

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
STG_ADMIN = Target(EnvironmentName("stg"), ServiceName("admin"))

PLAN = Plan(
    kind=ReleaseKind.DEPLOY,
    target=STG_ADMIN,
    workload=WorkloadRef("growlio", WorkloadKind.DEPLOYMENT, "admin"),
    container="admin",
    uid="6f1c",
    from_image="registry.example.com/growlio/admin:1.4.1",
    from_version="1.4.1",
    to_image="registry.example.com/growlio/admin:1.4.2",
    to_version="1.4.2",
    origin="asked for",
)


def release(key: str = "slash:T1:1", *, at: datetime = NOW, target: Target = STG_ADMIN) -> Release:
    """A queued deploy; the same key is the same release."""
    plan = replace(PLAN, target=target)
    return Release(
        id=ReleaseId(id_of(at, key)),
        request_key=key,
        plan=plan,
        plan_hash=plan.hash_for(UserId("U1")),
        phase=ReleasePhase.QUEUED,
        step=0,
        row_version=0,
        requested_by=UserId("U1"),
        requested_at=at,
    )


_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
_NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=32)
_VERSIONS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=100)
_COUNTS = st.integers(0, 2**31 - 2)
_GENERATIONS = st.none() | st.integers(0, 2**53)
_IDS = st.integers(0, 2**60).map(lambda number: id_of(NOW, str(number)))
# columns keep whole milliseconds
_MOMENTS = st.integers(0, 100 * 365 * 86_400_000).map(
    lambda ms: datetime(2000, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
)
_TROUBLES = st.builds(
    PodTrouble,
    code=_TEXT,
    text=_TEXT,
    remedy=_TEXT,
    pods=_COUNTS,
    pod=_TEXT,
    container=_TEXT,
    log_tail=st.lists(_TEXT, max_size=3).map(tuple),
    hopeless=st.booleans(),
)
_PERCENTS = st.integers(1, 99)
_SCHEMES = st.builds(
    CanaryScheme,
    driver=st.sampled_from(Driver),
    steps=st.lists(_PERCENTS, min_size=1, max_size=3).map(tuple),
    interval_s=st.floats(1, 1e5),
    promotes=st.booleans(),
    carrier=_NAMES,
    kubernetes_service=_NAMES,
    aborts_when_worse=st.booleans(),
)
_NUMBERS = st.none() | st.floats(0, 1e6)
_FINDINGS = st.builds(
    Finding, name=_TEXT, verdict=st.sampled_from(Verdict), new=_NUMBERS, old=_NUMBERS, unit=_TEXT, text=_TEXT
)
_COURSES = st.builds(
    CanaryCourse,
    index=_COUNTS,
    asked=_PERCENTS,
    reached_at=st.none() | _MOMENTS,
    achieved=_NUMBERS,
    pods=_TEXT,
    looks=_COUNTS,
    findings=st.lists(_FINDINGS, max_size=2).map(tuple),
    graph=st.lists(st.builds(GraphPoint, _MOMENTS, _NUMBERS, _NUMBERS), max_size=2).map(tuple),
    graph_of=_TEXT,
    verdict=st.sampled_from(Verdict),
    judged_at=st.none() | _MOMENTS,
    held_by=st.none() | _NAMES,
    moved_by=st.none() | _NAMES,
    promoted_by=st.none() | _NAMES,
    promotion=st.none() | _IDS,
    reminded_at=st.none() | _MOMENTS,
    overruled=st.none() | _COUNTS,
    ending=_TEXT,
)
_COMMITS = st.builds(CommitNote, _TEXT, _TEXT, _TEXT)
_CHANGES = st.builds(
    ObjectChange,
    api_version=_NAMES,
    kind=_NAMES,
    name=_NAMES,
    verb=st.sampled_from(Verb),
    lines=st.lists(_TEXT, max_size=2).map(tuple),
    live=_TEXT,
    conflicts=st.lists(st.builds(FieldConflict, _TEXT, _TEXT), max_size=2).map(tuple),
)
_OVERLAYS = st.builds(
    OverlayPlan,
    commit=_COMMITS,
    overlay=_TEXT,
    content=_TEXT,
    changes=st.lists(_CHANGES, max_size=2).map(tuple),
    commits=st.lists(_COMMITS, max_size=2).map(tuple),
    commits_left_out=_COUNTS,
    forced=st.booleans(),
)
_PROMOTIONS = st.builds(
    Promotion,
    source=_NAMES,
    ran_s=st.floats(0, 1e7),
    pods=_COUNTS,
    tag_moved=st.booleans(),
    drift=st.lists(
        st.builds(Drift, _TEXT, st.booleans(), st.booleans(), st.lists(_TEXT, max_size=2).map(tuple)), max_size=2
    ).map(tuple),
    drift_left_out=_COUNTS,
    compared=st.booleans(),
)
PLAN_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "kind": st.sampled_from(ReleaseKind),
    "target": st.builds(Target, _NAMES, _NAMES),
    "workload": st.builds(WorkloadRef, _NAMES, st.sampled_from(WorkloadKind), _NAMES),
    "container": _NAMES,
    "uid": _TEXT,
    "from_image": _TEXT,
    "from_version": _VERSIONS,
    "to_image": _TEXT,
    "to_version": _VERSIONS,
    "origin": _TEXT,
    "checked": st.booleans(),
    "to_digest": _TEXT,
    "to_names": st.lists(_TEXT, max_size=2).map(tuple),
    "promotion": st.none() | _PROMOTIONS,
    "revision_uid": _TEXT,
    "revision_number": _COUNTS,
    "from_revision_uid": _TEXT,
    "progress_deadline_s": _COUNTS,
    "canary": st.none() | _SCHEMES,
    "overlay": st.none() | _OVERLAYS,
    "overlay_names": _VERSIONS,
}
RELEASE_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "id": _IDS,
    "request_key": _IDS,
    "plan": st.builds(Plan, **PLAN_FIELDS),
    "plan_hash": _TEXT,
    "phase": st.sampled_from(ReleasePhase),
    "step": _COUNTS,
    "row_version": _COUNTS,
    "requested_by": _NAMES,
    "requested_at": _MOMENTS,
    "asked_in": st.none() | _TEXT.filter(bool),
    "approvals_needed": _COUNTS,
    "approved_by": st.lists(_TEXT, max_size=3).map(tuple),
    "rules": st.none() | st.builds(Rules, _COUNTS, _NAMES, _NAMES),
    "called_at": st.none() | _MOMENTS,
    "reminded_at": st.none() | _MOMENTS,
    "rejected_by": st.none() | _NAMES,
    "break_glass": _TEXT,
    "fence": _COUNTS,
    "started_at": st.none() | _MOMENTS,
    "generation": _GENERATIONS,
    "progressed_at": st.none() | _MOMENTS,
    "finished_at": st.none() | _MOMENTS,
    "expected_s": st.none() | st.floats(0, 1e6),
    "progress": st.none() | st.builds(Progress, _COUNTS, _COUNTS, _COUNTS),
    "troubles": st.lists(_TROUBLES, max_size=2).map(tuple),
    "outcome": st.none() | st.builds(Outcome, _TEXT, _TEXT, _TEXT),
    "notice": _TEXT,
    "reason": _TEXT,
    "abort_by": st.none() | _TEXT.filter(bool),
    "abort_at": st.none() | _MOMENTS,
    "undo_generation": _GENERATIONS,
    "canary": st.none() | _COURSES,
    "passes": st.none() | _NAMES,
    "followed_by": st.none() | _IDS,
}
any_release = st.builds(Release, **RELEASE_FIELDS)
