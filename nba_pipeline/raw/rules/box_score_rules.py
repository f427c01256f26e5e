"""What the box score of a game must fulfil: the rules about its rows, one by one and together.

One definition, two uses: `raw.held_games` finds the games that break a rule, and `raw.player_box_scores` promises
that none of its games does.
"""

from collections.abc import Callable
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from nba_pipeline.raw import games
from nba_pipeline.raw.parsing.listed_box_scores import LISTED
from nba_pipeline.warehouse import audit

PLAYERS_ON_THE_FLOOR = 5
MOST_PLAYERS_OF_A_TEAM = 20
"""A roster has 15 players and three two-way contracts; more in one box score are not one team's."""

TEAM_MINUTES = 240
OVERTIME_TEAM_MINUTES = 25

ROUNDED_MINUTES = 4
"""How far whole minutes of a team may be off: the most of all 21,322 team games of 2015-16 to 2023-24."""

EXACT_MINUTES = 1
"""How far minutes with fractions may be off."""


TEAM_COUNTS = {
    "points": (1, 250),
    "field_goals_made": (0, 120),
    "field_goals_attempted": (40, 200),
    "three_pointers_made": (0, 60),
    "three_pointers_attempted": (0, 120),
    "free_throws_made": (0, 100),
    "free_throws_attempted": (0, 120),
    "offensive_rebounds": (0, 80),
    "defensive_rebounds": (0, 100),
    "rebounds": (0, 120),
    "assists": (0, 80),
    "steals": (0, 50),
    "blocks": (0, 50),
    "turnovers": (0, 60),
    "personal_fouls": (0, 100),
    "plays": (40, 220),
}
"""What a team's numbers of one game can be. No rate that is made of them lies outside of its own range.

`plays` are shots and turnovers less offensive rebounds. Of all 21,322 team games of 2015-16 to 2023-24 the least shots
are 60 and the most 128.
"""


@dataclass(frozen=True)
class Rule:
    """A rule about the rows of one game; `broken(rows, sides)` gives `game_date`, `game_id` and `reason`.

    `rows` are box scores and `sides` the scheduled games as `games.team_games` gives them.
    """

    name: str
    definition: str
    broken: Callable[[ibis.Table, ibis.Table], ibis.Table]


def strangers(rows: ibis.Table, sides: ibis.Table) -> ibis.Table:
    """A reason for each team with rows that no game on the schedule of the date expects, or only one put off."""
    counted = rows.group_by("game_date", "game_id", "team_id", "team").agg(players=ibis._.count())
    unknown = counted.anti_join(expected_sides(sides), ["game_date", "game_id", "team_id"])
    said = unknown.players.cast("string") + " players of " + unknown.team
    return _reasons(unknown, said + " are listed, which no game on the schedule of the date expects")


def crowded_teams(rows: ibis.Table, sides: ibis.Table) -> ibis.Table:
    """A reason for each team with more players in a box score than a team can have."""
    counted = rows.group_by("game_date", "game_id", "team").agg(players=ibis._.count())
    wrong = counted.filter(counted.players > MOST_PLAYERS_OF_A_TEAM)
    return _reasons(wrong, wrong.team + " has " + wrong.players.cast("string") + " players listed")


def impossible_teams(rows: ibis.Table, sides: ibis.Table) -> ibis.Table:
    """A reason for each team whose players together have what no team can have in a game.

    A team of which too few players are listed is named as that.
    """
    sums = rows.group_by(*SIDE, "team").agg(**{name: rows[name].sum() for name in TEAM_COUNTS if name != "plays"})
    sums = sums.mutate(plays=sums.field_goals_attempted + sums.turnovers - sums.offensive_rebounds)
    sums = sums.semi_join(sides_with_players(rows), SIDE)
    broken = {name: ~sums[name].between(low, high) for name, (low, high) in TEAM_COUNTS.items()}
    said = [(broken[name], sums[name].cast("string") + f" {name}") for name in TEAM_COUNTS]
    wrong = sums.mutate(said=ibis.cases(*said, else_=ibis.null("string"))).filter(ibis._.said.notnull())
    return _reasons(wrong, ibis.literal("the players of ") + wrong.team + " have " + wrong.said)


def scores_that_differ(rows: ibis.Table, sides: ibis.Table) -> ibis.Table:
    """A reason for each team whose players' points do not sum to its score."""
    sums = rows.group_by("game_date", "game_id", "team_id").agg(points=rows.points.sum())
    both = sums.inner_join(sides.select(*SIDE, "team", "score"), SIDE)
    wrong = both.filter((both.points != both.score).fill_null(True))
    score = wrong.score.cast("string").fill_null("no score")
    return _reasons(
        wrong,
        ibis.literal("players of ")
        + wrong.team
        + " have "
        + wrong.points.cast("string")
        + " points, the team "
        + score,
    )


def minutes_that_differ(rows: ibis.Table, sides: ibis.Table) -> ibis.Table:
    """A reason for each team whose minutes are not 240 and 25 an overtime, but for rounding."""
    sums = rows.group_by("game_date", "game_id", "team_id").agg(
        minutes=rows.minutes.sum(), whole=(rows.minutes == rows.minutes.round()).all()
    )
    both = sums.inner_join(sides.select(*SIDE, "team", "period"), SIDE)
    due = TEAM_MINUTES + OVERTIME_TEAM_MINUTES * ibis.greatest(both.period - 4, 0)
    rounding = both.whole.ifelse(ROUNDED_MINUTES, EXACT_MINUTES)
    wrong = both.filter((both.minutes - due).abs() > rounding)
    said = wrong.team + " has " + wrong.minutes.cast("string") + " minutes in " + wrong.period.cast("string")
    return _reasons(wrong, said + " periods")


SIDE = ["game_date", "game_id", "team_id"]
"""One team in one game."""


def impossible_results(rows: ibis.Table, sides: ibis.Table) -> ibis.Table:
    """A reason for each final game that nobody has won."""
    home = sides.filter(sides.is_home, sides.status == "final")
    wrong = home.filter((home.score != home.opponent_score).fill_null(False) == ibis.literal(False))
    said = wrong.opponent + " at " + wrong.team + " is final with an impossible score"
    return _reasons(wrong, said)


def expected_sides(sides: ibis.Table) -> ibis.Table:
    """Both teams of every game that is not off: each must have a box score."""
    return sides.filter(~games.is_off(sides))


def sides_with_players(rows: ibis.Table) -> ibis.Table:
    """The games and teams in which at least five players were on the floor."""
    counted = rows.group_by(SIDE).agg(played=(rows.minutes > 0).sum())
    return counted.filter(counted.played >= PLAYERS_ON_THE_FLOOR).drop("played")


def unfinished_games(schedule: ibis.Table) -> ibis.Table:
    """A reason for each game of `raw.games` that is neither final nor off, or that is unclear and can be held."""
    waiting = schedule.filter(~games.is_off(schedule) | games.can_be_held(schedule), schedule.status != "final")
    visitors, home = (team.fill_null("nobody known") for team in (waiting.visitor_team, waiting.home_team))
    said = visitors + " at " + home + " is " + waiting.status
    return _reasons(waiting, said + " (" + waiting.status_text.fill_null("") + "), not final")


def missing_sides(rows: ibis.Table, sides: ibis.Table) -> ibis.Table:
    """A reason for each team of a final game of which fewer than five players were on the floor."""
    final = expected_sides(sides).filter(ibis._.status == "final")
    missing = final.anti_join(sides_with_players(rows), SIDE)
    return _reasons(missing, missing.team + f" has no {PLAYERS_ON_THE_FLOOR} players who played")


def _reasons(rows: ibis.Table, said: ir.StringValue) -> ibis.Table:
    return rows.select("game_date", "game_id", reason=said)


def _of_rows(condition: Callable[[ibis.Table], ir.BooleanValue], what: str) -> Callable[..., ibis.Table]:
    def broken(rows: ibis.Table, sides: ibis.Table) -> ibis.Table:
        wrong = rows.filter(condition(rows))
        return _reasons(wrong, ibis.literal("player ") + wrong.player_id.cast("string") + f": {what}")

    return broken


EXPECTED = Rule("nobody unexpected", "Every row belongs to a team of a game that the schedule expects.", strangers)

WINNER = Rule("a final game has a winner", "A final game has two different scores.", impossible_results)

POSSIBLE = (
    Rule("a team's worth of players", "A team lists no more players than it can have.", crowded_teams),
    Rule("a team's worth of numbers", "A team has no more and no less than a team can have.", impossible_teams),
    Rule(
        "makes within attempts",
        "No more shots are made than attempted, of each kind, and threes are among the field goals.",
        _of_rows(
            lambda r: (
                (r.field_goals_made > r.field_goals_attempted)
                | (r.three_pointers_made > r.three_pointers_attempted)
                | (r.free_throws_made > r.free_throws_attempted)
                | (r.three_pointers_made > r.field_goals_made)
                | (r.field_goals_made - r.three_pointers_made > r.field_goals_attempted - r.three_pointers_attempted)
            ),
            "more shots made than attempted",
        ),
    ),
)
"""What cannot be, whoever says so: the ranges of all that is made of box scores depend on it."""

SUMS = (
    Rule("points sum to the score", "A team's score is the sum of its players' points.", scores_that_differ),
    Rule(
        "minutes sum to the game",
        f"A team's minutes are 240 and 25 an overtime, give or take {ROUNDED_MINUTES} where minutes are whole "
        f"and {EXACT_MINUTES} where they are not.",
        minutes_that_differ,
    ),
    Rule(
        "points follow from shots",
        "Points are 2 a field goal, 1 more a three, 1 a free throw.",
        _of_rows(
            lambda r: r.points != 2 * r.field_goals_made + r.three_pointers_made + r.free_throws_made,
            "points do not follow from the shots made",
        ),
    ),
    Rule(
        "rebounds add up",
        "Rebounds are offensive and defensive ones together.",
        _of_rows(
            lambda r: r.rebounds != r.offensive_rebounds + r.defensive_rebounds,
            "rebounds are not the sum of offensive and defensive ones",
        ),
    ),
)
"""What does not add up. A person may accept a game that breaks one of these as it is, and none of the other rules."""


def broken_games(rows: ibis.Table, schedule: ibis.Table) -> ibis.Table:
    """Every reason why a game cannot be used as an answer lists it; `schedule` has the dates of `raw.games`.

    Returns `game_date`, `game_id`, `reason`, and whether it is about `sums`, which a person may accept.
    """
    sides = games.team_games(schedule)
    named = {f"{rule.name}: ": rule.broken(rows, sides) for rule in (EXPECTED, WINNER, *POSSIBLE, *SUMS)}
    about_sums = {f"{rule.name}: " for rule in SUMS}
    named |= {"": unfinished_games(schedule).union(missing_sides(rows, sides))}
    conditions = {*audit.column_rules(rows, LISTED), audit.duplicate_rule(LISTED)}
    values = audit.broken_rows(rows, LISTED, conditions)
    named |= {"a value that cannot be: ": _reasons(values, _of_player(values) + values.reason)}
    return ibis.union(
        *(
            found.select(
                "game_date", "game_id", reason=ibis.literal(name) + found.reason, sums=ibis.literal(name in about_sums)
            )
            for name, found in named.items()
        ),
        distinct=True,
    )


def _of_player(rows: ibis.Table) -> ir.StringValue:
    """Whose row it is. A row that was read has an id; a null here would hide the reason."""
    return ibis.literal("player ") + rows.player_id.cast("string") + ": "
