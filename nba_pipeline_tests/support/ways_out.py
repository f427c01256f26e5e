"""The register of the ways out: of each place that refuses, closes or holds, what shows it and what it leads to.

`refusals.py` finds the places; `test_ways_out.py` fails for one without an entry here, and prints the line to add:

    "module.function: kind": way(OPEN, "name_of_a_test", "name_of_another"),

- The key is the place as `refusals.py` names it: a command that a text names, an error, `reasons`, `Cause` or a check.
- First what it ends in. `OPEN`: what was refused is made, or typed rightly, and goes on. `HELD`: the game is held, and
  the rest goes on. `DECIDED`: a person's recorded decision lets it pass. `by_person(…)`: a person does something outside
  of the pipeline, which is named. `WITHIN`: it reaches nobody; the package itself goes another way. Where several are
  possible, the one that needs least of people.
- Then, only where a line of the place names no command, why not: one of `Silent`.
- Then the tests, without `test_`: such that produce the refusal, and such that go the way out.

An entry is one line, however long. Sorted by place, so that two branches seldom add in the same spot.
"""

# ruff: noqa: E501
# fmt: off

from enum import Enum
from typing import NamedTuple


class Silent(Enum):
    """Why a text that refuses names no command."""

    CARRIED = "it is a reason: the gate, step, check or alert that shows it adds the command"
    TYPED = "it is about the very command that was typed, and says what to type instead"
    SETTING = "it names the setting, file, plan or process that a person has to see to; then the same is run again"
    RETRIED = "the same question is asked again by itself, and what gives up after that says what to do"
    DEFECT = "it is a defect of the program that no data brings about; the step fails with it, and its alert says what to do"
    WITHIN = "it is caught within the package"


CARRIED, TYPED, SETTING, RETRIED, DEFECT = Silent.CARRIED, Silent.TYPED, Silent.SETTING, Silent.RETRIED, Silent.DEFECT

OPEN = "open"
HELD = "held"
DECIDED = "decided"
WITHIN = "within"
ENDS = frozenset({OPEN, HELD, DECIDED, WITHIN})
BY_PERSON = "a person acts outside: "


class Way(NamedTuple):
    """What a place ends in, why it names no command where it names none, and the tests that show it."""

    ends: str
    silent: Silent | None
    tests: tuple[str, ...]


def way(ends: str, *shown: Silent | str) -> Way:
    """An entry of the register."""
    silent = next((each for each in shown if isinstance(each, Silent)), None)
    if silent is None and ends == WITHIN:
        silent = Silent.WITHIN
    return Way(ends, silent, tuple(f"test_{each}" for each in shown if isinstance(each, str)))


def by_person(what: str) -> str:
    """An end that somebody brings about outside of the pipeline."""
    return f"{BY_PERSON}{what}"


WEBHOOK = by_person("sets a webhook that Slack takes, or Slack comes back")
RESTART = by_person("starts the process again, with the code that is on the disk")
CONNECTION = by_person("ends the process that holds the file, or waits")
CREDENTIALS = by_person("gives the role, brings back what was taken away, or waits for Google")
BUDGET = by_person("raises the budget, or waits for the next day")
SOURCE_SETTING = by_person("sets the key, the address or the plan of the source")
COPY_ELSEWHERE = by_person("copies to a place that only copies of this source write to, or again")
LEDGER = by_person("looks up who changed the ledger, and brings the rows back from a copy")
FOLDER = by_person("moves the damaged folder or file away; then the dates are asked for again")
SCHEMA = by_person("renames or drops the table; then it is made again")
PROGRAM = by_person("fixes the program; what was published stays as it was")

WAYS_OUT: dict[str, Way] = {
    "alerting.alerts.Slack._attempt: AlertNotSentError": way(WEBHOOK, SETTING, "a_refusal_is_not_tried_again_and_names_the_setting_and_not_the_address", "an_address_that_is_none_names_the_setting_and_does_not_show_it"),
    "alerting.alerts.Slack.send: AlertNotSentError": way(WEBHOOK, SETTING, "slack_is_asked_three_times_and_no_more", "while_slack_is_down_ticks_fail_and_the_alert_arrives_when_it_is_up"),
    "alerting.sources.EventLog._silence: backfill --from {} --to {}": way(OPEN, "a_silence_is_one_alert_with_since_when_how_often_when_next_and_closes_with_an_answer", "a_key_that_lapsed_uses_up_no_patience_and_its_alert_names_setting_and_next_command"),
    "alerting.sources.EventLog.failed_tick: ui": way(OPEN, "a_failed_tick_of_a_sensor_alerts", "a_failed_tick_is_good_when_a_later_one_of_the_same_sensor_ended_well"),
    "alerting.sources._next_command: backfill --from {} --to {}": way(OPEN, "a_failed_run_alerts_with_its_cause_its_effect_the_next_command_and_a_link", "a_failed_run_all_of_whose_work_was_published_later_is_not_sent"),
    "alerting.sources._next_command: smoke-test {}": way(OPEN, "a_failed_run_of_one_date_names_the_smoke_test", "a_failed_run_all_of_whose_work_was_published_later_is_not_sent"),
    "alerting.sources._next_command: ui": way(OPEN, "an_alert_about_no_date_names_the_ui", "a_check_as_a_whole_is_good_when_it_passes_as_a_whole"),
    "assets.check_evaluations.record_by_date: AssetCheckEvaluation": way(OPEN, CARRIED, "a_check_over_a_range_says_of_each_date_whether_its_gate_is_open_overridden_or_closed", "a_range_of_thirty_dates_publishes_29_blocks_one_and_the_ui_shows_it_until_it_heals"),
    "assets.io_manager._failure: Failure": way(OPEN, CARRIED, "what_is_not_the_truth_is_absent_and_the_run_says_why", "a_correction_that_appears_later_replaces_what_was_published"),
    "assets.io_manager._report_partial: AssetCheckResult": way(OPEN, CARRIED, "a_range_of_thirty_dates_publishes_29_blocks_one_and_the_ui_shows_it_until_it_heals"),
    "assets.table_asset._report_override: AssetCheckResult": way(DECIDED, "a_run_through_an_overridden_gate_publishes_warns_and_alerts_with_who_and_why"),
    "assets.table_asset._report_override: gate overrides": way(DECIDED, "a_run_through_an_overridden_gate_publishes_warns_and_alerts_with_who_and_why"),
    "assets.table_asset._report_to_come: AssetCheckResult": way(OPEN, CARRIED, "a_tip_off_that_nobody_knows_is_told_once_before_the_games_and_closes_when_it_is_known"),
    "assets.table_asset.gate_failure: Failure": way(OPEN, CARRIED, "without_the_days_before_a_date_is_blocked_with_the_next_command", "predictions_on_one_row_instead_of_a_slate_fail_with_the_reasons_and_publish_nothing"),
    "assets.table_asset.gate_failure: backfill --from {} --to {}": way(OPEN, "predictions_on_one_row_instead_of_a_slate_fail_with_the_reasons_and_publish_nothing"),
    "assets.table_checks._gate_result: AssetCheckResult": way(OPEN, CARRIED, "a_check_over_a_range_says_of_each_date_whether_its_gate_is_open_overridden_or_closed", "a_range_of_thirty_dates_publishes_29_blocks_one_and_the_ui_shows_it_until_it_heals"),
    "assets.table_checks.checks_of.checks: AssetCheckResult": way(OPEN, CARRIED, "the_checks_that_a_person_runs_in_the_ui_fail_where_a_date_is_not_what_was_published", "a_check_that_passed_later_for_its_date_is_unsent_and_recorded_with_what_made_it_good"),
    "assets.table_checks.report_dates: AssetCheckResult": way(OPEN, CARRIED, "a_check_over_a_range_says_of_each_date_whether_its_gate_is_open_overridden_or_closed", "a_range_of_thirty_dates_publishes_29_blocks_one_and_the_ui_shows_it_until_it_heals"),
    "assets.table_checks.said_of: accuracy --from {} --to {}": way(DECIDED, "errors_that_cannot_be_honest_alert_as_a_tripwire_with_the_command_that_shows_them", "a_tripped_wire_is_no_tripwire_alert_once_a_person_lets_the_date_pass"),
    "assets.table_checks.said_of: game show {}": way(HELD, "the_check_of_a_gate_that_goes_on_without_a_game_names_the_game_as_data", "a_broken_game_is_waited_for_then_held_and_the_morning_goes_on"),
    "assets.table_checks.said_of: gate overrides": way(DECIDED, "the_check_of_an_overridden_gate_warns_and_alerts_and_stops_nothing"),
    "automation.decided_games._evaluation: AssetCheckEvaluation": way(DECIDED, CARRIED, "each_decision_is_told_once_with_who_what_why_until_when_and_what_takes_it_back", "a_decision_that_is_over_by_its_hour_is_told_once"),
    "automation.decided_games._show: game show {} --date {}": way(DECIDED, "each_decision_is_told_once_with_who_what_why_until_when_and_what_takes_it_back"),
    "automation.decided_games.no_game_is_decided: AssetCheckResult": way(DECIDED, CARRIED, "the_check_that_a_person_runs_names_what_is_decided_and_passes_when_nothing_is"),
    "automation.jobs: backfill": way(OPEN, "the_runs_page_says_what_ran"),
    "automation.jobs: backfill --outdated": way(OPEN, "outdated_rows_are_made_again_from_the_landing_and_said_once"),
    "automation.phase_sensors._past_deadline: AssetCheckEvaluation": way(OPEN, "a_date_that_waits_alerts_once_after_its_deadline", "a_closed_gate_is_good_when_all_that_waited_for_it_was_made"),
    "automation.phase_sensors._past_deadline: backfill --from {} --to {}": way(OPEN, "a_date_that_waits_alerts_once_after_its_deadline", "a_closed_gate_makes_its_date_wait_and_no_other_and_opens_by_itself"),
    "automation.publishing._to_publish: publish": way(OPEN, "a_run_that_failed_is_launched_again_after_a_while_and_not_for_ever", "the_command_publishes_today_and_says_where"),
    "automation.self_heal._gave_up: AssetCheckEvaluation": way(OPEN, CARRIED, "what_always_fails_is_given_up_after_the_bound_with_one_alert_naming_the_next_command", "what_self_heal_gave_up_on_is_good_when_it_finds_that_very_phase_whole"),
    "automation.self_heal._gave_up: backfill --from {} --to {}": way(OPEN, "what_always_fails_is_given_up_after_the_bound_with_one_alert_naming_the_next_command", "what_self_heal_gave_up_on_is_good_when_it_finds_that_very_phase_whole"),
    "automation.self_heal._gave_up: smoke-test {} --verbose": way(OPEN, "what_always_fails_is_given_up_after_the_bound_with_one_alert_naming_the_next_command"),
    "automation.self_heal.code_changes: ui": way(RESTART, "a_process_with_code_that_is_not_on_the_disk_any_more_makes_nothing_again_and_says_why"),
    "automation.self_heal.code_is_current: AssetCheckResult": way(OPEN, CARRIED, "the_checks_that_a_person_runs_in_the_ui_fail_where_a_date_is_not_what_was_published"),
    "automation.self_heal.nothing_given_up: AssetCheckResult": way(OPEN, CARRIED, "what_always_fails_is_given_up_after_the_bound_with_one_alert_naming_the_next_command"),
    "automation.self_heal.nothing_passed_over: AssetCheckResult": way(OPEN, CARRIED, "the_checks_that_a_person_runs_in_the_ui_fail_where_a_date_is_not_what_was_published", "silent_days_are_passed_over_one_by_one_and_come_in_within_a_tick_of_the_first_answer"),
    "automation.self_heal.notice_of_gap: AssetCheckEvaluation": way(OPEN, CARRIED, "silent_days_are_passed_over_one_by_one_and_come_in_within_a_tick_of_the_first_answer"),
    "automation.self_heal.notice_of_gap: backfill --from {} --to {}": way(OPEN, "silent_days_are_passed_over_one_by_one_and_come_in_within_a_tick_of_the_first_answer"),
    'automation.self_heal.notice_of_gap: gate end known_gap {} --by "your name" --because "why"': way(DECIDED, "silent_days_are_passed_over_one_by_one_and_come_in_within_a_tick_of_the_first_answer", "an_override_and_a_known_gap_are_ended_before_their_time"),
    'automation.self_heal.notice_of_gap: gate gap {} --by "your name" --because "why"': way(DECIDED, "silent_days_are_passed_over_one_by_one_and_come_in_within_a_tick_of_the_first_answer", "a_recorded_known_gap_is_no_problem_any_more"),
    "cli.app._refuse_taken: NotTriedError": way(OPEN, TYPED, "a_port_that_is_taken_is_refused_before_anything_is_begun"),
    "cli.app._settings: NotTriedError": way(OPEN, SETTING, "a_clone_refuses_the_tables_and_answers_of_production_with_what_unsets_them", "one_half_of_a_clone_is_refused_with_both_halves", "a_setting_that_cannot_be_is_said_in_json_too", "a_setting_that_cannot_be_used_is_refused_with_its_name"),
    "cli.app.backfill: NotTriedError": way(OPEN, TYPED, "a_command_that_was_typed_wrongly_says_what_to_type_and_that_is_tried"),
    "cli.app.serve: NotTriedError": way(OPEN, TYPED, "a_command_that_was_typed_wrongly_says_what_to_type_and_that_is_tried"),
    "cli.backfill_commands.close_killed: health": way(OPEN, "a_killed_run_of_no_dates_is_closed_and_names_health"),
    "cli.backfill_commands.close_killed: smoke-test {} {}": way(OPEN, "a_killed_run_is_named_by_health_until_its_dates_are_made_and_by_who_closes_it"),
    "cli.backfill_commands.run_outdated: NotTriedError": way(OPEN, TYPED, "a_command_that_was_typed_wrongly_says_what_to_type_and_that_is_tried"),
    "cli.demo.league_server: NotTriedError": way(OPEN, SETTING, "a_league_that_does_not_start_ends_the_demo_with_the_reason"),
    "cli.game_commands._instant: NotTriedError": way(OPEN, TYPED, "what_cannot_be_decided_is_refused_with_what_to_type_instead"),
    "cli.game_commands._refuse: NotTriedError": way(OPEN, TYPED, "what_cannot_be_decided_is_refused_with_what_to_type_instead"),
    'cli.game_commands._refuse: game correct {} --date {} --set home_score={} --set visitor_score={} --by "your name" --because "why"': way(OPEN, "a_sum_of_players_whose_earlier_answer_counts_is_not_taken_and_the_score_can_be_set"),
    "cli.game_commands._refuse: game show {} --date {}": way(OPEN, "what_cannot_be_decided_is_refused_with_what_to_type_instead", "a_game_that_a_rule_holds_is_named_as_decided_and_there_is_nothing_to_take_back"),
    "cli.game_commands.chosen_game: NotTriedError": way(OPEN, TYPED, "of_an_id_on_two_dates_the_date_is_asked_for_and_both_are_listed", "what_cannot_be_decided_is_refused_with_what_to_type_instead"),
    "cli.game_commands.corrections_of: NotTriedError": way(OPEN, TYPED, "what_cannot_be_decided_is_refused_with_what_to_type_instead", "values_are_recorded_as_they_were_typed"),
    "cli.game_commands.run_game_decision: NotTriedError": way(OPEN, TYPED, "what_cannot_be_decided_is_refused_with_what_to_type_instead"),
    "cli.gate_commands._record: NotTriedError": way(OPEN, TYPED, "a_decision_that_cannot_be_recorded_is_refused_with_what_is_wrong_and_opens_nothing"),
    "cli.gate_commands.run_end_override: NotTriedError": way(OPEN, TYPED, "a_decision_that_cannot_be_recorded_is_refused_with_what_is_wrong_and_opens_nothing", "an_override_and_a_known_gap_are_ended_before_their_time"),
    "cli.home_commands.next_commands: backfill --from {} --to {}": way(OPEN, "the_commands_that_a_clone_names_are_those_of_its_page_and_work_on_it"),
    "cli.home_commands.next_commands: backfill --outdated --dry-run": way(OPEN, "the_commands_that_a_clone_names_are_those_of_its_page_and_work_on_it"),
    "cli.home_commands.next_commands: health": way(OPEN, "the_commands_that_a_clone_names_are_those_of_its_page_and_work_on_it"),
    "cli.home_commands.next_commands: smoke-test {}": way(OPEN, "the_commands_that_a_clone_names_are_those_of_its_page_and_work_on_it"),
    "cli.home_commands.run_home_clone: home clone {}": way(OPEN, "what_cannot_be_copied_fails_the_clone_nothing_of_it_stays_and_the_next_is_whole"),
    "cli.landing_commands.run_landing_clean_up: NotTriedError": way(OPEN, TYPED, "the_command_says_what_it_would_remove_removes_it_and_keeps_everything_unless_told"),
    "cli.landing_commands.run_landing_clean_up: landing clean-up --keep-days 60 --dry-run": way(OPEN, "the_command_says_what_it_would_remove_removes_it_and_keeps_everything_unless_told"),
    "cli.ledger_commands.run_ledger_verify: NotTriedError": way(OPEN, SETTING, "without_a_warehouse_or_an_event_log_nothing_is_proven", "a_command_that_was_typed_wrongly_says_what_to_type_and_that_is_tried"),
    "cli.prediction_commands.run_accuracy: NotTriedError": way(OPEN, TYPED, "a_command_that_was_typed_wrongly_says_what_to_type_and_that_is_tried"),
    "cli.prediction_commands.run_explain: NotTriedError": way(OPEN, TYPED, "the_command_takes_a_unique_part_of_a_name_and_lists_who_else_is_meant"),
    "cli.publish_commands.run_publish: ui": way(OPEN, "a_command_ends_with_what_the_table_says_and_its_json_says_the_same"),
    "cli.season_schedule_commands.run_landing_schedule: NotTriedError": way(OPEN, CARRIED, "a_season_of_which_nothing_can_be_known_is_refused_or_expects_nothing"),
    "cli.source_fault_commands.run_faults: NotTriedError": way(OPEN, TYPED, "people_and_scripts_are_told_every_fault"),
    "cli.terminal.refuse_nothing: NotTriedError": way(OPEN, "a_home_that_was_never_loaded_is_not_called_well", "where_nothing_was_loaded_each_command_names_the_one_that_loads"),
    "cli.terminal.refuse_nothing: backfill --from {} --to {}": way(OPEN, "a_home_that_was_never_loaded_is_not_called_well", "where_nothing_was_loaded_each_command_names_the_one_that_loads"),
    "cli.terminal.refuse_range: NotTriedError": way(OPEN, TYPED, "a_range_that_cannot_be_is_refused", "a_command_that_was_typed_wrongly_says_what_to_type_and_that_is_tried"),
    "cli.warehouse_commands.run_warehouse_copy: NotTriedError": way(OPEN, TYPED, "a_source_that_is_not_there_and_a_place_that_cannot_be_are_refused"),
    "cli.warehouse_commands.run_warehouse_copy: warehouse copy --from {} --to {}": way(OPEN, "a_copy_that_ends_half_way_is_not_one_that_could_not_be_tried", "a_copy_that_is_killed_goes_on_where_it_was"),
    "code_versions.python_meaning._all_definitions_below: UnknownCodeError": way(PROGRAM, DEFECT, "who_looks_for_modules_where_there_are_none_is_refused"),
    "code_versions.python_meaning._looked_at: UnknownCodeError": way(PROGRAM, DEFECT, "a_name_that_is_not_defined_is_refused"),
    "code_versions.python_meaning._module: UnknownCodeError": way(PROGRAM, DEFECT, "a_module_that_is_not_there_is_refused"),
    "code_versions.sql_meaning.Scope.column: UnknownQueryError": way(PROGRAM, DEFECT, "a_query_of_another_kind_than_ours_is_refused_by_name"),
    "code_versions.sql_meaning._grouped: UnknownQueryError": way(PROGRAM, DEFECT, "a_query_of_another_kind_than_ours_is_refused_by_name"),
    "code_versions.sql_meaning._part: UnknownQueryError": way(PROGRAM, DEFECT, "a_query_of_another_kind_than_ours_is_refused_by_name"),
    "code_versions.sql_meaning._projected: UnknownQueryError": way(PROGRAM, DEFECT, "a_query_of_another_kind_than_ours_is_refused_by_name"),
    "code_versions.sql_meaning._query: UnknownQueryError": way(PROGRAM, DEFECT, "a_query_of_another_kind_than_ours_is_refused_by_name"),
    "code_versions.sql_meaning._refuse_others: UnknownQueryError": way(PROGRAM, DEFECT, "what_a_query_says_and_nobody_reads_is_refused"),
    "code_versions.sql_meaning._source: UnknownQueryError": way(PROGRAM, DEFECT, "what_cannot_be_followed_is_refused_and_not_guessed"),
    "code_versions.sql_meaning._sources: UnknownQueryError": way(PROGRAM, DEFECT, "a_query_of_another_kind_than_ours_is_refused_by_name"),
    "decisions.source_faults.as_markdown: faults --markdown": way(OPEN, "the_page_is_what_the_command_prints"),
    "decisions.source_faults.as_markdown: game": way(DECIDED, "the_page_is_what_the_command_prints", "what_a_person_decides_goes_before_the_catalogue"),
    "gates.accuracy_tripwire.dishonest_errors: reasons": way(DECIDED, CARRIED, "errors_that_cannot_be_honest_close_what_is_graded_after_them", "a_tripped_wire_is_no_tripwire_alert_once_a_person_lets_the_date_pass"),
    "gates.evidence.calendar.Calendar.undecided: backfill --from {} --to {}": way(OPEN, "an_undecided_game_to_come_whose_teams_are_known_degrades_its_date_and_is_named"),
    "gates.evidence.calendar.Calendar.without_tip_off: backfill --from {} --to {}": way(OPEN, "games_of_a_date_to_come_whose_tip_off_nobody_knows_are_named_with_what_is_live_then", "a_tip_off_that_nobody_knows_is_told_once_before_the_games_and_closes_when_it_is_known"),
    "gates.evidence.calendar.Held.__str__: game show {}": way(HELD, "the_date_passes_and_says_which_games_are_held_and_what_to_do", "a_broken_game_is_waited_for_until_the_deadline_then_held_and_released_when_whole"),
    "gates.evidence.coverage.Standing.waiting: reasons": way(OPEN, CARRIED, "games_that_are_not_final_are_a_wait_and_no_failed_run", "a_late_game_is_published_when_it_is_final"),
    "gates.evidence.needs.make_again: backfill --outdated{}": way(OPEN, "one_outdated_date_of_the_history_closes_predictions_and_names_the_one_command", "after_a_changed_formula_nothing_is_made_until_all_is_made_again_as_if_from_the_start"),
    "gates.gatekeeper.Gatekeeper.judge: reasons": way(OPEN, CARRIED, "the_context_of_a_date_waits_for_its_roster_and_for_yesterdays_summaries", "without_the_days_before_a_date_is_blocked_with_the_next_command"),
    "gates.gatekeeper.decided_about: game show {} --date {}": way(DECIDED, "the_lineage_of_a_date_names_what_was_decided_about_its_games"),
    "gates.overrides._append: OverrideError": way(OPEN, TYPED, "a_decision_that_cannot_be_recorded_is_refused_with_what_is_wrong_and_opens_nothing"),
    "gates.overrides.end_override: OverrideError": way(OPEN, "a_decision_that_cannot_be_recorded_is_refused_with_what_is_wrong_and_opens_nothing", "an_override_and_a_known_gap_are_ended_before_their_time"),
    "gates.overrides.end_override: gate overrides": way(OPEN, "a_decision_that_cannot_be_recorded_is_refused_with_what_is_wrong_and_opens_nothing", "an_override_and_a_known_gap_are_ended_before_their_time"),
    "gates.overrides.record_override: OverrideError": way(OPEN, TYPED, "a_decision_that_cannot_be_recorded_is_refused_with_what_is_wrong_and_opens_nothing", "an_override_lasts_a_week_at_most"),
    'gates.overrides.record_override: gate gap {} --by "your name" --because "why"': way(DECIDED, "a_decision_that_cannot_be_recorded_is_refused_with_what_is_wrong_and_opens_nothing", "a_recorded_known_gap_is_no_problem_any_more"),
    "gates.rules._made_without: backfill --from {} --to {}": way(OPEN, "rosters_that_never_came_hold_up_nobody_when_they_are_due_and_count_when_they_come"),
    "gates.rules._sentence: backfill --from {} --to {}": way(OPEN, "without_the_days_before_a_date_is_blocked_with_the_next_command", "what_waited_for_a_gate_is_made_when_the_reason_is_gone"),
    "gates.rules.enough_tables: reasons": way(OPEN, CARRIED, "three_of_five_and_both_critical_ones_as_a_rule", "three_of_five_and_both_critical_ones_in_the_warehouse"),
    "gates.rules.history_is_complete: reasons": way(OPEN, CARRIED, "one_missing_day_of_one_analytics_table_closes_every_date_that_looks_back_on_it", "a_recorded_known_gap_opens_the_look_back_again", "a_closed_gate_makes_its_date_wait_and_no_other_and_opens_by_itself"),
    "gates.rules.incomplete_inputs: reasons": way(OPEN, CARRIED, "without_the_days_before_a_date_is_blocked_with_the_next_command", "what_waited_for_a_gate_is_made_when_the_reason_is_gone"),
    "gates.rules.precompute_is_enough: reasons": way(OPEN, CARRIED, "one_row_instead_of_a_slate_closes_predictions", "features_made_before_their_inputs_changed_close_predictions", "a_table_that_is_gone_is_made_again"),
    "gates.rules.predictions_are_whole: reasons": way(OPEN, CARRIED, "predictions_of_one_system_that_are_missing_close_their_date", "a_prediction_that_cannot_be_closes_its_date", "honest_errors_and_whole_predictions_are_open"),
    "gates.rules.raw_is_complete: backfill --from {} --to {}": way(OPEN, "a_date_of_which_nothing_arrived_closes_itself_and_later_dates_look_back_past_it"),
    'gates.rules.raw_is_complete: gate gap {} --by "your name" --because "why"': way(DECIDED, "a_date_of_which_nothing_arrived_closes_itself_and_later_dates_look_back_past_it", "a_recorded_known_gap_opens_the_look_back_again"),
    "gates.rules.raw_is_complete: reasons": way(OPEN, CARRIED, "whatever_is_wrong_with_a_date_of_raw_closes_that_date_and_no_other", "a_missing_date_is_made_again_by_self_heal_alone_with_the_smallest_run_and_verified"),
    "gates.rules.unclear_games: game show {}": way(HELD, "the_gate_names_an_unclear_game_with_the_next_command_until_it_is_held", "what_the_schedule_has_wrong_of_games_holds_these_and_goes_when_it_is_corrected"),
    "landing.assets._failure: Failure": way(OPEN, "what_stood_before_is_not_taken_for_what_was_asked_when_the_source_is_down", "trouble_that_heals_or_does_no_harm_leaves_the_truth"),
    "landing.assets._failure: backfill --from {} --to {}": way(OPEN, "what_stood_before_is_not_taken_for_what_was_asked_when_the_source_is_down", "trouble_that_heals_or_does_no_harm_leaves_the_truth"),
    "landing.assets.ask_all: Failure": way(SOURCE_SETTING, SETTING, "what_is_not_the_truth_is_absent_and_the_run_says_why", "a_refusal_fails_at_once_with_what_to_do"),
    "monitoring.code_changes.evaluation: AssetCheckEvaluation": way(OPEN, CARRIED, "outdated_rows_are_made_again_from_the_landing_and_said_once"),
    "monitoring.code_changes.evaluation: backfill --outdated": way(OPEN, "outdated_rows_are_made_again_from_the_landing_and_said_once", "bringing_a_home_up_changes_no_row_and_no_live_prediction"),
    "monitoring.code_changes.evaluation: health": way(OPEN, "outdated_rows_are_made_again_from_the_landing_and_said_once", "health_counts_what_is_outdated_of_all_that_predictions_read"),
    "monitoring.data_quality._result: AssetCheckResult": way(OPEN, CARRIED, "the_check_warns_in_dagster_and_names_date_and_column"),
    "monitoring.freshness.Freshness.evaluation: AssetCheckEvaluation": way(OPEN, CARRIED, "after_a_load_what_is_late_alerts_once_and_closes_once_when_it_was_made_again"),
    "monitoring.freshness.Freshness.metadata: backfill --from {} --to {}": way(OPEN, "after_a_load_what_is_late_alerts_once_and_closes_once_when_it_was_made_again"),
    "monitoring.freshness._result: AssetCheckResult": way(OPEN, CARRIED, "the_checks_that_a_person_runs_in_the_ui_fail_where_a_date_is_not_what_was_published", "a_late_date_is_good_when_it_is_found_fresh"),
    "monitoring.freshness.evaluate_freshness: AssetCheckEvaluation": way(OPEN, CARRIED, "after_a_load_what_is_late_alerts_once_and_closes_once_when_it_was_made_again"),
    "monitoring.known_games.KnownGame.commands: game {}": way(DECIDED, "a_game_whose_rows_were_refused_is_shown_with_the_reasons_and_commands_that_work"),
    "monitoring.known_games.decided_about: game decisions": way(DECIDED, "health_names_decisions_of_its_dates_and_counts_the_others"),
    'monitoring.known_games.release_command: game accept {} --date {} --by "your name" --because "why"': way(DECIDED, "a_repair_is_shown_where_people_look_and_what_goes_before_it_is_named"),
    'monitoring.known_games.release_command: game release {} --date {} --by "your name" --because "why"': way(DECIDED, "a_decision_is_recorded_shown_and_taken_back"),
    "monitoring.ledger_verification._said_of: ledger verify --from {} --to {}": way(LEDGER, "a_broken_chain_fails_its_check_for_its_date_and_is_a_problem_of_health"),
    "monitoring.ledger_verification.command: ledger verify --from {} --to {}": way(LEDGER, "a_broken_chain_fails_its_check_for_its_date_and_is_a_problem_of_health"),
    "monitoring.ledger_verification.ledger_check.ledger_chain: AssetCheckResult": way(LEDGER, CARRIED, "a_broken_chain_fails_its_check_for_its_date_and_is_a_problem_of_health"),
    "monitoring.pipeline_health._left_by_killed_runs: Cause": way(OPEN, "a_killed_run_is_named_by_health_until_its_dates_are_made_and_by_who_closes_it"),
    "monitoring.pipeline_health._operated: Cause": way(OPEN, CARRIED, "two_weeks_of_which_nothing_was_loaded_are_one_problem_and_not_well"),
    "monitoring.pipeline_health._outdated: Cause": way(OPEN, "every_problem_of_every_kind_ends_in_a_command_that_can_be_typed", "health_counts_what_is_outdated_of_all_that_predictions_read"),
    "monitoring.pipeline_health._outdated: backfill --outdated": way(OPEN, "health_counts_what_is_outdated_of_all_that_predictions_read", "a_command_ends_with_what_the_table_says_and_its_json_says_the_same", "every_problem_of_every_kind_ends_in_a_command_that_can_be_typed"),
    "monitoring.pipeline_health._quiet_dates: Cause": way(DECIDED, "a_date_without_games_in_mid_season_is_a_problem_until_a_person_says_the_league_rests"),
    'monitoring.pipeline_health._quiet_dates: gate gap {} --by "your name" --because "the league rests"': way(DECIDED, "a_date_without_games_in_mid_season_is_a_problem_until_a_person_says_the_league_rests"),
    "monitoring.pipeline_health._silent_daemons: Cause": way(RESTART, "a_daemon_that_went_silent_is_a_problem_and_one_that_lives_or_never_was_is_none"),
    "monitoring.pipeline_health._silent_daemons: ui": way(RESTART, "a_daemon_that_went_silent_is_a_problem_and_one_that_lives_or_never_was_is_none", "every_problem_of_every_kind_ends_in_a_command_that_can_be_typed"),
    "monitoring.pipeline_health.health: Cause": way(LEDGER, CARRIED, "a_broken_chain_fails_its_check_for_its_date_and_is_a_problem_of_health"),
    "monitoring.pipeline_health.pipeline_health: AssetCheckResult": way(OPEN, CARRIED, "a_morning_with_problems_alerts_and_one_without_does_not"),
    "monitoring.pipeline_health.pipeline_health: health": way(OPEN, "a_morning_with_problems_alerts_and_one_without_does_not", "every_problem_of_every_kind_ends_in_a_command_that_can_be_typed"),
    "monitoring.season_schedule.KnownSchedule.causes: Cause": way(OPEN, "a_game_that_came_late_is_told_until_the_nightly_look_has_brought_it", "a_game_that_no_answer_lists_is_told_by_its_two_teams_once_the_schedule_is_whole"),
    "monitoring.season_schedule._result: AssetCheckResult": way(OPEN, CARRIED, "a_game_that_came_late_is_told_until_the_nightly_look_has_brought_it"),
    "monitoring.season_schedule.ask_schedule: landing schedule --season {}": way(OPEN, "a_game_that_no_answer_lists_is_told_by_its_two_teams_once_the_schedule_is_whole"),
    "monitoring.season_schedule.missing_from_answers: Cause": way(OPEN, "a_landed_schedule_that_is_damaged_is_a_problem_and_stops_no_report"),
    "monitoring.smoke_test.backfill_command: backfill --from {} --to {}": way(OPEN, "what_stood_before_is_not_taken_for_what_was_asked_when_a_gate_refuses", "a_missing_date_is_a_problem_with_its_table_and_closes_the_gates_behind_it"),
    "monitoring.smoke_test.cause_of: Cause": way(OPEN, CARRIED, "tables_that_fail_because_the_cache_is_short_of_players_are_one_line_under_it", "rows_made_of_what_has_changed_since_fail_and_say_what_makes_them_again"),
    "monitoring.smoke_test.cause_of_closing: Cause": way(OPEN, CARRIED, "what_stood_before_is_not_taken_for_what_was_asked_when_a_gate_refuses"),
    "monitoring.smoke_test.cause_of_closing: accuracy --from {} --to {}": way(DECIDED, "a_suspicion_of_the_tripwire_ends_in_the_command_that_shows_the_errors", "a_tripped_wire_is_no_tripwire_alert_once_a_person_lets_the_date_pass"),
    'monitoring.smoke_test.gap_in_force: gate end known_gap {} --by "your name" --because "why"': way(DECIDED, "dates_of_a_known_gap_are_left_out_and_named_with_the_command_that_ends_it"),
    "operations.backfill.backfill: smoke-test {} {}": way(OPEN, "runs_of_which_nobody_can_look_at_the_result_are_not_done"),
    "operations.backfill.failures_of: ui": way(OPEN, "a_run_that_failed_without_a_word_is_looked_at_in_the_ui"),
    "operations.explanation._feature_row: CannotExplainError": way(OPEN, TYPED, "what_is_gone_or_was_never_predicted_is_named_with_the_command_that_predicts"),
    "operations.explanation._player: CannotExplainError": way(OPEN, TYPED, "what_was_not_predicted_cannot_be_explained", "the_command_takes_a_unique_part_of_a_name_and_lists_who_else_is_meant"),
    "operations.explanation._player: backfill --from {} --to {}": way(OPEN, "what_is_gone_or_was_never_predicted_is_named_with_the_command_that_predicts", "what_was_not_predicted_cannot_be_explained"),
    "operations.explanation.explain: CannotExplainError": way(OPEN, TYPED, "what_was_not_predicted_cannot_be_explained"),
    "operations.home_cloning._alone: NotTriedError": way(OPEN, TYPED, "of_two_clones_in_one_folder_at_once_the_second_is_refused_and_touches_nothing"),
    "operations.home_cloning._refuse_what_is_there: NotTriedError": way(OPEN, TYPED, "a_place_where_no_clone_can_lie_is_refused_with_what_to_name", "what_a_killed_clone_has_left_is_begun_again_and_what_is_somebody_elses_is_not"),
    "operations.home_cloning.refuse_what_cannot_be_cloned: NotTriedError": way(OPEN, TYPED, "a_place_where_no_clone_can_lie_is_refused_with_what_to_name", "a_home_whose_tables_or_answers_lie_elsewhere_is_not_cloned"),
    "operations.home_cloning.refuse_what_cannot_be_cloned: warehouse copy --from {} --to {}": way(OPEN, "a_home_whose_tables_or_answers_lie_elsewhere_is_not_cloned"),
    "operations.runs.dagster_home: NotTriedError": way(OPEN, SETTING, "one_half_of_a_clone_is_refused_with_both_halves", "so_is_a_home_of_dagster", "every_other_folder_is_a_home"),
    "operations.warehouse_copying._compare: CopyError": way(COPY_ELSEWHERE, CARRIED, "what_arrives_other_than_it_was_sent_is_an_error_that_names_the_partition", "a_value_that_is_another_in_the_target_is_found_and_replaced"),
    "operations.warehouse_copying._refuse_others: CopyError": way(COPY_ELSEWHERE, CARRIED, "a_target_that_holds_other_partitions_is_refused_and_stays_as_it_is"),
    "precompute.calculations.past_games.PastGames.of: UndeclaredReadError": way(PROGRAM, DEFECT, "games_that_a_log_or_a_group_does_not_declare_are_not_there"),
    "predictions.calculations.ledger._differing: backfill --from {} --to {} --phase predictions": way(OPEN, "rows_that_no_run_recorded_are_found", "what_is_wrong_is_told_by_date_position_and_key"),
    "predictions.calculations.ledger.broken_links: ledger verify": way(LEDGER, "two_runs_that_added_to_one_chain_at_once_cannot_both_be_published", "a_live_row_without_a_whole_place_is_not_published"),
    "predictions.models.model_assets.past_of: Failure": way(OPEN, CARRIED, "a_model_is_not_trained_on_a_part_of_its_past"),
    "publishing.predictions_file._refuse_made_after_tip_off: NotPublishableError": way(LEDGER, "one_live_row_that_was_made_after_its_tip_off_keeps_all_from_being_published", "a_live_row_that_was_made_after_tip_off_keeps_its_date_from_being_published"),
    "publishing.predictions_file._refuse_made_after_tip_off: ledger verify --from {} --to {}": way(LEDGER, "a_live_row_that_was_made_after_tip_off_keeps_its_date_from_being_published"),
    "publishing.predictions_file.faults_of: reasons": way(PROGRAM, CARRIED, "what_breaks_the_schema_is_never_named", "what_cannot_be_read_back_is_never_named"),
    "publishing.published_days._named_by_latest: NotPublishedError": way(OPEN, "what_is_not_published_names_the_command_that_publishes_it", "the_command_publishes_today_and_says_where"),
    "publishing.published_days._named_by_latest: publish": way(OPEN, "what_is_not_published_names_the_command_that_publishes_it", "the_command_publishes_today_and_says_where"),
    "publishing.published_days._not_as_published: DamagedPublicationError": way(FOLDER, "a_published_file_that_is_not_what_was_published_is_named_and_nothing_follows_it", "a_damaged_date_is_published_again_once_it_and_the_index_are_moved_away_as_it_says"),
    "publishing.published_days._not_as_published: publish --from {} --to {}": way(FOLDER, "a_damaged_date_is_published_again_once_it_and_the_index_are_moved_away_as_it_says", "the_command_publishes_today_and_says_where"),
    "publishing.published_days.indexed: DamagedPublicationError": way(FOLDER, "an_index_that_cannot_be_read_is_named", "an_index_that_is_gone_is_made_again_of_what_is_published"),
    "publishing.published_days.indexed: publish": way(FOLDER, "an_index_that_cannot_be_read_is_named", "an_index_that_is_gone_is_made_again_of_what_is_published"),
    "publishing.published_days.published_day: NotPublishedError": way(OPEN, "what_is_not_published_names_the_command_that_publishes_it", "the_command_publishes_today_and_says_where"),
    "publishing.published_days.published_day: publish --from {} --to {}": way(OPEN, "what_is_not_published_names_the_command_that_publishes_it", "the_command_publishes_today_and_says_where"),
    "publishing.tonights_file._failure: Failure": way(OPEN, CARRIED, "a_later_prediction_waits_for_its_gate_and_is_then_a_file_that_names_the_one_before", "a_tampered_row_of_the_ledger_keeps_its_date_from_being_published"),
    "publishing.tonights_file._failure: backfill --from {} --to {}": way(OPEN, "a_later_prediction_waits_for_its_gate_and_is_then_a_file_that_names_the_one_before"),
    "publishing.tonights_file.published_files_stand.files_stand: AssetCheckResult": way(LEDGER, CARRIED, "a_tampered_row_of_the_ledger_keeps_its_date_from_being_published"),
    "publishing.tonights_file.published_files_stand.files_stand: publish --from {} --to {}": way(LEDGER, "a_tampered_row_of_the_ledger_keeps_its_date_from_being_published"),
    "raw.games.asset: game show {} --date {}": way(HELD, "what_the_schedule_has_wrong_of_games_holds_these_and_goes_when_it_is_corrected"),
    "raw.games.played_by_the_schedule: game show {} --date {}": way(OPEN, "what_the_season_schedule_has_as_final_is_not_cancelled_by_one_answer_and_is_told"),
    "raw.held_games.faults_by_game: reasons": way(HELD, CARRIED, "an_unreadable_item_holds_the_game_that_it_names_or_else_the_game_of_its_team", "a_game_with_faults_is_waited_for_until_the_deadline_and_held_from_then_on"),
    "raw.held_games.judged_dates: game show {}": way(HELD, "each_kind_of_broken_game_is_held_with_its_reason", "a_broken_game_is_waited_for_until_the_deadline_then_held_and_released_when_whole"),
    "raw.parsing.landed._add: reasons": way(HELD, CARRIED, "a_box_score_that_cannot_be_read_still_refuses_its_date", "what_cannot_be_read_refuses_its_date_unless_its_game_is_held"),
    "raw.parsing.landed._refuse_what_says_nothing: reasons": way(OPEN, CARRIED, "a_date_of_which_no_game_can_be_read_is_refused_for_a_format_changed_and_no_game_broke", "an_answer_in_another_format_refuses_all_its_dates_and_is_no_empty_one"),
    "raw.parsing.landed.read_landed: backfill --from {} --to {} --phase landing": way(OPEN, "a_range_of_thirty_dates_publishes_29_blocks_one_and_the_ui_shows_it_until_it_heals", "a_missing_date_is_made_again_by_self_heal_alone_with_the_smallest_run_and_verified"),
    "raw.parsing.landed.read_landed: reasons": way(OPEN, "a_range_of_thirty_dates_publishes_29_blocks_one_and_the_ui_shows_it_until_it_heals", "a_date_about_which_nothing_was_landed_stays_refused_whatever_is_held"),
    "raw.player_box_scores.earlier_records: backfill --from {} --to {} --phase raw": way(OPEN, "a_game_kept_from_an_answer_that_is_gone_is_judged_again"),
    "raw.player_box_scores.parsed_dates: reasons": way(HELD, CARRIED, "whole_rows_stay_when_the_landing_lost_their_answer_until_a_person_holds_the_game", "a_broken_game_is_waited_for_until_the_deadline_then_held_and_released_when_whole"),
    'raw.player_box_scores.taken_by_nobody: game hold {} --date {} --by "your name" --because "why"': way(DECIDED, "whole_rows_stay_when_the_landing_lost_their_answer_until_a_person_holds_the_game"),
    "raw.players.whole_rosters: backfill --from {} --to {}": way(OPEN, "an_answer_that_lists_no_team_that_plays_refuses_its_date", "rosters_of_now_neither_refuse_a_past_date_nor_are_named_of_it"),
    "raw.players.whole_rosters: reasons": way(OPEN, "an_answer_that_lists_no_team_that_plays_refuses_its_date", "rosters_of_now_neither_refuse_a_past_date_nor_are_named_of_it"),
    "raw.players.without: backfill --from {} --to {}": way(OPEN, "when_rosters_are_due_an_answer_that_lists_no_team_is_told_and_refuses_nothing", "rosters_that_never_came_hold_up_nobody_when_they_are_due_and_count_when_they_come"),
    "raw.rules.unclear_games._of_teams_that_play_twice: reasons": way(HELD, CARRIED, "games_that_share_a_team_are_unclear_with_the_reason_and_the_others_stand", "a_game_that_is_unclear_is_waited_for_and_held_from_the_deadline_on"),
    "raw.rules.unclear_games._once: reasons": way(HELD, CARRIED, "the_same_game_listed_word_for_word_is_one_and_otherwise_it_is_unclear", "a_game_that_is_unclear_is_waited_for_and_held_from_the_deadline_on"),
    "raw.rules.unclear_games.clear_games: reasons": way(HELD, CARRIED, "what_a_game_cannot_be_makes_it_unclear", "a_game_that_is_unclear_is_waited_for_and_held_from_the_deadline_on"),
    "settings.Settings: landing clean-up": way(OPEN, "the_command_says_what_it_would_remove_removes_it_and_keeps_everything_unless_told"),
    "sources.answers._cursor: NoPageError": way(OPEN, RETRIED, "what_is_no_page_is_tried_again_and_named_for_people"),
    "sources.answers._inflated: NoPageError": way(OPEN, RETRIED, "what_is_no_page_is_tried_again_and_named_for_people", "an_answer_that_unpacks_without_end_is_given_up_before_it_fills_the_memory"),
    "sources.answers._object: NoPageError": way(OPEN, RETRIED, "what_is_no_page_is_tried_again_and_named_for_people"),
    "sources.answers._without_layer: NoPageError": way(OPEN, RETRIED, "what_is_no_page_is_tried_again_and_named_for_people"),
    "sources.answers.list_page: NoPageError": way(OPEN, RETRIED, "what_is_no_page_is_tried_again_and_named_for_people"),
    "sources.answers.single_page: NoPageError": way(OPEN, CARRIED, "without_an_answer_about_it_the_new_list_counts_and_the_game_stays_as_it_stood"),
    "sources.answers.unpacked: NoPageError": way(OPEN, RETRIED, "what_is_no_page_is_tried_again_and_named_for_people"),
    "sources.balldontlie.BalldontlieClient._attempt: NoPageError": way(OPEN, RETRIED, "an_answer_cut_off_on_the_way_is_kept_as_evidence", "an_answer_without_end_is_hung_up_on"),
    "sources.balldontlie.BalldontlieClient._get: SourceRefused": way(SOURCE_SETTING, SETTING, "an_address_that_is_none_is_refused_at_once"),
    "sources.balldontlie.BalldontlieClient._key: KeyRefused": way(SOURCE_SETTING, SETTING, "without_a_key_nothing_is_asked_and_the_way_without_one_is_named", "a_key_that_no_header_can_carry_is_never_shown"),
    "sources.balldontlie.BalldontlieClient._not_answered: GameRefused": way(OPEN, CARRIED, "without_an_answer_about_it_the_new_list_counts_and_the_game_stays_as_it_stood"),
    "sources.balldontlie.BalldontlieClient._not_answered: KeyRefused": way(SOURCE_SETTING, SETTING, "a_refusal_fails_at_once_with_what_to_do", "a_key_that_lapsed_uses_up_no_patience_and_its_alert_names_setting_and_next_command"),
    "sources.balldontlie.BalldontlieClient._not_answered: SourceRefused": way(SOURCE_SETTING, SETTING, "a_refusal_fails_at_once_with_what_to_do", "an_api_that_has_moved_for_good_is_named_at_once"),
    "sources.balldontlie.BalldontlieClient._page: SourceUnavailable": way(OPEN, CARRIED, "five_attempts_and_then_every_cause_is_told", "a_wait_that_would_outlive_the_run_ends_the_question_with_what_was_tried"),
    "sources.balldontlie.BalldontlieClient._pages: SourceUnavailable": way(OPEN, CARRIED, "a_cursor_that_was_named_before_ends_the_question", "empty_pages_with_ever_new_cursors_come_to_an_end"),
    "sources.balldontlie._item: DamagedLandingError": way(OPEN, CARRIED, "a_landed_body_about_one_game_that_is_none_names_the_folder_to_move_away", "a_capture_whose_note_is_damaged_names_the_folder_to_move_away"),
    "sources.balldontlie._items: DamagedLandingError": way(FOLDER, SETTING, "a_landed_body_that_is_no_page_names_the_folder_to_move_away"),
    "sources.bucket_store._reached: LandingUnavailableError": way(CREDENTIALS, SETTING, "a_bucket_that_is_not_there_is_no_empty_landing"),
    "sources.landing.Capture.request: DamagedLandingError": way(OPEN, CARRIED, "a_note_of_what_was_asked_that_is_damaged_names_the_folder_to_move_away", "a_capture_whose_note_is_damaged_names_the_folder_to_move_away"),
    "sources.landing.Page.body: DamagedLandingError": way(FOLDER, SETTING, "a_flipped_byte_in_the_landing_is_found", "a_page_whose_file_is_gone_names_the_folder_to_move_away", "an_answer_that_was_damaged_closes_its_date_and_holds_up_no_other"),
    "sources.landing.read_capture: DamagedLandingError": way(FOLDER, SETTING, "a_capture_whose_note_is_damaged_names_the_folder_to_move_away"),
    "warehouse.audit.audit_promises: reasons": way(OPEN, CARRIED, "a_promise_about_a_date_as_a_whole_is_kept_or_the_date_refused"),
    "warehouse.audit.conform: ContractError": way(PROGRAM, DEFECT, "rows_with_other_columns_are_refused_as_a_whole"),
    "warehouse.audit.describe_gaps: reasons": way(OPEN, CARRIED, "an_empty_or_shrunken_result_never_replaces_what_is_expected", "keys_beyond_the_expected_ones_are_refused"),
    "warehouse.bigquery_budget.Governor.refuse_beyond: BudgetExceededError": way(BUDGET, SETTING, "a_query_over_budget_is_refused_before_it_runs", "a_run_ends_where_its_budget_does_and_the_next_has_its_own"),
    "warehouse.bigquery_errors.reached: QueryError": way(CREDENTIALS, SETTING, "rows_that_do_not_arrive_are_an_error_of_the_warehouse"),
    "warehouse.bigquery_errors.reached: WarehouseUnavailableError": way(OPEN, RETRIED, "rows_that_do_not_arrive_are_an_error_of_the_warehouse", "a_step_that_finds_the_warehouse_held_is_retried"),
    "warehouse.bigquery_jobs.Jobs._done: JobFailedError": way(WITHIN, "a_writer_whose_lease_went_to_another_publishes_nothing"),
    "warehouse.bigquery_jobs.Jobs._done: QueryError": way(OPEN, CARRIED, "a_job_that_outlasts_its_time_limit_is_cancelled_and_named"),
    "warehouse.bigquery_jobs.Jobs._run: QueryError": way(CREDENTIALS, CARRIED, "a_job_that_bigquery_refuses_is_an_error_of_the_warehouse"),
    "warehouse.bigquery_jobs.Jobs._unavailable: WarehouseUnavailableError": way(OPEN, RETRIED, "an_outage_at_the_commit_leaves_the_partition_as_before_or_as_after"),
    "warehouse.bigquery_warehouse.BigQuerySession._in_time: QueryError": way(OPEN, CARRIED, "what_bigquery_is_not_even_asked_is_an_error_of_the_warehouse"),
    "warehouse.bigquery_warehouse.BigQuerySession._place: QueryError": way(PROGRAM, DEFECT, "what_bigquery_is_not_even_asked_is_an_error_of_the_warehouse"),
    "warehouse.bigquery_warehouse.BigQuerySession._rows_of: QueryError": way(PROGRAM, DEFECT, "rows_of_bigquery_with_other_columns_or_types_are_no_answer"),
    "warehouse.bigquery_warehouse.BigQuerySession.replace: WarehouseError": way(PROGRAM, DEFECT, "what_bigquery_is_not_even_asked_is_an_error_of_the_warehouse"),
    "warehouse.bigquery_warehouse.BigQueryWarehouse._take_lease: WarehouseBusyError": way(OPEN, SETTING, "a_writer_waits_for_the_lease_and_names_what_to_do"),
    "warehouse.bigquery_warehouse._statement: QueryError": way(PROGRAM, DEFECT, "what_bigquery_is_not_even_asked_is_an_error_of_the_warehouse"),
    "warehouse.date_scope.OpenDates.require: QueryError": way(PROGRAM, DEFECT, "a_query_about_dates_that_nobody_named_is_an_error_and_not_no_rows", "a_transform_whose_inputs_nobody_bounded_is_an_error_and_not_no_rows", "what_bigquery_is_not_even_asked_is_an_error_of_the_warehouse"),
    "warehouse.duckdb_files._instance_of: FileInUseError": way(CONNECTION, CARRIED, "a_step_waits_for_another_process_to_let_go", "sessions_of_a_process_that_open_a_file_alike_share_it_and_the_last_one_lets_it_go"),
    "warehouse.duckdb_warehouse.DuckDBSession._asked: QueryError": way(OPEN, CARRIED, "a_gate_that_cannot_be_evaluated_is_closed_for_every_date", "a_question_that_duckdb_cannot_answer_is_an_error_of_the_warehouse"),
    "warehouse.duckdb_warehouse.DuckDBSession._in_time: QueryError": way(OPEN, CARRIED, "a_gate_that_takes_too_long_is_closed_for_every_date", "a_time_limit_ends_a_long_query_and_holds_between_queries_and_after_the_last"),
    "warehouse.duckdb_warehouse.DuckDBSession._replace_one: WarehouseError": way(PROGRAM, DEFECT, "rows_that_do_not_stand_where_they_were_written_are_not_published"),
    "warehouse.duckdb_warehouse.DuckDBSession.query: QueryError": way(PROGRAM, DEFECT, "a_question_that_duckdb_cannot_answer_is_an_error_of_the_warehouse"),
    "warehouse.duckdb_warehouse.DuckDBWarehouse._not_opened: WarehouseBusyError": way(CONNECTION, SETTING, "a_step_that_waited_in_vain_names_the_process_that_holds_the_lock", "a_step_waits_for_another_process_to_let_go"),
    "warehouse.duckdb_warehouse.DuckDBWarehouse._not_opened: WarehouseError": way(FOLDER, SETTING, "a_file_that_is_no_database_is_named"),
    "warehouse.duckdb_warehouse._copied: WarehouseError": way(OPEN, CARRIED, "tables_that_cannot_be_copied_name_the_file_and_fail_the_clone"),
    "warehouse.duckdb_warehouse._copied_table: WarehouseError": way(OPEN, CARRIED, "a_table_that_does_not_arrive_whole_in_a_copy_is_an_error_that_counts", "tables_that_cannot_be_copied_name_the_file_and_fail_the_clone"),
    "warehouse.publish.publish: reasons": way(OPEN, CARRIED, "a_broken_row_refuses_its_date_and_no_other", "an_empty_or_shrunken_result_never_replaces_what_is_expected"),
    "warehouse.schema_changes.columns_to_add: SchemaMismatchError": way(SCHEMA, SETTING, "an_added_column_is_applied_and_another_type_refused"),
}
