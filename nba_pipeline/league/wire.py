"""How an answer goes over the wire, whole or struck by faults."""

import json
import time
from collections.abc import Iterator, Sequence

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

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


class Unfinished(Response):
    """A response that ends before its announced length; the server then closes the connection."""

    def __init__(self, body: bytes, share: float) -> None:
        super().__init__(body, headers={"Content-Length": str(len(body))}, media_type="application/json")
        self._sent = body[: int(len(body) * share)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends the part and returns without the end."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self._sent, "more_body": True})


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
            meta = content.get("meta")
            return {"data": [], **({"meta": {"per_page": meta["per_page"]}} if meta else {})}
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
            return Unfinished(body, share)
        case TimeoutFault(seconds=seconds):
            time.sleep(seconds)
            return Unfinished(body, 0)
        case SlowDripFault(bytes_per_second=rate):
            headers = {"Content-Length": str(len(body))}
            return StreamingResponse(_drip(body, rate), headers=headers, media_type="application/json")
        case _:
            return None


def _drip(body: bytes, rate: int) -> Iterator[bytes]:
    step = max(1, rate // CHUNKS_A_SECOND)
    for start in range(0, len(body), step):
        yield body[start : start + step]
        time.sleep(step / rate)
