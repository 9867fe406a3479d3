"""Words about a canary that its cards share."""

from bot.domain.canary.scheme import CanaryCourse, CanaryScheme
from bot.domain.release import Release


def parts(release: Release) -> tuple[CanaryScheme, CanaryCourse]:
    """How it is to go, and how far it has come."""
    assert release.plan.canary is not None
    return release.plan.canary, release.canary or CanaryCourse()


def got(course: CanaryCourse) -> str:
    """The share it has, or is on its way to."""
    return f"{course.asked} %" if course.achieved is None else percent(course.achieved)


def percent(share: float) -> str:
    """`25 %`, or `16.7 %` where it is not whole."""
    return f"{share:.0f} %" if abs(share - round(share)) < 0.05 else f"{share:.1f} %"
