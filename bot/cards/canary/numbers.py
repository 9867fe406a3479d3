"""The numbers on a canary's card: old and new side by side, and the last minutes as a chart."""

from bot.cards.canary.words import parts
from bot.cards.card import Block
from bot.cards.mrkdwn import cut, visible
from bot.domain.canary.judgement import Finding
from bot.domain.release import Release

LONGEST_LABEL = 20
LONGEST_NAME = 20
"""A longer one, such as a monitor's title, takes more than one line: on a phone the numbers stay in sight."""
FEWEST_DRAWN = 3


def numbers(release: Release) -> list[Block]:
    """Old and new side by side, with the verdict in words; and the last minutes as a chart."""
    plan, (_scheme, course) = release.plan, parts(release)
    if not course.findings:
        return []
    head = [_cell(""), _cell(plan.from_version), _cell(plan.to_version), _cell("")]
    rows = [
        [_cell(each.name), _cell(_value(each.old, each)), _cell(_value(each.new, each)), _cell(each.text)]
        for each in course.findings[:12]
    ]
    right, words = {"align": "right"}, {"align": "left", "is_wrapped": True}
    names = words if any(len(each.name) > LONGEST_NAME for each in course.findings) else {"align": "left"}
    blocks: list[Block] = [
        {
            "type": "table",
            "rows": [head, *rows],
            "column_settings": [names, right, right, words],
        }
    ]
    drawn = [point for point in course.graph if point.new is not None and point.old is not None]
    if len(drawn) >= FEWEST_DRAWN and not release.phase.is_over:
        times = [f"{point.at:%H:%M:%S}" for point in drawn]
        series = [
            {
                # with which it is, for versions that begin alike are cut to the same letters
                "name": cut(visible(name), LONGEST_LABEL),
                "data": [{"label": at, "value": value} for at, value in zip(times, values, strict=True)],
            }
            for name, values in (
                (f"old {plan.from_version}", [round(point.old or 0.0, 3) for point in drawn]),
                (f"new {plan.to_version}", [round(point.new or 0.0, 3) for point in drawn]),
            )
        ]
        chart = {"type": "line", "series": series, "axis_config": {"categories": times}}
        blocks.append({"type": "data_visualization", "title": cut(visible(course.graph_of), 50), "chart": chart})
    return blocks


def _cell(text: str) -> Block:
    return {"type": "raw_text", "text": cut(visible(text), 100) or " "}


def _value(value: float | None, finding: Finding) -> str:
    if value is None:
        return "–"
    shown = f"{value:.2f}" if finding.unit == "%" else f"{value:.3g}" if value < 10 else f"{value:,.0f}"
    return f"{shown} {finding.unit}".rstrip()
