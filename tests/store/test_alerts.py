"""Rows of alerts and storms, on both databases."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.domain.alert import Alert, AlertState, NearRelease
from bot.domain.alert.storm import Storm
from bot.domain.names import AlertId, ReleaseId, UserId
from bot.store import alerts, storms
from bot.store.db import Database
from bot.store.ids import new_id

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def made(scope: str = "env:prd,service:web", **changes: object) -> Alert:
    alert = Alert(
        id=AlertId(new_id(NOW)),
        monitor_id="42",
        scope=scope,
        cycle_key="c1",
        state=AlertState.ALERT,
        told="Triggered",
        opened_at=NOW,
        state_ms=5,
        last_ms=5,
        seen_at=NOW,
        updated_at=NOW,
        environment="prd",
        service="web",
        channel="#alerts",
        tags=("env:prd", "service:web"),
        seen_by=("webhook",),
        near=NearRelease(ReleaseId("R1"), "2.3.0", "2.2.9", UserId("U0BOB"), NOW, is_live=True),
        fallen=("web fell.",),
    )
    return replace(alert, **changes)  # type: ignore[arg-type]


async def kept(database: Database, *some: Alert, past: tuple[AlertId, ...] = ()) -> None:
    async with database.write() as connection:
        await alerts.put(connection, some, past=past)


async def test_an_alert_comes_back_as_it_was_kept(database: Database) -> None:
    alert = made(title="it's \0 odd", taken_by=UserId("U0DAVE"), taken_at=NOW, card_at=NOW, priority=1)
    await kept(database, alert)
    async with database.write() as connection:  # reading the newest locks it
        found = await alerts.get(connection, alert.id)
        head = await alerts.heads(connection, [alert.key])
    assert found == head[alert.key] == replace(alert, row_version=1)


async def test_a_group_has_one_newest_cycle(database: Database) -> None:
    first, second = made(), made(cycle_key="c2")
    await kept(database, first)
    ended = replace(first, state=AlertState.RECOVERED, closed_at=NOW, row_version=1)
    await kept(database, ended, second, past=(first.id,))
    async with database.write() as connection:
        assert (await alerts.heads(connection, [first.key]))[first.key].id == second.id
        assert [each.id for each in await alerts.open_alerts(connection)] == [second.id]
        assert len(await alerts.get_all(connection, [first.id, second.id])) == 2


async def test_of_two_savers_of_one_row_the_second_is_told_so(database: Database) -> None:
    await kept(database, made())
    async with database.write() as connection:
        (alert,) = await alerts.open_alerts(connection)
        assert await alerts.save(connection, alert.moved(taken_by=UserId("U0BOB"))) is not None
        assert await alerts.save(connection, alert.moved(taken_by=UserId("U0DAVE"))) is None
        assert (await alerts.open_alerts(connection))[0].taken_by == "U0BOB"


async def test_drawing_overtakes_nobody(database: Database) -> None:
    await kept(database, made(card_due=NOW))
    async with database.write() as connection:
        (due,) = await alerts.due(connection, now=NOW, limit=5)
        await alerts.redrawn(connection, [replace(due, card_due=None, card_at=NOW)])
        assert await alerts.next_due_at(connection) is None
        assert await alerts.save(connection, due.moved()) is not None


async def test_an_alert_is_found_by_the_end_of_its_id(database: Database) -> None:
    alert = made()
    await kept(database, alert, made("env:stg"))
    async with database.read() as connection:
        assert [each.id for each in await alerts.by_ref(connection, alert.id[-6:].lower())] == [alert.id]
        assert await alerts.by_ref(connection, "%") == []


async def test_a_storm_counts_its_members_and_knows_whose_state_was_not_told(database: Database) -> None:
    storm = Storm(new_id(NOW), "#alerts", "42", "p99", NOW, NOW, card_due=NOW)
    members = [made(f"service:s{n}", storm_id=storm.id, priority=1 + n) for n in range(3)]
    members[0] = replace(members[0], state=AlertState.RECOVERED, closed_at=NOW)
    members[1] = replace(members[1], state=AlertState.WARN, listed="Warn")
    await kept(database, *members, made("service:alone"))
    async with database.write() as connection:
        await storms.put(connection, [storm])
        assert await storms.open_storms(connection, ["#alerts"]) == {storm.open_key: storm}
        tally = await storms.tally(connection, storm.id, worst=5)
        assert (tally.members, tally.open, tally.unlisted) == (3, 2, 2)
        assert [each.scope for each in tally.worst] == ["service:s1", "service:s2"]
        assert len(await storms.unlisted(connection, storm.id, limit=5)) == 2
        await storms.put(connection, [replace(storm, takes_new=False, closed_at=NOW)])
        assert await storms.open_storms(connection, ["#alerts"]) == {}
        assert await storms.living(connection) == []


async def test_what_came_of_late_is_counted_by_channel_and_monitor(database: Database) -> None:
    old = made("service:old", seen_at=NOW - timedelta(minutes=5))
    await kept(database, made("service:a"), made("service:b", storm_id="S1"), old)
    async with database.read() as connection:
        recent = await alerts.recent(connection, since=NOW - timedelta(minutes=1))
    assert recent.scopes[("#alerts", "42")] == 2
    assert recent.cards["#alerts"] == 1


async def test_what_is_over_is_forgotten_and_what_is_open_is_not(database: Database) -> None:
    over = made("service:a", state=AlertState.RECOVERED, closed_at=NOW)
    await kept(database, over, made("service:b"))
    async with database.write() as connection:
        assert await alerts.sweep(connection, before=NOW, limit=10) == 0
        assert await alerts.sweep(connection, before=NOW + timedelta(days=1), limit=10) == 1
        assert len(await alerts.open_alerts(connection)) == 1
