"""DORA metrics: deployments, failures, and the mark that a deployment failed. Mounted by `service` on the main host.

The API key alone is enough to tell of something; to change it, the application key is needed too.
"""

import secrets
import uuid
from typing import Any

from aiohttp import web

from bot.sandbox.datadog import shape
from bot.sandbox.datadog.door import Endpoint, Json, Refusal, read_json

_GIT = shape.record({"commit_sha": shape.text(40, shortest=40), "repository_url": shape.text(shortest=1)})
_SHARED = {
    "env": shape.text(),
    "version": shape.text(),
    "team": shape.text(),
    "id": shape.text(128, shortest=16),
    "git": _GIT,
    "custom_tags": shape.nullable(shape.listing(shape.text(), 100)),
}
_DEPLOYMENT = shape.record(
    {"service": shape.text(shortest=1), "started_at": shape.whole, "finished_at": shape.whole}, _SHARED
)
_FAILURE = shape.record(
    {"started_at": shape.whole},
    _SHARED
    | {
        "services": shape.listing(shape.text()),
        "finished_at": shape.whole,
        "name": shape.text(),
        "severity": shape.text(),
    },
)
_REMEDIATION = shape.record(
    {}, {"id": shape.text(), "version": shape.text(), "type": shape.text(choices=("rollback", "rollforward"))}
)
_PATCH = shape.record(
    {
        "data": shape.record(
            {
                "id": shape.text(),
                "type": shape.text(choices=("dora_deployment_patch_request",)),
                "attributes": shape.record({}, {"change_failure": shape.flag, "remediation": _REMEDIATION}),
            }
        )
    }
)


class Dora:
    """Deployments and failures by id, as they were told."""

    def __init__(self) -> None:
        self.deployments: dict[str, Json] = {}
        self.failures: dict[str, Json] = {}

    def endpoints(self) -> list[Endpoint]:
        post = "POST"
        return [
            Endpoint(post, "/api/v2/dora/deployment", "dora_deployment", self._deployment, needs_app_key=False),
            Endpoint(post, "/api/v2/dora/failure", "dora_failure", self._failure, needs_app_key=False),
            Endpoint(post, "/api/v2/dora/incident", "dora_incident", self._failure, needs_app_key=False),
            Endpoint("PATCH", "/api/v2/dora/deployments/{deployment_id}", "dora_patch", self._patch),
        ]

    async def _deployment(self, request: web.Request) -> web.Response:
        given = await _attributes(request, _DEPLOYMENT)
        if _seconds(given["finished_at"]) < _seconds(given["started_at"]):
            raise Refusal(400, 'attribute "finished_at" must not be before "started_at"', is_json_api=True)
        deployment_id = given.get("id") or secrets.token_hex(8)
        self.deployments[deployment_id] = dict(given) | {"id": deployment_id}
        return _json_api(200, {"data": {"id": deployment_id, "type": "dora_deployment"}})

    async def _failure(self, request: web.Request) -> web.Response:
        given = await _attributes(request, _FAILURE)
        if not given.get("services") and not given.get("team"):
            raise Refusal(400, 'one of attributes "services" and "team" is required', is_json_api=True)
        failure_id = given.get("id") or str(uuid.uuid4())
        self.failures[failure_id] = dict(given) | {"id": failure_id}
        return _json_api(200, {"data": {"id": failure_id, "type": "dora_failure"}})

    async def _patch(self, request: web.Request) -> web.Response:
        given = (await read_json(request, _PATCH, is_json_api=True))["data"]
        wanted = request.match_info["deployment_id"]
        if given["id"] != wanted:
            raise Refusal(400, 'attribute "id" does not match the path', is_json_api=True)
        # Datadog takes what it does not know as well: deployments are processed later than they are accepted.
        self.deployments.setdefault(wanted, {"id": wanted}).update(given["attributes"])
        return _json_api(202, {"data": None})


async def _attributes(request: web.Request, check: shape.Check) -> Any:
    inner = shape.record({"attributes": check}, {"type": shape.text()})
    body = await read_json(request, shape.record({"data": inner}), is_json_api=True)
    return body["data"]["attributes"]


def _seconds(epoch: int) -> float:
    """Seconds of an epoch that is told in seconds, milliseconds or nanoseconds."""
    if epoch > 10**16:
        return epoch / 10**9
    return epoch / 1000 if epoch > 10**11 else float(epoch)


def _json_api(status: int, body: Json) -> web.Response:
    return web.json_response(body, status=status, content_type="application/vnd.api+json")
