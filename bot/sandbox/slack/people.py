"""The scene: who works at Growlio, the sandbox's company, and the channels and groups they are in.

Read by `bot.sandbox.slack.workspace` when a world begins. Each person stands for a case that a bot must get right:
an engineer, a lead, an operator, a member without rights, a guest.
"""

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

TEAM_ID = "T0SANDBOX"
TEAM_NAME = "Growlio"
TEAM_DOMAIN = "growlio"
BOT_USER_ID = "U0KAJITORI"
BOT_ID = "B0KAJITORI"
APP_ID = "A0KAJITORI"
BOT_NAME = "Kajitori"


@dataclass(frozen=True, slots=True)
class User:
    """A member of the workspace. `role` is for the page's eyes; `avatar_emoji` stands in for a photograph."""

    id: str
    name: str
    real_name: str
    role: str
    avatar_emoji: str
    is_bot: bool = False
    is_ultra_restricted: bool = False
    deleted: bool = False
    team_id: str = TEAM_ID
    """Another one for somebody of another workspace, met in a shared channel."""

    def as_client_json(self) -> Json:
        """What the chat page shows of a person."""
        return {
            "id": self.id,
            "name": self.name,
            "real_name": self.real_name,
            "role": self.role,
            "avatar_emoji": self.avatar_emoji,
            "is_bot": self.is_bot,
            "is_restricted": self.is_ultra_restricted,
            "is_ultra_restricted": self.is_ultra_restricted,
        }

    def as_api_json(self, with_email: bool) -> Json:
        """A user object of Slack's Web API; the address only when the app may see it (users:read.email)."""
        profile: Json = {
            "real_name": self.real_name,
            "real_name_normalized": self.real_name,
            "display_name": self.name,
            "display_name_normalized": self.name,
            "title": self.role,
            "avatar_hash": "",
            "status_text": "",
            "status_emoji": "",
            "team": self.team_id,
        }
        if self.is_bot:
            profile |= {"api_app_id": APP_ID, "bot_id": BOT_ID}
        elif with_email:
            profile["email"] = self.email
        return {
            "id": self.id,
            "team_id": self.team_id,
            "name": self.name,
            "deleted": self.deleted,
            "color": "9f69e7",
            "real_name": self.real_name,
            "tz": "Asia/Tokyo",
            "tz_label": "Japan Standard Time",
            "tz_offset": 32400,
            "profile": profile,
            "is_admin": False,
            "is_owner": False,
            "is_primary_owner": False,
            "is_restricted": self.is_ultra_restricted,
            "is_ultra_restricted": self.is_ultra_restricted,
            "is_bot": self.is_bot,
            "is_app_user": False,
            "updated": 1_790_000_000,
            **({"is_stranger": True} if self.team_id != TEAM_ID else {}),
        }

    @property
    def email(self) -> str:
        return f"{self.name}@growlio.example"


@dataclass(frozen=True, slots=True)
class Usergroup:
    """A group that can be mentioned by its handle, such as @engineers."""

    id: str
    handle: str
    name: str
    users: tuple[str, ...]

    def as_api_json(self, with_users: bool) -> Json:
        """A usergroup object of Slack's Web API."""
        group: Json = {
            "id": self.id,
            "team_id": TEAM_ID,
            "is_usergroup": True,
            "name": self.name,
            "description": "",
            "handle": self.handle,
            "is_external": False,
            "date_create": 1_790_000_000,
            "date_update": 1_790_000_000,
            "date_delete": 0,
            "auto_type": None,
            "created_by": "U0OPS",
            "updated_by": "U0OPS",
            "deleted_by": None,
            "prefs": {"channels": [], "groups": []},
            "user_count": len(self.users),
        }
        if with_users:
            group["users"] = list(self.users)
        return group


@dataclass(slots=True)
class Channel:
    """A conversation and what was said in it.

    `messages` is in the order of their ts, thread replies among them. `whispers` holds what only one person
    sees, by user id. `peer` is the person of a direct message with the bot.
    """

    id: str
    name: str
    members: set[str] = field(default_factory=set)
    peer: str | None = None
    is_archived: bool = False
    is_private: bool = False
    is_ext_shared: bool = False
    """Shared with another organisation through Slack Connect."""
    topic: str = ""
    messages: dict[str, Json] = field(default_factory=dict)
    whispers: dict[str, dict[str, Json]] = field(default_factory=dict)

    @property
    def is_im(self) -> bool:
        return self.peer is not None

    def as_client_json(self) -> Json:
        """What the chat page lists."""
        return {
            "id": self.id,
            "name": self.name,
            "is_im": self.is_im,
            "bot_is_member": BOT_USER_ID in self.members,
            "is_archived": self.is_archived,
            "topic": self.topic,
        }

    def as_api_json(self) -> Json:
        """A conversation object of Slack's Web API, seen by the bot."""
        shared: Json = {
            "id": self.id,
            "created": 1_790_000_000,
            "is_archived": self.is_archived,
            "is_im": self.is_im,
            "is_org_shared": False,
            "context_team_id": TEAM_ID,
            "updated": 1_790_000_000_000,
        }
        if self.is_im:
            return shared | {"user": self.peer, "is_user_deleted": False, "priority": 0}
        return shared | {
            "name": self.name,
            "name_normalized": self.name,
            "is_channel": not self.is_private,
            "is_group": False,
            "is_mpim": False,
            "is_private": self.is_private,
            "is_general": self.name == "general",
            "is_shared": self.is_ext_shared,
            "is_ext_shared": self.is_ext_shared,
            "is_member": BOT_USER_ID in self.members,
            "creator": "U0OPS",
            "unlinked": 0,
            "num_members": len(self.members),
            "topic": {"value": self.topic, "creator": "", "last_set": 0},
            "purpose": {"value": "", "creator": "", "last_set": 0},
            "previous_names": [],
        }


def scene_users() -> list[User]:
    """Everybody, the bot last."""
    return [
        User("U0ALICE", "alice", "Alice Aoki", "engineer", "👩‍💻"),
        User("U0BOB", "bob", "Bob Brandt", "engineer and lead", "🧔"),
        User("U0CAROL", "carol", "Carol Castro", "engineer and lead", "👩‍🔬"),
        User("U0DAVE", "dave", "Dave Diallo", "support, in no group", "🧑‍🎨"),
        User("U0OPS", "ops", "Ophelia Psaki", "operator", "🧑‍🚒"),
        User("U0GUEST", "gina", "Gina Guest", "single-channel guest", "🧑‍🚀", is_ultra_restricted=True),
        User(BOT_USER_ID, BOT_NAME.lower(), BOT_NAME, "bot", "⚓", is_bot=True),
    ]


def scene_usergroups() -> list[Usergroup]:
    """The groups that the sandbox's configuration gives roles to."""
    return [
        Usergroup("S0ENG", "engineers", "Engineers", ("U0ALICE", "U0BOB", "U0CAROL", "U0OPS")),
        Usergroup("S0LEADS", "leads", "Leads", ("U0BOB", "U0CAROL", "U0OPS")),
    ]


def scene_channels() -> list[Channel]:
    """The channels; the bot is in all but #general, the guest only in #deploys-stg."""
    staff = {"U0ALICE", "U0BOB", "U0CAROL", "U0DAVE", "U0OPS"}
    return [
        Channel("C0STG", "deploys-stg", {*staff, "U0GUEST", BOT_USER_ID}, topic="Releases to staging"),
        Channel("C0PRD", "deploys", {*staff, BOT_USER_ID}, topic="Releases to production"),
        Channel("C0ALERTS", "alerts", {*staff, BOT_USER_ID}, topic="What fell, and what healed"),
        Channel("C0OPS", "kajitori", {*staff, BOT_USER_ID}, topic="The bot's own health"),
        Channel("C0GENERAL", "general", {*staff}, topic="Everything else"),
    ]
