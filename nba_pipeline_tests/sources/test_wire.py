"""Bodies as they are sent, refusals that pass, and pages without end: what the client makes of each."""

import gzip
import hashlib
import json
import zlib
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nba_pipeline.sources import answers
from nba_pipeline.sources.balldontlie import LAST_SECONDS, parse_injuries
from nba_pipeline.sources.errors import SourceRefused, SourceUnavailable
from nba_pipeline_tests.support.scripted_source import DAY, KEY, changed, ok, page

PLAYER = {"id": 9, "first_name": "Nikola", "last_name": "Jokić", "team_id": 8}
TOLD = page({"player": PLAYER, "status": "Out", "return_date": None, "description": "Müde."})
WEB_PAGE = b"<!DOCTYPE html><html><head><title>Just a\n moment...</title></head><body></body></html>"

raw = zlib.compressobj(wbits=-15)
DEFLATED_RAW = raw.compress(TOLD) + raw.flush()


def sent(body: bytes, **headers: str) -> tuple[int, bytes, dict]:
    return 200, body, {name.replace("_", "-"): value for name, value in headers.items()}


@pytest.mark.parametrize(
    "answer",
    [
        sent(gzip.compress(TOLD), Content_Encoding="gzip"),
        sent(gzip.compress(TOLD), Content_Encoding=" X-GZIP "),
        sent(gzip.compress(gzip.compress(TOLD)), Content_Encoding="gzip, gzip"),
        sent(gzip.compress(TOLD[:40]) + gzip.compress(TOLD[40:]) + b"\0\0", Content_Encoding="gzip"),
        sent(gzip.compress(TOLD)),
        sent(TOLD, Content_Encoding="gzip"),
        sent(zlib.compress(TOLD), Content_Encoding="deflate"),
        sent(DEFLATED_RAW, Content_Encoding="deflate"),
        sent(TOLD, Content_Encoding="deflate"),
        sent(TOLD, Content_Encoding="identity"),
    ],
    ids=[
        "gzip", "x-gzip", "twice", "two members and zeros", "unsaid", "said and not done", "zlib", "raw deflate",
        "deflate said and not done", "identity",
    ],
)  # fmt: skip
def test_an_answer_that_was_packed_unasked_is_landed_unpacked_under_one_hash(client, script, waits, answer):
    script.answers = [answer]
    capture = client.land_injuries(DAY, DAY)
    assert [landed.body() for landed in capture.pages] == [TOLD]
    assert capture.pages[0].sha256 == hashlib.sha256(TOLD).hexdigest()
    assert waits == []


def test_how_an_answer_was_sent_is_noted_beside_what_was_landed_of_it(client, script, tmp_path):
    body = gzip.compress(TOLD)
    script.answers = [sent(body, Content_Encoding="gzip")]
    capture = client.land_injuries(DAY, DAY)
    [request] = (tmp_path / "landing" / capture.key).glob("page-*.request.json")
    noted = json.loads(request.read_text())
    assert noted["as_sent"] == {
        "Content-Encoding": "gzip", "bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()
    }  # fmt: skip
    assert (noted["bytes"], noted["sha256"]) == (len(TOLD), hashlib.sha256(TOLD).hexdigest())


LETTERS = json.dumps({"data": json.loads(TOLD)["data"], "meta": {}}, ensure_ascii=False)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"\xef\xbb\xbf" + LETTERS.encode(), "application/json"),
        (LETTERS.encode("utf-16"), "application/json"),
        (LETTERS.encode("utf-32-le"), "application/json"),
        (LETTERS.encode("iso-8859-2"), "application/json; charset=ISO-8859-2"),
        (LETTERS.encode("cp1250"), 'text/plain;Charset="windows-1250"'),
        (LETTERS.encode(), "application/json; charset=iso-8859-1"),
        (LETTERS.encode(), "text/html"),
        (LETTERS.encode(), "application/json; charset=no-such-charset"),
    ],
    ids=["mark", "utf-16", "utf-32", "latin 2", "windows", "utf-8 said to be latin 1", "html?", "no charset"],
)
def test_names_are_read_in_the_charset_that_they_were_sent_in(client, script, body, content_type):
    script.answers = [sent(body, Content_Type=content_type)]
    [record] = parse_injuries(client.land_injuries(DAY, DAY)).records
    assert (record.last_name, record.description) == ("Jokić", "Müde.")


def test_nan_is_no_number_of_json_and_is_read_as_null(client, script):
    item = b'{"player": {"id": 9, "first_name": NaN, "last_name": "B", "team_id": 8}, "status": "Out", "x": Infinity}'
    script.answers = [ok(b'{"data": [' + item + b'], "meta": {"next_cursor": NaN}}')]
    parsed = parse_injuries(client.land_injuries(DAY, DAY))
    assert [(record.first_name, record.odd) for record in parsed.records] == [("", ())]


PACKED = gzip.compress(TOLD)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (ok(b""), "it is empty"),
        (ok(b" \n"), "it is empty"),
        (ok(WEB_PAGE), "a web page titled 'Just a moment...', no JSON"),
        (ok(b"\xef\xbb\xbf" + WEB_PAGE), "a web page"),
        (ok(b"{broken"), "no JSON from character 1 of 7 on: 'broken'"),
        (ok(b'{"data": [], "meta": {}} and more'), "no JSON from character 25"),
        (ok(b"[]"), "a list, no JSON object"),
        (ok(b"null"), "null, no JSON object"),
        (ok(b'{"error": "maintenance"}'), "no list `data`; it says: 'maintenance'"),
        (ok(b'{"data": {}, "meta": {}}'), "no list `data`"),
        (ok(b'{"data": []}'), "no object `meta`"),
        (ok(b'{"data": [], "meta": []}'), "no object `meta`"),
        (ok(b'{"data": [1], "meta": {"next_cursor": [1]}}'), "next cursor is a list"),
        (ok(b'{"data": [1], "meta": {"next_cursor": true}}'), "next cursor is true or false"),
        (ok(b'{"data": [1], "meta": {"next_cursor": "%s"}}' % (b"x" * 3000)), "next cursor has 3000 characters"),
        (ok(b'{"data": ["\xff"], "meta": {}}'), "byte 11 belongs to no character"),
        (ok(b'{"data": ' + b"[" * 200_000), "nested without end"),
        (ok(b'{"data": [%s], "meta": {}}' % (b"9" * 5000)), "a number of thousands of digits"),
        (sent(PACKED[:-20], Content_Encoding="gzip"), "packed bytes have no end"),
        (sent(PACKED[:20] + b"\xff" * 30, Content_Encoding="gzip"), "cannot be unpacked"),
        (sent(PACKED + b"rubbish", Content_Encoding="gzip"), "cannot be unpacked"),
        (sent(zlib.compress(TOLD)[:-8], Content_Encoding="deflate"), "packed bytes have no end"),
        (sent(b"\xff\xff\xff", Content_Encoding="deflate"), "cannot be unpacked"),
        (sent(TOLD, Content_Encoding="br"), "packed as 'br', which was not asked for"),
        (sent(TOLD, Content_Encoding=", ".join(["gzip"] * 9)), "packed 9 times"),
        (sent(gzip.compress(b"") * 100, Content_Encoding="gzip"), "more than 16 pieces"),
        ((204, b"", {}), "HTTP 204, which brings no page"),
        ((206, TOLD, {}), "HTTP 206, which brings no page"),
    ],
)
def test_what_is_no_page_is_tried_again_and_named_for_people(client, script, waits, answer, reason):
    script.answers = [answer, ok()]
    assert len(client.land_games(DAY, DAY).pages) == 1
    assert len(waits) == 1
    script.answers = [answer]
    with pytest.raises(SourceUnavailable) as failure:
        changed(client, http_attempts=1).land_games(DAY, DAY)
    assert reason in str(failure.value)
    for internal in ("Error", "validation", "object is not", "Traceback", "pydantic"):
        assert internal not in str(failure.value).replace(" " + KEY, "")


@given(body=st.binary(max_size=60), layers=st.sampled_from(["", "gzip", "deflate", "gzip, deflate", "br"]))
def test_whatever_bytes_come_are_a_page_or_a_reason(body, layers):
    for sent_body in (body, gzip.compress(body), zlib.compress(body), b'{"data": [' + body + b'], "meta": {}}'):
        try:
            found = answers.list_page(answers.in_unicode(answers.unpacked(sent_body, layers), "charset=latin-1"))
        except answers.NoPageError:
            continue
        assert isinstance(found.items, list)


def test_an_answer_that_unpacks_without_end_is_given_up_before_it_fills_the_memory(client, script, monkeypatch):
    monkeypatch.setattr(answers, "MOST_BYTES", 2**20)
    bomb = gzip.compress(b" " * 2**26)
    script.answers = [sent(bomb, Content_Encoding="gzip"), sent(gzip.compress(bomb), Content_Encoding="gzip,gzip")]
    with pytest.raises(SourceUnavailable, match=r"unpacks to more than 1 MiB.*unpacks to more than 1 MiB"):
        changed(client, http_attempts=2, http_timeout_seconds=20).land_games(DAY, DAY)


def test_an_answer_without_end_is_hung_up_on(client, script, monkeypatch):
    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(b" " * 2**16)
        except OSError:
            handler.close_connection = True

    monkeypatch.setattr(answers, "MOST_BYTES", 2**20)
    script.answers = [endless]
    with pytest.raises(SourceUnavailable, match="more than 1 MiB, and no end"):
        changed(client, http_attempts=1, http_timeout_seconds=20).land_games(DAY, DAY)


def test_what_cannot_be_unpacked_is_kept_as_it_was_sent(client, script, tmp_path):
    script.answers = [sent(PACKED[:-20], Content_Encoding="gzip"), ok()]
    capture = client.land_games(DAY, DAY)
    [evidence] = (tmp_path / "landing" / capture.key).glob("rejected-*.json.gz")
    assert gzip.decompress(evidence.read_bytes()) == PACKED[:-20]


# refusals


@pytest.mark.parametrize("status", [408, 425, 429, 500, 503, 520])
def test_a_refusal_of_the_moment_is_tried_again(client, script, waits, status):
    script.answers = [(status, b'{"error": "later"}', {}), ok()]
    assert len(client.land_games(DAY, DAY).pages) == 1
    assert len(waits) == 1


@pytest.mark.parametrize(
    "body", [WEB_PAGE, b"", b"error code: 1020", gzip.compress(WEB_PAGE)], ids=["page", "nothing", "words", "packed"]
)
def test_a_challenge_in_front_of_the_api_is_tried_again_and_not_for_ever(client, script, waits, body):
    script.answers = [(403, body, {"Content-Type": "text/html"}), ok()]
    assert len(client.land_games(DAY, DAY).pages) == 1
    script.answers = [(403, body, {})]
    with pytest.raises(
        SourceUnavailable, match=r"was tried 3 times .*HTTP 403 with .*instead of the API's JSON.*firew"
    ):
        client.land_games(DAY, DAY)
    assert len(script.seen) == 5


def test_the_title_of_a_challenge_says_who_turns_us_away(client, script):
    script.answers = [(403, WEB_PAGE, {})]
    with pytest.raises(SourceUnavailable, match=r"a web page titled 'Just a moment\.\.\.'"):
        client.land_games(DAY, DAY)


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b'{"error": "no"}', {"Content-Type": "text/html"}),
        (gzip.compress(b'{"error": "no"}'), {"Content-Encoding": "gzip"}),
    ],
    ids=["plain", "packed"],
)
def test_a_403_of_the_api_itself_is_a_refusal_however_it_is_sent(client, script, waits, body, headers):
    script.answers = [(403, body, headers)]
    with pytest.raises(SourceRefused, match="all-star plan"):
        client.land_games(DAY, DAY)
    assert (len(script.seen), waits) == (1, [])


@pytest.mark.parametrize("status", [302, 303, 307])
def test_a_redirection_of_the_moment_is_never_followed_and_ends_after_a_few(client, script, status):
    script.answers = [(status, b"", {"Location": f"{script.url}/v1/games?key={KEY}"})]
    with pytest.raises(
        SourceUnavailable, match=rf"tried 3 times .*HTTP {status} to 'http.*BALLDONTLIE_API_URL"
    ) as failure:
        client.land_games(DAY, DAY)
    assert len(script.seen) == 3
    assert KEY not in str(failure.value)


@pytest.mark.parametrize(("status", "headers"), [(301, {"Location": "https://new.example/"}), (308, {})])
def test_an_api_that_has_moved_for_good_is_named_at_once(client, script, status, headers):
    script.answers = [(status, b"", headers)]
    with pytest.raises(SourceRefused, match=r"has moved to .*BALLDONTLIE_API_URL") as failure:
        client.land_games(DAY, DAY)
    assert headers.get("Location", "does not name") in str(failure.value)
    assert len(script.seen) == 1


TOMORROW = format_datetime(datetime.now(UTC) + timedelta(days=1), usegmt=True)


@pytest.mark.parametrize(
    ("asked", "least", "most"),
    [
        ("7", 7, 7), ("7.5", 7.5, 7.5), ("9" * 400, 1800, 1800), pytest.param(TOMORROW, 1800, 1800, id="tomorrow"),
        ("-5", 60, 120), ("0", 60, 120), ("soon", 60, 120), ("", 60, 120), ("²", 60, 120), ("1e3", 60, 120),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 60, 120), ("Wed, 21 Oct 2015 07:28:00 -0000", 60, 120),
        ("Wed, 99 Oct 2015 07:28:00 GMT", 60, 120), ("Wed, 21 Oct 999999 07:28:00 GMT", 60, 120),
    ],
)  # fmt: skip
def test_a_wait_that_nobody_can_read_or_that_is_over_is_no_advice(client, script, waits, asked, least, most):
    script.answers = [(503, b"", {"Retry-After": asked}), ok()]
    client.land_games(DAY, DAY)
    assert least <= waits[0] <= most


# cursors


def listed(number: int, cursor: object) -> tuple[int, bytes, dict]:
    return ok(json.dumps({"data": [{"id": number}], "meta": {"next_cursor": cursor}}).encode())


@pytest.mark.parametrize(
    "cursors",
    [[5, 9], ["eyJpZCI6NX0=", "b/c+d"], [9, 5], ["5", 9], [0, -1], [2.5, 3], ["a b", "ä"]],
    ids=["numbers", "texts", "decreasing", "mixed", "nought", "fractions", "letters"],
)
@pytest.mark.parametrize("end", [None, "", "  "], ids=["null", "empty", "blank"])
def test_a_cursor_may_be_anything_and_is_sent_back_as_it_came(client, script, cursors, end):
    script.answers = [listed(n, cursor) for n, cursor in enumerate([*cursors, end])]
    assert len(client.land_games(DAY, DAY).pages) == 3
    questions = [parse_qs(path.partition("?")[2]) for path in script.seen]
    assert [question.get("cursor") for question in questions] == [None, *([str(cursor)] for cursor in cursors)]


@pytest.mark.parametrize(
    "cursors", [[5, 5], ["5", 5], [5, 9, 5], ["a", "b", "c", "a"], [9, 5, 9]],
    ids=["same", "same as text", "circle", "texts", "decreasing"],
)  # fmt: skip
def test_a_cursor_that_was_named_before_ends_the_question(client, script, cursors):
    script.answers = [listed(n, cursor) for n, cursor in enumerate([*cursors, "never"])]
    with pytest.raises(SourceUnavailable, match=f"does not come to an end.* it names '{cursors[-1]}' as the next"):
        client.land_games(DAY, DAY)
    assert len(script.seen) == len(cursors)


def test_a_source_that_sends_the_first_page_under_ever_new_cursors_is_not_asked_on(client, script):
    script.answers = [ok(page({"id": 1}, cursor=number)) for number in range(1, 30)]
    with pytest.raises(SourceUnavailable, match="does not come to an end"):
        client.land_games(DAY, DAY)
    assert len(script.seen) == 2


# the end of a run


def test_a_wait_that_would_outlive_the_run_ends_the_question_with_what_was_tried(client, script, waits):
    script.answers = [(503, b"", {}), (502, b"", {"Retry-After": "900"})]
    with client.within(600), pytest.raises(SourceUnavailable) as failure:
        client.land_games(DAY, DAY)
    assert len(script.seen) == 2
    assert len(waits) == 1
    assert "was tried 2 times" in str(failure.value)
    assert "(1. HTTP 503; 2. HTTP 502). The next wait would outlive the run" in str(failure.value)
    assert "the next tick of the automation goes on" in str(failure.value)


def test_without_an_end_of_the_run_every_attempt_is_made(client, script, waits):
    script.answers = [(503, b"", {"Retry-After": "900"})]
    with client.within(None), pytest.raises(SourceUnavailable) as failure:
        client.land_games(DAY, DAY)
    assert waits == [900.0] * 4
    assert "outlive" not in str(failure.value)


def test_the_end_of_one_run_is_not_that_of_the_next(client, script, waits):
    script.answers = [(503, b"", {})]
    with client.within(0), pytest.raises(SourceUnavailable):
        client.land_games(DAY, DAY)
    with pytest.raises(SourceUnavailable, match="was tried 5 times"):
        client.land_games(DAY, DAY)
    assert len(waits) == 4


def test_nothing_is_asked_of_which_the_run_could_not_tell_any_more(client, script):
    script.answers = [ok()]
    with (
        client.within(LAST_SECONDS - 1),
        pytest.raises(SourceUnavailable, match=r"not sent: the rate limit.*next tick"),
    ):
        client.land_games(DAY, DAY)
    assert script.seen == []


def test_the_rate_limit_is_not_waited_for_beyond_the_end_of_the_run(client, script):
    client._limiter.per_minute = 1
    client._limiter.sleep = lambda seconds: pytest.fail(f"{seconds:.0f} s are waited for")
    script.answers = [ok(page({"id": 1}, cursor=1)), ok()]
    with client.within(LAST_SECONDS + 5), pytest.raises(SourceUnavailable, match="not sent: the rate limit"):
        client.land_games(DAY, DAY)
    assert len(script.seen) == 1
    assert not list(Path(client._landing.store.root).rglob("capture.json"))
