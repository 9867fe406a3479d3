"""Releases and the locks on their targets. Called by use cases and the release loop, inside their transactions."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Integer, RowMapping, bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.approval import Rules
from bot.domain.catalog import Target, WorkloadKind, WorkloadRef
from bot.domain.names import ChannelId, EnvironmentName, ReleaseId, ServiceName, UserId
from bot.domain.release import LIVE_PHASES, Outcome, Plan, Progress, Release, ReleaseKind, ReleasePhase
from bot.domain.rollout import PodTrouble
from bot.store.dialect import insert_into
from bot.store.kept import course_kept, course_read, known, moment, overlay_read, promotion_read, scheme_read
from bot.store.tables import locks, releases

_MOMENTS = ("progressed_at", "abort_at", "called_at", "reminded_at")


@dataclass(frozen=True, slots=True)
class Lock:
    """The hold of a release on a target. `fence` rises with every new holder."""

    target: Target
    fence: int
    release_id: ReleaseId | None
    owner: UserId | None
    since: datetime | None


async def add(connection: AsyncConnection, release: Release) -> bool:
    """Insert a new release. False when the same request made one before; nothing is changed then."""
    statement = insert_into(connection, releases).values(**_columns(release)).on_conflict_do_nothing()
    # RETURNING, not rowcount: SQLAlchemy keeps no row count of an INSERT, and -1 is true
    return (await connection.execute(statement.returning(releases.c.id))).first() is not None


async def save(connection: AsyncConnection, release: Release) -> Release | None:
    """Update the row if nobody saved it since it was read; the release as saved, or None when somebody did."""
    columns = _columns(release) | {"row_version": release.row_version + 1}
    statement = (
        update(releases)
        .where(releases.c.id == release.id, releases.c.row_version == release.row_version)
        .values(**columns)
    )
    if not (await connection.execute(statement)).rowcount:
        return None
    return _bumped(release)


async def get(connection: AsyncConnection, release_id: ReleaseId) -> Release | None:
    """The release of that id."""
    row = (await connection.execute(select(releases).where(releases.c.id == release_id))).mappings().first()
    return _release(row) if row else None


async def by_request(connection: AsyncConnection, request_key: str) -> Release | None:
    """The release that this request made, if it made one."""
    statement = select(releases).where(releases.c.request_key == request_key)
    row = (await connection.execute(statement)).mappings().first()
    return _release(row) if row else None


async def live(connection: AsyncConnection) -> Sequence[Release]:
    """All releases that are not over, oldest first."""
    statement = select(releases).where(releases.c.phase.in_(LIVE_PHASES)).order_by(releases.c.id)
    return [_release(row) for row in (await connection.execute(statement)).mappings()]


async def history(
    connection: AsyncConnection,
    *,
    environment: EnvironmentName | None = None,
    service: ServiceName | None = None,
    phase: ReleasePhase | None = None,
    limit: int = 10,
) -> Sequence[Release]:
    """Releases, newest first."""
    asked = {"environment": environment, "service": service, "phase": phase}
    wanted = {name: value for name, value in asked.items() if value is not None}
    found = await connection.execute(_history(tuple(wanted)), wanted | {"most": limit})
    return [_release(row) for row in found.mappings()]


@cache
def _history(wanted: tuple[str, ...]) -> Any:
    """The statement of `history` with these columns compared, kept: making it anew costs more than running it."""
    statement = select(releases).order_by(releases.c.requested_at.desc(), releases.c.id.desc())
    return statement.where(*(releases.c[name] == bindparam(name) for name in wanted)).limit(
        bindparam("most", type_=Integer)
    )


async def claim(
    connection: AsyncConnection, release_id: ReleaseId, *, worker: str, now: datetime, until: datetime
) -> bool:
    """Take or renew the right to work on a release until `until`; False while another worker holds it."""
    statement = (
        update(releases)
        .where(
            releases.c.id == release_id,
            (releases.c.claimed_by.is_(None)) | (releases.c.claimed_by == worker) | (releases.c.claim_until < now),
        )
        .values(claimed_by=worker, claim_until=until)
    )
    return bool((await connection.execute(statement)).rowcount)


async def give_up_claims(connection: AsyncConnection) -> int:
    """Free every release from the worker that has it; how many. For the start of a process that is the only one.

    Harmless beside another one too: every write to a cluster or a row is conditional on what was read before it.
    """
    statement = update(releases).where(releases.c.claimed_by.is_not(None), releases.c.phase.in_(LIVE_PHASES))
    return int((await connection.execute(statement.values(claimed_by=None, claim_until=None))).rowcount)


async def take_lock(
    connection: AsyncConnection, target: Target, *, release_id: ReleaseId, owner: UserId, now: datetime
) -> Lock | None:
    """Lock a target for a release. None when another release holds it; the same release gets its lock again.

    One statement decides, so of two that ask at once exactly one gets it.
    """
    fresh = insert_into(connection, locks).values(
        target=str(target), fence=1, release_id=release_id, owner=owner, since=now
    )
    statement = fresh.on_conflict_do_update(
        index_elements=[locks.c.target],
        set_={"fence": locks.c.fence + 1, "release_id": release_id, "owner": owner, "since": now},
        where=locks.c.release_id.is_(None),
    )
    await connection.execute(statement)
    held = await lock_of(connection, target)
    return held if held is not None and held.release_id == release_id else None


async def free_lock(connection: AsyncConnection, target: Target, *, release_id: ReleaseId) -> None:
    """Give a target free if this release holds it. The fence stays, so that the next holder's is higher."""
    statement = (
        update(locks)
        .where(locks.c.target == str(target), locks.c.release_id == release_id)
        .values(release_id=None, owner=None, since=None)
    )
    await connection.execute(statement)


async def pass_lock(
    connection: AsyncConnection, target: Target, *, of: ReleaseId, to: ReleaseId, now: datetime
) -> Lock | None:
    """Hand the lock of one release to the next that goes on with its work. None when it does not hold it."""
    statement = (
        update(locks)
        .where(locks.c.target == str(target), locks.c.release_id == of)
        .values(release_id=to, fence=locks.c.fence + 1, since=now)
    )
    await connection.execute(statement)
    held = await lock_of(connection, target)
    return held if held is not None and held.release_id == to else None


async def lock_of(connection: AsyncConnection, target: Target) -> Lock | None:
    """The lock row of a target; its `release_id` is None when it is free."""
    row = (await connection.execute(select(locks).where(locks.c.target == str(target)))).mappings().first()
    if row is None:
        return None
    return Lock(target, row["fence"], row["release_id"], row["owner"], row["since"])


async def durations_s(connection: AsyncConnection, target: Target, kind: ReleaseKind, *, limit: int = 9) -> list[float]:
    """Seconds that the last successes at a target took, newest first."""
    statement = (
        select(releases.c.started_at, releases.c.finished_at)
        .where(
            releases.c.environment == target.environment,
            releases.c.service == target.service,
            releases.c.kind == kind,
            releases.c.phase == ReleasePhase.SUCCEEDED,
            releases.c.started_at.is_not(None),
        )
        .order_by(releases.c.finished_at.desc())
        .limit(limit)
    )
    rows = (await connection.execute(statement)).all()
    return [(finished - started).total_seconds() for started, finished in rows]


def _columns(release: Release) -> dict[str, Any]:
    plan = release.plan
    body = asdict(release)
    for name in (*_COLUMN_FIELDS, "plan"):
        body.pop(name)
    for name in _MOMENTS:
        body[name] = body[name].timestamp() if body[name] else None
    body["plan"] = asdict(plan)
    body["canary"] = course_kept(release.canary) if release.canary else None
    return {name: getattr(release, name) for name in _COLUMN_FIELDS} | {
        "kind": plan.kind,
        "environment": plan.target.environment,
        "service": plan.target.service,
        "from_version": plan.from_version,
        "to_version": plan.to_version,
        "body": body,
    }


_COLUMN_FIELDS = (
    "id",
    "request_key",
    "phase",
    "step",
    "row_version",
    "requested_by",
    "requested_at",
    "started_at",
    "finished_at",
)


def _release(row: RowMapping) -> Release:
    body = known(Release, row["body"])
    plan = known(Plan, body.pop("plan"))
    plan["kind"] = ReleaseKind(plan["kind"])
    plan["target"] = Target(**plan["target"])
    workload = plan["workload"]
    plan["workload"] = WorkloadRef(workload["namespace"], WorkloadKind(workload["kind"]), workload["name"])
    plan["canary"] = scheme_read(plan["canary"]) if plan.get("canary") else None
    plan["to_names"] = tuple(plan.get("to_names", ()))
    plan["promotion"] = promotion_read(plan["promotion"]) if plan.get("promotion") else None
    plan["overlay"] = overlay_read(plan["overlay"]) if plan.get("overlay") else None
    body["canary"] = course_read(body["canary"]) if body.get("canary") else None
    body["rules"] = Rules(**known(Rules, body["rules"])) if body.get("rules") else None
    for name in _MOMENTS:
        body[name] = moment(body.get(name))
    body["progress"] = Progress(**known(Progress, body["progress"])) if body["progress"] else None
    body["troubles"] = tuple(
        PodTrouble(**(known(PodTrouble, trouble) | {"log_tail": tuple(trouble["log_tail"])}))
        for trouble in body["troubles"]
    )
    body["outcome"] = Outcome(**known(Outcome, body["outcome"])) if body["outcome"] else None
    body["approved_by"] = tuple(UserId(user) for user in body["approved_by"])
    body["asked_in"] = ChannelId(body["asked_in"]) if body["asked_in"] else None
    columns = {name: row[name] for name in _COLUMN_FIELDS} | {"phase": ReleasePhase(row["phase"])}
    return Release(plan=Plan(**plan), **columns, **body)


def _bumped(release: Release) -> Release:
    return replace(release, row_version=release.row_version + 1)
