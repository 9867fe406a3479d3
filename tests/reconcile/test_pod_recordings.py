"""Recordings of a real API server, played through the watches' projection and the judge: what people would read."""

import json
from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.cards.pod import story_card
from bot.domain.names import EnvironmentName
from bot.kube.sights import event_sight, job_sight, pod_sight
from bot.kube.watches import Changed, Listed
from bot.reconcile.pods.judge import Judge
from bot.reconcile.pods.scenes import Scenes, no_alert
from bot.reconcile.pods.world import World
from bot.store import pods
from bot.store.db import Database
from bot.store.migrate import migrate

RECORDINGS = Path(__file__).parent.parent / "recordings" / "kubernetes"
STG = EnvironmentName("stg")


class Stage:
    """A world without a cluster: what the watches would tell is told from a recording, each line as a turn."""

    def __init__(self, database: Database, namespace: str) -> None:
        self.database = database
        self.world = World(STG, frozenset({namespace}))
        self.judge = Judge(Scenes(ZoneInfo("UTC"), timedelta(minutes=30), timedelta(seconds=60), no_alert))
        self.messages: list[str] = []
        """First lines, as they changed; a new story begins with its cause."""

    async def begin(self, now: datetime) -> None:
        """The first lists: an empty namespace."""
        self.world.tell_pods([Listed(())], was_away=True)
        self.world.tell_jobs([Listed(())])
        self.world.tell_cronjobs([Listed(())])
        await self.turn(now)

    def tell(self, stream: str, raw: Mapping[str, Any], *, is_gone: bool, now: datetime) -> None:
        """One line of a watch."""
        match stream:
            case "pods":
                self.world.tell_pods([Changed(pod_sight(raw), is_gone)], was_away=False)
            case "jobs":
                self.world.tell_jobs([Changed(job_sight(raw), is_gone)])
            case "events" if (said := event_sight(raw)) is not None:
                self.world.tell_events([Changed(said, is_gone)], now)

    async def turn(self, now: datetime) -> None:
        """Judge, save, and note what the messages say."""
        batch = self.world.take(now)
        async with self.database.write() as connection:
            turn = await self.judge.judge(connection, self.world, batch, now, blind=frozenset())
            await pods.save_cases(connection, list(turn.cases.values()))
        for subject, moment in turn.wakes.items():
            self.world.wake_at(subject, moment)
        for subject in turn.asks:
            self.world.wanted[subject] = (3, now)
            self.world.judge_again([subject])
        for case in turn.cases.values():
            if case.story.is_told:
                line = story_card(case.story, now).text.partition(" · since")[0]
                if line not in self.messages:
                    self.messages.append(line)


async def played(stage: Stage, name: str) -> list[str]:
    """All messages of a recording, and of the two minutes after it."""
    lines = [json.loads(line) for line in (RECORDINGS / f"{name}.jsonl").read_text().splitlines()]
    watched = [line for line in lines if line["kind"] == "watch"]
    pod = next(line for line in watched if line["stream"] in ("pods", "jobs"))
    begun = datetime.fromisoformat(pod["event"]["object"]["metadata"]["creationTimestamp"])
    start = begun - timedelta(seconds=pod["t"])
    await stage.begin(start)
    now = start
    for line in watched:
        now = start + timedelta(seconds=line["t"] + 1)  # whole seconds of the cluster's clock are never ahead of it
        event = line["event"]
        stage.tell(line["stream"], event["object"], is_gone=event["type"] == "DELETED", now=now)
        await stage.turn(now)
    for _ in range(12):
        now += timedelta(seconds=10)
        await stage.turn(now)
    return stage.messages


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """A migrated SQLite file."""
    opened = Database(f"sqlite:///{tmp_path / 'kajitori.db'}")
    await migrate(opened)
    yield opened
    await opened.close()


async def test_a_container_out_of_memory_comes_back_and_what_is_deleted_or_drained_after_it_is_no_news(
    database: Database,
) -> None:
    assert await played(Stage(database, "pod-crash-and-recovery"), "pod_crash_and_recovery") == [
        "🟠 admin in stg: 1 of 3 pods ran out of memory · 2 still serve. "
        "The container admin was killed because memory ran out (OOMKilled).",
        "🟡 admin in stg: 1 of 3 pods ran out of memory, and is ready again",
        "✅ admin in stg healed by itself after 0:02: restarted by the kubelet, 1 restart",
    ]


async def test_a_crash_loop_that_somebody_rolls_back_is_one_message(database: Database) -> None:
    stage = Stage(database, "rollout-crash-loop-and-undo")
    first, loop, *_, last = await played(stage, "rollout_crash_loop_and_undo")
    assert first == (
        "🟠 admin in stg: 1 of 4 pods crashed · 3 still serve. The container admin crashed with exit code 1."
    )
    assert loop.startswith("🟠 admin in stg: 1 of 4 pods crashes again and again, twice so far · 3 still serve")
    assert last == "✅ admin in stg is well again after 0:05: pods of another version took over"
    async with database.read() as connection:
        assert await pods.open_stories(connection) == []


async def test_a_batch_job_that_gave_up_is_one_message_and_one_that_succeeded_none(database: Database) -> None:
    assert await played(Stage(database, "jobs-and-cronjobs"), "jobs_and_cronjobs") == [
        "🔴 Job batch in stg failed. The run batch-bad failed twice and was given up (backoffLimit 1). "
        "The container batch crashed with exit code 1.",
    ]


async def test_an_image_that_does_not_exist_is_one_message(database: Database) -> None:
    assert await played(Stage(database, "rollout-image-pull-failure"), "rollout_image_pull_failure") == [
        "🟠 admin in stg: 1 of 4 pods can't start: its image does not exist · 3 still serve. "
        "The image registry.local/admin:9.9.9-broken does not exist in its registry.",
    ]


@pytest.mark.parametrize("name", ["rollout_success", "scale_restart_pause", "canary_by_replicas"])
async def test_rollouts_restarts_and_scaling_are_no_news(database: Database, name: str) -> None:
    assert await played(Stage(database, name.replace("_", "-")), name) == []
