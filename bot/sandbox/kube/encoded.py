"""Objects as bytes of JSON, kept while they are the present ones: a list or the fifth watcher need not encode again.

Used by `reads` and `watch`. It relies on stored objects never being changed: an entry is for that very object.
"""

from bot.sandbox.kube.kinds import Obj, Resource
from bot.sandbox.kube.wire import dumps

MOST = 16_384  # objects kept, the least recently encoded fall out: some 80 MB of pods


class Encoded:
    """The encoded objects of one cluster."""

    def __init__(self, most: int = MOST) -> None:
        self._kept: dict[str, tuple[Obj, bytes]] = {}
        self._most = most

    def whole(self, obj: Obj) -> bytes:
        """A stored object, without a line's end."""
        version = obj["metadata"].get("resourceVersion", "")
        kept = self._kept.get(version)
        if kept is not None and kept[0] is obj:
            return kept[1]
        raw = dumps(obj).removesuffix(b"\n")
        if version:
            self._kept[version] = (obj, raw)
            if len(self._kept) > self._most:
                del self._kept[next(iter(self._kept))]
        return raw

    def item(self, resource: Resource, obj: Obj) -> bytes:
        """A stored object as a list shows it: without kind and apiVersion."""
        raw = self.whole(obj)
        head = f'{{"kind":"{resource.kind}","apiVersion":"{resource.api_version}",'.encode()
        if raw.startswith(head):
            return b"{" + raw[len(head) :]
        return dumps({k: v for k, v in obj.items() if k not in ("kind", "apiVersion")}).removesuffix(b"\n")

    def event(self, change: str, obj: Obj) -> bytes:
        """A stored object as a line of a watch."""
        return b'{"type":"%s","object":%s}\n' % (change.encode(), self.whole(obj))
