"""What a source, a folder or a machine may do to us beyond plain refusal, and what must come of it."""

import gzip
import json
import subprocess
import sys
import threading
import time
import traceback
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from pydantic import SecretStr

from nba_pipeline.sources.balldontlie import parse_active_players, parse_stats
from nba_pipeline.sources.errors import SourceRefused, SourceUnavailable
from nba_pipeline.sources.landing import Capture, Landing
from nba_pipeline.sources.rate_limit import RateLimiter
from nba_pipeline_tests.support.scripted_source import DAY, changed, ok, page

NOW = datetime(2024, 1, 18, 12, tzinfo=UTC)
BROKEN_KEY = SecretStr("first-half\nsecond-half")
COUNTS = dict.fromkeys("fgm fga fg3m fg3a ftm fta oreb dreb reb ast stl blk turnover pf pts".split(), 0)  # noqa: SIM905
STAT = {
    "min": "34",
    **COUNTS,
    "player": {"id": 1, "first_name": "A", "last_name": "B"},
    "team": {"id": 8, "abbreviation": "DEN"},
    "game": {"id": 1, "date": "2024-01-17", "season": 2023},
}


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    return Landing(tmp_path / "landing")


def land(landing: Landing, *items: object, first: date = DAY, endpoint: str = "stats") -> Capture:
    writer = landing.begin(endpoint, first, DAY, NOW)
    writer.add_page(json.dumps({"data": items, "meta": {}}).encode(), {}, NOW)
    return writer.commit()


def test_under_a_clock_that_stands_still_what_was_landed_last_is_the_latest(landing):
    for number in range(20):
        last = land(landing, number, first=DAY - timedelta(days=number % 3))
        assert landing.latest("stats", DAY) == last


def test_a_file_of_somebody_else_in_the_landing_is_left_alone(landing, tmp_path):
    capture = land(landing)
    (tmp_path / "landing" / capture.key).parent.with_name(".DS_Store").touch()
    assert landing.latest("stats", DAY) == capture


def test_an_answer_cut_off_on_the_way_is_kept_as_evidence(client, script, tmp_path):
    def cut(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(page())
        handler.close_connection = True

    script.answers = [cut, ok()]
    capture = client.land_games(DAY, DAY)
    [evidence] = (tmp_path / "landing" / capture.key).glob("rejected-*.json.gz")
    assert gzip.decompress(evidence.read_bytes()) == page()
    assert [landed.body() for landed in capture.pages] == [ok()[1]]


def test_an_answer_that_stalls_is_hung_up_on_at_the_time_limit(client, script):
    def stall(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b"{")
        time.sleep(1.8)
        handler.wfile.write(b"{")
        time.sleep(1.8)
        handler.close_connection = True

    script.answers = [stall]
    # Read to its end it would be told by what is missing of 1000 bytes.
    with pytest.raises(SourceUnavailable, match="2 bytes in 2 s, and no end"):
        changed(client, http_timeout_seconds=2, http_attempts=1).land_games(DAY, DAY)


def test_an_address_that_is_none_is_refused_at_once(client, waits):
    with pytest.raises(SourceRefused, match="BALLDONTLIE_API_URL"):
        changed(client, balldontlie_api_url="api.balldontlie.io").land_games(DAY, DAY)
    assert waits == []


def test_empty_pages_with_ever_new_cursors_come_to_an_end(client, script):
    script.answers = [ok(page(cursor=number)) for number in range(1, 30)] + [ok()]
    with pytest.raises(SourceUnavailable, match="does not come to an end"):
        client.land_games(DAY, DAY)
    assert len(script.seen) == 1


def test_a_key_that_no_header_can_carry_is_never_shown(client, script):
    with pytest.raises(SourceRefused, match="characters") as failure:
        changed(client, balldontlie_api_key=BROKEN_KEY).land_games(DAY, DAY)
    assert "half" not in "".join(traceback.format_exception(failure.value))
    assert script.seen == []


def test_a_netrc_does_not_replace_the_key(client, script, tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    sent: list[str] = []

    def note(handler: BaseHTTPRequestHandler) -> None:
        sent.append(handler.headers["Authorization"])
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(page())))
        handler.end_headers()
        handler.wfile.write(page())

    script.answers = [note]
    client.land_games(DAY, DAY)
    assert sent == ["a-very-secret-key"]


@pytest.mark.parametrize("bad", ["words", None, 7, [], STAT | {"game": 3}, STAT | {"player": "x"}, STAT | {"min": []}])
def test_one_bad_item_is_reported_and_the_others_are_records(landing, bad):
    parsed = parse_stats(land(landing, STAT, bad, STAT))
    assert len(parsed.records) == 2
    assert [(item.index, json.loads(item.raw)) for item in parsed.rejected] == [(1, bad)]


def test_minutes_sent_as_a_number_are_minutes(landing):
    [record] = parse_stats(land(landing, STAT | {"min": 34})).records
    assert record.minutes == 34


def test_an_active_player_on_no_roster_is_a_player_without_a_team(landing):
    item = {"id": 1, "first_name": "A", "last_name": "B", "team": None}
    [record] = parse_active_players(land(landing, item, endpoint="players/active")).records
    assert (record.team_id, record.team) == (None, None)


TAKES_TURNS = """
import sys, time
from pathlib import Path
from nba_pipeline.sources.rate_limit import RateLimiter
limiter = RateLimiter(Path(sys.argv[1]), 6, window_seconds=0.5, margin_seconds=0.4)
for _ in range(3):
    limiter.wait()
    print(time.time(), flush=True)
"""


def test_many_processes_together_keep_the_limit_in_every_window(tmp_path):
    command = [sys.executable, "-c", TAKES_TURNS, str(tmp_path)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(6)]
    passed = [float(line) for process in processes for line in process.communicate()[0].split()]
    assert len(passed) == 18
    assert max(sum(start <= instant < start + 0.5 for instant in passed) for start in passed) <= 6


def test_clients_with_different_limits_count_one_another(tmp_path):
    generous = RateLimiter(tmp_path, 5)
    for _ in range(5):
        generous.wait()
    strict = threading.Thread(target=RateLimiter(tmp_path, 4).wait, daemon=True)
    strict.start()
    strict.join(1)
    assert strict.is_alive()
