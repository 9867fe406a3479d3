"""Log tails for people: the last lines of the container that matters in a pod, or why they are not to be had.

Called by the use cases of pods and jobs. Secrets are taken out here, before anyone sees a line.
"""

from bot.domain.logs import LogTail
from bot.domain.redaction import redact
from bot.errors import NotFound, OutsideError, Refused
from bot.kube.clients import Cluster
from bot.kube.workloads import paths
from bot.kube.workloads.reads import LOG_BYTES, LOG_MARGIN

LINES = 50


async def log_tail(cluster: Cluster, namespace: str, pod: str, container: str, *, previous: bool) -> LogTail:
    """The last 50 lines of a container; with `previous` of the run that ended, or of this one when none did.

    Never raises for what an API server says or does not say: that is what `why_not` is for.
    """
    why_not = "it has written nothing"
    for former in (True, False) if previous else (False,):
        try:
            lines = await _lines(cluster, namespace, pod, container, previous=former)
        except OutsideError as error:
            why_not = _words(error)
            if not former:
                break
            continue
        if lines:
            return LogTail(pod, container, lines, former)
    return LogTail(pod, container, why_not=why_not)


async def _lines(cluster: Cluster, namespace: str, pod: str, container: str, *, previous: bool) -> tuple[str, ...]:
    query: dict[str, str | int] = {"tailLines": LINES + LOG_MARGIN, "limitBytes": LOG_BYTES}
    if container:
        query["container"] = container
    if previous:
        query["previous"] = "true"
    log = await cluster.text(paths.namespaced(namespace, "pods", pod) + "/log", query=query)
    shown = [line.rstrip() for line in redact(log).splitlines()]
    while shown and not shown[-1]:
        shown.pop()
    return tuple(shown[-LINES:])


def _words(error: OutsideError) -> str:
    match error:
        case NotFound():
            return "the pod is gone, and its log with it"
        case Refused(code="Forbidden"):
            return "I may not read logs in that namespace (pods/log)"
        case Refused() if "waiting to start" in error.text or "ContainerCreating" in error.text:
            return "the container has not started yet"
        case Refused() if "terminated" in error.text and "not found" in error.text:
            return "no run of it has ended, and the present one has written nothing"
        case _:
            return f"{error.system} did not give it ({error.text[:200]})"
