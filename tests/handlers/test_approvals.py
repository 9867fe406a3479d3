"""Approvals, as people give and refuse them; what they bind to, and what they allow."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bot.context import Context
from bot.domain.catalog import Grant, Role
from bot.domain.names import EnvironmentName, Reason, ReleaseId, UserId
from bot.domain.release import Release, ReleasePhase
from bot.errors import UserError
from bot.reconcile.releases import ReleaseLoop
from bot.store import approvals as rows
from bot.store import releases as store
from bot.usecases import approvals, freezes
from tests.chat import PRD, Chat, payload, plain

BOB, CAROL = UserId("U0BOB"), UserId("U0CAROL")


async def asked(chat: Chat) -> Release:
    """A release of admin to prd that waits, its approvers called."""
    await chat.alice.says("/deploy prd admin 1.4.1", channel=PRD)
    card = await chat.card(phase="AwaitingApproval")
    await chat.says("one yes is needed", channel=PRD)
    return await row(chat, payload(card)["release"])


async def row(chat: Chat, release_id: str) -> Release:
    async with context(chat).database.read() as connection:
        release = await store.get(connection, ReleaseId(release_id))
    assert release is not None
    return release


def context(chat: Chat) -> Context:
    assert chat.bot is not None
    return chat.bot.ctx


def two_needed(chat: Chat) -> Context:
    """The same bot, had kajitori.yaml asked for two."""
    ctx = context(chat)
    prd = ctx.catalog.environments[EnvironmentName("prd")]
    environments = {**ctx.catalog.environments, prd.name: replace(prd, approvals=2)}
    return replace(ctx, catalog=replace(ctx.catalog, environments=environments))


def at(chat: Chat, moment: datetime) -> Context:
    return replace(context(chat), clock=lambda: moment)


async def turn(ctx: Context) -> None:
    """One turn of a release loop that lives by that clock."""
    loop = ReleaseLoop(ctx)
    await loop.turn()
    await loop.crew.settle(30)


async def test_a_no_ends_it_with_the_reason_and_a_word_to_who_asked(chat: Chat) -> None:
    release = await asked(chat)
    card = await chat.card(phase="AwaitingApproval")
    await chat.dave.presses("Reject…", card)
    await chat.dave.hears("You need the role `approver` for `admin` in `prd`")
    await chat.bob.presses("Reject…", card)
    form = await chat.bob.form()
    assert [block["block_id"] for block in form["blocks"] if block["type"] == "input"] == ["reason"]
    await chat.bob.submits(form, reason="the migration is missing")
    ended = await chat.card(phase="Aborted", text="was rejected")
    assert "the migration is missing" in plain(ended)
    assert "rejected by <@U0BOB>" in plain(ended)
    await chat.says("<@U0ALICE>, <@U0BOB> rejected", channel=PRD)
    with pytest.raises(UserError) as refused:
        await approvals.approve(context(chat), release.id, by=CAROL)
    assert refused.value.code == "release_over"
    assert chat.patches("prd") == []


async def test_what_waits_is_listed_and_approved_by_its_name(chat: Chat) -> None:
    release = await asked(chat)
    await chat.bob.says("/approve", channel=PRD)
    listed = await chat.bob.hears("1 release waits for approval")
    assert f"`{release.id[-4:].lower()}`" in listed
    await chat.bob.says("/approve prd web", channel=PRD)
    await chat.bob.hears("Nothing that waits for approval is meant")
    await chat.alice.says("/approve prd admin", channel=PRD)
    await chat.alice.hears("You need the role `approver`")
    await chat.bob.says(f"/approve {release.id[-4:].lower()}", channel=PRD)
    done = await chat.card(phase="Succeeded", service="admin")
    assert "approved by <@U0BOB>" in plain(done)


async def test_the_approvers_are_called_by_their_group_and_once_more_before_the_end(chat: Chat) -> None:
    release = await asked(chat)
    called = await chat.says("one yes is needed", channel=PRD)
    assert "<!subteam^S0LEADS>" in plain(called)
    assert called.get("thread_ts")
    late = release.approvals_until - timedelta(minutes=4)
    await turn(at(chat, late))
    await turn(at(chat, late + timedelta(seconds=1)))
    await chat.says("still waits for approval", channel=PRD)
    assert (await row(chat, release.id)).reminded_at is not None
    await turn(at(chat, release.approvals_until))
    card = await chat.card(phase="Aborted", text="was not approved in time")
    assert payload(card)["release"] == release.id
    assert sum("still waits for approval" in plain(message) for message in chat.messages(PRD)) == 1


async def test_a_yes_to_other_rules_ends_it_and_says_what_is_different(chat: Chat) -> None:
    release = await asked(chat)
    with pytest.raises(UserError) as refused:
        await approvals.approve(two_needed(chat), release.id, by=BOB)
    assert refused.value.code == "plan_changed"
    assert "it needs 2 approvals now, not 1" in refused.value.text
    await chat.card(phase="Aborted", text="it needs 2 approvals now, not 1")
    assert chat.patches("prd") == []


async def test_who_left_the_group_after_a_yes_does_not_count_with_the_last_one(chat: Chat) -> None:
    ctx = two_needed(chat)
    release = await asked(chat)
    async with ctx.database.write() as connection:  # as it would have been asked for there
        two = replace(release, approvals_needed=2, rules=None)
        saved = await store.save(connection, two)
    assert saved is not None
    first = await approvals.approve(ctx, release.id, by=BOB)
    assert (first.phase, first.approved_by) == (ReleasePhase.AWAITING_APPROVAL, (BOB,))
    groups = chat.sandbox.slack.world.workspace.usergroups
    groups["S0LEADS"] = replace(groups["S0LEADS"], users=("U0CAROL", "U0OPS"))
    second = await approvals.approve(ctx, release.id, by=CAROL)
    assert (second.phase, second.approved_by) == (ReleasePhase.AWAITING_APPROVAL, (CAROL,))
    with pytest.raises(UserError) as refused:
        await approvals.approve(ctx, release.id, by=CAROL)
    assert refused.value.code == "approved_before"
    third = await approvals.approve(ctx, release.id, by=UserId("U0OPS"))
    assert third.approved_by == (CAROL, "U0OPS")
    await chat.card(phase="Succeeded", service="admin")


async def test_only_an_approver_of_that_target_may_whatever_way_leads_to_it(chat: Chat) -> None:
    ctx, release = context(chat), await asked(chat)
    grants = (Grant(groups=("@leads",), environments=(EnvironmentName("stg"),)),)
    elsewhere = replace(ctx, catalog=replace(ctx.catalog, roles={**ctx.catalog.roles, Role.APPROVER: grants}))
    with pytest.raises(UserError) as refused:
        await approvals.approve(elsewhere, release.id, by=BOB)
    assert refused.value.code == "role_missing"
    assert (await row(chat, release.id)).approved_by == ()


async def test_nothing_is_approved_or_begun_while_the_environment_is_frozen(chat: Chat) -> None:
    ctx, release = context(chat), await asked(chat)
    await freezes.freeze(ctx, EnvironmentName("prd"), None, Reason("a move"), key="k", by=UserId("U0OPS"))
    with pytest.raises(UserError) as refused:
        await approvals.approve(ctx, release.id, by=BOB)
    assert refused.value.code == "frozen"
    waits = await row(chat, release.id)
    assert (waits.phase, waits.approved_by) == (ReleasePhase.AWAITING_APPROVAL, ())
    async with ctx.database.write() as connection:  # approved a moment before the freeze, and not begun
        await rows.add(connection, waits.id, BOB, plan_hash=waits.plan_hash, now=ctx.clock())
        await store.save(connection, waits.moved(phase=ReleasePhase.QUEUED, approved_by=(BOB,)))
    ctx.bells.releases.ring()
    card = await chat.card(phase="Aborted", text="was frozen before it began")
    assert "a move" in plain(card)
    assert chat.patches("prd") == []


async def test_approvals_are_used_up_by_the_one_start_that_they_allow(chat: Chat) -> None:
    ctx, release = context(chat), await asked(chat)
    await approvals.approve(ctx, release.id, by=BOB)
    await chat.card(phase="Succeeded", service="admin")
    async with ctx.database.write() as connection:
        assert not await rows.use(connection, release.id, plan_hash=release.plan_hash, now=ctx.clock())
    assert len(chat.patches("prd")) == 1


async def test_what_was_approved_long_ago_is_not_begun(chat: Chat) -> None:
    ctx, release = context(chat), await asked(chat)
    async with ctx.database.write() as connection:  # the bot went away right after the yes
        long_ago = ctx.clock() - timedelta(minutes=11)
        await rows.add(connection, release.id, BOB, plan_hash=release.plan_hash, now=long_ago)
        await store.save(connection, release.moved(phase=ReleasePhase.QUEUED, approved_by=(BOB,)))
    ctx.bells.releases.ring()
    await chat.card(phase="Aborted", text="could not begin for too long")
    assert chat.patches("prd") == []


async def test_an_image_that_moved_since_people_looked_ends_it_with_both(chat: Chat) -> None:
    ctx, release = context(chat), await asked(chat)
    await chat.kubectl("prd", "admin", "deployments", "admin", image="growlio/admin:1.4.2")
    before = len(chat.patches("prd"))
    await approvals.approve(ctx, release.id, by=BOB)
    card = await chat.card(phase="Aborted", text="The plan changed since approval")
    assert "1.4.2 now, set by kubectl, not" in plain(card)
    assert len(chat.patches("prd")) == before
