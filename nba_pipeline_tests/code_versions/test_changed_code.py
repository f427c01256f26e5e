"""Code that changes makes outdated what it reaches; nothing is made from a mixture, and one command brings all back."""

import shutil
import tarfile
from pathlib import Path

import duckdb
import pytest

from nba_pipeline.assets.tables import all_tables
from nba_pipeline.contracts import Phase
from nba_pipeline.predictions.player_predictions import CONTRACT as PREDICTIONS
from nba_pipeline.raw import box_score_revisions, held_games
from nba_pipeline_tests.code_versions.changed_code import (
    FIRST,
    HOME_FILE,
    LAST,
    ROOT,
    changed_sources,
    command,
    versions,
)

FORMULA = {
    "analytics/calculations/box_score_rates.py": ("FREE_THROW_WEIGHT = 0.44", "FREE_THROW_WEIGHT = 0.47"),
    "precompute/feature_groups/rates.py": (
        '    _of_season("usage_rate_last_5",',
        '    _of_season("usage_rate_last_3", "share", "Mean usage rate of 3 games.", SEASON_GAMES, 3),\n'
        '    _of_season("usage_rate_last_5",',
    ),
}
"""The weight of free throws, and one feature more."""

MEASURE = ("precompute/feature_groups/rates.py", "for games in (5, 10)}", "for games in (3, 5, 10)}")

REFACTORED = {
    "analytics/calculations/box_score_rates.py": (
        "    return plays_ended(rows) - rows.offensive_rebounds\n",
        "    return _less_rebounds(rows, plays_ended(rows))\n\n\n"
        "def _less_rebounds(rows: ibis.Table, ended: ir.FloatingValue) -> ir.FloatingValue:\n"
        '    """A helper of its own."""\n    return ended - rows.offensive_rebounds\n',
    ),
    "raw/players.py": (
        "    slates, now = _slates(context, games), context.resources.clock.now()\n",
        "    # All at once.\n    slates, now = _slates(context, games), context.resources.clock.now()\n",
    ),
    "raw/games.py": ('"""Games: the schedule of every date, and', '"""The schedule of every date, and'),
}
"""A helper split, a comment and a docstring."""

TOLD_BY_THE_SCHEDULE = {
    (f"{table}", LAST)
    for table in (
        "analytics.upcoming_team_game_context",
        "analytics.upcoming_player_game_context",
        "precompute.ml_feature_store",
        "predictions.player_predictions",
    )
}
"""What was made of tomorrow before today's games, which count in rest and travel now that the schedule tells these."""


@pytest.fixture(scope="module")
def old_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of before, as it is kept."""
    folder = tmp_path_factory.mktemp("before")
    with tarfile.open(HOME_FILE) as archive:
        archive.extractall(folder, filter="data")
    return folder / "home"


@pytest.fixture(scope="module")
def brought_up(old_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, brought up by the one command that it names."""
    home = tmp_path_factory.mktemp("brought-up") / "home"
    shutil.copytree(old_home, home)
    assert command(ROOT, home, "backfill", "--outdated")["outcome"] == {"exit_code": 0, "reasons": [], "decided": []}
    return home


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources with another formula and one feature more."""
    code = changed_sources(tmp_path_factory.mktemp("changed"), FORMULA)
    path = code / "nba_pipeline" / MEASURE[0]
    text = path.read_text()
    assert text.count(MEASURE[1]) == 1
    path.write_text(text.replace(MEASURE[1], MEASURE[2]))
    return code


def rows(home: Path, table: str, what: str = "*", where: str = "true") -> list[tuple]:
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        return connection.execute(f"SELECT {what} FROM {table} WHERE {where} ORDER BY ALL").fetchall()


def columns(home: Path, table: str) -> set[str]:
    """The columns of a table, but for those that say when a row was made."""
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        found = connection.execute(f"SELECT column_name FROM (DESCRIBE {table})").fetchall()
    volatile = {column.name for contract in all_tables() for column in contract.columns if column.volatile}
    return {name for (name,) in found} - volatile


def manifest(home: Path, what: str) -> dict[tuple, tuple]:
    found = rows(home, "operations.published_partitions", f"table_name, game_date, {what}")
    return {(name, str(day)): tuple(rest) for name, day, *rest in found}


def test_a_home_of_before_opens_and_one_sentence_says_what_brings_it_up(old_home, tmp_path):
    home = tmp_path / "home"
    shutil.copytree(old_home, home)
    (said,) = [r for r in command(ROOT, home, "health", "2025-10-23")["outcome"]["reasons"] if "other code" in r]
    assert said.endswith("nba-pipeline backfill --outdated")
    assert {date["overall"] for date in command(ROOT, home, "smoke-test", FIRST, LAST)["dates"]} == {"FAIL"}


def test_bringing_a_home_up_changes_no_row_and_no_live_prediction(old_home, brought_up):
    assert command(ROOT, brought_up, "smoke-test", FIRST, LAST)["outcome"]["exit_code"] == 0
    assert command(ROOT, brought_up, "ledger", "verify")["outcome"]["exit_code"] == 0
    before, now = (manifest(home, "row_count, fingerprint") for home in (old_home, brought_up))
    gained = {table for table, _ in before if columns(old_home, table) != columns(brought_up, table)}
    same = {key for key in before if key[0] not in gained and key not in TOLD_BY_THE_SCHEDULE}
    assert {key: now[key] for key in same} == {key: before[key] for key in same}
    for table in gained:
        kept = ", ".join(sorted(columns(old_home, table)))
        dates = f"game_date <> '{LAST}'" if (table, LAST) in TOLD_BY_THE_SCHEDULE else "true"
        one, other = (rows(home, table, kept, dates) for home in (brought_up, old_home))
        assert one == other, f"{table} gained columns and no more"
    new = {held_games.CONTRACT.name, box_score_revisions.CONTRACT.name}
    assert {table for table, _ in now} - {table for table, _ in before} == new, "the tables that there were not"
    assert not rows(brought_up, held_games.CONTRACT.name), "no game was held: they were whole"
    # Of a date about which nobody was told anything before its games, the ledger has nothing that could be outdated.
    unknown = {key for key, (version, count) in manifest(brought_up, "code_version, row_count").items() if not version}
    assert unknown <= {(PREDICTIONS.name, "2025-10-20"), (PREDICTIONS.name, "2025-10-21")}
    live = "mode = 'live'"
    old = "* EXCLUDE (model_version)"
    assert len(rows(brought_up, PREDICTIONS.name, "* EXCLUDE (code_version)", live)) >= len(
        rows(old_home, PREDICTIONS.name, old, live)
    )


def test_a_refactoring_outdates_nothing(brought_up, tmp_path):
    assert versions(changed_sources(tmp_path, REFACTORED), brought_up) == versions(ROOT, brought_up)


def test_a_constant_outdates_exactly_the_tables_that_it_reaches(brought_up, changed):
    before, after = versions(ROOT, brought_up), versions(changed, brought_up)
    assert {name for name in before if before[name] != after[name]} == {
        "analytics.player_game_summary",
        "analytics.team_offense_game_summary",
        "analytics.team_defense_game_summary",
        "precompute.player_daily_cache",
        "precompute.player_shot_zone_analysis",
        "precompute.team_defense_zone_analysis",
        "precompute.ml_feature_store",
        "predictions.player_predictions",
    }, "ranges follow from what raw rules admit, by way of the same weight"


def test_after_a_changed_formula_nothing_is_made_until_all_is_made_again_as_if_from_the_start(
    brought_up, changed, tmp_path
):
    home = tmp_path / "home"
    shutil.copytree(brought_up, home)
    found = command(changed, home, "smoke-test", FIRST, LAST)["dates"]
    assert {date["overall"] for date in found} == {"FAIL"}
    stood = manifest(home, "fingerprint, published_at, code_version"), _models(home)
    refused = command(changed, home, "backfill", "--from", LAST, "--to", LAST, "--phase", "predictions", "--no-history")
    assert refused["outcome"]["exit_code"] == 1
    assert "was made by other code than runs now" in " ".join(refused["outcome"]["reasons"])
    assert (manifest(home, "fingerprint, published_at, code_version"), _models(home)) == stood
    planned = command(changed, home, "backfill", "--outdated", "--dry-run")
    assert "analytics.player_game_summary" in {portion["table"] for portion in planned["portions"]}
    assert manifest(home, "fingerprint, published_at, code_version") == stood[0]
    assert command(changed, home, "backfill", "--outdated")["outcome"]["exit_code"] == 0
    assert command(changed, home, "smoke-test", FIRST, LAST)["outcome"]["exit_code"] == 0
    assert command(changed, home, "ledger", "verify")["outcome"]["exit_code"] == 0
    fresh = tmp_path / "fresh"
    shutil.copytree(brought_up / "landing", fresh / "landing")
    phases = [argument for phase in Phase if phase is not Phase.LANDING for argument in ("--phase", phase.name.lower())]
    for first, last in (("2025-10-01", "2025-10-19"), (FIRST, LAST)):
        made = command(changed, fresh, "backfill", "--from", first, "--to", last, *phases, "--no-history")
        assert made["outcome"]["exit_code"] == 0, made["outcome"]["reasons"]
    for table in all_tables():
        if table.ledger:
            continue
        columns = ", ".join(column.name for column in table.columns if not column.volatile)
        within = f"game_date BETWEEN '2025-10-01' AND '{LAST}'"
        assert rows(home, table.name, columns, within) == rows(fresh, table.name, columns, within), table.name
    said = "game_date, game_id, player_id, stat, system_id, setting, mode, predicted_value, interval_low, interval_high"
    newest = (
        "true QUALIFY made_at = max(made_at) OVER (PARTITION BY game_id, player_id, stat, system_id, setting, mode)"
    )
    assert rows(home, PREDICTIONS.name, said, newest) == rows(fresh, PREDICTIONS.name, said, newest)


def test_a_contract_that_gains_a_column_makes_no_old_row_look_tampered_with(brought_up, tmp_path):
    home, code = tmp_path / "home", tmp_path / "code"
    shutil.copytree(brought_up, home)
    gained = 'Column("gained", "int64", "Nobody knows.", "points", nullable=True),\n        '
    changed_sources(
        code,
        {
            "raw/parsing/listed_box_scores.py": ("    GAME_ID,\n", f"    GAME_ID,\n    {gained}"),
            "predictions/player_predictions.py": (
                '        Column("stat", "string", "What is predicted."',
                f'        {gained}Column("stat", "string", "What is predicted."',
            ),
        },
    )
    tampered = "the rows are not those that the pipeline published"
    for day in ("2025-10-22", LAST):
        assert tampered not in str(command(code, home, "gate", "list", day)["gates"])
    assert command(code, home, "ledger", "verify")["outcome"]["exit_code"] == 0
    with duckdb.connect(str(home / "warehouse.duckdb")) as connection:
        day = "game_date = '2025-10-22'"
        row = f"{day} AND player_id = (SELECT min(player_id) FROM raw.player_box_scores WHERE {day})"
        connection.execute(f"UPDATE raw.player_box_scores SET assists = assists + 1 WHERE {row}")
    assert tampered in str(command(code, home, "gate", "list", "2025-10-22")["gates"])


def _models(home: Path) -> list[str]:
    return sorted(str(path.relative_to(home)) for path in (home / "models").rglob("*") if path.is_file())


def test_a_changed_parser_outdates_its_raw_table_and_what_follows_only_where_rows_change(brought_up, tmp_path):
    home, code = tmp_path / "home", tmp_path / "code"
    shutil.copytree(brought_up, home)
    of_teams = "if record.team_id in teams_of.get(day, frozenset())"
    changed_sources(code, {"raw/players.py": (of_teams, "if record.team_id in {*teams_of.get(day, ())}")})
    outdated = command(code, home, "backfill", "--outdated", "--dry-run")
    assert {portion["table"] for portion in outdated["portions"]} == {"raw.players"}
    before = manifest(home, "fingerprint, published_at")
    made = command(code, home, "backfill", "--outdated")
    assert made["outcome"]["exit_code"] == 0
    assert len(made["runs"]) == len(outdated["portions"])
    assert manifest(home, "fingerprint, published_at") == before
