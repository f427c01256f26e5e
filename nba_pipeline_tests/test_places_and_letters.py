"""Homes whose path is no address, and terminals that cannot show every letter."""

import io
import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from pydantic import ValidationError

from nba_pipeline.cli import app as cli
from nba_pipeline.monitoring.outcome import NotTriedError
from nba_pipeline.operations.runs import dagster_home
from nba_pipeline.predictions import player_predictions
from nba_pipeline.settings import Settings
from nba_pipeline_tests.support.named_command import commands
from nba_pipeline_tests.support.warehouse_copy import Copy

TODAY = date(2025, 11, 12)


@pytest.mark.parametrize("name", ["a?b", "a%20b", "50%25", "?", "%41"])
def test_a_home_in_which_databases_would_come_to_lie_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValidationError, match="another folder then; choose one without"):
        Settings(home=tmp_path / name)
    with pytest.raises(ValidationError, match="another folder then; choose one without"):
        Settings(home=tmp_path / name / "below")


@pytest.mark.parametrize("name", ["a?b", "a%20b"])
def test_so_is_a_home_of_dagster(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / name))
    with pytest.raises(NotTriedError, match=r"DAGSTER_HOME: .*choose one without"):
        dagster_home(Settings(home=tmp_path / "fine"))


@pytest.mark.parametrize("name", ["a b", "a#b", "100%", "5%z", "ä", "a&b=c", "[a]", "{a}", "a'b", "a;b", ":memory:"])
def test_every_other_folder_is_a_home(tmp_path: Path, name: str) -> None:
    assert Settings(home=tmp_path / name).home == tmp_path / name


def test_a_command_in_such_a_home_says_so_and_makes_nothing(tmp_path: Path) -> None:
    # A process of its own: what Dagster loads reads the settings when it is imported, before any command does.
    command = [sys.executable, "-m", "nba_pipeline.cli", "health", "--json"]
    environment = os.environ | {"NBA_PIPELINE_HOME": str(tmp_path / "a?b")}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (ended.returncode, json.loads(ended.stdout)["outcome"]["exit_code"]) == (2, 2)
    assert ended.stderr.startswith(f"NBA_PIPELINE_HOME: {tmp_path}/a?b has a '?'")
    assert list(tmp_path.iterdir()) == []


def run(command: list[str], encoding: str, monkeypatch: pytest.MonkeyPatch) -> tuple[int, str]:
    """The exit code of a command on a terminal of an encoding, and what stands there then."""
    shown = io.BytesIO()
    monkeypatch.setattr(sys, "argv", ["nba-pipeline", *command])
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(shown, encoding=encoding, write_through=True))
    with pytest.raises(SystemExit) as ended:
        cli.main()
    sys.stdout.flush()
    return int(str(ended.value.code)), shown.getvalue().decode(encoding)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1", "cp437"])
def test_every_command_can_be_read_about_and_refuses_on_any_terminal(
    encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for command in sorted(commands()):
        code, shown = run([*command.split(), "--help"], encoding, monkeypatch)
        assert (code, "nba-pipeline" in shown) == (0, True), command
        said = io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True)
        monkeypatch.setattr(sys, "stderr", said)
        code, _ = run([*command.split(), "--Dončić", "→"], encoding, monkeypatch)
        assert code == 2, command
        said.seek(0)
        assert "--Don" in said.read(), command


@pytest.fixture
def with_accents(copy: Copy, monkeypatch: pytest.MonkeyPatch) -> str:
    """A copy of the season in which somebody has a name with accents, as the environment's home; the name."""
    [(player,)] = copy.sql(f"SELECT min(player_id) FROM {player_predictions.CONTRACT.name} WHERE game_date = '{TODAY}'")
    copy.sql(
        f"UPDATE {player_predictions.CONTRACT.name} SET player_name = 'Luka Dončić' "
        f"WHERE game_date = '{TODAY}' AND player_id = {player}"
    )
    monkeypatch.setenv("NBA_PIPELINE_HOME", str(copy.settings.home))
    monkeypatch.setenv("NBA_PIPELINE_NOW", str(copy.settings.now))
    return "Luka Dončić"


def test_a_player_is_explained_under_his_name_without_accents_on_a_terminal_that_has_none(
    with_accents: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, shown = run(["explain", str(TODAY), "doncic"], "ascii", monkeypatch)
    # The copy was changed by hand, so its rows are not what was published; what counts is that all of it is said.
    assert code in (0, 1)
    assert "Luka Don?i?" in shown
    code, shown = run(["explain", str(TODAY), "Doncic", "--json"], "ascii", monkeypatch)
    assert json.loads(shown)["player_name"] == with_accents
