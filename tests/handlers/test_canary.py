"""/canary: asked for, offered honestly, moved by hand, promoted, aborted; as a conversation."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.chat import DEADLINE_S, Chat, Json, open_chat, payload, plain

SLOW_STEPS = "interval: 1h"
"""So that only people move it."""


def patient(configuration: str) -> str:
    return configuration.replace("interval: 30s", SLOW_STEPS)


@pytest.fixture
async def chat(tmp_path: Path) -> AsyncIterator[Chat]:
    async with open_chat(tmp_path, change=patient) as opened:
        yield opened


async def begun(chat: Chat, line: str = "/canary stg admin 1.4.2 25%") -> Json:
    """A canary at its share."""
    await chat.alice.says(line)
    return await chat.card(phase="Progressing", text="gets 25 %")


async def test_a_share_far_from_what_pods_can_give_is_offered_first(chat: Chat) -> None:
    await chat.alice.says("/canary stg admin 1.4.2 10%")
    heard = await chat.alice.hears("10 % asked")
    assert "With pods alone you get 1 of 4 = 25 %. 9 stable pods, or an HTTPRoute, give 10 %." in heard
    assert "Nothing was started" in heard
    assert chat.patches() == []
    await chat.alice.presses("Begin with 25 %", chat.alice.last_heard())
    card = await chat.card(phase="Progressing", text="gets 25 %")
    assert "10 % asked, 1 of 4 pods = 25 %" in plain(card)
    assert "step 1 of 3" in plain(card)


async def test_a_canary_is_moved_held_and_taken_down_by_its_buttons(chat: Chat) -> None:
    card = await begun(chat)
    await chat.alice.presses("Pause", card)
    paused = await chat.card(phase="Paused", text="is paused at 25 %")
    await chat.alice.presses("Resume", paused)
    running = await chat.card(phase="Progressing", text="gets 25 %")
    await chat.alice.presses("Next: 50 %", running)
    further = await chat.card(phase="Progressing", text="3 of 6 pods = 50 %")
    await chat.alice.presses("Abort", further)
    over = await chat.card(phase="Aborted", text="was taken down")
    assert "`1.4.1` serves everybody, as before." in plain(over)
    assert [r.method for r in chat.patches()].count("DELETE") == 1


async def test_a_promotion_is_a_release_of_its_own_and_the_twin_goes_after_it(chat: Chat) -> None:
    card = await begun(chat)
    await chat.alice.presses("Promote", card)
    await chat.card(phase="Succeeded", text="was promoted: everybody gets it now")
    promotion = await chat.card(phase="Succeeded", text="`1.4.2` runs in")
    assert payload(promotion)["kind"] == "promote"
    await chat.alice.says("/status stg admin")
    assert "1.4.2" in await chat.alice.hears("admin")
    deleted = [r for r in chat.patches() if r.method == "DELETE"]
    assert [r.path.rpartition("/")[2] for r in deleted] == ["admin-canary"]


async def test_only_one_release_moves_at_a_target(chat: Chat) -> None:
    await begun(chat)
    await chat.bob.says("/deploy stg admin 1.4.0")
    assert "locked" in await chat.bob.hears("locked")
    await chat.alice.says("/canary stg admin 1.4.0 50%")
    heard = await chat.alice.hears("already has a canary of")
    assert "/canary abort stg admin" in heard
    await chat.alice.says("/canary stg admin 25% 50% every 10m")
    assert "/canary stg admin 25%" in await chat.alice.hears("its plan can't be changed while it runs")


async def test_a_running_canary_is_meant_when_nothing_else_is_said(chat: Chat) -> None:
    await begun(chat)
    await chat.alice.says("/canary 50%")
    await chat.card(phase="Progressing", text="3 of 6 pods = 50 %")
    await chat.alice.says("/canary status")
    assert "the share was set by hand" in await chat.alice.hears("set by hand")
    await chat.alice.says("/canary 33%")
    assert "With pods alone you get 2 of 5 = 40 %." in await chat.alice.hears("33 % asked")
    await chat.alice.presses("Go to 40 %", chat.alice.last_heard())
    await chat.card(phase="Progressing", text="33 % asked, 2 of 5 pods = 40 %")
    await chat.alice.says("/canary abort")
    await chat.card(phase="Aborted", text="was taken down")


async def test_what_is_left_out_and_unknown_is_asked_by_a_form(chat: Chat) -> None:
    await chat.alice.says("/canary 10%")
    view = await chat.alice.form()
    answer = await chat.alice.submits(view, environment="stg", service="admin", version="1.4.2", share="25%")
    assert answer["ok"], answer
    await chat.card(phase="Progressing", text="gets 25 %")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("/canary stg admin 0%", "abort"),
        ("/canary stg admin 100%", "promote"),
        ("/canary stg admin 1000%", "1 to 99"),
        ("/canary stg amdin 10%", "Did you mean `admin`"),
    ],
)
async def test_a_slip_is_answered_with_the_acknowledgement(chat: Chat, line: str, told: str) -> None:
    assert told in await chat.alice.says(line)


async def test_a_batch_can_have_no_canary(chat: Chat) -> None:
    await chat.alice.says("/canary stg report 3.1.0 10%")
    assert "only Deployments" in await chat.alice.hears("can't have a canary")


@pytest.mark.parametrize(("service", "version", "asked"), [("admin", "1.4.2", 25), ("web", "2.3.0", 10)])
async def test_as_many_requests_reach_it_as_its_card_says(chat: Chat, service: str, version: str, asked: int) -> None:
    traffic = chat.sandbox.clusters["stg"].traffic
    traffic.set_rate(service, service, 2000.0)
    await chat.alice.says(f"/canary stg {service} {version} {asked}%")
    card = await chat.card(phase="Progressing", text=f"gets {asked} %")
    told = re.search(r"pods = ([\d.]+) %|([\d.]+) % reached", plain(card))
    assert told is not None, plain(card)

    def counted() -> dict[str, int]:
        return {tag: counts.requests for app, tag, counts in traffic.counters() if app == service}

    before = counted()

    def fresh() -> dict[str, int] | None:
        since = {tag: count - before.get(tag, 0) for tag, count in counted().items()}
        return since if sum(since.values()) >= 2000 else None

    since = await chat.until(fresh, DEADLINE_S, lambda: f"{counted()}")
    share = 100 * since[version] / sum(since.values())
    assert abs(share - float(told[1] or told[2])) < 2, since


async def test_prd_asks_a_second_person_before_the_first_pod(chat: Chat) -> None:
    await chat.alice.says("/canary prd admin 1.4.1 25%")
    card = await chat.card(phase="AwaitingApproval", text="waits for approval")
    assert chat.patches("prd") == []
    await chat.carol.presses("Approve", card)
    await chat.card(phase="Progressing", text="gets 25 %")


async def test_a_version_that_crashes_is_told_and_asked_about_or_taken_down(chat: Chat) -> None:
    chat.sandbox.registry.publish("growlio/admin", "1.4.3-crash")
    await chat.alice.says("/canary stg admin 1.4.3-crash 25%")
    over = await chat.card(phase="Failed", text="failed and is gone", within_s=60)
    assert "crashes" in plain(over)
