"""Line-ups: what the player did when about the same teammates were there as will be, or may be, tonight.

Each of the team's last games counts the more, the later it was and the less its line-up differs from tonight's. The
difference is the usual minutes of those who were there then and will not be now, or the other way round; in the morning
each teammate counts by his chance to play.
"""

from dataclasses import dataclass
from functools import partial

import ibis
import ibis.expr.types as ir

from nba_pipeline.analytics import player_game_summary
from nba_pipeline.as_of import exact, games_before
from nba_pipeline.precompute.calculations.feature_group import FeatureGroup
from nba_pipeline.precompute.calculations.features import Feature
from nba_pipeline.precompute.calculations.games_used import OWN_FOR_TEAM_THIS_SEASON, TEAM, TEAMMATES_OF_TEAM
from nba_pipeline.precompute.calculations.past_games import HISTORY, RESULTS, UPCOMING, PastGames
from nba_pipeline.precompute.feature_groups.participation import stay

KEYS = ("game_date", "game_id", "player_id")

LAST_TEAM_GAMES = 40

LEAST_MINUTES = 8
"""Who usually plays less changes nobody's game."""

VALUES = {
    "minutes": "min",
    "points": "points",
    "field_goals_attempted": "shots",
    "rebounds": "rebounds",
    "assists": "assists",
    "three_pointers_made": "threes",
}


@dataclass(frozen=True)
class Likeness:
    """A way to compare line-ups: the column with each player's part tonight, and how fast games lose weight.

    A game counts half as much `half_life` team games later, and 1/e for a difference of `scale` minutes.
    """

    name: str
    part: str
    half_life: int
    scale: float
    said: str

    @property
    def news(self) -> bool:
        """Whether it needs the injury report."""
        return self.part == PLAYS_BY_REPORT


CHANCE, PLAYS_BY_REPORT = "chance_to_play", "plays_by_report"

LIKENESSES = (
    Likeness("likely_lineup", CHANCE, 12, 25, "the line-up to be expected by who played lately"),
    Likeness("known_lineup", PLAYS_BY_REPORT, 12, 25, "the line-up by the injury report"),
    Likeness("similar_lineup", PLAYS_BY_REPORT, 12, 60, "the line-up by the injury report, likeness taken widely"),
    Likeness("same_lineup", PLAYS_BY_REPORT, 20, 15, "the line-up by the injury report, likeness taken closely"),
    Likeness("lasting_lineup", PLAYS_BY_REPORT, 20, 35, "the line-up by the injury report, older games counted too"),
)

_feature = partial(Feature, source=player_game_summary.CONTRACT.name, evidence="games_with_team_season", wanted=10,
                   made_from=OWN_FOR_TEAM_THIS_SEASON | TEAM | TEAMMATES_OF_TEAM)  # fmt: skip

FEATURES = tuple(
    feature
    for likeness in LIKENESSES
    for feature in (
        *(
            _feature(f"{value}_with_{likeness.name}", unit,
                     f"Mean {value.replace('_', ' ')} over his games among the team's last {LAST_TEAM_GAMES} of this "
                     f"season, each weighted by its likeness to {likeness.said}.", news=likeness.news)
            for value, unit in VALUES.items()
        ),
        _feature(f"games_with_{likeness.name}", "games",
                 f"Sum of those weights: how many games there were like {likeness.said}.", news=likeness.news),
    )
)  # fmt: skip


def numbered(played: ibis.Table, results: ibis.Table) -> ibis.Table:
    """The games played, by stay, each with the number of the game in its team's season."""
    order = ibis.window(group_by=[results.team_id, results.season], order_by=results.game_date)
    numbers = results.select("game_date", "game_id", "team_id", number_in_season=ibis.row_number().over(order) + 1)
    both = played.inner_join(numbers, ["game_date", "game_id", "team_id"])
    return both.mutate(stay=stay(both))


def parts(rows: ibis.Table) -> dict[str, ir.Value]:
    """For each likeness, what the expected players' parts tonight come to, in minutes: `<name>_minutes`."""
    team = ibis.window(group_by=[rows.game_date, rows.game_id, rows.team_id])
    return {
        f"{likeness.name}_minutes": exact(counted_minutes(rows, likeness) * rows[likeness.part]).sum().over(team)
        for likeness in LIKENESSES
    }


def counted_minutes(rows: ibis.Table, likeness: Likeness) -> ir.FloatingValue:
    """The usual minutes of a player who counts in the comparison, else 0; a null part does not count."""
    counts = (rows.minutes_ewma_7 > LEAST_MINUTES) & rows[likeness.part].notnull()
    return counts.fill_null(False).ifelse(rows.minutes_ewma_7, 0.0)


def compared(rows: ibis.Table, past: PastGames) -> ibis.Table:
    """The rows with the means over games with like line-ups."""
    return with_lineups(rows, numbered(past.played, past.results))


def with_lineups(rows: ibis.Table, numbered: ibis.Table) -> ibis.Table:
    """The rows with the means over like games. `numbered` are games played, each with the number in its team's season.

    A player's part is 1 if he plays and 0 if not; |part - then| is part if he was not there, 1 - part if he was.
    """
    asked = rows.select(
        *KEYS, "season", "team_id", "stay", "team_games_season",
        *(f"{likeness.name}_minutes" for likeness in LIKENESSES),
        **{f"{likeness.name}_change": (counted_minutes(rows, likeness) * (1 - 2 * rows[likeness.part])).fill_null(0.0)
           for likeness in LIKENESSES},
    )  # fmt: skip
    pairs = games_before(asked, numbered, "stay", ("game_id", "number_in_season", *VALUES))
    pairs = pairs.mutate(ago=pairs.team_games_season - pairs.past_number_in_season + 1)
    pairs = pairs.filter(pairs.ago <= LAST_TEAM_GAMES)
    then = ibis.window(group_by=[pairs.game_date, pairs.game_id, pairs.team_id, pairs.past_game_id])
    pairs = pairs.mutate(**{f"{each.name}_weight": weight(pairs, each, then) for each in LIKENESSES})
    sums = pairs.group_by(*KEYS).agg(
        **{
            f"{each.name}_{value}_sum": exact(pairs[f"past_{value}"] * pairs[f"{each.name}_weight"]).sum()
            for each in LIKENESSES for value in VALUES
        },
        **{f"games_with_{each.name}": exact(pairs[f"{each.name}_weight"]).sum().cast("float64") for each in LIKENESSES},
    )  # fmt: skip
    means = sums.select(
        *KEYS,
        *(f"games_with_{each.name}" for each in LIKENESSES),
        **{
            f"{value}_with_{each.name}": sums[f"{each.name}_{value}_sum"].cast("float64")
            / sums[f"games_with_{each.name}"].nullif(0.0)
            for each in LIKENESSES for value in VALUES
        },
    )  # fmt: skip
    both = rows.left_join(means, list(KEYS))
    both = both.drop([column for column in both.columns if column.endswith("_right")])
    # Without a report nobody counts, and every game would be like tonight's.
    known = both.injury_report_known_at.notnull()
    return both.mutate(**{f.name: known.ifelse(both[f.name], ibis.null("float64")) for f in FEATURES if f.news})


def weight(pairs: ibis.Table, likeness: Likeness, then: ibis.expr.builders.WindowBuilder) -> ir.FloatingValue:
    """How much a past game counts: by its age and by the likeness of its line-up."""
    change = exact(pairs[f"{likeness.name}_change"]).sum().over(then)
    difference = (pairs[f"{likeness.name}_minutes"] + change).cast("float64")
    return ibis.literal(2.0) ** (-pairs.ago.cast("float64") / likeness.half_life) * (-difference / likeness.scale).exp()


GROUP = FeatureGroup(
    name="line-up",
    features=FEATURES,
    looks_back_on=(HISTORY, *RESULTS),
    takes={UPCOMING: ("injury_report_known_at",)},
    among_expected=parts,
    compared=compared,
)
