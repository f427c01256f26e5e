"""What of the landing may go, and what no clean-up ever takes away."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import numpy as np
import pytest
from typer.testing import CliRunner

from nba_pipeline.automation.schedules import schedules
from nba_pipeline.cli.app import app
from nba_pipeline.clock import Clock
from nba_pipeline.landing.clean_up import landing_clean_up
from nba_pipeline.settings import Settings
from nba_pipeline.sources.errors import DamagedLandingError
from nba_pipeline.sources.landing import Capture, Landing
from nba_pipeline.sources.retention import clean_up_of
from nba_pipeline_tests.support.api_items import game
from nba_pipeline_tests.support.captures import DAY, HOUR, NEXT, NOW, land, of

LATER = NOW + timedelta(days=100)


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    return Landing(tmp_path / "landing")


def clean(landing: Landing, before: datetime = LATER) -> list[Capture]:
    found = clean_up_of(landing, before)
    for key in found.keys:
        landing.store.remove(key)
    return list(found.captures)


def test_of_answers_that_say_the_same_the_first_and_the_newest_stay(landing, tmp_path):
    captures = [land(landing, [of(DAY)], at=NOW + n * HOUR) for n in range(5)]
    assert clean(landing) == captures[1:4]
    assert landing.captures("stats", DAY) == [captures[0], captures[4]]
    assert [json.loads(page.body())["data"] for page in captures[4].pages] == [[of(DAY)]]
    folders = [path for path in (tmp_path / "landing").rglob("2024*T*") if path.is_dir()]
    assert len(folders) == 2
    assert clean(landing) == []


def test_what_was_corrected_stays_for_the_revisions_that_stand_on_it(landing):
    captures = [
        land(landing, [of(DAY, points)], at=NOW + n * HOUR) for n, points in enumerate([20, 20, 21, 20, 20, 20])
    ]
    assert clean(landing) == [captures[1], captures[4]]


def test_an_answer_about_many_dates_stays_for_one_that_stands_on_it(landing):
    land(landing, [of(DAY)])
    both = land(landing, [of(DAY), of(NEXT)], last=NEXT, at=NOW + HOUR)
    land(landing, [of(DAY)], [of(NEXT)], last=NEXT, at=NOW + 2 * HOUR)
    assert clean(landing) == []
    assert both in landing.captures("stats", NEXT)


def test_where_a_setting_says_so_a_schedule_does_it_every_monday(landing):
    settings = Settings(home=landing.store.where("home"), landing_keep_days=60)  # type: ignore[arg-type]
    assert "landing_clean_up" not in {each.name for each in schedules(Settings(home=settings.home))}
    [schedule] = [each for each in schedules(settings) if each.name == "landing_clean_up"]
    assert schedule.cron_schedule == "30 11 * * 1"
    captures = [land(landing, [of(DAY)], at=NOW + n * HOUR) for n in range(4)]
    run = dg.materialize(
        [landing_clean_up(60)], resources={"landing": landing, "clock": Clock(NOW + timedelta(days=60, hours=2))}
    )
    assert run.success
    assert landing.captures("stats", DAY) == [captures[0], *captures[2:]]
    [made] = run.asset_materializations_for_node("operations__landing_clean_up")
    assert [made.metadata[name].value for name in ("answers removed", "kept")] == [1, 3]


def test_what_is_younger_stays(landing):
    captures = [land(landing, [of(DAY)], at=NOW + n * HOUR) for n in range(4)]
    assert clean(landing, captures[1].fetched_at) == []
    assert clean(landing, captures[2].fetched_at) == [captures[1]]


@pytest.mark.parametrize("endpoint", ["player_injuries", "odds", "odds/player_props"])
def test_every_snapshot_stays(landing, endpoint):
    for number in range(4):
        land(landing, [{"id": 1}], endpoint=endpoint, at=NOW + number * HOUR)
    assert clean(landing) == []


def test_the_newest_roster_before_a_game_of_its_date_stays(landing):
    tip = datetime(2024, 1, 17, 23, tzinfo=UTC)
    land(landing, [game(datetime=tip.isoformat())], endpoint="games")
    rosters = [
        land(landing, [{"id": 1}], endpoint="players/active", at=tip + hours * HOUR) for hours in (-4, -3, -2, -1, 1, 2)
    ]
    assert clean(landing) == [rosters[1], rosters[2], rosters[4]]
    assert landing.latest("players/active", DAY, before=tip) == rosters[3]


def test_old_answers_that_were_never_finished_go_and_files_of_somebody_else_stay(landing, tmp_path):
    landing.begin("stats", DAY, DAY, NOW).add_page(b"{}", {}, NOW)
    note = tmp_path / "landing" / "balldontlie" / "stats" / "README"
    note.write_text("mine")
    assert clean(landing, NOW) == []
    assert list(tmp_path.rglob("page-*"))
    assert clean(landing) == []
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["README"]


def test_a_clean_up_that_is_killed_anywhere_leaves_a_landing_that_says_the_same(landing):
    """After every single file that is removed: each date has its newest answer, and all that said something new."""
    random, dates = np.random.default_rng(5), [DAY + timedelta(days=n) for n in range(6)]
    for number in range(40):
        first = int(random.integers(0, 6))
        chosen = dates[first : first + int(random.integers(1, 4))]
        items = [of(day, points=20 + int(random.random() < 0.15)) for day in chosen]
        land(landing, items, first=chosen[0], last=chosen[-1], at=NOW + number * HOUR)

    def said() -> list:
        return [([c.key for c in landing.telling("stats", d)], landing.latest("stats", d)) for d in dates]

    before, found = said(), clean_up_of(landing, LATER)
    assert len(found.captures) > 10
    for key in found.keys:
        landing.store.remove(key)
        assert said() == before
    assert all(page.body() for day in dates for capture in landing.captures("stats", day) for page in capture.pages)
    assert len(landing.all_captures()) == found.kept
    assert clean_up_of(landing, LATER).keys == ()


def test_with_an_answer_that_cannot_be_read_nothing_is_removed(landing, tmp_path):
    captures = [land(landing, [of(DAY)], at=NOW + n * HOUR) for n in range(3)]
    (tmp_path / "landing" / captures[2].key / "capture.json").write_text("{")
    with pytest.raises(DamagedLandingError, match=captures[2].key):
        clean_up_of(landing, LATER)


# the command


def test_the_command_says_what_it_would_remove_removes_it_and_keeps_everything_unless_told(landing, tmp_path):
    captures = [land(landing, [of(DAY)], at=NOW + n * HOUR) for n in range(3)]
    home = {"NBA_PIPELINE_HOME": str(tmp_path), "NBA_PIPELINE_NOW": LATER.isoformat()}

    def run(*arguments: str, **settings: str) -> tuple[int, str]:
        ended = CliRunner(env={**home, **settings}).invoke(app, ["landing", "clean-up", *arguments])
        return ended.exit_code, ended.output

    code, said = run()
    assert code == 2
    assert "NBA_PIPELINE_LANDING_KEEP_DAYS is not set, so every answer is kept" in said
    assert run("--keep-days", "13")[0] == 2
    code, said = run("--dry-run", NBA_PIPELINE_LANDING_KEEP_DAYS="30")
    assert (code, said.splitlines()[0][:28]) == (0, "1 answers would be removed, ")
    assert len(landing.captures("stats", DAY)) == 3
    code, said = run("--json", NBA_PIPELINE_LANDING_KEEP_DAYS="30")
    assert (code, json.loads(said)["removed"], json.loads(said)["kept"]) == (0, [captures[1].key], 2)
    assert landing.captures("stats", DAY) == [captures[0], captures[2]]
    assert json.loads(run("--keep-days", "30", "--json")[1])["removed"] == []
