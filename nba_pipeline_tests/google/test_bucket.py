"""The landing in a bucket: the same captures as in a folder, and no answer that is none."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from nba_pipeline.runtime import Runtime
from nba_pipeline.settings import Settings
from nba_pipeline.sources.errors import DamagedLandingError, LandingUnavailableError
from nba_pipeline.sources.landing import Landing
from nba_pipeline.sources.retention import clean_up_of
from nba_pipeline_tests.support.api_items import game

DAY, AT = date(2024, 1, 17), datetime(2024, 1, 18, tzinfo=UTC)


@pytest.fixture
def landing(bucket: str, tmp_path: Path) -> Landing:
    return Runtime(Settings(home=tmp_path, landing=bucket)).landing


def land(landing: Landing, *bodies: bytes, last: date = DAY, at: datetime = AT):
    writer = landing.begin("games", DAY, last, at)
    for body in bodies:
        writer.add_page(body, {"page": 1}, at)
    return writer.commit()


def test_what_was_landed_in_a_bucket_is_found_and_read_byte_for_byte(landing):
    capture = land(landing, b'{"data": [1]}', b'{"data": [2]}', last=date(2024, 1, 19))
    for seen in (landing, landing.as_it_is()):
        [found] = seen.captures("games", date(2024, 1, 18))
        assert found == capture
        assert [page.body() for page in found.pages] == [b'{"data": [1]}', b'{"data": [2]}']
        assert seen.captures("games", date(2024, 1, 20)) == []
        assert seen.captures("stats", DAY) == []


def test_a_capture_that_was_not_committed_is_not_seen(landing):
    writer = landing.begin("games", DAY, DAY, AT)
    writer.add_page(b"{}", {}, AT)
    assert landing.latest("games", DAY) is None


def test_a_rejected_page_is_kept_as_evidence_and_is_no_page(landing):
    writer = landing.begin("games", DAY, DAY, AT)
    writer.add_page(b"broken", {}, AT)
    writer.reject_last_page()
    writer.add_page(b"{}", {}, AT)
    capture = writer.commit()
    assert [page.body() for page in capture.pages] == [b"{}"]
    assert any("rejected-0001.json.gz" in key for key in landing.store.keys(capture.key))


def test_an_object_with_other_bytes_is_damaged_and_named(landing):
    [page] = land(landing, b"{}").pages
    landing.store.write(page.key, b"other")
    with pytest.raises(DamagedLandingError, match=r"gs://landing/nba/balldontlie/games"):
        page.body()


def test_a_bucket_that_is_not_there_is_no_empty_landing(bucket, tmp_path):
    nowhere = Runtime(Settings(home=tmp_path, landing="gs://nowhere/nba")).landing
    with pytest.raises(LandingUnavailableError, match="gs://nowhere/nba"):
        nowhere.captures("games", DAY)


def test_bytes_that_are_known_are_not_stored_twice_and_what_nothing_stands_on_is_removed(landing):
    body = json.dumps({"data": [game()], "meta": {}}).encode()
    captures = [land(landing, body, at=AT + timedelta(hours=hours)) for hours in range(3)]
    assert len({capture.pages[0].key for capture in captures}) == 1
    found = clean_up_of(landing, AT + timedelta(days=30))
    assert found.captures == (captures[1],)
    for key in [*found.keys, *found.keys]:
        landing.store.remove(key)
    assert landing.captures("games", DAY) == [captures[0], captures[2]]
    assert captures[2].pages[0].body() == body
