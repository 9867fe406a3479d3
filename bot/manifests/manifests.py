"""The manifests of all services: where each service's overlay comes from, and what it renders to.

In the Context as `manifests`; made by bot.app. Which repository and which path are looked up in the catalogue, never
taken from what somebody typed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from bot.domain.catalog import Overlay, Service
from bot.domain.names import EnvironmentName
from bot.errors import OutsideError, UserError
from bot.manifests.directory import Directory
from bot.manifests.git import GitLogin
from bot.manifests.render import Renderer
from bot.manifests.repository import GitRepository
from bot.manifests.source import ManifestSource
from bot.manifests.trees import Trees

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a repository is: one of `url` and `directory`; `branch` empty for what a directory has checked out."""

    url: str | None
    directory: Path | None
    branch: str


def sources(
    places: Mapping[str, Place], login: GitLogin, home: Path, *, program: Path | None
) -> dict[str, ManifestSource]:
    """A source for each place, with their clones and trees in `home`. What a directory is, is looked at now."""
    trees = Trees(home / "trees")
    found: dict[str, ManifestSource] = {}
    for name, place in places.items():
        folder = place.directory
        if folder is not None and not _is_repository(folder):
            found[name] = Directory(name, folder, trees)
        else:
            url = place.url or str(folder)
            found[name] = GitRepository(name, url, place.branch, login, home, trees, program=program)
    return found


def _is_repository(folder: Path) -> bool:
    return (folder / ".git").exists() or ((folder / "HEAD").is_file() and (folder / "objects").is_dir())


class Manifests:
    """The sources by their names in the configuration, and the renderer; None when this machine has none."""

    def __init__(self, sources: Mapping[str, ManifestSource] | None = None, renderer: Renderer | None = None) -> None:
        self._sources = sources or {}
        self._renderer = renderer

    def source(self, service: Service) -> ManifestSource:
        """Where the service's overlay comes from. Raises UserError `no_manifests`."""
        return self._sources[_overlay(service).repository]

    def path(self, service: Service, environment: EnvironmentName) -> str:
        """The overlay's path in its repository. Raises UserError `no_manifests`."""
        return _overlay(service).at(environment)

    async def render(self, tree: Path, overlay: str) -> Sequence[Mapping[str, Any]]:
        """What an overlay of a checked-out tree says, unchecked: see bot.domain.manifests.objects.check.

        Raises RenderError, and OutsideError when there is no renderer.
        """
        if self._renderer is None:
            raise OutsideError("kustomize", "is not installed where the bot runs")
        return await self._renderer.render(tree, overlay)

    async def warm(self) -> None:
        """Read every source once, so that the first release need not wait for a clone. What fails is logged."""
        for source in self._sources.values():
            try:
                await source.latest()
            except (OutsideError, UserError, OSError) as error:
                log.warning("manifests.unreadable", source=source.name, error=str(error))


def _overlay(service: Service) -> Overlay:
    if service.manifests is None:
        raise UserError("no_manifests", f"{service.name} has no manifests in the configuration: an image is released.")
    return service.manifests
