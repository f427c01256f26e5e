"""Players: the rosters of the teams that play on a date, as they were known when asked."""

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache

import ibis
import pyarrow as pa

from nba_pipeline.assets.contexts import AssetContext
from nba_pipeline.assets.table_asset import table_asset
from nba_pipeline.clock import game_date_of, tips_off_by
from nba_pipeline.contracts import (
    GAME_DATE,
    PLAYER_ID,
    TEAM,
    TEAM_ID,
    Audit,
    Column,
    Contract,
    Phase,
    Read,
    Reader,
)
from nba_pipeline.gates.deadlines import is_done_without
from nba_pipeline.landing.assets import LANDED_PLAYERS
from nba_pipeline.raw import games
from nba_pipeline.raw.parsing.landed import read_landed, tell
from nba_pipeline.sources.balldontlie import PlayerRecord, parse_active_players
from nba_pipeline.sources.decoration import HEIGHTS, WEIGHTS
from nba_pipeline.sources.errors import DamagedLandingError
from nba_pipeline.sources.landing import Capture
from nba_pipeline.warehouse.publish import Rows

SMALLEST_ROSTER = 8
"""The league wants eight players dressed; a shorter list is an answer cut short."""


def short_rosters(staged: ibis.Table, read: Reader) -> ibis.Table:
    """A reason for each team that is listed on a date with fewer players than it must dress."""
    counted = staged.group_by("game_date", "team_id").agg(team=staged.team.max(), players=ibis._.count())
    short = counted.filter(counted.players < SMALLEST_ROSTER)
    return short.select(
        "game_date",
        reason=short.team + " has only " + short.players.cast("string") + " players on its roster",
    )


CONTRACT = Contract(
    name="raw.players",
    description=(
        "One row per game date and player on the roster of a team that plays on it. The source knows only the "
        "rosters of now, so `known_at` says when we asked: a roster counts as known before a game only when "
        "it was asked for before tip-off, and backfilled dates are predicted without it. A team of which the source "
        f"lists fewer than {SMALLEST_ROSTER} players has no rows; where no roster is whole when they are due, at 08:00 "
        "of the date, nobody has."
    ),
    phase=Phase.RAW,
    grain=("game_date", "player_id"),
    columns=(
        GAME_DATE,
        PLAYER_ID,
        Column("first_name", "string", "First name, as the source spells it.", "text"),
        Column("last_name", "string", "Last name, as the source spells it.", "text"),
        Column("position", "string", "Position as listed by the source.", "category", nullable=True),
        Column("height_inches", "int64", "Height, as listed.", "inches", nullable=True, between=HEIGHTS),
        Column("weight_pounds", "int64", "Weight, as listed.", "pounds", nullable=True, between=WEIGHTS),
        TEAM_ID,
        TEAM,
        Column("known_at", "timestamp(6)", "When the source was asked.", "UTC", volatile=True),
    ),
    reads={"games": Read(games.CONTRACT)},
    audits=(
        Audit("no roster is cut short", f"A team that is listed has {SMALLEST_ROSTER} players or more.", short_rosters),
    ),
    before_tip_off=True,
    landed="players/active",
    done_without=True,
)


def players(
    records: Iterable[tuple[PlayerRecord, Capture]],
    days_of: Mapping[Capture, Sequence[date]],
    teams_of: Mapping[date, frozenset[int]],
) -> pa.Table:
    """One row a date and player, for the teams that play on the date.

    Of a player who is listed twice, as on a page that shifted meanwhile, the last item counts: it was asked for last.
    """
    listed = {(capture, record.player_id): record for record, capture in records}
    rows = [
        {name: getattr(record, name) for name in CONTRACT.schema.names if hasattr(record, name)}
        | {"game_date": day, "known_at": capture.fetched_at.replace(tzinfo=None)}
        for (capture, _), record in listed.items()
        for day in days_of[capture]
        if record.team_id in teams_of.get(day, frozenset())
    ]
    return pa.Table.from_pylist(rows, schema=CONTRACT.schema.to_pyarrow())


def in_two_teams(records: Iterable[tuple[PlayerRecord, Capture]]) -> list[str]:
    """A sentence for each player whom one answer lists in two teams."""
    found: dict[tuple[Capture, int], PlayerRecord] = {}
    sentences = []
    for record, capture in records:
        before = found.get((capture, record.player_id))
        if before is not None and before.team_id != record.team_id:
            sentences.append(
                f"{record.first_name} {record.last_name} ({record.player_id}) is on the rosters of {before.team} and "
                f"{record.team}; the second counts, which was listed last"
            )
        found[capture, record.player_id] = record
    return sentences


@dataclass(frozen=True)
class Slate:
    """Who plays on a date, postponed games aside: abbreviations by team id, and when the first game tips off."""

    teams: Mapping[int, str]
    first_tip: datetime | None

    def is_ahead(self, day: date, asked_at: datetime) -> bool:
        """Whether the games of the date were still to come when the source was asked."""
        return asked_at < self.first_tip if self.first_tip else game_date_of(asked_at) <= day


@dataclass
class Whole:
    """The rows of whole rosters, and what became of the others; `too_late` are dates that were over when asked."""

    rows: pa.Table
    refused: dict[date, list[str]] = field(default_factory=dict)
    rejected: list[tuple[date, str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    too_late: list[date] = field(default_factory=list)


def fullest(
    captures: Sequence[Capture], slate: Slate, records: Callable[[Capture], Iterable[PlayerRecord]]
) -> Capture | None:
    """Of the answers from before the first tip-off, the newest in which the most teams that play are whole.

    A later answer that was cut short takes nothing from an earlier one. None where no team is whole in any.
    """
    best: tuple[int, Capture | None] = (0, None)
    for capture in reversed(captures):
        if slate.first_tip is None or capture.fetched_at >= slate.first_tip:
            continue
        listed: dict[int | None, set[int]] = {}
        for record in records(capture):
            listed.setdefault(record.team_id, set()).add(record.player_id)
        whole = sum(len(listed.get(team, ())) >= SMALLEST_ROSTER for team in slate.teams)
        if whole > best[0]:
            best = whole, capture
        if whole == len(slate.teams):
            break
    return best[1]


def without(day: date, why: str) -> str:
    """What to say of a date that is made without rosters."""
    return (
        f"{why}, and the deadline of {day} is over: its players are predicted from recent games until a whole roster "
        f"comes before tip-off; ask again: nba-pipeline backfill --from {day} --to {day}"
    )


def whole_rosters(
    found: pa.Table,
    slates: Mapping[date, Slate],
    asked_at: Mapping[date, datetime],
    done_without: Collection[date] = frozenset(),
) -> Whole:
    """The rows of the teams whose roster is whole, and what to say of the others.

    A team that is cut short is left out, as one of which no roster is known: it is predicted from its recent games
    and holds up no other team. Only an answer that lists nobody of all who play refuses its date, until it is
    `done_without`. Rosters of now say nothing about games that had begun when they were asked for, so nothing is said
    or refused there.
    """
    listed: dict[tuple[date, int], list[int]] = {}
    for row in found.select(["game_date", "team_id", "player_id"]).to_pylist():
        listed.setdefault((row["game_date"], row["team_id"]), []).append(row["player_id"])
    keep = [
        len(listed[day, team]) >= SMALLEST_ROSTER
        for day, team in zip(found["game_date"].to_pylist(), found["team_id"].to_pylist(), strict=True)
    ]
    whole = Whole(found.filter(pa.array(keep, pa.bool_())))
    for day, asked in sorted(asked_at.items()):
        slate = slates.get(day, Slate({}, None))
        if not slate.is_ahead(day, asked):
            whole.too_late.append(day)
            continue
        short = {team: listed.get((day, team), []) for team in slate.teams}
        short = {team: players for team, players in short.items() if len(players) < SMALLEST_ROSTER}
        said = {t: f"{slate.teams[t]} has only {len(players)} players on its roster" for t, players in short.items()}
        if short and len(short) == len(slate.teams):
            none = f"no roster is whole: {', '.join(sorted(said.values()))}"
            if day not in done_without:
                whole.refused[day] = [f"{none}; ask again: nba-pipeline backfill --from {day} --to {day}"]
                continue
            whole.warnings.append(without(day, none))
        for team, players in short.items():
            answer = {"team_id": team, "team": slate.teams[team], "player_ids": players}
            whole.rejected.append((day, f"{said[team]} and is left out", json.dumps(answer)))
            whole.warnings.append(
                f"{said[team]} for {day}: it is left out, is predicted from its recent games, and is in "
                "operations.quarantine"
            )
    return whole


@table_asset(CONTRACT, kinds=("python",), deps=[LANDED_PLAYERS])
def asset(context: AssetContext, dates: Sequence[date], games: ibis.Table) -> Rows:
    """Takes the fullest answer before the first tip-off of a date where there is one, else the newest.

    When rosters are due, a date without a whole one is published without: nobody waits for it any longer.
    """
    slates, now = _slates(context, games), context.resources.clock.now()
    done_without = [day for day in dates if is_done_without(CONTRACT, day, now)]
    landing = context.resources.landing.as_it_is()
    parse = cache(parse_active_players)

    def listed_by(capture: Capture) -> Iterable[PlayerRecord]:
        try:
            return parse(capture).records
        except DamagedLandingError as error:
            context.log.warning(str(error))
            return ()

    def before(day: date) -> datetime | None:
        if day not in slates:
            return None
        chosen = fullest(landing.captures("players/active", day), slates[day], listed_by)
        return chosen.fetched_at + timedelta(microseconds=1) if chosen else slates[day].first_tip

    landed = read_landed(landing, "players/active", dates, parse, warn=context.log.warning, dated=False, before=before)
    never = [day for day in done_without if landed.refused.pop(day, None)]
    tell([without(day, f"no roster of {day} was landed") for day in never if day in slates], context.log.warning)
    listed = list(zip(landed.records, landed.captured, strict=True))
    tell(in_two_teams(listed), context.log.warning)
    teams = {day: frozenset(slate.teams) for day, slate in slates.items()}
    asked_at = {day: capture.fetched_at for capture, days in landed.days_of.items() for day in days}
    whole = whole_rosters(players(listed, landed.days_of, teams), slates, asked_at, done_without)
    tell(whole.warnings, context.log.warning)
    if whole.too_late:
        context.log.info(
            f"The rosters of {len(whole.too_late)} dates were asked for when their games had begun: the source only "
            "knows those of now, which are not used for past dates; these are predicted from recent games."
        )
    return Rows(whole.rows, {**whole.refused, **landed.refused}, [*landed.rejected, *whole.rejected])


def _slates(context: AssetContext, schedule: ibis.Table) -> dict[date, Slate]:
    """Who plays on each date, and when its first game tips off."""
    sides = games.team_games(schedule)
    playing = sides.filter(~games.is_off(sides))
    with context.resources.warehouse.session(read_only=True) as session:
        rows = session.query(playing.select("game_date", "team_id", "team", "tipoff_at")).to_pylist()
    teams: dict[date, dict[int, str]] = {}
    tips: dict[date, datetime] = {}
    for row in rows:
        teams.setdefault(row["game_date"], {})[row["team_id"]] = row["team"]
        known = row["tipoff_at"] and row["tipoff_at"].replace(tzinfo=UTC)
        tip = tips_off_by(row["game_date"], known)
        tips[row["game_date"]] = min(tip, tips.get(row["game_date"], tip))
    return {day: Slate(found, tips.get(day)) for day, found in teams.items()}
