"""Games: the schedule of every date, and the results of the games that are final."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any, get_args

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from nba_pipeline.assets.contexts import AssetContext
from nba_pipeline.assets.table_asset import table_asset
from nba_pipeline.clock import EARLIEST_TIP_OFF_HOUR, season_of
from nba_pipeline.contracts import (
    GAME_DATE,
    GAME_ID,
    SEASON,
    Audit,
    Column,
    Contract,
    Phase,
    Reader,
)
from nba_pipeline.decisions.game_decisions import PLAYERS_SUM, GameDecision, decisions_in_force
from nba_pipeline.decisions.source_faults import fault_of, with_repairs
from nba_pipeline.landing.assets import LANDED_GAMES, known_games
from nba_pipeline.partitions import season_bounds
from nba_pipeline.raw.parsing.landed import read_landed
from nba_pipeline.raw.parsing.listed_box_scores import LISTED, as_rows
from nba_pipeline.raw.rules.corrections import GameKey, corrected_box_scores, corrected_schedule, corrections
from nba_pipeline.raw.rules.game_kinds import NO_OPENINGS, NOT_COUNTING, kind_of, needs_opening, opening_of
from nba_pipeline.raw.rules.unclear_games import clear_games
from nba_pipeline.sources.balldontlie import SEASON_GAMES, GameRecord, parse_games, parse_season_games, parse_stats
from nba_pipeline.sources.errors import DamagedLandingError
from nba_pipeline.sources.landing import Landing
from nba_pipeline.sources.records import GAME_WORDS, NOT_PLAYED, UNCLEAR, Status
from nba_pipeline.warehouse.date_scope import rows_in_scope
from nba_pipeline.warehouse.publish import Rows

EXHIBITION = "exhibition"
"""The state of a game that does not count (`game_kinds.py`): preseason, all-star, or against a club from abroad."""


def is_off(games: ibis.Table) -> ir.BooleanValue:
    """Whether nothing is expected of a game on its date; of rows of `raw.games`, or of `team_games` made of them."""
    return games.status.isin(NOT_PLAYED)


def unclear_sides(sides: ibis.Table) -> ibis.Table:
    """The teams of games that are unclear, as far as anybody knows who they are; `sides` are `team_games`."""
    return sides.filter(sides.status == UNCLEAR, sides.team_id.notnull(), sides.team.notnull())


def can_be_held(games: ibis.Table) -> ir.BooleanValue:
    """Whether a game is unclear and one of its teams is known; what nobody knows any team of, nobody waits for."""
    return (games.status == UNCLEAR) & (games.home_team_id.notnull() | games.visitor_team_id.notnull())


def exhibitions(games: ibis.Table) -> ibis.Table:
    """The games that do not count: `game_date`, `game_id`. What an answer lists of their players is left out."""
    return games.filter(games.status == EXHIBITION).select("game_date", "game_id")


def is_before_tip_off(
    instant: ir.TimestampValue, game_date: ir.DateValue, tipoff_at: ir.TimestampValue
) -> ir.BooleanValue:
    """Whether an instant lies before a game; while its tip-off is unknown, before the earliest that there can be."""
    day = instant.date()
    early = (day < game_date) | ((day == game_date) & (instant.hour() < EARLIEST_TIP_OFF_HOUR))
    return ibis.coalesce(instant < tipoff_at, early)


def vanished_games(staged: ibis.Table, read: Reader) -> ibis.Table:
    """Games that were published for a date, and are now neither there nor on any other date."""
    known = rows_in_scope(CONTRACT, read)
    gone = known.anti_join(staged, ["game_date", "game_id"])
    listed = read(CONTRACT).select("game_id", "game_date").union(staged.select("game_id", "game_date"))
    elsewhere = listed.select("game_id", other_date="game_date")
    moved = gone.inner_join(elsewhere, ["game_id"]).filter(ibis._.other_date != ibis._.game_date)
    lost = gone.anti_join(moved, ["game_id"])
    return lost.select(
        "game_date",
        reason=ibis.literal("game ")
        + lost.game_id.cast("string")
        + " was on the schedule, is gone from the source's answer and stands on no other date; ask again, by its "
        "own id as well",
    )


CONTRACT = Contract(
    name="raw.games",
    description="One row per game on the schedule of a date, with its result once it is final.",
    phase=Phase.RAW,
    grain=("game_date", "game_id"),
    columns=(
        GAME_DATE,
        GAME_ID,
        SEASON,
        Column(
            "status",
            "string",
            "State of the game on this date by its content; a game is final only with both scores and four periods "
            "played. A game that the source lists here no more was moved or, where it is unknown by its id, cancelled. "
            "One that cannot be read, or cannot be as it is listed, is unclear: nothing is expected of it.",
            "category",
            allowed=get_args(Status),
        ),
        Column(
            "status_text",
            "string",
            "The state in the source's words; of a game that is unclear or put off by rule, why.",
            "text",
            nullable=True,
        ),
        Column("period", "int64", "Periods begun; 5 and more are overtimes.", "periods", between=(0, 14)),
        Column("tipoff_at", "timestamp(6)", "Scheduled tip-off; null while it is not fixed.", "UTC", nullable=True),
        Column("postseason", "boolean", "Whether the game belongs to the play-offs.", "flag"),
        Column("home_team_id", "int64", "The source's id of the home team; null while undecided.", "id", nullable=True),
        Column("home_team", "string", "Abbreviation of the home team; null while undecided.", "text", nullable=True),
        Column(
            "home_score",
            "int64",
            "Points of the home team; null until the game is final.",
            "points",
            nullable=True,
            between=(1, 250),
        ),
        Column(
            "visitor_team_id",
            "int64",
            "The source's id of the visiting team; null while undecided.",
            "id",
            nullable=True,
        ),
        Column(
            "visitor_team", "string", "Abbreviation of the visiting team; null while undecided.", "text", nullable=True
        ),
        Column(
            "visitor_score",
            "int64",
            "Points of the visitors; null until the game is final.",
            "points",
            nullable=True,
            between=(1, 250),
        ),
        Column("moved_to", "date", "Where a game stands now that was moved from this date.", "date", nullable=True),
        Column(
            "repaired_by",
            "string",
            "The known fault of the source that the game was corrected or is held for; null where it stands as the "
            "source or a person has it.",
            "text",
            nullable=True,
        ),
    ),
    audits=(
        Audit(
            "no game vanishes",
            "A game once on the schedule stays there, or stands on the date that it was moved to.",
            vanished_games,
        ),
        Audit(
            "teams are known",
            "Only of a game that is not played nobody knows who plays.",
            lambda staged, read: games_of_nobody(staged),
        ),
        Audit(
            "one game a team",
            "A team plays at most one game a date.",
            lambda staged, read: teams_playing_twice(staged),
        ),
        Audit(
            "only a final game has a score",
            "A game that is not final has no score.",
            lambda staged, read: early_scores(staged),
        ),
    ),
    before_tip_off=True,
    landed="games",
    decided=True,
)


def team_games(games: ibis.Table) -> ibis.Table:
    """One row a game and team, from one row a game, with the opponent and the score from the team's side."""
    sides = [
        games.select(
            "game_date",
            "game_id",
            "season",
            "status",
            "period",
            "tipoff_at",
            "postseason",
            team_id=games[f"{side}_team_id"],
            team=games[f"{side}_team"],
            opponent_id=games[f"{other}_team_id"],
            opponent=games[f"{other}_team"],
            is_home=ibis.literal(side == "home"),
            score=games[f"{side}_score"],
            opponent_score=games[f"{other}_score"],
        )
        for side, other in (("home", "visitor"), ("visitor", "home"))
    ]
    return sides[0].union(sides[1])


def teams_playing_twice(staged: ibis.Table) -> ibis.Table:
    """A reason for each team with two games that are played on a date."""
    rows = team_games(staged.filter(~is_off(staged)))
    counted = rows.group_by("game_date", "team").agg(games=ibis._.count())
    twice = counted.filter(counted.games > 1)
    return twice.select("game_date", reason=twice.team + " plays more than one game")


def games_of_nobody(staged: ibis.Table) -> ibis.Table:
    """A reason for each game that is to be played by teams that nobody knows."""
    unknown = staged.home_team_id.isnull() | staged.visitor_team_id.isnull()
    wrong = staged.filter(unknown, ~is_off(staged))
    return wrong.select(
        "game_date",
        reason=ibis.literal("game ") + wrong.game_id.cast("string") + " is " + wrong.status + " without both teams",
    )


def early_scores(staged: ibis.Table) -> ibis.Table:
    """A reason for each game that has a score and is not final."""
    wrong = staged.filter(staged.status != "final", staged.home_score.notnull() | staged.visitor_score.notnull())
    said = ibis.literal("game ") + wrong.game_id.cast("string") + " is " + wrong.status
    return wrong.select("game_date", reason=said + " with an impossible score")


def games(records: Iterable[GameRecord], openings: Mapping[int, date | None] = NO_OPENINGS) -> pa.Table:
    """One row an item, from the source's records; `openings` has the first date of a season where that is known."""
    listed = [name for name in CONTRACT.schema.names if name != "repaired_by"]
    rows: list[dict[str, Any]] = [{name: getattr(record, name) for name in listed} for record in records]
    for row in rows:
        row["tipoff_at"] = row["tipoff_at"] and row["tipoff_at"].replace(tzinfo=None)
        counts = kind_of(row, openings.get(row["season"])) not in NOT_COUNTING
        if not counts and (row["status"] not in NOT_PLAYED or row["status"] == UNCLEAR):
            row |= {"status": EXHIBITION, "home_score": None, "visitor_score": None}
    return pa.Table.from_pylist(rows, schema=CONTRACT.schema.to_pyarrow())


def season_schedule(landing: Landing, season: int, warn: Callable[[str], None]) -> Sequence[GameRecord]:
    """The games that the newest landed schedule of a season lists; none where it is not landed, or is damaged."""
    try:
        capture = landing.newest(SEASON_GAMES, season_bounds(season))
        return parse_season_games(capture).records if capture else ()
    except DamagedLandingError as error:
        warn(str(error))
        return ()


def as_known_before(landing: Landing, records: Sequence[GameRecord], warn: Callable[[str], None]) -> list[GameRecord]:
    """The records, those that cannot be read as the newest answer had them that could be; others stay unclear.

    An answer about the date goes before the schedule of the season. A game that was played is not cancelled by one.
    """
    records = played_by_the_schedule(landing, records, warn)
    days = sorted({record.game_date for record in records if record.status == UNCLEAR})
    if not days:
        return list(records)
    known: dict[tuple[int, date], GameRecord] = {}
    for season in sorted({season_of(day) for day in days}):
        known |= {(game.game_id, game.game_date): game for game in season_schedule(landing, season, warn)}
    before = known_games(landing, days[0], days[-1], warn)
    known |= {key: game for key, game in before.items() if game.status != UNCLEAR}
    return [known.get((r.game_id, r.game_date), r) if r.status == UNCLEAR else r for r in records]


def played_by_the_schedule(
    landing: Landing, records: Sequence[GameRecord], warn: Callable[[str], None]
) -> list[GameRecord]:
    """The records, without what one answer about one game cancelled that the schedule of its season has as final.

    Where the source's own word is that a game is cancelled, that counts. So does the answer about one that the schedule
    does not have as final: there the schedule may only be older. So does another game of one of its teams that the
    answer about the date has: it may be the same by another id.
    """
    taken = {(r.game_date, team) for r in records if r.status not in NOT_PLAYED for team in r.teams}
    words = next(begins for begins, status in GAME_WORDS if status == "cancelled")
    gone = [r for r in records if r.status == "cancelled" and not (r.status_text or "").lower().startswith(words)]
    gone = [record for record in gone if not any((record.game_date, team) in taken for team in record.teams)]
    final = {
        (game.game_id, game.game_date): game
        for season in sorted({season_of(record.game_date) for record in gone})
        for game in season_schedule(landing, season, warn)
        if game.status == "final"
    }
    played = {key: final[key] for record in gone if (key := (record.game_id, record.game_date)) in final}
    for game_id, day in sorted(played):
        warn(
            f"Game {game_id} of {day} is unknown by its id, and final on the schedule of its season, which counts. "
            f"Look at it: nba-pipeline game show {game_id} --date {day}"
        )
    return [played.get((record.game_id, record.game_date), record) for record in records]


def openings_known(
    landing: Landing, records: Iterable[GameRecord], warn: Callable[[str], None]
) -> dict[int, date | None]:
    """The first date of each season, as its landed schedule tells it; only of those of which a game needs it."""
    seasons = sorted({season_of(record.game_date) for record in records if needs_opening(record.game_date)})
    return {season: opening_of(season, season_schedule(landing, season, warn)) for season in seasons}


@table_asset(CONTRACT, kinds=("python",), deps=[LANDED_GAMES])
def asset(context: AssetContext, dates: Sequence[date]) -> Rows:
    """Parses the newest landed answer about each date; what it has wrong about a game is named and reaches no other."""
    landing, warn = context.resources.landing, context.log.warning
    landed = read_landed(landing, "games", dates, parse_games, warn=warn, refuses=False)
    records = as_known_before(landing, landed.records, warn)
    corrected, misfits, repaired = _corrected(context, games(records, openings_known(landing, records, warn)), dates)
    rows, unclear = clear_games(corrected, CONTRACT)
    told = [(key, why) for found in (misfits, unclear) for key, why in found.items()]
    as_listed = {(row["game_date"], row["game_id"]): row for row in corrected}
    for (day, game_id), why in told:
        warn(f"Game {game_id} of {day}: {why}. Look at it: nba-pipeline game show {game_id} --date {day}")
    set_aside = [
        (day, f"game {game_id}: {why}", json.dumps(as_listed[day, game_id], default=str))
        for (day, game_id), why in told
    ]
    made = pa.Table.from_pylist(rows, schema=CONTRACT.schema.to_pyarrow())
    return Rows(made, landed.refused, [*landed.rejected, *repaired, *set_aside])


def marked(
    rows: Sequence[Mapping[str, Any]], decided: Mapping[tuple[date, int], GameDecision]
) -> tuple[list[dict[str, Any]], list[tuple[date, str, str]]]:
    """The games with the fault that each is repaired for, and what the source says of those, for quarantine."""
    repairs = {key: one for key, one in decided.items() if fault_of(one)}
    found = [dict(row) for row in rows]
    aside = []
    for row in found:
        repair = repairs.get((row["game_date"], row["game_id"]))
        if repair is not None:
            said = f"game {repair.game_id} is repaired: {repair}"
            aside.append((repair.game_date, said, json.dumps(row, default=str)))
            row["repaired_by"] = fault_of(repair)
    return found, aside


def _corrected(
    context: AssetContext, rows: pa.Table, dates: Sequence[date]
) -> tuple[list[dict[str, Any]], dict[GameKey, str], list[tuple[date, str, str]]]:
    """The games as people, and else the catalogue, corrected them; the corrections that do not fit; and what is set
    aside of repaired games.

    The box scores are looked at only where a score is to be their sum.
    """
    with context.resources.warehouse.session(read_only=True) as session:
        decisions = decisions_in_force(session, context.resources.clock.now())
    in_force = with_repairs(decisions, rows.to_pylist())
    found, aside = marked(rows.to_pylist(), in_force)
    decided = corrections(in_force, dates)
    if not decided:
        return found, {}, aside
    summed = sorted({found.game_date for found in decided if PLAYERS_SUM in found.corrections})
    box_scores: list[dict] = []
    if summed:
        landed = read_landed(context.resources.landing, "stats", summed, parse_stats, warn=context.log.info)
        box_scores = corrected_box_scores(as_rows(landed.records), decided, LISTED)[0].to_pylist()
    corrected, misfits = corrected_schedule(found, decided, CONTRACT, box_scores)
    return corrected, misfits, aside
