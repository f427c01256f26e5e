"""A proxy between Google's client and the emulator, which can do what wires do."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests

HOP_BY_HOP = {"connection", "content-length", "content-encoding", "transfer-encoding", "keep-alive", "host"}

REASONS = {403: "accessDenied", 429: "rateLimitExceeded", 500: "internalError", 503: "backendError"}
"""What BigQuery calls an answer."""


@dataclass
class Asked:
    """One request that came through."""

    method: str
    path: str
    body: bytes

    @property
    def begins_a_job(self) -> bool:
        """Whether it asks for a new job."""
        return self.method == "POST" and "/jobs" in self.path

    @property
    def job(self) -> dict[str, Any]:
        """The job that it asks for; empty where it asks for none."""
        if not self.begins_a_job or not self.body.startswith(b"{"):
            return {}
        return json.loads(self.body)

    @property
    def statement(self) -> str:
        """The statement of a query job."""
        return self.job.get("configuration", {}).get("query", {}).get("query", "")

    @property
    def is_dry_run(self) -> bool:
        """Whether it only asks what a query would read."""
        return bool(self.job.get("configuration", {}).get("dryRun"))


@dataclass
class Fault:
    """What happens to the requests that are meant, so many times.

    `code`: the answer instead, without asking the server. `reset`: the server is asked, and its answer is lost with
    the connection. `stall`: it is asked, and for `seconds` no answer comes; then the connection is lost.
    """

    meant: Callable[[Asked], bool]
    kind: str
    code: int = 503
    seconds: float = 0
    times: int = 1
    hit: int = 0


@dataclass
class Proxy:
    """Forwards to `upstream`; answers requests for tokens itself."""

    upstream: str
    faults: list[Fault] = field(default_factory=list)
    seen: list[Asked] = field(default_factory=list)
    rewrite: Callable[[Asked, bytes], bytes] | None = None

    def __enter__(self) -> "Proxy":
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                proxy.answer(self)

            def do_POST(self) -> None:
                proxy.answer(self)

            def do_PUT(self) -> None:
                proxy.answer(self)

            def do_PATCH(self) -> None:
                proxy.answer(self)

            def do_DELETE(self) -> None:
                proxy.answer(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def jobs(self) -> list[Asked]:
        """The jobs that were asked for, dry runs aside."""
        return [asked for asked in self.seen if asked.begins_a_job and asked.job and not asked.is_dry_run]

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers.get("content-length") or 0)
        asked = Asked(handler.command, handler.path, handler.rfile.read(length))
        if asked.path == "/token":
            token = {"access_token": "token", "expires_in": 3600, "token_type": "Bearer"}
            self._send(handler, 200, json.dumps(token).encode())
            return
        self.seen.append(asked)
        fault = next((f for f in self.faults if f.hit < f.times and f.meant(asked)), None)
        if fault is not None:
            fault.hit += 1
            if fault.kind == "code":
                reason = REASONS[fault.code]
                error = {"code": fault.code, "message": "injected", "errors": [{"reason": reason}]}
                self._send(handler, fault.code, json.dumps({"error": error}).encode())
                return
        headers = {k: v for k, v in handler.headers.items() if k.lower() not in HOP_BY_HOP}
        headers["Accept-Encoding"] = "identity"
        given = requests.request(
            asked.method, self.upstream + asked.path, data=asked.body, headers=headers, timeout=120
        )
        if fault is not None:
            time.sleep(fault.seconds)
            handler.close_connection = True
            handler.connection.close()
            return
        body = self.rewrite(asked, given.content) if self.rewrite else given.content
        kept = {k: v for k, v in given.headers.items() if k.lower() not in HOP_BY_HOP}
        self._send(handler, given.status_code, body, kept)

    @staticmethod
    def _send(handler: BaseHTTPRequestHandler, code: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        handler.send_response(code)
        for name, value in (headers or {"Content-Type": "application/json"}).items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
