"""Batch work: CronJobs with the Jobs that they ran, as the desk of `/jobs` needs them.

Built by bot.kube.batches, judged by bot.usecases.jobs, shown by bot.cards.jobs. Pure.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from bot.domain.names import EnvironmentName
from bot.domain.pods import CronJobSight, JobSight


class RunState(StrEnum):
    """Where a Job stands."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    HELD = "held"
    """spec.suspend of the Job itself: its pods wait until somebody lets it go on."""


@dataclass(frozen=True, slots=True)
class Run:
    """A Job: what the watches show of it, and what our own annotations on it say."""

    sight: JobSight
    owner_uid: str = ""
    """Of the CronJob that it belongs to; a namesake that was deleted and made again has another."""
    by: str = ""
    """Slack user id of who started it through Kajitori. Annotations can be forged: it is shown, never trusted."""
    request: str = ""
    """Our mark of the request that made it; empty for all others."""

    @property
    def name(self) -> str:
        return self.sight.name

    @property
    def state(self) -> RunState:
        if self.sight.has_failed:
            return RunState.FAILED
        if self.sight.has_completed:
            return RunState.SUCCEEDED
        return RunState.HELD if self.sight.suspended else RunState.RUNNING

    @property
    def begun(self) -> datetime:
        """When it started, or was made when it has not started."""
        return self.sight.started or self.sight.created

    @property
    def is_over(self) -> bool:
        return self.sight.is_over

    def took_s(self, now: datetime) -> float:
        """Seconds from its start to its end, or to now."""
        return max(0.0, ((self.sight.finished or now) - self.begun).total_seconds())


@dataclass(frozen=True, slots=True)
class CronJob:
    """A CronJob with the Jobs of it that the cluster still keeps."""

    sight: CronJobSight
    resource_version: str
    """Opaque; only ever sent back for a conditional write."""
    runs: tuple[Run, ...] = ()
    """Newest first."""
    job_template: Mapping[str, object] = field(default_factory=dict)
    """spec.jobTemplate as the API gave it (raw JSON)."""

    @property
    def namespace(self) -> str:
        return self.sight.namespace

    @property
    def name(self) -> str:
        return self.sight.name

    @property
    def running(self) -> tuple[Run, ...]:
        """Those under way, newest first."""
        return tuple(run for run in self.runs if run.state is RunState.RUNNING)

    @property
    def last(self) -> Run | None:
        """The newest run that is over."""
        return next((run for run in self.runs if run.is_over), None)

    @property
    def is_failing(self) -> bool:
        """Whether its newest run that is over failed."""
        return self.last is not None and self.last.state is RunState.FAILED

    def before(self, request: str) -> "CronJob":
        """As it was before a request of ours made its run."""
        return replace(self, runs=tuple(run for run in self.runs if run.request != request))

    @property
    def step(self) -> str:
        """What its newest run is, in eight characters: buttons drawn before another one are stale."""
        newest = self.runs[0].sight.uid if self.runs else ""
        return hashlib.sha256(f"{self.sight.uid}|{newest}".encode()).hexdigest()[:8]


@dataclass(frozen=True, slots=True)
class Desk:
    """The batch work of one namespace."""

    cron_jobs: tuple[CronJob, ...] = ()
    strays: tuple[Run, ...] = ()
    """Jobs of no CronJob that is still there; newest first."""


@dataclass(frozen=True, slots=True)
class BatchDesk:
    """What `/jobs` shows of one environment."""

    environment: EnvironmentName
    cron_jobs: tuple[CronJob, ...]
    strays: tuple[Run, ...] = ()
    problems: Mapping[str, str] = field(default_factory=dict)
    """Namespace → why it could not be looked at."""
    asks_first: bool = True
    """Whether changes here want a second thought: it is no stage before another environment."""


def run_name(cron_job: CronJob, step: str) -> str:
    """Name of the Job that a press of `Run now`, drawn at `step`, makes: one button never makes two.

    At most 63 characters, since pods carry it in a label.
    """
    return f"{cron_job.name[:46].rstrip('-.')}-manual-{step}"


def failure_words(sight: JobSight) -> str:
    """Why a Job failed, in plain words without a full stop; empty when it did not."""
    if not sight.has_failed:
        return ""
    match sight.reason:
        case "BackoffLimitExceeded":
            return f"failed {sight.failed} times" if sight.failed > 1 else "failed"
        case "DeadlineExceeded":
            return "took longer than its activeDeadlineSeconds"
        case "PodFailurePolicy":
            return "ended in a way that its podFailurePolicy gives up on"
        case "":
            return "failed"
        case other:
            return f"failed ({other})"
