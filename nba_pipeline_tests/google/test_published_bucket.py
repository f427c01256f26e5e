"""The published days in a bucket: as in a folder, and a bucket that is not there is named with its setting."""

from pathlib import Path

import pytest

from nba_pipeline.publishing.published_days import PARTS, publications, published_day
from nba_pipeline.runtime import Runtime
from nba_pipeline.settings import Settings
from nba_pipeline.sources.errors import LandingUnavailableError
from nba_pipeline_tests.support.night_rows import LATER, NIGHT, published, said


def test_a_day_in_a_bucket_is_read_as_published_and_a_later_file_names_the_one_before(bucket: str, tmp_path: Path):
    store = Runtime(Settings(home=tmp_path, published=bucket)).published
    store.write(f"days/{NIGHT}/0001-of-nobody/{PARTS[0]}", b"left by a process that was killed")
    first = published(store, said())
    assert store.where(first.publication.path).startswith(f"{bucket}/days/{NIGHT}/0001-")
    assert not published(store, said()).new
    second = published(store, said(), LATER)
    assert second.document["previous"] == first.publication.named
    assert publications(store, NIGHT) == [first.publication, second.publication]
    assert published_day(store).document == published_day(store, NIGHT).document == second.document
    named = {f"{each.publication.path}/{part}" for each in (first, second) for part in PARTS}
    assert {*store.keys("days")} == named


def test_a_bucket_for_published_days_that_is_not_there_is_named_with_its_setting(bucket: str, tmp_path: Path):
    nowhere = Runtime(Settings(home=tmp_path, published="gs://nowhere/nba")).published
    with pytest.raises(LandingUnavailableError, match=r"gs://nowhere/nba.*NBA_PIPELINE_PUBLISHED"):
        published(nowhere, said())
