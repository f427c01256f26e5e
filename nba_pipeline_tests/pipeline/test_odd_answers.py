"""A source that answers oddly on the wire and beside the facts, in front of real runs: what is right flows on."""

import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from rich.console import Console
from rich.progress import Progress

from nba_pipeline.assets.tables import tables_of
from nba_pipeline.automation.jobs import DAILY_BOX_SCORES
from nba_pipeline.automation.launches import LONGEST_RUN_SECONDS, Launch
from nba_pipeline.contracts import Phase
from nba_pipeline.decisions.game_decisions import GameDecision, Ruling, record_decision
from nba_pipeline.landing.assets import LANDED_GAMES, MAX_RUNTIME
from nba_pipeline.league.model import League
from nba_pipeline.league.server import LeagueServer
from nba_pipeline.monitoring.known_games import known_game
from nba_pipeline.monitoring.smoke_test import smoke_test
from nba_pipeline.operations.runs import materialize, opened
from nba_pipeline.raw import games, held_games, injuries, player_box_scores, players
from nba_pipeline.runtime import Runtime
from nba_pipeline.warehouse.operations_tables import QUARANTINE
from nba_pipeline_tests.support.scripted_server import serving
from nba_pipeline_tests.support.workbench import NOW, Workbench

DECORATION = ("first_name", "last_name", "position", "height_inches", "weight_pounds")
DAY, TODAY = date(2025, 11, 11), date(2025, 11, 12)
FIRST_ANSWERS = [(403, b"<html><title>One moment</title></html>"), (408, b""), (425, b"")]


@dataclass
class OddSource:
    """Stands in front of the replay server: turns every question away at first, and packs and alters the answers."""

    upstream: str
    url: str = ""
    refused: dict[str, int] = field(default_factory=dict)
    alter: Callable[[str, dict[str, Any]], None] | None = None

    def answer(self, path: str, key: str) -> tuple[int, bytes, dict[str, str]]:
        """Status, body and headers."""
        endpoint = path.partition("?")[0]
        turned_away = self.refused.get(endpoint, 0)
        if turned_away < len(FIRST_ANSWERS) - 1:
            self.refused[endpoint] = turned_away + 1
            status, body = FIRST_ANSWERS[(turned_away + len(endpoint)) % len(FIRST_ANSWERS)]
            return status, body, {"Content-Type": "text/html"}
        content = requests.get(self.upstream + path, headers={"Authorization": key}, timeout=10).json()
        (self.alter or altered)(endpoint, content)
        body = b"\xef\xbb\xbf" + json.dumps(content, ensure_ascii=False).encode()
        return 200, gzip.compress(body), {"Content-Encoding": "gzip", "Content-Type": "application/json;charset=utf-8"}


def altered(endpoint: str, content: dict[str, Any]) -> None:
    """What is no fact is odd, and one item too many is there; the cursors are texts."""
    items = content["data"]
    if content["meta"].get("next_cursor"):
        content["meta"]["next_cursor"] = str(content["meta"]["next_cursor"])
    if endpoint == "/v1/players/active":
        for item, height in zip(items, ["6'7\"", "211cm", "2.11 m", "6-7.5", "", "tall"], strict=False):
            item.update(height=height, weight="99.8 kg", first_name=None, position=["G", "F"])
        items.append({"id": None, "first_name": "Nobody", "last_name": "At All", "team": None})
    elif endpoint == "/v1/stats" and items:
        items[0]["player"].update(first_name=None, position=7)
        stranger = json.loads(json.dumps(items[0]))
        stranger["game"].update(id=99, date="2025-12-24")
        items.append(stranger)
    elif endpoint == "/v1/player_injuries":
        for number, item in enumerate(items):
            item["status"] = ["DTD", "Inactive", "Not With Team", "In the stars"][number % 4]


@pytest.fixture
def odd_source(league: League) -> Iterator[tuple[OddSource, LeagueServer]]:
    with LeagueServer(league, now=NOW) as behind:
        source = OddSource(behind.url)
        with serving(lambda asked: source.answer(asked.path, asked.headers["Authorization"])) as source.url:
            yield source, behind


def test_odd_answers_refuse_nothing_in_a_home_of_odd_letters_and_what_was_set_aside_is_counted(
    odd_source: tuple[OddSource, LeagueServer], season_start: Workbench, tmp_path: Path
) -> None:
    source, behind = odd_source
    bench = Workbench(tmp_path / "a höme #1 100% [ü] {x}; 'y'", behind)
    bench.settings = bench.settings.model_copy(update={"balldontlie_api_url": source.url})
    report = bench.backfill(DAY, TODAY, Phase.LANDING, Phase.RAW, history=False)
    assert [attempt.failures for attempt in report.attempts if attempt.failures] == []
    assert [path.name for path in tmp_path.iterdir()] == [bench.home.name]

    for table in (games.CONTRACT, player_box_scores.CONTRACT, players.CONTRACT):
        theirs, mine = season_start.rows(table, DAY, TODAY), bench.rows(table)
        facts = [name for name in mine.columns if name not in DECORATION]
        assert mine[facts].equals(theirs[facts]), table.name
    heights = bench.rows(players.CONTRACT)["height_inches"]
    assert {79, 80, 83} <= {*heights.dropna()}
    assert 0 < heights.isna().mean() < 0.1
    assert {"out", "questionable", "unknown"} <= {*bench.rows(injuries.CONTRACT)["status"]}

    with bench.warehouse.session(read_only=True) as session:
        kept = session.query(session.read(QUARANTINE)).to_pandas()
    reasons = {name: "\n".join(rows["reason"]) for name, rows in kept.groupby("table_name")}
    assert "'In the stars'" in reasons["raw.injuries"]
    assert "game 99 of 2025-12-24, which is left out" in reasons["raw.player_box_scores"]
    assert "player_id is None" in reasons["raw.players"]


OTHER_ID = 99_001


def wrong_schedule(endpoint: str, content: dict[str, Any]) -> None:
    """One game cannot be read, two share their teams with a third, and one item is of nobody."""
    if endpoint == "/v1/games":
        items = content["data"]
        first, second, third = (item for item in items[:3])
        double = json.loads(json.dumps(second)) | {"id": OTHER_ID, "visitor_team": third["home_team"]}
        first["season"] = None
        items += [double, {"id": None, "status": "Final"}, items[3]]


def test_what_the_schedule_has_wrong_of_games_holds_these_and_goes_when_it_is_corrected(
    odd_source: tuple[OddSource, LeagueServer], league: League, tmp_path: Path
) -> None:
    source, behind = odd_source
    source.alter = wrong_schedule
    scheduled = sorted(league.games.loc[league.games["game_date"] == DAY, "game_id"])
    first, second, third, whole = map(int, scheduled[:4])
    bench = Workbench(tmp_path / "home", behind)
    bench.settings = bench.settings.model_copy(update={"balldontlie_api_url": source.url})
    unfit = GameDecision(
        DAY, whole, Ruling.CORRECT, {"home_score": 900}, "Ann", "a slip", None, NOW.replace(tzinfo=None)
    )  # fmt: skip
    with bench.warehouse.session() as session:
        record_decision(session, unfit)

    report = bench.backfill(DAY, DAY, Phase.LANDING, Phase.RAW, history=False)
    assert report.complete, [attempt.failures for attempt in report.attempts]
    found = bench.rows(games.CONTRACT).set_index("game_id")
    broken = {first, second, third, OTHER_ID}
    assert set(found.index[found["status"] == "unclear"]) == broken
    assert set(bench.rows(held_games.CONTRACT)["game_id"]) == broken
    others = bench.rows(player_box_scores.CONTRACT)
    assert set(others["game_id"]) == {*scheduled} - broken
    assert whole in set(others["game_id"]), "a correction that does not fit holds no game that is whole"

    with bench.warehouse.session(read_only=True) as session:
        kept = session.query(session.read(QUARANTINE)).to_pylist()
        shown = known_game(session, whole, NOW)
    told = "\n".join(row["reason"] for row in kept if row["table_name"] == games.CONTRACT.name)
    assert "season is None" in told
    assert "the field 'home_team_score' is missing" in told
    misfit = f"game {whole}: the correction by Ann (home_score=900) does not fit: game {whole}: home_score is 900"
    assert misfit in told
    assert misfit in shown[0].quarantined[0]["reason"]
    [result] = smoke_test(bench.gatekeeper, DAY, DAY, tables_of(Phase.RAW) + tables_of(Phase.ANALYTICS))
    said = " ".join(result.decided)
    assert "raw_to_analytics is degraded" in said
    assert all(f"nba-pipeline game show {game}" in said for game in broken)

    source.alter = lambda endpoint, content: None
    behind.clock.fixed = NOW + timedelta(hours=1)
    assert bench.backfill(DAY, DAY, Phase.LANDING, Phase.RAW, history=False).complete
    assert bench.rows(held_games.CONTRACT).empty
    truth = bench.rows(player_box_scores.CONTRACT)
    assert set(truth["game_id"]) == {*scheduled}
    assert truth[~truth["game_id"].isin(broken)].reset_index(drop=True).equals(others)
    assert set(bench.rows(games.CONTRACT).set_index("game_id")["status"].drop(OTHER_ID)) == {"final"}


def test_an_automated_run_waiting_for_the_source_ends_with_the_reason_before_dagster_ends_it(
    workbench: Any,
) -> None:
    bench = workbench({"kind": "status", "code": 503, "endpoint": "games"})
    tags = Launch(Phase.LANDING, (LANDED_GAMES,), {DAY: "inputs"}).request("box_scores", NOW, DAILY_BOX_SCORES).tags
    assert tags[MAX_RUNTIME] == str(LONGEST_RUN_SECONDS)
    waiting = {"http_wait_min_seconds": LONGEST_RUN_SECONDS, "http_wait_max_seconds": LONGEST_RUN_SECONDS}
    settings = bench.settings.model_copy(update=waiting)
    with Progress(console=Console(quiet=True)) as bars, opened(Runtime(settings), bars) as pipeline:
        attempt = materialize(pipeline, [LANDED_GAMES], DAY, DAY, "games", {MAX_RUNTIME: tags[MAX_RUNTIME]})
    [failure] = attempt.failures
    assert "was tried once" in failure
    assert "1. HTTP 503). The next wait would outlive the run" in failure
    assert "the next tick of the automation goes on" in failure
