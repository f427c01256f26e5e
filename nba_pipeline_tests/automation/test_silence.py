"""A source that is silent, or that refuses the key, is one alert until it speaks, however often it is asked."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import dagster as dg
import pytest
from dagster import DagsterInstance
from pydantic import SecretStr

from nba_pipeline.alerting.complaints import MOST_RANGES, SilenceComplaint, SilentAsset, merged, ranges_of
from nba_pipeline.alerting.sensor import GOES_ON, MADE_GOOD, RESOLVED, SENT
from nba_pipeline.assets.assembly import assembled
from nba_pipeline.assets.progress import PROGRESS
from nba_pipeline.automation.attempts import wait_after
from nba_pipeline.automation.launches import Attempted, Launch, Launches
from nba_pipeline.clock import Clock
from nba_pipeline.contracts import Phase
from nba_pipeline.gates.alert_metadata import AlertKind
from nba_pipeline.landing.assets import (
    LANDED_GAMES,
    LANDED_INJURIES,
    LANDED_PLAYERS,
    landed_games,
    landed_injuries,
    landed_players,
)
from nba_pipeline.partitions import GAME_DATES
from nba_pipeline.settings import Settings
from nba_pipeline.sources.balldontlie import BalldontlieClient
from nba_pipeline.sources.landing import Landing
from nba_pipeline_tests.support.pager import Pager
from nba_pipeline_tests.support.scripted_server import Answer, serving
from nba_pipeline_tests.support.told import all_told as told_in
from nba_pipeline_tests.support.told import owed
from nba_pipeline_tests.support.webhook import Webhook

NOW = datetime(2025, 11, 3, 11, 40, tzinfo=UTC)
LAST = datetime(2026, 1, 20, 15, tzinfo=UTC)
DAY, NEXT_DAY, THIRD_DAY = date(2025, 11, 2), date(2025, 11, 3), date(2025, 11, 4)
INPUTS = "0123456789ab"
WELL: Answer = (200, b'{"data": [], "meta": {}}', {})
SILENT: Answer = (503, b"", {})
LAPSED: Answer = (401, b'{"error": "Unauthorized"}', {"Content-Type": "application/json"})
WRONG: Answer = (400, b"{}", {})


@dg.asset(key=["raw", "broken"], partitions_def=GAME_DATES)
def broken() -> None:
    raise ValueError("a defect")


class Desk:
    """A home whose runs really ask a source that answers as a test says, and the pager that looks at it."""

    def __init__(self, home: Path, instance: DagsterInstance, webhook: Webhook, url: str) -> None:
        self.instance, self.webhook, self.now = instance, webhook, NOW
        self.pager = Pager(instance, webhook, NOW)
        self.answer, self.asked = WELL, 0
        self.settings = Settings(
            home=home, balldontlie_api_key=SecretStr("k"), balldontlie_api_url=url, http_attempts=1,
            balldontlie_requests_per_minute=100_000, http_timeout_seconds=5,
        )  # fmt: skip

    @cached_property
    def job(self) -> dg.JobDefinition:
        """What is landed, from the source that answers as the test says."""
        landing, clock = Landing(self.settings.home / "landing"), Clock(NOW)
        found = dg.Definitions(
            assets=assembled([landed_games, landed_players, landed_injuries, broken], Clock(LAST)),
            executor=dg.in_process_executor,
            resources={
                "source": BalldontlieClient(self.settings, landing, clock), "landing": landing, "clock": clock,
                "settings": self.settings, "progress": PROGRESS,
            },
        )  # fmt: skip
        return found.resolve_implicit_global_asset_job_def()

    def runs(self, *days: date, keys: Sequence[dg.AssetKey] = (LANDED_GAMES,), by: str | None = None) -> None:
        """A run of a person, or one of the automation."""
        launch = Launch(Phase.RAW, tuple(keys), dict.fromkeys(days, INPUTS))
        request = launch.request(by or "", self.now)
        ranges = {name: value for name, value in request.tags.items() if "partition_range" in name}
        self.job.execute_in_process(
            instance=self.instance, raise_on_error=False, asset_selection=list(keys),
            partition_key=request.partition_key, tags=dict(request.tags) if by else ranges,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )  # fmt: skip

    def heals(self, *days: date, keys: Sequence[dg.AssetKey] = (LANDED_GAMES,)) -> None:
        self.runs(*days, keys=keys, by="self_heal")

    def after(self, passed: timedelta) -> None:
        self.now += passed
        self.pager.at(self.now)

    def outcomes(self) -> list[object]:
        """What becomes of what happened since the last look."""
        before = len(self.pager.recorded())
        self.pager.tick()
        return [said["outcome"] for said in self.pager.recorded()[before:]]

    def last(self) -> dict[str, str]:
        return {name: str(value) for name, value in self.pager.recorded()[-1].items()}

    def attempts(self, day: date) -> list[Attempted]:
        return Launches(self.instance).attempts(Phase.RAW, day, INPUTS)


@pytest.fixture
def desk(tmp_path: Path, instance: DagsterInstance, webhook: Webhook) -> Iterator[Desk]:
    found: list[Desk] = []

    def answer(handler: BaseHTTPRequestHandler) -> Answer:
        found[0].asked += 1
        return found[0].answer

    with serving(answer) as url:
        found.append(Desk(tmp_path / "home", instance, webhook, url))
        yield found[0]


# one alert


def test_a_silence_is_one_alert_with_since_when_how_often_when_next_and_closes_with_an_answer(
    desk: Desk,
) -> None:
    desk.answer = SILENT
    desk.heals(DAY)
    assert desk.outcomes() == [SENT]
    alert = desk.last()
    assert alert["kind"] == AlertKind.SOURCE_SILENT == "source silent"
    assert f"the source said nothing about landing.games for {DAY}. It was asked once since" in alert["what"]
    assert f"asked again at {NOW + wait_after(1):%Y-%m-%d %H:%M} UTC" in alert["what"]
    assert "HTTP 503" in alert["what"]
    assert (alert["since"], alert["dates"]) == (NOW.isoformat(), f"{DAY} to {DAY}")
    assert "landing.games" in alert["effect"]
    assert alert["mend"] == f"nba-pipeline backfill --from {DAY} --to {DAY}"

    for times in (2, 3):
        desk.after(wait_after(times - 1))
        desk.heals(DAY, NEXT_DAY)
        assert desk.outcomes() == [GOES_ON], "another date of the same silence is no news"
        assert f"It was asked {times} times since {NOW:%Y-%m-%d %H:%M} UTC" in desk.last()["what"]
        assert f"asked again at {desk.now + wait_after(times):%Y-%m-%d %H:%M} UTC" in desk.last()["what"]
    assert len(desk.webhook.taken) == 1

    desk.answer = WELL
    desk.heals(DAY, NEXT_DAY)
    assert desk.outcomes() == [RESOLVED]
    assert "It was asked in 3 runs in vain." in desk.webhook.taken[-1]
    assert "the source answered about landing.games in run" in desk.webhook.taken[-1]
    assert len(desk.webhook.taken) == 2


def test_every_run_that_failed_in_a_silence_is_accounted_for(desk: Desk) -> None:
    desk.answer = SILENT
    for _ in range(3):
        desk.heals(DAY)
        desk.after(timedelta(hours=1))
    desk.outcomes()
    owing = owed(desk.instance, desk.settings.ui_url)
    assert len(owing) == 3
    ui = {each.by: each.alert.link.rpartition("/")[2] for each in owing}
    assert {told.link.rpartition("/")[2] for told in told_in(desk.instance)} == set(ui.values())


def test_what_is_silent_besides_is_told_and_what_answers_meanwhile_is_not_waited_for(desk: Desk) -> None:
    desk.answer = SILENT
    desk.runs(DAY)
    assert desk.outcomes() == [SENT]
    assert "by the next look of self-heal" in desk.last()["what"]
    desk.runs(NEXT_DAY, keys=[LANDED_GAMES, LANDED_INJURIES])
    assert desk.outcomes() == [SENT], "nobody was told that injuries are silent too"
    assert f"nothing about landing.games, landing.injuries for {NEXT_DAY}" in desk.last()["what"]
    desk.answer = WELL
    desk.runs(DAY, NEXT_DAY)
    assert desk.outcomes() == []
    desk.runs(THIRD_DAY, keys=[LANDED_INJURIES])
    assert desk.outcomes() == [RESOLVED], "injuries of a date that is over are asked for by nobody"


def test_a_date_that_is_never_answered_is_one_alert_and_hides_no_silence_of_the_source(desk: Desk) -> None:
    desk.answer = SILENT
    desk.heals(DAY)
    assert desk.outcomes() == [SENT]
    desk.answer = WELL
    desk.runs(NEXT_DAY)
    assert desk.outcomes() == [], "it is asked for on and on"
    for _ in range(2):
        desk.after(timedelta(hours=6))
        desk.answer = SILENT
        desk.heals(DAY)
        assert desk.outcomes() == [GOES_ON]
        desk.answer = WELL
        desk.runs(NEXT_DAY)
    desk.answer = SILENT
    desk.heals(THIRD_DAY)
    assert desk.outcomes() == [SENT], "now it says nothing of others either"
    desk.heals(NEXT_DAY)
    assert desk.outcomes() == [GOES_ON]
    desk.answer = WELL
    desk.heals(THIRD_DAY)
    assert desk.outcomes() == []
    desk.heals(DAY)
    assert desk.outcomes() == [RESOLVED]
    desk.answer = SILENT
    desk.heals(DAY)
    assert desk.outcomes() == [SENT], "what is over and comes again is news"


def test_dates_that_nobody_asks_for_any_more_keep_no_silence_open(desk: Desk) -> None:
    desk.answer = SILENT
    desk.runs(date(2025, 10, 2))
    assert desk.outcomes() == [SENT]
    desk.answer = WELL
    desk.runs(DAY)
    assert desk.outcomes() == [RESOLVED]


def test_a_silence_that_was_over_before_it_was_told_is_not_sent(desk: Desk) -> None:
    desk.answer = SILENT
    desk.heals(DAY)
    desk.answer = WELL
    desk.heals(DAY)
    assert desk.outcomes() == [MADE_GOOD]
    assert desk.webhook.taken == []


def test_a_run_that_asked_about_nothing_is_no_answer(desk: Desk) -> None:
    desk.answer = SILENT
    desk.runs(THIRD_DAY, keys=[LANDED_INJURIES])
    assert desk.outcomes() == [SENT]
    assert "by the next schedule" in desk.last()["what"]
    desk.answer = WELL
    desk.runs(DAY, keys=[LANDED_INJURIES])
    assert desk.outcomes() == []


def test_without_automation_nobody_says_that_it_asks_again(desk: Desk) -> None:
    desk.pager.settings = desk.pager.settings.model_copy(update={"automation": "off"})
    desk.answer = SILENT
    desk.runs(DAY)
    desk.outcomes()
    assert "asked again when somebody does, since the automation is off" in desk.last()["what"]


def test_a_run_that_failed_of_something_else_too_is_told_with_all_of_it(desk: Desk) -> None:
    desk.answer = SILENT
    desk.runs(DAY, keys=[LANDED_GAMES, broken.key])
    assert desk.outcomes() == [SENT]
    assert desk.last()["kind"] == AlertKind.RUN_FAILED
    assert "a defect" in desk.last()["what"]
    assert "HTTP 503" in desk.last()["what"]


# the key


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_lapsed_uses_up_no_patience_and_its_alert_names_setting_and_next_command(
    desk: Desk, status: int
) -> None:
    desk.answer = (status, *LAPSED[1:])
    desk.heals(DAY, NEXT_DAY, keys=[LANDED_GAMES, LANDED_PLAYERS])
    assert [attempted.in_silence for attempted in desk.attempts(DAY)] == [True]
    assert [attempted.in_silence for attempted in desk.attempts(NEXT_DAY)] == [True]
    assert desk.outcomes() == [SENT]
    alert = desk.last()
    assert alert["kind"] == AlertKind.KEY_REFUSED == "key refused"
    assert "the source refuses BALLDONTLIE_API_KEY, and so said nothing about landing.games" in alert["what"]
    assert f"HTTP {status}" in alert["what"]
    assert alert["mend"].startswith("set BALLDONTLIE_API_KEY ")
    assert alert["mend"].endswith(f"nba-pipeline backfill --from {DAY} --to {NEXT_DAY}")
    desk.after(wait_after(1))
    desk.heals(DAY, NEXT_DAY, keys=[LANDED_GAMES, LANDED_PLAYERS])
    assert desk.outcomes() == [GOES_ON]
    desk.answer = WELL
    desk.heals(DAY, NEXT_DAY, keys=[LANDED_GAMES, LANDED_PLAYERS])
    assert desk.outcomes() == [RESOLVED]


def test_a_key_that_is_not_set_is_told_as_one_that_is_refused(desk: Desk) -> None:
    desk.settings = desk.settings.model_copy(update={"balldontlie_api_key": None})
    desk.heals(DAY)
    assert [attempted.in_silence for attempted in desk.attempts(DAY)] == [True]
    assert desk.outcomes() == [SENT]
    assert "BALLDONTLIE_API_KEY is not set" in desk.last()["what"]


def test_with_a_key_that_is_refused_nothing_more_is_asked(desk: Desk) -> None:
    desk.answer = LAPSED
    desk.runs(date(2025, 10, 22), *(date(2025, 10, 23) + timedelta(days=n) for n in range(90)))
    assert desk.asked == 1
    assert desk.outcomes() == [SENT]


def test_a_question_that_is_refused_is_answered_and_uses_up_patience(desk: Desk) -> None:
    desk.answer = WRONG
    desk.heals(DAY)
    assert [attempted.in_silence for attempted in desk.attempts(DAY)] == [False]
    assert desk.outcomes() == [SENT]
    assert desk.last()["kind"] == AlertKind.RUN_FAILED


# what is kept of it


def test_what_a_silence_keeps_has_a_bound() -> None:
    every_other = [str(DAY + timedelta(days=2 * n)) for n in range(MOST_RANGES + 5)]
    one = SilenceComplaint((SilentAsset("landing/games", 5, ranges_of(every_other[:10])),))
    other = SilenceComplaint((SilentAsset("landing/games", 9, ranges_of(every_other[10:])),))
    both = merged(one, other)
    assert isinstance(both, SilenceComplaint)
    (part,) = both.silent
    assert len(part.ranges) == MOST_RANGES
    assert (part.event, both.asked, both.unwatched) == (9, 2, True)
