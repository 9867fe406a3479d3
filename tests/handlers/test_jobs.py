"""The batch desk in the chat: what runs on a schedule, and starting, suspending and resuming it."""

import asyncio
import json
from pathlib import Path

from sqlalchemy import select

from bot.domain.catalog import Target
from bot.domain.names import EnvironmentName, ReleaseId, ServiceName, UserId
from bot.sandbox.kube.faults import fault_from
from bot.sandbox.kube.kinds import CRON_JOBS, JOBS
from bot.sandbox.slack import payloads
from bot.store import releases
from bot.store.audit import AuditPhase
from bot.store.tables import audit
from tests.chat import DEADLINE_S, STG, Chat, Json, Person, open_chat, plain
from tests.handlers.test_permissions import handled

FROZEN = "stg: {freezes: [{cron: '* * * * *', duration: 2h, reason: 'end of the year'}], "
REPORT = ("batch", "report")


async def desk(chat: Chat, person: Person, line: str = "/jobs stg", channel: str = STG) -> Json:
    """The desk that somebody asks for now, whatever else they hear meanwhile."""
    person.forget()
    await person.says(line, channel=channel)

    def find() -> Json | None:
        return next((each for each in person.heard if "every day at" in plain(each)), None)

    return await chat.until(find, DEADLINE_S, lambda: f"{person.id} heard {[plain(each) for each in person.heard]}")


def jobs_of(chat: Chat, environment: str = "stg") -> list[Json]:
    return [dict(job) for job in chat.sandbox.clusters[environment].store.all_of(JOBS)]


def is_suspended(chat: Chat, environment: str = "stg") -> bool:
    found = chat.sandbox.clusters[environment].store.get(CRON_JOBS, *REPORT)
    assert found is not None
    return bool(found["spec"].get("suspend"))


def labels(card: Json) -> list[str]:
    return [element["text"]["text"] for block in card["blocks"] for element in block.get("elements", ())
            if element["type"] == "button"]  # fmt: skip


def break_cluster(chat: Chat, **fault: object) -> None:
    chat.sandbox.clusters["stg"].faults.add(fault_from(fault))


async def press_forged(chat: Chat, value: str) -> None:
    """A press by Alice of a Run now that no desk showed."""
    world = chat.sandbox.slack.world
    user, channel = world.workspace.users["U0ALICE"], world.workspace.channels[STG]
    action = {"action_id": "jobs.run", "block_id": "b", "type": "button", "value": value}
    action["action_ts"] = world.workspace.mint_ts()
    message = {"ts": world.workspace.mint_ts(), "text": "a desk"}
    payload = payloads.message_action(world, user, channel, message, action, {})
    await chat.sandbox.slack.delivery.ask("interactive", payload)


async def trail(chat: Chat) -> list[tuple[str, str, str, str]]:
    """(who, what, where, phase) of the audit rows about jobs that were begun, oldest first; without refusals."""
    assert chat.bot is not None
    columns = (audit.c.actor, audit.c.action, audit.c.target, audit.c.phase)
    begun = audit.c.action.like("jobs.%") & (audit.c.phase != AuditPhase.REFUSED)
    async with chat.bot.ctx.database.read() as connection:
        rows = await connection.execute(select(*columns).where(begun).order_by(audit.c.seq))
        return [(row[0], row[1], row[2], row[3]) for row in rows]


async def give_image(chat: Chat, tag: str) -> None:
    """Have the CronJob run another image from now on."""
    host = chat.sandbox.url.removeprefix("http://")
    template = {"spec": {"containers": [{"name": "report", "image": f"{host}/growlio/report:{tag}"}]}}
    await patch(chat, {"jobTemplate": {"spec": {"backoffLimit": 0, "template": template}}})


async def patch(chat: Chat, spec: Json, environment: str = "stg") -> None:
    """Change the CronJob as somebody with kubectl would."""
    cluster = chat.sandbox.clusters[environment]
    path = f"/clusters/{environment}/apis/batch/v1/namespaces/batch/cronjobs/report"
    headers = {
        "Authorization": f"Bearer {chat.sandbox._kube_token}",
        "Content-Type": "application/strategic-merge-patch+json",
    }
    async with chat._http.patch(path, headers=headers, json={"spec": spec}) as response:
        assert response.status == 200, await response.text()
    assert cluster.store.get(CRON_JOBS, *REPORT)


async def test_the_desk_tells_the_schedule_in_words_and_the_last_success(chat: Chat) -> None:
    told = plain(await desk(chat, chat.dave))
    assert "*report* `3.0.0` · every day at 03:00 Asia/Tokyo" in told
    assert "Next: <!date^" in told
    assert "Last success: <!date^" in told


async def test_run_now_makes_one_job_from_the_template_tells_the_channel_and_is_on_record(chat: Chat) -> None:
    card = await desk(chat, chat.alice)
    await chat.alice.presses("Run now", card)
    await chat.says("<@U0ALICE> started \\*report\\* in \\*stg\\* by hand")
    (job,) = jobs_of(chat)
    assert job["metadata"]["annotations"]["cronjob.kubernetes.io/instantiate"] == "manual"
    assert job["metadata"]["ownerReferences"][0]["name"] == "report"
    assert await trail(chat) == [
        ("U0ALICE", "jobs.run", "stg/batch/report", "intent"),
        ("U0ALICE", "jobs.run", "stg/batch/report", "result"),
    ]


async def test_one_button_starts_one_run_however_often_it_is_pressed(chat: Chat) -> None:
    hers, his = await desk(chat, chat.alice), await desk(chat, chat.bob)
    await asyncio.gather(
        chat.alice.presses("Run now", hers), chat.alice.presses("Run now", hers), chat.bob.presses("Run now", his)
    )
    await handled(chat)
    await chat.says("started \\*report\\*")
    assert len(jobs_of(chat)) == 1
    told = [m for m in chat.messages(STG) if "started *report*" in plain(m)]
    assert len(told) == 1


async def test_a_desk_shows_how_runs_ended_and_a_failed_one_can_be_run_again(chat: Chat) -> None:
    chat.sandbox.registry.publish("growlio/report", "3.0.1-fail")
    await give_image(chat, "3.0.1-fail")
    await chat.alice.presses("Run now", await desk(chat, chat.alice))
    ended = await chat.until(lambda: _ended(chat), 60, lambda: str(jobs_of(chat)))
    assert ended == "Failed"
    card = await desk(chat, chat.alice)
    assert "❌ *report*" in plain(card)
    assert "by <@U0ALICE>" in plain(card)
    assert labels(card) == ["Logs", "Rerun", "Suspend"]
    await chat.alice.presses("Logs", card)
    assert "Secrets are taken out" in await chat.alice.hears("Last \\d+ lines? of .*container `report`")
    await give_image(chat, "3.0.0")
    await chat.alice.presses("Rerun", card)
    await chat.until(lambda: len(jobs_of(chat)) > 1 or None, 60, lambda: str(jobs_of(chat)))


def _ended(chat: Chat) -> str | None:
    for job in jobs_of(chat):
        for condition in job["status"].get("conditions", []):
            if condition["type"] in ("Complete", "Failed") and condition["status"] == "True":
                return str(condition["type"])
    return None


async def test_suspending_and_resuming_are_one_write_each_and_told_in_the_channel(chat: Chat) -> None:
    await chat.alice.presses("Suspend", await desk(chat, chat.alice))
    await chat.says("<@U0ALICE> suspended \\*report\\*")
    assert is_suspended(chat)
    card = await desk(chat, chat.bob)
    assert "*suspended*: no run starts" in plain(card)
    await chat.bob.presses("Resume", card)
    await chat.says("<@U0BOB> resumed \\*report\\* in \\*stg\\*: it runs next at <!date")
    assert not is_suspended(chat)
    assert len(chat.patches()) == 2
    assert [row[1:] for row in await trail(chat)] == [
        ("jobs.suspend", "stg/batch/report", "intent"),
        ("jobs.suspend", "stg/batch/report", "result"),
        ("jobs.resume", "stg/batch/report", "intent"),
        ("jobs.resume", "stg/batch/report", "result"),
    ]


async def test_what_is_so_already_is_said_and_not_written(chat: Chat) -> None:
    card = await desk(chat, chat.alice)
    await patch(chat, {"suspend": True})
    written = len(chat.patches())
    await chat.alice.presses("Suspend", card)
    await chat.alice.hears("is suspended already")
    assert len(chat.patches()) == written


async def test_production_asks_first_and_a_stage_before_it_does_not(chat: Chat) -> None:
    for line, asks in (("/jobs stg report", False), ("/jobs prd report", True)):
        card = await desk(chat, chat.alice, line)
        buttons = [e for b in card["blocks"] for e in b.get("elements", ()) if e["type"] == "button"]
        assert all(("confirm" in each) is asks for each in buttons if each["action_id"] != "jobs.logs"), line


async def test_a_run_that_wants_to_be_alone_is_not_started_beside_another(chat: Chat) -> None:
    await give_image(chat, "3.0.0-broken")  # never pulled: its run stays under way
    await chat.alice.presses("Run now", await desk(chat, chat.alice))
    await chat.says("started \\*report\\*")
    second = await desk(chat, chat.bob)
    assert "Runs since <!date" in plain(second)
    await patch(chat, {"concurrencyPolicy": "Forbid"})
    await chat.bob.presses("Run now", second)
    await chat.bob.hears("wants one run at a time")
    assert labels(await desk(chat, chat.bob)) == ["Logs", "Suspend"]


async def test_who_may_not_deploy_may_look_and_no_more(chat: Chat) -> None:
    card = await desk(chat, chat.dave)
    for label in ("Run now", "Suspend"):
        chat.dave.forget()
        await chat.dave.presses(label, card)
        await chat.dave.hears("You need the role `deployer`")
    assert chat.patches() == []


async def test_a_button_that_names_what_the_configuration_does_not_reach_is_refused(chat: Chat) -> None:
    for value in ("stg:kube-system:report:", "stg:batch:../report:", "nowhere:batch:report:", "stg:batch", ""):
        chat.alice.forget()
        await press_forged(chat, value)
        await chat.alice.hears("I don't know what this button means")
    assert jobs_of(chat) == []


async def test_a_cluster_that_refuses_is_quoted_and_the_record_says_that_it_failed(chat: Chat) -> None:
    card = await desk(chat, chat.alice)
    status = {"kind": "Status", "reason": "Forbidden", "message": "jobs.batch is forbidden"}
    break_cluster(chat, do="status", method="POST", path="/jobs", status=403, body=json.dumps(status), times=None)
    await chat.alice.presses("Run now", card)
    await chat.alice.hears("does not let me")
    assert [row[3] for row in await trail(chat)] == ["intent", "result"]
    assert jobs_of(chat) == []


async def test_a_lost_answer_is_found_again_under_the_jobs_name(chat: Chat) -> None:
    card = await desk(chat, chat.alice)
    break_cluster(chat, do="reset_after", method="POST", path="/jobs")
    await chat.alice.presses("Run now", card)
    await chat.alice.hears("runs in \\*stg\\* now")
    assert len(jobs_of(chat)) == 1
    assert [row[3] for row in await trail(chat)] == ["intent", "result"]


async def test_nobody_claims_to_know_what_an_unreachable_cluster_did(chat: Chat) -> None:
    card = await desk(chat, chat.alice)
    break_cluster(chat, do="reset", method="PATCH", path="/cronjobs", times=None)
    await chat.alice.presses("Suspend", card)
    await chat.alice.hears("I don't know whether that happened")
    assert [row[3] for row in await trail(chat)] == ["intent", "result"]


async def test_a_freeze_holds_runs_up_and_suspending_always_goes(tmp_path: Path) -> None:
    async with open_chat(tmp_path, change=lambda text: text.replace("stg: {", FROZEN, 1)) as chat:
        await chat.alice.presses("Run now", await desk(chat, chat.alice))
        await chat.alice.hears("`stg` is frozen: end of the year")
        assert jobs_of(chat) == []
        await chat.alice.presses("Suspend", await desk(chat, chat.alice))
        await chat.says("<@U0ALICE> suspended \\*report\\*")
        await chat.alice.presses("Resume", await desk(chat, chat.alice))
        await chat.alice.hears("`stg` is frozen: end of the year")
        assert is_suspended(chat)


async def test_nothing_is_run_while_a_release_holds_the_service(chat: Chat) -> None:
    assert chat.bot is not None
    database = chat.bot.ctx.database
    card = await desk(chat, chat.alice)
    target = Target(EnvironmentName("stg"), ServiceName("report"))
    async with database.write() as connection:
        await releases.take_lock(
            connection, target, release_id=ReleaseId("01K" + "A" * 23), owner=UserId("U0BOB"), now=chat.bot.ctx.clock()
        )
    await chat.alice.presses("Run now", card)
    await chat.alice.hears("`stg/report` is locked: <@U0BOB> is releasing it")
    assert jobs_of(chat) == []
    assert await trail(chat) == []
