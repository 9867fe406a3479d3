"""Shares: what part of the traffic a canary gets when asked for so many per cent. Pure arithmetic.

Asked by the `/canary` use case before it acts, and by the drivers when they act: the same function, so that what was
told is what is done. Two ways: by pods (the stable ones stay, canary pods are added beside them, and traffic spreads
evenly over all ready pods) and by weight (a router splits requests, to the per cent).
"""

from dataclasses import dataclass

LOWEST, HIGHEST = 1, 99
"""Whole per cents. 0 would be an abort, 100 a promotion."""
TELLING_DIFFERENCE = 5.0
"""Points between asked and reachable from which people are asked before anything happens."""


@dataclass(frozen=True, slots=True)
class PodShare:
    """A share by pods: `canary` beside `stable` ones, each getting as much as another."""

    stable: int
    canary: int

    @property
    def total(self) -> int:
        """Pods that serve."""
        return self.stable + self.canary

    @property
    def percent(self) -> float:
        """Share of the traffic, 0 to 100, when connections spread evenly over the pods."""
        return 100.0 * self.canary / self.total

    def __str__(self) -> str:
        return f"{self.canary} of {self.total} pods"


def by_pods(stable: int, asked_percent: int) -> PodShare:
    """The share nearest to `asked_percent` beside `stable` pods, at least one canary pod; of two equally near, fewer.

    ValueError for a share outside 1 to 99, or without stable pods: there is nothing to compare a canary with then.
    """
    if not LOWEST <= asked_percent <= HIGHEST:
        raise ValueError(f"a share is {LOWEST} to {HIGHEST} per cent, not {asked_percent}")
    if stable < 1:
        raise ValueError("a canary stands beside stable pods, and there are none")
    exact = asked_percent * stable / (100 - asked_percent)
    fewer = max(1, int(exact))
    few, many = PodShare(stable, fewer), PodShare(stable, fewer + 1)
    # Compared as whole numbers: floats would break ties by their rounding.
    return few if _off(few, asked_percent) * many.total <= _off(many, asked_percent) * few.total else many


def by_rollout(replicas: int, asked_percent: int, *, surges: bool) -> PodShare:
    """The share that Argo Rollouts makes of a weight when it counts pods: of `replicas`, or one more if it surges.

    Its controller's rule (approximateWeightedCanaryStableReplicaCounts in utils/replicaset/canary.go), with its gap:
    a Rollout that may not surge can come out with no pod of one of the versions. ValueError as with `by_pods`.
    """
    if not LOWEST <= asked_percent <= HIGHEST:
        raise ValueError(f"a share is {LOWEST} to {HIGHEST} per cent, not {asked_percent}")
    if replicas < 1:
        raise ValueError("a canary stands beside stable pods, and there are none")
    none_is_fine = replicas == 1 and not surges
    options: list[PodShare] = []
    below, above = replicas * asked_percent // 100, -(-replicas * asked_percent // 100)
    for total in (replicas, replicas + 1) if surges else (replicas,):
        is_tied = total * asked_percent % 100 == 50
        if total > replicas or above < replicas or none_is_fine:
            options.append(PodShare(total - above, above))
        if not is_tied and (below or none_is_fine):
            options.append(PodShare(total - below, below))
    if not options:
        return PodShare(replicas, 0)
    return min(options, key=lambda share: abs(100 * share.canary - asked_percent * share.total) / share.total)


def _off(share: PodShare, asked_percent: int) -> int:
    """Distance from what was asked, times the share's total."""
    return abs(100 * share.canary - asked_percent * share.total)


def neighbours(share: PodShare) -> tuple[PodShare | None, PodShare]:
    """The next share below and above; below one canary pod there is none."""
    below = PodShare(share.stable, share.canary - 1) if share.canary > 1 else None
    return below, PodShare(share.stable, share.canary + 1)


def stable_pods_for(asked_percent: int) -> int:
    """The fewest stable pods beside which pods alone give `asked_percent`, rounded to whole per cents."""
    stable = 1
    while round(by_pods(stable, asked_percent).percent) != asked_percent:
        stable += 1
    return stable


def is_telling(asked_percent: int, reachable_percent: float) -> bool:
    """Whether asked and reachable differ so much that people are asked first."""
    return abs(asked_percent - reachable_percent) > TELLING_DIFFERENCE
