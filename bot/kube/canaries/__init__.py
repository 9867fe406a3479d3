"""Canaries in a cluster: a twin of the stable Deployment, and what gives it its share of the requests.

Called by the canary loop with a Cluster first. `detect` tells what a canary would meet, `look` shows what is,
`set_share` tells the cluster what is wanted (one conditional write a call, so it is called again until nothing is left
to write), `remove` takes it down in the order in which no request meets nobody.
"""

from bot.kube.canaries.detection import detect
from bot.kube.canaries.driving import look, remove, set_share

__all__ = ["detect", "look", "remove", "set_share"]
