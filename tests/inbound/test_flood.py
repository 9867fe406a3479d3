"""A flood of requests is held up at the door: who is refused, who is not, and what it costs."""

from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from bot.domain.names import UserId
from bot.inbound.flood import BURST_MINUTES, FloodGate
from bot.inbound.inbound import Ack, Inbound, InboundKind
from bot.inbound.intake import Intake
from bot.store.db import Database
from bot.store.migrate import migrate
from bot.store.tables import audit, inbox, outbox
from handlers import router
from tests.rows_context import rows_context

ALICE, BOB = UserId("U0ALICE"), UserId("U0BOB")
PERSON, WORKSPACE = 10, 60


def gate() -> FloodGate:
    return FloodGate(person_per_minute=PERSON, workspace_per_minute=WORKSPACE)


def admitted(flood: FloodGate, person: UserId, times: range, *, at_s: float, every_s: float = 0.0) -> int:
    """How many of a person's requests are let in."""
    keys = ((f"{person}:{number}", at_s + number * every_s) for number in times)
    return sum(flood.admit(key, person, now_s, is_shared=True) is None for key, now_s in keys)


def test_a_thousand_requests_in_a_minute_are_let_in_at_the_rate_once_the_burst_is_used() -> None:
    let_in = admitted(gate(), ALICE, range(1000), at_s=50.0, every_s=0.06)
    assert BURST_MINUTES * PERSON <= let_in <= (BURST_MINUTES + 1) * PERSON


def test_others_are_not_held_up_by_one_persons_flood() -> None:
    flood = gate()
    admitted(flood, ALICE, range(1000), at_s=0.0)
    assert admitted(flood, BOB, range(PERSON), at_s=0.0) == PERSON


def test_all_people_together_have_a_limit_for_what_they_type_and_none_for_buttons() -> None:
    flood = gate()
    crowd = [UserId(f"U{number}") for number in range(500)]
    typed = sum(admitted(flood, person, range(1), at_s=7.0) for person in crowd)
    assert typed == BURST_MINUTES * WORKSPACE
    assert all(flood.admit(f"act:{person}", person, 7.0, is_shared=False) is None for person in crowd)


def test_who_waits_as_long_as_was_said_is_let_in() -> None:
    flood = gate()
    admitted(flood, ALICE, range(BURST_MINUTES * PERSON), at_s=0.0)
    refusal = flood.admit("one more", ALICE, 0.0, is_shared=True)
    assert refusal is not None
    assert refusal.error.code == "slow_down"
    assert refusal.error.text.startswith("Slow down, try in 6 s: more than 10 requests a minute came from you.")
    assert flood.admit("too soon", ALICE, 5.0, is_shared=True) is not None
    assert flood.admit("in time", ALICE, 6.0, is_shared=True) is None


def test_a_delivery_that_comes_again_gets_the_same_answer_and_counts_once() -> None:
    flood = gate()
    assert [flood.admit("slash:1", ALICE, 0.0, is_shared=True) for _ in range(100)] == [None] * 100
    assert admitted(flood, ALICE, range(1000), at_s=0.0) == BURST_MINUTES * PERSON - 1
    assert flood.admit("slash:1", ALICE, 0.0, is_shared=True) is None


def test_one_persons_refusals_are_news_every_ten_seconds_alone() -> None:
    flood = gate()
    admitted(flood, ALICE, range(BURST_MINUTES * PERSON), at_s=0.0)
    refusals = [flood.admit(f"late:{tenth}", ALICE, tenth / 10, is_shared=True) for tenth in range(300)]
    assert [each.is_news for each in refusals if each is not None].count(True) == 3


def test_without_limits_nobody_is_refused() -> None:
    assert admitted(FloodGate(), ALICE, range(5000), at_s=0.0) == 5000


def test_the_memory_of_a_long_flood_by_many_people_is_bounded() -> None:
    flood = gate()
    for number in range(20_000):
        flood.admit(f"k{number}", UserId(f"U{number}"), float(number), is_shared=False)
    assert len(flood._judged) <= 5_000
    assert len(flood._people) <= 1_002


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = Database(f"sqlite:///{tmp_path / 'kajitori.db'}", patience_s=60.0)
    await migrate(opened)
    yield opened
    await opened.close()


def intake(database: Database, seconds: list[float]) -> Intake:
    context = rows_context(database)
    return Intake(context, router, flood=gate(), budget_s=60.0, seconds=lambda: seconds[0])


def typed(number: int, text: str = "stg admin", command: str = "/status") -> Inbound:
    payload = {"command": command, "text": text, "user_id": ALICE, "team_id": "T1", "channel_id": "C0STG"}
    return arrived(InboundKind.SLASH, f"slash:{number}", payload)


def pressed(number: int, action_id: str) -> Inbound:
    payload = {
        "type": "block_actions",
        "user": {"id": ALICE, "team_id": "T1"},
        "channel": {"id": "C0STG"},
        "container": {"message_ts": "1.000001", "channel_id": "C0STG"},
        "message": {"ts": "1.000001"},
        "actions": [{"action_id": action_id, "value": "01K:1", "type": "button"}],
    }
    return arrived(InboundKind.ACTION, f"act:{number}", payload)


def submitted(number: int) -> Inbound:
    values = {"environment": "stg", "service": "admin", "version": "1.0.0"}
    state = {name: {name: {"type": "plain_text_input", "value": value}} for name, value in values.items()}
    view = {"callback_id": "command:deploy", "private_metadata": "C0STG::x", "state": {"values": state}}
    payload = {"type": "view_submission", "user": {"id": ALICE, "team_id": "T1"}, "view": view}
    return arrived(InboundKind.VIEW, f"view:{number}", payload)


def arrived(kind: InboundKind, key: str, payload: dict[str, Any]) -> Inbound:
    return Inbound(kind, key, None, payload, None, datetime.now(UTC))


async def rows(database: Database) -> Counter[str]:
    async with database.read() as connection:
        return Counter(
            {
                table.name: int(await connection.scalar(select(func.count()).select_from(table)) or 0)
                for table in (inbox, audit, outbox)
            }
        )


def text_of(ack: Ack) -> str:
    return str((ack.body or {}).get("text", ""))


async def test_a_flood_of_commands_is_answered_in_words_and_kept_out_of_the_database(database: Database) -> None:
    door = intake(database, [0.0])
    acks = [await door.receive(typed(number)) for number in range(200)]
    refused = [ack for ack in acks if text_of(ack).startswith("Slow down, try in 6 s")]
    assert len(refused) == 200 - BURST_MINUTES * PERSON
    # What was let in, and the first refusal, which is on record.
    assert await rows(database) == Counter(inbox=BURST_MINUTES * PERSON + 1, audit=1)


async def test_what_stops_something_gets_through_a_flood(database: Database) -> None:
    door = intake(database, [0.0])
    for number in range(100):
        await door.receive(typed(number))
    before = await rows(database)
    for number, action in enumerate(("release.abort", "canary.pause", "alert.acknowledge", "jobs.suspend")):
        await door.receive(pressed(number, action))
    for number, line in enumerate(("abort stg admin", "canary stg admin abort")):
        assert "Slow down" not in text_of(await door.receive(typed(1000 + number, line, "/kajitori")))
    assert (await rows(database))["inbox"] - before["inbox"] == 6


async def test_a_button_that_is_held_up_is_told_once_and_not_for_every_press(database: Database) -> None:
    door = intake(database, [0.0])
    for number in range(100):
        assert (await door.receive(pressed(number, "release.retry"))).accepted
    assert await rows(database) == Counter(inbox=BURST_MINUTES * PERSON + 1, audit=1, outbox=1)


async def test_a_form_that_is_held_up_stays_open_and_is_taken_when_sent_again(database: Database) -> None:
    seconds = [0.0]
    door = intake(database, seconds)
    for number in range(BURST_MINUTES * PERSON):
        await door.receive(typed(number))
    held = await door.receive(submitted(1))
    assert held.body is not None
    assert held.body["response_action"] == "errors"
    assert "Slow down" in next(iter(held.body["errors"].values()))
    seconds[0] = 60.0
    assert (await door.receive(submitted(1))).body is None
    assert (await rows(database))["inbox"] == BURST_MINUTES * PERSON + 1
