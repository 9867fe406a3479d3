"""The sandbox's service shop: what its overlay renders to is what runs, but for what was committed since."""

import asyncio

import pytest
import yaml

from bot.domain.manifests.objects import check
from bot.manifests import GitLogin, Manifests, Place, Renderer, find_binary, find_git, sources
from bot.sandbox import overlays
from bot.sandbox.kube.cluster import Cluster
from bot.sandbox.kube.kinds import BY_KIND
from bot.settings import load

HOST = "127.0.0.1:5000"


@pytest.fixture
def shop(tmp_path):
    """The repository, the commit that runs, and what reads it."""
    binary = find_binary(None)
    if binary is None or find_git() is None:
        pytest.skip("needs git, and kustomize or kubectl")
    runs = overlays.write_repository(tmp_path, HOST)
    place = {"overlays": Place(None, tmp_path / overlays.FOLDER, "")}
    found = sources(place, GitLogin(), tmp_path / "home", program=find_git())
    return found["overlays"], runs, Manifests(found, Renderer(binary))


async def rendered(shop, sha: str, environment: str) -> dict:
    source, _, manifests = shop
    async with source.checkout(sha) as tree:
        objects = await manifests.render(tree, overlays.OVERLAY.replace("{environment}", environment))
    assert check(objects, namespaces=["shop"]) == ()
    return {(each["kind"], each["metadata"]["name"]): each for each in objects}


@pytest.mark.parametrize("environment", ["stg", "prd"])
async def test_the_overlay_at_the_commit_that_runs_is_what_was_applied(shop, environment):
    applied = overlays._applied(environment, HOST, "")
    for each in applied:
        each["metadata"]["labels"].pop("kajitori/service")
        each["metadata"] = {key: value for key, value in each["metadata"].items() if value}
    found = await rendered(shop, shop[1], environment)
    assert found == {(each["kind"], each["metadata"]["name"]): each for each in applied}


async def test_two_commits_came_since_one_value_changes_and_one_object_left(shop):
    source, runs, _ = shop
    latest = await source.latest()
    titles = [commit.title for commit in await source.commits(runs, latest.sha, "shop")]
    assert titles == ["Take the banner down", "Keep prices for five minutes"]
    then, now = await asyncio.gather(*(rendered(shop, sha, "stg") for sha in (runs, latest.sha)))
    assert then.keys() - now.keys() == {("ConfigMap", "shop-banner")}
    assert {key for key in now if now[key] != then[key]} == {("ConfigMap", "shop-settings")}


async def test_the_shop_runs_in_a_cluster_as_a_release_left_it():
    cluster = Cluster("stg", lambda image: True)
    overlays.seed_shop(cluster, HOST, "a" * 40)
    deployment = cluster.registry.read(BY_KIND[("apps/v1", "Deployment")], "shop", "shop")
    assert deployment["status"]["availableReplicas"] == 2
    assert deployment["metadata"]["annotations"]["kajitori/commit"] == "a" * 40
    managers = {(entry["manager"], entry["operation"]) for entry in deployment["metadata"]["managedFields"]}
    assert ("kajitori", "Apply") in managers


def test_its_configuration_is_one_that_the_bot_takes(tmp_path):
    text = {"environments": {"stg": {}}, **overlays.configuration(tmp_path, HOST)}
    (tmp_path / "k.yaml").write_text(yaml.safe_dump(text))
    settings = load(tmp_path / "k.yaml", {"SLACK_BOT_TOKEN": "xoxb-1-a", "SLACK_APP_TOKEN": "xapp-1-a"})
    (service,) = settings.catalog.services.values()
    assert service.manifests is not None
    assert service.manifests.at(next(iter(settings.catalog.environments))) == "shop/overlays/stg"
