"""What people type after `/canary`, understood: an act, a place, a version, shares and the time between them. Pure.

Called by the binding of words (so that a slip of the hand is answered with the acknowledgement) and by the handler.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from itertools import pairwise

from bot.domain.canary.scheme import LONGEST_STEPS
from bot.domain.canary.shares import HIGHEST, LOWEST
from bot.domain.catalog import Catalog
from bot.domain.names import EnvironmentName, ServiceName, Shares, Version
from bot.domain.words import find, nearest
from bot.errors import UserError

USAGE = "/canary [ENV] [SERVICE] [VERSION] PERCENT… [every DURATION]  or  /canary promote|pause|resume|abort|status …"
HINT = "[ENV] [SERVICE] [VERSION] 10% [25% 50% every 10m] | promote | pause | resume | abort | status"
_PERCENT = re.compile(r"(\d{1,6})%?", re.ASCII)
_SHARE_LIKE = re.compile(r".*%.*|[+-]\d.*|\d+[.,]\d+|\d+e\d+|nan|inf", re.ASCII | re.IGNORECASE)
"""No share, and meant as one."""
_NUMBER = re.compile(r"\d+(\.\d+)?|\d+e\d+", re.ASCII | re.IGNORECASE)
"""A share without its sign, or the tag of an image: `1.5`, the build `4711`, the commit `12345e7`."""
_BETWEEN = re.compile(r"(\d\s*%)\s*(?:[,;、→⇒>]|->|=>)(?=\s|\d|$)", re.ASCII)
_EVERY = re.compile(r"(\d{1,5})(s|m|min|h)", re.ASCII | re.IGNORECASE)
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", re.ASCII)
SHORTEST_STEP = timedelta(seconds=10)
LONGEST_STEP = timedelta(hours=24)


class Act(StrEnum):
    """What is to be done."""

    SHARE = "share"
    PROMOTE = "promote"
    PAUSE = "pause"
    RESUME = "resume"
    ABORT = "abort"
    STATUS = "status"


@dataclass(frozen=True, slots=True)
class Asked:
    """A `/canary` as it was understood; what was left out is None."""

    act: Act
    environment: EnvironmentName | None = None
    service: ServiceName | None = None
    version: Version | None = None
    steps: tuple[int, ...] = ()
    """Whole per cents, rising; one or more when a share is asked for."""
    every: timedelta | None = None

    @property
    def shares(self) -> Shares:
        """The act, or the shares and the time between them, in plain spelling."""
        if self.act is not Act.SHARE:
            return Shares(self.act.value)
        times = f" every {round(self.every.total_seconds())}s" if self.every else ""
        return Shares(" ".join(f"{step}%" for step in self.steps) + times)


def understand(words: Sequence[str], catalog: Catalog) -> Asked:
    """Raises UserError that says what was probably meant."""
    plain = _plain(words)
    if not plain:
        raise UserError("usage", "How many per cent should try the new version?", hint=USAGE)
    act = Act.SHARE
    if plain[0].lower() in set(Act) - {Act.SHARE}:
        act = Act(plain.pop(0).lower())
    steps, every, rest = _numbers(plain)
    environment, service, others = _places(rest, catalog)
    if len(others) > 1:
        _refuse_unknown(others, environment, service, catalog)
    version = others[0] if others else None
    if version is not None:
        _refuse_misspelt(version, environment, service, catalog)
    if act is not Act.SHARE and (steps or every or version):
        raise UserError("usage", f"`/canary {act}` takes an environment and a service, nothing else.", hint=USAGE)
    if act is Act.SHARE and not steps:
        raise UserError("usage", "How many per cent should try the new version?", hint=USAGE)
    return Asked(act, environment, service, Version(version) if version else None, _rising(steps), every)


def _plain(words: Sequence[str]) -> list[str]:
    """Full-width digits and signs made plain; `10 %` is `10%`; commas and arrows between steps are left out."""
    plain: list[str] = []
    for word in _BETWEEN.sub(r"\1 ", unicodedata.normalize("NFKC", " ".join(words))).split():
        if word == "%" and plain and plain[-1].isdecimal():
            plain[-1] += "%"
        else:
            plain.append(word)
    return plain


def _numbers(words: Sequence[str]) -> tuple[list[int], timedelta | None, list[str]]:
    steps: list[int] = []
    every: timedelta | None = None
    rest: list[str] = []
    waiting_for_time = False
    signed = any(_PERCENT.fullmatch(word) and word.endswith("%") for word in words)
    for word in words:
        if waiting_for_time:
            every, waiting_for_time = _time(word), False
        elif word.lower() == "every" and every is None:
            waiting_for_time = True
        elif signed and _NUMBER.fullmatch(word) and not _is_whole_share(word):
            rest.append(word)  # beside shares that have their sign, it is a version
        elif percent := _PERCENT.fullmatch(word):
            steps.append(_share(int(percent[1]), word))
        elif _SHARE_LIKE.fullmatch(word):
            raise UserError("bad_share", f"`{word}` is no share: it is a whole number from 1 to 99.", hint=USAGE)
        else:
            rest.append(word)
    if waiting_for_time:
        raise UserError("usage", "Every how long?", hint="e.g. every 10m")
    return steps, every, rest


def _is_whole_share(word: str) -> bool:
    return word.isdecimal() and int(word) <= 100


def _share(percent: int, word: str) -> int:
    if percent == 0:
        raise UserError("bad_share", "A canary of 0 % is none at all.", hint="/canary abort takes it down.")
    if percent == 100:
        raise UserError("bad_share", "100 % is no canary any more.", hint="/canary promote gives it everything.")
    if not LOWEST <= percent <= HIGHEST:
        raise UserError("bad_share", f"`{word}` is no share: it is a whole number from 1 to 99.", hint=USAGE)
    return percent


def _time(word: str) -> timedelta:
    found = _EVERY.fullmatch(word)
    unit = {"s": 1, "m": 60, "h": 3600}
    every = timedelta(seconds=int(found[1]) * unit[found[2][0].lower()]) if found else timedelta(0)
    if not SHORTEST_STEP <= every <= LONGEST_STEP:
        raise UserError("bad_interval", f"`{word}` is no time between steps.", hint="From 10s to 24h, e.g. every 10m")
    return every


def _rising(steps: Sequence[int]) -> tuple[int, ...]:
    if any(later <= earlier for earlier, later in pairwise(steps)):
        told = " ".join(f"{step}%" for step in sorted(set(steps)))
        raise UserError("bad_share", "The steps of a canary rise.", hint=f"Did you mean {told}?")
    if len(steps) > LONGEST_STEPS:
        raise UserError("bad_share", f"A canary has {LONGEST_STEPS} steps at most.", hint=USAGE)
    return tuple(steps)


def _places(words: Sequence[str], catalog: Catalog) -> tuple[EnvironmentName | None, ServiceName | None, list[str]]:
    environment: EnvironmentName | None = None
    service: ServiceName | None = None
    others: list[str] = []
    for word in words:
        if environment is None and (name := find(word, catalog.environments)):
            environment = EnvironmentName(name)
        elif service is None and (name := find(word, catalog.services)):
            service = ServiceName(name)
        else:
            others.append(word)
    return environment, service, others


def _refuse_misspelt(
    word: str, environment: EnvironmentName | None, service: ServiceName | None, catalog: Catalog
) -> None:
    """A word that is no name is a version, unless it looks much more like a name that is missing."""
    names = [*(catalog.services if service is None else ()), *(catalog.environments if environment is None else ())]
    meant = nearest(word, names)
    if meant and not any(character.isdigit() for character in word):
        raise UserError("unknown_name", f"I don't know `{word}`. Did you mean `{meant}`?", hint=USAGE)
    if not _TAG.fullmatch(word):
        raise UserError(
            "bad_version",
            f"`{word}` is no version.",
            hint="A version is an image tag: letters, digits, dots, dashes and underscores, e.g. 1.42.0.",
        )


def _refuse_unknown(
    words: Sequence[str], environment: EnvironmentName | None, service: ServiceName | None, catalog: Catalog
) -> None:
    for word in words:
        _refuse_misspelt(word, environment, service, catalog)
    raise UserError("usage", f"That is more than I understand: `{' '.join(words[1:])}`", hint=USAGE)
