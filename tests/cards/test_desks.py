"""The desks of pods and jobs, and log tails, with text of a cluster that wants to be markup, or is far too much."""

from datetime import datetime, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.cards.jobs import desk_card, resumed_line, started_card, started_line, suspended_line
from bot.cards.logs import logs_card
from bot.cards.pods import pods_card, span
from bot.domain.batches import BatchDesk, CronJob, Run
from bot.domain.catalog import Target
from bot.domain.logs import LogTail
from bot.domain.names import EnvironmentName, ServiceName
from bot.domain.pods import ContainerSight, CronJobSight, Ending, JobSight, PodSight, Subject, SubjectKind
from bot.domain.pods.desk import ServicePods, in_order
from tests.cards.hostile import CORPUS, must_be_fit_to_send, must_be_inert
from tests.chat import plain
from tests.domain.story_worlds import NOW

MANY = settings(max_examples=40, deadline=None)


class Dice(Random):
    """Chance that knows bad words."""

    def word(self) -> str:
        return self.choice(CORPUS)

    def moment(self) -> datetime:
        return NOW - timedelta(seconds=self.randrange(10**7))

    def run(self) -> Run:
        has_failed = self.random() < 0.5
        sight = JobSight(
            *(self.word(), self.word(), self.word(), self.moment()),
            finished=self.choice([None, NOW]),
            has_failed=has_failed,
            has_completed=not has_failed and self.random() < 0.5,
            reason=self.choice(["", "BackoffLimitExceeded", self.word()]),
            failed=self.randrange(3),
            by_hand=self.random() < 0.5,
        )
        return Run(sight, by=self.choice(["", "U0ALICE", self.word()]))

    def cron_job(self) -> CronJob:
        sight = CronJobSight(
            *(self.word(), self.word(), self.word(), self.moment()),
            schedule=self.choice(["0 3 * * *", self.word()]),
            timezone=self.choice(["", "Asia/Tokyo", self.word()]),
            suspended=self.random() < 0.3,
            images=(self.word(),),
            last_succeeded=self.choice([None, NOW]),
        )
        return CronJob(sight, "1", tuple(self.run() for _ in range(self.randrange(5))))

    def pod(self) -> PodSight:
        ending = self.choice([None, Ending(self.word(), self.randrange(140), finished=self.moment())])
        box = ContainerSight(
            *(self.word(), self.word(), False, self.randrange(3)), waiting_reason=self.word(), ending=ending
        )
        subject = Subject(SubjectKind.DEPLOYMENT, self.word(), self.word())
        return PodSight(
            *(self.word(), self.word(), self.word(), subject, "Running", self.random() < 0.5, self.moment()),
            disruption=self.word(),
            node=self.word(),
            containers=(box,),
        )


@given(st.integers(0, 2**32))
@MANY
def test_no_batch_desk_is_refused_by_slack_or_pings(seed: int) -> None:
    dice = Dice(seed)
    desk = BatchDesk(
        EnvironmentName(dice.word()),
        tuple(dice.cron_job() for _ in range(dice.choice([0, 1, 3, 40]))),
        tuple(dice.run() for _ in range(dice.choice([0, 2, 40]))),
        {dice.word(): dice.word()},
    )
    must_be_fit_to_send(desk_card(desk, NOW).body())
    word = dice.word()
    must_be_fit_to_send(started_card(word, word, word, dice.run()).body())
    must_be_inert(started_line(word, word, dice.run(), word))
    must_be_inert(suspended_line(word, word, word))
    must_be_inert(resumed_line(word, word, word, NOW))


@given(st.integers(0, 2**32))
@MANY
def test_no_desk_of_pods_is_refused_by_slack_or_pings(seed: int) -> None:
    dice = Dice(seed)

    def service() -> ServicePods:
        pods = in_order([dice.pod() for _ in range(dice.choice([0, 1, 40]))])
        target = Target(EnvironmentName(dice.word()), ServiceName(dice.word()))
        return ServicePods(target, dice.word(), dice.choice([None, 3]), pods, dice.choice(["", dice.word()]))

    must_be_fit_to_send(pods_card([service() for _ in range(dice.choice([0, 1, 2, 12]))], NOW).body())


@given(st.lists(st.sampled_from(CORPUS), max_size=50), st.sampled_from(CORPUS), st.booleans())
@MANY
def test_no_log_is_refused_by_slack_or_pings(lines: list[str], word: str, previous: bool) -> None:
    must_be_fit_to_send(logs_card(LogTail(word, word, tuple(lines), previous, word), word).body())


def test_of_a_log_too_long_the_end_is_shown_and_the_rest_is_counted() -> None:
    told = plain(logs_card(LogTail("p", "c", tuple(f"{n} " + "x" * 300 for n in range(50))), "p").body())
    assert "49 xxx" in told
    assert "0 xxx" not in told.replace("10 xxx", "").replace("20 xxx", "").replace("30 xxx", "").replace("40 xxx", "")
    assert "earlier lines did not fit" in told


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (59, "59 s"), (60, "1 min"), (7200, "2 h"), (86400 * 12, "12 d")]
)
def test_ages_are_short(seconds: int, words: str) -> None:
    assert span(NOW, NOW - timedelta(seconds=seconds)) == words


def test_a_long_desk_shows_what_is_in_trouble_and_counts_the_rest() -> None:
    def cron(number: int, *, fails: bool) -> CronJob:
        failed = JobSight("u", "batch", "r", NOW, "c", NOW, NOW, has_failed=fails, has_completed=not fails, failed=1)
        sight = CronJobSight(f"u{number}", "batch", f"job-{number:02}", NOW, "0 3 * * *", last_scheduled=NOW)
        return CronJob(sight, "1", (Run(failed),))

    desk = BatchDesk(EnvironmentName("prd"), tuple(cron(n, fails=n == 29) for n in range(30)))
    told = plain(desk_card(desk, NOW).body())
    assert told.startswith("❌ *job-29*")
    assert "18 more, none of them in trouble" in told
    worse = BatchDesk(EnvironmentName("prd"), tuple(cron(n, fails=True) for n in range(30)))
    assert "18 more, 18 of them in trouble" in plain(desk_card(worse, NOW).body())
