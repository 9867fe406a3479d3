"""Rollouts of Argo Rollouts, as a conversation: a release at their own steps, and canaries with steps of their own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.chat import Chat, Json, open_chat, plain
from tests.rollouts import as_rollout, install, make, stands

OWN_STEPS: list[Json] = [{"setWeight": 50}, {"pause": {}}, {"setWeight": 75}, {"pause": {}}]
TOLD = "(setWeight 50, pause, setWeight 75, pause)"


@pytest.fixture
async def chat(tmp_path: Path) -> AsyncIterator[Chat]:
    async with open_chat(tmp_path, change=as_rollout) as opened:
        await install(opened, OWN_STEPS)
        yield opened


async def test_a_canary_is_told_offered_and_taken_from_step_to_step_and_promoted(chat: Chat) -> None:
    await chat.alice.says("/canary stg admin 1.4.2 10%")
    heard = await chat.alice.hears("10 % asked")
    assert "The Rollout counts pods: you get 1 of 5 = 20 %." in heard
    assert f"{TOLD} are set aside for this canary" in heard
    assert stands(chat) == ("1.4.1", OWN_STEPS, False)
    await chat.alice.presses("Begin with 20 %", chat.alice.last_heard())
    first = await chat.card(phase="Progressing", text="gets 20 %")
    assert "by steps of the Rollout" in plain(first)
    await chat.alice.presses("Next: 25 %", first)
    second = await chat.card(phase="Progressing", text="gets 25 %")
    await chat.alice.presses("Next: 50 %", second)
    third = await chat.card(phase="Progressing", text="gets 50 %")
    assert "2 of 4 pods = 50 %" in plain(third)
    await chat.alice.presses("Promote", third)
    await chat.card(phase="Succeeded", text="was promoted: everybody gets it now")
    assert stands(chat) == ("1.4.2", OWN_STEPS, False)


async def test_a_release_waits_at_the_rollouts_own_pause_and_an_abort_takes_it_back(chat: Chat) -> None:
    await chat.alice.says("/deploy stg admin 1.4.2")
    card = await chat.card(phase="Paused", text="pauses at its own step 2 of 4")
    assert "kubectl argo rollouts promote admin -n admin" in plain(card)
    await chat.alice.presses("Abort", card)
    await chat.card(phase="Aborted", text="serves again")
    assert stands(chat) == ("1.4.1", OWN_STEPS, False)
    await chat.alice.says("/canary stg admin 1.4.2 25%")
    await chat.alice.hears("25 % asked")
    await chat.alice.presses("Begin with 25 %", chat.alice.last_heard())
    canary = await chat.card(phase="Progressing", text="gets 25 %")
    await chat.alice.presses("Abort", canary)
    await chat.card(phase="Aborted", text="was taken down")
    assert stands(chat) == ("1.4.1", OWN_STEPS, False)


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        (None, "has no rollout `admin`"),
        ({"strategy": {"blueGreen": {"activeService": "admin"}}}, "is a blue-green one"),
        ({"workloadRef": {"kind": "Deployment", "name": "web"}}, "takes its pods from `deployment/web`"),
    ],
)
async def test_a_rollout_that_cannot_be_released_is_refused_with_its_reason(
    chat: Chat, spec: Json | None, told: str
) -> None:
    if spec is not None:
        make(chat, "prd", {"strategy": {"canary": {}}, **spec})
    await chat.carol.says("/deploy prd admin 1.4.1")
    assert told in await chat.carol.hears("rollout|Rollout")
