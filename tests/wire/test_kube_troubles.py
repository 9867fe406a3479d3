"""Troubles as a cluster tells them by itself: each made to happen, each told with its cause."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.domain.rollout import PodTrouble
from bot.domain.troubles import troubles
from bot.kube import workloads
from tests.wire.kube_world import ADMIN, IMAGE, World, deployment, settled, until, world


@pytest.fixture
async def stg(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path) as running:
        yield running


async def told(stg: World, code: str) -> PodTrouble:
    """The trouble of that code, once the cluster shows it."""

    async def look() -> Any:
        seen = await workloads.observe(stg.here, ADMIN, with_pods=True)
        found = troubles(seen, "admin", now=datetime.now(UTC))
        return next((trouble for trouble in found if trouble.code == code), None)

    trouble = await until(look)
    assert isinstance(trouble, PodTrouble)
    return trouble


@pytest.mark.parametrize(
    ("tag", "code", "words"),
    [
        ("1.1.0-missing", "image_missing", "does not exist in its registry"),
        ("1.1.0-crash", "crash_loop", "crashes: exit code 1"),
        ("1.1.0-oom", "oom_killed", "(OOMKilled)"),
        ("1.1.0-unready", "not_ready", "readiness probe fails"),
    ],
)
async def test_a_bad_version_is_told_with_its_cause(stg: World, tag: str, code: str, words: str):
    stg.there.create(deployment())
    before = await settled(stg)
    await workloads.set_image(stg.here, before, container="admin", image=f"{IMAGE}:{tag}", annotations={})
    trouble = await told(stg, code)
    assert words in trouble.text
    assert trouble.remedy
    assert trouble.pod.startswith("admin-")


async def test_a_pod_too_large_for_every_node_is_told(stg: World):
    body = deployment()
    body["spec"]["template"]["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "64"}}
    stg.there.create(body)
    trouble = await told(stg, "unschedulable")
    assert trouble.text == "No node has enough free CPU (3 nodes looked at)."
    assert trouble.pods == 3


async def test_a_used_up_quota_is_told(stg: World):
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "compute", "namespace": "growlio"},
        "spec": {"hard": {"pods": "1"}},
    }
    stg.there.create(quota)
    stg.there.create(deployment())
    trouble = await told(stg, "quota")
    assert "quota compute is used up: pods=1 wanted" in trouble.text


async def test_a_deadline_comes_after_the_reason_for_it(stg: World):
    stg.there.create(deployment(progressDeadlineSeconds=1))
    before = await settled(stg)
    await workloads.set_image(stg.here, before, container="admin", image=f"{IMAGE}:2-missing", annotations={})
    await told(stg, "deadline")
    seen = await workloads.observe(stg.here, ADMIN, with_pods=True)
    found = [trouble.code for trouble in troubles(seen, "admin", now=datetime.now(UTC))]
    assert found == ["image_missing", "deadline"]
