"""What people may ask of a story of pods: its log, a restart, the way back, silence. Called by handlers.pods."""

from datetime import datetime, timedelta

from bot.context import Context
from bot.domain.batches import Run
from bot.domain.catalog import Place, Target
from bot.domain.logs import LogTail
from bot.domain.names import ChannelId, UserId
from bot.domain.pods import Story, SubjectKind
from bot.domain.pods.desk import RESTARTABLE
from bot.domain.release import Release
from bot.errors import UserError
from bot.store import audit, pods
from bot.store import releases as release_rows
from bot.usecases import jobs, planning, releases
from bot.usecases.orders import Order
from bot.usecases.pods import tail_of

SILENCE = timedelta(hours=1)
_FRESH = "Use the buttons that its message shows now."


async def logs(ctx: Context, value: str) -> tuple[LogTail, Story]:
    """The log of the pod that the story shows; when that pod is gone, what was kept of its last words."""
    story = await _story(ctx, value)
    tail = await tail_of(ctx, story.environment, story.subject.namespace, story.pod, story.container)
    if not tail.lines and story.log_tail:
        tail = LogTail(story.pod, story.container, story.log_tail, previous=True)
    return tail, story


async def restart(ctx: Context, value: str, *, key: str, by: UserId, asked_in: ChannelId) -> Release:
    """New pods of the same version, by a release of the house. Raises UserError for a workload that is no service."""
    story = await _open(ctx, value)
    if story.service is None or story.subject.kind not in RESTARTABLE:
        subject = story.subject
        raise UserError(
            "no_service",
            f"The {subject.kind} `{subject.name}` is no service of kajitori.yaml, so I may not restart it.",
            hint=f"kubectl rollout restart {subject.kind}/{subject.name} -n {subject.namespace}, or add it there.",
        )
    plan = await planning.plan_restart(ctx, Target(story.environment, story.service))
    return await releases.request(ctx, plan, key=key, by=by, asked_in=asked_in)


async def roll_back(ctx: Context, value: str, *, key: str, by: UserId, asked_in: ChannelId) -> Release:
    """Undo the release that the story names, as the Roll back button of its own card does."""
    story = await _open(ctx, value)
    former = None
    if story.release is not None:
        async with ctx.database.read() as connection:
            former = await release_rows.get(connection, story.release.id)
    if former is None:
        raise UserError("no_such_release", "I don't know the release that this message names.", hint="/releases")
    plan = await planning.plan_undo(ctx, former)
    return await releases.request(ctx, plan, key=key, by=by, asked_in=asked_in, follows=former)


async def run_again(ctx: Context, value: str, *, key: str, by: UserId, asked_at: datetime) -> tuple[Order, Run]:
    """Start a batch job that failed, or that missed its start, once more."""
    story = await _story(ctx, value)
    if story.subject.kind is not SubjectKind.CRONJOB:
        text = f"The Job `{story.subject.name}` belongs to no CronJob, so there is no template to run it from."
        raise UserError("no_such_job", text, hint="Make it again where it came from.")
    order = Order(story.environment, story.subject.namespace, story.subject.name)
    return order, await jobs.run_again(ctx, order, key=key, by=by, asked_at=asked_at)


async def silence(ctx: Context, value: str, *, by: UserId) -> Story:
    """Tell nobody of this workload for an hour; what happens to it is on record all the same."""
    story, now = await _story(ctx, value), ctx.clock()
    async with ctx.database.write() as connection:
        await pods.silence(connection, story.environment, story.subject, until=now + SILENCE, by=by, now=now)
        await audit.append(connection, _entry(ctx, story, by, "pods.silence"))
    ctx.bells.pods.ring()
    return story


async def unsilence(ctx: Context, value: str, *, by: UserId) -> Story:
    """Tell of this workload again."""
    story = await _story(ctx, value)
    async with ctx.database.write() as connection:
        if await pods.unsilence(connection, story.environment, story.subject):
            await audit.append(connection, _entry(ctx, story, by, "pods.unsilence"))
    ctx.bells.pods.ring()
    return story


async def place_of(ctx: Context, value: str) -> Place:
    """Where the pods of a button's story are; the service of a workload that is none of ours is not known."""
    story = await _story(ctx, value)
    return Place(story.environment, story.service)


def _entry(ctx: Context, story: Story, by: UserId, action: str) -> audit.Entry:
    target = f"{story.environment}/{story.subject}"
    return audit.Entry(ctx.clock(), by, action, target, audit.AuditPhase.RESULT, "", story.id)


async def _story(ctx: Context, value: str) -> Story:
    """The story of a button, however old the button is."""
    story_id, step = value.partition(":")[::2]
    if len(story_id) != 26 or not story_id.isalnum() or not step.isdecimal() or len(step) > 9:
        raise UserError("bad_button", "I don't know what this button means.", hint="Use the command instead.")
    async with ctx.database.read() as connection:
        story = await pods.get(connection, story_id)
    if story is None:
        raise UserError("no_such_story", "I no longer know what this message tells of.", hint="/pods")
    return story


async def _open(ctx: Context, value: str) -> Story:
    """The story of a button that changes pods: open, and as it was when the button was drawn.

    A request that runs again after a crash may be refused here; the inbox then finds the release that it made.
    """
    story = await _story(ctx, value)
    if not story.is_open:
        raise UserError("story_over", "That is over already: it healed.", hint=_FRESH)
    if str(story.step) != value.partition(":")[2]:
        raise UserError(
            "stale_button", "This button is out of date: more has happened since it was drawn.", hint=_FRESH
        )
    return story
