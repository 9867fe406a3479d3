"""People's words, made comparable: what a phone's keyboard does to a command is undone before it is understood.

Pure. Called by bot.router for everything that people type.
"""

import difflib
import unicodedata
from collections.abc import Iterable

_QUOTES = str.maketrans("", "", "\"'`“”‘’«»‹›„‚‛′″")
_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—−", "-"))
_UNSEEN = ("Cf", "Cs")
"""Categories that are dropped: zero-width and direction marks, soft hyphens, halves of characters."""
_SPACES = ("Cc", "Zs", "Zl", "Zp")
"""Categories that part words."""
MAX_WORDS = 200
"""More words than any command and its reason have: what follows is not looked at."""


def split(text: str) -> tuple[str, ...]:
    """Words of a command line: full-width forms, odd spaces, commas, quotes and dashes made plain.

    `stg:admin` is two words. Case is kept: versions are case-sensitive.
    """
    # Twice: without the signs between them, a letter and its accent become one character.
    plain = _plain(_plain(text[:4000]))
    words: list[str] = []
    for word in plain.split()[:MAX_WORDS]:
        parts = word.split(":")
        if all(parts) and "/" not in word and "@" not in word:
            words += parts
        else:
            words.append(word)
    return tuple(words[:MAX_WORDS])


def _plain(text: str) -> str:
    normal = unicodedata.normalize("NFKC", text).translate(_QUOTES).translate(_DASHES)
    return "".join(map(_seen, normal))


def _seen(character: str) -> str:
    category = unicodedata.category(character)
    if category in _UNSEEN:
        return ""
    return " " if character == "," or category in _SPACES else character


def find(word: str, names: Iterable[str]) -> str | None:
    """The name that is meant: exact, or equal but for case. None when there is none."""
    known = list(names)
    if word in known:
        return word
    folded = word.casefold()
    alike = [name for name in known if name.casefold() == folded]
    return alike[0] if len(alike) == 1 else None


def nearest(word: str, names: Iterable[str]) -> str | None:
    """The name that was probably meant by a word that is none; None when nothing is near."""
    known = {name.casefold(): name for name in names}
    close = difflib.get_close_matches(word.casefold(), known, n=1, cutoff=0.5)
    return known[close[0]] if close else None
