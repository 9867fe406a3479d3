"""People's words, made comparable: what a phone's keyboard does to a command is undone before it is understood.

Pure. Called by bot.router for everything that people type.
"""

import difflib
import unicodedata
from collections.abc import Iterable

_QUOTES = str.maketrans("", "", "\"'`“”‘’«»„‚")
_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—−", "-"))
MAX_WORDS = 32
"""More words than any command has: what follows is not looked at."""


def split(text: str) -> tuple[str, ...]:
    """Words of a command line: full-width forms, odd spaces, quotes and dashes made plain; `stg:admin` is two words.

    Case is kept: versions are case-sensitive.
    """
    plain = unicodedata.normalize("NFKC", text[:4000]).translate(_QUOTES).translate(_DASHES)
    visible = "".join(" " if unicodedata.category(c) in ("Cc", "Cf", "Zs", "Zl", "Zp") else c for c in plain)
    words: list[str] = []
    for word in visible.split()[:MAX_WORDS]:
        head, colon, tail = word.partition(":")
        if colon and head and tail and "/" not in word and "@" not in word:
            words += [head, tail]
        else:
            words.append(word)
    return tuple(words[:MAX_WORDS])


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
