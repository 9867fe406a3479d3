"""Refusals of the API server, in the words and shapes of a real one. Raised anywhere below the HTTP door, which turns
them into `Status` bodies; nothing else answers a client with an error.
"""

import json
from dataclasses import dataclass
from typing import Any

from bot.sandbox.kube.kinds import Obj, Resource


class ApiError(Exception):
    """A request that is answered with a `Status` of the given code."""

    def __init__(self, code: int, reason: str | None, message: str, details: Obj | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details
        self.headers: dict[str, str] = {}

    def status(self) -> Obj:
        body: Obj = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": self.message}
        if self.reason is not None:
            body["reason"] = self.reason
        if self.details is not None:
            body["details"] = self.details
        body["code"] = self.code
        return body


@dataclass(frozen=True, slots=True)
class Cause:
    """One invalid field of an object."""

    field: str
    message: str
    reason: str = "FieldValueInvalid"

    @classmethod
    def invalid(cls, field: str, value: Any, message: str) -> "Cause":
        shown = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
        return cls(field, f"Invalid value: {shown}: {message}")

    @classmethod
    def required(cls, field: str, message: str = "") -> "Cause":
        return cls(field, f"Required value: {message}" if message else "Required value", "FieldValueRequired")

    @classmethod
    def unsupported(cls, field: str, value: Any, *allowed: str) -> "Cause":
        choices = ", ".join(json.dumps(a) for a in allowed)
        return cls(
            field, f"Unsupported value: {json.dumps(value)}: supported values: {choices}", "FieldValueNotSupported"
        )


def _details(resource: Resource, name: str | None = None) -> Obj:
    details: Obj = {}
    if name:
        details["name"] = name
    if resource.group:
        details["group"] = resource.group
    details["kind"] = resource.plural
    return details


def not_found(resource: Resource, name: str) -> ApiError:
    return ApiError(404, "NotFound", f'{resource.full_name} "{name}" not found', _details(resource, name))


def already_exists(resource: Resource, name: str) -> ApiError:
    return ApiError(409, "AlreadyExists", f'{resource.full_name} "{name}" already exists', _details(resource, name))


def conflict(resource: Resource, name: str, why: str = "") -> ApiError:
    why = why or "the object has been modified; please apply your changes to the latest version and try again"
    message = f'Operation cannot be fulfilled on {resource.full_name} "{name}": {why}'
    return ApiError(409, "Conflict", message, _details(resource, name))


def invalid(resource: Resource, name: str, causes: list[Cause]) -> ApiError:
    told = [f"{cause.field}: {cause.message}" for cause in causes]
    text = told[0] if len(told) == 1 else f"[{', '.join(told)}]"
    details: Obj = {"name": name}
    if resource.group:
        details["group"] = resource.group
    details["kind"] = resource.kind
    details["causes"] = [{"reason": c.reason, "message": c.message, "field": c.field} for c in causes]
    return ApiError(422, "Invalid", f'{resource.full_kind} "{name}" is invalid: {text}', details)


def bad_request(message: str) -> ApiError:
    return ApiError(400, "BadRequest", message)


def unauthorized() -> ApiError:
    return ApiError(401, "Unauthorized", "Unauthorized")


def forbidden(resource: Resource, name: str | None, why: str) -> ApiError:
    named = f'{resource.full_name} "{name}"' if name else resource.full_name
    return ApiError(403, "Forbidden", f"{named} is forbidden: {why}", _details(resource, name))


def unsupported_media_type() -> ApiError:
    return ApiError(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})


def unknown_format() -> ApiError:
    """The 415 for a patch type that custom resources do not know."""
    told = (
        "the body of the request was in an unknown format - accepted media types include: "
        "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml, "
        "application/apply-patch+cbor"
    )
    return ApiError(415, "UnsupportedMediaType", told, {})


def method_not_allowed() -> ApiError:
    return ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {})


def no_such_path() -> ApiError:
    return ApiError(404, "NotFound", "the server could not find the requested resource", {})


def expired(wanted: int, oldest: int) -> ApiError:
    return ApiError(410, "Expired", f"too old resource version: {wanted} ({oldest})")


def expired_continue() -> ApiError:
    return ApiError(
        410,
        "Expired",
        "The provided continue parameter is too old to display a consistent list result. You can start a new list "
        "without the continue parameter.",
    )


def success(resource: Resource, name: str, uid: str) -> Obj:
    """The body of a DELETE whose object is gone."""
    return {
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
        "details": {**_details(resource, name), "uid": uid},
    }  # fmt: skip
