"""What is known of one game whose facts are in doubt, and what a person decides about it."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from pydantic import AwareDatetime, TypeAdapter, ValidationError

from nba_pipeline.cli.terminal import refuse_nothing
from nba_pipeline.decisions.game_decisions import (
    PLAYER,
    PLAYERS_SUM,
    GameDecision,
    Ruling,
    record_decision,
    refuse_corrections,
)
from nba_pipeline.decisions.source_faults import BY_CATALOGUE
from nba_pipeline.monitoring.known_games import (
    KnownGame,
    decision_object,
    in_force_sentence,
    known_game,
)
from nba_pipeline.monitoring.outcome import COMMAND, NotTriedError, Outcome, console, end, refusing, say
from nba_pipeline.monitoring.smoke_test import backfill_command
from nba_pipeline.raw import games, player_box_scores
from nba_pipeline.raw.rules.decided_games import decided_games
from nba_pipeline.raw.rules.game_kinds import kind_of
from nba_pipeline.runtime import Runtime
from nba_pipeline.settings import Settings

SHOWN_QUARANTINED = 5
"""Quarantined rows that are printed; JSON has all of them."""

SETTING = "--set home_score=101, --set visitor_score=98 or --set PLAYER_ID.points=12"


def chosen_game(found: Sequence[KnownGame], game_id: int, day: date | None) -> KnownGame:
    """The one game that is meant. Raises `NotTriedError` for none, and for several dates without one to choose."""
    if not found:
        look = f"; load its date first: {backfill_command(day)}" if day else ", by the source's id of it"
        raise NotTriedError(f"no game {game_id} is known{look}")
    listed = "\n".join(f"  --date {game.game_date} ({_in_short(game)})" for game in found)
    mine = [game for game in found if day in (None, game.game_date)]
    if not mine:
        raise NotTriedError(f"game {game_id} is not known on {day}; it stands on:\n{listed}")
    if len(mine) > 1:
        raise NotTriedError(f"game {game_id} stands on {len(mine)} dates, say which:\n{listed}")
    return mine[0]


def _in_short(game: KnownGame) -> str:
    teams = f"{game.row['visitor_team']} at {game.row['home_team']}, " if game.row else ""
    return f"{teams}{game.state}"


@refusing
def run_game_show(settings: Settings, game_id: int, day: date | None, *, as_json: bool) -> int:
    """Prints what is known of a game; 1 when it waits for something and nobody decided about it, 2 when unknown."""
    runtime = Runtime(settings)
    refuse_nothing(runtime)
    with runtime.warehouse.session(read_only=True) as session:
        found = known_game(session, game_id, runtime.clock.now())
    shown = found if day is None and found else [chosen_game(found, game_id, day)]
    waits = tuple(
        f"game {game_id} of {one.game_date} has no box scores, and nobody decided about it. Next: {one.commands[0]}"
        for one in shown
        if one.waits
    )
    decided = tuple(said for one in shown for said in _decided(one))
    content = {"game_id": game_id, "dates": [one.as_object() for one in shown]}

    def print_it() -> None:
        for one in shown:
            say(_lines(one))
        say(waits, style="red")

    return end(Outcome(undone=waits, decided=decided), content, print_it, as_json=as_json)


def _decided(game: KnownGame) -> list[str]:
    """What counts of a game: the decision in force, and how it stands in the table of held games."""
    about = f"game {game.game_id} of {game.game_date}"
    rules = {f"{about} is {one['state']} by {one['decided_by']}: {one['reasons']}" for one in game.rulings}
    return [*([in_force_sentence(game.in_force)] if game.in_force else []), *sorted(rules)]


def _lines(game: KnownGame) -> list[str]:
    lines = [f"Game {game.game_id} of {game.game_date}: {_in_short(game)}"]
    if game.row:
        row = game.row
        score = f"{row['visitor_score']} : {row['home_score']}" if row["home_score"] is not None else "no score"
        text = f" ({row['status_text']})" if row["status_text"] else ""
        lines.append(f"    raw.games: {row['status']}{text}, {score}, {row['period']} periods, kind: {kind_of(row)}")
    lines.append(f"    raw.player_box_scores: {len(game.box_scores)} players")
    lines += [f"    {one['state']}: {one['team']}: {one['reasons']} (by {one['decided_by']})" for one in game.rulings]
    reasons = [f"    in quarantine, of {row['table_name']}: {row['reason']}" for row in game.quarantined]
    distinct = list(dict.fromkeys(reasons))
    lines += distinct[:SHOWN_QUARANTINED]
    if len(distinct) > SHOWN_QUARANTINED:
        lines.append(f"    and {len(distinct) - SHOWN_QUARANTINED} more reasons in quarantine (--json lists them)")
    for decision in game.decisions:
        force = "in force" if decision == game.in_force else "past"
        lines.append(f"    decided {decision.recorded_at:%Y-%m-%d %H:%M} UTC, {force}: {decision}")
    return [*lines, *(f"    next: {command}" for command in game.commands)]


@refusing
def run_game_decisions(settings: Settings, *, as_json: bool) -> int:
    """Prints the decisions in force about games."""
    runtime = Runtime(settings)
    refuse_nothing(runtime)
    with runtime.warehouse.session(read_only=True) as session:
        found = decided_games(session, runtime.clock.now())

    def print_it() -> None:
        if not found:
            console.print("No decision about a game is in force.")

    content = {"decisions": [decision_object(one) for one in found.values()]}
    return end(Outcome(decided=tuple(map(in_force_sentence, found.values()))), content, print_it, as_json=as_json)


@refusing
def run_game_decision(
    settings: Settings,
    ruling: Ruling,
    game_id: int,
    day: date | None,
    corrections: Mapping[str, Any],
    by: str,
    because: str,
    until: str | None,
    *,
    as_json: bool,
) -> int:
    """Records a decision and says which command makes the date again; 2 when it cannot be recorded as asked for."""
    runtime = Runtime(settings)
    warehouse, now = runtime.warehouse, runtime.clock.now()
    refuse_nothing(runtime)
    ends = _instant(until)
    with warehouse.session() as session:
        game = chosen_game(known_game(session, game_id, now), game_id, day)
        decision = GameDecision(
            game.game_date, game_id, ruling, corrections, by, because, ends, now.replace(tzinfo=None)
        )  # fmt: skip
        _refuse(decision, game)
        try:
            record_decision(session, decision)
        except ValueError as error:
            raise NotTriedError(str(error)) from error
    again = backfill_command(game.game_date)
    replaced = str(game.in_force) if game.in_force and ruling is not Ruling.RELEASE else None

    def print_it() -> None:
        say([str(decision)])
        if replaced:
            say([f"It takes the place of: {replaced}"], style="yellow")
        say([f"Make the date again: {again}"])

    content = {"recorded": str(decision), "decision": decision_object(decision), "replaces": replaced, "next": again}
    return end(Outcome(), content, print_it, as_json=as_json)


def _refuse(decision: GameDecision, game: KnownGame) -> None:
    """Raises `NotTriedError` for a decision that is about nothing, or whose values cannot be."""
    if decision.ruling is Ruling.RELEASE and (game.in_force is None or game.in_force.decided_by == BY_CATALOGUE):
        held, whose = "", " of a person" if game.in_force else ""
        if game.in_force:
            held = "; a repair of the catalogue is, and `game accept` goes before it"
        elif game.rulings:
            held = "; what holds it is a rule, and it is released once an answer has it whole"
        raise NotTriedError(
            f"no decision{whose} about game {decision.game_id} of {decision.game_date} is in force{held}: "
            f"{COMMAND}game show {decision.game_id} --date {decision.game_date}"
        )
    if decision.ruling is Ruling.ACCEPT and game.not_acceptable:
        raise NotTriedError(
            f"to accept game {decision.game_id} of {decision.game_date} would change nothing: "
            f"{'; '.join(game.not_acceptable)}. What can be done: "
            f"{COMMAND}game show {decision.game_id} --date {decision.game_date}"
        )
    if not decision.corrections:
        return
    if PLAYERS_SUM in decision.corrections and game.row is not None and any(ruled["answer"] for ruled in game.rulings):
        row = game.row
        raise NotTriedError(
            f"the players of game {decision.game_id} of {decision.game_date} that count are those of an earlier "
            f"answer, and their sum would be that of the newest, which has it broken: {game.rulings[0]['reasons']}. "
            f"Say which score is right: {COMMAND}game correct {decision.game_id} --date {decision.game_date} "
            f"--set home_score={row['home_score']} --set visitor_score={row['visitor_score']} "
            '--by "your name" --because "why"'
        )
    try:
        refuse_corrections(decision, games.CONTRACT, player_box_scores.CONTRACT, game.players, game.row)
    except ValueError as error:
        raise NotTriedError(str(error)) from error


def _instant(until: str | None) -> datetime | None:
    if until is None:
        return None
    try:
        return TypeAdapter(AwareDatetime).validate_python(until).astimezone(UTC).replace(tzinfo=None)
    except ValidationError as error:
        said = f"--until {until} is no instant with its offset, such as 2026-01-20T12:00Z"
        raise NotTriedError(said) from error


def corrections_of(settings: Sequence[str], without: Sequence[str], *, players_sum: bool) -> dict[str, Any]:
    """What a person typed, as a decision holds it. Raises `NotTriedError` for what cannot be read."""
    found: dict[str, Any] = {PLAYERS_SUM: True} if players_sum else {}
    for setting in settings:
        name, equals, text = (part.strip() for part in setting.partition("="))
        who, dot, column = name.partition(".")
        if not equals or not text or not who or (dot and not column):
            raise NotTriedError(f"--set {setting} sets nothing: write {SETTING}")
        target, key = (found.setdefault(f"{PLAYER}{who}", {}), column) if dot else (found, name)
        if key in target:
            raise NotTriedError(f"{name} is set twice")
        target[key] = _value(text)
    for who in without:
        if f"{PLAYER}{who}" in found:
            raise NotTriedError(f"the row of player {who} is left out or it is corrected, not both")
        found[f"{PLAYER}{who}"] = None
    if not found:
        raise NotTriedError(f"say what is right: --players-sum, {SETTING}, or --without PLAYER_ID/TEAM")
    return found


def _value(text: str) -> Any:
    """Numbers, true, false and null as such, everything else as text."""
    try:
        found = json.loads(text)
    except ValueError:
        return text
    return text if isinstance(found, list | dict) else found
