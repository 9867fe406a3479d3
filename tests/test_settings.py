"""The configuration: what is accepted, and that every fault is named at once, with its line and a remedy."""

import pickle
from datetime import time, timedelta
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain.catalog import CanaryPlan, Freeze, Grant, Overlay, Role, WorkloadKind, WorkloadRef
from bot.domain.names import EnvironmentName, ServiceName
from bot.settings import Fault, Listen, Secret, Settings, SettingsError, SlackMode, load

EXAMPLE = Path(__file__).parent.parent / "kajitori.example.yaml"
SOCKET = {"SLACK_BOT_TOKEN": "xoxb-1-bot", "SLACK_APP_TOKEN": "xapp-1-app"}
LEAST = """\
environments:
  stg: {}
services:
  admin: {namespace: admin, workload: deployment/admin, container: admin, image: registry.example.com/admin}
"""


@pytest.fixture
def read(tmp_path, monkeypatch):
    """Reads a text as the file `k.yaml`, so that faults name it shortly."""
    monkeypatch.chdir(tmp_path)

    def read(text: str | bytes, environ: dict[str, str] | None = None) -> Settings:
        path = Path("k.yaml")
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return load(path, SOCKET if environ is None else environ)

    return read


def faults_of(read, text: str | bytes, environ: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(SettingsError) as error:
        read(text, environ)
    assert error.value.exit_code == 2
    return [str(fault) for fault in error.value.faults]


def test_the_example_is_accepted_whole():
    got = load(EXAMPLE, SOCKET)
    stg, prd = got.catalog.environments.values()
    admin, _web, report = got.catalog.services.values()
    assert (stg.name, stg.context, stg.channel, stg.approvals, stg.promotes_from) == (
        "stg",
        "stg",
        "#deploys-stg",
        0,
        None,
    )
    assert (prd.promotes_from, prd.approvals) == ("stg", 1)
    assert prd.freezes == (Freeze("0 17 * * fri", timedelta(hours=64), "weekend"),)
    assert admin.workload == WorkloadRef("admin", WorkloadKind.DEPLOYMENT, "admin")
    assert admin.canary == CanaryPlan((10, 25, 50), timedelta(minutes=10))
    assert admin.manifests == Overlay("manifests/admin/overlays/{environment}", "manifests")
    assert report.workload == WorkloadRef("batch", WorkloadKind.CRONJOB, "report")
    assert got.catalog.roles[Role.OPERATOR] == (Grant(users=("U0OPS",)),)
    assert got.catalog.roles[Role.DEPLOYER] == (Grant(groups=("@engineers",)),)
    assert (got.slack.mode, got.slack.ops_channel) == (SlackMode.SOCKET, "#kajitori")
    assert (got.listen, got.timezone.key, got.locale) == (Listen("127.0.0.1", 8080), "Asia/Tokyo", "en")
    assert got.datadog is not None
    assert got.datadog.poll == timedelta(minutes=1)
    assert got.datadog.routes[0].match == ("service:admin", "env:prd")
    assert got.summary is not None
    assert (got.summary.at, got.summary.days) == (time(18), frozenset(range(5)))
    assert got.pods_channel == "#alerts"


def test_images_are_set_by_digest_where_people_approve_unless_it_is_said(read):
    got = read(
        "environments:\n  stg: {context: a}\n  prd: {context: b, approvals: 1}\n"
        "  off: {context: c, approvals: 1, pin_digests: false}\n  on: {context: d, pin_digests: true}\n" + SERVICE
    )
    assert {name: each.pins for name, each in got.catalog.environments.items()} == {
        "stg": False,
        "prd": True,
        "off": False,
        "on": True,
    }


def test_overlays_are_confirmed_where_people_approve_unless_it_is_said(read):
    got = read(
        "environments:\n  stg: {context: a}\n  prd: {context: b, approvals: 1}\n"
        "  off: {context: c, approvals: 1, confirm: false}\n  on: {context: d, confirm: true}\n" + SERVICE
    )
    assert {name: each.confirms for name, each in got.catalog.environments.items()} == {
        "stg": False,
        "prd": True,
        "off": False,
        "on": True,
    }


def test_the_names_that_move_can_be_set(read):
    start = "environments:\n  stg: {context: a}\n" + SERVICE
    (service,) = read(start).catalog.services.values()
    assert {"latest", "stable"} <= set(service.moving_tags)
    (service,) = read(start.replace("r.io/admin}", "r.io/admin, moving_tags: [green]}")).catalog.services.values()
    assert service.moving_tags == ("green",)


def test_datadogs_addresses_are_taken_from_the_environment(read):
    got = read(LEAST + "datadog: {}\n", {**SOCKET, "DD_SITE": "datadoghq.eu"})
    assert (got.datadog.site, got.datadog.api_url, got.datadog.oncall_url, got.datadog.app_url) == (
        "datadoghq.eu",
        None,
        None,
        None,
    )
    given = {"DD_ONCALL_URL": "http://127.0.0.1:2/on-call", "DD_APP_URL": "https://growlio.datadoghq.com"}
    got = read(LEAST + "datadog: {}\n", {**SOCKET, **given})
    assert (got.datadog.oncall_url, got.datadog.app_url) == (
        "http://127.0.0.1:2/on-call/",
        "https://growlio.datadoghq.com/",
    )


def test_an_on_call_address_that_would_send_keys_in_the_open_is_refused(read):
    with pytest.raises(SettingsError) as error:
        read(LEAST + "datadog: {}\n", {**SOCKET, "DD_ONCALL_URL": "http://oncall.example.com"})
    assert "DD_ONCALL_URL: has not the form it needs" in str(error.value.faults[0])


def test_the_least_file_has_defaults_for_all_the_rest(read):
    got = read(LEAST)
    assert got.slack.api_url == "https://slack.com/api/"
    assert got.database_url.reveal() == "sqlite:///kajitori.db"
    assert (got.datadog, got.summary, got.pods_channel, got.kubeconfig) == (None, None, None, None)
    assert got.catalog.environments["stg"].context is None
    assert got.catalog.roles[Role.DEPLOYER] == (Grant(),)


def test_a_role_is_given_everywhere_or_for_some_places_at_once_or_in_turns(read):
    one = read(LEAST + "roles: {deployer: {users: [U0A], environments: [stg]}}\n").catalog.roles[Role.DEPLOYER]
    assert one == (Grant(users=("U0A",), environments=(EnvironmentName("stg"),)),)
    many = "roles: {deployer: [{users: [U0A], services: [admin]}, {groups: [S0B]}], approver: []}\n"
    roles = read(LEAST + many).catalog.roles
    assert roles[Role.DEPLOYER] == (Grant(users=("U0A",), services=(ServiceName("admin"),)), Grant(groups=("S0B",)))
    assert roles[Role.APPROVER] == ()


def test_words_that_yaml_takes_for_numbers_or_truth_are_what_was_written(read):
    text = LEAST.replace("stg: {}", "no: {channel: '#on'}") + "summary: {channel: C0123, at: 18:30, days: 'sat-mon'}\n"
    got = read(text)
    assert list(got.catalog.environments) == ["no"]
    assert got.summary.at == time(18, 30)
    assert got.summary.days == frozenset({5, 6, 0})


SERVICE = "services: {admin: {namespace: admin, workload: deployment/admin, container: admin, image: r.io/admin}}\n"
STG = "environments: {stg: {}}\n"

FAULTS = {
    "an unknown key, with the nearest known": (
        STG + SERVICE + "timezon: UTC\n",
        ["k.yaml:3: timezon: is no key that Kajitori knows. Did you mean `timezone`?"],
    ),
    "an unknown key deep down": (
        "environments:\n  stg:\n    chanel: '#x'\n" + SERVICE,
        ["k.yaml:3: environments.stg.chanel: is no key that Kajitori knows. Did you mean `channel`?"],
    ),
    "an unknown key like no other": (
        STG + SERVICE + "http:\n  qqq: 1\n",
        ["k.yaml:4: http.qqq: is no key that Kajitori knows. Known here: `listen`"],
    ),
    "a secret in the file": (
        STG + SERVICE + "slack:\n  bot_token: xoxb-123\n",
        [
            "k.yaml:4: slack.bot_token: is no key that Kajitori knows. Secrets never stand in this file; "
            "set them in the environment."
        ],
    ),
    "a number where text belongs": (
        STG + SERVICE.replace("container: admin", "container: 5"),
        [
            "k.yaml:2: services.admin.container: is `5`, a number, where text is expected. "
            'Put it in quotes if it is meant so: "5"'
        ],
    ),
    "text where a number belongs": (
        "environments: {stg: {approvals: many}}\n" + SERVICE,
        ["k.yaml:1: environments.stg.approvals: is `many`. Write a whole number from 0 to 9, without quotes."],
    ),
    "a quoted number": (
        "environments: {stg: {approvals: '1'}}\n" + SERVICE,
        ["k.yaml:1: environments.stg.approvals: is `1`, text. Write a whole number from 0 to 9, without quotes."],
    ),
    "a list where a section belongs": (
        STG + SERVICE + "slack: [socket]\n",
        ["k.yaml:3: slack: is a list. Write its keys below it, indented."],
    ),
    "a word where a list belongs": (
        STG + SERVICE + "roles: {deployer: {groups: engineers}}\n",
        ["k.yaml:3: roles.deployer.groups: is `engineers`. Write a list: [first, second]."],
    ),
    "a role for a place that is none": (
        STG + SERVICE + "roles: {deployer: [{users: [U0A], environments: [sgt]}, {users: [U0B], services: []}]}\n",
        [
            "k.yaml:3: roles.deployer[0].environments: names `sgt`, which is none of this file's environments. "
            "Did you mean `stg`?",
            "k.yaml:3: roles.deployer[1].services: is an empty list. Name the services that it is for, or leave the "
            "key out: then it is for all.",
        ],
    ),
    "a list where text belongs": (
        STG + SERVICE.replace("container: admin", "container: [a, b]"),
        ["k.yaml:2: services.admin.container: is a list. Write one value, text."],
    ),
    "a key without a value": (
        STG + SERVICE + "timezone:\n",
        ["k.yaml:3: timezone: is empty. Write one value, text."],
    ),
    "a service without a namespace": (
        STG + "services:\n  admin:\n    workload: deployment/admin\n    container: a\n    image: r.io/a\n",
        [
            "k.yaml:3: services.admin.namespace: is missing. "
            "Write the Kubernetes namespace it runs in: namespace: admin."
        ],
    ),
    "two services on one workload": (
        STG
        + SERVICE.replace("}}", "}, web: {namespace: admin, workload: deployment/admin, container: w, image: r.io/w}}"),
        [
            "k.yaml:2: services.web.workload: is admin/deployment/admin, which service `admin` has already. "
            "Give each service a workload of its own; a lock on one would not hold the other."
        ],
    ),
    "two environments on one context": (
        "environments:\n  stg: {context: a}\n  prd: {context: a}\n" + SERVICE,
        [
            "k.yaml:3: environments.prd.context: is `a`, which environment `stg` has already. "
            "Give each environment a kubeconfig context of its own."
        ],
    ),
    "two environments on the bot's own cluster": (
        "environments:\n  stg: {}\n  prd:\n" + SERVICE,
        [
            "k.yaml:3: environments.prd.context: is the cluster the bot runs in (no context), "
            "which environment `stg` has already. Give each environment a kubeconfig context of its own."
        ],
    ),
    "a promotion from nowhere": (
        "environments:\n  stg: {context: a}\n  prd: {context: b, promotes_from: stgg}\n" + SERVICE,
        ["k.yaml:3: environments.prd.promotes_from: is `stgg`, which is no environment. Did you mean `stg`?"],
    ),
    "promotions in a circle": (
        "environments:\n  a: {context: a, promotes_from: c}\n  b: {context: b, promotes_from: a}\n"
        "  c: {context: c, promotes_from: b}\n" + SERVICE,
        [
            "k.yaml:2: environments.a.promotes_from: goes in a circle: a → c → b → a. "
            "Let one environment promote from nowhere."
        ],
    ),
    "a promotion from itself": (
        "environments: {a: {promotes_from: a}}\n" + SERVICE,
        ["k.yaml:1: environments.a.promotes_from: goes in a circle: a → a. Let one environment promote from nowhere."],
    ),
    "a bad cron and a bad duration": (
        "environments: {stg: {freezes: [{cron: '0 17 * *', duration: 64, reason: w}]}}\n" + SERVICE,
        [
            "k.yaml:1: environments.stg.freezes[0].cron: is `0 17 * *`. Has 4 fields; five are needed: "
            'minute hour day-of-month month day-of-week; for example "0 17 * * fri"',
            "k.yaml:1: environments.stg.freezes[0].duration: is `64`. "
            "A duration has a unit, s, m, h or d: `90s`, `10m`, `1h30m`",
        ],
    ),
    "bad percents": (
        STG + SERVICE.replace("}}", ", canary: {steps: [10%, 0, 50, 25, 100]}}}"),
        [
            "k.yaml:2: services.admin.canary.steps[0]: is `10%`. Write a whole number from 1 to 99, without sign or %.",
            "k.yaml:2: services.admin.canary.steps[1]: is `0`. Write a whole number from 1 to 99, without sign or %.",
            "k.yaml:2: services.admin.canary.steps[3]: is 25, not more than the one before it (50). "
            "Let the steps rise: [10, 25, 50].",
            "k.yaml:2: services.admin.canary.steps[4]: is `100`. Write a whole number from 1 to 99, without sign or %.",
        ],
    ),
    "a zone that is misspelt": (
        STG + SERVICE + "timezone: Asia/Tokio\n",
        [
            "k.yaml:3: timezone: is `Asia/Tokio`. A time zone is a name of the tz database, `Asia/Tokyo` or `UTC`. "
            "Did you mean `Asia/Tokyo`?"
        ],
    ),
    "a zone that is a path": (
        STG + SERVICE + "timezone: ../../etc/passwd\n",
        ["k.yaml:3: timezone: is `../../etc/passwd`. A time zone is a name of the tz database, `Asia/Tokyo` or `UTC`"],
    ),
    "a channel without its sign": (
        STG + SERVICE + "pods: {channel: alerts}\n",
        ['k.yaml:3: pods.channel: is `alerts`. A channel is an id or a name in quotes: C0123456789 or "#deploys"'],
    ),
    "a channel whose sign began a comment": (
        STG + SERVICE + "pods:\n  channel: #alerts\n",
        ["k.yaml:4: pods.channel: is empty. Write one value, text."],
    ),
    "a workload of an unknown kind": (
        STG + SERVICE.replace("deployment/", "deploymnt/"),
        [
            "k.yaml:2: services.admin.workload: is `deploymnt/admin`. A workload is kind/name, the kind one of "
            "deployment, statefulset, daemonset, cronjob, rollout: `deployment/admin`. Did you mean `deployment`?"
        ],
    ),
    "an image with a tag": (
        STG + SERVICE.replace("r.io/admin", "r.io/admin:1.0"),
        [
            "k.yaml:2: services.admin.image: is `r.io/admin:1.0`. A repository has no tag and no digest; "
            "the version is chosen at each release: `registry.example.com/team/admin`"
        ],
    ),
    "a path that leaves its folder": (
        STG + SERVICE.replace("}}", ", manifests: {path: a/../../b}}}"),
        [
            "k.yaml:2: services.admin.manifests.path: is `a/../../b`. A path is relative, without `..`, "
            '`{environment}` its only field: "manifests/{environment}"'
        ],
    ),
    "a template in a path": (
        STG + SERVICE.replace("}}", ", manifests: {path: 'a/{0.__class__}'}}}"),
        [
            "k.yaml:2: services.admin.manifests.path: is `a/{0.__class__}`. A path is relative, without `..`, "
            '`{environment}` its only field: "manifests/{environment}"'
        ],
    ),
    "a person by name": (
        STG + SERVICE + "roles: {operator: {users: ['@bob']}}\n",
        [
            "k.yaml:3: roles.operator.users[0]: is `@bob`. "
            "People are named by id, U0123456789 (in Slack: profile, ⋮, Copy member ID)"
        ],
    ),
    "a mode, a language and an address that are none": (
        STG + SERVICE + "slack: {mode: sockt}\nlocale: de\nhttp: {listen: '127.0.0.1:99999'}\n",
        [
            "k.yaml:3: slack.mode: is `sockt`. Write one of socket, http.",
            "k.yaml:4: locale: is `de`. Write one of en, ja.",
            "k.yaml:5: http.listen: is `127.0.0.1:99999`. "
            "An address is host:port, the port at most 65535: `127.0.0.1:8080` or `[::]:8080`",
        ],
    ),
    "a summary without a channel, at no time of day": (
        STG + SERVICE + "summary: {at: '25:00', days: workdays}\n",
        [
            'k.yaml:3: summary.at: is `25:00`. A time of day is HH:MM, 24 hours: "18:00"',
            "k.yaml:3: summary.days: is `workdays`. "
            "Days are mon tue wed thu fri sat sun, ranges and lists: `mon-fri` or `mon,wed`",
            'k.yaml:3: summary.channel: is missing. Write where it is posted: channel: "#deploys"',
        ],
    ),
    "polls too often, and a match that is none": (
        STG + SERVICE + "datadog:\n  poll: 1s\n  routes: [{match: 'a b', channel: '#a'}]\n",
        [
            "k.yaml:4: datadog.poll: is `1s`. Ask Datadog every 10 s at most often: `60s`",
            "k.yaml:5: datadog.routes[0].match: is `a b`. "
            "A match is Datadog tags joined by AND: `service:admin AND env:prd`",
        ],
    ),
    "nothing to release, nowhere": (
        "timezone: UTC\n",
        [
            "k.yaml:1: environments: is missing. Name at least one environment.",
            "k.yaml:1: services: is missing. Name at least one service.",
        ],
    ),
    "a name that people could not type": (
        "environments: {Stg!: {}}\n" + SERVICE,
        [
            "k.yaml:1: environments.Stg!: `Stg!` is no name. "
            "A name has lower-case letters, digits and `. _ -`, 63 at most: `admin`"
        ],
    ),
    "a key that stands twice": (
        STG + SERVICE + "locale: en\nlocale: ja\n",
        ["k.yaml:4: locale: stands twice, first on line 3. Keep one of the two."],
    ),
    "a secret as a value": (
        STG + SERVICE + "slack: {ops_channel: xoxb-111-222-secret}\n",
        [
            "k.yaml:3: slack.ops_channel: is (hidden: it looks like a secret). "
            'A channel is an id or a name in quotes: C0123456789 or "#deploys"'
        ],
    ),
}


@pytest.mark.parametrize(("text", "expected"), FAULTS.values(), ids=list(FAULTS))
def test_a_fault_is_named_with_file_line_key_and_remedy(read, text, expected):
    assert faults_of(read, text) == expected


FILES = {
    "empty": ("", "k.yaml: is empty. Start from kajitori.example.yaml."),
    "only comments": ("# hello\n", "k.yaml: is empty. Start from kajitori.example.yaml."),
    "a list": ("- a\n- b\n", "k.yaml:1: is a list, not a section of keys. Start from kajitori.example.yaml."),
    "two documents": (
        LEAST + "---\na: 1\n",
        "k.yaml:5: holds a second document. Keep one document; remove the line `---`",
    ),
    "a tag": ("a: !!python/object:os.system {}\n", "has the tag `tag:yaml.org,2002:python/object:os.system`"),
    "a merge key": ("a: &a {b: 1}\nc:\n  <<: *a\n", "k.yaml:3: has a merge key `<<`"),
    "an alias of nothing": ("a: *b\n", "k.yaml:1: refers to `b`, which is not defined before it"),
    "an alias of itself": ("a: &a [*a]\n", "k.yaml:1: refers to `a`, which is not defined before it"),
    "a broken structure": ("a: [1\nb: 2\n", "is no valid YAML"),
    "a tabulator": ("a:\n\tb: 1\n", "k.yaml:2: is no valid YAML"),
    "a control character": ("a: \x01\n", "k.yaml:1: has a character that YAML does not allow"),
    "bytes that are no text": (b"a: 1\nb: \xff\xfe\n", "k.yaml:2: is not UTF-8 text. Save the file as UTF-8."),
    "deep nesting": ("a: " + "[" * 60 + "]" * 60, "is nested deeper than 50 levels"),
    "depth that would end the stack": ("a: " + "[" * 20_000, "is nested deeper than 50 levels"),
    "too much": ("#" * (1 << 20) + "\na: 1", "k.yaml: is larger than 1 MiB"),
    "a key that is a list": ("[a, b]: c\n", "k.yaml:1: has a key that is not text"),
    "an escape beyond Unicode": ('a: "\\UFFFFFFFF"\n', "escape"),
    "a directive of many digits": ("%YAML 1." + "9" * 5000 + "\n---\na: 1\n", "k.yaml"),
}


@pytest.mark.parametrize(("text", "told"), FILES.values(), ids=list(FILES))
def test_a_file_that_can_not_be_read_is_one_fault_about_the_file(read, text, told):
    (fault,) = faults_of(read, text)
    assert told in fault


def test_a_bomb_of_aliases_is_refused_before_it_unfolds(read):
    levels = "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10))
    (fault,) = faults_of(read, f"a0: &a0 [x, x, x, x, x, x, x, x, x]\n{levels}\n")
    assert "holds more than 20000 values with its aliases written out" in fault


def test_many_aliases_are_refused(read):
    (fault,) = faults_of(read, f"a: &a 1\nb: [{', '.join(['*a'] * 101)}]\n")
    assert "uses more than 100 aliases" in fault


def test_an_alias_stands_for_what_it_names(read):
    got = read(LEAST + "pods: {channel: &c '#alerts'}\nslack: {ops_channel: *c}\n")
    assert got.slack.ops_channel == got.pods_channel == "#alerts"
    assert (got.healed_after, got.rollback_window) == (timedelta(seconds=60), timedelta(minutes=30))
    got = read(LEAST + "pods: {channel: '#alerts', healed_after: 5m, rollback_window: 2h}\n")
    assert (got.healed_after, got.rollback_window) == (timedelta(minutes=5), timedelta(hours=2))


def test_a_file_that_is_not_there_is_told_together_with_the_secrets_that_are_not(tmp_path):
    with pytest.raises(SettingsError) as error:
        load(tmp_path / "absent.yaml", {})
    assert [fault.key for fault in error.value.faults] == ["", "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"]
    assert "can't be read (No such file or directory)" in str(error.value)


def test_all_faults_of_file_and_environment_come_at_once_in_order(read):
    with pytest.raises(SettingsError) as error:
        read("locale: de\n" + STG + SERVICE + "timezon: UTC\n", {"SLACK_APP_TOKEN": "xoxb-1"})
    assert str(error.value).splitlines() == [
        "4 faults in the configuration:",
        "  k.yaml:1: locale: is `de`. Write one of en, ja.",
        "  k.yaml:4: timezon: is no key that Kajitori knows. Did you mean `timezone`?",
        "  environment: SLACK_BOT_TOKEN: is not set. Set it to the bot token of the installed app (`xoxb-…`), "
        "or SLACK_BOT_TOKEN_FILE to a file that holds it.",
        "  environment: SLACK_APP_TOKEN: begins with xoxb-: that is a bot token. "
        "Set the app-level token with the scope connections:write, which begins with `xapp-…`.",
    ]


ENVIRONMENTS = {
    "a token of the wrong kind": (
        {"SLACK_BOT_TOKEN": "xapp-secret", "SLACK_APP_TOKEN": "xapp-1"},
        "SLACK_BOT_TOKEN: begins with xapp-: that is an app-level token.",
    ),
    "a token of no kind": ({**SOCKET, "SLACK_BOT_TOKEN": "secret"}, "SLACK_BOT_TOKEN: is no such token."),
    "a blank token": ({**SOCKET, "SLACK_BOT_TOKEN": "  "}, "SLACK_BOT_TOKEN: is empty."),
    "a misspelt name": (
        {"SLACK_BOT_TOKN": "xoxb-secret", "SLACK_APP_TOKEN": "xapp-1"},
        "SLACK_BOT_TOKN is set; is it this one, misspelt?",
    ),
    "the file's variable misspelt": (
        {**SOCKET, "KAJITORI_CONFG": "secret.yaml"},
        "KAJITORI_CONFG: is no variable that Kajitori knows. Did you mean KAJITORI_CONFIG?",
    ),
    "a token with a line break": ({**SOCKET, "SLACK_BOT_TOKEN": "xoxb-sec\nret"}, "holds white space"),
    "an address without encryption": (
        {**SOCKET, "SLACK_API_URL": "http://slack.example.com/secret/"},
        "SLACK_API_URL: has not the form it needs. Tokens travel over https:// only",
    ),
    "an address with a password": ({**SOCKET, "SLACK_API_URL": "https://u:secret@slack.com/api/"}, "without user"),
    "an unknown database": ({**SOCKET, "DATABASE_URL": "mysql://u:secret@h/d"}, "DATABASE_URL: has not the form"),
    "a site that is an address": ({**SOCKET, "DD_SITE": "https://datadoghq.com/secret"}, "DD_SITE: has not the form"),
    "three webhook secrets": ({**SOCKET, "DATADOG_WEBHOOK_SECRET": "secret1,secret2,secret3"}, "is more than a pair"),
    "a secret file that is not there": (
        {**SOCKET, "DD_API_KEY_FILE": "/nonexistent/secret"},
        "DD_API_KEY_FILE: names a file that can't be read (No such file or directory).",
    ),
    "a secret twice": ({**SOCKET, "DD_API_KEY": "secret", "DD_API_KEY_FILE": "x"}, "DD_API_KEY: is set, and so is"),
}


@pytest.mark.parametrize(("environ", "told"), ENVIRONMENTS.values(), ids=list(ENVIRONMENTS))
def test_a_variable_that_is_wrong_is_named_and_its_value_is_not(read, environ, told):
    (fault,) = faults_of(read, LEAST, environ)
    assert fault.startswith("environment: ")
    assert told in fault
    assert "secret" not in fault.lower().replace("/nonexistent/secret", "").replace("webhook_secret", "").replace(
        "one secret, or two", ""
    ).replace("no secret has", "")


def test_http_mode_needs_the_signing_secret_and_no_app_token(read):
    text = LEAST + "slack: {mode: http}\n"
    (fault,) = faults_of(read, text, {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_SIGNING_SECRET": " "})
    assert fault.startswith("environment: SLACK_SIGNING_SECRET: is empty.")
    got = read(text, {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_SIGNING_SECRET": "0123456789abcdef"})
    assert got.slack.app_token is None
    assert got.slack.signing_secret == Secret("0123456789abcdef")


def test_secrets_are_read_from_mounted_files(read, tmp_path):
    (tmp_path / "bot").write_text("xoxb-from-file\n")
    got = read(LEAST, {"SLACK_BOT_TOKEN_FILE": str(tmp_path / "bot"), "SLACK_APP_TOKEN": "xapp-1"})
    assert got.slack.bot_token.reveal() == "xoxb-from-file"


def test_addresses_get_their_slash_and_http_is_for_this_machine(read):
    got = read(LEAST, {**SOCKET, "SLACK_API_URL": "http://127.0.0.1:9999/api", "DD_API_URL": "http://[::1]:1"})
    assert got.slack.api_url == "http://127.0.0.1:9999/api/"


def test_the_file_is_found_by_its_variable(tmp_path):
    (tmp_path / "other.yaml").write_text(LEAST)
    got = load(None, {**SOCKET, "KAJITORI_CONFIG": str(tmp_path / "other.yaml")})
    assert got.path == tmp_path / "other.yaml"


def test_webhook_secrets_are_a_pair_while_rotating(read):
    got = read(LEAST + "datadog: {}\n", {**SOCKET, "DATADOG_WEBHOOK_SECRET": "old, new".replace(" ", "")})
    assert got.datadog.webhook_secrets == (Secret("old"), Secret("new"))


def test_no_print_of_the_settings_shows_a_secret(read):
    got = read(LEAST, {**SOCKET, "DATABASE_URL": "postgresql://u:hunter2@db/k"})
    for text in (repr(got), str(got), f"{got.slack.bot_token}", f"{got.database_url:>20}"):
        assert not any(secret in text for secret in ("hunter2", "xoxb-1", "xapp-1"))
    with pytest.raises(TypeError):
        pickle.dumps(got.slack.bot_token)


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(max_size=20),
    st.sampled_from(
        ["#a", "C0123", "10m", "stg", "deployment/a", "0 17 * * fri", "mon-fri", "18:00", "Asia/Tokyo", "UTC"]
    ),
)
WORDS = """
slack mode ops_channel http listen timezone locale environments stg prd context channel promotes_from approvals freezes
cron duration reason services admin namespace workload container image manifests path canary steps interval roles
deployer users groups datadog poll routes match pods summary at days
"""
KEYS = st.one_of(st.text(max_size=8), st.sampled_from(WORDS.split()))
TREES = st.dictionaries(
    KEYS,
    st.recursive(
        SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
    ),
    max_size=6,
)
fuzz = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)


def read_or_refused(read, text: str | bytes) -> None:
    """Settings, or faults that print as one line each: never another exception."""
    faults: tuple[Fault, ...] = ()
    told = ""
    try:
        read(text)
    except SettingsError as error:
        faults, told = error.faults, str(error)
    assert len(told.splitlines()) == len(faults) + bool(faults)
    assert all(fault.problem and fault.remedy for fault in faults)


@fuzz
@given(TREES)
def test_any_tree_is_accepted_or_its_faults_are_told(read, tree):
    read_or_refused(read, yaml.safe_dump(tree))


@fuzz
@given(st.text(alphabet=st.sampled_from("abc:-#&*!|>%@`'\"{}[],? \n\t\\0<~.é\u2028"), max_size=60))
def test_any_text_of_yamls_own_signs_is_accepted_or_its_faults_are_told(read, text):
    read_or_refused(read, text)


@fuzz
@given(st.binary(max_size=60))
def test_any_bytes_are_accepted_or_their_faults_are_told(read, content):
    read_or_refused(read, content)


@fuzz
@given(
    st.integers(0, 2_400), st.sampled_from(["", ":", "\t", "&a ", "*a", "!x ", "- ", "\n", "'", "{", "[", "0", "\x00"])
)
def test_the_example_with_one_spot_broken_is_accepted_or_its_faults_are_told(read, spot, damage):
    text = EXAMPLE.read_text()
    read_or_refused(read, text[:spot] + damage + text[spot + 3 :])
