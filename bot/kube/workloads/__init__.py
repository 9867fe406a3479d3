"""Workloads in a cluster: what they show, and the few writes that release them.

Called by the loops and use cases with a Cluster first: `read` and `observe` and `revisions` and `last_words` look,
`set_image` and `restore` and `restart` write, each exactly one conditional request.
"""

from bot.kube.workloads.parsing import workload_from as parsed
from bot.kube.workloads.reads import identity, last_words, observe, read, revisions, serves_rollouts
from bot.kube.workloads.writes import pass_steps, restart, restore, set_image

__all__ = [
    "identity",
    "last_words",
    "observe",
    "parsed",
    "pass_steps",
    "read",
    "restart",
    "restore",
    "revisions",
    "serves_rollouts",
    "set_image",
]
