"""Watches: what is in a cluster, told whole at first and change by change from then on.

`Watch` is one list and one stream, `KindWatch` all of a kind that we may see. Used by bot.reconcile; never writes.
"""

from bot.kube.watches.kinds import (
    AUTOSCALERS,
    CRON_JOBS,
    DEPLOYMENTS,
    JOBS,
    NODES,
    POD_EVENTS,
    PODS,
    REPLICA_SETS,
    Kind,
    KindWatch,
)
from bot.kube.watches.news import Changed, Counts, Listed, News, Tell
from bot.kube.watches.pace import Pace
from bot.kube.watches.watch import Watch

__all__ = [
    "AUTOSCALERS",
    "CRON_JOBS",
    "DEPLOYMENTS",
    "JOBS",
    "NODES",
    "PODS",
    "POD_EVENTS",
    "REPLICA_SETS",
    "Changed",
    "Counts",
    "Kind",
    "KindWatch",
    "Listed",
    "News",
    "Pace",
    "Tell",
    "Watch",
]
