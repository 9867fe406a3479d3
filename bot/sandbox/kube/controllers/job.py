"""Job controller: pods until enough have succeeded or too many have failed, with back-off and deadline."""

from bot.sandbox.kube.controllers.base import (
    Tools,
    draft_of,
    is_ready,
    is_terminating,
    key_of,
    owner_keys,
    pod_from,
)
from bot.sandbox.kube.controllers.engine import Key
from bot.sandbox.kube.deletion import delete
from bot.sandbox.kube.kinds import JOBS, PODS, Obj, Resource
from bot.sandbox.kube.status import ApiError
from bot.sandbox.kube.store import StoredEvent

COMPONENT = "job-controller"
BACKOFF_S = 2.0  # a real cluster waits 10 s, doubled each time


class JobController:
    """Runs Jobs to their end."""

    name = "job"

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    def concerns(self, resource: Resource, event: StoredEvent) -> list[Key]:
        if resource is JOBS:
            return [key_of(event.obj)]
        return owner_keys(event.obj, JOBS) if resource is PODS else []

    def reconcile(self, key: Key) -> float | None:
        job = self._tools.store.get(JOBS, *key)
        if job is None or is_terminating(job):
            return None
        if _is_finished(job):
            return self._expire(job)
        spec, old = job["spec"], job["status"]
        pods = self._tools.owned(PODS, job)
        succeeded = [p for p in pods if p["status"].get("phase") == "Succeeded"]
        failed = [p for p in pods if p["status"].get("phase") == "Failed"]
        active = [p for p in pods if p not in succeeded and p not in failed and not is_terminating(p)]
        status: Obj = {**old}
        again_s: float | None = None
        if spec.get("suspend"):
            for pod in active:
                delete(self._tools.registry, PODS, *key_of(pod))
            active = []
            self._set(status, "Suspended", "True", "JobSuspended", "Job suspended")
        else:
            status.setdefault("startTime", self._tools.now())
            self._verdict(job, status, succeeded, failed, active)
            if not _is_finished({"status": status}):
                again_s = self._fill(job, succeeded, failed, active)
                active = [p for p in self._tools.owned(PODS, job)
                          if p["status"].get("phase") in ("Pending", "Running") and not is_terminating(p)]  # fmt: skip
        self._count(status, succeeded, failed, active)
        if status != old:
            self._tools.write_status(JOBS, job, status)
        return again_s

    def _verdict(self, job: Obj, status: Obj, succeeded: list[Obj], failed: list[Obj], active: list[Obj]) -> None:
        spec = job["spec"]
        wanted = spec.get("completions")
        if len(succeeded) >= (wanted if wanted is not None else 1) and (wanted is not None or not active):
            reached = ("CompletionsReached", "Reached expected number of succeeded pods")
            self._set(status, "SuccessCriteriaMet", "True", *reached)
            self._set(status, "Complete", "True", *reached)
            status["completionTime"] = self._tools.now()
            self._tools.recorder.normal(job, COMPONENT, "Completed", "Job completed")
            return
        deadline_s = spec.get("activeDeadlineSeconds")
        if len(failed) > int(spec.get("backoffLimit", 6)):
            self._fail(job, status, active, "BackoffLimitExceeded", "Job has reached the specified backoff limit")
        elif deadline_s is not None and self._tools.since_s(status["startTime"]) >= deadline_s:
            self._fail(job, status, active, "DeadlineExceeded", "Job was active longer than specified deadline")

    def _fail(self, job: Obj, status: Obj, active: list[Obj], reason: str, message: str) -> None:
        for pod in active:
            delete(self._tools.registry, PODS, *key_of(pod))
        self._set(status, "FailureTarget", "True", reason, message)
        self._set(status, "Failed", "True", reason, message)
        self._tools.recorder.warning(job, COMPONENT, reason, message)

    def _fill(self, job: Obj, succeeded: list[Obj], failed: list[Obj], active: list[Obj]) -> float | None:
        """Create missing pods; seconds to wait when it is too early or one was refused."""
        spec = job["spec"]
        parallelism = int(spec.get("parallelism", 1))
        left = int(spec["completions"]) - len(succeeded) if spec.get("completions") is not None else parallelism
        missing = min(parallelism, left) - len(active)
        if missing > 0 and failed:
            latest = max(p["metadata"]["creationTimestamp"] for p in failed)
            wait_s = self._tools.scaled(BACKOFF_S * 2 ** (len(failed) - 1)) - self._tools.since_s(latest)
            if wait_s > 0:
                return wait_s
        for _ in range(missing):
            try:
                pod = self._tools.create(PODS, pod_from(spec["template"], job))
            except ApiError as refusal:
                self._tools.recorder.warning(job, COMPONENT, "FailedCreate", f"Error creating: {refusal.message}")
                return 1.0
            told = f"Created pod: {pod['metadata']['name']}"
            self._tools.recorder.normal(job, COMPONENT, "SuccessfulCreate", told)
        deadline_s = spec.get("activeDeadlineSeconds")
        return float(deadline_s) if deadline_s is not None else None

    def _count(self, status: Obj, succeeded: list[Obj], failed: list[Obj], active: list[Obj]) -> None:
        for name, count in (("active", len(active)), ("succeeded", len(succeeded)), ("failed", len(failed))):
            if count:
                status[name] = count
            else:
                status.pop(name, None)
        status["ready"] = sum(is_ready(pod) for pod in active)
        status["terminating"] = 0
        status["uncountedTerminatedPods"] = {}

    def _set(self, status: Obj, kind: str, value: str, reason: str, message: str) -> None:
        conditions = [c for c in status.get("conditions") or [] if c["type"] != kind]
        known = next((c for c in status.get("conditions") or [] if c["type"] == kind), None)
        if known is not None and known["status"] == value:
            return
        now = self._tools.now()
        status["conditions"] = [*conditions, {
            "type": kind, "status": value, "lastProbeTime": now, "lastTransitionTime": now, "reason": reason,
            "message": message,
        }]  # fmt: skip

    def _expire(self, job: Obj) -> float | None:
        lifetime_s = job["spec"].get("ttlSecondsAfterFinished")
        if lifetime_s is None:
            return None
        last = next(c for c in job["status"]["conditions"] if c["type"] in ("Complete", "Failed"))
        wait_s = float(lifetime_s) - self._tools.since_s(last["lastTransitionTime"])
        if wait_s > 0:
            return wait_s
        delete(self._tools.registry, JOBS, *key_of(job), {"propagationPolicy": "Foreground"})
        return None


def _is_finished(job: Obj) -> bool:
    conditions = job["status"].get("conditions") or []
    return any(c["type"] in ("Complete", "Failed") and c["status"] == "True" for c in conditions)


def body_from(cron_job: Obj, name: str) -> Obj:
    """A Job of a CronJob's template."""
    template = draft_of(cron_job["spec"]["jobTemplate"])
    metadata = template.get("metadata") or {}
    return {
        "metadata": {**metadata, "name": name, "namespace": cron_job["metadata"]["namespace"]},
        "spec": template["spec"],
    }
