"""Faults that the replay server injects, so that everything which can go wrong at the source can be tried."""

import json
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import date, datetime
from pathlib import Path
from threading import Lock
from typing import Annotated, Literal, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
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
    `since` and `until` are instants of the league's clock; it strikes from the one, and no more at the other.
    """

    endpoint: Endpoint | None = None
    game_date: date | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    requests: list[PositiveInt] | None = None
    times: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.since is not None and self.until is not None and self.until <= self.since:
            raise ValueError("until is not after since")
        return self

    def is_on(self, now: datetime) -> bool:
        """Whether the league's clock is between `since` and `until`."""
        return (self.since is None or self.since <= now) and (self.until is None or now < self.until)


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


class ChallengeFault(RequestFault):
    """Answers as a firewall does: a page for a browser, with an error status."""

    kind: Literal["challenge"]
    code: int = Field(default=403, ge=400, le=599)


class SilentDaysFault(RequestFault):
    """Answers nothing at all, whatever is asked, between two instants of the league's clock."""

    kind: Literal["silent_days"]

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.since is None or self.until is None:
            raise ValueError("give since and until")
        return self


class EncodingFault(RequestFault):
    """Sends the body compressed though nobody asked for it, or in other bytes than plain UTF-8.

    `latin-1` puts an accent on names, so that there is a byte which is not UTF-8. `labelled` says whether the
    headers tell.
    """

    kind: Literal["encoding"]
    how: Literal["gzip", "deflate", "byte_order_mark", "latin-1", "utf-16"]
    labelled: bool = True


class CursorFault(RequestFault):
    """Says otherwise where the next page begins.

    `text` and `digits` are cursors that work, as a text and as a number in quotes. With `repeats` the next page is
    the one that was just read, for ever; with `endless` the last page is followed by the first under an ever higher
    cursor.
    """

    kind: Literal["cursor"]
    how: Literal["text", "digits", "repeats", "endless"]


class OddDecorationFault(RequestFault):
    """Sends a field of players that says nothing about their games as `value`: of these players, or of all."""

    kind: Literal["odd_decoration"]
    field: Literal[
        "first_name", "last_name", "position", "height", "weight", "jersey_number", "college", "country",
        "draft_year", "draft_round", "draft_number",
    ] = "height"  # fmt: skip
    value: str | int | None
    player_ids: list[int] | None = None


class InjuryWordFault(RequestFault):
    """Sends another word for how players on the injury list stand: these players, or all."""

    kind: Literal["injury_word"]
    endpoint: Endpoint | None = "player_injuries"
    status: str | None
    player_ids: list[int] | None = None

    @model_validator(mode="after")
    def _of_the_list(self) -> Self:
        if self.endpoint != "player_injuries":
            raise ValueError("the endpoint of the injury list is player_injuries")
        return self


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


class CorrectedFault(GameFault):
    """A fault of one game for good, or until what is right appears at `appears_at`."""

    appears_at: AwareDatetime | None = None

    def lasts(self, now: datetime) -> bool:
        """Whether what is right has not appeared yet."""
        return self.appears_at is None or now < self.appears_at


class MissingGameFault(CorrectedFault):
    """The game is absent from the answers about games, about statistics, or both; for good, or until `appears_at`."""

    kind: Literal["missing_game"]
    absent_from: list[Literal["games", "stats"]] = ["games", "stats"]


class MissingPlayersFault(CorrectedFault):
    """Players of the game are absent from the statistics: those with these ids, or `count` with most minutes."""

    kind: Literal["missing_players"]
    player_ids: list[int] | None = None
    count: int = Field(default=1, ge=1)


class OnePlayerFault(CorrectedFault):
    """A fault of one player's row in the final game: of `player_id`, or of whom played the most minutes."""

    player_id: int | None = None


class NullPlayerFault(OnePlayerFault):
    """The row of a player comes without the player."""

    kind: Literal["null_player"]


class PlayerOnBothTeamsFault(OnePlayerFault):
    """The player has a second row, under the other team; with the same counts, or with none of them."""

    kind: Literal["player_on_both_teams"]
    counts: Literal["same", "none"] = "same"


class StatValueFault(OnePlayerFault):
    """A field of a player's row is `value`, and nothing follows from it: no points, no rebounds, no score."""

    kind: Literal["stat_value"]
    field: Literal[
        "min", "fgm", "fga", "fg3m", "fg3a", "ftm", "fta", "oreb", "dreb", "reb", "ast", "stl", "blk", "turnover",
        "pf", "pts", "plus_minus", "fg_pct", "fg3_pct", "ft_pct",
    ]  # fmt: skip
    value: int | float | str | None


class _Change(_Rule):
    """A number is off by `delta`, or is `value`."""

    delta: int = 1
    value: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _one_change(self) -> Self:
        if self.value is not None and "delta" in self.model_fields_set:
            raise ValueError("give either delta or value")
        if self.delta == 0:
            raise ValueError("delta is 0, which changes nothing")
        return self


class WrongScoreFault(CorrectedFault, _Change):
    """The final score of a side is off by `delta`, or is `value`; the players' rows are right."""

    kind: Literal["wrong_score"]
    side: Literal["home", "visitor"] = "home"

    def served(self, score: int) -> int:
        """The score that is served instead of the right one."""
        return score + self.delta if self.value is None else self.value


class StrayGameFault(CorrectedFault):
    """Answers about `also_on` carry this game of another date, with its own date in it."""

    kind: Literal["stray_game"]
    also_on: date
    carried_by: list[Literal["games", "stats"]] = ["games", "stats"]


class CalendarFault(GameFault):
    """A fault of when a game is played and what is known of it before; a game can have one."""


class PostponedGameFault(CalendarFault):
    """The game is not played on its date. It is listed as postponed from `announced_at` on, and always without it.

    With `rescheduled_to` it is played then, under the same id, and stands on that date only: from `rescheduled_at`
    on, and always without it.
    """

    kind: Literal["postponed_game"]
    announced_at: AwareDatetime | None = None
    rescheduled_to: date | None = None
    rescheduled_at: AwareDatetime | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.rescheduled_at is None:
            if self.announced_at is not None and self.rescheduled_to is not None:
                raise ValueError("give rescheduled_at as well, or use moved_game")
            return self
        if self.rescheduled_to is None:
            raise ValueError("rescheduled_at needs rescheduled_to")
        if self.announced_at is not None and self.rescheduled_at <= self.announced_at:
            raise ValueError("rescheduled_at is not after announced_at")
        return self


class MovedGameFault(CalendarFault):
    """The game is listed on its date until `announced_at`, and from then on `moved_to`, under the same id."""

    kind: Literal["moved_game"]
    moved_to: date
    announced_at: AwareDatetime


class UnsettledFault(CalendarFault):
    """A fault of a game of which not everything is settled: what it is listed as, and whether its teams are named."""

    listed_as: Literal["TBD", "scheduled"] = "TBD"
    teams_known: bool = True


class UndecidedGameFault(UnsettledFault):
    """It is not settled until `decided_at` who plays, or whether; then it is a game like any other."""

    kind: Literal["undecided_game"]
    decided_at: AwareDatetime


class WithdrawnGameFault(UnsettledFault):
    """The game is never played: listed until `withdrawn_at`, then nowhere; listed for good without it."""

    kind: Literal["withdrawn_game"]
    withdrawn_at: AwareDatetime | None = None


class StoppedGameFault(CalendarFault):
    """The game comes to no end: `status` is the source's word for it, such as Cancelled, Suspended or Forfeited.

    Of the game `played` has been played when it stops, 0 being none; then it is known from `announced_at` on, and
    always without it. A game that has begun goes on at `resumes_at`. `score` (home, visitor) is what is awarded.
    """

    kind: Literal["stopped_game"]
    status: str = Field(min_length=1)
    played: float = Field(default=0, ge=0, lt=1)
    announced_at: AwareDatetime | None = None
    resumes_at: AwareDatetime | None = None
    score: tuple[NonNegativeInt, NonNegativeInt] | None = None

    @model_validator(mode="after")
    def _begun_or_not(self) -> Self:
        if self.played and self.announced_at is not None:
            raise ValueError("announced_at is for a game that has not begun; this one stops where played says")
        if not self.played and self.resumes_at is not None:
            raise ValueError("resumes_at is for a game that has begun; give played, or use postponed_game")
        return self


class UndecidedTipOffFault(CorrectedFault):
    """The tip-off is a placeholder, of the game or of every game of its date."""

    kind: Literal["undecided_tip_off"]
    whole_date: bool = False
    shown_as: Literal["midnight_new_york", "midnight_utc", "nothing"] = "midnight_new_york"

    @model_validator(mode="after")
    def _a_date(self) -> Self:
        if self.whole_date and self.game_date is None:
            raise ValueError("whole_date needs game_date")
        return self


class UnusualGameFault(_Rule):
    """One more game on a date: between two teams that are none of the league's, or against a club from abroad.

    An `all_star` game has four quarters and players of the league; the club of a `preseason` game has players whom
    no roster knows. It is no fault, but the source tells it apart by nothing.
    """

    kind: Literal["unusual_game"]
    game_date: date
    what: Literal["all_star", "preseason"]


class StatCorrectionFault(GameFault, _Change):
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
    | MissingFieldFault | ExtraFieldFault | DuplicateRowsFault | ChallengeFault | SilentDaysFault | EncodingFault
    | CursorFault | OddDecorationFault | InjuryWordFault
    | MissingGameFault | MissingPlayersFault | NullPlayerFault | PlayerOnBothTeamsFault | StatValueFault
    | WrongScoreFault | StrayGameFault | PostponedGameFault | MovedGameFault | UndecidedGameFault
    | WithdrawnGameFault | StoppedGameFault | UndecidedTipOffFault | StatCorrectionFault | LateFinalFault
    | UnusualGameFault,
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
        self.unusual_games = [(rule, fault) for rule, fault in enumerate(faults) if isinstance(fault, UnusualGameFault)]
        self.struck: Counter[int] = Counter() if struck is None else struck
        self.request_faults = [(rule, fault) for rule, fault in enumerate(faults) if isinstance(fault, RequestFault)]
        self._seen: Counter[int] = Counter()
        self._lock = Lock()

    def striking(self, endpoint: str, now: datetime, is_about: Callable[[date], bool]) -> list[RequestFault]:
        """The request faults that strike a request to an endpoint; `is_about` says whether it concerns a date.

        `now` is what the league's clock says.
        """
        with self._lock:
            return [
                fault
                for rule, fault in self.request_faults
                if (fault.endpoint is None or fault.endpoint == endpoint)
                and fault.is_on(now)
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
