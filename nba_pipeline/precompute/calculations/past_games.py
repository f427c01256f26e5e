"""What features are made from: the tables by name, and the games that are looked back on."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import ibis

from nba_pipeline.analytics import (
    player_game_summary,
    team_defense_game_summary,
    team_offense_game_summary,
    upcoming_player_game_context,
)
from nba_pipeline.contracts import Read, Window
from nba_pipeline.precompute import player_composite_factors, player_daily_cache, player_shot_zone_analysis


@dataclass(frozen=True)
class Source:
    """A table that features are made from, and the name under which the feature store reads it."""

    name: str
    read: Read


CACHE = Source("cache", Read(player_daily_cache.CONTRACT))
UPCOMING = Source("upcoming", Read(upcoming_player_game_context.CONTRACT))
FACTORS = Source("factors", Read(player_composite_factors.CONTRACT, optional=True))
ZONES = Source("zones", Read(player_shot_zone_analysis.CONTRACT, optional=True))
"""The tables of the date."""

HISTORY = Source("history", Read(player_game_summary.CONTRACT, Window.BEFORE, earlier_seasons=1))
OFFENSE = Source("offense", Read(team_offense_game_summary.CONTRACT, Window.BEFORE, earlier_seasons=1))
DEFENSE = Source("defense", Read(team_defense_game_summary.CONTRACT, Window.BEFORE, earlier_seasons=1))
"""The games before the date."""

RESULTS = (OFFENSE, DEFENSE)


class UndeclaredReadError(LookupError):
    """A group of features reads a table that it does not declare."""


@dataclass(frozen=True)
class PastGames:
    """The rows that are asked about, and the games before them that a group declares to look back on."""

    asked: ibis.Table
    tables: Mapping[str, ibis.Table]

    def only(self, sources: Iterable[Source]) -> "PastGames":
        """The same with no table but those of the sources."""
        return PastGames(self.asked, {source.name: self.of(source) for source in sources})

    def of(self, source: Source) -> ibis.Table:
        """The table of a source. Raises `UndeclaredReadError` for one that is not declared."""
        if source.name not in self.tables:
            raise UndeclaredReadError(
                f"a group of features reads {source.name} without declaring it: name it in `looks_back_on` of the "
                "group, or in `reads` of its log"
            )
        return self.tables[source.name]

    @property
    def played(self) -> ibis.Table:
        """One row a player and game that he played, with his rank by minutes within his team."""
        history = self.of(HISTORY)
        return with_ranks(history.filter(history.played))

    @property
    def results(self) -> ibis.Table:
        """One row a team and game: what it did and what it allowed."""
        return with_results(self.of(OFFENSE), self.of(DEFENSE))


def with_ranks(played: ibis.Table) -> ibis.Table:
    """The games played with each player's rank by minutes within his team; the lower id first on a tie."""
    team = [played.game_date, played.game_id, played.team_id]
    order = ibis.window(group_by=team, order_by=[played.minutes.desc(), played.player_id])
    ranked = played.mutate(minutes_rank=ibis.row_number().over(order) + 1)
    return ranked.mutate(is_top_five=(ranked.minutes_rank <= 5).ifelse(1, 0))


def with_results(offense: ibis.Table, defense: ibis.Table) -> ibis.Table:
    """One row a team and game: what it did and what it allowed."""
    keys = ["game_date", "game_id", "team_id"]
    allowed = defense.select(*keys, *[c for c in defense.columns if c not in offense.columns])
    return offense.inner_join(allowed, keys)
