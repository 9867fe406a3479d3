"""What the configuration says, as typed values: under each field its meaning, unit, and why its default.

Made by bot.settings.load, read by the composition root, which hands each part to who needs it. Frozen: a change of the
configuration is a restart.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time, timedelta
from enum import StrEnum
from pathlib import Path
from zoneinfo import ZoneInfo

from bot.domain.canary.queries import NumberQueries
from bot.domain.catalog import Catalog
from bot.domain.names import ChannelId
from bot.domain.oncall import OnCallPlan
from bot.settings.forms import Listen
from bot.settings.secret import Secret


class SlackMode(StrEnum):
    """How Slack reaches the bot."""

    SOCKET = "socket"
    """The bot dials out: needs no public address."""
    HTTP = "http"
    """Slack posts to /slack/events, signed."""


class Locale(StrEnum):
    """Languages of messages in channels."""

    EN = "en"
    JA = "ja"


@dataclass(frozen=True, slots=True)
class SlackSettings:
    """Slack's side."""

    mode: SlackMode
    """Default `socket`: works behind any firewall, with nothing exposed."""
    ops_channel: ChannelId | None
    """Where the bot speaks of its own health. Default None: only in its log, since no channel can be guessed."""
    person_per_minute: int
    """Requests that one person may make a minute, three minutes' worth at once; what stops something never counts.
    Default 10: more than anybody types who reads the answers. 0: no limit."""
    workspace_per_minute: int
    """Commands of all people together. Default 60: below it, answers and cards stay within what Slack takes. 0: no
    limit."""
    api_url: str
    """Base of the Web API, ends in a slash. Default Slack's own; SLACK_API_URL points it elsewhere."""
    bot_token: Secret
    """`xoxb-…`, SLACK_BOT_TOKEN."""
    app_token: Secret | None
    """`xapp-…`, SLACK_APP_TOKEN: opens Socket Mode. Needed in mode `socket`."""
    signing_secret: Secret | None
    """SLACK_SIGNING_SECRET: proves that a request is Slack's. Needed in mode `http`, where anyone can post."""


@dataclass(frozen=True, slots=True)
class DatadogRoute:
    """Sends the alerts whose tags match to a channel of their own. The first match counts."""

    match: tuple[str, ...]
    """Tags that must all be on the alert: `service:admin`, `env:prd`."""
    channel: ChannelId


@dataclass(frozen=True, slots=True)
class DatadogSettings:
    """Datadog's side. Present when the section `datadog` is."""

    poll: timedelta
    """How often monitors are asked for what a webhook may have missed. Default 60 s: below the 120 s in which an alert
    must be seen, and 1,440 calls a day are far from Datadog's limits."""
    channel: ChannelId | None
    """Where alerts go that no route takes. Default None: alerts without a route are not posted."""
    routes: tuple[DatadogRoute, ...]
    numbers: NumberQueries
    """How a canary's numbers are asked. Default: the metrics of Datadog APM, a minute behind."""
    link_hosts: tuple[str, ...]
    """Where links of alerts may lead besides Datadog: runbooks. Default none: other addresses are shown as text."""
    api_key: Secret | None
    """DD_API_KEY. Without it nothing is polled, and webhooks alone bring alerts."""
    app_key: Secret | None
    """DD_APP_KEY: reads monitors, sets downtimes."""
    webhook_secrets: tuple[Secret, ...]
    """DATADOG_WEBHOOK_SECRET, one or, while rotating, two. Empty: the webhook is closed."""
    site: str
    """DD_SITE. Default datadoghq.com, Datadog's own default."""
    api_url: str | None
    """DD_API_URL. Default None: derived from the site."""
    oncall_url: str | None
    """DD_ONCALL_URL: the host of On-Call's pages, which is none of the site's. Default None: the one of the site."""
    app_url: str | None
    """DD_APP_URL: where people look at monitors, for organisations with an address of their own. Default None: the
    site's."""


@dataclass(frozen=True, slots=True)
class RepositorySettings:
    """Where overlays come from: one of `url` and `directory`."""

    url: str | None
    """https or ssh; http for this machine only."""
    directory: Path | None
    """A Git repository on this machine, or a plain directory that something else keeps up to date."""
    branch: str
    """The one that is released from. Default `main`; of a directory, what it has checked out (empty)."""


@dataclass(frozen=True, slots=True)
class GitSettings:
    """What lets the bot into repositories, the same for all, and what renders."""

    username: str
    """GIT_USERNAME. Default empty: hosts that take a token alone ignore it."""
    token: Secret | None
    """GIT_TOKEN, for https."""
    ssh_key: Path | None
    """GIT_SSH_KEY_FILE."""
    known_hosts: Path | None
    """GIT_SSH_KNOWN_HOSTS_FILE. Default None: a host's key is taken at first sight, and held to from then on."""
    kustomize: Path | None
    """KUSTOMIZE_BINARY: kustomize or kubectl. Default None: looked for where packages put them."""


@dataclass(frozen=True, slots=True)
class SummarySettings:
    """The day's sum. Present when the section `summary` is."""

    channel: ChannelId
    at: time
    """Wall clock of the configured zone. Default 18:00: before people leave."""
    days: frozenset[int]
    """Monday is 0. Default Monday to Friday."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All of kajitori.yaml and the environment, checked."""

    path: Path
    """The file it was read from."""
    slack: SlackSettings
    listen: Listen
    """Where /healthz, /readyz, /metrics and the webhooks are served. Default 127.0.0.1:8080: nothing is open to others
    until somebody says so."""
    timezone: ZoneInfo
    """Freezes, summaries and shifts follow its wall clock. Default UTC: the one nobody mistakes for their own."""
    locale: Locale
    """Language of messages in channels. Default English."""
    catalog: Catalog
    datadog: DatadogSettings | None
    pods_channel: ChannelId | None
    """Where falling and healing pods are told. Default None: they are not."""
    healed_after: timedelta
    """How long pods that fell must be ready again to be called healed. Default 60 s: a container that starts and dies
    does so within it."""
    rollback_window: timedelta
    """How long after a release pods that fall offer the way back from it. Default 30 min: what breaks later rarely
    broke by the release, and others may have built on it."""
    summary: SummarySettings | None
    oncall: OnCallPlan | None
    """Who is called for which service. Default None: nobody is."""
    database_url: Secret
    """DATABASE_URL; a Secret since it may hold a password. Default sqlite:///kajitori.db: one file beside the bot, and
    no server to run first."""
    repositories: Mapping[str, RepositorySettings]
    git: GitSettings
    kubeconfig: str | None
    """KUBECONFIG, as kubectl reads it (paths joined by the system's separator). Default None: ~/.kube/config."""
