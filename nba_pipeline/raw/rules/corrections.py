"""What people corrected of a game, applied to what the source says of it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import pyarrow as pa

from nba_pipeline.contracts import Contract
from nba_pipeline.decisions.game_decisions import PLAYERS_SUM, GameDecision, Ruling, corrected_game, corrected_rows

GameKey = tuple[date, int]


def corrections(decisions: Mapping[GameKey, GameDecision], dates: Sequence[date]) -> list[GameDecision]:
    """The decisions about games of these dates that correct something."""
    chosen = {*dates}
    return [found for (day, _), found in decisions.items() if day in chosen and found.ruling is Ruling.CORRECT]


def corrected_box_scores(
    rows: pa.Table, decided: Iterable[GameDecision], box_scores: Contract
) -> tuple[pa.Table, dict[GameKey, str]]:
    """The rows with every correction that can be made, and why one cannot, by game; that game's rows stay as they are.

    A correction fits the answer that it was made about. When a later one lists the player no more, it says so.
    """
    decided = list(decided)
    if not decided:
        return rows, {}
    listed, failed = rows.to_pylist(), {}
    for decision in decided:
        try:
            listed = corrected_rows(listed, decision, box_scores)
        except ValueError as error:
            failed[decision.key] = does_not_fit(decision, error)
    return pa.Table.from_pylist(listed, schema=rows.schema), failed


def corrected_schedule(
    rows: Sequence[Mapping[str, Any]], decided: Iterable[GameDecision], games: Contract, box_scores: Sequence[Mapping]
) -> tuple[list[dict[str, Any]], dict[GameKey, str]]:
    """The games with the corrections of people, and why one cannot be made, by game; a score may be the sum of
    `box_scores`, with their corrections made.

    A sum that nobody knows, or a value that the row cannot hold, leaves the game as the source has it.
    """
    by_key = {found.key: found for found in decided}
    corrected, failed = [], {}
    for row in rows:
        key = row["game_date"], row["game_id"]
        try:
            corrected.append(_corrected(dict(row), by_key.get(key), games, box_scores))
        except ValueError as error:
            corrected.append(dict(row))
            failed[key] = does_not_fit(by_key[key], error)
    return corrected, failed


def _corrected(
    row: dict[str, Any], decision: GameDecision | None, games: Contract, box_scores: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    if decision is None:
        return row
    return corrected_game(row, decision, games, box_scores if PLAYERS_SUM in decision.corrections else None)


def does_not_fit(decision: GameDecision, error: ValueError) -> str:
    """Why a correction is not made, as a sentence."""
    return f"the correction by {decision.decided_by} ({decision.values}) does not fit: {error}"
