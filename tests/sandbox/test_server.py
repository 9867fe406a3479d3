"""The sandbox as a whole: what it serves and writes down, what mischief it allows, how it starts and ends."""

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import ClientSession, ClientTimeout

from bot.sandbox.server import Sandbox
from tests.sandbox.slack_desk import PATIENT, until

Json = dict[str, Any]
PROJECT = Path(__file__).parents[2]
START_S = 90
"""A start takes two seconds on an idle core; only a test that fails waits this long."""


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[tuple[Sandbox, ClientSession]]:
    """A sandbox without the bot, and a client at its address."""
    sandbox = Sandbox(folder, run_bot=False)
    await sandbox.start()
    try:
        async with ClientSession(sandbox.url, timeout=ClientTimeout(total=START_S)) as http:
            yield sandbox, http
    finally:
        await sandbox.stop()


async def read(http: ClientSession, path: str) -> Json:
    async with http.get(path) as response:
        return dict(await response.json())


async def order(http: ClientSession, mischief: str, **fields: Any) -> Json:
    async with http.post(f"/sandbox/mischief/{mischief}", json=fields) as response:
        return dict(await response.json())


async def test_slack_clusters_registry_and_page_are_served_on_one_port(tmp_path: Path) -> None:
    async with running(tmp_path) as (sandbox, http):
        async with http.get("/") as response:
            assert (response.status, response.content_type) == (200, "text/html")
        assert (await read(http, "/client/state?user=U0ALICE"))["me"] == "U0ALICE"
        assert "1.4.2" in (await read(http, "/v2/growlio/admin/tags/list"))["tags"]
        assert "1.4.2" in (await read(http, "/sandbox/images"))["repositories"]["growlio/admin"]
        clusters = (await read(http, "/sandbox/clusters"))["clusters"]
        assert [cluster["name"] for cluster in clusters] == ["stg", "prd"]
        admin = next(each for each in clusters[0]["workloads"] if each["name"] == "admin")
        assert admin == {
            "namespace": "admin",
            "kind": "Deployment",
            "name": "admin",
            "desired": 3,
            "ready": 3,
            "updated": 3,
            "version": "1.4.1",
            "paused": False,
        }
        assert sum(pod["workload"] == "admin" for pod in clusters[0]["pods"]) == 3
        assert (await read(http, "/sandbox/bot"))["state"] == "stopped"
        assert sandbox.url.startswith("http://127.0.0.1:")


async def test_the_state_folder_holds_a_configuration_and_a_kubeconfig_for_both_clusters(tmp_path: Path) -> None:
    (tmp_path / "kajitori.db").write_text("an earlier world")
    (tmp_path / "kajitori.db-wal").write_text("an earlier world")
    async with running(tmp_path) as (sandbox, http):
        assert list(tmp_path.glob("kajitori.db*")) == []
        written = yaml.safe_load(sandbox.config_path.read_text())
        host = sandbox.url.removeprefix("http://")
        assert written["services"]["admin"]["image"] == f"{host}/growlio/admin"
        assert written["environments"]["prd"] == {
            "context": "prd",
            "channel": "#deploys",
            "promotes_from": "stg",
            "approvals": 1,
        }
        for cluster in yaml.safe_load(sandbox.kubeconfig_path.read_text())["clusters"]:
            path = cluster["cluster"]["server"].removeprefix(sandbox.url)
            pods = await read(http, f"{path}/api/v1/namespaces/admin/pods")
            assert len(pods["items"]) >= 1


async def test_the_written_configuration_passes_kajitori_check(tmp_path: Path) -> None:
    async with running(tmp_path) as (sandbox, _):
        check = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", "check", "--config", str(sandbox.config_path)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=sandbox.environment(),
            cwd=PROJECT,
        )
        output, _ = await asyncio.wait_for(check.communicate(), START_S)
        assert check.returncode == 0, output.decode()


async def test_a_developers_own_tokens_and_proxies_never_reach_the_bot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SLACK_BOT_TOKEN", "DD_API_KEY", "KUBECONFIG", "https_proxy", "KAJITORI_CONFIG"):
        monkeypatch.setenv(name, "real")
    async with running(tmp_path) as (sandbox, _):
        environment = sandbox.environment()
        assert "real" not in environment.values()
        assert environment["SLACK_API_URL"] == f"{sandbox.url}/api/"


async def test_kubectl_works_on_the_kubeconfig(tmp_path: Path) -> None:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed")
    async with running(tmp_path) as (sandbox, _):
        for context, replicas in (("stg", "5"), ("prd", "5")):
            process = await asyncio.create_subprocess_exec(
                *(kubectl, "--kubeconfig", str(sandbox.kubeconfig_path), "--context", context),
                *("get", "deployment", "web", "-n", "web", "-o", "jsonpath={.status.readyReplicas}"),
                stdout=asyncio.subprocess.PIPE,
                env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
            )
            output, _ = await asyncio.wait_for(process.communicate(), START_S)
            assert output.decode() == replicas


async def test_people_watch_a_pod_crash_and_a_node_fall_silent(tmp_path: Path) -> None:
    async with running(tmp_path) as (_, http), http.ws_connect("/sandbox/clusters/stream") as stream:
        assert (await stream.receive_json(timeout=START_S))["type"] == "bot"
        assert len((await stream.receive_json(timeout=START_S))["clusters"]) == 2
        crash = await order(http, "crash-pod", cluster="stg", namespace="admin", workload="admin", reason="OOMKilled")
        assert crash["ok"], crash
        assert (await order(http, "pause-node", cluster="prd", node="node-1", paused=True))["ok"]
        seen_crash = seen_pause = False
        async with asyncio.timeout(START_S):
            while not (seen_crash and seen_pause):
                stg, prd = (await stream.receive_json())["clusters"]
                hit = next((pod for pod in stg["pods"] if pod["name"] == crash["pod"]), None)
                seen_crash = seen_crash or (hit is not None and not hit["ready"])
                seen_pause = seen_pause or any(node["paused"] for node in prd["nodes"] if node["name"] == "node-1")
        assert (await order(http, "pause-node", cluster="prd", node="node-1", paused=False))["ok"]


async def test_mischief_that_cannot_be_done_says_why(tmp_path: Path) -> None:
    async with running(tmp_path) as (_, http):
        cases: list[tuple[str, dict[str, Any], str]] = [
            ("crash-pod", {"cluster": "dev", "namespace": "admin", "workload": "admin"}, "no cluster 'dev'"),
            ("crash-pod", {"cluster": "stg", "namespace": "admin", "workload": "admon"}, "no pod of admon"),
            ("crash-pod", {"cluster": "stg", "namespace": "admin", "pod": "admin-0"}, "admin-0"),
            ("crash-pod", {"cluster": "stg"}, "missing or unknown: 'namespace'"),
            ("pause-node", {"cluster": "stg", "node": "node-99", "paused": True}, "no node node-99"),
            ("publish-image", {"repository": "growlio/admin", "tag": ""}, "give a repository"),
            ("slack-429", {"seconds": "soon"}, "soon"),
            ("kill-bot", {}, "the bot does not run from here"),
        ]
        for mischief, fields, error in cases:
            answer = await order(http, mischief, **fields)
            assert answer["ok"] is False, mischief
            assert error in answer["error"]


async def test_a_published_image_exists_and_slack_can_be_closed_for_a_while(tmp_path: Path) -> None:
    async with running(tmp_path) as (sandbox, http):
        assert (await order(http, "publish-image", repository="growlio/admin", tag="1.4.3-broken"))["ok"]
        assert "1.4.3-broken" in (await read(http, "/sandbox/images"))["repositories"]["growlio/admin"]
        assert (await order(http, "slack-429", seconds=20))["ok"]
        headers = {"Authorization": f"Bearer {sandbox.slack.world.app.bot_token}"}
        async with http.post("/api/auth.test", headers=headers) as response:
            assert response.status == 429
            assert 0 < int(response.headers["Retry-After"]) <= 20


@asynccontextmanager
async def command_line(*words: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """`kajitori sandbox` as a person starts it."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "sandbox", "--no-browser", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=PROJECT,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
            await asyncio.wait_for(process.wait(), START_S)


async def first_address(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    line = (await asyncio.wait_for(process.stdout.readline(), START_S)).decode()
    assert line.startswith("Kajitori sandbox: http://127.0.0.1:"), line
    return line.split(": ")[1].strip()


@pytest.mark.process
async def test_a_killed_bot_comes_back_and_ctrl_c_ends_everything(tmp_path: Path) -> None:
    async with command_line("--port", "0", "--state", str(tmp_path)) as process:
        address = await first_address(process)
        async with ClientSession(address, timeout=ClientTimeout(total=START_S)) as http:
            before: Json = {}

            async def bot_is_back(restarts: int) -> None:
                async with asyncio.timeout(START_S):
                    while True:
                        before.update(await read(http, "/sandbox/bot"))
                        if before["restarts"] == restarts and before["connected"] >= 1:
                            return
                        await asyncio.sleep(0.1)

            await bot_is_back(0)
            assert (await order(http, "kill-bot"))["killed"] is True
            await bot_is_back(1)
            async with asyncio.timeout(START_S):
                while not (await read(http, "/client/state?user=U0ALICE"))["commands"]:
                    await asyncio.sleep(0.1)
        pid = before["pid"]
        process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(process.wait(), START_S) == 0
        await until(lambda: not Path(f"/proc/{pid}").exists())


@pytest.mark.process
async def test_the_bot_can_be_connected_over_http_instead(tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path, slack_mode="http", timing=PATIENT)
    try:
        await sandbox.start()
        await until(lambda: sandbox.slack.world.app.events_url, seconds=START_S)
        assert sandbox.slack.world.app.events_url == f"{sandbox.bot_url}/slack/events"
        await until(lambda: sandbox.slack.world.app.commands, seconds=START_S)
        async with ClientSession(sandbox.url, timeout=ClientTimeout(total=START_S)) as http:
            asked = {"user": "U0ALICE", "channel": "C0STG", "command": "/kajitori", "text": "help"}
            async with http.post("/client/command", json=asked) as response:
                answer = await response.json()
        assert "/deploy" in answer["response"]["blocks"][0]["text"]["text"]
        assert not sandbox.slack.sockets.live
    finally:
        await sandbox.stop()


@pytest.mark.process
async def test_a_taken_port_and_a_used_folder_are_said_with_the_way_out(tmp_path: Path) -> None:
    async with running(tmp_path / "other") as (sandbox, _):
        port = sandbox.url.rpartition(":")[2]
        async with command_line("--port", port, "--state", str(tmp_path / "own")) as process:
            output, errors = await asyncio.wait_for(process.communicate(), START_S)
        assert (process.returncode, output) == (1, b"")
        assert f"Port {port} is taken" in errors.decode()
        assert "--port" in errors.decode()
    async with command_line("--port", "0", "--state", str(tmp_path / "shared")) as first:
        await first_address(first)
        async with command_line("--port", "0", "--state", str(tmp_path / "shared")) as second:
            _, errors = await asyncio.wait_for(second.communicate(), START_S)
        assert second.returncode == 1
        assert "Another sandbox runs in" in errors.decode()


async def test_a_manifest_gives_commands_and_scopes(tmp_path: Path) -> None:
    async with running(tmp_path) as (sandbox, http):
        async with http.ws_connect("/client/stream?user=U0ALICE") as stream:
            assert (await stream.receive_json(timeout=START_S))["commands"] == []
            await stream.receive_json(timeout=START_S)
            await sandbox.load_manifest()
            told = await stream.receive_json(timeout=START_S)
        assert told["type"] == "commands"
        assert "/deploy" in [command["command"] for command in told["commands"]]
        assert "chat:write" in (sandbox.slack.world.app.scopes or ())
