"""Writes over HTTP: reads options and bodies, calls registry, deletion or a subresource. Called by the door."""

import copy
import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from aiohttp import web

from bot.sandbox.kube import merge, reviews
from bot.sandbox.kube.access import Access
from bot.sandbox.kube.clock import stamp
from bot.sandbox.kube.deletion import delete as begin_delete
from bot.sandbox.kube.evictions import evict
from bot.sandbox.kube.kinds import ACCESS_REVIEWS, NAMESPACES, PODS, SELF_ACCESS_REVIEWS, SELF_RULES_REVIEWS, Obj
from bot.sandbox.kube.lists import matcher
from bot.sandbox.kube.managed import sign
from bot.sandbox.kube.paths import Target
from bot.sandbox.kube.policies import RBAC_GROUP
from bot.sandbox.kube.rbac import MASTERS, User
from bot.sandbox.kube.registry import Registry, WriteOptions
from bot.sandbox.kube.status import (
    ApiError,
    bad_request,
    method_not_allowed,
    success,
    unknown_format,
    unsupported_media_type,
)
from bot.sandbox.kube.subresources import put_scale
from bot.sandbox.kube.wire import YAML_TYPES, content_type, is_true, parse_object, parse_patch, respond

APPLY = "application/apply-patch+yaml"
STRATEGIC = "application/strategic-merge-patch+json"
REVIEWS = (SELF_ACCESS_REVIEWS, SELF_RULES_REVIEWS, ACCESS_REVIEWS)


class Writes:
    """The write side of one cluster's API."""

    def __init__(self, registry: Registry, access: Access) -> None:
        self.registry = registry
        self._access = access

    def create(self, request: web.Request, target: Target, user: User, raw: bytes) -> web.Response:
        body = parse_object(raw, _kind(target), content_type(request))
        options = _options(request, target)
        if target.resource in REVIEWS:
            told = reviews.answer(self._access, target.resource, user, body)
            return respond(self._signed(told, body, options.manager, ""), 201)
        match target.subresource:
            case "eviction":
                evicted = evict(self.registry, target.namespace, target.name, body, options.dry_run)
                return respond(evicted, 201)
            case "token":
                issued = self._access.issue(target.namespace, target.name, body)
                return respond(self._signed(issued, body, options.manager, "token"), 201)
            case "":
                if target.resource.namespaced and not target.namespace:
                    raise method_not_allowed()
                created = self._checked(
                    user, target, options, lambda o: self.registry.create(
                        target.resource, target.namespace, copy.deepcopy(body), o)
                )  # fmt: skip
                return respond(created, 201, _warnings(options))
            case _:
                raise method_not_allowed()

    def _signed(self, answer: Obj, body: Obj, manager: str, subresource: str) -> Obj:
        """An answer that is kept nowhere, telling like any object who sent which of its fields."""
        spec, now = body.get("spec"), stamp(self.registry.clock.now())
        sent = {"spec": spec} if isinstance(spec, dict) else {}
        signature = sign(sent, manager, answer["apiVersion"], now, subresource)
        return {**answer, "metadata": {**answer["metadata"], "managedFields": [signature]}}

    def _checked(self, user: User, target: Target, options: WriteOptions, write: Callable[[WriteOptions], Obj]) -> Obj:
        """Do a write; one of an access rule is tried first, to see whether it gives away what its author lacks."""
        if target.resource.group == RBAC_GROUP and MASTERS not in user.groups:
            tried = write(replace(options, dry_run=True, warnings=[]))
            self._access.roles.check_grant(user, target.resource, tried)
        return write(options)

    def update(self, request: web.Request, target: Target, user: User, raw: bytes) -> web.Response:
        body = parse_object(raw, _kind(target), content_type(request))
        options = _options(request, target)
        if target.subresource == "scale":
            return self._scale(target, lambda _: body, options)
        if target.subresource == "finalize" and target.resource is NAMESPACES:
            return respond(self.registry.read(target.resource, "", target.name))
        if target.subresource not in ("", "status"):
            raise method_not_allowed()
        updated = self._checked(
            user, target, options, lambda o: self.registry.update(
                target.resource, target.namespace, target.name, copy.deepcopy(body), o)
        )  # fmt: skip
        return respond(updated, 200, _warnings(options))

    def patch(self, request: web.Request, target: Target, user: User, raw: bytes) -> web.Response:
        options = _options(request, target)
        media_type = content_type(request)
        if media_type == APPLY:
            return self._apply(request, target, user, raw, options)
        if target.resource.custom and media_type == STRATEGIC:
            raise unknown_format()
        change = _change(media_type, raw)
        if target.subresource == "scale":
            return self._scale(target, change, options)
        if target.subresource not in ("", "status"):
            raise method_not_allowed()
        patched = self._checked(
            user, target, options, lambda o: self.registry.patch(
                target.resource, target.namespace, target.name, change, o)
        )  # fmt: skip
        return respond(patched, 200, _warnings(options))

    def _apply(
        self, request: web.Request, target: Target, user: User, raw: bytes, options: WriteOptions
    ) -> web.Response:
        if not request.query.get("fieldManager"):
            why = "Required value: is required for apply patch"
            message = f'PatchOptions.meta.k8s.io "" is invalid: fieldManager: {why}'
            causes = [{"reason": "FieldValueRequired", "message": why, "field": "fieldManager"}]
            details = {"group": "meta.k8s.io", "kind": "PatchOptions", "causes": causes}
            raise ApiError(422, "Invalid", message, details)
        if target.subresource:
            raise method_not_allowed()
        intent = parse_object(raw, _kind(target), APPLY)
        for name, wanted in (("apiVersion", target.resource.api_version), ("kind", target.resource.kind)):
            if intent.get(name) != wanted:
                raise bad_request(f"invalid object type: {name} is {intent.get(name)!r}, must be {wanted}")
        existed = self.registry.store.get(target.resource, target.namespace, target.name) is not None
        if not existed:
            self._access.authorize(user, "create", target)
        applied = self._checked(
            user, target, options, lambda o: self.registry.apply(
                target.resource, target.namespace, target.name, copy.deepcopy(intent), o)
        )  # fmt: skip
        return respond(applied, 200 if existed else 201, _warnings(options))

    def _scale(self, target: Target, change: Callable[[Obj], Any], options: WriteOptions) -> web.Response:
        obj = self.registry.read(target.resource, target.namespace, target.name)
        return respond(put_scale(self.registry, target.resource, obj, change, options))

    def delete(self, request: web.Request, target: Target, raw: bytes) -> web.Response:
        if "delete" not in target.resource.verbs:
            raise method_not_allowed()
        options = _delete_options(request, raw)
        dry_run = _is_dry(request, options)
        obj, is_gone = begin_delete(self.registry, target.resource, target.namespace, target.name, options, dry_run)
        if is_gone and target.resource is not PODS:
            return respond(success(target.resource, target.name, obj["metadata"]["uid"]))
        return respond(obj)

    def delete_collection(self, request: web.Request, target: Target, raw: bytes) -> web.Response:
        if "deletecollection" not in target.resource.verbs or (target.resource.namespaced and not target.namespace):
            raise method_not_allowed()
        options = _delete_options(request, raw)
        chosen = matcher(target, request.query)
        items = []
        for obj in self.registry.store.all_of(target.resource, target.namespace):
            if chosen(obj):
                name = obj["metadata"]["name"]
                items.append(
                    begin_delete(self.registry, target.resource, target.namespace, name, options,
                                 _is_dry(request, options))[0]
                )  # fmt: skip
        metadata = {"resourceVersion": str(self.registry.store.version)}
        return respond({"kind": f"{target.resource.kind}List", "apiVersion": target.resource.api_version,
                        "metadata": metadata, "items": items})  # fmt: skip


def _kind(target: Target) -> str:
    names = {"scale": "Scale", "eviction": "Eviction", "token": "TokenRequest"}
    return names.get(target.subresource, target.resource.kind)


def _change(media_type: str, raw: bytes) -> Callable[[Obj], Any]:
    """A patch as a function of the object."""
    match media_type:
        case "application/json-patch+json":
            operations = parse_patch(raw)
            return lambda obj: merge.json_patch(obj, operations)
        case "application/merge-patch+json":
            change = _object(parse_patch(raw))
            return lambda obj: merge.merge_patch(obj, change)
        case media if media == STRATEGIC:
            change = _object(parse_patch(raw))
            return functools.partial(_strategic, change)
        case _:
            raise unsupported_media_type()


def _strategic(change: Obj, obj: Obj) -> Any:
    try:
        return merge.strategic_merge(obj, change)
    except (TypeError, AttributeError, ValueError) as error:
        raise bad_request("error when applying strategic merge patch: invalid patch") from error


def _object(patch: Any) -> Obj:
    if not isinstance(patch, dict):
        told = "json: cannot unmarshal array into Go value of type map[string]interface {}"
        raise bad_request(f"error decoding patch: {told}")
    return patch


def _options(request: web.Request, target: Target) -> WriteOptions:
    query = request.query
    validation = query.get("fieldValidation", "") or "Warn"
    if validation not in ("Strict", "Warn", "Ignore"):
        raise bad_request(f'fieldValidation: Unsupported value: "{validation}"')
    agent = request.headers.get("User-Agent", "").partition("/")[0]
    return WriteOptions(
        manager=(query.get("fieldManager") or agent or "unknown")[:128],
        dry_run=_is_dry(request, {}),
        force=is_true(query, "force"),
        field_validation=validation,
        subresource=target.subresource if target.subresource == "status" else "",
    )


def _is_dry(request: web.Request, options: Obj) -> bool:
    asked = request.query.getall("dryRun", []) or options.get("dryRun") or []
    if any(value not in ("All", "") for value in asked):
        raise bad_request(f'dryRun: Unsupported value: "{asked[0]}": supported values: "All"')
    return "All" in asked


def _delete_options(request: web.Request, raw: bytes) -> Obj:
    options: Obj = {}
    media_type = content_type(request)
    if raw.strip():
        if media_type in YAML_TYPES or media_type in ("application/json", ""):
            options = parse_object(raw, "DeleteOptions", media_type)
        else:
            raise unsupported_media_type()
    query = request.query
    if query.get("propagationPolicy"):
        options["propagationPolicy"] = query["propagationPolicy"]
    if query.get("gracePeriodSeconds", "").isdigit():
        options["gracePeriodSeconds"] = int(query["gracePeriodSeconds"])
    return options


def _warnings(options: WriteOptions) -> dict[str, str]:
    if not options.warnings:
        return {}
    told = ", ".join('299 - "' + w.replace('"', '\\"') + '"' for w in options.warnings)
    return {"Warning": told}
