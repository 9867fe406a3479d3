"""The sandbox's monitors on simulated requests: bad releases make true alerts, good ones end them; metrics agree.

The cluster does not run: each simulated second its clock is moved by one, so nothing here waits for anything.
"""

import copy
from collections.abc import AsyncIterator
from typing import Any

import pytest
from datadog_api_client.v1.api.metrics_api import MetricsApi
from datadog_api_client.v2.api.metrics_api import MetricsApi as MetricsV2
from datadog_api_client.v2.model.scalar_formula_query_request import ScalarFormulaQueryRequest
from datadog_api_client.v2.model.timeseries_formula_query_request import TimeseriesFormulaQueryRequest

from bot.sandbox.datadog.monitors import State
from bot.sandbox.kube import Cluster, Options
from bot.sandbox.kube.controllers.deployment_status import is_complete
from bot.sandbox.kube.kinds import DEPLOYMENTS
from bot.sandbox.kube.registry import WriteOptions
from bot.sandbox.kube.scenes import image, seed
from tests.sandbox.datadog_desk import Desk, body_of, open_datadog

Json = dict[str, Any]
WEB = "service:web"


class Stage:
    """A seeded cluster and a Datadog that watches it."""

    def __init__(self, desk: Desk, cluster: Cluster) -> None:
        self.desk = desk
        self.cluster = cluster

    def pass_time(self, seconds: int) -> None:
        for _ in range(seconds):
            self.cluster.clock.skip(1.0)
            self.desk.evaluate()

    def release(self, version: str) -> None:
        """Let web run another version, at once."""

        def changed(old: Json) -> Json:
            new = copy.deepcopy(old)
            new["spec"]["template"]["spec"]["containers"][0]["image"] = image("registry.local", "web", version)
            return new

        self.cluster.registry.patch(DEPLOYMENTS, "web", "web", changed, WriteOptions(manager="kubectl"))
        self.cluster.settle(lambda: all(is_complete(d, d["status"]) for d in self.cluster.store.all_of(DEPLOYMENTS)))

    def told(self) -> list[tuple[str, str, str]]:
        """Monitor, group and transition of every notification so far."""
        return [(each.monitor.key, each.group, each.transition.value) for each in self.desk.datadog.told]

    def state(self, key: str, group: str) -> State:
        board = self.desk.datadog.board
        return board.groups[board.find(key).id][group].state


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    cluster = Cluster("stg", lambda reference: True, options=Options(seed=1, steady=lambda: 0.5))
    seed(cluster, "registry.local")
    async with open_datadog({"stg": cluster}) as desk:
        stage = Stage(desk, cluster)
        stage.pass_time(30)
        assert stage.told() == []
        yield stage


async def test_a_slow_release_makes_a_latency_alert_and_the_way_back_ends_it(stage: Stage) -> None:
    stage.release("2.4.0-laggy")
    stage.pass_time(25)
    assert stage.told() == [("stg/latency", WEB, "Warn"), ("stg/latency", WEB, "Triggered")]
    value = stage.desk.datadog.told[-1].value
    assert value is not None
    assert value > 0.3
    stage.release("2.2.9")
    stage.pass_time(30)
    assert stage.told()[2:] == [("stg/latency", WEB, "Warn"), ("stg/latency", WEB, "Recovered")]
    assert len({each.cycle for each in stage.desk.datadog.told}) == 1
    assert stage.state("stg/latency", "service:admin") is State.OK


async def test_a_release_with_errors_makes_an_error_alert(stage: Stage) -> None:
    stage.release("2.4.0-flaky")
    stage.pass_time(25)
    assert stage.told() == [("stg/errors", WEB, "Warn"), ("stg/errors", WEB, "Triggered")]


async def test_containers_that_restart_make_an_alert_until_the_window_has_passed(stage: Stage) -> None:
    stage.pass_time(30)
    pod = next(row["name"] for row in stage.cluster.pods_view() if row["workload"] == "admin")
    for times in range(1, 5):
        stage.cluster.crash_pod("admin", pod, "OOMKilled")
        stage.cluster.settle(
            lambda: any(row["restarts"] == times and row["ready"] for row in stage.cluster.pods_view())  # noqa: B023
        )
        stage.pass_time(1)
    assert stage.state("stg/restarts", "service:admin") is State.ALERT
    assert stage.told()[-1] == ("stg/restarts", "service:admin", "Triggered")
    stage.pass_time(62)
    assert stage.state("stg/restarts", "service:admin") is State.OK


async def test_without_requests_the_traffic_monitor_alerts_and_others_have_no_data(stage: Stage) -> None:
    for name in ("web", "admin"):
        stage.cluster.traffic.set_rate(name, name, 0.0)
    stage.pass_time(50)
    assert stage.state("stg/traffic", "*") is State.ALERT
    assert (stage.state("stg/errors", WEB), stage.state("stg/latency", WEB)) == (State.NO_DATA, State.OK)
    _, monitor = await stage.desk.ask("GET", "/api/v1/monitor/41000101?group_states=no data")
    assert monitor["state"]["groups"][WEB]["last_nodata_ts"] <= int(stage.desk.now_s)
    stage.cluster.traffic.set_rate("web", "web", 20.0)
    stage.pass_time(20)
    assert (stage.state("stg/traffic", "*"), stage.state("stg/errors", WEB)) == (State.OK, State.OK)


async def test_what_is_fired_by_hand_holds_until_it_is_resolved(stage: Stage) -> None:
    stage.desk.datadog.fire("stg/latency", WEB, 0.46)
    stage.pass_time(10)
    assert stage.state("stg/latency", WEB) is State.ALERT
    stage.desk.datadog.resolve("stg/latency", WEB)
    stage.pass_time(10)
    assert [transition for _, _, transition in stage.told()] == ["Triggered", "Recovered"]


async def test_metrics_tell_requests_errors_and_latency_by_version(stage: Stage) -> None:
    stage.release("2.4.0-flaky")
    stage.pass_time(20)
    now = int(stage.desk.now_s)
    api = MetricsApi(stage.desk.client())
    hits = "sum:trace.http.request.hits{env:stg,service:web,version:2.4.0-flaky}.as_count()"
    errors = hits.replace("hits", "errors")
    answer = await stage.desk.call(api.query_metrics, now - 15, now, f"{errors} / {hits} * 100")
    (series,) = answer.series
    rates = [point.value[1] for point in series.pointlist]
    assert 3 < sum(rates) / len(rates) < 7
    by_version = "sum:trace.http.request.hits{env:stg,service:web} by {version}.as_rate()"
    found = await stage.desk.call(api.query_metrics, now - 15, now, by_version)
    assert [each.tag_set for each in found.series] == [["version:2.4.0-flaky"]]
    assert (await stage.desk.call(api.query_metrics, now - 15, now, "avg:nobody.knows{*}")).series == []


async def test_the_newer_calls_for_metrics_reckon_with_formulas(stage: Stage) -> None:
    now = int(stage.desk.now_s) * 1000
    text = "p99:trace.http.request{env:stg} by {service}"
    query = {"data_source": "metrics", "query": text, "name": "late"}
    formulas = [{"formula": "late * 1000"}]
    attributes = {"from": now - 20_000, "to": now, "interval": 5_000, "queries": [query], "formulas": formulas}
    api = MetricsV2(stage.desk.client())
    body = body_of(TimeseriesFormulaQueryRequest, data={"type": "timeseries_request", "attributes": attributes})
    told = (await stage.desk.call(api.query_timeseries_data, body)).data.attributes
    assert [each.group_tags.value for each in told.series.value] == [["service:admin"], ["service:web"]]
    values = [each.value for each in told.values.value]
    assert (len(told.times.value), [len(each) for each in values]) == (4, [4, 4])
    assert 60 < values[1][-1] < 130
    scalar = {name: attributes[name] for name in ("from", "to", "formulas")}
    scalar["queries"] = [query | {"aggregator": "avg"}]
    body = body_of(ScalarFormulaQueryRequest, data={"type": "scalar_request", "attributes": scalar})
    group, number = (await stage.desk.call(api.query_scalar_data, body)).data.attributes.columns
    assert (group.name, group.values) == ("service", [["admin"], ["web"]])
    assert all(60 < value < 130 for value in number.values)


@pytest.mark.parametrize("query", ["hits", "sum:hits{web}", "sum:hits{*} / 0x", "loud:hits{*}", "sum:hits{*} + ("])
async def test_a_query_that_nobody_understands_is_refused(stage: Stage, query: str) -> None:
    status, answer = await stage.desk.ask("GET", "/api/v1/query", params={"from": "1", "to": "9", "query": query})
    assert (status, answer["errors"][0][:19]) == (400, "Error parsing query")
