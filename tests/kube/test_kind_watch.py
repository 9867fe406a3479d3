"""Where a kind is watched: everywhere when we may, else namespace by namespace; and what a lost right looks like."""

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.kube.clients import Cluster
from bot.kube.watches import NODES, PODS, KindWatch, Watch
from tests.kube.watch_world import MAPS, PATH, QUICK, at_work, put, remove, row
from tests.wire.kube_world import World, client, kubeconfig, world

RBAC = "rbac.authorization.k8s.io"
RULES = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "watch"]}]


@dataclass(slots=True)
class Guarded:
    """A cluster, and a client in it that may do nothing but what is granted."""

    stg: World
    here: Cluster

    def grant(self, namespace: str = "", rules: list[object] | None = None) -> None:
        """The right to see ConfigMaps in a namespace, or everywhere."""
        kind = "Role" if namespace else "ClusterRole"
        where = {"namespace": namespace} if namespace else {}
        for made, rest in (
            (kind, {"rules": rules or RULES}),
            (
                f"{kind}Binding",
                {
                    "roleRef": {"apiGroup": RBAC, "kind": kind, "name": "look"},
                    "subjects": [{"apiGroup": RBAC, "kind": "User", "name": "guest"}],
                },
            ),
        ):
            self.stg.there.create(
                {"apiVersion": f"{RBAC}/v1", "kind": made, "metadata": {"name": "look", **where}, **rest}
            )

    async def take_back(self, namespace: str = "") -> None:
        where = f"namespaces/{namespace}/rolebindings/look" if namespace else "clusterrolebindings/look"
        await self.stg.here.request("DELETE", f"/apis/{RBAC}/v1/{where}")
        role = f"namespaces/{namespace}/roles/look" if namespace else "clusterroles/look"
        await self.stg.here.request("DELETE", f"/apis/{RBAC}/v1/{role}")


@pytest.fixture
async def guarded(tmp_path: Path) -> AsyncIterator[Guarded]:
    async with world(tmp_path) as stg:
        stg.there.create_namespace("shop")
        stg.there.access.users["guest-token"] = "guest"
        here = client(kubeconfig(tmp_path / "guest", stg.url, {"token": "guest-token"}))
        yield Guarded(stg, here)
        await here.close()


def key(each: object) -> str:
    return getattr(each, "name")  # noqa: B009


async def test_a_right_that_is_taken_is_told_plainly_and_its_return_is_noticed(guarded: Guarded) -> None:
    stg = guarded.stg
    guarded.grant("growlio")
    watch = Watch(guarded.here, PATH, row, namespace="growlio", query=MAPS.query, pace=QUICK)
    async with at_work(watch, key) as work:
        put(stg, "a", "1")
        await work.until_known(a="1")
        await guarded.take_back("growlio")
        stg.there.end_watches()
        await work.until(lambda: "may not" in watch.fault)
        assert watch.fault.startswith("stg's API server: we may not watch configmaps in namespace growlio: ")
        assert 'User "guest" cannot watch resource "configmaps"' in watch.fault
        assert not watch.synced
        put(stg, "a", "2")
        guarded.grant("growlio")
        await work.until_known(a="2")
        assert watch.counts.lists == 1
        put(stg, "b", "1")
        await work.until_known(a="2", b="1")
        await work.until(lambda: watch.synced)
        assert watch.refusal is None


async def test_who_may_look_everywhere_has_one_watch(guarded: Guarded) -> None:
    guarded.grant()
    put(guarded.stg, "a", "1")
    put(guarded.stg, "b", "1", namespace="shop")
    watch = KindWatch(guarded.here, MAPS, row, namespaces=["growlio"], pace=QUICK)
    async with at_work(watch, key) as work:
        await work.until_known(a="1", b="1")
        await work.until(lambda: watch.synced)
        assert watch.namespaces == ("",)
        assert watch.counts.lists == 1


async def test_who_may_not_look_everywhere_looks_where_services_are(
    guarded: Guarded, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    stg = guarded.stg
    guarded.grant("growlio")
    guarded.grant("shop")
    put(stg, "a", "1")
    put(stg, "b", "1", namespace="shop")
    watch = KindWatch(guarded.here, MAPS, row, namespaces=["shop", "growlio", "shop"], pace=QUICK)
    async with at_work(watch, key) as work:
        await work.until_known(a="1", b="1")
        await work.until(lambda: watch.synced)
        assert watch.namespaces == ("growlio", "shop")
        put(stg, "a", "2")
        remove(stg, "b", namespace="shop")
        await work.until_known(a="2")
        stg.there.expire_history()
        put(stg, "c", "1", namespace="shop")
        await work.until_known(a="2", c="1")
        assert watch.fault == ""
    said = [each.getMessage() for each in caplog.records if "namespace by namespace" in each.getMessage()]
    assert said == ["configmaps are watched namespace by namespace: growlio, shop"]
    assert not [each for each in caplog.records if each.levelno >= logging.WARNING and "may not" in each.getMessage()]


async def test_a_namespace_without_the_right_is_named_and_the_others_go_on(guarded: Guarded) -> None:
    guarded.grant("shop")
    watch = KindWatch(guarded.here, MAPS, row, namespaces=["shop", "growlio"], pace=QUICK)
    async with at_work(watch, key) as work:
        put(guarded.stg, "b", "1", namespace="shop")
        await work.until_known(b="1")
        await work.until(lambda: "may not list configmaps in namespace growlio" in watch.fault)
        assert not watch.synced
        put(guarded.stg, "a", "1")
        guarded.grant("growlio")
        await work.until_known(a="1", b="1")
        await work.until(lambda: watch.synced)


async def test_a_right_everywhere_that_is_taken_leaves_what_namespaces_allow(guarded: Guarded) -> None:
    guarded.grant()
    put(guarded.stg, "a", "1")
    watch = KindWatch(guarded.here, MAPS, row, namespaces=["growlio"], pace=QUICK)
    async with at_work(watch, key) as work:
        await work.until_known(a="1")
        guarded.grant("growlio")
        await guarded.take_back()
        guarded.stg.there.end_watches()
        await work.until(lambda: watch.namespaces == ("growlio",))
        put(guarded.stg, "a", "2")
        await work.until_known(a="2")


async def test_nodes_that_we_may_not_see_are_nobodys_fault(guarded: Guarded) -> None:
    watch = KindWatch(guarded.here, NODES, lambda raw: raw, namespaces=["growlio"], pace=QUICK)
    async with at_work(watch, lambda raw: str(raw["metadata"]["name"])) as work:
        await work.until(lambda: watch.is_absent)
        assert watch.fault == ""
        assert watch.synced
        assert work.known.told == []
        guarded.grant(rules=[{"apiGroups": [""], "resources": ["nodes"], "verbs": ["list", "watch"]}])
        await work.until(lambda: len(work.known.rows) == 3)
        assert not watch.is_absent


def test_paths_are_those_of_the_api() -> None:
    assert (PODS.path(), PODS.path("shop")) == ("/api/v1/pods", "/api/v1/namespaces/shop/pods")
    assert MAPS.path("a/b") == "/api/v1/namespaces/a%2Fb/configmaps"
