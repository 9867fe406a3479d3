"""What pods that fall become: one story per workload, counted, healed and closed; and what is no news."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.names import UserId
from bot.domain.pods import Cause, EventSight, NodeSight, PodSight, Recovery, Story
from bot.domain.pods.cases import Scene, Silence
from bot.domain.pods.causes import why_ended, why_stuck
from bot.domain.pods.falls import Mark, falls, marked
from bot.domain.pods.judging import Blows, baseline, judge
from bot.domain.release import ReleasePhase
from tests.domain.pod_worlds import Teller, back, container, died, looping, pod, seconds, waiting
from tests.domain.release_worlds import release

# Each end of a container is counted once


def life(deaths: int) -> list[PodSight]:
    """Every sight of a pod that dies so often, as a kubelet writes them."""
    sights = [pod()]
    for number in range(deaths):
        at = 10 * number + 5
        sights.append(died(sights[-1], at, "Error", 1))
        sights.append(looping(sights[-1]))
        sights.append(back(sights[-1], at + 3))
    return sights


@given(st.integers(0, 6), st.data())
def test_any_part_of_a_stream_counts_the_same_endings_as_the_whole(deaths: int, data: st.DataObject) -> None:
    whole = life(deaths)
    seen = [each for each in whole if data.draw(st.booleans())] + [whole[-1]]
    mark: Mark | None = None
    keys: list[str] = []
    for sight in seen:
        keys += [key for fall in falls(mark, sight) for key in fall.keys("cluster")]
        mark = marked(mark, sight)
    assert keys == [f"pod:cluster:uid-1:admin:{number}:ended" for number in range(deaths)]


@given(st.integers(1, 6))
def test_what_was_counted_is_never_counted_again(deaths: int) -> None:
    whole = life(deaths)
    mark = marked(None, whole[-1])
    assert all(falls(mark, sight) == () for sight in whole)
    assert all(marked(mark, sight) == mark for sight in whole)


def test_a_waiting_container_whose_ending_is_news_counts_once_where_no_container_id_tells() -> None:
    first = replace(died(pod(), 5).containers[0], has_ended=False, waiting_reason="CrashLoopBackOff")
    sight = pod(1, first, ready=False)
    assert [fall.times for fall in falls(None, sight)] == [1]
    mark = marked(None, sight)
    assert falls(mark, sight) == ()
    assert falls(mark, back(sight, 8)) == ()


def test_a_pod_that_is_deleted_ends_as_it_should() -> None:
    assert falls(None, replace(died(pod(), 5, "Error", 143), deleting=True)) == ()


def test_an_init_container_that_did_its_work_did_not_fall() -> None:
    done = replace(died(pod(), 5, "Completed", 0).containers[0], is_init=True)
    failed = replace(died(pod(), 5, "Error", 2).containers[0], is_init=True)
    assert falls(None, pod(1, done, container(name="app"))) == ()
    assert len(falls(None, pod(1, failed))) == 1


@pytest.mark.parametrize(
    ("disruption", "phase", "cause"),
    [
        ("EvictionByEvictionAPI", "Running", None),
        ("EvictionByEvictionAPI", "Failed", None),
        ("PreemptionByScheduler", "Running", Cause.PREEMPTED),
        ("DeletionByTaintManager", "Running", Cause.NODE_LOST),
        ("TerminationByKubelet", "Failed", Cause.EVICTED),
        ("Evicted", "Failed", Cause.EVICTED),
        ("NodeShutdown", "Failed", Cause.EVICTED),
    ],
)
def test_a_pod_that_is_put_out_is_news_unless_somebody_drained_it(
    disruption: str, phase: str, cause: Cause | None
) -> None:
    teller = Teller().at(0, pod(1), pod(2))
    teller.at(5, pod(1, disruption=disruption, phase=phase, deleting=phase == "Running", ready=False))
    teller.at(6, pod(1, disruption=disruption, phase=phase, deleting=True, ready=False), gone=("uid-1",))
    assert [case.story.cause for case in teller.cases] == ([cause] if cause else [])


# Why


@pytest.mark.parametrize(
    ("reason", "code", "cause", "words"),
    [
        ("OOMKilled", 137, Cause.OOM_KILLED, "more memory than its limit of 256Mi"),
        ("Error", 1, Cause.CRASHED, "crashed with exit code 1."),
        ("Error", 139, Cause.CRASHED, "crashed with exit code 139 (SIGSEGV)."),
        ("Completed", 0, Cause.CRASHED, "ended by itself without an error (exit code 0)"),
        ("Unknown", 255, Cause.CRASHED, "ended while its node was away"),
        ("StartError", 128, Cause.START_ERROR, "could not be started"),
    ],
)
def test_the_end_of_a_container_is_told_with_its_reason(reason: str, code: int, cause: Cause, words: str) -> None:
    why = why_ended(died(pod(), 5, reason, code).containers[0], ())
    assert why.cause is cause
    assert words in why.text
    assert why.remedy


def unhealthy(message: str, at: float = 4) -> EventSight:
    return EventSight("e1", "admin", "uid-1", "admin-abc-1", "Unhealthy", message, seconds(at))


def test_a_failed_liveness_probe_is_why_the_kubelet_ended_a_container() -> None:
    ended = died(pod(), 5, "Error", 137).containers[0]
    why = why_ended(ended, [unhealthy("Liveness probe failed: HTTP probe failed with statuscode: 503")])
    assert why.cause is Cause.PROBE_KILLED
    assert "liveness probe fails (HTTP 503)" in why.text
    readiness = [unhealthy("Readiness probe failed: HTTP probe failed with statuscode: 503")]
    assert why_ended(ended, readiness).cause is Cause.CRASHED
    by_itself = died(pod(), 5, "Error", 1).containers[0]
    assert why_ended(by_itself, [unhealthy("Liveness probe failed: x")]).cause is Cause.CRASHED


def test_words_that_come_after_the_ending_change_the_reason() -> None:
    teller = Teller().at(0, pod(1), pod(2)).at(5, died(pod(1), 5, "Error", 137))
    assert teller.only.story.cause is Cause.CRASHED
    scene = replace(teller.scene(6), said={"uid-1": [unhealthy("Startup probe failed: timeout")]})
    from_events = without_news(teller, scene)
    assert from_events.cause is Cause.PROBE_KILLED


def test_pods_that_find_no_node_are_told_only_when_it_lasts() -> None:
    words = "0/3 nodes are available: 3 Insufficient memory."
    lonely = pod(1, phase="Pending", ready=False, node="", unschedulable=words, unschedulable_since=seconds(0))
    teller = Teller().at(1, lonely)
    assert (teller.cases, teller.wake) == ((), seconds(30))
    teller.at(30)
    assert teller.only.story.cause is Cause.UNSCHEDULABLE
    assert "enough free memory" in teller.only.story.text
    teller.at(40).at(50)
    assert teller.only.story.falls == 1


def test_an_image_that_does_not_exist_is_told_at_once_and_once() -> None:
    fresh = pod(1, created=seconds(0))
    teller = Teller().at(1, waiting(fresh, "ErrImagePull", "manifest unknown"))
    teller.at(2, waiting(fresh, "ImagePullBackOff", "Back-off pulling image")).at(30)
    story = teller.only.story
    assert (story.cause, story.falls, story.pods_affected) == (Cause.IMAGE_MISSING, 1, 1)
    assert "does not exist" in story.text


def test_a_pod_on_a_node_that_does_not_answer_is_lost_with_it() -> None:
    node = NodeSight("n1", "node-1", ready=False, since=seconds(0), reason="NodeStatusUnknown")
    lost = pod(1, ready=False)
    (why,) = why_stuck(lost, (), {"node-1": node}, seconds(5))
    assert (why.cause, why.due) == (Cause.NODE_LOST, seconds(10))


# One story


def test_a_container_that_is_restarted_is_one_story_that_closes_after_a_minute() -> None:
    teller = Teller().at(0, pod(1), pod(2), pod(3))
    fallen = died(pod(1), 5)
    teller.at(5.2, fallen)
    story = teller.only.story
    assert (story.serving, story.desired, story.falls, story.is_open) == (2, 3, 1, True)
    teller.at(7.3, back(fallen, 7))
    assert teller.only.story.healed_at == seconds(7)
    assert teller.wake == seconds(67)
    teller.at(66.9)
    assert teller.only.story.is_open
    teller.at(67)
    story = teller.only.story
    assert (story.recovery, story.lasted_s(seconds(67)), story.flaps) == (Recovery.RESTARTED, 2, 0)


def test_forty_crashing_pods_are_one_story_with_a_count() -> None:
    pods = [pod(number) for number in range(40)]
    teller = Teller().at(0, *pods)
    for number, each in enumerate(pods):
        teller.at(5 + number / 10, died(each, 5, "Error", 1))
    story = teller.only.story
    assert (story.falls, story.pods_affected, story.serving, story.desired) == (40, 40, 0, 40)
    assert len(story.pod_names) == 3


def test_a_container_that_falls_again_and_again_is_one_story_in_a_crash_loop() -> None:
    sight = pod(1)
    teller = Teller().at(0, sight)
    for number in range(4):
        sight = died(sight, 10 * number + 5, "Error", 1)
        teller.at(10 * number + 5, sight)
        teller.at(10 * number + 6, looping(sight))
        sight = back(sight, 10 * number + 9)
        teller.at(10 * number + 9, sight)
    story = teller.only.story
    assert (story.cause, story.falls, story.flaps, story.pods_affected) == (Cause.CRASH_LOOP, 4, 3, 1)


def test_out_of_memory_stays_the_reason_when_a_crash_loop_follows() -> None:
    first = died(pod(1), 5)
    teller = Teller().at(0, pod(1)).at(5, first).at(9, back(first, 9))
    second = died(back(first, 9), 12, "Error", 1)
    teller.at(12, second).at(13, looping(second))
    story = teller.only.story
    assert story.cause is Cause.OOM_KILLED
    assert story.also == ("The container admin crashed with exit code 1.",)


def test_what_falls_within_ten_minutes_of_its_end_opens_the_same_story_again() -> None:
    first = died(pod(1), 5)
    healed = back(first, 7)
    teller = Teller().at(0, pod(1)).at(5, first).at(7, healed).at(67)
    assert not teller.only.story.is_open
    again = died(healed, 500)
    teller.at(500, again)
    story = teller.only.story
    assert (story.is_open, story.falls, story.flaps, story.recovery) == (True, 2, 1, None)


def test_what_falls_later_is_another_story_and_the_first_stays_closed() -> None:
    first = died(pod(1), 5)
    healed = back(first, 7)
    teller = Teller().at(0, pod(1)).at(5, first).at(7, healed).at(67)
    teller.at(67 + 601, died(healed, 668))
    former, present = teller.cases
    assert (former.story.is_open, present.story.is_open, present.story.falls) == (False, True, 1)


def test_a_pod_that_is_gone_is_healed_when_another_took_its_place() -> None:
    teller = Teller().at(0, pod(1), pod(2)).at(5, died(pod(1), 5))
    teller.at(6, replace(died(pod(1), 5), deleting=True), gone=("uid-1",))
    assert teller.only.story.healed_at is None
    born = pod(3, created=seconds(6), ready=False, ready_since=seconds(6), node="node-3")
    teller.at(7, born)
    assert teller.only.story.healed_at is None
    teller.at(9, replace(born, ready=True, ready_since=seconds(9))).at(69)
    story = teller.only.story
    assert (story.recovery, story.healed_by_node, story.lasted_s(seconds(99))) == (Recovery.REPLACED, "node-3", 4)


def test_pods_of_another_version_are_not_a_replacement_by_itself() -> None:
    teller = Teller().at(0, pod(1)).at(5, died(pod(1), 5, "Error", 1))
    born = pod(3, created=seconds(20), ready_since=seconds(22), revision_hash="def")
    teller.at(22, born, gone=("uid-1",)).at(82)
    assert teller.only.story.recovery is Recovery.ROLLED_OUT


def test_pods_that_are_missing_are_asked_for_before_anything_is_called_healed() -> None:
    teller = Teller().at(0, pod(1), pod(2)).at(5, died(pod(1), 5)).at(6, gone=("uid-1",))
    assert teller.asks
    assert teller.only.story.healed_at is None
    teller.wanted = 2
    teller.at(70)
    assert teller.only.story.healed_at is None
    teller.wanted = 1
    teller.at(80).at(140)
    assert teller.only.story.recovery is Recovery.SCALED_AWAY


def test_nothing_is_called_healed_while_nobody_can_see_it() -> None:
    first = died(pod(1), 5)
    teller = Teller().at(0, pod(1)).at(5, first).at(7, back(first, 7))
    blind = replace(teller.scene(100), is_blind=True)
    assert without_news(teller, blind).is_open


# What is no news


def test_an_old_pod_that_dies_while_a_rolling_update_takes_it_away_is_no_news() -> None:
    new = pod(2, created=seconds(0), revision_hash="def", ready=False)
    teller = Teller().at(1, pod(1), new).at(5, died(pod(1), 5, "Error", 143))
    assert teller.cases == ()
    stalled = Teller().at(1, pod(1), new).at(700, died(pod(1), 700))
    assert stalled.only.story.falls == 1


def test_a_death_during_a_release_waits_for_it_and_is_its_news_when_it_fails() -> None:
    live = replace(release(), phase=ReleasePhase.PROGRESSING, started_at=seconds(0), generation=2)
    new = pod(2, created=seconds(1), revision_hash="def", ready=False)
    fallen = died(new, 5, "Error", 1)
    teller = Teller(releases=(live,)).at(1, pod(1), new).at(5, fallen)
    assert teller.cases == ()
    assert teller.held == [fallen]
    teller.releases = (replace(live, phase=ReleasePhase.FAILED, finished_at=seconds(20)),)
    teller.at(21, back(fallen, 20, ready=False)).at(30, died(back(fallen, 20), 30, "Error", 1))
    assert teller.cases == ()
    assert teller.held == []


def test_a_crash_after_a_release_succeeded_is_told_and_so_is_one_that_it_did_not_wait_for() -> None:
    live = replace(release(), phase=ReleasePhase.PROGRESSING, started_at=seconds(0), generation=2)
    new = pod(2, created=seconds(1), revision_hash="def")
    fallen = died(new, 9, "Error", 1)
    teller = Teller(releases=(live,)).at(8, new).at(9, fallen)
    teller.releases = (replace(live, phase=ReleasePhase.SUCCEEDED, finished_at=seconds(8.5)),)
    teller.at(10)
    assert teller.only.story.falls == 1


def test_a_restart_before_the_release_called_itself_done_is_the_releases_own() -> None:
    live = replace(release(), phase=ReleasePhase.PROGRESSING, started_at=seconds(0), generation=2)
    new = pod(2, created=seconds(1), revision_hash="def")
    fallen = died(new, 3, "Error", 1)
    teller = Teller(releases=(live,)).at(2, new).at(3, fallen).at(5, back(fallen, 5))
    teller.releases = (replace(live, phase=ReleasePhase.SUCCEEDED, finished_at=seconds(8)),)
    teller.at(10)
    assert teller.cases == ()
    assert teller.held == []


def test_a_drain_is_news_only_when_nothing_serves_for_a_minute_after_it() -> None:
    drained = pod(1, disruption="EvictionByEvictionAPI", deleting=True, ready=False)
    born = pod(2, created=seconds(6), ready=False)
    calm = Teller().at(0, pod(1), pod(3)).at(5, drained).at(6, born, gone=("uid-1",)).at(100)
    assert calm.cases == ()
    quick = Teller().at(0, pod(1)).at(5, drained).at(6, born, gone=("uid-1",)).at(30, replace(born, ready=True)).at(100)
    assert quick.cases == ()
    slow = Teller().at(0, pod(1)).at(5, drained).at(6, born, gone=("uid-1",)).at(65)
    assert (slow.cases, slow.wake) == ((), seconds(66))
    slow.at(66)
    assert (slow.only.story.cause, slow.only.story.serving) == (Cause.DRAINED, 0)
    slow.at(80, replace(born, ready=True, ready_since=seconds(80))).at(140)
    assert slow.only.story.recovery is Recovery.REPLACED


def test_a_silenced_workload_is_counted_and_not_told() -> None:
    silence = Silence(seconds(3600), UserId("U0ALICE"))
    teller = Teller(silence=silence).at(0, pod(1), pod(2)).at(5, died(pod(1), 5))
    assert (teller.only.story.is_told, teller.only.story.silenced_by) == (False, "U0ALICE")
    teller.silence = None
    teller.at(7, died(pod(2), 7))
    assert (teller.only.story.is_told, teller.only.story.falls) == (True, 2)


# The first look, and the time away


def first_look(*pods: PodSight) -> Teller:
    teller = Teller(pods={each.uid: each for each in pods})
    made, case = baseline(teller.scene(0), lambda _: "story-baseline")
    teller.marks = {mark.uid: mark for mark in made}
    teller.cases = (case,) if case is not None else ()
    return teller


def test_what_was_broken_at_the_first_look_is_not_told_nor_is_its_healing() -> None:
    crashed = looping(died(pod(1), -5, "Error", 1))
    teller = first_look(crashed, pod(2)).at(3, back(crashed, 3, ready=False))
    again = died(back(crashed, 3), 4, "Error", 1)
    teller.at(4, again)
    assert (teller.only.story.is_told, teller.only.story.is_open) == (False, True)
    teller.at(9, back(again, 9)).at(69)
    assert (teller.only.story.is_told, teller.only.story.is_open) == (False, False)


def test_what_gets_worse_after_the_first_look_is_told() -> None:
    crashed = looping(died(pod(1), -5, "Error", 1))
    teller = first_look(crashed, pod(2)).at(3, died(pod(2), 3))
    story = teller.only.story
    assert (story.is_told, story.cause, story.falls) == (True, Cause.OOM_KILLED, 1)


def test_old_restarts_are_no_news_at_the_first_look() -> None:
    old = pod(1, container(restarts=7, ending=died(pod(1), -500).containers[0].ending))
    teller = first_look(old).at(5)
    assert teller.cases == ()


def test_crashes_while_the_bot_was_away_are_told_once_as_a_story_that_is_over() -> None:
    sight = pod(1)
    for number in range(3):
        sight = back(died(sight, 100 * number), 100 * number + 5)
    teller = Teller().at(1000, sight, away=True).at(1001, sight)
    story = teller.only.story
    assert (story.falls, story.away_falls, story.is_open, story.is_told) == (3, 3, False, True)
    assert story.recovery is Recovery.RESTARTED


def without_news(teller: Teller, scene: Scene) -> Story:
    """The one story after a judgement without news."""
    (case,) = judge(teller.cases, scene, Blows(), lambda _: "none").cases
    return case.story
