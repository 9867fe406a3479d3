"""The world in memory: lists and changes make the same picture, and nothing that a turn could not save is lost."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.pods import EventSight, JobSight, NodeSight, PodSight, Subject, SubjectKind
from bot.domain.pods.falls import Mark, falls, marked
from bot.kube.watches import Changed, Listed
from bot.reconcile.pods.world import World
from tests.domain.pod_worlds import ADMIN, STG, back, died, pod, seconds


def world() -> World:
    fresh = World(STG, frozenset({"admin", "web"}))
    fresh.tell_pods([Listed((pod(1), pod(2), replace(pod(3), namespace="web")))], was_away=False)
    fresh.take(seconds(0))
    return fresh


def counted(of: World, mark: Mark | None) -> tuple[int, Mark | None]:
    """Falls of the first pod that a turn would find, and its mark afterwards."""
    found = 0
    for sight in of.take(seconds(0)).trail.get("uid-1", []):
        found += sum(fall.times for fall in falls(mark, sight))
        mark = marked(mark, sight)
    return found, mark


@given(st.lists(st.sampled_from(["change", "list", "turn"]), min_size=1, max_size=30))
def test_lists_and_changes_in_any_mixture_and_turns_at_any_time_find_every_ending_once(steps: list[str]) -> None:
    of, sight, mark, found, deaths = world(), pod(1), None, 0, 0
    for number, step in enumerate(steps):
        if step == "turn":
            more, mark = counted(of, mark)
            found += more
            continue
        if sight.ready:
            sight = died(sight, number, "Error", 1)
            deaths += 1
        else:
            sight = back(sight, number)
        news = Changed(sight) if step == "change" else Listed((sight, pod(2)), "admin")
        of.tell_pods([news], was_away=False)
    assert found + counted(of, mark)[0] == deaths


def test_a_list_of_one_namespace_says_nothing_of_the_others() -> None:
    of = world()
    of.tell_pods([Listed((pod(1),), "admin")], was_away=False)
    assert set(of.pods) == {"uid-1", "uid-3"}
    assert set(of.take(seconds(0)).gone) == {"uid-2"}


def test_an_ending_just_before_a_pod_is_deleted_is_not_lost() -> None:
    of = world()
    fallen = died(pod(1), 5)
    leaving = replace(fallen, deleting=True)
    of.tell_pods([Changed(fallen), Changed(leaving), Changed(leaving, is_gone=True)], was_away=False)
    assert counted(of, None)[0] == 1


def test_what_could_not_be_saved_is_judged_again_with_what_came_since() -> None:
    of = world()
    of.tell_pods([Listed((died(pod(1), 5), pod(2)), "admin")], was_away=True)
    batch = of.take(seconds(6))
    assert not of.is_dirty
    of.tell_pods([Changed(back(died(pod(1), 5), 7))], was_away=False)
    of.give_back(batch)
    again = of.take(seconds(8))
    assert (again.subjects, again.away) == ({ADMIN}, {"uid-1"})
    assert sum(fall.times for sight in again.trail["uid-1"][:1] for fall in falls(None, sight)) == 1


def test_what_is_held_waits_for_the_next_judgement_of_its_workload() -> None:
    of = world()
    of.hold([died(pod(1), 5)])
    assert not of.is_dirty
    of.wake_at(ADMIN, seconds(10))
    assert not of.is_due(seconds(9))
    assert of.is_due(seconds(10))
    assert of.take(seconds(10)).trail == {"uid-1": [died(pod(1), 5)]}


def test_a_node_that_changes_concerns_the_pods_on_it() -> None:
    of = world()
    ready = NodeSight("n1", "node-1", ready=True)
    of.tell_nodes([Listed((ready, NodeSight("n2", "node-2", ready=True)))])
    of.take(seconds(0))
    of.tell_nodes([Changed(replace(ready, unschedulable=True))])
    assert of.take(seconds(0)).subjects == {Subject(SubjectKind.NODE, "", "node-1")}
    of.tell_nodes([Changed(replace(ready, ready=False))])
    assert of.take(seconds(0)).subjects == {Subject(SubjectKind.NODE, "", "node-1"), ADMIN}


def test_words_about_pods_are_few_recent_and_forgotten_with_the_pod() -> None:
    of = world()

    def event(number: int, reason: str = "Unhealthy", at: float = 0) -> EventSight:
        return EventSight(f"e{number}", "admin", "uid-1", "admin-abc-1", reason, f"words {number}", seconds(at))

    of.tell_events([Listed(tuple(event(number) for number in range(20)))], seconds(1))
    of.tell_events(
        [Changed(event(19, at=1)), Changed(event(21, "Scheduled")), Changed(event(22, at=-4000))], seconds(1)
    )
    assert [each.message for each in of.said["uid-1"]] == [f"words {number}" for number in range(12, 20)]
    of.tell_pods([Changed(pod(1), is_gone=True)], was_away=False)
    assert "uid-1" not in of.said


def test_a_run_is_its_cronjobs_news() -> None:
    of = world()
    run = JobSight("j1", "admin", "report-1", created=seconds(0), cronjob="report")
    of.tell_jobs([Listed((run,))])
    report = Subject(SubjectKind.CRONJOB, "admin", "report")
    assert of.take(seconds(0)).subjects == {report}
    of.tell_jobs([Listed(())])
    batch = of.take(seconds(0))
    assert (batch.subjects, batch.gone) == ({report}, {"j1": report})


def test_pods_of_a_run_are_found_by_its_name() -> None:
    of = world()
    mine: PodSight = replace(pod(9), workload=Subject(SubjectKind.JOB, "admin", "report-1"), job="report-1")
    of.tell_pods([Changed(mine)], was_away=False)
    assert of.pods_of_job("admin", "report-1") == [mine]
    assert of.pods_of_job("web", "report-1") == []
