//! An end on any node cuts within a second and names the reason.

use dwell_core::{
    EndReason, NewSession, OnIdle, OnLimit, PolicySet, Selection, SessionManager, Token, minutes,
    seconds,
};
use http::Response;

use crate::support::{
    Body, MS, Node, SECOND, World, default_policy, event_stream, get, pass, policies, with_answer,
};

/// The manager of another process by the same way to the sessions, with this idle
/// timeout in seconds.
fn stranger(world: &World, way: usize, idle: u64) -> SessionManager {
    let idle = seconds(idle);
    stranger_with(world, way, policies(default_policy().idle(idle), idle))
}

fn stranger_with(world: &World, way: usize, policies: PolicySet) -> SessionManager {
    match way {
        0 => world.stranger_with(world.memory.clone(), policies),
        1 => world.stranger_with(world.shared.clone(), policies),
        _ => world.stranger_with(world.store.clone(), policies),
    }
}

/// How a session can end before its time.
#[derive(Clone, Copy, Debug, PartialEq)]
enum How {
    Logout,
    Manager,
    Subject,
    Stranger,
    StrangersReaper,
}

impl How {
    const ALL: [Self; 5] = [
        Self::Logout,
        Self::Manager,
        Self::Subject,
        Self::Stranger,
        Self::StrangersReaper,
    ];

    async fn end(self, world: &World, way: usize, node: &Node, token: &Token) {
        let manager = node.manager();
        match self {
            Self::Logout => drop(node.get("/logout", token).await),
            Self::Manager => {
                let ended = manager.end_session(token.key(), EndReason::IdpLogout).await;
                assert!(ended.unwrap());
            }
            Self::Subject => {
                let subject = "alice".into();
                let ended = manager
                    .end_sessions(&subject, Selection::All, EndReason::Revoked)
                    .await;
                assert_eq!(ended.unwrap(), 1);
            }
            Self::Stranger => {
                let other = stranger(world, way, 900);
                let ended = other.end_session(token.key(), EndReason::TokenReuse).await;
                assert!(ended.unwrap());
            }
            // By its policies the session has run out.
            Self::StrangersReaper => {
                let other = stranger(world, way, 61);
                // Sessions become due by new policies from the next second on.
                while other.reap(100).await.unwrap() {}
                pass(SECOND).await;
                while other.reap(100).await.unwrap() {}
            }
        }
    }

    const fn reason(self) -> &'static str {
        match self {
            Self::Logout => "signed_out",
            Self::Manager => "idp_logout",
            Self::Subject => "revoked",
            Self::Stranger => "token_reuse",
            Self::StrangersReaper => "idle_timeout",
        }
    }
}

#[tokio::test(start_paused = true)]
async fn n38_every_end_cuts_within_second_with_its_reason() {
    for way in 0..3 {
        for end in How::ALL {
            let world = World::new();
            let token = world.sign_in().await;
            let (name, node) = &world.nodes()[way];
            let (_feed, events) = node.events(&token).await;
            let (_feed, download) = node.download(&token).await;
            pass(seconds(62) + 10 * MS).await;
            assert!(events.is_open() && download.is_open(), "{name}, {end:?}");
            end.end(&world, way, node, &token).await;
            let (events, download) = tokio::join!(events.ends_now(), download.ends_now());
            assert_eq!(events.reason(), end.reason(), "{name}");
            assert_eq!(download.closing().as_str(), end.reason(), "{name}");
            assert_eq!(world.events.ends().len(), 1, "{name}, {end:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn l14_delivered_end_cuts_at_once() {
    for way in 0..2 {
        let world = World::new();
        let token = world.sign_in().await;
        let (name, node) = &world.nodes()[way];
        let (_feed, events) = node.events(&token).await;
        pass(minutes(1)).await;
        How::Stranger.end(&world, way, node, &token).await;
        pass(MS).await;
        assert!(!events.is_open(), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn l14_end_of_another_session_of_subject_cuts_nothing() {
    let world = World::new();
    let (token, other) = (world.sign_in().await, world.sign_in().await);
    for (name, node) in &world.nodes() {
        let (_feed, events) = node.events(&token).await;
        let manager = node.manager();
        pass(seconds(5)).await;
        let _ = manager.end_session(other.key(), EndReason::Revoked).await;
        pass(seconds(5)).await;
        assert!(events.is_open(), "{name}");
        events.leave().await;
    }
}

#[tokio::test(start_paused = true)]
async fn l14_lock_by_reaper_elsewhere_cuts() {
    for way in 0..3 {
        let locking = |idle| policies(default_policy().idle(idle).on_idle(OnIdle::Lock), idle);
        let world = World::with(locking(minutes(15)));
        let token = world.sign_in().await;
        let (name, node) = &world.nodes()[way];
        let (_feed, events) = node.events(&token).await;
        let other = stranger_with(&world, way, locking(minutes(1)));
        pass(minutes(1)).await;
        let is_locked = || world.record(&token).facts.locked_at.is_some();
        for _ in 0..3 {
            if is_locked() {
                break;
            }
            assert!(events.is_open(), "{name}");
            pass(SECOND).await;
            while other.reap(100).await.unwrap() {}
        }
        assert!(is_locked(), "{name}");
        assert_eq!(events.ends_now().await.reason(), "session_locked", "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn l14_login_that_takes_last_place_cuts_oldest() {
    let limited = default_policy().session_limit(1, OnLimit::EndOldest);
    let world = World::with(policies(limited, minutes(5)));
    let token = world.sign_in().await;
    let (_feed, events) = world.node().events(&token).await;
    pass(seconds(5)).await;
    world.sign_in_as(NewSession::new("alice")).await;
    assert_eq!(events.ends_now().await.reason(), "superseded");
}

#[tokio::test(start_paused = true)]
async fn n39_end_right_after_look_up_is_noticed_within_second() {
    for way in 0..3 {
        for end in [How::Manager, How::Stranger] {
            for wait in [0, 1, 100, 249, 250, 251, 400, 999, 1_000, 1_249, 1_251] {
                let world = World::new();
                let token = world.sign_in().await;
                let (name, node) = &world.nodes()[way];
                let (_feed, events) = node.events(&token).await;
                pass(MS * wait).await;
                assert!(events.is_open(), "{name}");
                end.end(&world, way, node, &token).await;
                let ended = events.ends_now().await;
                assert_eq!(ended.reason(), end.reason(), "{name}, {wait} ms");
            }
        }
    }
}

/// Opens a stream whose handler ends the session, or waits while others do, before
/// it answers.
async fn opened_while(node: &Node, path: &str, token: &Token) -> Response<Body> {
    let (feed, answer) = event_stream();
    feed.say("data: 1\n\n");
    let answer = node.send(with_answer(get(path, Some(token)), answer)).await;
    std::mem::forget(feed);
    answer
}

#[tokio::test(start_paused = true)]
async fn n39_end_during_handler_is_noticed_with_answer() {
    for way in 0..3 {
        let world = World::new();
        let token = world.sign_in().await;
        let (name, node) = &world.nodes()[way];
        let node = node.clone();
        let request = tokio::spawn({
            let (node, token) = (node.clone(), token.clone());
            async move { opened_while(&node, "/slow", &token).await }
        });
        node.pause.arrival().await;
        let ended = node
            .manager()
            .end_session(token.key(), EndReason::Revoked)
            .await;
        assert!(ended.unwrap());
        pass(SECOND).await;
        node.pause.release(1);
        let answer = request.await.unwrap();
        assert_eq!(answer.status(), 401, "{name}");
        let text = answer.into_body().text().await;
        assert!(text.contains(r#""reason":"revoked""#), "{name}: {text}");
    }
}

#[tokio::test(start_paused = true)]
async fn n38_end_has_one_record_that_outlives_streams() {
    let world = World::new();
    let token = world.sign_in().await;
    let node = world.node();
    let streams = [node.events(&token).await, node.events(&token).await];
    for (_feed, stream) in streams {
        assert_eq!(
            stream.ends_after(minutes(15)).await.reason(),
            "idle_timeout"
        );
    }
    assert!(
        world.events.ends().is_empty(),
        "the reaper or a request reports it"
    );
    while node.manager().reap(100).await.unwrap() {}
    assert_eq!(world.events.ends(), [EndReason::IdleTimeout]);
}

#[tokio::test(start_paused = true)]
async fn l14_own_reaper_and_cut_agree() {
    let world = World::new();
    let token = world.sign_in().await;
    let stack = dwell_tower::SessionTimeoutLayer::new(&world.local);
    let node = Node::of(stack);
    let (_feed, events) = node.events(&token).await;
    let ended = events.ends_after(minutes(15)).await;
    assert_eq!(ended.reason(), "idle_timeout");
    pass(2 * SECOND).await;
    assert_eq!(world.events.ends(), [EndReason::IdleTimeout]);
}

#[tokio::test(start_paused = true)]
async fn n85_shutdown_ends_event_streams_without_event() {
    let world = World::new();
    for (way, node) in world.nodes() {
        let token = world.sign_in().await;
        let (_old, old) = node.events(&token).await;
        let (_file, file) = node.download(&token).await;
        pass(SECOND).await;
        let (_young, young) = node.events(&token).await;
        node.stack.end_event_streams();
        let (_late, late) = node.events(&token).await;
        for reader in [old, young, late] {
            let ended = reader.ends_now().await;
            assert!(
                ended.error.is_none() && ended.text.is_empty(),
                "{way}: {ended:?}"
            );
        }
        pass(minutes(1)).await;
        assert!(file.is_open(), "{way}: a download may finish");
        assert!(node.serves(&token).await, "{way}: the session goes on");
        file.leave().await;
    }
}
