"""A log tail: what a container said last, or why nobody can tell; and whose log tells most.

Read by bot.kube.logs, shown by bot.cards.logs. Pure.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from bot.domain.pods import ContainerSight, PodSight

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class LogTail:
    """The last lines of one container, with secrets taken out already."""

    pod: str
    container: str
    lines: tuple[str, ...] = ()
    """Oldest first."""
    previous: bool = False
    """True: of the run before the present one."""
    why_not: str = ""
    """Why there are no lines, as the end of a sentence; empty when there are."""


def telling(pod: PodSight) -> ContainerSight | None:
    """The container whose log tells most: the one that failed last, else the first that keeps the pod from being ready.

    None when the pod's status names no container yet.
    """
    failed = [each for each in pod.containers if each.ending is not None and each.ending.exit_code]
    if failed:
        return max(failed, key=lambda each: (each.ending and each.ending.finished) or _LONG_AGO)
    main = [each for each in pod.containers if not each.is_init] or list(pod.containers)
    return next((each for each in main if not each.ready), main[0] if main else None)


def had_former_run(container: ContainerSight) -> bool:
    """Whether the log worth reading is of the run before the present one."""
    return container.restarts > 0 and not container.has_ended
