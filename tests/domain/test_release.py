"""What an approval binds to, where a rollback goes, and what a release expects."""

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.canary.scheme import CanaryScheme, Driver
from bot.domain.catalog import Target, WorkloadKind, WorkloadRef
from bot.domain.images import version_of
from bot.domain.manifests.overlay import CommitNote, ObjectChange, OverlayPlan, Verb
from bot.domain.names import EnvironmentName, ServiceName, UserId
from bot.domain.promotion import Promotion
from bot.domain.release import (
    LIVE_PHASES,
    Outcome,
    Plan,
    Release,
    ReleaseKind,
    ReleasePhase,
    expected_seconds,
)
from bot.usecases.planning import version_before
from tests.domain.release_worlds import NOW, done, plan, release

ALICE = UserId("U0ALICE")
BOUND: dict[str, Any] = {
    "kind": ReleaseKind.ROLLBACK,
    "target": Target(EnvironmentName("prd"), ServiceName("admin")),
    "workload": WorkloadRef("other", WorkloadKind.DEPLOYMENT, "admin"),
    "container": "sidecar",
    "uid": "u2",
    "from_image": "registry.example.com/growlio/admin:1.4.0",
    "to_image": "registry.example.com/growlio/admin:1.4.3",
    "to_digest": "sha256:" + "c" * 64,
    "revision_uid": "r2",
    "canary": CanaryScheme(Driver.PODS, (10, 25), interval_s=600, promotes=True),
    "overlay": OverlayPlan(
        CommitNote("c" * 40, "Raise the limit", "alice"),
        "manifests/admin/overlays/prd",
        "d" * 64,
        (ObjectChange("v1", "ConfigMap", "admin", Verb.CHANGE, live="e" * 64),),
    ),
}
"""Another value for each field that people approve."""
FREE: dict[str, Any] = {
    "from_version": "1.4.0",
    "to_version": "1.4.3",
    "overlay_names": "1.4.2",
    "origin": "newest tag of the registry",
    "checked": False,
    "to_names": ("sha256:" + "c" * 64,),
    "promotion": Promotion("stg", ran_s=3600.0, pods=3),
    "revision_number": 4,
    "from_revision_uid": "r1",
    "progress_deadline_s": 60,
}
"""Fields that only say in other words what the bound ones say, or do not change what is done."""


def test_every_field_of_a_plan_is_bound_or_free_on_purpose() -> None:
    assert BOUND.keys() | FREE.keys() == {field.name for field in fields(Plan)}
    assert not BOUND.keys() & FREE.keys()


@pytest.mark.parametrize("name", BOUND)
def test_a_plan_that_differs_in_what_is_approved_has_another_hash(name: str) -> None:
    assert replace(plan(), **{name: BOUND[name]}).hash_for(ALICE) != plan().hash_for(ALICE)


@pytest.mark.parametrize("name", FREE)
def test_a_plan_that_differs_in_words_alone_has_the_same_hash(name: str) -> None:
    assert replace(plan(), **{name: FREE[name]}).hash_for(ALICE) == plan().hash_for(ALICE)


def test_the_hash_binds_the_requester_and_the_reason() -> None:
    hashes = {plan().hash_for(ALICE), plan().hash_for(UserId("U0BOB")), plan().hash_for(ALICE, "hotfix")}
    assert len(hashes) == 3


def test_a_plans_hash_is_the_same_in_every_process() -> None:
    # Kept in rows that outlive the process: a change here makes old approvals void, and asks for a POLICY_VERSION.
    assert plan().hash_for(ALICE) == "40e04586e4ac94bfe5b9bdc74216baefe2cf3fe57d8e8e5771024395f5524002"


texts = st.text(max_size=12)


@given(st.lists(texts, min_size=4, max_size=4, unique=True), texts, texts)
def test_no_text_can_slide_from_one_bound_field_into_another(parts: list[str], user: str, reason: str) -> None:
    first = plan(uid=parts[0], from_image=parts[1], to_image=parts[2], revision_uid=parts[3])
    second = plan(uid=parts[1], from_image=parts[0], to_image=parts[2], revision_uid=parts[3])
    assert first.hash_for(UserId(user), reason) != second.hash_for(UserId(user), reason)


# Rolling back


def back_from(present: str, past: list[Release]) -> str | None:
    return version_before(present, past)[0]


def test_a_rollback_goes_to_the_version_before() -> None:
    past = [done(ReleaseKind.DEPLOY, "1", "2"), done(ReleaseKind.DEPLOY, "2", "3")]
    assert back_from("3", past) == "2"


def test_rolling_back_twice_goes_back_twice_and_never_forward() -> None:
    past = [done(ReleaseKind.DEPLOY, "1", "2"), done(ReleaseKind.DEPLOY, "2", "3")]
    past.append(done(ReleaseKind.ROLLBACK, "3", "2"))
    assert version_before("2", past) == ("1", frozenset({"3"}))
    past.append(done(ReleaseKind.ROLLBACK, "2", "1"))
    assert version_before("1", past) == (None, frozenset({"2", "3"}))


def test_a_version_deployed_again_after_its_rollback_counts_again() -> None:
    past = [
        done(ReleaseKind.DEPLOY, "1", "2"),
        done(ReleaseKind.ROLLBACK, "2", "1"),
        done(ReleaseKind.DEPLOY, "1", "2"),
    ]
    past.append(done(ReleaseKind.DEPLOY, "2", "3"))
    assert version_before("3", past) == ("2", frozenset())


def test_a_version_that_came_another_way_counts_as_the_one_before() -> None:
    past = [done(ReleaseKind.DEPLOY, "1", "2"), done(ReleaseKind.DEPLOY, "hotfix", "3")]
    assert back_from("3", past) == "hotfix"
    past = [done(ReleaseKind.DEPLOY, "1", "2"), done(ReleaseKind.ROLLBACK, "2", "1")]
    past.append(done(ReleaseKind.DEPLOY, "2", "3"))
    assert version_before("3", past) == ("2", frozenset())


def test_a_restart_changes_nothing_about_where_a_rollback_goes() -> None:
    past = [done(ReleaseKind.DEPLOY, "1", "2"), done(ReleaseKind.RESTART, "2", "2")]
    assert back_from("2", past) == "1"


def test_without_successes_there_is_nothing_to_go_back_to() -> None:
    assert version_before("1", []) == (None, frozenset())


versions = st.sampled_from("abcdef")


@given(st.lists(st.tuples(st.sampled_from([ReleaseKind.DEPLOY, ReleaseKind.RESTART]), versions), max_size=12), versions)
@settings(max_examples=150)
def test_rollbacks_alone_come_to_an_end(story: list[tuple[ReleaseKind, str]], first: str) -> None:
    present, past = first, []
    for kind, version in story:
        after = present if kind is ReleaseKind.RESTART else version
        if kind is ReleaseKind.RESTART or after != present:
            past.append(done(kind, present, after))
        present = after
    deploys = len(past)
    for _ in range(deploys + 1):
        wanted, left = version_before(present, past)
        assert present not in left
        if wanted is None:
            break
        assert wanted != present
        past.append(done(ReleaseKind.ROLLBACK, present, wanted))
        present = wanted
    else:
        raise AssertionError("it goes round in circles")


@given(st.lists(st.tuples(st.sampled_from(ReleaseKind), versions, versions), max_size=15), versions)
def test_any_past_gives_another_version_or_none(story: list[tuple[ReleaseKind, str, str]], present: str) -> None:
    past = [done(kind, before, after) for kind, before, after in story]
    wanted, left = version_before(present, past)
    assert wanted != present
    assert present not in left


# The rest


def test_the_expected_time_is_the_median() -> None:
    assert expected_seconds([]) is None
    assert expected_seconds([30.0]) == 30
    assert expected_seconds([10.0, 500.0, 20.0]) == 20
    assert expected_seconds([10.0, 20.0]) == 15


def test_a_finished_release_keeps_no_notice_and_its_buttons_are_stale() -> None:
    held_up = release(notice="stg's API server does not answer")
    over = held_up.finished(ReleasePhase.FAILED, Outcome("deadline", "Too slow."), NOW)
    assert (over.notice, over.step, over.finished_at) == ("", held_up.step + 1, NOW)


def test_four_phases_are_final() -> None:
    assert {phase.value for phase in ReleasePhase if phase not in LIVE_PHASES} == {
        "Succeeded",
        "Failed",
        "Aborted",
        "Superseded",
    }


def test_the_marks_name_the_release_its_fence_and_its_plan() -> None:
    marks = release().marks()
    assert marks["kajitori/op-id"] == release().id
    assert marks["kajitori/fence"] == "7"
    assert marks["kajitori/plan-hash"] == release().plan_hash
    assert marks["kubernetes.io/change-cause"] == "kajitori deploy 1.4.1 -> 1.4.2 by U0ALICE"


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("registry.example.com:5000/growlio/admin:1.4.2", "1.4.2"),
        ("registry.example.com:5000/growlio/admin", "latest"),
        ("admin:1.4.2@sha256:" + "a" * 64, "1.4.2"),
        ("admin@sha256:" + "ab" * 32, "sha256:abababababab"),
        ("No Image At All", "No Image At All"),
        ("!" * 5000, "!" * 128),
    ],
)
def test_what_runs_is_told_by_its_tag_whatever_somebody_wrote_for_an_image(image: str, version: str) -> None:
    assert version_of(image) == version
