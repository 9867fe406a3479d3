"""The configuration: kajitori.yaml and the environment, read once, checked as a whole. Only bot.app and `__main__` ask.

`load` answers Settings, or raises SettingsError with every fault at once, each with file, line, key, what is wrong and
what would be right. The keys of the file and the names of the variables are a promise to operators.
"""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from bot.settings import forms
from bot.settings.canary import read_numbers
from bot.settings.environment import Variables, path_form
from bot.settings.faults import Fault, SettingsError
from bot.settings.forms import Listen
from bot.settings.manifests import read_git, read_repositories
from bot.settings.model import (
    DatadogRoute,
    DatadogSettings,
    GitSettings,
    Locale,
    RepositorySettings,
    Settings,
    SlackMode,
    SlackSettings,
    SummarySettings,
)
from bot.settings.oncall import read_oncall
from bot.settings.secret import Secret
from bot.settings.section import Faults, Section
from bot.settings.sections import channel, read_catalog, read_datadog_routes, read_poll, read_summary
from bot.settings.tree import MAX_BYTES, BadFile, Value, read_tree
from bot.settings.tree import Mapping as Tree

__all__ = [
    "DatadogRoute",
    "DatadogSettings",
    "Fault",
    "GitSettings",
    "Listen",
    "Locale",
    "RepositorySettings",
    "Secret",
    "Settings",
    "SettingsError",
    "SlackMode",
    "SlackSettings",
    "SummarySettings",
    "load",
    "load_database_url",
]

DEFAULT_FILE = "kajitori.yaml"
SLACK_API = "https://slack.com/api/"


def load(config_path: Path | None, environ: Mapping[str, str]) -> Settings:
    """The settings of a file (None: KAJITORI_CONFIG, else ./kajitori.yaml) and an environment. Raises SettingsError."""
    variables = Variables(environ)
    variables.check_spelling("KAJITORI_CONFIG")
    path = config_path or Path(variables.formed("KAJITORI_CONFIG", path_form, DEFAULT_FILE))
    faults = Faults(str(path))
    root = _root(path, faults)
    settings = _settings(path, root, variables)
    found = (*sorted(faults.found, key=lambda fault: fault.line), *variables.faults)
    if found:
        raise SettingsError(found)
    return settings


def load_database_url(environ: Mapping[str, str]) -> Secret:
    """DATABASE_URL alone, for commands that need nothing else. Raises SettingsError."""
    variables = Variables(environ)
    url = _database_url(variables)
    if variables.faults:
        raise SettingsError(tuple(variables.faults))
    return url


def _database_url(variables: Variables) -> Secret:
    return Secret(variables.formed("DATABASE_URL", forms.database_url, "sqlite:///kajitori.db"))


def _root(path: Path, faults: Faults) -> Section:
    """The file as a section; when it can't be read, that is its one fault and nothing is said of its keys."""
    tree: Value | None = None
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        tree, duplicates = read_tree(content)
    except BadFile as error:
        faults.add(error.line, "", error.problem, error.remedy)
        return Section(faults, "", 1, None, broken=True)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "no such path"
        remedy = "name another with --config or KAJITORI_CONFIG; kajitori.example.yaml shows what belongs in it"
        faults.add(0, "", f"can't be read ({reason})", remedy)
        return Section(faults, "", 1, None, broken=True)
    for duplicate in duplicates:
        problem = f"stands twice, first on line {duplicate.first_line}"
        faults.add(duplicate.line, duplicate.path, problem, "keep one of the two")
    if tree is None:
        faults.add(0, "", "is empty", "start from kajitori.example.yaml")
    elif not isinstance(tree, Tree):
        faults.add(tree.line, "", f"is {tree.kind}, not a section of keys", "start from kajitori.example.yaml")
    mapping = tree if isinstance(tree, Tree) else None
    return Section(faults, "", 1, mapping, broken=mapping is None)


def _settings(path: Path, root: Section, variables: Variables) -> Settings:
    slack = _slack(root.child("slack"), variables)
    http = root.child("http")
    listen = http.optional("listen", forms.listen, Listen("127.0.0.1", 8080))
    http.close()
    pods = root.child("pods")
    pods_channel = channel(pods)
    healed_after = pods.optional("healed_after", forms.duration, timedelta(seconds=60))
    rollback_window = pods.optional("rollback_window", forms.duration, timedelta(minutes=30))
    pods.close()
    timezone = root.optional("timezone", forms.time_zone, ZoneInfo("UTC"))
    repositories = read_repositories(root)
    catalog = read_catalog(root, repositories)
    settings = Settings(
        path=path,
        slack=slack,
        listen=listen,
        timezone=timezone,
        locale=Locale(root.choice("locale", [each.value for each in Locale], Locale.EN.value)),
        catalog=catalog,
        datadog=_datadog(root.child("datadog"), variables),
        pods_channel=pods_channel,
        healed_after=healed_after,
        rollback_window=rollback_window,
        summary=read_summary(root.child("summary")),
        oncall=read_oncall(root.child("oncall"), catalog.services, timezone),
        database_url=_database_url(variables),
        repositories=repositories,
        git=read_git(variables),
        kubeconfig=variables.formed("KUBECONFIG", path_form, "") or None,
    )
    root.close()
    return settings


def _slack(section: Section, variables: Variables) -> SlackSettings:
    mode = SlackMode(section.choice("mode", [each.value for each in SlackMode], SlackMode.SOCKET.value))
    ops_channel = channel(section, "ops_channel")
    person_per_minute = section.number("person_per_minute", 0, 10_000, default=10)
    workspace_per_minute = section.number("workspace_per_minute", 0, 100_000, default=60)
    section.close()
    bot_token = variables.token(
        "SLACK_BOT_TOKEN", ("xoxb-", "xoxe.xoxb-"), "bot token of the installed app", needed=True
    )
    app_token = variables.token(
        "SLACK_APP_TOKEN",
        ("xapp-",),
        "app-level token with the scope connections:write",
        needed=mode is SlackMode.SOCKET,
    )
    return SlackSettings(
        mode=mode,
        ops_channel=ops_channel,
        person_per_minute=person_per_minute,
        workspace_per_minute=workspace_per_minute,
        api_url=variables.formed("SLACK_API_URL", forms.http_url, SLACK_API),
        bot_token=bot_token or Secret(""),
        app_token=app_token,
        signing_secret=variables.signing_secret(needed=mode is SlackMode.HTTP),
    )


def _datadog(section: Section, variables: Variables) -> DatadogSettings | None:
    datadog = DatadogSettings(
        poll=read_poll(section),
        channel=channel(section),
        routes=read_datadog_routes(section),
        numbers=read_numbers(section.child("numbers")),
        link_hosts=section.texts("link_hosts", forms.host),
        api_key=variables.secret("DD_API_KEY"),
        app_key=variables.secret("DD_APP_KEY"),
        webhook_secrets=variables.webhook_secrets(),
        site=variables.formed("DD_SITE", forms.site, "datadoghq.com"),
        api_url=variables.formed("DD_API_URL", forms.http_url, "") or None,
        oncall_url=variables.formed("DD_ONCALL_URL", forms.http_url, "") or None,
        app_url=variables.formed("DD_APP_URL", forms.http_url, "") or None,
    )
    section.close()
    return datadog if section.present else None
