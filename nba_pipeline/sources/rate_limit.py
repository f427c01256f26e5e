"""One rate limit for all steps of all runs: they share a file, so that together they keep the plan."""

import math
import time
from collections.abc import Callable
from pathlib import Path

from pyrate_limiter import Rate, RateItem, SQLiteBucket

WINDOW_SECONDS = 60.0
"""balldontlie counts the requests of any sixty seconds."""

MARGIN_SECONDS = 1.0
"""The source counts arrivals, we count departures: a request may be this much longer on its way than the next."""


class RateLimiter:
    """Lets at most `per_minute` requests through in any window, over all threads and processes of a folder.

    Time is real time here, whatever the pipeline's clock says: it is the source that counts. A client with
    another limit still counts everybody's requests.
    """

    def __init__(
        self,
        folder: Path,
        per_minute: int,
        *,
        window_seconds: float = WINDOW_SECONDS,
        margin_seconds: float = MARGIN_SECONDS,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.folder = folder
        self.per_minute = per_minute
        self.sleep = sleep
        self._window_ms = round(1000 * (window_seconds + margin_seconds))
        self._bucket: SQLiteBucket | None = None

    def wait(self, *, before: float = math.inf) -> bool:
        """True when a request may be sent, which it has counted; False when none may before an instant.

        The instant is one of `time.monotonic`.
        """
        while (pause := self._take() if time.monotonic() < before else math.inf) > 0:
            if time.monotonic() + pause > before:
                return False
            self.sleep(pause)
        return True

    def _take(self) -> float:
        """0.0 when a request was counted; else the seconds until one may be.

        The library's own blocking wait notes when it *meant* to wake. Under contention that is earlier than
        the request leaves, and the limit is passed; so the time is read anew, under the lock, each time.
        """
        bucket = self._open()
        with bucket.lock:
            now = bucket.now()
            newest = bucket.peek(0)
            if newest and newest.timestamp > now + self._window_ms:
                # The machine's clock was set back; waiting for it to catch up could take hours.
                bucket.flush()
            bucket.leak(now)
            request = RateItem("balldontlie", now)
            if bucket.put(request):
                return 0.0
            wait_ms = bucket.waiting(request)
            if not isinstance(wait_ms, int):
                raise TypeError(f"{bucket} is a bucket of asyncio; this limiter waits by itself")
            return max(1, wait_ms) / 1000

    def _open(self) -> SQLiteBucket:
        if self._bucket is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._bucket = SQLiteBucket.init_from_file(
                [Rate(self.per_minute, self._window_ms)],
                db_path=str(self.folder / "requests.sqlite"),
                use_file_lock=True,
            )
        return self._bucket
