"""The lock, the build file and the image: what would otherwise drift apart in silence."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ASKED = [
    *PROJECT["dependencies"],
    *(each for extra in PROJECT["optional-dependencies"].values() for each in extra),
]


def locked(file: str) -> dict[str, tuple[str, int]]:
    """Package → version and how many hashes it has."""
    found: dict[str, tuple[str, int]] = {}
    for entry in re.split(r"\n(?=[a-z0-9])", (ROOT / file).read_text()):
        match = re.match(r"([a-z0-9._-]+)==(\S+)", entry)
        if match is not None:
            found[canonicalize_name(match[1])] = (match[2], entry.count("--hash=sha256:"))
    return found


@pytest.mark.parametrize("asked", ASKED)
def test_the_lock_has_every_dependency_in_a_version_that_was_asked_for(asked):
    requirement = Requirement(asked)
    version, _ = locked("requirements.lock")[canonicalize_name(requirement.name)]
    assert requirement.specifier.contains(version, prereleases=True)


@pytest.mark.parametrize("file", ["requirements.lock", "tools/uv.txt"])
def test_everything_locked_has_hashes_and_no_host_or_path(file):
    packages = locked(file)
    assert packages
    assert all(hashes > 0 for _, hashes in packages.values())
    lines = (ROOT / file).read_text().splitlines()
    assert not [line for line in lines if re.search(r"://|^-|^[./]|@ ", line)]


def test_the_image_runs_as_nobody_and_leaves_the_tools_of_its_build_behind():
    *_, last = (ROOT / "Dockerfile").read_text().split("\nFROM ")
    commands = "\n".join(line for line in last.splitlines() if not line.startswith("#"))
    assert "USER 65532:65532" in commands
    assert not re.search(r"\bpip\b|python3-venv|gcc|build-essential|curl|wget", commands)


def test_the_version_is_the_same_everywhere():
    version = PROJECT["version"]
    assert f'__version__ = "{version}"' in (ROOT / "bot" / "__init__.py").read_text()
    assert f"ARG VERSION={version}" in (ROOT / "Dockerfile").read_text()
    for overlay in ("dev", "stg", "prd"):
        text = (ROOT / "k8s" / "overlays" / overlay / "kustomization.yaml").read_text()
        assert f"newTag: {version}" in text
        assert f"app.kubernetes.io/version: {version}" in text
