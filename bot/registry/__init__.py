"""The image registry, asked over the OCI distribution API: which tags are there, and what a tag points at.

Used by use cases that choose or check a version. Only reads manifests and tag lists; never pulls an image.
"""

from bot.registry.client import Registry
from bot.registry.credentials import docker_config_file

__all__ = ["Registry", "docker_config_file"]
