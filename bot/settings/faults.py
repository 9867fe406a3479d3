"""What can be wrong with the configuration, and the error that carries all of it at once.

Found by every file of this package, printed by `kajitori check` and at the start. A fault never quotes a secret.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from bot.errors import KajitoriError

ENVIRONMENT = "environment"
"""Stands where a file's name would, for faults in environment variables."""

# Tokens of Slack, keys of Datadog (hex) and passwords in URLs: never repeated, wherever somebody put them.
_SECRET = re.compile(r"xox[a-z]|xapp|xoxe|[0-9a-fA-F]{30,}|://[^/\s]*@|bearer|-----BEGIN|eyJ[\w-]{8}", re.IGNORECASE)
_LONGEST_QUOTE = 100


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing that is wrong, where, and what would be right."""

    file: str
    """Path as given, or `environment`."""
    line: int
    """Counted from 1; 0 when no line is to blame (a file that is missing, a variable)."""
    key: str
    """Path of keys, `services.admin.namespace`, or the variable's name; empty for the whole file."""
    problem: str
    """What is the case, without a full stop."""
    remedy: str
    """What would be right, an order or an example."""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        subject = f"{place}: {self.key}" if self.key else place
        return f"{subject}: {self.problem}. {self.remedy}"


class SettingsError(KajitoriError):
    """The configuration can't be used. `faults` are all that were found, in the order of the file."""

    exit_code = 2

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__(faults)
        self.faults = faults

    def __str__(self) -> str:
        count = len(self.faults)
        head = "1 fault in the configuration:" if count == 1 else f"{count} faults in the configuration:"
        return "\n".join([head, *(f"  {fault}" for fault in self.faults)])


def shown(value: str) -> str:
    """A value as a fault may quote it: short, printable, and never something that looks like a secret."""
    if _SECRET.search(value):
        return "(hidden: it looks like a secret)"
    clean = "".join(character if character.isprintable() and character != "`" else "?" for character in value)
    return f"`{clean[:_LONGEST_QUOTE]}…`" if len(clean) > _LONGEST_QUOTE else f"`{clean}`"


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """`Did you mean `x`?`, or what there is to choose from; empty when there is nothing."""
    if not known:
        return ""
    close = get_close_matches(name.lower(), known, n=1, cutoff=0.6)
    if close:
        return f"Did you mean `{close[0]}`?"
    listed = ", ".join(f"`{each}`" for each in known[:12])
    return f"Known here: {listed}" + (" and more" if len(known) > 12 else "")
