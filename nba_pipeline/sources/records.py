"""What the source's items mean: typed, flat records, and the reasons why an item cannot be one."""

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, NonNegativeInt, model_validator

MINUTES = re.compile(r"^(\d{1,3})(?::([0-5]?\d))?$")
HEIGHT = re.compile(r"^(\d)-(\d{1,2})$")
REGULATION_PERIODS = 4

Status = Literal["scheduled", "in_progress", "final", "postponed"]

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


InjuryStatus = Literal["out", "doubtful", "questionable", "probable", "available", "unknown"]

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
    """Frozen; built from an item of the source by `of`."""

    model_config = ConfigDict(frozen=True)


class GameRecord(Record):
    """A game as the source lists it. Scores are null unless the game is final by its content."""

    game_id: int
    game_date: date
    season: int
    status: Status
    status_text: str | None
    period: NonNegativeInt
    tipoff_at: datetime | None
    postseason: bool
    home_team_id: int
    home_team: str
    home_score: int | None
    visitor_team_id: int
    visitor_team: str
    visitor_score: int | None

    @classmethod
    def of(cls, item: dict[str, Any]) -> Self:
        """The record of an item of `/games`. Raises `ValueError` or `KeyError` for one that is none."""
        home, visitor = item["home_team"], item["visitor_team"]
        scores = (item["home_team_score"] or 0, item["visitor_team_score"] or 0)
        period = item["period"] or 0
        status = game_status(item["status"], period, scores)
        final = status == "final"
        return cls(
            game_id=item["id"],
            game_date=parse_date(item["date"]),
            season=item["season"],
            status=status,
            status_text=item["status"],
            period=period,
            tipoff_at=parse_instant(item.get("datetime") or item["status"]),
            postseason=item["postseason"],
            home_team_id=home["id"],
            home_team=home["abbreviation"],
            home_score=scores[0] if final else None,
            visitor_team_id=visitor["id"],
            visitor_team=visitor["abbreviation"],
            visitor_score=scores[1] if final else None,
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
        """The record of an item of `/stats`. Raises `ValueError` or `KeyError` for one that is none.

        A missing count is a zero only for a player who sat; for one with minutes it is an error.
        """
        minutes = parse_minutes(item["min"])
        counts = {ours: item[theirs] for theirs, ours in COUNTS.items()}
        missing = [name for name, value in counts.items() if value is None]
        if missing and minutes > 0:
            raise ValueError(f"{', '.join(missing)} missing for a player with {minutes:g} minutes")
        counts = {name: value or 0 for name, value in counts.items()}
        player, team, game = item["player"], item["team"], item["game"]
        return cls(
            game_id=game["id"],
            game_date=parse_date(game["date"]),
            season=game["season"],
            team_id=team["id"],
            team=team["abbreviation"],
            player_id=player["id"],
            first_name=player["first_name"] or "",
            last_name=player["last_name"] or "",
            position=player.get("position") or None,
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
        """The record of an item of `/players/active`. Raises `ValueError` or `KeyError` for one that is none."""
        weight, team = item.get("weight"), item["team"]
        return cls(
            player_id=item["id"],
            first_name=item["first_name"] or "",
            last_name=item["last_name"] or "",
            position=item.get("position") or None,
            height_inches=parse_height(item.get("height")),
            weight_pounds=int(weight) if weight else None,
            team_id=team["id"] if team else None,
            team=team["abbreviation"] if team else None,
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
        """The record of an item of `/player_injuries`. Raises `ValueError` or `KeyError` for one that is none.

        The team comes as an id or whole: the source's documentation shows both.
        """
        player = item["player"]
        team_id = player["team_id"] if "team_id" in player else (player["team"] or {"id": None})["id"]
        return cls(
            player_id=player["id"],
            first_name=player["first_name"] or "",
            last_name=player["last_name"] or "",
            team_id=team_id,
            status=injury_status(item["status"]),
            status_text=item["status"] or "",
            description=item.get("description") or None,
            return_date_text=item.get("return_date") or None,
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
        """The record of an item of `/odds/player_props`. Raises `ValueError` or `KeyError` for one that is none."""
        market = item["market"]
        stat = PROP_STATS.get(item["prop_type"]) if market["type"] == "over_under" else None
        return cls(
            game_id=item["game_id"],
            player_id=item["player_id"],
            vendor=item["vendor"].strip().lower(),
            stat=stat,
            line=float(item["line_value"]) if stat else None,
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
        """The record of an item of `/odds`. Raises `ValueError` or `KeyError` for one that is none."""
        return cls(
            game_id=item["game_id"],
            vendor=item["vendor"].strip().lower(),
            spread_home=parse_line(item["spread_home_value"]),
            total=parse_line(item["total_value"]),
        )


class Envelope(BaseModel):
    """A page of a list: items, and where the next page begins."""

    class Meta(BaseModel):
        """The source's paging."""

        next_cursor: int | None = None

    data: list[Any]
    meta: Meta

    @model_validator(mode="before")
    @classmethod
    def _an_object(cls, value: object) -> object:
        if not isinstance(value, dict):
            raise ValueError("the answer is no JSON object")  # noqa: TRY004 - pydantic wants ValueError
        return value


def game_status(text: str | None, period: int, scores: tuple[int, int]) -> Status:
    """The state of a game by its content: "Final" without scores or four periods is not final."""
    words = (text or "").strip().lower()
    if words.startswith(("postponed", "ppd", "cancel")):
        return "postponed"
    if words.startswith("final"):
        return "final" if period >= REGULATION_PERIODS and min(scores) > 0 else "in_progress"
    return "scheduled" if period == 0 else "in_progress"


def injury_status(text: str | None) -> InjuryStatus:
    """What the source's word for a status means; a word that nobody knows is `unknown`."""
    words = (text or "").strip().lower().replace("-", " ")
    if words.startswith(("out", "suspen")):
        return "out"
    if words in ("doubtful", "questionable", "probable", "available"):
        return words
    if words in ("day to day", "game time decision", "gtd"):
        return "questionable"
    return "unknown"


def parse_line(text: str | float | None) -> float | None:
    """A line from "-5.5" or -5.5; None when there is none. Raises `ValueError` for anything else."""
    return None if text is None or text == "" else float(text)


def parse_date(text: str) -> date:
    """The game date: "2024-01-17", or the same with a time behind it that says nothing."""
    return date.fromisoformat(text[:10])


def parse_instant(text: str | None) -> datetime | None:
    """The instant of an ISO 8601 text in UTC; None for anything else, such as "7:30 pm ET" or "Final"."""
    try:
        instant = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)


def parse_minutes(text: str | int | None) -> float:
    """Minutes from "34", 34, "34:12" (34.2), "00" or nothing. Raises `ValueError` for anything else."""
    text = str(text) if isinstance(text, int) else text
    if text is None or not text.strip():
        return 0.0
    match = MINUTES.match(text.strip())
    if match is None:
        raise ValueError(f"minutes {text!r} are neither M nor M:SS")
    return int(match[1]) + int(match[2] or 0) / 60


def parse_height(text: str | None) -> int | None:
    """Inches from "6-11"; None when none is given. Raises `ValueError` for anything else."""
    if not text:
        return None
    match = HEIGHT.match(text.strip())
    if match is None:
        raise ValueError(f"height {text!r} is not feet-inches")
    return int(match[1]) * 12 + int(match[2])
