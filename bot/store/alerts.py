"""Alerts: one row per cycle of a monitor's group; the newest cycle of a group is its head.

Events are applied by bot.reconcile.alerts to rows that it has locked; people's answers are saved with the condition
that nobody saved the row since it was read. Called inside their transactions.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import Integer, RowMapping, and_, bindparam, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.alert import Alert, AlertState, NearRelease
from bot.domain.alert.storm import Recent
from bot.domain.names import AlertId, ReleaseId, UserId
from bot.store.dialect import insert_for
from bot.store.ids import id_of
from bot.store.kept import known, moment, seconds
from bot.store.tables import alerts, storms

T = TypeVar("T")
AT_ONCE = 400
"""Keys per statement: SQLite's older limit is 999 bound values."""
_COLUMNS = ("environment", "service", "channel", "opened_at", "closed_at", "storm_id", "listed", "card_due")
_ROW = ("id", "monitor_id", "state", "seen_at", "row_version", *_COLUMNS)
_MOMENTS = ("updated_at", "taken_at", "card_at")
_BODY = tuple(each.name for each in fields(Alert) if each.name not in (*_ROW, *_MOMENTS, "near"))


async def heads(connection: AsyncConnection, keys: Collection[str]) -> dict[str, Alert]:
    """The newest cycle of each of these groups, locked until the transaction ends."""
    found: dict[str, Alert] = {}
    for some in _slices(sorted(keys)):
        rows = await connection.execute(_heads(), {"keys": some})
        found |= {row["head_key"]: _alert(row) for row in rows.mappings()}
    return found


@cache
def _heads() -> Any:
    wanted = select(alerts).where(alerts.c.head_key.in_(bindparam("keys", expanding=True)))
    return wanted.order_by(alerts.c.head_key).with_for_update()


async def put(connection: AsyncConnection, changed: Sequence[Alert], *, past: Collection[AlertId] = ()) -> None:
    """Insert or overwrite rows that the caller has locked; they are heads, except those whose ids are in `past`."""
    if past:
        gone = update(alerts).where(alerts.c.id == bindparam("row_id")).values(head_key=None)
        await connection.execute(gone, [{"row_id": alert_id} for alert_id in past])
    rows = [
        _values(alert)
        | {
            "id": alert.id,
            "key": alert.key,
            "head_key": None if alert.id in past else alert.key,
            "monitor_id": alert.monitor_id,
            "seen_at": alert.seen_at,
            "row_version": alert.row_version + 1,
        }
        for alert in changed
    ]
    if rows:
        await connection.execute(_upsert(connection.dialect.name), rows)


@cache
def _upsert(dialect: str) -> Any:
    fresh = insert_for(dialect, alerts)
    names = ("head_key", "state", "row_version", "body", *_COLUMNS)
    return fresh.on_conflict_do_update(
        index_elements=[alerts.c.id], set_={name: fresh.excluded[name] for name in names}
    )


async def save(connection: AsyncConnection, alert: Alert) -> Alert | None:
    """Update the row if nobody saved it since it was read; the alert as saved, or None when somebody did."""
    statement = (
        update(alerts)
        .where(alerts.c.id == alert.id, alerts.c.row_version == alert.row_version)
        .values(**_values(alert), row_version=alert.row_version + 1)
    )
    if not (await connection.execute(statement)).rowcount:
        return None
    return replace(alert, row_version=alert.row_version + 1)


async def get(connection: AsyncConnection, alert_id: AlertId) -> Alert | None:
    """The alert of that id."""
    row = (await connection.execute(select(alerts).where(alerts.c.id == alert_id))).mappings().first()
    return _alert(row) if row else None


async def get_all(connection: AsyncConnection, ids: Collection[AlertId]) -> Mapping[AlertId, Alert]:
    """Those of these ids that there are."""
    found: dict[AlertId, Alert] = {}
    for some in _slices(list(ids)):
        rows = await connection.execute(select(alerts).where(alerts.c.id.in_(some)))
        found |= {row["id"]: _alert(row) for row in rows.mappings()}
    return found


async def open_alerts(
    connection: AsyncConnection, *, environment: str | None = None, service: str | None = None, limit: int = 500
) -> Sequence[Alert]:
    """What is not over: newest cycles only, newest first."""
    statement = select(alerts).where(alerts.c.closed_at.is_(None), alerts.c.head_key.is_not(None))
    if environment is not None:
        statement = statement.where(alerts.c.environment == environment)
    if service is not None:
        statement = statement.where(alerts.c.service == service)
    found = await connection.execute(statement.order_by(alerts.c.id.desc()).limit(limit))
    return [_alert(row) for row in found.mappings()]


async def heads_of_monitors(connection: AsyncConnection, monitor_ids: Sequence[str]) -> Sequence[Alert]:
    """The newest cycle of every group of these monitors, also those that are over."""
    found: list[Alert] = []
    for some in _slices(list(monitor_ids)):
        wanted = select(alerts).where(alerts.c.monitor_id.in_(some), alerts.c.head_key.is_not(None))
        found += [_alert(row) for row in (await connection.execute(wanted)).mappings()]
    return found


async def by_ref(connection: AsyncConnection, ref: str, *, limit: int = 20) -> Sequence[Alert]:
    """Alerts whose id ends with these characters, newest first; the open ones before the others."""
    ending = "%" + ref.upper().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    statement = select(alerts).where(alerts.c.id.like(ending, escape="\\"))
    found = await connection.execute(
        statement.order_by(alerts.c.closed_at.is_not(None), alerts.c.id.desc()).limit(limit)
    )
    return [_alert(row) for row in found.mappings()]


async def due(connection: AsyncConnection, *, now: datetime, limit: int) -> Sequence[Alert]:
    """Those with a card of their own that must be written now, the longest due first; locked."""
    statement = (
        select(alerts)
        .where(alerts.c.card_due <= bindparam("at", type_=alerts.c.card_due.type))
        .order_by(alerts.c.card_due)
        .limit(bindparam("most", type_=Integer))
        .with_for_update(skip_locked=True)
    )
    return [_alert(row) for row in (await connection.execute(statement, {"at": now, "most": limit})).mappings()]


async def redrawn(connection: AsyncConnection, drawn: Sequence[Alert]) -> None:
    """Note of locked rows that they were written to Slack. Nobody's save is overtaken by it."""
    if drawn:
        rows = [
            {"row_id": each.id, "due": each.card_due, "said": each.listed, "what": _values(each)["body"]}
            for each in drawn
        ]
        await connection.execute(_redrawn(), rows)


@cache
def _redrawn() -> Any:
    statement = update(alerts).where(alerts.c.id == bindparam("row_id"))
    return statement.values(card_due=bindparam("due"), listed=bindparam("said"), body=bindparam("what"))


async def next_due_at(connection: AsyncConnection) -> datetime | None:
    """When the next card is due."""
    due_at: datetime | None = (await connection.execute(select(func.min(alerts.c.card_due)))).scalar_one()
    return due_at


async def recent(connection: AsyncConnection, *, since: datetime) -> Recent:
    """What came to each channel since then, for the rules of storms."""
    grouped = (
        select(alerts.c.channel, alerts.c.monitor_id, alerts.c.storm_id, func.count())
        .where(alerts.c.seen_at >= since)
        .group_by(alerts.c.channel, alerts.c.monitor_id, alerts.c.storm_id)
    )
    counted = Recent(Counter(), Counter(), Counter())
    for channel, monitor_id, storm_id, count in (await connection.execute(grouped)).all():
        counted.scopes[(channel, monitor_id)] += count
        if not storm_id:
            counted.cards[channel] += count
            counted.critical[channel] += count
    opened = (
        select(storms.c.channel, func.count()).where(storms.c.id >= id_of(since, "")[:10]).group_by(storms.c.channel)
    )
    for channel, count in (await connection.execute(opened)).all():
        counted.cards[channel] += count
    return counted


async def sweep(connection: AsyncConnection, *, before: datetime, limit: int) -> int:
    """Delete a batch of cycles and storms that closed before then."""
    old = select(alerts.c.id).where(alerts.c.closed_at < before).order_by(alerts.c.closed_at).limit(limit)
    gone = await connection.execute(delete(alerts).where(alerts.c.id.in_(old)))
    past = select(storms.c.id).where(storms.c.closed_at < before).limit(limit)
    over = await connection.execute(delete(storms).where(storms.c.id.in_(past)))
    return gone.rowcount + over.rowcount


def members_of(storm_id: str) -> Any:
    """The condition that an alert belongs to a storm."""
    return alerts.c.storm_id == storm_id


def unlisted_of(storm_id: str) -> Any:
    """The condition that a storm's thread has not told an alert's state."""
    return and_(alerts.c.storm_id == storm_id, alerts.c.listed != alerts.c.state)


def alert_of(row: RowMapping) -> Alert:
    """The alert in a whole row. For bot.store.storms."""
    return _alert(row)


def _values(alert: Alert) -> dict[str, Any]:
    body: dict[str, Any] = {name: getattr(alert, name) for name in _BODY}
    body |= {name: seconds(getattr(alert, name)) for name in _MOMENTS}
    if alert.near is not None:
        body["near"] = {each.name: getattr(alert.near, each.name) for each in fields(NearRelease)}
        body["near"]["at"] = seconds(alert.near.at)
    return {name: getattr(alert, name) for name in _COLUMNS} | {"state": alert.state, "body": body}


def _alert(row: RowMapping) -> Alert:
    body = known(Alert, row["body"])
    for name in _MOMENTS:
        body[name] = moment(body.get(name))
    near = body.get("near")
    if near:
        near = known(NearRelease, near)
        at = moment(near["at"])
        assert at is not None
        body["near"] = NearRelease(**(near | {"at": at, "id": ReleaseId(near["id"]), "by": UserId(near["by"])}))
    for name in ("tags", "seen_by", "fallen"):
        body[name] = tuple(body.get(name) or ())
    return Alert(**(body | {name: row[name] for name in _ROW} | {"state": AlertState(row["state"])}))


def _slices(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), AT_ONCE):
        yield items[start : start + AT_ONCE]
