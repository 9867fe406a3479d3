"""Looks at a workload: the object, its revisions, its pods, what is said about them, a container's last words."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import TypeVar

from bot.domain.catalog import WorkloadKind, WorkloadRef
from bot.domain.redaction import redact
from bot.domain.rollout import Happening, Observation, Pod, Revision, Workload
from bot.errors import NotFound, OutsideError, Refused
from bot.kube.clients import Cluster, Expired
from bot.kube.workloads import parsing, paths
from bot.kube.workloads.parsing import Json

T = TypeVar("T")
Query = Mapping[str, str | int]

KEEP_REPLICA_SETS = (WorkloadKind.DEPLOYMENT, WorkloadKind.ROLLOUT)
WARNING_PAGES = 10
"""Pages of warnings looked through per namespace: 5,000, far more than a healthy namespace has in its hour."""
LOG_BYTES = 65_536
LOG_MARGIN = 60
"""Lines asked for beyond those shown, so that a private key is known by its first line even when only its end shows."""


async def read(cluster: Cluster, ref: WorkloadRef) -> Workload:
    """The workload now: a quorum read, since no resourceVersion is asked for. Raises NotFound, Refused, Unreachable…"""
    return parsing.workload_from(ref, await cluster.request("GET", paths.workload(ref)))


async def serves_rollouts(cluster: Cluster) -> bool:
    """Whether the cluster knows Argo's Rollouts at all."""
    try:
        await cluster.request("GET", f"/apis/{paths.ARGO}")
    except NotFound:
        return False
    return True


async def observe(cluster: Cluster, ref: WorkloadRef, *, with_pods: bool) -> Observation:
    """One look. Without the right to list pods, events or revisions, the look lacks them and says so in `unseen`."""
    workload = await read(cluster, ref)
    if not with_pods or not workload.selector:
        return Observation(workload)
    unseen: list[str] = []
    past = await _permitted(_past(cluster, workload), "revisions", unseen)
    pods = await _permitted(_pods(cluster, workload, past), "pods", unseen)
    names = {workload.ref.name, *(pod.name for pod in pods or ())}
    names.update(parsing.text(parsing.at(raw, "metadata").get("name")) for raw in past or ())
    happenings = await _permitted(_warnings(cluster, ref.namespace, names), "events", unseen)
    return Observation(
        workload,
        pods=tuple(pods or ()),
        new_hash=_new_hash(workload, past or []),
        happenings=tuple(happenings or ()),
        unseen=tuple(unseen),
    )


async def revisions(cluster: Cluster, ref: WorkloadRef) -> tuple[Revision, ...]:
    """Its revisions, newest first; none for a CronJob, which keeps no past."""
    if ref.kind is WorkloadKind.CRONJOB:
        return ()
    workload = await read(cluster, ref)
    form = parsing.revision_of_replica_set if ref.kind in KEEP_REPLICA_SETS else parsing.revision_of_controller_revision
    found = [form(raw) for raw in await _past(cluster, workload)]
    return tuple(sorted(found, key=lambda revision: revision.number, reverse=True))


async def last_words(cluster: Cluster, namespace: str, pod: str, container: str, *, lines: int = 10) -> tuple[str, ...]:
    """The last log lines of the container's previous run (of this one when there was none), with secrets redacted.

    Empty when they are not to be had, for whatever reason: they are an extra, never worth an error.
    """
    path = paths.namespaced(namespace, "pods", pod) + "/log"
    query: dict[str, str | int] = {"tailLines": lines + LOG_MARGIN, "limitBytes": LOG_BYTES}
    if container:
        query["container"] = container
    for previous in ("true", "false"):
        try:
            log = await cluster.text(path, query={**query, "previous": previous}, timeout_s=3.0)
        except (Refused, NotFound):
            continue
        except OutsideError:
            return ()
        shown = [line.rstrip() for line in redact(log).splitlines()]
        while shown and not shown[-1]:
            shown.pop()
        if shown:
            return tuple(shown[-lines:])
    return ()


async def identity(cluster: Cluster) -> str:
    """What tells this cluster from others: the uid of kube-system, which nobody deletes; empty if we may not see."""
    try:
        raw = await cluster.request("GET", "/api/v1/namespaces/kube-system")
    except (Refused, NotFound):
        return ""
    return parsing.text(parsing.at(raw, "metadata").get("uid"))


async def _permitted(look: Awaitable[T], what: str, unseen: list[str]) -> T | None:
    """What `look` finds; None, with `what` noted in `unseen`, when we lack the right to it."""
    try:
        return await look
    except Refused:
        unseen.append(what)
        return None


async def gather(cluster: Cluster, path: str, query: Query, form: Callable[[Json], T], pages: int = 0) -> list[T]:
    """The items of a list, each made small by `form` as its page comes; at most `pages` pages (0: all).

    Begun anew once when the server forgot where it was.
    """
    for last in (False, True):
        found: list[T] = []
        seen = 0
        try:
            async with aclosing(cluster.pages(path, query=query)) as listing:
                async for page in listing:
                    found.extend(form(item) for item in page)
                    seen += 1
                    if seen == pages:
                        break
        except Expired:
            if last:
                raise
            continue
        return found
    raise AssertionError("unreachable: the last try returns or raises")


async def _past(cluster: Cluster, workload: Workload) -> list[Json]:
    """Its ReplicaSets or ControllerRevisions, raw."""
    resource = "replicasets" if workload.ref.kind in KEEP_REPLICA_SETS else "controllerrevisions"
    path = paths.namespaced(workload.ref.namespace, resource, group="apps/v1")
    found = await gather(cluster, path, {"labelSelector": workload.selector}, lambda raw: raw)
    # Labels may be shared with a stranger, uids are not.
    return [raw for raw in found if parsing.owner(raw).get("uid") == workload.uid]


async def _pods(cluster: Cluster, workload: Workload, past: list[Json] | None) -> list[Pod]:
    """Its pods; where its ReplicaSets may not be seen, all that its selector matches."""
    owners = {workload.uid, *(parsing.at(raw, "metadata").get("uid") for raw in past or ())}

    def ours(raw: Json) -> Pod | None:
        if past is not None and parsing.owner(raw).get("uid") not in owners:
            return None
        pod = parsing.pod_from(raw)
        return replace(pod, revision_hash=_short_hash(workload, pod.revision_hash))

    path = paths.namespaced(workload.ref.namespace, "pods")
    found = await gather(cluster, path, {"labelSelector": workload.selector}, ours)
    return [pod for pod in found if pod is not None]


async def _warnings(cluster: Cluster, namespace: str, names: set[str]) -> list[Happening]:
    """Warnings about these objects, oldest first. The API can't select by many names, so the rest is dropped here."""

    def ours(raw: Json) -> Happening | None:
        return parsing.happening_from(raw) if parsing.at(raw, "involvedObject").get("name") in names else None

    path = paths.namespaced(namespace, "events")
    found = await gather(cluster, path, {"fieldSelector": "type!=Normal"}, ours, WARNING_PAGES)
    return sorted((each for each in found if each is not None), key=lambda each: each.at or parsing.LONG_AGO)


def _new_hash(workload: Workload, past: list[Json]) -> str:
    """What marks the pods of the present template; empty while its controller has not seen that template."""
    if workload.observed_generation < workload.generation:
        return ""
    match workload.ref.kind:
        case WorkloadKind.STATEFULSET:
            return _short_hash(workload, workload.update_revision)
        case WorkloadKind.ROLLOUT:
            return workload.argo.current_hash if workload.argo is not None else ""
        case WorkloadKind.DAEMONSET:
            newest = max(past, key=lambda raw: parsing.number(raw.get("revision")), default={})
            return parsing.text(parsing.at(newest, "metadata", "labels").get(parsing.REVISION_HASH))
        case _:
            same = [
                raw for raw in past if parsing.same_template(parsing.at(raw, "spec", "template"), workload.template)
            ]
            # Defaults of an older API version may make an equal template look different; the number is as good then.
            revision = workload.annotations.get(parsing.REVISION, "")
            newest = next(iter(same or [raw for raw in past if _number(raw) == revision]), {})
            return parsing.text(parsing.at(newest, "metadata", "labels").get(parsing.TEMPLATE_HASH))


def _short_hash(workload: Workload, revision: str) -> str:
    """A StatefulSet marks its pods with the revision's whole name (`admin-6d4f9c7b8`), others with its hash alone."""
    return revision.removeprefix(f"{workload.ref.name}-")


def _number(raw: Json) -> str:
    return parsing.strings(parsing.at(raw, "metadata").get("annotations")).get(parsing.REVISION, "")
