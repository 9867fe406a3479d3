"""Releases as the cluster sees them: one conditional write, followed to its end, put back; every kind of workload."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.domain.catalog import WorkloadKind, WorkloadRef
from bot.domain.rollout import Observation, RolloutState, Workload, rollout_status
from bot.domain.troubles import troubles
from bot.errors import Conflict, NotFound, Refused, Unreachable
from bot.kube import workloads
from bot.sandbox.kube.faults import Fault, FaultKind
from tests.wire.kube_world import ADMIN, IMAGE, World, deployment, settled, until, world

MARKS = {"kajitori/op-id": "01J", "kajitori/fence": "7"}


@pytest.fixture
async def stg(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path) as running:
        yield running


async def deploy(stg: World, version: str, seen: Workload | None = None) -> Workload:
    seen = seen or await workloads.read(stg.here, ADMIN)
    return await workloads.set_image(stg.here, seen, container="admin", image=f"{IMAGE}:{version}", annotations=MARKS)


async def test_a_workload_is_read_with_all_that_a_release_needs(stg: World):
    stg.there.create(deployment(progressDeadlineSeconds=42), manager="argocd-controller")
    seen = await settled(stg)
    assert (seen.desired, seen.updated, seen.ready, seen.available, seen.total) == (3, 3, 3, 3, 3)
    assert seen.images == {"admin": f"{IMAGE}:1.0.0"}
    assert seen.managers == {"admin": "argocd-controller"}
    assert seen.annotations["team"] == "growlio"
    assert seen.progress_deadline_s == 42
    assert seen.selector == "app.kubernetes.io/name=admin"
    assert seen.generation == seen.observed_generation == 1
    assert seen.uid
    assert not seen.paused


async def test_one_patch_changes_the_image_and_nothing_else(stg: World):
    stg.there.create(deployment())
    before = await settled(stg)
    after = await deploy(stg, "1.1.0", before)
    assert stg.writes() == ["PATCH"]
    assert after.generation == before.generation + 1
    assert after.images == {"admin": f"{IMAGE}:1.1.0"}
    assert after.managers == {"admin": "kajitori"}
    assert after.annotations == {**before.annotations, **MARKS}
    container = dict(after.template["spec"]["containers"][0])  # type: ignore[index]
    assert container["env"] == [{"name": "MODE", "value": "stg"}]
    assert container["ports"][0]["containerPort"] == 80
    [patch] = [each for each in stg.there.requests if each.method == "PATCH"]
    assert patch.content_type == "application/strategic-merge-patch+json"
    assert "fieldManager=kajitori" in patch.query
    assert "fieldValidation=Strict" in patch.query


async def test_a_write_on_what_somebody_else_changed_is_a_conflict_and_changes_nothing(stg: World):
    stg.there.create(deployment())
    before = await settled(stg)
    await deploy(stg, "1.1.0", before)
    with pytest.raises(Conflict, match="modified"):
        await deploy(stg, "1.2.0", before)
    assert (await workloads.read(stg.here, ADMIN)).images == {"admin": f"{IMAGE}:1.1.0"}
    assert stg.writes() == ["PATCH", "PATCH"]


async def test_a_rollout_is_followed_to_its_end_with_its_new_pods(stg: World):
    stg.there.create(deployment())
    written = await deploy(stg, "1.1.0", await settled(stg))

    async def finished() -> Observation | None:
        seen = await workloads.observe(stg.here, ADMIN, with_pods=True)
        status = rollout_status(seen.workload, generation=written.generation)
        assert status.state is not RolloutState.FAILED
        return seen if status.state is RolloutState.DONE else None

    seen = await until(finished)
    new = [pod for pod in seen.pods if pod.revision_hash == seen.new_hash and not pod.deleting]
    assert len(new) == 3
    assert all(pod.ready and pod.containers[0].image == f"{IMAGE}:1.1.0" for pod in new)
    assert seen.unseen == ()
    assert troubles(seen, "admin", now=datetime.now(UTC)) == ()


async def test_an_image_that_does_not_exist_is_told_from_what_pods_and_events_say(stg: World):
    stg.there.create(deployment())
    await deploy(stg, "9.9.9-missing", await settled(stg))

    async def told() -> str:
        seen = await workloads.observe(stg.here, ADMIN, with_pods=True)
        found = troubles(seen, "admin", now=datetime.now(UTC))
        return found[0].text if found and found[0].hopeless else ""

    assert await until(told) == f"The image {IMAGE}:9.9.9-missing does not exist in its registry."


async def test_a_crash_loop_is_told_with_the_last_words_of_the_container(stg: World):
    stg.there.create(deployment())
    await deploy(stg, "2.0.0-crash", await settled(stg))

    async def told() -> Any:
        seen = await workloads.observe(stg.here, ADMIN, with_pods=True)
        found = troubles(seen, "admin", now=datetime.now(UTC))
        return found[0] if found and found[0].code == "crash_loop" else None

    trouble = await until(told)
    assert "exit code" in trouble.text
    lines = await until(lambda: workloads.last_words(stg.here, "growlio", trouble.pod, "admin", lines=5))
    assert 1 <= len(lines) <= 5


async def test_a_rollback_restores_the_template_and_keeps_annotations(stg: World):
    stg.there.create(deployment())
    await deploy(stg, "1.1.0", await settled(stg))
    now = await settled(stg, generation=2)
    newest, former = await workloads.revisions(stg.here, ADMIN)
    assert (newest.number, former.number) == (2, 1)
    assert former.images == {"admin": f"{IMAGE}:1.0.0"}
    assert "pod-template-hash" not in json.dumps(former.template)
    back = await workloads.restore(stg.here, now, former, annotations={"kajitori/op-id": "02J"})
    assert back.images == {"admin": f"{IMAGE}:1.0.0"}
    assert back.annotations == {**now.annotations, "kajitori/op-id": "02J"}
    assert stg.writes() == ["PATCH", "PATCH"]
    done = await settled(stg, generation=back.generation)
    seen = await workloads.observe(stg.here, ADMIN, with_pods=True)
    assert seen.new_hash == former.name.removeprefix("admin-")
    assert done.images == {"admin": f"{IMAGE}:1.0.0"}


async def test_a_rollback_done_twice_writes_once(stg: World):
    stg.there.create(deployment())
    await deploy(stg, "1.1.0", await settled(stg))
    now = await settled(stg, generation=2)
    former = (await workloads.revisions(stg.here, ADMIN))[1]
    back = await workloads.restore(stg.here, now, former, annotations=MARKS)
    again = await workloads.restore(stg.here, back, former, annotations=MARKS)
    assert again is back
    assert stg.writes() == ["PATCH", "PATCH"]


async def test_a_rollback_of_what_somebody_else_changed_is_a_conflict(stg: World):
    stg.there.create(deployment())
    await deploy(stg, "1.1.0", await settled(stg))
    stale = await settled(stg, generation=2)
    former = (await workloads.revisions(stg.here, ADMIN))[1]
    await deploy(stg, "1.2.0")
    with pytest.raises(Conflict, match="changed since it was read"):
        await workloads.restore(stg.here, stale, former, annotations=MARKS)
    assert (await workloads.read(stg.here, ADMIN)).images == {"admin": f"{IMAGE}:1.2.0"}


async def test_a_rollback_gives_annotations_to_a_workload_without_any(stg: World):
    body = deployment()
    del body["metadata"]["annotations"]
    stg.there.create(body)
    seen = await settled(stg)
    [revision] = await workloads.revisions(stg.here, ADMIN)
    other = replace(revision, template={**revision.template, "spec": {**spec(revision), "hostNetwork": True}})
    written = await workloads.restore(
        stg.here, replace(seen, annotations={}), other, annotations={"example.com/why": "1"}
    )
    assert written.annotations["example.com/why"] == "1"


def spec(revision: Any) -> dict[str, Any]:
    return dict(revision.template["spec"])


async def test_a_restart_replaces_pods_and_the_same_mark_restarts_once(stg: World):
    stg.there.create(deployment())
    before = await settled(stg)
    mark = "2026-11-23T15:00:00.123+00:00"
    first = await workloads.restart(stg.here, before, at=mark, annotations=MARKS)
    assert first.generation == before.generation + 1
    assert first.images == before.images
    done = await settled(stg, generation=first.generation)
    again = await workloads.restart(stg.here, done, at=mark, annotations=MARKS)
    assert again.generation == first.generation


async def test_a_statefulset_and_a_daemonset_are_released_and_put_back(stg: World):
    for kind, ref_kind in (("StatefulSet", WorkloadKind.STATEFULSET), ("DaemonSet", WorkloadKind.DAEMONSET)):
        body = deployment()
        body["kind"] = kind
        if kind == "DaemonSet":
            del body["spec"]["replicas"]
            body["spec"]["selector"]["matchLabels"] = {"app": "ds"}
            body["spec"]["template"]["metadata"]["labels"] = {"app": "ds"}
        else:
            body["spec"]["serviceName"] = "admin"
        stg.there.create(body)
        ref = WorkloadRef("growlio", ref_kind, "admin")
        before = await settled(stg, ref)
        written = await workloads.set_image(
            stg.here, before, container="admin", image=f"{IMAGE}:1.1.0", annotations=MARKS
        )
        done = await settled(stg, ref, written.generation)
        seen = await workloads.observe(stg.here, ref, with_pods=True)
        new = [pod for pod in seen.pods if pod.revision_hash == seen.new_hash]
        assert len(new) == done.desired == 3
        assert all(pod.containers[0].image == f"{IMAGE}:1.1.0" for pod in new)
        newest, former = await workloads.revisions(stg.here, ref)
        assert newest.images == {"admin": f"{IMAGE}:1.1.0"}
        back = await workloads.restore(stg.here, done, former, annotations=MARKS)
        assert (await settled(stg, ref, back.generation)).images == {"admin": f"{IMAGE}:1.0.0"}


async def test_a_cronjob_gets_its_image_for_the_next_run(stg: World):
    template = deployment()["spec"]["template"]
    template["spec"]["restartPolicy"] = "Never"
    stg.there.create(
        {
            "apiVersion": "batch/v1",
            "kind": "CronJob",
            "metadata": {"name": "report", "namespace": "growlio"},
            "spec": {"schedule": "0 4 * * *", "jobTemplate": {"spec": {"template": template}}},
        }
    )
    ref = WorkloadRef("growlio", WorkloadKind.CRONJOB, "report")
    before = await workloads.read(stg.here, ref)
    after = await workloads.set_image(stg.here, before, container="admin", image=f"{IMAGE}:2", annotations=MARKS)
    assert after.images == {"admin": f"{IMAGE}:2"}
    assert rollout_status(after, generation=after.generation).state is RolloutState.DONE
    assert await workloads.revisions(stg.here, ref) == ()
    assert (await workloads.observe(stg.here, ref, with_pods=True)).pods == ()
    with pytest.raises(Refused, match="no pods of its own"):
        await workloads.restart(stg.here, after, at="2026-11-23T15:00:00Z", annotations={})


async def test_a_lost_reply_leaves_a_write_that_can_be_read_back(stg: World):
    stg.there.create(deployment())
    before = await settled(stg)
    stg.there.faults.add(Fault(FaultKind.RESET_AFTER, method="PATCH"))
    with pytest.raises(Unreachable):
        await deploy(stg, "1.1.0", before)
    assert stg.writes() == ["PATCH"]
    after = await workloads.read(stg.here, ADMIN)
    assert after.images == {"admin": f"{IMAGE}:1.1.0"}
    assert after.annotations["kajitori/op-id"] == "01J"
    with pytest.raises(Conflict):
        await deploy(stg, "1.1.0", before)


async def test_an_unknown_container_is_refused_and_not_added(stg: World):
    stg.there.create(deployment())
    before = await settled(stg)
    with pytest.raises(Refused, match="has no container nope; it has: admin"):
        await workloads.set_image(stg.here, before, container="nope", image="x:1", annotations={})
    assert stg.writes() == []


async def test_what_is_not_there_is_not_found(stg: World):
    with pytest.raises(NotFound, match="nope"):
        await workloads.read(stg.here, WorkloadRef("growlio", WorkloadKind.DEPLOYMENT, "nope"))


async def test_last_words_of_a_pod_that_is_gone_are_none(stg: World):
    assert await workloads.last_words(stg.here, "growlio", "nope", "admin") == ()


async def test_a_cluster_is_known_by_the_uid_of_its_system_namespace(stg: World):
    raw = await stg.here.request("GET", "/api/v1/namespaces/kube-system")
    assert await workloads.identity(stg.here) == raw["metadata"]["uid"]
