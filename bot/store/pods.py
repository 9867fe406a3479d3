"""Pods that fall: what was told of each (marks), their stories, and the workloads nobody wants to hear of (silences).

Called by the loop of bot.reconcile.pods and the use cases of pods, inside their transactions. A mark and the story that
tells of it are saved together: that is why nothing is lost and nothing is told twice.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.names import EnvironmentName, UserId
from bot.domain.pods import Story, Subject
from bot.domain.pods.cases import Case, Silence
from bot.domain.pods.falls import Mark
from bot.store.dialect import insert_into
from bot.store.pod_rows import STORY_COLUMNS, body_of, case_from, columns_of, mark_from, subject_from
from bot.store.tables import pod_marks, pod_silences, pod_stories, pod_watches

T = TypeVar("T")
AT_ONCE = 400
"""Rows per statement: SQLite's older limit is 999 bound values."""


@dataclass(frozen=True, slots=True)
class Watched:
    """Something that is watched, e.g. the pods of a namespace: since when, and when it was last begun."""

    scope: str
    baseline_at: datetime
    seen_at: datetime


# What is watched


async def watched(connection: AsyncConnection, environment: EnvironmentName) -> Mapping[str, Watched]:
    """By scope. What is not here was never looked at: its present state is the baseline, and no news."""
    found = await connection.execute(select(pod_watches).where(pod_watches.c.environment == environment))
    return {row["scope"]: Watched(row["scope"], row["baseline_at"], row["seen_at"]) for row in found.mappings()}


async def watch(connection: AsyncConnection, environment: EnvironmentName, scope: str, *, now: datetime) -> None:
    """It is looked at from now on, or again."""
    fresh = insert_into(connection, pod_watches).values(
        environment=environment, scope=scope, baseline_at=now, seen_at=now
    )
    keys = [pod_watches.c.environment, pod_watches.c.scope]
    await connection.execute(fresh.on_conflict_do_update(index_elements=keys, set_={"seen_at": now}))


async def one_at_a_time(connection: AsyncConnection, environment: EnvironmentName, *, now: datetime) -> None:
    """Until the end of the transaction nobody else judges this environment. SQLite lets one writer in at a time anyway;
    on PostgreSQL the row of this scope is held."""
    if connection.dialect.name != "sqlite":
        await watch(connection, environment, "turns", now=now)


# Marks


async def marks(connection: AsyncConnection, environment: EnvironmentName, uids: Collection[str]) -> Mapping[str, Mark]:
    """Those of these pods of which something was told."""
    found: dict[str, Mark] = {}
    for some in _slices(list(uids)):
        rows = await connection.execute(
            select(pod_marks.c.uid, pod_marks.c.body).where(
                pod_marks.c.environment == environment, pod_marks.c.uid.in_(some)
            )
        )
        found |= {uid: mark_from(uid, body) for uid, body in rows.all()}
    return found


async def marked_uids(connection: AsyncConnection, environment: EnvironmentName) -> Mapping[str, str]:
    """Every marked uid → its subject as text, to find those that went away unseen."""
    rows = await connection.execute(
        select(pod_marks.c.uid, pod_marks.c.subject).where(pod_marks.c.environment == environment)
    )
    return {uid: str(subject) for uid, subject in rows.all()}


async def save_marks(
    connection: AsyncConnection, environment: EnvironmentName, saved: Sequence[tuple[Subject, Mark]], *, now: datetime
) -> None:
    """Put these in place of what was there."""
    for some in _slices(saved):
        fresh = insert_into(connection, pod_marks)
        changes = {"body": fresh.excluded.body, "seen_at": fresh.excluded.seen_at}
        keys = [pod_marks.c.environment, pod_marks.c.uid]
        rows = [
            {
                "environment": environment,
                "uid": mark.uid,
                "subject": str(subject),
                "seen_at": now,
                "body": body_of(mark),
            }
            for subject, mark in some
        ]
        await connection.execute(fresh.on_conflict_do_update(index_elements=keys, set_=changes), rows)


async def forget_marks(connection: AsyncConnection, environment: EnvironmentName, uids: Collection[str]) -> None:
    """These pods are gone for good: a uid never comes back."""
    for some in _slices(list(uids)):
        await connection.execute(
            delete(pod_marks).where(pod_marks.c.environment == environment, pod_marks.c.uid.in_(some))
        )


async def touch_marks(connection: AsyncConnection, environment: EnvironmentName, *, now: datetime) -> None:
    """All that are still here are in use, however old."""
    await connection.execute(update(pod_marks).where(pod_marks.c.environment == environment).values(seen_at=now))


# Stories


async def cases(
    connection: AsyncConnection, environment: EnvironmentName, subjects: Collection[Subject], *, closed_since: datetime
) -> Mapping[Subject, tuple[Case, ...]]:
    """The stories of these subjects that are open, or were closed after `closed_since`; oldest first."""
    found: dict[Subject, list[Case]] = {}
    for some in _slices([str(subject) for subject in subjects]):
        rows = await connection.execute(
            select(*STORY_COLUMNS)
            .where(
                pod_stories.c.environment == environment,
                pod_stories.c.subject.in_(some),
                pod_stories.c.closed_at.is_(None) | (pod_stories.c.closed_at > closed_since),
            )
            .order_by(pod_stories.c.id)
        )
        for row in rows.all():
            case = case_from(row)
            found.setdefault(case.story.subject, []).append(case)
    return {subject: tuple(each) for subject, each in found.items()}


async def open_subjects(connection: AsyncConnection, environment: EnvironmentName) -> frozenset[Subject]:
    """Of whom a story is open, or closed and not yet drawn so."""
    rows = await connection.execute(
        select(*STORY_COLUMNS).where(pod_stories.c.environment == environment, pod_stories.c.closed_at.is_(None))
    )
    return frozenset(case_from(row).story.subject for row in rows.all())


async def undrawn_subjects(
    connection: AsyncConnection, environment: EnvironmentName, *, since: datetime
) -> frozenset[Subject]:
    """Of whom a story was closed after `since` and its message does not show it."""
    rows = await connection.execute(
        select(*STORY_COLUMNS).where(pod_stories.c.environment == environment, pod_stories.c.closed_at > since)
    )
    return frozenset(case.story.subject for case in map(case_from, rows.all()) if case.is_stale)


async def save_cases(connection: AsyncConnection, saved: Sequence[Case]) -> None:
    """Insert stories, or put them in place of what was there."""
    for some in _slices(saved):
        fresh = insert_into(connection, pod_stories)
        names = ("cause", "opened_at", "last_fall_at", "closed_at", "body")
        changes = {name: fresh.excluded[name] for name in names}
        rows = [columns_of(case) for case in some]
        await connection.execute(fresh.on_conflict_do_update(index_elements=[pod_stories.c.id], set_=changes), rows)


async def case_of(connection: AsyncConnection, story_id: str) -> Case | None:
    """One story with its memory."""
    row = (await connection.execute(select(*STORY_COLUMNS).where(pod_stories.c.id == story_id))).first()
    return case_from(row) if row else None


async def get(connection: AsyncConnection, story_id: str) -> Story | None:
    """One story."""
    case = await case_of(connection, story_id)
    return case.story if case else None


async def stories(
    connection: AsyncConnection,
    *,
    since: datetime,
    until: datetime,
    environment: EnvironmentName | None = None,
    told_only: bool = True,
    limit: int = 500,
) -> Sequence[Story]:
    """Stories that opened in a span of time, oldest first: for the day's sum."""
    statement = select(*STORY_COLUMNS).where(pod_stories.c.opened_at >= since, pod_stories.c.opened_at < until)
    if environment is not None:
        statement = statement.where(pod_stories.c.environment == environment)
    rows = await connection.execute(statement.order_by(pod_stories.c.id).limit(limit))
    found = [case_from(row).story for row in rows.all()]
    return [story for story in found if story.is_told or not told_only]


async def open_stories(
    connection: AsyncConnection, *, environment: EnvironmentName | None = None, limit: int = 200
) -> Sequence[Story]:
    """What has not healed, newest first."""
    statement = select(*STORY_COLUMNS).where(pod_stories.c.closed_at.is_(None))
    if environment is not None:
        statement = statement.where(pod_stories.c.environment == environment)
    rows = await connection.execute(statement.order_by(pod_stories.c.id.desc()).limit(limit))
    return [case_from(row).story for row in rows.all()]


async def falls_on(
    connection: AsyncConnection, environment: EnvironmentName, subjects: Collection[Subject], *, day: str
) -> Mapping[Subject, int]:
    """How often each fell on a local date (`2026-11-23`), in all its stories."""
    counts: dict[Subject, int] = {}
    noon = datetime.fromisoformat(f"{day}T12:00:00+00:00")
    for some in _slices([str(subject) for subject in subjects]):
        rows = await connection.execute(
            select(*STORY_COLUMNS).where(
                pod_stories.c.environment == environment,
                pod_stories.c.subject.in_(some),
                pod_stories.c.last_fall_at > noon - timedelta(hours=27),  # midnight of the most eastern zone
            )
        )
        for case in map(case_from, rows.all()):
            if case.day == day:
                counts[case.story.subject] = counts.get(case.story.subject, 0) + case.fell_today
    return counts


# Silences


async def silence(
    connection: AsyncConnection,
    environment: EnvironmentName,
    subject: Subject,
    *,
    until: datetime,
    by: UserId,
    now: datetime,
) -> None:
    """Nobody is told of this subject until then. Ring the pods' bell after the commit: its card shows it."""
    values = {"until": until, "by": by, "since": now}
    fresh = insert_into(connection, pod_silences).values(environment=environment, subject=str(subject), **values)
    keys = [pod_silences.c.environment, pod_silences.c.subject]
    await connection.execute(fresh.on_conflict_do_update(index_elements=keys, set_=values))


async def unsilence(connection: AsyncConnection, environment: EnvironmentName, subject: Subject) -> bool:
    """Tell of it again; False when it was not silenced. Ring the pods' bell after the commit."""
    gone = await connection.execute(
        delete(pod_silences).where(pod_silences.c.environment == environment, pod_silences.c.subject == str(subject))
    )
    return bool(gone.rowcount)


async def silences(
    connection: AsyncConnection, environment: EnvironmentName, *, now: datetime
) -> Mapping[Subject, Silence]:
    """Those that last."""
    rows = await connection.execute(
        select(pod_silences.c.subject, pod_silences.c.until, pod_silences.c.by).where(
            pod_silences.c.environment == environment, pod_silences.c.until > now
        )
    )
    return {subject_from(subject): Silence(until, UserId(by)) for subject, until, by in rows.all()}


def _slices(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), AT_ONCE):
        yield items[start : start + AT_ONCE]


async def sweep(connection: AsyncConnection, *, before: datetime, limit: int) -> int:
    """Delete a batch of what nobody asks for any more: closed stories, marks of former environments, old silences."""
    closed = select(pod_stories.c.id).where(pod_stories.c.closed_at < before).order_by(pod_stories.c.closed_at)
    gone = await connection.execute(delete(pod_stories).where(pod_stories.c.id.in_(closed.limit(limit))))
    forgotten = await connection.execute(delete(pod_marks).where(pod_marks.c.seen_at < before))
    over = await connection.execute(delete(pod_silences).where(pod_silences.c.until < before))
    return gone.rowcount + forgotten.rowcount + over.rowcount
