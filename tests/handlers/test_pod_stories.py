"""Pods that fall, and heal: what people read in the channel, from the first fall to the closing line."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bot.domain.names import EnvironmentName
from bot.sandbox.kube import Fault, FaultKind, Options
from bot.sandbox.kube.kinds import CRON_JOBS, DEPLOYMENTS
from bot.store import pods
from tests.chat import Chat, open_chat, plain, running_bot

ALERTS = "C0ALERTS"
Json = dict[str, Any]


@asynccontextmanager
async def chat_about_pods(folder: Path, *, healed_after: str = "2s", **options: Any) -> AsyncIterator[Chat]:
    """A workspace whose stories close soon."""

    def change(text: str) -> str:
        changed = text.replace("pods: {", f"pods: {{healed_after: {healed_after}, ")
        assert changed != text
        return changed

    async with open_chat(folder, change=change, **options) as chat:
        yield chat


def roots(chat: Chat) -> list[Json]:
    """The stories in the channel, oldest first, without what stands in their threads."""
    return [m for m in chat.messages(ALERTS) if m.get("thread_ts") in (None, m["ts"])]


async def story(chat: Chat, pattern: str) -> str:
    """Wait until a story reads so; its whole text."""
    return plain(await chat.says(pattern, channel=ALERTS))


def a_pod(chat: Chat, namespace: str, *, version: str = "") -> Json:
    """A ready pod of stg that stays."""
    rows = [row for row in chat.sandbox.clusters["stg"].pods_view() if row["namespace"] == namespace]
    found: Json = next(r for r in rows if r["ready"] and not r["deleting"] and version in ("", r["version"]))
    return found


async def test_a_container_out_of_memory_is_told_with_its_last_words_and_its_remedy(tmp_path: Path) -> None:
    async with chat_about_pods(tmp_path, cluster_options=Options(restart_s=600)) as chat:
        name = a_pod(chat, "admin")["name"]
        chat.sandbox.clusters["stg"].crash_pod("admin", name)
        told = await story(chat, r"(?s)\*admin\* in \*stg\*.*Last words")
        assert "*admin* in *stg*: 1 of 3 pods ran out of memory · 2 still serve" in told
        assert "java.lang.OutOfMemoryError" in told
        assert "sekret" not in told
        assert "Raise resources.limits.memory" in told
        assert name in told
        thread = await chat.says("Last words of", channel=ALERTS)
        assert "sekret" not in plain(thread)
        assert len(roots(chat)) == 1


async def test_the_message_closes_itself_when_the_kubelet_has_restarted_the_container(tmp_path: Path) -> None:
    async with chat_about_pods(tmp_path, cluster_options=Options(restart_s=0.3)) as chat:
        chat.sandbox.clusters["stg"].crash_pod("admin", a_pod(chat, "admin")["name"])
        told = await story(chat, "healed by itself")
        assert told.startswith("✅ *admin* in *stg* healed by itself after ")
        assert "restarted by the kubelet, 1 restart" in told
        assert len(roots(chat)) == 1


async def test_many_crashing_pods_are_one_message_with_a_count(tmp_path: Path) -> None:
    async with chat_about_pods(tmp_path, cluster_options=Options(restart_s=600)) as chat:
        stg = chat.sandbox.clusters["stg"]
        for row in [row for row in stg.pods_view() if row["namespace"] == "web"]:
            stg.crash_pod("web", row["name"], "Error", 3)
        told = await story(chat, "all 5 pods crashed")
        assert "none serves" in told
        assert "exit code 3" in told
        assert len(roots(chat)) == 1


async def test_a_pod_whose_node_died_is_replaced_on_another(tmp_path: Path) -> None:
    options = Options(node_grace_s=0.3, haste=600)
    async with chat_about_pods(tmp_path, cluster_options=options) as chat:
        stg = chat.sandbox.clusters["stg"]
        node = a_pod(chat, "admin")["node"]
        stg.kill_node(node)
        told = await story(chat, r"\*admin\* in \*stg\* healed by itself")
        assert "replaced by" in told
        assert node not in told.split("replaced by")[1].split("\n")[0]
        assert await story(chat, f"Node .{node}. of .stg.|Node \\*{node}\\*")


async def test_a_version_that_somebody_broke_with_kubectl_is_told_until_it_is_put_right(tmp_path: Path) -> None:
    async with chat_about_pods(tmp_path) as chat:
        await chat.kubectl("stg", "admin", "deployments", "admin", image="growlio/admin:9.9.9")
        told = await story(chat, "its image does not exist")
        assert "growlio/admin:9.9.9 does not exist" in told
        assert "3 still serve" in told
        await chat.kubectl("stg", "admin", "deployments", "admin", image="growlio/admin:1.4.1")
        closed = await story(chat, "well again")
        assert "pods of another version took over" in closed
        assert len(roots(chat)) == 1


async def test_a_crash_of_the_version_being_released_is_the_releases_news_and_not_the_channels(tmp_path: Path) -> None:
    async with chat_about_pods(tmp_path) as chat:
        chat.sandbox.registry.publish("growlio/admin", "1.4.3-crash")
        await chat.kubectl("stg", "admin", "deployments", "admin", deadline_s=2)
        await chat.alice.says("/deploy stg admin 1.4.3-crash")
        await chat.card(phase="Failed")
        # what comes after it is told: so nothing about the release waits to be told
        chat.sandbox.clusters["stg"].crash_pod("web", a_pod(chat, "web")["name"])
        await story(chat, r"\*web\* in \*stg\*")
        assert [m for m in roots(chat) if "*admin*" in plain(m)] == []


async def test_a_crash_after_the_release_names_it_and_offers_the_way_back(tmp_path: Path) -> None:
    async with chat_about_pods(tmp_path, cluster_options=Options(restart_s=600)) as chat:
        await chat.alice.says("/deploy stg admin 1.4.2")
        await chat.card(phase="Succeeded")
        chat.sandbox.clusters["stg"].crash_pod("admin", a_pod(chat, "admin", version="1.4.2")["name"])
        told = await story(chat, "was released")
        assert "`1.4.2` was released" in told
        assert "<@U0ALICE>" in told
        assert "Roll back to 1.4.1" in told


async def test_rolling_updates_scaling_and_deleted_pods_are_no_news(tmp_path: Path) -> None:
    async with chat_about_pods(tmp_path) as chat:
        stg = chat.sandbox.clusters["stg"]
        await chat.alice.says("/deploy stg admin 1.4.2")
        await chat.card(phase="Succeeded")
        await chat.kubectl("stg", "web", "deployments", "web", image="growlio/web:2.2.8")

        def is_rolled_out() -> bool | None:
            rows = [row for row in stg.pods_view() if row["namespace"] == "web"]
            return (len(rows) == 5 and all(r["version"] == "2.2.8" and r["ready"] for r in rows)) or None

        await chat.until(is_rolled_out, 60, lambda: str(stg.pods_view()))
        stg.crash_pod("web", a_pod(chat, "web")["name"])
        await story(chat, r"\*web\* in \*stg\*")
        assert len(roots(chat)) == 1


async def test_a_batch_job_that_failed_is_told_and_closed_by_its_next_success(tmp_path: Path) -> None:
    async with chat_about_pods(tmp_path, cluster_options=Options(job_s=0.2, job_backoff_s=0.1)) as chat:
        stg = chat.sandbox.clusters["stg"]
        chat.sandbox.registry.publish("growlio/report", "3.0.0-fail")
        run(chat, "report-bad", "3.0.0-fail")
        told = await story(chat, r"Job \*report\* in \*stg\* failed")
        assert "The run report-bad failed" in told
        assert "exit code 1" in told
        run(chat, "report-good", "3.0.0")
        assert "a later run succeeded" in await story(chat, "later run")
        assert len(roots(chat)) == 1
        assert stg.store.get(CRON_JOBS, "batch", "report") is not None


def run(chat: Chat, name: str, version: str) -> None:
    """Start a run of the CronJob report by hand."""
    stg = chat.sandbox.clusters["stg"]
    owner = stg.store.get(CRON_JOBS, "batch", "report")
    assert owner is not None
    host = chat.sandbox.url.removeprefix("http://")
    container = {"name": "report", "image": f"{host}/growlio/report:{version}"}
    stg.create(
        {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {
                "namespace": "batch",
                "name": name,
                "annotations": {"cronjob.kubernetes.io/instantiate": "manual"},
                "ownerReferences": [
                    {
                        "apiVersion": "batch/v1",
                        "kind": "CronJob",
                        "name": "report",
                        "uid": owner["metadata"]["uid"],
                        "controller": True,
                    }
                ],
            },
            "spec": {"backoffLimit": 1, "template": {"spec": {"restartPolicy": "Never", "containers": [container]}}},
        }
    )


async def test_what_crashed_while_the_bot_was_away_is_told_once_and_a_restart_repeats_nothing(tmp_path: Path) -> None:
    async with chat_about_pods(tmp_path, with_bot=False, cluster_options=Options(restart_s=0.1)) as chat:
        stg = chat.sandbox.clusters["stg"]
        name = a_pod(chat, "admin")["name"]
        stg.crash_pod("admin", name)
        await chat.until(restarted(chat, name, 1), 60, lambda: str(stg.pods_view()))
        async with running_bot(chat):
            await looked(chat)
        assert roots(chat) == [], "the first look is no news"
        for count in (2, 3):
            stg.crash_pod("admin", name)
            await chat.until(restarted(chat, name, count), 60, lambda: str(stg.pods_view()))
        async with running_bot(chat):
            told = await story(chat, "ready now")
            assert "*admin* in *stg* ran out of memory twice while I was away, ready now" in told
        before = len(chat.calls("chat.postMessage")), len(chat.calls("chat.update"))
        async with running_bot(chat):
            assert (len(chat.calls("chat.postMessage")), len(chat.calls("chat.update"))) == before
        assert len(roots(chat)) == 1
        assert stg.store.get(DEPLOYMENTS, "admin", "admin") is not None


async def test_what_falls_while_the_watches_are_cut_is_told_once_when_they_see_again(tmp_path: Path) -> None:
    async with chat_about_pods(tmp_path, cluster_options=Options(restart_s=0.1)) as chat:
        stg = chat.sandbox.clusters["stg"]
        name = a_pod(chat, "admin")["name"]
        stg.faults.add(Fault(FaultKind.RESET, path=r"/pods\?.*watch=1", count=None))
        stg.end_watches()
        for count in (1, 2):
            stg.crash_pod("admin", name)
            await chat.until(restarted(chat, name, count), 60, lambda: str(stg.pods_view()))
        stg.faults.clear()
        await story(chat, "(?s)healed by itself.*2 restarts")
        assert len(roots(chat)) == 1


async def test_a_crash_that_follows_within_ten_minutes_opens_the_same_message_again(tmp_path: Path) -> None:
    async with chat_about_pods(tmp_path, healed_after="1s", cluster_options=Options(restart_s=0.1)) as chat:
        stg = chat.sandbox.clusters["stg"]
        name = a_pod(chat, "web")["name"]
        stg.crash_pod("web", name)
        await story(chat, "healed by itself")
        stg.crash_pod("web", name)
        await story(chat, "(?s)healed by itself.*2 restarts")
        assert len(roots(chat)) == 1


async def looked(chat: Chat) -> None:
    """Until the first look at stg's admin is over and kept."""
    assert chat.bot is not None
    for _ in range(600):
        async with chat.bot.ctx.database.read() as connection:
            if "pods/admin" in await pods.watched(connection, EnvironmentName("stg")):
                return
        await asyncio.sleep(0.1)
    raise AssertionError("nobody looked at the pods of admin")


def restarted(chat: Chat, name: str, count: int) -> Callable[[], Json | None]:
    """A look whether a pod of stg was restarted so often and is ready."""
    rows = chat.sandbox.clusters["stg"].pods_view
    return lambda: next((r for r in rows() if r["name"] == name and r["restarts"] == count and r["ready"]), None)


async def test_without_a_channel_for_pods_nothing_is_watched(tmp_path: Path) -> None:
    def change(text: str) -> str:
        return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("pods:"))

    async with open_chat(tmp_path, change=change) as chat:
        await chat.alice.says("/deploy stg admin 1.4.2")
        await chat.card(phase="Succeeded")
        asked = [request.query for request in chat.sandbox.clusters["stg"].requests]
        assert asked
        assert not [query for query in asked if "watch=1" in query]


async def test_a_story_that_healed_while_the_bot_was_away_is_closed_in_its_own_message(tmp_path: Path) -> None:
    async with chat_about_pods(tmp_path, with_bot=False) as chat:
        stg = chat.sandbox.clusters["stg"]
        name = a_pod(chat, "admin")["name"]
        async with running_bot(chat):
            stg.crash_pod("admin", name)
            await story(chat, r"\*admin\* in \*stg\*")
        await chat.until(restarted(chat, name, 1), 60, lambda: str(stg.pods_view()))
        async with running_bot(chat):
            assert "restarted by the kubelet, 1 restart" in await story(chat, "healed by itself")
        assert len(roots(chat)) == 1


async def test_the_story_of_a_workload_that_is_deleted_ends_with_it(tmp_path: Path) -> None:
    async with chat_about_pods(tmp_path, cluster_options=Options(restart_s=600)) as chat:
        chat.sandbox.clusters["stg"].crash_pod("web", a_pod(chat, "web")["name"])
        await story(chat, r"\*web\* in \*stg\*")
        await chat.kubectl_delete("stg", "web", "deployments", "web")
        assert "the deployment was deleted" in await story(chat, "is over after")
        assert len(roots(chat)) == 1
