"""What an overlay would change in a cluster: rendered at a commit, with the plan's image, against what is there.

Reads and dry runs only. Called when a plan is made, when it is confirmed, and by the release loop before it applies.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.context import Context
from bot.domain.catalog import Target
from bot.domain.images import parse_repository, version_of
from bot.domain.manifests.commits import Commit
from bot.domain.manifests.diff import changed_lines
from bot.domain.manifests.live import cleaned, fingerprint, for_service, with_replicas_of
from bot.domain.manifests.objects import check, containers_of, set_image
from bot.domain.manifests.overlay import (
    MOST_COMMITS,
    CommitNote,
    ObjectChange,
    OverlayPlan,
    Verb,
    content_of,
    short,
)
from bot.domain.release import Plan
from bot.errors import OutsideError, UserError
from bot.kube import objects
from bot.manifests.source import ManifestSource

NAMED_WITHIN_S = 8.0
"""A rollback waits no longer for what is only a word on its card."""
AT_ONCE = 4
"""Dry runs at one time: an API server has other people's requests too."""
COMMIT_MARK = "kajitori/commit"
"""Annotation of the workload: the commit of its overlay that was applied last."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found: the plan's part that people see, and the manifests as they are to be applied, in order."""

    overlay: OverlayPlan
    manifests: tuple[Mapping[str, Any], ...]
    marked: frozenset[str]
    """Objects (`ConfigMap/shop`) that carry the mark asked for: this release has applied them already."""


async def survey(
    ctx: Context, plan: Plan, *, forced: bool, commit: str | None = None, mark: str = "", applied: str = ""
) -> Survey:
    """What applying the overlay would do now; at its branch's newest commit unless one is named.

    `mark`: the release whose marks are looked for. `applied`: the commit that runs, to tell the ones since. Raises
    UserError for an overlay that can't be applied, OutsideError when one of those who are asked does not answer.
    """
    service = ctx.catalog.services[plan.target.service]
    assert service.manifests is not None
    cluster, namespace = ctx.clusters[plan.target.environment], service.workload.namespace
    source = ctx.manifests.source(service)
    at = await source.revision(commit) if commit else await source.latest()
    path = ctx.manifests.path(service, plan.target.environment)
    async with source.checkout(at.sha) as tree:
        rendered = await ctx.manifests.render(tree, path)
    manifests = _prepared(ctx, plan, rendered, namespace, path, at)
    commits = await _since(source, applied, at, path) if applied else ()
    by_autoscaler = await objects.scaled(cluster, namespace)
    by_autoscaler |= {objects.scaled_by(each) for each in manifests if each["kind"] == "HorizontalPodAutoscaler"}
    turn = asyncio.Semaphore(AT_ONCE)

    async def look(manifest: Mapping[str, Any]) -> tuple[ObjectChange, Mapping[str, Any], bool]:
        async with turn:
            live = await objects.get(cluster, manifest)
            fitted = with_replicas_of(manifest, live, scaled=objects.key_of(manifest)[1:] in by_autoscaler)
            is_main = (manifest["kind"].lower(), manifest["metadata"]["name"]) == (
                plan.workload.kind,
                plan.workload.name,
            )
            tried = await objects.trial(cluster, fitted, live, own=plan.container if is_main else "")
        return _change(tried), fitted, bool(mark) and _mark_of(live) == mark

    looked = await asyncio.gather(*(look(manifest) for manifest in manifests))
    keep = {objects.key_of(manifest)[1:] for manifest in manifests}
    left = await objects.left_behind(cluster, namespace, service.name, keep=keep)
    verb = Verb.PRUNE if service.manifests.prune else Verb.LEAVE
    gone = [
        ObjectChange(*objects.key_of(found), verb, live=fingerprint(found))
        for found in sorted(left, key=objects.key_of)
    ]
    overlay = OverlayPlan(
        commit=_note(at),
        overlay=path,
        content=content_of(manifests),
        changes=(*(change for change, _, _ in looked), *gone),
        commits=tuple(_note(each) for each in commits[:MOST_COMMITS]),
        commits_left_out=max(0, len(commits) - MOST_COMMITS),
        forced=forced,
    )
    marked = frozenset(str(change) for change, _, is_marked in looked if is_marked)
    return Survey(overlay, tuple(fitted for _, fitted, _ in looked), marked)


async def named_version(ctx: Context, target: Target) -> str:
    """The version that a service's overlay names at its newest commit; empty when it names none, or none in time."""
    service = ctx.catalog.services[target.service]
    if service.manifests is None:
        return ""
    try:
        async with asyncio.timeout(NAMED_WITHIN_S):
            source = ctx.manifests.source(service)
            async with source.checkout((await source.latest()).sha) as tree:
                rendered = await ctx.manifests.render(tree, ctx.manifests.path(service, target.environment))
    except (UserError, OutsideError, TimeoutError):
        return ""
    images = {str(part.get("image", "")) for each in rendered for part in containers_of(each)}
    named = {version_of(image) for image in images if image.rpartition("@")[0].startswith(f"{service.image}:")}
    named |= {version_of(image) for image in images if "@" not in image and image.startswith(f"{service.image}:")}
    return named.pop() if len(named) == 1 else ""


def refuse_conflicts(overlay: OverlayPlan, where: str) -> None:
    """Raise UserError when applying would overrule others, naming them, unless an operator asked for just that."""
    taken = overlay.conflicts
    if not taken or overlay.forced:
        return
    named = "; ".join(
        f"{change}: " + ", ".join(f"`{conflict.field}` is set by `{conflict.manager}`" for conflict in change.conflicts)
        for change in overlay.changes
        if change.conflicts
    )
    raise UserError(
        "fields_taken",
        f"Others have set fields that the overlay sets too. {named[:1500]}",
        hint=f"Take those fields out of the overlay, or an operator takes them over: /takeover {where} REASON",
    )


def _prepared(
    ctx: Context, plan: Plan, rendered: Sequence[Mapping[str, Any]], namespace: str, path: str, at: Commit
) -> list[Mapping[str, Any]]:
    """The rendered objects, checked, with the image and the service's label, in the order of applying."""
    where = f"The overlay `{path}` at `{short(at.sha)}`"
    faults = check(rendered, namespaces=[namespace])
    if faults:
        raise UserError("bad_overlay", f"{where} can't be applied: " + "; ".join(faults), hint="Mend the overlay.")
    repository = parse_repository(ctx.catalog.services[plan.target.service].image)
    imaged, count = set_image(rendered, repository, plan.to_image)
    main = (plan.workload.kind, plan.workload.name)
    if not any((each["kind"].lower(), each["metadata"]["name"]) == main for each in imaged) or not count:
        raise UserError(
            "bad_overlay",
            f"{where} has no {plan.workload.kind} `{plan.workload.name}` that runs `{repository}`.",
            hint="Mend the overlay, or `workload` and `image` of this service in kajitori.yaml.",
        )
    labelled = [for_service(each, plan.target.service) for each in imaged]
    return objects.in_order(labelled, main)


def _change(tried: objects.Trial) -> ObjectChange:
    key = objects.key_of(tried.after)
    if tried.live is None:
        return ObjectChange(*key, Verb.CREATE, conflicts=tried.conflicts)
    lines = changed_lines(cleaned(tried.live), cleaned(tried.after))
    verb = Verb.CHANGE if lines else Verb.KEEP
    return ObjectChange(*key, verb, lines, fingerprint(tried.live), tried.conflicts)


def _mark_of(live: Mapping[str, Any] | None) -> str:
    annotations = (live or {}).get("metadata", {}).get("annotations") or {}
    return str(annotations.get("kajitori/op-id", ""))


async def _since(source: ManifestSource, applied: str, at: Commit, path: str) -> Sequence[Commit]:
    """The commits since the one that was applied last; none when the repository does not know it any more."""
    if applied == at.sha:
        return ()
    try:
        return await source.commits(applied, at.sha, path.partition("/overlays")[0])
    except (UserError, OutsideError):
        return ()


def _note(commit: Commit) -> CommitNote:
    return CommitNote(commit.sha, commit.title[:120], commit.author[:60])
