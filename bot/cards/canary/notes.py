"""Notes about canaries that are messages of their own: a reminder, and what is left over in a cluster."""

from datetime import datetime

from bot.cards.canary.words import got, parts
from bot.cards.card import Card, section
from bot.cards.mrkdwn import Mrkdwn, bold, code, day_and_time, esc, person
from bot.domain.canary.scheme import VALID
from bot.domain.release import Release


def reminder_note(release: Release) -> Card:
    """For the canary's thread, once: nobody has decided, and when it goes."""
    begun = release.started_at or release.requested_at
    plan, course = release.plan, parts(release)[1]
    head = Mrkdwn(
        f"⏰ {person(release.requested_by)} the canary of {bold(plan.target.service)} {code(plan.to_version)} in "
        f"{bold(plan.target.environment)} still waits for a decision, at {got(course)}.\n"
        f"It is taken down on {day_and_time(begun + VALID)}. *Next:* promote or abort it with the buttons above."
    )
    return Card(head, (section(head),))


def leftover_card(environment: str, namespace: str, kind: str, name: str, goes_at: datetime) -> Card:
    """What looks like a canary of ours, and no release is known that made it. `kind`: Deployment or Rollout."""
    head = Mrkdwn(
        f"⚠️ {bold(environment)} has a canary that no release stands for: {esc(kind)} {code(name)} in the namespace "
        f"{code(namespace)}."
    )
    if kind == "Rollout":
        words = Mrkdwn(
            "My database may have been replaced while it ran, or another Kajitori works there. The new version gets "
            "requests as before; nobody judges it.\n*Next:* nothing, if another Kajitori made it. Else it gets "
            f"its own steps and version again on {day_and_time(goes_at)}; to have that before, apply its manifest."
        )
        return Card(head, (section(head), section(words)))
    words = Mrkdwn(
        "My database may have been replaced while it ran, or another Kajitori works there. It gets requests as before; "
        f"nobody judges it.\n*Next:* nothing, if another Kajitori made it. Else it is removed on "
        f"{day_and_time(goes_at)}; to have it gone before, remove it from its HTTPRoute if it stands in one, then run "
        f"{code(f'kubectl -n {namespace} delete deployment {name}')}."
    )
    return Card(head, (section(head), section(words)))


def kept_card(environment: str, namespace: str, kind: str, name: str, why: str) -> Card:
    """What a canary left and I must not remove, for requests could still reach it."""
    what = esc("Kubernetes Service" if kind == "Service" else kind)
    head = Mrkdwn(
        f"⚠️ {bold(environment)}: a canary that is over has left its {what} {code(name)} in the namespace "
        f"{code(namespace)}, and I keep it."
    )
    words = Mrkdwn(
        f"{esc(why)} Its pods stay as well, so that no request fails.\n*Next:* give the bot the rights of its Role ("
        "k8s/ has it), and all of it goes within ten minutes; or take it out of what names it, then run "
        f"{code(f'kubectl -n {namespace} delete {kind.lower()} {name}')}."
    )
    return Card(head, (section(head), section(words)))
