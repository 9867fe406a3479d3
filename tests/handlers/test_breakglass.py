"""Breaking the glass: past approvals and freezes, told loudly, open until somebody else has looked."""

import pytest

from bot.domain.names import EnvironmentName, Reason, ReleaseId, UserId
from bot.errors import UserError
from bot.store import audit
from bot.usecases import breakglass, freezes
from tests.chat import OPS, PRD, Chat, payload, plain

PAST = '1 approval, the freeze "weekend" and the lock "the schema moves"'


async def test_an_operator_goes_past_approvals_and_freezes_and_somebody_else_reviews_it(chat: Chat) -> None:
    assert chat.bot is not None
    ctx, ops = chat.bot.ctx, chat.people["ops"]
    await freezes.freeze(ctx, EnvironmentName("prd"), None, Reason("weekend"), key="k", by=UserId("U0OPS"))
    await chat.alice.says("/lock prd admin 1h the schema moves", channel=PRD)
    await chat.says("the schema moves", channel=PRD)
    await chat.bob.says("/breakglass prd admin 1.4.1 the login is down", channel=PRD)
    await chat.bob.hears("You need the role `operator` for `admin` in `prd`")
    await ops.says("/breakglass prd admin 1.4.1 the login is down", channel=PRD)
    done = await chat.card(phase="Succeeded", service="admin")
    assert "*Break-glass*, past the rules: the login is down" in plain(done)
    item = await chat.says("🚨 Break-glass: <@U0OPS> releases \\*admin\\*", channel=PRD)
    assert f"past {PAST}" in plain(item)
    await chat.says("🚨 Break-glass: <@U0OPS>", channel=OPS)
    await chat.alice.says("/kajitori reviews", channel=PRD)
    await chat.alice.hears("1 break-glass release waits for a review")
    release_id = ReleaseId(payload(done)["release"])
    with pytest.raises(UserError) as refused:
        await breakglass.close(ctx, release_id, "fine", by=UserId("U0OPS"))
    assert refused.value.code == "self_review"
    await chat.alice.presses("Reviewed…", item)
    await chat.alice.hears("You need the role `approver` for `admin` in `prd`")
    await chat.bob.presses("Reviewed…", item)
    await chat.bob.submits(await chat.bob.form(), words="the fix was right, the test follows")
    await chat.says("\\*Reviewed\\* by <@U0BOB>: the fix was right, the test follows", channel=PRD)
    assert await breakglass.open_reviews(ctx) == []
    with pytest.raises(UserError) as refused:
        await breakglass.close(ctx, release_id, "me too", by=UserId("U0CAROL"))
    assert (refused.value.code, refused.value.who) == ("reviewed_before", "U0BOB")
    async with ctx.database.read() as connection:
        told = [
            (each.actor, each.action, each.reason)
            async for _, each, _, _ in audit.rows(connection)
            if each.action.startswith("breakglass") and each.phase is not audit.AuditPhase.DENIED
        ]
    assert told == [
        ("U0OPS", "breakglass", f"past {PAST}: the login is down"),
        ("U0BOB", "breakglass.review", "the fix was right, the test follows"),
    ]


async def test_where_there_is_no_glass_none_is_broken_and_a_lock_is_none(chat: Chat) -> None:
    chat.sandbox.registry.publish("growlio/admin", "1.4.3-slow")
    ops = chat.people["ops"]
    await ops.says("/breakglass stg admin 1.4.2 quick")
    await ops.hears("there is no glass to break")
    assert chat.bot is not None
    await chat.alice.says("/deploy stg admin 1.4.3-slow")
    await chat.card(phase="Progressing", service="admin")  # it stands still until somebody hurries it
    await freezes.freeze(chat.bot.ctx, EnvironmentName("stg"), None, Reason("x y"), key="k", by=UserId("U0OPS"))
    await ops.says("/breakglass stg admin 1.4.2 quick")
    await ops.hears("is locked: <@U0ALICE> is releasing")
    assert await breakglass.open_reviews(chat.bot.ctx) == []
    assert len(chat.patches()) == 1
