"""Which version is meant, and whether it exists: asked of the registry. What runs elsewhere is in promotion."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.context import Context
from bot.domain import versions
from bot.domain.catalog import Service
from bot.domain.images import is_moving, parse_repository
from bot.domain.names import Version
from bot.domain.promotion import Promotion
from bot.errors import OutsideError, UserError


@dataclass(frozen=True, slots=True)
class Choice:
    """A version, where it came from in words for the card, and whether the registry has it."""

    version: Version
    origin: str
    checked: bool
    digest: str = ""
    names: tuple[str, ...] = ()
    """Digests by which nodes may report it; empty: not known."""
    promotion: Promotion | None = None
    is_exact: bool = False
    """It must be set by its digest: the tag does not lead to it."""


async def named(ctx: Context, service: Service, asked: Version) -> Choice:
    """A version by its name, checked with the registry; when that can't be asked, it goes ahead unchecked.

    Raises UserError for one that does not exist, and for names that move.
    """
    if is_moving(asked, service.moving_tags):
        raise moving_tag(service, asked, await offered(ctx, service))
    repository = parse_repository(service.image)
    try:
        for spelling in _spellings(asked):
            digest = await ctx.registry.digest(repository, spelling)
            if digest is not None:
                names = await names_of(ctx, service, digest)
                return Choice(Version(spelling), "named in the command", True, digest, names)
        tags = await ctx.registry.tags(repository)
    except OutsideError:
        return Choice(asked, "named in the command", False)
    raise no_such_version(service, asked, tags)


async def names_of(ctx: Context, service: Service, digest: str) -> tuple[str, ...]:
    """The digests by which nodes may report an image; empty when the registry does not say."""
    try:
        return await ctx.registry.names(parse_repository(service.image), digest)
    except OutsideError:
        return ()


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


def moving_tag(service: Service, asked: str, tags: Sequence[str]) -> UserError:
    """A name that another build will have tomorrow: what to type in its place."""
    newest = versions.newest([tag for tag in tags if not is_moving(tag, service.moving_tags)])
    meant = f"Name a version: the newest is `{newest}`." if newest else "Name the version that you mean."
    return UserError(
        "moving_tag",
        f"`{asked}` is given to another image with each build: nobody could say later which `{service.name}` ran.",
        hint=meant,
    )


async def newest(ctx: Context, service: Service) -> Choice:
    """The newest version of the registry. Raises UserError when there is none, or it can't be asked."""
    repository = parse_repository(service.image)
    try:
        tags = await ctx.registry.tags(repository)
        tag = versions.newest([tag for tag in tags if not is_moving(tag, service.moving_tags)])
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
    names = await names_of(ctx, service, digest) if digest else ()
    return Choice(Version(tag), "newest tag of the registry", digest is not None, digest or "", names)


def _spellings(asked: str) -> list[str]:
    """As asked, then with or without the `v` that people forget."""
    other = asked[1:] if asked[:1] in "vV" and asked[1:2].isdigit() else f"v{asked}"
    return [asked, other] if asked[:1].isdigit() or other == asked[1:] else [asked]
