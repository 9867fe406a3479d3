"""Requests recorded from a real 1.36 API server get the same answers from the simulated one, where clients read."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.kube_client import Kube, is_rolled_out, served

RECORDINGS = Path(__file__).parent.parent / "recordings" / "kubernetes"
# What differs from run to run, or names machinery of its own.
RANDOM = {
    "uid", "resourceVersion", "creationTimestamp", "managedFields", "time", "podIP", "podIPs", "hostIP", "hostIPs",
    "startTime", "lastTransitionTime", "lastUpdateTime", "startedAt", "finishedAt", "containerID", "imageID",
    "serverAddress", "clusterIP", "clusterIPs", "name", "generateName", "token", "expirationTimestamp", "continue",
    "pod-template-hash", "nodeName", "topology.kubernetes.io/zone", "description", "cells", "message",
}  # fmt: skip


def requests_of(scenario: str) -> Iterator[dict[str, Any]]:
    for line in (RECORDINGS / f"{scenario}.jsonl").read_text().splitlines():
        row = json.loads(line)
        if row["kind"] == "request":
            yield row


def plain(value: Any) -> Any:
    """A body without what no two runs share."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items() if k not in RANDOM}
    return [plain(item) for item in value] if isinstance(value, list) else value


class Replay:
    """Sends recorded requests, with this run's names and versions in place of the recorded ones."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube
        self._known: dict[str, str] = {}
        self._sa_token = ""

    async def send(self, row: dict[str, Any]) -> tuple[int, Any]:
        path, token = row["path"], "a-token"
        for old, new in self._known.items():
            path = path.replace(old, new)
        if row["status"] == 401:
            token = "revoked"
        told = str((row["response"] or {}).get("message", "") if isinstance(row["response"], dict) else "")
        anonymous = "system:anonymous" in told
        if "system:serviceaccount" in told or self._is_denied_review(row):
            token = self._sa_token
        body = json.dumps(row["body"]) if not isinstance(row["body"], str) else row["body"]
        for old, new in self._known.items():
            body = body.replace(old, new)
        answer = await self._kube.send(
            row["method"],
            path,
            None if row["body"] is None else body,
            kind=row["headers"]["Content-Type"],
            token=None if anonymous else token,
            headers={"Accept": row["headers"]["Accept"], "User-Agent": "Python/3 recorder"},
        )
        self._learn(row["response"], answer.body)
        return answer.status, answer.body

    def _is_denied_review(self, row: dict[str, Any]) -> bool:
        return "selfsubjectaccessreviews" in row["path"] and not row["response"]["status"]["allowed"]

    def _learn(self, recorded: Any, actual: Any) -> None:
        if not isinstance(recorded, dict) or not isinstance(actual, dict):
            return
        old, new = recorded.get("metadata") or {}, actual.get("metadata") or {}
        for name in ("uid", "continue"):
            if old.get(name) and new.get(name):
                self._known[old[name]] = new[name]
        if old.get("resourceVersion") and new.get("resourceVersion") and recorded["kind"] == "Lease":
            self._known[f'"{old["resourceVersion"]}"'] = f'"{new["resourceVersion"]}"'
        status = actual.get("status")
        if isinstance(status, dict) and status.get("token"):
            self._sa_token = status["token"]


@pytest.mark.parametrize("scenario", ["errors", "server_side_apply", "leases_and_access"])
async def test_recorded_requests_get_the_recorded_answers(scenario: str) -> None:
    async with served() as kube:
        kube.cluster.create_namespace(scenario.replace("_", "-"))
        replay = Replay(kube)
        seen = 0
        for row in requests_of(scenario):
            status, body = await replay.send(row)
            where = f"{row['method']} {row['path']} (line at {row['t']} s): {json.dumps(body)[:2000]}"
            assert status == row["status"], where
            recorded = row["response"]
            if status >= 400:
                assert body == recorded, where
            elif isinstance(recorded, dict):
                assert plain(body).keys() == plain(recorded).keys(), where
                assert plain(body.get("metadata")) == plain(recorded.get("metadata")), where
                assert plain(body.get("spec")) == plain(recorded.get("spec")), where
                columns = [(c["name"], c["type"], c["priority"]) for c in recorded.get("columnDefinitions", [])]
                assert columns == [(c["name"], c["type"], c["priority"]) for c in body.get("columnDefinitions", [])]
                assert len(body.get("items", [])) == len(recorded.get("items", [])), where
            if row["path"].partition("?")[0].endswith(("/deployments", "/deployments/admin")) and status < 300:
                await _calm(kube, scenario.replace("_", "-"))
            seen += 1
        assert seen > 5


async def _calm(kube: Kube, namespace: str) -> None:
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    await kube.until(path, lambda found: all(is_rolled_out(d) for d in found["items"]))
