"""Names of one run, in words that both runs share: `admin-rs2-pod` for what a cluster called admin-55648dd9db-r7nhk.

Both sides of a comparison keep one; objects must be shown to it in the order in which the cluster made them.
"""

import re
from typing import Any

from tests.sandbox.replay.recording import Json

_UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_ADDRESS = re.compile(r"\b10(\.\d{1,3}){3}\b")
_TOO_OLD = re.compile(r"(too old resource version: \d+) \(\d+\)")
_HASH = re.compile(r"\?hash=[0-9A-F]+")
_AGE = re.compile(r"\d+s")
_VOLUME = re.compile(r"kube-api-access-\w{5}")
_EVENT = re.compile(r"\.[0-9a-f]{12,}$")
_STEADY_TIMES = ("2026-11-23T00:00:00Z",)  # the client's own words
# Any value will do where the other run has one too.
_ANY = {"resourceVersion", "continue", "token", "containerID", "imageID", "podIP", "hostIP", "ip", "clusterIP", "hash",
        "reportingInstance", "serverAddress", "topology.kubernetes.io/zone"}  # fmt: skip
# How many pods are still ending at the moment of a read is a matter of milliseconds.
_PASSING = {"terminatingReplicas"}


class Names:
    """Translates what one run calls its objects."""

    def __init__(self) -> None:
        self._labels: dict[str, str] = {}  # generated name, or hash: shared name
        self._uids: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        self._pattern = re.compile(r"(?!)")
        self.pods: dict[str, list[str]] = {}  # names of a controller's pods, oldest first

    def see(self, obj: Json) -> None:
        """Learn the name of an object; of one that is known, nothing."""
        metadata, kind = obj.get("metadata") or {}, obj.get("kind", "")
        uid, name = metadata.get("uid"), metadata.get("name", "")
        node = (obj.get("spec") or {}).get("nodeName") if kind == "Pod" else None
        if node and node not in self._labels:
            self._labels[node] = "node"
            self._compile()
        if not uid or uid in self._uids or kind == "Event":
            return
        owner = next((self.plain(ref["name"]) for ref in metadata.get("ownerReferences") or []), None)
        label = name
        if kind == "ReplicaSet" and owner:
            self._counts[owner] = self._counts.get(owner, 0) + 1
            label = f"{owner}-rs{self._counts[owner]}"
            digest = metadata.get("labels", {}).get("pod-template-hash", "")
            self._labels.setdefault(digest, f"hash{len(self._labels)}")
        elif kind == "Pod" and owner:
            label = f"{owner}-pod"
            self.pods.setdefault(owner, []).append(name)
        self._uids[uid] = f"uid of {kind} {label}"
        if label != name:
            self._labels[name] = label
        self._compile()

    def _compile(self) -> None:
        ordered = sorted(filter(None, self._labels), key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, ordered)) or r"(?!)")

    def plain(self, value: Any, key: str = "") -> Any:
        """A body in shared words: no uid, no time, no address of this run."""
        if isinstance(value, dict):
            return {self._text(k): self.plain(v, k) for k, v in value.items()}
        if isinstance(value, list):
            return [self.plain(item, key) for item in value]
        if key in _PASSING and isinstance(value, int):
            return "some"
        if not isinstance(value, str):
            return value
        if key == "cells" and _AGE.fullmatch(value):
            return "an age"
        return f"some {key}" if key in _ANY and value else self._text(value)

    def _text(self, text: str) -> str:
        text = _UID.sub(lambda m: self._uids.get(m.group(), "a uid"), text)
        if text not in _STEADY_TIMES:
            text = _TIME.sub(lambda m: "time in microseconds" if m.group(1) else "time", text)
        text = _VOLUME.sub("kube-api-access-*", _TOO_OLD.sub(r"\1 (some)", _ADDRESS.sub("an address", text)))
        text = _HASH.sub("?hash=", text)
        return _EVENT.sub(".*", self._pattern.sub(lambda m: self._labels[m.group()], text))
