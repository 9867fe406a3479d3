"""Slack that limits, stumbles, hangs, forgets and refuses: nothing twice, nothing lost, others go on."""

import asyncio
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from tests.chat import DEADLINE_S, GENERAL, OPS, PRD, STG, UNHURRIED, Chat, open_chat, payload, plain, running_bot
from tests.crash.bot_process import Ledger
from tests.faults.conftest import both_sockets


@pytest.mark.parametrize("method", ["chat.postMessage", "chat.update"])
async def test_after_a_429_the_method_rests_for_as_long_as_slack_says(chat: Chat, method: str) -> None:
    chat.sandbox.slack.order_fault(do="ratelimit", method=method, retry_after=3)
    await chat.alice.says("/deploy stg admin 1.4.2")
    await chat.bob.says("/deploy stg web 2.3.0")
    await chat.card(phase="Succeeded", service="admin")
    await chat.card(phase="Succeeded", service="web")
    calls = chat.calls(method)
    limited = next(n for n, call in enumerate(calls) if call["status"] == 429)
    assert calls[limited + 1]["time"] >= calls[limited]["time"] + 3
    assert [call["status"] for call in calls].count(429) == 1
    assert len(chat.cards()) == 2


async def test_edits_that_wait_are_collapsed_into_the_newest(chat: Chat, ledger: Ledger) -> None:
    chat.sandbox.slack.order_fault(do="ratelimit", method="chat.update", retry_after=4)
    chat.sandbox.registry.publish("growlio/admin", "1.4.3-slow")
    await chat.alice.says("/deploy stg admin 1.4.3-slow")
    await chat.until(partial(_limited, chat, "chat.update"), DEADLINE_S, lambda: "no edit was limited")
    chat.hurry()
    await chat.until(
        lambda: ledger.releases()[0]["phase"] == "Succeeded" or None, DEADLINE_S, lambda: ledger.releases()[0]["phase"]
    )
    before = len(chat.calls("chat.update"))
    await chat.card(phase="Succeeded", service="admin")
    assert len(chat.calls("chat.update")) - before <= 2, "one may have been on its way, then the newest"


def _limited(chat: Chat, method: str) -> bool | None:
    return any(call["status"] == 429 for call in chat.calls(method)) or None


@pytest.mark.parametrize("fault", ["accept_then_500", "accept_then_close"])
async def test_a_post_that_slack_took_without_saying_so_is_found_and_not_repeated(
    chat: Chat, ledger: Ledger, fault: str
) -> None:
    chat.sandbox.slack.order_fault(do=fault, method="chat.postMessage")
    await chat.alice.says("/deploy stg admin 1.4.2")
    await chat.card(phase="Succeeded", service="admin")
    await _settled(chat, ledger)
    assert len(chat.cards()) == 1
    assert len(chat.calls("chat.postMessage")) == 1


async def test_a_post_that_slack_never_took_is_made_after_two_looks(chat: Chat, ledger: Ledger) -> None:
    chat.sandbox.slack.order_fault(do="reset", method="chat.postMessage")
    await chat.alice.says("/deploy stg admin 1.4.2")
    await chat.card(phase="Succeeded", service="admin")
    await _settled(chat, ledger)
    assert len(chat.cards()) == 1
    assert len(chat.calls("conversations.history")) == 2


async def test_a_post_of_unknown_fate_is_not_repeated_when_the_channel_cannot_be_read(
    chat: Chat, ledger: Ledger
) -> None:
    chat.sandbox.slack.order_fault(do="accept_then_500", method="chat.postMessage", channel=STG)
    chat.sandbox.slack.order_fault(do="error", error="not_in_channel", method="conversations.history")
    await chat.alice.says("/deploy stg admin 1.4.2")
    await chat.says("I can't post in", channel=OPS)
    await chat.until(
        lambda: ledger.releases()[0]["phase"] == "Succeeded" or None,
        DEADLINE_S,
        lambda: ledger.releases()[0]["phase"],
    )
    states = [
        row["state"] for row in ledger.rows("SELECT state FROM outbox WHERE subject LIKE 'release:%' ORDER BY id")
    ]
    assert states[0] == "ambiguous"
    assert len(chat.cards()) == 1


@pytest.mark.slow
async def test_a_post_that_hangs_is_found_and_not_repeated(chat: Chat, ledger: Ledger) -> None:
    chat.sandbox.slack.order_fault(do="accept_then_hang", method="chat.postMessage", seconds=12)
    await chat.alice.says("/deploy stg admin 1.4.2")
    await chat.bob.says("/deploy prd admin 1.4.1", channel=PRD)
    await chat.card(phase="AwaitingApproval")
    assert chat.calls("conversations.history") == [], "the other channel has waited for this one to be given up"
    await chat.card(phase="Succeeded", service="admin")
    await _settled(chat, ledger)
    assert len(chat.cards(STG)) == 1


async def test_a_reply_to_a_mention_that_slack_took_without_saying_so_stands_once(chat: Chat, ledger: Ledger) -> None:
    chat.sandbox.slack.order_fault(do="accept_then_500", method="chat.postMessage")
    await chat.alice.says("<@U0KAJITORI> status stg admin")
    await chat.says("1.4.1")
    await _settled(chat, ledger)
    assert len([m for m in chat.messages(STG) if m.get("bot_id")]) == 1


@pytest.mark.parametrize("fault", [{"do": "ratelimit", "retry_after": 1}, {"do": "hang", "seconds": 600}])
async def test_while_auth_test_does_not_answer_the_bot_takes_nothing_in(
    tmp_path: Path, fault: dict[str, object]
) -> None:
    async with open_chat(tmp_path, with_bot=False) as chat:
        rule = chat.sandbox.slack.order_fault(method="auth.test", times=None, **fault)
        starting = asyncio.create_task(_says_when_up(chat))
        await chat.until(lambda: rule.fired or None, DEADLINE_S, lambda: "auth.test was not asked")
        with pytest.raises(AssertionError, match="dispatch_failed"):
            await chat.alice.says("/deploy stg admin 1.4.2")
        rule.left = 0
        await starting
        assert len(Ledger(tmp_path).releases()) == 1


async def _says_when_up(chat: Chat) -> None:
    async with running_bot(chat):
        await chat.alice.says("/deploy stg admin 1.4.2")
        await chat.card(phase="Succeeded", service="admin")


async def test_a_channel_that_refuses_is_parked_and_the_operators_hear_of_it_once(chat: Chat, ledger: Ledger) -> None:
    chat.sandbox.slack.order_fault(do="error", error="is_archived", method="chat.postMessage", channel=STG, times=None)
    await chat.alice.says("/deploy stg admin 1.4.2")
    await chat.bob.says("/deploy stg web 2.3.0")
    await chat.says("I can't post in", channel=OPS)
    await chat.alice.says("/deploy prd admin 1.4.1", channel=PRD)
    waiting = await chat.card(phase="AwaitingApproval")
    await chat.bob.presses("Approve", waiting)
    await chat.card(phase="Succeeded")

    def over() -> bool | None:
        return {row["phase"] for row in ledger.releases()} == {"Succeeded"} or None

    await chat.until(over, DEADLINE_S, lambda: f"{[row['phase'] for row in ledger.releases()]}")
    assert len([m for m in chat.messages(OPS) if "is_archived" in plain(m)]) == 1
    assert chat.cards(STG) == []


async def test_an_answer_whose_response_url_has_expired_is_whispered(tmp_path: Path) -> None:
    async with open_chat(tmp_path, timing=replace(UNHURRIED, response_url_s=0.0)) as chat:
        await chat.alice.says("/deploy stg admin 1.4.2", channel=GENERAL)
        await chat.alice.hears("Follow it in #deploys-stg")
        assert len(chat.calls("chat.postEphemeral")) == 1


async def test_a_form_that_slack_no_longer_lets_us_open_is_offered_by_a_button(chat: Chat) -> None:
    chat.sandbox.slack.order_fault(do="error", error="expired_trigger_id", method="views.open")
    await chat.alice.says("/deploy")
    await chat.alice.hears("[Oo]pen")
    offer = chat.alice.last_heard()
    await chat.alice.presses("[Oo]pen", offer)
    view = await chat.alice.form()
    await chat.alice.submits(view, environment="stg", service="web", version="2.3.0")
    card = await chat.card(service="web", phase="Succeeded")
    assert payload(card)["to_version"] == "2.3.0"


async def test_after_a_network_cut_everything_that_waited_is_said_once(chat: Chat, ledger: Ledger) -> None:
    rule = chat.sandbox.slack.order_fault(do="reset", method="chat.postMessage", times=None)
    await chat.alice.says("/deploy stg admin 1.4.2")
    await chat.bob.says("/deploy stg web 2.3.0")
    await chat.until(lambda: rule.fired or None, DEADLINE_S, lambda: "nothing was sent")
    rule.left = 0
    await chat.card(phase="Succeeded", service="admin")
    await chat.card(phase="Succeeded", service="web")
    await _settled(chat, ledger)
    assert sorted(payload(card)["service"] for card in chat.cards(STG)) == ["admin", "web"]
    await both_sockets(chat)


async def _settled(chat: Chat, ledger: Ledger) -> None:
    await chat.until(lambda: None if ledger.unfinished() else True, DEADLINE_S, lambda: f"{ledger.unfinished()}")
