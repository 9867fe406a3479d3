"""Canaries judged by numbers: a good version goes to everybody by its plan, a slow one goes, a quiet one waits."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.sandbox.kube import Cluster
from tests.chat import Chat, open_chat, plain

GATEWAY = "gateway.networking.k8s.io/v1"


def quick(configuration: str) -> str:
    """Steps of seconds, numbers of a second ago, and a worse version goes by itself."""
    return configuration.replace(
        "interval: 30s", "interval: 6s\n      when_worse: abort\n      minimum_requests: 50", 1
    ).replace("lag: 3s", "lag: 1s")


@pytest.fixture
async def chat(tmp_path: Path) -> AsyncIterator[Chat]:
    async with open_chat(tmp_path, change=quick) as opened:
        opened.sandbox.clusters["stg"].traffic.set_rate("admin", "admin", 200.0)
        yield opened


def open_route(cluster: Cluster) -> None:
    listener = {"name": "http", "port": 80, "protocol": "HTTP"}
    spec = {"gatewayClassName": "sandbox", "listeners": [listener]}
    meta = {"namespace": "admin", "name": "front"}
    cluster.create({"apiVersion": GATEWAY, "kind": "Gateway", "metadata": meta, "spec": spec})
    rules = [{"backendRefs": [{"name": "admin", "port": 80}]}]
    cluster.create({
        "apiVersion": GATEWAY, "kind": "HTTPRoute", "metadata": meta,
        "spec": {"parentRefs": [{"name": "front"}], "rules": rules},
    })  # fmt: skip
    cluster.traffic.set_rate("admin", "front", 200.0)


def was_told(chat: Chat, words: str) -> bool:
    """Whether the card ever said so: it may have moved on before anybody looked."""
    return any(words in str(call) for call in chat.calls("chat.update"))


async def test_a_good_version_goes_to_everybody_by_its_plan(chat: Chat) -> None:
    await chat.alice.says("/canary stg admin 1.4.2 25%")
    over = await chat.card(phase="Succeeded", text="was promoted", within_s=120)
    assert was_told(chat, "gets 50 %")
    assert "promoted by its plan" in plain(over)
    await chat.card(phase="Succeeded", text="`1.4.2` runs in")


async def test_a_slow_version_is_judged_worse_and_taken_down(chat: Chat) -> None:
    chat.sandbox.registry.publish("growlio/admin", "1.4.3-laggy")
    await chat.alice.says("/canary stg admin 1.4.3-laggy 25%")
    over = await chat.card(phase="Failed", text="failed and is gone", within_s=120)
    assert "1.4.3-laggy is worse than 1.4.1" in plain(over)
    rows = next(block["rows"] for block in over["blocks"] if block["type"] == "table")
    assert [row[0]["text"] for row in rows if row[3]["text"] == "worse"][-1] == "p99"


async def test_a_version_with_too_little_traffic_stays_cannot_tell(chat: Chat) -> None:
    chat.sandbox.clusters["stg"].traffic.set_rate("admin", "admin", 0.5)
    await chat.alice.says("/canary stg admin 1.4.2 25%")
    card = await chat.card(phase="Progressing", text="Cannot tell yet", within_s=120)
    assert "waiting for clear numbers" in plain(card) or "step 1 of 2" in plain(card)


async def test_by_a_route_every_step_is_exact_and_a_slow_version_is_caught(chat: Chat) -> None:
    open_route(chat.sandbox.clusters["stg"])
    chat.sandbox.registry.publish("growlio/admin", "1.4.3-laggy")
    await chat.alice.says("/canary stg admin 1.4.3-laggy 10%")
    over = await chat.card(phase="Failed", text="failed and is gone", within_s=120)
    assert was_told(chat, "10 % asked, 10 % reached")
    assert "by weights of the HTTPRoute `front`" in plain(over)
