//! A session ends once, and nothing revives it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use shuttle::thread;

use super::{World, check, join, now};
use dwell_core::store::{Rotation, SessionStore, TouchOutcome, Update, Updated};
use dwell_core::{Clock, EndReason, OnLimit, SessionLimit, VerifierHash, minutes};

#[test]
fn shuttle_end_has_one_winner_and_no_touch_revives() {
    check(|| {
        let world = World::new();
        world.create(1, None);
        let record = world.record(1);
        world.clock.advance(minutes(15));
        let wins = Arc::new(AtomicUsize::new(0));
        let mut threads = Vec::new();
        for reason in [EndReason::SignedOut, EndReason::IdleTimeout] {
            let (world, record, wins) = (world.clone(), record.clone(), wins.clone());
            threads.push(thread::spawn(move || {
                let won = world.end(&record, reason);
                wins.fetch_add(usize::from(won), Ordering::SeqCst);
                assert_eq!(world.touch(&record), TouchOutcome::Gone);
            }));
        }
        let (other, wins_of_reaper) = (world.clone(), wins.clone());
        threads.push(thread::spawn(move || {
            wins_of_reaper.fetch_add(other.reap(), Ordering::SeqCst);
        }));
        join(threads);
        assert_eq!(wins.load(Ordering::SeqCst), 1);
        assert!(world.live(&record).is_none());
        assert_eq!(world.listed(), 0);
    });
}

#[test]
fn shuttle_touch_and_rotation_undo_nothing() {
    check(|| {
        let world = World::new();
        world.create(1, None);
        let record = world.record(1);
        world.clock.advance(minutes(5));
        let at = world.clock.now();
        let wins = Arc::new(AtomicUsize::new(0));
        let mut threads = Vec::new();
        for bits in [7, 8] {
            let (world, record, wins) = (world.clone(), record.clone(), wins.clone());
            threads.push(thread::spawn(move || {
                let update = Update::Rotate(Rotation {
                    check: VerifierHash::from_bits(bits),
                    presented: record.credential.check,
                    at,
                });
                let updated = now(world.store.update(record.key, 0, update)).unwrap();
                let won = matches!(updated, Updated::Applied(_));
                wins.fetch_add(usize::from(won), Ordering::SeqCst);
            }));
        }
        let (other, touched) = (world.clone(), record.clone());
        threads.push(thread::spawn(move || {
            assert_eq!(other.touch(&touched), TouchOutcome::Recorded);
        }));
        join(threads);
        assert_eq!(wins.load(Ordering::SeqCst), 1);
        let kept = world.live(&record).unwrap();
        assert_eq!(kept.facts.last_active_at, at);
        assert_eq!(kept.facts.version, 1);
        assert_eq!(
            kept.credential.previous.unwrap().check,
            record.credential.check
        );
    });
}

#[test]
fn shuttle_rotation_racing_end_revives_nothing() {
    check(|| {
        let world = World::new();
        world.create(1, None);
        let record = world.record(1);
        let at = world.clock.now();
        let (ending, rotating) = (world.clone(), world.clone());
        let (a, b) = (record.clone(), record.clone());
        join(vec![
            thread::spawn(move || assert!(ending.end(&a, EndReason::SignedOut))),
            thread::spawn(move || {
                let update = Update::Rotate(Rotation {
                    check: VerifierHash::from_bits(7),
                    presented: b.credential.check,
                    at,
                });
                now(rotating.store.update(b.key, 0, update)).unwrap();
            }),
        ]);
        assert!(world.live(&record).is_none());
        assert_eq!(world.listed(), 0);
    });
}

#[test]
fn shuttle_racing_logins_never_exceed_limit() {
    for on_limit in [OnLimit::RefuseNew, OnLimit::EndOldest] {
        check(move || {
            let world = World::new();
            let limit = Some(SessionLimit { max: 1, on_limit });
            let threads = [1, 2, 3].map(|key| {
                let world = world.clone();
                thread::spawn(move || {
                    world.create(key, limit);
                })
            });
            join(threads.into());
            let live = [1, 2, 3].map(|key| world.live(&world.record(key)));
            assert_eq!(live.iter().flatten().count(), 1);
            assert_eq!(world.listed(), 1);
        });
    }
}

#[test]
fn shuttle_nothing_is_left_when_reapers_race_logins() {
    check(|| {
        let world = World::new();
        world.create(1, None);
        world.clock.advance(minutes(15));
        let ended = Arc::new(AtomicUsize::new(0));
        let mut threads: Vec<_> = (0..2)
            .map(|_| {
                let (world, ended) = (world.clone(), ended.clone());
                thread::spawn(move || {
                    ended.fetch_add(world.reap(), Ordering::SeqCst);
                })
            })
            .collect();
        let login = world.clone();
        threads.push(thread::spawn(move || {
            login.create(2, None);
        }));
        join(threads);
        assert_eq!(ended.load(Ordering::SeqCst), 1);
        assert_eq!(world.listed(), 1);
        world.clock.advance(minutes(15));
        assert_eq!(world.reap(), 1);
        world.clock.advance(minutes(1));
        world.reap();
        assert!(world.store.is_empty());
    });
}
