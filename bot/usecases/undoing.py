"""A rollback made in Git too: a branch whose one commit names the version that runs again. Nobody's branch is moved."""

from bot.cards.answers import note_card
from bot.cards.mrkdwn import Mrkdwn, code, esc, person
from bot.cards.release import subject_of
from bot.context import Context
from bot.domain.manifests.kustomization import FILES, with_tag
from bot.domain.names import UserId
from bot.domain.release import Release
from bot.errors import UserError
from bot.store import audit, outbox
from bot.usecases.releases import channel_of


async def open_branch(ctx: Context, release: Release, *, by: UserId) -> str:
    """Push the branch and say so in the release's thread; where it is. The same again is the same branch.

    Raises UserError when there is nothing to undo, or when the file does not name the version in one line.
    """
    plan = release.plan
    service = ctx.catalog.services[plan.target.service]
    if not plan.is_undone_by_overlay:
        raise UserError("nothing_to_undo", "The overlay does not name the version that was taken back.", hint="/status")
    source, folder = ctx.manifests.source(service), ctx.manifests.path(service, plan.target.environment)
    latest = await source.latest()
    async with source.checkout(latest.sha) as tree:
        name = next((name for name in FILES if (tree / folder / name).is_file()), FILES[0])
        path = tree / folder / name
        text = path.read_text() if path.is_file() else ""
    changed = with_tag(text, plan.from_version, plan.to_version)
    if changed is None:
        raise UserError(
            "no_such_line",
            f"`{folder}/{name}` does not name `{plan.from_version}` in a line of its own, so I leave it to you.",
            hint=f"Commit the version {plan.to_version} there.",
        )
    branch = f"kajitori/{plan.target.environment}-{plan.target.service}-{release.id[-6:].lower()}"
    title = f"Put {plan.target.service} back to {plan.to_version} in {plan.target.environment}"
    who = (await ctx.directory.person(by, stale_ok=True)).name
    message = f"{title}\n\n{plan.from_version} was rolled back by release {release.id}.\n"
    where = await source.push_branch(branch, latest.sha, {f"{folder}/{name}": changed.encode()}, message, who)
    await _tell(ctx, release, branch, where, by)
    return where


async def _tell(ctx: Context, release: Release, branch: str, where: str, by: UserId) -> None:
    now = ctx.clock()
    line = Mrkdwn(f"🌿 {person(by)} opened the branch {code(branch)}: {esc(where)}")
    draft = outbox.Draft(
        kind=outbox.OutboxKind.CARD,
        channel=channel_of(ctx, release.target) or release.asked_in or "",
        body=note_card(line).body(),
        subject=f"branch:{release.id}",
        thread_subject=subject_of(release),
    )
    async with ctx.database.write() as connection:
        entry = audit.Entry(now, by, "release.branch", str(release.target), audit.AuditPhase.RESULT, branch, release.id)
        await audit.append(connection, entry)
        await outbox.add(connection, draft, now=now)
    ctx.bells.outbox.ring()
