"""What is to be said: newest version only, in order, once, and never twice when nobody knows whether it was said."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.store import messages, outbox
from bot.store.db import Database
from bot.store.messages import Posted
from bot.store.outbox import Delivered, Draft, Lane, OutboxKind, OutboxRow, OutboxState
from bot.store.tables import outbox as outbox_table

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def card(text: str, subject: str = "release:1", **changes: Any) -> Draft:
    return Draft(OutboxKind.CARD, "C1", {"text": text}, subject=subject, **changes)


def note(text: str, **changes: Any) -> Draft:
    return Draft(OutboxKind.NOTE, "C1", {"text": text}, **changes)


async def say(database: Database, *drafts: Draft, now: datetime = NOW) -> None:
    async with database.write() as connection:
        for draft in drafts:
            await outbox.add(connection, draft, now=now)


async def due(database: Database, *, now: datetime = NOW) -> list[OutboxRow]:
    async with database.read() as connection:
        waiting = await outbox.due(connection, now=now)
        return list(await outbox.rows(connection, [row.id for row in waiting]))


async def texts(database: Database, *, now: datetime = NOW) -> list[str]:
    return [row.body["text"] for row in await due(database, now=now)]


async def begin(database: Database, row: OutboxRow) -> OutboxRow | None:
    async with database.write() as connection:
        return next(iter(await outbox.begin(connection, [row.id], now=NOW)), None)


async def begun(database: Database) -> OutboxRow:
    """The most urgent due row, now being sent."""
    row = await begin(database, (await due(database))[0])
    assert row is not None
    return row


async def settle(database: Database, row: OutboxRow, state: OutboxState, **changes: Any) -> None:
    async with database.write() as connection:
        await outbox.settle(connection, row.id, state, error="why", **changes)


async def sent(database: Database, row: OutboxRow, posted: Posted | None) -> None:
    async with database.write() as connection:
        await outbox.settle_sent(connection, [Delivered(row, posted)], now=NOW)


async def test_a_draft_comes_back_as_a_row_that_may_go(database: Database) -> None:
    draft = Draft(
        OutboxKind.RESPOND,
        "C1",
        {"text": "hello", "blocks": []},
        thread_subject="release:1",
        thread_ts="1.2",
        user_id="U1",
        response_url="https://hooks.example.com/1",
    )
    await say(database, draft)
    [row] = await due(database)
    assert (row.kind, row.channel, row.body, row.thread_subject) == (draft.kind, "C1", draft.body, "release:1")
    assert (row.thread_ts, row.user_id, row.response_url) == ("1.2", "U1", draft.response_url)
    assert (row.state, row.attempts, row.looks, row.created_at) == (OutboxState.PENDING, 0, 0, NOW)


async def test_a_newer_card_replaces_one_that_still_waits(database: Database) -> None:
    await say(database, card("1 of 3"), card("other", "release:2"), card("2 of 3"))
    assert await texts(database) == ["2 of 3", "other"]


async def test_a_newer_card_never_changes_one_that_is_being_sent(database: Database) -> None:
    await say(database, card("1 of 3"))
    row = await begun(database)
    await say(database, card("2 of 3"), card("3 of 3"))
    assert row.body["text"] == "1 of 3"
    assert await texts(database) == [], "until the fate of the first is known"
    await sent(database, row, Posted("C1", "1.1", row.id))
    assert await texts(database) == ["3 of 3"]


async def test_notes_are_never_replaced(database: Database) -> None:
    await say(database, card("card"), note("one", subject="release:1"), note("two", subject="release:2"))
    assert await texts(database) == ["card", "two"], "a note about a card waits until that card stands"
    await say(database, note("three", subject="release:2"))
    async with database.read() as connection:
        assert (await outbox.backlog(connection))[0] == 4


async def test_a_parked_card_takes_the_newer_text_and_keeps_waiting(database: Database) -> None:
    await say(database, card("1 of 3"))
    later = NOW + timedelta(minutes=5)
    await settle(database, await begun(database), OutboxState.PARKED, not_before=later)
    await say(database, card("2 of 3"))
    assert await texts(database) == []
    assert await texts(database, now=later) == ["2 of 3"]


async def test_a_subject_with_an_open_question_holds_back_its_later_versions(database: Database) -> None:
    await say(database, card("1 of 3"))
    row = await begun(database)
    await settle(database, row, OutboxState.AMBIGUOUS)
    await say(database, card("2 of 3"), card("other", "release:2"))
    assert await texts(database) == ["1 of 3", "other"], "the question itself is due: somebody must look"
    [later] = [each for each in await all_rows(database) if each["body"] == {"text": "2 of 3"}]
    async with database.write() as connection:
        assert await outbox.begin(connection, [later["id"]], now=NOW) == []
    await sent(database, row, None)
    assert await texts(database) == ["2 of 3", "other"]


async def all_rows(database: Database) -> list[Any]:
    async with database.read() as connection:
        return list((await connection.execute(outbox_table.select().order_by(outbox_table.c.id))).mappings())


async def test_rows_go_by_lane_and_then_in_the_order_they_were_said(database: Database) -> None:
    numbers = range(30)
    drafts = [note(f"{lane.name} {number}", lane=lane) for number in numbers for lane in reversed(Lane)]
    await say(database, *drafts)
    assert await texts(database) == [f"{lane.name} {number}" for lane in Lane for number in numbers]


async def test_a_row_put_off_waits_for_its_time(database: Database) -> None:
    await say(database, note("one"))
    later = NOW + timedelta(seconds=30)
    await settle(database, await begun(database), OutboxState.PENDING, not_before=later)
    assert await texts(database, now=later - timedelta(milliseconds=1)) == []
    assert await texts(database, now=later) == ["one"]
    async with database.read() as connection:
        assert await outbox.next_due_at(connection) == later
        assert await outbox.next_due_at(connection, after=NOW) == later
        assert await outbox.next_due_at(connection, after=later) is None


async def test_nothing_put_off_means_nothing_to_wait_for(database: Database) -> None:
    await say(database, note("one"))
    async with database.read() as connection:
        assert await outbox.next_due_at(connection) is None


async def test_of_twenty_that_begin_a_row_at_once_exactly_one_sends_it(database: Database) -> None:
    await say(database, note("one"))
    [row] = await due(database)
    won = [each for each in await asyncio.gather(*(begin(database, row) for _ in range(20))) if each]
    assert [(each.attempts, each.state, each.sending_since) for each in won] == [(1, OutboxState.SENDING, NOW)]


async def test_a_posted_card_is_remembered_as_the_message_of_its_subject(database: Database) -> None:
    await say(database, card("1 of 3", response_url="https://hooks.example.com/1"))
    row = await begun(database)
    posted = Posted("C1", "171.5", row.id)
    await sent(database, row, posted)
    async with database.read() as connection:
        assert await messages.of(connection, "release:1") == posted
        assert await messages.subject_of(connection, channel="C1", ts="171.5") == "release:1"
        assert await messages.subject_of(connection, channel="C2", ts="171.5") is None
    [kept] = await all_rows(database)
    assert (kept["state"], kept["sent_at"], kept["slack_ts"]) == ("sent", NOW, "171.5")
    assert kept["response_url"] is None, "a sent row keeps no right to answer"


async def test_a_message_posted_anew_takes_the_place_of_the_old_one(database: Database) -> None:
    for ts in ("1.1", "2.2"):
        await say(database, card(ts))
        row = await begun(database)
        await sent(database, row, Posted("C1", ts, row.id))
    async with database.read() as connection:
        assert await messages.of(connection, "release:1") == Posted("C1", "2.2", row.id)
        assert await messages.subject_of(connection, channel="C1", ts="1.1") is None


async def test_a_message_that_is_gone_from_slack_can_be_forgotten(database: Database) -> None:
    await say(database, card("1"))
    row = await begun(database)
    await sent(database, row, Posted("C1", "1.1", row.id))
    async with database.write() as connection:
        await messages.forget(connection, "release:1")
        assert await messages.of(connection, "release:1") is None


async def test_what_a_dead_process_was_sending_becomes_an_open_question(database: Database) -> None:
    await say(database, note("one"), note("two"))
    await begun(database)
    async with database.write() as connection:
        assert await outbox.recover(connection, before=NOW) == 0, "it began just now: another process may be at it"
        assert await outbox.recover(connection, before=NOW + timedelta(seconds=1)) == 1
    assert [(row.body["text"], row.state) for row in await due(database)] == [
        ("one", OutboxState.AMBIGUOUS),
        ("two", OutboxState.PENDING),
    ]


async def test_an_open_question_is_not_sent_before_it_was_settled(database: Database) -> None:
    await say(database, note("one"))
    row = await begun(database)
    await settle(database, row, OutboxState.AMBIGUOUS)
    assert await begin(database, row) is None
    await settle(database, row, OutboxState.PENDING)
    again = await begin(database, row)
    assert again is not None
    assert again.attempts == 2


async def test_looks_are_counted_while_the_question_is_open_and_forgotten_after(database: Database) -> None:
    await say(database, note("one"))
    row = await begun(database)
    for looks in (1, 2):
        await settle(database, row, OutboxState.AMBIGUOUS, looked=True)
        assert (await due(database))[0].looks == looks
    await settle(database, row, OutboxState.PENDING)
    assert (await due(database))[0].looks == 0


async def test_a_row_can_be_given_another_text_when_slack_refused_the_first(database: Database) -> None:
    await say(database, note("fancy"))
    await settle(database, await begun(database), OutboxState.PENDING, body={"text": "plain"})
    [row] = await due(database)
    assert (row.body, row.error) == ({"text": "plain"}, "why")


@pytest.mark.parametrize("state", [OutboxState.DEAD, OutboxState.SENT, OutboxState.SENDING])
async def test_rows_that_are_over_or_on_their_way_are_not_due(database: Database, state: OutboxState) -> None:
    await say(database, note("one"))
    await settle(database, await begun(database), state)
    assert await due(database) == []


async def test_a_row_of_a_newer_program_is_left_for_it(database: Database) -> None:
    await say(database, note("one"))
    async with database.write() as connection:
        await connection.execute(outbox_table.update().values(body_version=outbox.BODY_VERSION + 1))
    assert await due(database) == []


async def test_the_backlog_counts_what_is_not_settled_and_tells_since_when(database: Database) -> None:
    await say(database, note("old"))
    await say(database, note("new"), now=NOW + timedelta(seconds=5))
    async with database.read() as connection:
        assert await outbox.backlog(connection) == (2, NOW)
    await sent(database, await begun(database), None)
    async with database.read() as connection:
        assert await outbox.backlog(connection) == (1, NOW + timedelta(seconds=5))
