"""Freezes: closed for releases, open for rollbacks; set by the configuration, or by people with a word."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from bot.domain.catalog import Environment
from bot.domain.names import EnvironmentName, Reason, Span, UserId
from bot.domain.release import ReleaseKind
from bot.errors import UserError
from bot.reconcile.freezes import FreezeLoop
from bot.store import audit
from bot.usecases import freezes
from tests.chat import DEADLINE_S, PRD, STG, Chat, open_chat, payload, plain

FROZEN = "stg: {freezes: [{cron: '* * * * *', duration: 2h, reason: 'end of the year'}], "
OPS = UserId("U0OPS")


def stg(chat: Chat) -> Environment:
    assert chat.bot is not None
    return chat.bot.ctx.catalog.environments[EnvironmentName("stg")]


async def audited(chat: Chat) -> list[tuple[str, str, str]]:
    """Actor, action and words of every row about a freeze, refusals left out."""
    assert chat.bot is not None
    async with chat.bot.ctx.database.read() as connection:
        entries = [entry async for _, entry, _, _ in audit.rows(connection)]
    done = [each for each in entries if each.phase is audit.AuditPhase.RESULT]
    return [(each.actor, each.action, each.reason) for each in done if "freeze" in each.action]


async def test_a_frozen_environment_refuses_releases_says_until_when_and_still_rolls_back(tmp_path: Path) -> None:
    async with open_chat(tmp_path, change=lambda text: text.replace("stg: {", FROZEN, 1)) as chat:
        await chat.alice.says("/deploy stg admin 1.4.2")
        heard = await chat.alice.hears("`stg` is frozen: end of the year")
        assert "It opens again on" in heard
        assert "Rollbacks still work" in heard
        assert chat.patches() == []
        await chat.people["ops"].says("/unfreeze stg")
        await chat.people["ops"].hears("frozen by kajitori.yaml")
        await chat.alice.says("/rollback stg admin", channel=STG)
        card = await chat.card(phase="Succeeded", service="admin")
        assert payload(card)["kind"] == "rollback"


async def test_an_operator_freezes_and_opens_an_environment_and_its_channel_hears_of_both(chat: Chat) -> None:
    ops = chat.people["ops"]
    await ops.says("/freeze stg the database moves to new disks", channel=STG)
    card = await chat.says("🧊 \\*stg\\* is frozen until somebody ends it: the database moves to new disks")
    await chat.alice.says("/deploy stg admin 1.4.2")
    heard = await chat.alice.hears("`stg` is frozen: the database moves to new disks")
    assert "<@U0OPS> froze it at" in heard
    assert "Rollbacks still work" in heard
    assert chat.cards() == []
    await chat.alice.says("/freezes")
    heard = await chat.alice.hears("the database moves to new disks · by <@U0OPS>")
    assert "☀️ *prd* is open" in heard
    await chat.alice.presses("End the freeze", card)
    await chat.alice.hears("You need the role `operator` for `stg`")
    await ops.presses("End the freeze", card)
    await chat.until(
        lambda: sum("☀️ *stg* is open again: ended by <@U0OPS>" in plain(m) for m in chat.messages()) == 2 or None,
        DEADLINE_S,
        lambda: str([plain(m) for m in chat.messages()]),
    )  # the card, edited, and a message that notifies
    await ops.says("/unfreeze stg")
    await ops.hears("`stg` is not frozen")
    await chat.alice.says("/deploy stg admin 1.4.2")
    await chat.card(phase="Succeeded", service="admin")
    assert [each[:2] for each in await audited(chat)] == [("U0OPS", "freeze"), ("U0OPS", "unfreeze")]


async def test_a_freeze_ends_by_itself_with_a_word_once(chat: Chat) -> None:
    assert chat.bot is not None
    ctx = chat.bot.ctx
    closure = await freezes.freeze(ctx, stg(chat).name, Span("2h"), Reason("a move"), key="k1", by=OPS)
    assert closure.until == closure.since + timedelta(hours=2)
    later = replace(ctx, clock=lambda: closure.since + timedelta(hours=2))
    assert await freezes.in_force(ctx, stg(chat)) == (closure,)
    assert await freezes.in_force(later, stg(chat)) == (), "over on the minute, whatever the loop does"
    first, second = FreezeLoop(later), FreezeLoop(later)
    assert await first.turn() > 1
    await second.turn()
    await chat.says("is open again: its time is up")
    assert [each[:2] for each in await audited(chat)] == [("U0OPS", "freeze"), ("kajitori", "unfreeze")]


async def test_a_second_freeze_takes_the_place_of_the_first_and_a_repeated_request_changes_nothing(chat: Chat) -> None:
    assert chat.bot is not None
    ctx = chat.bot.ctx
    name = stg(chat).name
    first = await freezes.freeze(ctx, name, None, Reason("one"), key="k1", by=OPS)
    assert await freezes.freeze(ctx, name, None, Reason("one"), key="k1", by=OPS) == first
    second = await freezes.freeze(ctx, name, Span("30m"), Reason("two"), key="k2", by=OPS)
    assert await freezes.in_force(ctx, stg(chat)) == (second,)
    assert await freezes.freeze(ctx, name, None, Reason("one"), key="k1", by=OPS) == first, "after a crash: no third"
    assert await freezes.in_force(ctx, stg(chat)) == (second,)


async def test_only_a_rollback_goes_through_a_freeze(chat: Chat) -> None:
    assert chat.bot is not None
    ctx = chat.bot.ctx
    await freezes.freeze(ctx, stg(chat).name, None, Reason("one"), key="k1", by=OPS)
    refused = set()
    for kind in ReleaseKind:
        try:
            await freezes.refuse_frozen(ctx, stg(chat), kind)
        except UserError as error:
            refused.add((kind, error.code, error.who))
    assert refused == {(kind, "frozen", "U0OPS") for kind in ReleaseKind if kind is not ReleaseKind.ROLLBACK}


async def test_a_freeze_of_one_environment_leaves_the_others_open(chat: Chat) -> None:
    await chat.people["ops"].says("/freeze prd 2h a move", channel=PRD)
    await chat.says("🧊 \\*prd\\* is frozen until", channel=PRD)
    await chat.alice.says("/deploy stg admin 1.4.2")
    await chat.card(phase="Succeeded", service="admin")
