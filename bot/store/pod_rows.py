"""Rows of marks and stories, to and from the nouns of bot.domain.pods. Used by bot.store.pods only."""

from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import datetime
from typing import Any, TypeAlias

from bot.domain.pods import Cause, NearAlert, NearRelease, Recovery, Story, Subject, SubjectKind
from bot.domain.pods.cases import Case, Family, Hurt
from bot.domain.pods.falls import Mark
from bot.store.tables import pod_stories

AnyRow: TypeAlias = Any
"""SQLAlchemy's Row has a type argument per column."""
_STORY_MOMENTS = ("opened_at", "last_fall_at", "healed_at", "closed_at", "silenced_until")


def body_of(mark: Mark) -> dict[str, Any]:
    """A mark as JSON."""
    return {
        "deaths": dict(mark.deaths),
        "ended": dict(mark.ended),
        "put_out": mark.put_out,
        "stuck": sorted(mark.stuck),
    }


def mark_from(uid: str, body: Mapping[str, Any]) -> Mark:
    """The mark of a pod."""
    return Mark(uid, body["deaths"], body["ended"], body["put_out"], frozenset(body["stuck"]))


STORY_COLUMNS = (
    *(pod_stories.c.id, pod_stories.c.environment, pod_stories.c.subject, pod_stories.c.cause),
    *(pod_stories.c.opened_at, pod_stories.c.last_fall_at, pod_stories.c.closed_at, pod_stories.c.body),
)
_PLAIN = tuple(
    each.name
    for each in fields(Story)
    if each.name
    not in (*("id", "environment", "subject", "cause", "release", "mended_by", "alert", "recovery"), *_STORY_MOMENTS)
)
"""Fields of a story that JSON keeps as they are; tuples become lists."""


def columns_of(case: Case) -> dict[str, Any]:
    """The row of a story and its memory."""
    story = case.story
    told: dict[str, Any] = {name: getattr(story, name) for name in _PLAIN}
    told |= {"healed_at": _written(story.healed_at), "silenced_until": _written(story.silenced_until)}
    told["recovery"] = story.recovery
    told |= {"release": _release(story.release), "mended_by": _release(story.mended_by)}
    if story.alert is not None:
        told["alert"] = {each.name: getattr(story.alert, each.name) for each in fields(NearAlert)}
    hurt = {
        uid: [
            each.pod,
            each.node,
            each.container,
            each.revision,
            each.family,
            _written(each.at),
            _written(each.ready_at),
        ]
        for uid, each in case.hurt.items()
    }
    memory = {each.name: getattr(case, each.name) for each in fields(Case) if each.name not in ("story", "hurt")}
    return {
        "id": story.id,
        "environment": story.environment,
        "subject": str(story.subject),
        "cause": story.cause,
        "opened_at": story.opened_at,
        "last_fall_at": story.last_fall_at,
        "closed_at": story.closed_at,
        "body": {"story": told, "hurt": hurt, **memory},
    }


def case_from(row: AnyRow) -> Case:
    """A row of STORY_COLUMNS."""
    story_id, environment, subject, cause, opened_at, last_fall_at, closed_at, body = tuple[Any, ...](row)
    told = body["story"]
    known = {name: told[name] for name in _PLAIN if name in told}  # a row of an older program lacks newer fields
    known |= {name: tuple(known[name]) for name in ("also", "pod_names", "log_tail") if name in known}
    alert = told.get("alert")
    story = Story(
        id=story_id,
        environment=environment,
        subject=subject_from(subject),
        cause=Cause(cause),
        opened_at=opened_at,
        last_fall_at=last_fall_at,
        closed_at=closed_at,
        healed_at=_read(told.get("healed_at")),
        silenced_until=_read(told.get("silenced_until")),
        recovery=Recovery(told["recovery"]) if told.get("recovery") else None,
        release=_release_from(told.get("release")),
        mended_by=_release_from(told.get("mended_by")),
        alert=NearAlert(**alert) if alert else None,
        **known,
    )
    hurt = {
        uid: Hurt(pod, node, container, revision, Family(family), datetime.fromisoformat(at), _read(ready_at))
        for uid, (pod, node, container, revision, family, at, ready_at) in body["hurt"].items()
    }
    names = [each.name for each in fields(Case) if each.name not in ("story", "hurt")]
    return replace(Case(story, hurt), **{name: body[name] for name in names if name in body})


def _release(near: NearRelease | None) -> dict[str, Any] | None:
    if near is None:
        return None
    return {each.name: getattr(near, each.name) for each in fields(NearRelease)} | {"at": _written(near.at)}


def _release_from(told: Mapping[str, Any] | None) -> NearRelease | None:
    return NearRelease(**(dict(told) | {"at": datetime.fromisoformat(told["at"])})) if told else None


def subject_from(written: str) -> Subject:
    """As `str` writes it."""
    kind, namespace, name = written.split("/", 2)
    return Subject(SubjectKind(kind), namespace, name)


def _written(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _read(written: str | None) -> datetime | None:
    return datetime.fromisoformat(written) if written else None
