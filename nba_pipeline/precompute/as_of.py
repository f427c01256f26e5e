"""The only way to read history: what was known before a date.

A row about date d may use games before d, and no other. Everything here keeps that by construction:
states are computed after each game, and a state is handed on only to rows of later dates, up to and
including the date of the next game.

History is bounded: a date reads its own season and the one before. Each game therefore plays two roles,
one in its own season and one in the next, told apart by `as_of_season`.

Sums are exact: values are added as decimals, so that the order in which an engine adds them, which may
differ between one date and ten seasons, can never change the last digit.
"""

from collections.abc import Mapping
from datetime import date

import ibis
import ibis.expr.types as ir

EXACT = "decimal(38, 9)"
"""Nine decimals, and room for any weight that `ewma` can give within two seasons."""

FOR_EVER = ibis.literal(date(9999, 12, 31))
"""The newest state has no end; a date far off, unlike a null, keeps the join one that engines do fast."""

SHORTEST_HALF_LIFE = 3
"""In games. Two seasons have at most some 220 games: 2^(220/3) · 70 minutes still fits `EXACT`."""


def exact(value: ir.NumericValue) -> ir.DecimalValue:
    """The value as a decimal, which adds up to the same sum in any order."""
    return value.cast(EXACT)  # type: ignore[return-value]


class GameLog:
    """The games of players or teams, in order, as the seasons that read them see them.

    `rows` has `game_date`, `season` and the entity's column, one row a game and entity. The methods give
    the value after each game, for use in `states`.
    """

    def __init__(self, rows: ibis.Table, entity: str) -> None:
        own = rows.mutate(as_of_season=rows.season)
        next_season = rows.mutate(as_of_season=rows.season + 1)
        roles = own.union(next_season)
        order = ibis.window(group_by=[roles[entity], roles.as_of_season], order_by=roles.game_date)
        self.entity = entity
        self.rows = roles.mutate(game_number=ibis.row_number().over(order) + 1)
        self._keys = [self.rows[entity], self.rows.as_of_season]
        self._so_far = ibis.window(group_by=self._keys, order_by=self.rows.game_date, preceding=None, following=0)
        self.this_season = self.rows.season == self.rows.as_of_season

    def count(self, condition: ir.BooleanValue | None = None) -> ir.IntegerValue:
        """Games so far that meet the condition, in the season and the one before."""
        if condition is None:
            return self.rows.game_number
        return condition.ifelse(1, 0).sum().over(self._so_far)

    def mean(self, value: ir.NumericValue, where: ir.BooleanValue | None = None) -> ir.FloatingValue:
        """Mean of the value over the games so far that meet the condition; null without one."""
        counted = value if where is None else where.ifelse(value, ibis.null(value.type()))
        total = exact(counted).sum().over(self._so_far).cast("float64")
        return total / counted.count().over(self._so_far).cast("float64").nullif(0.0)

    def last(self, value: ir.NumericValue, games: int, *, any_season: bool = False) -> ir.FloatingValue:
        """Mean of the value over the last games, of this season only unless `any_season`."""
        window = self._last(games, any_season)
        total = exact(value).sum().over(window).cast("float64")
        mean = total / value.count().over(window).cast("float64").nullif(0.0)
        return mean if any_season else self._if_this_season(mean)

    def last_deviation(self, value: ir.NumericValue, games: int) -> ir.FloatingValue:
        """Sample standard deviation of the value over the last games of this season; null below two."""
        window = self._last(games, any_season=False)
        count = value.count().over(window).cast("float64")
        total = exact(value).sum().over(window).cast("float64")
        squares = exact(value * value).sum().over(window).cast("float64")
        variance = (squares - total * total / count) / (count - 1).nullif(0.0)
        return self._if_this_season(variance.clip(lower=0.0).sqrt())

    def ewma(self, value: ir.NumericValue, half_life: int) -> ir.FloatingValue:
        """Exponentially weighted mean over the games so far, with the half-life in games.

        Σ xᵢ·2^(i/h) / Σ 2^(i/h), where i is the number of the game. Runs on from the season before.
        """
        if half_life < SHORTEST_HALF_LIFE:
            raise ValueError(f"a half-life of {half_life} games does not fit exact sums; {SHORTEST_HALF_LIFE} does")
        weight = ibis.literal(2.0) ** (self.rows.game_number.cast("float64") / half_life)
        weight = value.notnull().ifelse(weight, ibis.null("float64"))
        total = exact(weight * value.cast("float64")).sum().over(self._so_far).cast("float64")
        return total / exact(weight).sum().over(self._so_far).cast("float64").nullif(0.0)

    def states(self, **measures: ir.Value) -> ibis.Table:
        """The measures after each game, with the dates for which they are the latest.

        A state speaks for the dates after `known_from` up to and including `known_until`.
        """
        order = ibis.window(group_by=self._keys, order_by=self.rows.game_date)
        return self.rows.select(
            self.entity,
            "as_of_season",
            known_from=self.rows.game_date,
            known_until=self.rows.game_date.lead().over(order).fill_null(FOR_EVER),
            **measures,
        )

    def _last(self, games: int, any_season: bool) -> ibis.expr.builders.WindowBuilder:
        keys = self._keys if any_season else [*self._keys, self.rows.season]
        return ibis.window(group_by=keys, order_by=self.rows.game_date, preceding=games - 1, following=0)

    def _if_this_season(self, value: ir.FloatingValue) -> ir.FloatingValue:
        return self.this_season.ifelse(value, ibis.null("float64"))


def as_of(spine: ibis.Table, states: ibis.Table, entity: str, *, on: str | None = None) -> ibis.Table:
    """Each row of `spine` with the latest state before its date; nulls where there is none.

    `spine` has `game_date`, `season` and the entity's id in the column `on` (the entity's own name, if
    not given). Returns one row per row of `spine`.
    """
    own = on or entity
    measures = [c for c in states.columns if c not in (entity, "as_of_season", "known_from", "known_until")]
    renamed = states.select(
        *measures,
        state_entity=states[entity],
        state_season=states.as_of_season,
        known_from=states.known_from,
        known_until=states.known_until,
    )
    joined = spine.left_join(
        renamed,
        [
            spine[own] == renamed.state_entity,
            spine.season == renamed.state_season,
            renamed.known_from < spine.game_date,
            renamed.known_until >= spine.game_date,
        ],
    )
    return joined.drop("state_entity", "state_season", "known_from", "known_until")


def within_days(
    spine: ibis.Table,
    history: ibis.Table,
    entity: str,
    keys: tuple[str, ...],
    measures: Mapping[str, tuple[str, int]],
) -> ibis.Table:
    """Sums over the days before each row of `spine`.

    `measures` gives, for each result, the column of `history` to add up and over how many days before
    the date. Returns `keys` and the sums, 0 where there was nothing.
    """
    longest = max(days for _, days in measures.values())
    names = sorted({column for column, _ in measures.values()})
    past = history.select(
        past_entity=history[entity], past_date=history.game_date, **{f"past_{n}": history[n] for n in names}
    )
    pairs = spine.select(*keys, entity=spine[entity], on_date=spine.game_date)
    pairs = pairs.inner_join(past, [pairs.entity == past.past_entity, past.past_date < pairs.on_date])
    pairs = pairs.mutate(age=pairs.on_date.delta(pairs.past_date, unit="day"))
    pairs = pairs.filter(pairs.age <= longest)
    sums = pairs.group_by(list(keys)).agg(
        **{
            name: (pairs.age <= days).ifelse(exact(pairs[f"past_{column}"]), ibis.literal(0).cast(EXACT)).sum()
            for name, (column, days) in measures.items()
        }
    )
    joined = spine.select(*keys).left_join(sums, list(keys))
    return joined.select(*keys, **{name: joined[name].cast("float64").fill_null(0.0) for name in measures})
