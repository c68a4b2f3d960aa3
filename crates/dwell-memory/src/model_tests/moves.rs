//! Look-ups find the right session while others start and end, and while keys
//! are used again.

use shuttle::thread;

use super::{World, check, join, now};
use dwell_core::engine::Touch;
use dwell_core::store::{Lookup, SessionStore, TouchOutcome, Update, Updated};
use dwell_core::{Clock, EndReason, minutes, seconds};

/// Ends a session and makes its tombstone leave memory.
fn end_and_forget(world: &World, key: u8) {
    world.end(&world.record(key), EndReason::SignedOut);
    world.clock.advance(seconds(2));
    world.reap();
}

#[test]
fn shuttle_session_is_found_while_others_change() {
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
                        panic!("the session is live");
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
        // Tombstones of the others that no pass has removed yet.
        world.clock.advance(seconds(2));
        world.reap();
        assert_eq!(world.store.len(), 1);
    });
}

#[test]
fn shuttle_created_session_is_found_at_once() {
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
fn shuttle_session_goes_from_live_to_ended_to_missing() {
    check(|| {
        let world = World::new();
        world.create(1, None);
        let record = world.record(1);
        let (moving, reading, writing) = (world.clone(), world.clone(), world.clone());
        let (read, written) = (record.clone(), record.clone());
        join(vec![
            thread::spawn(move || end_and_forget(&moving, 1)),
            thread::spawn(move || {
                let mut least = 0;
                for _ in 0..4 {
                    let state = match reading.load(&read) {
                        Lookup::Found(_) => 0,
                        Lookup::Ended(_) => 1,
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
                    retried: false,
                };
                now(writing.store.touch(written.key, touch)).unwrap();
                now(writing.store.count_failure(written.key)).unwrap();
                let updated = now(writing.store.update(written.key, 0, Update::Confirm)).unwrap();
                assert!(matches!(updated, Updated::Applied(_) | Updated::Gone));
                writing.end(&written, EndReason::Revoked);
            }),
        ]);
        assert!(matches!(world.load(&record), Lookup::Missing));
        assert_eq!(world.listed(), 0);
    });
}

/// An adopted session's key is used again when its owner sends it again.
#[test]
fn shuttle_reused_key_is_listed_again() {
    check(|| {
        let world = World::new();
        world.create(1, None);
        world.create(2, None);
        let (ending, moving, listing) = (world.clone(), world.clone(), world.clone());
        let coming = thread::spawn(move || {
            moving.clock.advance(seconds(2));
            moving.reap();
            moving.create(1, None);
        });
        join(vec![
            coming,
            thread::spawn(move || {
                ending.end(&ending.record(1), EndReason::SignedOut);
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
        let back = world.live(&world.record(1)).is_some();
        assert_eq!(world.listed(), 1 + usize::from(back));
        for key in [1, 2] {
            end_and_forget(&world, key);
        }
        assert_eq!(world.listed(), 0);
        assert!(world.store.is_empty());
    });
}

#[test]
fn shuttle_login_during_reload_is_judged_in_time() {
    check(|| {
        let world = World::new();
        world.create(1, None);
        world.create(9, None);
        let stricter = World {
            policies: World::policies(minutes(5)),
            ..world.clone()
        };
        let (creating, reloading) = (world.clone(), stricter.clone());
        join(vec![
            // By the old policies, as a request that began before the reload.
            thread::spawn(move || {
                creating.create(2, None);
                creating.create(3, None);
            }),
            thread::spawn(move || {
                // One entry at a time, so that the logins run in between.
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
