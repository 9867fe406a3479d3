"""The canary card in every phase: fit for Slack, inert, within the limits of its charts and tables."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.cards.canary import canary_card, kept_card, leftover_card, offer_card, reminder_note
from bot.domain.canary.judgement import Finding, GraphPoint, Verdict
from bot.domain.canary.scheme import CanaryCourse, CanaryScheme, Driver
from bot.domain.canary.setting import CanarySetting
from bot.domain.canary.shares import by_pods
from bot.domain.names import UserId
from bot.domain.release import Outcome, Release, ReleaseKind, ReleasePhase
from bot.domain.rollout import PodTrouble
from tests.cards.hostile import CORPUS, must_be_fit_to_send
from tests.domain.release_worlds import NOW, plan, release

SCHEME = CanaryScheme(Driver.PODS, (10, 25, 50), 600, True, kubernetes_service="admin")
MOST_POINTS, LONGEST_LABEL = 20, 20


def judged(text: str = "worse", count: int = 20) -> CanaryCourse:
    """A course with everything that can be drawn; `text` in every place that takes words."""
    findings = tuple(
        Finding(f"{text}{n}"[:60], verdict, 912.5, 211.0, "ms", text) for n, verdict in enumerate([*Verdict] * 8)
    )
    graph = tuple(GraphPoint(NOW + timedelta(seconds=10 * n), 900.0 + n, 210.0) for n in range(count))
    return CanaryCourse(
        index=1,
        asked=25,
        reached_at=NOW,
        achieved=25.0,
        pods="1 of 4 pods",
        looks=3,
        findings=findings,
        graph=graph,
        graph_of=f"p99 {text}"[:70],
        verdict=Verdict.WORSE,
        judged_at=NOW,
        held_by=UserId("U0BOB"),
        reminded_at=NOW,
    )


def shown(course: CanaryCourse, **changes: Any) -> Release:
    return release(plan(kind=ReleaseKind.CANARY, canary=SCHEME), canary=course, **changes)


@pytest.mark.parametrize("text", CORPUS)
@pytest.mark.parametrize("phase", ReleasePhase)
def test_each_hostile_text_is_inert_in_each_phase(phase: ReleasePhase, text: str) -> None:
    for driver in Driver:
        row = release(
            plan(
                kind=ReleaseKind.CANARY,
                canary=replace(SCHEME, driver=driver, carrier=text),
                from_version=text,
                to_version=text + "!",
                origin=text,
            ),
            canary=judged(text),
            phase=phase,
            notice=text,
            outcome=Outcome("worse", text, text),
            troubles=(PodTrouble("crash_loop", text, text, pods=1, pod=text, container=text),) * 3,
        )
        must_be_fit_to_send(canary_card(row, NOW).body())
    must_be_fit_to_send(reminder_note(row).body())
    must_be_fit_to_send(leftover_card(text, text, "Deployment", text, NOW).body())
    must_be_fit_to_send(kept_card(text, text, text, text, text).body())
    setting = CanarySetting(Driver.PODS, "", 4, "admin", (text, text), ())
    must_be_fit_to_send(offer_card(row.plan, setting, [by_pods(4, 10), by_pods(4, 25)], "value").body())


def test_one_chart_and_one_table_with_no_more_than_slack_draws() -> None:
    blocks = canary_card(shown(judged()), NOW).body()["blocks"]
    kinds = [block["type"] for block in blocks]
    assert (kinds.count("table"), kinds.count("data_visualization")) == (1, 1)
    chart = next(block for block in blocks if block["type"] == "data_visualization")["chart"]
    for series in chart["series"]:
        assert len(series["data"]) <= MOST_POINTS
        assert all(len(point["label"]) <= LONGEST_LABEL for point in series["data"])
        assert len(series["name"]) <= LONGEST_LABEL
    assert len({series["name"] for series in chart["series"]}) == 2


def test_versions_that_begin_alike_keep_two_names_in_the_chart() -> None:
    course = judged()
    long = plan(
        kind=ReleaseKind.CANARY,
        canary=SCHEME,
        from_version="2026-11-23-feature-branch-a",
        to_version="2026-11-23-feature-branch-b",
    )
    blocks = canary_card(release(long, canary=course), NOW).body()["blocks"]
    chart = next(block for block in blocks if block["type"] == "data_visualization")["chart"]
    assert len({series["name"] for series in chart["series"]}) == 2


def test_too_few_slices_are_no_chart() -> None:
    blocks = canary_card(shown(judged(count=2)), NOW).body()["blocks"]
    assert "data_visualization" not in [block["type"] for block in blocks]


def test_a_reminder_mentions_the_one_who_asked_and_says_when_it_goes() -> None:
    row = shown(judged(), requested_by=UserId("U0ALICE"))
    text = reminder_note(row).body()["text"]
    assert "<@U0ALICE>" in text
    assert "still waits for a decision, at 25 %" in text
    assert "promote or abort it" in text


@pytest.mark.parametrize(
    ("verdict", "told"),
    [(Verdict.GOOD, ""), (Verdict.WORSE, "judged worse"), (Verdict.UNCLEAR, "Nobody can tell yet")],
)
def test_the_question_before_a_promotion_says_what_the_numbers_know(verdict: Verdict, told: str) -> None:
    row = shown(replace(judged(), verdict=verdict, held_by=None), phase=ReleasePhase.PROGRESSING)
    buttons = canary_card(row, NOW).body()["blocks"][-1]["elements"]
    promote = next(each for each in buttons if each["action_id"] == "canary.promote")
    words = promote["confirm"]["text"]["text"]
    assert told in words
    assert ("tell" in words or "worse" in words) == bool(told)
    assert (promote.get("style") == "primary") == (verdict is Verdict.GOOD)
    assert (buttons[0]["action_id"] == "release.abort") == (verdict is Verdict.WORSE)
