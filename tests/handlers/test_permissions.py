"""Who may do what: every command, button and form, asked by everybody there is."""

import asyncio
import secrets
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from sqlalchemy import func, select

from bot.domain.catalog import Grant, Place, Role
from bot.domain.names import ChannelId, EnvironmentName, ServiceName, UserId
from bot.errors import UserError
from bot.router import Button
from bot.sandbox.slack import payloads
from bot.sandbox.slack.people import User
from bot.store.tables import audit, inbox, releases
from bot.usecases.people import Whereabouts, authorise
from handlers import router
from handlers.approvals import approve
from tests.chat import GENERAL, PRD, STG, Chat, open_chat

FULL = {Role.ANYONE, Role.MEMBER}
ROLES = {
    "U0DAVE": FULL,
    "U0ALICE": FULL | {Role.DEPLOYER},
    "U0BOB": FULL | {Role.DEPLOYER, Role.APPROVER},
    "U0GUEST": set[Role](),
    "U0ROBOT": set[Role](),
    "U0GONE": set[Role](),
    "U0ELSEWHERE": set[Role](),
}
STRANGERS = (
    User("U0ROBOT", "robot", "A workflow", "bot", "🤖", is_bot=True),
    User("U0GONE", "gone", "Gone Gomez", "deactivated", "👻", deleted=True),
    User("U0ELSEWHERE", "elsa", "Elsa Elsewhere", "of another workspace", "🛸", team_id="T0OTHER"),
)
REASONS = {
    "U0GUEST": "not_a_member",
    "U0ELSEWHERE": "not_a_member",
    "U0ROBOT": "not_a_person",
    "U0GONE": "not_a_person",
}
# Lines that do nothing even for those who may: what is asked for does not exist.
LINES = {
    "deploy": "/deploy stg admin 9.9.9-none",
    "rollback": "/rollback stg admin 9.9.9-none",
    "audit": "/audit stg admin",
    "canary": "/canary stg admin 9.9.9-none 10%",
    "abort": "/kajitori abort stg admin",
    "alerts": "/alerts",
    "ack": "/ack zzz9",
    "mute": "/mute 30m zzz9",
    "unmute": "/kajitori unmute zzz9",
    "escalate": "/kajitori escalate zzz9",
    "note": "/kajitori note nothing",
    "oncall": "/oncall",
    "pods": "/pods stg",
    "jobs": "/jobs stg",
    "status": "/status stg web",
    "releases": "/releases",
    "whoami": "/kajitori whoami",
    "freeze": "/freeze stg 99d longer than a week",
    "unfreeze": "/unfreeze stg",
    "freezes": "/freezes",
    "lock": "/lock stg admin 25h longer than a day",
    "unlock": "/unlock stg",
    "queue": "/queue",
    "emergency": "/emergency stg status",
    "promote": "/promote stg admin",
    "takeover": "/takeover stg admin nothing is there",
    "approve": "/approve stg admin",
    "reject": "/reject stg admin there is none",
    "breakglass": "/breakglass stg admin 9.9.9-none there is no such version",
    "review": "/kajitori review there is none",
    "reviews": "/kajitori reviews",
}
NO_RELEASE = "01K" + "A" * 23 + ":1"


def join(chat: Chat) -> None:
    """The strangers come in, and are in every group, so that their group can't be what keeps them out."""
    workspace = chat.sandbox.slack.world.workspace
    for stranger in STRANGERS:
        workspace.users[stranger.id] = stranger
        workspace.channels[STG].members.add(stranger.id)
    for group in list(workspace.usergroups.values()):
        workspace.usergroups[group.id] = replace(group, users=(*group.users, "U0GUEST", *(s.id for s in STRANGERS)))


async def types(chat: Chat, user_id: str, line: str) -> None:
    """A command as the workspace delivers it, also from those whom a real one would stop before."""
    world = chat.sandbox.slack.world
    command, _, rest = line.partition(" ")
    user, channel = world.workspace.users[user_id], world.workspace.channels[STG]
    await chat.sandbox.slack.delivery.ask("slash_commands", payloads.slash_command(world, user, channel, command, rest))


async def clicks(chat: Chat, user_id: str, action_id: str) -> None:
    world = chat.sandbox.slack.world
    user, channel = world.workspace.users[user_id], world.workspace.channels[STG]
    action = {"action_id": action_id, "block_id": "b", "type": "button", "value": NO_RELEASE}
    action["action_ts"] = world.workspace.mint_ts()
    message = {"ts": world.workspace.mint_ts(), "text": "a card"}
    await chat.sandbox.slack.delivery.ask(
        "interactive", payloads.message_action(world, user, channel, message, action, {})
    )


async def submits(chat: Chat, user_id: str, command: str) -> None:
    world = chat.sandbox.slack.world
    values = {"environment": "stg", "service": "admin", "version": "9.9.9-none"}
    values |= {"duration": "99d", "reason": "nothing of it is there", "words": "nothing of it is there"}
    view = {
        "id": f"V{secrets.token_hex(5)}",
        "hash": "1.a",
        "type": "modal",
        "callback_id": f"command:{command}",
        "private_metadata": f"{STG}::deploys-stg",
        "state": {"values": {name: {name: {"type": "plain_text_input", "value": v}} for name, v in values.items()}},
    }
    user = world.workspace.users[user_id]
    await chat.sandbox.slack.delivery.ask("interactive", payloads.view_submission(world, user, view))


async def handled(chat: Chat) -> None:
    """Until every request has been worked through."""
    assert chat.bot is not None
    waiting = select(func.count()).select_from(inbox).where(inbox.c.state != "done")
    for _ in range(1200):
        async with chat.bot.ctx.database.read() as connection:
            left = int(await connection.scalar(waiting) or 0)
        if left == 0:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{left} requests wait")


async def denials(chat: Chat) -> dict[tuple[str, str], set[str]]:
    """(who, what) → reason codes of the audit's denials."""
    assert chat.bot is not None
    async with chat.bot.ctx.database.read() as connection:
        columns = (audit.c.actor, audit.c.action, audit.c.reason)
        rows = (await connection.execute(select(*columns).where(audit.c.phase == "denied"))).all()
    found: dict[tuple[str, str], set[str]] = {}
    for actor, action, reason in rows:
        found.setdefault((actor, action), set()).add(reason)
    return found


async def count_of_releases(chat: Chat) -> int:
    assert chat.bot is not None
    async with chat.bot.ctx.database.read() as connection:
        return int(await connection.scalar(select(func.count()).select_from(releases)) or 0)


async def test_every_way_in_asks_the_same_question_and_each_denial_is_on_record(chat: Chat) -> None:
    assert LINES.keys() == router.commands.keys(), "a new command needs a line here"
    join(chat)
    asked: dict[tuple[str, str], Role] = {}
    for user_id in ROLES:
        for name, command in router.commands.items():
            await types(chat, user_id, LINES[name])
            asked[user_id, name] = command.role
        for action_id, button in router.buttons.items():
            await clicks(chat, user_id, action_id)
            asked[user_id, action_id] = button.role
    await handled(chat)
    denied = await denials(chat)
    for (user_id, action), role in asked.items():
        if role in ROLES[user_id]:
            assert (user_id, action) not in denied
        else:
            assert denied[user_id, action] == {REASONS.get(user_id, "role_missing")}, (user_id, action)
    assert await count_of_releases(chat) == 0
    assert chat.patches() == []


async def test_forms_and_the_buttons_that_open_them_ask_it_too(chat: Chat) -> None:
    join(chat)
    for user_id in ROLES:
        for name, command in router.commands.items():
            if command.has_form:
                await submits(chat, user_id, name)
                await clicks(chat, user_id, f"form.{name}")
    await handled(chat)
    denied = await denials(chat)
    for user_id, roles in ROLES.items():
        for name in ("deploy", "rollback", "freeze", "reject", "breakglass"):
            assert ((user_id, name) in denied) is (router.commands[name].role not in roles), (user_id, name)
    assert await count_of_releases(chat) == 0
    assert chat.patches() == []


async def test_nothing_starts_while_the_groups_cannot_be_asked(chat: Chat) -> None:
    chat.sandbox.slack.order_fault(do="error", method="usergroups.users.list", error="internal_error", times=None)
    await chat.alice.says("/deploy stg admin 1.4.2")
    heard = await chat.alice.hears("Cannot check your groups right now; nothing was started")
    assert "internal_error" in heard
    assert await denials(chat) == {("U0ALICE", "deploy"): {"people_unknown"}}
    assert await count_of_releases(chat) == 0


@pytest.mark.parametrize("members", ["empty", "unnamed"])
async def test_a_role_that_nobody_was_given_is_nobodys(chat: Chat, members: str) -> None:
    assert chat.bot is not None
    ctx = chat.bot.ctx
    roles = {} if members == "unnamed" else {Role.DEPLOYER: (replace(ctx.catalog.roles[Role.DEPLOYER][0], groups=()),)}
    nobody = replace(ctx, catalog=replace(ctx.catalog, roles=roles))
    with pytest.raises(UserError) as refused:
        await authorise(nobody, UserId("U0ALICE"), Role.DEPLOYER, team=ctx.team, action="deploy", room=Whereabouts())
    assert refused.value.code == "role_missing"
    assert "roles.deployer in kajitori.yaml" in refused.value.hint


async def test_in_a_channel_shared_with_others_only_looking_is_allowed(chat: Chat) -> None:
    chat.sandbox.slack.world.workspace.channels[GENERAL].is_ext_shared = True
    await chat.alice.says("/deploy stg admin 1.4.2", channel=GENERAL)
    await chat.alice.hears("Not available in shared channels")
    await chat.alice.says("/kajitori rollback", channel=GENERAL)
    await chat.alice.says("/status stg admin", channel=GENERAL)
    await chat.alice.hears("3 of 3 pods ready")
    await handled(chat)  # requests run at once: the status may have been told before the rollback was refused
    assert await denials(chat) == {
        ("U0ALICE", "deploy"): {"shared_channel"},
        ("U0ALICE", "rollback"): {"shared_channel"},
    }
    assert await count_of_releases(chat) == 0
    await chat.alice.says("/deploy stg admin 1.4.2", channel=STG)
    await chat.card(service="admin")


# Who, where, for which role: what each may do there.
WHERE = {
    "a channel of the configuration": (STG, True),
    "a channel of the configuration that others read": (PRD, True),
    "another channel": (GENERAL, True),
    "a channel that others read": ("C0SHARED", False),
    "a channel out of sight": ("C0HIDDEN", False),
    "a direct message": ("", True),
    "outside of channels": ("none", True),
}


async def test_role_person_and_channel_together_decide_and_nothing_else(chat: Chat) -> None:
    assert chat.bot is not None
    ctx, workspace = chat.bot.ctx, chat.sandbox.slack.world.workspace
    join(chat)
    workspace.users["U0EVE"] = replace(workspace.users["U0DAVE"], id="U0EVE", name="bob", real_name="Bob")
    roles = ROLES | {"U0EVE": FULL}  # who only has the name and the looks of an approver
    workspace.channels[PRD].is_ext_shared = True
    workspace.channels["C0SHARED"] = replace(workspace.channels[GENERAL], id="C0SHARED", is_ext_shared=True)
    hidden = replace(workspace.channels[GENERAL], id="C0HIDDEN", is_private=True, members={"U0ALICE"})
    workspace.channels["C0HIDDEN"] = hidden
    wrong = []
    for person, held in roles.items():
        for where, (channel, is_open) in WHERE.items():
            stands_in = workspace.im_with(person) if channel == "" else workspace.channels.get(channel)
            room = Whereabouts(ChannelId(stands_in.id), stands_in.name) if stands_in else Whereabouts()
            for role in (Role.ANYONE, Role.MEMBER, Role.DEPLOYER, Role.APPROVER):
                may = role in held and (is_open or role is Role.ANYONE)
                try:
                    await authorise(ctx, UserId(person), role, team=ctx.team, action="try", room=room)
                    does = True
                except UserError:
                    does = False
                if may is not does:
                    wrong.append((person, where, role, does))
    assert wrong == []


async def test_in_a_channel_out_of_sight_nothing_starts(chat: Chat) -> None:
    channel = chat.sandbox.slack.world.workspace.channels["C0ALERTS"]
    channel.is_private = True
    channel.members.discard("U0KAJITORI")
    await chat.alice.says("/deploy stg admin 1.4.2", channel="C0ALERTS")
    await chat.alice.hears("I can't see this channel")
    assert await count_of_releases(chat) == 0


async def test_a_channel_of_the_configuration_was_chosen_by_who_wrote_that(chat: Chat) -> None:
    chat.sandbox.slack.world.workspace.channels[PRD].is_ext_shared = True
    await chat.alice.says("/deploy stg admin 1.4.2", channel=PRD)
    await chat.card(service="admin")


async def test_in_a_direct_message_with_the_bot_everything_works(chat: Chat) -> None:
    channel = chat.sandbox.slack.world.workspace.im_with("U0ALICE")
    await chat.alice.says("/deploy stg admin 1.4.2", channel=channel.id)
    await chat.card(service="admin")


async def test_an_approval_asks_for_the_groups_of_this_moment(chat: Chat) -> None:
    groups = chat.sandbox.slack.world.workspace.usergroups
    await chat.alice.says("/deploy prd admin 1.4.1", channel=PRD)
    card = await chat.card(phase="AwaitingApproval")
    await clicks(chat, "U0BOB", "release.approve")  # remembered from here on
    await handled(chat)
    groups["S0LEADS"] = replace(groups["S0LEADS"], users=("U0CAROL",))
    await chat.bob.presses("Approve", card)
    await chat.bob.hears("You need the role `approver` for `admin` in `prd`")
    assert chat.patches("prd") == []


# Roles for some places


IN_STG = Grant(users=("U0ALICE",), environments=(EnvironmentName("stg"),))
OF_WEB = Grant(users=("U0ALICE",), services=(ServiceName("web"),))
OF_WEB_IN_STG = Grant(users=("U0ALICE",), environments=IN_STG.environments, services=OF_WEB.services)
STG_ADMIN, STG_WEB, PRD_WEB = (
    Place(EnvironmentName(e), ServiceName(s))
    for e, s in (
        ("stg", "admin"),
        ("stg", "web"),
        ("prd", "web"),
    )
)
ALL_OF_STG, UNKNOWN_PLACE = Place(EnvironmentName("stg")), Place()


EVERYWHERE = {STG_ADMIN, STG_WEB, PRD_WEB, ALL_OF_STG, UNKNOWN_PLACE}
REACHED: list[tuple[tuple[Grant, ...], set[Place]]] = [
    ((), set()),
    ((Grant(users=("U0ALICE",)),), EVERYWHERE),
    ((IN_STG,), {STG_ADMIN, STG_WEB, ALL_OF_STG}),
    ((OF_WEB,), {STG_WEB, PRD_WEB}),
    ((OF_WEB_IN_STG,), {STG_WEB}),
    ((OF_WEB_IN_STG, Grant(users=("U0BOB",))), {STG_WEB}),
    ((IN_STG, OF_WEB), {STG_ADMIN, STG_WEB, ALL_OF_STG, PRD_WEB}),
]


async def test_a_role_reaches_the_places_it_is_given_for_and_no_other(chat: Chat) -> None:
    assert chat.bot is not None
    for grants, reached in REACHED:
        ctx = replace(chat.bot.ctx, catalog=replace(chat.bot.ctx.catalog, roles={Role.DEPLOYER: grants}))
        allowed = set()
        for place in EVERYWHERE:
            with suppress(UserError):
                await authorise(
                    ctx, UserId("U0ALICE"), Role.DEPLOYER, team=ctx.team, action="a", room=Whereabouts(), place=place
                )
                allowed.add(place)
        assert allowed == reached, grants


def limited(text: str) -> str:
    """Alice releases admin in stg only; Bob approves nothing but web."""
    roles = yaml.safe_load(text)
    roles["roles"] = {
        "deployer": [{"users": ["U0ALICE"], "environments": ["stg"], "services": ["admin"]}, {"groups": ["@leads"]}],
        "approver": {"groups": ["@leads"], "services": ["web"]},
    }
    return yaml.safe_dump(roles)


async def test_every_way_in_asks_for_the_role_at_the_place_it_is_about(tmp_path: Path) -> None:
    async with open_chat(tmp_path, change=limited) as chat:
        await chat.alice.says("/kajitori whoami")
        heard = await chat.alice.hears("here is what you may do")
        assert "release, roll back, abort `admin` in `stg`" in heard
        assert "*approver*: not given to you. Ask @leads." in heard
        await chat.alice.says("/deploy stg web 2.3.0")
        heard = await chat.alice.hears("You need the role `deployer` for `web` in `stg`")
        assert "@leads" in heard
        await chat.alice.says("/deploy prd admin 1.4.1", channel=PRD)
        await chat.alice.hears("You need the role `deployer` for `admin` in `prd`")
        await chat.carol.says("/deploy prd admin 1.4.1", channel=PRD)
        card = await chat.card(phase="AwaitingApproval", service="admin")
        await chat.bob.presses("Approve", card)
        heard = await chat.bob.hears("You need the role `approver` for `admin` in `prd`")
        assert "Nobody has the role there yet" in heard
        await chat.alice.presses("Withdraw", card)
        await handled(chat)
        await chat.alice.says("/kajitori abort prd admin", channel=PRD)
        await handled(chat)
        assert await denials(chat) == {
            ("U0ALICE", "deploy"): {"role_missing"},
            ("U0BOB", "release.approve"): {"role_missing"},
            ("U0ALICE", "release.abort"): {"role_missing"},
            ("U0ALICE", "abort"): {"role_missing"},
        }
        assert chat.patches("prd") == []
        await chat.alice.says("/deploy stg admin 1.4.2")
        await chat.card(phase="Succeeded", service="admin")


def test_every_button_that_needs_a_role_tells_where_it_is() -> None:
    given = {Role.DEPLOYER, Role.APPROVER, Role.OPERATOR}
    unplaced = Button("none", Role.DEPLOYER, approve).place
    assert [name for name, each in router.buttons.items() if each.role in given and each.place is unplaced] == []
