"""The sandbox: Slack, two clusters, a registry, Datadog and the chat page on one port, and the bot as a child beside.

`kajitori sandbox` runs it through `bot.sandbox.start`; tests start it in process, with or without the bot. It listens
on the loopback only: nobody logs in here.
"""

import asyncio
import json
import os
import secrets
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from aiohttp import web

from bot.sandbox import overlays, state_folder
from bot.sandbox.cluster_stage import ClusterStage
from bot.sandbox.control import Control
from bot.sandbox.datadog import Datadog
from bot.sandbox.datadog.app_pages import AppPages
from bot.sandbox.datadog.levers import Levers
from bot.sandbox.kube import Cluster, Options, kubeconfig, seed
from bot.sandbox.kube.scenes import PRD, REPOSITORY, STG, image
from bot.sandbox.page_files import page_routes
from bot.sandbox.registry import Registry
from bot.sandbox.slack.emulator import Slack
from bot.sandbox.slack.envelopes import NotDelivered
from bot.sandbox.slack.pace import Timing
from bot.sandbox.slack.world import Limits
from bot.sandbox.state_folder import SlackMode
from bot.sandbox.supervisor import Supervisor

MANIFEST_TIMEOUT_S = 60.0
CLUSTERS = ("stg", "prd")
HANDSHAKE_PAUSE_S = 0.2
LARGEST_BODY = 8 * 2**20
DATADOG_WEBHOOK = "/datadog/webhook"
# What must not reach the child from a developer's own shell: real tokens, real clusters, and proxies, through which
# slack_sdk would send even what is meant for the loopback.
FOREIGN = (
    "SLACK_",
    "DD_",
    "DATADOG_",
    "KAJITORI_",
    "DATABASE_URL",
    "KUBECONFIG",
    "GIT_",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
)


class Sandbox:
    """Everything, composed. `start`, then `url`; `stop` leaves no process and no task behind.

    `port` 0 takes a free one. `slack_mode` is how the bot is connected. `bot_environment` is added to the child's, for
    failpoints and the like. `evaluate_monitors` False: Datadog's monitors fire by hand alone. `on_call` False:
    the bot's configuration names nobody to call. `with_shop`: a service more, which is released by its overlay.
    """

    def __init__(
        self,
        state_dir: Path,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        run_bot: bool = True,
        limits: Limits = "real",
        timing: Timing | None = None,
        slack_mode: SlackMode = "socket",
        cluster_options: Options | None = None,
        bot_environment: Mapping[str, str] | None = None,
        evaluate_monitors: bool = True,
        on_call: bool = True,
        with_shop: bool = False,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.state_dir = state_dir.resolve()
        self._host = host
        self._port = port
        self._run_bot = run_bot
        self._slack_mode: SlackMode = slack_mode
        self._bot_port = 0
        self._on_call = on_call
        self._with_shop = with_shop
        self._bot_environment = dict(bot_environment or {})
        self._say = say
        self._limits = limits
        self.slack = Slack(limits, timing)
        self.registry = Registry()
        self._kube_token = secrets.token_hex(16)
        self.clusters = {
            name: Cluster(
                name,
                self.registry.has,
                image_digest=self.registry.digest,
                token=self._kube_token,
                options=cluster_options,
            )
            for name in CLUSTERS
        }
        self.datadog = Datadog(self.clusters, secret=secrets.token_hex(16), evaluates=evaluate_monitors)
        stages = {name: ClusterStage(cluster) for name, cluster in self.clusters.items()}
        self._levers = Levers(self.datadog)
        self.control = Control(self.slack, self.registry, stages, self._levers.view)
        self.datadog.watch(self.control.changed)
        self.supervisor: Supervisor | None = None
        self._watches: list[asyncio.Task[None]] = []
        self._runner: web.AppRunner | None = None
        self._manifests: list[asyncio.Task[None]] = []

    @property
    def url(self) -> str:
        """The page's address."""
        return self.slack.world.base_url

    @property
    def bot_url(self) -> str:
        """Where the bot itself listens: /healthz, /readyz, /metrics, and /slack/events in HTTP mode."""
        return f"http://127.0.0.1:{self._bot_port}"

    @property
    def config_path(self) -> Path:
        """The configuration that was written for the bot."""
        return self.state_dir / state_folder.CONFIGURATION

    @property
    def kubeconfig_path(self) -> Path:
        """For kubectl: contexts stg and prd."""
        return self.state_dir / state_folder.KUBECONFIG

    async def start(self) -> None:
        """Listen, write the state folder, start the bot. OSError: the port is taken, or the folder can't be written."""
        app = web.Application(client_max_size=LARGEST_BODY)
        app.add_routes([*self.slack.routes(), *self.control.routes(), *self.registry.routes(), *page_routes()])
        app.add_routes([*self._levers.routes(), *AppPages(self.datadog).routes()])
        for name, cluster in self.clusters.items():
            app.add_subapp(f"/clusters/{name}/", cluster.app())
        for path, host in self.datadog.apps().items():
            app.add_subapp(path, host)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port).start()
            port = self._runner.addresses[0][1]
            self.slack.listening_at(f"http://{self._host}:{port}")
            self.datadog.listening_at(self.url)
            self._write_state_folder(f"{self._host}:{port}")
            commit = await asyncio.to_thread(self._write_overlays, f"{self._host}:{port}")
        except OSError:
            await self._runner.cleanup()
            raise
        for cluster in self.clusters.values():
            self._seed(cluster, f"{self._host}:{port}")
            if self._with_shop:
                overlays.seed_shop(cluster, f"{self._host}:{port}", commit)
            await cluster.start()
            self._watches.append(asyncio.create_task(self._watch(cluster)))
        self.datadog.use_webhook(f"{self.bot_url}{DATADOG_WEBHOOK}")
        await self.datadog.start()
        if self._run_bot:
            await self.start_bot()

    def _write_state_folder(self, registry_host: str) -> None:
        state_folder.prepare(self.state_dir)
        self._bot_port = state_folder.free_port()
        more = overlays.configuration(self.state_dir, registry_host) if self._with_shop else {}
        if self._limits == "off":  # the bot's own too
            more["slack"] = {"person_per_minute": 0, "workspace_per_minute": 0}
        state_folder.write_configuration(
            self.state_dir, registry_host, self._bot_port, self._slack_mode, self._on_call, more
        )
        contexts = {name: f"{self.url}/clusters/{name}" for name in self.clusters}
        self.kubeconfig_path.write_text(kubeconfig(contexts, self._kube_token), encoding="utf-8")

    def _write_overlays(self, registry_host: str) -> str:
        """The commit of the overlays that runs; empty without any."""
        if not self._with_shop:
            return ""
        for version in overlays.PUBLISHED:
            self.registry.publish(overlays.REPOSITORY, version)
        return overlays.write_repository(self.state_dir, registry_host)

    def _seed(self, cluster: Cluster, registry_host: str) -> None:
        """Give a cluster its services and their past; what ran there once must exist in the registry."""
        for service, history in [*STG.items(), *PRD.items()]:
            for version in history:
                if not self.registry.has(image(registry_host, service, version)):
                    self.registry.publish(f"{REPOSITORY}/{service}", version)
        seed(cluster, registry_host)

    async def _watch(self, cluster: Cluster) -> None:
        async for _ in cluster.subscribe():
            self.control.changed()

    async def start_bot(self) -> None:
        """Start the bot under supervision, and ask it for its manifest meanwhile."""
        self.supervisor = Supervisor(
            [sys.executable, "-m", "bot", "run", "--config", str(self.config_path)],
            self.environment(),
            self.state_dir / state_folder.BOT_LOG,
            on_change=self.control.changed,
            say=self._say,
        )
        self.control.supervisor = self.supervisor
        installing = self.slack.world.installing = asyncio.create_task(self.load_manifest())
        self._manifests = [installing, asyncio.create_task(self.load_webhook())]
        await self.supervisor.start()
        if self._slack_mode == "http":
            self._watches.append(asyncio.create_task(self._shake_hands()))

    async def _shake_hands(self) -> None:
        """Tell Slack the bot's events URL as soon as the bot answers the challenge."""
        while self.slack.world.app.events_url is None:
            try:
                await self.slack.delivery.use_http(f"{self.bot_url}/slack/events")
            except NotDelivered:
                await asyncio.sleep(HANDSHAKE_PAUSE_S)

    def environment(self) -> dict[str, str]:
        """The environment that ties a bot to this sandbox."""
        inherited = {name: value for name, value in os.environ.items() if not name.upper().startswith(FOREIGN)}
        app = self.slack.world.app
        return inherited | {
            "SLACK_API_URL": self.slack.api_url,
            "SLACK_BOT_TOKEN": app.bot_token,
            "SLACK_APP_TOKEN": app.app_token,
            "SLACK_SIGNING_SECRET": app.signing_secret,
            **self.datadog.environment(),
            "KUBECONFIG": str(self.kubeconfig_path),
            "DATABASE_URL": f"sqlite:///{self.state_dir / state_folder.DATABASE}",
            "PYTHONUNBUFFERED": "1",
            **self._bot_environment,
        }

    async def load_manifest(self) -> None:
        """Install the app as `kajitori manifest` describes it: commands for completion, scopes, events."""
        manifest = await self._ask_bot("manifest")
        if manifest is None:
            self._say("`kajitori manifest` gave no manifest, so commands are not completed here.")
        else:
            self.slack.read_manifest(manifest)

    async def load_webhook(self) -> None:
        """Enter the webhook in Datadog as `kajitori manifest datadog` describes it: headers and payload."""
        webhook = await self._ask_bot("manifest", "datadog", "--http-url", self.bot_url)
        if webhook is None:
            self._say("`kajitori manifest datadog` gave no webhook, so Datadog sends a payload of its own.")
        else:
            self.datadog.use_webhook(str(webhook["url"]), webhook)

    async def _ask_bot(self, *arguments: str) -> dict[str, Any] | None:
        """What a command of the bot prints, as JSON; None when it printed none."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", *arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self.environment(),
        )
        try:
            async with asyncio.timeout(MANIFEST_TIMEOUT_S):
                output, errors = await process.communicate()
            answer: dict[str, Any] = json.loads(output)
        except (TimeoutError, ValueError):
            return None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            self._say(f"`kajitori {' '.join(arguments)}` failed: {errors.decode(errors='replace').strip()[-500:]}")
            return None
        return answer

    async def stop(self) -> None:
        """End the bot, then everything else."""
        for manifest in self._manifests:
            manifest.cancel()
        await asyncio.gather(*self._manifests, return_exceptions=True)
        if self.supervisor is not None:
            await self.supervisor.stop()
        await self._levers.stop()
        await self.datadog.stop()
        await self.slack.stop()
        for watch in self._watches:
            watch.cancel()
        await asyncio.gather(*self._watches, return_exceptions=True)
        for cluster in self.clusters.values():
            await cluster.stop()
        if self._runner is not None:
            await self._runner.cleanup()
