"""The buttons of the message that tells how pods fall and heal."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from bot.domain.names import EnvironmentName, ServiceName, UserId
from bot.domain.pods import Cause, NearRelease, Story, Subject, SubjectKind
from bot.domain.pods.cases import Case
from bot.domain.release import Release
from bot.sandbox.kube import Options
from bot.sandbox.kube.kinds import JOBS
from bot.sandbox.slack import payloads
from bot.store import pods, releases
from bot.store.tables import audit
from tests.chat import STG, Chat, Person, open_chat, payload
from tests.domain.story_worlds import STORY_ID, closed, story
from tests.handlers.test_jobs import give_image
from tests.handlers.test_permissions import handled

WEB = Subject(SubjectKind.DEPLOYMENT, "web", "web")


@pytest.fixture
async def chat(tmp_path: Path) -> AsyncIterator[Chat]:
    """Nobody watches pods here: the stories are the tests' own, and stay as they are."""
    options = Options(slow_s=1.5)
    async with open_chat(
        tmp_path, cluster_options=options, change=lambda text: text.replace("pods:", "# pods:")
    ) as chat:
        yield chat


async def tell(chat: Chat, told: Story) -> Story:
    """Have a story in the database, about stg's web."""
    assert chat.bot is not None
    told = replace(told, environment=EnvironmentName("stg"))
    async with chat.bot.ctx.database.write() as connection:
        await pods.save_cases(connection, [Case(told)])
    return told


async def press(chat: Chat, person: Person, action_id: str, *, step: int = 3) -> None:
    """A press of a button of that story's message."""
    world = chat.sandbox.slack.world
    user, channel = world.workspace.users[person.id], world.workspace.channels[STG]
    action = {"action_id": action_id, "block_id": "b", "type": "button", "value": f"{STORY_ID}:{step}"}
    action["action_ts"] = world.workspace.mint_ts()
    message = {"ts": world.workspace.mint_ts(), "text": "pods fell"}
    sent = payloads.message_action(world, user, channel, message, action, {})
    await chat.sandbox.slack.delivery.ask("interactive", sent)


async def a_release(chat: Chat) -> Release:
    """stg's web 2.3.0, released by Alice in place of 2.2.9."""
    assert chat.bot is not None
    await chat.alice.says("/deploy stg web 2.3.0")
    await chat.card(phase="Succeeded", service="web")
    async with chat.bot.ctx.database.read() as connection:
        (found,) = await releases.history(
            connection, environment=EnvironmentName("stg"), service=ServiceName("web"), limit=5
        )
    return found


async def test_logs_show_the_last_words_that_were_kept_when_the_pod_is_gone(chat: Chat) -> None:
    await tell(chat, story())
    await press(chat, chat.alice, "pods.logs", step=1)
    heard = await chat.alice.hears("Last 2 lines of `web-6d4f9c7b8-x2x4q`, container `web` before it was restarted")
    assert "java.lang.OutOfMemoryError" in heard


async def test_restart_makes_new_pods_of_the_same_version_as_a_release_of_the_house(chat: Chat) -> None:
    await tell(chat, story())
    await press(chat, chat.alice, "pods.restart")
    card = await chat.card(phase="Succeeded", service="web")
    assert payload(card)["kind"] == "restart"
    assert len(chat.patches()) == 1


async def test_what_is_no_service_is_not_restarted_and_the_way_to_do_it_is_named(chat: Chat) -> None:
    await tell(chat, story(service=None, subject=Subject(SubjectKind.DEPLOYMENT, "web", "redis")))
    await press(chat, chat.alice, "pods.restart")
    heard = await chat.alice.hears("is no service of kajitori.yaml")
    assert "kubectl rollout restart deployment/redis -n web" in heard
    assert chat.patches() == []


async def test_roll_back_undoes_the_release_that_the_story_names(chat: Chat) -> None:
    former = await a_release(chat)
    near = NearRelease(former.id, "2.3.0", "2.2.9", UserId("U0ALICE"), former.requested_at, may_roll_back=True)
    await tell(chat, story(release=near))
    await press(chat, chat.bob, "pods.rollback")
    card = await chat.card(phase="Succeeded", service="web", text="`2.2.9` runs")
    assert payload(card)["kind"] == "rollback"
    await press(chat, chat.bob, "pods.rollback")
    await chat.bob.hears("now has `2.2.9`, not the `2.3.0`")


@pytest.mark.parametrize("action_id", ["pods.restart", "pods.rollback"])
async def test_a_button_of_before_changes_nothing(chat: Chat, action_id: str) -> None:
    await tell(chat, story())
    await press(chat, chat.alice, action_id, step=2)
    await chat.alice.hears("out of date: more has happened")
    await tell(chat, closed())
    await press(chat, chat.alice, action_id)
    await chat.alice.hears("over already: it healed")
    assert chat.patches() == []


async def test_a_workload_is_silenced_for_an_hour_and_told_again_on_record(chat: Chat) -> None:
    assert chat.bot is not None
    ctx = chat.bot.ctx
    told = await tell(chat, story())
    await press(chat, chat.alice, "pods.silence")
    await chat.alice.hears("Nobody is told of \\*web\\* in \\*stg\\* for an hour")
    async with ctx.database.read() as connection:
        (silence,) = (await pods.silences(connection, told.environment, now=ctx.clock())).items()
    assert silence[0] == WEB
    assert silence[1].by == "U0ALICE"
    await press(chat, chat.bob, "pods.unsilence")
    await chat.bob.hears("is told again")
    async with ctx.database.read() as connection:
        assert await pods.silences(connection, told.environment, now=ctx.clock()) == {}
        rows = await connection.execute(
            select(audit.c.actor, audit.c.action).where(audit.c.action.like("pods.%silence"))
        )
        assert [tuple(row) for row in rows] == [("U0ALICE", "pods.silence"), ("U0BOB", "pods.unsilence")]


async def test_a_batch_job_that_failed_is_run_again_once(chat: Chat) -> None:
    await give_image(chat, "3.0.0-broken")  # never pulled: its run stays under way
    report = Subject(SubjectKind.CRONJOB, "batch", "report")
    await tell(chat, story(cause=Cause.JOB_FAILED, subject=report, service=ServiceName("report")))
    await asyncio.gather(press(chat, chat.alice, "pods.rerun"), press(chat, chat.alice, "pods.rerun"))
    await chat.alice.hears("\\*report\\* runs in \\*stg\\* now")
    await handled(chat)
    assert len(list(chat.sandbox.clusters["stg"].store.all_of(JOBS))) == 1


async def test_a_story_that_nobody_knows_is_said_to_be_so(chat: Chat) -> None:
    await press(chat, chat.alice, "pods.silence")
    await chat.alice.hears("no longer know what this message tells of")
