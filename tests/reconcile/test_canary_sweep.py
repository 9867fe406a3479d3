"""The sweep of canaries: what nobody stands for goes, what requests could still reach stays and is told once."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bot.context import Bells, Context
from bot.domain.canary.scheme import VALID, CanaryCourse, CanaryScheme, Driver
from bot.domain.catalog import Environment, WorkloadKind, WorkloadRef
from bot.domain.names import ChannelId, EnvironmentName
from bot.domain.release import Release, ReleaseKind, ReleasePhase
from bot.reconcile.canary_sweep import CanarySweep
from bot.sandbox.kube.faults import Fault, FaultKind
from bot.sandbox.kube.kinds import BY_KIND
from bot.store import releases
from bot.store.db import Database
from bot.store.migrate import migrate
from bot.store.tables import outbox
from tests.store.releases import PLAN, release
from tests.wire.kube_world import World, deployment, world

GATEWAY = "gateway.networking.k8s.io/v1"
FORBIDDEN = '{"kind":"Status","status":"Failure","reason":"Forbidden","message":"httproutes is forbidden","code":403}'
STG = Environment(EnvironmentName("stg"), "stg", ChannelId("C0STG"))


class Broom:
    """A sweep over one namespace of a simulated cluster, with a clock that can be moved."""

    def __init__(self, stg: World, database: Database) -> None:
        self.stg = stg
        self.database = database
        self.later = timedelta(0)
        service = SimpleNamespace(workload=WorkloadRef("growlio", WorkloadKind.DEPLOYMENT, "admin"))
        catalog = SimpleNamespace(services={"admin": service}, environments={"stg": STG})
        known = SimpleNamespace(
            catalog=catalog,
            database=database,
            clusters={"stg": stg.here},
            bells=Bells(),
            ops_channel=None,
            clock=lambda: datetime.now(UTC) + self.later,
        )
        self.sweep = CanarySweep(cast(Context, known))

    async def left_by(self, row: Release | None, **changes: Any) -> None:
        """A canary by a route, as it stands in the cluster, of a release that is known, or of none."""
        op_id = row.id if row is not None else "01K" + "Z" * 23
        marks = {"labels": {"kajitori/track": "canary", "app.kubernetes.io/managed-by": "kajitori"}}
        meta = {"name": "admin-canary", "namespace": "growlio", **marks, "annotations": {"kajitori/op-id": op_id}}
        twin = deployment("admin-canary", replicas=1)
        spec = {"selector": {"app.kubernetes.io/name": "admin-canary"}, "ports": [{"port": 80}]}
        refs = [{"name": "admin", "port": 80, "weight": 90}, {"name": "admin-canary", "port": 80, "weight": 10}]
        front = {"name": "front", "namespace": "growlio"}
        self.stg.there.create({**twin, "metadata": meta})
        self.stg.there.create({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec})
        route = {"parentRefs": [{"name": "front"}], "rules": [{"backendRefs": refs}]}
        self.stg.there.create({"apiVersion": GATEWAY, "kind": "HTTPRoute", "metadata": front, "spec": route})
        if row is not None:
            async with self.database.write() as connection:
                await releases.add(connection, replace(row, **changes))

    def standing(self) -> set[str]:
        """What is there of the canary: its objects, and the references to them."""
        there = self.stg.there.store
        kinds = {("apps/v1", "Deployment"), ("v1", "Service")}
        found = {kind for api, kind in kinds if there.get(BY_KIND[(api, kind)], "growlio", "admin-canary")}
        route = there.get(BY_KIND[(GATEWAY, "HTTPRoute")], "growlio", "front") or {"spec": {"rules": []}}
        refs = [ref["name"] for rule in route["spec"]["rules"] for ref in rule["backendRefs"]]
        return found | ({"reference"} if "admin-canary" in refs else set())

    async def told(self) -> list[str]:
        """Everything that was said, in full."""
        async with self.database.read() as connection:
            rows = (await connection.execute(outbox.select().order_by(outbox.c.id))).mappings().all()
        return [str(row["body"]["blocks"]) for row in rows]


ALL = {"Deployment", "Service", "reference"}


@pytest.fixture
async def broom(tmp_path: Path) -> AsyncIterator[Broom]:
    database = Database(f"sqlite:///{tmp_path / 'kajitori.db'}")
    await migrate(database)
    async with world(tmp_path) as stg:
        yield Broom(stg, database)
    await database.close()


def canary() -> Release:
    scheme = CanaryScheme(Driver.HTTP_ROUTE, (10,), 600.0, promotes=False, carrier="front", kubernetes_service="admin")
    plan = replace(PLAN, kind=ReleaseKind.CANARY, canary=scheme)
    return replace(release(), plan=plan, canary=CanaryCourse(asked=10))


async def test_what_a_canary_left_that_is_over_goes_with_its_place_in_the_route(broom: Broom) -> None:
    await broom.left_by(canary(), phase=ReleasePhase.ABORTED)
    assert broom.standing() == ALL
    await broom.sweep.sweep()
    assert broom.standing() == set()
    assert await broom.told() == []


async def test_a_canary_that_runs_is_left_alone(broom: Broom) -> None:
    await broom.left_by(canary(), phase=ReleasePhase.PROGRESSING)
    broom.later = 2 * VALID
    await broom.sweep.sweep()
    assert broom.standing() == ALL


async def test_a_canary_that_no_release_is_known_of_is_told_once_and_goes_when_it_is_a_day_old(broom: Broom) -> None:
    await broom.left_by(None)
    for _ in range(2):
        await broom.sweep.sweep()
    assert broom.standing() == ALL
    (words,) = await broom.told()
    assert "has a canary that no release stands for" in words
    broom.later = VALID
    await broom.sweep.sweep()
    assert broom.standing() == set()


async def test_what_an_unreadable_route_may_still_name_is_kept_and_told_once(broom: Broom) -> None:
    await broom.left_by(canary(), phase=ReleasePhase.ABORTED)
    rule = Fault(FaultKind.STATUS, "GET", "httproutes", None, 403, FORBIDDEN, "application/json")
    broom.stg.there.faults.add(rule)
    for _ in range(2):
        await broom.sweep.sweep()
    assert broom.standing() == ALL
    (words,) = await broom.told()
    assert "I may not list httproutes there" in words
    broom.stg.there.faults.clear()
    await broom.sweep.sweep()
    assert broom.standing() == set()


async def test_what_a_route_names_that_may_not_be_changed_is_kept_with_its_pods(broom: Broom) -> None:
    await broom.left_by(canary(), phase=ReleasePhase.FAILED)
    rule = Fault(FaultKind.STATUS, "PATCH", "httproutes", None, 403, FORBIDDEN, "application/json")
    broom.stg.there.faults.add(rule)
    await broom.sweep.sweep()
    assert broom.standing() == ALL
    (words,) = await broom.told()
    assert "The HTTPRoute front still sends requests to it" in words
