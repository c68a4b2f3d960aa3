//! Which cases there are, and the tests that they become.

/// Makes a `#[test]` of every case of the suite, in a module of the given
/// name, for the store that an async function without arguments makes.
///
/// ```
/// # fn main() {}
/// use dwell_core::{ManualClock, minutes};
/// use dwell_memory::MemoryStore;
/// use dwell_testkit::conformance::OnManualClock;
/// use dwell_testkit::store_conformance;
///
/// async fn memory_store() -> OnManualClock<MemoryStore> {
///     let clock = ManualClock::new();
///     let store = MemoryStore::with_clock_and_tombstones(clock.clone(), minutes(10));
///     OnManualClock::new(store, clock, minutes(10))
/// }
///
/// store_conformance!(memory, memory_store);
/// ```
///
/// With `own_clock` before the function it makes those that need no clock to
/// be moved, for a store whose clock can't be: see
/// [`conformance`](crate::conformance).
#[macro_export]
macro_rules! store_conformance {
    ($name:ident, own_clock, $make:expr $(,)?) => {
        $crate::__conformance_cases! { [$crate::__conformance_by_any_clock] $name, $make }
    };
    ($name:ident, $make:expr $(,)?) => {
        $crate::__conformance_cases! { [$crate::__conformance_by_a_driven_clock] $name, $make }
    };
}

/// Makes one `#[test]` of the given name, which runs every case of the suite
/// one after another, for a store whose server takes long to start. It goes on
/// after a case that fails, and tells at the end which those were.
///
/// The first function starts what all cases share; the second makes a store
/// with it for each case, empty and with nobody else at it.
///
/// ```
/// # fn main() {}
/// use dwell_core::{ManualClock, minutes};
/// use dwell_memory::MemoryStore;
/// use dwell_testkit::conformance::OnManualClock;
/// use dwell_testkit::store_conformance_in_one;
///
/// struct Server;
///
/// store_conformance_in_one!(on_one_server, async || Server, async |_server: &Server| {
///     let clock = ManualClock::new();
///     let store = MemoryStore::with_clock_and_tombstones(clock.clone(), minutes(10));
///     OnManualClock::new(store, clock, minutes(10))
/// });
/// ```
///
/// With `own_clock` before the functions it runs those that need no clock to
/// be moved.
#[macro_export]
macro_rules! store_conformance_in_one {
    ($name:ident, own_clock, $start:expr, $make:expr $(,)?) => {
        $crate::__conformance_cases! {
            [$crate::__conformance_in_one_by_any_clock] $name, $start, $make
        }
    };
    ($name:ident, $start:expr, $make:expr $(,)?) => {
        $crate::__conformance_cases! {
            [$crate::__conformance_in_one_by_a_driven_clock] $name, $start, $make
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_in_one_by_any_clock {
    (
        $name:ident, $start:expr, $make:expr;
        $($subject:ident { [$($any:ident)*] [$($driven:ident)*] })+
    ) => {
        $crate::__conformance_in_one! { $name, $start, $make; $($subject { $($any)* })+ }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_in_one_by_a_driven_clock {
    (
        $name:ident, $start:expr, $make:expr;
        $($subject:ident { [$($any:ident)*] [$($driven:ident)*] })+
    ) => {
        $crate::__conformance_in_one! {
            $name, $start, $make; $($subject { $($any)* $($driven)* })+
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_in_one {
    ($name:ident, $start:expr, $make:expr; $($subject:ident { $($case:ident)* })+) => {
        #[test]
        fn $name() {
            let mut all = $crate::conformance::InOne::start($start);
            $($(all.run(
                concat!(stringify!($subject), "::", stringify!($case)),
                $make,
                $crate::conformance::$subject::$case,
            );)*)+
            all.finish();
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_by_any_clock {
    ($name:ident, $make:expr; $($subject:ident { [$($any:ident)*] [$($driven:ident)*] })+) => {
        mod $name {
            $($crate::__conformance_tests! { $subject, $make, $($any)* })+
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_by_a_driven_clock {
    ($name:ident, $make:expr; $($subject:ident { [$($any:ident)*] [$($driven:ident)*] })+) => {
        mod $name {
            $($crate::__conformance_tests! { $subject, $make, $($any)* $($driven)* })+
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_tests {
    ($subject:ident, $make:expr, $($case:ident)*) => {
        mod $subject {
            #[allow(unused_imports, reason = "a closure may need nothing from outside")]
            use super::super::*;

            $(#[test]
            fn $case() {
                $crate::conformance::run($make, $crate::conformance::$subject::$case);
            })*
        }
    };
}

/// Hands all cases to another macro, by subject: those that any store can be
/// put to, then those that need its clock to be driven.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_cases {
    ([$($then:tt)+] $($args:tt)*) => {
        $($then)+! {
            $($args)*;
            clock {
                [
                    l11_every_answer_carries_the_stores_time
                    l11_a_touch_from_a_clock_ahead_is_never_later_than_now
                    l11_a_touch_from_a_clock_ahead_gains_no_idle_time
                    l11_a_touch_from_a_clock_behind_moves_nothing_back
                    l11_a_touch_at_the_end_of_time_is_one_of_now
                ]
                [
                    the_stores_clock_moves_by_what_it_is_moved_and_no_more
                ]
            }
            end {
                [
                    an_end_gives_the_session_back_and_leaves_its_tombstone
                    l12_of_many_ends_at_once_one_wins
                    the_end_of_an_ended_session_is_nobodys_and_changes_nothing
                    a_tombstone_learns_of_a_successor_and_of_nothing_else
                    a_successor_of_an_unknown_session_creates_nothing
                    l12_a_session_that_ran_out_is_still_ended_once
                ]
                []
            }
            keeping {
                [
                    a_new_session_is_found_as_it_was_created
                    n50_an_unknown_key_finds_nothing_and_creates_nothing
                    a_key_in_use_stays_with_its_session
                    l04_the_key_of_an_ended_session_stays_dead
                    of_creations_at_once_under_one_key_one_is_kept
                    a_look_up_changes_nothing
                    sessions_under_similar_keys_do_not_mix
                    a_local_store_has_every_answer_at_once
                ]
                [
                    a_session_past_its_deadlines_is_there_until_it_is_ended
                ]
            }
            limit {
                [
                    without_a_limit_nobody_is_refused_and_nobody_leaves
                    a_login_beyond_the_limit_is_refused_and_changes_nothing
                    the_session_active_longest_ago_makes_room_and_is_told
                    a_lowered_limit_makes_all_that_exceed_it_leave
                    the_session_that_is_replaced_does_not_count
                    sessions_that_ran_out_do_not_count
                    sessions_that_have_ended_do_not_count
                    other_subjects_sessions_do_not_count
                    a_key_in_use_makes_nobody_leave
                    racing_logins_never_exceed_the_limit
                    racing_logins_end_one_session_each_and_never_exceed_the_limit
                ]
                []
            }
            locking {
                [
                    a_locked_session_takes_no_touch
                    a_reauthentication_opens_a_lock
                    an_idle_session_can_be_locked_and_opened_again
                    a_locked_session_can_be_ended
                    a_locked_session_counts_towards_the_limit
                ]
                [
                    an_idle_session_is_locked_once_and_ends_after_the_lock_period
                    a_session_that_a_request_locked_is_ended_and_not_locked_again
                    a_session_that_was_opened_again_is_not_ended_for_its_old_lock
                ]
            }
            reapers {
                []
                [
                    l12_reapers_at_once_report_each_end_and_each_lock_once
                    n20_requests_and_reapers_at_once_report_each_end_once
                    l04_a_touch_during_a_pass_saves_the_session_or_comes_too_late
                ]
            }
            reaping {
                []
                [
                    where_nothing_is_due_a_pass_does_nothing
                    l12_what_is_due_ends_with_its_own_reason_and_once
                    n22_a_pass_is_bounded_and_says_when_more_is_due
                    l12_a_touched_session_is_looked_at_again
                    l06_a_stricter_policy_finds_sessions_that_nobody_uses
                    l06_a_looser_policy_prolongs_no_recorded_deadline
                    what_is_due_is_found_among_much_that_is_not
                ]
            }
            records {
                [
                    every_field_comes_back
                    every_strength_comes_back
                    checks_keep_all_their_bits
                    extreme_values_come_back
                    a_pause_of_years_stays_longer_than_any_idle_timeout
                    a_deadline_that_never_comes_does_not_come
                    l09_debug_shows_no_secret
                ]
                []
            }
            subjects {
                [
                    a_subject_finds_its_sessions_and_no_others
                    a_list_shows_sessions_as_they_are_now
                    ended_sessions_leave_their_subject
                    subjects_are_told_apart_byte_by_byte
                    a_very_long_subject_is_kept_whole
                    a_subject_with_a_zero_byte_is_kept_whole_or_refused
                ]
                []
            }
            together {
                [
                    l04_touches_and_updates_at_once_undo_nothing
                    l04_what_meets_an_end_comes_before_it_or_not_at_all
                    logins_and_ends_at_once_leave_the_list_right
                    a_creation_that_is_dropped_half_way_is_whole_or_not_there
                    an_end_that_is_dropped_half_way_is_whole_or_not_there
                    a_login_that_is_dropped_half_way_makes_nobody_leave_for_nothing
                ]
                []
            }
            tombstones {
                []
                [
                    l13_a_tombstone_stays_for_its_lifetime_and_then_goes
                    l13_a_reaped_session_leaves_a_tombstone_like_any_other
                    l04_the_tombstone_of_a_foreign_session_outlives_its_absolute_deadline
                    the_tombstone_of_a_foreign_session_stays_at_least_as_long_as_any
                    noting_a_successor_prolongs_no_tombstone
                ]
            }
            touch {
                [
                    n16_a_touch_records_activity_with_its_deadline_and_nothing_else
                    l05_an_older_touch_moves_nothing_back
                    a_touch_and_a_look_up_in_one_are_one_after_the_other
                any_sequence_of_touches_agrees_with_the_pure_function
                    l05_of_many_touches_at_once_the_latest_stays
                    l04_a_touch_undoes_no_update_made_since_the_look_up
                    l04_an_ended_session_takes_no_touch
                    l04_a_touch_that_comes_after_a_deadline_revives_nothing
                ]
                [
                    n11_at_the_idle_deadline_a_touch_is_too_late
                    n11_at_the_absolute_deadline_a_touch_is_too_late
                    n11_at_the_providers_deadline_a_touch_is_too_late
                    a_touched_session_lives_until_its_new_deadline
                ]
            }
            update {
                [
                    every_kind_of_update_does_what_the_pure_function_does
                    an_update_for_another_version_conflicts_and_changes_nothing
                    every_update_makes_another_version
                    a_touch_since_the_look_up_is_no_conflict_and_is_not_undone
                    n46_of_many_rotations_at_once_one_wins
                    l04_an_ended_session_takes_no_update
                    l03_no_update_moves_the_absolute_deadline
                    n46_a_rotation_that_is_dropped_half_way_is_whole_or_not_there
                    a_foreign_session_stays_foreign
                ]
                [
                    n11_at_the_absolute_deadline_an_update_is_too_late
                    n11_at_the_providers_deadline_an_update_is_too_late
                ]
            }
        }
    };
}
