"""/promote and images by digest, as people use them."""

from pathlib import Path

import pytest
import yaml

from bot.domain.catalog import Target
from bot.domain.names import EnvironmentName, ServiceName
from bot.manifests import find_binary
from bot.sandbox.kube.kinds import DEPLOYMENTS
from bot.usecases.planning import plan_promotion
from tests.chat import PRD, Chat, open_chat, payload, plain


def image(chat: Chat, environment: str) -> str:
    """What the Deployment admin is set to."""
    held = chat.sandbox.clusters[environment].store.get(DEPLOYMENTS, "admin", "admin")
    assert held is not None
    return str(held["spec"]["template"]["spec"]["containers"][0]["image"])


async def test_what_runs_in_staging_is_approved_and_released_by_its_digest(chat: Chat) -> None:
    digest = chat.sandbox.registry.digest(image(chat, "stg"))
    await chat.alice.says("/promote prd admin", channel=PRD)
    waiting = await chat.card(phase="AwaitingApproval", service="admin")
    assert "exactly what *stg* runs" in plain(waiting)
    assert "runs healthy in stg for" in plain(waiting)
    await chat.bob.presses("Approve", waiting)
    done = await chat.card(phase="Succeeded", service="admin")
    assert payload(done)["to_version"] == "1.4.1"
    assert image(chat, "prd") == f"{image(chat, 'stg')}@{digest}"
    await chat.alice.says("/status prd admin", channel=PRD)
    assert "sha256" not in await chat.alice.hears("`1.4.1`")
    await chat.alice.says("/promote prd admin", channel=PRD)
    await chat.alice.hears("`admin` `1.4.1` already runs in `prd`")


async def test_a_tag_that_is_moved_after_the_plan_voids_its_approval(chat: Chat) -> None:
    await chat.alice.says("/deploy prd admin 1.4.2", channel=PRD)
    waiting = await chat.card(phase="AwaitingApproval", service="admin")
    chat.sandbox.registry.publish("growlio/admin", "1.4.2", build=2)
    await chat.bob.presses("Approve", waiting)
    ended = await chat.card(phase="Aborted", text=r"The plan changed since approval \(image sha256:\w{12}→\w{12}\)")
    assert "Ask again" in plain(ended)
    assert chat.patches("prd") == []


async def test_what_is_not_settled_in_staging_is_not_promoted(chat: Chat) -> None:
    chat.sandbox.registry.publish("growlio/admin", "1.4.3-slow")
    await chat.alice.says("/deploy stg admin 1.4.3-slow")
    await chat.card(phase="Progressing", service="admin")
    await chat.bob.says("/promote prd admin", channel=PRD)
    heard = await chat.bob.hears("What runs in `stg` is not settled")
    assert "<@U0ALICE> is releasing `1.4.3-slow` there" in heard


async def test_names_that_move_and_environments_without_one_before_are_refused_in_words(chat: Chat) -> None:
    await chat.alice.says("/deploy stg admin latest")
    assert "the newest is `1.4.2`" in await chat.alice.hears("`latest` is given to another image with each build")
    await chat.bob.says("/promote stg admin")
    await chat.bob.hears("`stg` has no environment before it")
    assert chat.cards() == []


@pytest.mark.skipif(find_binary(None) is None, reason="neither kustomize nor kubectl is here")
async def test_the_overlays_of_both_environments_are_compared_beside_the_image(tmp_path: Path) -> None:
    overlays = tmp_path / "manifests"

    def change(text: str) -> str:
        config = yaml.safe_load(text)
        config["repositories"] = {"main": {"directory": str(overlays)}}
        config["services"]["admin"]["manifests"] = {"path": "admin/{environment}"}
        return str(yaml.safe_dump(config))

    def settings(environment: str, ttl: str) -> dict[str, object]:
        metadata = {"name": "settings", "namespace": "admin"}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"at": environment, "ttl": ttl}}

    overlays.mkdir()
    async with open_chat(tmp_path / "sandbox", change=change) as chat:
        for environment, ttl in (("stg", "60"), ("prd", "300")):
            folder = overlays / "admin" / environment
            folder.mkdir(parents=True)
            held = chat.sandbox.clusters[environment].store.get(DEPLOYMENTS, "admin", "admin")
            assert held is not None
            workload = {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": "admin", "namespace": "admin"},
                "spec": held["spec"],
            }
            (folder / "all.yaml").write_text(yaml.safe_dump_all([workload, settings(environment, ttl)]))
            (folder / "kustomization.yaml").write_text("resources: [all.yaml]\n")
        assert chat.bot is not None
        plan = await plan_promotion(chat.bot.ctx, Target(EnvironmentName("prd"), ServiceName("admin")))
        assert plan.promotion is not None
        assert plan.promotion.compared
        told = {each.name: each.lines for each in plan.promotion.drift}
        assert told["ConfigMap/settings"] == ("~ data.ttl: 60 → 300",)
        assert not any("replicas" in line or "image" in line for lines in told.values() for line in lines)
        await chat.alice.says("/promote prd admin", channel=PRD)
        card = await chat.card(phase="AwaitingConfirmation", service="admin")
        assert "ConfigMap/settings in 1 line" in plain(card)
        await chat.says("What the overlay of \\*prd\\* has otherwise than the one of \\*stg\\*", channel=PRD)
        await chat.alice.presses("Confirm", card)
        await chat.card(phase="AwaitingApproval", service="admin")


async def test_without_the_registry_nothing_goes_where_images_are_set_by_digest_but_by_breaking_the_glass(
    chat: Chat,
) -> None:
    chat.sandbox.registry.available = False
    await chat.alice.says("/deploy prd admin 1.4.2", channel=PRD)
    await chat.alice.hears("`prd` takes images by digest, and the registry could not be asked")
    await chat.people["ops"].says("/breakglass prd admin 1.4.2 the site is down", channel=PRD)
    await chat.card(phase="Succeeded", service="admin")
    assert image(chat, "prd").endswith("/growlio/admin:1.4.2")
