"""kubeconfig of simulated clusters, for kubectl and for the bot. Pure."""

from collections.abc import Mapping

import yaml


def kubeconfig(contexts: Mapping[str, str], token: str) -> str:
    """YAML text with one context per name, each leading to its URL with the same bearer token; the first is current.

    The token stands in the address too, since kubectl sends no credentials over plain HTTP.
    """
    clusters = [
        {"name": name, "cluster": {"server": f"{url.rstrip('/')}/as/{token}"}} for name, url in contexts.items()
    ]
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": next(iter(contexts), ""),
            "clusters": clusters,
            "users": [{"name": "sandbox", "user": {"token": token}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": "sandbox"}} for name in contexts],
        },
        sort_keys=False,
    )
