"""The configuration of manifests: repositories, overlays in them, and what lets the bot in."""

from pathlib import Path

import pytest

from bot.domain.catalog import Overlay
from bot.domain.names import EnvironmentName
from bot.settings import GitSettings, RepositorySettings, Secret, SettingsError, load

SOCKET = {"SLACK_BOT_TOKEN": "xoxb-1-bot", "SLACK_APP_TOKEN": "xapp-1-app"}
ONE = 'repositories: {m: {url: "https://git.example.com/growlio/m.git"}}\n'
TWO = 'repositories: {m: {url: "git@git.example.com:growlio/m.git", branch: release/1}, n: {directory: /srv/n}}\n'


def read(folder: Path, text: str, manifests: str = "", environ: dict[str, str] | None = None):
    more = f", manifests: {manifests}" if manifests else ""
    service = f"namespace: a, workload: deployment/a, container: a, image: registry.example.com/a{more}"
    file = folder / "k.yaml"
    file.write_text(f"{text}environments: {{stg: {{}}}}\nservices:\n  a: {{{service}}}\n")
    return load(file, SOCKET | (environ or {}))


def test_an_overlay_is_in_the_only_repository_or_in_the_one_it_names(tmp_path):
    (service,) = read(tmp_path, ONE, '{path: "a/{environment}"}').catalog.services.values()
    assert service.manifests == Overlay("a/{environment}", "m")
    assert service.manifests.at(EnvironmentName("stg")) == "a/stg"
    (service,) = read(tmp_path, TWO, "{path: a, repository: n, prune: true}").catalog.services.values()
    assert service.manifests == Overlay("a", "n", prune=True)
    (service,) = read(tmp_path, "").catalog.services.values()
    assert service.manifests is None


def test_a_repository_has_its_branch_and_a_directory_what_it_has_checked_out(tmp_path):
    assert dict(read(tmp_path, ONE).repositories) == {
        "m": RepositorySettings("https://git.example.com/growlio/m.git", None, "main")
    }
    assert dict(read(tmp_path, TWO).repositories) == {
        "m": RepositorySettings("git@git.example.com:growlio/m.git", None, "release/1"),
        "n": RepositorySettings(None, Path("/srv/n"), ""),
    }


def test_what_lets_the_bot_in_comes_from_the_environment_and_is_not_printed(tmp_path):
    given = {"GIT_USERNAME": "bot", "GIT_TOKEN": "hunter2", "GIT_SSH_KEY_FILE": "/k", "KUSTOMIZE_BINARY": "/b/kubectl"}
    settings = read(tmp_path, ONE, environ=given)
    assert settings.git == GitSettings("bot", Secret("hunter2"), Path("/k"), None, Path("/b/kubectl"))
    assert "hunter2" not in repr(settings)


@pytest.mark.parametrize(
    ("text", "manifests", "told"),
    [
        ("", "{path: a}", "services.a.manifests.repository: comes from no repository"),
        (TWO, "{path: a}", "services.a.manifests.repository: does not say which repository. Write one of m, n."),
        (TWO, "{path: a, repository: mm}", "is `mm`, which is no repository. Did you mean `m`?"),
        (ONE, "{repository: m}", "services.a.manifests.path: is missing"),
        (ONE, "{path: ../a}", "services.a.manifests.path: is `../a`"),
        ("repositories: {m: {}}\n", "", "repositories.m: has neither url nor directory"),
        ('repositories: {m: {url: "git@h.example.com:a", directory: /a}}\n', "", "has both url and directory"),
        ("repositories: {m: {directory: a/b}}\n", "", "repositories.m.directory: is `a/b`"),
        ('repositories: {m: {url: "file:///etc"}}\n', "", "repositories.m.url: is `file:///etc`"),
        ('repositories: {m: {url: "https://u:hunter2@h.example.com/a"}}\n', "", "(hidden: it looks like a secret)"),
        ('repositories: {m: {directory: /a, branch: "--upload-pack=x"}}\n', "", "a branch is a name"),
        ("repositories: {}\n", "", "repositories: is empty"),
    ],
)
def test_a_fault_is_told_with_its_key_and_a_remedy(tmp_path, text, manifests, told):
    with pytest.raises(SettingsError) as error:
        read(tmp_path, text, manifests)
    (fault,) = [str(each) for each in error.value.faults]
    assert told.lower() in fault.lower()
    assert "hunter2" not in fault


def test_a_path_of_a_program_or_key_is_absolute(tmp_path):
    with pytest.raises(SettingsError, match="KUSTOMIZE_BINARY: is no absolute path"):
        read(tmp_path, ONE, environ={"KUSTOMIZE_BINARY": "kubectl"})
