"""What the source's items mean: typed, flat records, and the reasons why an item cannot be one."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Annotated, Any, Literal, Self, TypeGuard

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, NonNegativeInt, ValidationError, model_validator

from nba_pipeline.clock import NEW_YORK, season_of
from nba_pipeline.sources.decoration import Decoration, parse_height, parse_weight, shown
from nba_pipeline.sources.injury_words import InjuryStatus, injury_status

WHOLE = re.compile(r"[+-]?[0-9]{1,9}")
MINUTES = re.compile(r"^(\d{1,3})(?::([0-5]?\d))?$", re.ASCII)
REGULATION_PERIODS = 4

Status = Literal[
    "scheduled",
    "undecided",
    "in_progress",
    "suspended",
    "final",
    "forfeited",
    "postponed",
    "moved",
    "cancelled",
    "exhibition",
    "unclear",
]

UNCLEAR: Status = "unclear"
"""The state of a game of which the source says what cannot be read, or cannot be."""

NOT_PLAYED = ("postponed", "moved", "cancelled", "forfeited", "undecided", "exhibition", "unclear")
"""States of a game of which nothing is expected on its date: no box score, no roster and no prediction."""

GAME_WORDS: tuple[tuple[tuple[str, ...], Status], ...] = (
    (("postponed", "ppd"), "postponed"),
    (("cancel",), "cancelled"),
    (("suspend", "susp."), "suspended"),
    (("forfeit",), "forfeited"),
    (("tbd", "tba", "to be determined", "to be decided", "if necessary", "undecided"), "undecided"),
)
"""How the source's words for a game begin that say more than its numbers. "Final" is judged by its content."""

HOUR_UNKNOWN = ("tbd", "tba", "to be determined", "to be decided")
"""How words begin that leave open when a game begins, and no more, where both teams are known."""

COUNTS = {
    "pts": "points",
    "fgm": "field_goals_made",
    "fga": "field_goals_attempted",
    "fg3m": "three_pointers_made",
    "fg3a": "three_pointers_attempted",
    "ftm": "free_throws_made",
    "fta": "free_throws_attempted",
    "oreb": "offensive_rebounds",
    "dreb": "defensive_rebounds",
    "reb": "rebounds",
    "ast": "assists",
    "stl": "steals",
    "blk": "blocks",
    "turnover": "turnovers",
    "pf": "personal_fouls",
}
"""The source's names of counting statistics, and ours."""

PROP_STATS = {"points": "points", "rebounds": "rebounds", "assists": "assists", "threes": "three_pointers_made"}
"""The source's names of the stats that have lines, and ours; it has no lines on minutes."""

HIGHEST_LINE = 100
HIGHEST_SPREAD = 60
LOWEST_TOTAL, HIGHEST_TOTAL = 100, 400
"""Beyond these a line is a slip of the source's: no player and no game was ever near."""


def _american(odds: int) -> int:
    if abs(odds) < 100:
        raise ValueError(f"odds {odds} are no American odds: those are +100 and more, or -100 and less")
    return odds


AmericanOdds = Annotated[int, AfterValidator(_american)]
"""What 100 bring, or, below 0, what it takes to win 100."""


class Record(BaseModel):
    """Frozen; built from an item of the source by `of`, which raises `ValueError` or `KeyError` for one that is none.

    `odd` has a sentence for each thing beside the facts that could not be read; it is no part of what is said.
    """

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    odd: tuple[str, ...] = Field(default=(), exclude=True)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        """No table holds a whole number of more than 64 bits, or half of a letter, which JSON may have."""
        for name, value in self.__dict__.items():
            if isinstance(value, str) and not value.isascii() and value != value.encode(errors="replace").decode():
                raise ValueError(f"{name} is {shown(value)}, which is no text in Unicode")
            if isinstance(value, int) and not -(2**63) <= value < 2**63:
                raise ValueError(f"{name} is {shown(value)}: no id and no count is so large")
        return self


class GameRecord(Record):
    """A game as the source lists it. Scores are null unless the game is final by its content.

    Teams are null only while nobody knows who plays; `moved_to` is the date of a game that left this one. One that
    `gives_way` is not listed any more and put off by rule, for another game of its teams that is.
    """

    game_id: int
    game_date: date
    season: int
    status: Status
    status_text: str | None
    period: NonNegativeInt
    tipoff_at: datetime | None
    postseason: bool
    home_team_id: int | None
    home_team: str | None
    home_score: int | None
    visitor_team_id: int | None
    visitor_team: str | None
    visitor_score: int | None
    moved_to: date | None = None
    gives_way: bool = False

    @classmethod
    def of(cls, item: dict[str, Any]) -> Self:
        """The record of an item of `/games`."""
        scores = (_whole(item, "home_team_score") or 0, _whole(item, "visitor_team_score") or 0)
        period = _whole(item, "period") or 0
        status = game_status(item["status"], period, scores)
        game_date = parse_date(item["date"])
        if status == "undecided" and period == 0 and _only_the_hour_is_open(item):
            status = "scheduled"
        if period == 0 and status in ("scheduled", "undecided", "cancelled") and not _both_teams(item):
            status = "undecided" if status == "scheduled" else status
            home, visitor = ((item[side] or {"id": None, "abbreviation": None}) for side in SIDES)
        else:
            home, visitor = (_object(item, side) for side in SIDES)
        final = status == "final"
        return cls(
            game_id=item["id"],
            game_date=game_date,
            season=item["season"],
            status=status,
            status_text=item["status"],
            period=period,
            tipoff_at=tip_off(parse_instant(item.get("datetime") or item["status"]), game_date),
            postseason=item["postseason"],
            home_team_id=home["id"],
            home_team=home["abbreviation"],
            home_score=scores[0] if final else None,
            visitor_team_id=visitor["id"],
            visitor_team=visitor["abbreviation"],
            visitor_score=scores[1] if final else None,
        )

    @classmethod
    def unclear(cls, item: object, reason: str) -> Self | None:
        """A game whose item cannot be read, with what can be of it; None when not even its id and its date can."""
        if not isinstance(item, dict) or not _is_whole(item.get("id")):
            return None
        try:
            game_date = parse_date(item.get("date"))
            (home_id, home), (visitor_id, visitor) = (_team(item.get(side)) for side in SIDES)
            season = item.get("season")
            if not _is_whole(season):
                season = season_of(game_date)
            return cls(
                game_id=item["id"],
                game_date=game_date,
                season=season,
                status=UNCLEAR,
                status_text=reason.encode(errors="replace").decode(),
                period=0,
                tipoff_at=tip_off(parse_instant(item.get("datetime") or item.get("status")), game_date),
                postseason=item.get("postseason") is True,
                home_team_id=home_id,
                home_team=home,
                home_score=None,
                visitor_team_id=visitor_id,
                visitor_team=visitor,
                visitor_score=None,
            )
        except ValueError:
            return None

    def on(self, today: date) -> Self:
        """The game as it was said on a day: one whose hour was still open when its date was over was never played."""
        if self.status == "scheduled" and _leaves_the_hour_open(self.status_text) and self.game_date < today:
            return self.model_copy(update={"status": "undecided"})
        return self

    @property
    def teams(self) -> tuple[str, ...]:
        """The abbreviations of the teams that are known."""
        return tuple(team for team in (self.home_team, self.visitor_team) if team is not None)

    def put_off(self, why: str) -> Self:
        """The game, not played on its date after all."""
        said = {"status": "postponed", "status_text": why, "gives_way": True}
        return self.left(self.game_date, None).model_copy(update=said)

    def left(self, day: date, moved_to: date | None) -> Self:
        """The game on a date on which the source lists it no more: it was moved, or never will be played."""
        status = "cancelled" if moved_to is None else "moved"
        nothing = dict.fromkeys(("tipoff_at", "home_score", "visitor_score"))
        return self.model_copy(
            update={"game_date": day, "status": status, "moved_to": moved_to, "period": 0, **nothing}
        )


class StatRecord(Record):
    """What one player did in one game. A player who sat has zeros and `did_not_play`."""

    game_id: int
    game_date: date
    season: int
    team_id: int
    team: str
    player_id: int
    first_name: str
    last_name: str
    position: str | None
    minutes: float
    did_not_play: bool
    points: NonNegativeInt
    field_goals_made: NonNegativeInt
    field_goals_attempted: NonNegativeInt
    three_pointers_made: NonNegativeInt
    three_pointers_attempted: NonNegativeInt
    free_throws_made: NonNegativeInt
    free_throws_attempted: NonNegativeInt
    offensive_rebounds: NonNegativeInt
    defensive_rebounds: NonNegativeInt
    rebounds: NonNegativeInt
    assists: NonNegativeInt
    steals: NonNegativeInt
    blocks: NonNegativeInt
    turnovers: NonNegativeInt
    personal_fouls: NonNegativeInt
    plus_minus: int | None = Field(default=None)

    @classmethod
    def of(cls, item: dict[str, Any]) -> Self:
        """The record of an item of `/stats`.

        A missing count is a zero only for a player who sat; for one with minutes it is an error.
        """
        minutes = parse_minutes(item["min"])
        counts = {ours: _whole(item, theirs) for theirs, ours in COUNTS.items()}
        missing = [name for name, value in counts.items() if value is None]
        if missing and minutes > 0:
            raise ValueError(f"{', '.join(missing)} missing for a player with {minutes:g} minutes")
        counts = {name: value or 0 for name, value in counts.items()}
        player, team, game = _object(item, "player"), _object(item, "team"), _object(item, "game")
        decoration = Decoration(player)
        return cls(
            game_id=game["id"],
            game_date=parse_date(game["date"]),
            season=game["season"],
            team_id=team["id"],
            team=team["abbreviation"],
            player_id=player["id"],
            first_name=decoration.name("first_name"),
            last_name=decoration.name("last_name"),
            position=decoration.text("position", player.get("position")),
            odd=decoration.odd,
            minutes=minutes,
            did_not_play=minutes == 0 and not any(counts.values()),
            plus_minus=item.get("plus_minus"),
            **counts,
        )


class PlayerRecord(Record):
    """An active player; his team is null while he is on no roster."""

    player_id: int
    first_name: str
    last_name: str
    position: str | None
    height_inches: int | None
    weight_pounds: int | None
    team_id: int | None
    team: str | None

    @classmethod
    def of(cls, item: dict[str, Any]) -> Self:
        """The record of an item of `/players/active`."""
        team = _object(item, "team") if item["team"] else None
        decoration = Decoration(item)
        return cls(
            player_id=item["id"],
            first_name=decoration.name("first_name"),
            last_name=decoration.name("last_name"),
            position=decoration.text("position", item.get("position")),
            height_inches=decoration.measure("height", parse_height),
            weight_pounds=decoration.measure("weight", parse_weight),
            team_id=team["id"] if team else None,
            team=team["abbreviation"] if team else None,
            odd=decoration.odd,
        )


class InjuryRecord(Record):
    """A player on the injury list; his team is null while he is on no roster."""

    player_id: int
    first_name: str
    last_name: str
    team_id: int | None
    status: InjuryStatus
    status_text: str
    description: str | None
    return_date_text: str | None

    @classmethod
    def of(cls, item: dict[str, Any]) -> Self:
        """The record of an item of `/player_injuries`.

        The team comes as an id or whole: the source's documentation shows both.
        """
        player = _object(item, "player")
        if "team_id" in player:
            team_id = player["team_id"]
        else:
            team_id = _object(player, "team")["id"] if player["team"] else None
        decoration = Decoration(player)
        status_text = decoration.text("status", item["status"]) or ""
        return cls(
            player_id=player["id"],
            first_name=decoration.name("first_name"),
            last_name=decoration.name("last_name"),
            team_id=team_id,
            status=injury_status(status_text),
            status_text=status_text,
            description=decoration.text("description", item.get("description")),
            return_date_text=decoration.text("return_date", item.get("return_date")),
            odd=decoration.odd,
        )


class PropLineRecord(Record):
    """A bookmaker's line on one player and stat. `stat` and `line` are null where it is none of ours.

    Ours are over-under markets on whole games; milestones, quarters and sums of stats are not.
    """

    game_id: int
    player_id: int
    vendor: str = Field(min_length=1)
    stat: str | None
    line: float | None = Field(gt=0, le=HIGHEST_LINE)
    over_odds: AmericanOdds | None
    under_odds: AmericanOdds | None

    @classmethod
    def of(cls, item: dict[str, Any]) -> Self:
        """The record of an item of `/odds/player_props`."""
        market = _object(item, "market")
        stat = PROP_STATS.get(str(item["prop_type"])) if market["type"] == "over_under" else None
        line = parse_line(item["line_value"]) if stat else None
        if stat and line is None:
            raise ValueError("the field 'line_value' is empty")
        return cls(
            game_id=item["game_id"],
            player_id=item["player_id"],
            vendor=_vendor(item),
            stat=stat,
            line=line,
            over_odds=market.get("over_odds") if stat else None,
            under_odds=market.get("under_odds") if stat else None,
        )


class GameLineRecord(Record):
    """A bookmaker's spread, from the side of the home team, and total of one game; null where he has none."""

    game_id: int
    vendor: str = Field(min_length=1)
    spread_home: float | None = Field(ge=-HIGHEST_SPREAD, le=HIGHEST_SPREAD)
    total: float | None = Field(ge=LOWEST_TOTAL, le=HIGHEST_TOTAL)

    @classmethod
    def of(cls, item: dict[str, Any]) -> Self:
        """The record of an item of `/odds`."""
        return cls(
            game_id=item["game_id"],
            vendor=_vendor(item),
            spread_home=parse_line(item["spread_home_value"]),
            total=parse_line(item["total_value"]),
        )


def reason_of(error: Exception) -> str:
    """Why an item is no record, for people: the field, what stands there, and what should."""
    if isinstance(error, ValidationError):
        return "; ".join(_wrong_field(each) for each in error.errors())
    if isinstance(error, KeyError):
        return f"the field {error} is missing"
    if isinstance(error, TypeError | AttributeError):
        return "its fields are not those of a record of this kind"
    return str(error)


def _wrong_field(found: Mapping[str, Any]) -> str:
    """One field that pydantic refused."""
    name = ".".join(map(str, found["loc"]))
    why = found["msg"].removeprefix("Value error, ").replace("Input should", "it should")
    return f"{name} is {shown(found['input'])}: {why}" if name else why


def _object(item: dict[str, Any], field: str) -> dict[str, Any]:
    """The object in a field. Raises `KeyError` when the field is missing, `ValueError` when it holds none."""
    value = item[field]
    if not isinstance(value, dict):
        raise ValueError(f"the field {field!r} is {shown(value)}, not an object")  # noqa: TRY004 - as for other items
    return value


SIDES = ("home_team", "visitor_team")


def _is_whole(value: object) -> TypeGuard[int]:
    """Whether a value is a whole number that a table can hold."""
    return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63


def _team(team: object) -> tuple[int, str] | tuple[None, None]:
    """The id and the abbreviation of a team that an unreadable item names; nobody where either cannot be read."""
    if not isinstance(team, dict):
        return None, None
    team_id, name = team.get("id"), team.get("abbreviation")
    if not _is_whole(team_id) or not isinstance(name, str) or not name.isprintable() or not name:
        return None, None
    return team_id, name


def _both_teams(item: dict[str, Any]) -> bool:
    """Whether an item names both teams. Raises `KeyError` where one is not even left open."""
    return all(item[side] is not None for side in SIDES)


def _only_the_hour_is_open(item: dict[str, Any]) -> bool:
    """Whether a game will be played, at an hour that is not known yet.

    In the play-offs the same words stand for a game that may never be played: the last ones of a series.
    """
    return _leaves_the_hour_open(item["status"]) and _both_teams(item) and item["postseason"] is False


def _leaves_the_hour_open(text: object) -> bool:
    return isinstance(text, str) and text.strip().lower().startswith(HOUR_UNKNOWN)


def _whole(item: dict[str, Any], field: str) -> int | None:
    """The whole number in a field, or None. Raises `KeyError` without the field, `ValueError` for anything else."""
    value = item[field]
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and WHOLE.fullmatch(value.strip()):
        return int(value)
    raise ValueError(f"the field {field!r} ({COUNTS.get(field, field)}) is {shown(value)}, no whole number")


def _vendor(item: dict[str, Any]) -> str:
    vendor = item["vendor"]
    if not isinstance(vendor, str):
        raise ValueError(f"the field 'vendor' is {shown(vendor)}, no name")  # noqa: TRY004 - as for other items
    return vendor.strip().lower()


def game_status(text: str | None, period: int, scores: tuple[int, int]) -> Status:
    """The state of a game by its content: "Final" without scores or four periods is not final."""
    words = text.strip().lower() if isinstance(text, str) else ""
    for beginnings, status in GAME_WORDS:
        if words.startswith(beginnings):
            return status
    if words.startswith("final"):
        return "final" if period >= REGULATION_PERIODS and min(scores) > 0 else "in_progress"
    return "scheduled" if period == 0 else "in_progress"


def parse_line(text: object) -> float | None:
    """A line from "-5.5" or -5.5; None when there is none. Raises `ValueError` for anything else."""
    if text is None or text == "":
        return None
    try:
        return float(text)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise ValueError(f"the line {shown(text)} cannot be read as a float") from error


def parse_date(text: object) -> date:
    """The game date: "2024-01-17", or the same with a time behind it that says nothing.

    Raises `ValueError` for anything else.
    """
    try:
        return date.fromisoformat(text[:10])  # type: ignore[index]
    except (TypeError, ValueError) as error:
        raise ValueError(f"the date {shown(text)} is no date such as 2024-01-17") from error


def parse_instant(text: object) -> datetime | None:
    """The instant of an ISO 8601 text in UTC; None for anything else, such as "7:30 pm ET" or "Final"."""
    try:
        instant = datetime.fromisoformat(text if isinstance(text, str) else "")
        return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def tip_off(instant: datetime | None, game_date: date) -> datetime | None:
    """The tip-off; None for a placeholder: the begin of the game's date in New York, or anything before it.

    Midnight in UTC of the game's date is such an instant as well, seven or eight in the evening of the day before.
    """
    begins = datetime.combine(game_date, time(), NEW_YORK)
    return instant if instant is not None and instant > begins else None


def parse_minutes(text: object) -> float:
    """Minutes from "34", 34, "34:12" (34.2), "00" or nothing. Raises `ValueError` for anything else."""
    if text is None or (isinstance(text, str) and not text.strip()):
        return 0.0
    match = MINUTES.match(str(text).strip()) if isinstance(text, str | int) else None
    if match is None:
        raise ValueError(f"minutes {shown(text)} are neither M nor M:SS")
    return int(match[1]) + int(match[2] or 0) / 60
