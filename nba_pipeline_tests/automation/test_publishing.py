"""Tonight's file is made by itself once its date may be given away, and by nobody where it may not."""

import json
from collections.abc import Callable
from datetime import UTC, date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pyarrow as pa
import pytest
from dagster import AssetRecordsFilter, RunsFilter
from typer.testing import CliRunner

from nba_pipeline.assets.table_asset import asset_key
from nba_pipeline.automation.launches import LAUNCHED_AT_TAG
from nba_pipeline.automation.publishing import SENSOR, PublishingCursor
from nba_pipeline.cli.app import app
from nba_pipeline.gates.verdicts import State, Verdict
from nba_pipeline.partitions import PARTITION
from nba_pipeline.predictions.calculations.ledger import HASH, HEAD, LENGTH, LIVE, POSITION, append
from nba_pipeline.publishing.predictions_file import LEDGER, faults_of, rows_of_csv, rows_of_parquet
from nba_pipeline.publishing.published_days import LATEST, PublishedDay, content_of, publications, published_day
from nba_pipeline.publishing.tonights_file import STANDS_CHECK, TONIGHTS_FILE_KEY, Judged, judged
from nba_pipeline.sources.landing_store import FolderStore
from nba_pipeline.warehouse.publish import Rows, Stamp, publish, rows_of
from nba_pipeline_tests.support.loaded_season import LOADED_AT
from nba_pipeline_tests.support.named_command import named_command
from nba_pipeline_tests.support.simulated_daemon import QUIET, SimulatedDaemon, Ticked

TODAY, YESTERDAY = LOADED_AT.date(), LOADED_AT.date() - timedelta(days=1)

Loaded = Callable[..., SimulatedDaemon]
Row = dict[str, Any]


def store_of(daemon: SimulatedDaemon) -> FolderStore:
    return FolderStore(daemon.home / "published")


def tree(daemon: SimulatedDaemon) -> dict[str, bytes]:
    root = store_of(daemon).root
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def tick(daemon: SimulatedDaemon) -> Ticked:
    ticked = daemon.tick_sensor(SENSOR)
    assert ticked.error is None, ticked.error
    return ticked


def sql(daemon: SimulatedDaemon, statement: str) -> list[tuple]:
    with duckdb.connect(str(daemon.settings.warehouse_path)) as connection:
        return connection.execute(statement).fetchall()


def live_rows(daemon: SimulatedDaemon) -> pa.Table:
    with daemon.warehouse.session(read_only=True) as session:
        rows = rows_of(session, LEDGER, [TODAY])
        return session.query(rows.filter(rows.mode == LIVE))


def given_away(daemon: SimulatedDaemon) -> Row:
    """The row of the ledger behind the first row of today's file."""
    first = newest(daemon).document["rows"][0]
    return next(row for row in live_rows(daemon).to_pylist() if row[HASH] == first[HASH])


def predict_again(daemon: SimulatedDaemon, **changes: Any) -> Row:
    """One more live prediction of a player of today, published and recorded as a run of the predictions does it."""
    standing = live_rows(daemon)
    before = given_away(daemon)
    changed = before | {"made_at": daemon.now.astimezone(UTC).replace(tzinfo=None)} | changes
    changed["interval_high"] = before["interval_high"] + 1
    added = append(standing, pa.Table.from_pylist([changed], schema=standing.schema))
    write(daemon, added)
    return max(added.to_pylist(), key=lambda row: row[POSITION])


def write(daemon: SimulatedDaemon, rows: pa.Table) -> None:
    """Publishes rows of the ledger, and records the head of their chain."""
    gatekeeper = daemon.gatekeeper
    with daemon.warehouse.session() as session:
        inputs = gatekeeper.evidence(session).lineage.inputs(LEDGER, [TODAY])
        made = Rows(rows, inputs=inputs)
        outcome = publish(session, LEDGER, made, [TODAY], Stamp("by hand", gatekeeper.clock.now()))[TODAY]
    assert outcome.status == "published", outcome
    notes = {LENGTH: int(outcome.notes[LENGTH]), HEAD: outcome.notes[HEAD]}
    event = dg.AssetMaterialization(asset_key(LEDGER), partition=str(TODAY), metadata=notes)
    daemon.instance.report_runless_asset_event(event)


def materialize(daemon: SimulatedDaemon, day: date = TODAY) -> dg.ExecuteInProcessResult:
    """What a person does who clicks on the asset."""
    return daemon.job.execute_in_process(
        instance=daemon.instance, asset_selection=[TONIGHTS_FILE_KEY], partition_key=str(day), raise_on_error=False,
        run_config=QUIET,
    )  # fmt: skip


def refusal(daemon: SimulatedDaemon) -> str:
    """Why nothing is published: the failure of the step, which wrote nothing and materialized nothing."""
    before = tree(daemon)
    result = materialize(daemon)
    assert not result.success
    assert tree(daemon) == before
    assert not result.get_asset_materialization_events()
    [failure] = [event.step_failure_data for event in result.all_events if event.is_step_failure]
    assert failure.user_failure_data
    return str(failure.user_failure_data.description)


def newest(daemon: SimulatedDaemon) -> PublishedDay:
    return published_day(store_of(daemon))


def test_todays_file_is_there_whole_and_says_what_the_ledger_says(loaded: Loaded) -> None:
    daemon = loaded()
    found = newest(daemon)
    assert found.publication.game_date == str(TODAY)
    files = {name: content_of(store_of(daemon), found.publication, name) for name in found.publication.files}
    assert faults_of(found.document, files) == []
    rows = found.document["rows"]
    assert rows == rows_of_csv(files["predictions.csv"]) == rows_of_parquet(files["predictions.parquet"])
    live = {(row[POSITION], row[HASH]): row for row in live_rows(daemon).to_pylist()}
    keys = {(row["game_id"], row["player_id"], row["stat"]) for row in live.values()}
    assert {(row["game_id"], row["player_id"], row["stat"]) for row in rows} == keys
    assert len(rows) == len(keys) > 100
    for row in rows:
        of_ledger = live[row[POSITION], row[HASH]]
        for name in ("predicted_value", "interval_low", "plays_probability", "model_version", "code_version"):
            assert row[name] == of_ledger[name]
    assert found.document["ledger"]["rows"] == max(position for position, _ in live)
    of_today = AssetRecordsFilter(TONIGHTS_FILE_KEY, asset_partitions=[str(TODAY)])
    [made] = daemon.instance.fetch_materializations(of_today, limit=9).records
    assert made.asset_materialization
    shown = made.asset_materialization.metadata
    assert str(shown["path"].value).endswith(f"/published/{found.publication.path}")
    assert shown["dagster/partition_row_count"].value == len(rows)
    assert str(rows[0]["player_name"]) in str(shown["preview"].value)


def test_the_same_rows_twice_make_no_second_file_whoever_publishes_them(loaded: Loaded) -> None:
    daemon = loaded()
    before = tree(daemon)
    assert not tick(daemon).runs
    daemon.cursors = {}
    assert "wants to be published" in str(tick(daemon).skipped)
    result = materialize(daemon)
    assert result.success
    [shown] = [event.materialization.metadata for event in result.get_asset_materialization_events()]
    assert shown["content"].value == "unchanged"
    [checked] = result.get_asset_check_evaluations()
    assert (checked.check_name, checked.passed) == (STANDS_CHECK, True)
    assert tree(daemon) == before


def test_what_was_published_the_day_before_is_named_as_the_latest_on_its_day(loaded: Loaded) -> None:
    daemon = loaded()
    standing, before = newest(daemon).publication, tree(daemon)
    [run] = daemon.instance.get_runs(RunsFilter(job_name=SENSOR))
    daemon.instance.add_run_tags(run.run_id, {LAUNCHED_AT_TAG: (LOADED_AT - timedelta(days=1)).isoformat()})
    daemon.at(LOADED_AT - timedelta(days=1))
    daemon.cursors = {}
    assert not tick(daemon).runs
    assert PublishingCursor.read(daemon.cursors[SENSOR]).ahead == [TODAY]
    store_of(daemon).write(LATEST, b'{"path": "that of yesterday"}')
    daemon.at(LOADED_AT)
    [run] = tick(daemon).runs
    assert run.is_success
    assert newest(daemon).publication == standing
    assert tree(daemon) == before, "named once more, and no second file"
    assert not tick(daemon).runs
    assert PublishingCursor.read(daemon.cursors[SENSOR]).ahead == []


def test_a_later_prediction_waits_for_its_gate_and_is_then_a_file_that_names_the_one_before(loaded: Loaded) -> None:
    daemon = loaded()
    first, standing = newest(daemon).publication, tree(daemon)
    daemon.at(daemon.now + timedelta(hours=1))
    changed = predict_again(daemon)
    lost = f"analytics.team_offense_game_summary WHERE game_date = '{YESTERDAY}'"
    sql(daemon, f"CREATE TABLE main.kept AS FROM {lost}")
    sql(daemon, f"DELETE FROM {lost}")
    waiting = tick(daemon)
    assert waiting.runs == []
    assert "the gate analytics_to_precompute is closed" in str(waiting.skipped)
    assert "the gate analytics_to_precompute is closed" in (why := refusal(daemon))
    assert named_command(why)[0] == "backfill"
    assert PublishingCursor.read(daemon.cursors[SENSOR]).waiting == [TODAY]
    assert tree(daemon) == standing
    sql(daemon, "INSERT INTO analytics.team_offense_game_summary BY NAME FROM main.kept")
    sql(daemon, "DROP TABLE main.kept")
    [run] = tick(daemon).runs
    assert (run.job_name, run.tags[PARTITION], run.is_success) == ("tonights_file", str(TODAY), True)
    second = newest(daemon)
    assert second.publication.number == 2
    assert second.document["previous"] == first.named
    [row] = [row for row in second.document["rows"] if row[HASH] == changed[HASH]]
    assert row["interval_high"] == changed["interval_high"]
    unchanged = {name: content for name, content in standing.items() if name.startswith("days/")}
    assert unchanged.items() <= tree(daemon).items()
    assert not tick(daemon).runs
    assert PublishingCursor.read(daemon.cursors[SENSOR]).waiting == []


def test_a_tampered_row_of_the_ledger_keeps_its_date_from_being_published(loaded: Loaded) -> None:
    daemon = loaded()
    tampered = given_away(daemon)
    where = f"WHERE game_date = '{TODAY}' AND {POSITION} = {tampered[POSITION]}"
    sql(daemon, f"UPDATE {LEDGER.name} SET interval_high = interval_high + 1 {where}")
    assert "the gate predictions_to_grades is closed" in refusal(daemon), "it is not what was published"
    write(daemon, live_rows(daemon))
    why = refusal(daemon)
    assert f"position {tampered[POSITION]} (game" in why
    assert "was changed" in why
    assert named_command(why)[:2] == ["ledger", "verify"]
    sql(daemon, f"UPDATE {LEDGER.name} SET predicted_value = interval_high {where}")
    check = dg.AssetCheckKey(TONIGHTS_FILE_KEY, STANDS_CHECK)
    job = daemon.job.get_subset(asset_selection=set(), asset_check_selection={check})
    result = job.execute_in_process(instance=daemon.instance, tags={PARTITION: str(TODAY)}, run_config=QUIET)
    [found] = result.get_asset_check_evaluations()
    assert not found.passed
    assert str(tampered["player_name"]) in str(found.metadata["reasons"].value)


def test_a_live_row_that_was_made_after_tip_off_keeps_its_date_from_being_published(loaded: Loaded) -> None:
    daemon = loaded()
    late = predict_again(daemon, made_at=given_away(daemon)["tipoff_at"])
    assert late["made_at"] >= late["tipoff_at"]
    why = refusal(daemon)
    assert f"made after tip-off, first that at position {late[POSITION]}" in why
    assert named_command(why)[:2] == ["ledger", "verify"]


def test_of_a_date_that_nobody_predicted_before_its_games_nothing_is_published(loaded: Loaded) -> None:
    daemon = loaded()
    result = materialize(daemon, YESTERDAY)
    assert result.success
    assert not result.get_asset_materialization_events(), "no file, and nothing that looks like one"
    assert publications(store_of(daemon), YESTERDAY) == []


def test_a_schedule_that_changed_is_news_though_the_ledger_is_as_it_was(loaded: Loaded) -> None:
    daemon = loaded()
    changed = f"SET fingerprint = 'another' WHERE table_name = 'raw.games' AND game_date = '{TODAY}'"
    sql(daemon, f"UPDATE operations.published_partitions {changed}")
    daemon.cursors = {}
    assert f"{TODAY} waits" in str(tick(daemon).skipped), "until the predictions are made of it"


def test_a_run_that_failed_is_launched_again_after_a_while_and_not_for_ever(loaded: Loaded) -> None:
    daemon = loaded()
    predict_again(daemon)
    daemon.refuse_launch = lambda request: True
    assert [run.is_success for run in tick(daemon).runs] == [False]
    assert tick(daemon).runs == []
    daemon.refuse_launch = lambda request: False
    daemon.at(daemon.now + timedelta(minutes=16))
    assert [run.is_success for run in tick(daemon).runs] == [True]
    assert newest(daemon).publication.number == 2


def test_the_command_publishes_today_and_says_where(loaded: Loaded) -> None:
    daemon = loaded()
    environment = {"NBA_PIPELINE_HOME": str(daemon.home), "NBA_PIPELINE_NOW": daemon.now.isoformat()}
    ended = CliRunner(env=environment).invoke(app, ["publish", "--json"])
    assert ended.exit_code == 0, ended.output
    said = json.loads(ended.stdout)
    assert [each["sha256"] for each in said["published"]] == [newest(daemon).publication.sha256]
    assert Path(said["published"][0]["place"]).is_dir()
    ended = CliRunner(env=environment).invoke(app, ["publish", "--from", str(YESTERDAY), "--json"])
    assert ended.exit_code == 0, ended.output
    assert f"nothing was predicted of {YESTERDAY}" in str(json.loads(ended.stdout)["outcome"]["decided"])
    assert len(daemon.instance.get_runs(RunsFilter(tags={PARTITION: str(YESTERDAY)}))) == 0, "nothing is run for it"
    lost = Path(said["published"][0]["place"]) / "predictions.csv"
    lost.unlink()
    ended = CliRunner(env=environment).invoke(app, ["publish", "--json"])
    assert ended.exit_code == 1, "what was given away before is asked about as well"
    [reason] = json.loads(ended.stdout)["outcome"]["reasons"]
    assert str(lost) in reason
    assert named_command(reason)[0] == "publish"


def test_a_file_names_the_held_games_of_its_teams_and_of_no_others(loaded: Loaded) -> None:
    daemon = loaded()
    playing = {row["team"] for row in live_rows(daemon).to_pylist()}
    games = sql(daemon, f"SELECT DISTINCT game_id, team FROM raw.player_box_scores WHERE game_date = '{YESTERDAY}'")
    mine = next(game for game, team in games if team in playing)
    teams = {game: {team for found, team in games if found == game} for game, _ in games}
    other = next((game for game, of_game in teams.items() if not of_game & playing), None)
    for game in filter(None, (mine, other)):
        for team in teams[game]:
            values = f"DATE '{YESTERDAY}' AS game_date, {game} AS game_id, '{team}' AS team, 'held' AS state"
            why = "'points do not add up' AS reasons, 'the deadline' AS decided_by"
            sql(daemon, f"INSERT INTO raw.held_games BY NAME SELECT {values}, {why}")
    noted = f"table_name = 'raw.held_games' AND game_date = '{YESTERDAY}'"
    sql(daemon, f"UPDATE operations.published_partitions SET row_count = 2 WHERE {noted}")
    gatekeeper = daemon.gatekeeper
    with daemon.warehouse.session(read_only=True) as session:
        found = judged(gatekeeper, gatekeeper.evidence(session), TODAY)
    assert not found.refused, "what is known to be missing is named, and refuses nobody"
    [held] = found.standing.held_games
    assert (held["game_id"], {*held["teams"]}) == (mine, teams[mine])
    assert held["reasons"] == "points do not add up"


@pytest.mark.parametrize(
    ("states", "status"),
    [
        ([State.OPEN, State.OPEN], "open"),
        ([State.OPEN, State.DEGRADED], "degraded"),
        ([State.DEGRADED, State.OVERRIDDEN, State.OPEN], "overridden"),
    ],
)
def test_a_file_says_the_worst_that_its_gates_say_with_their_reasons(states: list[State], status: str) -> None:
    verdicts = [Verdict(f"gate {n}", TODAY, state, ("a reason",)) for n, state in enumerate(states)]
    standing = Judged(verdicts, ()).standing
    assert standing.status == status
    assert [gate["state"] for gate in standing.gates] == [state.value for state in states]
    assert all(gate["reasons"] == ["a reason"] for gate in standing.gates)


def test_a_cursor_is_kept_as_it_is() -> None:
    cursor = PublishingCursor({"predictions/player_predictions": 7}, [TODAY])
    assert PublishingCursor.read(str(cursor)) == cursor
    assert PublishingCursor.read(None) == PublishingCursor()
