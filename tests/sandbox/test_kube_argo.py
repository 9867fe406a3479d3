"""Argo's Rollouts of the simulated cluster: sizes for a weight, steps and pauses, promotion, abort."""

from typing import Any

import pytest

from bot.sandbox.kube.controllers.rollout_rules import Crowd, next_sizes, pods_for
from tests.sandbox.kube_client import APPS, Json, Kube, deployment, served

ROLLOUTS = "/apis/argoproj.io/v1alpha1/namespaces/shop/rollouts"
WEB = f"{ROLLOUTS}/web"
HASH = "rollouts-pod-template-hash"
STEPS = [{"setWeight": 25}, {"pause": {}}, {"setWeight": 50}, {"pause": {"duration": "1s"}}, {"setWeight": 75}]
UNPAUSED = {"status": {"pauseConditions": None}}


def rollout(replicas: int = 4, steps: list[Json] | None = None, tag: str = "1.0.0", **canary: object) -> Json:
    made = deployment("web", f"registry.local/web:{tag}")
    strategy = {"canary": {"steps": STEPS if steps is None else steps, **canary}}
    spec = {"replicas": replicas, "selector": made["spec"]["selector"], "template": made["spec"]["template"]}
    return {"metadata": {"name": "web"}, "spec": {**spec, "strategy": strategy}}


def image(tag: str) -> Json:
    """A merge patch replaces a whole list."""
    template = rollout(tag=tag)["spec"]["template"]
    return {"spec": {"template": {"spec": {"containers": template["spec"]["containers"]}}}}


async def healthy(kube: Kube) -> Any:
    return await kube.until(
        WEB,
        lambda r: (
            r.get("status", {}).get("phase") == "Healthy"
            and r["status"]["observedGeneration"] == str(r["metadata"]["generation"])
        ),
    )


async def paused(kube: Kube, index: int) -> Any:
    return await kube.until(
        WEB,
        lambda r: (
            r["status"].get("message") == "CanaryPauseStep"
            and r["status"]["currentStepIndex"] == index
            and r["status"]["observedGeneration"] == str(r["metadata"]["generation"])
        ),
    )


async def sizes(kube: Kube) -> dict[str, int]:
    """Tag → pods wanted."""
    found: dict[str, int] = {}
    for each in (await kube.get(f"{APPS}/replicasets"))["items"]:
        container = each["spec"]["template"]["spec"]["containers"][0]
        found[container["image"].rpartition(":")[2]] = each["spec"]["replicas"]
        assert each["metadata"]["labels"][HASH] in each["metadata"]["name"]
    return found


@pytest.mark.parametrize(
    ("replicas", "weight", "surge", "expected"),
    [
        (1, 10, 1, (1, 1)), (1, 40, 0, (0, 1)), (1, 50, 0, (1, 0)),
        (2, 5, 1, (1, 2)), (2, 50, 1, (1, 1)), (2, 75, 1, (2, 1)), (2, 60, 0, (1, 1)), (2, 75, 0, (0, 2)),
        (3, 33, 1, (1, 2)), (3, 50, 1, (2, 2)), (3, 90, 1, (3, 1)), (3, 90, 0, (2, 1)),
        (4, 10, 1, (1, 4)), (4, 33, 1, (2, 3)), (4, 90, 1, (4, 1)), (4, 20, 0, (1, 3)),
        (5, 10, 1, (1, 5)), (5, 25, 1, (1, 4)), (5, 33, 1, (2, 4)), (5, 50, 1, (3, 3)), (5, 50, 0, (3, 2)),
        (10, 5, 1, (1, 10)), (10, 25, 1, (3, 8)), (10, 33, 1, (3, 7)), (10, 75, 1, (8, 3)), (10, 75, 0, (8, 2)),
        (7, 0, 1, (0, 7)), (7, 100, 1, (7, 0)),
    ],
)  # fmt: skip
def test_pods_for_a_weight_are_those_of_the_controller(
    replicas: int, weight: int, surge: int, expected: tuple[int, int]
) -> None:
    assert pods_for(weight, replicas, surge) == expected


def test_sizes_grow_within_the_surge_and_shrink_when_others_serve() -> None:
    wish = rollout(4, maxSurge=1, maxUnavailable=0)
    assert next_sizes(wish, (2, 2), Crowd(0, 0), Crowd(4, 4), 0) == (1, 4)
    assert next_sizes(wish, (2, 2), Crowd(1, 0), Crowd(4, 4), 0) == (1, 4)
    assert next_sizes(wish, (2, 2), Crowd(2, 2), Crowd(3, 3), 0) == (2, 2)
    assert next_sizes(wish, (0, 4), Crowd(2, 0), Crowd(2, 2), 0) == (2, 3)
    assert next_sizes(wish, (4, 0), Crowd(2, 2), Crowd(2, 2), 1) == (2, 2)


async def test_the_first_version_follows_no_steps_and_the_next_one_stops_where_it_should() -> None:
    async with served() as kube:
        await kube.post(ROLLOUTS, rollout())
        first = await healthy(kube)
        assert first["status"]["stableRS"] == first["status"]["currentPodHash"]
        assert (first["status"]["currentStepIndex"], first["status"]["HPAReplicas"]) == (5, 4)
        await kube.merge(WEB, image("1.1.0"))
        seen = await paused(kube, 1)
        assert (seen["status"]["phase"], seen["status"]["controllerPause"]) == ("Paused", True)
        assert seen["status"]["stableRS"] == first["status"]["stableRS"] != seen["status"]["currentPodHash"]
        assert await sizes(kube) == {"1.0.0": 3, "1.1.0": 1}
        await kube.merge(f"{WEB}/status", UNPAUSED)
        done = await healthy(kube)
        assert done["status"]["stableRS"] == seen["status"]["currentPodHash"]
        assert "controllerPause" not in done["status"]
        assert await sizes(kube) == {"1.0.0": 0, "1.1.0": 4}


async def test_an_aborted_update_gives_everybody_the_old_version_and_stays_degraded() -> None:
    async with served() as kube:
        await kube.post(ROLLOUTS, rollout())
        await healthy(kube)
        await kube.merge(WEB, image("1.1.0"))
        await paused(kube, 1)
        await kube.merge(f"{WEB}/status", {"status": {"abort": True}})
        seen = await kube.until(
            WEB, lambda r: r["status"]["phase"] == "Degraded" and r["status"].get("updatedReplicas") is None
        )
        assert seen["status"]["message"] == "RolloutAborted: Rollout aborted update to revision 2"
        assert await sizes(kube) == {"1.0.0": 4, "1.1.0": 0}
        await kube.merge(WEB, image("1.0.0"))
        back = await healthy(kube)
        assert "abort" not in back["status"]
        assert (back["status"]["currentStepIndex"], back["metadata"]["generation"]) == (5, 3)


async def test_a_full_promotion_skips_steps_and_pauses() -> None:
    async with served() as kube:
        await kube.post(ROLLOUTS, rollout(steps=[{"setWeight": 10}, {"pause": {}}, {"setWeight": 20}, {"pause": {}}]))
        await healthy(kube)
        await kube.merge(WEB, image("1.1.0"))
        await paused(kube, 1)
        await kube.merge(f"{WEB}/status", {"status": {"promoteFull": True}})
        done = await healthy(kube)
        assert "promoteFull" not in done["status"]
        assert await sizes(kube) == {"1.0.0": 0, "1.1.0": 4}


async def test_another_list_of_steps_begins_at_its_first_without_a_dip() -> None:
    async with served() as kube:
        await kube.post(ROLLOUTS, rollout(steps=[{"setWeight": 25}, {"pause": {}}]))
        await healthy(kube)
        await kube.merge(WEB, image("1.1.0"))
        await paused(kube, 1)
        for weight, wanted in ((50, {"1.0.0": 2, "1.1.0": 2}), (25, {"1.0.0": 3, "1.1.0": 1})):
            steps = [{"setWeight": weight}, {"pause": {}}]
            await kube.merge(WEB, {"spec": {"strategy": {"canary": {"steps": steps}}}})
            await paused(kube, 1)
            assert await sizes(kube) == wanted


async def test_a_manual_pause_holds_an_update_and_a_strategic_patch_is_refused() -> None:
    async with served() as kube:
        await kube.post(ROLLOUTS, rollout(steps=[]))
        await healthy(kube)
        await kube.merge(WEB, {"spec": {"paused": True}})
        await kube.merge(WEB, image("1.1.0"))
        held = await kube.until(WEB, lambda r: r["status"]["observedGeneration"] == "3")
        assert (held["status"]["phase"], held["status"]["message"]) == ("Paused", "manually paused")
        answer = await kube.send("PATCH", WEB, image("1.2.0"), kind="application/strategic-merge-patch+json")
        assert answer.status == 415
        await kube.merge(WEB, {"spec": {"paused": None}})
        await healthy(kube)
        assert await sizes(kube) == {"1.0.0": 0, "1.1.0": 4}


async def test_what_it_cannot_follow_is_said_in_the_status() -> None:
    async with served() as kube:
        wish = rollout()
        wish["spec"]["strategy"] = {"blueGreen": {"activeService": "web"}}
        await kube.post(ROLLOUTS, wish)
        seen = await kube.until(WEB, lambda r: r.get("status", {}).get("phase") == "Degraded")
        assert seen["status"]["message"].startswith("InvalidSpec: spec.strategy")
