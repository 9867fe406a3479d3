"""Releases for the store's tests: a plain one, and any that hypothesis can think of."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from bot.domain.catalog import Target, WorkloadKind, WorkloadRef
from bot.domain.names import EnvironmentName, ReleaseId, ServiceName, UserId
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


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


# Column moments are kept in whole milliseconds; those in the body to the microsecond.
_to_ms = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001  # hypothesis wants naive bounds and adds the zone
    lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
)
_words = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
_names = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=40)
_versions = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=100)

_plans = st.builds(
    Plan,
    kind=st.sampled_from(ReleaseKind),
    target=st.builds(Target, _names, _names),
    workload=st.builds(WorkloadRef, _names, st.sampled_from(WorkloadKind), _names),
    container=_names,
    uid=_words,
    from_image=_words,
    from_version=_versions,
    to_image=_words,
    to_version=_versions,
    origin=_words,
    to_digest=_words,
    revision_uid=_words,
    from_revision_uid=_words,
)
_ids = st.integers(0, 2**60).map(lambda number: id_of(NOW, str(number)))

any_release = st.builds(
    Release,
    id=_ids,
    request_key=_ids,
    plan=_plans,
    plan_hash=_words,
    phase=st.sampled_from(ReleasePhase),
    step=st.integers(0, 2**31 - 1),
    row_version=st.integers(0, 2**31 - 2),
    requested_by=_names.map(lambda name: name[:32]),
    requested_at=_to_ms,
    asked_in=st.none() | _words,
    approved_by=st.lists(_words, max_size=3).map(tuple),
    started_at=st.none() | _to_ms,
    generation=st.none() | st.integers(0, 2**53),
    progressed_at=st.none() | _to_ms,
    finished_at=st.none() | _to_ms,
    expected_s=st.none() | st.floats(0, 1e6),
    progress=st.none() | st.builds(Progress),
    troubles=st.lists(st.builds(PodTrouble), max_size=2).map(tuple),
    outcome=st.none() | st.builds(Outcome),
    notice=_words,
    abort_by=st.none() | _words,
    abort_at=st.none() | _to_ms,
    undo_generation=st.none() | st.integers(0, 2**53),
    retry_of=st.none() | _ids,
)
