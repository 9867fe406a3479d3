"""The bot's client and answers gone wrong half-way: what it says, how often it asks, what it has changed."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.rollout import RolloutState, rollout_status
from bot.errors import Conflict, OutsideError, Refused, TooBusy, Unreachable
from bot.kube import workloads
from bot.kube.clients import Expired
from bot.sandbox.kube.faults import Fault, FaultKind
from tests.wire.kube_world import ADMIN, IMAGE, World, deployment, settled, until, world


@pytest.fixture
async def stg(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path) as running:
        running.there.create(deployment())
        await settled(running)
        yield running


SPOILED = [
    (Fault(FaultKind.CUT, size=200, count=None), Unreachable),
    (Fault(FaultKind.CUT, size=0, count=None), Unreachable),
    (Fault(FaultKind.HALF_LINE, count=None), Unreachable),
    (Fault(FaultKind.EOF, count=None), Unreachable),
    (Fault(FaultKind.SAY, body='{"kind": "Deploy', count=None), Unreachable),
    (Fault(FaultKind.SAY, body="[]", count=None), Unreachable),
    (Fault(FaultKind.SILENT, count=None), Unreachable),
    (Fault(FaultKind.HANG_AFTER, seconds=60, count=None), Unreachable),
    (Fault(FaultKind.EXPIRED, count=None), Expired),
    (Fault(FaultKind.STATUS, code=429, body="Too many requests", retry_after_s=5, count=None), TooBusy),
    (
        Fault(FaultKind.STATUS, code=502, body="<html>Bad Gateway</html>", count=None),
        Unreachable,
    ),
    (Fault(FaultKind.UNAUTHORIZED, count=None), Refused),
]
NAMES = [f"{fault.kind.value} {fault.size or fault.body[:3]}".strip() for fault, _ in SPOILED]


def patience_s(fault: Fault) -> float:
    """Short where nothing will come; else only a test that fails waits this long."""
    return 0.5 if fault.kind in (FaultKind.SILENT, FaultKind.HANG_AFTER) else 60.0


@pytest.mark.parametrize(("fault", "kind"), SPOILED, ids=NAMES)
async def test_a_spoiled_answer_to_a_read_is_one_of_our_errors_after_few_requests(stg: World, fault, kind):
    rule = stg.there.faults.add(replace(fault))
    with pytest.raises(OutsideError) as raised:
        await stg.here.request("GET", "/api/v1/namespaces/growlio/pods", timeout_s=patience_s(fault))
    assert isinstance(raised.value, kind)
    await until(lambda: rule.fired)
    # One retry of ours, and what the HTTP client repeats on a connection that was kept.
    assert 1 <= rule.fired <= 4
    stg.there.faults.clear()
    assert (await workloads.read(stg.here, ADMIN)).images == {"admin": f"{IMAGE}:1.0.0"}


@pytest.mark.parametrize(("fault", "kind"), SPOILED, ids=NAMES)
async def test_a_spoiled_answer_to_a_write_is_never_answered_with_a_second_write(stg: World, fault, kind):
    rule = stg.there.faults.add(replace(fault, method="PATCH"))
    path = "/apis/apps/v1/namespaces/growlio/deployments/admin"
    body = {"metadata": {"annotations": {"a": "b"}}}
    with pytest.raises(OutsideError) as raised:
        await stg.here.request(
            "PATCH", path, body=body, content_type="application/merge-patch+json", timeout_s=patience_s(fault)
        )
    assert isinstance(raised.value, kind)
    await until(lambda: rule.fired)
    # A 401 has surely changed nothing, so it may be sent once more.
    assert rule.fired == (2 if kind is Refused else 1)


@pytest.mark.parametrize("kind", [FaultKind.CUT, FaultKind.RESET, FaultKind.UNAUTHORIZED])
async def test_one_broken_read_is_mended_without_anybody_noticing(stg: World, kind: FaultKind):
    stg.there.faults.add(Fault(kind, size=50))
    assert (await workloads.read(stg.here, ADMIN)).images == {"admin": f"{IMAGE}:1.0.0"}


async def test_a_busy_server_says_in_plain_text_when_to_come_back(stg: World):
    stg.there.faults.add(Fault(FaultKind.STATUS, code=429, body="Too many requests", retry_after_s=5))
    with pytest.raises(TooBusy) as raised:
        await workloads.read(stg.here, ADMIN)
    assert raised.value.retry_after_s == 5.0


async def test_an_expired_page_voids_the_list_and_the_next_list_is_whole(stg: World):
    stg.there.faults.add(Fault(FaultKind.EXPIRED, path="continue="))
    for number in range(600):
        name = {"metadata": {"name": f"n{number:03}", "namespace": "growlio"}}
        stg.there.create({"apiVersion": "v1", "kind": "ConfigMap", **name})
    path = "/api/v1/namespaces/growlio/configmaps"
    with pytest.raises(Expired):
        async for _ in stg.here.pages(path):
            pass
    assert sum([len(page) async for page in stg.here.pages(path)]) == 601


async def test_a_stale_cache_never_makes_an_unfinished_rollout_look_done(stg: World):
    stg.there.faults.add(Fault(FaultKind.STALE, method="GET", count=None))
    seen = await workloads.read(stg.here, ADMIN)
    after = await workloads.set_image(stg.here, seen, container="admin", image=f"{IMAGE}:2", annotations={})
    stale = await workloads.read(stg.here, ADMIN)
    assert stale.generation == seen.generation < after.generation
    assert rollout_status(stale, generation=after.generation).state is not RolloutState.DONE
    with pytest.raises(Conflict):
        await workloads.set_image(stg.here, stale, container="admin", image=f"{IMAGE}:3", annotations={})
    stg.there.faults.clear()
    assert (await settled(stg, generation=after.generation)).images == {"admin": f"{IMAGE}:2"}


async def test_a_lost_answer_to_a_write_is_found_done_afterwards(stg: World):
    seen = await workloads.read(stg.here, ADMIN)
    stg.there.faults.add(Fault(FaultKind.CUT, method="PATCH", size=10))
    with pytest.raises(Unreachable):
        await workloads.set_image(stg.here, seen, container="admin", image=f"{IMAGE}:2", annotations={})
    assert (await workloads.read(stg.here, ADMIN)).images == {"admin": f"{IMAGE}:2"}
    assert stg.writes() == ["PATCH"]


async def test_a_silent_server_holds_nobody_longer_than_allowed(stg: World):
    stg.there.faults.add(Fault(FaultKind.SILENT, count=None))
    with pytest.raises(Unreachable, match=r"no answer to GET /api/v1/pods in 0\.3 s"):
        await stg.here.request("GET", "/api/v1/pods", timeout_s=0.3)
