"""Player box scores: what each player did in each final game, as the source says it."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date

import ibis

from nba_pipeline.assets.contexts import AssetContext
from nba_pipeline.assets.table_asset import table_asset
from nba_pipeline.contracts import Audit, Contract, Grid, Phase, Read, Reader
from nba_pipeline.decisions.game_decisions import recorded_decisions
from nba_pipeline.landing.assets import LANDED_PLAYER_BOX_SCORES
from nba_pipeline.raw import games, held_games
from nba_pipeline.raw.games import exhibitions as raw_exhibitions
from nba_pipeline.raw.games import team_games
from nba_pipeline.raw.parsing.landed import read_answer, read_landed
from nba_pipeline.raw.parsing.listed_box_scores import COLUMNS, COUNTS, GRAIN, LISTED, as_rows
from nba_pipeline.raw.rules.box_score_rules import (
    EXPECTED,
    POSSIBLE,
    SIDE,
    SUMS,
    WINNER,
    Rule,
    expected_sides,
    sides_with_players,
    unfinished_games,
)
from nba_pipeline.raw.rules.corrections import GameKey, corrected_box_scores, corrections
from nba_pipeline.raw.rules.decided_games import decided_games
from nba_pipeline.sources.balldontlie import StatRecord, parse_stats
from nba_pipeline.sources.landing import Capture, Landing
from nba_pipeline.warehouse.interface import Session
from nba_pipeline.warehouse.publish import Rows

__all__ = ["CONTRACT", "COUNTS", "asset", "team_game_keys"]


def scheduled_sides(read: Reader) -> ibis.Table:
    """Both teams of every scheduled game that is not held."""
    sides = games.team_games(read(games.CONTRACT))
    return sides.anti_join(held_games.held(read(held_games.CONTRACT)), SIDE)


def team_game_keys(read: Reader) -> ibis.Table:
    """Both teams of every game that is neither off nor held: each must have a box score."""
    return expected_sides(scheduled_sides(read)).select(SIDE)


def waited_for(read: Reader) -> ibis.Table:
    """A reason for each game of the dates that is neither final, off nor held."""
    held = held_games.held(read(held_games.CONTRACT)).select("game_date", "game_id").distinct()
    waiting = unfinished_games(held_games.games_in_scope(read).anti_join(held, ["game_date", "game_id"]))
    return waiting.select("game_date", reason=_of_game(waiting))


def promise(rule: Rule, *, unless_accepted: bool) -> Audit:
    """A rule about the rows of a game as a promise of the table, unless a person accepted the game as it is."""

    def violations(staged: ibis.Table, read: Reader) -> ibis.Table:
        broken = rule.broken(staged, scheduled_sides(read))
        if unless_accepted:
            accepted = held_games.accepted(read(held_games.CONTRACT))
            broken = broken.anti_join(accepted, ["game_date", "game_id"])
        return broken.select("game_date", reason=_of_game(broken))

    return Audit(rule.name, rule.definition, violations)


def _of_game(rows: ibis.Table) -> ibis.expr.types.StringValue:
    return ibis.literal("game ") + rows.game_id.cast("string") + ": " + rows.reason


CONTRACT = Contract(
    name="raw.player_box_scores",
    description=(
        "One row per player and final game, players who sat included where the source lists them. A date is "
        "published when every game of it is final by its content, off, or held: of a held game there are no rows."
    ),
    phase=Phase.RAW,
    grain=GRAIN,
    columns=COLUMNS,
    reads={"games": Read(games.CONTRACT), "rulings": Read(held_games.CONTRACT, optional=True)},
    grid=Grid(("game_id", "team_id"), team_game_keys, "team box scores", sides_with_players),
    audits=(
        Audit(
            "every game is final",
            "No game of the date is scheduled or in progress.",
            lambda staged, read: waited_for(read),
        ),
        *(promise(rule, unless_accepted=False) for rule in (EXPECTED, WINNER, *POSSIBLE)),
        *(promise(rule, unless_accepted=True) for rule in SUMS),
    ),
    landed="stats",
    decided=True,
    waits_for=waited_for,
)


def earlier_records(landing: Landing, kept: Mapping[GameKey, str]) -> tuple[list[StatRecord], dict[GameKey, str]]:
    """The records of kept games, each from the answer of its fingerprint, and why there are none, by game."""
    records: list[StatRecord] = []
    gone: dict[GameKey, str] = {}
    read: dict[tuple[Capture, date], list[StatRecord]] = {}
    for (day, game_id), fingerprint in kept.items():
        told = landing.telling("stats", day)
        capture = next((capture for capture in told if capture.fingerprint == fingerprint), None)
        if capture is None:
            gone[day, game_id] = (
                f"game {game_id} was kept from an answer that is not in the landing any more; judge it again: "
                f"nba-pipeline backfill --from {day} --to {day} --phase raw"
            )
        else:
            if (capture, day) not in read:
                read[capture, day] = read_answer(capture, parse_stats(capture), day).records
            records += [record for record in read[capture, day] if record.game_id == game_id]
    return records, gone


def taken_by_nobody(session: Session, held_by_rule: Mapping[date, Collection[int]]) -> dict[GameKey, str]:
    """Why rows that stand are not taken away: they are whole, and only the landing has them no more.

    Of a game about which a person ever decided they may be what the decision made of it, and are taken away.
    """
    if not held_by_rule:
        return {}
    rows = session.query(session.read(CONTRACT).filter(lambda t: t.game_date.isin(sorted(held_by_rule))))
    standing = {(row["game_date"], row["game_id"]) for row in rows.to_pylist()}
    standing = {(day, game_id) for day, game_id in standing if game_id in held_by_rule[day]}
    standing -= {decision.key for decision in recorded_decisions(session)}
    if not standing:
        return {}
    session.stage(LISTED.short_name, rows)
    found = session.query(held_games.broken_games_in_scope, dates=sorted(held_by_rule)).to_pylist()
    whole = standing - {(row["game_date"], row["game_id"]) for row in found}
    return {
        (day, game_id): (
            f"game {game_id} stands here whole, and no answer in the landing has it whole any more, so it stays. Bring "
            f"back the answers that are gone, or hold it: nba-pipeline game hold {game_id} --date {day} "
            '--by "your name" --because "why"'
        )
        for day, game_id in whole
    }


def parsed_dates(context: AssetContext, dates: Sequence[date], games: ibis.Table, rulings: ibis.Table) -> Rows:
    """Parses the newest landed answer about each date, without held games, and earlier ones for the games kept."""
    landing = context.resources.landing.as_it_is()
    landed = read_landed(landing, "stats", dates, parse_stats, warn=context.log.warning)
    with context.resources.warehouse.session(read_only=True) as session:
        ruled = session.query(rulings).to_pylist()
        held = held_games.by_date(row for row in ruled if row["state"] == held_games.HELD)
        accepted = held_games.by_date(row for row in ruled if row["state"] == held_games.ACCEPTED)
        kept = {(row["game_date"], row["game_id"]): row["answer"] for row in ruled if row["answer"]}
        by_rule = (row for row in ruled if row["decided_by"] == held_games.BY_RULE and row["game_date"] in dates)
        staying = taken_by_nobody(session, held_games.by_date(by_rule))
        not_counting = held_games.by_date(session.query(raw_exhibitions(games)).to_pylist())
        scheduled = session.query(expected_sides(team_games(games)).select(*SIDE)).to_pylist()
        decided = corrections(decided_games(session, context.resources.clock.now()), dates)
    of_earlier = held_games.by_date({"game_date": day, "game_id": game_id} for day, game_id in kept)
    newest = held_games.without(held_games.without(landed.records, held), of_earlier)
    earlier, gone = earlier_records(landing, kept)
    records = held_games.without([*newest, *earlier], not_counting)
    rows = as_rows(records)
    if repeated := len(records) - rows.num_rows:
        context.log.warning(f"The source repeated {repeated} items word for word; each was kept once.")
    open_games = [decision for decision in decided if decision.game_id not in held.get(decision.game_date, ())]
    rows, failed = corrected_box_scores(rows, open_games, CONTRACT)
    none: frozenset[int] = frozenset()
    excused = {day: held.get(day, none) | accepted.get(day, none) | of_earlier.get(day, none) for day in dates}
    refused = landed.refused_but_for(excused, held_games.by_team(scheduled))
    for (day, _), why in [*failed.items(), *gone.items(), *staying.items()]:
        refused.setdefault(day, []).append(why)
    return Rows(rows, refused, landed.rejected)


@table_asset(CONTRACT, kinds=("python",), deps=[LANDED_PLAYER_BOX_SCORES])
def asset(context: AssetContext, dates: Sequence[date], games: ibis.Table, rulings: ibis.Table) -> Rows:
    """Parses what is landed about the dates."""
    return parsed_dates(context, dates, games, rulings)
