"""The desk of pods in the chat: who is up, who is down and why, and the log of one that fell."""

from bot.sandbox.kube.faults import fault_from
from bot.sandbox.kube.kinds import PODS
from tests.chat import STG, Chat, Json


def pods_of(chat: Chat, namespace: str) -> list[Json]:
    return [dict(pod) for pod in chat.sandbox.clusters["stg"].store.each(PODS, namespace)]


async def loop(chat: Chat) -> str:
    """Have all pods of stg's web crash for good; the name of one that waits between its restarts."""
    chat.sandbox.registry.publish("growlio/web", "2.3.0-crash")
    await chat.kubectl("stg", "web", "deployments", "web", image="growlio/web:2.3.0-crash")

    def find() -> str | None:
        for pod in pods_of(chat, "web"):
            for status in pod["status"].get("containerStatuses", []):
                if status["restartCount"] > 0:
                    return str(pod["metadata"]["name"])
        return None

    return await chat.until(find, 60, lambda: "no pod restarted")


async def test_each_service_has_a_line_with_how_many_are_up(chat: Chat) -> None:
    await chat.dave.says("/pods")
    told = await chat.dave.hears("up")
    assert "*stg*\n✅ *admin* `1.4.1` · 3 of 3 up" in told
    assert "✅ *web* `2.2.9` · 5 of 5 up" in told
    assert "*report* · batch job, no pod runs now" in told
    assert "*prd*" in told


async def test_a_service_by_itself_shows_each_pod_with_node_and_age(chat: Chat) -> None:
    await chat.dave.says("/pods stg admin")
    told = await chat.dave.hears("3 of 3 up")
    for pod in pods_of(chat, "admin"):
        assert f"✅ `{pod['metadata']['name']}` · on `{pod['spec']['nodeName']}` · " in told


async def test_what_is_down_comes_first_with_its_last_death(chat: Chat) -> None:
    await loop(chat)
    await chat.dave.says("/pods stg web")
    told = await chat.dave.hears("of 5 up")
    pods = [line for line in told.split("\n") if "` · " in line and line[0] in "❌⏳✅👋"]
    assert "last death: exit code 1" in told
    assert [line[0] for line in pods] == sorted((line[0] for line in pods), key="❌⏳👋✅".index)


async def test_the_log_of_a_pod_is_that_of_the_run_that_ended(chat: Chat) -> None:
    name = await loop(chat)
    await chat.alice.says("/pods stg web")
    await chat.alice.hears("of 5 up")
    card = chat.alice.last_heard()
    row = next(b for b in card["blocks"] if name in b.get("text", {}).get("text", ""))
    answer = await chat.alice.clicks(card, row["block_id"], row["accessory"])
    assert answer["ok"], answer
    told = await chat.alice.hears("Last \\d+ lines? of")
    assert f"`{name}`, container `web`" in told
    assert "Only you see this" in told


async def test_logs_that_are_not_to_be_had_say_why(chat: Chat) -> None:
    await chat.alice.says("/pods stg admin")
    await chat.alice.hears("of 3 up")
    card = chat.alice.last_heard()
    for order, why in (
        ({"do": "status", "path": "/log", "status": 403, "body": '{"kind":"Status","reason":"Forbidden"}'}, "may not"),
        ({"do": "status", "path": "/pods/admin", "status": 404, "body": '{"kind":"Status"}'}, "the pod is gone"),
        ({"do": "reset", "path": "/log", "times": 4}, "stg's API server did not give it"),
    ):
        chat.sandbox.clusters["stg"].faults.clear()
        chat.sandbox.clusters["stg"].faults.add(fault_from(order))
        chat.alice.forget()
        await chat.alice.presses("Logs", card)
        assert why in await chat.alice.hears("unavailable because")


async def test_a_cluster_that_does_not_answer_is_told_as_such(chat: Chat) -> None:
    chat.sandbox.clusters["stg"].faults.add(fault_from({"do": "reset", "path": "/pods", "times": None}))
    await chat.dave.says("/pods")
    told = await chat.dave.hears("can't be asked")
    assert "✅ *web* `2.2.8` · 5 of 5 up" in told, "prd answers"


async def test_who_may_not_deploy_reads_no_logs(chat: Chat) -> None:
    await chat.dave.says("/pods stg admin", channel=STG)
    await chat.dave.hears("of 3 up")
    await chat.dave.presses("Logs", chat.dave.last_heard())
    await chat.dave.hears("You need the role `deployer`")
