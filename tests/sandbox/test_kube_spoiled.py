"""Answers of the simulated API server gone wrong on order, seen with a bare socket: every fault, byte by byte."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest

from bot.sandbox.kube import Fault, FaultKind
from bot.sandbox.kube.faults import fault_from
from bot.sandbox.kube.kinds import CONFIG_MAPS
from tests.sandbox.kube_client import APPS, CORE, DEADLINE_S, TOKEN, Json, Kube, deployment, served

MAPS = f"{CORE}/configmaps"
WATCH = f"{MAPS}?watch=1&timeoutSeconds=20"


@pytest.fixture
async def kube() -> AsyncIterator[Kube]:
    async with served() as running:
        for name in ("one", "two"):
            await running.post(MAPS, {"metadata": {"name": name}, "data": {"n": "0"}})
        yield running


@dataclass(frozen=True, slots=True)
class Heard:
    """What came over a socket."""

    head: bytes
    body: bytes
    is_over: bool
    """False when the server still held the connection open at the end of our patience."""

    @property
    def status(self) -> int:
        return int(self.head.split(b" ", 2)[1]) if self.head else 0

    @property
    def lines(self) -> list[Json]:
        """The whole lines; half a one is left out."""
        return [json.loads(line) for line in self.body.split(b"\n")[:-1]]

    def header(self, name: str) -> str:
        for line in self.head.decode().splitlines()[1:]:
            key, _, value = line.partition(": ")
            if key.lower() == name:
                return value
        return ""


def has_head(got: bytes) -> bool:
    """Whether the answer has begun."""
    return b"\r\n\r\n" in got


def has_lines(count: int) -> Callable[[bytes], bool]:
    """Whether so many whole lines of the body have come."""
    return lambda got: got.partition(b"\r\n\r\n")[2].count(b"\n") >= count


async def hear(
    kube: Kube,
    path: str,
    method: str = "GET",
    patience_s: float = DEADLINE_S,
    first: Callable[[bytes], bool] = lambda _: True,
) -> Heard:
    """Ask over HTTP/1.0, where a body is what comes until the end. Our patience runs from when `first` holds."""
    host, port = kube.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"{method} {path} HTTP/1.0\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode())
    got, over = b"", False
    try:
        async with asyncio.timeout(DEADLINE_S):
            while not first(got) and (piece := await reader.read(65536)):
                got += piece
        async with asyncio.timeout(patience_s):
            while piece := await reader.read(65536):
                got += piece
            over = True
    except TimeoutError:
        over = False
    except ConnectionError:
        over = True
    finally:
        writer.close()
    head, _, body = got.partition(b"\r\n\r\n")
    return Heard(head, body, over)


async def test_a_cut_answer_ends_after_so_many_bytes_of_those_it_promised(kube: Kube) -> None:
    whole = await hear(kube, MAPS)
    kube.cluster.faults.add(Fault(FaultKind.CUT, size=100))
    heard = await hear(kube, MAPS)
    assert (heard.status, heard.body, heard.is_over) == (200, whole.body[:100], True)
    assert int(heard.header("content-length")) == len(whole.body)
    assert (await hear(kube, MAPS)).body == whole.body


async def test_a_cut_answer_of_many_bytes_is_cut_at_that_byte_too(kube: Kube) -> None:
    for name in ("a", "b", "c", "d"):
        await kube.post(MAPS, {"metadata": {"name": name}, "data": {"n": "x" * 900_000}})
    kube.cluster.faults.add(Fault(FaultKind.CUT, size=3_333_333))
    assert len((await hear(kube, MAPS)).body) == 3_333_333


async def test_a_cut_watch_breaks_in_the_middle_of_an_event(kube: Kube) -> None:
    whole = await hear(kube, f"{MAPS}?watch=1&timeoutSeconds=1")
    first = whole.body.index(b"\n") + 1
    kube.cluster.faults.add(Fault(FaultKind.CUT, size=first + 20))
    heard = await hear(kube, WATCH)
    assert heard.body == whole.body[: first + 20]
    assert heard.is_over
    assert len(heard.lines) == 1


async def test_half_a_line_comes_and_the_stream_ends_in_good_order(kube: Kube) -> None:
    kube.cluster.faults.add(Fault(FaultKind.HALF_LINE, after=2))
    heard = await hear(kube, WATCH)
    assert len(heard.lines) == 2
    rest = heard.body.rpartition(b"\n")[2]
    assert rest.startswith(b'{"type":"ADDED"')
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        json.loads(rest)
    assert heard.is_over


async def test_half_an_object_comes_under_its_own_length(kube: Kube) -> None:
    kube.cluster.faults.add(Fault(FaultKind.HALF_LINE))
    heard = await hear(kube, f"{MAPS}/one")
    assert int(heard.header("content-length")) == len(heard.body)
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        json.loads(heard.body)


async def test_instant_eof_is_200_and_nothing(kube: Kube) -> None:
    kube.cluster.faults.add(Fault(FaultKind.EOF, count=3))
    for path in (WATCH, WATCH, MAPS):
        heard = await hear(kube, path)
        assert (heard.status, heard.body, heard.is_over) == (200, b"", True)


async def test_a_silent_watch_is_accepted_and_never_says_a_word(kube: Kube) -> None:
    kube.cluster.faults.add(Fault(FaultKind.SILENT, path="watch=1"))
    listening = asyncio.create_task(hear(kube, f"{MAPS}?watch=1&timeoutSeconds=1", patience_s=1.5, first=has_head))
    await kube.merge(f"{MAPS}/one", {"data": {"n": "1"}})
    heard = await listening
    assert (heard.status, heard.body, heard.is_over) == (200, b"", False)


async def test_a_watch_falls_silent_after_some_events(kube: Kube) -> None:
    kube.cluster.faults.add(Fault(FaultKind.SILENT, after=1))
    heard = await hear(kube, WATCH, patience_s=0.3, first=has_lines(1))
    assert (len(heard.lines), heard.is_over) == (1, False)


async def test_a_silent_answer_is_nothing_at_all(kube: Kube) -> None:
    kube.cluster.faults.add(Fault(FaultKind.SILENT))
    assert await hear(kube, MAPS, patience_s=0.3) == Heard(b"", b"", False)


async def test_a_server_that_stops_ends_what_is_silent() -> None:
    async with served() as kube:
        kube.cluster.faults.add(Fault(FaultKind.SILENT, count=None))
        listening = asyncio.create_task(hear(kube, MAPS))
        async with asyncio.timeout(DEADLINE_S):
            while not kube.cluster.faults.remaining()[0].fired:
                await asyncio.sleep(0.01)
    assert (await listening).is_over


async def test_410_comes_as_a_status_to_lists_and_as_an_event_to_watches(kube: Kube) -> None:
    kube.cluster.faults.add(Fault(FaultKind.EXPIRED, count=2, after=1))
    heard = await hear(kube, WATCH)
    assert [line["type"] for line in heard.lines] == ["ADDED", "ERROR"]
    assert (heard.lines[1]["object"]["code"], heard.lines[1]["object"]["reason"]) == (410, "Expired")
    assert heard.is_over
    refused = await kube.send("GET", MAPS)
    assert (refused.status, refused.body["reason"]) == (410, "Expired")


async def test_a_stale_list_shows_the_world_as_it_was(kube: Kube) -> None:
    before = await kube.get(MAPS)
    kube.cluster.faults.add(Fault(FaultKind.STALE, method="GET", count=3))
    await kube.merge(f"{MAPS}/one", {"data": {"n": "1"}})
    assert (await kube.send("DELETE", f"{MAPS}/two")).status == 200
    await kube.post(MAPS, {"metadata": {"name": "three"}})
    assert await kube.get(MAPS) == before
    assert (await kube.get(f"{MAPS}/two"))["data"] == {"n": "0"}
    assert (await kube.send("GET", f"{MAPS}/three")).status == 404
    now = {each["metadata"]["name"] for each in (await kube.get(MAPS))["items"]}
    assert {"one", "three"} <= now
    assert "two" not in now


async def test_busy_is_said_in_plain_text_with_a_time_to_come_back(kube: Kube) -> None:
    order = {"do": "status", "status": 429, "body": "Too many requests, please try again later.\n", "retry_after": 5}
    kube.cluster.faults.add(fault_from(order))
    heard = await hear(kube, MAPS)
    assert (heard.status, heard.header("retry-after")) == (429, "5")
    assert heard.header("content-type").startswith("text/plain")
    assert heard.body == b"Too many requests, please try again later.\n"


async def test_an_odd_event_stands_among_the_others(kube: Kube) -> None:
    odd = json.dumps({"type": "RELABELLED", "object": {"kind": "ConfigMap", "padding": "x" * 6 * 2**20}})
    kube.cluster.faults.add(Fault(FaultKind.SAY, body=odd, after=1))
    heard = await hear(kube, WATCH, patience_s=0.1, first=has_lines(4))
    assert [line["type"] for line in heard.lines] == ["ADDED", "RELABELLED", "ADDED", "ADDED"]
    assert len(heard.body) > 6 * 2**20


async def test_what_hangs_after_it_was_done_has_been_done(kube: Kube) -> None:
    kube.cluster.faults.add(Fault(FaultKind.HANG_AFTER, method="DELETE", seconds=30))
    assert not (await hear(kube, f"{MAPS}/one", "DELETE", patience_s=0.3)).is_over
    await kube.until(f"{MAPS}/one", lambda body: body.get("code") == 404)


async def test_requests_may_pass_before_a_fault_and_others_are_left_alone(kube: Kube) -> None:
    rule = kube.cluster.faults.add(fault_from({"do": "reset", "method": "GET", "path": "/configmaps", "skip": 1}))
    assert (await hear(kube, MAPS)).status == 200
    assert (await hear(kube, f"{APPS}/deployments")).status == 200
    assert await hear(kube, MAPS) == Heard(b"", b"", True)
    assert rule.as_json()["fired"] == 1
    assert (await hear(kube, MAPS)).status == 200


async def test_watches_can_be_ended_and_their_history_lost(kube: Kube) -> None:
    since = (await kube.get(MAPS))["metadata"]["resourceVersion"]
    listening = asyncio.create_task(hear(kube, f"{WATCH}&resourceVersion={since}"))
    async with asyncio.timeout(DEADLINE_S):
        while not kube.cluster.store.collection(CONFIG_MAPS).watchers:
            await asyncio.sleep(0.01)
    kube.cluster.end_watches()
    ended = await listening
    assert (ended.status, ended.body, ended.is_over) == (200, b"", True)
    kube.cluster.expire_history()
    again = await hear(kube, f"{WATCH}&resourceVersion={since}")
    assert again.lines[0]["object"]["code"] == 410


async def test_a_clock_that_jumps_is_seen_in_timestamps_and_moves_deadlines(kube: Kube) -> None:
    stuck = deployment("stuck", "x:1-broken", replicas=1, progressDeadlineSeconds=3600)
    await kube.post(f"{APPS}/deployments", stuck)
    await kube.until(f"{APPS}/deployments/stuck", lambda d: d["status"].get("updatedReplicas") == 1)
    kube.cluster.jump_clock(7200)
    late = await kube.until(f"{APPS}/deployments/stuck", lambda d: "ProgressDeadlineExceeded" in str(d["status"]))
    kube.cluster.jump_clock(-86400)
    made = await kube.post(MAPS, {"metadata": {"name": "earlier"}})
    assert made["metadata"]["creationTimestamp"] < late["metadata"]["creationTimestamp"]
    await kube.post(f"{APPS}/deployments", deployment("fine"))
    await kube.rolled_out("fine")


@pytest.mark.parametrize(
    ("order", "told"),
    [
        ({"do": "explode"}, "unknown fault 'explode'"),
        ({}, "unknown fault None"),
        ({"do": "hang", "sekonds": 3}, "unknown field 'sekonds'"),
        ({"do": "hang", "seconds": "3"}, "seconds of a fault can not be '3'"),
        ({"do": "reset", "times": True}, "times of a fault can not be True"),
        ({"do": "reset", "path": "("}, r"'\(' is no regular expression"),
        ({"do": "status", "status": 42}, "status of a fault can not be 42"),
    ],
)
def test_orders_that_nobody_understands_are_refused(order: Json, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        fault_from(order)
