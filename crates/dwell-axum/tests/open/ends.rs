//! `session-expired`: with the reason, exactly once, and nothing after it.

use std::time::Duration;

use axum::Router;
use axum::routing::post;
use dwell_axum::*;
use serde_json::json;

use crate::support::{Client, Events, FIRST_LOOK, GRAIN, World, default_policy, pass, signed_in};

fn locking() -> PolicySet {
    let policy = default_policy().on_idle(OnIdle::Lock);
    let policy = policy.lock_period(minutes(30));
    PolicySet::builder(policy).build().unwrap()
}

/// Reads until the end, which must come at this instant.
async fn assert_expires(world: &World, events: &mut Events, at: Timestamp, reason: &str) {
    loop {
        let event = events.next().await;
        if event.name != "session-expired" {
            assert!(world.now() < at, "{event:?} after the end");
            continue;
        }
        assert_eq!(event.json()["reason"], reason);
        let now = world.now();
        assert!(now >= at, "{:?} too soon", at - now);
        assert!(now - at <= GRAIN, "{:?} late", now - at);
        assert_eq!(
            events.any().await,
            None,
            "something came after the last event"
        );
        return;
    }
}

#[tokio::test(start_paused = true)]
async fn l14_stream_ends_at_idle_deadline() {
    for world in [World::new(), World::shared(), World::remote()] {
        let (alice, mut events) = Events::of_alice(&world).await;
        let deadline = world.record(&alice).facts.idle_deadline;
        assert_expires(&world, &mut events, deadline, "idle_timeout").await;
    }
}

#[tokio::test(start_paused = true)]
async fn l14_stream_ends_at_absolute_deadline() {
    let policy = default_policy().absolute(minutes(30));
    let world = World::with(PolicySet::builder(policy).build().unwrap());
    let (mut alice, mut events) = Events::of_alice(&world).await;
    let deadline = world.record(&alice).facts.absolute_deadline;
    let clicks = async {
        loop {
            pass(minutes(4)).await;
            alice.get("/").await;
        }
    };
    tokio::select! {
        () = assert_expires(&world, &mut events, deadline, "absolute_timeout") => {}
        () = clicks => {}
    }
}

#[tokio::test(start_paused = true)]
async fn l14_stream_ends_at_identity_providers_limit() {
    let world = World::new();
    let at = world.now() + minutes(10);
    let login = async move |login: LoginSession| {
        let new = NewSession::new("alice").with_provider_deadline(at);
        login.start(new).await.map(|_| ())
    };
    let app = world.app(Router::new().route("/sso", post(login)));
    let mut alice = Client::new(app.clone());
    alice.post("/sso", "").await;
    let mut events = Events::open(&app, &alice, "/session/events").await;
    assert_expires(&world, &mut events, at, "idp_session_expired").await;
}

#[tokio::test(start_paused = true)]
async fn l14_stream_ends_when_session_locked() {
    let world = World::with(locking());
    let (mut alice, mut events) = Events::of_alice(&world).await;
    let deadline = world.record(&alice).facts.idle_deadline;
    assert_expires(&world, &mut events, deadline, "session_locked").await;
    let next = alice.get("/").await;
    assert_eq!(next.reason().as_deref(), Some("session_locked"));
}

/// Ways to end a session, and the reason that is sent.
#[derive(Clone, Copy, Debug)]
enum End {
    SignedOut,
    Revoked,
    Superseded,
    Tightened,
}

impl End {
    const ALL: [(Self, &str); 4] = [
        (Self::SignedOut, "signed_out"),
        (Self::Revoked, "revoked"),
        (Self::Superseded, "superseded"),
        (Self::Tightened, "idle_timeout"),
    ];

    async fn come(self, world: &World, alice: &mut Client) {
        match self {
            Self::SignedOut => {
                assert_eq!(alice.post("/session/end", "").await.status, 204);
            }
            Self::Revoked => world.revoke().await,
            Self::Superseded => {
                assert_eq!(alice.post("/login", "alice").await.status, 200);
            }
            Self::Tightened => {
                let tight = default_policy().idle(minutes(1));
                let tight = PolicySet::builder(tight).build().unwrap();
                world.manager.policies().replace(tight);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn n38_stream_ends_at_once_with_ended_session() {
    for (end, reason) in End::ALL {
        for world in [World::new(), World::shared()] {
            let (mut alice, mut events) = Events::of_alice(&world).await;
            pass(minutes(3)).await;
            let at = world.now();
            end.come(&world, &mut alice).await;
            assert_expires(&world, &mut events, at, reason).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn n38_stream_ends_within_second_without_watch() {
    for (end, reason) in End::ALL {
        let world = World::remote();
        let (mut alice, mut events) = Events::of_alice(&world).await;
        pass(minutes(3)).await;
        let at = world.now();
        end.come(&world, &mut alice).await;
        assert_eq!(events.expired().await, reason);
        let late = world.now() - at;
        assert!(late <= seconds(1) + GRAIN, "{end:?} {late:?} late");
    }
}

#[tokio::test(start_paused = true)]
async fn n39_end_before_first_check_not_missed() {
    for after in [0, 1, 100, 249, 250, 251] {
        for world in [World::new(), World::shared(), World::remote()] {
            let (mut alice, app) = world.alice_and_app(Router::new()).await;
            let mut events = Events::open(&app, &alice, "/session/events").await;
            events.next().await;
            events.none_for(Duration::from_millis(after)).await;
            alice.post("/session/end", "").await;
            let at = world.now();
            assert_eq!(events.expired().await, "signed_out");
            let late = world.now() - at;
            assert!(late <= seconds(1) + GRAIN, "{late:?} late");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn l14_stream_opened_just_before_deadline_ends_at_it() {
    for before in [1, 5, 100, 1_000] {
        let world = World::new();
        let (alice, app) = world.alice_and_app(Router::new()).await;
        let deadline = world.record(&alice).facts.idle_deadline;
        pass(deadline - world.now() - Duration::from_millis(before)).await;
        let mut events = Events::open(&app, &alice, "/session/events").await;
        assert_expires(&world, &mut events, deadline, "idle_timeout").await;
    }
}

/// The last event did not say whose end it was, so a page could not tell its own
/// session's end from another's.
#[tokio::test(start_paused = true)]
async fn n71_last_event_names_session_of_status() {
    let world = World::new();
    let (mut alice, app) = world.alice_and_app(Router::new()).await;
    let mut events = Events::open(&app, &alice, "/session/events").await;
    let session = events.next().await.json()["session"].clone();
    // The same browser signs in as somebody else.
    assert_eq!(alice.post("/login", "bob").await.status, 200);
    let last = events.next().await;
    assert_eq!(last.name, "session-expired");
    assert_eq!(
        last.json(),
        json!({ "reason": "superseded", "session": session })
    );
    let mut bobs = Events::open(&app, &alice, "/session/events").await;
    assert_ne!(bobs.next().await.json()["session"], session);
}

#[tokio::test(start_paused = true)]
async fn one_sessions_end_leaves_other_streams_open() {
    let world = World::new();
    let (mut alice, mut events) = Events::of_alice(&world).await;
    let app = world.app(Router::new());
    let mut bob = signed_in(app.clone(), "bob").await;
    let mut others = Events::open(&app, &bob, "/session/events").await;
    others.next().await;
    alice.post("/session/end", "").await;
    assert_eq!(events.expired().await, "signed_out");
    others.none_for(minutes(10)).await;
    assert_eq!(bob.get("/").await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn loosened_policy_revives_no_stream() {
    let world = World::new();
    let (alice, mut events) = Events::of_alice(&world).await;
    let deadline = world.record(&alice).facts.idle_deadline;
    pass(minutes(5)).await;
    let loose = default_policy().idle(hours(2));
    let loose = PolicySet::builder(loose).build().unwrap();
    world.manager.policies().replace(loose);
    // Activity before the change keeps the deadline that it set.
    assert_expires(&world, &mut events, deadline, "idle_timeout").await;
}

#[tokio::test(start_paused = true)]
async fn comment_sent_after_25_seconds_of_silence() {
    let world = World::new();
    let (mut alice, mut events) = Events::of_alice(&world).await;
    // The first check came after the first event.
    let spent = FIRST_LOOK + GRAIN;
    for silence in [seconds(25) - spent, seconds(25), seconds(25)] {
        let began = world.now();
        let comment = events.any().await.unwrap();
        assert_eq!((&*comment.name, &*comment.data), ("", ""));
        let took = world.now() - began;
        assert!(took + GRAIN > silence && took < silence + GRAIN, "{took:?}");
    }
    // An event ends the silence.
    pass(seconds(20)).await;
    alice.get("/").await;
    let began = world.now();
    assert_eq!(events.next().await.name, "session-status");
    assert_eq!(events.any().await.unwrap().name, "");
    let took = world.now() - began;
    assert!(took + GRAIN > seconds(25), "{took:?}");
}
