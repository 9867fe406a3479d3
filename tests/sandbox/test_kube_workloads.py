"""StatefulSets, DaemonSets, Jobs and CronJobs of the simulated cluster, and the cron arithmetic behind the last."""

from datetime import UTC, datetime

import pytest

from bot.sandbox.kube.controllers.cronjob import Schedule
from tests.sandbox.kube_client import APPS, CORE, Json, Kube, deployment, served

BATCH = "/apis/batch/v1/namespaces/shop"
HASH = "controller-revision-hash"


def workload(image: str = "registry.local/db:1.0.0", **spec: object) -> Json:
    made = deployment("db", image)
    return {
        "metadata": {"name": "db"},
        "spec": {"selector": made["spec"]["selector"], "template": made["spec"]["template"], **spec},
    }


def new_image(tag: str) -> Json:
    return {"spec": {"template": {"spec": {"containers": [{"name": "db", "image": f"registry.local/db:{tag}"}]}}}}


async def deleted_order(kube: Kube, since: str) -> list[str]:
    events = await kube.watch(f"{CORE}/pods?watch=1&resourceVersion={since}&timeoutSeconds=1", 999)
    return [e["object"]["metadata"]["name"] for e in events if e["type"] == "DELETED"]


async def test_a_stateful_set_starts_in_order_and_updates_from_the_highest_ordinal() -> None:
    async with served() as kube:
        path = f"{APPS}/statefulsets/db"
        await kube.post(f"{APPS}/statefulsets", workload(replicas=3, serviceName="db"))
        first = await kube.until(path, lambda s: s["status"].get("readyReplicas") == 3)
        assert first["status"]["currentRevision"] == first["status"]["updateRevision"]
        pods = (await kube.get(f"{CORE}/pods"))["items"]
        assert [p["metadata"]["name"] for p in pods] == ["db-0", "db-1", "db-2"]
        (revision,) = (await kube.get(f"{APPS}/controllerrevisions"))["items"]
        assert {p["metadata"]["labels"][HASH] for p in pods} == {revision["metadata"]["name"]}
        assert first["status"]["updateRevision"] == revision["metadata"]["name"]
        since = (await kube.get(f"{CORE}/pods"))["metadata"]["resourceVersion"]
        await kube.merge(path, new_image("1.0.1"))
        moved = await kube.until(
            path,
            lambda s: (
                s["status"]["observedGeneration"] == 2
                and s["status"]["currentRevision"] == s["status"]["updateRevision"]
                and s["status"].get("readyReplicas") == 3
            ),
        )
        assert moved["status"]["updatedReplicas"] == 3
        assert await deleted_order(kube, since) == ["db-2", "db-1", "db-0"]
        revisions = (await kube.get(f"{APPS}/controllerrevisions"))["items"]
        assert sorted(r["revision"] for r in revisions) == [1, 2]


async def test_a_stateful_set_with_a_partition_updates_only_the_ordinals_above_it() -> None:
    async with served() as kube:
        path = f"{APPS}/statefulsets/db"
        strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}
        await kube.post(f"{APPS}/statefulsets", workload(replicas=3, updateStrategy=strategy))
        await kube.until(path, lambda s: s["status"].get("readyReplicas") == 3)
        await kube.merge(path, new_image("1.0.1"))
        await kube.until(
            path, lambda s: s["status"].get("updatedReplicas") == 1 and s["status"].get("readyReplicas") == 3
        )
        images = [p["spec"]["containers"][0]["image"] for p in (await kube.get(f"{CORE}/pods"))["items"]]
        assert [image.rpartition(":")[2] for image in images] == ["1.0.0", "1.0.0", "1.0.1"]


async def test_a_stateful_set_stuck_on_a_broken_revision_goes_back_when_asked() -> None:
    async with served() as kube:
        path = f"{APPS}/statefulsets/db"
        await kube.post(f"{APPS}/statefulsets", workload(replicas=2))
        await kube.until(path, lambda s: s["status"].get("readyReplicas") == 2)
        await kube.merge(path, new_image("9.9.9-broken"))
        await kube.until(f"{CORE}/pods/db-1", lambda p: "ErrImagePull" in str(p.get("status", "")))
        await kube.merge(path, new_image("1.0.0"))
        await kube.until(
            path, lambda s: s["status"].get("readyReplicas") == 2 and s["status"]["observedGeneration"] == 3
        )


async def test_a_daemon_set_has_a_pod_on_each_node_and_replaces_them_one_at_a_time() -> None:
    async with served() as kube:
        path = f"{APPS}/daemonsets/db"
        await kube.post(f"{APPS}/daemonsets", workload())
        await kube.until(path, lambda d: d["status"].get("numberAvailable") == 3)
        pods = (await kube.get(f"{CORE}/pods"))["items"]
        assert {p["spec"]["nodeName"] for p in pods} == {"node-0", "node-1", "node-2"}
        (revision,) = (await kube.get(f"{APPS}/controllerrevisions"))["items"]
        assert {f"db-{p['metadata']['labels'][HASH]}" for p in pods} == {revision["metadata"]["name"]}
        await kube.merge(path, new_image("1.0.1"))
        worst = 3

        def done(shown: Json) -> bool:
            nonlocal worst
            worst = min(worst, shown["status"].get("numberAvailable", 0))
            return shown["status"].get("updatedNumberScheduled") == 3 == shown["status"].get("numberAvailable")

        await kube.until(path, done)
        assert worst >= 2


def job(image: str, **spec: object) -> Json:
    pod = {"restartPolicy": "Never", "containers": [{"name": "batch", "image": image}]}
    return {"metadata": {"name": "batch"}, "spec": {"template": {"spec": pod}, **spec}}


def types(body: Json) -> set[str]:
    return {c["type"] for c in (body.get("status") or {}).get("conditions") or []}


async def test_a_job_completes_with_its_pods() -> None:
    async with served() as kube:
        await kube.post(f"{BATCH}/jobs", job("registry.local/batch:1.0.0", completions=2, parallelism=2))
        done = await kube.until(f"{BATCH}/jobs/batch", lambda j: "Complete" in types(j))
        assert done["status"]["succeeded"] == 2
        assert done["status"]["completionTime"]
        phases = [p["status"]["phase"] for p in (await kube.get(f"{CORE}/pods"))["items"]]
        assert phases == ["Succeeded", "Succeeded"]


async def test_a_failing_job_is_tried_again_up_to_its_limit() -> None:
    async with served() as kube:
        await kube.post(f"{BATCH}/jobs", job("registry.local/batch:1.0.0-fail", backoffLimit=1))
        failed = await kube.until(f"{BATCH}/jobs/batch", lambda j: "Failed" in types(j))
        assert failed["status"]["failed"] == 2
        told = next(c for c in failed["status"]["conditions"] if c["type"] == "Failed")
        assert told["reason"] == "BackoffLimitExceeded"


async def test_a_cron_job_runs_when_its_minute_comes_and_not_while_suspended() -> None:
    async with served() as kube:
        body: Json = {
            "metadata": {"name": "report"},
            "spec": {"schedule": "* * * * *", "jobTemplate": {"spec": job("registry.local/batch:1.0.0")["spec"]}},
        }
        await kube.post(f"{BATCH}/cronjobs", body)
        suspended = {**body, "metadata": {"name": "quiet"}, "spec": {**body["spec"], "suspend": True}}
        await kube.post(f"{BATCH}/cronjobs", suspended)
        kube.cluster.clock.skip_wall(60)
        await kube.merge(f"{BATCH}/cronjobs/report", {"metadata": {"labels": {"look": "again"}}})
        await kube.merge(f"{BATCH}/cronjobs/quiet", {"metadata": {"labels": {"look": "again"}}})
        jobs = await kube.until(f"{BATCH}/jobs", lambda found: found["items"])
        made = jobs["items"][0]["metadata"]
        assert made["name"].startswith("report-")
        assert made["ownerReferences"][0]["kind"] == "CronJob"
        shown = await kube.until(f"{BATCH}/cronjobs/report", lambda c: c["status"].get("lastSuccessfulTime"))
        assert shown["status"]["lastScheduleTime"]


@pytest.mark.parametrize(
    ("schedule", "zone", "after", "expected"),
    [
        ("0 3 * * *", "Asia/Tokyo", "2026-11-23T00:00:00+00:00", "2026-11-23T18:00:00+00:00"),
        ("*/15 * * * *", None, "2026-11-23T10:07:30+00:00", "2026-11-23T10:15:00+00:00"),
        ("30 9 * * mon-fri", None, "2026-11-20T10:00:00+00:00", "2026-11-23T09:30:00+00:00"),
        ("0 0 29 2 *", None, "2026-03-01T00:00:00+00:00", "2028-02-29T00:00:00+00:00"),
        ("0 12 13 * 5", None, "2026-11-14T00:00:00+00:00", "2026-11-20T12:00:00+00:00"),
        ("@hourly", None, "2026-11-23T10:59:59+00:00", "2026-11-23T11:00:00+00:00"),
    ],
)
def test_a_schedule_tells_its_next_run(schedule: str, zone: str | None, after: str, expected: str) -> None:
    found = Schedule(schedule, zone).next_after(datetime.fromisoformat(after))
    assert found is not None
    assert found.astimezone(UTC) == datetime.fromisoformat(expected)


@pytest.mark.parametrize("schedule", ["60 * * * *", "* * * *", "a * * * *", "5-1 * * * *"])
def test_a_schedule_that_makes_no_sense_is_refused(schedule: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        Schedule(schedule, None)
