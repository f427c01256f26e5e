"""What goes wrong between here and BigQuery, as the warehouse's own errors."""

from collections.abc import Iterator
from contextlib import contextmanager

import requests
from google.api_core import exceptions
from google.auth.exceptions import GoogleAuthError, TransportError

from nba_pipeline.warehouse.errors import QueryError, WarehouseUnavailableError

LOST = (
    requests.exceptions.ConnectionError,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.Timeout,
    ConnectionError,
    TransportError,
    exceptions.TooManyRequests,
    exceptions.InternalServerError,
    exceptions.BadGateway,
    exceptions.ServiceUnavailable,
    exceptions.GatewayTimeout,
    exceptions.RetryError,
)
"""After these nobody knows whether a request arrived."""


@contextmanager
def reached(what: str) -> Iterator[None]:
    """Whatever Google's client could not repair by its own retries is an error of the warehouse that names it.

    `WarehouseUnavailableError` for what another try may heal, `QueryError` for what BigQuery refused.
    """
    try:
        yield
    except LOST as error:
        raise WarehouseUnavailableError(
            f"BigQuery could not be reached to {what}: {error}. Nothing is taken for done. The step is tried again by "
            "itself."
        ) from error
    except (exceptions.GoogleAPICallError, GoogleAuthError) as error:
        raise QueryError(f"BigQuery refused to {what}: {error}") from error
