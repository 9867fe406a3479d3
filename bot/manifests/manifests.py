"""The manifests of all services: where each service's overlay comes from, and what it renders to.

In the Context as `manifests`; made by bot.app. Which repository and which path are looked up in the catalogue, never
taken from what somebody typed.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import structlog

from bot.domain.catalog import Overlay, Service
from bot.domain.names import EnvironmentName
from bot.errors import OutsideError, UserError
from bot.manifests.render import Renderer
from bot.manifests.source import ManifestSource

log = structlog.get_logger()


class Manifests:
    """The sources by their names in the configuration, and the renderer; None when this machine has none."""

    def __init__(
        self, sources: Mapping[str, ManifestSource] | None = None, renderer: Renderer | None = None
    ) -> None:
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
            except (OutsideError, UserError) as error:
                log.warning("manifests.unreadable", source=source.name, error=str(error))


def _overlay(service: Service) -> Overlay:
    if service.manifests is None:
        raise UserError("no_manifests", f"{service.name} has no manifests in the configuration: an image is released.")
    return service.manifests
