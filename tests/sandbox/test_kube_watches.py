"""Watches of the simulated API: resume, expiry, bookmarks, selectors; and lists in pages."""

from dataclasses import replace

from tests.sandbox.kube_client import APPS, CORE, QUICK, deployment, served

MAPS = f"{CORE}/configmaps"


def config_map(name: str, **labels: str) -> dict[str, object]:
    return {"metadata": {"name": name, "labels": labels}}


async def test_a_watch_resumes_after_the_version_of_a_list() -> None:
    async with served() as kube:
        await kube.post(MAPS, config_map("before"))
        version = (await kube.get(MAPS))["metadata"]["resourceVersion"]
        await kube.post(MAPS, config_map("after"))
        await kube.send("DELETE", f"{MAPS}/before")
        events = await kube.watch(f"{MAPS}?watch=1&resourceVersion={version}", 2)
        assert [(e["type"], e["object"]["metadata"]["name"]) for e in events] == [
            ("ADDED", "after"),
            ("DELETED", "before"),
        ]


async def test_a_version_from_before_the_kept_history_is_gone() -> None:
    async with served() as kube:
        events = await kube.watch(f"{CORE}/pods?watch=1&resourceVersion=1", 9)
        assert [e["type"] for e in events] == ["ERROR"]
        gone = events[0]["object"]
        assert (gone["code"], gone["reason"]) == (410, "Expired")
        assert gone["message"].startswith("too old resource version: 1 (")


async def test_history_can_be_expired_under_a_running_client() -> None:
    async with served() as kube:
        version = (await kube.get(MAPS))["metadata"]["resourceVersion"]
        await kube.post(MAPS, config_map("a"))
        kube.cluster.expire_history()
        events = await kube.watch(f"{MAPS}?watch=1&resourceVersion={version}", 9)
        assert [e["type"] for e in events] == ["ERROR"]


async def test_history_is_bounded() -> None:
    async with served(replace(QUICK, history=10)) as kube:
        first = (await kube.post(MAPS, config_map("a")))["metadata"]["resourceVersion"]
        for count in range(40):
            await kube.merge(f"{MAPS}/a", {"data": {"count": str(count)}})
        events = await kube.watch(f"{MAPS}?watch=1&resourceVersion={first}", 1)
        assert events[0]["type"] == "ERROR"


async def test_objects_enter_and_leave_a_selector() -> None:
    async with served() as kube:
        await kube.post(MAPS, config_map("a"))
        version = (await kube.get(MAPS))["metadata"]["resourceVersion"]
        for labels in ({"team": "x"}, {"team": "y"}):
            await kube.merge(f"{MAPS}/a", {"metadata": {"labels": labels}})
        events = await kube.watch(f"{MAPS}?watch=1&labelSelector=team%3Dx&resourceVersion={version}", 2)
        assert [e["type"] for e in events] == ["ADDED", "DELETED"]
        assert events[1]["object"]["metadata"]["labels"] == {"team": "x"}


async def test_bookmarks_end_the_initial_state_and_come_two_seconds_before_the_watch_ends() -> None:
    async with served() as kube:
        await kube.post(MAPS, config_map("a"))
        query = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
        mine = "&fieldSelector=metadata.name%3Da"
        events = await kube.watch(f"{MAPS}?{query}{mine}&timeoutSeconds=3", 3)
        assert [e["type"] for e in events] == ["ADDED", "BOOKMARK", "BOOKMARK"]
        first, last = (e["object"] for e in events if e["type"] == "BOOKMARK")
        assert first["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
        assert last["metadata"]["resourceVersion"] == (await kube.get(MAPS))["metadata"]["resourceVersion"]


async def test_bookmarks_come_on_a_quiet_watch() -> None:
    async with served(replace(QUICK, bookmark_s=0.1)) as kube:
        await kube.until(MAPS, lambda maps: maps["items"])  # the one that every namespace gets
        await kube.until(f"{MAPS}/kube-root-ca.crt", lambda each: "data" in each)
        version = (await kube.get(MAPS))["metadata"]["resourceVersion"]
        events = await kube.watch(f"{MAPS}?watch=1&allowWatchBookmarks=true&resourceVersion={version}", 2)
        assert [e["type"] for e in events] == ["BOOKMARK", "BOOKMARK"]


async def test_initial_events_need_their_match() -> None:
    async with served() as kube:
        answer = await kube.send("GET", f"{MAPS}?watch=1&sendInitialEvents=true")
        assert answer.status == 422


async def test_a_version_that_is_no_number_is_refused_as_recorded() -> None:
    async with served() as kube:
        answer = await kube.send("GET", f"{MAPS}?watch=1&resourceVersion=abc")
        assert answer.body["message"] == (
            'resourceVersion: Invalid value: "abc": strconv.ParseUint: parsing "abc": invalid syntax'
        )


async def test_a_list_in_pages_is_one_moment_and_its_token_expires() -> None:
    async with served() as kube:
        for index in range(5):
            await kube.post(MAPS, config_map(f"m{index}", app="x"))
        first = await kube.get(f"{MAPS}?limit=2&labelSelector=app%3Dx")
        assert [i["metadata"]["name"] for i in first["items"]] == ["m0", "m1"]
        await kube.send("DELETE", f"{MAPS}/m2")
        token = first["metadata"]["continue"]
        second = await kube.get(f"{MAPS}?limit=2&labelSelector=app%3Dx&continue={token}")
        assert [i["metadata"]["name"] for i in second["items"]] == ["m2", "m3"]
        assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
        kube.cluster.expire_history()
        late = await kube.send("GET", f"{MAPS}?limit=2&labelSelector=app%3Dx&continue={token}")
        assert late.told[:2] == (410, "Expired")


async def test_a_version_from_the_future_is_too_large_for_a_list() -> None:
    async with served() as kube:
        answer = await kube.send("GET", f"{MAPS}?resourceVersion=999999")
        assert answer.told[:2] == (504, "Timeout")
        assert answer.body["details"]["retryAfterSeconds"] == 1


async def test_a_watch_of_one_object_by_name_sees_only_it() -> None:
    async with served() as kube:
        version = (await kube.get(f"{APPS}/deployments"))["metadata"]["resourceVersion"]
        await kube.post(f"{APPS}/deployments", deployment("web", replicas=0))
        await kube.post(f"{APPS}/deployments", deployment("admin", replicas=0))
        query = f"watch=1&fieldSelector=metadata.name%3Dadmin&resourceVersion={version}"
        events = await kube.watch(f"{APPS}/deployments?{query}", 2)
        assert {e["object"]["metadata"]["name"] for e in events} == {"admin"}


async def test_stopping_the_server_ends_quiet_watches_at_once() -> None:
    async with served() as kube:
        await kube.until(MAPS, lambda found: found["items"])  # what every namespace gets has come
        response = await kube.session.get(
            f"{kube.url}{MAPS}?watch=1&resourceVersion={kube.cluster.store.version}",
            headers={"Authorization": "Bearer a-token"},
        )
        await kube.cluster.stop()
        assert await response.content.readline() == b""
        response.close()
