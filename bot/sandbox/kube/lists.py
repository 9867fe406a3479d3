"""Lists: selection, pages with `continue`, resourceVersion rules. Called by `reads`; tables are made in `tables`."""

import base64
import json
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from bot.sandbox.kube.kinds import Obj
from bot.sandbox.kube.paths import Target
from bot.sandbox.kube.selectors import Matcher, field_selector, label_selector
from bot.sandbox.kube.status import ApiError, bad_request, expired, expired_continue
from bot.sandbox.kube.store import Store
from bot.sandbox.kube.wire import number, version_number

SNAPSHOTS = 64  # lists whose later pages can still be asked for


def matcher(target: Target, query: Mapping[str, str]) -> Matcher:
    """One test of labels, fields, namespace and name."""
    labels, fields = query.get("labelSelector", ""), query.get("fieldSelector", "")
    tests: list[Matcher] = []
    if target.namespace:
        tests.append(lambda obj: obj["metadata"].get("namespace") == target.namespace)
    if target.name:
        tests.append(lambda obj: obj["metadata"]["name"] == target.name)
    if labels:
        tests.append(label_selector(labels))
    if fields:
        tests.append(field_selector(target.resource, fields))
    match tests:
        case []:
            return lambda _: True
        case [only]:
            return only
        case _:
            return lambda obj: all(test(obj) for test in tests)


@dataclass(frozen=True, slots=True)
class Page:
    """A slice of a list."""

    items: list[Obj]
    version: int
    next_token: str = ""
    remaining: int | None = None


class Lists:
    """Lists of one cluster, with snapshots for their later pages."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._snapshots: OrderedDict[tuple[int, str, str, str], list[Obj]] = OrderedDict()

    def page(self, target: Target, query: Mapping[str, str]) -> Page:
        limit = number(query, "limit") or 0
        token = query.get("continue", "")
        key = (target.resource.full_name, target.namespace, _selection(query))
        if token:
            version, start = _read_token(token)
            snapshot = self._snapshots.get((version, *key))
            if snapshot is None:
                raise expired_continue()
            items = snapshot[bisect_left(snapshot, start, key=lambda obj: _position(target, obj)) :]
        else:
            self._check_version(query)
            version = self._store.version
            chosen = matcher(target, query)
            items = list(filter(chosen, self._store.all_of(target.resource, target.namespace)))
        if not limit or len(items) <= limit:
            return Page(items, version)
        self._snapshots[(version, *key)] = items if not token else self._snapshots[(version, *key)]
        while len(self._snapshots) > SNAPSHOTS:
            self._snapshots.popitem(last=False)
        shown = items[:limit]
        has_selector = bool(query.get("labelSelector") or query.get("fieldSelector"))
        remaining = None if has_selector else len(items) - limit
        return Page(shown, version, _token(version, _position(target, shown[-1]) + "\0"), remaining)

    def expire(self) -> None:
        """Forget all snapshots: every `continue` token answers 410."""
        self._snapshots.clear()

    def _check_version(self, query: Mapping[str, str]) -> None:
        text = query.get("resourceVersion", "")
        match = query.get("resourceVersionMatch", "")
        if match and not text:
            raise bad_request("resourceVersionMatch is forbidden unless resourceVersion is provided")
        if match not in ("", "Exact", "NotOlderThan"):
            raise bad_request(f'resourceVersionMatch: Unsupported value: "{match}"')
        if not text:
            return
        version = version_number(text)
        if version > self._store.version:
            raise too_large(version, self._store.version)
        if match == "Exact" and version != self._store.version:
            raise expired(version, self._store.version)


def too_large(version: int, current: int) -> ApiError:
    causes = [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]
    message = f"Timeout: Too large resource version: {version}, current: {current}"
    return ApiError(504, "Timeout", message, {"causes": causes, "retryAfterSeconds": 1})


def _selection(query: Mapping[str, str]) -> str:
    return json.dumps([query.get("labelSelector", ""), query.get("fieldSelector", "")])


def _position(target: Target, obj: Obj) -> str:
    metadata = obj["metadata"]
    if target.namespace or not target.resource.namespaced:
        return "/" + str(metadata["name"])
    return f"{metadata['namespace']}/{metadata['name']}"


def _token(version: int, start: str) -> str:
    text = json.dumps({"v": "meta.k8s.io/v1", "rv": version, "start": start}, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read_token(token: str) -> tuple[int, str]:
    prefix = "invalid continue token: continue key is not valid: "
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except ValueError as error:
        raise bad_request(f"{prefix}illegal base64 data at input byte 0") from error
    if not raw.startswith(b"{"):
        first = raw[0] if raw else 0
        shown = chr(first) if 32 <= first < 127 else f"\\u{first:04x}"
        raise bad_request(f"{prefix}invalid character '{shown}' looking for beginning of value")
    try:
        parsed = json.loads(raw)
        return int(parsed["rv"]), str(parsed["start"])
    except (ValueError, KeyError, TypeError) as error:
        raise bad_request(f"{prefix}{error}") from error


def list_metadata(page: Page) -> Obj:
    """The metadata of a page's `…List` object."""
    metadata: Obj = {"resourceVersion": str(page.version)}
    if page.next_token:
        metadata["continue"] = page.next_token
        if page.remaining is not None:
            metadata["remainingItemCount"] = page.remaining
    return metadata
