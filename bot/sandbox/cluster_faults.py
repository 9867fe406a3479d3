"""The control address's orders of faults for the clusters: `/sandbox/kube/faults`. Mounted by `bot.sandbox.control`.

A rule befalls requests that come (`bot.sandbox.kube.faults`); an order happens at once (`ORDERS`). DELETE ends both:
rules are forgotten, dead nodes return and the clock goes right again.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from bot.sandbox.cluster_stage import ClusterStage
from bot.sandbox.kube.faults import NAMES, fault_from

Json = dict[str, Any]
ORDERS = ("clock_jump", "node_death", "history_loss", "watches_end")
FURTHEST_S = 10 * 366 * 86400.0


class ClusterFaults:
    """Faults of the clusters by name."""

    def __init__(self, stages: Mapping[str, ClusterStage], changed: Callable[[], None]) -> None:
        self._stages = stages
        self._changed = changed
        self._jumped_s = dict.fromkeys(stages, 0.0)
        self._dead: dict[str, set[str]] = {name: set() for name in stages}

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/sandbox/kube/faults", self._show),
            web.post("/sandbox/kube/faults", self._add),
            web.delete("/sandbox/kube/faults", self._clear),
        ]

    def order(self, cluster: str, order: Json) -> Json:
        """One rule or order; LookupError when there is no such cluster or node, ValueError for what nobody knows."""
        stage = self._stage(cluster)
        do = order.get("do")
        match do:
            case "clock_jump":
                seconds = float(order["seconds"])
                if not abs(self._jumped_s[cluster] + seconds) <= FURTHEST_S:
                    raise ValueError(f"the clock can not jump by {seconds} s")
                stage.cluster.jump_clock(seconds)
                self._jumped_s[cluster] += seconds
            case "node_death":
                node = str(order["node"])
                stage.pause_node(node, True)
                stage.cluster.kill_node(node)
                self._dead[cluster].add(node)
            case "history_loss":
                stage.cluster.expire_history()
            case "watches_end":
                stage.cluster.end_watches()
            case _ if do not in NAMES:
                raise ValueError(f"unknown fault {do!r}; known: {', '.join((*NAMES, *ORDERS))}")
            case _:
                return stage.cluster.faults.add(fault_from(order)).as_json()
        self._changed()
        return {"do": do}

    def mend(self, cluster: str) -> None:
        """Back to a cluster without faults."""
        stage = self._stage(cluster)
        stage.cluster.faults.clear()
        for node in self._dead[cluster]:
            stage.pause_node(node, False)
        self._dead[cluster].clear()
        if self._jumped_s[cluster]:
            stage.cluster.jump_clock(-self._jumped_s[cluster])
            self._jumped_s[cluster] = 0.0
        self._changed()

    def _stage(self, name: str) -> ClusterStage:
        stage = self._stages.get(name)
        if stage is None:
            raise LookupError(f"no cluster {name!r}; there are {', '.join(self._stages)}")
        return stage

    async def _show(self, request: web.Request) -> web.Response:
        shown = {
            name: {
                "rules": [rule.as_json() for rule in stage.cluster.faults.remaining()],
                "clock_jump": self._jumped_s[name],
                "dead_nodes": sorted(self._dead[name]),
                "version": stage.cluster.store.version,
            }
            for name, stage in self._stages.items()
        }
        return web.json_response({"ok": True, "clusters": shown})

    async def _add(self, request: web.Request) -> web.Response:
        try:
            given = await request.json()
            rules = [self.order(given["cluster"], dict(rule)) for rule in given["rules"]]
        except json.JSONDecodeError:
            return _refused("invalid_json")
        except KeyError as err:
            return _refused(f"missing: {err}")
        except (LookupError, TypeError, ValueError) as err:
            return _refused(str(err))
        return web.json_response({"ok": True, "rules": rules})

    async def _clear(self, request: web.Request) -> web.Response:
        """All clusters, or the one that `?cluster=` names."""
        wanted = request.query.get("cluster")
        try:
            for name in [wanted] if wanted else list(self._stages):
                self.mend(name)
        except LookupError as err:
            return _refused(str(err))
        return web.json_response({"ok": True})


def _refused(error: str) -> web.Response:
    return web.json_response({"ok": False, "error": error}, status=400)
