"""A game that leaves the answer about its date is asked for by its own id before anything is concluded."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from pydantic import SecretStr

from nba_pipeline.clock import Clock
from nba_pipeline.landing.assets import known_games
from nba_pipeline.partitions import season_bounds
from nba_pipeline.raw.games import CONTRACT, NOT_PLAYED, as_known_before, games
from nba_pipeline.raw.parsing.landed import read_landed
from nba_pipeline.raw.rules.unclear_games import clear_games
from nba_pipeline.settings import Settings
from nba_pipeline.sources.balldontlie import SEASON_GAMES, BalldontlieClient, parse_games, unanswered_games
from nba_pipeline.sources.errors import SourceRefused
from nba_pipeline.sources.landing import Landing
from nba_pipeline.sources.records import GAME_WORDS, GameRecord, game_status
from nba_pipeline_tests.support.api_items import game
from nba_pipeline_tests.support.named_command import named_command
from nba_pipeline_tests.support.scripted_server import Answer, serving

DAY, LATER = date(2024, 1, 17), date(2024, 3, 20)
OTHERS = {
    "home_team": {"id": 5, "abbreviation": "CHI"},
    "visitor_team": {"id": 6, "abbreviation": "DET"},
}
COMING = {"status": "2024-01-18T00:30:00Z", "period": 0, "home_team_score": 0, "visitor_team_score": 0}


@dataclass
class Source:
    """What it lists, and what it says of each game by its id."""

    landing: Landing
    url: str = ""
    listed: list[dict] = field(default_factory=list)
    by_id: dict[int, tuple[int, dict | str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def answer(self, handler: BaseHTTPRequestHandler) -> Answer:
        path = handler.path.split("?")[0]
        self.asked.append(path)
        name = path.removeprefix("/v1/games")
        status, content = self.by_id[int(name[1:])] if name else (200, {"data": self.listed, "meta": {}})
        return status, json.dumps(content).encode(), {}

    def land(self, first: date = DAY, last: date = DAY) -> None:
        settings = Settings(
            home=Path(self.landing.store.where("x")).parent, balldontlie_api_url=self.url,
            balldontlie_api_key=SecretStr("k"), balldontlie_requests_per_minute=100_000, http_attempts=2,
            http_wait_min_seconds=0.01, http_wait_max_seconds=0.01,
        )  # fmt: skip
        client = BalldontlieClient(settings, self.landing, Clock(datetime(2024, 1, 18, 12, tzinfo=UTC)))
        client.land_games(first, last, known_games(self.landing, first, last, pytest.fail))

    def rows(self, *days: date, warn: Callable[[str], None] = pytest.fail) -> list[dict]:
        landed = read_landed(self.landing, "games", days or [DAY], parse_games, warn=warn)
        assert landed.refused == {}
        return sorted(games(landed.records).to_pylist(), key=lambda row: (row["game_id"], row["game_date"]))


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Source]:
    source = Source(Landing(tmp_path))
    with serving(source.answer) as source.url:
        source.listed = [game(id=3, **COMING), game(id=4, **COMING | OTHERS)]
        source.land()
        source.listed = source.listed[1:]
        source.asked.clear()
        yield source


def states(rows: list[dict]) -> list[tuple]:
    return [(row["game_id"], row["status"], row["moved_to"]) for row in rows]


def test_a_game_that_was_moved_beyond_tomorrow_is_moved_on_its_old_date(source):
    source.by_id[3] = 200, {"data": game(id=3, **COMING, date=str(LATER), datetime="2024-03-20T23:00:00Z")}
    source.land()
    assert source.asked == ["/v1/games", "/v1/games/3"]
    found = source.rows()
    assert states(found) == [(3, "moved", LATER), (4, "scheduled", None)]
    assert (found[0]["game_date"], found[0]["tipoff_at"], found[0]["home_team"]) == (DAY, None, "BOS")


def test_a_game_that_nobody_knows_any_more_is_cancelled(source):
    source.by_id[3] = 404, {"error": "Not Found"}
    source.land()
    assert states(source.rows()) == [(3, "cancelled", None), (4, "scheduled", None)]


def land_season(source: Source, *items: dict) -> None:
    at = datetime(2024, 1, 18, 10, tzinfo=UTC)
    writer = source.landing.begin(SEASON_GAMES, *season_bounds(2023), at)
    writer.add_page(json.dumps({"data": items, "meta": {}}).encode(), {}, at)
    writer.commit()


@pytest.mark.parametrize(
    ("on_the_schedule", "status"),
    [
        ([game(id=3)], "final"),
        ([game(id=3, **COMING)], "cancelled"),
        ([game(id=3, date=str(LATER))], "cancelled"),
        ([game(id=4)], "cancelled"),
        ([], "cancelled"),
    ],
    ids=["final", "still to come, so it may be older", "on another date", "without it", "empty"],
)
def test_what_the_season_schedule_has_as_final_is_not_cancelled_by_one_answer_and_is_told(
    source, on_the_schedule, status
):
    source.by_id[3] = 404, {"error": "Not Found"}
    source.land()
    land_season(source, *on_the_schedule)
    told: list[str] = []
    landed = read_landed(source.landing, "games", [DAY], parse_games, warn=pytest.fail)
    found = games(as_known_before(source.landing, landed.records, told.append)).to_pylist()
    assert {row["game_id"]: row["status"] for row in found} == {3: status, 4: "scheduled"}
    assert [named_command(said) for said in told] == (
        [["game", "show", "3", "--date", str(DAY)]] if status == "final" else []
    )


@pytest.mark.parametrize("status", ["final", "scheduled"])
def test_a_game_listed_by_another_id_counts_though_the_schedule_has_the_first_as_final(source, status):
    source.by_id[3] = 404, {"error": "Not Found"}
    source.listed.append(game(id=9, **COMING if status == "scheduled" else {}))
    source.land()
    land_season(source, game(id=3))
    landed = read_landed(source.landing, "games", [DAY], parse_games, warn=pytest.fail)
    rows, unclear = clear_games(
        games(as_known_before(source.landing, landed.records, pytest.fail)).to_pylist(), CONTRACT
    )
    assert {row["game_id"]: row["status"] for row in rows} == {3: "cancelled", 4: "scheduled", 9: status}
    assert unclear == {}


def test_without_a_schedule_of_the_season_one_answer_cancels(source):
    source.by_id[3] = 404, {"error": "Not Found"}
    source.land()
    records = read_landed(source.landing, "games", [DAY], parse_games, warn=pytest.fail).records
    assert as_known_before(source.landing, records, pytest.fail) == [*records]


def test_what_the_source_itself_calls_cancelled_is_whatever_the_schedule_of_the_season_has(source):
    source.listed.append(game(id=3, status="Canceled", period=0, home_team_score=0, visitor_team_score=0))
    source.land()
    land_season(source, game(id=3))
    records = read_landed(source.landing, "games", [DAY], parse_games, warn=pytest.fail).records
    assert {r.game_id: r.status for r in as_known_before(source.landing, records, pytest.fail)}[3] == "cancelled"


def test_a_game_that_still_stands_there_was_left_out_of_a_list_cut_short(source):
    source.by_id[3] = 200, {"data": game(id=3)}
    source.land()
    assert states(source.rows()) == [(3, "final", None), (4, "scheduled", None)]


def test_it_is_asked_for_each_time_and_what_is_listed_again_counts(source):
    source.by_id[3] = 404, {"error": "Not Found"}
    source.land()
    source.by_id[3] = 200, {"data": game(id=3, **COMING, date=str(LATER))}
    source.land()
    assert source.rows()[0]["status"] == "moved"
    source.listed.append(game(id=3))
    source.land()
    assert states(source.rows()) == [(3, "final", None), (4, "scheduled", None)]
    assert source.asked.count("/v1/games/3") == 2


def test_moved_within_the_dates_of_one_answer_it_stands_on_both(source):
    source.listed.append(game(id=3, **COMING, date="2024-01-20"))
    source.by_id[3] = 200, {"data": game(id=3, **COMING, date="2024-01-20")}
    days = date(2024, 1, 20), DAY
    source.land(DAY, days[0])
    assert states(source.rows(*days)) == [
        (3, "moved", days[0]), (3, "scheduled", None), (4, "scheduled", None)
    ]  # fmt: skip


def test_one_that_cannot_be_read_when_it_is_asked_for_keeps_the_state_that_it_had_and_is_told(source):
    source.by_id[3] = 200, {"data": game(id=3, season=None)}
    source.land()
    told: list[str] = []
    landed = read_landed(source.landing, "games", [DAY], parse_games, warn=told.append, refuses=False)
    assert {(record.game_id, record.status) for record in landed.records} == {(3, "scheduled"), (4, "scheduled")}
    assert landed.refused == {}
    assert "season is None" in told[0]


def test_a_game_whose_id_or_date_cannot_be_read_any_more_is_asked_for_by_the_id_that_it_had(source):
    source.listed += [game(id=None), game(id=3, date="soon")]
    source.by_id[3] = 200, {"data": game(id=3)}
    source.land()
    landed = read_landed(source.landing, "games", [DAY], parse_games, warn=lambda told: None, refuses=False)
    assert {(record.game_id, record.status) for record in landed.records} == {(3, "final"), (4, "scheduled")}


def test_an_answer_in_which_a_game_cannot_be_read_makes_nobody_forget_what_it_was(source):
    source.listed = [game(id=3, season=None), game(id=4, season=None), game(id=5, season=None)]
    source.land()
    known = known_games(source.landing, DAY, DAY, pytest.fail)
    assert {key[0]: found.status for key, found in known.items()} == {3: "scheduled", 4: "scheduled", 5: "unclear"}


@pytest.mark.parametrize(
    "answer",
    [(200, {"data": [], "meta": {}}), (500, {}), (404, "There is no such address"), (410, "<html>"), (400, {})],
    ids=["a list", "500", "404", "410", "400"],
)
def test_without_an_answer_about_it_the_new_list_counts_and_the_game_stays_as_it_stood(source, answer):
    source.by_id[3] = answer
    source.listed[0] |= {"status": "Final", "period": 4, "home_team_score": 101, "visitor_team_score": 99}
    source.land()
    assert states(source.rows()) == [(3, "scheduled", None), (4, "final", None)]
    capture = source.landing.latest("games", DAY)
    assert capture is not None
    assert [*unanswered_games(capture)] == [3]
    source.by_id[3] = 404, {"error": "Not Found"}
    source.land()
    assert states(source.rows()) == [(3, "cancelled", None), (4, "final", None)]


@pytest.mark.parametrize("said", [(500, {}), (200, {"data": game(id=3, season=None)})], ids=["nothing", "not to read"])
@pytest.mark.parametrize("side", [*OTHERS])
def test_a_game_that_is_not_listed_any_more_takes_none_with_it_that_its_team_is_listed_for(source, side, said):
    source.by_id[3] = said
    source.listed.append(game(id=9, **OTHERS | {side: game()["home_team"]} | {"date": str(LATER)}))
    source.land(DAY, LATER)
    assert states(source.rows(warn=lambda told: None))[0] == (3, "scheduled", None), (
        "on another date a team may play whom it likes"
    )
    source.listed[0] |= {side: game()["home_team"]}
    source.land(DAY, LATER)
    found = source.rows(warn=lambda told: None)
    assert states(found) == [(3, "postponed", None), (4, "scheduled", None)]
    assert found[0]["status_text"] == "it is not listed any more, and BOS is listed for game 4 on this date"
    source.by_id[3] = 200, {"data": game(id=3)}
    source.land(DAY, LATER)
    assert states(source.rows())[0] == (3, "final", None), "what the source says of it by its id counts"


def test_a_game_that_gave_way_stands_as_it_did_once_no_other_game_of_its_teams_is_listed(source):
    source.by_id[3] = 500, {}
    source.listed.append(game(id=9, **COMING))
    source.land()
    assert states(source.rows())[0] == (3, "postponed", None)
    source.listed.pop()
    source.by_id[9] = 404, {"error": "Not Found"}
    source.land()
    assert states(source.rows()) == [(3, "scheduled", None), (4, "scheduled", None), (9, "cancelled", None)]


def test_a_final_game_gives_way_to_none_that_is_not(source):
    source.listed.append(game(id=3))
    source.land()
    source.by_id[3] = 500, {}
    source.listed[-1] = game(id=9, **COMING)
    source.land()
    rows, _ = clear_games(source.rows(), CONTRACT)
    assert {row["game_id"]: row["status"] for row in rows} == {3: "final", 4: "scheduled", 9: "postponed"}
    source.listed[-1] = game(id=9)
    source.land()
    assert states(source.rows()) == [(3, "postponed", None), (4, "scheduled", None), (9, "final", None)]


@pytest.mark.parametrize("status", [401, 402, 403])
def test_a_source_that_refuses_whoever_asks_ends_the_question(source, status):
    source.by_id[3] = status, {"error": "no"}
    with pytest.raises(SourceRefused):
        source.land()
    assert states(source.rows()) == [(3, "scheduled", None), (4, "scheduled", None)]


def test_a_game_that_is_gone_by_its_id_is_cancelled(source):
    source.by_id[3] = 410, {"error": "Gone"}
    source.land()
    assert states(source.rows()) == [(3, "cancelled", None), (4, "scheduled", None)]


def test_one_game_without_an_answer_takes_no_other_with_it_and_after_two_the_rest_is_not_asked(source):
    source.listed = [game(id=n, **COMING) for n in (3, 4, 5, 6, 7)]
    source.land()
    source.listed = []
    moved = {"data": game(id=4, **COMING, date=str(LATER))}
    source.by_id |= {3: (500, {}), 4: (200, moved), 5: (500, {}), 6: (500, {}), 7: (200, moved)}
    source.asked.clear()
    source.land()
    assert [row[1] for row in states(source.rows())] == ["scheduled", "moved", "scheduled", "scheduled", "scheduled"]
    assert [source.asked.count(f"/v1/games/{n}") for n in (3, 4, 5, 6, 7)] == [2, 1, 2, 2, 0]


def test_an_answer_without_the_game_is_another_one_than_the_list_alone(source):
    """The same list was the answer once, before anybody knew the game."""
    source.by_id[3] = 500, {}
    source.land()
    capture = source.landing.latest("games", DAY)
    assert capture is not None
    alone = replace(capture, pages=capture.pages[:1], said=None)
    assert capture.fingerprint != alone.fingerprint
    assert capture.about(DAY) != alone.about(DAY)


def test_what_is_said_of_it_changes_the_fingerprint_of_the_answer(source):
    fingerprints = []
    for said in ((404, {"error": "Not Found"}), (200, {"data": game(id=3, **COMING, date=str(LATER))})):
        source.by_id[3] = said
        source.land()
        capture = source.landing.latest("games", DAY)
        assert capture is not None
        fingerprints.append(capture.fingerprint)
    assert len(set(fingerprints)) == 2


@pytest.mark.parametrize("missing", [("home_team",), ("home_team", "visitor_team")], ids=len)
@pytest.mark.parametrize("text", ["TBD", "2024-01-18T00:30:00Z", None])
def test_a_game_of_which_nobody_knows_who_plays_is_undecided(missing, text):
    record = GameRecord.of(game(**COMING | {"status": text}, **dict.fromkeys(missing)))
    assert (record.status, record.home_team) == ("undecided", None)
    assert record.status in NOT_PLAYED


def test_a_final_game_without_a_team_is_none():
    with pytest.raises(ValueError, match="home_team"):
        GameRecord.of(game(home_team=None))


@pytest.mark.parametrize(
    ("text", "period", "status"),
    [
        ("Postponed", 0, "postponed"), ("PPD", 0, "postponed"), ("Cancelled", 0, "cancelled"),
        ("Canceled", 0, "cancelled"), ("Suspended", 3, "suspended"), ("Forfeited", 0, "forfeited"),
        ("Forfeit", 2, "forfeited"), ("TBD", 0, "undecided"), ("If Necessary", 0, "undecided"),
    ],
)  # fmt: skip
def test_words_that_say_more_than_the_numbers(text, period, status):
    assert game_status(text, period, (20, 0)) == status


def test_every_word_gives_a_state_that_the_contract_has():
    (allowed,) = (column.allowed for column in CONTRACT.columns if column.name == "status")
    assert {status for _, status in GAME_WORDS} <= set(allowed or ())
