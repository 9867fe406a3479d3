"""The sections of kajitori.yaml, one function each: section in, part of the settings out, faults noted on the way.

Called by bot.settings.load. Checks within one section stand here too; what spans sections is in `check_catalog`.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import time, timedelta
from types import MappingProxyType
from typing import cast

from bot.domain.catalog import (
    Catalog,
    Environment,
    Freeze,
    Grant,
    Role,
    Service,
    WorkloadKind,
    WorkloadRef,
)
from bot.domain.images import MOVING_TAGS
from bot.domain.names import ChannelId, EnvironmentName, ServiceName
from bot.settings import forms
from bot.settings.canary import read_canary
from bot.settings.faults import did_you_mean
from bot.settings.forms import BadForm
from bot.settings.manifests import read_overlay
from bot.settings.model import DatadogRoute, SummarySettings
from bot.settings.section import Section

_CONTEXT_LENGTH = 253
_REASON_LENGTH = 200
NO_TAGS: tuple[str, ...] = ()
GIVEN = (Role.DEPLOYER, Role.APPROVER, Role.OPERATOR)
"""The roles that are given to people; every full member holds the others."""
SHORTEST_POLL = timedelta(seconds=10)


def channel(section: Section, key: str = "channel") -> ChannelId | None:
    """A channel, or None when the key is absent."""
    text = section.optional(key, forms.channel, "")
    return ChannelId(text) if text else None


def read_environments(root: Section) -> dict[EnvironmentName, Environment]:
    """`environments`, by name."""
    return {
        EnvironmentName(name): _environment(EnvironmentName(name), section)
        for name, section in root.named_children("environments", forms.name, "environment")
    }


def _environment(name: EnvironmentName, section: Section) -> Environment:
    freezes = []
    for freeze in section.children("freezes"):
        cron = freeze.required("cron", forms.cron, "", 'write when it starts: cron: "0 17 * * fri"')
        duration = freeze.required("duration", forms.duration, timedelta(0), "write how long it lasts: duration: 64h")
        reason = freeze.required("reason", _line(_REASON_LENGTH), "", 'write what people are told: reason: "weekend"')
        freezes.append(Freeze(cron, duration, reason))
        freeze.close()
    environment = Environment(
        name=name,
        context=section.optional("context", _line(_CONTEXT_LENGTH), "") or None,
        channel=channel(section),
        promotes_from=cast(EnvironmentName | None, section.optional("promotes_from", forms.name, "") or None),
        approvals=section.number("approvals", 0, 9, default=0),
        pin_digests=section.truth_or_unset("pin_digests"),
        confirm=section.truth_or_unset("confirm"),
        freezes=tuple(freezes),
        rollback_locks=section.truth("rollback_locks", default=True),
        development=section.truth("development", default=False),
    )
    section.close()
    return environment


def read_services(root: Section, repositories: Collection[str]) -> dict[ServiceName, Service]:
    """`services`, by name; `repositories` are the names of those that overlays may come from."""
    return {
        ServiceName(name): _service(ServiceName(name), section, repositories)
        for name, section in root.named_children("services", forms.name, "service")
    }


def _service(name: ServiceName, section: Section, repositories: Collection[str]) -> Service:
    namespace = section.required(
        "namespace", forms.namespace, "", f"write the Kubernetes namespace it runs in: namespace: {name}"
    )
    kind, named = section.required(
        "workload", forms.workload, ("deployment", ""), f"write kind and name: workload: deployment/{name}"
    )
    container = section.required(
        "container", forms.namespace, "", f"write the container whose image is released: container: {name}"
    )
    image = section.required(
        "image",
        forms.image_repository,
        "",
        f"write the image's repository without a tag: image: registry.example.com/team/{name}",
    )
    service = Service(
        name=name,
        workload=WorkloadRef(namespace, WorkloadKind(kind), named),
        container=container,
        image=image,
        manifests=read_overlay(section.child("manifests"), repositories),
        canary=read_canary(section.child("canary")),
        moving_tags=section.texts("moving_tags", forms.tag) or MOVING_TAGS,
    )
    section.close()
    return service


def read_roles(root: Section, environments: Iterable[str], services: Iterable[str]) -> dict[Role, tuple[Grant, ...]]:
    """`roles`; one that is absent has no members, so nobody may do what needs it."""
    section = root.child("roles")
    known = {"environments": list(environments), "services": list(services)}
    roles = {role: tuple(_grant(each, known) for each in section.one_or_more(role.value)) for role in GIVEN}
    section.close()
    return roles


def _grant(section: Section, known: Mapping[str, list[str]]) -> Grant:
    grant = Grant(
        users=section.texts("users", forms.user),
        groups=section.texts("groups", forms.group),
        environments=tuple(map(EnvironmentName, _limits(section, "environments", known))),
        services=tuple(map(ServiceName, _limits(section, "services", known))),
    )
    section.close()
    return grant


def _limits(section: Section, key: str, known: Mapping[str, list[str]]) -> tuple[str, ...]:
    """Names of this file that a role is limited to."""
    before = len(section.faults.found)
    names = section.texts(key, forms.name)
    if section.has(key) and not names and len(section.faults.found) == before:
        # Which of the two is meant, nowhere or everywhere, nobody should have to guess.
        remedy = f"name the {key} that it is for, or leave the key out: then it is for all"
        section.faults.add(section.line_of(key), section.key(key), "is an empty list", remedy)
    for name in names:
        if known[key] and name not in known[key]:
            problem = f"names `{name}`, which is none of this file's {key}"
            section.faults.add(section.line_of(key), section.key(key), problem, did_you_mean(name, known[key]))
    return names


def read_datadog_routes(section: Section) -> tuple[DatadogRoute, ...]:
    """`datadog.routes`, in order."""
    routes = []
    for route in section.children("routes"):
        match = route.required("match", forms.alert_match, NO_TAGS, 'write tags: match: "service:admin AND env:prd"')
        to = route.required("channel", forms.channel, "", 'write a channel: channel: "#alerts"')
        routes.append(DatadogRoute(match, ChannelId(to)))
        route.close()
    return tuple(routes)


def read_poll(section: Section) -> timedelta:
    """`datadog.poll`."""

    def form(text: str) -> timedelta:
        poll = forms.duration(text)
        if poll < SHORTEST_POLL:
            raise BadForm(f"ask Datadog every {SHORTEST_POLL.seconds} s at most often: `60s`")
        return poll

    return section.optional("poll", form, timedelta(seconds=60))


def read_summary(section: Section) -> SummarySettings | None:
    """`summary`; None when it is absent."""
    at = section.optional("at", forms.clock, time(18))
    days = section.optional("days", forms.weekdays, frozenset(range(5)))
    if not section.present:
        section.optional("channel", forms.channel, "")
        section.close()
        return None
    to = section.required("channel", forms.channel, "", 'write where it is posted: channel: "#deploys"')
    section.close()
    return SummarySettings(ChannelId(to), at, days)


def check_catalog(root: Section, catalog: Catalog) -> None:
    """What no single entry can see: workloads and contexts used twice, promotions from nowhere or in a circle."""
    _check_workloads(root, catalog)
    _check_contexts(root, catalog)
    _check_promotions(root, catalog)


def _check_workloads(root: Section, catalog: Catalog) -> None:
    owners: dict[WorkloadRef, ServiceName] = {}
    for name, service in catalog.services.items():
        workload = service.workload
        if not workload.namespace or not workload.name:
            continue
        owner = owners.setdefault(workload, name)
        if owner != name:
            section = root.child("services").child(name)
            root.faults.add(
                section.line_of("workload"),
                section.key("workload"),
                f"is {workload}, which service `{owner}` has already",
                "give each service a workload of its own; a lock on one would not hold the other",
            )


def _check_contexts(root: Section, catalog: Catalog) -> None:
    owners: dict[str | None, EnvironmentName] = {}
    for name, environment in catalog.environments.items():
        section = root.child("environments").child(name)
        if environment.context is None and section.has("context"):
            continue  # it is there, and wrong: that fault is noted
        owner = owners.setdefault(environment.context, name)
        if owner == name:
            continue
        where = f"`{environment.context}`" if environment.context else "the cluster the bot runs in (no context)"
        root.faults.add(
            section.line_of("context"),
            section.key("context"),
            f"is {where}, which environment `{owner}` has already",
            "give each environment a kubeconfig context of its own",
        )


def _check_promotions(root: Section, catalog: Catalog) -> None:
    environments = catalog.environments
    told: set[EnvironmentName] = set()
    for name, environment in environments.items():
        source = environment.promotes_from
        if source is None:
            continue
        section = root.child("environments").child(name)
        line, key = section.line_of("promotes_from"), section.key("promotes_from")
        if source not in environments:
            others = [other for other in environments if other != name]
            root.faults.add(
                line, key, f"is `{source}`, which is no environment", did_you_mean(source, others) or "Remove it"
            )
            continue
        circle = [name]
        while source is not None and source in environments and source not in circle:
            circle.append(source)
            source = environments[source].promotes_from
        if source == name and not told & set(circle):
            told.update(circle)
            path = " → ".join([*circle, name])
            root.faults.add(line, key, f"goes in a circle: {path}", "let one environment promote from nowhere")


def read_catalog(root: Section, repositories: Collection[str] = ()) -> Catalog:
    """Everything releasable, checked as a whole."""
    environments, services = read_environments(root), read_services(root, repositories)
    catalog = Catalog(
        environments=MappingProxyType(environments),
        services=MappingProxyType(services),
        roles=MappingProxyType(read_roles(root, environments, services)),
    )
    check_catalog(root, catalog)
    return catalog


def _line(longest: int) -> forms.Form[str]:
    """A form: one line of text of limited length."""

    def form(text: str) -> str:
        if not text.strip() or len(text) > longest or not text.isprintable():
            raise BadForm(f"write one line of at most {longest} characters")
        return text.strip()

    return form
