"""What a failed pod means for its Job: podFailurePolicy and backoffLimit. Pure; called by the Job controller."""

from bot.sandbox.kube.kinds import Obj

Failure = tuple[str, str]  # reason and message of the Job's Failed condition


def sort_failed(job: Obj, failed: list[Obj]) -> tuple[list[Obj], list[Obj], Failure | None]:
    """Failed pods that count, those that a rule ignores, and why the Job fails at once, if a rule says so."""
    rules = (job["spec"].get("podFailurePolicy") or {}).get("rules") or []
    counted: list[Obj] = []
    ignored: list[Obj] = []
    fatal: Failure | None = None
    for pod in failed:
        action, told = _verdict(rules, pod)
        if action == "FailJob" and fatal is None:
            fatal = ("PodFailurePolicy", told)
        (ignored if action == "Ignore" else counted).append(pod)
    return counted, ignored, fatal


def is_past_limit(job: Obj, failed: list[Obj], active: list[Obj]) -> bool:
    """Whether the Job has been tried often enough: failed pods, or restarts where pods restart in place."""
    limit = int(job["spec"].get("backoffLimit", 6))
    if len(failed) > limit:
        return True
    if job["spec"]["template"]["spec"].get("restartPolicy") != "OnFailure":
        return False
    statuses = [c for pod in active for c in pod["status"].get("containerStatuses") or []]
    restarts = sum(int(c.get("restartCount") or 0) for c in statuses)
    return restarts > 0 if limit == 0 else restarts >= limit


def _verdict(rules: list[Obj], pod: Obj) -> tuple[str, str]:
    """The action of the first rule that matches a pod, and its description; `Count` when none does."""
    name = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
    for index, rule in enumerate(rules):
        action = rule["action"]
        if rule.get("onExitCodes"):
            found = _exit(rule["onExitCodes"], pod)
            if found is not None:
                container, code = found
                told = f"Container {container} for pod {name} failed with exit code {code} matching {action} rule"
                return action, f"{told} at index {index}"
            continue
        for pattern in rule.get("onPodConditions") or []:
            for held in pod["status"].get("conditions") or []:
                if held["type"] == pattern["type"] and held["status"] == pattern.get("status", "True"):
                    return action, f"Pod {name} has condition {held['type']} matching {action} rule at index {index}"
    return "Count", ""


def _exit(wanted: Obj, pod: Obj) -> tuple[str, int] | None:
    """The first failed container whose exit code is as wanted."""
    for status in pod["status"].get("containerStatuses") or []:
        ended = (status.get("state") or {}).get("terminated") or {}
        code = int(ended.get("exitCode") or 0)
        if not code or wanted.get("containerName") not in (None, "", status["name"]):
            continue
        if (code in wanted["values"]) == (wanted["operator"] == "In"):
            return str(status["name"]), code
    return None
