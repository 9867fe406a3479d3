"""The service shop, which is released by its kustomize overlay: its repository, and what of it runs in the clusters.

Written by bot.sandbox.server when it is asked for. The repository is a real one that people may commit to; it is a few
commits ahead of what runs, so that the first plan has something to show.
"""

import os
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from bot.sandbox.kube.cluster import Cluster
from bot.sandbox.kube.controllers.deployment_status import is_complete
from bot.sandbox.kube.kinds import BY_KIND, DEPLOYMENTS, Obj
from bot.sandbox.kube.registry import WriteOptions

FOLDER = "overlays"
"""In the state folder."""
SERVICE = NAMESPACE = "shop"
REPOSITORY = "growlio/shop"
PUBLISHED = ("1.0.0", "1.0.1", "1.1.0")
RUNS = {"stg": "1.0.1", "prd": "1.0.0"}
OVERLAY = "shop/overlays/{environment}"
GIT_TIMEOUT_S = 30
_SERVICE_LABEL, _COMMIT_MARK, _MANAGER = "kajitori/service", "kajitori/commit", "kajitori"
_NAME = "app.kubernetes.io/name"
_PEOPLE = {"Alice": "alice@example.com", "Bob": "bob@example.com"}

Files = dict[str, Any]


def configuration(folder: Path, registry_host: str) -> dict[str, Any]:
    """What kajitori.yaml says of it: `repositories`, and the service."""
    return {
        "repositories": {"overlays": {"directory": str(folder / FOLDER)}},
        "services": {
            SERVICE: {
                "namespace": NAMESPACE,
                "workload": f"deployment/{SERVICE}",
                "container": SERVICE,
                "image": f"{registry_host}/{REPOSITORY}",
                "manifests": {"path": OVERLAY, "prune": True},
            }
        },
    }


def write_repository(folder: Path, registry_host: str) -> str:
    """Make the repository anew; the commit that runs in the clusters. Without a git: a plain folder, and nothing."""
    root, git = folder / FOLDER, shutil.which("git")
    if git is not None:
        try:
            return _write_commits(_emptied(root), git, registry_host)
        except subprocess.SubprocessError:
            pass  # older than these options, or broken: the service is playable all the same
    _write(_emptied(root), _files(registry_host) | _ahead())
    return ""


def _emptied(root: Path) -> Path:
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    return root


def _write_commits(root: Path, git: str, registry_host: str) -> str:
    first = _files(registry_host)
    stg = "shop/overlays/stg/kustomization.yaml"
    first[stg] = _overlay(registry_host, "stg", "1.0.0")
    _write(root, first)
    _git(git, root, "init", "--quiet", "--initial-branch=main")
    _commit(git, root, "Alice", "Add the shop", days_ago=9)
    _write(root, {stg: _overlay(registry_host, "stg", RUNS["stg"])})
    runs = _commit(git, root, "Alice", "Release shop 1.0.1 to stg", days_ago=3)
    for who, title, path, content, days_ago in (
        ("Bob", "Keep prices for five minutes", "shop/base/settings.yaml", _settings("300"), 2),
        ("Alice", "Take the banner down", "shop/base/kustomization.yaml", _base(banner=False), 1),
    ):
        _write(root, {path: content})
        _commit(git, root, who, title, days_ago=days_ago)
    return runs


def seed_shop(cluster: Cluster, registry_host: str, commit: str) -> None:
    """What an earlier release has applied to a cluster that has not started: the overlay at `commit`."""
    cluster.create_namespace(NAMESPACE)
    for body in _applied(cluster.name, registry_host, commit):
        resource = BY_KIND[(body["apiVersion"], body["kind"])]
        options = WriteOptions(manager=_MANAGER)
        cluster.registry.apply(resource, NAMESPACE, body["metadata"]["name"], body, options)
    cluster.settle(lambda: all(is_complete(each, each["status"]) for each in cluster.store.all_of(DEPLOYMENTS)))


def _applied(environment: str, registry_host: str, commit: str) -> list[Obj]:
    """The objects as the overlay renders to them, with the marks of a release."""
    deployment = _deployment()
    deployment["spec"]["replicas"] = _replicas(environment)
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    container["image"] = f"{registry_host}/{REPOSITORY}:{RUNS[environment]}"
    found = [_settings("60"), _banner(), _kubernetes_service(), _cleaning(), _budget(), deployment]
    for body in found:
        body["metadata"] |= {
            "namespace": NAMESPACE,
            "labels": body["metadata"].get("labels", {}) | {_SERVICE_LABEL: SERVICE},
        }
        if commit:
            body["metadata"]["annotations"] = {_COMMIT_MARK: commit}
    return found


def _files(registry_host: str) -> Files:
    """The repository's files as they were when what runs was released."""
    return {
        "shop/base/kustomization.yaml": _base(banner=True),
        "shop/base/deployment.yaml": _deployment(),
        "shop/base/service.yaml": _kubernetes_service(),
        "shop/base/settings.yaml": _settings("60"),
        "shop/base/banner.yaml": _banner(),
        "shop/base/cleaning.yaml": _cleaning(),
        "shop/base/budget.yaml": _budget(),
        **{
            f"shop/overlays/{environment}/kustomization.yaml": _overlay(registry_host, environment, version)
            for environment, version in RUNS.items()
        },
    }


def _ahead() -> Files:
    """What was committed since."""
    return {"shop/base/settings.yaml": _settings("300"), "shop/base/kustomization.yaml": _base(banner=False)}


def _replicas(environment: str) -> int:
    return 3 if environment == "prd" else 2


def _base(banner: bool) -> Files:
    names = ["settings", *(["banner"] if banner else []), "deployment", "service", "cleaning", "budget"]
    return {"resources": [f"{name}.yaml" for name in names]}


def _overlay(registry_host: str, environment: str, version: str) -> Files:
    return {
        "namespace": NAMESPACE,
        "resources": ["../../base"],
        "replicas": [{"name": SERVICE, "count": _replicas(environment)}],
        "images": [{"name": REPOSITORY, "newName": f"{registry_host}/{REPOSITORY}", "newTag": version}],
    }


def _settings(seconds: str) -> Obj:
    data = {"CURRENCY": "JPY", "PRICES_KEPT_SECONDS": seconds}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "shop-settings"}, "data": data}


def _banner() -> Obj:
    data = {"text": "Autumn sale until Sunday"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "shop-banner"}, "data": data}


def _deployment() -> Obj:
    container: Obj = {
        "name": SERVICE,
        "image": REPOSITORY,
        "ports": [{"name": "http", "containerPort": 8080}],
        "envFrom": [{"configMapRef": {"name": "shop-settings"}}],
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 2},
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}},
    }
    pod = {"terminationGracePeriodSeconds": 5, "containers": [container]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": SERVICE, "labels": {_NAME: SERVICE}},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {_NAME: SERVICE}},
            "template": {"metadata": {"labels": {_NAME: SERVICE}}, "spec": pod},
        },
    }


def _kubernetes_service() -> Obj:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": SERVICE, "labels": {_NAME: SERVICE}},
        "spec": {"selector": {_NAME: SERVICE}, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]},
    }


def _cleaning() -> Obj:
    pod: Obj = {
        "restartPolicy": "Never",
        "containers": [
            {"name": "cleaning", "image": "busybox:1.36", "args": ["sh", "-c", "echo empty carts are gone"]}
        ],
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "shop-cleaning"},
        "spec": {
            "schedule": "30 4 * * *",
            "timeZone": "Asia/Tokyo",
            "suspend": True,
            "jobTemplate": {"spec": {"template": {"metadata": {"labels": {_NAME: "shop-cleaning"}}, "spec": pod}}},
        },
    }


def _budget() -> Obj:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": SERVICE},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {_NAME: SERVICE}}},
    }


def _write(root: Path, files: Files) -> None:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def _commit(git: str, root: Path, who: str, title: str, days_ago: int) -> str:
    at = (datetime.now(UTC) - timedelta(days=days_ago)).strftime("%Y-%m-%dT%H:%M:%SZ")
    names = {"NAME": who, "EMAIL": _PEOPLE[who], "DATE": at}
    environment = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in names.items()}
    _git(git, root, "add", "--all")
    _git(git, root, "commit", "--quiet", f"--message={title}", **environment)
    return _git(git, root, "rev-parse", "HEAD")


def _git(git: str, root: Path, *words: str, **environment: str) -> str:
    """One command, with none of the configuration of whoever plays; CalledProcessError when it fails."""
    clean = {"PATH": os.environ.get("PATH", ""), "HOME": str(root), "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C"}
    done = subprocess.run(
        [git, *words],
        cwd=root,
        env=clean | environment,
        capture_output=True,
        text=True,
        timeout=GIT_TIMEOUT_S,
        check=True,
    )
    return done.stdout.strip()
