"""How the overlays of two environments differ, beside what always does."""

from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.promotion import Drift, drift, for_how_long

Json = dict[str, Any]
NAMES = ("stg", "prd")


def deployment(environment: str, *, replicas: int, memory: str = "256Mi", **env: str) -> Json:
    container = {
        "name": "shop",
        "image": "registry.example.com/growlio/shop:1.1.0",
        "resources": {"limits": {"memory": memory}},
        "env": [{"name": name, "value": value} for name, value in env.items()],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "shop", "namespace": f"shop-{environment}", "labels": {"env": environment}},
        "spec": {"replicas": replicas, "template": {"spec": {"containers": [container]}}},
    }


def config_map(name: str, **entries: str) -> Json:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": entries}


def autoscaler(least: int, most: int, target: int = 70) -> Json:
    spec = {"minReplicas": least, "maxReplicas": most, "metrics": [{"type": "Resource", "target": target}]}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "shop"},
        "spec": spec,
    }


def test_namespace_size_and_the_environments_own_name_are_no_difference() -> None:
    there = [deployment("stg", replicas=1, HOST="shop.stg.example.com", MODE="stg"), autoscaler(1, 2)]
    here = [deployment("prd", replicas=6, HOST="shop.prd.example.com", MODE="prd"), autoscaler(3, 12)]
    assert drift(there, here, names=NAMES) == ()


def test_what_differs_is_told_line_by_line_from_the_source_to_here() -> None:
    there = [deployment("stg", replicas=1, memory="256Mi"), autoscaler(1, 2, target=70)]
    here = [deployment("prd", replicas=6, memory="1Gi"), autoscaler(3, 12, target=50)]
    shop, scaler = drift(there, here, names=NAMES)
    assert scaler.name == "HorizontalPodAutoscaler/shop"
    assert shop == Drift(
        "Deployment/shop",
        here=True,
        there=True,
        lines=("~ containers[shop].resources.limits.memory: 256Mi → 1Gi",),
    )


def test_an_object_of_one_side_is_told_with_its_side() -> None:
    found = drift([config_map("banner")], [config_map("limits")], names=NAMES)
    assert found == (
        Drift("ConfigMap/banner", here=False, there=True),
        Drift("ConfigMap/limits", here=True, there=False),
    )


def test_a_name_with_the_hash_of_its_content_is_the_same_object_and_reference() -> None:
    def rendered(environment: str, name: str, ttl: str) -> list[Json]:
        return [config_map(name, ttl=ttl), deployment(environment, replicas=1, CONFIG=name)]

    there, here = rendered("stg", "settings-7f8g9d2hbk", "60"), rendered("prd", "settings-m4k2t6c5fb", "60")
    assert drift(there, here, names=NAMES) == ()
    (found,) = drift(there, rendered("prd", "settings-m4k2t6c5fb", "300"), names=NAMES)
    assert (found.name, found.lines) == ("ConfigMap/settings", ("~ data.ttl: 60 → 300",))


def test_a_word_that_only_holds_the_name_is_left_as_it_is() -> None:
    (found,) = drift([config_map("a", group="listgroup")], [config_map("a", group="liprdroup")], names=("stg", "prd"))
    assert found.lines == ("~ data.group: listgroup → liprdroup",)


def test_prefixed_names_are_the_same_object() -> None:
    assert drift([config_map("stg-settings", a="1")], [config_map("prd-settings", a="1")], names=NAMES) == ()


def test_secrets_of_an_overlay_are_not_shown() -> None:
    (found,) = drift([config_map("a", api_key="one")], [config_map("a", api_key="two")], names=NAMES)
    assert "one" not in "".join(found.lines)
    assert "two" not in "".join(found.lines)


def test_what_was_rendered_stays_as_it_was() -> None:
    there, here = [deployment("stg", replicas=1)], [deployment("prd", replicas=2)]
    before = deepcopy((there, here))
    drift(there, here, names=NAMES)
    assert (there, here) == before


@pytest.mark.parametrize("odd", [{}, {"kind": "ConfigMap"}, {"kind": "ConfigMap", "metadata": None, "spec": "x"}])
def test_odd_objects_break_nothing(odd: Json) -> None:
    assert drift([odd], [odd], names=NAMES) == ()


@pytest.mark.parametrize(
    ("span", "told"),
    [
        (timedelta(seconds=-1), "0 s"),
        (timedelta(seconds=119), "119 s"),
        (timedelta(minutes=2), "2 min"),
        (timedelta(minutes=119), "119 min"),
        (timedelta(hours=47), "47 h"),
        (timedelta(days=5), "5 days"),
    ],
)
def test_spans_are_told_in_one_unit(span: timedelta, told: str) -> None:
    assert for_how_long(span) == told
