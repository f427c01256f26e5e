"""Faults that the replay server injects, so that everything which can go wrong at the source can be tried."""

import json
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from threading import Lock
from typing import Annotated, Literal, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    PositiveInt,
    TypeAdapter,
    ValidationError,
    model_validator,
)


class FaultError(ValueError):
    """A fault cannot happen in the league that is served; the message names the rule."""


class FaultFileError(FaultError):
    """A fault file cannot be used; the message names the file, the rule and the field."""


Endpoint = Literal[
    "teams", "players", "players/active", "games", "stats", "box_scores", "player_injuries", "odds", "player_props"
]  # fmt: skip
"""What a rule can be about; a single item, such as `/games/1`, belongs to its list."""


class _Rule(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RequestFault(_Rule):
    """A fault of some requests: those to `endpoint`, about `game_date`, the n-th such ones in `requests`.

    A request is about the dates that it names; one that names none, about those of the games in its answer.
    `requests` counts from 1. `times` bounds how often it strikes; without it, every matching request is struck.
    """

    endpoint: Endpoint | None = None
    game_date: date | None = None
    requests: list[PositiveInt] | None = None
    times: int | None = Field(default=None, ge=1)


class StatusFault(RequestFault):
    """Answers with an error status, and with `Retry-After` if given, in seconds."""

    kind: Literal["status"]
    code: int = Field(ge=400, le=599)
    retry_after: int | None = Field(default=None, ge=0)


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
    """A fault of one game: by id, or by date and place among the games of the date by id, the first being 0."""

    game_id: int | None = None
    game_date: date | None = None
    index: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _one_game(self) -> Self:
        if (self.game_id is None) == (self.game_date is None):
            raise ValueError("give either game_id or game_date")
        return self


class MissingGameFault(GameFault):
    """The game is absent from the answers about games, about statistics, or both; for good, or until `appears_at`."""

    kind: Literal["missing_game"]
    absent_from: list[Literal["games", "stats"]] = ["games", "stats"]
    appears_at: AwareDatetime | None = None


class MissingPlayersFault(GameFault):
    """Players of the game are absent from the statistics: those with these ids, or `count` with most minutes."""

    kind: Literal["missing_players"]
    player_ids: list[int] | None = None
    count: int = Field(default=1, ge=1)


class PostponedGameFault(GameFault):
    """The game is not played on its date; it has moved to `rescheduled_to`, or stays listed as postponed."""

    kind: Literal["postponed_game"]
    rescheduled_to: date | None = None


class StatCorrectionFault(GameFault):
    """Until `appears_at` the final game is served with a wrong count of one player; then it is corrected.

    The correction adds `delta`, or else leads from `value` to the count of the league. The row stays consistent:
    with `fgm` a two-pointer was scored as a miss, with `ftm` a free throw was, and with `fg3m` a three was scored
    as a two; points, rebounds and the score of the team follow. Without `player_id` it is the player with the
    most of the count.
    """

    kind: Literal["stat_correction"]
    appears_at: AwareDatetime
    player_id: int | None = None
    field: Literal["fgm", "fg3m", "ftm", "ast", "oreb", "dreb", "stl", "blk", "turnover", "pf"] = "ast"
    delta: int = 1
    value: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _one_change(self) -> Self:
        if self.value is not None and "delta" in self.model_fields_set:
            raise ValueError("give either delta or value")
        if self.delta == 0:
            raise ValueError("delta is 0, which corrects nothing")
        return self

    def change(self, count: int) -> int:
        """What the correction adds to reach the final count."""
        return self.delta if self.value is None else count - self.value


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
    """Which faults strike a request, counting as it goes. Safe to use from several threads.

    `struck` counts, by the number of the rule, the answers that its fault has changed; a reader may look at any time.
    """

    def __init__(self, faults: list[Fault], struck: Counter[int] | None = None) -> None:
        self.game_faults = [(rule, fault) for rule, fault in enumerate(faults) if isinstance(fault, GameFault)]
        self.struck: Counter[int] = Counter() if struck is None else struck
        self._request_faults = [(rule, fault) for rule, fault in enumerate(faults) if isinstance(fault, RequestFault)]
        self._seen: Counter[int] = Counter()
        self._lock = Lock()

    def striking(self, endpoint: str, is_about: Callable[[date], bool]) -> list[RequestFault]:
        """The request faults that strike a request to an endpoint; `is_about` says whether it concerns a date."""
        with self._lock:
            return [
                fault
                for rule, fault in self._request_faults
                if (fault.endpoint is None or fault.endpoint == endpoint)
                and (fault.game_date is None or is_about(fault.game_date))
                and self._strikes(rule, fault)
            ]

    def note(self, rules: Iterable[int]) -> None:
        """Counts an answer that showed faults of games, by the numbers of their rules."""
        with self._lock:
            self.struck.update(rules)

    def _strikes(self, rule: int, fault: RequestFault) -> bool:
        """Counts a matching request, and says whether its turn has come."""
        self._seen[rule] += 1
        if fault.requests is not None and self._seen[rule] not in fault.requests:
            return False
        if fault.times is not None and self.struck[rule] >= fault.times:
            return False
        self.struck[rule] += 1
        return True
