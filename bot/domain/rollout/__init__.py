"""What a cluster shows of one workload, and what it means by the rules of `kubectl rollout status`.

`observation` has the nouns, `status` the rules. Read by bot.domain.release, bot.kube and the cards.
"""

from bot.domain.rollout.argo import ArgoState
from bot.domain.rollout.observation import (
    Condition,
    Happening,
    Observation,
    Pod,
    PodContainer,
    PodTrouble,
    Revision,
    RolloutState,
    RolloutStatus,
    Workload,
)
from bot.domain.rollout.status import image_of, rollout_status, tag_of

__all__ = [
    "ArgoState",
    "Condition",
    "Happening",
    "Observation",
    "Pod",
    "PodContainer",
    "PodTrouble",
    "Revision",
    "RolloutState",
    "RolloutStatus",
    "Workload",
    "image_of",
    "rollout_status",
    "tag_of",
]
