"""The sandbox's Kubernetes: simulated clusters whose API answers as a 1.36 server's, for the bot, kubectl and tests.

`cluster.Cluster` is the way in; `scenes.seed` fills one; `kubeconfig.kubeconfig` leads clients to it. Nothing here
imports the rest of the bot, and nothing of the bot imports it.
"""

from bot.sandbox.kube.cluster import Cluster
from bot.sandbox.kube.faults import Fault, FaultKind
from bot.sandbox.kube.kubeconfig import kubeconfig
from bot.sandbox.kube.options import Options
from bot.sandbox.kube.scenes import seed

__all__ = ["Cluster", "Fault", "FaultKind", "Options", "kubeconfig", "seed"]
