"""A trouble as seen on one pod, before equal ones are counted together."""

from dataclasses import dataclass

LONGEST = 240
"""Characters of a cluster's message that are worth reading in a chat."""


@dataclass(frozen=True, slots=True)
class Sight:
    """One cause on one pod. Sights of the same `code` and `cause` become one PodTrouble."""

    code: str
    text: str
    remedy: str
    cause: str = ""
    """What tells causes of one code apart; empty: the text does."""
    container: str = ""
    hopeless: bool = False
    weight: int = 0
    """Among equal causes the heaviest is shown (restarts of a container)."""


def short(message: str) -> str:
    """A message on one line, cut to LONGEST characters, without its full stop."""
    line = " ".join(message.split()).rstrip(".")
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
