"""The client lands exact bytes, tries again what may heal, and fails at once where it may not."""

import gzip
import hashlib
import os
import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from pydantic import SecretStr

from nba_pipeline.clock import Clock
from nba_pipeline.settings import Settings
from nba_pipeline.sources.balldontlie import BalldontlieClient, parse_games
from nba_pipeline.sources.errors import DamagedLandingError, SourceRefused, SourceUnavailable
from nba_pipeline.sources.landing import Landing
from nba_pipeline.sources.rate_limit import RateLimiter
from nba_pipeline_tests.support.scripted_source import DAY, KEY, NOW, ok, page


def reset(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    handler.connection.close()
    handler.close_connection = True


def truncated(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"data": [')
    handler.close_connection = True


def drip(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    for _ in range(30):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.1)


def silent(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(1.5)
    handler.close_connection = True


def test_the_exact_bytes_are_landed_with_their_sha(client, script):
    body = page({"id": 1, "text": "žółć"})
    script.answers = [ok(body)]
    capture = client.land_games(DAY, DAY)
    landed = capture.pages[0]
    assert gzip.decompress(Path(landed.where).read_bytes()) == body
    assert landed.sha256 == hashlib.sha256(body).hexdigest()
    assert capture.fetched_at == NOW


def test_pages_are_followed_with_the_dates_repeated(client, script):
    script.answers = [ok(page({"id": 1}, cursor=5)), ok(page({"id": 6}, cursor=9)), ok(page({"id": 12}))]
    capture = client.land_stats(DAY, DAY)
    assert len(capture.pages) == 3
    assert all("dates%5B%5D=2024-01-17" in path for path in script.seen)
    assert [path.partition("cursor=")[2] for path in script.seen] == ["", "5", "9"]


def test_injuries_are_asked_for_without_dates_and_followed_to_the_last_page(client, script):
    script.answers = [ok(page({"id": 1}, cursor=5)), ok(page({"id": 6}))]
    capture = client.land_injuries(DAY, date(2024, 1, 18))
    assert script.seen == ["/v1/player_injuries?per_page=100", "/v1/player_injuries?per_page=100&cursor=5"]
    assert (capture.first_date, capture.last_date, len(capture.pages)) == (DAY, date(2024, 1, 18), 2)


def test_lines_are_in_the_second_version_of_the_api_and_those_on_players_one_question_a_game(client, script):
    script.answers = [ok()]
    client.land_game_lines(DAY)
    capture = client.land_player_prop_lines(DAY, [7, 8])
    assert script.seen == [
        "/v2/odds?dates%5B%5D=2024-01-17&per_page=100",
        "/v2/odds/player_props?game_id=7",
        "/v2/odds/player_props?game_id=8",
    ]
    assert len(capture.pages) == 2


def test_without_a_game_there_is_no_question_about_lines_on_players(client, script):
    with pytest.raises(ValueError, match="no game of 2024-01-17"):
        client.land_player_prop_lines(DAY, [])
    assert script.seen == []


@pytest.mark.parametrize("status", [401, 402, 403])
def test_a_refusal_of_lines_names_the_plan_and_the_switch(client, script, status):
    script.answers = [(status, b'{"error": "no"}', {})]
    with pytest.raises(SourceRefused, match=r"goat plan.*NBA_PIPELINE_LINES=off"):
        client.land_game_lines(DAY)


def test_a_snapshot_is_as_old_as_its_first_part_and_known_with_its_last(client, script):
    class Passing(Clock):
        def now(self) -> datetime:
            return NOW + timedelta(minutes=len(script.seen))

    client._clock = Passing()
    script.answers = [ok(page({"id": 1}, cursor=5)), ok(page({"id": 6}))]
    capture = client.land_injuries(DAY, DAY)
    assert (capture.fetched_at, capture.known_at) == (NOW, NOW + timedelta(minutes=1))


def test_a_cursor_that_does_not_advance_ends_the_question(client, script):
    script.answers = [ok(page({"id": 1}, cursor=5))]
    with pytest.raises(SourceUnavailable, match="does not come to an end"):
        client.land_games(DAY, DAY)
    assert len(script.seen) == 2


@pytest.mark.parametrize(
    "trouble",
    [reset, truncated, drip, silent, (503, b"", {}), (429, b"", {}), ok(b"{broken"), ok(b'{"data": []}')],
    ids=["reset", "truncated", "slow drip", "time-out", "503", "429", "malformed", "no meta"],
)
def test_trouble_that_may_heal_is_tried_again(client, script, waits, trouble):
    script.answers = [trouble, ok()]
    capture = client.land_games(DAY, DAY)
    assert len(capture.pages) == 1
    assert len(waits) == 1
    assert 60 <= waits[0] <= 1800


@pytest.mark.parametrize(
    ("status", "advice"),
    [(401, "BALLDONTLIE_API_KEY"), (403, "all-star"), (400, "defect"), (404, "BALLDONTLIE_API_URL")],
)
def test_a_refusal_fails_at_once_with_what_to_do(client, script, waits, status, advice):
    script.answers = [(status, b'{"error": "no"}', {})]
    with pytest.raises(SourceRefused, match=advice):
        client.land_games(DAY, DAY)
    assert len(script.seen) == 1
    assert waits == []


def test_five_attempts_and_then_every_cause_is_told(client, script, waits):
    script.answers = [(503, b"", {}), (502, b"", {}), ok(b"{"), (500, b"", {}), (503, b"", {})]
    with pytest.raises(SourceUnavailable) as caught:
        client.land_games(DAY, DAY)
    assert len(script.seen) == 5
    assert len(waits) == 4
    for cause in ("1. HTTP 503", "2. HTTP 502", "3. a body that is no page", "4. HTTP 500", "5. HTTP 503"):
        assert cause in str(caught.value)


def test_waits_grow_and_differ_but_stay_within_their_bounds(client, script, waits):
    script.answers = [(503, b"", {})]
    for _ in range(3):
        with pytest.raises(SourceUnavailable):
            client.land_games(DAY, DAY)
    assert all(60 <= wait <= 1800 for wait in waits)
    assert len(set(waits)) == len(waits)
    assert max(waits) > 180


def test_retry_after_is_honoured(client, script, waits):
    script.answers = [(429, b"", {"Retry-After": "7"}), (429, b"", {"Retry-After": "999999"}), ok()]
    client.land_games(DAY, DAY)
    assert waits == [7.0, 1800.0]


def test_a_malformed_body_is_kept_as_evidence_and_is_no_page(client, script, tmp_path):
    script.answers = [ok(b"{broken"), ok()]
    capture = client.land_games(DAY, DAY)
    evidence = list((tmp_path / "landing" / capture.key).glob("rejected-*.json.gz"))
    assert [gzip.decompress(path.read_bytes()) for path in evidence] == [b"{broken"]
    assert len(capture.pages) == 1


def test_an_unfinished_question_leaves_no_capture(client, script, tmp_path):
    script.answers = [ok(page({"id": 1}, cursor=5)), (401, b"", {})]
    with pytest.raises(SourceRefused):
        client.land_games(DAY, DAY)
    assert Landing(tmp_path / "landing").latest("games", DAY) is None


def test_the_key_is_in_no_file_and_no_message(client, script, tmp_path):
    script.answers = [(503, b"", {}), ok()]
    client.land_games(DAY, DAY)
    script.answers = [(401, KEY.encode(), {})]
    with pytest.raises(SourceRefused) as caught:
        client.land_games(DAY, DAY)
    assert KEY not in str(caught.value)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    contents = [gzip.decompress(p.read_bytes()) if p.suffix == ".gz" else p.read_bytes() for p in files]
    assert files
    assert not any(KEY.encode() in content for content in contents)
    assert KEY not in repr(Settings(balldontlie_api_key=SecretStr(KEY)))


def test_without_a_key_nothing_is_asked_and_the_way_without_one_is_named(script, tmp_path):
    settings = Settings(home=tmp_path, balldontlie_api_url=script.url, balldontlie_api_key=None)
    client = BalldontlieClient(settings, Landing(tmp_path / "landing"), Clock(NOW))
    with pytest.raises(SourceRefused, match="make demo"):
        client.land_games(DAY, DAY)
    assert script.seen == []


def test_a_flipped_byte_in_the_landing_is_found(client, script):
    script.answers = [ok()]
    landed = client.land_games(DAY, DAY).pages[0]
    Path(landed.where).write_bytes(gzip.compress(b'{"data": [], "meta": {}}'))
    with pytest.raises(DamagedLandingError, match=landed.where):
        landed.body()


def test_the_newest_capture_speaks_and_an_earlier_one_before_an_instant(client, script, tmp_path):
    landing = Landing(tmp_path / "landing")
    script.answers = [ok()]
    early = client.land_games(DAY, DAY)
    client._clock = Clock(datetime(2024, 1, 19, tzinfo=UTC))
    late = client.land_games(DAY, date(2024, 1, 20))
    assert landing.latest("games", DAY) == late
    assert landing.latest("games", DAY, before=datetime(2024, 1, 19, tzinfo=UTC)) == early
    assert landing.latest("games", date(2024, 1, 20)) == late
    assert landing.latest("games", date(2024, 1, 21)) is None


KILLED = """
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from nba_pipeline.sources.landing import Landing
at, day = datetime(2024, 1, 18, tzinfo=UTC), date(2024, 1, 17)
writer = Landing(Path(sys.argv[1])).begin("games", day, day, at)
for n in range(10_000_000):
    writer.add_page(b"{}", {}, at)
    print(n, flush=True)
"""


def test_a_killed_process_leaves_no_capture(tmp_path):
    with subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
    assert list(tmp_path.rglob("page-*.json.gz"))
    assert Landing(tmp_path).captures("games", DAY) == []


LIMITED = """
import sys, time
from pathlib import Path
from nba_pipeline.sources.rate_limit import RateLimiter
from nba_pipeline_tests.support.scripted_server import Answer, serving
limiter = RateLimiter(Path(sys.argv[1]), 20)
end = time.time() + 4
while time.time() < end:
    limiter.wait()
    print(time.time(), flush=True)
"""


def test_processes_keep_one_rate_limit_together(tmp_path):
    command = [sys.executable, "-c", LIMITED, str(tmp_path)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    time.sleep(6)
    for process in processes:
        process.kill()
    passed = [line for process in processes for line in process.communicate()[0].splitlines()]
    assert len(passed) == 20


def test_a_limiter_lets_requests_through_up_to_the_limit(tmp_path):
    limiter = RateLimiter(tmp_path, 1000)
    for _ in range(50):
        limiter.wait()


def test_a_capture_parses_from_what_was_landed(client, script, server, tmp_path):
    settings = client._settings.model_copy(update={"balldontlie_api_url": server.url})
    real = BalldontlieClient(settings, Landing(Path(tmp_path) / "other"), Clock(NOW))
    parsed = parse_games(real.land_games(date(2025, 12, 3), date(2025, 12, 5)))
    assert parsed.records
    assert not parsed.rejected
    assert {record.status for record in parsed.records} == {"final"}
