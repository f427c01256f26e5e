"""Together, all processes and threads keep the limit of the plan in any window."""

import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from nba_pipeline.sources.rate_limit import MARGIN_SECONDS, WINDOW_SECONDS, RateLimiter

WINDOW, LIMIT = 0.5, 6

TAKES_TURNS = """
import sys, time
from pathlib import Path
from nba_pipeline.sources.rate_limit import RateLimiter
limiter = RateLimiter(Path(sys.argv[1]), int(sys.argv[2]), window_seconds=float(sys.argv[3]), margin_seconds=0.1)
for _ in range(int(sys.argv[4])):
    limiter.wait()
    print(time.time(), flush=True)
"""


def most_in_a_window(instants: list[float]) -> int:
    return max(sum(start <= instant < start + WINDOW for instant in instants) for start in instants)


def test_many_processes_together_keep_the_limit(tmp_path: Path) -> None:
    arguments = [str(tmp_path), str(LIMIT), str(WINDOW), "7"]
    processes = [
        subprocess.Popen([sys.executable, "-c", TAKES_TURNS, *arguments], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    instants = [float(line) for process in processes for line in process.communicate()[0].split()]
    assert [process.returncode for process in processes] == [0] * 4
    assert len(instants) == 28
    assert most_in_a_window(instants) <= LIMIT


def test_many_threads_together_keep_the_limit(tmp_path: Path) -> None:
    limiter = RateLimiter(tmp_path, LIMIT, window_seconds=WINDOW, margin_seconds=0.1)
    instants: list[float] = []

    def take_turns() -> None:
        for _ in range(4):
            limiter.wait()
            instants.append(time.time())

    threads = [threading.Thread(target=take_turns) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(instants) == 20
    assert most_in_a_window(instants) <= LIMIT


def test_below_the_limit_nobody_waits(tmp_path: Path) -> None:
    limiter = RateLimiter(tmp_path, 50)
    assert sum(limiter.wait() for _ in range(50)) < 5


def test_a_process_with_another_limit_counts_the_requests_of_all(tmp_path: Path) -> None:
    generous = RateLimiter(tmp_path, 100, window_seconds=WINDOW, margin_seconds=0)
    for _ in range(3):
        generous.wait()
    strict = RateLimiter(tmp_path, 2, window_seconds=WINDOW, margin_seconds=0)
    assert strict.wait() > 0.1


def test_requests_to_another_server_are_counted_apart(tmp_path: Path) -> None:
    for url in ("https://api.balldontlie.io", "http://127.0.0.1:8000", "http://127.0.0.1:8001"):
        assert RateLimiter(tmp_path, 1, url).wait() < 5
    assert len(list(tmp_path.glob("*.sqlite"))) == 3


def test_a_clock_that_was_set_back_does_not_stop_the_requests(tmp_path: Path) -> None:
    limiter = RateLimiter(tmp_path, 1)
    limiter.wait()
    with sqlite3.connect(limiter.path) as connection:
        connection.execute("UPDATE rate_bucket SET item_timestamp = item_timestamp + 3600000")
    connection.close()
    assert limiter.wait() < 5


def test_requests_of_long_ago_are_forgotten(tmp_path: Path) -> None:
    limiter = RateLimiter(tmp_path, 5)
    for _ in range(5):
        limiter.wait()
    with sqlite3.connect(limiter.path) as connection:
        connection.execute("UPDATE rate_bucket SET item_timestamp = item_timestamp - 3600000")
    connection.close()
    assert limiter.wait() < 5
    with sqlite3.connect(limiter.path) as connection:
        assert connection.execute("SELECT count(*) FROM rate_bucket").fetchone() == (1,)
    connection.close()


def test_the_window_is_the_sources_minute_and_a_margin() -> None:
    assert WINDOW_SECONDS == pytest.approx(60)
    assert MARGIN_SECONDS > 0
