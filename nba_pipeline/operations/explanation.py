"""Explanations: why a player was predicted what he was, down to the landed bytes of the box scores behind it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import ibis
import lightgbm
import numpy as np

from nba_pipeline.analytics import player_game_summary
from nba_pipeline.contracts import Contract
from nba_pipeline.grades import prediction_accuracy
from nba_pipeline.monitoring.newest_games import Newest, as_of, newest_games
from nba_pipeline.operations.player_names import meant
from nba_pipeline.partitions import season_start
from nba_pipeline.precompute import ml_feature_store
from nba_pipeline.precompute.ml_feature_store import FEATURES
from nba_pipeline.predictions import player_predictions
from nba_pipeline.predictions.models.cards import KeptModel
from nba_pipeline.predictions.systems import ensemble, gradient_boosting
from nba_pipeline.predictions.systems.level import LEVEL_ONLY, TRUSTED_GAMES
from nba_pipeline.predictions.walk_forward.forecasts import MORNING
from nba_pipeline.raw import player_box_scores
from nba_pipeline.sources.balldontlie import parse_stats
from nba_pipeline.sources.landing import Capture, Landing, Page
from nba_pipeline.warehouse.interface import Session

LEARNED = gradient_boosting.SYSTEM.system_id
"""The system whose model tells what each feature contributed."""

COMBINED = ensemble.SYSTEM.system_id
"""The system whose weights tell what each other system contributed."""

SHOWN_GAMES = 10
"""The last games before the date that are shown; features read on, with growing half-lives, to the season before."""

SAME = 0.001
"""Predictions are published with four decimals; a sum further off is not the prediction's."""

Row = Mapping[str, Any]


class CannotExplainError(Exception):
    """There is nothing to explain, or nobody can tell what; the message says why.

    `candidates` are the players that were meant, where several may have been.
    """

    def __init__(self, message: str, candidates: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.candidates = tuple(candidates)


@dataclass(frozen=True)
class FeatureValue:
    """One feature as it stands in the store, and the newest game that it was made from."""

    name: str
    value: float | None
    quality: int | None
    unit: str
    definition: str
    as_of: date | None


@dataclass(frozen=True)
class Contribution:
    """What one input added to a prediction, or took from it."""

    name: str
    value: float | None
    contribution: float


@dataclass(frozen=True)
class Reasons:
    """How one prediction comes about: a base value and what each input adds to it; `remark` says what is amiss.

    `total` is the sum, which is the prediction unless the remark says otherwise.
    """

    system_id: str
    setting: str
    model_version: str
    predicted_value: float
    base: float
    contributions: tuple[Contribution, ...]
    remark: str | None

    @property
    def total(self) -> float:
        """The base value and all contributions together."""
        return self.base + sum(each.contribution for each in self.contributions)


@dataclass(frozen=True)
class BoxScore:
    """One game behind the features, and the landed response that its row was parsed from.

    `file` and `sha256` are None where no landed response says what the published row does.
    """

    game_date: date
    game_id: int
    opponent: str
    minutes: float
    value: float
    file: str | None
    sha256: str | None


@dataclass(frozen=True)
class Explanation:
    """Everything that stands behind the predictions of one statistic of one player on one date."""

    game_date: date
    player_id: int
    player_name: str
    team: str
    opponent: str
    stat: str
    predictions: tuple[Row, ...]
    features: tuple[FeatureValue, ...]
    reasons: tuple[Reasons, ...]
    box_scores: tuple[BoxScore, ...]

    def as_object(self) -> dict[str, Any]:
        """The explanation for scripts."""
        content = asdict(self)
        for listed, reasons in zip(content["reasons"], self.reasons, strict=True):
            listed["total"] = reasons.total
        return content


def explain(
    session: Session, landing: Landing, models_path: Path, day: date, player: str, stat: str = "points"
) -> Explanation:
    """The explanation of a player's predictions on a date; `player` is his id or a unique part of his name.

    Raises `CannotExplainError` when there is no such prediction, or several players may be meant.
    """
    chosen = _player(session, day, player)
    predictions = _counting(session, day, chosen["player_id"], stat)
    if not predictions:
        raise CannotExplainError(f"nothing was predicted of {stat} of {chosen['player_name']} on {day}")
    features = _feature_row(session, day, chosen["player_id"])
    learned = [reasons_of(row, features, models_path) for row in predictions if row["system_id"] == LEARNED]
    combined = [weights_of(row, predictions, models_path) for row in predictions if row["system_id"] == COMBINED]
    return Explanation(
        day, chosen["player_id"], chosen["player_name"], chosen["team"], chosen["opponent"], stat,
        tuple(predictions),
        feature_values(features, newest_games(session, features)),
        (*combined, *learned),
        tuple(_box_scores(session, landing, features, stat)),
    )  # fmt: skip


def _player(session: Session, day: date, asked: str) -> Row:
    """The player of the date's predictions that is asked for."""
    rows = session.read(player_predictions.CONTRACT)
    of_date = rows.filter(rows.game_date == ibis.literal(day))
    found = session.query(of_date.select("player_id", "player_name", "team", "opponent").distinct()).to_pylist()
    if not found:
        raise CannotExplainError(
            f"nothing was predicted for {day}. Next: nba-pipeline backfill --from {day} --to {day}"
        )
    chosen = [row for row in found if str(row["player_id"]) == asked.strip()]
    chosen = chosen or [row for row in found if row["player_name"] in meant(asked, [r["player_name"] for r in found])]
    if len({row["player_id"] for row in chosen}) == 1:
        return chosen[0]
    if not chosen:
        raise CannotExplainError(f"no player whose id or name is like {asked!r} was predicted for {day}")
    listed = [f"{row['player_id']} {row['player_name']} ({row['team']})" for row in chosen]
    raise CannotExplainError(f"{len(chosen)} players of {day} are meant by {asked!r}", sorted(listed))


def _counting(session: Session, day: date, player_id: int, stat: str) -> list[Row]:
    """The prediction of each system and setting that counts: of several live ones the newest."""
    rows = session.read(player_predictions.CONTRACT)
    mine = rows.filter(rows.game_date == ibis.literal(day), rows.player_id == player_id, rows.stat == stat)
    return session.query(prediction_accuracy.counting(mine).order_by("system_id", "setting", "mode")).to_pylist()


def _feature_row(session: Session, day: date, player_id: int) -> Row:
    rows = session.read(ml_feature_store.CONTRACT)
    mine = rows.filter(rows.game_date == ibis.literal(day), rows.player_id == player_id)
    found = session.query(mine).to_pylist()
    if not found:
        raise CannotExplainError(f"the feature store has no row of player {player_id} on {day} any more")
    return found[0]


def feature_values(features: Row, newest: Newest) -> tuple[FeatureValue, ...]:
    """Every feature of the row, with its meaning and the newest game that it was made from."""
    return tuple(
        FeatureValue(
            feature.name,
            features[feature.name],
            features[feature.quality_column.name],
            feature.unit,
            feature.definition,
            as_of(feature, features, newest),
        )
        for feature in FEATURES
    )


def reasons_of(prediction: Row, features: Row, models_path: Path) -> Reasons:
    """How a prediction of the learned system comes about: by its own model, or by the level in place of one."""
    version = prediction["model_version"]
    if version.startswith(LEVEL_ONLY):
        return _from_level(prediction, features)
    path = _kept(prediction, models_path).file
    if not path.exists():
        return _reasons(prediction, 0.0, (), f"the model {version} is not below {models_path} any more")
    model = lightgbm.Booster(model_file=path)
    names = model.feature_name()
    absent = [name for name in names if name not in features]
    if absent:
        return _reasons(prediction, 0.0, (), f"the feature store does not have {', '.join(absent)} any more")
    row = np.array([[np.nan if features[name] is None else features[name] for name in names]], dtype=np.float64)
    *parts, base = np.asarray(model.predict(row, pred_contrib=True))[0].tolist()
    found = (Contribution(name, features[name], part) for name, part in zip(names, parts, strict=True))
    return _reasons(prediction, base, tuple(sorted(found, key=lambda each: -abs(each.contribution))), None)


def weights_of(prediction: Row, others: Sequence[Row], models_path: Path) -> Reasons:
    """How a prediction of the ensemble comes about: what each system said, by the weight of its month.

    A system that predicts in the morning only counts before tip-off with what it said in the morning.
    """
    said = {row["system_id"]: row["predicted_value"] for row in others if row["setting"] == MORNING}
    said |= {row["system_id"]: row["predicted_value"] for row in others if row["setting"] == prediction["setting"]}
    said.pop(COMBINED)
    kept = _kept(prediction, models_path)
    if prediction["model_version"].startswith(ensemble.EQUAL_WEIGHTS):
        weights = dict.fromkeys(said, 1 / len(said))
    elif kept.card_file.exists():
        weights = kept.card().importance
    else:
        what = f"the weights {prediction['model_version']} are not below {models_path} any more"
        return _reasons(prediction, 0.0, (), what)
    parts = (
        Contribution(f"{name}, weight {weight:.3f}", said.get(name), weight * said.get(name, 0.0))
        for name, weight in weights.items()
    )
    return _reasons(prediction, 0.0, tuple(sorted(parts, key=lambda each: -abs(each.contribution))), None)


def _kept(prediction: Row, models_path: Path) -> KeptModel:
    """Where the model of a prediction is kept: before tip-off it may be the morning's."""
    system, version = prediction["system_id"], prediction["model_version"]
    own, morning = (
        KeptModel(models_path, system, prediction["stat"], setting, version)
        for setting in (prediction["setting"], MORNING)
    )
    return own if own.card_file.exists() else morning


def _from_level(prediction: Row, features: Row) -> Reasons:
    """The parts of a level: the player's mean with half-life 7, and for the first games of a career the prior."""
    stat = prediction["stat"]
    prior, form = features.get(f"{stat}_prior"), features.get(f"{stat}_ewma_7")
    if prior is None:
        return _reasons(prediction, 0.0, (), f"the feature store has no prior of {stat} any more")
    games = (features["games_played_season"] or 0.0) + (features["games_prior_season"] or 0.0)
    share = 0.0 if form is None else min(games / TRUSTED_GAMES[stat], 1.0)
    parts = (
        Contribution(f"{stat}_ewma_7, weight {share:.3f}", form, share * (form or 0.0)),
        Contribution(f"{stat}_prior, weight {1 - share:.3f}", prior, (1 - share) * prior),
    )
    remark = f"too little had been played to learn from ({prediction['model_version']}): the level was published"
    return _reasons(prediction, 0.0, parts, remark)


def _reasons(prediction: Row, base: float, parts: tuple[Contribution, ...], remark: str | None) -> Reasons:
    value = prediction["predicted_value"]
    total = base + sum(part.contribution for part in parts)
    if parts and abs(max(total, 0.0) - value) > SAME:
        differs = (
            f"the features that stand now give {total:.4f} and not {value:.4f}: they were corrected after the "
            "prediction was made"
        )
        remark = f"{remark}; {differs}" if remark else differs
    return Reasons(
        prediction["system_id"], prediction["setting"], prediction["model_version"], value, base, parts, remark
    )


def _box_scores(session: Session, landing: Landing, features: Row, stat: str) -> Iterator[BoxScore]:
    """The last games before the date, newest first, within what features read: this season and the one before."""
    rows = session.read(player_game_summary.CONTRACT)
    past = rows.filter(
        rows.player_id == features["player_id"],
        rows.played,
        rows.game_date < ibis.literal(features["game_date"]),
        rows.game_date >= ibis.literal(season_start(features["season"] - 1)),
    )
    for row in session.query(past.order_by(ibis.desc("game_date")).limit(SHOWN_GAMES)).to_pylist():
        published = _published(session, player_box_scores.CONTRACT, row)
        page = None if published is None else landed_page(landing, published)
        yield BoxScore(
            row["game_date"], row["game_id"], row["opponent"], row["minutes"], row[stat],
            page.where if page else None, page.sha256 if page else None,
        )  # fmt: skip


def _published(session: Session, table: Contract, row: Row) -> Row | None:
    """The raw row of the same player and game."""
    rows = session.read(table)
    same = [rows[name] == ibis.literal(row[name]) for name in ("game_date", "game_id", "player_id")]
    return next(iter(session.query(rows.filter(*same)).to_pylist()), None)


def landed_page(landing: Landing, published: Row) -> Page | None:
    """The landed response since which the source says of the player's game exactly what is published, if one does.

    Of many answers that say the same the first is shown, as it is in what the rows are made from.
    """
    captures = landing.telling(str(player_box_scores.CONTRACT.landed), published["game_date"])
    return next((page for capture in reversed(captures) for page in _pages_saying(capture, published)), None)


def _pages_saying(capture: Capture, published: Row) -> Iterator[Page]:
    for page in capture.pages:
        records = parse_stats(replace(capture, pages=(page,))).records
        if any(all(getattr(record, name) == value for name, value in published.items()) for record in records):
            yield page
