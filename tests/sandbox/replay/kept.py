"""The differences that are kept, with the reason of each. A replay fails on any other, and when one of these is gone.

None is about what the bot reads or writes: they are about kubelets, which were simulated in the recordings too and
told less than real ones, and about kinds that are not there.
"""

import re
from dataclasses import dataclass

from tests.sandbox.replay.differences import Difference

PODS_START = frozenset({
    "rollout_success", "rollout_image_pull_failure", "rollout_crash_loop_and_undo", "scale_restart_pause",
    "canary_by_replicas", "pod_crash_and_recovery", "jobs_and_cronjobs", "server_side_apply", "errors", "watches",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Kept:
    """One kind of difference: a pattern of its text `where: path: recorded …, sandbox …`, and where it must occur."""

    pattern: str
    scenarios: frozenset[str]
    reason: str

    def is_about(self, difference: Difference) -> bool:
        return re.search(self.pattern, str(difference)) is not None


KEPT = (
    Kept(r"^event kubelet .*: how many: recorded 0,", PODS_START,
         "the recorded kubelets wrote no events; real ones do"),
    Kept(r"^Pod .*: state \d+: recorded null, .*ContainerCreating", PODS_START,
         "the recorded kubelets told nothing before a container ran; real ones tell ContainerCreating"),
    Kept(r"managedFields\[(Python|kubelet) Update status\]", PODS_START,
         "the recorded kubelets called themselves Python"),
    Kept(r"status\.(hostIPs|podIPs?|containerStatuses\[\w+\]\.(containerID|imageID)): ", PODS_START,
         "the recorded kubelets gave addresses and ids to containers that never ran, and left the host's out"),
    Kept(r"/log\?.*: : recorded", frozenset({"pod_crash_and_recovery"}), "what the simulated containers print"),
    Kept(r"^GET /(api|openapi)\S*: (\S*\]|paths\.\S+): recorded \{.*, sandbox null$",
         frozenset({"discovery"}), "kinds that neither the bot nor kubectl's flows ask for are not served"),
    Kept(r"^GET /(apis|openapi).*(gateway\.networking\.k8s\.io|argoproj\.io).*: recorded null",
         frozenset({"discovery"}), "the recorded cluster had neither Gateway API nor Argo Rollouts; this one has"),
    Kept(r"(waiting|conditions\[(Containers)?Ready\])\.message: ",
         frozenset({"rollout_image_pull_failure", "rollout_crash_loop_and_undo", "pod_crash_and_recovery"}),
         "the recorded kubelets told less of why a container waits"),
)  # fmt: skip


def sorted_out(scenario: str, differences: list[Difference]) -> tuple[list[Difference], list[Kept]]:
    """Differences that no line keeps, and lines of this scenario that keep nothing any more."""
    others = [d for d in differences if not any(line.is_about(d) for line in KEPT)]
    needless = [k for k in KEPT if scenario in k.scenarios and not any(k.is_about(d) for d in differences)]
    return others, needless
