"""A real HTTP server on loopback that answers what a test has written down, well or badly."""

import contextlib
import json
import socket
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Reply:
    """One answer. `announced` is the length that it claims to have, `None` its real one."""

    body: bytes = b""
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    announced: int | None = None
    silence: float = 0.0
    seconds_a_byte: float = 0.0
    reset: bool = False


@dataclass(frozen=True)
class Asked:
    """One request that arrived."""

    path: str
    params: tuple[tuple[str, str], ...]
    headers: dict[str, str]


@dataclass
class Script:
    """What will be answered, in order, and what was asked. The last reply is given again and again."""

    url: str = ""
    replies: list[Reply] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next_reply(self, asked: Asked) -> Reply:
        with self.lock:
            self.asked.append(asked)
            return self.replies[min(len(self.asked), len(self.replies)) - 1]


def page(items: list, next_cursor: int | None = None) -> Reply:
    meta = {"per_page": 100} | ({} if next_cursor is None else {"next_cursor": next_cursor})
    return Reply(json.dumps({"data": items, "meta": meta}).encode())


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    script: Script

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        asked = Asked(url.path, tuple(parse_qsl(url.query)), dict(self.headers))
        reply = self.script.next_reply(asked)
        self.script.closing.wait(reply.silence)
        if reply.reset:
            self._reset()
            return
        self.send_response(reply.status)
        for name, value in reply.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body) if reply.announced is None else reply.announced))
        self.end_headers()
        # A client that has hung up is what several of the tests are about.
        with contextlib.suppress(ConnectionError):
            self._send(reply)
        self.close_connection = self.close_connection or reply.announced is not None

    def _send(self, reply: Reply) -> None:
        if not reply.seconds_a_byte:
            self.wfile.write(reply.body)
            return
        for byte in reply.body:
            self.wfile.write(bytes([byte]))
            if self.script.closing.wait(reply.seconds_a_byte):
                return

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""

    def finish(self) -> None:
        with contextlib.suppress(OSError):
            super().finish()


class QuietServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def shutdown_request(self, request: socket.socket) -> None:  # type: ignore[override]
        with contextlib.suppress(OSError):
            super().shutdown_request(request)


@contextlib.contextmanager
def serving() -> Iterator[Script]:
    """A server that follows the script it yields, until the end of the block."""
    script = Script()
    handler = type("ScriptedHandler", (Handler,), {"script": script})
    with QuietServer(("127.0.0.1", 0), handler) as server:
        script.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield script
        finally:
            script.closing.set()
            server.shutdown()
            thread.join()


def dead_url() -> str:
    """An address on loopback where nobody answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def eventually(condition, seconds: float = 20.0) -> None:
    """Waits until the condition holds; fails when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "what was waited for did not happen"
        time.sleep(0.005)
