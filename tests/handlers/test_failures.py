"""Releases that fail: why, before the pods vanish; and the ways out."""

import asyncio
import re

from tests.chat import DEADLINE_S, Chat, payload, plain


async def test_an_image_that_does_not_exist_fails_with_the_reason_and_rolls_back_by_a_button(chat: Chat) -> None:
    chat.sandbox.registry.publish("growlio/admin", "1.4.3-broken")
    await chat.alice.says("/deploy stg admin 1.4.3-broken")
    failed = await chat.card(phase="Failed", service="admin")
    words = plain(failed)
    assert "the image does not exist" in words
    assert "3 of 3 pods are ready and serve" in words
    assert "*Next:*" in words
    await chat.alice.presses("Roll back to 1.4.1", failed)
    back = await chat.card(phase="Succeeded", text="`1.4.1` runs")
    assert payload(back)["kind"] == "rollback"


async def test_a_double_click_on_roll_back_rolls_back_once(chat: Chat) -> None:
    await chat.alice.says("/deploy stg admin 1.4.2")
    done = await chat.card(phase="Succeeded")
    await asyncio.gather(chat.alice.presses("Roll back", done), chat.alice.presses("Roll back", done))
    await chat.alice.hears("out of date|is locked|now has|has now")
    await chat.card(phase="Succeeded", text="`1.4.1` runs")
    assert len(chat.cards()) == 2
    assert len(chat.patches()) == 2


async def test_a_crash_loop_fails_with_exit_code_and_last_words_in_the_thread(chat: Chat) -> None:
    chat.sandbox.registry.publish("growlio/admin", "1.4.3-crash")
    await chat.kubectl("stg", "admin", "deployments", "admin", deadline_s=6)
    await chat.alice.says("/deploy stg admin 1.4.3-crash")
    failed = await chat.card(phase="Failed", service="admin")
    assert "it crashes after its start" in plain(failed)
    note = await chat.says("Last words of")
    assert note["thread_ts"] == failed["ts"]


async def test_an_abort_puts_the_old_version_back(chat: Chat) -> None:
    chat.sandbox.registry.publish("growlio/admin", "1.4.3-slow")
    await chat.alice.says("/deploy stg admin 1.4.3-slow")
    moving = await chat.card(phase="Progressing", text="of 3 pods updated")
    await chat.bob.presses("Abort", moving)
    over = await chat.card(phase="Aborted", service="admin")
    words = plain(over)
    assert "1.4.1 serves again with 3 of 3 pods" in words
    assert "aborted by <@U0BOB>" in words
    assert len(chat.patches()) == 2


async def test_of_two_who_abort_the_second_learns_that_the_first_did(chat: Chat) -> None:
    chat.sandbox.registry.publish("growlio/admin", "1.4.3-slow")
    await chat.alice.says("/deploy stg admin 1.4.3-slow")
    moving = await chat.card(phase="Progressing", text="of 3 pods updated")
    await asyncio.gather(chat.bob.presses("Abort", moving), chat.carol.presses("Abort", moving))

    def refused() -> str | None:
        heard = [plain(each) for person in (chat.bob, chat.carol) for each in person.heard]
        return next((text for text in heard if re.search("stopped it before you|It is over already", text)), None)

    await chat.until(refused, DEADLINE_S, lambda: "nobody learnt that the other did")
    await chat.card(phase="Aborted", service="admin")
    assert len(chat.patches()) == 2


async def test_retry_asks_for_the_same_version_again(chat: Chat) -> None:
    chat.sandbox.registry.publish("growlio/admin", "1.4.3-slow")
    await chat.alice.says("/deploy stg admin 1.4.3-slow")
    moving = await chat.card(phase="Progressing", text="of 3 pods updated")
    await chat.alice.presses("Abort", moving)
    over = await chat.card(phase="Aborted", service="admin")
    await chat.alice.presses("Retry", over)
    chat.hurry()
    again = await chat.card(phase="Succeeded", service="admin")
    assert payload(again)["to_version"] == "1.4.3-slow"


async def test_somebody_elses_change_supersedes_and_is_named(chat: Chat) -> None:
    chat.sandbox.registry.publish("growlio/admin", "1.4.3-slow")
    await chat.alice.says("/deploy stg admin 1.4.3-slow")
    await chat.card(phase="Progressing", text="of 3 pods updated")
    await chat.kubectl("stg", "admin", "deployments", "admin", image="growlio/admin:1.4.0", manager="kubectl-set")
    over = await chat.card(phase="Superseded", service="admin")
    assert "kubectl-set" in plain(over)


async def test_a_paused_deployment_is_told_and_goes_on_when_resumed(chat: Chat) -> None:
    chat.sandbox.registry.publish("growlio/admin", "1.4.3-slow")
    await chat.alice.says("/deploy stg admin 1.4.3-slow")
    await chat.card(phase="Progressing", text="of 3 pods updated")
    await chat.kubectl("stg", "admin", "deployments", "admin", paused=True)
    await chat.card(phase="Paused", service="admin")
    await chat.kubectl("stg", "admin", "deployments", "admin", paused=False)
    chat.hurry()
    await chat.card(phase="Succeeded", service="admin")
