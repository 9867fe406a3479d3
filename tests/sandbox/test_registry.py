"""The sandbox's registry by the letter of the distribution specification, and as the clusters ask it."""

import hashlib
import json

import aiohttp
import pytest
from aiohttp import web

from bot.sandbox.registry import MANIFEST_TYPE, Login, Registry


@pytest.fixture
async def registry():
    return Registry()


@pytest.fixture
async def http(registry):
    app = web.Application()
    app.add_routes(registry.routes())
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with aiohttp.ClientSession("http://{}:{}".format(*runner.addresses[0])) as session:
        yield session
    await runner.cleanup()


async def tags_page(http: aiohttp.ClientSession, url: str) -> tuple[list[str], str]:
    """Tags and the link to the next page."""
    async with http.get(url) as response:
        assert response.status == 200
        return (await response.json())["tags"], response.headers.get("Link", "")


async def error_of(http: aiohttp.ClientSession, url: str) -> tuple[int, str]:
    async with http.get(url) as response:
        (error,) = (await response.json())["errors"]
        return response.status, error["code"]


async def test_the_sample_services_are_published_and_admin_s_newest_is_1_4_2(registry):
    assert registry.repositories() == ("growlio/admin", "growlio/report", "growlio/web")
    assert registry.tags("growlio/admin") == ("1.3.9", "1.4.0", "1.4.1", "1.4.2", "latest")
    assert registry.tags("growlio/none") == ()


@pytest.mark.parametrize(
    ("image", "there"),
    [
        ("127.0.0.1:8080/growlio/admin:1.4.2", True),
        ("registry.example.com/growlio/admin:1.4.2", True),
        ("growlio/admin:1.4.2", True),
        ("growlio/admin", True),
        ("growlio/web", False),
        ("growlio/admin:9.9.9", False),
        ("growlio/none:1.0.0", False),
        ("127.0.0.1:8080/growlio/admin@sha256:" + "0" * 64, False),
        ("", False),
        (":", False),
        ("@", False),
    ],
)
async def test_a_kubelet_learns_whether_an_image_is_there(registry, image, there):
    assert registry.has(image) is there


async def test_what_is_published_is_there_at_once_and_gone_when_withdrawn(registry):
    digest = registry.publish("growlio/new", "0.1.0")
    assert registry.publish("growlio/new", "0.1.0") == digest
    assert registry.has("r.io/growlio/new:0.1.0")
    assert registry.has(f"r.io/growlio/new@{digest}")
    registry.withdraw("growlio/new", "0.1.0")
    assert not registry.has("r.io/growlio/new:0.1.0")


async def test_pages_follow_n_and_last_in_lexical_order(http):
    first, link = await tags_page(http, "/v2/growlio/admin/tags/list?n=2")
    assert first == ["1.3.9", "1.4.0"]
    assert link == '</v2/growlio/admin/tags/list?last=1.4.0&n=2>; rel="next"'
    second, _ = await tags_page(http, "/v2/growlio/admin/tags/list?last=1.4.0&n=2")
    assert second == ["1.4.1", "1.4.2"]
    last, link = await tags_page(http, "/v2/growlio/admin/tags/list?last=1.4.2&n=2")
    assert (last, link) == (["latest"], "")
    assert await tags_page(http, "/v2/growlio/admin/tags/list?n=0") == ([], "")


async def test_a_manifest_is_well_formed_and_its_digest_is_its_content_s(http):
    async with http.get("/v2/growlio/web/manifests/2.3.0", headers={"Accept": MANIFEST_TYPE}) as response:
        body = await response.read()
        assert response.content_type == MANIFEST_TYPE
        digest = response.headers["Docker-Content-Digest"]
    assert digest == f"sha256:{hashlib.sha256(body).hexdigest()}"
    assert json.loads(body)["schemaVersion"] == 2
    async with http.head(f"/v2/growlio/web/manifests/{digest}") as response:
        assert (response.status, await response.read()) == (200, b"")
        assert response.headers["Content-Length"] == str(len(body))


async def test_two_versions_never_share_a_digest(registry):
    digests = [registry.digest(f"{name}:{tag}") for name in registry.repositories() for tag in registry.tags(name)]
    # `latest` of admin points at 1.3.9 still.
    assert len(set(digests)) == len(digests) - 1


async def test_refusals_are_the_specification_s(http, registry):
    assert await error_of(http, "/v2/growlio/none/tags/list") == (404, "NAME_UNKNOWN")
    assert await error_of(http, "/v2/growlio/none/manifests/1") == (404, "NAME_UNKNOWN")
    assert await error_of(http, "/v2/growlio/admin/manifests/9.9.9") == (404, "MANIFEST_UNKNOWN")
    assert await error_of(http, "/v2/growlio/admin/tags/list?n=x") == (400, "PAGINATION_NUMBER_INVALID")
    registry.login = Login.BASIC
    assert await error_of(http, "/v2/") == (401, "UNAUTHORIZED")
    registry.available = False
    assert (await error_of(http, "/v2/"))[0] == 503


async def test_a_client_that_accepts_other_types_only_does_not_see_the_manifest(http):
    other = {"Accept": "application/vnd.docker.distribution.manifest.v1+json"}
    async with http.get("/v2/growlio/admin/manifests/1.4.2", headers=other) as response:
        assert response.status == 404


async def test_a_token_opens_its_own_repository_only(http, registry):
    registry.login = Login.TOKEN
    async with http.get("/v2/growlio/web/tags/list") as response:
        assert response.status == 401
        assert 'scope="repository:growlio/web:pull"' in response.headers["WWW-Authenticate"]
    async with http.get("/v2/token?scope=repository:growlio/web:pull") as response:
        headers = {"Authorization": f"Bearer {(await response.json())['token']}"}
    async with http.get("/v2/growlio/web/tags/list", headers=headers) as response:
        assert response.status == 200
    async with http.get("/v2/growlio/admin/tags/list", headers=headers) as response:
        assert response.status == 401
