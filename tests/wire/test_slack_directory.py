"""The directory: one question for all who ask at once, and no answer rather than one older than a minute."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.domain.names import ChannelId, UserId
from bot.errors import NotFound, Refused, Unreachable
from bot.slack.client import SlackClient, open_session
from bot.slack.directory import Directory
from tests.wire.slack_stand_in import DEADLINE_S, StandIn, stand_in

ALICE = UserId("U1")


class Clock:
    """Monotonic seconds that the test moves."""

    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
async def slack() -> AsyncIterator[StandIn]:
    async with stand_in() as server:
        server.always["users.info"] = lambda _request, query: {
            "ok": True,
            "user": {
                "id": query["user"],
                "name": "alice",
                "team_id": "T1",
                "locale": "ja-JP",
                "is_restricted": True,
                "profile": {"display_name": "Alice"},
            },
        }
        server.always["usergroups.list"] = lambda _request, _query: {
            "ok": True,
            "usergroups": [
                {"id": "S1", "handle": "leads", "date_delete": 0},
                {"id": "S2", "handle": "former", "date_delete": 1700000000},
            ],
        }
        server.always["usergroups.users.list"] = lambda _request, query: {"ok": True, "users": ["U1", "U2"]}
        yield server


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def directory(slack: StandIn, clock: Clock) -> AsyncIterator[Directory]:
    async with open_session() as session:
        client = SlackClient(token="xoxb-1", api_url=slack.api_url, session=session, timeout_s=DEADLINE_S)
        yield Directory(client, clock=clock)


def outage(_request, _query):
    return {"ok": False, "error": "internal_error"}


def unknown(_request, _query):
    return {"ok": False, "error": "user_not_found"}


async def test_a_person_is_read_with_everything_that_rights_depend_on(directory: Directory) -> None:
    alice = await directory.person(ALICE)
    assert (alice.id, alice.name, alice.locale, alice.team_id) == ("U1", "Alice", "ja-JP", "T1")
    assert (alice.is_restricted, alice.is_ultra_restricted, alice.is_bot, alice.deleted, alice.is_stranger) == (
        True,
        False,
        False,
        False,
        False,
    )


async def test_all_who_ask_at_once_share_one_request(slack: StandIn, directory: Directory) -> None:
    found = await asyncio.gather(*(directory.members("@leads") for _ in range(50)))
    assert set(found) == {frozenset({"U1", "U2"})}
    assert (slack.count("usergroups.list"), slack.count("usergroups.users.list")) == (1, 1)


async def test_an_answer_is_remembered_for_a_minute_and_no_longer(
    slack: StandIn, directory: Directory, clock: Clock
) -> None:
    await directory.members("S1")
    clock.now_s += 59
    await directory.members("S1")
    assert slack.count("usergroups.users.list") == 1
    slack.always["usergroups.users.list"] = lambda _request, _query: {"ok": True, "users": ["U2"]}
    clock.now_s += 1
    assert ALICE not in await directory.members("S1")


async def test_a_look_up_that_fails_raises_even_when_an_old_answer_is_known(
    slack: StandIn, directory: Directory, clock: Clock
) -> None:
    await directory.members("S1")
    clock.now_s += 61
    slack.always["usergroups.users.list"] = outage
    with pytest.raises(Unreachable):
        await directory.members("S1")
    assert ALICE in await directory.members("S1", stale_ok=True)


async def test_a_failure_is_not_remembered(slack: StandIn, directory: Directory) -> None:
    slack.script("users.info", outage)
    with pytest.raises(Unreachable):
        await directory.person(ALICE)
    assert (await directory.person(ALICE)).name == "Alice"


async def test_an_answer_without_the_expected_fields_is_a_failure(slack: StandIn, directory: Directory) -> None:
    slack.script("users.info", lambda _request, _query: {"ok": True})
    with pytest.raises(Unreachable):
        await directory.person(ALICE)


async def test_what_slack_does_not_know_is_not_found(slack: StandIn, directory: Directory) -> None:
    slack.script("users.info", unknown)
    with pytest.raises(NotFound):
        await directory.person(ALICE)
    for group in ("@nobody", "@former"):
        with pytest.raises(NotFound):
            await directory.members(group)


async def test_a_missing_scope_is_a_refusal_and_not_an_empty_group(slack: StandIn, directory: Directory) -> None:
    slack.script("usergroups.users.list", lambda _request, _query: {"ok": False, "error": "missing_scope"})
    with pytest.raises(Refused) as caught:
        await directory.members("S1")
    assert caught.value.code == "missing_scope"


async def test_one_impatient_caller_does_not_take_the_answer_from_the_others(
    slack: StandIn, directory: Directory
) -> None:
    gate = asyncio.Event()

    async def slowly(_request, _query):
        await gate.wait()
        return {"ok": True, "users": ["U1"]}

    slack.script("usergroups.users.list", slowly)
    impatient = asyncio.create_task(directory.members("S1"))
    patient = asyncio.create_task(directory.members("S1"))
    await slack.reached("usergroups.users.list")
    impatient.cancel()
    gate.set()
    assert await asyncio.wait_for(patient, DEADLINE_S) == frozenset({"U1"})
    assert slack.count("usergroups.users.list") == 1


async def test_after_forgetting_an_answer_that_was_under_way_does_not_count(
    slack: StandIn, directory: Directory
) -> None:
    gate = asyncio.Event()

    async def before_the_change(_request, _query):
        await gate.wait()
        return {"ok": True, "users": ["U1"]}

    slack.script("usergroups.users.list", before_the_change, lambda _request, _query: {"ok": True, "users": []})
    early = asyncio.create_task(directory.members("S1"))
    await slack.reached("usergroups.users.list")
    directory.forget()
    assert await directory.members("S1") == frozenset()
    gate.set()
    await early
    assert await directory.members("S1") == frozenset()


async def test_a_room_tells_whether_others_listen(slack: StandIn, directory: Directory) -> None:
    slack.script(
        "conversations.info",
        lambda _request, query: {"ok": True, "channel": {"id": query["channel"], "name": "x", "is_ext_shared": True}},
        lambda _request, query: {"ok": True, "channel": {"id": query["channel"], "is_im": True}},
    )
    assert (await directory.room(ChannelId("C1"))).is_shared
    direct = await directory.room(ChannelId("D1"))
    assert (direct.is_direct, direct.is_shared) == (True, False)
