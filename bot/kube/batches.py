"""CronJobs and Jobs: the looks that the desk of `/jobs` needs, and its two writes, each one request.

Called by bot.usecases.jobs. A write is never repeated here; after Unreachable the caller tries again under the same
name, or reads back. A Conflict means that nothing was written.
"""

from collections.abc import Mapping
from typing import Any

from bot.domain.batches import CronJob, Desk, Run
from bot.domain.pods import PodSight
from bot.errors import NotFound
from bot.kube import sights
from bot.kube.clients import Cluster
from bot.kube.workloads import parsing, paths
from bot.kube.workloads.parsing import Json
from bot.kube.workloads.reads import gather
from bot.kube.workloads.writes import FIELD_MANAGER

GROUP = "batch/v1"
MERGE = "application/merge-patch+json"
WRITE_TIMEOUT_S = 5.0
"""Shorter than a release's: a person waits for it, and it is safe to try again under the same name."""
REQUEST = "kajitori/request"
REQUESTED_BY = "kajitori/requested-by"


async def desk(cluster: Cluster, namespace: str) -> Desk:
    """All CronJobs of a namespace by name, each with its Jobs; and the Jobs that belong to none."""
    cron_jobs = await gather(cluster, paths.namespaced(namespace, "cronjobs", group=GROUP), {}, lambda raw: raw)
    runs = await _runs(cluster, namespace)
    found = [_with_runs(raw, runs) for raw in cron_jobs]
    known = {cron_job.sight.uid for cron_job in found}
    strays = tuple(run for run in runs if run.owner_uid not in known)
    return Desk(tuple(sorted(found, key=lambda cron_job: cron_job.name)), strays)


async def read(cluster: Cluster, namespace: str, name: str) -> CronJob:
    """One CronJob with its Jobs, as it is now."""
    raw = await cluster.request("GET", paths.namespaced(namespace, "cronjobs", name, group=GROUP))
    return _with_runs(raw, await _runs(cluster, namespace))


async def run_named(cluster: Cluster, namespace: str, name: str) -> Run | None:
    """A Job; None when there is none of that name."""
    try:
        return _run(await cluster.request("GET", paths.namespaced(namespace, "jobs", name, group=GROUP)))
    except NotFound:
        return None


async def pods_of(cluster: Cluster, run: Run) -> tuple[PodSight, ...]:
    """The pods of a Job, newest first."""
    path = paths.namespaced(run.sight.namespace, "pods")
    found = await gather(cluster, path, {"labelSelector": f"job-name={run.name}"}, sights.pod_sight)
    return tuple(sorted(found, key=lambda pod: pod.created, reverse=True))


async def start_run(cluster: Cluster, cron_job: CronJob, name: str, *, request: str, by: str) -> Run:
    """Makes a Job from the CronJob's template, as `kubectl create job --from` does; Conflict when the name is taken.

    `request` and `by` are written on it, so that whoever comes again knows their own Job.
    """
    template = parsing.at(cron_job.job_template)
    metadata: dict[str, Any] = {
        "name": name,
        "labels": parsing.strings(parsing.at(template, "metadata").get("labels")),
        "annotations": {
            **parsing.strings(parsing.at(template, "metadata").get("annotations")),
            sights.INSTANTIATE: "manual",
            REQUEST: request,
            REQUESTED_BY: by,
        },
        # Controlled, so that its history limits and its deletion take it along; without blockOwnerDeletion, which
        # needs rights to finalizers.
        "ownerReferences": [
            {
                "apiVersion": GROUP,
                "kind": "CronJob",
                "name": cron_job.name,
                "uid": cron_job.sight.uid,
                "controller": True,
            }
        ],
    }
    body = {"apiVersion": GROUP, "kind": "Job", "metadata": metadata, "spec": parsing.at(template, "spec")}
    path = paths.namespaced(cron_job.namespace, "jobs", group=GROUP)
    return _run(await _write(cluster, "POST", path, body, "application/json"))


async def set_suspended(cluster: Cluster, cron_job: CronJob, suspended: bool) -> CronJob:
    """Suspends a CronJob or lets it go on, if it is still as it was read (else Conflict)."""
    body = {"metadata": {"resourceVersion": cron_job.resource_version}, "spec": {"suspend": suspended}}
    path = paths.namespaced(cron_job.namespace, "cronjobs", cron_job.name, group=GROUP)
    return _with_runs(await _write(cluster, "PATCH", path, body, MERGE), cron_job.runs)


async def _write(cluster: Cluster, method: str, path: str, body: Mapping[str, Any], content_type: str) -> Json:
    return await cluster.request(
        method,
        path,
        query={"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"},
        body=body,
        content_type=content_type,
        timeout_s=WRITE_TIMEOUT_S,
    )


async def _runs(cluster: Cluster, namespace: str) -> tuple[Run, ...]:
    """The Jobs of a namespace, newest first."""
    found = await gather(cluster, paths.namespaced(namespace, "jobs", group=GROUP), {}, _run)
    return tuple(sorted(found, key=lambda run: (run.sight.created, run.name), reverse=True))


def _with_runs(raw: Json, runs: tuple[Run, ...]) -> CronJob:
    sight = sights.cronjob_sight(raw)
    return CronJob(
        sight=sight,
        resource_version=parsing.text(parsing.at(raw, "metadata").get("resourceVersion")),
        runs=tuple(run for run in runs if run.owner_uid == sight.uid),
        job_template=parsing.at(raw, "spec", "jobTemplate"),
    )


def _run(raw: Json) -> Run:
    annotations = parsing.strings(parsing.at(raw, "metadata").get("annotations"))
    return Run(
        sight=sights.job_sight(raw),
        owner_uid=parsing.text(parsing.owner(raw).get("uid")),
        by=annotations.get(REQUESTED_BY, ""),
        request=annotations.get(REQUEST, ""),
    )
