"""Jobs and CronJobs of the simulated cluster: failure policies, deadlines, suspension, schedules and concurrency."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.sandbox.kube.controllers.cronjob import Schedule, latest_run
from tests.sandbox.kube_client import CORE, QUICK, Json, Kube, conditions, served

BATCH = "/apis/batch/v1/namespaces/shop"
JOBS, CRON_JOBS = f"{BATCH}/jobs", f"{BATCH}/cronjobs"
FAILS, WORKS = "registry.local/batch:1-fail", "registry.local/batch:1.0.0"
QUICKER = replace(QUICK, job_s=0.05, job_backoff_s=0.05, job_sync_s=0.01)
PACED = replace(QUICKER, pace=20.0, job_s=400.0)  # a second takes 50 ms, a Job's pod 20 s


@pytest.fixture
async def kube() -> AsyncIterator[Kube]:
    async with served(QUICKER) as running:
        yield running


@pytest.fixture
async def slow() -> AsyncIterator[Kube]:
    """Jobs run for long, and time passes quickly."""
    async with served(PACED) as running:
        yield running


def job(image: str, restarts: str = "Never", **spec: Any) -> Json:
    pod = {"restartPolicy": restarts, "containers": [{"name": "batch", "image": image}]}
    return {"metadata": {"name": "batch"}, "spec": {"template": {"spec": pod}, **spec}}


def policy(action: str, **rule: Any) -> Json:
    return {"podFailurePolicy": {"rules": [{"action": action, **rule}]}}


def exits(*codes: int, operator: str = "In") -> Json:
    return {"operator": operator, "values": list(codes)}


async def ended(kube: Kube) -> Json:
    """The failed Job, and its Failed condition."""
    found = await kube.until(f"{JOBS}/batch", lambda j: "Failed" in conditions(j))
    return next(c for c in found["status"]["conditions"] if c["type"] == "Failed")


async def test_a_rule_fails_a_job_at_its_first_bad_pod(kube: Kube) -> None:
    await kube.post(JOBS, job(FAILS, backoffLimit=6, **policy("FailJob", onExitCodes=exits(1))))
    failed = await ended(kube)
    (pod,) = (await kube.get(f"{CORE}/pods"))["items"]
    assert failed["reason"] == "PodFailurePolicy"
    told = f"Container batch for pod shop/{pod['metadata']['name']} failed with exit code 1"
    assert failed["message"] == f"{told} matching FailJob rule at index 0"


async def test_a_rule_that_does_not_match_leaves_the_limit_to_decide(kube: Kube) -> None:
    rule = policy("FailJob", onExitCodes=exits(1, operator="NotIn"))
    await kube.post(JOBS, job(FAILS, backoffLimit=1, **rule))
    assert (await ended(kube))["reason"] == "BackoffLimitExceeded"
    assert len((await kube.get(f"{CORE}/pods"))["items"]) == 2


async def test_ignored_failures_are_tried_again_and_not_counted(kube: Kube) -> None:
    rule = policy("Ignore", onPodConditions=[{"type": "ContainersReady", "status": "False"}])
    await kube.post(JOBS, job(FAILS, backoffLimit=0, **rule))
    await kube.until(f"{CORE}/pods", lambda p: sum(i["status"]["phase"] == "Failed" for i in p["items"]) >= 3)
    shown = await kube.get(f"{JOBS}/batch")
    assert "failed" not in shown["status"]
    assert "Failed" not in conditions(shown)


async def test_restarts_in_place_count_against_the_limit(kube: Kube) -> None:
    await kube.post(JOBS, job(FAILS, "OnFailure", backoffLimit=1))
    assert (await ended(kube))["reason"] == "BackoffLimitExceeded"


async def test_a_failure_policy_needs_pods_that_never_restart(kube: Kube) -> None:
    answer = await kube.send("POST", JOBS, job(FAILS, "OnFailure", **policy("Ignore", onExitCodes=exits(1))))
    assert answer.told[:2] == (422, "Invalid")
    assert 'only "Never" is supported when podFailurePolicy is specified' in answer.told[2]


async def test_a_job_beyond_its_deadline_fails_and_takes_its_pods_along(slow: Kube) -> None:
    await slow.post(JOBS, job(WORKS, activeDeadlineSeconds=3))
    assert (await ended(slow))["reason"] == "DeadlineExceeded"
    await slow.until(f"{CORE}/pods", lambda p: not p["items"])


async def test_a_finished_job_goes_when_its_time_is_over() -> None:
    async with served(replace(PACED, job_s=0.1)) as kube:
        await kube.post(JOBS, job(WORKS, ttlSecondsAfterFinished=2))
        await kube.until(f"{JOBS}/batch", lambda j: "Complete" in conditions(j))
        await kube.until(f"{JOBS}/batch", lambda j: j.get("reason") == "NotFound")


async def test_a_suspended_job_runs_when_it_is_resumed(kube: Kube) -> None:
    await kube.post(JOBS, job(WORKS, suspend=True))
    held = await kube.until(f"{JOBS}/batch", lambda j: conditions(j).get("Suspended") == ("True", "JobSuspended"))
    assert "startTime" not in held["status"]
    await kube.merge(f"{JOBS}/batch", {"spec": {"suspend": False}})
    done = await kube.until(f"{JOBS}/batch", lambda j: "Complete" in conditions(j))
    assert conditions(done)["Suspended"] == ("False", "JobResumed")


async def test_less_parallelism_takes_pods_away(slow: Kube) -> None:
    await slow.post(JOBS, job(WORKS, parallelism=3, completions=9))
    await slow.until(f"{JOBS}/batch", lambda j: j["status"].get("active") == 3)
    await slow.merge(f"{JOBS}/batch", {"spec": {"parallelism": 1}})
    await slow.until(f"{JOBS}/batch", lambda j: j["status"].get("active") == 1)


async def schedule(kube: Kube, image: str = WORKS, **spec: Any) -> None:
    """A CronJob that runs each minute; the cluster's clock stands a second after a full one."""
    kube.cluster.clock.skip_wall(61 - kube.cluster.clock.now().second)
    template = {"spec": job(image)["spec"]}
    body = {"metadata": {"name": "report"}, "spec": {"schedule": "* * * * *", "jobTemplate": template, **spec}}
    await kube.post(CRON_JOBS, body)


async def minutes_pass(kube: Kube, minutes: float = 1) -> None:
    kube.cluster.clock.skip_wall(60 * minutes)
    await kube.merge(f"{CRON_JOBS}/report", {"metadata": {"labels": {"at": str(kube.cluster.clock.now().timestamp())}}})


async def jobs(kube: Kube, count: int) -> list[str]:
    found = await kube.until(JOBS, lambda j: len(j["items"]) == count)
    return [item["metadata"]["name"] for item in found["items"]]


async def happened(kube: Kube, reason: str) -> None:
    await kube.until(f"{CORE}/events", lambda found: any(e["reason"] == reason for e in found["items"]))


LONG = replace(QUICKER, job_s=60.0)


async def test_a_policy_of_forbidding_waits_for_the_run_before() -> None:
    async with served(LONG) as kube:
        await schedule(kube, concurrencyPolicy="Forbid")
        await minutes_pass(kube)
        (first,) = await jobs(kube, 1)
        await minutes_pass(kube)
        await happened(kube, "JobAlreadyActive")
        assert await jobs(kube, 1) == [first]


async def test_a_policy_of_allowing_runs_both_and_lists_them() -> None:
    async with served(LONG) as kube:
        await schedule(kube)
        await minutes_pass(kube)
        await jobs(kube, 1)
        await minutes_pass(kube)
        names = await jobs(kube, 2)
        shown = await kube.until(f"{CRON_JOBS}/report", lambda c: len(c["status"].get("active") or []) == 2)
        assert sorted(ref["name"] for ref in shown["status"]["active"]) == names


async def test_a_policy_of_replacing_ends_the_run_before() -> None:
    async with served(LONG) as kube:
        await schedule(kube, concurrencyPolicy="Replace")
        await minutes_pass(kube)
        (first,) = await jobs(kube, 1)
        await minutes_pass(kube)
        found = await kube.until(JOBS, lambda j: j["items"] and first not in str([i["metadata"] for i in j["items"]]))
        assert len(found["items"]) == 1


async def test_runs_missed_while_nobody_looked_become_one(kube: Kube) -> None:
    await schedule(kube)
    await minutes_pass(kube, 200)
    (name,) = await jobs(kube, 1)
    minute = int(kube.cluster.clock.now().timestamp()) // 60
    assert int(name.removeprefix("report-")) in (minute, minute - 1)
    await happened(kube, "TooManyMissedTimes")


async def test_a_run_that_is_too_late_is_lost(kube: Kube) -> None:
    await schedule(kube, startingDeadlineSeconds=20)
    await minutes_pass(kube, 0.5)
    await minutes_pass(kube, 0.9)
    await minutes_pass(kube, 0.6)  # two full minutes are over, the second by a second
    minute = int(kube.cluster.clock.now().timestamp()) // 60
    assert await jobs(kube, 1) == [f"report-{minute}"]


async def test_a_suspended_schedule_can_be_run_by_hand(kube: Kube) -> None:
    await schedule(kube, suspend=True)
    await minutes_pass(kube)
    cron_job = await kube.get(f"{CRON_JOBS}/report")
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": "report", "uid": cron_job["metadata"]["uid"],
             "controller": True}  # fmt: skip
    body = {
        "metadata": {"name": "by-hand", "annotations": {"cronjob.kubernetes.io/instantiate": "manual"},
                     "ownerReferences": [owner]},
        "spec": cron_job["spec"]["jobTemplate"]["spec"],
    }  # fmt: skip
    await kube.post(JOBS, body)
    await kube.until(f"{JOBS}/by-hand", lambda j: "Complete" in conditions(j))
    assert await jobs(kube, 1) == ["by-hand"]
    assert "lastScheduleTime" not in (await kube.get(f"{CRON_JOBS}/report"))["status"]


async def test_only_the_last_runs_are_kept(kube: Kube) -> None:
    await schedule(kube, successfulJobsHistoryLimit=1)
    for _ in range(3):
        await minutes_pass(kube)
        minute = str(int(kube.cluster.clock.now().timestamp()) // 60)
        await kube.until(f"{JOBS}/report-{minute}", lambda j: "Complete" in str(j["status"]))
        assert await jobs(kube, 1) == [f"report-{minute}"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"timeZone": "Mars/Olympus"}, 'spec.timeZone: Invalid value: "Mars/Olympus": unknown time zone Mars/Olympus'),
        ({"concurrencyPolicy": "Perhaps"}, 'supported values: "Allow", "Forbid", "Replace"'),
        ({"startingDeadlineSeconds": -1}, "must be greater than or equal to 0"),
    ],
)
async def test_a_bad_schedule_is_refused(kube: Kube, change: Json, told: str) -> None:
    template = {"spec": job(WORKS)["spec"]}
    spec = {"schedule": "* * * * *", "jobTemplate": template, **change}
    answer = await kube.send("POST", CRON_JOBS, {"metadata": {"name": "report"}, "spec": spec})
    assert answer.told[:2] == (422, "Invalid")
    assert told in answer.told[2]


def test_the_latest_of_many_runs_is_found_in_the_zone_of_the_schedule() -> None:
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    nightly = Schedule("0 3 * * *", "Asia/Tokyo")
    assert latest_run(nightly, datetime(2026, 11, 20, tzinfo=UTC), now) == (datetime(2026, 11, 22, 18, tzinfo=UTC), 3)
    run, count = latest_run(Schedule("* * * * *", None), datetime(2020, 1, 1, tzinfo=UTC), now)
    assert (run, count) == (now, 101)
    assert latest_run(nightly, now, now) == (None, 0)
