"""The order of image tags as versions: which is newest, and which are near a mistyped one.

Used when a release names no version, and to answer one that the registry does not have. Tags are compared as people
read them: numbers as numbers (1.10 after 1.9), pre-releases before their release, `v` ignored, dates as dates.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import total_ordering

# Words that mark a pre-release when they follow the number without a hyphen, as Python and others write it: 1.4.2rc1.
_PRE_WORDS = r"(?:alpha|beta|rc|pre|preview|dev|snapshot|nightly|canary|milestone|a|b|c|m)"
_VERSION = re.compile(
    rf"""
    v?
    (?P<numbers> \d{{4}}-\d{{2}}-\d{{2}} | \d+(?:\.\d+)* )
    (?: -(?P<pre>[0-9a-z][0-9a-z.-]*) | \.?(?P<glued>{_PRE_WORDS}[.-]?\d*) )?
    (?: [_+](?P<build>[0-9a-z._-]+) )?
    """,
    re.ASCII | re.IGNORECASE | re.VERBOSE,
)
_WORD = re.compile(r"\d+|[a-z]+", re.ASCII | re.IGNORECASE)
# Tags are 128 characters at most; beyond this many digits a number is a hash or a prank, and int() costs.
_MAX_DIGITS = 20

Identifier = tuple[int, int, str]
"""One part of a pre-release, comparable: numbers (0, n, "") come before words (1, 0, word), as semver has it."""


@total_ordering
@dataclass(frozen=True, slots=True, eq=False)
class TagOrder:
    """A tag's place among tags. A total order: two tags are equal only when they are the same text."""

    tag: str
    numbers: tuple[int, ...]
    """Empty: the tag is no version."""
    pre: tuple[Identifier, ...]
    """Empty: a release."""

    @property
    def is_version(self) -> bool:
        """Whether the tag reads as a version, unlike `latest` or `sha-1f3c`."""
        return bool(self.numbers)

    @property
    def is_prerelease(self) -> bool:
        """Whether it comes before the release of the same numbers."""
        return bool(self.pre)

    @property
    def _key(self) -> tuple[bool, tuple[int, ...], bool, tuple[Identifier, ...], int, str]:
        # Trailing zeros don't tell versions apart (1.4 and 1.4.0); then the more exact spelling is the later one.
        significant = self.numbers
        while significant and significant[-1] == 0:
            significant = significant[:-1]
        return (self.is_version, significant, not self.pre, self.pre, len(self.numbers), self.tag)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TagOrder) and self.tag == other.tag

    def __hash__(self) -> int:
        return hash(self.tag)

    def __lt__(self, other: "TagOrder") -> bool:
        return self._key < other._key


def tag_order(tag: str) -> TagOrder:
    """Where the tag stands among others; any text has a place."""
    match = _VERSION.fullmatch(tag)
    if match is None:
        return TagOrder(tag, (), ())
    digits = re.split(r"[.-]", match["numbers"])
    if any(len(number) > _MAX_DIGITS for number in digits):
        return TagOrder(tag, (), ())
    numbers = tuple(int(number) for number in digits)
    return TagOrder(tag, numbers, _identifiers(match["pre"] or match["glued"] or ""))


def _identifiers(pre: str) -> tuple[Identifier, ...]:
    # Semver compares whole dotted parts; splitting digits off words as well puts rc10 after rc9, as people mean it.
    return tuple(
        (0, int(word), "") if word.isdigit() and len(word) <= _MAX_DIGITS else (1, 0, word.lower())
        for word in _WORD.findall(pre)
    )


def sort_tags(tags: Iterable[str]) -> list[str]:
    """Newest last; tags that are no versions come first, by their text."""
    return sorted(tags, key=tag_order)


def newest(tags: Iterable[str]) -> str | None:
    """The newest version among the tags, or None when none of them is one.

    Floating names (`latest`, `main`, `sha-…`) are never chosen. Pre-releases count only when there are no releases, and
    bare numbers (build counters, dates like 20260131) only when there are no dotted versions or dates with hyphens.
    """
    versions = [order for order in map(tag_order, tags) if order.is_version]
    releases = [order for order in versions if not order.is_prerelease] or versions
    dotted = [order for order in releases if len(order.numbers) > 1] or releases
    return max(dotted).tag if dotted else None


def nearest(tag: str, tags: Iterable[str], n: int = 3) -> list[str]:
    """Up to `n` tags to offer instead of one that does not exist, best first: near in number, in spelling, then new."""
    wanted = tag_order(tag)

    def closeness(candidate: str) -> tuple[int, bool, TagOrder]:
        order = tag_order(candidate)
        shared = 0
        for ours, theirs in zip(wanted.numbers, order.numbers, strict=False):
            if ours != theirs:
                break
            shared += 1
        # A missed or doubled sign in a tag of five gives 0.8 and more; two different versions of one length stay below.
        misspelt = SequenceMatcher(None, tag.lower(), candidate.lower()).ratio() > 0.8
        return (shared, misspelt, order)

    return sorted(set(tags) - {tag}, key=closeness, reverse=True)[:n]
