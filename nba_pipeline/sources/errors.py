"""What can go wrong with a source, told apart by whether trying again can help."""


class SourceError(Exception):
    """A source gave no usable answer; the message says what was tried and what to do."""


class SourceRefused(SourceError):  # noqa: N818 - it is the source that refused, not an error of ours
    """The source refused the request; the same request will be refused again."""


class GameRefused(SourceRefused):
    """The source refused a question about one game by its id; it may well answer others."""


class KeyRefused(SourceRefused):
    """The source refuses our key, or there is none to show: it said nothing about what was asked.

    `setting` names the setting with the key.
    """

    def __init__(self, message: str, setting: str = "BALLDONTLIE_API_KEY") -> None:
        super().__init__(message)
        self.setting = setting


class SourceUnavailable(SourceError):  # noqa: N818 - as above
    """Every attempt failed in a way that may heal."""


class DamagedLandingError(SourceError):
    """A landed answer is not what was landed: its bytes and its SHA-256 differ, or it cannot be read."""


class LandingUnavailableError(SourceError):
    """The place of the landed answers could not be reached; what it holds is unknown, not nothing."""
