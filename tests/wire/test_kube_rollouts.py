"""Argo's Rollouts as the cluster sees them: releases past and through their steps, canaries by steps lent to them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web

from bot.domain.canary.scheme import CanaryCourse, CanaryScheme, CanarySight, Driver
from bot.domain.catalog import WorkloadKind
from bot.domain.release import Release, ReleaseKind
from bot.domain.rollout import ArgoState, Workload
from bot.errors import Conflict
from bot.kube import canaries, workloads
from bot.kube.canaries.argo import KEPT
from bot.sandbox.kube.options import Options
from tests.domain.release_worlds import plan, release
from tests.wire.kube_world import ADMIN, IMAGE, World, client, deployment, kubeconfig, serving, until, world

ROLLOUT = replace(ADMIN, kind=WorkloadKind.ROLLOUT)
OBJECT = "/apis/argoproj.io/v1alpha1/namespaces/growlio/rollouts/admin"
OWN_STEPS = [{"setWeight": 50}, {"pause": {}}, {"setWeight": 75}, {"pause": {"duration": "1h"}}]
TOLD = "app.kubernetes.io/version"


@pytest.fixture
async def stg(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path, Options(speed=4)) as running:
        yield running


def rollout(replicas: int = 4, *, steps: list[dict[str, Any]] | None = None, **canary: Any) -> dict[str, Any]:
    made = deployment(replicas=replicas)
    labels = {**made["spec"]["template"]["metadata"]["labels"], TOLD: "1.0.0"}
    made["spec"]["template"]["metadata"]["labels"] = labels
    strategy = {"canary": {**({} if steps == [] else {"steps": steps or OWN_STEPS}), **canary}}
    spec = {**made["spec"], "strategy": strategy}
    return {**made, "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "spec": spec}


def service() -> dict[str, Any]:
    spec = {"selector": {"app.kubernetes.io/name": "admin"}, "ports": [{"port": 80, "targetPort": 80}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "admin", "namespace": "growlio"}, "spec": spec}


async def now(stg: World) -> tuple[Workload, ArgoState]:
    seen = await workloads.read(stg.here, ROLLOUT)
    assert seen.argo is not None
    return seen, seen.argo


async def healthy(stg: World, image: str) -> Workload:
    """The Rollout once everybody has the image, and nothing else of it runs."""

    async def look() -> Workload | None:
        seen, argo = await now(stg)
        fresh = seen.observed_generation == seen.generation and seen.images == {"admin": f"{IMAGE}:{image}"}
        done = fresh and argo.phase == "Healthy" and argo.is_promoted and seen.total == seen.updated == seen.ready
        return seen if done else None

    found = await until(look)
    assert isinstance(found, Workload)
    return found


async def held(stg: World) -> Workload:
    async def look() -> Workload | None:
        seen, argo = await now(stg)
        return seen if argo.pauses and seen.observed_generation == seen.generation else None

    found = await until(look)
    assert isinstance(found, Workload)
    return found


async def opened(stg: World, **how: Any) -> Workload:
    stg.there.create(rollout(**how))
    stg.there.create(service())
    return await healthy(stg, "1.0.0")


async def canary(stg: World, percent: int) -> Release:
    stable = await healthy(stg, "1.0.0")
    setting = await canaries.detect(stg.here, stable)
    assert setting.obstacles == ()
    scheme = CanaryScheme(
        setting.driver, (percent,), 600.0, False, setting.carrier, kubernetes_service=setting.kubernetes_service
    )
    images = {"from_image": f"{IMAGE}:1.0.0", "to_image": f"{IMAGE}:1.1.0"}
    versions = {"from_version": "1.0.0", "to_version": "1.1.0"}
    wished = plan(kind=ReleaseKind.CANARY, workload=ROLLOUT, uid=stable.uid, canary=scheme, **images, **versions)
    return release(wished, canary=CanaryCourse(asked=percent))


def asking(row: Release, percent: int) -> Release:
    assert row.canary is not None
    return replace(row, canary=replace(row.canary, asked=percent))


async def look(stg: World, row: Release) -> CanarySight:
    seen, _ = await now(stg)
    return await canaries.look(stg.here, row, seen, datetime.now(UTC))


async def reached(stg: World, row: Release, pods: str) -> CanarySight:
    """The canary at its share, driven as the loop does: one write a look. Endpoints follow a little after the pods."""

    async def step() -> CanarySight | None:
        seen = await look(stg, row)
        assert seen.foreign == ""
        if not seen.is_set:
            with suppress(Conflict):  # its controller writes too; the loop looks again then, and so does this
                await canaries.set_share(stg.here, row, (await now(stg))[0])
        return seen if seen.is_set and seen.is_ready and seen.pods == pods else None

    found = await until(step)
    assert isinstance(found, CanarySight)
    return found


async def gone(stg: World, row: Release) -> None:
    async def step() -> bool:
        seen = await look(stg, row)
        if not seen.is_gone:
            with suppress(Conflict):
                await canaries.remove(stg.here, row, (await now(stg))[0])
        return seen.is_gone

    await until(step)


async def written(stg: World, write: Callable[[Workload], Awaitable[Any]]) -> Workload:
    """The Rollout after a write, which is made anew while its controller writes in between."""

    async def once() -> Workload | None:
        with suppress(Conflict):
            await write((await now(stg))[0])
            return (await now(stg))[0]
        return None

    found = await until(once)
    assert isinstance(found, Workload)
    return found


async def deploy(stg: World, version: str) -> Workload:
    marks = {"kajitori/op-id": "01J"}
    return await written(
        stg,
        lambda seen: workloads.set_image(
            stg.here, seen, container="admin", image=f"{IMAGE}:{version}", annotations=marks
        ),
    )


def writes(stg: World) -> list[tuple[str, Any]]:
    """Path and body of each patch that came through, oldest first."""
    return [
        (each.path.removeprefix(OBJECT), orjson.loads(each.body))
        for each in stg.there.requests
        if each.method == "PATCH" and each.status < 300
    ]


async def test_an_image_is_set_under_tests_and_the_rollouts_own_steps_hold_it_until_it_is_promoted(stg: World) -> None:
    before = await opened(stg)
    assert (await deploy(stg, "1.1.0")).generation == before.generation + 1
    paused = await held(stg)
    assert paused.argo is not None
    assert paused.argo.place == "step 2 of 4 (pause), 50 % on the new version"
    assert paused.resume_command == "kubectl argo rollouts promote admin -n growlio"
    await written(stg, lambda seen: workloads.pass_steps(stg.here, seen))
    after = await healthy(stg, "1.1.0")
    assert after.annotations["kajitori/op-id"] == "01J"
    labels = after.template["metadata"]["labels"]  # type: ignore[index]
    assert labels[TOLD] == "1.1.0"
    assert [revision.images for revision in await workloads.revisions(stg.here, ROLLOUT)] == [
        {"admin": f"{IMAGE}:1.1.0"},
        {"admin": f"{IMAGE}:1.0.0"},
    ]


async def test_a_canary_has_steps_of_its_own_and_an_abort_gives_all_of_it_back(stg: World) -> None:
    before = await opened(stg)
    row = await canary(stg, 25)
    assert (await reached(stg, row, "1 of 4 pods")).achieved == 25.0
    assert (await now(stg))[0].annotations[KEPT]
    row = asking(row, 50)
    assert (await reached(stg, row, "2 of 4 pods")).achieved == 50.0
    assert (await now(stg))[1].steps == ("setWeight 25", "setWeight 50", "pause")
    await gone(stg, row)
    after = await healthy(stg, "1.0.0")
    assert after.template == before.template
    assert after.argo is not None
    assert after.argo.steps == ("setWeight 50", "pause", "setWeight 75", "pause 1h")
    assert KEPT not in after.annotations
    assert [path for path, _ in writes(stg)] == ["", "", "/status", ""]
    assert writes(stg)[2][1]["status"] == {"abort": True}


async def test_a_promoted_canary_leaves_the_version_and_takes_its_steps_along(stg: World) -> None:
    await opened(stg, steps=[])
    row = await canary(stg, 50)
    await reached(stg, row, "2 of 4 pods")
    await written(stg, lambda seen: workloads.pass_steps(stg.here, seen))
    await healthy(stg, "1.1.0")
    assert row.canary is not None
    await gone(stg, replace(row, canary=replace(row.canary, promotion="01KPROMOTION")))
    after = await healthy(stg, "1.1.0")
    assert after.argo is not None
    assert (after.argo.steps, KEPT in after.annotations) == ((), False)


async def test_a_promotion_that_is_taken_back_gives_back_version_and_steps(stg: World) -> None:
    before = await opened(stg)
    row = await canary(stg, 50)
    await reached(stg, row, "2 of 4 pods")
    await written(stg, lambda seen: canaries.give_back(stg.here, row, seen))
    after = await healthy(stg, "1.0.0")
    assert after.template == before.template
    assert after.argo is not None
    assert after.argo.steps[0] == "setWeight 50"
    assert (await look(stg, row)).is_gone


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            {"spec": {"strategy": {"canary": {"steps": [{"setWeight": 5}]}}}},
            "Somebody changed the steps of the Rollout",
        ),
        ({"status": {"abort": True}}, "was aborted, not from here"),
        ({"status": {"promoteFull": True}}, "Somebody promoted the Rollout admin, not from here"),
    ],
)
async def test_what_somebody_else_does_to_the_rollout_is_told_and_not_fought(
    stg: World, change: dict[str, Any], told: str
) -> None:
    await opened(stg)
    row = await canary(stg, 25)
    await reached(stg, row, "1 of 4 pods")
    path = f"{OBJECT}/status" if "status" in change else OBJECT
    await stg.here.request("PATCH", path, body=change, content_type="application/merge-patch+json")

    async def noticed() -> bool:
        return told in (await look(stg, row)).foreign

    await until(noticed)
    await gone(stg, row)
    assert KEPT not in (await now(stg))[0].annotations


async def test_what_a_canary_of_a_lost_database_did_to_a_rollout_is_found_and_put_back(stg: World) -> None:
    before = await opened(stg)
    row = await canary(stg, 25)
    await reached(stg, row, "1 of 4 pods")
    (found,) = await canaries.find_leftovers(stg.here, "growlio")
    assert (found.kind, found.name, found.op_id) == ("Rollout", "admin", row.id)
    assert found.made_at is not None

    async def removed() -> bool:
        with suppress(Conflict):
            return await canaries.remove_leftover(stg.here, found) == ""
        return False

    await until(removed)
    after = await healthy(stg, "1.0.0")
    assert after.template == before.template
    assert await canaries.find_leftovers(stg.here, "growlio") == ()


async def test_what_stands_in_a_canarys_way_is_told_before(stg: World) -> None:
    stable = await opened(stg)
    setting = await canaries.detect(stg.here, stable)
    assert (setting.driver, setting.carrier, setting.kubernetes_service) == (Driver.ROLLOUT, "admin", "admin")
    assert setting.warnings == (
        "The Rollout's own 4 steps (setWeight 50, pause, setWeight 75, pause 1h) are set aside for this canary, which "
        "writes its own, and put back at its end.",
    )
    assert "only the driver `rollout`" in (await canaries.detect(stg.here, stable, Driver.PODS)).obstacles[0]
    assert stable.argo is not None
    routed = replace(stable, argo=replace(stable.argo, has_router=True, whole=1000))
    assert "out of 1000" in (await canaries.detect(stg.here, routed)).obstacles[0]
    await deploy(stg, "1.1.0")
    moving = await held(stg)
    assert "is in the middle of an update (CanaryPauseStep)" in (await canaries.detect(stg.here, moving)).obstacles[0]
    stg.there.create(deployment("other"))
    other = await workloads.read(stg.here, replace(ADMIN, name="other"))
    assert "is no Rollout" in (await canaries.detect(stg.here, other, Driver.ROLLOUT)).obstacles[0]


async def test_a_cluster_that_knows_no_rollouts_is_known_by_its_404(stg: World, tmp_path: Path) -> None:
    assert await workloads.serves_rollouts(stg.here)
    async with serving(web.Application()) as url:
        bare = client(kubeconfig(tmp_path / "bare", url))
        try:
            assert not await workloads.serves_rollouts(bare)
        finally:
            await bare.close()
