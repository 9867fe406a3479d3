"""Watches against a real socket: nothing is missed, whatever the API server or what lies before it does."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.domain.pods import PodSight
from bot.kube import sights
from bot.kube.watches import PODS, Changed, Listed, Watch
from bot.sandbox.kube.faults import Fault, FaultKind
from bot.sandbox.kube.kinds import PODS as POD_RESOURCE
from bot.sandbox.kube.options import Options
from tests.kube.watch_world import PATH, QUICK, JumpingClock, Row, at_work, is_watched, put, remove, row, watching
from tests.wire.kube_world import World, client, deployment, kubeconfig, settled, world

WATCHES = r"/configmaps\?.*watch=1"
LISTS = r"/configmaps\?.*limit="


@pytest.fixture
async def stg(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path) as running:
        yield running


def cut(stg: World) -> None:
    """Nobody gets through to a watch any more."""
    stg.there.faults.add(Fault(FaultKind.RESET, path=WATCHES, count=None))
    stg.there.end_watches()


def versions(stg: World) -> list[str]:
    """From which versions streams were asked for that have ended since."""
    asked = [each.query for each in stg.there.requests if "watch=1" in each.query]
    return [
        part.removeprefix("resourceVersion=") for query in asked for part in query.split("&") if "resourceV" in part
    ]


async def test_everything_is_told_once_and_then_each_change(stg: World) -> None:
    put(stg, "a", "1")
    put(stg, "b", "1")
    async with watching(stg) as work:
        [[first]] = work.known.told
        assert isinstance(first, Listed)
        assert {each.name for each in first.rows} == {"a", "b"}
        put(stg, "a", "2")
        put(stg, "c", "1")
        remove(stg, "b")
        await work.until_known(a="2", c="1")
        assert work.known.changes == [
            Changed(Row("growlio", "a", "2")),
            Changed(Row("growlio", "c", "1")),
            Changed(Row("growlio", "b", "1"), is_gone=True),
        ]
        assert (work.watch.counts.lists, work.watch.counts.connections, work.watch.counts.events) == (1, 1, 3)


async def test_a_stream_that_ends_is_resumed_where_it_was(stg: World) -> None:
    async with watching(stg) as work:
        put(stg, "a", "1")
        await work.until_known(a="1")
        cut(stg)
        await work.until(lambda: work.watch.fault)
        put(stg, "a", "2")
        put(stg, "b", "1")
        remove(stg, "b")
        stg.there.faults.clear()
        await work.until(lambda: len(work.known.changes) >= 4)
        assert [each.row.name for each in work.known.changes] == ["a", "a", "b", "b"]
        assert work.known.texts == {"a": "2"}
        assert work.watch.counts.lists == 1
        await work.until(lambda: work.watch.synced)


async def test_a_bookmark_moves_the_place_to_resume_from(tmp_path: Path) -> None:
    async with world(tmp_path, Options(bookmark_s=0.02)) as stg, watching(stg) as work:
        stg.there.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "growlio"}})
        now = stg.there.store.version

        heard = work.watch.counts.bookmarks
        await work.until(lambda: work.watch.counts.bookmarks >= heard + 2)  # the second was made after the change
        stg.there.end_watches()
        await work.until(lambda: len(versions(stg)) >= 1 and is_watched(stg))
        stg.there.end_watches()
        await work.until(lambda: len(versions(stg)) >= 2)
        assert int(versions(stg)[-1]) >= now
        assert work.known.changes == []
        assert work.watch.counts.lists == 1


async def test_an_expired_position_is_made_good_by_a_list(stg: World) -> None:
    put(stg, "a", "1")
    put(stg, "b", "1")
    async with watching(stg) as work:
        cut(stg)
        await work.until(lambda: work.watch.fault)
        put(stg, "a", "2")
        remove(stg, "b")
        stg.there.expire_history()
        # … and the first two lists are refused as expired too.
        stg.there.faults.clear()
        stg.there.faults.add(Fault(FaultKind.EXPIRED, path=LISTS, count=2))
        await work.until_known(a="2")
        assert work.watch.counts.lists == 4
        assert work.known.changes == []
        put(stg, "c", "1")
        await work.until_known(a="2", c="1")


async def test_an_open_stream_that_is_told_of_its_expiry_begins_again(stg: World) -> None:
    async with watching(stg) as work:
        put(stg, "a", "1")
        await work.until_known(a="1")
        stg.there.expire_history()
        await work.until(lambda: work.watch.counts.lists == 2 and work.watch.synced)
        put(stg, "a", "2")
        await work.until_known(a="2")


async def test_a_silent_stream_counts_as_dead(stg: World) -> None:
    stg.there.faults.add(Fault(FaultKind.SILENT, path=WATCHES))
    watch = Watch(stg.here, PATH, row, query={"labelSelector": "watched=yes"}, pace=replace(QUICK, quiet_s=0.3))
    async with at_work(watch, lambda each: each.name) as work:
        await work.until(lambda: work.watch.counts.connections == 1)
        put(stg, "a", "1")
        await work.until_known(a="1")
        assert work.watch.counts.lists == 1


async def test_a_server_that_falls_silent_again_and_again_is_asked_for_a_list(stg: World) -> None:
    stg.there.faults.add(Fault(FaultKind.SILENT, path=WATCHES, count=None))
    pace = replace(QUICK, quiet_s=0.1, steady_s=0.05)
    watch = Watch(stg.here, PATH, row, query={"labelSelector": "watched=yes"}, pace=pace)
    async with at_work(watch, lambda each: each.name) as work:
        await work.until(lambda: work.watch.counts.connections >= 1)
        put(stg, "a", "1")
        await work.until_known(a="1")
        assert work.watch.counts.lists >= 2
        assert work.watch.counts.connections >= 3


@pytest.mark.parametrize(
    "line",
    [
        '{"type":"STRANGE","object":{}}',
        '{"type":"ADDED","object":{"metadata":{"name":"x"}}}',
        '{"type":"ADDED"}',
        '{"type":"ERROR","object":{"kind":"Status","code":500,"message":"etcd is away"}}',
        '{"type":"ERROR","object":{}}',
        "Too many requests, please try again later.",
        "[]",
        '"x"',
        "\\xff{",
    ],
)
async def test_what_no_api_server_says_leads_to_a_fresh_list(stg: World, line: str) -> None:
    stg.there.faults.add(Fault(FaultKind.SAY, path=WATCHES, body=line, skip=1))
    async with watching(stg) as work:
        put(stg, "a", "1")
        await work.until_known(a="1")
        stg.there.end_watches()
        await work.until(lambda: work.watch.counts.lists == 2 and work.watch.synced)
        put(stg, "a", "2")
        await work.until_known(a="2")


async def test_half_a_line_leads_to_a_fresh_list(stg: World) -> None:
    stg.there.faults.add(Fault(FaultKind.HALF_LINE, path=WATCHES))
    async with watching(stg) as work:
        put(stg, "a", "1")
        await work.until_known(a="1")
        assert work.watch.counts.lists == 2


async def test_a_connection_that_breaks_amid_a_line_is_resumed(stg: World) -> None:
    stg.there.faults.add(Fault(FaultKind.CUT, path=WATCHES, size=100))
    async with watching(stg) as work:
        put(stg, "a", "1")
        await work.until_known(a="1")
        assert work.watch.counts.lists == 1


async def test_an_object_beyond_all_measure_is_let_go_and_counted(stg: World) -> None:
    event = {"type": "ADDED", "object": {"metadata": {"name": "huge", "resourceVersion": "7"}, "data": "x" * 6 * 2**20}}
    stg.there.faults.add(Fault(FaultKind.SAY, path=WATCHES, body=json.dumps(event)))
    async with watching(stg) as work:
        put(stg, "a", "1")
        await work.until_known(a="1")
        stg.there.end_watches()
        await work.until(lambda: work.watch.counts.oversized == 1)
        assert work.watch.counts.lists == 1


async def test_an_object_that_cannot_be_made_small_costs_only_itself(stg: World) -> None:
    put(stg, "a", "1")
    put(stg, "odd", "1")

    def project(raw: Any) -> Row:
        if raw["metadata"]["name"] == "odd":
            raise KeyError("odd")
        return row(raw)

    watch = Watch(stg.here, PATH, project, query={"labelSelector": "watched=yes"}, pace=QUICK)
    async with at_work(watch, lambda each: each.name) as work:
        await work.until_known(a="1")
        await work.until(lambda: is_watched(stg))
        put(stg, "odd", "2")
        put(stg, "a", "2")
        await work.until_known(a="2")
        assert (work.watch.counts.odd, work.watch.counts.lists) == (2, 1)


async def test_objects_of_no_interest_are_not_told(stg: World) -> None:
    put(stg, "a", "1")
    put(stg, "boring", "1")
    watch = Watch(
        stg.here,
        PATH,
        lambda raw: None if raw["metadata"]["name"] == "boring" else row(raw),
        query={"labelSelector": "watched=yes"},
        pace=QUICK,
    )
    async with at_work(watch, lambda each: each.name) as work:
        await work.until(lambda: is_watched(stg))
        put(stg, "boring", "2")
        remove(stg, "boring")
        put(stg, "a", "2")
        await work.until_known(a="2")
        assert len(work.known.changes) == 1


async def test_what_was_told_and_not_taken_is_told_again(stg: World) -> None:
    put(stg, "a", "1")
    async with watching(stg) as work:
        work.known.failing = 2
        put(stg, "a", "2")
        await work.until_known(a="2")
        assert work.watch.counts.lists == 3
        await work.until(lambda: work.watch.synced)


@pytest.mark.parametrize("path", [LISTS, WATCHES])
async def test_a_busy_server_is_left_alone_for_as_long_as_it_says(stg: World, path: str) -> None:
    busy = Fault(FaultKind.STATUS, path=path, code=429, body="Too many requests, please try again later.\n", count=3)
    busy.retry_after_s = 40
    stg.there.faults.add(busy)
    clock = JumpingClock()
    watch = Watch(stg.here, PATH, row, query={"labelSelector": "watched=yes"}, pace=clock.pace())
    async with at_work(watch, lambda each: each.name) as work:
        await work.until(lambda: is_watched(stg))
        pauses = [each for each in clock.slept if each > 0]
        assert len(pauses) == 3
        assert min(pauses) >= 40
        put(stg, "a", "1")
        await work.until_known(a="1")


async def test_a_token_that_was_rotated_is_read_anew(tmp_path: Path) -> None:
    async with world(tmp_path) as stg:
        token = tmp_path / "token"
        token.write_text("old")
        stg.there.access.users["old"] = "kubernetes-admin"
        here = client(kubeconfig(tmp_path / "rotated", stg.url, {"tokenFile": str(token)}))
        watch = Watch(here, PATH, row, query={"labelSelector": "watched=yes"}, pace=QUICK)
        async with at_work(watch, lambda each: each.name) as work:
            await work.until(lambda: is_watched(stg))
            token.write_text("new")
            stg.there.access.users["new"] = stg.there.access.users.pop("old")
            stg.there.end_watches()
            put(stg, "a", "1")
            await work.until_known(a="1")
            assert [each.status for each in stg.there.requests].count(401) == 1
            assert work.watch.counts.lists == 1
        await here.close()


async def test_a_refused_token_is_a_fault_that_passes(tmp_path: Path) -> None:
    async with world(tmp_path) as stg:
        here = client(kubeconfig(tmp_path / "wrong", stg.url, {"token": "not-yet"}))
        watch = Watch(here, PATH, row, query={"labelSelector": "watched=yes"}, pace=QUICK)
        async with at_work(watch, lambda each: each.name) as work:
            await work.until(lambda: "refuses to list configmaps" in work.watch.fault)
            assert not work.watch.synced
            stg.there.access.users["not-yet"] = "kubernetes-admin"
            put(stg, "a", "1")
            await work.until_known(a="1")
        await here.close()


async def test_a_kind_that_the_server_does_not_know_is_a_fault_in_plain_words(stg: World) -> None:
    watch = Watch(stg.here, "/apis/example.com/v1/namespaces/growlio/things", row, pace=QUICK)
    async with at_work(watch, lambda each: each.name) as work:
        await work.until(lambda: work.watch.fault.startswith("stg's API server knows no things"))


async def test_a_pod_that_crashed_while_nobody_watched_is_seen_by_comparing(tmp_path: Path) -> None:
    async with world(tmp_path, Options(speed=4, restart_s=0.2)) as stg:
        stg.there.create(deployment(replicas=1))
        await settled(stg)
        watch: Watch[PodSight] = Watch(stg.here, PODS.path("growlio"), sights.pod_sight, pace=QUICK)
        async with at_work(watch, lambda each: each.name) as work:
            await work.until(lambda: work.watch.synced)
            [before] = work.known.rows.values()
            stg.there.faults.add(Fault(FaultKind.RESET, path=r"/pods\?.*watch=1", count=None))
            stg.there.end_watches()
            await work.until(lambda: work.watch.fault)
            stg.there.crash_pod("growlio", before.name)

            def is_back() -> bool:
                raw = stg.there.store.get(POD_RESOURCE, "growlio", before.name)
                return raw is not None and (seen := sights.pod_sight(raw)).restarts == 1 and seen.ready

            await work.until(is_back)
            stg.there.expire_history()
            stg.there.faults.clear()
            await work.until(lambda: work.known.rows[before.name].restarts == 1)
            [after] = work.known.rows.values()
            assert (before.containers[0].deaths, after.containers[0].deaths) == (0, 1)
            ending = after.containers[0].ending
            assert ending is not None
            assert ending.reason == "OOMKilled"


async def test_streams_take_no_connection_from_requests(stg: World) -> None:
    query: dict[str, str | int] = {"watch": "1", "timeoutSeconds": 60}
    opened = [stg.here.stream(PATH, query=query) for _ in range(40)]
    for each in opened:
        await each.__aenter__()
    assert (await stg.here.request("GET", PATH))["kind"] == "ConfigMapList"
    for each in opened:
        await each.__aexit__(None, None, None)
