"""What a promotion takes over: told by nodes and registry, on a simulated cluster and the sandbox's registry."""

import json
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import cast

import aiohttp
import pytest
from aiohttp import web

from bot.context import Context
from bot.domain.catalog import Environment, Service, WorkloadKind, WorkloadRef
from bot.domain.images import parse_image
from bot.domain.names import ServiceName
from bot.errors import UserError
from bot.kube.clients import Clusters
from bot.registry import Registry
from bot.sandbox.kube.images import digest_of_name
from bot.sandbox.registry import Registry as SandboxRegistry
from bot.store.db import Database
from bot.store.migrate import migrate
from bot.usecases.promotion import Running, content_of, promoted, running_in
from bot.usecases.versions import Choice
from tests.rows_context import rows_context
from tests.wire.kube_world import IMAGE, STG, deployment, serving, settled, world

ADMIN = "growlio/admin"
OTHER = "sha256:" + "d" * 64
SOURCE = Environment(STG, "stg", None)


class Desk:
    """The sandbox's registry, and the service whose images lie there."""

    def __init__(self, registry: SandboxRegistry, host: str, ctx: Context) -> None:
        self.registry = registry
        self.ctx = ctx
        ref = WorkloadRef("growlio", WorkloadKind.DEPLOYMENT, "admin")
        self.service = Service(ServiceName("admin"), ref, "admin", f"{host}/{ADMIN}")

    async def content(self, *told: str, image: str = "1.4.2") -> Choice:
        """What is taken over when nodes report these digests."""
        running = Running(parse_image(f"{self.service.image}:{image}"), "1.4.2", Counter(told), len(told), None)
        return await content_of(self.ctx, SOURCE, self.service, running)

    async def refusal(self, *told: str) -> UserError:
        with pytest.raises(UserError) as refused:
            await self.content(*told)
        return refused.value

    def index(self, *platforms: str) -> str:
        """Make 1.4.2 an image of several platforms."""
        manifests = [{"digest": digest, "size": 7, "mediaType": "application/json"} for digest in platforms]
        body = json.dumps({"schemaVersion": 2, "manifests": manifests}).encode()
        digest = f"sha256:{sha256(body).hexdigest()}"
        held = self.registry._repositories[ADMIN]
        held.tags["1.4.2"], held.manifests[digest] = digest, body
        return digest


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    registry, app = SandboxRegistry(), web.Application()
    app.add_routes(registry.routes())
    database = Database(f"sqlite:///{tmp_path / 'kajitori.db'}")
    await migrate(database)
    async with serving(app) as url, aiohttp.ClientSession() as session:
        ctx = replace(rows_context(database), registry=Registry(session))
        yield Desk(registry, url.removeprefix("http://"), ctx)
    await database.close()


async def test_the_image_of_the_tag_is_taken_by_its_digest(desk: Desk) -> None:
    digest = desk.registry.publish(ADMIN, "1.4.2")
    choice = await desk.content(digest, digest)
    assert (choice.version, choice.digest, choice.is_exact, choice.checked) == ("1.4.2", digest, False, True)
    assert choice.names[0] == digest


async def test_nodes_of_two_platforms_run_one_image(desk: Desk) -> None:
    amd64, arm64 = "sha256:" + "a" * 64, "sha256:" + "b" * 64
    index = desk.index(amd64, arm64)
    choice = await desk.content(amd64, arm64, index)
    assert (choice.digest, choice.is_exact) == (index, False)
    assert set(choice.names) == {index, amd64, arm64}


async def test_a_tag_that_was_moved_leaves_what_runs_as_it_is(desk: Desk) -> None:
    first = desk.registry.publish(ADMIN, "1.4.2")
    second = desk.registry.publish(ADMIN, "1.4.2", build=2)
    choice = await desk.content(first)
    assert first != second
    assert (choice.digest, choice.is_exact) == (first, True)


async def test_two_images_under_one_tag_are_refused_with_how_many_run_each(desk: Desk) -> None:
    first = desk.registry.publish(ADMIN, "1.4.2")
    error = await desk.refusal(first, first, OTHER)
    assert error.code == "source_mixed"
    assert f"2 of `{first[:19]}`, 1 of `{OTHER[:19]}`" in error.text


async def test_an_image_that_the_registry_lost_is_refused(desk: Desk) -> None:
    assert (await desk.refusal(OTHER)).code == "source_image_gone"
    desk.registry.withdraw(ADMIN, "1.4.2")
    assert (await desk.refusal()).code == "source_image_gone"


async def test_a_silent_registry_does_not_hide_what_runs(desk: Desk) -> None:
    desk.registry.available = False
    choice = await desk.content(OTHER)
    assert (choice.digest, choice.is_exact, choice.checked) == (OTHER, True, False)
    assert (await desk.refusal(OTHER, "sha256:" + "e" * 64)).code == "source_mixed"
    nothing = await desk.content()
    assert (nothing.digest, nothing.checked) == ("", False)


async def test_an_image_set_by_digest_is_that_one_where_nodes_tell_nothing(desk: Desk) -> None:
    first = desk.registry.publish(ADMIN, "1.4.2")
    assert (await desk.content(image=f"1.4.2@{first}")).digest == first


async def test_where_nothing_is_before_it_nothing_is_promoted(desk: Desk) -> None:
    with pytest.raises(UserError, match="no environment before it"):
        await promoted(desk.ctx, SOURCE, desk.service)


async def test_only_what_runs_healthy_is_taken_over(desk: Desk, tmp_path: Path) -> None:
    def service(name: str, image: str = IMAGE) -> Service:
        return Service(ServiceName(name), WorkloadRef("growlio", WorkloadKind.DEPLOYMENT, name), name, image)

    async with world(tmp_path) as stg:
        for name, image, replicas in (
            ("admin", f"{IMAGE}:1.0.0", 2),
            ("asleep", f"{IMAGE}:1.0.0", 0),
            ("broken", f"{IMAGE}:1.0.0-missing", 1),
            ("floating", f"{IMAGE}:latest", 0),
        ):
            stg.there.create(deployment(name, image=image, replicas=replicas))
        await settled(stg)
        clusters = cast(Clusters, {STG: stg.here})
        ctx = replace(desk.ctx, clusters=clusters)

        async def refused(known: Service) -> str:
            with pytest.raises(UserError) as error:
                await running_in(ctx, SOURCE, known)
            return error.value.code

        running = await running_in(ctx, SOURCE, service("admin"))
        assert (running.tag, running.pods) == ("1.0.0", 2)
        assert running.told == {digest_of_name(f"{IMAGE}:1.0.0"): 2}
        assert running.since is not None
        assert await refused(service("asleep")) == "source_unhealthy"
        assert await refused(service("broken")) == "source_unhealthy"
        assert await refused(service("floating")) == "moving_tag"
        assert await refused(service("nowhere")) == "never_released"
        assert await refused(service("admin", "registry.example.com/growlio/web")) == "source_other_image"
