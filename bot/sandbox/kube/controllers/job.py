"""Job controller: pods until enough have succeeded or too many have failed, with back-off and deadline."""

from bot.sandbox.kube.controllers.base import (
    Tools,
    condition,
    draft_of,
    is_ready,
    is_terminating,
    key_of,
    owner_keys,
    pod_from,
)
from bot.sandbox.kube.controllers.engine import Key
from bot.sandbox.kube.controllers.job_policy import is_past_limit, sort_failed
from bot.sandbox.kube.deletion import delete
from bot.sandbox.kube.kinds import JOBS, PODS, Obj, Resource
from bot.sandbox.kube.status import ApiError
from bot.sandbox.kube.store import StoredEvent

COMPONENT = "job-controller"
TRACKING = "batch.kubernetes.io/job-tracking"  # a pod's finalizer: it stays until its end is counted
_VERDICTS = {"SuccessCriteriaMet": "Complete", "FailureTarget": "Failed"}


class JobController:
    """Runs Jobs to their end. Ended pods are counted in two steps, so that none is counted twice or lost."""

    name = "job"

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._gathering: dict[Key, float] = {}  # when the news that came in are to be looked at

    def concerns(self, resource: Resource, event: StoredEvent) -> list[Key]:
        if resource is JOBS:
            is_new_wish = event.before is None or event.before["spec"] != event.obj["spec"]
            return [self._due(key_of(event.obj), now=is_new_wish or is_terminating(event.obj))]
        if resource is PODS:
            return [self._due(key, now=is_terminating(event.obj)) for key in owner_keys(event.obj, JOBS)]
        return []

    def _due(self, key: Key, *, now: bool) -> Key:
        if now:
            self._gathering[key] = 0.0
        else:
            later = self._tools.clock.steady_s() + self._tools.scaled(self._tools.options.job_sync_s)
            self._gathering.setdefault(key, later)
        return key

    def reconcile(self, key: Key) -> float | None:
        wait_s = self._gathering.get(key, 0.0) - self._tools.clock.steady_s()
        if wait_s > 0:
            return wait_s
        self._gathering.pop(key, None)
        job = self._tools.store.get(JOBS, *key)
        if job is None or is_terminating(job):
            self._let_go([p for p in self._tools.store.each(PODS, key[0]) if key in owner_keys(p, JOBS)])
            return None
        mine = self._tools.owned(PODS, job)
        self._let_go([pod for pod in mine if is_terminating(pod)])
        if _is_finished(job):
            self._let_go(mine)
            return self._expire(job)
        return self._sync(job, [p for p in mine if not is_terminating(p)])

    def _let_go(self, pods: list[Obj]) -> None:
        """Take the finalizer from pods, which may end them."""
        for pod in pods:
            if TRACKING in (pod["metadata"].get("finalizers") or []):
                draft = {**pod, "metadata": dict(pod["metadata"])}
                draft["metadata"]["finalizers"] = [f for f in pod["metadata"]["finalizers"] if f != TRACKING]
                self._tools.write(PODS, draft)

    def _sync(self, job: Obj, pods: list[Obj]) -> float | None:
        spec, status = job["spec"], dict(job["status"])
        succeeded = [p for p in pods if p["status"].get("phase") == "Succeeded"]
        failed, ignored, fatal = sort_failed(job, [p for p in pods if p["status"].get("phase") == "Failed"])
        self._let_go(ignored)
        active = [p for p in pods if p["status"].get("phase") not in ("Succeeded", "Failed")]
        again_s: float | None = None
        if spec.get("suspend"):
            for pod in active:
                delete(self._tools.registry, PODS, *key_of(pod))
            active = []
            self._suspend(job, status)
        else:
            self._resume(job, status)
            status.setdefault("startTime", self._tools.now())
            if fatal:
                self._fail(status, active, *fatal)
            else:
                self._verdict(job, status, succeeded, failed, active)
            if any(condition(status, name) for name in _VERDICTS):
                active = []
            else:
                again_s = self._sooner(self._fill(job, succeeded, failed, active), spec, status)
                active = [p for p in self._tools.owned(PODS, job)
                          if p["status"].get("phase") in ("Pending", "Running") and not is_terminating(p)]  # fmt: skip
        ended = {"succeeded": succeeded, "failed": failed}
        uncounted = {name: [p for p in found if TRACKING in (p["metadata"].get("finalizers") or [])]
                     for name, found in ended.items()}  # fmt: skip
        for name, found in ended.items():
            _count(status, name, len(found) - len(uncounted[name]))
        _count(status, "active", len(active))
        status["ready"] = sum(is_ready(pod) for pod in active)
        status["terminating"] = 0
        status["uncountedTerminatedPods"] = {
            name: [pod["metadata"]["uid"] for pod in found] for name, found in uncounted.items() if found
        }
        if any(uncounted.values()):
            job = self._write(job, status)
            for found in uncounted.values():
                self._let_go(found)
            status = {**job["status"], "uncountedTerminatedPods": {}}
            for name, found in ended.items():
                _count(status, name, len(found))
        self._end(job, status)
        self._write(job, status)
        return again_s

    def _suspend(self, job: Obj, status: Obj) -> None:
        before = condition(status, "Suspended")
        status.pop("startTime", None)  # the clock of activeDeadlineSeconds starts anew
        if before is None or before["status"] != "True":
            self._set(status, "Suspended", "True", "JobSuspended", "Job suspended")
            self._tools.recorder.normal(job, COMPONENT, "Suspended", "Job suspended")

    def _resume(self, job: Obj, status: Obj) -> None:
        before = condition(status, "Suspended")
        if before is not None and before["status"] == "True":
            self._set(status, "Suspended", "False", "JobResumed", "Job resumed")
            self._tools.recorder.normal(job, COMPONENT, "Resumed", "Job resumed")

    def _write(self, job: Obj, status: Obj) -> Obj:
        return self._tools.write_status(JOBS, job, status) if status != job["status"] else job

    def _verdict(self, job: Obj, status: Obj, succeeded: list[Obj], failed: list[Obj], active: list[Obj]) -> None:
        spec = job["spec"]
        wanted = spec.get("completions")
        if len(succeeded) >= (wanted if wanted is not None else 1) and (wanted is not None or not active):
            reached = ("CompletionsReached", "Reached expected number of succeeded pods")
            self._set(status, "SuccessCriteriaMet", "True", *reached)
            return
        deadline_s = spec.get("activeDeadlineSeconds")
        if is_past_limit(job, failed, active):
            self._fail(status, active, "BackoffLimitExceeded", "Job has reached the specified backoff limit")
        elif deadline_s is not None and self._tools.since_s(status["startTime"]) >= deadline_s:
            self._fail(status, active, "DeadlineExceeded", "Job was active longer than specified deadline")

    def _fail(self, status: Obj, active: list[Obj], reason: str, message: str) -> None:
        for pod in active:
            delete(self._tools.registry, PODS, *key_of(pod))
        self._set(status, "FailureTarget", "True", reason, message)

    def _end(self, job: Obj, status: Obj) -> None:
        """Turn a verdict into the end of the Job, and tell it."""
        for verdict, end in _VERDICTS.items():
            reached = condition(status, verdict)
            if reached is None:
                continue
            self._set(status, end, "True", reached["reason"], reached["message"])
            if end == "Complete":
                status["completionTime"] = self._tools.now()
                self._tools.recorder.normal(job, COMPONENT, "Completed", "Job completed")
            else:
                self._tools.recorder.warning(job, COMPONENT, reached["reason"], reached["message"])

    def _fill(self, job: Obj, succeeded: list[Obj], failed: list[Obj], active: list[Obj]) -> float | None:
        """Create missing pods; seconds to wait when it is too early or one was refused."""
        spec = job["spec"]
        parallelism = int(spec.get("parallelism", 1))
        left = int(spec["completions"]) - len(succeeded) if spec.get("completions") is not None else parallelism
        missing = min(parallelism, left) - len(active)
        if missing > 0 and failed:
            latest = max(_ended_at(p) for p in failed)
            backoff_s = self._tools.scaled(self._tools.options.job_backoff_s * 2 ** (len(failed) - 1))
            wait_s = backoff_s - self._tools.since_s(latest)
            if wait_s > 0:
                return wait_s
        for _ in range(missing):
            body = pod_from(spec["template"], job)
            body["metadata"]["finalizers"] = [TRACKING]
            try:
                pod = self._tools.create(PODS, body)
            except ApiError as refusal:
                self._tools.recorder.warning(job, COMPONENT, "FailedCreate", f"Error creating: {refusal.message}")
                return 1.0
            told = f"Created pod: {pod['metadata']['name']}"
            self._tools.recorder.normal(job, COMPONENT, "SuccessfulCreate", told)
        for pod in active[len(active) + missing :] if missing < 0 else []:
            delete(self._tools.registry, PODS, *key_of(pod))
        return None

    def _sooner(self, again_s: float | None, spec: Obj, status: Obj) -> float | None:
        """When to look again: as asked, but not after the Job's deadline."""
        deadline_s = spec.get("activeDeadlineSeconds")
        if deadline_s is None:
            return again_s
        left_s = max(0.0, float(deadline_s) - self._tools.since_s(status["startTime"]))
        return left_s if again_s is None else min(again_s, left_s)

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


def _count(status: Obj, name: str, count: int) -> None:
    if count:
        status[name] = count
    else:
        status.pop(name, None)


def _ended_at(pod: Obj) -> str:
    """When the last container of a failed pod ended, else when the pod was made."""
    states = [c["state"].get("terminated") or {} for c in pod["status"].get("containerStatuses") or []]
    ends = [str(state["finishedAt"]) for state in states if state.get("finishedAt")]
    return max(ends, default=str(pod["metadata"]["creationTimestamp"]))


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
