"""What fails only because of another table of its date is one line under it, and the cause comes first."""

from datetime import date

import pytest

from nba_pipeline.analytics import upcoming_player_game_context, upcoming_team_game_context
from nba_pipeline.cli.health_commands import print_date, run_smoke_test
from nba_pipeline.monitoring.smoke_test import DateResult, DateState, made_of, smoke_test, table_object
from nba_pipeline.precompute import ml_feature_store, player_daily_cache, team_defense_zone_analysis
from nba_pipeline.predictions import player_predictions
from nba_pipeline.raw import games, player_box_scores, players
from nba_pipeline_tests.support.warehouse_copy import Copy

DAY = date(2025, 11, 5)

CACHE, STORE = player_daily_cache.CONTRACT, ml_feature_store.CONTRACT


def looked_at(copy: Copy) -> DateResult:
    (found,) = smoke_test(copy.gatekeeper(), DAY, DAY)
    return found


def because(found: DateResult) -> dict[str, str | None]:
    """The failing tables, each with the one because of which it fails."""
    failing = [result for result in found.tables if result.state is DateState.FAIL]
    return {str(table_object(result)["table"]): result.because_of for result in failing}


def test_tables_that_fail_because_the_cache_is_short_of_players_are_one_line_under_it(
    copy: Copy, capsys: pytest.CaptureFixture[str]
) -> None:
    some = f"SELECT player_id FROM {CACHE.name} WHERE game_date = '{DAY}' ORDER BY player_id LIMIT 47"
    copy.sql(f"DELETE FROM {CACHE.name} WHERE game_date = '{DAY}' AND player_id IN ({some})")
    found = looked_at(copy)
    followers = [
        "precompute.ml_feature_store", "precompute.player_composite_factors", "precompute.player_shot_zone_analysis"
    ]  # fmt: skip
    assert because(found) == {CACHE.name: None, **dict.fromkeys(followers, CACHE.name)}
    print_date(found, verbose=True)
    said = capsys.readouterr().out
    first, second, third, last = said.splitlines()[1:5]
    assert f"FAIL       {CACHE.name}:" in first
    assert f"{CACHE.name} on {DAY}: 47 players missing" in second
    assert third.strip().startswith("follows from it: ")
    assert sorted(third.strip().removeprefix("follows from it: ").split(", ")) == followers
    assert last.strip() == f"Next: nba-pipeline backfill --from {DAY} --to {DAY}"
    assert "gate precompute_to_predictions" in said
    assert "unexpected" not in said
    (cause, *gates) = found.causes
    assert cause.what == second.strip()
    assert sorted(cause.follows) == followers
    assert all("the gate" in gate.what for gate in gates)


@pytest.mark.parametrize(
    ("cause", "followers"),
    [
        (games.CONTRACT, {player_box_scores.CONTRACT.name, players.CONTRACT.name}),
        (upcoming_team_game_context.CONTRACT, {upcoming_player_game_context.CONTRACT.name, CACHE.name, STORE.name}),
        (upcoming_player_game_context.CONTRACT, {CACHE.name, STORE.name}),
    ],
    ids=lambda value: getattr(value, "short_name", ""),
)
def test_a_raw_table_or_a_context_that_was_never_made_is_the_cause_of_all_that_is_made_of_it(
    copy: Copy, cause, followers: set[str]
) -> None:
    for table in [cause, *(t for t in copy.gatekeeper().tables if t.name in followers)]:
        copy.forget(table, DAY)
    found = because(looked_at(copy))
    assert found[cause.name] is None
    assert {name for name, of in found.items() if of == cause.name} >= followers
    assert {of for of in found.values() if of} == {cause.name}


def test_two_tables_that_fail_by_themselves_are_two_causes(copy: Copy) -> None:
    other = team_defense_zone_analysis.CONTRACT
    copy.forget(other, DAY)
    some = f"SELECT min(player_id) FROM {CACHE.name} WHERE game_date = '{DAY}'"
    copy.sql(f"DELETE FROM {CACHE.name} WHERE game_date = '{DAY}' AND player_id = ({some})")
    found = because(looked_at(copy))
    assert {name for name, of in found.items() if of is None} == {CACHE.name, other.name}


def test_missing_rows_are_no_consequence_of_a_table_that_is_only_stale(copy: Copy) -> None:
    copy.sql(
        f"UPDATE operations.published_partitions SET inputs = 'other' "
        f"WHERE table_name = '{CACHE.name}' AND game_date = '{DAY}'"
    )
    some = f"SELECT min(player_id) FROM {STORE.name} WHERE game_date = '{DAY}'"
    copy.sql(f"DELETE FROM {STORE.name} WHERE game_date = '{DAY}' AND player_id = ({some})")
    found = because(looked_at(copy))
    assert found[CACHE.name] is None
    assert found[STORE.name] is None


def test_rows_made_of_what_has_changed_since_fail_and_say_what_makes_them_again(
    copy: Copy, capsys: pytest.CaptureFixture[str]
) -> None:
    copy.sql(f"UPDATE operations.published_partitions SET inputs = 'other' WHERE game_date = '{DAY}'")
    assert run_smoke_test(copy.settings, DAY, DAY, verbose=True, as_json=False) == 1
    said = capsys.readouterr().out
    assert f"{games.CONTRACT.name} on {DAY} was made before what it is made from changed" in said
    assert f"Next: nba-pipeline backfill --outdated --from {DAY} --to {DAY}" in said


def test_what_predictions_are_made_of_on_their_date_is_read_from_the_contracts() -> None:
    names = [table.name for table in made_of(player_predictions.CONTRACT)]
    assert names[-1] == player_predictions.CONTRACT.name
    assert {games.CONTRACT.name, CACHE.name, STORE.name, upcoming_team_game_context.CONTRACT.name} <= {*names}
    assert "analytics.player_game_summary" not in names, "history is not of the date"
