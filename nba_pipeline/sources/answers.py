"""From the bytes of an answer to a page of a list, or to a reason that an operator can read."""

import json
import re
import zlib
from dataclasses import dataclass
from typing import Any

from nba_pipeline.sources.decoration import shown

MOST_BYTES = 64 * 2**20
"""A page has less than a thousandth of it, a season's schedule less than a hundredth. More is no answer."""

MOST_LAYERS, MOST_MEMBERS = 3, 16
"""How often an answer may be packed, and in how many pieces; proxies pack one that is packed already."""

GZIP = b"\x1f\x8b"
GZIP_BITS, ZLIB_BITS, RAW_BITS = 31, 15, -15

CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:+-]+)", re.IGNORECASE)
TITLE = re.compile(rb"<title[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)
HTML = re.compile(rb"\s*<(?:!doctype|html|head|body|\?xml|!--)", re.IGNORECASE)
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

LONGEST_CURSOR = 2000


class NoPageError(ValueError):
    """An answer is no page of a list; the message says what it is, as the end of a sentence."""


@dataclass(frozen=True)
class ListPage:
    """A page of a list: its items, and the cursor of the next page, None on the last."""

    items: list[Any]
    next_cursor: str | None


def unpacked(body: bytes, content_encoding: str | None) -> bytes:
    """The body without the packing that the header names, or that is plain to see where it names none.

    Raises `NoPageError` when it breaks off, is packed in a way that nobody asked for, or unpacks without end.
    """
    layers = [name.strip().lower() for name in (content_encoding or "").split(",") if name.strip()]
    if len(layers) > MOST_LAYERS:
        raise NoPageError(f"it is packed {len(layers)} times")
    for layer in reversed(layers):
        body = _without_layer(body, layer)
    return _inflated(body, GZIP_BITS) if body.startswith(GZIP) else body


def _without_layer(body: bytes, layer: str) -> bytes:
    if layer in ("gzip", "x-gzip"):
        # Without its mark it was unpacked on the way, by somebody who left the header.
        return _inflated(body, GZIP_BITS) if body.startswith(GZIP) else body
    if layer == "deflate":
        return _deflated(body)
    if layer in ("identity", "utf-8"):
        return body
    raise NoPageError(f"it is packed as {shown(layer)}, which was not asked for and cannot be unpacked")


def _deflated(body: bytes) -> bytes:
    """By the standard with the frame of zlib, and from many servers without."""
    framed = len(body) > 1 and body[0] & 0x0F == zlib.DEFLATED and int.from_bytes(body[:2]) % 31 == 0
    try:
        return _inflated(body, ZLIB_BITS if framed else RAW_BITS)
    except NoPageError:
        if body.lstrip().startswith((b"{", b"[")):
            return body
        raise


def _inflated(body: bytes, bits: int) -> bytes:
    found, rest = bytearray(), body
    for _ in range(MOST_MEMBERS):
        stream = zlib.decompressobj(bits)
        try:
            found += stream.decompress(rest, MOST_BYTES + 1 - len(found))
        except zlib.error as error:
            raise NoPageError(f"it cannot be unpacked ({len(body)} packed bytes are damaged)") from error
        if len(found) > MOST_BYTES:
            raise NoPageError(f"it unpacks to more than {MOST_BYTES // 2**20} MiB")
        if not stream.eof:
            raise NoPageError(f"it breaks off: {len(body)} packed bytes have no end")
        # Packed files may be filled up with zeros, and follow one another.
        rest = stream.unused_data.lstrip(b"\0")
        if not rest:
            return bytes(found)
        if bits != GZIP_BITS:
            raise NoPageError(f"there are {len(rest)} bytes behind its end")
    raise NoPageError(f"it is packed in more than {MOST_MEMBERS} pieces")


def in_unicode(body: bytes, content_type: str | None) -> bytes:
    """The body as it is if it is UTF-8, 16 or 32, which JSON has to be; else read by the charset of the header.

    A body in none of them is returned as it is.
    """
    try:
        body.decode(json.detect_encoding(body))
    except UnicodeDecodeError:
        named = CHARSET.search(content_type or "")
        try:
            return body.decode(named[1]).encode() if named else body
        except (LookupError, ValueError):
            return body
    return body


def _object(body: bytes) -> dict[str, Any]:
    try:
        content = json.loads(body, parse_constant=lambda name: None)
    except (ValueError, RecursionError) as error:
        raise NoPageError(_what(body, error)) from error
    if not isinstance(content, dict):
        raise NoPageError(f"it is {_kind(content)}, no JSON object")
    return content


def list_page(body: bytes) -> ListPage:
    """The page that a body holds. `NaN` and `Infinity`, which are no JSON, are read as null.

    Raises `NoPageError` when it holds none.
    """
    content = _object(body)
    if not isinstance(content.get("data"), list):
        message = next((content[name] for name in ("error", "message") if name in content), None)
        said = f"; it says: {shown(message)}" if message is not None else ""
        raise NoPageError(f"it has no list `data`{said}")
    if not isinstance(content.get("meta"), dict):
        raise NoPageError("it has no object `meta`, which would tell whether it is the last page")
    return ListPage(content["data"], _cursor(content["meta"].get("next_cursor")))


def single_page(body: bytes) -> dict[str, Any] | None:
    """The one thing that a body holds; None where it says that there is no such thing, in JSON as an API does.

    Raises `NoPageError` when it holds neither.
    """
    content = _object(body)
    found = content.get("data")
    if "data" in content and not isinstance(found, dict):
        raise NoPageError(f"its `data` is {_kind(found)}, not an object")
    return found


def _cursor(value: object) -> str | None:
    """A cursor, a number or a text of the source's choice; None behind the last page."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise NoPageError(f"its next cursor is {_kind(value)}, neither a number nor a text")
    text = str(value)
    if len(text) > LONGEST_CURSOR:
        raise NoPageError(f"its next cursor has {len(text)} characters")
    return text.encode(errors="replace").decode()


def is_html(body: bytes) -> bool:
    """Whether a body is a web page, which an API never sends: something in front of it does."""
    return HTML.match(body.removeprefix(BYTE_ORDER_MARK)) is not None


def is_json(body: bytes) -> bool:
    """Whether a body is an object or a list of JSON."""
    try:
        return isinstance(json.loads(body), dict | list)
    except (ValueError, RecursionError):
        return False


def is_list(body: bytes) -> bool:
    """Whether a body is meant for a page of a list, whole or not: the answer about one thing has an object, or none."""
    try:
        content = json.loads(body, parse_constant=lambda name: None)
    except (ValueError, RecursionError):
        return True
    return not isinstance(content, dict) or isinstance(content.get("data"), list)


def web_page(body: bytes) -> str:
    """A web page for a sentence: with its title, which says who sends it."""
    title = TITLE.search(body)
    words = " ".join(title[1].decode(errors="replace").split()) if title else ""
    return f"a web page titled {shown(words)}" if words else "a web page"


def _what(body: bytes, error: Exception) -> str:
    """What a body is that cannot be read as JSON."""
    if not body.strip():
        return "it is empty"
    if is_html(body):
        return f"it is {web_page(body)}, no JSON"
    if isinstance(error, json.JSONDecodeError):
        return f"it is no JSON from character {error.pos} of {len(error.doc)} on: {shown(error.doc[error.pos :][:30])}"
    if isinstance(error, UnicodeDecodeError):
        return f"it is no text: byte {error.start} belongs to no character of {error.encoding}"
    if isinstance(error, RecursionError):
        return "it is nested without end"
    return "it has a number of thousands of digits"


def _kind(value: object) -> str:
    kinds = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "a number")
