"""What the API server may do wrong, and which error of ours it becomes; a write is never sent twice."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot.errors import Conflict, NotFound, OutsideError, Refused, TooBusy, Unreachable
from bot.kube import workloads
from bot.kube.clients import Cluster, Expired
from bot.sandbox.kube.faults import Fault, FaultKind
from tests.wire.kube_world import (
    ADMIN,
    IMAGE,
    STG,
    World,
    client,
    deployment,
    kubeconfig,
    serving,
    settled,
    until,
    world,
)

RECORDINGS = Path(__file__).parent.parent / "recordings" / "kubernetes"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture
async def stg(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path) as running:
        running.there.create(deployment())
        await settled(running)
        yield running


class Server:
    """An API server whose every answer is scripted; counts what it was asked."""

    def __init__(self, answer: Handler) -> None:
        self.answer = answer
        self.seen: list[web.Request] = []

    def app(self) -> web.Application:
        async def handle(request: web.Request) -> web.StreamResponse:
            self.seen.append(request)
            return await self.answer(request)

        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", handle)
        return app


@pytest.fixture
def scripted(tmp_path: Path):
    """Runs `use(cluster, server)` against a scripted server."""

    async def run(answer: Handler, use: Callable[[Cluster, Server], Awaitable[Any]]) -> Any:
        server = Server(answer)
        async with serving(server.app()) as url:
            cluster = client(kubeconfig(tmp_path / "kubeconfig", url))
            try:
                return await use(cluster, server)
            finally:
                await cluster.close()

    return run


async def write(cluster: Cluster, timeout_s: float = 60.0) -> Any:
    body = {"metadata": {"annotations": {"a": "b"}}}
    return await cluster.request(
        "PATCH", "/x", body=body, content_type="application/merge-patch+json", timeout_s=timeout_s
    )


def status(code: int, reason: str, message: str, **headers: str) -> Handler:
    async def answer(_: web.Request) -> web.Response:
        body = {"kind": "Status", "status": "Failure", "reason": reason, "message": message, "code": code}
        return web.json_response(body, status=code, headers=headers)

    return answer


def plain(code: int, text: str, content_type: str = "text/plain", **headers: str) -> Handler:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=text, status=code, content_type=content_type, headers=headers)

    return answer


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (status(400, "BadRequest", "what?"), Refused, "what?"),
        (status(403, "Forbidden", "deployments.apps is forbidden"), Refused, "is forbidden"),
        (status(404, "NotFound", 'deployments.apps "x" not found'), NotFound, '"x" not found'),
        (plain(404, "404 page not found\n"), NotFound, "404 page not found"),
        (status(409, "Conflict", "has been modified"), Conflict, "has been modified"),
        (status(410, "Expired", "too old resource version"), Expired, "too old"),
        (status(415, "UnsupportedMediaType", "no"), Refused, "no"),
        (status(422, "Invalid", "spec.replicas: Invalid value: -1"), Refused, "Invalid value"),
        (status(429, "TooManyRequests", "slow down"), TooBusy, "slow down"),
        (plain(429, "Too many requests, please try again later.\n"), TooBusy, "try again later"),
        (status(500, "InternalError", "etcd is away"), Unreachable, "etcd is away"),
        (plain(502, "<html><body>Bad Gateway</body></html>", "text/html"), Unreachable, "HTTP 502"),
        (plain(503, ""), Unreachable, "HTTP 503"),
        (status(504, "Timeout", "request did not complete"), Unreachable, "did not complete"),
        (plain(408, "slow"), Unreachable, "HTTP 408"),
        (plain(302, "", Location="https://elsewhere.example.com/"), Unreachable, "HTTP 302"),
        (plain(200, "ready"), Unreachable, "not JSON"),
        (plain(200, '{"kind":"Deploy'), Unreachable, "not JSON"),
        (plain(200, "[1]"), Unreachable, "not an object"),
        (plain(403, "<html>proxy says no</html>", "text/html"), Refused, "HTTP 403"),
        (plain(400, "[]"), Refused, "HTTP 400"),
    ],
)
async def test_every_answer_becomes_one_of_our_errors_and_a_write_is_sent_once(scripted, answer, kind, words):
    async def use(cluster: Cluster, server: Server) -> None:
        with pytest.raises(OutsideError) as raised:
            await write(cluster)
        assert type(raised.value) is kind
        assert words in raised.value.text
        assert raised.value.system == "stg's API server"
        assert len(server.seen) == 1

    await scripted(answer, use)


def recorded() -> list[dict[str, Any]]:
    lines = (RECORDINGS / "errors.jsonl").read_text(encoding="utf-8").splitlines()
    events = [json.loads(line) for line in lines]
    return [event for event in events if event["kind"] == "request" and event["status"] >= 400]


@pytest.mark.parametrize("event", recorded(), ids=lambda event: f"{event['status']} {event['method']}")
async def test_every_recorded_refusal_of_a_real_server_is_understood(scripted, event):
    kinds: dict[int, type[OutsideError]] = {
        401: Refused,
        403: Refused,
        400: Refused,
        415: Refused,
        422: Refused,
        404: NotFound,
        409: Conflict,
    }
    body = event["response"]

    async def answer(_: web.Request) -> web.Response:
        if isinstance(body, str):
            return web.Response(text=body, status=event["status"])
        return web.json_response(body, status=event["status"])

    async def use(cluster: Cluster, _: Server) -> None:
        with pytest.raises(kinds[event["status"]]) as raised:
            await write(cluster)
        assert raised.value.text == (body.strip() if isinstance(body, str) else body["message"])
        if isinstance(raised.value, Refused):
            assert raised.value.code == body["reason"]

    await scripted(answer, use)


@pytest.mark.parametrize(
    ("header", "wait_s"), [("5", 5.0), (None, 1.0), ("soon", 1.0), ("-3", 0.0), ("999999", 3600.0)]
)
async def test_a_busy_server_says_when_to_come_back(scripted, header, wait_s):
    headers = {} if header is None else {"Retry-After": header}

    async def use(cluster: Cluster, _: Server) -> None:
        with pytest.raises(TooBusy) as raised:
            await cluster.request("GET", "/x")
        assert raised.value.retry_after_s == wait_s

    await scripted(plain(429, "Too many requests", **headers), use)


async def test_a_server_that_hangs_is_unreachable_after_the_time_allowed(scripted):
    never = asyncio.Event()

    async def hang(_: web.Request) -> web.Response:
        await never.wait()
        return web.Response()

    async def use(cluster: Cluster, server: Server) -> None:
        with pytest.raises(Unreachable, match=r"no answer to PATCH /x in 1 s"):
            await write(cluster, timeout_s=1.0)
        await until(lambda: server.seen)
        assert len(server.seen) == 1
        never.set()

    await scripted(hang, use)


async def test_a_body_that_never_ends_is_unreachable_too(scripted):
    done = asyncio.Event()

    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        await response.write(b'{"kind":')
        await done.wait()
        return response

    async def use(cluster: Cluster, _: Server) -> None:
        with pytest.raises(Unreachable, match="no answer"):
            await cluster.request("GET", "/x", timeout_s=0.3)
        done.set()

    await scripted(drip, use)


async def test_an_answer_without_end_is_cut_off(scripted):
    async def flood(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            for _ in range(200):
                await response.write(b" " * 2**20)
        return response

    async def use(cluster: Cluster, server: Server) -> None:
        with pytest.raises(Unreachable, match="more than 64 MiB"):
            await cluster.request("GET", "/x", timeout_s=60)
        assert len(server.seen) == 1

    await scripted(flood, use)


def resetting(times: int) -> Handler:
    """Drops the connection the first `times` times, then answers."""
    left = times

    async def answer(request: web.Request) -> web.Response:
        nonlocal left
        if left > 0:
            left -= 1
            assert request.transport is not None
            request.transport.abort()
        return web.json_response({"kind": "Ok"})

    return answer


async def test_a_dropped_read_is_tried_again_and_a_dropped_write_is_not(scripted):
    async def reads(cluster: Cluster, server: Server) -> None:
        assert await cluster.request("GET", "/x") == {"kind": "Ok"}
        assert len(server.seen) == 2

    async def writes(cluster: Cluster, server: Server) -> None:
        with pytest.raises(Unreachable):
            await write(cluster)
        assert len(server.seen) == 1

    await scripted(resetting(1), reads)
    await scripted(resetting(1), writes)


async def test_a_server_that_keeps_dropping_reads_is_given_up(scripted):
    async def use(cluster: Cluster, server: Server) -> None:
        with pytest.raises(Unreachable):
            await cluster.request("GET", "/x")
        # One retry of ours, each of which the HTTP client may repeat on a kept-alive connection.
        assert 2 <= len(server.seen) <= 4

    await scripted(resetting(9), use)


async def test_a_server_that_is_not_there_is_unreachable(tmp_path: Path):
    async with serving(web.Application()) as url:
        gone = url
    cluster = client(kubeconfig(tmp_path / "kubeconfig", gone))
    with pytest.raises(Unreachable):
        await cluster.request("GET", "/x")
    await cluster.close()


async def test_a_rotated_token_is_read_again_and_the_write_sent_once_more(tmp_path: Path):
    token = tmp_path / "token"
    token.write_text("old")
    done: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != "Bearer new":
            return web.json_response({"reason": "Unauthorized", "message": "Unauthorized"}, status=401)
        done.append(request.method)
        return web.json_response({"kind": "Ok"})

    server = Server(answer)
    async with serving(server.app()) as url:
        cluster = client(kubeconfig(tmp_path / "kubeconfig", url, {"tokenFile": str(token)}))
        with pytest.raises(Refused) as raised:
            await write(cluster)
        assert raised.value.code == "Unauthorized"
        assert len(server.seen) == 2
        token.write_text("new\n")
        # Many at once: each fails once at most, and every one of them is carried out exactly once.
        await asyncio.gather(*(write(cluster) for _ in range(10)))
        assert done == ["PATCH"] * 10
        await write(cluster)
        assert len(server.seen) <= 2 + 20 + 1
        await cluster.close()


async def test_the_token_is_never_sent_to_where_a_redirect_leads(tmp_path: Path):
    stranger = Server(plain(200, "{}"))
    async with serving(stranger.app()) as elsewhere:

        async def redirect(_: web.Request) -> web.Response:
            return web.Response(status=307, headers={"Location": elsewhere})

        async with serving(Server(redirect).app()) as url:
            cluster = client(kubeconfig(tmp_path / "kubeconfig", url))
            with pytest.raises(Unreachable, match="307"):
                await cluster.request("GET", "/x")
            await cluster.close()
    assert stranger.seen == []


async def test_a_body_without_its_content_type_is_a_mistake_of_ours(scripted):
    async def use(cluster: Cluster, server: Server) -> None:
        with pytest.raises(ValueError, match="content type"):
            await cluster.request("PATCH", "/x", body={})
        assert server.seen == []

    await scripted(plain(200, "{}"), use)


async def test_errors_do_not_show_the_token(scripted):
    async def use(cluster: Cluster, _: Server) -> None:
        with pytest.raises(OutsideError) as raised:
            await cluster.request("GET", "/x")
        assert "right" not in repr(raised.value) + str(raised.value.__cause__)

    await scripted(plain(500, "no"), use)


FAULTS = [
    (Fault(FaultKind.UNAUTHORIZED, method="PATCH", count=None), Refused, 2),
    (Fault(FaultKind.CONFLICT, method="PATCH", count=None), Conflict, 1),
    (Fault(FaultKind.STATUS, method="PATCH", code=429, body="Too many requests", retry_after_s=7), TooBusy, 1),
    (Fault(FaultKind.STATUS, method="PATCH", code=503, body="apiserver is shutting down"), Unreachable, 1),
    (Fault(FaultKind.RESET, method="PATCH"), Unreachable, 1),
]


@pytest.mark.parametrize(("fault", "kind", "sent"), FAULTS, ids=[fault.kind.value for fault, _, _ in FAULTS])
async def test_a_release_meets_each_fault_with_one_patch_and_the_image_unchanged(stg: World, fault, kind, sent):
    seen = await workloads.read(stg.here, ADMIN)
    stg.there.faults.add(fault)
    with pytest.raises(kind):
        await workloads.set_image(stg.here, seen, container="admin", image=f"{IMAGE}:2", annotations={})
    assert stg.writes() == ["PATCH"] * sent
    stg.there.faults.clear()
    assert (await workloads.read(stg.here, ADMIN)).images == {"admin": f"{IMAGE}:1.0.0"}


async def test_one_refused_token_is_mended_without_anybody_noticing(stg: World):
    seen = await workloads.read(stg.here, ADMIN)
    stg.there.faults.add(Fault(FaultKind.UNAUTHORIZED, method="PATCH"))
    after = await workloads.set_image(stg.here, seen, container="admin", image=f"{IMAGE}:2", annotations={})
    assert after.images == {"admin": f"{IMAGE}:2"}
    assert after.generation == seen.generation + 1


@pytest.mark.parametrize(("path", "lacking"), [("/pods", "pods"), ("/events", "events"), ("/replicasets", "revisions")])
async def test_an_observation_does_without_what_it_may_not_read(stg: World, path: str, lacking: str):
    stg.there.faults.add(Fault(FaultKind.STATUS, method="GET", path=path, count=None, code=403, body="no"))
    seen = await workloads.observe(stg.here, ADMIN, with_pods=True)
    assert seen.unseen == (lacking,)
    assert seen.workload.images == {"admin": f"{IMAGE}:1.0.0"}


async def test_an_observation_needs_its_workload(stg: World):
    stg.there.faults.add(Fault(FaultKind.STATUS, method="GET", path="/deployments", count=None, code=403, body="no"))
    with pytest.raises(Refused):
        await workloads.observe(stg.here, ADMIN, with_pods=True)


async def test_the_identity_of_a_cluster_that_hides_it_is_empty(stg: World):
    stg.there.faults.add(Fault(FaultKind.STATUS, path="/namespaces/kube-system", code=403, body="no"))
    assert await workloads.identity(stg.here) == ""


@pytest.mark.parametrize("code", [400, 403, 404, 429, 500])
async def test_last_words_that_can_not_be_had_are_none(stg: World, code: int):
    stg.there.faults.add(Fault(FaultKind.STATUS, path="/log", count=None, code=code, body="no"))
    assert await workloads.last_words(stg.here, "growlio", "admin-x", "admin") == ()


async def test_last_words_are_the_end_of_the_previous_run_without_secrets(scripted):
    asked: list[tuple[str, str]] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append((request.query["previous"], request.query["container"]))
        lines = [f"line {number}" for number in range(50)]
        return web.Response(text="\n".join([*lines, "\x1b[31mpassword=hunter2\x1b[0m", "", ""]))

    async def use(cluster: Cluster, _: Server) -> None:
        shown = await workloads.last_words(cluster, "growlio", "admin-1", "admin", lines=3)
        assert shown == ("line 48", "line 49", "password=‹redacted›")
        assert asked == [("true", "admin")]

    await scripted(answer, use)


async def test_without_a_previous_run_the_present_one_speaks(scripted):
    async def answer(request: web.Request) -> web.Response:
        if request.query["previous"] == "true":
            body = {"reason": "BadRequest", "message": 'previous terminated container "admin" in pod "x" not found'}
            return web.json_response(body, status=400)
        return web.Response(text="starting\n")

    async def use(cluster: Cluster, _: Server) -> None:
        assert await workloads.last_words(cluster, "growlio", "admin-1", "admin") == ("starting",)

    await scripted(answer, use)


def test_the_name_of_the_system_is_for_people(tmp_path: Path):
    cluster = client(kubeconfig(tmp_path / "kubeconfig", "http://127.0.0.1:1"))
    assert (cluster.name, cluster.system) == (STG, "stg's API server")
