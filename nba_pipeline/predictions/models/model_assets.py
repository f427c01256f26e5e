"""The models as assets: one partition a month, trained on the games before it and on nothing else.

Predictions train, by the same code, what they find missing, and record it here. Materializing a model ahead of
them saves them the time and shows how its forerunners did on months that they had not seen.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Protocol

import dagster as dg
import pandas as pd

from nba_pipeline.analytics import player_game_summary
from nba_pipeline.assets.contexts import AssetContext
from nba_pipeline.assets.step_retries import retrying_what_can_heal
from nba_pipeline.assets.table_asset import OWNERS, asset_key
from nba_pipeline.clock import season_of
from nba_pipeline.code_versions import of_class
from nba_pipeline.contracts import Read, Window
from nba_pipeline.gates.gatekeeper import Gatekeeper
from nba_pipeline.gates.rules import incomplete_inputs
from nba_pipeline.partitions import MONTHS, MONTHS_OF_SEASON, season_start, to_date
from nba_pipeline.precompute import ml_feature_store
from nba_pipeline.predictions.models import availability, dispersion
from nba_pipeline.predictions.models.cards import Card, KeptModel
from nba_pipeline.predictions.models.plots import calibration_plot, importance_plot
from nba_pipeline.predictions.models.scores import calibration, held_out, scores
from nba_pipeline.predictions.systems import boosted_ridge, ensemble, gradient_boosting
from nba_pipeline.predictions.walk_forward.walk import HISTORY_SEASONS, Past, Walk
from nba_pipeline.predictions.walk_forward.walk_rows import to_frame, walk_rows
from nba_pipeline.settings import Settings

GROUP = "phase_5_models"

READS = {
    "features": Read(ml_feature_store.CONTRACT, Window.BEFORE, HISTORY_SEASONS),
    "outcomes": Read(player_game_summary.CONTRACT, Window.BEFORE, HISTORY_SEASONS),
}
"""What a model of a month is made from: everything before its first day."""


class Learner(Protocol):
    """Something that is learned anew every month."""

    @property
    def system_id(self) -> str:
        """Its name."""
        ...

    def learn(self, past: Past) -> list[Card]:
        """Finds or trains the month's models; returns their cards."""
        ...


@dataclass(frozen=True)
class Model:
    """A model as an asset: who learns it, and what it is."""

    learner: Learner
    description: str
    kinds: tuple[str, ...]

    @property
    def key(self) -> dg.AssetKey:
        """The asset key."""
        return dg.AssetKey(["models", self.learner.system_id])


MODELS = (
    Model(
        gradient_boosting.SYSTEM,
        "The month's LightGBM models: one a statistic and setting, trained on the games of the seasons before it.",
        ("lightgbm", "python"),
    ),
    Model(
        boosted_ridge.SYSTEM,
        "The month's ridge regressions of roots with LightGBM on what they leave: one a statistic and setting, trained "
        "on the games of the seasons before it.",
        ("lightgbm", "python"),
    ),
    Model(
        availability.MODEL,
        "The month's models of who plays: one a setting, from all players who were expected before.",
        ("lightgbm", "python"),
    ),
    Model(
        dispersion.MODEL,
        "The month's models of how far outcomes lie from a player's level, one a statistic: what intervals are "
        "measured in.",
        ("lightgbm", "python"),
    ),
    Model(
        ensemble.SYSTEM,
        "The month's weights of the systems: one set a statistic and setting, learned on the three months before.",
        ("python",),
    ),
)

MODEL_KEYS = [model.key for model in MODELS]


def model_asset(model: Model) -> dg.AssetsDefinition:
    """The asset of a model."""

    @dg.asset(
        key=model.key,
        deps=[
            dg.AssetDep(
                asset_key(read.table),
                partition_mapping=dg.TimeWindowPartitionMapping(
                    start_offset=-MONTHS_OF_SEASON * (read.earlier_seasons + 1),
                    end_offset=-1,
                    allow_nonexistent_upstream_partitions=True,
                ),
            )
            for read in READS.values()
        ],
        code_version=of_class(type(model.learner)),
        partitions_def=MONTHS,
        group_name=GROUP,
        description=model.description,
        kinds=set(model.kinds),
        owners=OWNERS,
        required_resource_keys={"gatekeeper", "settings"},
    )
    def asset(context: AssetContext) -> dg.MaterializeResult:
        month = to_date(context.partition_key)
        settings = context.resources.settings
        with retrying_what_can_heal(settings, context.op_execution_context.retry_number):
            past = past_of(context.resources.gatekeeper, settings, month)
        cards = [scored(past, card) for card in model.learner.learn(past)]
        for other in past.walk.trained:
            context.log.info(f"trained {other.model} {other.version} of {other.stat}, {other.setting}")
        return dg.MaterializeResult(metadata=metadata_of(past, cards), data_version=dg.DataVersion(version_of(cards)))

    return asset


def past_of(gatekeeper: Gatekeeper, settings: Settings, month: date) -> Past:
    """What models of a month may know. Raises `Failure` when what they are made from is not complete."""
    with gatekeeper.warehouse.session(read_only=True) as session:
        waiting = incomplete_inputs(gatekeeper.evidence(session), READS, [month])
        if waiting:
            raise dg.Failure(
                f"The models of {month:%Y-%m} are not trained on a part of their past: {' '.join(waiting[month])}",
                allow_retries=False,
            )
        begin = season_start(season_of(month) - HISTORY_SEASONS)
        features, outcomes = (session.read(read.table) for read in READS.values())
        rows = walk_rows(features.filter(features.game_date >= begin), outcomes, month)
        return Walk(to_frame(session.query(rows)), settings.models_path).past(month)


def scored(past: Past, card: Card) -> Card:
    """The card with the scores of its forerunners on the months before, written where it is kept."""
    found = replace(card, scores=scores(held_out(past, card)))
    kept = KeptModel(past.walk.models_path, card.model, card.stat, card.setting, card.version)
    if kept.card_file.exists():
        kept.keep(found)
    return found


def version_of(cards: Sequence[Card]) -> str:
    """One hash for the versions of all models of a month."""
    return hashlib.sha256(",".join(card.version for card in cards).encode()).hexdigest()


def metadata_of(past: Past, cards: Sequence[Card]) -> dict[str, dg.MetadataValue]:
    """The cards for the UI: an overview, and scores and plots of each model."""
    overview = pd.DataFrame(
        [
            {name: getattr(card, name) for name in ("stat", "setting", "version", "rows", "first_date", "last_date")}
            for card in cards
        ]
    )
    empty = f"Only {past.count('morning')} games were played before: too few to learn from."
    return {
        "models": dg.MetadataValue.md(overview.to_markdown(index=False) if cards else empty),
        **{f"{card.stat}, {card.setting}": dg.MetadataValue.md(page_of(past, card)) for card in cards},
        **{f"card of {card.stat}, {card.setting}": dg.MetadataValue.json(card.as_dict()) for card in cards},
    }


def page_of(past: Past, card: Card) -> str:
    """One card as a page: scores by population, the calibration of the months held out, and what counts."""
    parts = [f"{card.version}: {card.rows} rows from {card.first_date} to {card.last_date}, {card.library}"]
    if card.scores:
        held = held_out(past, card)
        parts.append("Months held out, each predicted by the model of its own month:")
        parts.append(pd.DataFrame(card.scores).to_markdown(index=False))
        parts.append(calibration_plot(*calibration(held), f"{card.stat}, {card.setting}: predicted and actual"))
    parts.append(importance_plot(card.importance, f"{card.stat}, {card.setting}: what counts"))
    return "\n\n".join(parts)


def report_trained(context: AssetContext, walk: Walk) -> None:
    """Records the models that had to be trained meanwhile as materializations of their own assets."""
    trained, walk.trained = walk.trained, []
    for key, month in sorted({(card.model, card.month) for card in trained}):
        cards = [card for card in trained if (card.model, card.month) == (key, month)]
        context.log_event(
            dg.AssetMaterialization(
                asset_key=dg.AssetKey(["models", key]),
                partition=month,
                description="Trained for predictions, which found it missing; materialize it for its scores.",
                metadata=metadata_of(walk.past(to_date(month)), cards),
                tags={"dagster/data_version": version_of(cards)},
            )
        )


def model_assets() -> list[dg.AssetsDefinition]:
    """The assets of all models."""
    return [model_asset(model) for model in MODELS]
