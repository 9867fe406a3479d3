"""Locks of people and of rollbacks, the line before a target, and emergencies, in the chat."""

import json
from typing import Any

from tests.chat import STG, Chat, plain


def told(chat: Chat, pattern: str, channel: str = STG) -> Any:
    """Wait for a message of the bot in a channel, as it stands at last."""
    return chat.says(pattern, channel=channel)


async def test_a_lock_keeps_others_out_until_its_holder_releases_it(chat: Chat) -> None:
    await chat.alice.says("/lock stg admin 45m schema migration")
    card = await told(chat, r"\*stg/admin\* is locked by <@U0ALICE>")
    assert "schema migration" in plain(card)
    await chat.bob.says("/deploy stg admin 1.4.2")
    heard = await chat.bob.hears("is locked by")
    assert "<@U0ALICE>" in heard
    assert "schema migration" in heard
    await chat.bob.says("/status stg admin")
    await chat.bob.hears(r"🔒 <@U0ALICE> holds it since")
    # Its holder may release there; a rollback of anybody's goes through and says past whose lock.
    await chat.alice.says("/deploy stg admin 1.4.2")
    await chat.card(phase="Succeeded", text="`1.4.2` runs")
    await chat.bob.says("/rollback stg admin")
    back = await chat.card(phase="Succeeded", text="`1.4.1` runs")
    assert "past the lock of <@U0ALICE>" in plain(back)
    await chat.alice.presses("Release", card)
    await told(chat, r"\*stg/admin\* is open again: <@U0ALICE> released it")


async def test_a_line_is_told_its_turn_when_the_target_is_free(chat: Chat) -> None:
    await chat.alice.says("/lock stg web 1h load test")
    lock = await told(chat, r"\*stg/web\* is locked by <@U0ALICE>")
    await chat.bob.says("/deploy stg web 2.3.0")
    await chat.bob.hears("is locked by")
    await chat.bob.presses("Queue 2.3.0", chat.bob.last_heard())
    await chat.bob.hears("You wait in line")
    await chat.alice.says("/queue")
    assert "<@U0BOB>" in await chat.alice.hears("`2.3.0`")
    await chat.alice.presses("Release", lock)
    turn = await told(chat, r"<@U0BOB>, it is your turn")
    # During the turn nobody else goes before.
    await chat.alice.says("/deploy stg web 2.3.0")
    assert "<@U0BOB>" in await chat.alice.hears("Others are before you")
    await chat.alice.presses("Start now", turn)
    await chat.alice.hears("This is the place of <@U0BOB>")
    await chat.bob.presses("Start now", turn)
    await chat.card(phase="Succeeded", service="web", text="`2.3.0` runs")
    await told(chat, r"<@U0BOB> waited and has started")


async def test_a_rollback_keeps_other_versions_out_until_somebody_writes_why_it_is_safe(chat: Chat) -> None:
    await chat.alice.says("/rollback stg admin 1.4.0 orders are lost")
    await chat.card(phase="Succeeded", text="`1.4.0` runs")
    await told(chat, r"\*stg/admin\* is locked: <@U0ALICE> rolled back from `1\.4\.1`")
    await chat.bob.says("/deploy stg admin 1.4.2")
    assert "orders are lost" in await chat.bob.hears(r"was rolled back from `1\.4\.1` by <@U0ALICE>")
    await chat.bob.presses("It is safe", chat.bob.last_heard())
    form = await chat.bob.form()
    await chat.bob.submits(form, environment="stg", service="admin", reason="the index is back")
    await told(chat, r"<@U0BOB> says that it is safe to go on: the index is back")
    await chat.bob.says("/deploy stg admin 1.4.2")
    await chat.card(phase="Succeeded", text="`1.4.2` runs")


async def test_a_lock_of_somebody_else_is_taken_off_with_a_reason_and_a_word_to_them(chat: Chat) -> None:
    await chat.alice.says("/lock stg network maintenance")
    await told(chat, r"\*stg\* is locked by <@U0ALICE>")
    await chat.bob.says("/unlock stg")
    await chat.bob.hears("say why you take it off")
    await chat.bob.says("/unlock stg they went home")
    await told(chat, r"<@U0ALICE>, <@U0BOB> took off your lock of \*stg\*: they went home")


async def cordon(chat: Chat, node: str, *, closed: bool) -> None:
    """`kubectl cordon` or `uncordon`; the bot looks at once rather than in some seconds."""
    headers = {
        "Authorization": f"Bearer {chat.sandbox._kube_token}",
        "Content-Type": "application/merge-patch+json",
    }
    body = json.dumps({"spec": {"unschedulable": closed}})
    async with chat._http.patch(f"/clusters/stg/api/v1/nodes/{node}", headers=headers, data=body) as response:
        assert response.status == 200, await response.text()
    assert chat.bot is not None
    chat.bot.ctx.bells.emergencies.ring()


async def test_an_emergency_stops_releases_and_ends_when_all_is_ready(chat: Chat) -> None:
    await chat.alice.says("/emergency stg start upgrade to 1.33")
    await told(chat, r"Emergency in \*stg\*: upgrade to 1\.33(?s:.*)kubelet")
    await chat.bob.says("/deploy stg admin 1.4.2")
    assert "upgrade to 1.33" in await chat.bob.hears("Releases to `stg` are stopped by <@U0ALICE>")
    await chat.bob.says("/rollback stg admin")
    await chat.card(phase="Succeeded", service="admin")
    await cordon(chat, "node-0", closed=True)
    await told(chat, r"🚧 `node-0` `v[^`]+` (draining|cordoned)")
    await chat.alice.says("/emergency stg end")
    assert "node-0 is cordoned" in await chat.alice.hears("`stg` is not ready yet, so the emergency goes on")
    await chat.alice.says("/emergency stg end anyway it is late")
    await chat.alice.hears("You need the role `operator`")
    await cordon(chat, "node-0", closed=False)
    await told(chat, r"all nodes and services of \*stg\* are ready again")
    await chat.alice.says("/emergency stg end")
    await told(chat, r"The emergency in \*stg\* is over: all is ready again")
