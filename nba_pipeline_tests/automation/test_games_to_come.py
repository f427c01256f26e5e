"""What is open of games to come is told before they begin, though the check of their gate is run after them."""

import pytest

from nba_pipeline.alerting.sensor import RESOLVED, SENT
from nba_pipeline.assets import table_asset
from nba_pipeline.gates.alert_metadata import EFFECT_OF_WARNING, AlertKind
from nba_pipeline.gates.evidence import calendar
from nba_pipeline.gates.verdicts import State
from nba_pipeline.monitoring.pipeline_health import health
from nba_pipeline.operations.runs import instance_of
from nba_pipeline.raw import games
from nba_pipeline_tests.support.damaged_weeks import CONTEXTS, INTO_ANALYTICS, TODAY, TOMORROW
from nba_pipeline_tests.support.named_command import named_command
from nba_pipeline_tests.support.pager import Pager
from nba_pipeline_tests.support.warehouse_copy import Copy
from nba_pipeline_tests.support.webhook import Webhook
from nba_pipeline_tests.support.workbench import NOW


def test_a_tip_off_that_nobody_knows_is_told_once_before_the_games_and_closes_when_it_is_known(
    copy: Copy, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    [(game, tip_off)] = copy.sql(
        f"SELECT game_id, tipoff_at FROM raw.games WHERE game_date = '{TODAY}' ORDER BY game_id LIMIT 1"
    )

    def known(value: str) -> None:
        """The source says so of the tip-off, and the contexts of the date are made."""
        copy.sql(f"UPDATE raw.games SET tipoff_at = {value} WHERE game_id = {game} AND game_date = '{TODAY}'")
        copy.stamp(games.CONTRACT, TODAY)
        for table in CONTEXTS:
            attempt = copy.run(table, TODAY, TODAY)
            assert attempt.success, attempt.failures

    with monkeypatch.context() as before:
        for module in (calendar, table_asset):
            before.setattr(module, "NEXT_COMMAND", ". Mend: ")
        known("NULL")
    found = copy.verdicts(INTO_ANALYTICS, [TODAY, TOMORROW])
    assert {day: verdict.state for day, verdict in found.items()} == {TODAY: State.DEGRADED, TOMORROW: State.OPEN}
    with instance_of(copy.settings) as instance:
        pager = Pager(instance, webhook, NOW)
        pager.tick()
        [told] = pager.recorded()
        assert (told["kind"], told["outcome"]) == (AlertKind.CHECK_FAILED.value, SENT)
        assert f"game {game} of " in str(told["what"])
        assert "before 16:00 UTC of the date is live" in str(told["what"])
        assert told["effect"] == EFFECT_OF_WARNING
        assert told["dates"] == f"{TODAY} to {TODAY}"
        assert named_command(str(told["mend"])) == ["backfill", "--from", str(TODAY), "--to", str(TODAY)]
        [said] = health(copy.gatekeeper(), instance, TODAY).to_come
        assert f"game {game} of " in said

        known("NULL")
        pager.tick()
        assert len(pager.recorded()) == 1, "it is told once, however often the context is made, or was worded before"

        known(f"'{tip_off}'")
        pager.tick()
        assert [each["outcome"] for each in pager.recorded()] == [SENT, RESOLVED]
        assert health(copy.gatekeeper(), instance, TODAY).to_come == ()
