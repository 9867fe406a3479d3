"""The forms a value of the configuration may have: each a pure reader that answers the value or raises BadForm.

Called through bot.settings.section, which adds file, line and key. The message says what would be right; the quoting of
what is there is left to the caller.
"""

import ipaddress
import re
from dataclasses import dataclass
from datetime import date, time, timedelta
from difflib import get_close_matches
from typing import Protocol, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from bot.domain.cron import BadCron, parse_cron
from bot.domain.hosts import is_loopback
from bot.domain.images import BadImageReference, is_tag, parse_repository
from bot.settings.faults import did_you_mean

Formed = TypeVar("Formed", covariant=True)


class Form(Protocol[Formed]):
    """Reads one text. Raises BadForm."""

    def __call__(self, text: str, /) -> Formed: ...


_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?", re.ASCII)
_DNS_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_DNS_SUBDOMAIN = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*", re.ASCII)
_CHANNEL_ID = re.compile(r"[CG][A-Z0-9]{2,20}", re.ASCII)
# Slack allows letters of any script, but no upper case, no spaces and next to no punctuation.
_CHANNEL_NAME = re.compile(r"#[\w-]{1,80}")
_USER_ID = re.compile(r"[UW][A-Z0-9]{2,20}", re.ASCII)
_GROUP = re.compile(r"S[A-Z0-9]{2,20}|@[\w.-]{1,80}")
_DURATION = re.compile(r"(?:(\d{1,4})d)?(?:(\d{1,4})h)?(?:(\d{1,5})m)?(?:(\d{1,6})s)?", re.ASCII)
_ZONE = re.compile(r"[A-Za-z0-9_+-]{1,32}(?:/[A-Za-z0-9_+-]{1,32}){0,2}", re.ASCII)
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)", re.ASCII)
_LISTEN = re.compile(r"(?P<host>\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):(?P<port>\d{1,5})", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MATCH_TERM = re.compile(r"[A-Za-z][\w./-]*(?::[\w./*-]+)?", re.ASCII)
_SITE = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+", re.ASCII)
_ADDRESS = re.compile(r"[^\s@<>&|]{1,64}@[\w.-]{1,190}")
_DATADOG_ID = re.compile(r"[0-9a-fA-F][0-9a-fA-F-]{7,63}", re.ASCII)
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LONGEST_DURATION = timedelta(days=366)


class BadForm(ValueError):
    """The value has not the form its field needs. `args[0]` says what would be right."""


@dataclass(frozen=True, slots=True)
class Listen:
    """Where a server listens. Port 0 takes any free one."""

    host: str
    port: int


def name(text: str) -> str:
    """A name of our own (environment, service), as people type it and Datadog tags it."""
    if not _NAME.fullmatch(text):
        raise BadForm("a name has lower-case letters, digits and `. _ -`, 63 at most: `admin`")
    return text


def namespace(text: str) -> str:
    """A Kubernetes namespace or container: a DNS label."""
    if not _DNS_LABEL.fullmatch(text):
        raise BadForm("Kubernetes names have lower-case letters, digits and `-`, 63 at most: `admin`")
    return text


def workload(text: str) -> tuple[str, str]:
    """`deployment/admin`: kind and name."""
    kind, slash, named = text.partition("/")
    kinds = ("deployment", "statefulset", "daemonset", "cronjob", "rollout")
    if not slash or kind not in kinds or len(named) > 253 or not _DNS_SUBDOMAIN.fullmatch(named):
        hint = f" {did_you_mean(kind, list(kinds))}" if slash and kind not in kinds else ""
        raise BadForm(
            f"a workload is kind/name, the kind one of {', '.join(kinds)}: `deployment/admin`.{hint}".rstrip(".")
        )
    return kind, named


def image_repository(text: str) -> str:
    """An image's repository, as written; checked by the OCI grammar."""
    try:
        parse_repository(text)
    except BadImageReference as error:
        raise BadForm(f"{error}: `registry.example.com/team/admin`") from error
    return text


def tag(text: str) -> str:
    """An image tag."""
    if not is_tag(text):
        raise BadForm("it is not a tag: letters, digits, `_ . -`, 128 at most")
    return text


def channel(text: str) -> str:
    """A channel's id or #name."""
    if _CHANNEL_ID.fullmatch(text) or (_CHANNEL_NAME.fullmatch(text) and text == text.lower()):
        return text
    raise BadForm('a channel is an id or a name in quotes: C0123456789 or "#deploys"')


def user(text: str) -> str:
    """A person's id: names can be changed by their bearer, so they give no rights."""
    if not _USER_ID.fullmatch(text):
        raise BadForm("people are named by id, U0123456789 (in Slack: profile, ⋮, Copy member ID)")
    return text


def group(text: str) -> str:
    """A user group's id or @handle."""
    if not _GROUP.fullmatch(text):
        raise BadForm('a group is an id or a handle in quotes: S0123456789 or "@engineers"')
    return text


def duration(text: str) -> timedelta:
    """`30s`, `10m`, `64h`, `2d`, or several in that order backwards: `1h30m`."""
    match = _DURATION.fullmatch(text)
    if match is None or not text:
        raise BadForm("a duration has a unit, s, m, h or d: `90s`, `10m`, `1h30m`")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    span = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    if not timedelta(0) < span <= LONGEST_DURATION:
        raise BadForm(f"a duration is longer than nothing and at most {LONGEST_DURATION.days} days")
    return span


def cron(text: str) -> str:
    """Five fields; kept as text, because the catalogue is."""
    try:
        parse_cron(text)
    except BadCron as error:
        raise BadForm(f'{error}; for example "0 17 * * fri"') from error
    return text


def time_zone(text: str) -> ZoneInfo:
    """A zone of the tz database."""
    # ZoneInfo joins the text to a path, so its shape is checked first. The whole list is read only to suggest a name.
    if _ZONE.fullmatch(text):
        try:
            return ZoneInfo(text)
        except (OSError, ValueError, ZoneInfoNotFoundError):
            pass
    cities = {zone.rpartition("/")[2].lower(): zone for zone in sorted(available_timezones())}
    near = get_close_matches(text.rpartition("/")[2].lower(), list(cities), n=1, cutoff=0.75)
    hint = f". Did you mean `{cities[near[0]]}`?" if near else ""
    raise BadForm(f"a time zone is a name of the tz database, `Asia/Tokyo` or `UTC`{hint}")


def clock(text: str) -> time:
    """`18:00`, wall clock of the configured zone."""
    match = _CLOCK.fullmatch(text)
    if match is None:
        raise BadForm('a time of day is HH:MM, 24 hours: "18:00"')
    return time(int(match[1]), int(match[2]))


def day(text: str) -> date:
    """`2026-11-02`."""
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise BadForm("a day is year, month, day: `2026-11-02`")


def address(text: str) -> str:
    """An e-mail address, as Datadog knows people by."""
    if not _ADDRESS.fullmatch(text):
        raise BadForm("an address is somebody@example.com")
    return text


def datadog_id(text: str) -> str:
    """The id of a schedule or team in Datadog: it stands in the address of its page."""
    if not _DATADOG_ID.fullmatch(text):
        raise BadForm("an id has hexadecimal digits and dashes, as in the address of its page in Datadog")
    return text


def weekdays(text: str) -> frozenset[int]:
    """`mon-fri`, `mon,wed,sat-sun`: Monday is 0, as datetime.weekday() counts."""
    days: set[int] = set()
    for part in text.lower().split(","):
        first, dash, last = part.strip().partition("-")
        if first not in _WEEKDAYS or (dash and last not in _WEEKDAYS):
            raise BadForm("days are mon tue wed thu fri sat sun, ranges and lists: `mon-fri` or `mon,wed`")
        start = _WEEKDAYS.index(first)
        length = (_WEEKDAYS.index(last) - start) % 7 + 1 if dash else 1
        days.update((start + offset) % 7 for offset in range(length))
    return frozenset(days)


def listen(text: str) -> Listen:
    """host:port; an IPv6 address in brackets."""
    match = _LISTEN.fullmatch(text)
    if match is None or int(match["port"]) > 65535:
        raise BadForm("an address is host:port, the port at most 65535: `127.0.0.1:8080` or `[::]:8080`")
    host = match["host"]
    try:
        if host.startswith("["):
            host = str(ipaddress.IPv6Address(host[1:-1]))
        elif re.fullmatch(r"[0-9.]+", host):
            ipaddress.IPv4Address(host)
    except ValueError as error:
        raise BadForm("the host is no valid IP address: `127.0.0.1:8080` or `[::]:8080`") from error
    return Listen(host, int(match["port"]))


def overlay_path(text: str) -> str:
    """A relative path inside the manifests' checkout; `{environment}` is its only placeholder."""
    parts = text.replace("{environment}", "environment").split("/")
    if (
        text.startswith("/")
        or any(part in ("", ".", "..") for part in parts)
        or re.search(r"[{}\\:\s]", "".join(parts))
    ):
        raise BadForm('a path is relative, without `..`, `{environment}` its only field: "manifests/{environment}"')
    return text


def alert_match(text: str) -> tuple[str, ...]:
    """`service:admin AND env:prd`: Datadog tags that must all be there."""
    terms = tuple(term.strip() for term in text.split(" AND "))
    if not all(_MATCH_TERM.fullmatch(term) for term in terms):
        raise BadForm("a match is Datadog tags joined by AND: `service:admin AND env:prd`")
    return terms


def site(text: str) -> str:
    """A Datadog site, the part behind `app.` in its address."""
    if not _SITE.fullmatch(text):
        raise BadForm(
            "a site is the part of Datadog's address behind `app.`: datadoghq.com, datadoghq.eu, ap1.datadoghq.com"
        )
    return text


def host(text: str) -> str:
    """A host's name, without scheme and port; those below it are meant too."""
    if not _SITE.fullmatch(text):
        raise BadForm("a host is a name without https:// and port: wiki.example.com")
    return text


def http_url(text: str) -> str:
    """An https address ending in a slash; http only to this machine, since tokens travel on it."""
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError as error:
        raise BadForm("an address is https://host/path/") from error
    if parts.username or parts.password or parts.query or parts.fragment or not parts.hostname:
        raise BadForm("an address is https://host/path/, without user, `?` or `#`")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
        raise BadForm("tokens travel over https:// only; http:// is for this machine (127.0.0.1, ::1, localhost)")
    return text if text.endswith("/") else f"{text}/"


def database_url(text: str) -> str:
    """sqlite:///FILE, sqlite:////abs/FILE or postgresql://…"""
    if text.startswith("sqlite:///") and len(text) > len("sqlite:///"):
        return text
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError as error:
        raise BadForm("an address is sqlite:///kajitori.db or postgresql://user:password@host/database") from error
    if parts.scheme != "postgresql" or not parts.path.strip("/"):
        raise BadForm("an address is sqlite:///kajitori.db or postgresql://user:password@host/database")
    return text
