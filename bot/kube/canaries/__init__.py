"""Canaries in a cluster: a twin of the stable Deployment, or steps of a Rollout, and what gives its share.

Called by the canary loop with a Cluster first. `detect` tells what a canary would meet, `look` shows what is,
`set_share` tells the cluster what is wanted (one conditional write a call, so it is called again until nothing is left
to write), `remove` takes it down in the order in which no request meets nobody. `find_leftovers` and `remove_leftover`
are for what no release stands for any more.
"""

from bot.kube.canaries.argo import give_back
from bot.kube.canaries.detection import detect
from bot.kube.canaries.driving import look, remove, set_share
from bot.kube.canaries.leftovers import Leftover, find_leftovers, remove_leftover

__all__ = ["Leftover", "detect", "find_leftovers", "give_back", "look", "remove", "remove_leftover", "set_share"]
