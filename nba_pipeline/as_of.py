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
from copy import copy
from dataclasses import dataclass
from datetime import date

import ibis
import ibis.expr.types as ir

EXACT = "decimal(38, 9)"
"""Nine decimals, and room for any weight that `ewma` can give within two seasons."""

FOR_EVER = ibis.literal(date(9999, 12, 31))
"""The newest state has no end; a date far off, unlike a null, keeps the join one that engines do fast."""

SHORTEST_HALF_LIFE = 3
"""In games. Two seasons have at most some 220 games: 2^(220/3) · 70 minutes still fits `EXACT`."""

LEAST_GAMES_OF_A_SLOPE = 3
"""Two games always lie on a line."""


def exact(value: ir.NumericValue) -> ir.DecimalValue:
    """The value as a decimal, which adds up to the same sum in any order."""
    return value.cast(EXACT)  # type: ignore[return-value]


def _weight(number: ir.NumericValue, half_life: int) -> ir.FloatingValue:
    if half_life < SHORTEST_HALF_LIFE:
        raise ValueError(f"a half-life of {half_life} games does not fit exact sums; {SHORTEST_HALF_LIFE} does")
    return ibis.literal(2.0) ** (number.cast("float64") / half_life)


class GameLog:
    """The games of players or teams, in order, as the seasons that read them see them.

    `rows` has `game_date`, `season` and the entity's column, one row a game and entity. The methods give
    the value after each game, for use in `states`. `asked`, the entities and seasons that will be asked about
    (see `asked_of`), spares the work for all others and changes nothing else.
    """

    def __init__(self, rows: ibis.Table, entity: str, asked: ibis.Table | None = None) -> None:
        own = rows.mutate(as_of_season=rows.season)
        next_season = rows.mutate(as_of_season=rows.season + 1)
        roles = own.union(next_season)
        if asked is not None:
            roles = roles.semi_join(asked, list(asked.columns))
        self._number(roles, entity)

    @classmethod
    def of_seen(cls, rows: ibis.Table, entity: str) -> "GameLog":
        """A log of rows made from the games that a season sees, of which each already has its `as_of_season`."""
        log = cls.__new__(cls)
        log._number(rows, entity)
        return log

    def _number(self, rows: ibis.Table, entity: str) -> None:
        order = ibis.window(group_by=[rows[entity], rows.as_of_season], order_by=rows.game_date)
        self._adopt(rows.mutate(game_number=ibis.row_number().over(order) + 1), entity)

    def _adopt(self, rows: ibis.Table, entity: str) -> None:
        self.entity = entity
        self.rows = rows
        self._keys = [rows[entity], rows.as_of_season]
        self._so_far = ibis.window(group_by=self._keys, order_by=rows.game_date, preceding=None, following=0)
        self.this_season = rows.season == rows.as_of_season

    def joined(self, other: ibis.Table, *keys: str) -> "GameLog":
        """The same games with the columns of `other`, which has one row a game and season that sees it."""
        log = copy(self)
        log._adopt(self.rows.inner_join(other, list(keys)), self.entity)
        return log

    def with_values(self, **values: ir.Value) -> "GameLog":
        """The same games with more columns, so that what is made of windows can itself be looked at in windows."""
        log = copy(self)
        log._adopt(self.rows.mutate(**values), self.entity)
        return log

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

    def last_least(self, value: ir.NumericValue, games: int) -> ir.NumericValue:
        """The lowest value of the last games, of this season or the one before."""
        return value.min().over(self._last(games, any_season=True))

    def last_most(self, value: ir.NumericValue, games: int) -> ir.NumericValue:
        """The highest value of the last games, of this season or the one before."""
        return value.max().over(self._last(games, any_season=True))

    def last_deviation(self, value: ir.NumericValue, games: int) -> ir.FloatingValue:
        """Sample standard deviation of the value over the last games of this season; null below two."""
        return self._if_this_season(self._deviation(value, self._last(games, any_season=False)))

    def deviation(self, value: ir.NumericValue, where: ir.BooleanValue) -> ir.FloatingValue:
        """Sample standard deviation of the value over the games so far that meet the condition; null below two."""
        counted = where.ifelse(value, ibis.null(value.type()))
        return self._deviation(counted, self._so_far)

    def slope(self, value: ir.NumericValue, games: int) -> ir.FloatingValue:
        """Change of the value per game, by least squares over the last games of this season; null below three.

        (n·Σxy - Σx·Σy) / (n·Σx² - (Σx)²), where x is the number of the game: positive is rising.
        """
        window = self._last(games, any_season=False)
        number = value.notnull().ifelse(self.rows.game_number, ibis.null("int64"))
        count = value.count().over(window).cast("float64")
        numbers, squares = (n.sum().over(window).cast("float64") for n in (number, number * number))
        values, products = (exact(v).sum().over(window).cast("float64") for v in (value, number * value))
        slope = (count * products - numbers * values) / (count * squares - numbers * numbers).nullif(0.0)
        return self._if_this_season((count >= LEAST_GAMES_OF_A_SLOPE).ifelse(slope, ibis.null("float64")))

    def back(self, value: ir.Value, games: int) -> ir.Value:
        """The value so many games before; null where there were none."""
        return value.lag(games).over(ibis.window(group_by=self._keys, order_by=self.rows.game_date))

    def weighted_sum(self, value: ir.NumericValue, number: ir.NumericValue, half_life: int) -> ir.FloatingValue:
        """Σ xᵢ·2^(i/h) over the games so far, where `number` is i; for a mean over more games than these.

        Raises `ValueError` for a half-life that does not fit exact sums.
        """
        weighted = value.cast("float64") * _weight(number, half_life)
        return exact(weighted).sum().over(self._so_far).cast("float64")

    def ewma(self, value: ir.NumericValue, half_life: int, *, never_null: bool = False) -> ir.FloatingValue:
        """Exponentially weighted mean over the games so far, with the half-life in games.

        Σ xᵢ·2^(i/h) / Σ 2^(i/h), where i is the number of the game. Runs on from the season before. What every
        game has (`never_null`) shares one sum of weights.
        """
        weight = _weight(self.rows.game_number, half_life)
        if not never_null:
            weight = value.notnull().ifelse(weight, ibis.null("float64"))
        total = exact(value.cast("float64") * weight).sum().over(self._so_far).cast("float64")
        return total / exact(weight).sum().over(self._so_far).cast("float64").nullif(0.0)

    def streak(self, condition: ir.BooleanValue) -> ir.IntegerValue:
        """Games in a row, up to this one, that meet the condition; 0 for the season after, which has no game yet."""
        season = ibis.window(
            group_by=[*self._keys, self.rows.season], order_by=self.rows.game_date, preceding=None, following=0
        )
        number = self.rows.game_number
        broken = condition.fill_null(False).ifelse(ibis.null("int64"), number).max().over(season)
        begun = number.min().over(season)
        return self.this_season.ifelse(number - broken.fill_null(begun - 1), 0)

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

    def _deviation(self, value: ir.NumericValue, window: ibis.expr.builders.WindowBuilder) -> ir.FloatingValue:
        count = value.count().over(window).cast("float64")
        total = exact(value).sum().over(window).cast("float64")
        squares = exact(value * value).sum().over(window).cast("float64")
        variance = (squares - total * total / count.nullif(0.0)) / (count - 1).nullif(0.0)
        return variance.clip(lower=0.0).sqrt()

    def _last(self, games: int, any_season: bool) -> ibis.expr.builders.WindowBuilder:
        keys = self._keys if any_season else [*self._keys, self.rows.season]
        return ibis.window(group_by=keys, order_by=self.rows.game_date, preceding=games - 1, following=0)

    def _if_this_season(self, value: ir.NumericValue) -> ir.NumericValue:
        return self.this_season.ifelse(value, ibis.null(value.type()))


def asked_of(spine: ibis.Table, entity: str, on: str | None = None) -> ibis.Table:
    """The entities and seasons that rows of `spine` ask about, for a `GameLog`."""
    return spine.select(**{entity: spine[on or entity], "as_of_season": spine.season}).distinct()


@dataclass(frozen=True)
class Known:
    """States of an entity, and the column of the rows that holds the entity's id (its own name, if not given)."""

    states: ibis.Table
    entity: str
    on: str | None = None


def as_of(spine: ibis.Table, states: ibis.Table, entity: str, *, on: str | None = None) -> ibis.Table:
    """Each row of `spine` with the latest state before its date; nulls where there is none.

    `spine` has `game_date`, `season` and the entity's id in the column `on` (the entity's own name, if
    not given). Returns one row per row of `spine`.
    """
    return as_of_each(spine, Known(states, entity, on))


def as_of_each(spine: ibis.Table, *known: Known) -> ibis.Table:
    """Each row of `spine` with the latest state of each kind before its date, joined in one go.

    One join after the other would name every column of the rows once more for each, which takes Ibis seconds. Raises
    `ValueError` where a column of a state has a name that another one or the row has already.
    """
    joined, measures = spine, {name: spine[name] for name in spine.columns}
    for number, (states, entity, on) in enumerate((each.states, each.entity, each.on) for each in known):
        names = [c for c in states.columns if c not in (entity, "as_of_season", "known_from", "known_until")]
        renamed = states.select(
            *names,
            **{
                f"state_entity_{number}": states[entity],
                f"state_season_{number}": states.as_of_season,
                f"known_from_{number}": states.known_from,
                f"known_until_{number}": states.known_until,
            },
        )
        joined = joined.left_join(
            renamed,
            [
                spine[on or entity] == renamed[f"state_entity_{number}"],
                spine.season == renamed[f"state_season_{number}"],
                renamed[f"known_from_{number}"] < spine.game_date,
                renamed[f"known_until_{number}"] >= spine.game_date,
            ],
        )
        if twice := sorted(measures.keys() & {*names}):
            raise ValueError(f"{', '.join(twice)} of {entity} is there already: give it another name")
        measures |= {name: renamed[name] for name in names}
    return joined.select(**measures)


def games_before(spine: ibis.Table, history: ibis.Table, entity: str, columns: tuple[str, ...]) -> ibis.Table:
    """Each row of `spine` beside each earlier game of its season and entity; rows without one are left out.

    What is asked of the games may so depend on the row, as on a line that is only known now. The games' columns
    are prefixed `past_`.
    """
    past = history.select(
        past_entity=history[entity],
        past_season=history.season,
        past_date=history.game_date,
        **{f"past_{name}": history[name] for name in columns},
    )
    pairs = spine.inner_join(
        past,
        [
            spine[entity] == past.past_entity,
            spine.season == past.past_season,
            past.past_date < spine.game_date,
        ],
    )
    return pairs.drop("past_entity", "past_season")


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
