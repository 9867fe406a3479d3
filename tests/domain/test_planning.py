"""The image that a release sets: by digest where the environment asks for that."""

from dataclasses import replace

import pytest

from bot.domain.catalog import Environment, Service
from bot.domain.names import EnvironmentName, ServiceName, Version
from bot.domain.release import Release, ReleaseKind
from bot.domain.rollout import Revision
from bot.errors import UserError
from bot.usecases.planning import image_to_set, pinned
from bot.usecases.versions import Choice
from tests.domain.release_worlds import NEW, NOW, OLD, REPOSITORY, done, plan

DIGEST, OTHER = "sha256:" + "a" * 64, "sha256:" + "b" * 64
BY_TAG = Environment(EnvironmentName("stg"), None, None)
BY_DIGEST = Environment(EnvironmentName("prd"), None, None, approvals=1)
ADMIN = Service(ServiceName("admin"), plan().workload, "admin", REPOSITORY)
CHOICE = Choice(Version("1.4.2"), "named in the command", True, DIGEST)


def test_where_people_approve_the_digest_stands_behind_the_tag() -> None:
    assert image_to_set(BY_DIGEST, ADMIN, CHOICE, unpinned=False) == f"{NEW}@{DIGEST}"
    assert image_to_set(BY_TAG, ADMIN, CHOICE, unpinned=False) == NEW


def test_what_its_tag_does_not_lead_to_is_set_by_digest_everywhere() -> None:
    exact = replace(CHOICE, is_exact=True)
    assert image_to_set(BY_TAG, ADMIN, exact, unpinned=False) == f"{NEW}@{DIGEST}"


def test_without_a_digest_nothing_is_started_there_but_by_breaking_the_glass() -> None:
    unknown = replace(CHOICE, digest="", checked=False)
    with pytest.raises(UserError) as refused:
        image_to_set(BY_DIGEST, ADMIN, unknown, unpinned=False)
    assert refused.value.code == "digest_unknown"
    assert image_to_set(BY_DIGEST, ADMIN, unknown, unpinned=True) == NEW
    assert image_to_set(BY_TAG, ADMIN, unknown, unpinned=False) == NEW


def success(before: str, after: str, digest: str = "") -> Release:
    past = done(ReleaseKind.DEPLOY, before, after)
    return replace(past, plan=replace(past.plan, to_image=f"{REPOSITORY}:{after}", to_digest=digest))


def test_a_rollback_goes_back_to_the_digest_that_went_well_last() -> None:
    past = [success("1.4.1", "1.4.2", OTHER), success("1.4.0", "1.4.1", DIGEST), success("1.3.9", "1.4.1", OTHER)]
    assert pinned(BY_DIGEST, OLD, "1.4.1", past) == f"{OLD}@{DIGEST}"


def test_a_rollback_is_never_held_up_for_a_digest() -> None:
    assert pinned(BY_DIGEST, OLD, "1.4.1", []) == OLD
    assert pinned(BY_DIGEST, OLD, "1.4.1", [success("1.4.0", "1.4.1")]) == OLD
    assert pinned(BY_TAG, OLD, "1.4.1", [success("1.4.0", "1.4.1", DIGEST)]) == OLD
    assert pinned(BY_DIGEST, f"{OLD}@{OTHER}", "1.4.1", [success("1.4.0", "1.4.1", DIGEST)]) == f"{OLD}@{OTHER}"
    moved = "registry.example.net/growlio/admin:1.4.1"
    assert pinned(BY_DIGEST, moved, "1.4.1", [success("1.4.0", "1.4.1", DIGEST)]) == moved


def test_a_revision_gets_its_digest_and_nothing_else_is_changed() -> None:
    template = {"spec": {"containers": [{"name": "admin", "image": OLD}, {"name": "proxy", "image": "envoy:1"}]}}
    kept = Revision("r1", "admin-1", 1, {"admin": OLD, "proxy": "envoy:1"}, template, NOW)
    back = kept.with_image("admin", f"{OLD}@{DIGEST}")
    assert back.images == {"admin": f"{OLD}@{DIGEST}", "proxy": "envoy:1"}
    assert back.template == {
        "spec": {"containers": [{"name": "admin", "image": f"{OLD}@{DIGEST}"}, {"name": "proxy", "image": "envoy:1"}]}
    }
    assert template["spec"]["containers"][0]["image"] == OLD
