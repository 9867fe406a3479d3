"""Which version is meant, and whether it exists: asked of the registry, or of the environment it is promoted from."""

from dataclasses import dataclass

from bot.context import Context
from bot.domain import versions
from bot.domain.catalog import Environment, Service
from bot.domain.images import BadImageReference, parse_image, parse_repository
from bot.domain.names import Version
from bot.domain.rollout import RolloutState, image_of, rollout_status
from bot.errors import OutsideError, UserError
from bot.kube import workloads


@dataclass(frozen=True, slots=True)
class Choice:
    """A version, where it came from in words for the card, and whether the registry has it."""

    version: Version
    origin: str
    checked: bool
    digest: str = ""


async def choose(ctx: Context, environment: Environment, service: Service, asked: Version | None) -> Choice:
    """The version to release.

    Named: checked with the registry; when that can't be asked, it goes ahead unchecked. Not named: what runs healthy
    in `promotes_from`, otherwise the newest tag. Raises UserError for a version that does not exist.
    """
    if asked is not None:
        return await _named(ctx, service, asked)
    if environment.promotes_from is not None:
        return await _promoted(ctx, ctx.catalog.environments[environment.promotes_from], service)
    return await _newest(ctx, service)


async def _named(ctx: Context, service: Service, asked: Version) -> Choice:
    repository = parse_repository(service.image)
    try:
        for spelling in _spellings(asked):
            digest = await ctx.registry.digest(repository, spelling)
            if digest is not None:
                return Choice(Version(spelling), "named in the command", True, digest)
        tags = await ctx.registry.tags(repository)
    except OutsideError:
        return Choice(asked, "named in the command", False)
    raise no_such_version(service, asked, tags)


async def offered(ctx: Context, service: Service) -> list[str]:
    """Tags to choose from, newest first; empty when the registry can't be asked."""
    try:
        tags = await ctx.registry.tags(parse_repository(service.image))
    except OutsideError:
        return []
    return versions.sort_tags(tags)[::-1]


def no_such_version(service: Service, asked: str, tags: tuple[str, ...]) -> UserError:
    """The registry does not have it: the nearest that it has."""
    near = versions.nearest(asked, tags)
    text = f"The registry has no `{service.name}` `{asked}`."
    if not near:
        return UserError("no_such_version", text, hint="It has no tags at all: has the build pushed the image?")
    listed = ", ".join(f"`{tag}`" for tag in near)
    return UserError("no_such_version", text, hint=f"Nearest: {listed}. Has the build of `{asked}` finished?")


async def _promoted(ctx: Context, source: Environment, service: Service) -> Choice:
    try:
        running = await workloads.read(ctx.clusters[source.name], service.workload)
    except OutsideError as error:
        raise UserError(
            "source_unknown",
            f"What runs in `{source.name}` could not be asked: {error.text}.",
            hint="Name a version to go on without it.",
        ) from error
    status = rollout_status(running, generation=running.generation)
    image = image_of(running, service.container)
    try:
        tag = parse_image(image).tag
    except BadImageReference:
        tag = None
    if status.state is not RolloutState.DONE or tag is None:
        shown = f"`{tag or image}`"
        raise UserError(
            "source_unhealthy",
            f"`{service.name}` {shown} does not run healthy in `{source.name}`: {status.text}",
            hint="Wait until it does, or name a version.",
        )
    choice = await _named(ctx, service, Version(tag))
    return Choice(choice.version, f"runs healthy in {source.name}", choice.checked, choice.digest)


async def _newest(ctx: Context, service: Service) -> Choice:
    repository = parse_repository(service.image)
    try:
        tags = await ctx.registry.tags(repository)
        tag = versions.newest(tags)
        if tag is None:
            raise UserError(
                "no_versions",
                f"The registry has no version of `{service.name}`.",
                hint="Push an image, or name the tag you mean.",
            )
        digest = await ctx.registry.digest(repository, tag)
    except OutsideError as error:
        raise UserError(
            "registry_unknown",
            f"The registry could not be asked for the newest `{service.name}`: {error.text}.",
            hint="Name a version to go on without it.",
        ) from error
    return Choice(Version(tag), "newest tag of the registry", digest is not None, digest or "")


def _spellings(asked: str) -> list[str]:
    """As asked, then with or without the `v` that people forget."""
    other = asked[1:] if asked[:1] in "vV" and asked[1:2].isdigit() else f"v{asked}"
    return [asked, other] if asked[:1].isdigit() or other == asked[1:] else [asked]
