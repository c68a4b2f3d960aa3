//! Who looks a session up finds it, and never another, while tables grow and
//! shrink, chunks come and go, and places are used again.

use shuttle::thread;

use super::{World, check, join, now};
use dwell_core::engine::Touch;
use dwell_core::store::{Lookup, SessionStore, TouchOutcome, Update, Updated};
use dwell_core::{Clock, EndReason, minutes, seconds};

impl World {
    /// The session under `key` and another one, and a free place before them,
    /// which is the first to be used. When the session under `key` leaves
    /// memory, its cell stays.
    fn with_a_place_before(key: u8) -> Self {
        let world = Self::new();
        for key in [8, key, 9] {
            world.create(key, None);
        }
        end_and_forget(&world, 8);
        world
    }
}

/// Ends a session and makes its tombstone leave memory.
fn end_and_forget(world: &World, key: u8) {
    world.end(&world.record(key), EndReason::SignedOut);
    world.clock.advance(seconds(2));
    world.reap();
}

#[test]
fn shuttle_a_session_is_found_while_others_come_and_go() {
    check(|| {
        let world = World::new();
        world.create(1, None);
        let record = world.record(1);
        let (coming, going) = (world.clone(), world.clone());
        let (reading, touching) = (world.clone(), world.clone());
        let (read, touched) = (record.clone(), record.clone());
        join(vec![
            thread::spawn(move || {
                for key in 2..6 {
                    coming.create(key, None);
                }
                for key in 2..6 {
                    end_and_forget(&coming, key);
                }
            }),
            thread::spawn(move || {
                going.create(7, None);
                end_and_forget(&going, 7);
            }),
            thread::spawn(move || {
                for _ in 0..4 {
                    let Lookup::Found(found) = reading.load(&read) else {
                        panic!("it is there all the while");
                    };
                    assert_eq!(found.key, read.key);
                }
            }),
            thread::spawn(move || {
                touching.clock.advance(seconds(1));
                assert_ne!(touching.touch(&touched), TouchOutcome::Gone);
            }),
        ]);
        assert!(world.live(&record).is_some());
        assert_eq!(world.listed(), 1);
        // What is left of the others, whose tombstones no pass took.
        world.clock.advance(seconds(2));
        world.reap();
        assert_eq!(world.store.len(), 1);
    });
}

#[test]
fn shuttle_a_session_that_was_created_is_found_at_once_by_whoever_comes() {
    check(|| {
        let world = World::new();
        let threads = [1, 2, 3, 4].map(|key| {
            let world = world.clone();
            thread::spawn(move || {
                world.create(key, None);
                let record = world.record(key);
                assert!(world.live(&record).is_some());
                assert!(world.end(&record, EndReason::SignedOut));
                assert!(matches!(world.load(&record), Lookup::Ended(_)));
            })
        });
        join(threads.into());
        assert_eq!(world.listed(), 0);
        assert_eq!(world.store.len(), 4);
    });
}

#[test]
fn shuttle_a_place_that_is_used_again_answers_for_its_new_session_only() {
    check(|| {
        let world = World::with_a_place_before(1);
        let (first, second) = (world.record(1), world.record(2));
        let (moving, reading, writing) = (world.clone(), world.clone(), world.clone());
        let (read, written) = (first.clone(), first.clone());
        join(vec![
            thread::spawn(move || {
                end_and_forget(&moving, 1);
                // One of them is in its place.
                moving.create(3, None);
                moving.create(2, None);
            }),
            thread::spawn(move || {
                // Live, then a tombstone, then nothing: never back.
                let mut least = 0;
                for _ in 0..4 {
                    let state = match reading.load(&read) {
                        Lookup::Found(found) => {
                            assert_eq!(found.key, read.key);
                            0
                        }
                        Lookup::Ended(ended) => {
                            assert_eq!(ended.record.key, read.key);
                            1
                        }
                        Lookup::Missing => 2,
                    };
                    assert!(state >= least, "{state} after {least}");
                    least = state;
                }
            }),
            thread::spawn(move || {
                let at = writing.clock.now() + minutes(1);
                let touch = Touch {
                    at,
                    network: written.facts.network,
                    idle_deadline: at + minutes(15),
                };
                now(writing.store.touch(written.key, touch)).unwrap();
                let failure = Update::FailReauthentication;
                let updated = now(writing.store.update(written.key, 0, failure)).unwrap();
                assert!(matches!(updated, Updated::Applied(_) | Updated::Gone));
                writing.end(&written, EndReason::Revoked);
            }),
        ]);
        let kept = world.live(&second).expect("nobody ended it");
        assert_eq!(kept.facts.failures, 0, "nobody changed it");
        assert_eq!(kept.facts.last_active_at, kept.facts.created_at);
        assert!(matches!(world.load(&first), Lookup::Missing));
    });
}

#[test]
fn shuttle_the_index_by_subject_follows_a_place_that_is_used_again() {
    check(|| {
        let world = World::new();
        world.create(1, None);
        world.create(2, None);
        let (ending, moving, listing) = (world.clone(), world.clone(), world.clone());
        join(vec![
            thread::spawn(move || {
                ending.end(&ending.record(1), EndReason::SignedOut);
            }),
            // May forget the first one before it has left the index.
            thread::spawn(move || {
                moving.clock.advance(seconds(2));
                moving.reap();
                moving.create(3, None);
                moving.create(4, None);
            }),
            thread::spawn(move || {
                for _ in 0..2 {
                    let list = now(listing.store.list("alice".into())).unwrap();
                    let mut keys: Vec<_> = list.iter().map(|record| record.key).collect();
                    keys.sort_unstable();
                    keys.dedup();
                    assert_eq!(keys.len(), list.len(), "none twice");
                    assert!(keys.contains(&listing.record(2).key));
                }
            }),
        ]);
        assert_eq!(world.listed(), 3);
        for key in [2, 3, 4] {
            end_and_forget(&world, key);
        }
        assert_eq!(world.listed(), 0);
        assert!(world.store.is_empty());
    });
}

#[test]
fn shuttle_a_session_that_a_reload_meets_while_it_starts_is_looked_at_in_time() {
    check(|| {
        let world = World::with_a_place_before(1);
        let stricter = World {
            policies: World::policies(minutes(5)),
            ..world.clone()
        };
        let (creating, reloading) = (world.clone(), stricter.clone());
        join(vec![
            // By the policies of before the reload, as a request may that
            // began earlier.
            thread::spawn(move || {
                creating.create(2, None);
                creating.create(3, None);
            }),
            thread::spawn(move || {
                // One entry at a time, so that others come in between.
                for _ in 0..6 {
                    now(reloading.store.reap(reloading.due_policy(), 1)).unwrap();
                }
            }),
        ]);
        stricter.reap();
        stricter.clock.advance(minutes(5));
        stricter.reap();
        for key in [1, 2, 3, 9] {
            assert!(world.live(&world.record(key)).is_none(), "{key}");
        }
    });
}
