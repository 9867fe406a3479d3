"""Example messages, views and clusters for the chat page: every block kind, a release's life, hostile texts.

Read by test_page*.py.
"""

from typing import Any

from tests.sandbox.page_fixture import CannedChat, button, option, plain, pod, text

Json = dict[str, Any]

HOSTILE = [
    "<script>window.hacked = 1</script>",
    "&lt;script&gt;window.hacked = 1&lt;/script&gt;",
    '<img src=x onerror="window.hacked = 1">',
    "<javascript:window.hacked=1|click me>",
    "<JaVaScRiPt:window.hacked=1|click me>",
    "<data:text/html,%3Cscript%3Ewindow.hacked=1%3C/script%3E|click me>",
    "<vbscript:x|click me>",
    '<https://example.com/"onmouseover="window.hacked=1|click me>',
    "<https://example.com|<img src=x onerror=window.hacked=1>>",
    "`<svg onload=window.hacked=1>`",
    "```<svg onload=window.hacked=1>```",
    "*<b onclick=window.hacked=1>bold</b>*",
    "<@U0NOBODY|<img src=x onerror=window.hacked=1>>",
    "<!date^0^{date}^javascript:window.hacked=1|then>",
    ":<img src=x onerror=window.hacked=1>:",
    "{{constructor.constructor('window.hacked=1')()}}",
]


def points(*values: float) -> list[Json]:
    """The data of a chart's series."""
    return [{"label": f"02:10:{n}0", "value": value} for n, value in enumerate(values)]


def release_card(done: int = 3, total: int = 5) -> list[Json]:
    """A release that moves."""
    bar = "▰" * (done * 2) + "▱" * ((total - done) * 2)
    state = f"{done} of {total} pods updated, 5 ready · 0:24 of about 0:50"
    return [
        {
            "type": "section",
            "block_id": "head",
            "text": text(f"Releasing *admin* 1.4.1 → *1.4.2* to *stg*\n{bar}  {state}"),
        },
        {
            "type": "context",
            "block_id": "who",
            "elements": [text("asked by <@U0ALICE> · newest tag of the registry · a1f3")],
        },
        {
            "type": "actions",
            "block_id": "acts",
            "elements": [
                button("Details", "details", value="a1f3"),
                button(
                    "Abort",
                    "abort",
                    value="a1f3",
                    style="danger",
                    confirm={
                        "title": plain("Abort this release?"),
                        "text": text("*admin* in *stg* goes back to 1.4.1."),
                        "confirm": plain("Abort"),
                        "deny": plain("Keep going"),
                        "style": "danger",
                    },
                ),
            ],
        },
    ]


def every_block() -> list[Json]:
    """One of each block and element kind."""
    return [
        {"type": "header", "text": plain("Monday 23 November :ship:")},
        {
            "type": "section",
            "text": text("*web* in *prd*: 1 of 6 pods fell, `OOMKilled` at its limit of _512Mi_ ~since 14:07~"),
            "fields": [
                text("*Kind*\nDeployment"),
                text("*Namespace*\ngrowlio"),
                text("*Reason*\nOOMKilled"),
                text("*Since*\n<!date^1795400000^{date_num} {time}|earlier>"),
            ],
            "accessory": {
                "type": "static_select",
                "action_id": "pick",
                "placeholder": plain("Run…"),
                "options": [option("Logs", "logs"), option("Events", "events")],
            },
        },
        {
            "type": "section",
            "text": text(
                "> Last words: `java.lang.OutOfMemoryError`\n> see <https://example.com/runbook|the runbook>\n"
                "• raise the limit\n• or find the leak\n```line one\nline two```"
            ),
        },
        {"type": "divider"},
        {
            "type": "image",
            "title": plain("A chart"),
            "image_url": "https://example.com/chart.png",
            "alt_text": "p99 over an hour",
        },
        {
            "type": "rich_text",
            "elements": [
                {
                    "type": "rich_text_section",
                    "elements": [
                        {"type": "text", "text": "Bold ", "style": {"bold": True}},
                        {"type": "user", "user_id": "U0BOB"},
                        {"type": "emoji", "name": "tada", "unicode": "1f389"},
                        {"type": "text", "text": " code", "style": {"code": True}},
                    ],
                },
                {
                    "type": "rich_text_list",
                    "style": "ordered",
                    "elements": [
                        {"type": "rich_text_section", "elements": [{"type": "text", "text": "first"}]},
                        {"type": "rich_text_section", "elements": [{"type": "text", "text": "second"}]},
                    ],
                },
                {"type": "rich_text_quote", "elements": [{"type": "text", "text": "quoted"}]},
                {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "kubectl get pods"}]},
            ],
        },
        {
            "type": "markdown",
            "text": "## Plan\n1. **build**\n2. ~~test~~ [link](https://example.com)\n\n"
            "| env | version |\n|:--|--:|\n| stg | 1.4.2 |\n\n- [x] done\n- [ ] open\n\n> quoted",
        },
        {
            "type": "table",
            "rows": [
                [
                    {"type": "raw_text", "text": ""},
                    {"type": "raw_text", "text": "1.4.2"},
                    {"type": "raw_text", "text": "1.5.0"},
                ],
                [
                    {"type": "raw_text", "text": "errors"},
                    {"type": "raw_text", "text": "0.11 %"},
                    {"type": "raw_text", "text": "0.10 %"},
                ],
            ],
            "column_settings": [{}, {"align": "right"}, {"align": "right"}],
        },
        {
            "type": "data_visualization",
            "title": "p99, ms",
            "chart": {
                "type": "line",
                "axis_config": {"categories": ["02:10:00", "02:10:10", "02:10:20"]},
                "series": [
                    {"name": "old 1.4.2", "data": points(90.0, 91.0, 90.5)},
                    {"name": "new 1.5.0", "data": points(92.0, 120.0, 110.0)},
                ],
            },
        },
        {
            "type": "actions",
            "block_id": "controls",
            "elements": [
                button("Next: 25 %", "next", value="25", style="primary"),
                button("Pause", "pause"),
                {
                    "type": "overflow",
                    "action_id": "more",
                    "options": [option("Logs", "logs"), option("Silence 1 h", "silence")],
                },
                {"type": "users_select", "action_id": "who", "placeholder": plain("Hand over to…")},
                {"type": "datepicker", "action_id": "day", "initial_date": "2026-11-24"},
            ],
        },
        {
            "type": "actions",
            "elements": [
                {
                    "type": "checkboxes",
                    "action_id": "ticks",
                    "options": [
                        option("Migrations are done", "a", description=plain("checked by hand")),
                        option("Tell the channel", "b"),
                    ],
                    "initial_options": [option("Tell the channel", "b")],
                },
                {
                    "type": "radio_buttons",
                    "action_id": "one",
                    "options": [option("Canary", "canary"), option("All at once", "all")],
                },
            ],
        },
        {"type": "hologram", "text": plain("from the future")},
    ]


def deploy_form() -> Json:
    """The form of `/deploy` alone."""
    return {
        "id": "V0DEPLOY",
        "type": "modal",
        "callback_id": "deploy",
        "title": plain("Release a service"),
        "submit": plain("Release"),
        "close": plain("Cancel"),
        "blocks": [
            {"type": "section", "text": text("Where does it go?")},
            {
                "type": "input",
                "block_id": "environment",
                "label": plain("Environment"),
                "element": {
                    "type": "static_select",
                    "action_id": "value",
                    "placeholder": plain("Choose one"),
                    "options": [option("stg", "stg"), option("prd", "prd")],
                },
            },
            {
                "type": "input",
                "block_id": "service",
                "label": plain("Service"),
                "element": {
                    "type": "static_select",
                    "action_id": "value",
                    "options": [option("admin", "admin"), option("web", "web")],
                    "initial_option": option("admin", "admin"),
                },
            },
            {
                "type": "input",
                "block_id": "version",
                "optional": True,
                "label": plain("Version"),
                "hint": plain("Empty: the newest image."),
                "element": {"type": "plain_text_input", "action_id": "value", "placeholder": plain("1.4.2")},
            },
            {
                "type": "input",
                "block_id": "how",
                "optional": True,
                "label": plain("How"),
                "element": {
                    "type": "radio_buttons",
                    "action_id": "value",
                    "options": [option("All at once", "all"), option("Canary", "canary")],
                },
            },
        ],
    }


def clusters() -> list[Json]:
    """stg in the middle of a release that goes wrong, prd at rest."""

    def workload(name: str, desired: int, ready: int, version: str, kind: str = "Deployment") -> Json:
        return {
            "namespace": "growlio",
            "kind": kind,
            "name": name,
            "desired": desired,
            "ready": ready,
            "updated": ready,
            "version": version,
            "paused": False,
        }

    def nodes(cluster: str) -> list[Json]:
        return [{"name": f"{cluster}-node-{n}", "ready": True, "paused": False} for n in (1, 2)]

    stg_pods = [
        *[pod("admin", f"admin-7d9f6c-{n}", "1.4.1") for n in range(3)],
        pod("admin", "admin-7d9f6c-9", "1.4.1", deleting=True),
        *[pod("admin", f"admin-5b8c44-{n}", "1.4.2", created="2026-11-23T14:05:00Z") for n in range(2)],
        pod(
            "admin",
            "admin-5b8c44-7",
            "1.4.2",
            ready=False,
            phase="Pending",
            reason="ContainerCreating",
            created="2026-11-23T14:06:00Z",
        ),
        *[pod("web", f"web-66b4d8-{n}", "2.3.0") for n in range(3)],
        pod(
            "web",
            "web-66b4d8-8",
            "2.3.1-broken",
            ready=False,
            phase="Pending",
            reason="ImagePullBackOff",
            created="2026-11-23T14:06:00Z",
        ),
        *[pod("report", f"report-{n}", "3.1.0") for n in range(2)],
    ]
    prd_pods = [
        *[pod("admin", f"admin-1a2b3c-{n}", "1.4.1", node="prd-node-1") for n in range(5)],
        *[pod("web", f"web-9f8e7d-{n}", "2.2.9", node="prd-node-2") for n in range(6)],
        *[pod("report", f"report-{n}", "3.0.4", node="prd-node-2") for n in range(2)],
    ]
    return [
        {
            "name": "stg",
            "nodes": nodes("stg"),
            "workloads": [
                workload("admin", 5, 5, "1.4.2"),
                workload("web", 3, 3, "2.3.1-broken"),
                workload("report", 2, 2, "3.1.0", "StatefulSet"),
            ],
            "pods": stg_pods,
        },
        {
            "name": "prd",
            "nodes": nodes("prd"),
            "workloads": [
                workload("admin", 5, 5, "1.4.1"),
                workload("web", 6, 6, "2.2.9"),
                workload("report", 2, 2, "3.0.4", "StatefulSet"),
            ],
            "pods": prd_pods,
        },
    ]


def showcase() -> CannedChat:
    """A workspace in the middle of a working day."""
    chat = CannedChat()
    yesterday = chat.say("C0STG", text="Good evening. `report` 3.1.0 is on stg :tada:", user="U0CAROL", bot_id=None)
    yesterday["ts"] = f"{float(yesterday['ts']) - 86400:.6f}"
    chat.say("C0STG", user="U0BOB", bot_id=None, text="morning! <@U0ALICE> is *admin 1.4.2* ready for _stg_?")
    chat.say(
        "C0STG", user="U0ALICE", bot_id=None, text="yes, tests are green: <https://ci.example.com/1402|build 1402>"
    )
    chat.say(
        "C0STG",
        user="U0ALICE",
        bot_id=None,
        text="releasing it now",
        reactions=[{"name": "eyes", "users": ["U0BOB"], "count": 1}],
    )
    card = chat.say(
        "C0STG",
        text="Releasing admin 1.4.1 → 1.4.2 to stg",
        blocks=release_card(),
        edited={"user": "U0KAJITORI", "ts": "1"},
    )
    reply = chat.say(
        "C0STG", text="*1.4.2* began: 2 of 5 pods ready. `admin-5b8c44-7` is starting.", thread_ts=card["ts"]
    )
    chat.say("C0STG", user="U0BOB", bot_id=None, text="<@U0KAJITORI> status", thread_ts=card["ts"])
    card |= {"thread_ts": card["ts"], "reply_count": 2, "latest_reply": reply["ts"]}
    chat.say(
        "C0STG",
        attachments=[
            {
                "color": "#e01e5a",
                "blocks": [
                    {
                        "type": "section",
                        "text": text(
                            "*web* 2.3.1-broken failed in *stg*: the image can't be pulled\n"
                            "`registry.example.com/growlio/web:2.3.1-broken` does not exist. 2.3.0 still serves "
                            "with 3 of 3 pods."
                        ),
                    },
                    {
                        "type": "actions",
                        "elements": [
                            button("Roll back to 2.3.0", "rollback", style="primary"),
                            button("Retry", "retry"),
                        ],
                    },
                ],
            }
        ],
        text="web 2.3.1-broken failed in stg",
    )
    chat.say(
        "C0STG",
        ephemeral=True,
        text="stg/admin is locked by <@U0BOB> since 13:40: “schema migration”.\n"
        "You can wait in line (you would be next) or ask <@U0BOB>.",
    )
    chat.say("C0PRD", text="Every block", blocks=every_block())
    chat.clusters = clusters()
    chat.forms["/deploy"] = deploy_form()
    return chat
