//! The promises of the queue, one file per promise.

mod batch;
mod cancel;
mod complete;
mod cron;
mod drain;
mod enqueue;
mod events;
mod failure;
mod forget;
mod limits;
mod manage;
mod pause;
mod progress;
mod rescue;
mod retention;
mod roundtrip;
mod start;
mod subscribe;
mod trace;
mod unique;
mod upgrade;

use std::pin::Pin;

use super::Case;
use super::kit::{Done, Queue};

/// The one list of all cases; `$then` is a macro that gets them.
#[doc(hidden)]
#[macro_export]
macro_rules! __mcsv_jobs_cases {
    ([$($then:tt)*] $($args:tt)*) => {
        $($then)* ! {
            [$($args)*]
            roundtrip {
                a_job_is_run_once_with_its_arguments_and_records_its_result
                a_batch_is_enqueued_in_order_and_listed_page_by_page
                higher_priorities_start_first_and_equal_ones_in_order
                two_processes_on_one_queue_share_its_jobs_and_run_none_twice
            }
            enqueue {
                a_job_exists_if_and_only_if_the_callers_transaction_commits
                many_jobs_exist_if_and_only_if_the_callers_transaction_commits
                an_idle_worker_notices_a_commit_of_somebody_else
                callers_at_the_same_time_each_get_their_own_job
                one_refused_caller_does_not_harm_the_others_of_his_group
                a_scheduled_job_waits_for_its_time
                a_job_for_a_time_that_has_passed_waits_from_its_enqueue_on
                wrong_names_are_refused
            }
            start {
                an_idle_worker_starts_what_is_enqueued
                many_jobs_start_as_they_are_enqueued_and_by_priority
                nothing_starts_as_it_is_enqueued_in_a_queue_that_holds_it_back
                what_is_due_later_or_unique_is_enqueued_as_ever
                a_caller_who_gives_up_holds_up_no_job
                a_shutdown_while_a_job_is_enqueued_leaves_it_to_the_next_worker
            }
            unique {
                a_unique_job_is_one_until_it_has_ended
                of_many_callers_at_the_same_time_one_makes_the_job
                twins_in_one_batch_are_one_job
                a_retry_is_refused_while_another_job_has_the_key
                of_ended_jobs_with_one_key_the_newest_is_replayed
                a_key_until_the_start_lets_one_job_wait_for_the_running_one
                a_key_with_a_period_stands_beyond_the_end_and_not_in_the_next_one
                of_many_callers_in_one_period_one_makes_the_job
                a_waiting_job_takes_over_what_its_twin_replaces
                a_running_or_ended_job_takes_nothing_over
                a_follow_up_keeps_the_rule_of_its_key
                states_in_which_a_key_can_be_lost_and_wanted_back_are_refused
            }
            failure {
                a_failed_job_is_tried_again_after_its_stored_back_off_until_its_budget_is_gone
                a_retry_after_a_time_waits_for_it_and_ends_with_the_budget
                a_panic_is_a_failed_attempt
                an_attempt_that_takes_too_long_is_a_failed_one
                a_permanent_error_and_a_discard_are_dead_letters_at_once
                an_undecodable_job_is_a_dead_letter_and_harms_no_other
                a_dead_letter_enqueues_its_follow_ups_with_itself
                a_follow_up_is_enqueued_with_the_completion
                a_snooze_uses_up_no_attempt
            }
            rescue {
                an_orphan_runs_again_and_the_late_answer_of_its_first_worker_is_refused
                a_job_that_loses_its_worker_every_time_is_a_dead_letter
                a_job_that_is_too_old_for_another_attempt_is_not_rescued
                a_worker_that_is_busy_for_longer_than_its_lease_keeps_its_jobs
                a_unique_key_that_is_asked_for_during_a_rescue_stays_with_one_job
                an_attempt_whose_claim_a_crash_took_back_cannot_end_the_next_one
                a_worker_that_claims_again_what_a_crash_took_back_tells_the_first_attempt
                a_worker_outlives_a_database_that_refuses_and_loses_no_outcome
            }
            drain {
                a_shutdown_lets_the_running_job_end_and_starts_no_other
                a_shutdown_before_the_start_waits_for_nothing
                a_job_that_outlasts_the_drain_goes_back_without_an_attempt_used_up
                workers_that_are_dropped_give_their_jobs_back
                a_shutdown_under_load_loses_no_job_and_repeats_none
            }
            cancel {
                a_waiting_job_is_cancelled_at_once
                a_running_job_hears_of_its_cancel_from_another_process
                a_called_off_handler_that_did_not_get_done_leaves_no_dead_letter
                a_handler_can_cancel_its_own_job
            }
            manage {
                dead_letters_are_found_by_their_error_and_replayed
                a_retry_gives_a_full_budget_again
                only_an_ended_job_can_be_retried
                stats_count_by_queue_and_state
                depths_tell_kinds_apart_and_the_age_of_the_oldest
                depths_are_counted_without_a_look_at_what_has_ended
                ends_are_found_by_their_ids_whatever_has_run
                pruning_takes_ended_jobs_and_the_events_of_those_that_are_gone
                the_events_of_a_job_are_pruned_together
                a_wait_that_is_too_short_says_so
                ended_jobs_are_found_by_the_time_of_their_end
            }
            pause {
                a_paused_queue_starts_nothing_until_it_is_resumed
            }
            complete {
                a_job_ends_with_its_own_transaction_and_not_without_it
                a_worker_that_lost_its_lease_commits_nothing
                only_done_completes_a_job
                a_job_that_is_completed_and_not_committed_costs_no_other_its_lease
            }
            batch {
                a_batch_enqueues_its_completion_once_when_its_last_job_has_ended
                a_batch_without_jobs_or_with_cancelled_ones_ends_too
                a_job_adds_to_its_own_batch_before_it_ends
                the_jobs_of_a_batch_are_not_pruned_before_it_ends
                a_chain_goes_on_with_each_completion_and_ends_with_a_failure
            }
            progress {
                what_a_job_reports_is_seen_in_every_process_until_it_ends
                a_job_that_reports_all_the_time_holds_up_no_scheduled_one
            }
            limits {
                a_worker_runs_no_more_jobs_than_it_has_places
                no_number_of_workers_runs_more_than_the_limit
                a_full_partition_holds_up_no_other
                no_more_starts_than_the_rate_and_the_rest_afterwards
            }
            upgrade {
                a_database_of_an_earlier_version_keeps_its_jobs
                workers_go_on_across_a_migration_under_them
            }
            cron {
                a_tick_is_enqueued_once_wherever_a_process_dies_over_it
                every_day_has_one_tick_while_the_clocks_are_set
                missed_ticks_are_made_up_by_the_policy_of_their_schedule
            }
            retention {
                a_completed_job_leaves_its_events_alone
                who_watches_a_job_whose_row_is_not_kept_hears_of_its_end
                a_dead_letter_and_a_job_of_a_batch_are_kept
                a_stale_completion_deletes_nothing
                a_row_that_vanished_before_its_job_ended_is_found
            }
            forget {
                a_job_that_its_first_attempt_completes_leaves_nothing
                a_job_to_which_more_happens_has_its_history_from_the_enqueue_on
                a_waiting_job_that_is_changed_has_its_history_too
                a_running_job_of_which_nothing_is_replaced_leaves_nothing
                a_retry_is_answered_whoever_completes_the_job_meanwhile
                a_job_of_a_batch_is_logged_and_kept_whatever_its_kind_says
                who_watches_a_job_that_leaves_nothing_hears_of_its_end
                a_job_without_a_log_that_should_have_one_is_found
            }
            events {
                every_row_can_be_rebuilt_from_its_events
                the_log_goes_on_growing_in_order
                a_row_that_was_changed_past_the_log_is_found
                the_state_at_any_time_is_known
            }
            subscribe {
                every_event_comes_once_and_in_order_whoever_writes
                what_commits_late_is_not_missed
                a_subscriber_goes_on_from_a_stored_cursor
                events_outlive_their_jobs_and_cursors_their_events
                a_subscriber_hears_of_what_another_process_writes
                a_cursor_of_another_log_is_refused
                the_log_is_read_from_the_place_of_the_cursor
            }
            trace {
                a_handler_runs_in_the_trace_of_whoever_enqueued_its_job
                a_job_from_outside_of_any_trace_starts_one
            }
        }
    };
}

macro_rules! list {
    ([] $($module:ident { $($name:ident)* })*) => {
        pub(super) const CASES: &[Case] = &[
            $($(Case {
                name: stringify!($name),
                check: |queue| Box::pin($module::$name(queue)),
            },)*)*
        ];
    };
}

crate::__mcsv_jobs_cases!([list]);

pub(super) type Check = fn(Queue) -> Pin<Box<dyn Future<Output = Done> + Send>>;
