"""The card of an alert, in every state: honest about what Datadog confirmed, inert whatever its texts want to be."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.cards.alert import alert_card, alert_note
from bot.cards.alert_list import alert_list
from bot.cards.alert_words import DATADOG_HOSTS, Around
from bot.cards.oncall import call_note, exhausted_note, handover_card, passed_on_note, still_working_card
from bot.cards.storm import group_card, rows_note
from bot.domain.alert import Alert, AlertState
from bot.domain.alert.storm import Storm, Tally
from bot.domain.handling import Handling, Mute, Note, Page, Standing
from bot.domain.oncall import Line, Responder
from bot.domain.release import ReleasePhase
from tests.alert_worlds import ALICE, BOB, DAVE, NEAR, NOW, alert
from tests.cards.hostile import CORPUS, must_be_fit_to_send
from tests.domain.release_worlds import plan, release

MANY = settings(max_examples=60, deadline=None)
LATER = NOW + timedelta(hours=1)
HANDLED = Handling(alert().id)


def words(card: Any) -> str:
    """All that a card says, links and times left as they are."""

    def walk(value: Any) -> Sequence[str]:
        if isinstance(value, dict):
            own = [value["text"]] if value.get("type") == "mrkdwn" else []
            return [*own, *(word for part in value.values() for word in walk(part))]
        if isinstance(value, list | tuple):
            return [word for part in value for word in walk(part)]
        return []

    return "\n".join(walk(card.body()["blocks"]))


def labels(card: Any) -> list[str]:
    row = card.body()["blocks"][-1]
    return [(each.get("text") or each["placeholder"])["text"] for each in row["elements"]]


def shown(changed: Alert | None = None, **around: Any) -> Any:
    return alert_card(changed or alert(), NOW, Around(hosts=DATADOG_HOSTS | {"wiki.example.com"}, **around))


# What it says


def test_an_open_alert_says_how_bad_what_where_and_since_when() -> None:
    told = words(shown())
    assert told.startswith(
        "🔴 P1 *p99 latency of web in prd is high*\n*840 ms* (limit 300 ms) · *web* in *prd* · since"
    )
    assert "<https://app.datadoghq.com/monitors/42|Monitor>" in told
    assert "<https://wiki.example.com/web/latency|Runbook>" in told
    assert "`a1f3`" in told
    assert shown().text == "P1 alert for web in prd: p99 latency of web in prd is high, 840 ms (limit 300 ms)"


def test_what_was_released_before_is_told_and_leads_back() -> None:
    back = release(plan(from_version="2.2.9", to_version="2.3.0"), phase=ReleasePhase.SUCCEEDED)
    card = shown(alert(near=NEAR, fallen=("2 of 6 pods of web: OOMKilled",)), released=back)
    assert "2 min before, <@U0CAROL> released *web* `2.3.0`, before `2.2.9`" in words(card)
    assert "❗ 2 of 6 pods of web: OOMKilled" in words(card)
    assert labels(card) == ["Acknowledge", "Mute…", "Roll back to 2.2.9", "Escalate…", "Note…"]


def test_a_release_that_was_followed_by_another_offers_no_way_back() -> None:
    used = release(phase=ReleasePhase.SUCCEEDED, followed_by=NEAR.id)
    assert not any("Roll back" in label for label in labels(shown(alert(near=NEAR), released=used)))


def test_taken_here_and_acknowledged_in_datadog_are_two_things() -> None:
    taken = alert(taken_by=DAVE, taken_at=NOW - timedelta(minutes=5, seconds=10))
    assert "🟡" in words(shown(taken))
    assert "👤 Taken here by <@U0DAVE> after 0:50" in words(shown(taken))
    page = Page("p1", Standing.DONE, acknowledged=Standing.DONE)
    both = shown(taken, handling=replace(HANDLED, page=page))
    assert "Page acknowledged in Datadog On-Call too" in words(both)
    assert labels(both) == ["Unacknowledge", "Mute…", "Resolve page", "Note…"]
    unsure = replace(page, acknowledged=Standing.TROUBLED, problem="Datadog On-Call: gave no answer")
    told = words(shown(taken, handling=replace(HANDLED, page=unsure)))
    assert "too" not in told
    assert "not confirmed: Datadog On-Call: gave no answer" in told


@pytest.mark.parametrize(
    ("mute", "told", "mark"),
    [
        (Mute(LATER, ALICE, NOW, Standing.WANTED), "Datadog has not confirmed it yet", "🔴"),
        (Mute(LATER, ALICE, NOW, Standing.DONE, LATER), "🔕 Muted in Datadog until <!date", "🔕"),
        (
            Mute(LATER, ALICE, NOW, Standing.TROUBLED, problem="Datadog: gave no answer within 5 s"),
            "⚠️ Mute not confirmed: Datadog: gave no answer within 5 s. Trying again",
            "🔴",
        ),
        (Mute(LATER, ALICE, NOW, Standing.FAILED, problem="Datadog: refuses"), "⚠️ Mute not confirmed: Datadog", "🔴"),
        (Mute(None, ALICE, NOW, Standing.WANTED), "lifts the mute", "🔴"),
        (Mute(None, ALICE, NOW, Standing.TROUBLED, problem="Datadog: slow"), "⚠️ Unmute not confirmed", "🔴"),
    ],
)
def test_a_mute_is_told_as_far_as_datadog_confirmed_it(mute: Mute, told: str, mark: str) -> None:
    card = shown(handling=replace(HANDLED, mute=mute))
    assert told in words(card)
    assert words(card).startswith(mark)
    assert ("Unmute" in labels(card)) is mute.is_quiet(NOW)


def test_the_end_shown_is_the_one_that_datadog_answered() -> None:
    cut_down = Mute(LATER, ALICE, NOW, Standing.DONE, LATER - timedelta(minutes=1))
    told = words(shown(handling=replace(HANDLED, mute=cut_down)))
    assert f"<!date^{int((LATER - timedelta(minutes=1)).timestamp())}^" in told


def test_an_alert_that_is_over_says_how_long_who_and_offers_only_a_note() -> None:
    over = alert(
        state=AlertState.RECOVERED,
        closed_at=NOW + timedelta(seconds=12),
        taken_by=DAVE,
        taken_at=NOW - timedelta(minutes=5),
        renotified=3,
    )
    handling = replace(HANDLED, people=(DAVE, BOB), mute=Mute(LATER, BOB, NOW, Standing.DONE, LATER))
    card = shown(over, handling=handling)
    assert "🟢 P1 *p99 latency of web in prd is high* is over after 6:12" in words(card)
    assert "told again 3 times" in words(card)
    assert "👤 Taken here by <@U0DAVE> after 1:00, with <@U0BOB>" in words(card)
    assert "Muted" not in words(card)
    assert labels(card) == ["Note…"]
    assert "Nobody took it." in words(shown(replace(over, taken_by=None, taken_at=None)))


def test_the_monitors_words_do_not_repeat_the_address_of_the_runbook() -> None:
    told = words(shown(alert(text="Look here.\nRunbook: https://wiki.example.com/web/latency\nThen there.")))
    assert "&gt; Look here. Then there." in told


def test_states_that_are_no_plain_alert_are_named() -> None:
    assert "no data" in words(shown(alert(state=AlertState.NO_DATA, value="")))
    assert words(shown(alert(state=AlertState.WARN))).startswith("🟠")
    assert "Datadog says Exploded" in words(shown(alert(state=AlertState.UNKNOWN, told="Exploded", value="")))
    unseen = alert(state=AlertState.RECOVERED, closed_at=NOW, trigger_unseen=True)
    assert "its beginning was not told" in words(shown(unseen))


def test_a_picture_is_shown_from_datadogs_hosts_alone() -> None:
    ours = shown(alert(snapshot="https://p.datadoghq.com/snapshot/view/a.png"))
    assert [block["type"] for block in ours.body()["blocks"]].count("image") == 1
    for elsewhere in ("https://evil.example/a.png", "http://169.254.169.254/latest", "file:///etc/passwd"):
        card = shown(alert(snapshot=elsewhere))
        assert "image" not in [block["type"] for block in card.body()["blocks"]]
        assert elsewhere not in str(card.body())


def test_a_link_that_leads_elsewhere_is_shown_as_text() -> None:
    told = words(shown(alert(link="https://evil.example/login", runbook="javascript:alert(1)")))
    assert "<https://evil.example" not in told
    assert "`https://evil.example/login`" in told
    assert "`javascript:alert(1)`" in told


def test_those_who_were_called_are_named_until_somebody_takes_it() -> None:
    called = (Responder("alice", ALICE), Responder("Eve <!channel>"))
    told = words(shown(called=called))
    assert "📟 Called: <@U0ALICE>, then Eve &lt;!channel&gt;. Nobody has taken it yet." in told
    assert "Called" not in words(shown(alert(taken_by=BOB, taken_at=NOW), called=called))


def test_notes_are_counted_and_those_that_datadog_lacks_are_told() -> None:
    notes = (Note(ALICE, NOW, "a", Standing.DONE), Note(ALICE, NOW, "b", Standing.FAILED))
    assert "2 notes, 1 of them not in Datadog" in words(shown(handling=replace(HANDLED, notes=notes)))


# Buttons


def test_every_button_and_choice_is_bound_to_its_alert_and_step() -> None:
    row = shown(alert(step=7)).body()["blocks"][-1]["elements"]
    values = [each["value"] for each in row if "value" in each]
    values += [option["value"] for each in row for option in each.get("options", ())]
    assert {value.split(":")[0] for value in values} == {alert().id}
    assert {value.split(":")[1] for value in values} == {"7"}
    spans = [option["value"].split(":")[2] for each in row for option in each.get("options", ())]
    assert spans == ["30m", "1h", "4h", "tomorrow"]


# Hostile texts


def hostile_alert(seed: int) -> tuple[Alert, Around]:
    """An alert in some state, every text of which is hostile; ids are such as we and Slack make."""
    dice = Random(seed)

    def word() -> str:
        return (
            dice.choice(CORPUS)
            if dice.random() < 0.6
            else "".join(dice.choice("<>&`*_|@! \n\u202ea1") for _ in range(50))
        )

    near = replace(NEAR, version=word(), from_version=word())
    made = alert(
        **{name: word() for name in ("scope", "told", "title", "text", "status_text", "value", "threshold", "query")},
        **{name: word() for name in ("environment", "service", "link", "dashboard", "runbook", "snapshot")},
        state=dice.choice(list(AlertState)),
        tags=tuple(word() for _ in range(dice.randrange(9))),
        fallen=tuple(word() for _ in range(dice.randrange(6))),
        near=dice.choice([None, near]),
        priority=dice.choice([None, 1, 5]),
        taken_by=dice.choice([None, DAVE]),
        taken_at=NOW,
        closed_at=dice.choice([None, NOW]),
        renotified=dice.randrange(3),
    )
    standing = dice.choice(list(Standing))
    handling = replace(
        HANDLED,
        mute=dice.choice([None, Mute(dice.choice([None, LATER]), BOB, NOW, standing, LATER, problem=word())]),
        page=dice.choice([None, Page(dice.choice(["", "p"]), standing, standing, problem=word())]),
        notes=(Note(BOB, NOW, word(), standing),),
        people=(BOB, DAVE),
    )
    back = release(plan(from_version=word(), to_version=word()), phase=ReleasePhase.SUCCEEDED)
    return made, Around(handling, (Responder(word()), Responder("b", BOB)), dice.choice([None, back]), DATADOG_HOSTS)


@given(st.integers(0, 2**32))
@MANY
def test_no_alert_makes_a_card_that_slack_refuses_or_that_pings(seed: int) -> None:
    made, around = hostile_alert(seed)
    must_be_fit_to_send(alert_card(made, NOW, around).body())
    must_be_fit_to_send(alert_list([(made, around.handling)] * 3, NOW, left_out=2).body())
    storm = Storm("01K" + "A" * 23, "C0ALERTS", made.monitor_id, made.title, NOW, NOW)
    tally = Tally(4000, {made.state: 3990, AlertState.RECOVERED: 10}, 5, (made,) * 12)
    must_be_fit_to_send(group_card(storm, tally, NOW).body())
    must_be_fit_to_send(rows_note((made,) * 50, NOW).body())


@pytest.mark.parametrize("text", CORPUS)
def test_each_hostile_text_is_inert_in_what_is_said_in_the_thread(text: str) -> None:
    stranger = Responder(text)
    for card in (
        alert_note(text, ALICE),
        call_note(stranger, text, reminder=False, instead_of=stranger),
        passed_on_note(ALICE, stranger, text),
        exhausted_note((stranger, stranger)),
        still_working_card(ALICE, "01K:1"),
        handover_card(text, Line((stranger,), text, NOW, stranger), ()),
    ):
        must_be_fit_to_send(card.body())


@given(st.integers(0, 2**32))
@MANY
def test_a_card_never_loses_its_buttons_to_long_texts(seed: int) -> None:
    made, around = hostile_alert(seed)
    assert alert_card(made, NOW, around).body()["blocks"][-1]["type"] == "actions"


def test_a_storm_counts_by_state_and_shows_the_worst_first() -> None:
    members = tuple(alert(scope=f"pod:web-{n}", value=f"{n}") for n in range(10))
    storm = Storm("01K" + "A" * 23, "C0ALERTS", "42", "Restarts of web", NOW, NOW)
    tally = Tally(250, {AlertState.ALERT: 180, AlertState.WARN: 20, AlertState.RECOVERED: 50}, 0, members)
    card = group_card(storm, tally, NOW)
    assert "⛈️ *Restarts of web*: 200 of 250 alerts are open\n🔴 180 alert · 🟠 20 warn · 🟢 50 over" in words(card)
    assert "and 190 more are open: `/alerts`" in words(card)
    assert labels(card) == ["Acknowledge all"]
    over = group_card(storm, Tally(250, {AlertState.RECOVERED: 250}, 0, ()), NOW)
    assert "🟢 *Restarts of web*: all 250 alerts are over" in words(over)
    assert over.body()["blocks"][-1]["type"] != "actions"
