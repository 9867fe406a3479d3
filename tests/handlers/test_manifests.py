"""A service with manifests: people see what its overlay would change, confirm it, approve it, and it is applied."""

import re
from collections.abc import AsyncIterator
from copy import deepcopy
from pathlib import Path

import pytest
import yaml

from bot.domain.manifests.live import cleaned
from bot.manifests import find_binary
from bot.sandbox.kube.kinds import CONFIG_MAPS, DEPLOYMENTS
from tests.chat import PRD, STG, Chat, Json, open_chat, payload, plain

pytestmark = pytest.mark.skipif(find_binary(None) is None, reason="neither kustomize nor kubectl is here")


@pytest.fixture
def overlays(tmp_path: Path) -> Path:
    return tmp_path / "manifests"


@pytest.fixture
async def chat(tmp_path: Path, overlays: Path) -> AsyncIterator[Chat]:
    overlays.mkdir()

    def change(text: str) -> str:
        config = yaml.safe_load(text)
        config["repositories"] = {"main": {"directory": str(overlays)}}
        config["services"]["admin"]["manifests"] = {"path": "admin/{environment}", "prune": True}
        return yaml.safe_dump(config)

    async with open_chat(tmp_path / "sandbox", change=change) as chat:
        for environment in ("stg", "prd"):
            write(overlays, environment, live(chat, environment))
        yield chat


def live(chat: Chat, environment: str) -> Json:
    """The Deployment that the overlay stands for, as an overlay would say it."""
    held = chat.sandbox.clusters[environment].store.get(DEPLOYMENTS, "admin", "admin")
    assert held is not None
    found = cleaned(held)
    return {"apiVersion": "apps/v1", "kind": "Deployment", **deepcopy(found)}


def write(overlays: Path, environment: str, deployment: Json, *others: Json) -> None:
    folder = overlays / "admin" / environment
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "all.yaml").write_text(yaml.safe_dump_all([deployment, *others]))
    (folder / "kustomization.yaml").write_text("resources: [all.yaml]\n")


def config_map(name: str, **data: str) -> Json:
    metadata = {"name": name, "namespace": "admin"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def maps(chat: Chat, environment: str = "stg") -> dict[str, Json]:
    """ConfigMaps of the namespace by name."""
    held = chat.sandbox.clusters[environment].store.collection(CONFIG_MAPS).objects
    return {
        name: found["data"] for (namespace, name), found in held.items() if namespace == "admin" and "data" in found
    }


async def thread(chat: Chat, root: Json, pattern: str) -> str:
    def find() -> str | None:
        said = [plain(m) for m in chat.messages(root["channel"]) if m.get("thread_ts") == root["ts"]]
        return next((text for text in said if re.search(pattern, text)), None)

    return await chat.until(find, 60.0, lambda: f"in the thread: {chat.messages(root['channel'])}")


async def test_an_overlay_is_shown_confirmed_approved_and_applied_with_the_version(chat: Chat, overlays: Path) -> None:
    wanted = live(chat, "prd")
    wanted["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "MODE", "value": "fast"}]
    write(overlays, "prd", wanted, config_map("settings", colour="blue"))
    await chat.alice.says("/deploy prd admin 1.4.1", channel=PRD)
    asked = await chat.card(phase="AwaitingConfirmation", service="admin")
    assert "ConfigMap/settings* is new" in plain(asked)
    await thread(chat, asked, "MODE")
    await chat.bob.presses("Confirm", asked)
    await chat.bob.hears("asked for it, and confirms it")
    assert not [write for write in chat.patches("prd") if "dryRun" not in write.query]
    await chat.alice.presses("Confirm", asked)
    waiting = await chat.card(phase="AwaitingApproval", service="admin")
    await chat.carol.presses("Approve", waiting)
    await chat.card(phase="Succeeded", service="admin")
    assert maps(chat, "prd")["settings"] == {"colour": "blue"}
    assert {"name": "MODE", "value": "fast"} in live(chat, "prd")["spec"]["template"]["spec"]["containers"][0]["env"]


async def test_an_overlay_that_changed_after_the_approval_is_not_applied(chat: Chat, overlays: Path) -> None:
    write(overlays, "prd", live(chat, "prd"), config_map("settings", colour="blue"))
    await chat.alice.says("/deploy prd admin 1.4.1", channel=PRD)
    await chat.alice.presses("Confirm", await chat.card(phase="AwaitingConfirmation", service="admin"))
    waiting = await chat.card(phase="AwaitingApproval", service="admin")
    write(overlays, "prd", live(chat, "prd"), config_map("settings", colour="red"))
    await chat.carol.presses("Approve", waiting)
    ended = await chat.card(phase="Failed", service="admin")
    assert "The manifests main are not at" in plain(ended)  # a directory keeps no history: its content is its commit
    assert "settings" not in maps(chat, "prd")


async def test_what_left_the_overlay_is_removed_once_the_version_runs(chat: Chat, overlays: Path) -> None:
    write(overlays, "stg", live(chat, "stg"), config_map("first", a="1"))
    await chat.alice.says("/deploy stg admin 1.4.2")
    await chat.card(phase="Succeeded", service="admin", text="`1.4.2` runs")
    assert "first" in maps(chat)
    write(overlays, "stg", live(chat, "stg"), config_map("second", a="1"))
    await chat.alice.says("/deploy stg admin 1.4.1")
    await chat.card(phase="Succeeded", service="admin", text="`1.4.1` runs")
    assert "first" not in maps(chat)
    assert "second" in maps(chat)


async def test_fields_of_others_are_named_and_taken_over_by_an_operator_alone(chat: Chat, overlays: Path) -> None:
    await chat.kubectl("stg", "admin", "deployments", "admin", deadline_s=601, manager="someone")
    wanted = live(chat, "stg")
    wanted["spec"]["progressDeadlineSeconds"] = 602
    write(overlays, "stg", wanted)
    await chat.alice.says("/deploy stg admin 1.4.2")
    await chat.alice.hears("`.spec.progressDeadlineSeconds` is set by `someone`")
    await chat.alice.says("/takeover stg admin we own it now")
    await chat.alice.hears("You need the role `operator`")
    await chat.people["ops"].says("/takeover stg admin we own it now")
    card = await chat.card(phase="Succeeded", service="admin")
    assert "because: we own it now" in plain(card)
    assert live(chat, "stg")["spec"]["progressDeadlineSeconds"] == 602


async def test_when_the_cluster_has_it_all_nothing_is_started(chat: Chat, overlays: Path) -> None:
    await chat.alice.says("/deploy stg admin 1.4.1")
    await chat.alice.hears("already runs|nothing would change")
    assert not [card for card in chat.cards(STG) if payload(card)]
