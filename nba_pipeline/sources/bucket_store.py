"""Files in a bucket of Cloud Storage, the landing's or the published ones, through Google's own client."""

import contextlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from google.api_core.exceptions import GoogleAPIError, NotFound
from google.auth.exceptions import GoogleAuthError
from google.cloud import storage
from requests.exceptions import RequestException

from nba_pipeline.sources.errors import LandingUnavailableError
from nba_pipeline.sources.landing_store import ListedOnce


@contextmanager
def _reached(place: str, setting: str) -> Iterator[None]:
    """Whatever the client could not repair by its own retries is a `LandingUnavailableError` that names the place."""
    try:
        yield
    except (GoogleAPIError, GoogleAuthError, RequestException) as error:
        raise LandingUnavailableError(
            f"{place} could not be reached: {error}. Check {setting}, the credentials and their role "
            "on the bucket, then run again; nothing was taken for an answer."
        ) from error


class BucketStore:
    """Objects of a bucket below a prefix; an object is seen once all of it has arrived, and never before.

    `setting` names what a person has to look at when the bucket cannot be reached.
    """

    def __init__(self, client: storage.Client, bucket: str, prefix: str, setting: str = "NBA_PIPELINE_LANDING") -> None:
        self._setting = setting
        self._bucket = client.bucket(bucket)
        self._prefix = f"{prefix}/" if prefix else ""

    def read(self, key: str) -> bytes:
        """The bytes of an object; the client compares their checksum."""
        with _reached(self.where(key), self._setting):
            blob = self._bucket.get_blob(self._prefix + key)
            if blob is not None:
                return blob.download_as_bytes(raw_download=True)
        raise FileNotFoundError(f"there is no {self.where(key)}")

    def write(self, key: str, content: bytes) -> None:
        """Uploads an object, with a checksum that the bucket compares."""
        with _reached(self.where(key), self._setting):
            blob = self._bucket.blob(self._prefix + key)
            blob.upload_from_string(content, content_type="application/octet-stream", checksum="crc32c")

    def rename(self, key: str, new_key: str) -> None:
        """Copies an object to its new key, then deletes the old one."""
        with _reached(self.where(key), self._setting):
            self._bucket.rename_blob(self._bucket.blob(self._prefix + key), self._prefix + new_key)

    def remove(self, key: str) -> None:
        """Deletes an object; one that somebody else deleted is gone as well."""
        with _reached(self.where(key), self._setting), contextlib.suppress(NotFound):
            self._bucket.blob(self._prefix + key).delete()

    def folders(self, key: str) -> Sequence[str]:
        """The names of the folders right below a key."""
        prefix = f"{self._prefix}{key}/"
        with _reached(self.where(key), self._setting):
            listing = self._bucket.list_blobs(prefix=prefix, delimiter="/")
            list(listing)
            return [name.removeprefix(prefix).rstrip("/") for name in listing.prefixes]

    def keys(self, key: str) -> Sequence[str]:
        """The keys of all objects below a key."""
        with _reached(self.where(key), self._setting):
            listing = self._bucket.list_blobs(prefix=f"{self._prefix}{key}/", fields="items(name),nextPageToken")
            return [blob.name.removeprefix(self._prefix) for blob in listing]

    def where(self, key: str) -> str:
        """The URL of an object."""
        return f"gs://{self._bucket.name}/{self._prefix}{key}"

    def listed_once(self) -> "ListedOnce":
        """The same objects, each folder listed at most once."""
        return ListedOnce(self)
