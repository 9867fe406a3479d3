"""One request to Datadog and its answer: keys, deadlines, limits, refusals, and what is said of each."""

import asyncio
import sys
import threading

import pytest
import structlog
from structlog.testing import capture_logs

from bot.datadog.client import Datadog
from bot.datadog.limits import Lane
from bot.datadog.operations import OPERATIONS
from bot.datadog.sdk import Sdk
from bot.datadog.wire import CONNECTIONS, LARGEST_ANSWER, LOOPS_AT_ONCE
from bot.errors import Conflict, NotFound, OutsideError, Refused, TooBusy, Unreachable
from bot.sandbox.datadog.service import API_KEY, APP_KEY, HOSTS
from tests.datadog.world import World, told, until

MONITOR = f"{HOSTS['main']}/api/v1/monitor"
WRONG = "f" * 32


async def ask(datadog: Datadog, lane: Lane = Lane.PEOPLE) -> object:
    return await datadog.wire.ask("list_monitors", lane=lane, page=0, page_size=1)


async def test_both_keys_go_with_a_request(world: World) -> None:
    await ask(world.datadog())
    ((_method, _path, headers),) = world.relay.seen
    assert (headers["DD-API-KEY"], headers["DD-APPLICATION-KEY"]) == (API_KEY, APP_KEY)


# Keys


@pytest.mark.parametrize(("api_key", "app_key"), [(WRONG, APP_KEY), (API_KEY, WRONG)])
async def test_wrong_keys_are_refused_with_what_to_mend(world: World, api_key: str, app_key: str) -> None:
    with pytest.raises(Refused) as error:
        await ask(world.datadog(api_key=api_key, app_key=app_key, site="datadoghq.eu"))
    assert error.value.code == "Forbidden"
    assert "DD_API_KEY and DD_APP_KEY must be of one organisation at datadoghq.eu" in error.value.text
    assert "`monitors_read`" in error.value.text


async def test_without_an_application_key_nothing_is_asked_that_needs_one(world: World) -> None:
    with pytest.raises(Refused, match="needs DD_APP_KEY, which is not set"):
        await ask(world.datadog(app_key=None))
    assert world.relay.seen == []


async def test_without_an_application_key_events_are_posted(world: World) -> None:
    await world.datadog(app_key=None).events.post("Released", "web 1.2.3", tags=["env:stg"])
    assert [event.title for event in world.desk.datadog.received] == ["Released"]


# Deadlines and broken connections


async def test_an_answer_that_does_not_come_is_given_up(world: World) -> None:
    world.relay.order("GET", MONITOR, world.relay.hold)
    datadog = world.datadog()
    datadog.wire.patience_s[Lane.PEOPLE] = 0.3
    with pytest.raises(Unreachable, match=r"gave no answer within 0\.3 s to reading the monitors"):
        await ask(datadog)


async def test_an_answer_that_drips_for_ever_is_given_up(world: World) -> None:
    world.relay.order("GET", MONITOR, world.relay.drip)
    datadog = world.datadog()
    datadog.wire.patience_s[Lane.PEOPLE] = 0.3
    with pytest.raises(Unreachable, match="gave no answer"):
        await ask(datadog)


async def test_a_connection_that_is_cut_leaves_the_outcome_uncertain(world: World) -> None:
    events = f"{HOSTS['main']}/api/v1/events"
    world.relay.order("POST", events, world.relay.lose_answer)
    with pytest.raises(Unreachable, match="broke off, so posting an event is uncertain"):
        await world.datadog().events.post("Released", "web", tags=[])
    assert world.relay.count("POST", events) == 1


async def test_reading_bears_one_connection_that_is_cut(world: World) -> None:
    world.relay.order("GET", MONITOR, world.relay.lose_answer)
    assert isinstance(await ask(world.datadog()), list)


async def test_a_host_that_is_not_there_is_unreachable() -> None:
    datadog = Datadog(site="datadoghq.com", api_key=API_KEY, app_key=APP_KEY, api_url="http://127.0.0.1:9/")
    try:
        with pytest.raises(Unreachable, match="can't be reached"):
            await ask(datadog)
    finally:
        await datadog.close()


async def test_a_proxy_that_is_not_there_is_named_as_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    datadog = Datadog(site="datadoghq.com", api_key=API_KEY, app_key=APP_KEY, api_url="https://datadog.invalid/")
    try:
        with pytest.raises(Unreachable, match="can't be reached through the proxy"):
            await ask(datadog)
    finally:
        await datadog.close()


async def test_giving_up_on_one_call_spoils_no_other(world: World) -> None:
    datadog = world.datadog()
    world.relay.order("GET", MONITOR, world.relay.hold)
    held = asyncio.create_task(ask(datadog))
    await until(lambda: world.relay.busy == 1)
    held.cancel()
    assert isinstance(await ask(datadog), list)


# Answers


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (400, Refused, "refuses reading the monitors (400): no good"),
        (404, NotFound, "no good"),
        (408, Unreachable, "gave up"),
        (409, Conflict, "no good"),
        (422, Refused, "no good"),
        (500, Unreachable, "trouble of its own (500)"),
        (503, Unreachable, "trouble of its own (503)"),
    ],
)
async def test_each_status_has_its_meaning(world: World, status: int, kind: type[OutsideError], words: str) -> None:
    world.relay.order("GET", MONITOR, told(status, {"errors": ["no good"]}))
    with pytest.raises(kind) as error:
        await ask(world.datadog())
    assert words in str(error.value)


async def test_keys_are_never_sent_after_a_redirect(world: World) -> None:
    world.relay.order("GET", MONITOR, told(302, None, Location=f"{world.url}/elsewhere"))
    with pytest.raises(Refused, match="sends us elsewhere"):
        await ask(world.datadog())
    assert len(world.relay.seen) == 1


@pytest.mark.parametrize("body", [b"<html>Bad Gateway</html>", b'{"half": ', b"\xff\xfe", b"nan"])
async def test_an_answer_that_is_no_json_is_unreadable(world: World, body: bytes) -> None:
    world.relay.order("GET", MONITOR, told(200, body))
    with pytest.raises(Unreachable, match="can't be read"):
        await ask(world.datadog())


async def test_an_answer_that_is_too_large_is_not_read_to_its_end(world: World) -> None:
    world.relay.order("GET", MONITOR, told(200, b"[" + b" " * LARGEST_ANSWER + b"]"))
    with pytest.raises(Unreachable, match="broke off"):
        await ask(world.datadog())


@pytest.mark.parametrize("errors", [["a", "b"], [{"detail": "a; b"}], {"title": "a; b"}, "x", None, [None, 1]])
async def test_datadogs_reason_is_told_in_whatever_shape_it_comes(world: World, errors: object) -> None:
    world.relay.order("GET", MONITOR, told(400, {"errors": errors}))
    with pytest.raises(Refused, match=r"\(400\)"):
        await ask(world.datadog())


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 500])
async def test_no_key_stands_in_an_error_or_in_the_log(world: World, status: int) -> None:
    body = {"errors": [f"api key {API_KEY} and {APP_KEY}\nare not\x1b[31m known"]}
    datadog = world.datadog()
    world.relay.order("GET", MONITOR, told(status, body))
    with capture_logs() as lines, pytest.raises(OutsideError) as error:
        await ask(datadog)
    world.relay.order("GET", f"{HOSTS['main']}/api/v1/validate", told(status, body))
    with capture_logs() as more:
        await datadog.greet()
    shown = f"{error.value}{error.value!r}{lines}{more}{datadog!r}{vars(error.value)}"
    assert API_KEY not in shown
    assert APP_KEY not in shown
    assert "\n" not in str(error.value)


def test_a_prepared_request_does_not_show_its_keys() -> None:
    sdk = Sdk(api_url="https://api.example.com/", oncall_url="https://o.example.com/", api_key=API_KEY, app_key=APP_KEY)
    prepared = sdk.prepare("get_monitor", monitor_id=7)
    assert prepared.headers["DD-API-KEY"] == API_KEY
    assert API_KEY not in repr(prepared)
    assert prepared.url == "https://api.example.com/api/v1/monitor/7"


# Limits


async def test_a_limit_with_an_hour_to_go_is_told_at_once_and_nobody_asks_again(world: World) -> None:
    datadog = world.datadog()
    world.desk.datadog.faults.add("ratelimit", times=1, path="/api/v1/monitor", seconds=3600)
    for lane in (Lane.PEOPLE, Lane.PEOPLE, Lane.LOOPS):
        with pytest.raises(TooBusy) as error:
            await ask(datadog, lane)
        assert 3500 < error.value.retry_after_s <= 3600
    assert world.relay.count("GET", MONITOR) == 1


async def test_a_limit_of_one_endpoint_freezes_no_other(world: World) -> None:
    datadog = world.datadog()
    world.relay.order("GET", MONITOR, told(429, None, X_RateLimit_Name="monitors_list", X_RateLimit_Reset="3600"))
    with pytest.raises(TooBusy):
        await ask(datadog)
    assert await datadog.downtimes.own() == ()


async def test_loops_leave_the_last_fifth_to_people(world: World) -> None:
    datadog = world.datadog()
    world.desk.datadog.door().limits["monitors_list"] = 10
    for _ in range(8):
        await ask(datadog, Lane.LOOPS)
    with pytest.raises(TooBusy):
        await ask(datadog, Lane.LOOPS)
    for _ in range(2):
        await ask(datadog, Lane.PEOPLE)
    assert world.relay.count("GET", MONITOR) == 10


# Side by side


async def test_loops_never_take_all_connections(world: World) -> None:
    datadog = world.datadog()
    for _ in range(LOOPS_AT_ONCE):
        world.relay.order("GET", MONITOR, world.relay.hold)
    held = [asyncio.create_task(ask(datadog, Lane.LOOPS)) for _ in range(CONNECTIONS * 2)]
    await until(lambda: world.relay.busy == LOOPS_AT_ONCE)
    assert isinstance(await ask(datadog, Lane.PEOPLE), list)
    for task in held:
        task.cancel()
    await asyncio.gather(*held, return_exceptions=True)
    assert world.relay.most_busy <= LOOPS_AT_ONCE + 1


async def test_the_client_is_loaded_once_and_its_thread_ends(world: World) -> None:
    datadog = world.datadog()
    await asyncio.gather(*(ask(datadog) for _ in range(5)))
    await until(lambda: not any("datadog-import" in thread.name for thread in threading.enumerate()))


async def test_closing_twice_is_closing_once(world: World) -> None:
    datadog = world.datadog()
    await ask(datadog)
    await datadog.close()
    await datadog.close()


def test_datadogs_client_is_loaded_only_when_it_is_asked_for() -> None:
    code = "import sys, bot.app; print('datadog_api_client' in sys.modules)"
    done = asyncio.run(_run(code))
    assert done == "False"


async def _run(code: str) -> str:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    said, _ = await asyncio.wait_for(process.communicate(), 50)
    return said.decode().strip()


# Greeting


async def greeted(datadog: Datadog) -> tuple[bool | None, list[str]]:
    structlog.reset_defaults()
    with capture_logs() as lines:
        works = await datadog.greet()
    return works, [f"{line['log_level']} {line['event']} {line.get('reason', '')}" for line in lines]


async def test_the_log_says_once_that_the_keys_work(world: World) -> None:
    works, lines = await greeted(world.datadog())
    assert (works, len(lines)) == (True, 1)
    assert lines[0].startswith("info datadog.keys")


async def test_the_log_says_that_a_key_is_wrong_and_what_to_mend(world: World) -> None:
    works, (line,) = await greeted(world.datadog(app_key=WRONG))
    assert works is False
    assert "DD_APP_KEY must be of one organisation" in line
    works, (line,) = await greeted(world.datadog(api_key=WRONG))
    assert works is False
    assert "it must be an API key of datadoghq.com" in line


async def test_a_datadog_that_is_away_at_the_start_is_not_called_a_wrong_key(world: World) -> None:
    world.relay.order("GET", "/validate", told(503))
    works, (line,) = await greeted(world.datadog())
    assert works is None
    assert "trouble of its own" in line


def test_every_call_has_its_words() -> None:
    sdk = Sdk(api_url="https://api.example.com/", oncall_url="https://o.example.com/", api_key="", app_key="")
    assert set(OPERATIONS) == set(sdk.operations)
