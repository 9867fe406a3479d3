"""The sandbox's Kubernetes: simulated clusters whose API answers as a 1.36 server's, for the bot, kubectl and tests.

`cluster.Cluster` is the way in; `scenes.seed` fills one; `kubeconfig.kubeconfig` leads clients to it. A cluster's
`traffic` is its simulated request stream (`view` gives rows of `Served`), its `load` what autoscalers see. Nothing here
imports the rest of the bot, and nothing of the bot imports it.
"""

from bot.sandbox.kube.cluster import Cluster
from bot.sandbox.kube.faults import Fault, FaultKind
from bot.sandbox.kube.kubeconfig import kubeconfig
from bot.sandbox.kube.options import Options
from bot.sandbox.kube.scenes import seed
from bot.sandbox.kube.traffic import Served

__all__ = ["Cluster", "Fault", "FaultKind", "Options", "Served", "kubeconfig", "seed"]
