"""The landing keeps what came, shows only what is whole, and finds what was damaged."""

import gzip
import hashlib
import json
import os
import signal
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from nba_pipeline.sources.errors import DamagedLandingError
from nba_pipeline.sources.landing import Capture, Landing

from .scripted_server import eventually

DAY = date(2024, 1, 17)
AT = datetime(2024, 1, 18, 11, 30, 0, 123456, tzinfo=UTC)
REQUEST = {"method": "GET", "url": "http://source/v1/stats"}


def land(
    landing: Landing,
    *bodies: bytes,
    first: date = DAY,
    last: date | None = None,
    at: datetime = AT,
    endpoint: str = "stats",
) -> Capture:
    writer = landing.begin(endpoint, first, last or first)
    for number, body in enumerate(bodies or (b"{}",)):
        writer.add_page(body, REQUEST, at + timedelta(seconds=number))
    return writer.commit()


def test_a_page_reads_back_as_exactly_the_bytes_that_came(landing: Landing) -> None:
    body = bytes(range(256)) * 3 + "Dončić".encode()
    [page] = land(landing, body).pages
    assert page.body() == body
    assert page.sha256 == hashlib.sha256(body).hexdigest()
    assert gzip.decompress(page.path.read_bytes()) == body


def test_the_same_bytes_make_the_same_file_whenever_they_are_landed(landing: Landing) -> None:
    first, second = land(landing, b"same"), land(landing, b"same", at=AT + timedelta(days=9))
    assert first.pages[0].path.read_bytes() == second.pages[0].path.read_bytes()
    assert first.fingerprint == second.fingerprint


def test_the_fingerprint_depends_on_every_page_and_their_order(landing: Landing) -> None:
    captures = [land(landing, *bodies) for bodies in ((b"a", b"b"), (b"b", b"a"), (b"a",), (b"a", b"b", b"c"))]
    assert len({capture.fingerprint for capture in captures}) == 4


def test_what_was_asked_and_when_stands_beside_the_bytes(landing: Landing) -> None:
    capture = land(landing, b"first", b"second")
    noted = json.loads((capture.path / "page-0002.request.json").read_text())
    assert noted["url"] == REQUEST["url"]
    assert noted["sha256"] == hashlib.sha256(b"second").hexdigest()
    assert noted["bytes"] == 6
    assert noted["fetched_at"] == "2024-01-18T11:30:01.123456+00:00"


def test_a_capture_is_as_old_as_its_first_page(landing: Landing) -> None:
    assert land(landing, b"one", b"two", b"three").fetched_at == AT


def test_a_capture_is_found_by_every_date_it_covers_and_by_no_other(landing: Landing) -> None:
    capture = land(landing, first=date(2024, 1, 1), last=date(2024, 1, 31))
    assert landing.captures("stats", date(2024, 1, 1)) == [capture]
    assert landing.captures("stats", date(2024, 1, 31)) == [capture]
    assert landing.captures("stats", date(2024, 2, 1)) == []
    assert landing.captures("games", date(2024, 1, 1)) == []


def test_captures_come_oldest_first_and_the_latest_can_be_asked_for_before_an_instant(landing: Landing) -> None:
    newer = land(landing, at=AT + timedelta(hours=5))
    older = land(landing, first=DAY - timedelta(days=3), last=DAY)
    assert landing.captures("stats", DAY) == [older, newer]
    assert landing.latest("stats", DAY) == newer
    assert landing.latest("stats", DAY, before=newer.fetched_at) == older
    assert landing.latest("stats", DAY, before=AT) is None


def test_under_a_clock_that_stands_still_what_was_landed_last_is_the_latest(landing: Landing) -> None:
    spans = [DAY, DAY - timedelta(days=20), DAY]
    captures = [land(landing, str(n).encode(), first=spans[n % 3], last=DAY) for n in range(12)]
    assert landing.captures("stats", DAY) == captures


def test_a_capture_that_was_not_committed_does_not_exist(landing: Landing) -> None:
    writer = landing.begin("stats", DAY, DAY)
    writer.add_page(b"{}", REQUEST, AT)
    assert landing.captures("stats", DAY) == []
    assert writer.commit() == landing.latest("stats", DAY)


def test_a_capture_without_a_page_cannot_be_committed(landing: Landing) -> None:
    with pytest.raises(ValueError, match="without a page"):
        landing.begin("stats", DAY, DAY).commit()
    assert not landing.root.exists()


def test_a_rejected_answer_is_kept_as_evidence_and_is_no_page(landing: Landing) -> None:
    writer = landing.begin("stats", DAY, DAY)
    writer.add_rejected(b'{"data": [1, 2', REQUEST, AT, "14 of 900 bytes")
    writer.add_page(b"<html>", REQUEST, AT)
    evidence = writer.reject_last_page("no JSON")
    writer.add_page(b"good", REQUEST, AT)
    capture = writer.commit()
    assert [page.body() for page in capture.pages] == [b"good"]
    assert gzip.decompress(evidence.read_bytes()) == b"<html>"
    assert gzip.decompress((capture.path / "rejected-0001.json.gz").read_bytes()) == b'{"data": [1, 2'
    assert json.loads((capture.path / "rejected-0002.request.json").read_text())["rejected"] == "no JSON"


def test_a_landing_that_was_asked_before_sees_what_another_process_lands_later(landing: Landing) -> None:
    elsewhere = Landing(landing.root)
    assert landing.captures("stats", DAY) == []
    first = land(elsewhere)
    assert landing.captures("stats", DAY) == [first]
    writer = elsewhere.begin("stats", DAY, DAY)
    writer.add_page(b"more", REQUEST, AT)
    assert landing.captures("stats", DAY) == [first]
    second = writer.commit()
    assert landing.captures("stats", DAY) == [first, second]
    third = land(elsewhere, first=DAY - timedelta(days=1), last=DAY)
    assert landing.captures("stats", DAY) == [first, second, third]


def test_a_folder_that_has_long_been_still_is_still_watched(landing: Landing) -> None:
    old = land(landing)
    for folder in (old.path.parent, old.path.parent.parent):
        os.utime(folder, (1_700_000_000, 1_700_000_000))
    assert landing.captures("stats", DAY) == [old]
    assert landing.captures("stats", DAY) == [old]
    new = land(Landing(landing.root))
    assert landing.captures("stats", DAY) == [old, new]


def test_a_capture_whose_folder_was_moved_away_is_gone(landing: Landing, tmp_path: Path) -> None:
    kept, damaged = land(landing, b"kept"), land(landing, b"damaged")
    assert len(landing.captures("stats", DAY)) == 2
    damaged.path.rename(tmp_path / "moved-away")
    assert landing.captures("stats", DAY) == [kept]


def test_files_of_others_in_the_landing_are_left_alone(landing: Landing) -> None:
    capture = land(landing)
    (capture.path.parent.parent / ".DS_Store").write_bytes(b"")
    (capture.path.parent / "notes.txt").write_text("mine")
    assert landing.captures("stats", DAY) == [capture]


def test_no_byte_of_a_landed_page_can_change_unnoticed(landing: Landing) -> None:
    body = json.dumps({"data": [{"id": 1, "pts": 30}], "meta": {"per_page": 100}}).encode()
    [page] = land(landing, body).pages
    whole = page.path.read_bytes()
    found = 0
    for position in range(len(whole)):
        page.path.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        try:
            # Parts of gzip's own header, such as the operating system, say nothing about the body.
            assert page.body() == body
        except DamagedLandingError as error:
            assert str(page.path) in str(error)
            found += 1
    assert found > len(whole) - 10


def test_a_page_replaced_by_another_is_found(landing: Landing) -> None:
    [page] = land(landing, b"30 points").pages
    page.path.write_bytes(gzip.compress(b"15 points"))
    with pytest.raises(DamagedLandingError, match=r"page-0001\.json\.gz is damaged .*SHA-256"):
        page.body()


def test_a_page_cut_short_or_gone_is_found(landing: Landing) -> None:
    [page] = land(landing, b"x" * 500).pages
    page.path.write_bytes(page.path.read_bytes()[:-9])
    with pytest.raises(DamagedLandingError, match="page-0001"):
        page.body()
    page.path.unlink()
    with pytest.raises(DamagedLandingError, match="page-0001"):
        page.body()


def test_a_page_taken_out_of_the_list_of_pages_is_found(landing: Landing) -> None:
    capture = land(landing, b"one", b"two")
    content = json.loads((capture.path / "capture.json").read_text())
    content["pages"].pop()
    (capture.path / "capture.json").write_text(json.dumps(content))
    with pytest.raises(DamagedLandingError, match="fingerprint"):
        landing.captures("stats", DAY)


@pytest.mark.parametrize("content", ["", "[]", '{"pages": []}', '{"endpoint": 1'])
def test_a_capture_file_that_cannot_be_read_is_an_error_that_names_it(landing: Landing, content: str) -> None:
    capture = land(landing)
    (capture.path / "capture.json").write_text(content)
    with pytest.raises(DamagedLandingError, match=r"capture\.json is damaged"):
        landing.latest("stats", DAY)


LANDS_FOR_EVER = """
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from nba_pipeline.sources.landing import Landing
day, at = date(2024, 1, 17), datetime(2024, 1, 18, tzinfo=UTC)
landing = Landing(Path(sys.argv[1]))
for number in range(int(sys.argv[2])):
    writer = landing.begin("stats", day, day)
    for page in range(3):
        writer.add_page(f"{number} {page} ".encode() * 20000, {}, at)
    if len(sys.argv) > 3 and number == int(sys.argv[3]):
        print("three pages landed, nothing committed", flush=True)
        sys.stdin.read()
    writer.commit()
"""


def landing_process(root: Path, *arguments: int) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-c", LANDS_FOR_EVER, str(root), *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def kill(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL


def test_a_process_killed_before_it_committed_leaves_no_capture(landing: Landing) -> None:
    process = landing_process(landing.root, 1, 0)
    assert process.stdout
    process.stdout.readline()
    kill(process)
    assert len(list(landing.root.rglob("page-*.json.gz"))) == 3
    assert landing.captures("stats", DAY) == []


def test_a_process_killed_at_any_moment_leaves_only_whole_captures(landing: Landing) -> None:
    processes = [landing_process(landing.root, 1_000_000) for _ in range(4)]
    for number, process in enumerate(processes, start=1):
        eventually(lambda due=7 * number: len(landing.captures("stats", DAY)) >= due)
        kill(process)
    captures = landing.captures("stats", DAY)
    assert len(captures) >= 28
    for capture in captures:
        numbers = {page.body().split()[0] for page in capture.pages}
        assert len(capture.pages) == 3
        assert len(numbers) == 1


def test_processes_that_land_the_same_question_at_the_same_time_do_not_collide(landing: Landing) -> None:
    processes = [landing_process(landing.root, 20) for _ in range(4)]
    for process in processes:
        process.communicate()
        assert process.returncode == 0
    assert len({capture.path for capture in landing.captures("stats", DAY)}) == 80
