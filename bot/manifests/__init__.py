"""Manifests: kustomize overlays from Git or from a directory, laid out at one commit and rendered behind a fence.

Used by use cases through the Context. Reads and renders; what is applied to a cluster is bot.kube's work.
"""

from bot.manifests.directory import Directory
from bot.manifests.manifests import Manifests
from bot.manifests.render import Renderer, RenderError, find_binary
from bot.manifests.source import ManifestSource
from bot.manifests.trees import Trees

__all__ = ["Directory", "ManifestSource", "Manifests", "RenderError", "Renderer", "Trees", "find_binary"]
