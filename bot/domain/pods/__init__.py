"""Pods that fall, and heal: what the watches show (`sight`) and what is told of it (`story`). Pure.

Used by bot.kube.sights, bot.store.pods, bot.reconcile.pods, the use cases of pods and jobs, and the cards.
"""

from bot.domain.pods.sight import (
    AutoscalerSight,
    ContainerSight,
    CronJobSight,
    Ending,
    EventSight,
    JobSight,
    NodeSight,
    PodSight,
    Subject,
    SubjectKind,
)
from bot.domain.pods.story import Cause, NearAlert, NearRelease, Recovery, Story, subject_key

__all__ = [
    "AutoscalerSight",
    "Cause",
    "ContainerSight",
    "CronJobSight",
    "Ending",
    "EventSight",
    "JobSight",
    "NearAlert",
    "NearRelease",
    "NodeSight",
    "PodSight",
    "Recovery",
    "Story",
    "Subject",
    "SubjectKind",
    "subject_key",
]
