"""A readable diff of one object: a line for each field that would change, named by its path as people say it.

Pure. Lists are compared by the key that Kubernetes merges them by, so that a container that moved is no change.
"""

import difflib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bot.domain.redaction import redact

MERGE_KEYS = ("name", "mountPath", "containerPort", "port", "type", "ip", "topologyKey", "key", "uid")
"""What names an entry of a list, first match wins; as Kubernetes' own merge keys, apart from lists of plain values."""
LONGEST_VALUE = 160
"""Characters of a value: a line is for reading."""
MOST_LINES = 60
"""Lines for one object: whoever changes more reads the commit."""
_TEMPLATE = ("spec.jobTemplate.spec.template.spec.", "spec.template.spec.", "spec.")

HIDDEN = "•••"
_SECRET = re.compile(r"passw|secret|token|credential|private|api_?key|dsn\b", re.IGNORECASE)

Path = tuple[str, ...]


def changed_lines(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    """`~ containers[admin].image: a → b`, `+ …`, `- …`, in the order of the fields; empty when nothing would change."""
    lines = list(_compare((), before, after))
    left = len(lines) - MOST_LINES
    return tuple(lines if left <= 0 else [*lines[:MOST_LINES], f"… {left} more lines"])


def _compare(path: Path, before: Any, after: Any) -> Iterator[str]:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys(), key=str):
            yield from _entry((*path, str(key)), before.get(key), after.get(key), key in before, key in after)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _lists(path, before, after)
    elif isinstance(before, str) and isinstance(after, str) and ("\n" in before or "\n" in after):
        yield from _texts(path, before, after)
    else:
        yield f"~ {_told(path)}: {_value(path, before)} → {_value(path, after)}"


def _entry(path: Path, before: Any, after: Any, had: bool, has: bool) -> Iterator[str]:
    if had and has:
        yield from _compare(path, before, after)
    elif has:
        yield from _whole("+", path, after)
    else:
        yield from _whole("-", path, before)


def _whole(sign: str, path: Path, value: Any) -> Iterator[str]:
    """Something that comes or goes as a whole: small things on one line, large ones by their parts."""
    if isinstance(value, dict) and value and len(json.dumps(value)) > LONGEST_VALUE:
        for key in sorted(value, key=str):
            yield from _whole(sign, (*path, str(key)), value[key])
    else:
        yield f"{sign} {_told(path)}: {_value(path, value)}"


def _lists(path: Path, before: Sequence[Any], after: Sequence[Any]) -> Iterator[str]:
    key = _merge_key(before, after)
    if key is None:
        if all(not isinstance(each, dict | list) for each in (*before, *after)):
            yield f"~ {_told(path)}: {_value(path, before)} → {_value(path, after)}"
            return
        for index in range(max(len(before), len(after))):
            had, has = index < len(before), index < len(after)
            old, new = before[index] if had else None, after[index] if has else None
            yield from _entry((*path, f"[{index}]"), old, new, had, has)
        return
    old_ones = {str(each[key]): each for each in before}
    new_ones = {str(each[key]): each for each in after}
    for name in dict.fromkeys([*old_ones, *new_ones]):
        had, has = name in old_ones, name in new_ones
        yield from _entry((*path, f"[{name}]"), old_ones.get(name), new_ones.get(name), had, has)


def _merge_key(before: Sequence[Any], after: Sequence[Any]) -> str | None:
    """The key that every entry has, and that names each once in its list."""
    entries = [*before, *after]
    if not entries or not all(isinstance(each, dict) for each in entries):
        return None
    for key in MERGE_KEYS:
        if all(key in each for each in entries) and all(
            len({str(each[key]) for each in side}) == len(side) for side in (before, after)
        ):
            return key
    return None


def _texts(path: Path, before: str, after: str) -> Iterator[str]:
    """A file within a ConfigMap: its changed lines."""
    yield f"~ {_told(path)}:"
    for line in difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm=""):
        if not line.startswith(("---", "+++", "@@")):
            yield f"    {line[0]} {_cut(redact(line[1:]))}"


def _told(path: Path) -> str:
    """`containers[admin].image`: without the way to the pod's spec, which says nothing to its reader."""
    text = ".".join(path).replace(".[", "[")
    for way in _TEMPLATE:
        if text.startswith(way):
            return text.removeprefix(way)
    return text


def _value(path: Path, value: Any) -> str:
    """A value in a line; hidden where its path says that it is secret, whatever it looks like."""
    if any(_SECRET.search(step) for step in path):
        return HIDDEN
    return _cut(redact(value if isinstance(value, str) and value else _compact(value)))


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"
