"""What every system owes, whichever it is; and what the ensemble and the chance of playing are made of."""

import sys
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pytest

from nba_pipeline.predictions import player_predictions
from nba_pipeline.predictions import systems as package
from nba_pipeline.predictions.calculations.intervals import residuals_of
from nba_pipeline.predictions.models import availability
from nba_pipeline.predictions.systems import ensemble, systems
from nba_pipeline.predictions.walk_forward import forecasts
from nba_pipeline.predictions.walk_forward.forecasts import FEATURE_NAMES, MORNING, PRE_TIP, STATS
from nba_pipeline.predictions.walk_forward.walk import OUTCOMES, Past, System
from nba_pipeline_tests.support.made_up_months import MONTH, past_of, slate_of

IDS = ("boosted_ridge", "ensemble", "gradient_boosting", "moving_average", "similarity", "zone_matchup")


def system_named(name: str) -> System:
    return next(system for system in systems() if system.system_id == name)


def said(past: Past, slate: pd.DataFrame, setting: str = MORNING, stats: tuple[str, ...] = STATS) -> pd.DataFrame:
    """What every system says of every statistic."""
    return pd.DataFrame(
        {
            (system.system_id, stat): past.forecast(system, slate, stat, setting).values
            for system in systems()
            for stat in stats
        }
    )


def test_the_systems_are_those_listed() -> None:
    assert tuple(system.system_id for system in systems()) == IDS
    with_news = [system.system_id for system in systems() if PRE_TIP in system.settings]
    assert with_news == ["boosted_ridge", "ensemble", "gradient_boosting"]


def test_every_system_predicts_every_row_even_of_a_player_of_whom_only_a_prior_is_known(months, past) -> None:
    slate = slate_of(months).head(50)
    unknown = [name for name in FEATURE_NAMES if not name.endswith("_prior")]
    slate.loc[:9, unknown] = np.nan
    slate.loc[:9, "games_played_season"] = 0
    found = said(past, slate)
    assert len(found) == 50
    assert np.isfinite(found.to_numpy()).all()
    assert (found.to_numpy() >= 0).all()


def test_the_same_past_gives_the_same_forecasts_in_another_folder(months, few_rounds, tmp_path) -> None:
    slate = slate_of(months).head(100)
    one, other = (said(past_of(months, tmp_path / name), slate, stats=("points",)) for name in ("one", "other"))
    pd.testing.assert_frame_equal(one, other, check_exact=True)


def test_one_date_is_predicted_as_the_whole_month_is(months, past, tmp_path) -> None:
    slate = slate_of(months)
    one = slate[slate["game_date"] == date(2026, 1, 5)]
    alone = said(past_of(months, tmp_path), one.reset_index(drop=True))
    np.testing.assert_allclose(alone.to_numpy(), said(past, slate).loc[one.index].to_numpy(), rtol=0, atol=1e-9)


def test_nothing_in_or_after_the_month_changes_a_forecast_or_its_interval(months, few_rounds, tmp_path) -> None:
    slate = slate_of(months).head(100)
    later = months["game_date"] >= MONTH
    altered = months.copy()
    altered.loc[later, [*FEATURE_NAMES, *OUTCOMES.values()]] = np.float32(7)
    altered.loc[later, "played"] = True
    frames = [frames_of(rows, slate, tmp_path / str(n)) for n, rows in enumerate((months, altered, months[~later]))]
    pd.testing.assert_frame_equal(frames[0], frames[1], check_exact=True)
    pd.testing.assert_frame_equal(frames[0], frames[2], check_exact=True)


def test_an_outcome_of_the_month_before_does_change_them(months, few_rounds, tmp_path) -> None:
    """A guard that cannot fail is none."""
    slate = slate_of(months).head(100)
    altered = months.copy()
    december = (months["game_date"] >= date(2025, 12, 1)) & months["played"]
    altered.loc[december, OUTCOMES["points"]] += 5
    one, other = (frames_of(rows, slate, tmp_path / str(n)) for n, rows in enumerate((months, altered)))
    changed = (one["predicted_value"] != other["predicted_value"]) | (one["interval_high"] != other["interval_high"])
    assert set(one.loc[changed, "system_id"]) == set(IDS)
    assert set(one.loc[changed, "stat"]) == {"points"}


def frames_of(rows: pd.DataFrame, slate: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """The rows that would be published, of points and threes."""
    known = slate.assign(
        player_name="A", team="BOS", opponent="NYK", quality=90.0, quality_tier="silver",
        tipoff_at=pd.Timestamp("2026-01-31"),
    )  # fmt: skip
    lines = known[["game_date", "game_id", "player_id"]].drop_duplicates().head(5).assign(stat="points", line=10.5)
    made_at = datetime(2025, 12, 31, tzinfo=UTC)
    return pd.concat(
        player_predictions.predictions_of_month(known, lines, past_of(rows, folder), made_at), ignore_index=True
    )


def test_every_row_has_its_interval_its_chance_and_with_a_line_the_chance_of_going_over_it(
    months, few_rounds, tmp_path
) -> None:
    rows = frames_of(months, slate_of(months).head(60), tmp_path)
    assert set(rows["mode"]) == {player_predictions.LIVE}
    assert len(rows) == 60 * len(STATS) * (len(IDS) + 3), "six systems in the morning, three before tip-off"
    assert (rows["interval_low"] <= rows["predicted_value"]).all()
    assert (rows["predicted_value"] <= rows["interval_high"]).all()
    assert rows["plays_probability"].between(0, 1).all()
    assert (rows["line"].isna() == rows["over_probability"].isna()).all()
    lined = rows[rows["line"].notna()]
    assert set(lined["stat"]) == {"points"}
    above = lined["predicted_value"] > lined["line"]
    assert lined.loc[above, "over_probability"].mean() > 0.5 > lined.loc[~above, "over_probability"].mean()
    assert len(player_predictions.to_rows([rows])) == len(rows)


def test_before_tip_off_only_players_whose_report_is_known_are_predicted(months, few_rounds, tmp_path) -> None:
    slate = slate_of(months).head(40)
    slate["report_known"] = np.arange(40) < 10
    rows = frames_of(months, slate, tmp_path)
    found = rows[rows["setting"] == PRE_TIP]
    assert set(found["system_id"]) == {"boosted_ridge", "ensemble", "gradient_boosting"}
    assert len(found) == 10 * len(STATS) * 3


def test_the_news_changes_no_forecast_of_the_morning(months, few_rounds, tmp_path, monkeypatch) -> None:
    news = "minutes_trend"
    monkeypatch.setattr(
        forecasts, "FEATURES", tuple(replace(f, news=f.news or f.name == news) for f in forecasts.FEATURES)
    )
    rows = months.copy()
    rows[OUTCOMES["points"]] += 3 * rows[news].clip(0, 3)
    other = rows.copy()
    other[news] = -other[news]
    results = []
    for n, found in enumerate((rows, other)):
        past = past_of(found, tmp_path / str(n))
        slate = slate_of(found).head(100)
        results.append(
            {setting: few_rounds.forecast(slate, past, "points", setting).values for setting in (MORNING, PRE_TIP)}
        )
    np.testing.assert_array_equal(results[0][MORNING], results[1][MORNING])
    assert np.abs(results[0][PRE_TIP] - results[1][PRE_TIP]).max() > 0.1


def test_a_system_that_leaves_a_row_out_is_refused(months, past) -> None:
    class Short:
        system_id, settings = "short", (MORNING,)

        def forecast(self, slate: pd.DataFrame, past: Past, stat: str, setting: str) -> forecasts.Forecast:
            return forecasts.Forecast(np.zeros(len(slate) - 1), "1")

    with pytest.raises(ValueError, match="short gave 9 values of points"):
        past.forecast(Short(), slate_of(months).head(10), "points", MORNING)


GUESS = """
import numpy as np
from nba_pipeline.predictions.walk_forward.forecasts import Forecast, MORNING

class Guess:
    system_id, settings = "guess", (MORNING,)

    def forecast(self, slate, past, stat, setting):
        return Forecast(np.full(len(slate), 3.0), "1")

SYSTEM = Guess()
"""


def test_a_new_file_with_a_system_is_predicted_expected_and_combined(months, few_rounds, tmp_path, monkeypatch) -> None:
    (tmp_path / "guess.py").write_text(GUESS)
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    systems.cache_clear()
    try:
        rows = frames_of(months, slate_of(months).head(10), tmp_path)
        assert (rows.loc[rows["system_id"] == "guess", "predicted_value"] == 3.0).all()
        assert (rows["system_id"] == "guess").sum() == 10 * len(STATS)
        assert "guess" in [system.system_id for system in ensemble.SYSTEM.members()]
        expected = player_predictions.expected_predictions(lambda table: table.unbound())
        assert "guess" in ibis.to_sql(expected, dialect="duckdb")
    finally:
        sys.modules.pop(f"{package.__name__}.guess", None)
        systems.cache_clear()


# the ensemble


def test_the_ensemble_trusts_who_was_right_and_its_weights_add_up_to_one() -> None:
    rng = np.random.default_rng(3)
    truth = rng.gamma(4, 3, 3000)
    members = np.column_stack([truth + rng.normal(0, s, 3000) for s in (1.0, 4.0, 8.0)])
    weights = ensemble.least_absolute_weights(members, truth)
    assert weights.min() >= 0
    assert weights.sum() == pytest.approx(1)
    assert weights[0] > 0.8
    assert list(weights) == sorted(weights, reverse=True)
    errors = np.abs(members @ weights - truth).mean()
    assert errors < 1.02 * np.abs(members - truth[:, None]).mean(axis=0).min()


def test_the_weights_stand_in_a_card_and_are_found_again(months, few_rounds, tmp_path) -> None:
    first = past_of(months, tmp_path)
    found = ensemble.SYSTEM.forecast(slate_of(months).head(5), first, "points", MORNING)
    (card,) = [card for card in first.walk.trained if (card.model, card.month) == ("ensemble", str(MONTH))]
    assert card.version == found.model_version
    assert set(card.importance) == set(IDS) - {"ensemble"}
    again = past_of(months, tmp_path)
    assert ensemble.SYSTEM.forecast(slate_of(months).head(5), again, "points", MORNING).model_version == card.version
    assert again.walk.trained == []


def test_with_too_little_past_all_systems_weigh_the_same_and_the_version_says_so(months, few_rounds, tmp_path) -> None:
    few = past_of(months[months["game_date"] >= date(2025, 12, 20)].reset_index(drop=True), tmp_path)
    slate = slate_of(months).head(10)
    found = ensemble.SYSTEM.forecast(slate, few, "points", MORNING)
    assert found.model_version == f"equal-weights-{few.count(MORNING)}-rows"
    others = [few.forecast(system, slate, "points", MORNING).values for system in ensemble.SYSTEM.members()]
    np.testing.assert_allclose(found.values, np.mean(others, axis=0))


def test_until_reports_are_enough_the_mornings_weights_and_intervals_stand_before_tip_off(
    months, few_rounds, tmp_path
) -> None:
    past = past_of(months.assign(report_known=False), tmp_path)
    slate = slate_of(months).head(10)
    morning, pre_tip = (ensemble.SYSTEM.forecast(slate, past, "points", setting) for setting in (MORNING, PRE_TIP))
    assert morning.model_version == pre_tip.model_version
    assert residuals_of(past, ensemble.SYSTEM, "points", PRE_TIP) is residuals_of(
        past, ensemble.SYSTEM, "points", MORNING
    )


# the chance of playing


def test_the_chance_of_playing_is_calibrated_and_beats_playing_in_the_last_game(months, past) -> None:
    slate = slate_of(months)
    chance = availability.MODEL.forecast(slate, past, availability.PLAYED, MORNING).values
    played = slate["played"].to_numpy(float)
    for part in np.array_split(np.argsort(chance), 4):
        assert chance[part].mean() == pytest.approx(played[part].mean(), abs=0.08)
    certain = (slate["participation_season"] > 0.5).to_numpy(float)
    assert ((chance - played) ** 2).mean() < ((certain - played) ** 2).mean()


def test_with_too_little_past_the_chance_is_the_share_of_games_played(months, tmp_path) -> None:
    few = past_of(months[months["game_date"] >= date(2025, 12, 20)].reset_index(drop=True), tmp_path)
    slate = slate_of(months).head(3)
    slate["games_played_season"], slate["team_games_season"] = [0, 20, 40], 40
    found = availability.MODEL.forecast(slate, few, availability.PLAYED, MORNING)
    assert found.model_version.startswith("share-only-")
    assert list(found.values) == sorted(found.values)
    assert found.values[0] < 0.2 < 0.8 < found.values[2]
