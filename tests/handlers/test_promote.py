"""/promote and images by digest, as people use them."""

from bot.sandbox.kube.kinds import DEPLOYMENTS
from tests.chat import PRD, Chat, payload, plain


def image(chat: Chat, environment: str) -> str:
    """What the Deployment admin is set to."""
    held = chat.sandbox.clusters[environment].store.get(DEPLOYMENTS, "admin", "admin")
    assert held is not None
    return str(held["spec"]["template"]["spec"]["containers"][0]["image"])


async def test_what_runs_in_staging_is_approved_and_released_by_its_digest(chat: Chat) -> None:
    digest = chat.sandbox.registry.digest(image(chat, "stg"))
    await chat.alice.says("/promote prd admin", channel=PRD)
    waiting = await chat.card(phase="AwaitingApproval", service="admin")
    assert "exactly what *stg* runs" in plain(waiting)
    assert "runs healthy in stg for" in plain(waiting)
    await chat.bob.presses("Approve", waiting)
    done = await chat.card(phase="Succeeded", service="admin")
    assert payload(done)["to_version"] == "1.4.1"
    assert image(chat, "prd") == f"{image(chat, 'stg')}@{digest}"
    await chat.alice.says("/status prd admin", channel=PRD)
    assert "sha256" not in await chat.alice.hears("`1.4.1`")
    await chat.alice.says("/promote prd admin", channel=PRD)
    await chat.alice.hears("`admin` `1.4.1` already runs in `prd`")


async def test_a_tag_that_is_moved_after_the_plan_voids_its_approval(chat: Chat) -> None:
    await chat.alice.says("/deploy prd admin 1.4.2", channel=PRD)
    waiting = await chat.card(phase="AwaitingApproval", service="admin")
    chat.sandbox.registry.publish("growlio/admin", "1.4.2", build=2)
    await chat.bob.presses("Approve", waiting)
    ended = await chat.card(phase="Aborted", text=r"The plan changed since approval \(image sha256:\w{12}→\w{12}\)")
    assert "Ask again" in plain(ended)
    assert chat.patches("prd") == []


async def test_what_is_not_settled_in_staging_is_not_promoted(chat: Chat) -> None:
    chat.sandbox.registry.publish("growlio/admin", "1.4.3-slow")
    await chat.alice.says("/deploy stg admin 1.4.3-slow")
    await chat.card(phase="Progressing", service="admin")
    await chat.bob.says("/promote prd admin", channel=PRD)
    heard = await chat.bob.hears("What runs in `stg` is not settled")
    assert "<@U0ALICE> is releasing `1.4.3-slow` there" in heard


async def test_names_that_move_and_environments_without_one_before_are_refused_in_words(chat: Chat) -> None:
    await chat.alice.says("/deploy stg admin latest")
    assert "the newest is `1.4.2`" in await chat.alice.hears("`latest` is given to another image with each build")
    await chat.bob.says("/promote stg admin")
    await chat.bob.hears("`stg` has no environment before it")
    assert chat.cards() == []
