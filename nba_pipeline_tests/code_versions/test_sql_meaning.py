"""The version of a table that the warehouse computes follows from what its SQL computes, and from no name in it."""

import ibis
import pytest
import sqlglot
from ibis.backends.sql.compilers.duckdb import DuckDBCompiler
from sqlglot import exp

from nba_pipeline.assets.tables import all_tables
from nba_pipeline.code_versions import version_of
from nba_pipeline.code_versions.sql_meaning import UnknownQueryError, meaning_of

GAMES = ibis.table({"game_date": "date", "team_id": "int64", "points": "int64", "shots": "int64"}, name="games")
TEAMS = ibis.table({"team_id": "int64", "city": "string"}, name="teams")
SCHEMAS = {
    "games": {name: str(dtype) for name, dtype in GAMES.schema().items()},
    "teams": {name: str(dtype) for name, dtype in TEAMS.schema().items()},
}


def meaning(rows: ibis.Table) -> str:
    return meaning_of(DuckDBCompiler().to_sqlglot(rows), SCHEMAS)


def made(games: ibis.Table = GAMES, weight: float = 0.44) -> ibis.Table:
    """Something of each kind: a constant, a window, groups, a join, a union, a condition."""
    rated = games.mutate(rate=games.points / (games.shots * weight))
    so_far = ibis.window(group_by="team_id", order_by="game_date", preceding=None, following=0)
    ranked = rated.mutate(mean=rated.rate.mean().over(so_far))
    totals = ranked.group_by("team_id").agg(best=ranked["mean"].max(), games=ranked.count())
    joined = ranked.filter(ranked.points > 80).left_join(totals, "team_id").join(TEAMS, "team_id")
    both = joined.select("game_date", "team_id", "city", "best", value=joined["mean"] * 2)
    return both.union(both.filter(both.value > 3))


def renamed() -> ibis.Table:
    """The same, with other local names, in other selects, in another order, and with a column that nobody uses."""
    wider = GAMES.mutate(unused=GAMES.points * 7)
    aim = wider.mutate(aim=wider.points / (wider.shots * 0.44)).mutate(another=ibis._.points - 1)
    until = ibis.window(group_by="team_id", order_by="game_date", preceding=None, following=0)
    level = aim.mutate(level=aim.aim.mean().over(until))
    sums = level.group_by("team_id").agg(n=level.count(), best=level.level.max())
    paired = level.filter(level.points > 80).left_join(sums, "team_id").join(TEAMS, "team_id")
    both = paired.select(value=paired.level * 2, best="best", city="city", team_id="team_id", game_date="game_date")
    both = both.select("game_date", "team_id", "city", "best", "value")
    return both.union(both.filter(both.value > 3))


def test_names_layers_and_what_nobody_uses_leave_no_trace():
    assert meaning(renamed()) == meaning(made())


def changed() -> dict[str, ibis.Table]:
    """The same query with one thing in it that matters."""
    rows, so_far = GAMES, ibis.window(group_by="team_id", order_by="game_date", preceding=None, following=0)
    home, away = TEAMS.view(), TEAMS.view()
    paired = rows.join(home, rows.team_id == home.team_id)
    twice = paired.join(away, paired.shots == away.team_id)
    totals = rows.group_by("team_id").agg(n=rows.count())
    return {
        "constant": made(weight=0.45),
        "scalar": rows.select(x=rows.points + rows.shots),
        "scalar, the other way round": rows.select(x=rows.points - rows.shots),
        "filter": rows.filter(rows.points > 80).select("points"),
        "filter, another bound": rows.filter(rows.points > 81).select("points"),
        "window": rows.select(x=rows.points.sum().over(so_far)),
        "window over fewer rows": rows.filter(rows.points > 80).select(x=ibis._.points.sum().over(so_far)),
        "filter after the window": rows.mutate(x=rows.points.sum().over(so_far)).filter(ibis._.points > 80).select("x"),
        "window of three": rows.select(
            x=rows.points.sum().over(ibis.window(group_by="team_id", order_by="game_date", preceding=2, following=0))
        ),
        "the first of two joins": twice.select(city=home.city),
        "the second of two joins": twice.select(city=away.city),
        "inner": rows.join(totals, "team_id").select("points", "n"),
        "left": rows.left_join(totals, "team_id").select("points", "n"),
        "by another key": rows.join(rows.group_by("shots").agg(n=rows.count()), "shots").select("points", "n"),
        "union": rows.select("points").union(rows.select("points")),
        "distinct union": rows.select("points").union(rows.select("points"), distinct=True),
        "distinct": rows.select("points", "team_id").distinct().select("points"),
        "distinct over less": rows.select("points").distinct(),
        "limit": rows.order_by("points").limit(3).select("points"),
        "limit from the other end": rows.order_by(ibis.desc("points")).limit(3).select("points"),
        "unnested": rows.select(x=ibis.array([rows.points, rows.shots]).unnest()),
        "text with a colon": rows.select(x=ibis.literal("a:")),
        "text with another": rows.select(x=ibis.literal("b:")),
    }


def test_everything_that_matters_makes_a_difference():
    found = {name: meaning(rows) for name, rows in changed().items()} | {"as it was": meaning(made())}
    alike = [(one, other) for one in found for other in found if one < other and found[one] == found[other]]
    assert not alike


def test_the_name_of_a_result_counts():
    assert meaning(GAMES.select(a="points")) != meaning(GAMES.select(b="points"))


def test_the_type_of_a_column_that_is_read_counts():
    wider = {**SCHEMAS, "games": {**SCHEMAS["games"], "points": "float64"}}
    query = DuckDBCompiler().to_sqlglot(GAMES.select("points"))
    assert meaning_of(query, wider) != meaning_of(query, SCHEMAS)


def test_a_table_that_gains_a_column_changes_nothing_for_who_does_not_read_it():
    wider = ibis.table({**GAMES.schema(), "blocks": "int64"}, name="games")
    schemas = {**SCHEMAS, "games": {**SCHEMAS["games"], "blocks": "int64"}}
    assert meaning_of(DuckDBCompiler().to_sqlglot(made(wider)), schemas) == meaning(made())


def test_what_cannot_be_followed_is_refused_and_not_guessed():
    query = DuckDBCompiler().to_sqlglot(ibis.table({"a": "int64"}, name="unknown"))
    with pytest.raises(UnknownQueryError, match="nobody knows the columns of unknown"):
        meaning_of(query, SCHEMAS)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT a.points FROM games AS a TABLESAMPLE (5 PERCENT)",
        "SELECT a.points FROM games AS a UNION ALL SELECT a.points FROM games AS a LIMIT 5",
        "SELECT b.points FROM (SELECT a.points FROM games AS a) AS b TABLESAMPLE (5 PERCENT)",
    ],
)
def test_what_a_query_says_and_nobody_reads_is_refused(query):
    with pytest.raises(UnknownQueryError):
        meaning_of(sqlglot.parse_one(query, dialect="duckdb"), SCHEMAS)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT a.nothing FROM games AS a", "no source has the column a.nothing"),
        ("SELECT a.points FROM games AS a JOIN teams AS b USING (team_id)", "a join by USING"),
        ("SELECT * REPLACE (1 AS points) FROM games AS a", "a star that replaces or renames"),
        ("SELECT a.points FROM games AS a GROUP BY CUBE (a.points)", "groups of several kinds"),
        ("DROP TABLE games", "Drop is no query"),
        (exp.select(exp.Anonymous(this="f", expressions=[b"points"])).from_("games"), "a query holds a bytes"),
    ],
    ids=lambda value: value.split()[1] if isinstance(value, str) else "bytes",
)
def test_a_query_of_another_kind_than_ours_is_refused_by_name(query, said):
    with pytest.raises(UnknownQueryError, match=said):
        meaning_of(sqlglot.parse_one(query, dialect="duckdb") if isinstance(query, str) else query, SCHEMAS)


def test_whose_column_a_correlated_condition_compares_counts():
    inner = "SELECT a.points FROM games AS a WHERE EXISTS(SELECT 1 FROM games AS b WHERE {} < {})"
    one, other = (
        meaning_of(sqlglot.parse_one(inner.format(*dates), dialect="duckdb"), SCHEMAS)
        for dates in (("a.game_date", "b.game_date"), ("b.game_date", "a.game_date"))
    )
    assert one != other


def test_every_shipped_table_has_a_version_of_its_own():
    found = [version_of(table) for table in all_tables()]
    assert None not in found
    assert len(set(found)) == len(found)
