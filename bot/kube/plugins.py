"""Credentials from `exec` plugins and OpenID or cloud providers, by the `kubernetes` package.

Loaded late by bot.kube.clients, and only for a kubeconfig that asks for it: importing the package is dear (see
bot.kube.kubeconfig). Never used for requests.
"""

import asyncio
from datetime import datetime
from pathlib import Path

from kubernetes.aio.client import Configuration
from kubernetes.aio.config import load_kube_config
from kubernetes.aio.config.config_exception import ConfigException

from bot.kube.kubeconfig import Access, Context, KubeconfigError, Tls

PLUGIN_TIMEOUT_S = 30.0
"""A plugin may start a cloud's command-line tool, which may ask the cloud; a person's log-in it must not wait for."""


async def read(context: Context) -> Access:
    """Runs the context's plugin. Raises KubeconfigError when it gives no credentials."""
    configuration = Configuration()
    try:
        async with asyncio.timeout(PLUGIN_TIMEOUT_S):
            loader = await load_kube_config(  # type: ignore[no-untyped-call]
                config_file=context.kubeconfig,
                context=context.name,
                client_configuration=configuration,
                persist_config=False,
            )
    except (ConfigException, ValueError, OSError) as error:
        raise KubeconfigError(f"{context.kubeconfig}: context {context.name}: {error}") from error
    except TimeoutError as error:
        raise KubeconfigError(
            f"{context.kubeconfig}: context {context.name}: its plugin gave no credentials in {PLUGIN_TIMEOUT_S:g} s"
        ) from error
    authorization = str(configuration.api_key.get("BearerToken") or "")
    # The package logs a plugin's failure and goes on without credentials.
    if not authorization and not configuration.cert_file:
        raise KubeconfigError(f"{context.kubeconfig}: context {context.name}: its plugin gave no credentials")
    expires = getattr(loader, "exec_plugin_expiry", None)
    return Access(
        str(configuration.host).rstrip("/"),
        authorization,
        await asyncio.to_thread(_tls, configuration) if str(configuration.host).startswith("https://") else None,
        server_name=str(configuration.tls_server_name or ""),
        proxy=str(configuration.proxy or ""),
        expires=expires if isinstance(expires, datetime) else None,
    )


def _tls(configuration: Configuration) -> Tls:
    def text(path: str | None) -> str:
        return Path(path).read_text(encoding="ascii") if path else ""

    return Tls(
        ca=text(configuration.ssl_ca_cert),
        certificate=text(configuration.cert_file),
        key=text(configuration.key_file),
        verify=bool(configuration.verify_ssl),
    )
