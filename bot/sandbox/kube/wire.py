"""Bodies on the wire: reading JSON or YAML with the API server's complaints, writing JSON, and the log of requests."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
import yaml
from aiohttp import web

from bot.sandbox.kube import protobuf
from bot.sandbox.kube.kinds import Obj
from bot.sandbox.kube.status import ApiError, bad_request, unsupported_media_type

JSON_TYPES = ("application/json", "")
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
YAML_TYPES = ("application/yaml", "application/apply-patch+yaml", "application/x-yaml")


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """One request as the server saw it; `status` is 0 when no answer was sent."""

    method: str
    path: str
    query: str
    body: str
    status: int
    user_agent: str
    content_type: str
    at: datetime


def dumps(value: Any) -> bytes:
    try:
        return orjson.dumps(value) + b"\n"
    except TypeError:  # what only Python can hold: a number beyond 64 bits, half a surrogate pair
        return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def _loads(text: str) -> Any:
    parsed = json.loads(text, parse_constant=_no_constant)
    return _whole_characters(parsed) if _HALF.search(text) else parsed


def _whole_characters(value: Any) -> Any:
    """The value with U+FFFD for each half of a surrogate pair, as Go's decoder does."""
    match value:
        case str():
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case list():
            return [_whole_characters(item) for item in value]
        case dict():
            return {_whole_characters(key): _whole_characters(item) for key, item in value.items()}
        case _:
            return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def respond(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    content = {"Content-Type": "application/json", "Cache-Control": "no-cache, private", **(headers or {})}
    return web.Response(body=dumps(body), status=status, headers=content)


def respond_encoded(body: bytes) -> web.Response:
    """An answer whose body is JSON already."""
    return web.Response(body=body, headers={"Content-Type": "application/json", "Cache-Control": "no-cache, private"})


def respond_text(text: str, status: int = 200) -> web.Response:
    return web.Response(text=text, status=status, content_type="text/plain")


def content_type(request: web.Request) -> str:
    return request.headers.get("Content-Type", "").partition(";")[0].strip().lower()


def parse_body(raw: bytes, kind: str, media_type: str) -> Any:
    """The parsed body of a write; 415 for what only a real server reads, e.g. protobuf of most kinds."""
    if media_type == protobuf.MEDIA_TYPE:
        return _parse_protobuf(raw)
    if media_type not in JSON_TYPES and media_type not in YAML_TYPES:
        raise _unknown_format()
    text = _text(raw)
    try:
        return _loads(text)
    except ValueError as error:
        if media_type in YAML_TYPES:
            return _parse_yaml(text)
        told = go_complaint(text, error)
        raise bad_request(
            f"the object provided is unrecognized (must be of type {kind}): couldn't get version/kind; "
            f"json parse error: {told} ({text[:32]}{' ...' if len(text) > 32 else ''})"
        ) from error
    except RecursionError as error:
        raise bad_request("json: exceeded max depth") from error


def _unknown_format() -> ApiError:
    error = unsupported_media_type()
    accepted = "application/json, application/yaml"
    error.message = f"the body of the request was in an unknown format - accepted media types include: {accepted}"
    return error


def _parse_protobuf(raw: bytes) -> Obj:
    try:
        return protobuf.decode(raw)
    except protobuf.NotKnown as error:
        refusal = _unknown_format()
        refusal.message += f" ({error})"
        raise refusal from error


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise bad_request("json: invalid UTF-8 in body") from error


def _parse_yaml(text: str) -> Any:
    try:
        parsed = yaml.safe_load(text)
        json.dumps(parsed)
        if _HALF.search(text):
            parsed = _whole_characters(parsed)
    except (yaml.YAMLError, TypeError, ValueError, RecursionError) as error:
        raise bad_request(f"error decoding YAML: {error}") from error
    return parsed


def go_complaint(text: str, error: ValueError) -> str:
    """What Go's JSON decoder would have said."""
    at = getattr(error, "pos", 0)
    rest = text[at:].lstrip()
    if not rest:
        return "unexpected end of JSON input"
    shown = rest[0] if rest[0].isprintable() else f"\\u{ord(rest[0]):04x}"
    if "property name" in str(error):
        return f"invalid character '{shown}' looking for beginning of object key string"
    if "delimiter" in str(error):
        return f"invalid character '{shown}' after object key:value pair"
    return f"invalid character '{shown}' looking for beginning of value"


def parse_object(raw: bytes, kind: str, media_type: str) -> Obj:
    body = parse_body(raw, kind, media_type)
    if not isinstance(body, dict):
        raise bad_request(
            f"the object provided is unrecognized (must be of type {kind}): couldn't get version/kind; "
            "json parse error: json: cannot unmarshal into Go value of type struct"
        )
    metadata = body.get("metadata")
    if metadata is not None and not isinstance(metadata, dict):
        raise bad_request(
            f'{kind} in version "v1" cannot be handled as a {kind}: json: cannot unmarshal into Go struct field '
            f"{kind}.metadata of type v1.ObjectMeta"
        )
    return body


def parse_patch(raw: bytes) -> Any:
    text = _text(raw)
    try:
        return _loads(text)
    except (ValueError, RecursionError) as error:
        told = go_complaint(text, error) if isinstance(error, ValueError) else "exceeded max depth"
        raise bad_request(f"error decoding patch: {told}") from error


def number(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name, "")
    if not text:
        return None
    if not text.lstrip("-").isdigit():
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    return int(text)


def version_number(text: str) -> int:
    """A resourceVersion given by a client."""
    if not text.isascii() or not text.isdigit():
        # The recorded answer: no reason, code 500.
        raise ApiError(
            500, None, f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
        )
    return int(text)


def is_true(query: Mapping[str, str], name: str) -> bool:
    return query.get(name, "").lower() in ("1", "true", "t")
