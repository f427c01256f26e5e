"""Faults that the replay server injects, so that everything which can go wrong at the source can be tried."""

import json
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError


class FaultFileError(ValueError):
    """A fault file cannot be used; the message names the file, the rule and the field."""


class _Rule(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RequestFault(_Rule):
    """A fault of some requests: those to `endpoint`, about `game_date`, the n-th such ones in `requests`.

    `times` bounds how often it strikes; without it, every matching request is struck.
    """

    endpoint: str | None = None
    game_date: date | None = None
    requests: list[int] | None = None
    times: int | None = Field(default=None, ge=1)


class StatusFault(RequestFault):
    """Answers with an error status, and with `Retry-After` if given, in seconds."""

    kind: Literal["status"]
    code: int = Field(ge=400, le=599)
    retry_after: int | None = None


class TimeoutFault(RequestFault):
    """Says nothing for some seconds, then closes the connection."""

    kind: Literal["timeout"]
    seconds: float = Field(gt=0, le=3600)


class SlowDripFault(RequestFault):
    """Sends the body a few bytes a second."""

    kind: Literal["slow_drip"]
    bytes_per_second: int = Field(gt=0)


class TruncatedBodyFault(RequestFault):
    """Announces the whole length, sends a part and closes the connection."""

    kind: Literal["truncated_body"]
    share: float = Field(default=0.5, gt=0, lt=1)


class MalformedJsonFault(RequestFault):
    """Sends a complete body that is not JSON."""

    kind: Literal["malformed_json"]


class EmptyFault(RequestFault):
    """Answers 200 with no data."""

    kind: Literal["empty"]


class MissingFieldFault(RequestFault):
    """Leaves a field out of the items."""

    kind: Literal["missing_field"]
    field: str


class ExtraFieldFault(RequestFault):
    """Adds a field that nobody knows to the items."""

    kind: Literal["extra_field"]
    field: str
    value: str | int | None = "new"


class DuplicateRowsFault(RequestFault):
    """Repeats the first items of the answer."""

    kind: Literal["duplicate_rows"]
    count: int = Field(default=1, ge=1)


class GameFault(_Rule):
    """A fault of one game: by id, or the n-th of a date."""

    game_id: int | None = None
    game_date: date | None = None
    index: int = Field(default=0, ge=0)


class MissingGameFault(GameFault):
    """The game is absent from the answers about games, about statistics, or both."""

    kind: Literal["missing_game"]
    absent_from: list[Literal["games", "stats"]] = ["games", "stats"]


class MissingPlayersFault(GameFault):
    """Players of the game are absent from the statistics: those with these ids, or the first few."""

    kind: Literal["missing_players"]
    player_ids: list[int] | None = None
    count: int = Field(default=1, ge=1)


class PostponedGameFault(GameFault):
    """The game is postponed; it is played on `rescheduled_to`, if that is given."""

    kind: Literal["postponed_game"]
    rescheduled_to: date | None = None


class StatCorrectionFault(GameFault):
    """Until `appears_at` the game is served with one count of a player too low; then it is corrected."""

    kind: Literal["stat_correction"]
    appears_at: AwareDatetime
    player_id: int | None = None
    field: Literal["fgm", "ftm", "ast", "oreb", "dreb", "stl", "blk", "turnover"] = "ast"


class LateFinalFault(GameFault):
    """The game becomes final hours later than it should; until then it is served as `served_as`."""

    kind: Literal["late_final"]
    hours: float = Field(default=45, gt=0)
    served_as: Literal["in_progress", "final_incomplete"] = "in_progress"


Fault = Annotated[
    StatusFault | TimeoutFault | SlowDripFault | TruncatedBodyFault | MalformedJsonFault | EmptyFault
    | MissingFieldFault | ExtraFieldFault | DuplicateRowsFault | MissingGameFault | MissingPlayersFault
    | PostponedGameFault | StatCorrectionFault | LateFinalFault,
    Field(discriminator="kind"),
]  # fmt: skip

FAULTS: TypeAdapter[list[Fault]] = TypeAdapter(list[Fault])


def read_faults(path: Path) -> list[Fault]:
    """The faults of a JSON file: a list of rules.

    Raises `FaultFileError`, naming file, rule and field, for a file that is not.
    """
    try:
        return FAULTS.validate_python(json.loads(path.read_text()))
    except OSError as error:
        raise FaultFileError(f"{path} cannot be read: {error.strerror}") from error
    except json.JSONDecodeError as error:
        raise FaultFileError(f"{path} is not JSON: {error}") from error
    except ValidationError as error:
        problem = error.errors()[0]
        rule, *place = problem["loc"] or (0,)
        where = ".".join(str(part) for part in place) or "the rule"
        raise FaultFileError(f"{path}, rule {rule}: {where}: {problem['msg']}") from error


class FaultBook:
    """Which faults strike a request, counting as it goes."""

    def __init__(self, faults: list[Fault]) -> None:
        self.game_faults = [fault for fault in faults if isinstance(fault, GameFault)]
        self._request_faults = [fault for fault in faults if isinstance(fault, RequestFault)]
        self._seen = [0] * len(self._request_faults)
        self._struck = [0] * len(self._request_faults)

    def striking(self, endpoint: str, dates: tuple[date, date] | None) -> list[RequestFault]:
        """The request faults that strike a request to an endpoint about the dates."""
        found = []
        for n, fault in enumerate(self._request_faults):
            if fault.endpoint is not None and fault.endpoint != endpoint:
                continue
            if fault.game_date is not None and not (dates and dates[0] <= fault.game_date <= dates[1]):
                continue
            self._seen[n] += 1
            if fault.requests is not None and self._seen[n] not in fault.requests:
                continue
            if fault.times is not None and self._struck[n] >= fault.times:
                continue
            self._struck[n] += 1
            found.append(fault)
        return found
