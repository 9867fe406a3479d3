"""Rollouts on the simulated cluster go as on a real one: success, broken images, crashes, undo, pause."""

import math
import time
from dataclasses import replace
from typing import Any

from tests.sandbox.kube_client import APPS, CORE, QUICK, Kube, conditions, deployment, is_rolled_out, served

TEMPLATE = "/spec/template"


async def containers(kube: Kube, holds: Any) -> Any:
    """Container statuses of all pods, once `holds` is true of one."""

    def found(pods: Any) -> Any:
        return next((c for p in pods["items"] for c in p["status"].get("containerStatuses") or [] if holds(c)), None)

    return found(await kube.until(f"{CORE}/pods", found))


def waits_for(reason: str) -> Any:
    return lambda c: c["state"].get("waiting", {}).get("reason") == reason


async def reasons(kube: Kube, kind: str) -> set[str]:
    events = await kube.get(f"{CORE}/events?fieldSelector=involvedObject.kind={kind}")
    return {e["reason"] for e in events["items"]}


async def test_a_new_image_rolls_out_revision_by_revision() -> None:
    async with served() as kube:
        await kube.post(f"{APPS}/deployments", deployment())
        before = await kube.rolled_out("admin")
        assert conditions(before) == {
            "Available": ("True", "MinimumReplicasAvailable"),
            "Progressing": ("True", "NewReplicaSetAvailable"),
        }
        patched = await kube.set_image("admin", "registry.local/admin:1.0.1")
        assert patched["metadata"]["generation"] == 2
        assert patched["status"]["observedGeneration"] == 1
        after = await kube.rolled_out("admin")
        assert after["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2"
        sets = (await kube.get(f"{APPS}/replicasets"))["items"]
        sizes = {s["metadata"]["annotations"]["deployment.kubernetes.io/revision"]: s["spec"]["replicas"] for s in sets}
        assert sizes == {"1": 0, "2": 3}
        assert {"ScalingReplicaSet"} == await reasons(kube, "Deployment")
        assert {"Scheduled", "Pulling", "Pulled", "Created", "Started"} <= await reasons(kube, "Pod")


async def test_a_watch_sees_every_state_of_a_first_rollout_in_the_recorded_order() -> None:
    async with served(replace(QUICK, start_s=0.2)) as kube:
        listed = await kube.get(f"{APPS}/deployments")
        await kube.post(f"{APPS}/deployments", deployment(replicas=1))
        await kube.rolled_out("admin")
        version = listed["metadata"]["resourceVersion"]
        path = f"{APPS}/deployments?watch=1&timeoutSeconds=1&resourceVersion={version}"
        states = []
        for event in await kube.watch(path, 99):
            status = event["object"]["status"]
            counts = tuple(status.get(f"{n}Replicas", 0) for n in ("updated", "ready", "available", "unavailable"))
            states.append((event["type"], status.get("observedGeneration"), counts, conditions(event["object"])))
        unavailable = ("False", "MinimumReplicasUnavailable")
        assert states == [
            ("ADDED", None, (0, 0, 0, 0), {}),
            ("MODIFIED", None, (0, 0, 0, 0), {"Progressing": ("True", "NewReplicaSetCreated")}),
            ("MODIFIED", 1, (0, 0, 0, 1), {"Progressing": ("True", "NewReplicaSetCreated"), "Available": unavailable}),
            ("MODIFIED", 1, (1, 0, 0, 1), {"Progressing": ("True", "ReplicaSetUpdated"), "Available": unavailable}),
            (
                "MODIFIED",
                1,
                (1, 1, 1, 0),
                {
                    "Progressing": ("True", "NewReplicaSetAvailable"),
                    "Available": ("True", "MinimumReplicasAvailable"),
                },
            ),
        ]


async def test_an_image_that_is_not_there_ends_in_the_deadline_and_keeps_the_old_pods() -> None:
    async with served(image_exists=lambda image: not image.endswith("9.9.9")) as kube:
        await kube.post(f"{APPS}/deployments", deployment(progressDeadlineSeconds=1))
        await kube.rolled_out("admin")
        await kube.set_image("admin", "registry.local/admin:9.9.9")
        first = await containers(kube, waits_for("ErrImagePull"))
        assert first["state"]["waiting"]["message"] == (
            'rpc error: code = NotFound desc = failed to pull and unpack image "registry.local/admin:9.9.9": failed to '
            'resolve reference "registry.local/admin:9.9.9": registry.local/admin:9.9.9: not found'
        )
        await containers(kube, waits_for("ImagePullBackOff"))
        stuck = await kube.until(
            f"{APPS}/deployments/admin", lambda d: conditions(d)["Progressing"][1] == "ProgressDeadlineExceeded"
        )
        assert conditions(stuck)["Progressing"][0] == "False"
        assert conditions(stuck)["Available"] == ("True", "MinimumReplicasAvailable")
        status = stuck["status"]
        assert (status["replicas"], status["updatedReplicas"], status["readyReplicas"]) == (4, 1, 3)
        assert {"Failed", "BackOff"} <= await reasons(kube, "Pod")


async def test_an_image_published_later_is_pulled_at_the_next_try() -> None:
    published: set[str] = set()
    options = replace(QUICK, pull_backoff_s=(0.05,), speed=4)
    async with served(options, image_exists=lambda image: image in published) as kube:
        await kube.post(f"{APPS}/deployments", deployment(replicas=1))
        await containers(kube, waits_for("ImagePullBackOff"))
        published.add("registry.local/admin:1.0.0")
        await kube.rolled_out("admin")


async def test_a_crashing_image_loops_with_its_last_words_in_the_previous_log() -> None:
    async with served() as kube:
        await kube.post(f"{APPS}/deployments", deployment(replicas=1, image="registry.local/admin:2.0.0-crash"))
        crashed = await containers(kube, waits_for("CrashLoopBackOff"))
        ended = crashed["lastState"]["terminated"]
        assert (ended["exitCode"], ended["reason"]) == (1, "Error")
        assert crashed["restartCount"] >= 1
        assert crashed["state"]["waiting"]["message"].startswith("back-off 10s restarting failed container=admin pod=")
        pod = (await kube.get(f"{CORE}/pods"))["items"][0]["metadata"]["name"]
        log = await kube.get(f"{CORE}/pods/{pod}/log?previous=true&tailLines=2")
        assert "ConnectionError" in log.splitlines()[-1]
        await containers(kube, lambda c: c["restartCount"] >= 2)


async def test_an_image_that_eats_memory_is_killed_with_137() -> None:
    async with served() as kube:
        await kube.post(f"{APPS}/deployments", deployment(replicas=1, image="registry.local/admin:2.0.0-oom"))
        ended = (await containers(kube, waits_for("CrashLoopBackOff")))["lastState"]["terminated"]
        assert (ended["exitCode"], ended["reason"]) == (137, "OOMKilled")


async def test_the_old_template_put_back_scales_the_old_replica_set_up_again() -> None:
    async with served() as kube:
        created = await kube.post(f"{APPS}/deployments", deployment())
        await kube.rolled_out("admin")
        old = (await kube.get(f"{APPS}/replicasets"))["items"][0]["metadata"]["name"]
        await kube.set_image("admin", "registry.local/admin:2.0.0-crash")
        await containers(kube, waits_for("CrashLoopBackOff"))
        undo = [{"op": "replace", "path": TEMPLATE, "value": created["spec"]["template"]}]
        await kube.send("PATCH", f"{APPS}/deployments/admin", undo, kind="application/json-patch+json")
        back = await kube.rolled_out("admin")
        assert back["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "3"
        sets = {s["metadata"]["name"]: s for s in (await kube.get(f"{APPS}/replicasets"))["items"]}
        assert len(sets) == 2
        assert sets[old]["spec"]["replicas"] == 3
        assert sets[old]["metadata"]["annotations"]["deployment.kubernetes.io/revision-history"] == "1"


async def test_pods_that_never_become_ready_are_unhealthy_and_stop_the_rollout() -> None:
    async with served(replace(QUICK, unhealthy_every_s=0.05)) as kube:
        await kube.post(f"{APPS}/deployments", deployment(image="registry.local/admin:1.0.0-unready", replicas=1))
        await kube.until(
            f"{CORE}/events?fieldSelector=reason=Unhealthy",
            lambda events: events["items"] and events["items"][0]["count"] >= 2,
        )
        shown = await kube.get(f"{APPS}/deployments/admin")
        assert shown["status"]["unavailableReplicas"] == 1


async def test_a_slow_image_becomes_ready_late() -> None:
    async with served(replace(QUICK, slow_s=0.3)) as kube:
        begun = time.monotonic()
        await kube.post(f"{APPS}/deployments", deployment(image="registry.local/admin:1.0.0-slow", replicas=1))
        await kube.rolled_out("admin")
        assert time.monotonic() - begun >= 0.3


async def test_an_image_that_is_slow_without_end_waits_until_it_is_told_to_hurry() -> None:
    async with served(replace(QUICK, slow_s=math.inf)) as kube:
        await kube.post(f"{APPS}/deployments", deployment(image="registry.local/admin:1.0.0-slow"))
        running = await containers(kube, lambda c: "running" in c["state"])
        assert running["ready"] is False
        kube.cluster.hurry()
        await kube.rolled_out("admin")
        await kube.set_image("admin", "registry.local/admin:1.0.1-slow")
        await kube.rolled_out("admin")


async def test_a_pod_that_fits_no_node_says_why() -> None:
    async with served() as kube:
        body = deployment(replicas=1)
        body["spec"]["template"]["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "999"}}
        await kube.post(f"{APPS}/deployments", body)
        pods = await kube.until(f"{CORE}/pods", lambda p: p["items"] and p["items"][0]["status"].get("conditions"))
        told = pods["items"][0]["status"]["conditions"][0]
        assert (told["type"], told["status"], told["reason"]) == ("PodScheduled", "False", "Unschedulable")
        assert told["message"] == (
            "0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are available: 3 No preemption victims "
            "found for incoming pod."
        )
        assert "FailedScheduling" in await reasons(kube, "Pod")


async def test_a_full_quota_is_a_replica_failure_of_the_deployment() -> None:
    async with served() as kube:
        quota = {"metadata": {"name": "small"}, "spec": {"hard": {"pods": "2"}}}
        await kube.post(f"{CORE}/resourcequotas", quota)
        await kube.post(f"{APPS}/deployments", deployment(replicas=3))
        failed = await kube.until(f"{APPS}/deployments/admin", lambda d: "ReplicaFailure" in conditions(d))
        told = next(c for c in failed["status"]["conditions"] if c["type"] == "ReplicaFailure")
        assert told["reason"] == "FailedCreate"
        assert "exceeded quota: small, requested: pods=1, used: pods=2, limited: pods=2" in told["message"]
        assert "FailedCreate" in await reasons(kube, "ReplicaSet")


async def test_a_paused_deployment_starts_no_rollout_until_it_is_resumed() -> None:
    async with served() as kube:
        await kube.post(f"{APPS}/deployments", deployment())
        await kube.rolled_out("admin")
        await kube.merge(f"{APPS}/deployments/admin", {"spec": {"paused": True}})
        await kube.set_image("admin", "registry.local/admin:1.0.2")
        paused = await kube.until(f"{APPS}/deployments/admin", lambda d: d["status"]["observedGeneration"] == 3)
        assert conditions(paused)["Progressing"] == ("Unknown", "DeploymentPaused")
        assert len((await kube.get(f"{APPS}/replicasets"))["items"]) == 1
        await kube.merge(f"{APPS}/deployments/admin", {"spec": {"paused": False}})
        await kube.rolled_out("admin")
        assert len((await kube.get(f"{APPS}/replicasets"))["items"]) == 2


async def test_scaling_changes_the_generation_and_no_revision() -> None:
    async with served() as kube:
        await kube.post(f"{APPS}/deployments", deployment())
        await kube.rolled_out("admin")
        scale = await kube.merge(f"{APPS}/deployments/admin/scale", {"spec": {"replicas": 5}})
        assert (scale["kind"], scale["spec"]["replicas"], scale["status"]["replicas"]) == ("Scale", 5, 3)
        grown = await kube.rolled_out("admin")
        assert grown["metadata"]["generation"] == 2
        assert grown["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "1"


async def test_recreate_ends_all_old_pods_before_a_new_one_starts() -> None:
    async with served() as kube:
        await kube.post(f"{APPS}/deployments", deployment(strategy={"type": "Recreate"}))
        await kube.rolled_out("admin")
        start = (await kube.get(f"{CORE}/pods"))["metadata"]["resourceVersion"]
        await kube.set_image("admin", "registry.local/admin:1.0.1")
        await kube.rolled_out("admin")
        alive = {p["metadata"]["name"] for p in (await kube.get(f"{CORE}/pods"))["items"]}
        events = await kube.watch(f"{CORE}/pods?watch=1&resourceVersion={start}&timeoutSeconds=1", 999)
        gone = [i for i, e in enumerate(events) if e["type"] == "DELETED"]
        born = [i for i, e in enumerate(events) if e["type"] == "ADDED"]
        assert len(gone) == len(born) == len(alive) == 3
        assert max(gone) < min(born)


async def test_history_beyond_the_limit_is_forgotten() -> None:
    async with served() as kube:
        await kube.post(f"{APPS}/deployments", deployment(replicas=1, revisionHistoryLimit=1))
        for patch in range(4):
            await kube.set_image("admin", f"registry.local/admin:1.1.{patch}")
            await kube.rolled_out("admin")
        await kube.until(f"{APPS}/replicasets", lambda sets: len(sets["items"]) == 2)


async def test_an_annotation_on_a_deployment_counts_as_a_generation_without_a_rollout() -> None:
    async with served() as kube:
        await kube.post(f"{APPS}/deployments", deployment())
        await kube.rolled_out("admin")
        await kube.merge(f"{APPS}/deployments/admin", {"metadata": {"annotations": {"owner": "team-a"}}})
        after = await kube.until(f"{APPS}/deployments/admin", is_rolled_out)
        assert after["metadata"]["generation"] == 2
        assert after["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "1"
        labelled = await kube.merge(f"{APPS}/deployments/admin", {"metadata": {"labels": {"team": "a"}}})
        assert labelled["metadata"]["generation"] == 2


async def test_three_replicas_are_released_in_under_three_seconds_at_everyday_speed() -> None:
    async with served(replace(QUICK, start_s=0.3, termination_s=0.25, lag_s=0.005)) as kube:
        await kube.post(f"{APPS}/deployments", deployment())
        await kube.rolled_out("admin")
        await kube.set_image("admin", "registry.local/admin:1.0.1")
        await kube.rolled_out("admin")
