"""A server that takes alerts."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

SECRET = "T0000SECRET/B0000SECRET/xoxSECRETxox"
HANG_UP = 0
"""An answer of the server: none."""


class Webhook:
    """A server that takes alerts; the next answers can be prescribed, and after them it says 200."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.asked = 0
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.down = False
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.asked += 1
                status, headers = outer.answers.pop(0) if outer.answers else (503 if outer.down else 200, {})
                if status == HANG_UP:
                    return
                if status == 200:
                    outer.taken.append(body["text"])
                said = b"ok" if status == 200 else b"no"
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(said))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/services/{SECRET}"

    def __enter__(self) -> "Webhook":
        threading.Thread(target=self._server.serve_forever, args=[0.01], daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
