"""What people see in Dagster's UI, in a real browser."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nba_pipeline.cli.demo import free_port, wait_for
from nba_pipeline.operations.runs import prepare_home
from nba_pipeline.settings import Settings

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--virtual-time-budget=30000",
]

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine; install Debian's `chromium`")


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Dagster's webserver on an instance of its own."""
    home = prepare_home(Settings(home=tmp_path_factory.mktemp("ui")))
    port = free_port()
    command = [str(Path(sys.executable).with_name("dagster-webserver")), "-m", "nba_pipeline.definitions"]
    environment = {**os.environ, "DAGSTER_HOME": str(home), "NBA_PIPELINE_HOME": str(home.parent)}
    command += ["-h", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(f"http://127.0.0.1:{port}/server_info", process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def seen(url: str, folder: Path) -> str:
    """The page as the browser has built it."""
    command = [str(CHROMIUM), *QUIET, f"--user-data-dir={folder}", "--window-size=1800,2400", "--dump-dom", url]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


def test_the_asset_graph_shows_the_phases(ui, tmp_path):
    page = seen(f"{ui}/asset-groups", tmp_path)
    for group in ("phase_1_landing", "phase_2_raw", "phase_3_analytics", "phase_4_precompute", "phase_5_predictions"):
        assert group in page


def test_an_asset_page_shows_description_columns_kinds_and_owner(ui, tmp_path):
    page = seen(f"{ui}/assets/analytics/player_game_summary?view=overview", tmp_path)
    for text in (
        "One row per player and game that the box score lists",
        "usage_rate",
        "Unit: share",
        "phase_3_analytics",
        "DuckDB",
        "data-platform",
    ):
        assert text in page


def test_the_checks_of_an_asset_are_listed(ui, tmp_path):
    page = seen(f"{ui}/assets/precompute/player_daily_cache?view=checks", tmp_path)
    assert "contract" in page
    assert "expected_grid" in page
