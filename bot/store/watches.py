"""Watches over alerts: who was called, reminded and asked; and which handovers were told. Saved with the condition that
nobody saved it since it was read. Called by bot.reconcile.oncall and bot.usecases.alerts, inside their transactions."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.names import UserId
from bot.domain.oncall import Responder, Watch
from bot.store.dialect import insert_into
from bot.store.kept import known, moment, plain
from bot.store.tables import oncall_handovers, oncall_watches

_MOMENTS = ("called_at", "reminded_at", "asked_at", "confirmed_at")


async def all_of(connection: AsyncConnection) -> Mapping[str, Watch]:
    """Every watch by its subject: of open alerts alone, since the others' are dropped."""
    found = await connection.execute(select(oncall_watches))
    return {row["subject"]: _watch(row) for row in found.mappings()}


async def of(connection: AsyncConnection, subject: str) -> Watch:
    """The watch over a subject; an empty one when there is none."""
    found = await connection.execute(select(oncall_watches).where(oncall_watches.c.subject == subject))
    row = found.mappings().first()
    return _watch(row) if row else Watch(subject)


async def save(connection: AsyncConnection, watch: Watch) -> Watch | None:
    """Insert or update; as saved, or None when somebody saved it since it was read."""
    body = plain(asdict(watch))
    for name in ("subject", "due_at", "row_version"):
        del body[name]
    values = {"due_at": watch.due_at, "row_version": watch.row_version + 1, "body": body}
    if watch.row_version == 0:
        fresh = insert_into(connection, oncall_watches).values(subject=watch.subject, **values)
        inserted = fresh.on_conflict_do_nothing().returning(oncall_watches.c.subject)
        saved = (await connection.execute(inserted)).first() is not None
    else:
        table = oncall_watches.c
        unchanged = (table.subject == watch.subject) & (table.row_version == watch.row_version)
        saved = bool((await connection.execute(update(oncall_watches).where(unchanged).values(**values))).rowcount)
    return replace(watch, row_version=watch.row_version + 1) if saved else None


async def drop(connection: AsyncConnection, subject: str) -> None:
    """The alert is over."""
    await connection.execute(oncall_watches.delete().where(oncall_watches.c.subject == subject))


@dataclass(frozen=True, slots=True)
class Handover:
    """The last handover of a duty that was told."""

    duty: str
    person: str
    """`Responder.key` of the one who took over."""
    at: datetime


async def handovers(connection: AsyncConnection) -> Mapping[str, Handover]:
    """The last one of each duty, by its name."""
    found = (await connection.execute(select(oncall_handovers))).mappings()
    return {row["duty"]: Handover(row["duty"], row["person"], row["at"]) for row in found}


async def hand_over(connection: AsyncConnection, handover: Handover, *, known_person: str | None) -> bool:
    """Note a handover. False when another worker noted one since `known_person` (None: there was none) was read."""
    values = {"person": handover.person, "at": handover.at}
    if known_person is None:
        fresh = insert_into(connection, oncall_handovers).values(duty=handover.duty, **values)
        inserted = fresh.on_conflict_do_nothing().returning(oncall_handovers.c.duty)
        return (await connection.execute(inserted)).first() is not None
    table = oncall_handovers.c
    same = (table.duty == handover.duty) & (table.person == known_person)
    return bool((await connection.execute(update(oncall_handovers).where(same).values(**values))).rowcount)


def _watch(row: RowMapping) -> Watch:
    body: dict[str, Any] = known(Watch, row["body"])
    for name in _MOMENTS:
        body[name] = moment(body.get(name))
    body["called"] = tuple(Responder(**known(Responder, each)) for each in body.get("called", ()))
    body["passed"] = tuple(UserId(user) for user in body.get("passed", ()))
    return Watch(**(body | {name: row[name] for name in ("subject", "due_at", "row_version")}))
