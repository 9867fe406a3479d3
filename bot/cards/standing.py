"""What somebody may do where: the answer to `/kajitori whoami`."""

from collections.abc import Mapping

from bot.cards.card import Card, context, section
from bot.cards.mrkdwn import Mrkdwn, bold, code, esc, person
from bot.domain.catalog import Grant, Role

_ACTS = {
    Role.DEPLOYER: "release, roll back, abort",
    Role.APPROVER: "approve and reject releases, review what broke the glass",
    Role.OPERATOR: "freeze, and break the glass",
}


Given = Mapping[Role, tuple[Grant, ...]]


def standing_card(actor: str, standing: Given, given: Given) -> Card:
    """`standing`: the grants that name the person; `given`: all there are."""
    held = [role.value for role, grants in standing.items() if grants]
    text = (
        f"You hold the {_listed(held)}." if held else "You hold no role: you may look at everything and change nothing."
    )
    lines = [Mrkdwn(f"{person(actor)}, here is what you may do:")]
    for role, grants in standing.items():
        if grants:
            lines.append(Mrkdwn(f"✅ {bold(role)}: {_ACTS.get(role, '')} {_where(grants)}"))
        else:
            lines.append(Mrkdwn(f"➖ {bold(role)}: not given to you. {_holders(given.get(role, ()))}"))
    lines.append(Mrkdwn("✅ everybody: look at what runs, at releases, pods and alerts; take alerts"))
    hint = Mrkdwn("Roles stand in kajitori.yaml; groups are asked of Slack at that moment.")
    return Card(Mrkdwn(text), (section(Mrkdwn("\n".join(lines))), context(hint)))


def _listed(roles: list[str]) -> str:
    return f"role {roles[0]}" if len(roles) == 1 else f"roles {', '.join(roles[:-1])} and {roles[-1]}"


def _where(grants: tuple[Grant, ...]) -> str:
    if any(not grant.is_limited for grant in grants):
        return "everywhere"
    return "; ".join(_one(grant) for grant in grants)


def _one(grant: Grant) -> str:
    services = ", ".join(code(name) for name in grant.services) or "everything"
    environments = ", ".join(code(name) for name in grant.environments)
    return f"{services} in {environments}" if environments else f"{services} everywhere"


def _holders(grants: tuple[Grant, ...]) -> str:
    groups = dict.fromkeys(group for grant in grants for group in grant.groups)
    people = {user for grant in grants for user in grant.users}
    named = [*(esc(group) for group in groups), *([f"{len(people)} by name"] if people else [])]
    return f"Ask {', '.join(named)}." if named else "Nobody has it."
