"""Autoscalers of the simulated cluster: sizes that follow a load, bounds, windows, and conditions with reasons."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox.kube.controllers.scaling import Bounds, History, settle, wished
from tests.sandbox.kube_client import APPS, CORE, QUICK, Json, Kube, conditions, deployment, served

AUTOSCALERS = "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers"
HURRIED = replace(QUICK, haste=600.0)  # looks every 25 ms, shrinks after half a second


def autoscaler(*metrics: Json, least: int = 1, most: int = 10, **spec: Any) -> Json:
    ref = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "admin"}
    body: Json = {"scaleTargetRef": ref, "minReplicas": least, "maxReplicas": most, **spec}
    return {"metadata": {"name": "a"}, "spec": body | ({"metrics": list(metrics)} if metrics else {})}


def cpu(percent: int) -> Json:
    return {"type": "Resource", "resource": {"name": "cpu", "target": {
        "type": "Utilization", "averageUtilization": percent}}}  # fmt: skip


@pytest.fixture
async def kube() -> AsyncIterator[Kube]:
    """`admin` with two pods that ask for a tenth of a core each."""
    async with served(HURRIED) as running:
        body = deployment(replicas=2)
        (container,) = body["spec"]["template"]["spec"]["containers"]
        container["resources"] = {"requests": {"cpu": "100m"}}
        await running.post(f"{APPS}/deployments", body)
        await running.rolled_out("admin")
        yield running


async def sized(kube: Kube, replicas: int) -> Json:
    """The autoscaler, once the Deployment has that many replicas and it has come to rest."""
    await kube.until(f"{APPS}/deployments/admin", lambda d: d["spec"]["replicas"] == replicas)
    await kube.rolled_out("admin")
    shown: Json = await kube.until(f"{AUTOSCALERS}/a", lambda a: a["status"].get("currentReplicas") == replicas)
    return shown


async def test_the_size_is_the_load_over_the_target_rounded_up(kube: Kube) -> None:
    kube.cluster.load.set("shop", "admin", "cpu", 0.25)
    await kube.post(AUTOSCALERS, autoscaler(cpu(50)))
    await sized(kube, 5)
    shown = await kube.until(f"{AUTOSCALERS}/a", lambda a: "'50m'" in str(a["status"].get("currentMetrics")))
    assert conditions(shown) == {
        "AbleToScale": ("True", "ReadyForNewScale"),
        "ScalingActive": ("True", "ValidMetricFound"),
        "ScalingLimited": ("False", "DesiredWithinRange"),
    }
    status = shown["status"]
    assert status["currentMetrics"] == [
        {"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 50, "averageValue": "50m"}}}
    ]
    assert (status["desiredReplicas"], status["currentReplicas"]) == (5, 5)
    messages = [e["message"] for e in (await kube.get(f"{CORE}/events"))["items"] if e["reason"] == "SuccessfulRescale"]
    assert messages == ["New size: 5; reason: cpu resource utilization (percentage of request) above target"]


async def test_a_load_within_a_tenth_of_the_target_changes_nothing(kube: Kube) -> None:
    kube.cluster.load.set("shop", "admin", "cpu", 0.105)
    await kube.post(AUTOSCALERS, autoscaler(cpu(50)))
    shown = await kube.until(f"{AUTOSCALERS}/a", lambda a: a["status"].get("desiredReplicas"))
    assert shown["status"]["desiredReplicas"] == 2


async def test_the_bounds_hold_and_say_so(kube: Kube) -> None:
    kube.cluster.load.set("shop", "admin", "cpu", 9.0)
    await kube.post(AUTOSCALERS, autoscaler(cpu(50), most=3))
    await sized(kube, 3)
    shown = await kube.until(f"{AUTOSCALERS}/a", lambda a: conditions(a)["ScalingLimited"][0] == "True")
    assert conditions(shown)["ScalingLimited"] == ("True", "TooManyReplicas")
    kube.cluster.load.set("shop", "admin", "cpu", 0.0)
    await sized(kube, 1)
    await kube.until(f"{AUTOSCALERS}/a", lambda a: conditions(a)["ScalingLimited"] == ("True", "TooFewReplicas"))


async def test_shrinking_waits_for_its_window(kube: Kube) -> None:
    kube.cluster.load.set("shop", "admin", "cpu", 0.2)
    await kube.post(AUTOSCALERS, autoscaler(cpu(50)))
    await sized(kube, 4)
    kube.cluster.load.set("shop", "admin", "cpu", 0.1)
    waiting = await kube.until(f"{AUTOSCALERS}/a", lambda a: conditions(a)["AbleToScale"][1] == "ScaleDownStabilized")
    assert waiting["status"]["desiredReplicas"] == 4
    await sized(kube, 2)


async def test_a_size_outside_the_bounds_is_brought_in_without_a_metric(kube: Kube) -> None:
    await kube.post(AUTOSCALERS, autoscaler(cpu(50), least=4))
    await kube.until(f"{APPS}/deployments/admin", lambda d: d["spec"]["replicas"] == 4)


async def test_people_who_scale_to_zero_switch_it_off(kube: Kube) -> None:
    await kube.merge(f"{APPS}/deployments/admin", {"spec": {"replicas": 0}})
    await kube.post(AUTOSCALERS, autoscaler(cpu(50)))
    await kube.until(f"{AUTOSCALERS}/a", lambda a: conditions(a).get("ScalingActive") == ("False", "ScalingDisabled"))
    assert (await kube.get(f"{APPS}/deployments/admin"))["spec"]["replicas"] == 0


async def test_pods_that_ask_for_nothing_cannot_be_measured(kube: Kube) -> None:
    metric = {"type": "Resource", "resource": {"name": "memory", "target": {
        "type": "Utilization", "averageUtilization": 50}}}  # fmt: skip
    await kube.post(AUTOSCALERS, autoscaler(metric))
    shown = await kube.until(f"{AUTOSCALERS}/a", lambda a: "ScalingActive" in conditions(a))
    (active,) = [c for c in shown["status"]["conditions"] if c["type"] == "ScalingActive"]
    assert (active["status"], active["reason"]) == ("False", "FailedGetResourceMetric")
    assert "missing request for memory in container admin of Pod admin-" in active["message"]


async def test_an_unknown_workload_cannot_be_scaled(kube: Kube) -> None:
    body = autoscaler(cpu(50))
    body["spec"]["scaleTargetRef"]["name"] = "nope"
    await kube.post(AUTOSCALERS, body)
    shown = await kube.until(f"{AUTOSCALERS}/a", lambda a: conditions(a))
    assert conditions(shown)["AbleToScale"] == ("False", "FailedGetScale")


async def test_requests_of_the_stream_are_a_metric_too(kube: Kube) -> None:
    name = {"app.kubernetes.io/name": "admin"}
    spec = {"selector": name, "ports": [{"port": 80}]}
    await kube.post(f"{CORE}/services", {"metadata": {"name": "admin"}, "spec": spec})
    kube.cluster.traffic.set_rate("shop", "admin", 300)
    target = {"type": "AverageValue", "averageValue": 100}
    metric = {"type": "Pods", "pods": {"metric": {"name": "requests_per_second"}, "target": target}}
    made = await kube.post(AUTOSCALERS, autoscaler(metric))
    assert made["spec"]["metrics"][0]["pods"]["target"]["averageValue"] == "100"
    shown = await sized(kube, 3)
    assert shown["status"]["currentMetrics"][0]["pods"]["metric"] == {"name": "requests_per_second"}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"maxReplicas": 0}, "spec.maxReplicas: Invalid value: 0: must be greater than 0"),
        ({"minReplicas": 5, "maxReplicas": 3}, "must be greater than or equal to `minReplicas`"),
        ({"metrics": [{"type": "Pods"}]}, "must populate information for the given metric source"),
    ],
)
async def test_a_bad_autoscaler_is_refused(kube: Kube, change: Json, told: str) -> None:
    body = autoscaler()
    body["spec"] |= change
    answer = await kube.send("POST", AUTOSCALERS, body)
    assert answer.told[:2] == (422, "Invalid")
    assert told in answer.told[2]


SLOW = {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]}


def test_a_policy_slows_growth_and_another_forbids_shrinking() -> None:
    bounds = Bounds(1, 10, {"scaleUp": SLOW, "scaleDown": {"selectPolicy": "Disabled"}}, haste=1.0)
    history = History()
    size, _, limited = settle(2, 6, 0.0, history, bounds)
    assert (size, limited[1]) == (3, "ScaleUpLimit")
    history.changes.append((0.0, 1))
    assert settle(3, 6, 30.0, history, bounds)[0] == 3
    assert settle(3, 6, 61.0, history, bounds)[0] == 4
    assert settle(4, 1, 1000.0, history, bounds)[0] == 4


@given(current=st.integers(1, 50), wish=st.integers(0, 100), least=st.integers(1, 10), span=st.integers(0, 40))
def test_no_size_leaves_its_bounds(current: int, wish: int, least: int, span: int) -> None:
    current = min(max(current, least), least + span)
    size, _, _ = settle(current, wish, 0.0, History(), Bounds(least, least + span, {}, 1.0))
    assert least <= size <= least + span


@given(ready=st.integers(1, 100), ratio=st.floats(0, 10))
def test_a_wish_covers_the_load_unless_it_is_near(ready: int, ratio: float) -> None:
    size = wished(ready, ready, 0, ratio)
    assert size == ready if abs(ratio - 1) <= 0.1 else size >= ready * ratio - 1e-5
