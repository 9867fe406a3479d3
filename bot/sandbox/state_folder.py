"""The state folder: what the sandbox writes down for the bot and for kubectl, and what it clears away at a start.

Written by `bot.sandbox.server`. Each start is a fresh world, so a database of an earlier one is removed: its releases
speak of clusters that are gone.
"""

import socket
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import yaml

from bot.sandbox.datadog.on_call import ROTA, TEAM_ID, email
from bot.sandbox.datadog.scene import RUNBOOKS

SlackMode = Literal["socket", "http"]

DATABASE = "kajitori.db"
CONFIGURATION = "kajitori.yaml"
KUBECONFIG = "kubeconfig"
BOT_LOG = "bot.log"
HEADER = "# Written by `kajitori sandbox` at each start; changes made here are lost.\n"


def prepare(folder: Path) -> None:
    """Make the folder and remove the database of an earlier world; OSError when that can't be done."""
    folder.mkdir(parents=True, exist_ok=True)
    for leftover in folder.glob(f"{DATABASE}*"):
        leftover.unlink()
    ignore = folder / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")


def free_port() -> int:
    """A port on the loopback that nobody listens on now; somebody may take it before it is used."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def write_configuration(
    folder: Path,
    registry_host: str,
    bot_port: int,
    slack_mode: SlackMode,
    on_call: bool = True,
    more: Mapping[str, Any] = MappingProxyType({}),
) -> Path:
    """kajitori.yaml for the sandbox: both environments, three services, the people of the scene. Returns its path.

    `on_call` False: without the section `oncall`, so nobody is called. `more` is added: services, keys of `slack`, and
    other sections.
    """
    configuration: dict[str, Any] = {
        "slack": {"mode": slack_mode, "ops_channel": "#kajitori"},
        "http": {"listen": f"127.0.0.1:{bot_port}"},
        "timezone": "Asia/Tokyo",
        "locale": "en",
        "environments": {
            "stg": {"context": "stg", "channel": "#deploys-stg"},
            "prd": {"context": "prd", "channel": "#deploys", "promotes_from": "stg", "approvals": 1},
        },
        "services": {
            "admin": {
                "namespace": "admin",
                "workload": "deployment/admin",
                "container": "admin",
                "image": f"{registry_host}/growlio/admin",
                "canary": {"steps": [10, 25, 50], "interval": "30s"},
            },
            "web": {
                "namespace": "web",
                "workload": "deployment/web",
                "container": "web",
                "image": f"{registry_host}/growlio/web",
                "canary": {"steps": [10, 25, 50], "interval": "30s", "when_worse": "abort"},
            },
            "report": {
                "namespace": "batch",
                "workload": "cronjob/report",
                "container": "report",
                "image": f"{registry_host}/growlio/report",
            },
        },
        "roles": {
            "deployer": {"groups": ["@engineers"]},
            "approver": {"groups": ["@leads"]},
            "operator": {"users": ["U0OPS"]},
        },
        "datadog": {"channel": "#alerts", "poll": "10s", "link_hosts": [RUNBOOKS], "numbers": {"lag": "3s"}},
        "pods": {"channel": "#alerts"},
        "summary": {"channel": "#deploys", "at": "18:00", "days": "mon-fri"},
    }
    if on_call:
        people = [{"datadog": email(name), "slack": f"U0{name.upper()}"} for name in ROTA]
        configuration["oncall"] = {
            "channel": "#alerts",
            "remind_after": "2m",
            "still_working_after": "15m",
            "people": people,
            "default": {"team": TEAM_ID, "page": True},
        }
    for section in ("services", "slack"):
        configuration[section] |= more.get(section, {})
    configuration |= {section: value for section, value in more.items() if section not in ("services", "slack")}
    path = folder / CONFIGURATION
    text = yaml.safe_dump(configuration, sort_keys=False, allow_unicode=True, default_flow_style=None)
    path.write_text(HEADER + text, encoding="utf-8")
    return path
