"""What Slack delivers twice, at once, late or broken: one effect, and an acknowledgement for each."""

import asyncio
from functools import partial

from bot.sandbox.kube.cluster import Cluster
from bot.sandbox.kube.faults import Fault, FaultKind
from tests.chat import DEADLINE_S, PRD, Chat
from tests.crash.bot_process import Ledger
from tests.faults.conftest import both_sockets


def acks(chat: Chat) -> int:
    return chat.sandbox.slack.world.faults.counts["acks"]


async def test_a_command_delivered_five_times_three_of_them_at_once_makes_one_release(
    chat: Chat, ledger: Ledger
) -> None:
    chat.sandbox.slack.order_fault(do="duplicate", copies=5, concurrent=3, type="slash_commands")
    await chat.alice.says("/deploy stg admin 1.4.2")
    await chat.card(phase="Succeeded", service="admin")
    await chat.until(lambda: acks(chat) >= 5 or None, DEADLINE_S, lambda: f"{acks(chat)} acknowledgements")
    assert len(ledger.releases()) == 1
    assert len(chat.patches()) == 1
    assert len(chat.cards()) == 1


async def test_a_click_delivered_five_times_rolls_back_once(chat: Chat, ledger: Ledger) -> None:
    await chat.alice.says("/deploy stg admin 1.4.2")
    done = await chat.card(phase="Succeeded", service="admin")
    chat.sandbox.slack.order_fault(do="duplicate", copies=5, concurrent=3, type="interactive")
    before = acks(chat)
    await chat.alice.presses("Roll back", done)
    await chat.card(phase="Succeeded", text="`1.4.1` runs")
    await chat.until(
        lambda: acks(chat) >= before + 5 or None, DEADLINE_S, lambda: f"{acks(chat) - before} acknowledgements"
    )
    assert len(ledger.releases()) == 2
    assert len(chat.patches()) == 2


async def test_a_mention_delivered_five_times_makes_one_release(chat: Chat, ledger: Ledger) -> None:
    chat.sandbox.slack.order_fault(do="duplicate", copies=5, concurrent=3, type="events_api")
    await chat.alice.says("<@U0KAJITORI> deploy stg admin 1.4.2")
    await chat.card(phase="Succeeded", service="admin")
    await chat.until(lambda: acks(chat) >= 5 or None, DEADLINE_S, lambda: f"{acks(chat)} acknowledgements")
    assert len(ledger.releases()) == 1
    assert len(chat.cards()) == 1


async def test_of_two_who_deploy_the_same_target_at_once_one_wins_and_the_other_learns_who(
    chat: Chat, stg: Cluster, ledger: Ledger
) -> None:
    # The cluster takes no write meanwhile, so that no round is over before its loser has asked.
    stg.faults.add(Fault(FaultKind.STATUS, method="PATCH", count=None, code=429, retry_after_s=1))
    people = {chat.alice.id: chat.alice, chat.bob.id: chat.bob}
    for round_number in range(50):
        for person in people.values():
            person.forget()
        await asyncio.gather(*(person.says("/deploy stg admin 1.4.2") for person in people.values()))
        release = (await chat.until(partial(_of_round, ledger, round_number), DEADLINE_S, lambda: "no release"))[-1]
        loser = next(person for user_id, person in people.items() if user_id != release["requested_by"])
        heard = await loser.hears("is locked")
        assert f"<@{release['requested_by']}> is releasing `1.4.2` since" in heard
        await chat.carol.says("/kajitori abort stg admin")
        await chat.until(
            lambda: True if not ledger.held_locks() else None, DEADLINE_S, lambda: "the lock is still held"
        )
    assert len(ledger.releases()) == 50
    assert {row["phase"] for row in ledger.releases()} == {"Aborted"}
    assert chat.patches() == []


def _of_round(ledger: Ledger, round_number: int) -> list[dict[str, object]] | None:
    found = ledger.releases()
    return found if len(found) > round_number else None


async def test_a_socket_that_breaks_off_in_mid_frame_costs_nothing(chat: Chat, ledger: Ledger) -> None:
    chat.sandbox.slack.order_fault(do="cut", socket=0)
    chat.sandbox.slack.order_fault(do="cut", socket=1)
    await chat.alice.says("/deploy stg admin 1.4.2")
    await chat.card(phase="Succeeded", service="admin")
    await both_sockets(chat)
    assert len(ledger.releases()) == 1
    assert len(chat.patches()) == 1


async def test_a_refresh_with_five_commands_in_flight_loses_none(chat: Chat) -> None:
    asked = [asyncio.create_task(chat.alice.says(f"/status stg {name}")) for name in ("admin", "web", "report")]
    asked += [asyncio.create_task(chat.bob.says(f"/status prd {name}", channel=PRD)) for name in ("admin", "web")]
    await asyncio.sleep(0)
    chat.sandbox.slack.order_fault(do="refresh", socket=0)
    await asyncio.gather(*asked)
    for words in ("admin", "web", "report"):
        await chat.alice.hears(words)
    for words in ("admin", "web"):
        await chat.bob.hears(words)
    assert chat.sandbox.slack.world.faults.counts["timeouts"] == 0
    await both_sockets(chat)


async def test_a_warning_leaves_no_moment_without_a_socket(chat: Chat) -> None:
    opened = chat.sandbox.slack.world.faults.counts["sockets_opened"]
    chat.sandbox.slack.order_fault(do="warning")

    def replaced() -> bool | None:
        assert chat.sandbox.slack.sockets.live, "deaf"
        return chat.sandbox.slack.world.faults.counts["sockets_opened"] >= opened + 2 or None

    await chat.until(replaced, DEADLINE_S, lambda: "the sockets were not replaced")
    await chat.alice.says("/deploy stg admin 1.4.2")
    await chat.card(phase="Succeeded", service="admin")


async def test_when_socket_mode_is_switched_off_the_bot_is_not_ready_and_does_not_hammer(chat: Chat) -> None:
    assert chat.bot is not None
    counts = chat.sandbox.slack.world.faults.counts
    opened = counts["urls_opened"]
    chat.sandbox.slack.order_fault(do="link_disabled")
    health = chat.bot.health
    await chat.until(lambda: health.faults().get("slack"), DEADLINE_S, lambda: "still ready")
    await asyncio.sleep(2)  # what must not happen needs a while to not happen in
    assert counts["urls_opened"] <= opened + 1


async def test_too_many_sockets_leave_one_that_serves(chat: Chat) -> None:
    chat.sandbox.slack.order_fault(do="too_many", socket=1)
    await chat.until(
        lambda: len(chat.sandbox.slack.sockets.live) == 1 or None, DEADLINE_S, lambda: "the crowded socket stays"
    )
    opened = chat.sandbox.slack.world.faults.counts["urls_opened"]
    await chat.alice.says("/deploy stg admin 1.4.2")
    await chat.card(phase="Succeeded", service="admin")
    assert chat.sandbox.slack.world.faults.counts["urls_opened"] == opened
