"""How an answer goes over the wire, whole or struck by faults."""

import codecs
import gzip
import json
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from nba_pipeline.league.faults import (
    ChallengeFault,
    CursorFault,
    DuplicateRowsFault,
    EmptyFault,
    EncodingFault,
    ExtraFieldFault,
    InjuryWordFault,
    MalformedJsonFault,
    MissingFieldFault,
    OddDecorationFault,
    RequestFault,
    SilentDaysFault,
    SlowDripFault,
    StatusFault,
    TimeoutFault,
    TruncatedBodyFault,
)
from nba_pipeline.league.parameters import LAP
from nba_pipeline.league.view import Item

CHUNKS_A_SECOND = 10

CHALLENGE = b"""<!DOCTYPE html>
<html lang="en"><head><title>Just a moment...</title></head>
<body><h1>Checking your browser</h1><noscript>Enable JavaScript and cookies to continue</noscript></body></html>
"""

ACCENTS = str.maketrans("aeiou", "áéíóú")
ACCENTED = ("first_name", "last_name", "city")


class Unfinished(Response):
    """A response that ends before its announced length; the server then closes the connection."""

    def __init__(self, body: bytes, share: float, status: int) -> None:
        super().__init__(body, status, {"Content-Length": str(len(body))}, media_type="application/json")
        self._sent = body[: int(len(body) * share)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends the part and returns without the end."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self._sent, "more_body": True})


def struck(content: Item, faults: Sequence[RequestFault], cursor: int | None = None, status: int = 200) -> Response:
    """The response to send, after the faults that strike it; `cursor` is what was asked with."""
    for fault in faults:
        content = _changed(content, fault, cursor)
    body = json.dumps(content, separators=(",", ":")).encode()
    for fault in faults:
        response = _broken(body, fault, status)
        if response is not None:
            return response
    for fault in faults:
        if isinstance(fault, EncodingFault):
            return _encoded(content, fault, status)
    return _whole(body, status)


def _whole(body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(body, status, headers, media_type="application/json")


def _encoded(content: Item, fault: EncodingFault, status: int) -> Response:
    """The content in other bytes than plain UTF-8."""
    text = json.dumps(content, separators=(",", ":"))
    charset, coding = "", ""
    match fault.how:
        case "gzip":
            body, coding = gzip.compress(text.encode(), mtime=0), "gzip"
        case "deflate":
            body, coding = zlib.compress(text.encode()), "deflate"
        case "byte_order_mark":
            body, charset = text.encode("utf-8-sig"), "utf-8"
        case "utf-16":
            body, charset = text.encode("utf-16"), "utf-16"
        case "latin-1":
            accented = json.dumps(_with_accents(content), separators=(",", ":"), ensure_ascii=False)
            # What latin-1 lacks, such as a č, stays an escape.
            body, charset = accented.encode("latin-1", "json-escapes"), "iso-8859-1"
    headers = {"Content-Type": f"application/json; charset={charset}" if charset else "application/json"}
    headers |= {"Content-Encoding": coding} if coding else {}
    return Response(body, status, headers if fault.labelled else {"Content-Type": "application/json"})


def _json_escapes(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


codecs.register_error("json-escapes", _json_escapes)


def _with_accents(value: Any) -> Any:
    """The content with an accent on every vowel of names."""
    match value:
        case dict():
            return {
                name: inner.translate(ACCENTS) if name in ACCENTED and isinstance(inner, str) else _with_accents(inner)
                for name, inner in value.items()
            }
        case list():
            return [_with_accents(inner) for inner in value]
        case _:
            return value


def _with_players(value: Any, change: Callable[[Item], Item]) -> Any:
    """The content with a change made to every player in it, wherever he stands."""
    match value:
        case dict():
            inner = {name: _with_players(held, change) for name, held in value.items()}
            return change(inner) if "last_name" in inner else inner
        case list():
            return [_with_players(held, change) for held in value]
        case _:
            return value


def _next_cursor(meta: Item, how: str, asked: int | None) -> Item:
    """What an answer with pages says of the next one."""
    following = meta.get("next_cursor")
    match how:
        case "repeats":
            return {**meta, "next_cursor": asked or 0}
        case "endless":
            # A last page is followed by the first, in the next lap.
            lap = (asked or 0) // LAP
            return {**meta, "next_cursor": (lap + 1) * LAP if following is None else lap * LAP + following}
        case _ if following is None:
            return meta
        case _:
            return {**meta, "next_cursor": f"after-{following}" if how == "text" else str(following)}


def _changed(content: Item, fault: RequestFault, cursor: int | None) -> Item:
    """The content after a fault of content, unchanged by any other."""
    if isinstance(fault, OddDecorationFault):
        return _with_players(
            content,
            lambda player: (
                {**player, fault.field: fault.value}
                if fault.player_ids is None or player.get("id") in fault.player_ids
                else player
            ),
        )
    data = content.get("data")
    if not isinstance(data, list):
        return content
    match fault:
        case EmptyFault():
            meta = content.get("meta")
            return {"data": [], **({"meta": {"per_page": meta["per_page"]}} if meta else {})}
        case MissingFieldFault(field=name):
            return {**content, "data": [{k: v for k, v in item.items() if k != name} for item in data]}
        case ExtraFieldFault(field=name, value=value):
            return {**content, "data": [{**item, name: value} for item in data]}
        case DuplicateRowsFault(count=count):
            return {**content, "data": [*data[:count], *data]}
        case CursorFault(how=how) if "meta" in content:
            return {**content, "meta": _next_cursor(content["meta"], how, cursor)}
        case InjuryWordFault(status=word, player_ids=ids):
            return {
                **content,
                "data": [
                    {**item, "status": word} if ids is None or item["player"]["id"] in ids else item for item in data
                ],
            }
        case _:
            return content


def _broken(body: bytes, fault: RequestFault, status: int) -> Response | None:
    """The response of a fault of transport, None for any other fault."""
    match fault:
        case StatusFault(code=code, retry_after=wait):
            headers = {} if wait is None else {"Retry-After": str(wait)}
            return _whole(json.dumps({"error": f"injected {code}"}).encode(), code, headers)
        case ChallengeFault(code=code):
            return HTMLResponse(CHALLENGE, code)
        case SilentDaysFault():
            return Unfinished(body, 0, status)
        case MalformedJsonFault():
            return _whole(body[:-1] + b",}", status)
        case TruncatedBodyFault(share=share):
            return Unfinished(body, share, status)
        case TimeoutFault(seconds=seconds):
            time.sleep(seconds)
            return Unfinished(body, 0, status)
        case SlowDripFault(bytes_per_second=rate):
            headers = {"Content-Length": str(len(body))}
            return StreamingResponse(_drip(body, rate), status, headers, media_type="application/json")
        case _:
            return None


def _drip(body: bytes, rate: int) -> Iterator[bytes]:
    step = max(1, rate // CHUNKS_A_SECOND)
    for start in range(0, len(body), step):
        yield body[start : start + step]
        time.sleep(step / rate)
