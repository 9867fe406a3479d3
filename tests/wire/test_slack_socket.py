"""The Socket Mode supervisor on real WebSockets, against a Slack that cuts, freezes, refuses and refreshes."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from bot.inbound.inbound import Ack, Inbound, InboundKind, Receive
from bot.inbound.slack.dispatch import BoltDispatch
from bot.inbound.slack.patience import Patience
from bot.inbound.slack.socket import SlackSocket
from bot.slack.client import SlackClient, open_session
from tests.wire.slack_stand_in import DEADLINE_S, StandIn, slash, stand_in


@pytest.fixture
async def slack() -> AsyncIterator[StandIn]:
    async with stand_in() as server:
        yield server


class Desk:
    """An intake that notes what it gets, and answers at once or when told to."""

    def __init__(self) -> None:
        self.taken: list[Inbound] = []
        self.open = asyncio.Event()
        self.open.set()
        self.answer = Ack({"text": "On its way.", "response_type": "ephemeral"})

    async def __call__(self, inbound: Inbound) -> Ack:
        self.taken.append(inbound)
        await self.open.wait()
        return self.answer


class Running:
    """A socket supervisor that runs; a crash in it fails the test that waits."""

    def __init__(self, slack: StandIn, socket: SlackSocket, task: asyncio.Task[None], alarms: list[str]) -> None:
        self.slack, self.socket, self.task, self.alarms = slack, socket, task, alarms

    async def live(self, number: int, within_s: float = DEADLINE_S) -> None:
        await self.holds(lambda: self.socket.live == number and len(self.slack.sockets) == number, within_s)

    async def holds(self, condition, within_s: float = DEADLINE_S, *, watch=lambda: None) -> None:
        """Wait until `condition()`; `watch` is called at every look."""
        deadline = time.monotonic() + within_s
        while watch() or not condition():
            if self.task.done():
                await self.task
            assert time.monotonic() < deadline, "the deadline has passed"
            await asyncio.wait([self.task], timeout=0.01)


@contextlib.asynccontextmanager
async def running(
    slack: StandIn, receive: Receive, *, ping_every_s: float = 10.0, connections: int = 2, seed: float = 0.5
) -> AsyncIterator[Running]:
    alarms: list[str] = []
    async with open_session() as session:
        client = SlackClient(token="xapp-1", api_url=slack.api_url, session=session)
        socket = SlackSocket(
            client,
            BoltDispatch(receive, token="xoxb-1"),
            connections=connections,
            alarm=alarms.append,
            ping_every_s=ping_every_s,
            linger_s=0.5,
            patience=Patience(lambda: seed),
        )
        task = asyncio.create_task(socket.run())
        try:
            yield Running(slack, socket, task, alarms)
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def test_a_slash_command_is_acknowledged_with_the_text_of_the_intake(slack: StandIn) -> None:
    desk = Desk()
    async with running(slack, desk) as bot:
        await bot.live(2)
        envelope_id = await slack.send(slash(1))
        await bot.holds(lambda: envelope_id in slack.acks)
    assert slack.acks[envelope_id]["payload"] == {"text": "On its way.", "response_type": "ephemeral"}
    [inbound] = desk.taken
    assert (inbound.kind, inbound.key, inbound.envelope_id) == (InboundKind.SLASH, "slash:T1:trigger-1", envelope_id)
    assert inbound.payload["text"] == "stg admin"


async def test_bolt_never_calls_auth_test_on_the_way(slack: StandIn) -> None:
    async with running(slack, Desk()) as bot:
        await bot.live(2)
        envelope_id = await slack.send(slash(1))
        await bot.holds(lambda: envelope_id in slack.acks)
    assert slack.count("auth.test") == 0


async def test_what_the_intake_does_not_accept_is_not_acknowledged(slack: StandIn) -> None:
    desk = Desk()
    desk.answer = Ack(accepted=False)
    async with running(slack, desk) as bot:
        await bot.live(2)
        refused = await slack.send(slash(1))
        await bot.holds(lambda: len(desk.taken) == 1)
        desk.answer = Ack()
        accepted = await slack.send(slash(2))
        await bot.holds(lambda: accepted in slack.acks)
    assert refused not in slack.acks
    assert "payload" not in slack.acks[accepted]


async def test_an_intake_that_crashes_answers_a_command_in_words_and_keeps_the_socket(slack: StandIn) -> None:
    async def broken(inbound: Inbound) -> Ack:
        raise RuntimeError("xoxb-secret")

    async with running(slack, broken) as bot:
        await bot.live(2)
        envelope_id = await slack.send(slash(1))
        await bot.holds(lambda: envelope_id in slack.acks)
        assert bot.socket.live == 2
    assert "stumbled" in slack.acks[envelope_id]["payload"]["text"]
    assert "xoxb" not in str(slack.acks[envelope_id])


@pytest.mark.parametrize(
    "envelope",
    [
        {"type": "slash_commands", "payload": {}},
        {"type": "interactive", "payload": {"type": "block_actions", "user": {"id": "U1"}, "actions": []}},
        {"type": "interactive", "payload": {"type": "block_actions", "team": "T1", "user": "U1", "actions": [1]}},
        {"type": "events_api", "payload": {"event_id": "E1"}},
        {"type": "a_type_of_tomorrow", "payload": {"x": 1}},
        {"type": "slash_commands", "payload": slash(9)["payload"] | {"enterprise": 3, "team": 4, "channel": 5}},
    ],
)
async def test_an_odd_envelope_does_not_end_the_socket(slack: StandIn, envelope) -> None:
    async with running(slack, Desk()) as bot:
        await bot.live(2)
        await slack.send(dict(envelope))
        good = await slack.send(slash(2))
        await bot.holds(lambda: good in slack.acks)
        assert bot.socket.live == 2


async def test_reading_does_not_wait_for_handling(slack: StandIn) -> None:
    desk = Desk()
    desk.open.clear()
    async with running(slack, desk) as bot:
        await bot.live(2)
        for number in range(50):
            await slack.send(slash(number))
        await bot.holds(lambda: len(desk.taken) == 50)
        desk.open.set()
        await bot.holds(lambda: len(slack.acks) == 50)


async def test_a_flood_beyond_the_limit_is_refused_in_words_at_once(slack: StandIn) -> None:
    desk = Desk()
    desk.open.clear()
    async with running(slack, desk) as bot:
        await bot.live(2)
        for number in range(513):
            await slack.send(slash(number))
        await bot.holds(lambda: len(slack.acks) == 1)
        [(_, early)] = slack.acks.items()
        assert "Nothing was started" in early["payload"]["text"]
        desk.open.set()
        await bot.holds(lambda: len(slack.acks) == 513)
    assert len(desk.taken) == 512


async def test_a_refresh_with_five_envelopes_in_flight_loses_none_and_leaves_no_gap(slack: StandIn) -> None:
    desk = Desk()
    desk.open.clear()
    lows: list[int] = []
    async with running(slack, desk) as bot:
        await bot.live(2)
        old = slack.sockets[0]
        early = [await slack.send(slash(number), old) for number in range(3)]
        await bot.holds(lambda: len(desk.taken) == 3)
        await slack.disconnect(old, "refresh_requested")
        late = [await slack.send(slash(number), old) for number in range(3, 5)]
        await bot.holds(lambda: len(slack.sockets) == 3, watch=lambda: lows.append(bot.socket.live))
        desk.open.set()
        await bot.holds(lambda: set(early + late) <= set(slack.acks))
        await bot.holds(lambda: old not in slack.sockets, watch=lambda: lows.append(bot.socket.live))
        await bot.live(2)
    assert min(lows) >= 2, "the new socket is opened before the old one is let go"
    assert {inbound.key for inbound in desk.taken} == {f"slash:T1:trigger-{number}" for number in range(5)}
    assert all(slack.ack_sockets[envelope_id] is old for envelope_id in early + late), "acks leave by their own socket"
    assert all(slack.deliveries[envelope_id] == 1 for envelope_id in early + late)


async def test_both_sockets_refreshed_at_once_are_replaced_one_after_the_other(slack: StandIn) -> None:
    lows: list[int] = []
    async with running(slack, Desk()) as bot:
        await bot.live(2)
        old = list(slack.sockets)
        for socket in old:
            await slack.disconnect(socket, "refresh_requested")
        await bot.holds(lambda: not set(old) & set(slack.sockets), watch=lambda: lows.append(len(slack.sockets)))
        await bot.live(2)
    assert min(lows) >= 2
    assert slack.count("apps.connections.open") == 4


async def test_a_warning_opens_the_next_socket_ahead(slack: StandIn) -> None:
    async with running(slack, Desk(), connections=1) as bot:
        await bot.live(1)
        old = slack.sockets[0]
        await slack.disconnect(old, "warning")
        lows: list[int] = []
        await bot.holds(lambda: old not in slack.sockets, watch=lambda: lows.append(len(slack.sockets)))
        await bot.live(1)
    assert min(lows) >= 1


async def test_one_failed_upgrade_is_followed_by_a_new_ticket(slack: StandIn) -> None:
    async with running(slack, Desk()) as bot:
        await bot.live(2)
        slack.upgrades_to_refuse = 2
        for socket in list(slack.sockets):
            slack.cut(socket)
        await bot.holds(lambda: slack.upgrades_refused == 2)
        await bot.live(2)
    assert slack.upgrades_refused == 2, "no used-up ticket was tried again"


async def test_after_a_cut_of_all_sockets_the_bot_is_back_at_the_first_attempt(slack: StandIn) -> None:
    async with running(slack, Desk()) as bot:
        await bot.live(2)
        gone = list(slack.sockets)
        for socket in gone:
            slack.cut(socket)
        await bot.holds(lambda: not set(gone) & set(slack.sockets))
        await bot.live(2)
    assert slack.count("apps.connections.open") == 4


async def test_envelopes_of_a_cut_socket_come_again_under_the_same_key(slack: StandIn) -> None:
    desk = Desk()
    desk.open.clear()
    async with running(slack, desk) as bot:
        await bot.live(2)
        old = slack.sockets[0]
        envelope_id = await slack.send(slash(1), old)
        await bot.holds(lambda: len(desk.taken) == 1)
        slack.cut(old)
        await bot.holds(lambda: len(desk.taken) == 2)
        desk.open.set()
        await bot.holds(lambda: envelope_id in slack.acks)
    assert {inbound.key for inbound in desk.taken} == {"slash:T1:trigger-1"}


async def test_five_deliveries_of_one_envelope_have_one_key_and_five_acks(slack: StandIn) -> None:
    desk = Desk()
    async with running(slack, desk) as bot:
        await bot.live(2)
        ids = [await slack.send(slash(7), slack.sockets[number % 2]) for number in range(5)]
        await bot.holds(lambda: set(ids) <= set(slack.acks))
    assert [inbound.key for inbound in desk.taken] == ["slash:T1:trigger-7"] * 5


async def test_frozen_peers_are_noticed_and_replaced(slack: StandIn) -> None:
    async with running(slack, Desk(), ping_every_s=0.4) as bot:
        await bot.live(2)
        frozen = list(slack.sockets)
        for socket in frozen:
            slack.freeze(socket)
        # Noticed after 1.5 pings, 15 s at the default of 10 s. On a busy machine a live one may seem frozen too.
        await bot.holds(lambda: slack.count("apps.connections.open") >= 4 and slack.sockets[-1] not in frozen)
        envelope_id = await slack.send(slash(1))
        await bot.holds(lambda: envelope_id in slack.acks)


async def test_ready_is_withdrawn_while_no_socket_is_live(slack: StandIn) -> None:
    async with running(slack, Desk()) as bot:
        await bot.live(2)
        assert bot.socket.ready.is_set()
        slack.always["apps.connections.open"] = lambda _request, _body: {"ok": False, "error": "internal_error"}
        for socket in list(slack.sockets):
            slack.cut(socket)
        await bot.holds(lambda: not bot.socket.ready.is_set())
        del slack.always["apps.connections.open"]
        await bot.live(2)
        assert bot.socket.ready.is_set()


async def test_link_disabled_raises_one_alarm_and_stops_the_asking(slack: StandIn) -> None:
    slack.hello_then = "link_disabled"
    async with running(slack, Desk()) as bot:
        await bot.holds(lambda: bot.alarms)
        await asyncio.wait([bot.task], timeout=1.5)
        assert slack.count("apps.connections.open") == 1
        assert len(bot.alarms) == 1
        assert "link_disabled" in bot.alarms[0]


async def test_a_refused_token_raises_an_alarm_and_stops_the_asking(slack: StandIn) -> None:
    slack.always["apps.connections.open"] = lambda _request, _body: {"ok": False, "error": "invalid_auth"}
    async with running(slack, Desk()) as bot:
        await bot.holds(lambda: bot.alarms)
        await asyncio.wait([bot.task], timeout=1.5)
        assert slack.count("apps.connections.open") == 1
        assert "invalid_auth" in bot.alarms[0]


async def test_too_many_sockets_keeps_one_and_backs_off(slack: StandIn) -> None:
    slack.most_sockets = 1
    async with running(slack, Desk()) as bot:
        await bot.live(1)
        await bot.holds(lambda: slack.count("apps.connections.open") == 2)
        await asyncio.wait([bot.task], timeout=1.5)
        assert slack.count("apps.connections.open") == 2
        assert bot.socket.live == 1


async def test_a_limited_ticket_is_asked_for_after_retry_after(slack: StandIn) -> None:
    def limited(_request, _body):
        return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": "1"})

    slack.script("apps.connections.open", limited)
    async with running(slack, Desk(), seed=0.0) as bot:
        await bot.live(2)
    first, second, *_ = slack.call_times["apps.connections.open"]
    assert second - first >= 1.0


async def test_drain_answers_what_was_taken_and_takes_nothing_new(slack: StandIn) -> None:
    desk = Desk()
    desk.open.clear()
    async with running(slack, desk) as bot:
        await bot.live(2)
        ids = [await slack.send(slash(number), slack.sockets[number % 2]) for number in range(50)]
        await bot.holds(lambda: len(desk.taken) == 50)
        drained = asyncio.create_task(bot.socket.drain(DEADLINE_S))
        await asyncio.wait([drained], timeout=0.1)
        with contextlib.suppress(IndexError, ConnectionError):
            await slack.send(slash(99))
        desk.open.set()
        await asyncio.wait_for(drained, DEADLINE_S)
        await asyncio.wait_for(bot.task, DEADLINE_S)
    assert set(ids) <= set(slack.acks)
    assert "slash:T1:trigger-99" not in {inbound.key for inbound in desk.taken}


async def test_drain_gives_up_on_a_stuck_intake_after_its_time(slack: StandIn) -> None:
    desk = Desk()
    desk.open.clear()
    async with running(slack, desk) as bot:
        await bot.live(2)
        await slack.send(slash(1))
        await bot.holds(lambda: len(desk.taken) == 1)
        await asyncio.wait_for(bot.socket.drain(0.2), DEADLINE_S)
        assert not slack.acks
