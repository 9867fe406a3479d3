"""The keys of manifests: the repositories that overlays come from, and a service's overlay in one of them.

Called by bot.settings.load and bot.settings.sections.
"""

import re
from collections.abc import Collection
from pathlib import Path
from urllib.parse import urlsplit

from bot.domain.catalog import Overlay
from bot.domain.hosts import is_loopback
from bot.settings import forms
from bot.settings.environment import Variables, path_form
from bot.settings.faults import did_you_mean
from bot.settings.forms import BadForm
from bot.settings.model import GitSettings, RepositorySettings
from bot.settings.section import Section

DEFAULT_BRANCH = "main"
_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?"
_PATH = r"(?:[\w.~+-]+/){0,20}[\w.~+-]+/?"
_HTTP = re.compile(rf"https?://{_HOST}(?::\d{{1,5}})?/{_PATH}", re.ASCII)
_SSH = re.compile(rf"(?:ssh://(?:[\w.-]+@)?{_HOST}(?::\d{{1,5}})?/|[\w.-]+@{_HOST}:){_PATH}", re.ASCII)
_BRANCH = re.compile(r"[A-Za-z0-9_][\w./+-]{0,199}", re.ASCII)


def read_repositories(root: Section) -> dict[str, RepositorySettings]:
    """`repositories`, by name; none when the key is absent."""
    if not root.has("repositories"):
        root.child("repositories")  # known, and absent
        return {}
    return {
        name: _repository(section) for name, section in root.named_children("repositories", forms.name, "repository")
    }


def _repository(section: Section) -> RepositorySettings:
    url = section.optional("url", git_url, "")
    directory = section.optional("directory", _directory, "")
    branch = section.optional("branch", branch_name, "")
    if section.present and section.has("url") == section.has("directory"):
        problem = "has both url and directory" if section.has("url") else "has neither url nor directory"
        remedy = "write one: url: https://git.example.com/team/manifests.git"
        section.faults.add(section.line, section.path, problem, remedy)
    section.close()
    return RepositorySettings(
        url=url or None,
        directory=Path(directory) if directory else None,
        branch=branch or (DEFAULT_BRANCH if url else ""),
    )


def read_overlay(section: Section, repositories: Collection[str]) -> Overlay | None:
    """`services.NAME.manifests`; None when it is absent."""
    path = section.optional("path", forms.overlay_path, "")
    if section.present and not section.has("path"):
        section.required("path", forms.overlay_path, "", 'write the overlay: path: "manifests/{environment}"')
    named = section.optional("repository", forms.name, "")
    prune = section.truth("prune", default=False)
    section.close()
    if not path:
        return None
    if named and named not in repositories:
        remedy = did_you_mean(named, list(repositories)) or "name it under `repositories`"
        section.faults.add(
            section.line_of("repository"), section.key("repository"), f"is `{named}`, which is no repository", remedy
        )
    elif not named and not section.has("repository") and len(repositories) != 1:
        problem = "does not say which repository" if repositories else "comes from no repository"
        remedy = f"write one of {', '.join(repositories)}" if repositories else "write `repositories` with one entry"
        section.faults.add(section.line, section.key("repository"), problem, remedy)
    return Overlay(path, named or next(iter(repositories), ""), prune=prune)


def read_git(variables: Variables) -> GitSettings:
    """What lets the bot into repositories, and what renders."""

    def path(name: str) -> Path | None:
        text = variables.formed(name, path_form, "")
        if text and not Path(text).is_absolute():
            variables.add(name, "is no absolute path", "Write the path from / on.")
        return Path(text) if text else None

    return GitSettings(
        username=variables.formed("GIT_USERNAME", _username, ""),
        token=variables.secret("GIT_TOKEN"),
        ssh_key=path("GIT_SSH_KEY_FILE"),
        known_hosts=path("GIT_SSH_KNOWN_HOSTS_FILE"),
        kustomize=path("KUSTOMIZE_BINARY"),
    )


def git_url(text: str) -> str:
    """Where a repository is fetched from; without a password, which would be told in logs."""
    if _SSH.fullmatch(text):
        return text
    if not _HTTP.fullmatch(text):
        raise BadForm(
            "a repository is https://host/path or git@host:path, without user or password: "
            "`https://git.example.com/team/manifests.git`"
        )
    parts = urlsplit(text)
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise BadForm("http would show the token to everyone on the way: `https://…`")
    return text


def branch_name(text: str) -> str:
    """A branch as Git allows it, and no more of that than people use."""
    odd = ("..", "//", "/.", "@{")
    if not _BRANCH.fullmatch(text) or any(each in text for each in odd) or text.endswith(("/", ".", ".lock")):
        raise BadForm("a branch is a name such as `main` or `release/2026-11`")
    return text


def _directory(text: str) -> str:
    if not text.startswith("/") or not text.isprintable() or ".." in text.split("/"):
        raise BadForm("a directory is an absolute path without `..`: `/srv/manifests`")
    return text


def _username(text: str) -> str:
    if not text.isprintable() or ":" in text or " " in text:
        raise BadForm("it is one word without a colon")
    return text
