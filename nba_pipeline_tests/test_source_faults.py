"""The catalogue of known faults of the sources: what it says can be, its page is current, its repairs hit one game."""

import json
import shlex
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from pydantic import ValidationError
from typer.testing import CliRunner, Result

from nba_pipeline.cli.app import app
from nba_pipeline.decisions import source_faults as catalogue
from nba_pipeline.decisions.game_decisions import (
    GameDecision,
    Ruling,
    corrected_game,
    record_decision,
    refuse_corrections,
)
from nba_pipeline.decisions.source_faults import (
    BY_CATALOGUE,
    Repair,
    SourceFault,
    as_markdown,
    repairs_hash,
    repairs_of,
    source_faults,
    with_repairs,
)
from nba_pipeline.raw import games, player_box_scores
from nba_pipeline.raw.held_games import rulings
from nba_pipeline.raw.rules.corrections import corrected_schedule
from nba_pipeline.raw.rules.decided_games import decided_games
from nba_pipeline.warehouse.duckdb_warehouse import DuckDBWarehouse
from nba_pipeline_tests.support.named_command import named_command

PAGE = Path(__file__).parents[1] / "docs" / "source-faults.md"
LAKERS = next(fault for fault in source_faults() if fault.id == "wrong-score-2022-03-05-gsw-lal")
NOW = datetime(2026, 1, 20, 15, tzinfo=UTC)
REPAIRED = [fault for fault in source_faults() if fault.repair is not None]
DAY = date(2022, 3, 5)


def wrong(**other: Any) -> dict[str, Any]:
    """Golden State at the Lakers as the source had it."""
    return {"game_date": DAY, "game_id": 474367, "home_team": "LAL", "home_score": 66, "visitor_team": "GSW",
            "visitor_score": 116, **other}  # fmt: skip


def test_the_page_is_what_the_command_prints() -> None:
    printed = CliRunner().invoke(app, ["faults", "--markdown"])
    assert printed.exit_code == 0
    assert printed.stdout == as_markdown() == PAGE.read_text(encoding="utf-8"), (
        "make it again: nba-pipeline faults --markdown > docs/source-faults.md"
    )


def test_people_and_scripts_are_told_every_fault() -> None:
    told, scripted = CliRunner().invoke(app, ["faults"]), CliRunner().invoke(app, ["faults", "--json"])
    assert [fault["id"] for fault in json.loads(scripted.stdout)["faults"]] == [fault.id for fault in source_faults()]
    assert all(f"{fault.id} ({fault.source}): " in told.stdout for fault in source_faults())
    assert CliRunner().invoke(app, ["faults", "--json", "--markdown"]).exit_code == 2


@pytest.mark.parametrize("fault", REPAIRED, ids=lambda fault: fault.id)
def test_every_repair_keeps_the_contract_and_mends_what_the_source_holds(fault: SourceFault) -> None:
    assert fault.game is not None
    record = {"game_id": 1, **fault.game.model_dump(exclude={"holds"}), **fault.game.holds}
    decision = fault.decision_about(record)
    assert decision is not None
    refuse_corrections(decision, games.CONTRACT, player_box_scores.CONTRACT)
    assert fault.decision_about(corrected_game(record, decision, games.CONTRACT)) is None, (
        "corrected, it is found no more"
    )
    assert decision.decided_by == BY_CATALOGUE
    assert str(decision).endswith(f"until it is released: {fault.id}: {fault.wrong}")


@pytest.mark.parametrize(
    "other",
    [
        {"home_score": 124}, {"home_team": "LAC"}, {"visitor_team": "UTA"}, {"game_date": DAY + timedelta(days=1)},
        {"home_score": None},
    ],
)  # fmt: skip
def test_another_game_or_one_that_the_source_has_corrected_is_left_alone(other: dict[str, Any]) -> None:
    assert repairs_of([wrong()])[DAY, 474367].corrections == {"home_score": 124}
    assert repairs_of([wrong(**other)]) == {}


def test_a_repair_is_found_whatever_id_the_source_gives_the_game() -> None:
    assert [*repairs_of([wrong(game_id=18000001)])] == [(DAY, 18000001)]


def test_what_a_person_decides_goes_before_the_catalogue() -> None:
    ruled = repairs_of([wrong()])
    (repair,) = ruled.values()
    accepted: GameDecision = replace(repair, ruling=Ruling.ACCEPT, corrections={}, decided_by="Ann")
    assert with_repairs({}, [wrong()]) == ruled
    assert with_repairs({repair.key: accepted}, [wrong()]) == {repair.key: accepted}


@pytest.fixture
def repaired(tmp_path: Path) -> Path:
    """A home in which the game was repaired, and has box scores."""
    rows, aside = games.marked([wrong(), wrong(game_id=5, home_team="LAC")], repairs_of([wrong()]))
    assert [row.get("repaired_by") for row in rows] == [LAKERS.id, None]
    ((day, why, kept),) = aside
    assert (day, LAKERS.id in why, json.loads(kept)["home_score"]) == (DAY, True, 66), "the source's word is kept"
    ((corrected,), _) = corrected_schedule([rows[0]], repairs_of([wrong()]).values(), games.CONTRACT, [])
    whole = {"season": 2021, "status": "final", "period": 4, "postseason": False, "home_team_id": 14,
             "visitor_team_id": 10}  # fmt: skip
    with DuckDBWarehouse(tmp_path / "warehouse.duckdb").session() as session:
        session.ensure(games.CONTRACT)
        added = pa.Table.from_pylist([whole | corrected], schema=games.CONTRACT.schema.to_pyarrow())
        session.append(games.CONTRACT, added)
    return tmp_path


def test_a_repair_counts_as_decided_after_its_value_is_the_right_one_until_a_person_decides(repaired: Path) -> None:
    with DuckDBWarehouse(repaired / "warehouse.duckdb").session() as session:
        assert decided_games(session, NOW) == repairs_of([wrong()])
        mine = GameDecision(DAY, 474367, Ruling.ACCEPT, {}, "Ann", "why", None, datetime(2026, 1, 1))
        record_decision(session, mine)
        assert decided_games(session, NOW) == {mine.key: mine}


def test_a_repair_is_shown_where_people_look_and_what_goes_before_it_is_named(repaired: Path) -> None:
    def run(line: str) -> Result:
        home = {"NBA_PIPELINE_HOME": str(repaired), "NBA_PIPELINE_NOW": NOW.isoformat()}
        return CliRunner(env=home).invoke(app, shlex.split(line))

    shown = run("game show 474367")
    assert shown.exit_code == 0
    assert f"{BY_CATALOGUE} corrects game 474367 of {DAY} (home_score=124)" in " ".join(shown.stdout.split())
    assert LAKERS.id in run("game decisions --json").stdout
    refused = run("game release 474367 --by Ann --because why")
    assert (refused.exit_code, "a repair of the catalogue" in " ".join(refused.stderr.split())) == (2, True)
    (first, *_) = [line for line in shown.stdout.splitlines() if line.startswith("    next: ")]
    assert named_command(first)[:2] == ["game", "accept"]
    assert run(shlex.join(named_command(first))).exit_code == 0


def test_a_repair_that_holds_a_game_holds_it(repaired: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    holds = LAKERS.model_copy(update={"repair": Repair(ruling=Ruling.HOLD)})
    monkeypatch.setattr(catalogue, "source_faults", lambda: (holds,))
    with DuckDBWarehouse(repaired / "warehouse.duckdb").session(read_only=True) as session:
        decided = decided_games(session, NOW)
    side = {"game_date": DAY, "game_id": 474367, "team_id": 14, "team": "LAL", "season": 2021}
    ((state, who),) = [(row["state"], row["decided_by"]) for row in rulings([side], {}, decided, lambda day: False)]
    assert (state, who) == ("held", BY_CATALOGUE)


def test_a_date_is_made_again_when_the_catalogue_learns_of_one_of_its_games(monkeypatch: pytest.MonkeyPatch) -> None:
    known = repairs_hash(DAY)
    assert known != "-"
    assert repairs_hash(DAY + timedelta(days=1)) == "-"
    others = [fault for fault in source_faults() if fault.game is None or fault.game.game_date != DAY]
    monkeypatch.setattr(catalogue, "source_faults", lambda: others)
    assert repairs_hash(DAY) == "-"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"id": "Wrong Score"}, "String should match pattern"),
        ({"heals": "perhaps"}, "String should match pattern"),
        ({"source": ""}, "at least 3 characters"),
        ({"colour": "red"}, "Extra inputs are not permitted"),
        ({"game": None}, "a repair is of one game"),
        ({"reported": None}, "a repair is of one game"),
        ({"repair": {"ruling": "correct"}}, "a correction has values, and nothing else has"),
        ({"repair": {"ruling": "hold", "corrections": {"home_score": 3}}}, "a correction has values"),
        ({"repair": {"ruling": "accept"}}, "a repair holds or corrects"),
    ],
)
def test_an_entry_that_cannot_be_is_refused(changes: dict[str, Any], said: str) -> None:
    entry = REPAIRED[0].model_dump()
    SourceFault.model_validate(entry)
    with pytest.raises(ValidationError, match=said):
        SourceFault.model_validate(entry | changes)


def test_every_repaired_score_is_that_of_the_real_season(real_data: Path) -> None:
    asked = f"SELECT home_score FROM '{real_data}/games.parquet' WHERE (game_date, home_team, visitor_team) = (?, ?, ?)"
    for fault in REPAIRED:
        assert fault.game is not None
        assert fault.repair is not None
        about = [fault.game.game_date, fault.game.home_team, fault.game.visitor_team]
        (score,) = duckdb.execute(asked, about).fetchall()[0]
        assert fault.repair.corrections == {"home_score": score}, fault.id
