"""Subresources: /scale and pod logs. Called by the HTTP door."""

import asyncio
import copy
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from aiohttp import HttpVersion11, web

from bot.sandbox.kube.clock import parse_stamp, stamp
from bot.sandbox.kube.controllers.kubelet import Kubelet
from bot.sandbox.kube.kinds import PODS, Obj, Resource
from bot.sandbox.kube.registry import Registry, WriteOptions
from bot.sandbox.kube.selectors import selector_text
from bot.sandbox.kube.status import ApiError, bad_request, conflict
from bot.sandbox.kube.wire import is_true, number

FOLLOW_S = 0.25  # how often a followed log is looked at


def scale_of(obj: Obj) -> Obj:
    """The Scale view of a workload."""
    metadata = {k: obj["metadata"][k] for k in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")}
    return {
        "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata,
        "spec": {"replicas": obj["spec"].get("replicas", 0)},
        "status": {
            "replicas": (obj.get("status") or {}).get("replicas", 0),
            "selector": selector_text(obj["spec"]["selector"]),
        },
    }  # fmt: skip


def put_scale(
    registry: Registry, resource: Resource, obj: Obj, change: Callable[[Obj], Any], options: WriteOptions
) -> Obj:
    """Write spec.replicas through the Scale view."""
    before = scale_of(obj)
    scale = change(before)
    spec = scale.get("spec") or {} if isinstance(scale, dict) else None
    replicas = spec.get("replicas", 0) if isinstance(spec, dict) else None
    if not isinstance(replicas, int) or isinstance(replicas, bool):
        raise bad_request(
            'Scale in version "v1" cannot be handled as a Scale: json: cannot unmarshal into Go struct field '
            "ScaleSpec.spec.replicas of type int32"
        )
    given = scale.get("metadata")
    version = given.get("resourceVersion") if isinstance(given, dict) else None
    if version and version != obj["metadata"]["resourceVersion"]:
        raise conflict(resource, obj["metadata"]["name"])

    def scaled(whole: Obj) -> Obj:
        draft = copy.deepcopy(whole)
        draft["spec"]["replicas"] = replicas
        return draft

    metadata = obj["metadata"]
    options.subresource = "scale"
    return scale_of(registry.patch(resource, metadata["namespace"], metadata["name"], scaled, options))


class PodLogs:
    """Logs of the containers of one cluster."""

    def __init__(self, registry: Registry, kubelet: Kubelet, closing: asyncio.Event) -> None:
        self._registry = registry
        self._kubelet = kubelet
        self._closing = closing

    def lines(self, namespace: str, name: str, query: Mapping[str, str]) -> list[str]:
        """The log as asked for, each line with its end."""
        pod = self._registry.read(PODS, namespace, name)
        container = _container(pod, query.get("container", ""))
        found = self._kubelet.log(pod, container, is_true(query, "previous"))
        since_s, since = number(query, "sinceSeconds"), query.get("sinceTime", "")
        if since_s is not None:
            oldest = stamp(self._registry.clock.now() - timedelta(seconds=since_s))
            found = [row for row in found if row[0] >= oldest]
        elif since:
            try:
                oldest = stamp(parse_stamp(since))
            except ValueError as error:
                raise bad_request(f'parsing time "{since}": invalid format') from error
            found = [row for row in found if row[0] >= oldest]
        tail = number(query, "tailLines")
        if tail is not None:
            if tail < 0:
                raise bad_request("tailLines: must be greater than or equal to 0")
            found = found[-tail:] if tail else []
        with_times = is_true(query, "timestamps")
        return [f"{moment} {line}\n" if with_times else f"{line}\n" for moment, line in found]

    def _is_running(self, namespace: str, name: str, query: Mapping[str, str]) -> bool:
        pod = self._registry.read(PODS, namespace, name)
        container = _container(pod, query.get("container", ""))
        statuses = pod["status"].get("containerStatuses") or []
        return any(each["name"] == container and "running" in each.get("state", {}) for each in statuses)

    async def answer(
        self, request: web.Request, namespace: str, name: str, query: Mapping[str, str]
    ) -> web.StreamResponse:
        lines = self.lines(namespace, name, query)
        if not is_true(query, "follow"):
            text = "".join(lines)
            limit = number(query, "limitBytes")
            body = (text if limit is None else text[:limit]).encode()
            return web.Response(body=body, headers={"Content-Type": "text/plain"})
        return await self._follow(request, namespace, name, query, lines)

    async def _follow(
        self, request: web.Request, namespace: str, name: str, query: Mapping[str, str], lines: list[str]
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        if request.version >= HttpVersion11:
            response.enable_chunked_encoding()
        await response.prepare(request)
        whole = {k: v for k, v in query.items() if k not in ("tailLines", "sinceSeconds", "sinceTime")}
        try:
            await response.write("".join(lines).encode())
            seen = len(self.lines(namespace, name, whole))
            while not self._closing.is_set() and request.transport and not request.transport.is_closing():
                now = self.lines(namespace, name, whole)
                if len(now) < seen:
                    return response  # the container ended or began anew
                if now[seen:]:
                    await response.write("".join(now[seen:]).encode())
                    seen = len(now)
                elif not self._is_running(namespace, name, query):
                    return response
                try:
                    async with asyncio.timeout(FOLLOW_S):
                        await self._closing.wait()
                except TimeoutError:
                    continue
        except (ConnectionError, ApiError):
            return response  # the reader left, or the pod did
        return response


def _mapping(value: Any) -> Obj:
    return value if isinstance(value, dict) else {}


def _container(pod: Obj, wanted: str) -> str:
    names = [c["name"] for c in pod["spec"]["containers"]]
    name = pod["metadata"]["name"]
    if not wanted:
        if len(names) > 1:
            raise bad_request(f"a container name must be specified for pod {name}, choose one of: [{' '.join(names)}]")
        return str(names[0])
    if wanted not in names:
        raise bad_request(f"container {wanted} is not valid for pod {name}")
    return wanted
