"""Recordings as rows: the requests of a scenario and what its watches saw, in the order of their times."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Json = dict[str, Any]
FOLDER = Path(__file__).parents[2] / "recordings" / "kubernetes"


@dataclass(frozen=True, slots=True)
class Request:
    """One request with its answer; `answer` is parsed JSON or text."""

    at_s: float
    method: str
    path: str
    content_type: str
    accept: str
    body: Any
    status: int
    answer: Any
    answer_type: str

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Sighting:
    """One event of a watch. `change` is empty where the server answered the watch with a Status instead."""

    at_s: float
    stream: str
    change: str
    obj: Json

    @property
    def version(self) -> int:
        """Position in the history of the whole cluster; 0 for what has none."""
        return int(self.obj.get("metadata", {}).get("resourceVersion") or 0)


def sighting(at_s: float, stream: str, event: Json) -> Sighting:
    """A line of a watch as a sighting."""
    return Sighting(at_s, stream, event.get("type", ""), event.get("object", event))


def read(scenario: str) -> list[Request | Sighting]:
    rows: list[Request | Sighting] = []
    for line in (FOLDER / f"{scenario}.jsonl").read_text().splitlines():
        row = json.loads(line)
        if row["kind"] == "watch":
            rows.append(sighting(row["t"], row["stream"], row["event"]))
            continue
        headers = row["headers"]
        rows.append(
            Request(
                row["t"], row["method"], row["path"], headers["Content-Type"], headers["Accept"], row["body"],
                row["status"], row["response"], row["response_headers"]["Content-Type"],
            )
        )  # fmt: skip
    return rows
