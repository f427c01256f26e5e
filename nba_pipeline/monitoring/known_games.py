"""What the warehouse knows of one game: its row, what is wrong with it, and what was decided about it."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import ibis

from nba_pipeline.clock import season_of
from nba_pipeline.contracts import Contract
from nba_pipeline.decisions.game_decisions import GameDecision, recorded_decisions
from nba_pipeline.decisions.source_faults import BY_CATALOGUE
from nba_pipeline.monitoring.outcome import COMMAND
from nba_pipeline.monitoring.smoke_test import backfill_command
from nba_pipeline.partitions import season_start
from nba_pipeline.raw import games, held_games, player_box_scores
from nba_pipeline.raw.rules.decided_games import decided_games
from nba_pipeline.sources.records import UNCLEAR
from nba_pipeline.warehouse.interface import Session
from nba_pipeline.warehouse.operations_tables import QUARANTINE

SIGNED = '--by "your name" --because "why"'
"""What every decision needs, as a message names it."""

_PLAYERS_COLUMNS = {"player_id", "team", "team_id", "points"}

Row = Mapping[str, Any]


@dataclass
class KnownGame:
    """Everything that the warehouse knows of a game on one date.

    `row` is None for a game that stands on no schedule; `rulings` are the rows of the table of held games.
    """

    game_date: date
    game_id: int
    row: Row | None = None
    rulings: list[Row] = field(default_factory=list)
    quarantined: list[Row] = field(default_factory=list)
    box_scores: list[Row] = field(default_factory=list)
    decisions: list[GameDecision] = field(default_factory=list)
    in_force: GameDecision | None = None

    @property
    def state(self) -> str:
        """Held or accepted where somebody or a rule decided so, else the state in the schedule."""
        if self.rulings:
            return str(self.rulings[0]["state"])
        return str(self.row["status"]) if self.row else "not on the schedule"

    @property
    def players(self) -> list[dict[str, Any]]:
        """The rows of its players, published or set aside when it was held; none where not all of them are known."""
        set_aside = [one for one in self.quarantined if one["table_name"] == held_games.CONTRACT.name]
        listed = [json_object(one["row_json"]) for one in sorted(set_aside, key=lambda one: one["quarantined_at"])]
        known = {(row["player_id"], row["team"]): row for row in listed if {*row} >= _PLAYERS_COLUMNS}
        # As JSON they have texts for dates.
        read = [row | {"game_id": self.game_id, "game_date": self.game_date} for row in known.values()]
        return [dict(row) for row in self.box_scores] or read

    @property
    def waits(self) -> bool:
        """Whether something of it was refused, or its box scores are not there, and nobody decided about that."""
        played = self.row is not None and self.row["status"] == "final"
        return not self.rulings and not self.in_force and not self.box_scores and (played or bool(self.quarantined))

    @property
    def not_acceptable(self) -> list[str]:
        """What is wrong with it that no person can accept, so that accepting it would change nothing."""
        if self.rulings:
            return [str(self.rulings[0]["not_acceptable"])] if self.rulings[0]["not_acceptable"] else []
        if self.row and self.row["status"] != "final":
            return [f"it is {self.row['status']}, not final"]
        return []

    @property
    def another_sum(self) -> bool:
        """Whether the players of both teams are known, and their points sum to another score than the game's."""
        if self.row is None or self.not_acceptable:
            return False
        sums: dict[int, int] = {}
        for player in self.players:
            sums[player["team_id"]] = sums.get(player["team_id"], 0) + (player["points"] or 0)
        sides = {self.row[f"{side}_team_id"]: self.row[f"{side}_score"] for side in ("home", "visitor")}
        return {*sides} <= {*sums} and any(sums[team] != score for team, score in sides.items())

    @property
    def commands(self) -> list[str]:
        """What a person may type next."""
        if self.in_force:
            return [release_command(self.in_force), backfill_command(self.game_date)]
        if self.rulings or self.waits:
            unclear = self.row is not None and self.row["status"] == UNCLEAR
            works = {
                "correct --set status=cancelled": unclear,
                "accept": not unclear and not self.not_acceptable,
                "correct --players-sum": not unclear and self.another_sum,
                "hold": True,
            }
            ruled = [one for one, does in works.items() if does]
            decide = [f"{COMMAND}game {one} {self.game_id} --date {self.game_date} {SIGNED}" for one in ruled]
            return [backfill_command(self.game_date), *decide]
        return []

    def as_object(self) -> dict[str, object]:
        """The game for scripts."""
        return {
            "game_date": str(self.game_date), "state": self.state, "row": self.row,
            "held": [{"team": one["team"], "reasons": one["reasons"], "decided_by": one["decided_by"]}
                     for one in self.rulings if one["state"] == "held"],
            "players_with_rows": len(self.box_scores), "quarantined": self.quarantined,
            "in_force": decision_object(self.in_force) if self.in_force else None,
            "decisions": [decision_object(one) for one in self.decisions], "commands": self.commands,
        }  # fmt: skip


def decision_object(decision: GameDecision) -> dict[str, object]:
    """A decision for scripts."""
    return {
        "game_date": str(decision.game_date), "game_id": decision.game_id, "ruling": decision.ruling.value,
        "corrections": dict(decision.corrections), "decided_by": decision.decided_by, "reason": decision.reason,
        "until": decision.until, "recorded_at": decision.recorded_at,
    }  # fmt: skip


def release_command(decision: GameDecision) -> str:
    """The command that takes a decision back; a person takes the source's word against the catalogue by `accept`."""
    if decision.decided_by == BY_CATALOGUE:
        return f"{COMMAND}game accept {decision.game_id} --date {decision.game_date} {SIGNED}"
    return f"{COMMAND}game release {decision.game_id} --date {decision.game_date} {SIGNED}"


def in_force_sentence(decision: GameDecision) -> str:
    """A decision in force as a sentence, with the command that takes it back."""
    return f"{decision}. Take that back with: {release_command(decision)}"


def decided_about(decisions: Iterable[GameDecision], dates: Sequence[date]) -> list[str]:
    """Decisions in force about games of these dates, a sentence each, and one about how many there are of others."""
    mine, others = [], []
    for decision in sorted(decisions, key=lambda found: found.key):
        (mine if decision.game_date in dates else others).append(decision)
    said = [in_force_sentence(decision) for decision in mine]
    if others:
        days = f"{others[0].game_date} to {others[-1].game_date}"
        said.append(
            f"{len(others)} decisions about games of other dates ({days}) are in force: {COMMAND}game decisions"
        )
    return said


def decided_behind(
    session: Session, played: Iterable[tuple[date, int]], teams: Sequence[str], day: date, now: datetime
) -> list[str]:
    """Decisions in force about games that rows of a date were made from, a sentence each.

    Those are the games `played` by whom the rows are about, and all that the teams played in what is looked back on:
    a game that is held is in no history, and what lacks it depends on it all the same.
    """
    begin = season_start(season_of(day) - 1)
    decisions = {key: found for key, found in decided_games(session, now).items() if begin <= key[0] < day}
    if not decisions:
        return []
    rows = session.read(games.CONTRACT)
    decided = rows.filter(rows.game_id.isin(sorted({game_id for _, game_id in decisions})))
    theirs = decided.filter(decided.home_team.isin(teams) | decided.visitor_team.isin(teams))
    found = {*played, *((row["game_date"], row["game_id"]) for row in session.query(theirs).to_pylist())}
    return [in_force_sentence(decisions[key]) for key in sorted(found & decisions.keys())]


def known_game(session: Session, game_id: int, now: datetime) -> list[KnownGame]:
    """What the warehouse knows of a game, on each date that it stands on, stood on or was decided about."""
    found: dict[date, KnownGame] = {}

    def of(day: date) -> KnownGame:
        return found.setdefault(day, KnownGame(day, game_id))

    for row in _rows(session, games.CONTRACT, game_id):
        of(row["game_date"]).row = row
    for row in _rows(session, held_games.CONTRACT, game_id):
        of(row["game_date"]).rulings.append(row)
    for row in _rows(session, player_box_scores.CONTRACT, game_id):
        of(row["game_date"]).box_scores.append(row)
    for row in _quarantined(session, game_id):
        of(row["game_date"]).quarantined.append(row)
    for decision in recorded_decisions(session):
        if decision.game_id == game_id:
            of(decision.game_date).decisions.append(decision)
    for (day, about), decision in decided_games(session, now).items():
        if about == game_id:
            of(day).in_force = decision
    return [found[day] for day in sorted(found)]


def _rows(session: Session, table: Contract, game_id: int) -> list[dict[str, Any]]:
    rows = session.read(table)
    return session.query(rows.filter(rows.game_id == game_id).order_by(list(table.grain))).to_pylist()


def _quarantined(session: Session, game_id: int) -> list[dict[str, Any]]:
    """Quarantined rows about a game: by the id in the row, in the source's own form too, or by their reason."""
    rows = session.read(QUARANTINE)
    named = ibis._.reason.contains(str(game_id)) | ibis._.row_json.contains(str(game_id))
    kept = session.query(rows.filter(named).order_by(["game_date", "table_name", "reason"])).to_pylist()
    return [row for row in kept if _is_about(row, game_id)]


def _is_about(row: Row, game_id: int) -> bool:
    if re.search(rf"\bgame {game_id}\b", row["reason"], re.IGNORECASE):
        return True
    content = json_object(row["row_json"])
    game = content.get("game")
    ids = [content.get("game_id"), game.get("id") if isinstance(game, dict) else None]
    return game_id in [*ids, content.get("id") if row["table_name"] == games.CONTRACT.name else None]


def json_object(text: str) -> dict[str, Any]:
    """The object that a text holds; an empty one where it holds none."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
