"""What would change, as people read it: paths, named entries, hidden secrets, nothing that only the server writes."""

from copy import deepcopy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.manifests.diff import HIDDEN, MOST_LINES, changed_lines
from bot.domain.manifests.live import SERVICE_LABEL, cleaned, fingerprint, for_service, with_replicas_of
from bot.domain.manifests.overlay import CommitNote, ObjectChange, OverlayPlan, Verb, what_moved

LIVE: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {
        "name": "shop",
        "namespace": "shop",
        "uid": "u1",
        "resourceVersion": "7",
        "generation": 3,
        "creationTimestamp": "2026-11-01T00:00:00Z",
        "managedFields": [{"manager": "kajitori"}],
        "labels": {"app": "shop", SERVICE_LABEL: "shop"},
        "annotations": {"deployment.kubernetes.io/revision": "3", "kajitori/op-id": "01J", "team": "growlio"},
    },
    "spec": {
        "replicas": 3,
        "template": {
            "spec": {
                "containers": [
                    {"name": "shop", "image": "r/shop:1", "env": [{"name": "MODE", "value": "a"}]},
                    {"name": "sidecar", "image": "r/side:1"},
                ]
            }
        },
    },
    "status": {"readyReplicas": 3},
}


def changed(**image: str) -> dict[str, Any]:
    after = deepcopy(LIVE)
    for container in after["spec"]["template"]["spec"]["containers"]:
        container["image"] = image.get(container["name"], container["image"])
    return after


def test_what_the_server_and_we_write_is_no_part_of_an_object() -> None:
    meant = cleaned(LIVE)
    assert "status" not in meant
    assert meant["metadata"] == {
        "name": "shop",
        "namespace": "shop",
        "labels": {"app": "shop"},
        "annotations": {"team": "growlio"},
    }


def test_a_fingerprint_moves_with_what_people_mean_alone() -> None:
    same = deepcopy(LIVE)
    same["metadata"] |= {"resourceVersion": "9", "generation": 4}
    same["status"] = {"readyReplicas": 1}
    same["spec"]["replicas"] = 9
    assert fingerprint(same) == fingerprint(LIVE)
    assert fingerprint(changed(shop="r/shop:2")) != fingerprint(LIVE)
    assert fingerprint(None) == ""


def test_a_changed_field_is_named_by_its_path_and_its_entry() -> None:
    after = changed(shop="r/shop:2")
    after["spec"]["replicas"] = 4
    after["spec"]["template"]["spec"]["containers"][0]["env"].append({"name": "NEW", "value": "x"})
    assert changed_lines(cleaned(LIVE), cleaned(after)) == (
        "~ replicas: 3 → 4",
        '+ containers[shop].env[NEW]: {"name": "NEW", "value": "x"}',
        "~ containers[shop].image: r/shop:1 → r/shop:2",
    )


def test_entries_that_only_change_places_are_no_change() -> None:
    after = deepcopy(LIVE)
    after["spec"]["template"]["spec"]["containers"].reverse()
    assert changed_lines(cleaned(LIVE), cleaned(after)) == ()


def test_a_file_in_a_config_map_shows_its_changed_lines() -> None:
    before, after = {"data": {"app.ini": "a=1\nb=2\n"}}, {"data": {"app.ini": "a=1\nb=3\n"}}
    assert changed_lines(before, after) == ("~ data.app.ini:", "    - b=2", "    + b=3")


def test_what_its_name_calls_secret_is_never_shown() -> None:
    before = {"env": [{"name": "DB_PASSWORD", "value": "hunter2"}]}
    after = {"env": [{"name": "DB_PASSWORD", "value": "hunter3"}]}
    (line,) = changed_lines(before, after)
    assert "hunter" not in line
    assert HIDDEN in line


def test_a_wild_change_is_cut() -> None:
    lines = changed_lines({"data": {}}, {"data": {f"k{n:03}": str(n) for n in range(200)}})
    assert len(lines) == MOST_LINES + 1
    assert lines[-1] == "… 140 more lines"


keys = st.text("abé.", max_size=4)  # none of those by which entries of lists are paired
json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda part: st.lists(part, max_size=4) | st.dictionaries(keys, part, max_size=4),
    max_leaves=12,
)
objects = st.dictionaries(keys, json, max_size=4)


@given(objects, objects)
def test_only_equal_objects_may_have_no_lines_and_no_object_breaks_it(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    assert changed_lines(before, before) == ()
    assert changed_lines(before, after) or before == after


def test_an_applied_object_has_its_services_label_and_the_releases_marks() -> None:
    made = for_service({"metadata": {"name": "x"}}, "shop", {"kajitori/op-id": "01J"})
    assert made["metadata"] == {
        "name": "x",
        "labels": {SERVICE_LABEL: "shop"},
        "annotations": {"kajitori/op-id": "01J"},
    }


def test_an_autoscaled_workload_keeps_the_pods_it_has() -> None:
    manifest = {"spec": {"replicas": 2}}
    assert with_replicas_of(manifest, LIVE, scaled=True) == {"spec": {"replicas": 3}}
    assert with_replicas_of(manifest, LIVE, scaled=False) == manifest
    assert with_replicas_of(manifest, None, scaled=True) == manifest
    assert with_replicas_of({"spec": {}}, LIVE, scaled=True) == {"spec": {"replicas": 3}}


def planned(*, content: str = "c1", sha: str = "a" * 40, live: str = "l1") -> OverlayPlan:
    change = ObjectChange("v1", "ConfigMap", "shop", Verb.CHANGE, live=live)
    return OverlayPlan(CommitNote(sha, "title", "alice"), "overlays/stg", content, (change,))


def test_a_plan_says_what_moved_since_people_looked_at_it() -> None:
    assert what_moved(planned(), planned()) == ""
    assert what_moved(planned(), planned(sha="b" * 40)) == ""  # another commit that changes nothing here
    assert what_moved(planned(), planned(sha="b" * 40, content="c2")) == "the overlay moved from aaaaaaaa to bbbbbbbb"
    assert what_moved(planned(), planned(live="l2")) == "ConfigMap/shop changed in the cluster"
