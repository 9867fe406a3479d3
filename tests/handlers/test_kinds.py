"""Every kind of workload can be released and rolled back: StatefulSets and DaemonSets beside Deployments."""

from pathlib import Path

import pytest

from tests.chat import Chat, open_chat, payload, plain

SERVICES = """
  ledger: {{namespace: data, workload: statefulset/ledger, container: ledger, image: '{host}/growlio/admin'}}
  agent: {{namespace: data, workload: daemonset/agent, container: agent, image: '{host}/growlio/admin'}}
roles:
"""


def workload(kind: str, name: str, image: str) -> dict[str, object]:
    """A small workload of that kind, as people write it."""
    labels = {"app": name}
    spec: dict[str, object] = {
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": name, "image": image}]}},
    }
    if kind == "StatefulSet":
        spec |= {"replicas": 2, "serviceName": name}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name, "namespace": "data"}, "spec": spec}


@pytest.mark.parametrize(("kind", "name"), [("StatefulSet", "ledger"), ("DaemonSet", "agent")])
async def test_a_workload_of_another_kind_is_released_and_rolled_back(tmp_path: Path, kind: str, name: str) -> None:
    def add(text: str) -> str:
        host = text.split("image: ")[1].split("/growlio")[0].strip("'")
        return text.replace("roles:\n", SERVICES.format(host=host).lstrip("\n"), 1)

    async with open_chat(tmp_path, change=add) as chat:
        host = chat.sandbox.url.removeprefix("http://")
        stg = chat.sandbox.clusters["stg"]
        stg.create_namespace("data")
        stg.create(workload(kind, name, f"{host}/growlio/admin:1.4.1"))
        await chat.alice.says(f"/status stg {name}")
        await chat.alice.hears(f"✅ \\*{name}\\* `1.4.1`|⏳ \\*{name}\\* `1.4.1`")
        await release_and_return(chat, name)


async def release_and_return(chat: Chat, name: str) -> None:
    """Deploy the next version, then go back."""
    await chat.alice.says(f"/deploy stg {name} 1.4.2")
    done = await chat.card(phase="Succeeded", service=name, text="`1.4.2` runs")
    assert payload(done)["from_version"] == "1.4.1"
    await chat.alice.says(f"/rollback stg {name}")
    back = await chat.card(phase="Succeeded", service=name, text="`1.4.1` runs")
    assert payload(back)["kind"] == "rollback"
    assert "by <@U0ALICE>" in plain(back) or "asked by" in plain(back)
