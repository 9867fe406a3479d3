"""How often an API server in trouble is asked: twenty times a minute at most, and for a list every five seconds."""

import asyncio
import json
from itertools import pairwise
from pathlib import Path

import pytest
from aiohttp import web

from bot.kube.watches import Pace, Watch
from bot.kube.watches.watch import DOUBTS, SLICE
from tests.kube.watch_world import Answer, JumpingClock, Known, Row, Script, StepClock, at_work, row
from tests.wire.kube_world import client, kubeconfig, serving, until

MINUTES = 20
EVENT = {"type": "MODIFIED", "object": {"metadata": {"name": "a", "namespace": "shop", "resourceVersion": "8"}}}
BOOKMARK = {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "8"}}}
EXPIRED = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}}
GARBAGE = {"type": "GARBAGE", "object": {}}


def says(*lines: object) -> Answer:
    """Says these lines and ends in good order."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=b"".join(json.dumps(line).encode() + b"\n" for line in lines))

    return answer


def refuses(status: int, body: str = "", **headers: str) -> Answer:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, text=body, headers=headers)

    return answer


async def reset(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def half_a_line(_: web.Request) -> web.Response:
    return web.Response(body=json.dumps(EVENT).encode()[:30])


async def empty_list(_: web.Request) -> web.Response:
    return web.json_response({"kind": "List", "metadata": {"resourceVersion": "7"}, "items": []})


async def no_list(_: web.Request) -> web.Response:
    return web.json_response({"kind": "Pod"})


@pytest.mark.parametrize(
    ("on_list", "on_watch"),
    [
        pytest.param(empty_list, says(), id="streams end at once"),
        pytest.param(empty_list, says(EVENT), id="streams end after an event"),
        pytest.param(empty_list, says(BOOKMARK), id="streams end after a bookmark"),
        pytest.param(empty_list, says(EXPIRED), id="streams expire at once"),
        pytest.param(empty_list, says(EVENT, EXPIRED), id="streams expire after an event"),
        pytest.param(refuses(410, "{}"), says(), id="lists expire"),
        pytest.param(empty_list, says(GARBAGE), id="streams say strange things"),
        pytest.param(empty_list, half_a_line, id="streams end amid a line"),
        pytest.param(empty_list, reset, id="streams are reset"),
        pytest.param(empty_list, refuses(503), id="streams are refused"),
        pytest.param(refuses(503), says(), id="lists are refused"),
        pytest.param(reset, says(), id="lists are reset"),
        pytest.param(no_list, says(), id="lists are none"),
        pytest.param(empty_list, refuses(410, "{}"), id="every position is expired"),
        pytest.param(empty_list, refuses(429, "slow down", **{"Retry-After": "0"}), id="busy without end"),
        pytest.param(empty_list, refuses(400, "{}"), id="positions are no good"),
    ],
)
async def test_a_server_in_trouble_is_not_made_worse(tmp_path: Path, on_list: Answer, on_watch: Answer) -> None:
    clock = JumpingClock()
    script = Script(clock, on_list, on_watch)
    async with serving(script.app()) as url:
        here = client(kubeconfig(tmp_path / "kubeconfig", url))
        watch = Watch(here, "/api/v1/pods", row, pace=clock.pace())
        async with at_work(watch, lambda each: each.name) as work:
            await work.until(lambda: clock.now_s > 60 * MINUTES, within_s=60)
        await here.close()
    assert script.most_in_a_minute() <= 20
    assert all(later - earlier >= 5 for earlier, later in pairwise(script.lists) if later > earlier)
    assert len(script.lists) + len(script.watches) >= MINUTES  # it never gives up


async def test_many_watches_of_a_server_in_trouble_ask_together_no_more_than_one(tmp_path: Path) -> None:
    """Twenty good streams are cut and end at once for some minutes; then all is well, and all go on."""
    clock = StepClock(tasks=20)
    is_well = asyncio.Event()
    is_well.set()
    is_cut = asyncio.Event()
    opened = 0

    async def on_watch(request: web.Request) -> web.StreamResponse:
        nonlocal opened
        response = web.StreamResponse()
        await response.prepare(request)
        if is_well.is_set():
            opened += 1
            with clock.held():
                await is_cut.wait()
        return response

    script = Script(clock, empty_list, on_watch)
    async with serving(script.app()) as url, asyncio.TaskGroup() as group:
        here = client(kubeconfig(tmp_path / "kubeconfig", url))
        watches = [Watch(here, f"/api/v1/pods-{number}", row, pace=clock.pace()) for number in range(20)]
        known: Known[Row] = Known(lambda each: each.name)
        tasks = [group.create_task(watch.run(known.take)) for watch in watches]

        def have_lasted() -> bool:
            """While all streams are held, nobody sleeps: so here a second passes with each look."""
            if opened == len(watches):
                clock.now_s += 1.0
            return opened == len(watches) and here.patience.is_working(clock.now_s)

        await until(have_lasted)
        cut_s = clock.now_s
        is_well.clear()
        is_cut.set()
        await until(lambda: clock.now_s > cut_s + 240)
        troubled = script.most_in_a_minute(since_s=cut_s)
        await until(lambda: all(watch.fault and not watch.synced for watch in watches))
        is_cut.clear()
        opened = 0
        is_well.set()
        await until(lambda: have_lasted() and all(watch.synced for watch in watches))
        is_cut.set()
        for task in tasks:
            task.cancel()
        await here.close()
    assert 0 < troubled <= 20


async def test_who_is_forbidden_to_look_asks_about_once_a_minute(tmp_path: Path) -> None:
    clock = JumpingClock()
    forbidden = json.dumps({"kind": "Status", "code": 403, "reason": "Forbidden", "message": "pods is forbidden"})
    script = Script(clock, refuses(403, forbidden), says())
    async with serving(script.app()) as url:
        here = client(kubeconfig(tmp_path / "kubeconfig", url))
        watch = Watch(here, "/api/v1/pods", row, pace=clock.pace())
        async with at_work(watch, lambda each: each.name) as work:
            await work.until(lambda: clock.now_s > 60 * MINUTES)
            assert work.watch.fault == ("stg's API server: we may not list pods in all namespaces: pods is forbidden")
        await here.close()
    asked = [each for each in script.lists if each <= 60 * MINUTES]
    assert MINUTES / 2 <= len(asked) <= MINUTES + 1


async def knows_only_its_own_version(request: web.Request) -> web.StreamResponse:
    """A server that was restored from a backup: versions of later are answered with an error of its own."""
    if request.query["resourceVersion"] != "7":
        return web.json_response({"kind": "Status", "code": 504, "message": "Too large resource version"}, status=504)
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(json.dumps({**EVENT, "object": {"metadata": {"name": "b", "resourceVersion": "9"}}}).encode())
    await response.write(b"\n")
    return response


async def test_a_position_that_the_server_cannot_serve_is_given_up_for_a_list(tmp_path: Path) -> None:
    clock = JumpingClock()
    script = Script(clock, empty_list, knows_only_its_own_version)
    async with serving(script.app()) as url:
        here = client(kubeconfig(tmp_path / "kubeconfig", url))
        watch = Watch(here, "/api/v1/pods", lambda raw: Row("", raw["metadata"]["name"], ""), pace=clock.pace())
        async with at_work(watch, lambda each: each.name) as work:
            await work.until(lambda: len(script.lists) >= 3)
            assert len(work.known.changes) >= 2
        await here.close()
    before_second = [each for each in script.watches if each < script.lists[1]]
    assert len(before_second) == 1 + DOUBTS


async def test_the_loop_is_free_while_5000_objects_are_listed(tmp_path: Path) -> None:
    """Between two turns of another task no more than a slice is made small, in lists of ten pages."""
    item = {"metadata": {"name": "a", "namespace": "shop", "labels": {"app": "a" * 2000}}}
    page = json.dumps([item] * 500)[1:-1]
    pages = 0

    async def on_list(_: web.Request) -> web.Response:
        nonlocal pages
        pages += 1
        rest = "" if pages == 10 else '"continue":"more",'
        return web.Response(text=f'{{"metadata":{{{rest}"resourceVersion":"7"}},"items":[{page}]}}')

    async def on_watch(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await asyncio.sleep(60)
        return response

    made = most = 0

    def project(raw: object) -> Row:
        nonlocal made
        made += 1
        return Row("shop", str(made), "")

    async def tick() -> None:
        nonlocal most
        while True:
            before = made
            await asyncio.sleep(0)
            most = max(most, made - before)

    script = Script(JumpingClock(), on_list, on_watch)
    async with serving(script.app()) as url:
        here = client(kubeconfig(tmp_path / "kubeconfig", url))
        ticking = asyncio.create_task(tick())
        async with at_work(Watch(here, "/api/v1/pods", project), lambda each: each.name) as work:
            await work.until(lambda: work.watch.synced)
            ticking.cancel()
            assert len(work.known.rows) == 5000
        await here.close()
    assert 0 < most <= SLICE
    assert len(script.lists) == pages == 10


def test_pauses_grow_to_half_a_minute_and_streams_live_five_to_ten_minutes() -> None:
    least, most = Pace(chance=lambda: 0.0), Pace(chance=lambda: 1.0)
    assert [Pace(chance=lambda: 0.5).back_off_s(n) for n in range(1, 9)] == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert (least.back_off_s(9), most.back_off_s(9)) == (22.5, 37.5)
    assert (least.length_s(), most.length_s()) == (300, 600)
