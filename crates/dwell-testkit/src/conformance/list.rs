//! The list of all cases, what each needs of a store, and the macros that make
//! tests of them.

/// Makes a `#[test]` of every case that a store must pass, in a module with the
/// given name.
///
/// | form | cases |
/// |---|---|
/// | `store_conformance!(name, make)` | the suite, for every store |
/// | `store_conformance!(name, own_clock, make)` | those of the suite that move no clock |
/// | `store_conformance!(name, outliving, make)` | [`outliving`](crate::conformance::outliving), for a store that outlives its nodes |
/// | `store_conformance!(name, outage, make)` | [`outage`](crate::conformance::outage), for a store whose server can be away |
/// | `store_conformance!(name, newer, make)` | [`newer`](crate::conformance::newer), for a store that nodes of two versions share |
/// | `store_conformance!(name, in_one, start, make)` | the suite, in one test on one server |
/// | `store_conformance!(name, in_one, own_clock, start, make)` | those that move no clock, in one test on one server |
///
/// `make` is an async function that creates an empty store for each case, which
/// nothing else uses: a [`DriveClock`](crate::conformance::DriveClock); for
/// `own_clock` any store; for `outage` a
/// [`TakeAway`](crate::conformance::outage::TakeAway); for `newer` a
/// [`WriteReason`](crate::conformance::newer::WriteReason).
///
/// ```
/// # fn main() {}
/// use dwell_core::{ManualClock, minutes};
/// use dwell_memory::MemoryStore;
/// use dwell_testkit::conformance::OnManualClock;
/// use dwell_testkit::{FaultyStore, store_conformance};
///
/// async fn memory_store() -> OnManualClock<MemoryStore> {
///     let clock = ManualClock::new();
///     let store = MemoryStore::with_clock_and_tombstones(clock.clone(), minutes(10));
///     OnManualClock::new(store, clock, minutes(10))
/// }
///
/// store_conformance!(memory, memory_store);
/// // The same store on the system's clock.
/// store_conformance!(memory_on_system_clock, own_clock, async || MemoryStore::new());
/// // `FaultyStore` stands here for a store and its server.
/// store_conformance!(server_away, outage, async || FaultyStore::new(MemoryStore::new()));
/// ```
///
/// With `in_one` the cases run one after another in one `#[test]`, for a store
/// whose server takes long to start. `start` starts the server, and `make`
/// receives it. When a case fails, the others still run.
///
/// ```
/// # fn main() {}
/// # use dwell_core::{ManualClock, minutes};
/// # use dwell_memory::MemoryStore;
/// # use dwell_testkit::conformance::OnManualClock;
/// use dwell_testkit::store_conformance;
///
/// struct Server;
///
/// store_conformance!(on_one_server, in_one, async || Server, async |_server: &Server| {
///     let clock = ManualClock::new();
///     let store = MemoryStore::with_clock_and_tombstones(clock.clone(), minutes(10));
///     OnManualClock::new(store, clock, minutes(10))
/// });
/// ```
#[macro_export]
macro_rules! store_conformance {
    ($name:ident, in_one, own_clock, $start:expr, $make:expr $(,)?) => {
        $crate::__conformance_cases! { own_clock, in_one [$name, $start, $make] }
    };
    ($name:ident, in_one, $start:expr, $make:expr $(,)?) => {
        $crate::__conformance_cases! { suite, in_one [$name, $start, $make] }
    };
    ($name:ident, $cases:ident, $make:expr $(,)?) => {
        $crate::__conformance_cases! { $cases, tests [$name, $make] }
    };
    ($name:ident, $make:expr $(,)?) => {
        $crate::__conformance_cases! { suite, tests [$name, $make] }
    };
}

/// All cases, by what they need of the store under test.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_cases {
    ($cases:ident, $then:ident $with:tt) => {
        $crate::__conformance_then! {
            $cases, $then $with;
            // Any store: `StoreUnderTest`.
            any {
                adopted::n98_other_subject_under_one_id_is_other_session
                adopted::n100_refreshed_proof_starts_nothing_afresh
                adopted::n101_ended_session_is_not_adopted_again
                adopted::n102_unstated_authentication_time_stays_unstated
                adopted::n103_newer_proof_is_heard_once_and_kept
                adopted::n103_adopted_sessions_count_towards_limit
                adopted::n103_session_ended_before_adoption_is_not_adopted
                clock::l11_every_answer_carries_store_time
                clock::l11_touch_from_clock_ahead_counts_as_now
                clock::l11_touch_from_clock_ahead_gains_no_idle_time
                clock::l11_touch_from_clock_behind_moves_nothing_back
                clock::l11_touch_at_end_of_time_counts_as_now
                end::end_returns_session_and_leaves_tombstone
                end::l12_one_of_many_concurrent_ends_wins
                end::second_end_returns_none_and_changes_nothing
                end::second_end_can_only_add_a_successor
                end::successor_of_unknown_session_creates_nothing
                end::l12_expired_session_is_ended_once
                end::l19_many_sessions_end_in_one_call
                end::l12_concurrent_ends_of_many_report_each_once
                failures::n67_failures_at_once_are_all_counted
                failures::n67_fifth_of_failures_at_once_ends_session_once
                failures::n67_failure_conflicts_with_no_update
                failures::n67_count_of_failures_stays_at_its_largest
                failures::l04_ended_session_counts_no_failure
                keeping::new_session_is_found_as_created
                keeping::n50_unknown_key_finds_and_creates_nothing
                keeping::key_in_use_stays_with_its_session
                keeping::l04_key_of_ended_session_is_not_reused
                keeping::one_of_concurrent_creations_under_one_key_wins
                keeping::lookup_changes_nothing
                keeping::sessions_under_similar_keys_do_not_mix
                keeping::local_store_answers_at_once
                limit::without_limit_every_login_is_kept
                limit::login_beyond_limit_is_refused_and_changes_nothing
                limit::least_recently_active_session_makes_room
                limit::lowered_limit_ends_all_surplus_sessions
                limit::replaced_session_does_not_count
                limit::expired_sessions_do_not_count
                limit::ended_sessions_do_not_count
                limit::sessions_of_other_subjects_do_not_count
                limit::key_in_use_ends_no_session
                limit::racing_logins_never_exceed_limit
                limit::racing_logins_end_one_session_each
                locking::locked_session_takes_no_touch
                locking::reauthentication_opens_lock
                locking::idle_session_can_be_locked_and_unlocked
                locking::locked_session_can_be_ended
                locking::locked_session_counts_towards_limit
                open_part::every_open_part_round_trips
                open_part::only_reauthentication_changes_open_part
                open_part::open_part_is_replaced_by_compare_and_set
                records::every_field_round_trips
                records::verifier_hashes_keep_all_bits
                records::extreme_values_round_trip
                records::pause_of_years_outlasts_any_idle_timeout
                records::infinite_deadline_never_passes
                records::l09_debug_shows_no_secret
                subjects::subject_finds_only_its_sessions
                subjects::list_shows_current_state
                subjects::ended_sessions_leave_list
                subjects::subjects_are_compared_byte_by_byte
                subjects::very_long_subject_is_kept_whole
                subjects::subject_with_zero_byte_is_kept_or_refused
                together::l04_concurrent_touches_and_updates_undo_nothing
                together::l04_change_meeting_end_is_in_tombstone_or_refused
                together::concurrent_logins_and_ends_keep_list_correct
                together::dropped_creation_is_whole_or_absent
                together::dropped_end_is_whole_or_absent
                together::dropped_login_ends_no_session_for_nothing
                touch::n16_touch_records_activity_and_deadline_only
                touch::l05_older_touch_moves_nothing_back
                touch::touch_and_load_looks_up_after_touching
                touch::touches_agree_with_pure_function
                touch::l05_latest_of_concurrent_touches_stays
                touch::l04_touch_undoes_no_update_since_lookup
                touch::l04_ended_session_takes_no_touch
                touch::l04_touch_after_deadline_revives_nothing
                update::updates_agree_with_pure_function
                update::update_for_other_version_conflicts
                update::every_update_makes_new_version
                update::touch_since_lookup_is_no_conflict
                update::n46_one_of_many_concurrent_rotations_wins
                update::l04_ended_session_takes_no_update
                update::l03_no_update_moves_absolute_deadline
                update::n46_dropped_rotation_is_whole_or_absent
                update::adopted_session_stays_adopted
            }
            // A clock that is moved: `DriveClock`.
            driven {
                clock::store_clock_moves_only_when_moved
                failures::n11_failure_at_hard_deadline_is_too_late
                retried_touch::n58_retried_touch_counts_until_its_own_deadline
                keeping::expired_session_stays_until_ended
                locking::idle_session_is_locked_once_then_ends
                locking::session_locked_by_request_is_not_locked_again
                locking::unlocked_session_is_not_ended_for_old_lock
                locking::n69_authentication_at_idle_deadline_is_too_late
                locking::n69_authentication_at_end_of_lock_is_too_late
                open_part::reaper_keeps_open_part
                reapers::l12_concurrent_reapers_report_each_end_once
                reapers::n20_requests_and_reapers_report_each_end_once
                reapers::l04_touch_during_pass_saves_session_or_is_late
                reaping::pass_with_nothing_due_does_nothing
                reaping::l12_due_sessions_end_once_with_own_reason
                reaping::n22_pass_is_bounded_and_says_if_more_is_due
                reaping::l12_touched_session_is_reaped_at_new_deadline
                reaping::l06_stricter_policy_reaches_unused_sessions
                reaping::l06_looser_policy_moves_no_recorded_deadline
                reaping::due_session_is_found_among_many_others
                tombstones::l13_tombstone_is_kept_for_its_lifetime
                tombstones::l13_reaped_session_leaves_tombstone
                tombstones::l04_adopted_tombstone_outlives_absolute_deadline
                tombstones::adopted_tombstone_is_kept_for_usual_lifetime
                tombstones::successor_prolongs_no_tombstone
                tombstones::l22_newest_tombstones_of_a_subject_are_kept
                tombstones::l22_tombstones_of_many_ends_at_once_are_capped
                touch::n11_touch_at_idle_deadline_is_too_late
                touch::n11_touch_at_absolute_deadline_is_too_late
                touch::n11_touch_at_provider_deadline_is_too_late
                touch::touched_session_lives_until_new_deadline
                update::n11_update_at_absolute_deadline_is_too_late
                update::n11_update_at_provider_deadline_is_too_late
            }
                        // `DriveClock`, and a store that outlives its nodes.
            outliving {
                outliving::l12_unacknowledged_end_is_handed_out_again
                outliving::l12_unreported_reaped_ends_are_handed_out_again
                outliving::l12_unreported_end_goes_to_one_of_many_reapers
                outliving::l12_end_is_kept_until_reported
            }
            // A server that can be away: `TakeAway`.
            outage {
                outage::l08_store_without_server_answers_with_errors
                outage::l08_outage_changes_nothing
                outage::l08_failed_operations_succeed_after_outage
            }
            // A hand that writes into it past the store: `WriteReason`.
            newer {
                newer::l04_what_a_newer_version_ended_stays_ended
            }
        }
    };
}

/// Selects cases, and makes tests or a list of them.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_then {
    (suite, $then:ident $with:tt; any { $($any:tt)* } driven { $($driven:tt)* } $($other:tt)*) => {
        $crate::__conformance_then! { $then $with $($any)* $($driven)* }
    };
    (own_clock, $then:ident $with:tt; any { $($any:tt)* } $($other:tt)*) => {
        $crate::__conformance_then! { $then $with $($any)* }
    };
    (
        outliving, $then:ident $with:tt;
        any $any:tt driven $driven:tt outliving { $($outliving:tt)* } $($other:tt)*
    ) => {
        $crate::__conformance_then! { $then $with $($outliving)* }
    };
    (
        outage, $then:ident $with:tt;
        any $any:tt driven $driven:tt outliving $outliving:tt outage { $($outage:tt)* }
        $($other:tt)*
    ) => {
        $crate::__conformance_then! { $then $with $($outage)* }
    };
    (
        newer, $then:ident $with:tt;
        any $any:tt driven $driven:tt outliving $outliving:tt outage $outage:tt
        newer { $($newer:tt)* }
    ) => {
        $crate::__conformance_then! { $then $with $($newer)* }
    };
    (all, $then:ident $with:tt; $($need:ident { $($cases:tt)* })*) => {
        $crate::__conformance_then! { $then $with $($($cases)*)* }
    };

    (tests [$name:ident, $make:expr] $($subject:ident::$case:ident)*) => {
        mod $name {
                        #[allow(unused_imports, reason = "a closure may need no import")]
            use super::*;

            $(#[test]
            fn $case() {
                $crate::conformance::run($make, $crate::conformance::$subject::$case);
            })*
        }
    };
    (in_one [$name:ident, $start:expr, $make:expr] $($subject:ident::$case:ident)*) => {
        #[test]
        fn $name() {
            let mut all = $crate::conformance::InOne::start($start);
            $(all.run(stringify!($case), $make, $crate::conformance::$subject::$case);)*
            all.finish();
        }
    };
    (names [] $($subject:ident::$case:ident)*) => {
        &[$(stringify!($case)),*]
    };
}
