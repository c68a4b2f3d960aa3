//! The end of all sessions of a subject: complete, together, and independent of
//! its caller (law L19).

use std::collections::HashSet;
use std::time::Duration;

use dwell_core::{
    AuthenticationContext, CommandError, EndReason, NewSession, Resolved, Selection,
    SessionManager, SessionState, Token, minutes, seconds,
};
use dwell_test_support::{keep, key, opened};
use tokio::time::{sleep, timeout};

use crate::support::{World, policies, signed_in, stack_over};

const MANY: u32 = 3_000;
const MS: Duration = Duration::from_millis(1);
const STEP: Duration = Duration::from_millis(250);

/// A manager whose store takes a quarter of a second for each answer, with a
/// layer over it.
fn slow(world: &World) -> SessionManager {
    let manager = world.manager_over(world.store.clone());
    drop(stack_over(&manager));
    world.store.delay(STEP);
    manager
}

async fn end_all(manager: &SessionManager) -> usize {
    let (alice, revoked) = ("alice".into(), EndReason::Revoked);
    let ended = manager.end_sessions(&alice, Selection::All, revoked).await;
    ended.unwrap()
}

async fn left(world: &World) -> usize {
    world.manager.list(&"alice".into()).await.unwrap().len()
}

#[tokio::test(start_paused = true)]
async fn n68_end_all_outlives_its_caller() {
    for patience in [0, 1, 4, 9] {
        let world = World::new();
        let manager = slow(&world);
        (0..MANY).for_each(|n| drop(world.start(n, "alice")));
        let bob = world.start(MANY, "bob");
        let caller = timeout(STEP * patience + STEP / 2, end_all(&manager));
        assert!(caller.await.is_err(), "the caller goes away");
        assert_ne!(left(&world).await, 0, "half-way");
        sleep(minutes(1)).await;
        assert_eq!(left(&world).await, 0);
        assert_eq!(world.events.ends().len(), MANY as usize);
        assert!(world.find(bob.key).is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn n68_client_leaving_ends_all_and_its_own_session() {
    let world = World::new();
    let stack = stack_over(&world.manager_over(world.store.clone()));
    let mut client = signed_in(world.client_of(&stack)).await;
    (0..MANY).for_each(|n| drop(world.start(n, "alice")));
    world.store.delay(STEP);
    assert!(timeout(STEP * 9, client.get("/end-all")).await.is_err());
    assert_ne!(left(&world).await, 0, "half-way");
    sleep(minutes(1)).await;
    assert_eq!(left(&world).await, 0);
    assert_eq!(world.reported_end(&client), Some(EndReason::Revoked));
}

#[tokio::test]
async fn n68_ten_thousand_sessions_end_together() {
    let world = World::new();
    let manager = world.manager_over(world.store.clone());
    (0..10_000).for_each(|n| drop(world.start(n, "alice")));
    assert_eq!(end_all(&manager).await, 10_000);
    assert_eq!(left(&world).await, 0);
    let trips = world.store.round_trips();
    assert!(trips <= 50, "{trips} round trips");
    let events = world.ends();
    let ended: HashSet<_> = events.iter().map(|event| event.session).collect();
    assert_eq!((events.len(), ended.len()), (10_000, 10_000), "each once");
}

#[tokio::test]
async fn n68_run_out_sessions_keep_their_own_reason() {
    let world = World::new();
    (0..300).for_each(|n| drop(world.start(n, "alice")));
    world.clock.advance(minutes(15));
    (300..600).for_each(|n| drop(world.start(n, "alice")));
    assert_eq!(end_all(&world.manager).await, 600);
    let ends = world.events.ends();
    let count = |reason| ends.iter().filter(|end| **end == reason).count();
    assert_eq!(count(EndReason::IdleTimeout), 300);
    assert_eq!(count(EndReason::Revoked), 300);
}

/// A login, by a manager that may be slow.
async fn log_in(manager: SessionManager) -> Result<Token, CommandError> {
    let policies = manager.policies().current();
    let request = SessionState::new(manager, policies, Resolved::Nothing);
    let password = AuthenticationContext::none().with_amr(["pwd"]);
    let new = NewSession::new("alice").with_authentication(password);
    request.start(new).await
}

#[tokio::test(start_paused = true)]
async fn n68_login_in_flight_starts_no_session() {
    let world = World::new();
    let login = tokio::spawn(log_in(slow(&world)));
    // Its start is read from the clock, and it is not in the store yet.
    sleep(STEP + STEP / 2).await;
    assert_eq!(end_all(&world.manager).await, 0);
    let overtaken = login.await.unwrap();
    let revoked = Err(EndReason::Revoked);
    let reason = overtaken.map(drop).map_err(|error| match error {
        CommandError::Ended(reason) => reason,
        other => panic!("{other}"),
    });
    assert_eq!(reason, revoked);
    assert_eq!(left(&world).await, 0);
    assert_eq!(world.events.ends(), [EndReason::Revoked]);
}

#[tokio::test(start_paused = true)]
async fn n68_nothing_that_began_before_survives() {
    let world = World::new();
    let manager = slow(&world);
    (0..1_000).for_each(|n| drop(world.start(n, "alice")));
    let (mut before, mut after, mut command) = (Vec::new(), Vec::new(), None);
    for step in 0..24 {
        let login = tokio::spawn(log_in(manager.clone()));
        match &command {
            None => before.push(login),
            Some(_) => after.push(login),
        }
        sleep(STEP / 4).await;
        world.clock.advance(STEP / 4);
        if step == 8 {
            let manager = manager.clone();
            command = Some(tokio::spawn(async move { end_all(&manager).await }));
            // Its own start is read from the clock.
            sleep(STEP).await;
            world.clock.advance(STEP);
        }
    }
    command.unwrap().await.unwrap();
    for login in before {
        if let Ok(token) = login.await.unwrap() {
            assert_eq!(world.reported_end(&token), Some(EndReason::Revoked));
        }
    }
    for login in after {
        let token = login.await.unwrap().unwrap();
        assert_eq!(world.end_reason(&token), None, "a later login stays");
    }
}

#[tokio::test(start_paused = true)]
async fn n68_login_on_another_node_is_listed_again() {
    let world = World::new();
    let manager = slow(&world);
    let other_node = world.stranger(world.store.clone(), policies()).build();
    (0..1_000).for_each(|n| drop(world.start(n, "alice")));
    let command = tokio::spawn(async move { end_all(&manager).await });
    // In the store after the first list.
    sleep(STEP + STEP / 2).await;
    let token = log_in(other_node).await.unwrap();
    assert_eq!(command.await.unwrap(), 1_001);
    assert_eq!(world.reported_end(&token), Some(EndReason::Revoked));
}

// It had read the clock before, and its store was slow.
#[tokio::test]
async fn n68_login_written_elsewhere_after_last_list_ends_at_second_look() {
    for selection in [Selection::All, Selection::AllBut(key(7))] {
        let world = World::new();
        let began = world.now();
        world.clock.advance(seconds(1));
        let (alice, revoked) = ("alice".into(), EndReason::Revoked);
        let ended = world.manager.end_sessions(&alice, selection, revoked);
        assert_eq!(ended.await.unwrap(), 0);
        let before = opened(1, "alice", began);
        let spared = opened(7, "alice", began);
        let after = opened(2, "alice", world.now() + MS);
        for record in [&before, &spared, &after, &opened(3, "bob", began)] {
            keep(&world.memory, record).await;
        }
        world.clock.advance(seconds(10) - MS);
        world.reap().await;
        assert_eq!(left(&world).await, 3, "a login may still write");
        world.clock.advance(MS);
        world.reap().await;
        let spares = selection != Selection::All;
        assert_eq!(left(&world).await, 1 + usize::from(spares), "{selection:?}");
        assert!(world.find(after.key).is_some(), "it began later");
        assert_eq!(world.events.ends().len(), 2 - usize::from(spares));
        world.clock.advance(minutes(1));
        world.reap().await;
        assert_eq!(left(&world).await, 1 + usize::from(spares), "once");
    }
}
