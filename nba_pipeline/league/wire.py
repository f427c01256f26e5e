"""How an answer goes over the wire, whole or struck by faults."""

import json
import time
from collections.abc import Iterator, Sequence

from starlette.responses import Response, StreamingResponse

from nba_pipeline.league.faults import (
    DuplicateRowsFault,
    EmptyFault,
    ExtraFieldFault,
    MalformedJsonFault,
    MissingFieldFault,
    RequestFault,
    SlowDripFault,
    StatusFault,
    TimeoutFault,
    TruncatedBodyFault,
)
from nba_pipeline.league.view import Item

CHUNKS_A_SECOND = 10


class CutOffError(Exception):
    """Ends a response before its announced end; uvicorn then closes the connection."""


def struck(content: Item, faults: Sequence[RequestFault]) -> Response:
    """The response to send, after the faults that strike it."""
    for fault in faults:
        content = _changed(content, fault)
    body = json.dumps(content, separators=(",", ":")).encode()
    for fault in faults:
        response = _broken(body, fault)
        if response is not None:
            return response
    return _whole(body)


def _whole(body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(body, status, headers, media_type="application/json")


def _changed(content: Item, fault: RequestFault) -> Item:
    """The content after a fault of content, unchanged by any other."""
    data = content.get("data")
    if not isinstance(data, list):
        return content
    match fault:
        case EmptyFault():
            return {**content, "data": [], "meta": {"per_page": 100}}
        case MissingFieldFault(field=name):
            return {**content, "data": [{k: v for k, v in item.items() if k != name} for item in data]}
        case ExtraFieldFault(field=name, value=value):
            return {**content, "data": [{**item, name: value} for item in data]}
        case DuplicateRowsFault(count=count):
            return {**content, "data": [*data[:count], *data]}
        case _:
            return content


def _broken(body: bytes, fault: RequestFault) -> Response | None:
    """The response of a fault of transport, None for any other fault."""
    match fault:
        case StatusFault(code=code, retry_after=wait):
            headers = {} if wait is None else {"Retry-After": str(wait)}
            return _whole(json.dumps({"error": f"injected {code}"}).encode(), code, headers)
        case MalformedJsonFault():
            return _whole(body[:-1] + b",}")
        case TruncatedBodyFault(share=share):
            return _announcing(body, _cut(body, share))
        case TimeoutFault(seconds=seconds):
            return _announcing(body, _silence(seconds))
        case SlowDripFault(bytes_per_second=rate):
            return _announcing(body, _drip(body, rate))
        case _:
            return None


def _announcing(body: bytes, chunks: Iterator[bytes]) -> Response:
    headers = {"Content-Length": str(len(body))}
    return StreamingResponse(chunks, headers=headers, media_type="application/json")


def _cut(body: bytes, share: float) -> Iterator[bytes]:
    yield body[: max(1, int(len(body) * share))]
    raise CutOffError


def _silence(seconds: float) -> Iterator[bytes]:
    time.sleep(seconds)
    yield b""
    raise CutOffError


def _drip(body: bytes, rate: int) -> Iterator[bytes]:
    step = max(1, rate // CHUNKS_A_SECOND)
    for start in range(0, len(body), step):
        yield body[start : start + step]
        time.sleep(step / rate)
