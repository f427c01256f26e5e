"""What the window features cost over many made-up games of players: wall, processor and memory.

    .venv/bin/python -m benchmarks.scale [--rows 10000000] [--seasons 30] [--memory 1500MB] [--at-once] [--json FILE]

The features of form of the feature store, each as of the game before, over rows in the shape of
`analytics.player_game_summary`: season by season from that season and the one before, as a backfill makes them, or with
`--at-once` in a single query. DuckDB may hold `--memory` and writes the rest to disk beside its file.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import duckdb
import ibis

from benchmarks.figures import Figures, bytes_in, machine
from nba_pipeline.analytics import player_game_summary
from nba_pipeline.as_of import GameLog, as_of, asked_of
from nba_pipeline.cli.terminal import progress_bars
from nba_pipeline.precompute.calculations.past_games import with_ranks
from nba_pipeline.precompute.feature_groups import form

GAMES_OF_A_PLAYER = 66

FIRST_SEASON = 1996

VALUES = {"int64": "floor(random() * 12)::BIGINT", "float64": "random() * 40", "boolean": "random() < 0.5"}
"""What stands in for a column of each type; where rates lie does not matter to what they cost."""

KEYS = {
    "game_date": "make_date(({first} + season)::INT, 10, 20) + (game * 5 // 2)::INT",
    "game_id": "season * 1000000000 + game * 1000000 + player // 30",
    "player_id": "player",
    "team_id": "player // 15",
    "season": "{first} + season",
    "played": "random() < 0.9",
}

ASKED = ("game_date", "game_id", "player_id", "season")


def made_up_games(connection: duckdb.DuckDBPyConnection, rows: int, seasons: int) -> int:
    """Fills `games` with players who each play as many games a season; returns how many rows there are."""
    players = max(rows // (seasons * GAMES_OF_A_PLAYER), 1)
    made = {name: sql.format(first=FIRST_SEASON) for name, sql in KEYS.items()}
    columns = ", ".join(
        f"({made.get(c.name) or VALUES.get(c.type, repr('x'))}) AS {c.name}"
        for c in player_game_summary.CONTRACT.columns
    )
    connection.execute(
        f"CREATE TABLE games AS SELECT {columns} FROM range({seasons}) s(season), "  # noqa: S608 - our own columns
        f"range({GAMES_OF_A_PLAYER}) g(game), range({players}) p(player)"
    )
    return seasons * GAMES_OF_A_PLAYER * players


def features() -> tuple[str, int]:
    """The query from the tables `history` and `spine`, and how many measures it makes."""
    schema = player_game_summary.CONTRACT.schema
    history = ibis.table(schema, name="history")
    spine = ibis.table(schema, name="spine").select(*ASKED)
    games = GameLog(with_ranks(history.filter(history.played)), "player_id", asked_of(spine, "player_id"))
    log = form.with_averages_then(games)
    measures = form.measures(log)
    return ibis.duckdb.connect().compile(as_of(spine, log.states(**measures), "player_id")), len(measures)


def measure(connection: duckdb.DuckDBPyConnection, query: str, stretches: list[tuple[int, int]]) -> Figures:
    """Makes the features of each stretch of seasons and keeps them in a table."""
    figures = Figures()
    with figures.taken(), progress_bars() as bars:
        task = bars.add_task("features", total=len(stretches))
        for number, (first, last) in enumerate(stretches):
            for view, begin in (("history", first - 1), ("spine", first)):
                seasons = f"SELECT * FROM games WHERE season BETWEEN {begin} AND {last}"  # noqa: S608 - numbers
                connection.execute(f"CREATE OR REPLACE TEMP VIEW {view} AS {seasons}")
            connection.execute(f"{'INSERT INTO features' if number else 'CREATE TABLE features AS'} {query}")
            bars.advance(task)
    return figures


def main() -> int:
    """Prints what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000, help="games of players (10 million)")
    parser.add_argument("--seasons", type=int, default=30, help="how many seasons they are of (30)")
    parser.add_argument("--memory", default="1500MB", help="what DuckDB may hold (1500MB)")
    parser.add_argument("--at-once", action="store_true", help="all seasons in one query")
    parser.add_argument("--folder", type=Path, help="where the file is made, and what DuckDB cannot hold")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    asked = parser.parse_args()
    last = FIRST_SEASON + asked.seasons - 1
    every = [(season, season) for season in range(FIRST_SEASON, last + 1)]
    of = machine()
    query, count = features()
    with tempfile.TemporaryDirectory(dir=asked.folder, prefix="nba_pipeline-scale-") as folder:
        path = Path(folder) / "scale.duckdb"
        with duckdb.connect(
            str(path), config={"memory_limit": asked.memory, "preserve_insertion_order": "false"}
        ) as connection:
            rows = made_up_games(connection, asked.rows, asked.seasons)
            figures = measure(connection, query, [(FIRST_SEASON, last)] if asked.at_once else every)
            made = connection.execute("SELECT count(*) FROM features").fetchall()[0][0]
        size = bytes_in(path)
    if made != rows:
        raise SystemExit(f"{made} rows of features were made of {rows} games of players: this is no measurement")
    how = "in one query" if asked.at_once else f"season by season, {asked.seasons} seasons"
    print("; ".join(f"{what} {value}" for what, value in of.items()))
    print(f"{rows:,} games of players, {count} measures each, {how}; DuckDB held at most {asked.memory}")
    print(
        f"wall {figures.wall:.1f} s ({rows / figures.wall:,.0f} rows a second), processor {figures.processor:.1f} s, "
        f"peak {figures.peak / 1e6:,.0f} MB, file {size / 1e6:,.0f} MB"
    )
    if asked.json:
        figures.notes = {"rows": rows, "measures": count, "bytes": size}
        figures.write(asked.json)
        content = json.loads(asked.json.read_text(encoding="utf-8")) | {
            "machine": of,
            "memory": asked.memory,
            "how": how,
        }
        asked.json.write_text(json.dumps(content, indent=2), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
