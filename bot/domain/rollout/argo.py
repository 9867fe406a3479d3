"""What a Rollout of Argo Rollouts shows beyond what a Deployment does: its steps, how far it is, and why it waits.

Part of a Workload of the kind rollout. Words and meaning are those of argoproj.io/v1alpha1; steps are plain words here.
"""

from dataclasses import dataclass

ENDLESS = ("pause", "analysis", "experiment", "plugin")
"""Beginnings of the words of steps that may last as long as they like: no deadline counts meanwhile."""


@dataclass(frozen=True, slots=True)
class ArgoState:
    """A Rollout's strategy and status."""

    phase: str = ""
    """`Healthy`, `Progressing`, `Paused` or `Degraded`; empty before its controller has looked."""
    message: str = ""
    """The controller's reason: `CanaryPauseStep`, `RolloutAborted: …`."""
    strategy: str = ""
    """`canary` or `blueGreen`."""
    steps: tuple[str, ...] = ()
    """Its canary steps in words: `setWeight 20`, `pause`, `pause 10m`, `analysis`…"""
    written_steps: str = ""
    """The steps as they are written, as JSON; empty when it has none."""
    step_index: int | None = None
    """Which of them it is at, from 0; their number when it is through."""
    weight: int = 100
    """Share that its steps ask for now, per cent."""
    routed_weight: int | None = None
    """Share that its traffic router gives, per cent; None without a router."""
    has_router: bool = False
    whole: int = 100
    """What its weights are counted out of."""
    surges: bool = True
    """Whether an update may have more pods than spec.replicas."""
    stable_hash: str = ""
    """Of the pods that everybody gets when nothing is updated."""
    current_hash: str = ""
    """Of the pods of the present template."""
    pauses: tuple[str, ...] = ()
    """Why its controller has paused it."""
    is_resuming: bool = False
    """Somebody let it go on, and its controller has not seen that yet."""
    aborted: bool = False
    promotes_fully: bool = False
    """Told to skip what is left of its steps."""
    template_of: str = ""
    """The workload whose pod template it takes (`deployment/admin`); empty when it has its own."""

    @property
    def is_promoted(self) -> bool:
        """The present template is the one that everybody gets."""
        return self.stable_hash != "" and self.stable_hash == self.current_hash

    @property
    def step(self) -> str:
        """The step it is at; empty when it is through, or has none."""
        index = self.step_index or 0
        return self.steps[index] if index < len(self.steps) and not self.is_promoted else ""

    @property
    def is_at_endless_step(self) -> bool:
        """At a step that may take as long as it likes."""
        return self.step.startswith(ENDLESS)

    @property
    def place(self) -> str:
        """`step 2 of 5 (pause), 20 % on the new version`."""
        number = min(self.step_index or 0, len(self.steps) - 1) + 1
        share = self.weight if self.routed_weight is None else self.routed_weight
        return f"step {number} of {len(self.steps)} ({self.step}), {share} % on the new version"
