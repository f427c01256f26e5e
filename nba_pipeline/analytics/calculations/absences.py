"""Who is out, and what he leaves to others: from the injury report and his games before the date.

What a player leaves is his form: exponentially weighted means over the games that he played, half-life 7 games,
running on from the season before. Somebody who has been out for months has left it long ago, and the averages of
the others show it; `recent_share` says how much of it was still there in the last days.
"""

import ibis
import ibis.expr.types as ir

from nba_pipeline.as_of import GameLog, as_of, exact, within_days

HALF_LIFE = 7

STAR_POINTS = 20
"""From this form in points on a player is a star."""

ROTATION_MINUTES = 20
"""From this form in minutes on a player belongs to the rotation."""

RECENT_DAYS = 20
"""Some ten games of a team."""

FORM = {
    "minutes": ("min", "minutes"),
    "field_goals_attempted": ("shots", "shots"),
    "usage": ("share", "share of the team's plays (usage rate · minutes / 48)"),
    "rebounds": ("rebounds", "rebounds"),
    "assists": ("assists", "assists"),
    "three_pointers_attempted": ("shots", "attempted threes"),
    "points": ("points", "points"),
}
"""What an absent player leaves, with its unit and its words.

A usage rate alone would weigh five minutes of a bench player like a star's night.
"""

RECENT_FORM = ("minutes", "usage")
"""What is also told apart by how recently it was there."""

STATUSES = ("out", "doubtful", "questionable", "probable", "available", "unknown")
OUT = "out"
EXPECTED = ("available", "probable")


def form_states(history: ibis.Table) -> ibis.Table:
    """A player's form after each game that he played, `usual_…`."""
    played = history.filter(history.played)
    log = GameLog(played.mutate(usage=played.usage_rate * played.minutes / 48), "player_id")
    return log.states(**{f"usual_{name}": log.ewma(log.rows[name], HALF_LIFE) for name in FORM})


def recent_shares(spine: ibis.Table, history: ibis.Table) -> ibis.Table:
    """Per row of `spine`, the share of his team's games of the last days that the player played for it.

    Null when the team had none. `spine` has the grain's keys and `team_id`.
    """
    counted = history.mutate(games=ibis.literal(1), pairing=_pairing(history))
    own = within_days(
        spine.mutate(pairing=_pairing(spine)),
        counted.filter(counted.played),
        "pairing",
        ("game_date", "game_id", "player_id"),
        {"own_games": ("games", RECENT_DAYS)},
    )
    team_games = counted.select("game_date", "game_id", "team_id", "games").distinct()
    sides = spine.select("game_date", "game_id", "team_id").distinct()
    theirs = within_days(
        sides, team_games, "team_id", ("game_date", "game_id", "team_id"), {"team_games": ("games", RECENT_DAYS)}
    )
    rows = spine.select("game_date", "game_id", "player_id", "team_id").inner_join(
        own, ["game_date", "game_id", "player_id"]
    )
    rows = rows.inner_join(theirs, ["game_date", "game_id", "team_id"])
    return rows.select(
        "game_date", "game_id", "player_id", recent_share=(rows.own_games / rows.team_games.nullif(0.0)).clip(upper=1.0)
    )


def _pairing(rows: ibis.Table) -> ir.StringValue:
    """The player and his team as one entity."""
    return rows.player_id.cast("string") + "-" + rows.team_id.cast("string")


def with_form(spine: ibis.Table, history: ibis.Table) -> ibis.Table:
    """The rows of `spine`, one a game and player, with his form and `recent_share`."""
    rows = as_of(spine, form_states(history), "player_id")
    rows = rows.left_join(recent_shares(spine, history), ["game_date", "game_id", "player_id"])
    return rows.drop([c for c in rows.columns if c.endswith("_right")])


def listed_players(sides: ibis.Table, injuries: ibis.Table, history: ibis.Table) -> ibis.Table:
    """One row a listed player of a team that plays, with his status and form."""
    listed = injuries.select("game_date", "player_id", "team_id", "status")
    spine = listed.inner_join(sides.select("game_date", "game_id", "season", "team_id"), ["game_date", "team_id"])
    return with_form(spine, history)


def is_star(rows: ibis.Table) -> ir.BooleanValue:
    """Whether the player's form is a star's."""
    return (rows.usual_points >= STAR_POINTS).fill_null(False)


def left_by(rows: ibis.Table, condition: ir.BooleanValue) -> dict[str, ir.DecimalValue]:
    """Per row, exactly, what the player leaves where the condition holds: `vacated_…`, `newly_vacated_…`; else 0."""

    def left(value: ir.FloatingValue) -> ir.DecimalValue:
        return exact(condition.fill_null(False).ifelse(value.fill_null(0.0), 0.0))

    vacated = {f"vacated_{name}": left(rows[f"usual_{name}"]) for name in FORM}
    newly = {f"newly_vacated_{name}": left(rows[f"usual_{name}"] * rows.recent_share) for name in RECENT_FORM}
    return vacated | newly


def absences_by_team(listed: ibis.Table) -> ibis.Table:
    """One row a game and team with a listed player: how many by status, stars among those out, and what they leave."""
    out = listed.status == OUT
    rows = listed.mutate(star_out=out & is_star(listed), **left_by(listed, out))
    return rows.group_by("game_date", "game_id", "team_id").agg(
        **{f"players_{status}": (rows.status == status).sum() for status in STATUSES[:4]},
        stars_out=rows.star_out.sum(),
        **{name: rows[name].sum().cast("float64") for name in VACATED},
    )


VACATED = tuple(f"vacated_{name}" for name in FORM) + tuple(f"newly_vacated_{name}" for name in RECENT_FORM)
"""The columns of what absent players leave."""
