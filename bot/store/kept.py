"""Kept objects: what stands as JSON in a row's body, and how it is read by a program of another version.

Called by the files of this package whose rows have a body.
"""

from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import UTC, datetime
from typing import Any

from bot.domain.canary.judgement import Finding, GraphPoint, Verdict
from bot.domain.canary.scheme import CanaryCourse, CanaryScheme, Driver
from bot.domain.manifests.overlay import CommitNote, FieldConflict, ObjectChange, OverlayPlan, Verb
from bot.domain.promotion import Drift, Promotion

_COURSE_MOMENTS = ("reached_at", "judged_at", "reminded_at")


def known(kind: type[Any], kept: Mapping[str, Any]) -> dict[str, Any]:
    """What this program knows of a kept object: another version may have had more fields, and a rollback must start."""
    return {field.name: kept[field.name] for field in fields(kind) if field.name in kept}


def seconds(moment: datetime | None) -> float | None:
    """A moment as it is kept: seconds since 1970."""
    return None if moment is None else moment.timestamp()


def moment(seconds: float | None) -> datetime | None:
    """A kept moment, aware, UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def plain(value: Any) -> Any:
    """A kept object's `asdict` with its moments as seconds, however deep they lie."""
    match value:
        case datetime():
            return value.timestamp()
        case dict():
            return {name: plain(part) for name, part in value.items()}
        case list() | tuple():
            return [plain(part) for part in value]
        case _:
            return value


def course_kept(course: CanaryCourse) -> dict[str, Any]:
    """How far a canary has come, as it is kept."""
    kept = asdict(course) | {name: seconds(getattr(course, name)) for name in _COURSE_MOMENTS}
    return kept | {"graph": [(seconds(point.at), point.new, point.old) for point in course.graph]}


def course_read(kept: Mapping[str, Any]) -> CanaryCourse:
    """The opposite of `course_kept`."""
    read = known(CanaryCourse, kept)
    for name in _COURSE_MOMENTS:
        if name in read:
            read[name] = moment(read[name])
    read["findings"] = tuple(
        Finding(**(known(Finding, each) | {"verdict": Verdict(each["verdict"])})) for each in read.get("findings", ())
    )
    read["graph"] = tuple(
        GraphPoint(at, new, old) for second, new, old in read.get("graph", ()) if (at := moment(second)) is not None
    )
    read["verdict"] = Verdict(read.get("verdict", Verdict.UNCLEAR))
    return CanaryCourse(**read)


def scheme_read(kept: Mapping[str, Any]) -> CanaryScheme:
    """A canary's scheme, from `asdict` of it."""
    read = known(CanaryScheme, kept)
    return CanaryScheme(**(read | {"driver": Driver(read["driver"]), "steps": tuple(read["steps"])}))


def overlay_read(kept: Mapping[str, Any]) -> OverlayPlan:
    """An overlay's part of a plan, from `asdict` of it."""
    read = known(OverlayPlan, kept)
    changes = tuple(_change_read(each) for each in read["changes"])
    commits = tuple(CommitNote(**known(CommitNote, each)) for each in read.get("commits", ()))
    commit = CommitNote(**known(CommitNote, read["commit"]))
    return OverlayPlan(**(read | {"commit": commit, "changes": changes, "commits": commits}))


def promotion_read(kept: Mapping[str, Any]) -> Promotion:
    """Where a version was taken over from, from `asdict` of it."""
    read = known(Promotion, kept)
    drift = tuple(
        Drift(**(known(Drift, each) | {"lines": tuple(each.get("lines", ()))})) for each in read.get("drift", ())
    )
    return Promotion(**(read | {"drift": drift}))


def _change_read(kept: Mapping[str, Any]) -> ObjectChange:
    read = known(ObjectChange, kept)
    conflicts = tuple(FieldConflict(**known(FieldConflict, each)) for each in read.get("conflicts", ()))
    lines = tuple(read.get("lines", ()))
    return ObjectChange(**(read | {"verb": Verb(read["verb"]), "lines": lines, "conflicts": conflicts}))
