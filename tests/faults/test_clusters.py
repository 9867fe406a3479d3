"""API servers that are busy, away, silent or contradicted amid a release: one write, and in the end the truth."""

import json
from itertools import pairwise

import pytest

from bot.sandbox.kube.cluster import Cluster
from bot.sandbox.kube.faults import Fault, FaultKind
from bot.sandbox.kube.kinds import DEPLOYMENTS
from tests.chat import DEADLINE_S, Chat, payload, plain
from tests.crash.bot_process import Ledger
from tests.faults.conftest import writes

ADMIN = "/namespaces/admin/"


async def test_a_busy_api_server_is_left_alone_for_as_long_as_it_says(chat: Chat, stg: Cluster) -> None:
    told = "Too many requests, please try again later."
    stg.faults.add(Fault(FaultKind.STATUS, method="PATCH", count=None, code=429, body=told, retry_after_s=3))
    await chat.alice.says("/deploy stg admin 1.4.2")
    await chat.card(phase="Progressing", text="is busy")
    await chat.until(lambda: len(writes(chat)) >= 2 or None, DEADLINE_S, lambda: "not tried again")
    stg.faults.clear()
    await chat.card(phase="Succeeded", service="admin")
    tries = writes(chat)
    assert all(later - earlier >= 3 for earlier, later in pairwise(tries))
    assert len(chat.patches()) == 1


@pytest.mark.parametrize(
    "fault",
    [
        Fault(FaultKind.STATUS, path=ADMIN, count=None, code=503, body="apiserver is shutting down"),
        Fault(FaultKind.RESET, path=ADMIN, count=None),
    ],
    ids=["503", "reset"],
)
async def test_while_the_api_server_fails_amid_a_rollout_the_release_is_watched_on(
    chat: Chat, stg: Cluster, fault: Fault
) -> None:
    chat.sandbox.registry.publish("growlio/admin", "1.4.3-slow")
    await chat.alice.says("/deploy stg admin 1.4.3-slow")
    await chat.card(phase="Progressing", text="of 3 pods updated")
    stg.faults.add(fault)
    held_up = await chat.card(text="still watching")
    assert payload(held_up)["phase"] == "Progressing"
    stg.faults.clear()
    chat.hurry()
    done = await chat.card(phase="Succeeded", service="admin")
    assert "still watching" not in plain(done)
    assert len(chat.patches()) == 1


async def test_a_right_that_is_taken_away_amid_a_rollout_is_named_and_the_target_stays_locked_until_it_is_back(
    chat: Chat, stg: Cluster, ledger: Ledger
) -> None:
    chat.sandbox.registry.publish("growlio/admin", "1.4.3-slow")
    await chat.alice.says("/deploy stg admin 1.4.3-slow")
    await chat.card(phase="Progressing", text="of 3 pods updated")
    denied = 'deployments.apps "admin" is forbidden: cannot get resource "deployments" in the namespace "admin"'
    body = json.dumps({"kind": "Status", "reason": "Forbidden", "message": denied})
    fault = Fault(FaultKind.STATUS, path=ADMIN, count=None, code=403, body=body, content_type="application/json")
    stg.faults.add(fault)
    blocked = await chat.card(text="does not let me look")
    assert 'cannot get resource "deployments" in the namespace "admin"' in plain(blocked)
    assert "Give the bot's service account that right" in plain(blocked)
    assert payload(blocked)["phase"] == "Progressing"
    assert ledger.held_locks() == ["stg/admin"]
    stg.faults.clear()
    chat.hurry()
    await chat.card(phase="Succeeded", service="admin")
    assert len(chat.patches()) == 1


@pytest.mark.slow
async def test_while_the_api_server_hangs_amid_a_rollout_the_release_is_watched_on(chat: Chat, stg: Cluster) -> None:
    chat.sandbox.registry.publish("growlio/admin", "1.4.3-slow")
    await chat.alice.says("/deploy stg admin 1.4.3-slow")
    await chat.card(phase="Progressing", text="of 3 pods updated")
    stg.faults.add(Fault(FaultKind.HANG, path=ADMIN, count=None, seconds=30))
    await chat.card(text="still watching")
    stg.faults.clear()
    chat.hurry()
    await chat.card(phase="Succeeded", service="admin")
    assert len(chat.patches()) == 1


async def test_a_rollout_that_failed_while_nobody_could_look_is_told_as_failed(chat: Chat, stg: Cluster) -> None:
    chat.sandbox.registry.publish("growlio/admin", "1.4.3-broken")
    # From the start, so that no moment of the rollout is seen: it fails whether anybody looks or not.
    stg.faults.add(Fault(FaultKind.STATUS, method="GET", path=f"{ADMIN}pods", count=None, code=500))
    await chat.alice.says("/deploy stg admin 1.4.3-broken")
    await chat.card(text="still watching")
    stg.faults.clear()
    failed = await chat.card(phase="Failed", service="admin")
    assert "the image does not exist" in plain(failed)


async def test_three_conflicts_in_a_row_end_in_one_write(chat: Chat, stg: Cluster) -> None:
    stg.faults.add(Fault(FaultKind.CONFLICT, method="PATCH", count=3))
    await chat.alice.says("/deploy stg admin 1.4.2")
    await chat.card(phase="Succeeded", service="admin")
    assert len(writes(chat)) == 4
    assert len(chat.patches()) == 1


@pytest.mark.parametrize("kind", [FaultKind.RESET_AFTER, FaultKind.RESET])
async def test_a_write_whose_reply_is_lost_is_read_back_before_anything_is_sent_again(
    chat: Chat, stg: Cluster, kind: FaultKind
) -> None:
    before = _generation(stg)
    stg.faults.add(Fault(kind, method="PATCH"))
    await chat.alice.says("/deploy stg admin 1.4.2")
    await chat.card(phase="Succeeded", service="admin")
    assert _generation(stg) == before + 1
    assert len(writes(chat)) == (1 if kind is FaultKind.RESET_AFTER else 2)


async def test_a_put_back_whose_reply_is_lost_is_adopted(chat: Chat, stg: Cluster) -> None:
    chat.sandbox.registry.publish("growlio/admin", "1.4.3-slow")
    before = _generation(stg)
    await chat.alice.says("/deploy stg admin 1.4.3-slow")
    moving = await chat.card(phase="Progressing", text="of 3 pods updated")
    stg.faults.add(Fault(FaultKind.RESET_AFTER, method="PATCH"))
    await chat.bob.presses("Abort", moving)
    over = await chat.card(phase="Aborted", service="admin")
    assert "1.4.1 serves again" in plain(over)
    assert _generation(stg) == before + 2


async def test_a_deployment_deleted_amid_its_rollout_is_told_as_gone(chat: Chat, stg: Cluster, ledger: Ledger) -> None:
    chat.sandbox.registry.publish("growlio/admin", "1.4.3-slow")
    await chat.alice.says("/deploy stg admin 1.4.3-slow")
    await chat.card(phase="Progressing", text="of 3 pods updated")
    await chat.kubectl_delete("stg", "admin", "deployments", "admin")
    failed = await chat.card(phase="Failed", service="admin")
    assert "is no longer in the cluster" in plain(failed)
    assert ledger.held_locks() == []


async def test_an_abort_before_the_write_changes_nothing(chat: Chat, stg: Cluster, ledger: Ledger) -> None:
    stg.faults.add(Fault(FaultKind.STATUS, method="PATCH", count=None, code=429, retry_after_s=30))
    await chat.alice.says("/deploy stg admin 1.4.2")
    waiting = await chat.card(phase="Progressing", text="is busy")
    await chat.bob.presses("Abort", waiting)
    over = await chat.card(phase="Aborted", service="admin")
    assert "Stopped before anything was changed" in plain(over)
    assert chat.patches() == []
    assert ledger.held_locks() == []


async def test_a_button_that_slack_still_shows_is_refused_when_the_release_is_over(chat: Chat, ledger: Ledger) -> None:
    chat.sandbox.registry.publish("growlio/admin", "1.4.3-slow")
    await chat.alice.says("/deploy stg admin 1.4.3-slow")
    moving = await chat.card(phase="Progressing", text="of 3 pods updated")
    chat.sandbox.slack.order_fault(do="ratelimit", method="chat.update", retry_after=30)  # the card stays as it is
    chat.hurry()
    await chat.until(
        lambda: ledger.releases()[0]["phase"] == "Succeeded" or None,
        DEADLINE_S,
        lambda: ledger.releases()[0]["phase"],
    )
    await chat.bob.presses("Abort", moving)
    await chat.bob.hears("It is over already")
    assert len(chat.patches()) == 1


async def test_a_write_that_the_cluster_forbids_fails_with_its_words(chat: Chat, stg: Cluster, ledger: Ledger) -> None:
    body = '{"kind":"Status","reason":"Forbidden","message":"deployments.apps \\"admin\\" is forbidden: cannot patch"}'
    stg.faults.add(Fault(FaultKind.STATUS, method="PATCH", code=403, body=body, content_type="application/json"))
    await chat.alice.says("/deploy stg admin 1.4.2")
    failed = await chat.card(phase="Failed", service="admin")
    assert "is forbidden: cannot patch" in plain(failed)
    assert ledger.held_locks() == []


def _generation(cluster: Cluster) -> int:
    found = cluster.store.get(DEPLOYMENTS, "admin", "admin")
    assert found is not None
    return int(found["metadata"]["generation"])
