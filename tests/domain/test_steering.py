"""The release loop's decisions, in a small cluster where anything may happen between any two steps."""

from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bot.domain.names import UserId
from bot.domain.release import START_VALID, Outcome, Release, ReleaseKind, ReleasePhase
from bot.domain.rollout import Condition, Observation, PodTrouble, Workload
from bot.domain.steering import (
    HOPELESS_AFTER,
    RESTARTED_AT,
    PassSteps,
    PutBack,
    Save,
    WriteVersion,
    decide_progress,
    decide_start,
    restart_mark,
)
from bot.store.tables import Moment
from tests.domain.release_worlds import NEW, NOW, OLD, REPOSITORY, plan, release
from tests.domain.rollout_worlds import workload

OTHER = f"{REPOSITORY}:9.9.9"


# One decision at a time


def observed(**changes: Any) -> Observation:
    """The release's workload at the generation of its write, all pods new and available."""
    plain: dict[str, Any] = {"generation": 3, "observed_generation": 3, "images": {"admin": NEW}}
    return Observation(workload(**(plain | changes)))


def settled(decision: object) -> Release:
    assert isinstance(decision, Save), decision
    return decision.release


def test_success_needs_the_generation_that_our_write_returned() -> None:
    moving = release()
    early = settled(decide_progress(moving, observed(generation=2, observed_generation=2), (), NOW))
    assert early.phase is ReleasePhase.PROGRESSING
    assert settled(decide_progress(moving, observed(), (), NOW)).phase is ReleasePhase.SUCCEEDED


def test_an_object_of_the_same_name_but_another_uid_is_not_ours() -> None:
    assert settled(decide_progress(release(), observed(uid="u2"), (), NOW)).phase is ReleasePhase.SUPERSEDED
    assert settled(decide_start(release(generation=None), workload(uid="u2"), NOW)).phase is ReleasePhase.SUPERSEDED


def test_a_workload_that_is_gone_fails_the_release_with_its_name() -> None:
    over = settled(decide_progress(release(), None, (), NOW))
    assert over.phase is ReleasePhase.FAILED
    assert over.outcome is not None
    assert over.outcome.code == "deleted"
    assert "deployment admin" in over.outcome.text


def test_a_write_whose_reply_was_lost_is_adopted_and_not_sent_again() -> None:
    starting = release(generation=None)
    ours = workload(images={"admin": NEW}, annotations={"kajitori/op-id": starting.id}, generation=9)
    assert settled(decide_start(starting, ours, NOW)).generation == 9


def test_the_target_image_without_our_mark_is_somebody_elses_release() -> None:
    over = settled(decide_start(release(generation=None), workload(images={"admin": NEW}), NOW))
    assert over.phase is ReleasePhase.SUPERSEDED


def test_a_write_that_somebody_took_back_is_not_made_again() -> None:
    starting = release(generation=None)
    undone = workload(images={"admin": OLD}, annotations={"kajitori/op-id": starting.id}, generation=10)
    assert settled(decide_start(starting, undone, NOW)).phase is ReleasePhase.SUPERSEDED


def test_the_first_write_is_not_made_when_its_intent_is_old() -> None:
    late = release(generation=None, started_at=NOW - START_VALID - timedelta(seconds=1))
    over = settled(decide_start(late, workload(images={"admin": OLD}), NOW))
    assert over.phase is ReleasePhase.ABORTED
    assert over.outcome is not None
    assert over.outcome.code == "not_started"


def test_an_abort_before_the_first_write_leaves_the_cluster_alone() -> None:
    stopped = release(generation=None, abort_by=UserId("U0BOB"), abort_at=NOW)
    assert settled(decide_start(stopped, workload(images={"admin": OLD}), NOW)).phase is ReleasePhase.ABORTED


def test_an_abort_wins_over_a_rollout_that_is_done() -> None:
    stopped = release(abort_by=UserId("U0BOB"), abort_at=NOW)
    assert decide_progress(stopped, observed(), (), NOW) == PutBack()


def test_an_aborted_restart_has_nothing_to_put_back() -> None:
    again = plan(kind=ReleaseKind.RESTART, from_image=NEW, from_version="1.4.2")
    stopped = release(again, abort_by=UserId("U0BOB"), abort_at=NOW)
    template = {"metadata": {"annotations": {RESTARTED_AT: restart_mark(stopped)}}}
    over = settled(decide_progress(stopped, observed(template=template), (), NOW))
    assert over.phase is ReleasePhase.ABORTED
    assert over.outcome is not None
    assert over.outcome.code == "restart_goes_on"


@pytest.mark.parametrize("micros", [0, 400, 499, 500, 501, 999_501])
def test_a_restart_is_known_by_its_mark_when_its_row_was_read_back(micros: int) -> None:
    again = plan(kind=ReleaseKind.RESTART, from_image=NEW, from_version="1.4.2")
    begun = release(again, started_at=NOW + timedelta(microseconds=micros))
    column = Moment()
    kept = column.process_result_value(column.process_bind_param(begun.started_at, None), None)
    assert restart_mark(begun) == restart_mark(replace(begun, started_at=kept))


def test_an_image_that_does_not_exist_fails_soon_and_not_at_the_deadline() -> None:
    missing = PodTrouble("image_missing", "The image does not exist.", "Push it.", pods=1, hopeless=True)
    waiting = observed(updated=1, ready=3, total=4)
    moving = settled(decide_progress(release(), waiting, (missing,), NOW))
    assert moving.phase is ReleasePhase.PROGRESSING
    over = settled(decide_progress(moving, waiting, (missing,), NOW + HOPELESS_AFTER))
    assert over.phase is ReleasePhase.FAILED
    assert over.outcome == Outcome("image_missing", "The image does not exist.", "Push it.")


def test_a_paused_rollout_waits_for_ever_and_goes_on() -> None:
    stuck = observed(paused=True, updated=0, total=3)
    paused = settled(decide_progress(release(), stuck, (), NOW))
    assert paused.phase is ReleasePhase.PAUSED
    later = settled(decide_progress(paused, stuck, (), NOW + timedelta(days=2)))
    assert later.phase is ReleasePhase.PAUSED
    on = settled(decide_progress(later, observed(updated=0, total=3), (), NOW + timedelta(days=2, seconds=1)))
    assert (on.phase, on.outcome) == (ReleasePhase.PROGRESSING, None)


def test_kubernetes_own_deadline_fails_it_with_the_worst_trouble_as_the_reason() -> None:
    passed = Condition("Progressing", "False", "ProgressDeadlineExceeded", "timed out", NOW + timedelta(seconds=600))
    crash = PodTrouble("crash_loop", "It exits with 1.", "Read its log.", pods=1)
    over = settled(
        decide_progress(
            release(), observed(updated=1, total=4, conditions=(passed,)), (crash,), NOW + timedelta(seconds=600)
        )
    )
    assert (over.phase, over.outcome) == (
        ReleasePhase.FAILED,
        Outcome("crash_loop", "It exits with 1.", "Read its log."),
    )


@pytest.mark.parametrize("image", [OTHER, ""])
def test_somebody_elses_image_supersedes_and_names_who(image: str) -> None:
    images = {"admin": image} if image else {"sidecar": OTHER}
    over = settled(decide_progress(release(), observed(images=images, managers={"admin": "argocd"}), (), NOW))
    assert over.phase is ReleasePhase.SUPERSEDED
    assert over.outcome is not None
    assert "by argocd" in over.outcome.text


# Everything at once


@dataclass
class Write:
    """A write that reached the cluster, and what it found there."""

    what: WriteVersion | PutBack
    found_image: str
    found_uid: str
    aborted: bool


@dataclass
class Cluster:
    """One Deployment with its controller; every change raises the resource version, as the API server does."""

    image: str
    uid: str = "u1"
    exists: bool = True
    version: int = 1
    generation: int = 2
    observed: int = 2
    desired: int = 3
    new: int = 3
    """Pods of the present template."""
    ready: int = 3
    old: int = 0
    paused: bool = False
    broken: frozenset[str] = frozenset()
    marks: dict[str, str] = field(default_factory=dict)
    mark: str = ""
    writes: list[Write] = field(default_factory=list)

    def read(self) -> Workload | None:
        if not self.exists:
            return None
        template = {"metadata": {"annotations": {RESTARTED_AT: self.mark}}} if self.mark else {}
        return workload(
            uid=self.uid,
            resource_version=str(self.version),
            generation=self.generation,
            observed_generation=self.observed,
            images={"admin": self.image},
            annotations=dict(self.marks),
            paused=self.paused,
            desired=self.desired,
            updated=self.new if self.observed == self.generation else 0,
            ready=self.ready + self.old,
            available=self.ready + self.old,
            total=self.new + self.old,
            template=template,
        )

    def set_template(self, image: str, mark: str = "") -> None:
        """A new template: its pods are yet to come."""
        self.version += 1
        if (image, mark) == (self.image, self.mark):
            return
        self.generation += 1
        self.image, self.mark = image, mark
        self.old, self.new, self.ready = min(self.desired, self.old + self.ready), 0, 0

    def turn(self) -> None:
        """The controller notices, and replaces a pod."""
        self.version += 1
        if self.observed < self.generation:
            self.observed = self.generation
        elif self.paused:
            pass
        elif self.new < self.desired:
            self.new += 1
        elif self.new > self.desired:
            self.new = self.desired
            self.ready = min(self.ready, self.new)
        elif self.ready < self.new and self.image not in self.broken:
            self.ready += 1
            self.old = max(0, self.old - 1)
        elif self.ready == self.new:
            self.old = 0


class Crash(Exception):
    """The process died here."""


CRASHES = ("", "before the write", "after the write", "before the save")


class AnyStory(RuleBasedStateMachine):
    """The loop, an impatient person, other people with kubectl, and a process that dies."""

    @initialize(
        kind=st.sampled_from([ReleaseKind.DEPLOY, ReleaseKind.ROLLBACK, ReleaseKind.RESTART]), broken=st.booleans()
    )
    def begin(self, kind: ReleaseKind, broken: bool) -> None:
        self.now = NOW
        wanted = plan(kind=kind, to_image=OLD, to_version="1.4.1") if kind is ReleaseKind.RESTART else plan(kind=kind)
        self.row = release(
            wanted, phase=ReleasePhase.QUEUED, started_at=None, generation=None, progressed_at=None, requested_at=NOW
        )
        self.cluster = Cluster(OLD, broken=frozenset({wanted.to_image}) if broken else frozenset())
        self.last = self.row
        self.erased = self.put_again = False
        self.proof: Workload | None = None

    # The loop

    @rule(crash=st.sampled_from(CRASHES), meanwhile=st.sampled_from(["", "image", "rv", "abort"]))
    def look(self, crash: str = "", meanwhile: str = "") -> None:
        """One turn of the loop; `meanwhile` happens between its reading and what follows from it."""
        if self.row.phase.is_over:
            return
        with suppress(Crash):
            self._step(crash, meanwhile)

    def _step(self, crash: str, meanwhile: str) -> None:
        row = self.row
        if row.phase is ReleasePhase.QUEUED:
            row = self._save(row, row.moved(phase=ReleasePhase.PROGRESSING, started_at=self.now), crash)
        for _ in range(5):
            seen = self.cluster.read()
            if row.generation is None:
                decision = decide_start(row, seen, self.now)
            else:
                decision = decide_progress(row, Observation(seen) if seen else None, (), self.now)
            self._meanwhile(meanwhile)
            meanwhile = ""
            if isinstance(decision, Save):
                self._save(row, decision.release, crash)
                self.proof = seen
                return
            if crash == "before the write":
                raise Crash
            assert seen is not None
            assert not isinstance(decision, PassSteps)
            generation = self._write(row, seen, decision)
            if generation is None:  # a conflict: decide again from what is there now
                continue
            if crash == "after the write":
                raise Crash
            if row.generation is None:
                self._save(row, replace(row, generation=generation, progressed_at=self.now), crash)
            else:
                self._save(row, row.moved(undo_generation=generation, progressed_at=self.now), crash)
            return

    def _save(self, before: Release, after: Release, crash: str) -> Release:
        if crash == "before the save" or before.row_version != self.row.row_version:
            raise Crash
        self.row = replace(after, row_version=after.row_version + 1)
        return self.row

    def _write(self, row: Release, seen: Workload, decision: WriteVersion | PutBack) -> int | None:
        cluster = self.cluster
        if not cluster.exists or (cluster.uid, str(cluster.version)) != (seen.uid, seen.resource_version):
            return None
        cluster.writes.append(Write(decision, cluster.image, cluster.uid, row.abort_by is not None))
        is_restart = row.plan.kind is ReleaseKind.RESTART
        image = row.plan.to_image if isinstance(decision, WriteVersion) else row.plan.from_image
        cluster.marks |= row.marks()
        cluster.set_template(image, restart_mark(row) if is_restart else cluster.mark)
        return cluster.generation

    def _meanwhile(self, what: str) -> None:
        match what:
            case "image":
                self.cluster.set_template(OTHER, self.cluster.mark)
            case "rv":
                self.cluster.version += 1
            case "abort":
                self.abort()

    # Everybody else

    @rule()
    def controller(self) -> None:
        self.cluster.turn()

    @rule(seconds=st.sampled_from([1, 9, 70, 700]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @precondition(lambda self: not self.row.phase.is_over and self.row.abort_by is None)
    @rule()
    def abort(self) -> None:
        if self.row.phase.is_over or self.row.abort_by is not None:
            return
        row = self.row.moved(abort_by=UserId("U0BOB"), abort_at=self.now)
        if row.phase is ReleasePhase.QUEUED:
            row = row.finished(ReleasePhase.ABORTED, Outcome("not_started", "Stopped."), self.now)
        self.row = replace(row, row_version=row.row_version + 1)

    @rule(image=st.sampled_from([OLD, NEW, OTHER]))
    def somebody_sets_an_image(self, image: str) -> None:
        self.put_again = self.put_again or image == NEW
        self.cluster.set_template(image, self.cluster.mark)

    @rule()
    def somebody_undoes(self) -> None:
        """`kubectl rollout undo` puts the annotations of that revision back as well, so our mark goes."""
        self.erased = True
        self.cluster.marks.clear()
        self.cluster.set_template(OLD)

    @rule()
    def somebody_restarts(self) -> None:
        self.cluster.set_template(self.cluster.image, self.now.isoformat())

    @rule(paused=st.booleans())
    def somebody_pauses_or_resumes(self, paused: bool) -> None:
        self.cluster.paused = paused
        self.cluster.generation += 1
        self.cluster.version += 1

    @rule(desired=st.integers(0, 4))
    def an_autoscaler_scales(self, desired: int) -> None:
        self.cluster.desired = desired
        self.cluster.generation += 1
        self.cluster.version += 1

    @rule(again=st.booleans())
    def somebody_deletes(self, again: bool) -> None:
        cluster = self.cluster
        cluster.exists, cluster.uid = again, f"{cluster.uid}+"
        cluster.version += 1

    # What must hold

    @invariant()
    def each_write_is_made_once(self) -> None:
        forward = [write for write in self.cluster.writes if isinstance(write.what, WriteVersion)]
        back = [write for write in self.cluster.writes if isinstance(write.what, PutBack)]
        assert len(forward) <= 1 or self.erased
        assert len(back) <= 1 or self.put_again

    @invariant()
    def nothing_of_others_is_overwritten(self) -> None:
        for write in self.cluster.writes:
            assert write.found_uid == self.row.plan.uid
            forward = isinstance(write.what, WriteVersion)
            assert write.found_image == (self.row.plan.from_image if forward else self.row.plan.to_image)

    @invariant()
    def an_abort_wins(self) -> None:
        for write in self.cluster.writes:
            assert write.aborted == isinstance(write.what, PutBack)
        if self.row.abort_by is not None:
            assert self.row.phase is not ReleasePhase.SUCCEEDED

    @invariant()
    def success_is_true(self) -> None:
        if self.row.phase is not ReleasePhase.SUCCEEDED or self.last.phase is ReleasePhase.SUCCEEDED:
            return
        seen = self.proof
        assert seen is not None
        assert self.row.generation is not None
        assert seen.uid == self.row.plan.uid
        assert seen.images["admin"] == self.row.plan.to_image
        assert seen.observed_generation >= seen.generation >= self.row.generation
        assert seen.desired <= seen.updated == seen.total
        assert seen.available >= seen.updated
        assert [write for write in self.cluster.writes if isinstance(write.what, WriteVersion)]

    @invariant()
    def the_row_only_moves_forward(self) -> None:
        last, row = self.last, self.row
        if last.phase.is_over:
            assert row == last
        assert row.step >= last.step
        assert last.generation in (None, row.generation)
        assert row.phase.is_over == (row.finished_at is not None)
        if row.phase.is_over:
            assert row.outcome is not None
            assert row.notice == ""
        self.last = row

    def teardown(self) -> None:
        """Whatever happened, it ends once people leave it alone and nothing is paused."""
        if not hasattr(self, "row"):
            return
        self.cluster.paused = False
        for _ in range(40):
            self.cluster.turn()
            self.look()
            self.now += timedelta(seconds=30)
            self.each_write_is_made_once()
            self.nothing_of_others_is_overwritten()
            self.an_abort_wins()
            self.success_is_true()
            self.the_row_only_moves_forward()
        assert self.row.phase.is_over


TestAnyStory = AnyStory.TestCase
TestAnyStory.settings = settings(max_examples=500, stateful_step_count=20, deadline=None)
