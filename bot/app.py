"""The composition root: settings become adapters, adapters a Context; handlers and loops run on it until told to stop.

Knows every part; holds no rule. Parts are started so that nothing is acknowledged before it can be kept, and stopped
in the opposite order: first no new requests, then what was begun, then the connections.
"""

import asyncio
import gc
import os
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import aiohttp
import structlog
from aiohttp import web

from bot import failpoints
from bot.cards.alert_words import DATADOG_HOSTS
from bot.context import Bell, Context
from bot.datadog.client import Datadog
from bot.datadog.template import PATH as WEBHOOK_PATH
from bot.domain.alert import AlertRoute, AlertRoutes
from bot.domain.canary.queries import NumberQueries
from bot.errors import KajitoriError
from bot.inbound.flood import FloodGate
from bot.inbound.health import STALE_S, Gate, Health
from bot.inbound.intake import BUDGET_S, Intake
from bot.inbound.slack.dispatch import BoltDispatch
from bot.inbound.slack.http import SERVER_OPTIONS, SlackHttp
from bot.inbound.slack.socket import SlackSocket
from bot.inbound.webhooks import DatadogWebhook
from bot.kube.clients import Clusters
from bot.manifests import GitLogin, Manifests, Place, Renderer, find_binary, find_git, sources
from bot.reconcile.alerts import AlertLoop, Poller
from bot.reconcile.anchors import EVERY_S as ANCHOR_EVERY_S
from bot.reconcile.anchors import AnchorLoop
from bot.reconcile.emergencies import EmergencyLoop
from bot.reconcile.freezes import FreezeLoop
from bot.reconcile.handlings import HandlingLoop
from bot.reconcile.holds import HoldLoop
from bot.reconcile.inbox import InboxLoop
from bot.reconcile.loop import turn_forever
from bot.reconcile.markers import MarkerLoop
from bot.reconcile.oncall import OnCallLoop
from bot.reconcile.outbox import OutboxLoop
from bot.reconcile.pods import PodLoop
from bot.reconcile.releases import ReleaseLoop
from bot.reconcile.retention import EVERY_S, RetentionLoop
from bot.registry import Registry, docker_config_file
from bot.router import Router
from bot.settings import Settings, SlackMode
from bot.slack.client import SlackClient, open_session
from bot.slack.directory import Directory
from bot.slack.forms import Forms
from bot.slack.identity import warm_auth
from bot.slack.limits import Limiter
from bot.slack.messages import Messages
from bot.slack.topics import Topics
from bot.store.db import Database
from bot.store.migrate import migrate

log = structlog.get_logger()
DRAIN_S = 20.0
"""For what was begun before the stop; Kubernetes kills after 30 s, and closing takes some too."""


class CannotListen(KajitoriError):
    """The address of the configuration can't be had."""


@dataclass(slots=True)
class App:
    """A running bot. `port` is where health is served, for a configuration that left it to the system."""

    ctx: Context
    health: Health
    port: int


async def run(
    settings: Settings, router: Router, *, stop: asyncio.Event | None = None, ack_budget_s: float = BUDGET_S
) -> None:
    """Run until `stop` is set, or SIGTERM or SIGINT arrives. Raises what brought a part down. More: `started`."""
    stopping = stop or asyncio.Event()
    if stop is None:
        for signum in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(signum, stopping.set)
    if failpoints.armed():
        log.warning("failpoints.armed", names=failpoints.armed())
    up = asyncio.Event()
    living = asyncio.create_task(_live(settings, router, up, stopping, ack_budget_s), name="app")
    told = asyncio.create_task(stopping.wait())
    await asyncio.wait({living, told}, return_when=asyncio.FIRST_COMPLETED)
    told.cancel()
    if up.is_set() or living.done():
        await living
        return
    # Still starting, perhaps waiting for a Slack that does not answer: nothing was taken in that has to be drained.
    living.cancel()
    with suppress(asyncio.CancelledError):
        await living


async def _live(
    settings: Settings, router: Router, up: asyncio.Event, stopping: asyncio.Event, ack_budget_s: float
) -> None:
    async with started(settings, router, ack_budget_s=ack_budget_s) as app:
        # What was imported and composed lives as long as we do: full collections need not look at it, and stay short.
        gc.freeze()
        log.info("started", port=app.port, environments=list(settings.catalog.environments))
        up.set()
        await stopping.wait()
        log.info("stopping")


@asynccontextmanager
async def started(settings: Settings, router: Router, *, ack_budget_s: float = BUDGET_S) -> AsyncIterator[App]:
    """A bot at work inside the block; drained and closed after it. A part's crash ends the block with its error.

    `ack_budget_s`: how long a request may wait for its transaction before it is refused; longer where nobody waits.
    """
    async with AsyncExitStack() as stack:
        health, gate, webhook = Health(), Gate(), Gate()
        awake = asyncio.Event()
        health.checks["start"] = lambda: "" if awake.is_set() else "starting, or stopping"
        port = await _serve(settings, health, gate, webhook, stack)
        session = await stack.enter_async_context(open_session())
        # A writer gives up before the request that waits for it does.
        database = Database(settings.database_url.reveal(), patience_s=0.8 * ack_budget_s)
        stack.push_async_callback(database.close)
        slack = SlackClient(token=settings.slack.bot_token.reveal(), api_url=settings.slack.api_url, session=session)
        identity_task = asyncio.create_task(warm_auth(slack))
        stack.callback(identity_task.cancel)
        await migrate(database)
        clusters = Clusters.load(settings.catalog.environments, settings.kubeconfig)
        stack.push_async_callback(clusters.close)
        plain = await stack.enter_async_context(aiohttp.ClientSession())
        identity = await identity_task
        ctx = Context(
            catalog=settings.catalog,
            database=database,
            clusters=clusters,
            registry=Registry(plain, docker_config_file(os.environ)),
            directory=Directory(slack),
            messages=Messages(slack),
            forms=Forms(slack),
            timezone=settings.timezone,
            ops_channel=settings.slack.ops_channel,
            team=identity.team_id,
            bot_user=identity.bot_user_id,
            clock=lambda: datetime.now(UTC),
            worker=f"{socket.gethostname()}-{os.getpid()}",
            pods_channel=settings.pods_channel,
            datadog=_datadog(settings, stack),
            oncall=settings.oncall,
            numbers=settings.datadog.numbers if settings.datadog else NumberQueries(),
            topics=Topics(slack),
            link_hosts=_link_hosts(settings),
            alert_routes=_alert_routes(settings),
            workspace_url=identity.url,
            manifests=await _manifests(settings, stack),
        )
        group = await stack.enter_async_context(asyncio.TaskGroup())
        await _start_loops(ctx, router, health, group, stack)
        _watch_pods(settings, ctx, health, group, stack)
        _take_alerts(settings, ctx, health, webhook, group, stack)
        flood = FloodGate(
            person_per_minute=settings.slack.person_per_minute,
            workspace_per_minute=settings.slack.workspace_per_minute,
        )
        intake = Intake(ctx, router, flood=flood, budget_s=ack_budget_s)
        _open_doors(settings, intake, session, health, gate, group, stack)
        awake.set()
        stack.callback(awake.clear)
        if ctx.datadog is not None:
            # Whether the keys work is for the log: a bot whose Datadog is away is ready all the same.
            greeting = group.create_task(ctx.datadog.greet(), name="datadog")
            stack.callback(greeting.cancel)
        warming = group.create_task(ctx.manifests.warm(), name="manifests")
        stack.callback(warming.cancel)
        yield App(ctx, health, port)


def _link_hosts(settings: Settings) -> frozenset[str]:
    """Datadog's own hosts, those that the configuration names, and where the variables say that Datadog is."""
    of = settings.datadog
    if of is None:
        return DATADOG_HOSTS
    given = (urlsplit(url) for url in (of.api_url, of.app_url) if url)
    return DATADOG_HOSTS | {of.site, *of.link_hosts} | {f"{url.scheme}://{url.netloc}" for url in given}


def _datadog(settings: Settings, stack: AsyncExitStack) -> Datadog | None:
    """The adapter, closed with the stack."""
    of = settings.datadog
    if of is None or of.api_key is None:
        return None
    datadog = Datadog(
        site=of.site,
        api_key=of.api_key.reveal(),
        app_key=of.app_key.reveal() if of.app_key else None,
        api_url=of.api_url,
        oncall_url=of.oncall_url,
        app_url=of.app_url,
    )
    stack.push_async_callback(datadog.close)
    return datadog


async def _manifests(settings: Settings, stack: AsyncExitStack) -> Manifests:
    """Where overlays come from, with clones beside the database; with a database elsewhere, in a folder for this run.

    What is missing on this machine is logged: only releases of overlays need it.
    """
    if not settings.repositories:
        return Manifests()
    git = settings.git
    kustomize, program = find_binary(git.kustomize), find_git()
    if kustomize is None or program is None:
        log.warning("manifests.programs_missing", kustomize=str(kustomize), git=str(program))
    file = settings.database_url.reveal().removeprefix("sqlite:///")
    if file in (settings.database_url.reveal(), ":memory:"):
        home = Path(stack.enter_context(TemporaryDirectory(prefix="kajitori-manifests-", ignore_cleanup_errors=True)))
    else:
        home = await asyncio.to_thread(Path(file).resolve)
        home = home.parent / "manifests"
    places = {name: Place(each.url, each.directory, each.branch) for name, each in settings.repositories.items()}
    login = GitLogin(git.username, git.token.reveal() if git.token else "", git.ssh_key, git.known_hosts)
    return Manifests(sources(places, login, home, program=program), Renderer(kustomize) if kustomize else None)


def _alert_routes(settings: Settings) -> AlertRoutes:
    of = settings.datadog
    if of is None:
        return AlertRoutes()
    routes = (AlertRoute(frozenset(tag.lower() for tag in route.match), route.channel) for route in of.routes)
    return AlertRoutes(of.channel, tuple(routes))


async def _serve(settings: Settings, health: Health, gate: Gate, webhook: Gate, stack: AsyncExitStack) -> int:
    """Listen before anything else is there, and after everything else is gone; the port that is listened on."""
    web_app = web.Application()
    web_app.add_routes(health.routes())
    if settings.slack.mode is SlackMode.HTTP:
        web_app.add_routes([web.post("/slack/events", gate.handle)])
    if settings.datadog is not None and settings.datadog.webhook_secrets:
        web_app.add_routes([web.post(WEBHOOK_PATH, webhook.handle)])
    runner = web.AppRunner(web_app, access_log=None, **SERVER_OPTIONS)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    try:
        await web.TCPSite(runner, settings.listen.host, settings.listen.port).start()
    except OSError as error:
        place = f"{settings.listen.host}:{settings.listen.port}"
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise CannotListen(
            f"can't listen on {place} ({reason}). Stop what listens there, or set http.listen in {settings.path}"
        ) from error
    return int(runner.addresses[0][1])


async def _start_loops(
    ctx: Context, router: Router, health: Health, group: "asyncio.TaskGroup", stack: AsyncExitStack
) -> None:
    outbox, releases = OutboxLoop(ctx, Limiter()), ReleaseLoop(ctx)
    inbox = InboxLoop(ctx, router, outbox)
    await inbox.recover()
    await outbox.recover()
    await releases.recover()
    retention, freezes = RetentionLoop(ctx), FreezeLoop(ctx)
    held, emergencies, anchors = HoldLoop(ctx), EmergencyLoop(ctx), AnchorLoop(ctx)
    parts: tuple[tuple[str, Callable[[], Awaitable[float]], Callable[[float], Awaitable[None]], Bell, float], ...] = (
        ("retention", retention.turn, retention.crew.settle, ctx.bells.retention, 2 * EVERY_S),
        ("anchors", anchors.turn, anchors.crew.settle, ctx.bells.anchors, 2 * ANCHOR_EVERY_S),
        ("freezes", freezes.turn, freezes.crew.settle, ctx.bells.freezes, 2 * EVERY_S),
        ("outbox", outbox.turn, outbox.settle, ctx.bells.outbox, STALE_S),
        ("releases", releases.turn, releases.crew.settle, ctx.bells.releases, STALE_S),
        ("holds", held.turn, held.settle, ctx.bells.holds, STALE_S),
        ("emergencies", emergencies.turn, emergencies.crew.settle, ctx.bells.emergencies, 2 * STALE_S),
        ("inbox", inbox.turn, inbox.settle, ctx.bells.inbox, STALE_S),
    )
    if ctx.datadog is not None:
        markers = MarkerLoop(ctx)
        parts = (("markers", markers.turn, markers.crew.settle, markers.bell, STALE_S), *parts)
        handling = HandlingLoop(ctx)
        parts = (("handlings", handling.turn, handling.crew.settle, ctx.bells.handlings, STALE_S), *parts)
    if ctx.oncall is not None:
        oncall = OnCallLoop(ctx)
        parts = (("oncall", oncall.turn, oncall.crew.settle, ctx.bells.oncall, 2 * EVERY_S), *parts)
    for name, turn, settle, bell, stale_s in parts:
        turned = health.watch_loop(name, stale_s=stale_s)
        task = group.create_task(turn_forever(name, turn, bell, on_turn=turned), name=name)

        async def end(task: "asyncio.Task[None]" = task, settle: Callable[[float], Awaitable[None]] = settle) -> None:
            task.cancel()
            await asyncio.wait([task])
            await settle(DRAIN_S / 4)

        stack.push_async_callback(end)


def _watch_pods(
    settings: Settings, ctx: Context, health: Health, group: "asyncio.TaskGroup", stack: AsyncExitStack
) -> None:
    """The watches and the loop of falling and healing pods, when there is a channel to tell of them."""
    if ctx.pods_channel is None:
        return
    loop = PodLoop(ctx, ctx.pods_channel, rollback_window=settings.rollback_window, healed_after=settings.healed_after)
    health.checks["first look at pods"] = loop.starting
    health.remarks.append(loop.remarks)
    turning = turn_forever("pods", loop.turn, ctx.bells.pods, on_turn=health.watch_loop("pods"))
    tasks = [group.create_task(work, name=name) for name, work in {"pods": turning, **loop.watches()}.items()]

    async def end() -> None:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await loop.settle(DRAIN_S / 4)

    stack.push_async_callback(end)


def _take_alerts(
    settings: Settings, ctx: Context, health: Health, webhook: Gate, group: "asyncio.TaskGroup", stack: AsyncExitStack
) -> None:
    """The loops of alerts, and Datadog's door, which closes before them."""
    of = settings.datadog
    if of is None:
        return
    loop = AlertLoop(ctx)
    turning = turn_forever("alerts", loop.turn, ctx.bells.alerts, on_turn=health.watch_loop("alerts"))
    tasks = [group.create_task(turning, name="alerts")]
    settle: Callable[[float], Awaitable[None]] | None = None
    if ctx.datadog is not None and of.app_key is not None:
        poller = Poller(ctx, every=of.poll, has_webhook=bool(of.webhook_secrets))
        health.remarks.append(poller.remarks)
        stale_s = STALE_S + of.poll.total_seconds()
        on_turn = health.watch_loop("alerts poller", stale_s=stale_s)
        looking = turn_forever("poller", poller.turn, poller.bell, on_turn=on_turn)
        tasks.append(group.create_task(looking, name="poller"))
        settle = poller.crew.settle

    async def end() -> None:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        if settle is not None:
            await settle(DRAIN_S / 10)

    stack.push_async_callback(end)
    if of.webhook_secrets:
        secrets = [secret.reveal() for secret in of.webhook_secrets]
        door = DatadogWebhook(ctx.database, secrets, clock=ctx.clock, bell=ctx.bells.alerts)
        webhook.handler = door.handle
        stack.push_async_callback(door.close)
        stack.callback(lambda: setattr(webhook, "handler", None))


def _open_doors(
    settings: Settings,
    intake: Intake,
    session: aiohttp.ClientSession,
    health: Health,
    gate: Gate,
    group: "asyncio.TaskGroup",
    stack: AsyncExitStack,
) -> None:
    """Slack's door, last of all: from here on requests come in. It is the first to close."""
    dispatch = BoltDispatch(intake.receive, token=settings.slack.bot_token.reveal())
    if settings.slack.mode is SlackMode.HTTP:
        assert settings.slack.signing_secret is not None, "the settings ask for it in HTTP mode"
        gate.handler = SlackHttp([settings.slack.signing_secret.reveal()], dispatch).handle
        stack.callback(lambda: setattr(gate, "handler", None))
        return
    assert settings.slack.app_token is not None, "the settings ask for it in Socket Mode"
    client = SlackClient(token=settings.slack.app_token.reveal(), api_url=settings.slack.api_url, session=session)
    door = SlackSocket(client, dispatch)
    health.checks["slack"] = lambda: "" if door.live else "no socket to Slack is open"
    task = group.create_task(door.run(), name="slack")

    async def close() -> None:
        await door.drain(DRAIN_S / 4)
        await asyncio.wait([task], timeout=1)
        task.cancel()

    stack.push_async_callback(close)
