"""What a person types about one game: it is known, said, decided, recorded, and can be taken back."""

import json
import shlex
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from typer.testing import CliRunner, Result

from nba_pipeline.cli.app import app
from nba_pipeline.decisions.game_decisions import GameDecision, Ruling
from nba_pipeline.monitoring.known_games import decided_about, decided_behind
from nba_pipeline.raw import held_games
from nba_pipeline.warehouse.duckdb_warehouse import DuckDBWarehouse
from nba_pipeline_tests.support.named_command import named_command
from nba_pipeline_tests.support.undecided_games import (
    BROKEN,
    DAY,
    FAULT,
    MOVED,
    MOVED_TO,
    NEVER_LISTED,
    NOW,
    PARTLY,
    SIGNED,
    WHOLE,
    home_with_undecided_games,
)

Run = Callable[[str], Result]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return home_with_undecided_games(tmp_path)


@pytest.fixture
def run(home: Path) -> Run:
    environment = {"NBA_PIPELINE_HOME": str(home), "NBA_PIPELINE_NOW": NOW.isoformat()}
    return lambda line: CliRunner(env=environment).invoke(app, shlex.split(line))


def outcome(ended: Result) -> dict[str, Any]:
    return json.loads(ended.stdout)["outcome"]


def test_a_whole_game_is_shown_and_there_is_nothing_to_do(run: Run) -> None:
    shown = run(f"game show {WHOLE}")
    assert shown.exit_code == 0
    assert shown.stdout.splitlines() == [
        "Game 501 of 2026-01-14: NYK at BKN, final",
        "    raw.games: final (Final), 90 : 100, 4 periods, kind: regular",
        "    raw.player_box_scores: 2 players",
    ]


def test_a_game_whose_rows_were_refused_is_shown_with_the_reasons_and_commands_that_work(run: Run) -> None:
    shown = run(f"game show {BROKEN}")
    assert shown.exit_code == 1
    reason = f"    in quarantine, of raw.held_games: {FAULT}"
    assert shown.stdout.splitlines().count(reason) == 1, "once, however many rows it is about"
    commands = [line for line in shown.stdout.splitlines() if line.startswith("    next: ")]
    assert [named_command(line)[:2] for line in commands] == [
        ["backfill", "--from"], ["game", "accept"], ["game", "correct"], ["game", "hold"],
    ]  # fmt: skip
    (said,) = outcome(run(f"game show {BROKEN} --json"))["reasons"]
    assert named_command(said) == ["backfill", "--from", "2026-01-14", "--to", "2026-01-14"]
    assert run(shlex.join(named_command(commands[1]))).exit_code == 0
    assert run(f"game show {BROKEN}").exit_code == 0, "somebody decided"


def test_what_was_refused_of_a_game_is_found_by_its_reason_too_and_not_that_of_another_game(run: Run) -> None:
    (shown,) = json.loads(run(f"game show {BROKEN} --json").stdout)["dates"]
    reasons = {row["reason"] for row in shown["quarantined"]}
    assert reasons == {FAULT, "minutes of game 502 do not sum"}


def test_a_game_that_only_quarantine_knows_can_be_decided_about(run: Run) -> None:
    assert "not on the schedule" in run(f"game show {NEVER_LISTED}").stdout
    assert run(f"game hold {NEVER_LISTED} {SIGNED}").exit_code == 0


def test_a_decision_is_recorded_shown_and_taken_back(run: Run) -> None:
    held = run(f"game hold {BROKEN} {SIGNED} --until 2026-01-20T12:00-05:00")
    sentence = "Ann holds game 502 of 2026-01-14 until 2026-01-20 17:00 UTC: the league says so"
    assert held.stdout.splitlines() == [
        sentence, "Make the date again: nba-pipeline backfill --from 2026-01-14 --to 2026-01-14",
    ]  # fmt: skip
    (decided,) = outcome(run("game decisions --json"))["decided"]
    assert decided.startswith(sentence)
    summed = run(f"game correct {BROKEN} --players-sum {SIGNED}")
    assert f"It takes the place of: {sentence}" in summed.stdout
    shown = json.loads(run(f"game show {BROKEN} --json").stdout)["dates"][0]
    assert shown["in_force"]["corrections"] == {"players_sum": True}
    assert [one["ruling"] for one in shown["decisions"]] == ["hold", "correct"]
    (decided,) = outcome(run(f"game show {BROKEN} --json"))["decided"]
    assert run(shlex.join(named_command(decided))).exit_code == 0
    assert "No decision about a game is in force." in run("game decisions").stdout
    past = run(f"game show {BROKEN}").stdout
    assert "UTC, past: Ann corrects game 502 of 2026-01-14 (score=the players' sum) until it is released" in past


def test_of_an_id_on_two_dates_the_date_is_asked_for_and_both_are_listed(run: Run) -> None:
    unclear = run(f"game hold {MOVED} {SIGNED}")
    assert unclear.exit_code == 2
    assert unclear.stderr.splitlines() == [
        "game 503 stands on 2 dates, say which:",
        "  --date 2026-01-14 (NYK at BKN, postponed)",
        "  --date 2026-03-02 (NYK at BKN, scheduled)",
    ]
    assert run(f"game hold {MOVED} {SIGNED} --date {MOVED_TO}").exit_code == 0
    assert run(f"game show {MOVED}").stdout.count("Game 503 of ") == 2, "to show both is no question"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("game show 999", "no game 999 is known, by the source's id of it"),
        ("game show 999 --date 2026-01-14", "load its date first: nba-pipeline backfill --from 2026-01-14"),
        (f"game show {WHOLE} --date 2026-01-15", "is not known on 2026-01-15; it stands on:\n  --date 2026-01-14"),
        (f"game hold 999 {SIGNED}", "no game 999 is known"),
        (f"game hold {WHOLE} --by ' ' --because x", "say who decides (--by) and why (--because)"),
        (f"game hold {WHOLE} {SIGNED} --until 2026-01-20", "is no instant with its offset, such as"),
        (f"game hold {WHOLE} {SIGNED} --until 2026-01-01T00:00Z", "2026-01-01 00:00 UTC is over already"),
        (f"game release {WHOLE} {SIGNED}", "no decision about game 501 of 2026-01-14 is in force: nba-pipeline"),
        (f"game correct {WHOLE} {SIGNED}", "say what is right: --players-sum, --set home_score=101"),
        (f"game correct {WHOLE} {SIGNED} --set home_score", "--set home_score sets nothing: write --set home"),
        (f"game correct {WHOLE} {SIGNED} --set 7.=3", "--set 7.=3 sets nothing"),
        (f"game correct {WHOLE} {SIGNED} --set home_scor=3", "did you mean home_score?"),
        (f"game correct {WHOLE} {SIGNED} --set home_score=3000", "home_score is 3000; it lies between 1 and 250"),
        (f"game correct {WHOLE} {SIGNED} --set home_score=3 --set home_score=4", "home_score is set twice"),
        (f"game correct {WHOLE} {SIGNED} --set 7.points=[1]", "points is '[1]'; it is a whole number"),
        (f"game correct {WHOLE} {SIGNED} --set 70.points=1", "player 70 has no row in it; these have: 7/BKN, 8/NYK"),
        (f"game correct {BROKEN} {SIGNED} --set 7.points=1", "player 7 has no row in it; these have: 10/NYK, 9/BKN"),
        (f"game correct {WHOLE} {SIGNED} --without 7 --set 7.points=1", "is left out or it is corrected, not both"),
    ],
)  # fmt: skip
def test_what_cannot_be_decided_is_refused_with_what_to_type_instead(run: Run, line: str, said: str) -> None:
    refused = run(line)
    assert refused.exit_code == 2
    assert said in refused.stderr
    assert "No decision about a game is in force." in run("game decisions").stdout


def test_values_are_recorded_as_they_were_typed(run: Run) -> None:
    typed = "--set visitor_score=91 --set 7/BKN.points=12 --set 7/BKN.minutes=31.5 --without 8/NYK"
    recorded = run(f"game correct {WHOLE} {SIGNED} --json {typed}")
    assert recorded.exit_code == 0, recorded.output
    assert json.loads(recorded.stdout)["decision"]["corrections"] == {
        "visitor_score": 91, "player:7/BKN": {"points": 12, "minutes": 31.5}, "player:8/NYK": None,
    }  # fmt: skip


def test_a_correction_where_not_all_players_are_known_is_recorded_and_judged_when_it_is_made(
    run: Run,
) -> None:
    assert run(f"game correct {PARTLY} {SIGNED} --players-sum --set 77.points=3").exit_code == 0


def test_a_game_that_a_rule_holds_is_named_as_decided_and_there_is_nothing_to_take_back(home: Path, run: Run) -> None:
    ruling = {"game_date": DAY, "game_id": BROKEN, "season": 2025, "state": "held", "reasons": "the score is wrong",
              "decided_by": "the deadline"}  # fmt: skip
    sides = [ruling | {"team_id": 3, "team": "BKN"}, ruling | {"team_id": 20, "team": "NYK"}]
    with DuckDBWarehouse(home / "warehouse.duckdb").session() as session:
        session.ensure(held_games.CONTRACT)
        session.append(held_games.CONTRACT, pa.Table.from_pylist(sides, schema=held_games.CONTRACT.schema.to_pyarrow()))
    shown = run(f"game show {BROKEN} --json")
    assert shown.exit_code == 0
    rule = "game 502 of 2026-01-14 is held by the deadline: the score is wrong"
    assert outcome(shown)["decided"] == [rule]
    assert json.loads(shown.stdout)["dates"][0]["state"] == "held"
    refused = run(f"game release {BROKEN} {SIGNED}")
    assert (refused.exit_code, "what holds it is a rule" in refused.stderr) == (2, True)
    assert run(f"game accept {BROKEN} {SIGNED}").exit_code == 0
    decision, standing = outcome(run(f"game show {BROKEN} --json"))["decided"]
    assert decision.startswith("Ann accepts as the source has it game 502")
    assert standing == rule, "until the date is made again"


@pytest.mark.parametrize(
    ("game_id", "why"),
    [
        (BROKEN, "a value that cannot be: points is null"),
        (MOVED, "it is postponed, not final"),
    ],
    ids=["a value that cannot be", "not final"],
)
def test_what_no_person_can_accept_is_neither_offered_nor_recorded(
    home: Path, run: Run, game_id: int, why: str
) -> None:
    ruling = {"game_date": DAY, "game_id": BROKEN, "season": 2025, "state": "held", "decided_by": "the deadline",
              "reasons": f"the score is wrong; {why}", "not_acceptable": why, "team_id": 3, "team": "BKN"}  # fmt: skip
    with DuckDBWarehouse(home / "warehouse.duckdb").session() as session:
        session.ensure(held_games.CONTRACT)
        rows = pa.Table.from_pylist([ruling], schema=held_games.CONTRACT.schema.to_pyarrow())
        session.append(held_games.CONTRACT, rows)
    refused = run(f"game accept {game_id} --date {DAY} {SIGNED}")
    assert refused.exit_code == 2
    assert why in " ".join(refused.stderr.split())
    assert named_command(refused.stderr)[:2] == ["game", "show"]
    assert "game accept" not in run(f"game show {game_id}").stdout
    assert "No decision" in run("game decisions").stdout


@pytest.mark.parametrize("state", [held_games.KEPT, held_games.ACCEPTED])
def test_a_sum_of_players_whose_earlier_answer_counts_is_not_taken_and_the_score_can_be_set(
    home: Path, run: Run, state: str
) -> None:
    ruling = {"game_date": DAY, "game_id": WHOLE, "season": 2025, "state": state, "answer": "f" * 64,
              "decided_by": held_games.BY_ANSWER, "reasons": "the newest is set aside: BKN has no 5 players who played",
              "team_id": 3, "team": "BKN"}  # fmt: skip
    with DuckDBWarehouse(home / "warehouse.duckdb").session() as session:
        session.ensure(held_games.CONTRACT)
        rows = pa.Table.from_pylist([ruling], schema=held_games.CONTRACT.schema.to_pyarrow())
        session.append(held_games.CONTRACT, rows)
    refused = run(f"game correct {WHOLE} --players-sum {SIGNED}")
    said = " ".join(refused.stderr.split())
    assert (refused.exit_code, "BKN has no 5 players who played" in said) == (2, True)
    assert "No decision" in run("game decisions").stdout
    set_it = named_command(said)
    assert set_it[:7] == ["game", "correct", str(WHOLE), "--date", str(DAY), "--set", "home_score=100"]
    assert run(shlex.join(set_it)).exit_code == 0


@pytest.mark.parametrize(
    ("teams", "day", "played", "named"),
    [
        (("BKN", "LAL"), MOVED_TO, [], True),
        (("LAL", "NYK"), MOVED_TO, [], True),
        (("LAL", "GSW"), MOVED_TO, [(DAY, BROKEN)], True),
        (("LAL", "GSW"), MOVED_TO, [(DAY, WHOLE)], False),
        (("BKN", "NYK"), DAY, [], False),
        (("BKN", "NYK"), date(2027, 11, 1), [], False),
    ],
    ids=["his team", "his opponent", "he played in it", "another game", "the game itself", "two seasons later"],
)
def test_an_explanation_names_a_held_game_that_is_in_no_history_if_it_lacks_there(
    home: Path, run: Run, teams: tuple[str, str], day: date, played: list[tuple[date, int]], named: bool
) -> None:
    assert run(f"game hold {BROKEN} {SIGNED}").exit_code == 0
    with DuckDBWarehouse(home / "warehouse.duckdb").session(read_only=True) as session:
        found = decided_behind(session, played, teams, day, NOW)
    assert [said.partition(" of ")[0] for said in found] == (["Ann holds game 502"] if named else [])


def test_health_names_decisions_of_its_dates_and_counts_the_others() -> None:
    mine = GameDecision(DAY, WHOLE, Ruling.HOLD, {}, "Ann", "why", None, NOW.replace(tzinfo=None))
    others = [GameDecision(MOVED_TO, n, Ruling.HOLD, {}, "Ann", "why", None, mine.recorded_at) for n in (1, 2)]
    first, last = decided_about([*others, mine], [DAY])
    assert first.startswith("Ann holds game 501 of 2026-01-14 until it is released: why. Take that back with: ")
    assert named_command(first)[:3] == ["game", "release", "501"]
    assert last == (
        "2 decisions about games of other dates (2026-03-02 to 2026-03-02) are in force: nba-pipeline game decisions"
    )
    assert named_command(last) == ["game", "decisions"]
