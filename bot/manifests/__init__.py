"""Manifests: kustomize overlays from Git or from a directory, laid out at one commit and rendered behind a fence.

Used by use cases through the Context. Reads and renders; what is applied to a cluster is bot.kube's work.
"""

from bot.manifests.git import GitLogin, find_git
from bot.manifests.manifests import Manifests, Place, sources
from bot.manifests.render import Renderer, RenderError, find_binary
from bot.manifests.source import ManifestSource

__all__ = [
    "GitLogin",
    "ManifestSource",
    "Manifests",
    "Place",
    "RenderError",
    "Renderer",
    "find_binary",
    "find_git",
    "sources",
]
