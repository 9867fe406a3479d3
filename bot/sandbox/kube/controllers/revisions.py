"""ControllerRevisions: the remembered templates of StatefulSets and DaemonSets. Called by their controllers."""

from bot.sandbox.kube.controllers.base import Tools, controller_ref, draft_of, reference
from bot.sandbox.kube.controllers.template_hash import template_hash
from bot.sandbox.kube.kinds import REVISIONS, Obj

HASH = "controller-revision-hash"  # on pods; a StatefulSet's carry the whole name of their revision there
STATEFUL_HASH = "controller.kubernetes.io/hash"  # on the revisions of StatefulSets, where those of DaemonSets use HASH


def current_revision(tools: Tools, owner: Obj) -> tuple[Obj, list[Obj]]:
    """The revision of the owner's present template, made or moved to the top when needed, and all by number."""
    template = draft_of(owner["spec"]["template"])
    template["$patch"] = "replace"
    content = {"spec": {"template": template}}
    known = sorted(tools.owned(REVISIONS, owner), key=lambda r: number_of(r))
    top = number_of(known[-1]) if known else 0
    found = next((r for r in known if r["data"] == content), None)
    if found is not None:
        if number_of(found) < top:
            draft = draft_of(found)
            draft["revision"] = top + 1
            found = tools.write(REVISIONS, draft)
        return found, sorted(tools.owned(REVISIONS, owner), key=lambda r: number_of(r))
    metadata = owner["metadata"]
    collisions = int((owner.get("status") or {}).get("collisionCount") or 0)
    digest = template_hash(content, collisions)
    while tools.store.get(REVISIONS, metadata["namespace"], f"{metadata['name']}-{digest}"):
        collisions += 1
        digest = template_hash(content, collisions)
    labels = dict((template.get("metadata") or {}).get("labels") or {})
    hash_label = STATEFUL_HASH if owner["kind"] == "StatefulSet" else HASH
    body: Obj = {
        "metadata": {
            "name": f"{metadata['name']}-{digest}", "namespace": metadata["namespace"],
            "labels": {**labels, hash_label: digest}, "ownerReferences": [reference(owner)],
        },
        "data": content,
        "revision": top + 1,
    }  # fmt: skip
    annotations = {k: v for k, v in (metadata.get("annotations") or {}).items()
                   if k != "kubectl.kubernetes.io/last-applied-configuration"}  # fmt: skip
    if annotations:
        body["metadata"]["annotations"] = annotations
    made = tools.create(REVISIONS, body)
    return made, [*known, made]


def number_of(revision: Obj) -> int:
    """Its place among the owner's revisions; clients may have taken the number away."""
    return int(revision.get("revision") or 0)


def trim(tools: Tools, owner: Obj, known: list[Obj], in_use: set[str]) -> None:
    """Forget the oldest revisions beyond the limit that no pod runs."""
    limit = int(owner["spec"].get("revisionHistoryLimit", 10))
    idle = [r for r in known if r["metadata"]["name"] not in in_use]
    for revision in idle[: max(0, len(idle) - limit)]:
        current = tools.store.get(REVISIONS, revision["metadata"]["namespace"], revision["metadata"]["name"])
        if current is not None:
            tools.store.remove(REVISIONS, current)


def mark_of(revision: Obj) -> str:
    """What marks the pods of a revision, under HASH."""
    name = str(revision["metadata"]["name"])
    # By the name, for anybody may have taken away the labels.
    owner = controller_ref(revision)
    return name if owner is not None and owner["kind"] == "StatefulSet" else name.rpartition("-")[2]


def pod_mark(pod: Obj) -> str:
    return str((pod["metadata"].get("labels") or {}).get(HASH, ""))
