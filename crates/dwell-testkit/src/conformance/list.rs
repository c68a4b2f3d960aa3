//! Which cases there are, what each needs of a store, and the tests that they
//! become.

/// Makes a `#[test]` of every case that a store must pass, in a module of the
/// given name.
///
/// | form | cases |
/// |---|---|
/// | `store_conformance!(name, make)` | the suite, for every store |
/// | `store_conformance!(name, own_clock, make)` | those of the suite that need no clock to be moved |
/// | `store_conformance!(name, outliving, make)` | [`outliving`](crate::conformance::outliving), for a store that outlives its nodes |
/// | `store_conformance!(name, outage, make)` | [`outage`](crate::conformance::outage), for a store whose server can be away |
/// | `store_conformance!(name, newer, make)` | [`newer`](crate::conformance::newer), for a store that nodes of two versions share |
/// | `store_conformance!(name, in_one, start, make)` | the suite, in one test on one server |
/// | `store_conformance!(name, in_one, own_clock, start, make)` | those that need no clock to be moved, in one test on one server |
///
/// `make` is an async function that makes a store for each case, empty and with
/// nobody else at it: a [`DriveClock`](crate::conformance::DriveClock), for
/// `own_clock` any store, for `outage` a
/// [`TakeAway`](crate::conformance::outage::TakeAway), for `newer` a
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
/// store_conformance!(memory_by_the_wall, own_clock, async || MemoryStore::new());
/// // `FaultyStore` stands here for a store and its server.
/// store_conformance!(server_away, outage, async || FaultyStore::new(MemoryStore::new()));
/// ```
///
/// With `in_one` the cases run one after another in one `#[test]`, for a store
/// whose server takes long to start. `start` starts what all cases share, and
/// `make` receives it. A case that fails keeps no other from running.
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
                clock::l11_every_answer_carries_the_stores_time
                clock::l11_a_touch_from_a_clock_ahead_is_never_later_than_now
                clock::l11_a_touch_from_a_clock_ahead_gains_no_idle_time
                clock::l11_a_touch_from_a_clock_behind_moves_nothing_back
                clock::l11_a_touch_at_the_end_of_time_is_one_of_now
                end::an_end_gives_the_session_back_and_leaves_its_tombstone
                end::l12_of_many_ends_at_once_one_wins
                end::the_end_of_an_ended_session_is_nobodys_and_changes_nothing
                end::a_tombstone_learns_of_a_successor_and_of_nothing_else
                end::a_successor_of_an_unknown_session_creates_nothing
                end::l12_a_session_that_ran_out_is_still_ended_once
                keeping::a_new_session_is_found_as_it_was_created
                keeping::n50_an_unknown_key_finds_nothing_and_creates_nothing
                keeping::a_key_in_use_stays_with_its_session
                keeping::l04_the_key_of_an_ended_session_stays_dead
                keeping::of_creations_at_once_under_one_key_one_is_kept
                keeping::a_look_up_changes_nothing
                keeping::sessions_under_similar_keys_do_not_mix
                keeping::a_local_store_has_every_answer_at_once
                limit::without_a_limit_nobody_is_refused_and_nobody_leaves
                limit::a_login_beyond_the_limit_is_refused_and_changes_nothing
                limit::the_session_active_longest_ago_makes_room_and_is_told
                limit::a_lowered_limit_makes_all_that_exceed_it_leave
                limit::the_session_that_is_replaced_does_not_count
                limit::sessions_that_ran_out_do_not_count
                limit::sessions_that_have_ended_do_not_count
                limit::other_subjects_sessions_do_not_count
                limit::a_key_in_use_makes_nobody_leave
                limit::racing_logins_never_exceed_the_limit
                limit::racing_logins_end_one_session_each_and_never_exceed_the_limit
                locking::a_locked_session_takes_no_touch
                locking::a_reauthentication_opens_a_lock
                locking::an_idle_session_can_be_locked_and_opened_again
                locking::a_locked_session_can_be_ended
                locking::a_locked_session_counts_towards_the_limit
                open_part::every_open_part_comes_back
                open_part::only_a_statement_changes_the_open_part
                open_part::a_statement_replaces_the_open_part_by_compare_and_set
                records::every_field_comes_back
                records::checks_keep_all_their_bits
                records::extreme_values_come_back
                records::a_pause_of_years_stays_longer_than_any_idle_timeout
                records::a_deadline_that_never_comes_does_not_come
                records::l09_debug_shows_no_secret
                subjects::a_subject_finds_its_sessions_and_no_others
                subjects::a_list_shows_sessions_as_they_are_now
                subjects::ended_sessions_leave_their_subject
                subjects::subjects_are_told_apart_byte_by_byte
                subjects::a_very_long_subject_is_kept_whole
                subjects::a_subject_with_a_zero_byte_is_kept_whole_or_refused
                together::l04_touches_and_updates_at_once_undo_nothing
                together::l04_what_meets_an_end_comes_before_it_or_not_at_all
                together::logins_and_ends_at_once_leave_the_list_right
                together::a_creation_that_is_dropped_half_way_is_whole_or_not_there
                together::an_end_that_is_dropped_half_way_is_whole_or_not_there
                together::a_login_that_is_dropped_half_way_makes_nobody_leave_for_nothing
                touch::n16_a_touch_records_activity_with_its_deadline_and_nothing_else
                touch::l05_an_older_touch_moves_nothing_back
                touch::a_touch_and_a_look_up_in_one_are_one_after_the_other
                touch::any_sequence_of_touches_agrees_with_the_pure_function
                touch::l05_of_many_touches_at_once_the_latest_stays
                touch::l04_a_touch_undoes_no_update_made_since_the_look_up
                touch::l04_an_ended_session_takes_no_touch
                touch::l04_a_touch_that_comes_after_a_deadline_revives_nothing
                update::every_kind_of_update_does_what_the_pure_function_does
                update::an_update_for_another_version_conflicts_and_changes_nothing
                update::every_update_makes_another_version
                update::a_touch_since_the_look_up_is_no_conflict_and_is_not_undone
                update::n46_of_many_rotations_at_once_one_wins
                update::l04_an_ended_session_takes_no_update
                update::l03_no_update_moves_the_absolute_deadline
                update::n46_a_rotation_that_is_dropped_half_way_is_whole_or_not_there
                update::a_foreign_session_stays_foreign
            }
            // A clock that is moved: `DriveClock`.
            driven {
                clock::the_stores_clock_moves_by_what_it_is_moved_and_no_more
                keeping::a_session_past_its_deadlines_is_there_until_it_is_ended
                locking::an_idle_session_is_locked_once_and_ends_after_the_lock_period
                locking::a_session_that_a_request_locked_is_ended_and_not_locked_again
                locking::a_session_that_was_opened_again_is_not_ended_for_its_old_lock
                open_part::a_reaper_keeps_the_open_part
                reapers::l12_reapers_at_once_report_each_end_and_each_lock_once
                reapers::n20_requests_and_reapers_at_once_report_each_end_once
                reapers::l04_a_touch_during_a_pass_saves_the_session_or_comes_too_late
                reaping::where_nothing_is_due_a_pass_does_nothing
                reaping::l12_what_is_due_ends_with_its_own_reason_and_once
                reaping::n22_a_pass_is_bounded_and_says_when_more_is_due
                reaping::l12_a_touched_session_is_looked_at_again
                reaping::l06_a_stricter_policy_finds_sessions_that_nobody_uses
                reaping::l06_a_looser_policy_prolongs_no_recorded_deadline
                reaping::what_is_due_is_found_among_much_that_is_not
                tombstones::l13_a_tombstone_stays_for_its_lifetime_and_then_goes
                tombstones::l13_a_reaped_session_leaves_a_tombstone_like_any_other
                tombstones::l04_the_tombstone_of_a_foreign_session_outlives_its_absolute_deadline
                tombstones::the_tombstone_of_a_foreign_session_stays_at_least_as_long_as_any
                tombstones::noting_a_successor_prolongs_no_tombstone
                touch::n11_at_the_idle_deadline_a_touch_is_too_late
                touch::n11_at_the_absolute_deadline_a_touch_is_too_late
                touch::n11_at_the_providers_deadline_a_touch_is_too_late
                touch::a_touched_session_lives_until_its_new_deadline
                update::n11_at_the_absolute_deadline_an_update_is_too_late
                update::n11_at_the_providers_deadline_an_update_is_too_late
            }
            // The same, and that the store outlives its nodes.
            outliving {
                outliving::l12_an_end_that_nobody_acknowledged_is_handed_out_again
                outliving::l12_what_a_reaper_ended_and_did_not_report_is_handed_out_again
                outliving::l12_an_unreported_end_is_handed_to_one_of_many_reapers
                outliving::l12_an_end_is_not_forgotten_before_it_is_reported
            }
            // A server that can be away: `TakeAway`.
            outage {
                outage::l08_while_its_server_is_away_a_store_answers_with_errors
                outage::l08_after_an_outage_everything_is_as_it_was
                outage::l08_what_failed_in_an_outage_can_be_done_after_it
            }
            // A hand that writes into it past the store: `WriteReason`.
            newer {
                newer::l04_what_a_newer_version_ended_stays_ended
            }
        }
    };
}

/// Chooses cases and does something with them.
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
            #[allow(unused_imports, reason = "a closure may need nothing from outside")]
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
