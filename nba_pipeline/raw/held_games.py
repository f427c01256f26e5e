"""Held games: those whose numbers are known to be wrong or absent, so that nothing else of a date waits for them."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import ibis
import pyarrow as pa

from nba_pipeline.assets.contexts import AssetContext
from nba_pipeline.assets.table_asset import table_asset
from nba_pipeline.contracts import GAME_DATE, GAME_ID, SEASON, TEAM, TEAM_ID, Column, Contract, Phase, Read, Reader
from nba_pipeline.decisions.game_decisions import GameDecision, Ruling
from nba_pipeline.gates.deadlines import held_from
from nba_pipeline.gates.evidence import HELD_BY_RULE as BY_RULE  # the name here is a part of the code's version
from nba_pipeline.landing.assets import LANDED_PLAYER_BOX_SCORES
from nba_pipeline.raw import games
from nba_pipeline.raw.parsing.earlier_answers import last_with, older_answers
from nba_pipeline.raw.parsing.landed import Landed, Sides, Unreadable, read_answer, read_landed
from nba_pipeline.raw.parsing.listed_box_scores import LISTED, as_rows
from nba_pipeline.raw.rules.box_score_rules import SIDE, broken_games, expected_sides
from nba_pipeline.raw.rules.corrections import GameKey, corrected_box_scores, corrected_schedule, corrections
from nba_pipeline.raw.rules.decided_games import decided_games
from nba_pipeline.sources.balldontlie import Parsed, StatRecord, parse_stats
from nba_pipeline.sources.errors import DamagedLandingError
from nba_pipeline.sources.landing import Capture
from nba_pipeline.warehouse import audit
from nba_pipeline.warehouse.date_scope import rows_in_scope
from nba_pipeline.warehouse.publish import Rows

HELD, ACCEPTED, KEPT = "held", "accepted", "kept"

BY_ANSWER = "an earlier answer"
"""By what a game is kept that the newest answer has broken or not at all."""

CONTRACT = Contract(
    name="raw.held_games",
    description=(
        "One row per team of a game that is held, kept, or was accepted with its faults. A held game has no box "
        "scores, is in no history and in no grade, and nothing waits for it: its numbers are wrong or absent in every "
        "answer, and the deadline of its date is over or a person decided so. It is released by itself once an answer "
        "has it whole. A kept game is broken or absent in the newest answer only: the last one that has it whole "
        "counts, and the newest is set aside."
    ),
    phase=Phase.RAW,
    grain=("game_date", "game_id", "team_id"),
    columns=(
        GAME_DATE,
        GAME_ID,
        TEAM_ID,
        TEAM,
        SEASON,
        Column(
            "state",
            "string",
            "Held, accepted as it is, or kept as an earlier answer has it.",
            "category",
            allowed=(HELD, ACCEPTED, KEPT),
        ),
        Column("reasons", "string", "What is wrong with the game, as sentences.", "text"),
        Column("decided_by", "string", "The person who decided, or the rule that did.", "text"),
        Column(
            "not_acceptable",
            "string",
            "Of the reasons, those for which no person can accept it.",
            "text",
            nullable=True,
        ),
        Column(
            "answer",
            "string",
            "The fingerprint of the earlier answer that counts for the game; null where it is the newest.",
            "SHA-256",
            nullable=True,
        ),
        Column(
            "listed",
            "int64",
            "Rows of the game in the newest answer, those that cannot be read included; null in rows from before this "
            "was noted.",
            "rows",
            nullable=True,
        ),
    ),
    reads={"games": Read(games.CONTRACT)},
    landed="stats",
    every_answer=True,
    decided=True,
    by_deadline=True,
)


def held(rulings: ibis.Table) -> ibis.Table:
    """The teams of the games that are held: `game_date`, `game_id`, `team_id`."""
    return rulings.filter(rulings.state == HELD).select("game_date", "game_id", "team_id")


def accepted(rulings: ibis.Table) -> ibis.Table:
    """The games that are accepted as they are: `game_date`, `game_id`."""
    return rulings.filter(rulings.state == ACCEPTED).select("game_date", "game_id").distinct()


def by_date(rows: Iterable[Mapping[str, object]]) -> dict[date, frozenset[int]]:
    """The ids of the games of rows, by date."""
    found: dict[date, set[int]] = {}
    for row in rows:
        found.setdefault(row["game_date"], set()).add(row["game_id"])  # type: ignore[arg-type]
    return {day: frozenset(ids) for day, ids in found.items()}


@dataclass(frozen=True)
class Fault:
    """Why a game cannot be used as it is listed, and whether it is only that something does not add up.

    An `unread` item is no part of the game that a person accepts: what is listed beside it stands.
    """

    reason: str
    sums: bool = False
    unread: bool = False

    @property
    def is_acceptable(self) -> bool:
        """Whether a person may take the game as it is listed in spite of it."""
        return self.sums or self.unread


def rulings(
    sides: Iterable[Mapping[str, Any]],
    faults: Mapping[GameKey, Sequence[Fault]],
    decisions: Mapping[GameKey, GameDecision],
    is_over: Callable[[date], bool],
) -> list[dict[str, Any]]:
    """The rows of the table: one a team of each game that is held or accepted.

    `sides` are the teams of all games of the dates, `is_over` says whether the deadline of a date is over. A person's
    decision counts at once; without one a game with faults is held when the deadline is over, and waited for before.
    """
    rows = []
    for side in sides:
        key = side["game_date"], side["game_id"]
        ruled = _ruling(faults.get(key, ()), decisions.get(key), over=is_over(side["game_date"]))
        if ruled is not None:
            names = ("game_date", "game_id", "team_id", "team", "season")
            never = _not_acceptable(faults.get(key, ()))
            rows.append({**{name: side[name] for name in names}, **ruled, "not_acceptable": never})
    return rows


def _not_acceptable(faults: Iterable[Fault]) -> str | None:
    """Of the reasons, those for which no person can accept the game as the newest answer has it."""
    return "; ".join(fault.reason for fault in faults if not fault.is_acceptable) or None


def _ruling(faults: Sequence[Fault], decision: GameDecision | None, *, over: bool) -> dict[str, str] | None:
    """The state of a game with who decided and why; None for one that is as good as any, or is waited for."""
    said = "; ".join(dict.fromkeys(fault.reason for fault in faults))
    if decision is not None and decision.ruling is Ruling.HOLD:
        why = f"{decision.reason} ({said})" if said else decision.reason
        return {"state": HELD, "reasons": why, "decided_by": decision.decided_by}
    if (
        decision is not None
        and decision.ruling is Ruling.ACCEPT
        and faults
        and all(fault.is_acceptable for fault in faults)
    ):
        return {"state": ACCEPTED, "reasons": f"{decision.reason} ({said})", "decided_by": decision.decided_by}
    return {"state": HELD, "reasons": said, "decided_by": BY_RULE} if faults and over else None


@dataclass(frozen=True)
class Kept:
    """An earlier answer from which a game is taken, and the ruling where a person accepted it as it is there."""

    capture: Capture
    accepted: Mapping[str, str] | None = None


def kept_rows(
    sides: Iterable[Mapping[str, Any]], kept: Mapping[GameKey, Kept], faults: Mapping[GameKey, Sequence[Fault]]
) -> list[dict[str, Any]]:
    """The rows of the table about games that an earlier answer speaks for: one a team, with what the newest lacks."""
    rows = []
    for side in sides:
        key = side["game_date"], side["game_id"]
        if key not in kept:
            continue
        earlier, ruled = kept[key].capture, kept[key].accepted
        said = "; ".join(dict.fromkeys(fault.reason for fault in faults[key]))
        why = f"the answer of {earlier.known_at:%Y-%m-%d %H:%M} UTC counts, the newest is set aside: {said}"
        names = ("game_date", "game_id", "team_id", "team", "season")
        rows.append(
            {
                **{name: side[name] for name in names},
                "state": ruled["state"] if ruled else KEPT,
                "reasons": f"{ruled['reasons']}; {why}" if ruled else why,
                "decided_by": ruled["decided_by"] if ruled else BY_ANSWER,
                "not_acceptable": _not_acceptable(faults[key]),
                "answer": earlier.fingerprint,
            }
        )
    return rows


def sought_earlier(
    sides: Iterable[Mapping[str, Any]],
    faults: Mapping[GameKey, Sequence[Fault]],
    decisions: Mapping[GameKey, GameDecision],
) -> set[GameKey]:
    """The games that an earlier answer may speak for: final on the schedule, faulty in the newest answer.

    What a person holds, or accepted as the newest answer has it, is decided; what is off or unknown is expected of no
    answer.
    """
    final = {(side["game_date"], side["game_id"]) for side in sides if side["status"] == "final"}
    return {key for key in final & faults.keys() if _is_held(faults[key], decisions.get(key))} - {
        key for key, decision in decisions.items() if decision.ruling is Ruling.HOLD
    }


def _is_held(faults: Sequence[Fault], decision: GameDecision | None) -> bool:
    """Whether a game is held at the end of the deadline."""
    ruled = _ruling(faults, decision, over=True)
    return ruled is not None and ruled["state"] == HELD


def listed_rows(records: Iterable[StatRecord], unreadable: Iterable[Unreadable], sides: Sides) -> Counter[GameKey]:
    """How many rows an answer lists of each game, those that cannot be read included."""
    listed = Counter((record.game_date, record.game_id) for record in records)
    listed.update((item.game_date, game_id) for item in unreadable if (game_id := item.game_of(sides)) is not None)
    return listed


def without(records: Iterable[StatRecord], games: Mapping[date, Collection[int]]) -> list[StatRecord]:
    """The records of all other games than these."""
    return [record for record in records if record.game_id not in games.get(record.game_date, ())]


def faults_by_game(
    found: Iterable[Mapping[str, Any]], unreadable: Iterable[Unreadable], sides: Sides
) -> dict[GameKey, list[Fault]]:
    """The faults of each game, from the broken rules and the items that could not be read.

    An item that is about none of the games holds none: the game that lacks it does not add up.
    """
    faults: dict[GameKey, list[Fault]] = {}
    for row in sorted(found, key=lambda row: (row["game_date"], row["game_id"], row["reason"])):
        faults.setdefault((row["game_date"], row["game_id"]), []).append(Fault(row["reason"], row["sums"]))
    for item in unreadable:
        if (game_id := item.game_of(sides)) is not None:
            faults.setdefault((item.game_date, game_id), []).append(Fault(item.reason, unread=True))
    return faults


def listed_sides(records: Iterable[StatRecord], known: frozenset[GameKey]) -> list[dict[str, Any]]:
    """The teams of games that are listed and of which no schedule knows both, as the answer names them."""
    found = {
        (r.game_date, r.game_id, r.team_id): {name: getattr(r, name) for name in (*SIDE, "team", "season")}
        for r in records
        if (r.game_date, r.game_id) not in known
    }
    return list(found.values())


def sides_of_games(scheduled: Iterable[Mapping[str, Any]], records: Iterable[StatRecord]) -> list[dict[str, Any]]:
    """The teams of all games of the dates: as scheduled or, of a game of which no schedule knows both, as listed."""
    sides = {tuple(side[name] for name in SIDE): dict(side) for side in scheduled}
    counted = Counter((day, game_id) for day, game_id, _ in sides)
    both = frozenset(key for key, teams in counted.items() if teams > 1)
    for side in listed_sides(records, both):
        sides.setdefault(tuple(side[name] for name in SIDE), side)
    return list(sides.values())


def by_team(sides: Iterable[Mapping[str, Any]]) -> Sides:
    """The game of each team on each date."""
    return {(side["game_date"], side["team_id"]): side["game_id"] for side in sides}


@dataclass(frozen=True)
class Judged:
    """What is listed of games that count, their teams as scheduled, the rules that they break, and the decisions.

    `unclear` are the teams of games that are unclear, as far as anybody knows them.
    """

    records: list[StatRecord]
    sides: list[dict[str, Any]]
    unclear: list[dict[str, Any]]
    broken: list[dict[str, Any]]
    decisions: Mapping[GameKey, GameDecision]


def games_in_scope(read: Reader) -> ibis.Table:
    """The games of the dates in scope."""
    return rows_in_scope(games.CONTRACT, read)


def exhibitions_in_scope(read: Reader) -> ibis.Table:
    """The games of the dates in scope that do not count."""
    return games.exhibitions(games_in_scope(read))


def sides_in_scope(read: Reader) -> ibis.Table:
    """The teams of the games of the dates in scope that need box scores."""
    return expected_sides(games.team_games(games_in_scope(read)))


def unclear_sides_in_scope(read: Reader) -> ibis.Table:
    """The teams of the games of the dates in scope that are unclear."""
    return games.unclear_sides(games.team_games(games_in_scope(read)))


def broken_games_in_scope(read: Reader) -> ibis.Table:
    """The rules that games of the dates in scope break, by the box scores that the session has staged as listed."""
    return broken_games(audit.staged_rows(LISTED, LISTED.short_name), games_in_scope(read))


def judged(context: AssetContext, records: Sequence[StatRecord], dates: Sequence[date]) -> Judged:
    """The games of the dates, judged by what is listed of them once it is corrected."""
    with context.resources.warehouse.session(read_only=True) as session:
        decisions = decided_games(session, context.resources.clock.now())
        counting = without(records, by_date(session.query(exhibitions_in_scope, dates=dates).to_pylist()))
        decided = corrections(decisions, dates)
        rows, failed = corrected_box_scores(as_rows(counting), decided, LISTED)
        session.stage(LISTED.short_name, rows)
        sides = session.query(sides_in_scope, dates=dates).to_pylist()
        unclear = session.query(unclear_sides_in_scope, dates=dates).to_pylist()
        found = session.query(broken_games_in_scope, dates=dates).to_pylist()
        listed = session.query(games_in_scope, dates=dates).to_pylist() if decided else []
    broken = {(row["game_date"], row["game_id"]) for row in found}
    # Of a game that is whole, a correction that does not fit is named with the schedule, and holds nothing.
    unfit = corrected_schedule(listed, decided, games.CONTRACT, rows.to_pylist())[1]
    failed |= {key: why for key, why in unfit.items() if key in broken and key not in failed}
    misfits = [{"game_date": d, "game_id": g, "reason": why, "sums": False} for (d, g), why in failed.items()]
    return Judged(counting, sides, unclear, [*found, *misfits], decisions)


def quarantined(records: Iterable[StatRecord], rows: Iterable[Mapping[str, Any]]) -> list[tuple[date, str, str]]:
    """What is listed of games that are held, or that an earlier answer speaks for, with the reasons, for quarantine."""
    reasons = {
        (row["game_date"], row["game_id"]): f"is {row['state']}: {row['reasons']}"
        for row in rows
        if row["state"] == HELD or row.get("answer")
    }
    return [
        (r.game_date, f"game {r.game_id} {reasons[r.game_date, r.game_id]}", r.model_dump_json())
        for r in records
        if (r.game_date, r.game_id) in reasons
    ]


def kept_games(
    context: AssetContext,
    sought: Collection[GameKey],
    decisions: Mapping[GameKey, GameDecision],
    of_team: Sides,
) -> dict[GameKey, Kept]:
    """The games of those sought that an earlier answer has whole, or as a person accepted them, each from the last."""
    if not sought:
        return {}
    landing = context.resources.landing.as_it_is()
    parsed: dict[Capture, Parsed[StatRecord]] = {}
    accepted: dict[GameKey, Mapping[str, str] | None] = {}

    def read(capture: Capture, day: date) -> Landed[StatRecord]:
        try:
            parsed[capture] = parsed.get(capture) or parse_stats(capture)
        except DamagedLandingError as error:
            # What is damaged says nothing. The newest answer, which must be read, raises this.
            context.log.warning(f"An earlier answer about {day} is passed over: {error}")
            return Landed()
        return read_answer(capture, parsed[capture], day)

    def usable(answers: Mapping[date, Capture]) -> list[GameKey]:
        said = [read(capture, day) for day, capture in answers.items()]
        found = judged(context, [record for landed in said for record in landed.records], list(answers))
        faults = faults_by_game(found.broken, [item for landed in said for item in landed.unreadable], of_team)
        mine = [key for key in sought if key[0] in answers]
        ruled = {key: _ruling(faults.get(key, ()), decisions.get(key), over=True) for key in mine}
        good = {key: ruling for key, ruling in ruled.items() if ruling is None or ruling["state"] == ACCEPTED}
        accepted.update({key: ruling for key, ruling in good.items() if key not in accepted})
        return list(good)

    captures = last_with(sought, lambda day: older_answers(landing, "stats", day), usable)
    return {key: Kept(capture, accepted[key]) for key, capture in captures.items()}


def judged_dates(context: AssetContext, dates: Sequence[date]) -> Rows:
    """Judges the games of the newest landed answer about each date, and by earlier ones those that it has not whole."""
    landed = read_landed(context.resources.landing, "stats", dates, parse_stats, warn=context.log.info)
    found = judged(context, landed.records, dates)
    of_team = by_team(found.sides)
    now = context.resources.clock.now()

    def is_over(day: date) -> bool:
        return now >= held_from(day)

    faults = faults_by_game(found.broken, landed.unreadable, of_team)
    kept = kept_games(context, sought_earlier(found.sides, faults, found.decisions), found.decisions, of_team)
    rest = {key: why for key, why in faults.items() if key not in kept}
    sides = sides_of_games([*found.sides, *found.unclear], found.records)
    rows = [*rulings(sides, rest, found.decisions, is_over), *kept_rows(found.sides, kept, faults)]
    listed = listed_rows(landed.records, landed.unreadable, of_team)
    rows = [{"answer": None, **row, "listed": listed[row["game_date"], row["game_id"]]} for row in rows]
    for day, game_id, state in sorted({(row["game_date"], row["game_id"], row["state"]) for row in rows}):
        if state != ACCEPTED:
            context.log.warning(f"Game {game_id} of {day} is {state}. Look at it: nba-pipeline game show {game_id}")
    refused = landed.refused_but_for(by_date(found.sides), of_team)
    return Rows(
        pa.Table.from_pylist(rows, schema=CONTRACT.schema.to_pyarrow()), refused, quarantined(landed.records, rows)
    )


@table_asset(CONTRACT, kinds=("python",), deps=[LANDED_PLAYER_BOX_SCORES])
def asset(context: AssetContext, dates: Sequence[date], games: ibis.Table) -> Rows:
    """Judges the games of the dates by what is landed."""
    return judged_dates(context, dates)
