"""The batch desk: CronJobs with schedule, runs and buttons; and what is told of what people did there."""

from collections.abc import Sequence
from datetime import datetime

from bot.cards.card import Block, Card, actions, button, confirm, context, section
from bot.cards.mrkdwn import Mrkdwn, bold, clock, code, day_and_time, esc, person
from bot.cards.release import duration
from bot.domain.batches import BatchDesk, CronJob, Run, RunState, failure_words
from bot.domain.images import version_of
from bot.domain.pods.lasting import missed_run
from bot.domain.schedules import Schedule, in_words, read_schedule

MOST = 12
"""CronJobs with buttons in one message: each takes two blocks, and some 500 of the 10,000 characters."""
RUNS = 3
STRAYS = 5
_MARKS = {RunState.RUNNING: "⏳", RunState.SUCCEEDED: "✅", RunState.FAILED: "❌", RunState.HELD: "⏸️"}


def desk_card(desk: BatchDesk, now: datetime) -> Card:
    """The desk of one environment: what went wrong first."""
    ordered = sorted(desk.cron_jobs, key=lambda each: (_rank(each, now), each.name))
    many = len({each.namespace for each in ordered}) > 1
    blocks: list[Block] = []
    for namespace, why in desk.problems.items():
        blocks.append(section(Mrkdwn(f"❔ {code(namespace)} can't be asked: {esc(why, 200)}")))
    for each in ordered[:MOST]:
        blocks.append(section(_cron_job(each, now, with_namespace=many)))
        blocks += actions(f"jobs:{each.namespace}:{each.name}"[:255], _buttons(each, desk))
    if len(ordered) > MOST:
        rest = ordered[MOST:]
        bad = sum(1 for each in rest if _rank(each, now) <= 1)
        trouble = f"{bad} of them in trouble" if bad else "none of them in trouble"
        blocks.append(context(Mrkdwn(f"{len(rest)} more, {trouble}: name a service to see them.")))
    if desk.strays:
        lines = [_stray(run, now) for run in desk.strays[:STRAYS]]
        more = len(desk.strays) - STRAYS
        lines += [Mrkdwn(f"and {more} more")] if more > 0 else []
        blocks.append(section(Mrkdwn("*Jobs without a CronJob*\n" + "\n".join(lines))))
    return Card(_summary(desk, ordered, now), tuple(blocks) or (section(_nothing(desk)),))


def started_card(environment: str, namespace: str, name: str, run: Run) -> Card:
    """To the one who started it: where its log is."""
    text = Mrkdwn(f"▶️ {bold(name)} runs in {bold(environment)} now: Job {code(run.name)}.")
    value = f"{environment}:{namespace}:{name}:"
    blocks = [section(text), *actions(f"job:{run.name}"[:255], [button("Logs", "jobs.logs", value)])]
    return Card(text, (*blocks, context(Mrkdwn(f"How it ends: {code(f'/jobs {environment}')}"))))


def started_line(environment: str, name: str, run: Run, by: str) -> Mrkdwn:
    """Told in the environment's channel."""
    return Mrkdwn(f"▶️ {person(by)} started {bold(name)} in {bold(environment)} by hand: Job {code(run.name)}")


def suspended_line(environment: str, name: str, by: str) -> Mrkdwn:
    """Told in the environment's channel."""
    return Mrkdwn(f"⏸️ {person(by)} suspended {bold(name)} in {bold(environment)}: no run starts until it is resumed")


def resumed_line(environment: str, name: str, by: str, following: datetime | None) -> Mrkdwn:
    """Told in the environment's channel."""
    coming = f": it runs next at {day_and_time(following)}" if following else ""
    return Mrkdwn(f"▶️ {person(by)} resumed {bold(name)} in {bold(environment)}{coming}")


def schedule_of(cron_job: CronJob) -> Schedule:
    """Its schedule, read."""
    return read_schedule(cron_job.sight.schedule, cron_job.sight.timezone)


def _summary(desk: BatchDesk, ordered: Sequence[CronJob], now: datetime) -> Mrkdwn:
    troubled = sum(1 for each in ordered if _rank(each, now) <= 1)
    jobs = f"{len(ordered)} {'CronJob' if len(ordered) == 1 else 'CronJobs'}"
    return Mrkdwn(f"{jobs} in {esc(desk.environment)}, {troubled} of them in trouble")


def _nothing(desk: BatchDesk) -> Mrkdwn:
    return Mrkdwn(f"No CronJob and no Job in the namespaces of {bold(desk.environment)} that I know.")


def _rank(cron_job: CronJob, now: datetime) -> int:
    if cron_job.is_failing:
        return 0
    if _missed(cron_job, now) is not None:
        return 1
    return 2 if cron_job.running else 3 if cron_job.sight.suspended else 4


def _missed(cron_job: CronJob, now: datetime) -> datetime | None:
    blow = missed_run(cron_job.sight, now)
    return blow.at if blow is not None else None


def _cron_job(cron_job: CronJob, now: datetime, *, with_namespace: bool) -> Mrkdwn:
    sight = cron_job.sight
    mark = ("❌", "⚠️", "⏳", "⏸️", "✅")[_rank(cron_job, now)]
    versions = " ".join(code(version_of(image)) for image in sight.images[:1])
    parts = [f"{mark} {bold(cron_job.name)} {versions}".rstrip()]
    if with_namespace:
        parts.append(f"in {code(cron_job.namespace)}")
    parts.append(esc(in_words(schedule_of(cron_job)), 200))
    lines = [" · ".join(parts), _ahead(cron_job, now)]
    missed = _missed(cron_job, now)
    if missed is not None:
        lines.append(f"⚠️ It should have run {day_and_time(missed)} and did not.")
    ended = [run for run in cron_job.runs if run.state is not RunState.RUNNING][:RUNS]
    if ended:
        lines.append("Last: " + " · ".join(_run(run, now) for run in ended))
    elif sight.last_succeeded is not None:
        lines.append(f"Last success: {day_and_time(sight.last_succeeded)}; the cluster keeps no run")
    else:
        lines.append("It has not run yet.")
    return Mrkdwn("\n".join(line for line in lines if line))


def _ahead(cron_job: CronJob, now: datetime) -> str:
    """What runs, and what comes next."""
    told = []
    for run in cron_job.running[:2]:
        by = f", started by {person(run.by)}" if run.by else ", by hand" if run.sight.by_hand else ""
        told.append(f"Runs since {clock(run.begun)} ({duration(run.took_s(now))}{by})")
    if len(cron_job.running) > 2:
        told.append(f"{len(cron_job.running) - 2} more run")
    if cron_job.sight.suspended:
        told.append("*suspended*: no run starts")
    else:
        coming = schedule_of(cron_job).next_runs(now, 2)
        if coming:
            told.append("Next: " + ", then ".join(day_and_time(at) for at in coming))
    return " · ".join(told)


def _run(run: Run, now: datetime) -> str:
    parts = [duration(run.took_s(now))] if run.is_over else []
    why = failure_words(run.sight)
    if why not in ("", "failed"):  # its sign says that it failed
        parts.append(esc(why, 100))
    if run.by:
        parts.append(f"by {person(run.by)}")
    elif run.sight.by_hand:
        parts.append("by hand")
    told = f" ({', '.join(parts)})" if parts else ""
    return f"{_MARKS[run.state]} {day_and_time(run.begun)}{told}"


def _stray(run: Run, now: datetime) -> Mrkdwn:
    return Mrkdwn(f"{code(run.name)} {_run(run, now)}")


def _buttons(cron_job: CronJob, desk: BatchDesk) -> list[Block]:
    value = f"{desk.environment}:{cron_job.namespace}:{cron_job.name}:{cron_job.step}"
    where = f"{bold(cron_job.name)} in {bold(desk.environment)}"
    shown: list[Block] = []
    if cron_job.runs:
        shown.append(button("Logs", "jobs.logs", value))
    if not (cron_job.running and cron_job.sight.concurrency != "Allow"):
        label = "Rerun" if cron_job.is_failing and not cron_job.running else "Run now"
        question = Mrkdwn(f"{where} runs now, once, whatever its schedule says.")
        ask = confirm(f"{label}?", question, label, "Leave it", danger=False) if desk.asks_first else None
        shown.append(button(label, "jobs.run", value, confirm=ask))
    if cron_job.sight.suspended:
        ask = confirm("Resume?", Mrkdwn(f"{where} runs on its schedule again."), "Resume", "Leave it", danger=False)
        shown.append(button("Resume", "jobs.resume", value, confirm=ask if desk.asks_first else None))
    else:
        ask = confirm("Suspend?", Mrkdwn(f"{where} starts no run until somebody resumes it."), "Suspend", "Let it run")
        shown.append(button("Suspend", "jobs.suspend", value, confirm=ask if desk.asks_first else None))
    return shown
