"""Kubeconfigs and service accounts: who we are where, and what is said when that can't be known."""

import base64
import os
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from bot.domain.catalog import Environment
from bot.domain.names import EnvironmentName
from bot.errors import Refused, Unreachable
from bot.kube.clients import Cluster, Clusters
from bot.kube.kubeconfig import Context, InCluster, KubeconfigError

STG, PRD = EnvironmentName("stg"), EnvironmentName("prd")


def environment(name: EnvironmentName, context: str | None) -> Environment:
    return Environment(name, context, None)


def write(path: Path, user: dict[str, Any] | None = None, cluster: dict[str, Any] | None = None, **rest: Any) -> str:
    """A kubeconfig with the one context stg."""
    content = {
        "clusters": [{"name": "c", "cluster": cluster or {"server": "https://stg.example.com:6443"}}],
        "users": [{"name": "u", "user": user or {}}],
        "contexts": [{"name": "stg", "context": {"cluster": "c", "user": "u"}}],
        **rest,
    }
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("user", "header"),
    [
        ({"token": "t0"}, "Bearer t0"),
        ({"username": "bob", "password": "p:w"}, "Basic " + base64.b64encode(b"bob:p:w").decode()),
        ({}, ""),
    ],
)
def test_each_form_of_user_gives_its_authorization(tmp_path: Path, user, header):
    access = Context(write(tmp_path / "config", user), "stg").read()
    assert access.authorization == header
    assert access.server == "https://stg.example.com:6443"


def test_a_token_file_is_found_from_where_the_kubeconfig_stands_and_wins(tmp_path: Path):
    (tmp_path / "token").write_text("from-file\n")
    config = write(tmp_path / "config", {"tokenFile": "token", "token": "inline"})
    assert Context(config, "stg").read().authorization == "Bearer from-file"


def test_names_of_server_proxy_and_trust_are_read(tmp_path: Path):
    config = write(
        tmp_path / "config",
        cluster={
            "server": "https://stg.example.com/",
            "tls-server-name": "kubernetes",
            "proxy-url": "http://proxy:3128",
            "insecure-skip-tls-verify": True,
        },
    )
    access = Context(config, "stg").read()
    assert (access.server, access.server_name, access.proxy) == (
        "https://stg.example.com",
        "kubernetes",
        "http://proxy:3128",
    )
    assert access.tls is not None
    assert access.tls.context().verify_mode is ssl.CERT_NONE


def test_of_several_files_the_first_to_name_a_thing_wins_and_missing_ones_are_passed_over(tmp_path: Path):
    first = write(tmp_path / "a", {"token": "first"})
    second = write(
        tmp_path / "b",
        {"token": "second"},
        contexts=[{"name": "prd", "context": {"cluster": "c", "user": "u"}}],
    )
    listed = os.pathsep.join([str(tmp_path / "missing"), first, second])
    assert Context(listed, "stg").read().authorization == "Bearer first"
    assert Context(listed, "prd").read().authorization == "Bearer first"


def test_a_missing_context_is_told_with_the_file_and_those_there_are(tmp_path: Path):
    config = write(tmp_path / "config")
    with pytest.raises(KubeconfigError) as raised:
        Clusters.load({STG: environment(STG, "nope")}, config)
    assert raised.value.problems == (f"environment stg: {config}: no context `nope`; it has: stg",)


def test_all_environments_problems_are_told_at_once(tmp_path: Path, monkeypatch):
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    config = write(tmp_path / "config")
    with pytest.raises(KubeconfigError) as raised:
        Clusters.load({STG: environment(STG, "nope"), PRD: environment(PRD, None)}, config)
    assert len(raised.value.problems) == 2
    assert "does not run in a cluster" in raised.value.problems[1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [", "not YAML"),
        ("- 1", "not a kubeconfig"),
        ("contexts: null", "it has: none"),
        ("contexts: [{name: stg, context: {cluster: c, user: u}}]", "no cluster `c`"),
        ("contexts: [{name: stg, context: {cluster: c}}]\nclusters: [{name: c, cluster: {}}]", "has no `server`"),
        (
            "contexts: [{name: stg, context: {cluster: c}}]\n"
            "clusters: [{name: c, cluster: {server: 'https://x', certificate-authority: gone.pem}}]",
            "certificate-authority gone.pem: No such file",
        ),
        (
            "contexts: [{name: stg, context: {cluster: c}}]\n"
            "clusters: [{name: c, cluster: {server: 'https://x', certificate-authority-data: '%%%'}}]",
            "is not base64 of a PEM text",
        ),
    ],
)
def test_a_broken_kubeconfig_says_what_is_wrong_in_which_file(tmp_path: Path, text: str, words: str):
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(KubeconfigError, match=words.replace("`", ".")) as raised:
        Context(str(path), "stg").read()
    assert str(path) in str(raised.value)


def test_a_certificate_that_is_none_is_told_at_the_start(tmp_path: Path):
    broken = base64.b64encode(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").decode()
    config = write(tmp_path / "config", cluster={"server": "https://x", "certificate-authority-data": broken})
    with pytest.raises(
        KubeconfigError, match=r"environment stg: .*context stg: a certificate or key in it is not valid"
    ):
        Clusters.load({STG: environment(STG, "stg")}, config)


RISKY = [
    ({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "aws"}}, {}, "exec credentials"),
    ({"auth-provider": {"name": "gcp"}}, {}, "auth-provider credentials"),
    ({"token": "t"}, {"insecure-skip-tls-verify": True}, "insecure-skip-tls-verify"),
    ({"exec": {}, "token": "t"}, {}, "exec credentials"),
]


@pytest.mark.parametrize(("user", "cluster", "risk"), RISKY)
def test_what_runs_programs_or_trusts_anybody_is_refused_outside_of_development(tmp_path: Path, user, cluster, risk):
    config = write(tmp_path / "config", user, {"server": "https://stg.example.com:6443", **cluster})
    with pytest.raises(KubeconfigError) as raised:
        Clusters.load({STG: environment(STG, "stg")}, config)
    (problem,) = raised.value.problems
    assert f"context stg: {risk} " in problem
    assert "not allowed" in problem
    assert "development: true" in problem
    assert list(Clusters.load({STG: Environment(STG, "stg", None, development=True)}, config)) == [STG]


def test_no_file_at_all_is_told(tmp_path: Path):
    with pytest.raises(KubeconfigError, match="no such file"):
        Context(str(tmp_path / "none"), "stg").read()


def test_a_pod_uses_its_service_account(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "6443")
    with pytest.raises(KubeconfigError, match="can't be read"):
        InCluster(tmp_path).read()
    (tmp_path / "token").write_text("mounted\n")
    (tmp_path / "ca.crt").write_text("")
    access = InCluster(tmp_path).read()
    assert (access.server, access.authorization) == ("https://[fd00::1]:6443", "Bearer mounted")
    assert "mounted" not in repr(access)


# Real TLS and real plugins


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate authority, and a server's and a client's certificate signed by it."""
    folder = tmp_path_factory.mktemp("tls")

    def openssl(*words: str) -> None:
        try:
            subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True, timeout=30)
        except FileNotFoundError:
            pytest.skip("needs the openssl command to make certificates")

    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=ca",
            "-days", "2")  # fmt: skip
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1\n")
    for name in ("server", "client"):
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj",
                f"/CN={name}")  # fmt: skip
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days",
                "2", "-extfile", "names", "-out", f"{name}.pem")  # fmt: skip
    return folder


@asynccontextmanager
async def tls_server(folder: Path) -> AsyncIterator[str]:
    """Answers with the common name of the client's certificate and its Authorization header."""

    async def answer(request: web.Request) -> web.Response:
        assert request.transport is not None
        peer = request.transport.get_extra_info("peercert") or {}
        names = [value for part in peer.get("subject", ()) for key, value in part if key == "commonName"]
        return web.json_response({"client": names, "authorization": request.headers.get("Authorization", "")})

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", answer)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=folder / "ca.pem")
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    context.verify_mode = ssl.CERT_OPTIONAL
    runner = web.AppRunner(app, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        yield f"https://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


async def ask(config: str) -> Any:
    clusters = Clusters.load({STG: environment(STG, "stg")}, config)
    try:
        return await clusters[STG].request("GET", "/version")
    finally:
        await clusters.close()


async def test_certificates_may_stand_inline_or_in_files(tmp_path: Path, certificates: Path):
    async with tls_server(certificates) as url:
        inline = write(
            tmp_path / "inline",
            {"client-certificate-data": encoded(certificates / "client.pem"),
             "client-key-data": encoded(certificates / "client.key")},
            {"server": url, "certificate-authority-data": encoded(certificates / "ca.pem")},
        )  # fmt: skip
        assert (await ask(inline))["client"] == ["client"]
        files = write(
            tmp_path / "files",
            {"client-certificate": str(certificates / "client.pem"), "client-key": str(certificates / "client.key")},
            {"server": url, "certificate-authority": str(certificates / "ca.pem")},
        )
        assert (await ask(files))["client"] == ["client"]


async def test_a_server_with_a_strange_certificate_is_not_talked_to(tmp_path: Path, certificates: Path):
    async with tls_server(certificates) as url:
        config = write(tmp_path / "config", {"token": "t"}, {"server": url})
        with pytest.raises(Unreachable, match="certificate is not trusted"):
            await ask(config)


PLUGIN = """
import json, pathlib, sys
runs = pathlib.Path(sys.argv[1])
count = len(runs.read_text()) + 1 if runs.exists() else 1
runs.write_text("x" * count)
status = {"token": f"plugin-{count}"}
if len(sys.argv) > 2:
    status["expirationTimestamp"] = sys.argv[2]
print(json.dumps({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status}))
"""


def with_plugin(tmp_path: Path, url: str, ca: Path, *arguments: str) -> str:
    script = tmp_path / "plugin.py"
    script.write_text(PLUGIN)
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": sys.executable,
        "args": [str(script), str(tmp_path / "runs"), *arguments],
        "interactiveMode": "Never",
    }
    return write(tmp_path / "config", {"exec": plugin}, {"server": url, "certificate-authority": str(ca)})


async def test_a_plugin_gives_the_token_once(tmp_path: Path, certificates: Path):
    async with tls_server(certificates) as url:
        config = with_plugin(tmp_path, url, certificates / "ca.pem")
        cluster = Cluster(STG, Context(config, "stg"))
        for _ in range(2):
            assert (await cluster.request("GET", "/version"))["authorization"] == "Bearer plugin-1"
        await cluster.close()


async def test_a_plugins_token_is_renewed_before_it_expires(tmp_path: Path, certificates: Path):
    soon = (datetime.now(UTC) + timedelta(seconds=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
    async with tls_server(certificates) as url:
        cluster = Cluster(STG, Context(with_plugin(tmp_path, url, certificates / "ca.pem", soon), "stg"))
        assert (await cluster.request("GET", "/version"))["authorization"] == "Bearer plugin-1"
        assert (await cluster.request("GET", "/version"))["authorization"] == "Bearer plugin-2"
        await cluster.close()


async def test_a_plugin_that_fails_is_told(tmp_path: Path):
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "/nonexistent/plugin",
        "interactiveMode": "Never",
    }
    config = write(tmp_path / "config", {"exec": plugin})
    cluster = Clusters.load({STG: Environment(STG, "stg", None, development=True)}, config)[STG]
    with pytest.raises(Refused, match=r"context stg: .*plugin.*") as raised:
        await cluster.request("GET", "/version")
    assert raised.value.code == "NoCredentials"
    await cluster.close()


def test_the_kubernetes_package_is_not_imported_at_the_start():
    code = "import sys, bot.kube.clients, bot.kube.workloads; print('kubernetes' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert shown.stdout.strip() == "False"
