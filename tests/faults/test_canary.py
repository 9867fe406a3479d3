"""A canary while Datadog hangs and Slack refuses every call: an abort takes it down all the same, and is told later."""

from tests.chat import DEADLINE_S, Chat
from tests.crash.bot_process import Ledger


async def test_an_abort_is_effective_while_datadog_hangs_and_slack_takes_no_message(chat: Chat, ledger: Ledger) -> None:
    hanging = chat.sandbox.datadog.faults.add("hang", times=None, path="/query", seconds=600)
    await chat.alice.says("/canary stg admin 1.4.2 25% 50% every 10s")
    card = await chat.card(phase="Progressing", text="gets 25 %")
    await chat.until(lambda: hanging.fired or None, DEADLINE_S, lambda: "Datadog was not asked")
    for method in ("chat.postMessage", "chat.update", "chat.postEphemeral"):
        chat.sandbox.slack.order_fault(do="reset", method=method, times=None)
    await chat.bob.presses("Abort", card)
    await chat.until(
        lambda: ledger.releases()[0]["phase"] == "Aborted" or None, DEADLINE_S, lambda: ledger.releases()[0]["phase"]
    )
    assert [each.method for each in chat.patches()].count("DELETE") == 1
    assert ledger.held_locks() == []
    chat.sandbox.slack.world.faults.clear()
    await chat.card(phase="Aborted", text="was taken down", within_s=60)
    chat.sandbox.datadog.faults.clear()
