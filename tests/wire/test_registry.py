"""Our registry client on real sockets: against the sandbox's registry, Debian's docker-registry, and rude servers."""

import asyncio
import base64
import hashlib
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from bot.domain.images import ImageRepository, parse_repository
from bot.domain.versions import newest
from bot.errors import NotFound, OutsideError, Refused, TooBusy, Unreachable
from bot.registry import Registry
from bot.registry.challenge import Basic, Bearer, read_challenge
from bot.registry.credentials import read_credentials
from bot.sandbox.registry import Login
from bot.sandbox.registry import Registry as SandboxRegistry
from tests.wire import docker_registry

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture
async def session():
    async with aiohttp.ClientSession() as session:
        yield session


@asynccontextmanager
async def served(routes: list[web.RouteDef]) -> AsyncIterator[str]:
    """host:port of a server with those routes."""
    app = web.Application()
    app.add_routes(routes)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield "{}:{}".format(*runner.addresses[0])
    finally:
        await runner.cleanup()


@asynccontextmanager
async def answering(handler: Handler) -> AsyncIterator[ImageRepository]:
    """A repository on a server that treats every request alike."""
    async with served([web.route("*", "/{any:.*}", handler)]) as host:
        yield ImageRepository(host, "growlio/admin")


@pytest.fixture
async def sandbox():
    """The sandbox's registry and its host."""
    registry = SandboxRegistry()
    async with served(registry.routes()) as host:
        yield registry, host


def docker_config(folder, host: str, user: str = "robin", password: str = "kettle"):
    """A config.json as `docker login` writes it."""
    encoded = base64.b64encode(f"{user}:{password}".encode()).decode()
    file = folder / "config.json"
    file.write_text(json.dumps({"auths": {host: {"auth": encoded}}}))
    return file


async def test_tags_of_the_sandbox_are_listed_and_the_newest_is_chosen(sandbox, session):
    _, host = sandbox
    tags = await Registry(session).tags(parse_repository(f"{host}/growlio/admin"))
    assert set(tags) == {"1.3.9", "1.4.0", "1.4.1", "1.4.2", "latest"}
    assert newest(tags) == "1.4.2"


async def test_a_list_of_many_pages_is_read_to_its_end(sandbox, session):
    registry, host = sandbox
    for build in range(250):
        registry.publish("growlio/big", f"1.0.{build}")
    registry.page_size = 20
    tags = await Registry(session).tags(ImageRepository(host, "growlio/big"))
    assert len(tags) == len(set(tags)) == 250
    assert newest(tags) == "1.0.249"
    assert len(registry.requests) == 13


async def test_a_list_without_end_is_given_up_after_twenty_pages(sandbox, session):
    registry, host = sandbox
    for build in range(60):
        registry.publish("growlio/big", f"1.0.{build}")
    registry.page_size = 2
    with pytest.raises(Refused, match="more tags of growlio/big than can be gone through"):
        await Registry(session).tags(ImageRepository(host, "growlio/big"))
    assert len(registry.requests) == 20


async def test_an_image_is_known_by_its_own_digest_and_those_of_its_parts(sandbox, session):
    registry, host = sandbox
    client, admin = Registry(session), ImageRepository(host, "growlio/admin")
    digest = registry.publish("growlio/admin", "1.4.2")
    names = await client.names(admin, digest)
    assert names[0] == digest
    assert len(names) == 2  # the configuration's
    assert await client.names(admin, "sha256:" + "0" * 64) == ()


async def test_an_index_has_the_names_of_its_platforms_and_of_nothing_odd(session):
    platforms = ["sha256:" + letter * 64 for letter in "ab"]
    odd = [{"digest": "evil"}, {"digest": 7}, {}, "x", None]
    body = json.dumps({"manifests": [*({"digest": each} for each in platforms), *odd]}).encode()
    digest = f"sha256:{hashlib.sha256(body).hexdigest()}"

    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/vnd.oci.image.index.v1+json")

    async with answering(answer) as repository:
        assert await Registry(session).names(repository, digest) == (digest, *platforms)
        # what is not the content of that digest names nothing
        assert await Registry(session).names(repository, platforms[0]) == ()


async def test_the_digest_is_the_content_s_and_absent_images_have_none(sandbox, session):
    registry, host = sandbox
    client, admin = Registry(session), ImageRepository(host, "growlio/admin")
    digest = await client.digest(admin, "1.4.2")
    assert digest is not None
    assert digest == registry.digest(f"{host}/growlio/admin:1.4.2")
    assert await client.digest(admin, digest) == digest
    assert await client.digest(admin, "9.9.9") is None
    assert await client.digest(ImageRepository(host, "growlio/none"), "1.0.0") is None
    assert await client.digest(admin, "../../x") is None


async def test_a_repository_that_does_not_exist_is_told_apart_from_an_outage(sandbox, session):
    registry, host = sandbox
    with pytest.raises(NotFound, match="has no repository growlio/none"):
        await Registry(session).tags(ImageRepository(host, "growlio/none"))
    registry.available = False
    with pytest.raises(Unreachable, match="answered HTTP 503"):
        await Registry(session).tags(ImageRepository(host, "growlio/admin"))


async def test_an_anonymous_token_is_fetched_once_and_used_again(sandbox, session):
    registry, host = sandbox
    registry.login = Login.TOKEN
    client, admin = Registry(session), ImageRepository(host, "growlio/admin")
    assert "1.4.2" in await client.tags(admin)
    assert await client.digest(admin, "1.4.2")
    assert [url.partition("?")[0] for _, url in registry.requests] == [
        "/v2/growlio/admin/tags/list",
        "/v2/token",
        "/v2/growlio/admin/tags/list",
        "/v2/growlio/admin/manifests/1.4.2",
    ]


async def test_a_token_behind_a_password_is_fetched_with_docker_s_credentials(sandbox, session, tmp_path):
    registry, host = sandbox
    registry.login, registry.users = Login.TOKEN, {"robin": "kettle"}
    client = Registry(session, docker_config(tmp_path, host))
    assert "1.4.2" in await client.tags(ImageRepository(host, "growlio/admin"))
    wrong = Registry(session, docker_config(tmp_path, host, password="pan"))
    with pytest.raises(Refused, match="gives no access to growlio/admin"):
        await wrong.tags(ImageRepository(host, "growlio/admin"))


async def test_a_basic_login_is_met_and_its_absence_is_told(sandbox, session, tmp_path):
    registry, host = sandbox
    registry.login, registry.users = Login.BASIC, {"robin": "kettle"}
    admin = ImageRepository(host, "growlio/admin")
    assert "1.4.2" in await Registry(session, docker_config(tmp_path, host)).tags(admin)
    with pytest.raises(Refused, match=r"docker's config\.json has none for it"):
        await Registry(session).tags(admin)


async def test_credentials_changed_on_disk_are_used_at_the_next_login(sandbox, session, tmp_path):
    registry, host = sandbox
    registry.login, registry.users = Login.BASIC, {"robin": "new"}
    client = Registry(session, docker_config(tmp_path, host, password="old"))
    with pytest.raises(Refused):
        await client.tags(ImageRepository(host, "growlio/admin"))
    docker_config(tmp_path, host, password="new")
    assert "1.4.2" in await client.tags(ImageRepository(host, "growlio/admin"))


@docker_registry.needed
async def test_a_registry_that_nobody_here_wrote_is_read_with_its_basic_login(session, tmp_path):
    async with docker_registry.running(tmp_path, login=True) as host:
        digests = {tag: await docker_registry.push(host, "growlio/admin", tag) for tag in ("1.4.2", "1.4.10", "latest")}
        file = docker_config(tmp_path, host, docker_registry.USER, docker_registry.PASSWORD)
        client, admin = Registry(session, file), ImageRepository(host, "growlio/admin")
        tags = await client.tags(admin)
        assert set(tags) == set(digests)
        assert newest(tags) == "1.4.10"
        assert await client.digest(admin, "1.4.2") == digests["1.4.2"]
        assert await client.digest(admin, digests["1.4.10"]) == digests["1.4.10"]
        assert await client.digest(admin, "1.4.3") is None
        with pytest.raises(NotFound):
            await client.tags(ImageRepository(host, "growlio/none"))
        with pytest.raises(Refused):
            await Registry(session).tags(admin)


@docker_registry.needed
async def test_a_registry_that_nobody_here_wrote_is_read_without_a_login(session, tmp_path):
    async with docker_registry.running(tmp_path, login=False) as host:
        digest = await docker_registry.push(host, "a/b/c", "v1")
        assert await Registry(session).tags(ImageRepository(host, "a/b/c")) == ("v1",)
        assert await Registry(session).digest(ImageRepository(host, "a/b/c"), "v1") == digest


async def test_keys_of_a_registry_s_own_are_ignored_and_what_is_no_tag_is_left_out(session):
    async def google(_: web.Request) -> web.Response:
        return web.json_response(
            {"child": ["x"], "manifest": {"sha256:1": {"tag": ["1.0"]}}, "name": "a", "tags": ["1.0", "a b", 7, "<!x>"]}
        )

    async with answering(google) as repository:
        assert await Registry(session).tags(repository) == ("1.0",)


async def test_tags_that_stand_only_among_google_s_digests_are_found(session):
    manifests = {"sha256:1": {"tag": ["1.0", "latest"]}, "sha256:2": {"tag": []}, "sha256:3": 7, "x": {"tag": "1.1"}}

    async def google(_: web.Request) -> web.Response:
        return web.json_response({"name": "a", "manifest": manifests})

    async with answering(google) as repository:
        assert await Registry(session).tags(repository) == ("1.0", "latest")


@pytest.mark.parametrize("knows_last", [True, False])
async def test_a_full_page_that_names_no_next_one_is_asked_for_what_comes_after_it(session, knows_last):
    every = [f"1.0.{build:04}" for build in range(2300)]
    asked: list[str] = []

    async def mute(request: web.Request) -> web.Response:
        asked.append(request.query.get("last", ""))
        rest = [tag for tag in every if tag > asked[-1]] if knows_last else every
        return web.json_response({"name": "a", "tags": rest[: int(request.query["n"])]})

    async with answering(mute) as repository:
        tags = await Registry(session).tags(repository)
    assert asked == (["", "1.0.0999", "1.0.1999"] if knows_last else ["", "1.0.0999"])
    assert len(tags) == (2300 if knows_last else 1000)


async def test_a_token_is_fetched_with_the_identity_token_of_a_single_sign_on(session, tmp_path):
    forms: list[dict[str, str]] = []

    async def cloud(request: web.Request) -> web.Response:
        if request.method == "POST":
            forms.append({key: str(value) for key, value in (await request.post()).items()})
            return web.json_response({"access_token": "short-lived"})
        if request.headers.get("Authorization") == "Bearer short-lived":
            return web.json_response({"name": "a", "tags": ["1.0"]})
        challenge = f'Bearer realm="http://{request.host}/oauth2/token",service="cloud"'
        return web.Response(status=401, headers={"WWW-Authenticate": challenge})

    async with answering(cloud) as repository:
        file = docker_config(tmp_path, repository.host)
        file.write_text(json.dumps({"auths": {repository.host: {"auth": "MDAwMDo=", "identitytoken": "long-lived"}}}))
        assert await Registry(session, file).tags(repository) == ("1.0",)
    assert forms == [
        {
            "grant_type": "refresh_token",
            "client_id": "kajitori",
            "service": "cloud",
            "scope": "repository:growlio/admin:pull",
            "refresh_token": "long-lived",
        }
    ]


async def test_the_proxy_of_the_environment_is_used_but_for_this_machine(session, sandbox, monkeypatch):
    asked: list[str] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readline()).decode().strip())
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as proxy:
        port = proxy.sockets[0].getsockname()[1]
        for name in ("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.setenv(name, "registry.inside.invalid")
        with pytest.raises(Unreachable, match="can't be reached through the proxy"):
            await Registry(session, timeout_s=30).tags(ImageRepository("registry.example.com", "a/b"))
        with pytest.raises(Unreachable):  # no such name; what counts is that the proxy is not asked
            await Registry(session, timeout_s=0.5).tags(ImageRepository("registry.inside.invalid", "a/b"))
        _, host = sandbox
        assert "1.4.2" in await Registry(session).tags(ImageRepository(host, "growlio/admin"))
    assert asked == ["CONNECT registry.example.com:443 HTTP/1.1"]


async def test_an_empty_repository_may_say_null(session):
    async def empty(_: web.Request) -> web.Response:
        return web.json_response({"name": "a", "tags": None})

    async with answering(empty) as repository:
        assert await Registry(session).tags(repository) == ()


async def test_without_the_digest_header_the_digest_is_counted_from_the_content(session):
    async def plain(_: web.Request) -> web.Response:
        return web.Response(body=b"{}")

    async with answering(plain) as repository:
        assert await Registry(session).digest(repository, "1.0") == (
            "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
        )


@pytest.mark.parametrize(
    ("status", "headers", "body", "kind", "told"),
    [
        (500, {}, b"", Unreachable, "answered HTTP 500"),
        (403, {}, b"", Refused, "gives no access"),
        (401, {}, b"", Refused, "wants a login of a kind that is not supported"),
        (401, {"WWW-Authenticate": "Negotiate"}, b"", Refused, "a kind that is not supported"),
        (429, {"Retry-After": "7"}, b"", TooBusy, "is too busy"),
        (429, {"Retry-After": "²"}, b"", TooBusy, "is too busy"),
        (200, {}, b"<html>", Unreachable, "not JSON"),
        (200, {}, b"[]", Unreachable, "another shape"),
        (200, {}, b'{"tags": {}}', Unreachable, "no list of tags"),
        (200, {"Link": '<https://evil.example/v2/>; rel="next"'}, b'{"tags": []}', Refused, "at another host"),
        (302, {"Location": "http://169.254.169.254/latest"}, b"", Refused, "may not send us to"),
        (302, {"Location": "file:///etc/passwd"}, b"", Refused, "may not send us to"),
        (302, {"Location": "/v2/again"}, b"", Unreachable, "redirects in circles"),
        (200, {}, b'{"tags": ["' + b"a" * (5 << 20) + b'"]}', Refused, "sent more than 4 MiB"),
    ],
)
async def test_a_rude_answer_is_told_in_plain_words(session, status, headers, body, kind, told):
    async def rude(_: web.Request) -> web.Response:
        return web.Response(status=status, headers=headers, body=body)

    async with answering(rude) as repository:
        with pytest.raises(kind, match=told) as error:
            await Registry(session).tags(repository)
    assert error.value.system == f"the registry {repository.host}"


async def test_a_redirect_is_followed_and_takes_no_password_to_another_host(session, tmp_path):
    shown: list[str | None] = []

    async def other(request: web.Request) -> web.Response:
        shown.append(request.headers.get("Authorization"))
        return web.json_response({"tags": ["1.0"]})

    async with answering(other) as elsewhere:

        async def home(request: web.Request) -> web.Response:
            if "Authorization" not in request.headers:
                return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="x"'})
            return web.Response(status=307, headers={"Location": f"http://{elsewhere.host}/v2/tags"})

        async with answering(home) as repository:
            client = Registry(session, docker_config(tmp_path, repository.host))
            assert await client.tags(repository) == ("1.0",)
    assert shown == [None]


async def test_a_registry_s_own_word_on_when_to_come_back_is_kept(session):
    async def busy(_: web.Request) -> web.Response:
        return web.Response(status=429, headers={"Retry-After": "7"})

    async with answering(busy) as repository:
        with pytest.raises(TooBusy) as error:
            await Registry(session).digest(repository, "1.0")
    assert error.value.retry_after_s == 7


async def test_a_silent_registry_is_given_up_after_the_deadline(session):
    released = asyncio.Event()

    async def silent(_: web.Request) -> web.Response:
        await released.wait()
        return web.Response()

    async with answering(silent) as repository:
        with pytest.raises(Unreachable, match=r"did not answer within 0\.3 s"):
            await Registry(session, timeout_s=0.3).tags(repository)
        released.set()


async def test_nobody_listening_is_told(session):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody else gets this port, and nobody listens
        port = taken.getsockname()[1]
        with pytest.raises(OutsideError, match="can't be reached"):
            await Registry(session).tags(ImageRepository(f"127.0.0.1:{port}", "a/b"))


REGISTRY = URL("https://registry.example.com")
SCOPE = "repository:a/b:pull"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ('Basic realm="x"', Basic()),
        (
            'Bearer realm="https://auth.example.com/token",service="r",scope="repository:a/b:metadata_read"',
            Bearer(URL("https://auth.example.com/token"), "r", "repository:a/b:metadata_read"),
        ),
        ('bearer realm="https://auth.example.com/token"', Bearer(URL("https://auth.example.com/token"), "", SCOPE)),
        ('Bearer realm="http://auth.example.com/token"', None),
        ('Bearer realm="http://127.0.0.1:8001/token"', None),
        ('Bearer realm="https://localhost/token"', None),
        ('Bearer realm="https://169.254.169.254/token"', None),
        ('Bearer realm="https://10.0.0.1/token"', None),
        ('Bearer realm="https://user:pw@auth.example.com/"', None),
        ('Bearer realm="file:///etc/passwd"', None),
        ('Bearer realm="//auth.example.com"', None),
        ('Bearer realm="https://[::"', None),
        ("Bearer", None),
        ("", None),
    ],
)
def test_a_challenge_sends_us_only_where_we_may_go(header, expected):
    assert read_challenge([header], REGISTRY, SCOPE) == expected


def test_a_registry_on_this_machine_may_have_its_token_server_here():
    local = URL("http://127.0.0.1:5000")
    realm = 'Bearer realm="http://127.0.0.1:5001/token"'
    assert read_challenge(["Negotiate", realm], local, SCOPE) == Bearer(URL("http://127.0.0.1:5001/token"), "", SCOPE)


@pytest.mark.parametrize(
    ("document", "host", "user"),
    [
        ({"auths": {"r.io": {"username": "u", "password": "p"}}}, "r.io", "u"),
        ({"auths": {"r.io": {"auth": "dTpw"}}}, "r.io", "u"),
        ({"auths": {"https://index.docker.io/v1/": {"auth": "dTpw"}}}, "docker.io", "u"),
        ({"auths": {"https://r.io:5000/v2/": {"auth": "dTpw"}}}, "r.io:5000", "u"),
        ({"auths": {"r.io": {"auth": "dTpw"}}}, "evil-r.io", None),
        ({"auths": {"r.io": {"auth": "!!"}}}, "r.io", None),
        ({"auths": {"r.io": {"auth": "dTo=", "identitytoken": "x"}}}, "r.io", "u"),
        ({"auths": {"r.io": {"identitytoken": "x"}}}, "r.io", ""),
        ({"auths": []}, "r.io", None),
        ([], "r.io", None),
        ({"credsStore": "pass"}, "r.io", None),
    ],
)
def test_docker_s_file_gives_the_credentials_of_exactly_one_host(tmp_path, document, host, user):
    (tmp_path / "config.json").write_text(json.dumps(document))
    found = read_credentials(tmp_path / "config.json", host)
    assert (found.user if found else None) == user
    assert "password='p'" not in repr(found)
    assert "'x'" not in repr(found)


def test_a_file_that_is_absent_or_broken_gives_no_credentials(tmp_path):
    assert read_credentials(tmp_path / "config.json", "r.io") is None
    (tmp_path / "config.json").write_text("{")
    assert read_credentials(tmp_path / "config.json", "r.io") is None
