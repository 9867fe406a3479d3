"""A monitor's group as the scope of a downtime: `env:prd,service:web` → `env:prd AND service:web`. Pure.

Used by bot.datadog.downtimes. Source: docs.datadoghq.com/monitors/downtimes (scope, common search syntax).
"""

import re

EVERYTHING = "*"
"""The group of a monitor that does not alert by tag, and the scope that holds all of it."""
_PLAIN = re.compile(r"[A-Za-z0-9_./@-]+")
_KEY = re.compile(r"[^\W\d][\w./-]*")


def scope_of(group: str) -> str | None:
    """The scope that holds this group and no other; None when there is none, as for a tag without a key.

    Values that could be read as search syntax are quoted.
    """
    if group.strip() in ("", EVERYTHING):
        return EVERYTHING
    terms = [_term(tag) for tag in tags_of(group)]
    return " AND ".join(term for term in terms if term) if all(terms) else None


def tags_of(group: str) -> list[str]:
    """A group's tags. A part without a key goes on with the value before it: values may hold commas."""
    tags: list[str] = []
    for part in group.split(","):
        if tags and not _KEY.fullmatch(part.strip().partition(":")[0] if ":" in part else ""):
            tags[-1] += f",{part}"
        else:
            tags.append(part.strip())
    return tags


def _term(tag: str) -> str:
    key, colon, value = tag.partition(":")
    if not colon or not value or not _KEY.fullmatch(key):
        return ""
    if _PLAIN.fullmatch(value) and value not in ("AND", "OR", "NOT"):
        return f"{key}:{value}"
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'{key}:"{quoted}"'
