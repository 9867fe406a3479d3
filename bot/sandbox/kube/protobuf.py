"""Bodies in Kubernetes' protobuf: what `kubectl auth can-i` and `kubectl create` send, made plain objects. Pure.

Called by `wire`. Only the kinds that kubectl writes in no other way are known here, with the fields such a body has;
anything else is refused with a 415 that says so, never half understood. Field numbers are those of the API's
generated.proto files. Answers are JSON, which these clients accept too.
"""

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from bot.sandbox.kube.kinds import Obj

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
MAGIC = b"k8s\x00"


class NotKnown(Exception):
    """A body whose kind or field is not known here."""


# Messages by name: field number to "name kind". Kinds: str, num, bool, time, quantity, intstr, base64 or another
# message; `[kind` is a list, `{kind` a map from str. What is empty or zero is dropped, as Go's omitempty does, but
# where `?` follows the kind: such fields are pointers in Go, and present on purpose.
_META = ("1 name str, 2 generateName str, 3 namespace str, 5 uid str, 6 resourceVersion str, 7 generation num, "
         "8 creationTimestamp time, 11 labels {str, 12 annotations {str, 13 ownerReferences [Owner, "
         "14 finalizers [str")  # fmt: skip
_DECLARED = {
    "Unknown": "1 typeMeta Type, 2 raw bytes, 3 contentEncoding str, 4 contentType str",
    "Type": "1 apiVersion str, 2 kind str",
    "Meta": _META,
    "Owner": "1 kind str, 3 name str, 4 uid str, 5 apiVersion str, 6 controller bool?, 7 blockOwnerDeletion bool?",
    "Empty": "",
    "Namespace": "1 metadata Meta, 2 spec Empty, 3 status skip",
    "Secret": "1 metadata Meta, 2 data {base64, 3 type str, 4 stringData {str, 5 immutable bool?",
    "ServiceAccount": "1 metadata Meta, 3 imagePullSecrets [Reference, 4 automountServiceAccountToken bool?",
    "TokenRequest": "1 metadata Meta, 2 spec TokenSpec, 3 status skip",
    "TokenSpec": "1 audiences [str, 4 expirationSeconds num?",
    "ConfigMap": "1 metadata Meta, 2 data {str, 4 immutable bool?",
    "SelfSubjectAccessReview": "1 metadata Meta, 2 spec AccessSpec, 3 status skip",
    "AccessSpec": "1 resourceAttributes ResourceAttributes?, 2 nonResourceAttributes PathAttributes?",
    "ResourceAttributes": "1 namespace str, 2 verb str, 3 group str, 4 version str, 5 resource str, "
                          "6 subresource str, 7 name str",
    "PathAttributes": "1 path str, 2 verb str",
    "SelfSubjectRulesReview": "1 metadata Meta, 2 spec RulesSpec, 3 status skip",
    "RulesSpec": "1 namespace str",
    "Deployment": "1 metadata Meta, 2 spec DeploymentSpec, 3 status skip",
    "DeploymentSpec": "1 replicas num?, 2 selector Selector, 3 template Template, 4 strategy Strategy, "
                      "5 minReadySeconds num, 6 revisionHistoryLimit num?, 7 paused bool, "
                      "9 progressDeadlineSeconds num?",
    "Selector": "1 matchLabels {str, 2 matchExpressions [Expression",
    "Expression": "1 key str, 2 operator str, 3 values [str",
    "Strategy": "1 type str, 2 rollingUpdate Rolling",
    "Rolling": "1 maxUnavailable intstr, 2 maxSurge intstr",
    "Job": "1 metadata Meta, 2 spec JobSpec, 3 status skip",
    "JobSpec": "1 parallelism num?, 2 completions num?, 3 activeDeadlineSeconds num?, 4 selector Selector, "
               "5 manualSelector bool?, 6 template Template, 7 backoffLimit num?, 8 ttlSecondsAfterFinished num?, "
               "9 completionMode str, 10 suspend bool?, 12 backoffLimitPerIndex num?, 13 maxFailedIndexes num?, "
               "14 podReplacementPolicy str, 15 managedBy str",
    "Template": "1 metadata Meta, 2 spec PodSpec",
    "PodSpec": "1 volumes [Volume, 2 containers [Container, 3 restartPolicy str, 4 terminationGracePeriodSeconds num?, "
               "5 activeDeadlineSeconds num?, 6 dnsPolicy str, 7 nodeSelector {str, 8 serviceAccountName str, "
               "9 serviceAccount str, 10 nodeName str, 11 hostNetwork bool, 12 hostPID bool, 13 hostIPC bool, "
               "14 securityContext PodSecurity?, 15 imagePullSecrets [Reference, 16 hostname str, 17 subdomain str, "
               "19 schedulerName str, 20 initContainers [Container, 21 automountServiceAccountToken bool?, "
               "22 tolerations [Toleration, 24 priorityClassName str, 25 priority num?, 30 enableServiceLinks bool?, "
               "31 preemptionPolicy str",
    "PodSecurity": "2 runAsUser num?, 3 runAsNonRoot bool?, 4 supplementalGroups [num, 5 fsGroup num?, "
                   "6 runAsGroup num?",
    "Reference": "1 name str",
    "Toleration": "1 key str, 2 operator str, 3 value str, 4 effect str, 5 tolerationSeconds num?",
    "Volume": "1 name str, 2 source VolumeSource",
    "VolumeSource": "2 emptyDir EmptyDir?, 6 secret SecretVolume, 19 configMap MapVolume",
    "EmptyDir": "1 medium str, 2 sizeLimit quantity",
    "SecretVolume": "1 secretName str, 3 defaultMode num?, 4 optional bool?",
    "MapVolume": "1 reference Reference, 3 defaultMode num?, 4 optional bool?",
    "Container": "1 name str, 2 image str, 3 command [str, 4 args [str, 5 workingDir str, 6 ports [Port, 7 env [Env, "
                 "8 resources Resources, 9 volumeMounts [Mount, 13 terminationMessagePath str, 14 imagePullPolicy str, "
                 "16 stdin bool, 17 stdinOnce bool, 18 tty bool, 19 envFrom [EnvFrom, "
                 "20 terminationMessagePolicy str, 24 restartPolicy str",
    "Port": "1 name str, 2 hostPort num, 3 containerPort num, 4 protocol str, 5 hostIP str",
    "Env": "1 name str, 2 value str, 3 valueFrom EnvSource",
    "EnvSource": "1 fieldRef FieldRef, 3 configMapKeyRef KeyRef, 4 secretKeyRef KeyRef",
    "FieldRef": "1 apiVersion str, 2 fieldPath str",
    "KeyRef": "1 reference Reference, 2 key str, 3 optional bool?",
    "EnvFrom": "1 prefix str, 2 configMapRef FromRef, 3 secretRef FromRef",
    "FromRef": "1 reference Reference, 2 optional bool?",
    "Resources": "1 limits {quantity, 2 requests {quantity",
    "Mount": "1 name str, 2 readOnly bool, 3 mountPath str, 4 subPath str",
    "Role": "1 metadata Meta, 2 rules [Rule",
    "ClusterRole": "1 metadata Meta, 2 rules [Rule, 3 aggregationRule Aggregation",
    "Rule": "1 verbs [str, 2 apiGroups [str, 3 resources [str, 4 resourceNames [str, 5 nonResourceURLs [str",
    "Aggregation": "1 clusterRoleSelectors [Selector",
    "RoleBinding": "1 metadata Meta, 2 subjects [Subject, 3 roleRef RoleRef",
    "ClusterRoleBinding": "1 metadata Meta, 2 subjects [Subject, 3 roleRef RoleRef",
    "Subject": "1 kind str, 2 apiGroup str, 3 name str, 4 namespace str",
    "RoleRef": "1 apiGroup str, 2 kind str, 3 name str",
    "PodDisruptionBudget": "1 metadata Meta, 2 spec BudgetSpec, 3 status skip",
    "BudgetSpec": "1 minAvailable intstr?, 2 selector Selector, 3 maxUnavailable intstr?, "
                  "4 unhealthyPodEvictionPolicy str",
    "Eviction": "1 metadata Meta, 2 deleteOptions DeleteOptions",
    "DeleteOptions": "1 gracePeriodSeconds num?, 2 preconditions Preconditions, 3 orphanDependents bool?, "
                     "4 propagationPolicy str, 5 dryRun [str",
    "Preconditions": "1 uid str, 2 resourceVersion str",
}  # fmt: skip
_MESSAGES: dict[str, dict[int, tuple[str, str]]] = {
    message: {int(number): (name, kind) for number, name, kind in (part.split() for part in told.split(", ") if part)}
    for message, told in _DECLARED.items()
}
_EMBEDDED = frozenset({"reference", "source"})  # messages whose fields stand beside those of the message around them
_KINDS = frozenset({
    "Namespace", "ConfigMap", "SelfSubjectAccessReview", "SelfSubjectRulesReview", "Deployment", "Job",
    "Secret", "ServiceAccount", "TokenRequest", "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding",
    "PodDisruptionBudget", "Eviction", "DeleteOptions",
})  # fmt: skip


def decode(raw: bytes) -> Obj:
    """The object in a body; NotKnown when it can't be understood whole."""
    if not raw.startswith(MAGIC):
        raise NotKnown("it does not begin as Kubernetes' protobuf does")
    try:
        envelope = _message("Unknown", raw[len(MAGIC) :])
        head = envelope.get("typeMeta", {})
        kind = head.get("kind", "")
        if kind not in _KINDS:
            raise NotKnown(f"{kind or 'a body without kind'} is not read in protobuf here")
        body = _message(kind, envelope.get("raw", b""))
    except (IndexError, ValueError, OverflowError, RecursionError) as error:
        raise NotKnown(f"it breaks off or is spoiled: {error}") from error
    return {"kind": kind, "apiVersion": head.get("apiVersion", ""), **body}


def _message(name: str, raw: bytes) -> Obj:
    declared = _MESSAGES[name]
    found: Obj = {}
    for number, wire, value in _fields(raw):
        if number not in declared:
            if value in (b"", 0):
                continue
            raise NotKnown(f"field {number} of {name} is not read in protobuf here")
        field, kind = declared[number]
        if kind == "skip":  # a status, which no server takes from a client
            continue
        if kind.startswith("["):
            found.setdefault(field, []).append(_value(kind[1:], wire, value))
        elif kind.startswith("{"):
            pair = {at: item for at, _, item in _fields(_bytes(wire, value))}
            key = _bytes(2, pair.get(1, b"")).decode()
            found.setdefault(field, {})[key] = _value(kind[1:], 2, pair.get(2, b""))
        else:
            seen = _value(kind.removesuffix("?"), wire, value)
            if field in _EMBEDDED:
                found |= seen
            elif kind.endswith("?") or seen not in ("", 0, False, None, {}):
                found[field] = seen
    return found


def _value(kind: str, wire: int, value: int | bytes) -> Any:
    match kind:
        case "num":
            number = value if isinstance(value, int) else _no(kind)
            return number - 2**64 if number >= 2**63 else number
        case "bool":
            return bool(value if isinstance(value, int) else _no(kind))
        case "str":
            return _bytes(wire, value).decode()
        case "base64":
            return base64.b64encode(_bytes(wire, value)).decode()
        case "bytes":
            return _bytes(wire, value)
        case "time":
            parts = {at: item for at, _, item in _fields(_bytes(wire, value))}
            seconds = parts.get(1, 0)
            told = datetime.fromtimestamp(seconds if isinstance(seconds, int) else _no(kind), UTC)
            return told.strftime("%Y-%m-%dT%H:%M:%SZ") if seconds else None
        case "quantity":
            return "".join(_bytes(w, item).decode() for _, w, item in _fields(_bytes(wire, value)))
        case "intstr":
            parts = {at: item for at, _, item in _fields(_bytes(wire, value))}
            return _bytes(2, parts.get(3, b"")).decode() if parts.get(1) else parts.get(2, 0)
        case _:
            return _message(kind, _bytes(wire, value))


def _bytes(wire: int, value: int | bytes) -> bytes:
    if wire != 2 or not isinstance(value, bytes):
        raise ValueError("a number where there should be bytes")
    return value


def _no(kind: str) -> int:
    raise ValueError(f"bytes where there should be a {kind}")


def _fields(raw: bytes) -> Iterator[tuple[int, int, int | bytes]]:
    """Number, wire type and value of each field."""
    at = 0
    while at < len(raw):
        tag, at = _varint(raw, at)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, at = _varint(raw, at)
            yield number, wire, value
        elif wire == 2:
            length, at = _varint(raw, at)
            if at + length > len(raw):
                raise ValueError("a field is longer than its message")
            yield number, wire, raw[at : at + length]
            at += length
        else:
            raise ValueError(f"wire type {wire}")


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = raw[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("a number of more than 64 bits")
