"""CronJob controller: creates Jobs on schedule, in the CronJob's time zone, and keeps the last few."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.sandbox.kube.clock import parse_stamp, stamp
from bot.sandbox.kube.controllers.base import Tools, controller_ref, is_terminating, key_of, owner_keys, reference
from bot.sandbox.kube.controllers.engine import Key
from bot.sandbox.kube.controllers.job import body_from
from bot.sandbox.kube.deletion import delete
from bot.sandbox.kube.kinds import CRON_JOBS, JOBS, Obj, Resource
from bot.sandbox.kube.status import ApiError
from bot.sandbox.kube.store import StoredEvent

COMPONENT = "cronjob-controller"
LOOK_AGAIN_S = 5.0  # at the latest: the wall clock may be moved
LONGEST_S = 10 * 366 * 86400  # a deadline beyond is none
MANY_RUNS = 100  # more missed ones than these are remarked upon
_NAMED = {"@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0",
          "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *"}  # fmt: skip
_BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_WORDS = {
    3: {n: i + 1 for i, n in enumerate(_MONTHS)},
    4: {n: i for i, n in enumerate(_DAYS)},
}


class Schedule:
    """A five-field cron expression."""

    def __init__(self, text: str, zone: str | None) -> None:
        fields = _NAMED.get(text, text).split()
        if len(fields) != 5:
            raise ValueError(text)
        self._sets = [_field(field, index) for index, field in enumerate(fields)]
        self._any_day = fields[2].startswith("*"), fields[4].startswith("*")
        try:
            self._zone = ZoneInfo(zone or "UTC")
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"unknown time zone {zone}") from error

    def next_after(self, moment: datetime) -> datetime | None:
        """The first run after a moment, within the next four years."""
        local = moment.astimezone(self._zone).replace(second=0, microsecond=0) + timedelta(minutes=1)
        limit = local + timedelta(days=1463)
        while local < limit:
            if local.month not in self._sets[3] or not self._is_day(local):
                local = (local + timedelta(days=1)).replace(hour=0, minute=0)
            elif local.hour not in self._sets[1]:
                local = (local + timedelta(hours=1)).replace(minute=0)
            elif local.minute not in self._sets[0]:
                local += timedelta(minutes=1)
            else:
                return local
        return None

    def _is_day(self, moment: datetime) -> bool:
        of_month = moment.day in self._sets[2]
        of_week = (moment.isoweekday() % 7) in self._sets[4]
        return (of_month and of_week) if any(self._any_day) else (of_month or of_week)


def latest_run(schedule: Schedule, since: datetime, now: datetime) -> tuple[datetime | None, int]:
    """The last run after `since` and not after `now`, and how many there were, counted to one more than `MANY_RUNS`."""
    found: datetime | None = None
    count, run = 0, schedule.next_after(since)
    while run is not None and run <= now:
        found, count = run, count + 1
        if count > MANY_RUNS:
            break
        run = schedule.next_after(run)
    if count <= MANY_RUNS:
        return found, count
    back = timedelta(minutes=1)
    while (run := schedule.next_after(now - back)) is None or run > now:
        back *= 2
    while run is not None and run <= now:
        found, run = run, schedule.next_after(run)
    return found, count


def _field(text: str, index: int) -> set[int]:
    low, high = _BOUNDS[index]
    found: set[int] = set()
    for part in text.lower().split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        if span in ("*", "?"):
            start, end = low, high
        else:
            start = _number(first, index)
            end = _number(last, index) if last else (high if step else start)
        if not low <= start <= end <= high:
            raise ValueError(text)
        found |= set(range(start, end + 1, int(step or 1)))
    if index == 4 and 7 in found:
        found.add(0)
    return found


def _number(text: str, index: int) -> int:
    known = _WORDS.get(index, {})
    return known[text] if text in known else int(text)


class CronJobController:
    """Runs CronJobs."""

    name = "cronjob"

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    def concerns(self, resource: Resource, event: StoredEvent) -> list[Key]:
        if resource is CRON_JOBS:
            return [key_of(event.obj)]
        return owner_keys(event.obj, CRON_JOBS) if resource is JOBS else []

    def reconcile(self, key: Key) -> float | None:
        cron_job = self._tools.store.get(CRON_JOBS, *key)
        if cron_job is None or is_terminating(cron_job):
            return None
        jobs = self._tools.owned(JOBS, cron_job)
        self._trim(cron_job, jobs)
        spec = cron_job["spec"]
        try:
            schedule = Schedule(spec["schedule"], spec.get("timeZone"))
        except ValueError as error:
            told = f"unparseable schedule: {spec['schedule']!r} : {error}"
            self._tools.recorder.warning(cron_job, COMPONENT, "UnParseableCronJobSchedule", told)
            return None
        self._tell_unexpected(cron_job, jobs)
        now = self._tools.clock.now()
        status = dict(cron_job.get("status") or {})
        again_s: float | None = None
        if not spec.get("suspend"):
            due = self._missed(cron_job, schedule, now)
            if due is not None:
                self._run(cron_job, jobs, due, status)
            following = schedule.next_after(now)
            wait_s = (following - now).total_seconds() if following else LOOK_AGAIN_S
            again_s = min(LOOK_AGAIN_S, max(0.05, wait_s))
        self._write_status(cron_job, status)
        return again_s

    def _missed(self, cron_job: Obj, schedule: Schedule, now: datetime) -> datetime | None:
        """The latest run that is due and was not begun; one that is later than startingDeadlineSeconds is lost."""
        status, spec = cron_job.get("status") or {}, cron_job["spec"]
        since = parse_stamp(status.get("lastScheduleTime") or cron_job["metadata"]["creationTimestamp"])
        deadline_s = spec.get("startingDeadlineSeconds")
        if deadline_s is not None:
            since = max(since, now - timedelta(seconds=min(deadline_s, LONGEST_S)))
        due, missed = latest_run(schedule, since, now)
        if missed > MANY_RUNS:
            told = "Set or decrease .spec.startingDeadlineSeconds or check clock skew"
            self._tools.recorder.warning(
                cron_job, COMPONENT, "TooManyMissedTimes", f"too many missed start times. {told}"
            )  # fmt: skip
        return due

    def _tell_unexpected(self, cron_job: Obj, jobs: list[Obj]) -> None:
        known = {ref["uid"] for ref in (cron_job.get("status") or {}).get("active") or []}
        for job in jobs:
            if job["metadata"]["uid"] not in known and not _finished(job):
                told = f"Saw a job that the controller did not create or forgot: {job['metadata']['name']}"
                self._tools.recorder.warning(cron_job, COMPONENT, "UnexpectedJob", told)

    def _run(self, cron_job: Obj, jobs: list[Obj], due: datetime, status: Obj) -> None:
        running = [job for job in jobs if not _finished(job)]
        match cron_job["spec"]["concurrencyPolicy"]:
            case "Forbid" if running:
                told = "Not starting job because prior execution is running and concurrency policy is Forbid"
                self._tools.recorder.normal(cron_job, COMPONENT, "JobAlreadyActive", told)
                return
            case "Replace":
                for job in running:
                    delete(self._tools.registry, JOBS, *key_of(job), {"propagationPolicy": "Background"})
            case _:
                pass
        body = body_from(cron_job, f"{cron_job['metadata']['name']}-{int(due.timestamp()) // 60}")
        body["metadata"]["ownerReferences"] = [reference(cron_job)]
        annotations = body["metadata"].setdefault("annotations", {})
        annotations["batch.kubernetes.io/cronjob-scheduled-timestamp"] = due.isoformat()
        try:
            job = self._tools.create(JOBS, body)
        except ApiError as refusal:
            self._tools.recorder.warning(cron_job, COMPONENT, "FailedCreate", f"Error creating job: {refusal.message}")
            return
        told = f"Created job {job['metadata']['name']}"
        self._tools.recorder.normal(cron_job, COMPONENT, "SuccessfulCreate", told)
        status["lastScheduleTime"] = stamp(due)

    def _write_status(self, cron_job: Obj, status: Obj) -> None:
        jobs = self._tools.owned(JOBS, cron_job)
        active = []
        for job in jobs:
            ref = controller_ref(job) or {}
            if not _finished(job) and ref.get("blockOwnerDeletion"):  # ours, not one made by hand
                metadata = job["metadata"]
                active.append({"kind": "Job", "namespace": metadata["namespace"], "name": metadata["name"],
                               "uid": metadata["uid"], "apiVersion": "batch/v1",
                               "resourceVersion": metadata["resourceVersion"]})  # fmt: skip
        known = {ref["uid"]: ref for ref in status.get("active") or []}
        if active:
            status["active"] = [known.get(ref["uid"], ref) for ref in active]
        else:
            status.pop("active", None)
        ended = [job["status"]["completionTime"] for job in jobs if job["status"].get("completionTime")]
        if ended:
            status["lastSuccessfulTime"] = max(ended)
        if status != (cron_job.get("status") or {}):
            self._tools.write_status(CRON_JOBS, cron_job, status)

    def _trim(self, cron_job: Obj, jobs: list[Obj]) -> None:
        spec = cron_job["spec"]
        for kind, limit in (("Complete", spec.get("successfulJobsHistoryLimit", 3)),
                            ("Failed", spec.get("failedJobsHistoryLimit", 1))):  # fmt: skip
            ended = [job for job in jobs if _finished(job) == kind and not is_terminating(job)]
            for job in ended[: max(0, len(ended) - int(limit))]:
                delete(self._tools.registry, JOBS, *key_of(job), {"propagationPolicy": "Background"})


def _finished(job: Obj) -> str:
    """`Complete`, `Failed` or nothing."""
    conditions = job["status"].get("conditions") or []
    return next((c["type"] for c in conditions if c["type"] in ("Complete", "Failed") and c["status"] == "True"), "")
